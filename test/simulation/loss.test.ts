/** A node, or a primary, lost for good at each step of the conversion: what is told, and that the way out it names leads out. */
import { describe, expect, test } from "@jest/globals";
import { strike } from "../../simulator/faults.ts";
import { hostOf } from "../../simulator/model.ts";
import { requestKind } from "../../src/kube/kinds.ts";
import { ids, lose, uninstalling, updating } from "./losing.ts";
import {
  askForConversion,
  conditionOf,
  drive,
  namespace,
  newScene,
  pass,
  type Scene,
  theRequest,
} from "./scene.ts";
import { edit, journalOf, progressOf, stepIs, until } from "./steering.ts";

async function lostAt(step: string, name: string): Promise<Scene> {
  const scene = await newScene({ sites: ["london", "nyc"], nodes: 2, seed: 31 });
  await askForConversion(scene);
  // A step that finds everything done is passed in one look with the one before it.
  await until(
    scene,
    ({ status }) => status?.ledger?.steps.some(({ id }: { id: string }) => id === step) === true,
  );
  await lose(scene, name);
  await until(scene, (request) => progressOf(request).includes("no running pod"));
  return scene;
}

const said = async (scene: Scene): Promise<string> => progressOf(await theRequest(scene));
const outcome = async (scene: Scene): Promise<string | undefined> =>
  (await drive(scene, 30)).status.ledger.outcome;

describe("a replica is lost for good", () => {
  test.each(ids.slice(1))("in %s: the run says what helps, and goes on without it", async (step) => {
    const scene = await lostAt(step, "nyc-1");
    expect(await said(scene)).toMatch(
      /nyc-1 has no running pod; back with its volume, the run goes on by itself; lost for good, add it to spec\.lostNodes: the run goes on without it.*conversion\.md#when-a-node-is-lost/,
    );
    edit(scene, { lostNodes: ["nyc-1"] });
    expect(await outcome(scene)).toBe("Succeeded");
    expect(await journalOf(scene)).toContain("nyc-1 is lost for good: the run does without it");
  });

  test.each(ids.slice(1, updating))("in %s: or back, by the word it names", async (step) => {
    const scene = await lostAt(step, "nyc-1");
    const word = /or back with spec\.(abort|revert)/.exec(await said(scene))?.[1] ?? "none";
    expect(word).toBe(ids.indexOf(step) <= uninstalling ? "abort" : "revert");
    edit(scene, { lostNodes: ["nyc-1"], [word]: true });
    expect(await outcome(scene)).toBe(word === "abort" ? "Aborted" : "Reverted");
  });
});

describe("a primary is lost for good", () => {
  test.each(ids.slice(1, uninstalling + 1))(
    "in %s: back by abort, then its managers fail over",
    async (step) => {
      const scene = await lostAt(step, "nyc-0");
      expect(await said(scene)).toContain(
        "nyc-0 is a primary: lost for good, add it to spec.lostNodes and set spec.abort",
      );
      edit(scene, { lostNodes: ["nyc-0"], abort: true });
      expect(await outcome(scene)).toBe("Aborted");
      expect([...scene.world.sites.values()].map(({ policy }) => policy)).toEqual(["AUTOMATIC", "AUTOMATIC"]);
    },
  );

  test.each(ids.slice(uninstalling + 1, updating))(
    "in %s: back by revert and a failover by hand",
    async (step) => {
      const scene = await lostAt(step, "nyc-0");
      expect(await said(scene)).toContain("and set spec.revert; then fail over in cctrl");
      edit(scene, { lostNodes: ["nyc-0"], revert: true });
      await until(scene, (request) =>
        progressOf(request).includes(
          "nyc-0 is given up, so its site has no primary under MAINTENANCE: fail over",
        ),
      );
      strike(scene.world, "primary-moved", "nyc-1");
      expect([await outcome(scene), await said(scene)]).toEqual(["Reverted", "finished: Reverted"]);
    },
  );

  test.each(ids.slice(updating))("in %s: it is too late, and that is said", async (step) => {
    const scene = await lostAt(step, "nyc-0");
    expect(await said(scene)).toMatch(/nyc-0 is a primary, and it is too late to go back: finish by hand/);
  });
});

describe("in step 1, while backups are taken", () => {
  /** Lost while the backups of nyc-1 and london-1 are on their way; `who` by what it is to the run. */
  async function lostWhileTaking(who: "the one that takes" | "another replica" | "the primary") {
    const scene = await newScene({ sites: ["london", "nyc"], nodes: 3, seed: 31 });
    await askForConversion(scene, {}, { backup: { mode: "Take" } });
    const { status } = await until(scene, stepIs("Backup"));
    const taking: string = status.ledger.pins.backupNodes.nyc;
    const another = ["nyc-1", "nyc-2"].find((name) => name !== taking) ?? "";
    const name = { "the one that takes": taking, "another replica": another, "the primary": "nyc-0" }[who];
    await lose(scene, name);
    await until(scene, (request) => progressOf(request).includes("no running pod"));
    return { scene, name };
  }

  test("a replica that takes none: the run goes on without it", async () => {
    const { scene, name } = await lostWhileTaking("another replica");
    expect(await said(scene)).toContain("the run goes on without it, or back with spec.abort");
    edit(scene, { lostNodes: [name] });
    expect(await outcome(scene)).toBe("Succeeded");
    expect((await theRequest(scene)).status.ledger.kept).toMatchObject({
      "backup.nyc": expect.stringMatching(/^nyc-\d:/),
    });
  });

  test("the replica that takes the backup: nothing goes on without that; back by abort", async () => {
    const { scene, name } = await lostWhileTaking("the one that takes");
    expect(await said(scene)).toContain(
      `${name} was to take the backup of its site: lost for good, add it to spec.lostNodes and set spec.abort`,
    );
    edit(scene, { lostNodes: [name] });
    for (let n = 0; n < 30; n += 1) await pass(scene);
    expect((await theRequest(scene)).status.ledger.cursor.step).toBe(0);
    expect(await said(scene)).toContain("without which nothing goes on: set spec.abort");
    edit(scene, { abort: true });
    expect(await outcome(scene)).toBe("Aborted");
  });

  test("the primary: back by abort", async () => {
    const { scene } = await lostWhileTaking("the primary");
    expect(await said(scene)).toContain(
      "nyc-0 is a primary: lost for good, add it to spec.lostNodes and set spec.abort",
    );
    edit(scene, { lostNodes: ["nyc-0"], abort: true });
    expect(await outcome(scene)).toBe("Aborted");
  });
});

describe("a human's word about a node", () => {
  test("that runs is not taken up", async () => {
    const scene = await newScene({ sites: ["london", "nyc"], nodes: 2, seed: 31 });
    await askForConversion(scene, { lostNodes: ["nyc-1"] });
    expect(await outcome(scene)).toBe("Succeeded");
    expect(await journalOf(scene)).not.toContain("lost for good");
    expect(hostOf(scene.world, "nyc-1").volume.installed.crossSite).toBeUndefined();
  });

  test("is never taken back: a node that returns is not asked any more", async () => {
    const scene = await lostAt("ExportTrackingSchemas", "nyc-1");
    edit(scene, { lostNodes: ["nyc-1"] });
    for (let n = 0; n < 4; n += 1) await pass(scene);
    edit(scene, { lostNodes: [] });
    expect(await outcome(scene)).toBe("Succeeded");
  });
});

test("without a loss nothing of it is told", async () => {
  const scene = await newScene({ sites: ["london", "nyc"], nodes: 2, seed: 31 });
  await askForConversion(scene);
  await until(scene, stepIs("ReloadTrackingSchemas"));
  const request = await scene.objects.get(requestKind, { namespace, name: "to-caa" });
  expect(conditionOf(request ?? (await theRequest(scene)), "Progressing")?.message).not.toContain("lost");
});
