/** Another image or other resources on an installed estate: pods are made anew one by one, the primary's last after a switch, nothing lost. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { hostOf, hostsOf, siteOf } from "../../simulator/model.ts";
import { lets } from "../../simulator/tools/accounts.ts";
import { restartContainer } from "../../simulator/world.ts";
import { podKind } from "../../src/kube/kinds.ts";
import { expectGolden } from "../golden.ts";
import { accountsByName, sceneWithAccounts, watchAccounts } from "./accounts-scene.ts";
import { watchChange } from "./change-invariants.ts";
import { changeOfImage } from "./change-of-image.ts";
import { changeOfPasswords } from "./change-of-passwords.ts";
import { evict } from "./kubelet.ts";
import { quiesce, type Scene } from "./scene.ts";
import {
  allTrue,
  begunOn,
  clusterOf,
  conditionAt,
  editSite,
  lineOf,
  passSites,
  reached,
  refOf,
  settledScene,
} from "./site-scene.ts";

const small = { sites: ["london", "nyc"], nodes: 2, seed: 3 };
const type = "DatabaseCurrent";
const interruption = 20;
const made = async (scene: Scene): Promise<true> => reached(scene, () => changeOfImage.over(scene));
const uidsOf = (scene: Scene): readonly string[] =>
  [...scene.world.hosts.values()].map(({ podUid }) => podUid);

describe("the story", () => {
  test("of another image at a site with three nodes: told first, then by the spec's word", async () => {
    const scene = await settledScene({ ...small, nodes: 3 });
    const watch = watchChange(scene, { moves: true });
    const story: string[] = [];
    scene.world.listeners.push((event) => {
      if (event.kind === "command") story.push(lineOf(event));
      if (event.kind === "policy") story.push(`${event.site} is ${event.policy}`);
      if (event.kind === "primary") story.push(`${event.site}'s primary is ${event.to}`);
      if (event.kind === "process" && event.what === "pod") story.push(`${event.host}     its pod goes`);
    });
    editSite(scene, "nyc", { image: "node:2" });
    await reached(scene, async () => (await conditionAt(scene, "nyc", type))?.status === "False");
    const told = await conditionAt(scene, "nyc", type);
    expect(told).toMatchObject({ reason: "RestartPending" });
    expect(told?.message).toMatch(/^nyc-0, nyc-1, nyc-2 have to restart with a changed image; to restart/);
    expect(story).toEqual([]);
    const approved = /approved to ([0-9a-f]{64})/.exec(told?.message ?? "")?.[1] ?? "";
    story.push("approved");
    const before = uidsOf(scene);
    editSite(scene, "nyc", { changes: { approved } });
    await made(scene);
    quiesce(scene);
    watch.end(interruption);
    expect(watch.violations).toEqual([]);
    expectGolden(join(import.meta.dirname, "renew-pods.story.txt"), story);
    const after = uidsOf(scene);
    expect(after.slice(0, 3)).toEqual(before.slice(0, 3));
    for (const n of [3, 4, 5]) expect(after[n]).not.toBe(before[n]);
    const count = begunOn(scene).length;
    for (let n = 0; n < 10; n += 1) await passSites(scene);
    expect({ begun: begunOn(scene).length, uids: uidsOf(scene) }).toEqual({ begun: count, uids: after });
  });

  test("passwords that change meanwhile wait: no pod comes with one that its database does not know", async () => {
    const scene = await sceneWithAccounts(small);
    const watch = watchAccounts(scene, { moves: true });
    changeOfImage.begin(scene);
    await reached(scene, async () => (await conditionAt(scene, "nyc", type))?.reason === "Restarting");
    accountsByName(scene, "2");
    const unknown: string[] = [];
    const over = async (): Promise<boolean> => {
      const walks = (await clusterOf(scene, "nyc")).status?.ledger;
      if (walks?.procedure === "MaintainDataserver" && walks.phase === "Running")
        for (const host of hostsOf(scene.world, "nyc"))
          if (host.up && !lets(host, "tungsten", host.secret.get("replication-password") ?? ""))
            unknown.push(host.name);
      return changeOfImage.over(scene);
    };
    await reached(scene, over, { most: 700 });
    expect(unknown).toEqual([]);
    await reached(scene, () => changeOfPasswords.over(scene), { most: 700 });
    expect(watch.violations).toEqual([]);
  });

  test("of settings and resources together: a new pod starts with the new file, and nothing is restarted twice", async () => {
    const scene = await settledScene(small);
    const watch = watchChange(scene, { moves: true });
    editSite(scene, "nyc", {
      resources: { requests: { memory: "2Gi", cpu: "1" } },
      mysql: { port: 13306, settings: { max_connections: "500" } },
      changes: { dataserver: "Automatic", switchBack: true },
    });
    await reached(scene, async () => (await conditionAt(scene, "nyc", type))?.status === "False");
    await reached(scene, allTrue(scene, type, ["nyc"]));
    quiesce(scene);
    watch.end(interruption);
    expect(watch.violations).toEqual([]);
    const nyc = [...scene.world.hosts.values()].filter(({ site }) => site === "nyc");
    for (const { mysql, template } of nyc) {
      expect(mysql.started).toContain("max_connections=500");
      expect(template).toContain('"memory":"2Gi"');
    }
    expect(begunOn(scene).filter((line) => line.includes("database"))).toEqual([
      "nyc-0 database stop",
      "nyc-1 database stop",
    ]);
    expect(siteOf(scene.world, "nyc").primary).toBe("nyc-0");
  });
});

describe("what is left alone", () => {
  test("a pod that a drained host took meanwhile: it has come back as wanted", async () => {
    const scene = await settledScene(small);
    editSite(scene, "nyc", { image: "node:2" });
    await passSites(scene);
    await evict(scene, "nyc-1");
    await reached(scene, async () => hostOf(scene.world, "nyc-1").template.includes("node:2"));
    const [, , , uid] = uidsOf(scene);
    const watch = watchChange(scene, { moves: true });
    changeOfImage.begin(scene);
    await made(scene);
    quiesce(scene);
    watch.end(interruption * 2);
    expect(watch.violations).toEqual([]);
    expect(uidsOf(scene)[3]).toBe(uid);
    expect(begunOn(scene)).not.toContain("nyc-1 database stop");
  });

  test("a pod that does not say from what it was made", async () => {
    const scene = await settledScene(small);
    for (const host of scene.world.hosts.values()) host.template = "";
    const uids = uidsOf(scene);
    const silent = { get: () => "", set: () => {}, configurable: true };
    for (const host of scene.world.hosts.values()) Object.defineProperty(host, "template", silent);
    changeOfImage.begin(scene);
    for (let n = 0; n < 20; n += 1) await passSites(scene);
    expect(uidsOf(scene)).toEqual(uids);
    expect(begunOn(scene)).toEqual([]);
  });

  test("the same resources, written in another order", async () => {
    const scene = await settledScene(small);
    editSite(scene, "nyc", { resources: { limits: { cpu: "2", memory: "4Gi" } } });
    for (const host of scene.world.hosts.values()) host.template = "";
    for (let n = 0; n < 3; n += 1) await passSites(scene);
    editSite(scene, "nyc", { resources: { limits: { memory: "4Gi", cpu: "2" } } });
    for (let n = 0; n < 5; n += 1) await passSites(scene);
    expect(await conditionAt(scene, "nyc", type)).toMatchObject({ status: "True", reason: "Current" });
  });
});

describe("in the middle", () => {
  const stoppedAt = (scene: Scene, name: string) => async () =>
    begunOn(scene).includes(`${name} database stop`) && !hostOf(scene.world, name).mysql.up;

  test("a container that restarts after its database was stopped: it is stopped again before the pod goes", async () => {
    const scene = await settledScene(small);
    const watch = watchChange(scene, { moves: true });
    changeOfImage.begin(scene);
    await reached(scene, stoppedAt(scene, "nyc-1"));
    restartContainer(scene.world, hostOf(scene.world, "nyc-1"));
    await made(scene);
    quiesce(scene);
    watch.end(interruption);
    expect(watch.violations).toEqual([]);
    expect(begunOn(scene).filter((line) => line === "nyc-1 database stop").length).toBeGreaterThan(1);
  });

  test("a pod that does not come back: it is waited for, the other nodes serve, and the message names it", async () => {
    const scene = await settledScene(small);
    const watch = watchChange(scene, { moves: true });
    changeOfImage.begin(scene);
    const create = scene.objects.create;
    let away = true;
    Object.assign(scene.objects, {
      create: async (...[kind, object]: Parameters<typeof create>) => {
        if (away && kind === podKind) throw new Error("no room on any host");
        return create(kind, object);
      },
    });
    const patient = async () => {
      try {
        await passSites(scene);
      } catch (error) {
        if (!String(error).includes("no room")) throw error;
      }
    };
    for (let n = 0; n < 60; n += 1) await patient();
    expect((await clusterOf(scene, "nyc")).status?.ledger?.steps.at(-1)?.id).toBe("MaintainNode1");
    expect((await conditionAt(scene, "nyc", type))?.message).toMatch(/node nyc-1 has no running pod/);
    expect(await scene.objects.get(podKind, refOf("nyc-0"))).toBeDefined();
    away = false;
    await made(scene);
    quiesce(scene);
    watch.end(interruption);
    expect(watch.violations).toEqual([]);
  });
});
