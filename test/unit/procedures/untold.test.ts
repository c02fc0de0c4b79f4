/** What a node does not tell is taken for no value: not for no delay, no position, no size, one channel, or AUTOMATIC. */
import { describe, expect, test } from "@jest/globals";
import { readPins } from "../../../src/procedures/conversion-pins.ts";
import { sourceStillHolds } from "../../../src/procedures/conversion-services.ts";
import { lossesOf } from "../../../src/procedures/failover-losses.ts";
import { objectionsOf } from "../../../src/procedures/preflight-report.ts";
import type { Look, Run, Target } from "../../../src/procedures/procedure.ts";
import { readResetPins } from "../../../src/procedures/reset-pins.ts";
import { roomForExport } from "../../../src/procedures/reset-preflight-copies.ts";
import { everyServiceFine, pinsOfEstate } from "../../../src/procedures/switch-preflight.ts";
import { acceptsUpgrade } from "../../../src/procedures/upgrade-preflight.ts";
import { siteNamed } from "../../../src/topology/estate.ts";
import {
  clusterView,
  dataSize,
  installed,
  services,
  software,
  space,
  thlRange,
  tracking,
} from "../../../src/tungsten/node-facts.ts";
import type { ReplicatorStatus } from "../../../src/tungsten/reading.ts";
import { cluster, estateOf, mesh } from "../estates.ts";
import { type SoundNodes, soundNodes } from "./sound-nodes.ts";

const names = ["london", "nyc"];
const estate = estateOf({
  clusters: names.map((name) => cluster(name, { nodes: 2 })),
  links: mesh(names),
  composites: [],
});
const reset = {
  failedSite: "nyc",
  definitiveSite: "london",
  topology: "MSAA" as const,
  donor: "",
  method: "xtrabackup" as const,
  drainSeconds: 0,
  acknowledgedFindings: [],
};

describe("a service that is ONLINE and does not tell how far behind it is", () => {
  const check = everyServiceFine(5, "spec.switch.limits.latencySeconds");
  const saidOf = (more: Partial<ReplicatorStatus>) => {
    const is = soundNodes(estate);
    is.change("nyc-1", services("crossSite"), (all) =>
      all === "down" ? all : all.map((each) => ({ ...each, ...more })),
    );
    return objectionsOf(check.ask(estate, is.facts));
  };

  test("holds what is asked for", () => {
    expect(saidOf({ appliedLatencySeconds: 5 })).toEqual([]);
    expect(saidOf({ appliedLatencySeconds: null })).toEqual([
      { on: "nyc", unknown: "service london of nyc-1 is ONLINE and does not tell how far behind it is" },
    ]);
  });

  test("is refused where it is known to be wrong", () => {
    expect(saidOf({ appliedLatencySeconds: null, pendingError: "x" })).toEqual([
      { on: "nyc", refused: "service london of nyc-1 has a pending error; mend it first" },
    ]);
    expect(saidOf({ appliedLatencySeconds: 6 })).toHaveLength(1);
  });
});

test.each([
  ["a switch, a failover or an upgrade", pinsOfEstate],
  ["a conversion", readPins],
  ["a reset", readResetPins(reset)],
])("a policy that nobody knows is none to return to: %s", (_name, read) => {
  const is = soundNodes(estate);
  expect(read(estate, is.facts)).toMatchObject({
    pins: { policies: { london: "AUTOMATIC", nyc: "AUTOMATIC" } },
  });
  is.change("nyc-0", clusterView, (view) => ({ ...view, policy: { unrecognised: "LAZY" } }));
  expect(read(estate, is.facts)).toEqual({
    unknown: "nyc tells no policy that is known, and the run could not return to it",
  });
});

test.each([
  [
    "/opt",
    (is: SoundNodes) => is.change("nyc-1", space, (all) => all.filter(({ path }) => path !== "/opt")),
    "nyc-1 tells nothing of /opt",
  ],
  [
    "the method of its installation",
    (is: SoundNodes) =>
      is.change("nyc-1", installed("crossSite"), (of) => of && { ...of, method: "unknown" as const }),
    "nyc-1 does not tell by which method its crossSite product was installed",
  ],
])("before an upgrade a node that does not tell %s is unknown", (_what, change, unknown) => {
  const release = "8.0.5-140";
  const is = soundNodes(estate);
  for (const name of names)
    for (const ordinal of [0, 1])
      is.change(
        `${name}-${ordinal}`,
        software,
        (all) => new Set([...all, `tungsten-clustering-${release}`, `tungsten-replicator-${release}`]),
      );
  const wanted = { ...estate, sites: estate.sites.map((site) => ({ ...site, release })) };
  const said = () =>
    acceptsUpgrade({ release, latencySeconds: 5 }).flatMap(({ ask }) => objectionsOf(ask(wanted, is.facts)));
  expect(said()).toEqual([]);
  change(is);
  expect(said()).toEqual([{ on: "nyc", unknown }]);
});

describe("room for what a reset exports", () => {
  const check = roomForExport(reset);

  test("is not known while nobody tells how much there is", () => {
    const is = soundNodes(estate);
    expect(objectionsOf(check.ask(estate, is.facts))).toEqual([]);
    is.silence("london-0", dataSize.id, "no answer");
    expect(objectionsOf(check.ask(estate, is.facts))).toEqual([]);
    is.silence("london-1", dataSize.id, "no answer");
    expect(objectionsOf(check.ask(estate, is.facts))).toEqual(
      ["london-0", "london-1"].map((node) => ({ on: "london", unknown: `${node}: no answer` })),
    );
  });

  test("nor on a node that tells nothing of the volume, which is not full for that", () => {
    const is = soundNodes(estate);
    is.change("nyc-1", space, (volumes) => volumes.filter(({ path }) => path !== "/backups"));
    expect(objectionsOf(check.ask(estate, is.facts))).toEqual([
      { on: "nyc", unknown: "nyc-1 tells nothing of /backups" },
    ]);
  });
});

/** Facts of these answers alone; all else is silent. */
function factsOf(told: Readonly<Record<string, unknown>>): Look["facts"] {
  return {
    get: (node: string, { id }: { id: string }) => {
      const known = told[`${node} ${id}`];
      return known === undefined ? { unknown: "no answer" } : { known, at: 0 };
    },
  } as unknown as Look["facts"];
}
const rowAt = (seqno: number) => ({
  commits: [{ seqno, eventId: "e", sourceId: "s", epoch: 0, shard: "s" }],
  heartbeat: null,
});

describe("a row that cannot be read", () => {
  const site = siteNamed(estate, "nyc");
  const losses = (told: Readonly<Record<string, unknown>>) =>
    lossesOf(estate, site, { lost: "nyc-0", at: 10 }, factsOf(told)).map(({ id }) => id);
  const row = (node: string) => `${node} ${tracking("tungsten_nyc").id}`;

  test("is told before a forced failover: that node may have more than the new primary", () => {
    const log = { [`nyc-0 ${thlRange("cluster", "nyc").id}`]: { min: 0, max: 10 } };
    const at = (seqno: number | "absent") => (seqno === "absent" ? "absent" : rowAt(seqno));
    expect(losses({ ...log, [row("london-0")]: at(12), [row("london-1")]: at("absent") })).toEqual([
      "unextracted:nyc-0",
      "ahead:london-0",
    ]);
    expect(losses({ ...log, [row("london-0")]: at(10) })).toEqual(["unextracted:nyc-0", "unread:london-1"]);
  });

  test("is no sign that the log of its source was purged under it", () => {
    const target = {
      id: "london-0/nyc",
      node: siteNamed(estate, "london").nodes[0],
      site: siteNamed(estate, "london"),
      source: site,
    } as unknown as Target;
    const run = {
      estate,
      pins: { primaries: { nyc: "nyc-0" } },
      kept: { "position.london-0/nyc": "position.json 5 0 e" },
    } as unknown as Run;
    const holds = (told: Readonly<Record<string, unknown>>) =>
      sourceStillHolds(target, { run, facts: factsOf(told) } as unknown as Look);
    const purged = { [`nyc-0 ${thlRange("cluster", "nyc").id}`]: { min: 8, max: 20 } };
    expect(holds({ ...purged, [row("london-0")]: rowAt(9) }).is).toBe("done");
    expect(holds({ ...purged, [row("london-0")]: "absent" })).toMatchObject({
      is: "broken",
      reason: "HistoryPurged",
    });
    expect(holds(purged)).toEqual({
      is: "pending",
      why: "the row of london-0/nyc cannot be read: no answer",
    });
  });
});
