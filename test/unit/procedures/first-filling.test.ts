/** Which way a part takes that fills a new node: the first one looks that it is empty, the others only behind it. */
import { expect, test } from "@jest/globals";
import { begunIn, firstFilling, seenEmptyKey } from "../../../src/procedures/first-filling.ts";
import type { Alternative, Look, Target } from "../../../src/procedures/procedure.ts";
import { databaseIs } from "../../../src/procedures/reset-states.ts";
import { done, pending } from "../../../src/procedures/verdicts.ts";
import type { Facts } from "../../../src/tungsten/facts.ts";
import { databaseService, marker, replicatorProcess } from "../../../src/tungsten/node-facts.ts";

const target = { id: "nyc-2", node: { name: "nyc-2", site: "nyc" } } as Target;
const key = "run_ProvisionNode2_7_nyc-2_r1_a1";
const table = { kind: "table", schema: "73686f70", table: "6f7264657273" };

type World = {
  readonly table?: unknown;
  readonly marker?: string;
  readonly database?: "running" | "stopped";
};
const factsOf = (world: World): Facts =>
  ({
    get: (_node: string, { id }: { id: string }) => {
      if (id === databaseService.id) return { known: world.database ?? "running", at: 0 };
      if (id === replicatorProcess("cluster").id) return { known: "stopped", at: 0 };
      if (id === marker(key).id)
        return world.marker === undefined ? { unknown: "away" } : { known: { state: world.marker }, at: 0 };
      return world.database === "stopped"
        ? { unknown: "no database" }
        : { known: world.table ?? "none", at: 0 };
    },
  }) as unknown as Facts;
const lookAt = (world: World, alternative = -1, kept: Record<string, string> = {}): Look =>
  ({ run: { kept }, facts: factsOf(world), attempt: 1, key, alternative }) as unknown as Look;

const remedy: Alternative = {
  when: "it is not at rest",
  holds: () => pending("it is"),
  effect: (on) => ({ renewPodOf: on.node }),
};
const filling = firstFilling({
  when: "ready",
  looks: "no-tables",
  ready: () => done,
  tool: ({ node: on }, _run, prechecks) => ({
    begin: { argv: ["tprovision"], deadlineSeconds: 1, repeat: "safe", prechecks },
    on,
  }),
  remedies: [remedy],
});
const again = 3;

/** The way that is taken, or none; whether the guard objects counts first. */
const wayOf = (look: Look): number | "guarded" => {
  if (filling.guards.some((guard) => guard.objects(target, look) !== undefined)) return "guarded";
  return filling.run.findIndex(({ holds }) => holds === undefined || holds(target, look).is === "done");
};
const checksOf = (way: number): unknown => {
  const effect = filling.run[way]?.effect(target, { kept: {} } as never, 1);
  return effect !== undefined && "begin" in effect && effect.begin.prechecks;
};

test("the tool's first way looks in its own script that there is no table; the one behind it does not", () => {
  expect([checksOf(0), checksOf(again)]).toEqual([[{ argv: ["no-tables"] }], []]);
});

test.each<[string, number | "guarded", World, number, Record<string, string>]>([
  ["an empty node is filled", 0, {}, -1, {}],
  ["one that somebody has written to is not", "guarded", { table }, -1, {}],
  ["nor after a remedy", "guarded", { table }, 2, {}],
  ["nor one whose script has refused", "guarded", { table, marker: "refused" }, 0, {}],
  ["nor one whose command never began", "guarded", { table, marker: "unbegun" }, 0, {}],
  ["refused for another reason, and empty still, it is filled", 0, { marker: "refused" }, 0, {}],
  ["one that nobody can ask is left alone", -1, { table }, 0, {}],
  ["a copy that was cut off is begun once more", again, { table, marker: "interrupted" }, 0, {}],
  ["and one that failed", again, { table, marker: "exited" }, 0, {}],
  ["and after a remedy behind it", again, { table }, again + 2, {}],
  ["and where the walk before had begun it", again, { table }, -1, { [seenEmptyKey("nyc-2")]: "true" }],
  ["an empty one that is down is started first", 1, { database: "stopped" }, -1, {}],
  ["and when its script could not ask", 1, { database: "stopped", marker: "refused" }, 0, {}],
  ["one that the tool has left down is the tool's", again, { database: "stopped", marker: "exited" }, 0, {}],
])("%s", (_words, way, world, alternative, kept) => {
  expect(wayOf(lookAt(world, alternative, kept))).toBe(way);
});

const copying = firstFilling({
  when: "ready",
  looks: "no-table-files",
  ready: databaseIs("stopped"),
  tool: ({ node: on }, _run, prechecks) => ({
    begin: { argv: ["copy-datadir"], deadlineSeconds: 1, repeat: "safe", prechecks },
    on,
  }),
  remedies: [remedy],
});

test.each<[string, number | "guarded", World, number]>([
  ["a database at rest is copied to", 0, { database: "stopped" }, -1],
  ["one that was started and is empty is stopped", 1, {}, -1],
  ["one that was written to is left alone", "guarded", { table }, -1],
  ["half a copy is made anew", again, { database: "stopped", marker: "interrupted" }, 0],
  ["one that was started over it is left alone", "guarded", { table, marker: "interrupted" }, 0],
])("of a copy: %s", (_words, way, world, alternative) => {
  const look = lookAt(world, alternative);
  const guarded = copying.guards.some((guard) => guard.objects(target, look) !== undefined);
  const taken = copying.run.findIndex(
    ({ holds }) => holds === undefined || holds(target, look).is === "done",
  );
  expect(guarded ? "guarded" : taken).toBe(way);
  const stop = copying.run[1]?.effect(target, { kept: {} } as never, 1);
  expect(stop).toMatchObject({ begin: { argv: ["database", "stop"], prechecks: [{ argv: ["no-tables"] }] } });
});

test("a walk that begins anew knows whom the one before had begun, by its last command", () => {
  const begun = (alternative: number, state?: string) =>
    begunIn(
      { attempts: { "nyc-2": { n: 1, alternative, begunAt: 0, key } } },
      1,
      factsOf(state === undefined ? {} : { marker: state }),
    );
  const yes = { [seenEmptyKey("nyc-2")]: "true" };
  expect([begun(0, "exited"), begun(0, "interrupted"), begun(again), begun(again + 1)]).toEqual(
    Array(4).fill(yes),
  );
  expect([begun(0, "refused"), begun(0, "absent"), begun(0), begun(1)]).toEqual(Array(4).fill({}));
});
