/** Which schemas are leftovers: never one in which a site keeps its position, never one that holds something, nothing unknown. */
import { expect, test } from "@jest/globals";
import { droppings, reportLeftovers } from "../../../src/procedures/conversion-leftovers.ts";
import type { Look, Target } from "../../../src/procedures/procedure.ts";

const site = (name: string) => ({ name, dataservice: name });
const [london, nyc] = [site("london"), site("nyc")];
const schema = "tungsten_nyc_from_london";
const target = {
  id: "nyc-0.london",
  node: { name: "nyc-0" },
  site: nyc,
  source: london,
} as unknown as Target;
const [drop] = droppings({ dropEmptySchemas: true } as never)[0]?.parts ?? [];

/** A look at a node with these schemas; `position` is how many rows `tungsten_london` has. */
function look(sites: readonly object[], known: Record<string, number> | undefined, position = 1): Look {
  const get = (_node: string, { argv }: { argv: readonly string[] }) => {
    if (known === undefined) return { unknown: "the database is down" };
    if (argv.includes("schemas")) return { known: new Map(Object.entries(known)) };
    return { known: { commits: Array.from({ length: position }, () => ({})), heartbeat: null } };
  };
  return { run: { estate: { sites } }, facts: { get } } as unknown as Look;
}
const recorded = (at: Look) => reportLeftovers.record?.(target, at)["unused.nyc-0"];

test("an empty schema of that name is told and dropped", () => {
  const at = look([london, nyc], { tungsten_london: 5, [schema]: 0, tungsten_other_from_nyc: 0 });
  expect(recorded(at)).toBe(schema);
  expect(drop?.done(target, at).is).toBe("pending");
  expect(drop?.run[0]?.holds?.(target, at).is).toBe("done");
  expect(drop?.run[0]?.effect(target, at.run, 1)).toMatchObject({
    begin: { argv: ["drop-schema", schema], prechecks: [{ argv: ["no-tpm"] }] },
  });
});

test.each([
  ["one that a site keeps its position in", look([london, nyc, site("nyc_from_london")], { [schema]: 0 })],
  ["one that holds something", look([london, nyc], { [schema]: 1 })],
  ["one that is not there", look([london, nyc], {})],
])("%s is neither told nor touched", (_what, at) => {
  expect(recorded(at)).toBe("none");
  expect(drop?.done(target, at).is).toBe("done");
});

test("none is dropped while the service's position is nowhere else", () => {
  expect(drop?.run[0]?.holds?.(target, look([london, nyc], { [schema]: 0 }, 0)).is).toBe("pending");
});

test("unknown is not empty: nothing is told, done or dropped", () => {
  const at = look([london, nyc], undefined);
  expect(recorded(at)).toBeUndefined();
  expect([reportLeftovers.done(target, at).is, drop?.done(target, at).is]).toEqual(["pending", "pending"]);
  expect(drop?.run[0]?.holds?.(target, at).is).toBe("pending");
});

test("no step more without the word", () => {
  expect(droppings({} as never)).toEqual([]);
});
