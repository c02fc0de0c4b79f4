/** spec.paused of a TungstenCluster: nothing is done and nothing looked at, and when it is over nothing says so any more. */
import { expect, test } from "@jest/globals";
import { hostOf } from "../../simulator/model.ts";
import { reconcileCluster } from "../../src/controllers/tungsten-cluster.ts";
import { clusterKind } from "../../src/kube/kinds.ts";
import { conditionOf, limits, namespace, newScene, type Scene } from "./scene.ts";

const nyc = { namespace, name: "nyc" };

async function look(at: Scene, conditions: readonly string[]) {
  await reconcileCluster(at.shell, { ...limits, healthMs: 1000 }, "#!/bin/bash\n", new Map(), nyc);
  const cluster = await at.objects.get(clusterKind, nyc);
  if (cluster === undefined) throw new Error("nyc is gone");
  return conditions.map((type) => {
    const { status, reason } = conditionOf(cluster, type) ?? {};
    return status === undefined ? undefined : `${status} ${reason}`;
  });
}

const pause = (at: Scene, paused: boolean): void =>
  at.objects.edit(clusterKind, nyc, (object) => void Object.assign(object.spec ?? {}, { paused }));

test("a paused site is not looked at; afterwards it is, and is told as paused no more", async () => {
  const at = await newScene({ sites: ["london", "nyc"], nodes: 2, seed: 3 });
  for (let n = 0; n < 3; n += 1) await look(at, []);
  expect(await look(at, ["Reconciling", "AsLeft"])).toEqual([undefined, "True AsLeft"]);
  pause(at, true);
  Object.assign(hostOf(at.world, "nyc-1").mysql, { readOnly: false });
  expect(await look(at, ["Reconciling", "AsLeft"])).toEqual(["True Paused", "True AsLeft"]);
  pause(at, false);
  expect(await look(at, ["Reconciling", "AsLeft"])).toEqual(["False Resumed", "False Drifted"]);
});
