/** The younger procedures on real pods, one after the other over one MSAA estate: paths and data looked at, a switch, a replica made anew, changed options, a changed my.cnf, a site reset from another, all sites reset. */
import { describe, test } from "@jest/globals";
import { liveEstate } from "./live.ts";

describe("procedures of an MSAA estate on real pods", () => {
  const { asked, edited, underLoad } = liveEstate({
    namespace: "younger",
    sites: ["nyc", "london"],
    nodesPerSite: 3,
  });
  const configured = "ConfigurationApplied";

  const story: readonly (readonly [string, () => Promise<void>])[] = [
    ["every path brings a heartbeat", () => asked("check-paths", "checkPaths", { everySeconds: 10 })],
    ["all data are compared", () => asked("verify-data", "verifyData", {})],
    ["Switch: nyc-1 becomes the primary", () => asked("switch", "switch", { to: "nyc-1" })],
    [
      "FixReplication: a replica is made anew from another",
      () =>
        asked("fix-reprovision", "fixReplication", {
          nodes: ["nyc-0"],
          reprovision: { donor: "nyc-2", method: "xtrabackup" },
        }),
    ],
    [
      "changed options reach every node",
      () => edited("london", { options: { "thl-log-retention": "6d" } }, configured),
    ],
    [
      "a changed my.cnf restarts every database",
      () =>
        edited(
          "london",
          { mysql: { settings: { max_connections: "177" } }, changes: { dataserver: "Automatic" } },
          "DatabaseCurrent",
        ),
    ],
    [
      "parallel apply on four channels",
      () => edited("london", { options: { channels: "4", "svc-parallelization-type": "disk" } }, configured),
    ],
    [
      "and on one again",
      () => edited("london", { options: { channels: null, "svc-parallelization-type": null } }, configured),
    ],
    ["ResetSite: nyc from london", () => asked("reset-site", "resetSite", { drainSeconds: 3 })],
    ["ResetAllSites", () => asked("reset-all-sites", "resetAllSites", { drainSeconds: 3 })],
  ];
  test.each(story)("%s", (_what, run) => underLoad(run), 12 * 60_000);
});
