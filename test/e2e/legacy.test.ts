/** The reset of releases before 6 on real pods: a site is made anew by tungsten_provision_slave while clients write at both. */
import { describe, test } from "@jest/globals";
import { liveEstate } from "./live.ts";

describe("an estate of a release before 6 on real pods", () => {
  const { asked, underLoad } = liveEstate({
    namespace: "legacy",
    sites: ["nyc", "london"],
    nodesPerSite: 2,
    release: "5.4.1-3",
  });

  test(
    "ResetSite: nyc from a replica of london, everything of it stopped",
    () => underLoad(() => asked("reset-site-msmm", "resetSite", { donor: "london-1", drainSeconds: 3 })),
    12 * 60_000,
  );
});
