/** The conversion with positions kept by the vendor's tool: the same proofs, whatever the tool says or leaves unsaid. */
import { describe, expect, test } from "@jest/globals";
import { strike } from "../../simulator/faults.ts";
import { hostOf } from "../../simulator/model.ts";
import { setHeartbeat } from "../../simulator/mysql.ts";
import { judge } from "../../simulator/oracle.ts";
import { type Change, changedBy, withoutPart } from "./mutate.ts";
import { watchScene } from "./run-invariants.ts";
import { askForConversion, drive, newScene, pass, quiesce, type Scene, theRequest } from "./scene.ts";
import { haltedBy, stepIs, until } from "./steering.ts";

const byTool = { positions: "TungstenPrepUpgrade" };
const stop = "StopCrossSiteReplicators";

async function scene(seed: number) {
  const made = await newScene({ sites: ["london", "nyc"], nodes: 2, seed });
  const watch = watchScene(made);
  await askForConversion(made, {}, byTool);
  return { made, watch };
}

async function endsWell(made: Scene, watch: ReturnType<typeof watchScene>) {
  const request = await drive(made);
  expect(request.status.ledger.outcome).toBe("Succeeded");
  quiesce(made);
  watch.end(240);
  expect(watch.violations).toEqual([]);
  expect(judge(made.world)).toMatchObject({ missing: [], doubled: [], outOfOrder: 0 });
}

const begun = ({ world }: Scene): readonly string[] =>
  [...world.hosts.values()].flatMap(({ volume }) =>
    [...volume.markers.values()].map(({ argv }) => argv.join(" ")),
  );

describe("the story", () => {
  test.each([1, 2, 3, 4, 5, 6])("whatever the tool prints and writes (seed %i)", async (seed) => {
    const { made, watch } = await scene(seed);
    await endsWell(made, watch);
    const said = begun(made);
    const times = (pattern: RegExp) => said.filter((words) => pattern.test(words)).length;
    expect(times(/^prep-upgrade 8\.0\.4-132 (london|nyc) offline$/)).toBe(4);
    expect(times(/^prep-upgrade \S+ \S+ get position-/)).toBe(4);
    expect(times(/^prep-upgrade \S+ stop$/)).toBe(4);
    expect(times(/^prep-upgrade \S+ \S+ dump dump-/)).toBe(4);
    expect(times(/^(keep-position|dump-schema|replicator crossSite stop)/)).toBe(0);
    expect(times(/heartbeat -name offline_for_upg$/)).toBe(2);
    // Its --restore would take a password as an argument.
    expect(times(/^restore-schema/)).toBe(4);
  });

  test("a row that an attempt by hand has left behind is not taken for ours", async () => {
    const { made, watch } = await scene(7);
    for (const host of made.world.hosts.values())
      for (const source of ["london", "nyc"])
        setHeartbeat(host.mysql, `tungsten_${source}`, { seqno: 1, eventId: null, name: "offline_for_upg" });
    await endsWell(made, watch);
  });

  test("a replicator that restarts and forgets: a new round under the same name", async () => {
    const { made, watch } = await scene(8);
    await until(made, stepIs(stop, 4));
    strike(made.world, "replicator-killed", "nyc-1");
    await endsWell(made, watch);
  });

  test("a dump that is cut short is made again, under another name", async () => {
    const { made, watch } = await scene(9);
    made.world.traps.push({ at: "dump-short", host: "nyc-1", after: 0 });
    await endsWell(made, watch);
    expect(
      [...hostOf(made.world, "nyc-1").volume.kept.keys()].filter((name) => name.startsWith("dump-")).length,
    ).toBe(2);
  });

  test("a tool that goes away in the middle halts the run, at no cost", async () => {
    const { made, watch } = await scene(10);
    await until(made, stepIs(stop, 3));
    for (const host of made.world.hosts.values()) host.hasPrepUpgrade = false;
    const halted = await until(made, haltedBy("CommandFailed"));
    expect(halted.status.ledger.halt.message).toContain("tungsten_prep_upgrade");
    expect(watch.violations).toEqual([]);
  });
});

test("without the clearing heartbeat a row from before is taken for ours, and a gate sees it", async () => {
  const changes: readonly Change[] = [withoutPart(stop, 3)];
  const { made, watch } = await scene(7);
  made.catalog = changedBy(...changes);
  for (const host of made.world.hosts.values())
    for (const source of ["london", "nyc"])
      setHeartbeat(host.mysql, `tungsten_${source}`, { seqno: 1, eventId: null, name: "offline_for_upg" });
  for (let n = 0; n < 400 && (await pass(made)); n += 1);
  const { outcome } = (await theRequest(made)).status.ledger;
  expect(outcome === "Succeeded" && watch.violations.length === 0).toBe(false);
});
