/** A request that is created again after its end: its sites know it, by its name and its words, whoever has joined them since. */
import { describe, expect, test } from "@jest/globals";
import type { KubeObject } from "../../src/controllers/shell.ts";
import { clusterKind, requestKind } from "../../src/kube/kinds.ts";
import { askFor, conditionOf, drive, namespace, newScene, pass, type Scene, theRequest } from "./scene.ts";
import { edit, until } from "./steering.ts";

const name = "move-nyc";
const spec = (to = "nyc-1", more: object = {}) => ({
  procedure: "Switch",
  switch: { cluster: { name: "nyc" }, to, ...more },
});

type FinishedRun = { name: string; uid: string; sites?: string[]; asked?: string[]; outcome: string };

const memoryOf = async (scene: Scene, site: string): Promise<FinishedRun[]> =>
  (await scene.objects.get(clusterKind, { namespace, name: site }))?.status?.finishedRuns ?? [];

async function remembers(scene: Scene, site: string, finishedRuns: readonly object[]): Promise<void> {
  const cluster = (await scene.objects.get(clusterKind, { namespace, name: site })) as KubeObject;
  await scene.objects.replaceStatus(clusterKind, { ...cluster, status: { ...cluster.status, finishedRuns } });
}

const outcomeOf = ({ status }: KubeObject): string => status?.ledger?.outcome ?? "none";

/** A switch that has run to its end, and whose request is gone; taken back by another, it could be run again. */
async function switched(andBack = false): Promise<Scene> {
  const scene = await newScene({ sites: ["london", "nyc"], nodes: 2, seed: 3 });
  await askFor(scene, name, spec());
  expect(outcomeOf(await drive(scene))).toBe("Succeeded");
  if (andBack) {
    await askFor(scene, "back", spec("nyc-0"));
    expect(outcomeOf(await drive(scene))).toBe("Succeeded");
  }
  await scene.objects.remove(requestKind, { namespace, name }, "");
  return scene;
}

/** Not done, and it does not begin by itself, though its approval is Automatic. */
async function waitsForItsHash(scene: Scene): Promise<KubeObject> {
  const request = await until(scene, (now) => conditionOf(now, "Approved") !== undefined);
  expect(conditionOf(request, "Approved")).toMatchObject({
    status: "False",
    reason: "AwaitingApproval",
    message: expect.stringMatching(/^a run of this name ended as Succeeded before/),
  });
  for (let n = 0; n < 10; n += 1) await pass(scene);
  expect((await theRequest(scene)).status.ledger.phase).toBe("Planning");
  return request;
}

describe("created again after it has succeeded", () => {
  test("every site remembers with whom, and what was asked", async () => {
    const scene = await switched();
    for (const site of ["london", "nyc"])
      expect(await memoryOf(scene, site)).toMatchObject([
        {
          name,
          outcome: "Succeeded",
          sites: ["london", "nyc"],
          asked: ["spec.switch.cluster.name: nyc", "spec.switch.to: nyc-1"],
        },
      ]);
  });

  test("with a site that has joined since and remembers nothing: it is done", async () => {
    const scene = await switched();
    // For the run that was, london was not there yet.
    const [run] = await memoryOf(scene, "nyc");
    await remembers(scene, "nyc", [{ ...run, sites: ["nyc"] }]);
    await remembers(scene, "london", []);
    await askFor(scene, name, spec());
    expect(outcomeOf(await drive(scene))).toBe("AlreadyDone");
  });

  test("with a site that was there and has been made anew since: it waits for a human", async () => {
    const scene = await switched(true);
    await remembers(scene, "london", []);
    await askFor(scene, name, spec());
    await waitsForItsHash(scene);
  });

  test("with another spec: that was not done, and it waits for a human, whose hash begins it", async () => {
    const scene = await switched();
    await askFor(scene, name, spec("nyc-0"));
    const { status } = await waitsForItsHash(scene);
    edit(scene, { approvedPlan: status.plan.hash });
    expect(outcomeOf(await drive(scene))).toBe("Succeeded");
    expect(scene.world.sites.get("nyc")?.primary).toBe("nyc-0");
  });

  test("with a word that the run before did not know: nobody knows that it did that, and it waits for a human", async () => {
    const scene = await switched(true);
    for (const site of ["london", "nyc"]) {
      const [run] = await memoryOf(scene, site);
      await remembers(scene, site, [{ ...run, asked: ["spec.switch.cluster.name: nyc"] }]);
    }
    await askFor(scene, name, spec());
    await waitsForItsHash(scene);
  });

  test("with other words that no step depends on: it is done", async () => {
    const scene = await switched();
    await askFor(scene, name, spec("nyc-1", { limits: { latencySeconds: 30 } }));
    expect(outcomeOf(await drive(scene))).toBe("AlreadyDone");
  });

  test("a site that brings the memory of a namesake from elsewhere does not make it done", async () => {
    const scene = await newScene({ sites: ["london", "nyc"], nodes: 2, seed: 3 });
    const elsewhere = ["spec.switch.cluster.name: oslo", "spec.switch.to: oslo-1"];
    const run = { name, procedure: "Switch", uid: "elsewhere", finishedAt: "2026-01-01T00:00:00Z" };
    await remembers(scene, "london", [
      { ...run, outcome: "Succeeded", sites: ["london", "oslo"], asked: elsewhere },
    ]);
    await askFor(scene, name, spec());
    await waitsForItsHash(scene);
  });

  test("what an operator of before remembered counts where every site does", async () => {
    const scene = await switched(true);
    for (const site of ["london", "nyc"]) {
      const [{ sites: _sites, asked: _asked, ...run } = { name, uid: "", outcome: "" }] = await memoryOf(
        scene,
        site,
      );
      await remembers(scene, site, [run]);
    }
    await askFor(scene, name, spec());
    expect(outcomeOf(await drive(scene))).toBe("AlreadyDone");
    await scene.objects.remove(requestKind, { namespace, name }, "");
    await remembers(scene, "london", []);
    await askFor(scene, name, spec());
    await waitsForItsHash(scene);
  });

  test("a request whose own record was lost does not run a second time", async () => {
    const scene = await newScene({ sites: ["london", "nyc"], nodes: 2, seed: 3 });
    await askFor(scene, name, spec());
    const done = await drive(scene);
    await scene.objects.replaceStatus(requestKind, { ...done, status: {} });
    expect(outcomeOf(await drive(scene))).toBe("AlreadyDone");
  });
});
