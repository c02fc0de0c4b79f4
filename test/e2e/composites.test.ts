/** Composites installed from their samples, on real pods: what moves the writes, and who joins and leaves. */
import { describe, test } from "@jest/globals";
import { sql } from "../../local/pods/sql.ts";
import { until } from "../../local/processes.ts";
import { objectsOf, podsOf } from "./estate.ts";
import { type Live, liveEstate } from "./live.ts";
import { giveBack, inCctrl, losePods, provisionedByHand, secondWord } from "./losing.ts";

const limit = 12 * 60_000;
const sites = ["nyc", "london"];

/** paris joins, filled from london, by the named sample. */
async function parisJoins(live: Live, sample: string, namespace: string): Promise<void> {
  const estate = { namespace, sites: [...sites, "paris"], nodesPerSite: 2 };
  for (const object of objectsOf(sample, estate)) await live.apply(object);
  await live.told("paris", "Ready");
  await live.kubectl("wait", "csvc", "global", "--for=condition=Ready", "--timeout=480s");
  live.pods.push(...podsOf("paris", 2));
}

/** Of a passive one the databases are stopped then: rows are counted at those that stay. */
async function parisLeaves(live: Live): Promise<void> {
  live.pods.splice(live.pods.indexOf("paris-0"), 2);
  const members = JSON.stringify({ spec: { members: sites.map((name) => ({ name })) } });
  await live.kubectl("patch", "csvc", "global", "--type=merge", "--patch", members);
  await live.told("paris", "MembershipCurrent", ({ reason }) => reason === "Left");
  for (const site of sites) await live.told(site, "Ready");
}

describe("an ActivePassive composite on real pods", () => {
  const namespace = "passive";
  const live = liveEstate({ namespace, sites, nodesPerSite: 2, folder: "composite-active-passive" });
  const { asked, underLoad } = live;

  /**
   * It took its last write a moment before, so that every other site has all that was acknowledged. It comes back as the
   * runbook says: as a relay by its managers, and every node of it filled anew, for the lost primary has logged its own start
   * under the number of the new one's next event.
   */
  async function activeSiteLost(): Promise<void> {
    const of = async (object: string, path: string): Promise<string> =>
      (await live.kubectl("get", object, "-o", `jsonpath={.status.${path}}`)).trim();
    const lost = await of("csvc/global", "primarySite");
    const next = sites.find((site) => site !== lost) ?? "";
    await sql(live.nodes(), await of(`tc/${lost}`, "primary"), "SET GLOBAL read_only = 1");
    await until("the last rows on every node", 60, async () => {
      const counted = live.pods.map((pod) => sql(live.nodes(), pod, "SELECT COUNT(*) FROM e2e.written"));
      return new Set(await Promise.all(counted)).size === 1;
    });
    await losePods(live, podsOf(lost, 2));
    const word = secondWord(live, "failover-to-london", { oldSite: lost });
    await asked("failover-site", "failover", { site: next }, [word]);
    const keptAway = ({ reason }: { readonly reason: string }): boolean => reason === "ClientsKeptAway";
    await live.told(lost, "Ready", keptAway);
    await giveBack(live, podsOf(lost, 2));
    await live.told(lost, "Ready", keptAway);
    await inCctrl(live, await of(`tc/${next}`, "primary"), "use global", "recover");
    await live.told(lost, "Ready");
    const relay = await of(`tc/${lost}`, "primary");
    const [replica = ""] = podsOf(lost, 2).filter((pod) => pod !== relay);
    const active = await of(`tc/${next}`, "primary");
    const [donor = ""] = podsOf(next, 2).filter((pod) => pod !== active);
    await provisionedByHand(live, relay, lost, donor);
    await live.told(lost, "Ready");
    const reprovision = { donor: relay, method: "xtrabackup" };
    const cluster = { name: lost };
    await asked("fix-reprovision", "fixReplication", {
      cluster,
      service: lost,
      nodes: [replica],
      reprovision,
    });
    for (const site of sites) await live.told(site, "Ready");
  }

  const story: readonly (readonly [string, () => Promise<void>])[] = [
    ["every path brings a heartbeat", () => asked("check-paths", "checkPaths", { everySeconds: 10 })],
    [
      "the relay of the passive site moves",
      () => asked("switch", "switch", { cluster: { name: "london" }, to: "london-1" }),
    ],
    ["the writes move to the other site", () => asked("switch-site", "switch", {})],
    ["all data are compared", () => asked("verify-data", "verifyData", {})],
    ["a passive site joins", () => parisJoins(live, "join-composite-passive.yaml", namespace)],
    ["and leaves", () => parisLeaves(live)],
    ["the active site is lost, another takes the writes, the lost one is filled anew", activeSiteLost],
  ];
  test.each(story)("%s", (_what, run) => underLoad(run), limit);
});

describe("an ActiveActive composite on real pods", () => {
  const namespace = "active";
  const live = liveEstate({ namespace, sites, nodesPerSite: 2, folder: "composite-active-active" });

  const story: readonly (readonly [string, () => Promise<void>])[] = [
    ["a site joins, filled from another", () => parisJoins(live, "join-composite.yaml", namespace)],
    ["it leaves", () => parisLeaves(live)],
    [
      "ResetSite: nyc from london",
      () => live.asked("reset-site-caa", "resetSite", { donor: "london-1", drainSeconds: 3 }),
    ],
    ["ResetAllSites", () => live.asked("reset-all-sites-caa", "resetAllSites", { drainSeconds: 3 })],
  ];
  test.each(story)("%s", (_what, run) => live.underLoad(run), limit);
});

describe("a DynamicActiveActive composite on real pods", () => {
  const { asked, underLoad } = liveEstate({
    namespace: "dynamic",
    sites,
    nodesPerSite: 2,
    folder: "composite-dynamic",
  });
  const story: readonly (readonly [string, () => Promise<void>])[] = [
    ["every path brings a heartbeat", () => asked("check-paths", "checkPaths", { everySeconds: 10 })],
    ["a primary moves", () => asked("switch", "switch", {})],
  ];
  test.each(story)("%s", (_what, run) => underLoad(run), limit);
});
