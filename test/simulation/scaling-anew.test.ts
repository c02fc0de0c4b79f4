/** Walks of joining and leaving nodes that something comes into the middle of: they begin anew, or wait and say for what. */
import { expect, test } from "@jest/globals";
import { hostOf } from "../../simulator/model.ts";
import { clusterKind, podKind } from "../../src/kube/kinds.ts";
import { watchChange } from "./change-invariants.ts";
import { allScaled, podsUntil, switchTo } from "./change-of-nodes.ts";
import { bareScene, putSite } from "./fresh-scene.ts";
import { quiesce, type Scene } from "./scene.ts";
import { begunOn, clusterOf, conditionAt, editSite, passSites, refOf, settledScene } from "./site-scene.ts";

const small = { sites: ["london", "nyc"], nodes: 2, seed: 3 };
const interruption = 20;

/** As another version of the operator finds it: the walk of the one before begins anew. */
const otherVersion = (scene: Scene): void =>
  scene.objects.edit(clusterKind, refOf("nyc"), ({ status }) => {
    status.ledger.revision = 0;
  });

test("begun anew behind the copy, nothing applies on the node while it is filled once more", async () => {
  const scene = await settledScene(small);
  const { world } = scene;
  const watch = watchChange(scene, { joins: ["nyc-2"] });
  const second = () => hostOf(world, "nyc-2").replicators.crossSite;
  const found: boolean[] = [];
  world.listeners.push((event) => {
    if (event.kind === "command" && event.argv[0] === "tprovision") found.push(second() !== undefined);
  });
  editSite(scene, "nyc", { nodes: 3 });
  await podsUntil(scene, () => found.length > 0 && second() !== undefined);
  otherVersion(scene);
  await podsUntil(scene, allScaled(scene));
  quiesce(scene);
  watch.end(interruption);
  expect(found).toEqual([false, false]);
  expect(watch.violations).toEqual([]);
});

/** The site's own walk is at this procedure. */
const walks = (scene: Scene, site: string, procedure: string) => async (): Promise<boolean> => {
  const { ledger } = (await clusterOf(scene, site)).status ?? {};
  return ledger?.phase === "Running" && ledger.procedure === procedure;
};

test("a number that changes while the site is installed counts once it is: the node more is filled as any other", async () => {
  const scene = await bareScene({ sites: ["nyc"], nodes: 2, seed: 3 });
  await putSite(scene, "nyc");
  const on = (node: string) => begunOn(scene).filter((line) => line.startsWith(`${node} `));
  await podsUntil(scene, () => on("nyc-1").some((line) => line.includes("tpm cluster")));
  editSite(scene, "nyc", { nodes: 3 });
  await podsUntil(scene, async () => (await conditionAt(scene, "nyc", "Installed"))?.status === "True");
  expect([scene.world.hosts.has("nyc-2"), on("nyc-2")]).toEqual([true, []]);
  expect((await clusterOf(scene, "nyc")).status?.configuration.members).toEqual(["nyc-0", "nyc-1"]);
  await podsUntil(scene, allScaled(scene));
  expect(on("nyc-2").filter((line) => line.includes("tprovision"))).toHaveLength(1);
});

test("a witness that is asked for while nodes join comes after them, and takes nobody's pod", async () => {
  const scene = await settledScene(small);
  editSite(scene, "nyc", { nodes: 4 });
  await podsUntil(scene, walks(scene, "nyc", "AddNodes"));
  const { podUid } = hostOf(scene.world, "nyc-3");
  editSite(scene, "nyc", { witness: { active: true } });
  await podsUntil(scene, async () => !(await walks(scene, "nyc", "AddNodes")()));
  expect((await clusterOf(scene, "nyc")).status?.configuration.members).toContain("nyc-3");
  expect(hostOf(scene.world, "nyc-3").podUid).toBe(podUid);
});

test("a node that leaves and was made the primary is told, with the way out; then it leaves", async () => {
  const scene = await settledScene({ ...small, nodes: 3 });
  editSite(scene, "nyc", { nodes: 2 });
  await podsUntil(scene, walks(scene, "nyc", "RemoveNodes"));
  switchTo(scene, "nyc", "nyc-2");
  const told = async () => (await conditionAt(scene, "nyc", "NodesInService"))?.message ?? "";
  await podsUntil(scene, async () =>
    /nyc-2, which is not in service for good, is the primary/.test(await told()),
  );
  expect(await told()).toMatch(/\(switch to nyc-0 in cctrl\); RemoveNodes goes on then$/);
  expect((await conditionAt(scene, "nyc", "Ready"))?.reason).not.toBe("PassFailed");
  switchTo(scene, "nyc", "nyc-0");
  await podsUntil(scene, allScaled(scene));
  expect(scene.world.hosts.has("nyc-2")).toBe(false);
});

test("begun anew while some managers know the node no more and some do, it goes on to its end", async () => {
  const scene = await settledScene({ ...small, nodes: 3 });
  const knows = (name: string) =>
    hostOf(scene.world, name).volume.installed.cluster?.members.nyc?.includes("nyc-2") === true;
  editSite(scene, "nyc", { nodes: 2 });
  await podsUntil(scene, () => !knows("nyc-1") && knows("nyc-0"));
  otherVersion(scene);
  await podsUntil(scene, allScaled(scene));
  expect(scene.world.hosts.has("nyc-2")).toBe(false);
});

test("what a node without a pod was doing is not known: a change of mind waits for it", async () => {
  const scene = await settledScene(small);
  editSite(scene, "nyc", { nodes: 3 });
  await podsUntil(scene, () => begunOn(scene).some((line) => line.includes("tprovision")));
  const phase = (is: string) =>
    scene.objects.edit(podKind, refOf("nyc-2"), (pod) => Object.assign(pod.status, { phase: is }));
  phase("Unknown");
  editSite(scene, "nyc", { nodes: 2 });
  const told = async () => (await conditionAt(scene, "nyc", "NodesInService"))?.message ?? "";
  for (let n = 0; n < 10; n += 1) await passSites(scene);
  expect(await told()).toMatch(/^AddNodes begins anew, as .*: nyc-2 cannot be read: .*has no running pod$/);
  phase("Running");
  await podsUntil(scene, allScaled(scene));
  expect(scene.world.hosts.has("nyc-2")).toBe(false);
});

test("what somebody writes into a new node while the walk is at others is not overwritten", async () => {
  const scene = await settledScene(small);
  editSite(scene, "nyc", { nodes: 3 });
  await podsUntil(scene, () => begunOn(scene).some((line) => line.startsWith("nyc-2 tpm cluster")));
  const { rows } = hostOf(scene.world, "nyc-2").mysql;
  rows.set("rome:1", 1);
  const told = async () => (await conditionAt(scene, "nyc", "NodesInService"))?.message ?? "";
  await podsUntil(scene, async () =>
    /the database of nyc-2 holds table .* by now, which somebody may want: drop it there/.test(await told()),
  );
  for (let n = 0; n < 20; n += 1) await passSites(scene);
  expect(rows.has("rome:1")).toBe(true);
  expect(begunOn(scene).filter((line) => line.includes("tprovision"))).toEqual([]);
  rows.delete("rome:1");
  await podsUntil(scene, allScaled(scene));
});

test("begun anew while a node is filled that has half a copy by then, it fills it once more", async () => {
  const scene = await settledScene(small);
  const watch = watchChange(scene, { joins: ["nyc-2"] });
  editSite(scene, "nyc", { nodes: 3 });
  const running = () =>
    scene.world.hosts.get("nyc-2")?.tools.some(({ argv }) => argv[0] === "tprovision") === true;
  await podsUntil(scene, running);
  otherVersion(scene);
  await podsUntil(scene, allScaled(scene));
  quiesce(scene);
  watch.end(interruption);
  expect(begunOn(scene).filter((line) => line.includes("tprovision"))).toHaveLength(2);
  expect(watch.violations).toEqual([]);
});
