/** Who may give its data: the same question for a new node, a relay of a new site, a replica made anew and a reset. */
import { expect, test } from "@jest/globals";
import { addNodes } from "../../../src/procedures/add-nodes.ts";
import { donorServes } from "../../../src/procedures/donors.ts";
import { reprovisionParts } from "../../../src/procedures/fix-reprovision.ts";
import { joinComposite } from "../../../src/procedures/join-composite.ts";
import type { Look, Part, Procedure, Run, Target } from "../../../src/procedures/procedure.ts";
import { resetSiteCaa } from "../../../src/procedures/reset-site-caa.ts";
import { resetSiteMsmm } from "../../../src/procedures/reset-site-msmm.ts";
import type { Facts } from "../../../src/tungsten/facts.ts";
import { clusterView, services } from "../../../src/tungsten/node-facts.ts";

const names = ["nyc-0", "nyc-1", "nyc-2"];
const nodes = names.map((name, ordinal) => ({ name, site: "nyc", ordinal, witness: false }));
const site = { name: "nyc", dataservice: "nyc", nodes, connectors: [], initialPrimary: 0 };
const run = { estate: { sites: [site], links: [] }, pins: { primaries: { nyc: "nyc-0" } } } as unknown as Run;
const target = { id: "nyc-2", node: nodes[2], site } as unknown as Target;

type Seen = Readonly<Record<string, string | undefined>>;
const sound: Seen = { "nyc-0": "slave:ONLINE", "nyc-1": "slave:ONLINE", "nyc-2": "slave:ONLINE" };

/** nyc-1 as the managers of these nodes show it; one that is left out does not answer. */
const objection = (seen: Seen, state = "ONLINE", role?: "replica"): string | undefined => {
  const facts = {
    get: (node: string, { id }: { id: string }) => {
      if (id === clusterView.id) {
        const [shown, how] = seen[node]?.split(":") ?? [];
        return shown === undefined
          ? { unknown: "away" }
          : { known: { datasources: [{ name: "nyc-1", role: shown, state: how }] }, at: 0 };
      }
      if (id === services("cluster").id)
        return { known: [{ service: "nyc", state, transitioningTo: null, error: null }], at: 0 };
      return { unknown: "not asked" };
    },
  } as unknown as Facts;
  const look = { run, facts } as unknown as Look;
  return donorServes(() => "nyc-1", role).objects(target, look);
};

test("a donor that every manager that answers shows ONLINE, and that says so itself, gives its data", () => {
  expect(objection(sound)).toBeUndefined();
  expect(objection({ "nyc-1": "slave:ONLINE" }, "ONLINE", "replica")).toBeUndefined();
  expect(objection({ "nyc-1": "relay:ONLINE" })).toBeUndefined();
});

test.each<[string, Seen, string, "replica" | undefined, RegExp]>([
  [
    "another manager has it out",
    { ...sound, "nyc-0": "slave:SHUNNED(FAILED)" },
    "ONLINE",
    undefined,
    /SHUNNED\(FAILED\) by the manager of nyc-0/,
  ],
  [
    "its own has",
    { ...sound, "nyc-1": "slave:OFFLINE" },
    "ONLINE",
    undefined,
    /slave:OFFLINE by the manager of nyc-1/,
  ],
  [
    "its own manager is away",
    { "nyc-0": "slave:ONLINE" },
    "ONLINE",
    undefined,
    /cctrl of nyc-1 cannot be read: away/,
  ],
  ["its own service does not apply", sound, "OFFLINE:NORMAL", undefined, /nyc on nyc-1 is OFFLINE:NORMAL/],
  ["it became the primary", { ...sound, "nyc-0": "master:ONLINE" }, "ONLINE", "replica", /master:ONLINE/],
])("nobody takes the data of one when %s", (_words, seen, state, role, says) => {
  expect(objection(seen, state, role)).toMatch(says);
});

const provisions = ({ steps }: Pick<Procedure, "steps">): readonly Part[] =>
  steps
    .flatMap(({ parts }) => parts)
    .filter(
      ({ what }) =>
        /provision the|make the failed site's primary anew/.test(what) && !what.includes("failed site's own"),
    );

test("every tool that takes another node's data is begun behind it", () => {
  const added = [{ name: "nyc-3", site: "nyc", ordinal: 3, witness: false }];
  const addition = addNodes({
    site: "nyc",
    nodes,
    kind: "MSAA",
    crossSite: false,
    channels: undefined,
    added,
    donor: "nyc-1",
    dataservice: "nyc",
  } as unknown as Parameters<typeof addNodes>[0]);
  const joining = joinComposite({ site: "paris", passive: { donor: "nyc-1", replicas: added } });
  const fix = reprovisionParts(
    {
      site: "nyc",
      service: "nyc",
      nodes: ["nyc-2"],
      reason: "",
      action: { is: "Reprovision", donor: "nyc-1", method: "xtrabackup" },
    },
    { is: "Reprovision", donor: "nyc-1", method: "xtrabackup" },
  );
  const about = {
    failedSite: "nyc",
    definitiveSite: "london",
    donor: "",
    method: "xtrabackup",
    drainSeconds: 0,
    acknowledgedFindings: [],
  } as const;
  const all = [
    ...provisions(addition),
    ...provisions(joining),
    ...provisions({ steps: [{ parts: fix } as unknown as Procedure["steps"][number]] }),
    ...provisions(resetSiteCaa({ ...about, topology: "CAA" })),
    ...provisions(resetSiteMsmm({ ...about, topology: "MSMM" })),
  ];
  // A new node, relay and replica of a new site, a replica made anew, and a reset of either kind.
  expect(all.length).toBe(6);
  for (const { what, guards } of all)
    expect([
      what,
      guards?.some(({ say }) => /by its own manager and every other one of its site/.test(say)),
    ]).toEqual([what, true]);
});
