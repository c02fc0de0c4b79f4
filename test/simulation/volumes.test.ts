/** Volumes follow a larger size and never a smaller one; the StatefulSet keeps the templates it was made with. */
import { expect, test } from "@jest/globals";
import { claimKind, statefulSetKind } from "../../src/kube/kinds.ts";
import type { Scene } from "./scene.ts";
import { begunOn, clusterOf, conditionAt, editSite, passSites, refOf, settledScene } from "./site-scene.ts";

const small = { sites: ["london", "nyc"], nodes: 2, seed: 3 };
const type = "VolumesCurrent";
const sizesOf = async ({ objects }: Scene) =>
  (await objects.list(claimKind, "estate")).map(
    ({ metadata, spec }) => `${metadata.name} ${spec.resources.requests.storage}`,
  );
const passes = async (scene: Scene, most = 4): Promise<void> => {
  for (let n = 0; n < most; n += 1) await passSites(scene);
};

test("a larger size reaches every claim of the site, and nothing restarts", async () => {
  const scene = await settledScene(small);
  expect(await conditionAt(scene, "nyc", type)).toMatchObject({ status: "True", reason: "Current" });
  editSite(scene, "nyc", { storage: { size: "20Gi" } });
  await passSites(scene);
  expect(await conditionAt(scene, "nyc", type)).toMatchObject({ status: "False", reason: "Expanding" });
  await passes(scene);
  expect(await conditionAt(scene, "nyc", type)).toMatchObject({ status: "True", reason: "Current" });
  expect((await sizesOf(scene)).filter((line) => line.includes("nyc"))).toEqual([
    "opt-nyc-0 20Gi",
    "backups-nyc-0 20Gi",
    "opt-nyc-1 20Gi",
    "backups-nyc-1 20Gi",
  ]);
  expect((await sizesOf(scene)).filter((line) => line.includes("london"))).toContain("opt-london-0 10Gi");
  const set = await scene.objects.get(statefulSetKind, refOf("nyc"));
  expect(set?.spec.volumeClaimTemplates[0].spec.resources.requests.storage).toBe("10Gi");
  expect((await clusterOf(scene, "nyc")).status?.storage).toEqual({
    template: "10Gi",
    size: "20Gi",
    nodes: 2,
  });
  expect(begunOn(scene)).toEqual([]);
});

test("a site whose claims are as wanted is not asked for them again", async () => {
  const scene = await settledScene(small);
  const { list } = scene.shell.objects;
  const listed: string[] = [];
  Object.assign(scene.shell.objects, {
    list: async (...args: Parameters<typeof list>) => {
      listed.push(args[0].plural);
      return list(...args);
    },
  });
  await passes(scene);
  expect(listed).toContain("pods");
  expect(listed).not.toContain(claimKind.plural);
});

test.each([
  ["5Gi", /5Gi is less than the 10Gi of opt-nyc-0, and volumes do not shrink: put 10Gi back/],
  ["10240Mi", undefined],
  ["much", /much is no size: write e\.g\. 20Gi/],
])("of size %s", async (size, refused) => {
  const scene = await settledScene(small);
  const before = await sizesOf(scene);
  editSite(scene, "nyc", { storage: { size } });
  await passes(scene);
  const told = await conditionAt(scene, "nyc", type);
  expect(told).toMatchObject(
    refused === undefined
      ? { status: "True" }
      : { status: "False", reason: "Refused", message: expect.stringMatching(refused) },
  );
  expect(await sizesOf(scene)).toEqual(before);
  expect(await conditionAt(scene, "nyc", "Ready")).toMatchObject({ status: "True" });
});

test("a storage class that lets nothing grow: its words, until the old size is back", async () => {
  const scene = await settledScene(small);
  const { patch } = scene.shell.objects;
  Object.assign(scene.shell.objects, {
    patch: async (...args: Parameters<typeof patch>) => {
      if (args[0] === claimKind) throw new Error("only dynamically provisioned pvc can be resized");
      return patch(...args);
    },
  });
  editSite(scene, "nyc", { storage: { size: "20Gi" } });
  await passes(scene);
  expect(await conditionAt(scene, "nyc", type)).toMatchObject({
    reason: "ExpansionRefused",
    message: "opt-nyc-0 does not grow to 20Gi: only dynamically provisioned pvc can be resized",
  });
  editSite(scene, "nyc", { storage: { size: "10Gi" } });
  await passes(scene);
  expect(await conditionAt(scene, "nyc", type)).toMatchObject({ status: "True" });
});
