/** Files of a walk that takes links out: what was kept of a node before a switch is not put back after it. */
import { expect, test } from "@jest/globals";
import { keepReadOnly, putReadOnlyBack } from "../../../src/procedures/conversion-commands.ts";
import type { Alternative, Run, Target } from "../../../src/procedures/procedure.ts";
import { byRole } from "../../../src/procedures/remove-links-parts.ts";

const target = { id: "nyc-1", node: { name: "nyc-1", site: "nyc" } } as Target;
const under = (primary: string): Run =>
  ({ tag: "run", pins: { primaries: { nyc: primary } } }) as unknown as Run;
const fileOf = (make: Alternative["effect"], primary: string): unknown =>
  byRole({ tag: "walk" }).making(make)(target, under(primary), 1);

test("read_only that was kept of a replica is not put back once the node is the primary", () => {
  expect(fileOf(putReadOnlyBack, "nyc-0")).toMatchObject({
    begin: { argv: ["put-read-only", "read-only-walk"] },
  });
  for (const [make, verb] of [
    [keepReadOnly, "keep-read-only"],
    [putReadOnlyBack, "put-read-only"],
  ] as const)
    expect(fileOf(make, "nyc-1")).toMatchObject({ begin: { argv: [verb, "read-only-walk-primary"] } });
});
