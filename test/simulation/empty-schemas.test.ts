/** Empty schemas that tpm leaves behind (CT-569): told after a conversion, dropped where the request asks, and nothing else is. */
import { describe, expect, test } from "@jest/globals";
import { judge } from "../../simulator/oracle.ts";
import { listed } from "../../src/procedures/conversion-leftovers.ts";
import { done } from "../../src/procedures/verdicts.ts";
import { schemas } from "../../src/tungsten/node-facts.ts";
import { type Change, changedBy, changePart } from "./mutate.ts";
import { watchScene } from "./run-invariants.ts";
import { askForConversion, conditionOf, newScene, pass, quiesce, type Scene, theRequest } from "./scene.ts";
import { journalOf } from "./steering.ts";

/** Of an even seed tpm makes the schemas. */
const shape = { sites: ["london", "nyc"], nodes: 2, seed: 2 };
const ours = { london: "tungsten_london_from_nyc", nyc: "tungsten_nyc_from_london" } as const;
const used = { commit: { seqno: 3, epoch: 0, eventId: "mysql-bin.000001:4;-1" }, heartbeat: null } as never;

type Meanwhile = (scene: Scene) => void;

async function converted(
  parameters: object,
  {
    seed = shape.seed,
    meanwhile,
    changes = [],
  }: Partial<{
    seed: number;
    meanwhile: Meanwhile;
    changes: readonly Change[];
  }> = {},
) {
  const scene = await newScene({ ...shape, seed });
  scene.catalog = changedBy(...changes);
  const watch = watchScene(scene);
  await askForConversion(scene, {}, parameters);
  for (let n = 0; n < 1500 && (await pass(scene)); n += 1) {
    const { ledger } = (await theRequest(scene)).status ?? {};
    if (ledger?.halt !== undefined) break;
    if (ledger?.steps?.at(-1)?.id === "ReturnToAutomatic") meanwhile?.(scene);
  }
  quiesce(scene);
  const hosts = [...scene.world.hosts.values()];
  return {
    scene,
    watch,
    ledger: (await theRequest(scene)).status.ledger,
    left: hosts.flatMap(({ name, mysql }) =>
      [...mysql.schemas.keys()]
        .filter((schema) => schema.includes("_from_"))
        .map((each) => `${name} ${each}`),
    ),
    dropped: hosts.flatMap(({ name, volume }) =>
      [...volume.markers.values()].filter(({ argv }) => argv[0] === "drop-schema").map(() => name),
    ),
  };
}

const everywhere = ["london-0", "london-1", "nyc-0", "nyc-1"];
const onEach = everywhere.map((node) => `${node} ${ours[node.startsWith("nyc") ? "nyc" : "london"]}`);

describe("the report", () => {
  test("names them node by node in ledger and journal, and touches none", async () => {
    const { scene, ledger, left, dropped, watch } = await converted({});
    expect(ledger.outcome).toBe("Succeeded");
    expect(everywhere.map((node) => `${node} ${ledger.kept[`unused.${node}`]}`)).toEqual(onEach);
    expect(await journalOf(scene)).toContain("unused.nyc-1 = tungsten_nyc_from_london");
    expect(conditionOf(await theRequest(scene), "Succeeded")?.message).toContain("are left on 4 nodes");
    expect(left.sort()).toEqual(onEach);
    expect(dropped).toEqual([]);
    expect(watch.violations).toEqual([]);
  });

  test("says none where tpm made none", async () => {
    const { ledger, left } = await converted({ dropEmptySchemas: true }, { seed: 3 });
    expect(ledger.outcome).toBe("Succeeded");
    expect(everywhere.map((node) => ledger.kept[`unused.${node}`])).toEqual(everywhere.map(() => "none"));
    expect(left).toEqual([]);
  });

  test("fits into the ledger with as many sites as there may be", () => {
    const names = Array.from({ length: 49 }, (_, n) => `tungsten_${"a".repeat(40)}_from_${n}`);
    expect(listed(names).length).toBeLessThan(1024);
    expect(listed(names)).toMatch(/^tungsten_a+_from_0 .* and \d+ more$/);
    expect(listed([])).toBe("none");
  });
});

describe("the drop", () => {
  test("takes every empty one off every node, primaries last, and no row is lost", async () => {
    const { scene, ledger, left, dropped, watch } = await converted({ dropEmptySchemas: true });
    expect(ledger.outcome).toBe("Succeeded");
    expect(ledger.steps.at(-1).id).toBe("DropEmptySchemas");
    expect(left).toEqual([]);
    expect(everywhere.map((node) => ledger.kept[`unused.${node}`])).toEqual(everywhere.map(() => "none"));
    expect(conditionOf(await theRequest(scene), "Succeeded")?.message).toBe(
      "the procedure has run to its end",
    );
    expect(dropped.sort()).toEqual(everywhere);
    const order = (await journalOf(scene)).split("\n").filter((line) => /"begin".*drop-schema/.test(line));
    expect(order.map((line) => JSON.parse(line).node)).toEqual(["london-1", "nyc-1", "london-0", "nyc-0"]);
    expect(judge(scene.world)).toMatchObject({ missing: [], doubled: [], outOfOrder: 0 });
    expect(watch.violations).toEqual([]);
  });

  const filled: Meanwhile = ({ world }) => world.hosts.get("nyc-1")?.mysql.schemas.set(ours.nyc, used);

  test("leaves alone what holds something by then, and goes on with the others", async () => {
    const { ledger, left, dropped } = await converted({ dropEmptySchemas: true }, { meanwhile: filled });
    expect(ledger.outcome).toBe("Succeeded");
    expect(left).toEqual([`nyc-1 ${ours.nyc}`]);
    expect(dropped.sort()).toEqual(["london-0", "london-1", "nyc-0"]);
  });

  test("is refused by the node itself when the operator does not look", async () => {
    const blindly = changePart("DropEmptySchemas", 0, (part) => ({
      ...part,
      run: part.run.map((way) => ({ ...way, holds: () => done })),
      done: (target, look) =>
        look.facts.get(target.node.name, schemas) && look.attempt === 0
          ? { is: "pending", why: "not looked" }
          : part.done(target, look),
    }));
    const { left, dropped } = await converted(
      { dropEmptySchemas: true },
      { meanwhile: filled, changes: [blindly] },
    );
    expect(dropped).toContain("nyc-1");
    expect(left).toEqual([`nyc-1 ${ours.nyc}`]);
  });
});
