/** Walks of joining and leaving nodes that something comes into the middle of: they begin anew, or wait and say for what. */
import { expect, test } from "@jest/globals";
import { hostOf } from "../../simulator/model.ts";
import { clusterKind } from "../../src/kube/kinds.ts";
import { watchChange } from "./change-invariants.ts";
import { allScaled, podsUntil } from "./change-of-nodes.ts";
import { quiesce, type Scene } from "./scene.ts";
import { editSite, refOf, settledScene } from "./site-scene.ts";

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
