/** The journal: who asked and approved, every command with its end, readable, and enough to do the same again (invariant 50). */
import { createHash } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { digest } from "../../simulator/oracle.ts";
import { exec } from "../../simulator/runner.ts";
import { advance } from "../../simulator/world.ts";
import type { KubeObject } from "../../src/controllers/shell.ts";
import { configMapKind, requestKind } from "../../src/kube/kinds.ts";
import type { Entry } from "../../src/procedures/journal.ts";
import {
  askForConversion,
  drive,
  namespace,
  newScene,
  pass,
  quiesce,
  type Scene,
  theRequest,
} from "./scene.ts";

const small = { sites: ["london", "nyc"], nodes: 2, seed: 7 } as const;
const taking = { backup: { mode: "Take" } };

async function pageOf(scene: Scene): Promise<KubeObject> {
  const page = await scene.objects.get(configMapKind, { namespace, name: "to-caa-journal-1" });
  if (page === undefined) throw new Error("no journal");
  return page;
}
const entriesOf = (page: KubeObject): readonly Entry[] =>
  String(page.data["journal.jsonl"])
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Entry);

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

describe("a conversion's journal", () => {
  test("names who asked and who approved, as the API server tells it", async () => {
    const scene = await newScene(small);
    const managed = (manager: string, field: string, time: string) => ({
      manager,
      operation: "Update",
      time,
      fieldsV1: { "f:spec": { [`f:${field}`]: {} } },
    });
    await askForConversion(scene, { approval: "Manual" });
    await pass(scene);
    const { hash } = (await theRequest(scene)).status.plan;
    scene.objects.edit(requestKind, { namespace, name: "to-caa" }, (request) => {
      request.spec.approvedPlan = hash;
      request.metadata.managedFields = [
        managed("argocd-controller", "procedure", "2026-11-18T10:00:00Z"),
        managed("kubectl-patch", "approvedPlan", "2026-11-18T11:00:00Z"),
        {
          manager: "tungsten-operator",
          operation: "Update",
          subresource: "status",
          fieldsV1: { "f:status": {} },
        },
      ];
    });
    for (let n = 0; n < 6; n += 1) await pass(scene);
    const [asked, approved] = entriesOf(await pageOf(scene));
    expect(asked?.text).toMatch(
      /spec\.procedure ConvertMsaaToCaa written by field manager «argocd-controller» \(Update\) at 2026-11-18T10:00:00Z$/,
    );
    expect(approved?.text).toBe(
      `plan ${hash}: spec.approvedPlan written by field manager «kubectl-patch» (Update) at 2026-11-18T11:00:00Z`,
    );
  });

  test("tells of every command where it ran, how it ended and how long it took", async () => {
    const scene = await newScene(small);
    await askForConversion(scene, {}, taking);
    await drive(scene);
    const entries = entriesOf(await pageOf(scene));
    const begun = entries.filter(({ event }) => event === "begin");
    const ended = new Map(entries.filter(({ event }) => event === "end").map((entry) => [entry.key, entry]));
    expect(begun.length).toBeGreaterThan(70);
    expect(begun.filter(({ key }) => !ended.has(key))).toEqual([]);
    expect(begun.every(({ key, node }) => ended.get(key)?.node === node)).toBe(true);
    const update = begun.find(({ command }) => command?.includes("update --replace-release"));
    expect(ended.get(update?.key)).toMatchObject({ ended: "exit 0", seconds: expect.any(Number) });
    expect(entries.every(({ text }) => (text ?? "").length <= 1000)).toBe(true);
    expect(JSON.stringify(entries)).not.toContain(scene.world.canary);
  });

  test("tells of a command that was cut off, and of the one that took its place", async () => {
    const scene = await newScene(small);
    scene.world.traps.push({ at: "running", host: "nyc-1", after: 0 });
    await askForConversion(scene, {}, taking);
    await drive(scene);
    const ends = entriesOf(await pageOf(scene)).filter(
      ({ event, node }) => event === "end" && node === "nyc-1",
    );
    expect(ends.slice(0, 2).map(({ ended, key }) => [ended, key?.slice(-2)])).toEqual([
      ["interrupted", "a1"],
      ["exit 0", "a2"],
    ]);
  });

  test("reads as text, one line a happening, output below it", async () => {
    const scene = await newScene(small);
    await askForConversion(scene, {}, taking);
    await drive(scene);
    const text = String((await pageOf(scene)).data["journal.txt"]);
    expect(text).toMatch(/^\S+Z {2}asked {2}UpgradeRequest to-caa/);
    expect(text).toMatch(/Z {2}begin {2}Backup {2}nyc-1 {2}backup before-[0-9a-f]{8}-nyc-1\n/);
    expect(text).toMatch(/Z {2}end {2}Backup {2}nyc-1 {2}exit 0 after 20(\.\d)? s\n/);
    expect(text).toMatch(
      /begin {2}StopCrossSiteReplicators {2}nyc-0 {2}cctrl {2}<<< "set policy maintenance/,
    );
    expect(text.split("\n").length).toBeGreaterThan(200);
  });

  test("a crash loses no command that ran", async () => {
    const scene = await newScene(small);
    let steps = 0;
    scene.onStep = (what) => {
      steps += 1;
      if (steps % 17 === 0) throw new Error(`crash ${what}`);
    };
    await askForConversion(scene);
    for (let going = true, n = 0; going && n < 3000; n += 1)
      try {
        going = await pass(scene);
      } catch (error) {
        if (!String(error).includes("crash")) throw error;
        scene.fences = new Map();
      }
    expect((await theRequest(scene)).status.ledger.outcome).toBe("Succeeded");
    const told = new Set(entriesOf(await pageOf(scene)).map(({ key }) => key));
    const ran = [...scene.world.hosts.values()].flatMap((host) => [...host.volume.markers.keys()]);
    expect(ran.filter((key) => !told.has(key))).toEqual([]);
  });
});

test("replaying the journal over the initial model gives the final model (invariant 50)", async () => {
  const scene = await newScene(small);
  await askForConversion(scene, {}, taking);
  const request = await drive(scene);
  expect(request.status.ledger.outcome).toBe("Succeeded");
  const entries = entriesOf(await pageOf(scene));
  const plan = await scene.objects.get(configMapKind, { namespace, name: request.status.plan.stored });
  const inis = String(plan?.data.plan)
    .split(/^tungsten\.ini, \w+ \(sha256 [0-9a-f]{64}\):\n/m)
    .slice(1);

  const { world } = await newScene(small);
  const before = digest(world);
  for (const { event, at, node = "", key = "", command = "", stdin } of entries) {
    if (event !== "begin") continue;
    advance(world, Math.max(0, Date.parse(at) - world.now));
    const words = command.split(" ");
    const fed =
      stdin ?? inis.map((text) => `${text.trimEnd()}\n`).find((text) => words.includes(sha256(text))) ?? "";
    const payload = `command\t${words.join("\t")}\nlimit\t60\n\n${fed}`;
    const host = world.hosts.get(node);
    const size = String(Buffer.byteLength(payload));
    const argv = ["runner", "start", host?.podUid ?? "", "9", key, size, sha256(payload)];
    expect(exec(world, node, argv, payload)).toMatchObject({ code: 0 });
  }
  advance(world, scene.world.now - world.now);
  quiesce(scene);
  world.sites.forEach((site) => {
    site.client.rate = 0;
  });
  advance(world, 30_000);
  expect(digest(world)).not.toBe(before);
  expect(digest(world)).toBe(digest(scene.world));
});
