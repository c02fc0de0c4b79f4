/** When a data directory may be copied: one question for a reset and for the filling of a new site. */
import { expect, test } from "@jest/globals";
import type { Look, Run, Target } from "../../../src/procedures/procedure.ts";
import { bothRest } from "../../../src/procedures/reset-copies.ts";
import { scopesOf } from "../../../src/procedures/reset-scopes.ts";
import type { Facts } from "../../../src/tungsten/facts.ts";
import { databaseService, replicatorProcess } from "../../../src/tungsten/node-facts.ts";

const node = (name: string, site: string) => ({ name, site, ordinal: 0, witness: false });
const sites = ["paris", "london"].map((name) => ({ name, nodes: [node(`${name}-0`, name)], connectors: [] }));
const run = { estate: { sites, links: [] }, pins: { backupNodes: { london: "london-0" } } } as unknown as Run;
const target = { id: "paris-0", node: node("paris-0", "paris"), site: sites[0] } as unknown as Target;

/** What still runs, as NODE FACT; what is not known is left out of both lists. */
function rests(topology: "MSAA" | "CAA", runs: readonly string[], unknown: readonly string[] = []): boolean {
  const facts = {
    get: (name: string, { id }: { id: string }) =>
      unknown.includes(`${name} ${id}`)
        ? { unknown: "away" }
        : { known: runs.includes(`${name} ${id}`) ? "running" : "stopped", at: 0 },
  } as unknown as Facts;
  const scopes = scopesOf({
    failedSite: "paris",
    definitiveSite: "london",
    topology,
    donor: "",
    method: "xtrabackup",
    drainSeconds: 0,
    acknowledgedFindings: [],
  });
  return bothRest(scopes)(target, { run, facts } as unknown as Look).is === "done";
}

const second = `london-0 ${replicatorProcess("crossSite").id}`;
const first = `london-0 ${replicatorProcess("cluster").id}`;

test("both databases are stopped, and the donor's replicators", () => {
  for (const topology of ["MSAA", "CAA"] as const) {
    expect(rests(topology, [])).toBe(true);
    for (const runs of [`paris-0 ${databaseService.id}`, `london-0 ${databaseService.id}`, first])
      expect([rests(topology, [runs]), rests(topology, [], [runs])]).toEqual([false, false]);
  }
});

test("the second one is asked for only where there is a second product", () => {
  expect([rests("MSAA", [second]), rests("MSAA", [], [second])]).toEqual([false, false]);
  expect(rests("CAA", [], [second])).toBe(true);
});
