/** A change of options on an installed estate: one site after the other, one node after the other, nothing lost, the primary where it was. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { hostOf, siteOf } from "../../simulator/model.ts";
import type { Steps } from "../../simulator/outside.ts";
import type { ToolResult } from "../../simulator/state.ts";
import { switchPrimary } from "../../simulator/switching.ts";
import { advance, spawn } from "../../simulator/world.ts";
import { configMapKind, linkKind, requestKind } from "../../src/kube/kinds.ts";
import { expectGolden } from "../golden.ts";
import { watchChange } from "./change-invariants.ts";
import { askForConversion, drive, namespace, pass, quiesce, type Scene, theRequest } from "./scene.ts";
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
const applied = "ConfigurationApplied";
const options = { options: { "thl-log-retention": "3d" } };
/** Connectors are promoted one by one: a client finds another. */
const interruption = 20;

const inAll = (scene: Scene): Promise<true> => reached(scene, allTrue(scene, applied));

async function changed(shape: typeof small) {
  const scene = await settledScene(shape);
  const watch = watchChange(scene);
  const story: string[] = [];
  let told = "";
  scene.world.listeners.push((event) => {
    if (event.kind === "command") story.push(lineOf(event));
    if (event.kind === "policy") story.push(`${event.site} is ${event.policy}`);
  });
  editSite(scene, "nyc", options);
  await reached(scene, async () => {
    const now = (await conditionAt(scene, "nyc", applied))?.message ?? "";
    const said = now.replace(/( \(\d+ of \d+\))?(: .*)?$/, "");
    if (said !== told) story.push(`          nyc: ${said}`);
    told = said;
    return allTrue(scene, applied)();
  });
  quiesce(scene);
  watch.end(interruption);
  return { scene, watch, story };
}

test("while a site takes a text over nobody is said to have changed its nodes", async () => {
  const scene = await settledScene(small);
  const said = new Set<string>();
  editSite(scene, "nyc", options);
  await reached(scene, async () => {
    for (const site of small.sites) {
      const left = await conditionAt(scene, site, "AsLeft");
      if (left?.status === "False") said.add(left.message ?? "");
    }
    return allTrue(scene, applied)();
  });
  await reached(scene, allTrue(scene, "AsLeft"));
  expect([...said]).toEqual([]);
});

describe("the story", () => {
  test("of two sites with three nodes: an option of nyc reaches every node, and every row", async () => {
    const { scene, watch, story } = await changed({ ...small, nodes: 3 });
    expect(watch.violations).toEqual([]);
    expectGolden(
      join(import.meta.dirname, "apply-configuration.story.txt"),
      story.map((line) => line.replace(/[0-9a-f]{64}/, "<sha256>").replace(/\b[0-9a-f]{8}\b/, "<text>")),
    );
    const map = await scene.objects.get(configMapKind, refOf("global-tungsten-ini"));
    expect(map?.data["tungsten.ini"]).toBe(hostOf(scene.world, "nyc-2").volume.ini);
    const before = begunOn(scene).length;
    for (let n = 0; n < 10; n += 1) await passSites(scene);
    expect(begunOn(scene).length).toBe(before);
  });

  test("an option of a link belongs to the second product", async () => {
    const scene = await settledScene(small);
    const watch = watchChange(scene);
    scene.objects.edit(linkKind, refOf("london-to-nyc"), ({ spec }) => {
      spec.options = { "thl-log-retention": "2d" };
    });
    await reached(scene, async () => (await conditionAt(scene, "nyc", applied))?.status !== "True");
    await inAll(scene);
    quiesce(scene);
    watch.end(interruption);
    expect(watch.violations).toEqual([]);
    expect(hostOf(scene.world, "nyc-1").volume.ini).toMatch(/\[london_nyc\][^[]*thl-log-retention=2d/);
    expect(begunOn(scene)).toContain("nyc-1 tpm crossSite 8.0.4-132 update --replace-release");
  });

  test("a converted estate gets its CAA text, and the ConfigMap shows it", async () => {
    const scene = await settledScene(small);
    await askForConversion(scene);
    expect((await drive(scene)).status.ledger.outcome).toBe("Succeeded");
    for (let n = 0; n < 3; n += 1) await passSites(scene);
    await inAll(scene);
    const watch = watchChange(scene);
    editSite(scene, "london", options);
    await inAll(scene);
    quiesce(scene);
    watch.end(interruption);
    expect(watch.violations).toEqual([]);
    const map = await scene.objects.get(configMapKind, refOf("global-tungsten-ini"));
    expect(map?.data["tungsten.ini"]).toContain("composite-multi-master");
    expect(map?.data["tungsten.ini"]).toBe(hostOf(scene.world, "nyc-1").volume.ini);
    expect(
      begunOn(scene).filter((line) => /trepctl crossSite.*online$|update --replace-release$/.test(line)),
    ).toEqual(expect.not.arrayContaining([expect.stringContaining("nyc-0 tpm crossSite 8.0.4-132 update")]));
  });
});

/** A DBA makes another node the primary. */
function switched(scene: Scene, site: string): void {
  const { world } = scene;
  const host = hostOf(world, `${site}-0`);
  spawn(
    world,
    host,
    ["cctrl"],
    asTool(switchPrimary(world, host, `${site}-1`)),
    () => {},
    () => {},
  );
  advance(world, 20_000);
}

function* asTool(steps: ReturnType<typeof switchPrimary>): Steps<ToolResult> {
  return { code: 0, out: (yield* steps).join("\n"), err: "" };
}

describe("the primary is a fact", () => {
  test("one that differs from the spec's initial one stays where it is", async () => {
    const scene = await settledScene(small);
    switched(scene, "nyc");
    advance(scene.world, 10_000);
    for (let n = 0; n < 4; n += 1) await passSites(scene);
    expect(begunOn(scene)).toEqual([]);
    expect(await conditionAt(scene, "nyc", applied)).toMatchObject({ status: "True" });
    const watch = watchChange(scene);
    editSite(scene, "nyc", options);
    await inAll(scene);
    expect(siteOf(scene.world, "nyc").primary).toBe("nyc-1");
    expect(hostOf(scene.world, "london-0").volume.ini).toMatch(/\[nyc\][^[]*master=nyc-1/);
    quiesce(scene);
    watch.end(interruption);
    expect(watch.violations).toEqual([]);
  });

  test("one that a DBA moves in the middle is taken up: the walk begins anew with it", async () => {
    const scene = await settledScene(small);
    const watch = watchChange(scene);
    editSite(scene, "nyc", options);
    const at = async () => (await clusterOf(scene, "nyc")).status?.ledger?.steps.at(-1)?.id === "UpdateNode1";
    await reached(scene, at);
    switched(scene, "nyc");
    await inAll(scene);
    expect(siteOf(scene.world, "nyc").primary).toBe("nyc-1");
    expect(hostOf(scene.world, "nyc-0").volume.ini).toMatch(/\[nyc\][^[]*master=nyc-1/);
    expect(scene.readable.join("\n")).toContain("begins anew: the primary is nyc-1 by now");
    expect(watch.violations).toEqual([]);
    expect(siteOf(scene.world, "nyc").policy).toBe("AUTOMATIC");
  });
});

describe("who has the word", () => {
  test("a spec that is put back in the middle leads every node back, and the policy", async () => {
    const scene = await settledScene(small);
    const watch = watchChange(scene);
    const before = hostOf(scene.world, "london-0").volume.ini;
    editSite(scene, "london", options);
    const at = async () =>
      (await clusterOf(scene, "london")).status?.ledger?.steps.at(-1)?.id === "UpdateNode0";
    await reached(scene, at);
    editSite(scene, "london", { options: {} });
    await inAll(scene);
    quiesce(scene);
    watch.end(interruption);
    expect(watch.violations).toEqual([]);
    for (const host of scene.world.hosts.values()) expect(host.volume.ini).toBe(before);
  });

  test("with OnApproval nothing begins before the text is named by its checksum", async () => {
    const scene = await settledScene(small);
    for (const site of small.sites) editSite(scene, site, { changes: { configuration: "OnApproval" } });
    editSite(scene, "nyc", options);
    for (let n = 0; n < 5; n += 1) await passSites(scene);
    const asked = await conditionAt(scene, "nyc", applied);
    expect(asked).toMatchObject({ status: "False", reason: "ApprovalNeeded" });
    expect(begunOn(scene)).toEqual([]);
    editSite(scene, "nyc", { changes: { configuration: "OnApproval", approved: "0".repeat(64) } });
    for (let n = 0; n < 5; n += 1) await passSites(scene);
    expect(begunOn(scene)).toEqual([]);
    const approved = /set spec\.changes\.approved to ([0-9a-f]{64})/.exec(asked?.message ?? "")?.[1];
    for (const site of small.sites)
      editSite(scene, site, { changes: { configuration: "OnApproval", approved } });
    await inAll(scene);
    expect(begunOn(scene).length).toBeGreaterThan(10);
  });

  test("MAINTENANCE set by hand before it begins is somebody at work", async () => {
    const scene = await settledScene(small);
    siteOf(scene.world, "london").policy = "MAINTENANCE";
    editSite(scene, "london", options);
    for (let n = 0; n < 5; n += 1) await passSites(scene);
    const told = await conditionAt(scene, "london", applied);
    expect(told).toMatchObject({ status: "False", reason: "Waiting" });
    expect(told?.message).toMatch(
      /the policy is MAINTENANCE and spec\.policy wants AUTOMATIC: somebody may be at work/,
    );
    expect((await conditionAt(scene, "nyc", applied))?.message).toMatch(/site london has its turn first/);
    expect(begunOn(scene)).toEqual([]);
    siteOf(scene.world, "london").policy = "AUTOMATIC";
    await inAll(scene);
  });

  test("proceduresPaused, and a site in trouble, begin nothing", async () => {
    const scene = await settledScene(small);
    editSite(scene, "london", { ...options, proceduresPaused: true });
    for (let n = 0; n < 5; n += 1) await passSites(scene);
    expect((await conditionAt(scene, "london", applied))?.message).toMatch(
      /spec\.proceduresPaused admits no procedure/,
    );
    editSite(scene, "london", { proceduresPaused: false });
    hostOf(scene.world, "london-1").mysql.up = false;
    advance(scene.world, 10_000);
    for (let n = 0; n < 5; n += 1) await passSites(scene);
    expect(await conditionAt(scene, "london", applied)).toMatchObject({ status: "False", reason: "Waiting" });
    expect(begunOn(scene)).toEqual([]);
    expect((await conditionAt(scene, "london", applied))?.message).toMatch(
      /^options have changed; not begun yet: service london of london-1 is OFFLINE:ERROR \(unknown-error\)/,
    );
  });

  test("an ini that somebody brought by hand is told, and replaced only with a word", async () => {
    const scene = await settledScene(small);
    const host = hostOf(scene.world, "nyc-1");
    host.volume.installedIni = { cluster: "5".repeat(64), crossSite: "5".repeat(64) };
    for (let n = 0; n < 5; n += 1) await passSites(scene);
    const told = await conditionAt(scene, "nyc", applied);
    expect(told).toMatchObject({ status: "False", reason: "ApprovalNeeded" });
    expect(told?.message).toMatch(/^somebody ran tpm over another tungsten\.ini by hand; to bring/);
    expect(begunOn(scene)).toEqual([]);
    const approved = /approved to ([0-9a-f]{64})/.exec(told?.message ?? "")?.[1];
    editSite(scene, "nyc", { changes: { approved } });
    await inAll(scene);
    expect(begunOn(scene)).toContain("nyc-1 tpm cluster 8.0.4-132 update --replace-release --no-connectors");
    expect(begunOn(scene).filter((line) => line.startsWith("nyc-0 tpm cluster 8"))).toEqual([]);
  });

  test("what tpm has to say halts it, and it goes on when the spec is touched", async () => {
    const scene = await settledScene(small);
    const host = hostOf(scene.world, "london-1");
    host.volume.software.clear();
    editSite(scene, "london", options);
    const halted = async () => (await conditionAt(scene, "london", applied))?.reason === "CommandFailed";
    await reached(scene, halted);
    expect((await conditionAt(scene, "london", applied))?.message).toMatch(
      /halted|tpm cluster 8\.0\.4-132 update --replace-release --no-connectors exited 127 .*given up after 5 attempts/,
    );
    expect(siteOf(scene.world, "london").policy).toBe("MAINTENANCE");
    expect(begunOn(scene).filter((line) => line.startsWith("nyc"))).toEqual([]);
    host.volume.software.add("8.0.4-132");
    editSite(scene, "london", { retention: "Retain" });
    await inAll(scene);
  });
});

describe("one procedure at a time on a site", () => {
  test("a request that runs is not disturbed: the change waits for its end", async () => {
    const scene = await settledScene(small);
    await askForConversion(scene);
    for (let n = 0; n < 30; n += 1) await pass(scene);
    expect((await theRequest(scene)).status?.ledger?.phase).toBe("Running");
    const before = begunOn(scene).length;
    for (let n = 0; n < 3; n += 1) await passSites(scene);
    expect(await conditionAt(scene, "nyc", applied)).toMatchObject({
      status: "Unknown",
      reason: "ProcedureRuns",
    });
    expect(begunOn(scene).length).toBe(before);
  });

  test("a request waits for a change that runs, and says for whom", async () => {
    const scene = await settledScene(small);
    editSite(scene, "london", options);
    const running = async () => (await clusterOf(scene, "london")).status?.ledger?.phase === "Running";
    await reached(scene, running);
    await askForConversion(scene);
    for (let n = 0; n < 5; n += 1) await pass(scene);
    expect((await theRequest(scene)).status?.ledger?.phase).not.toBe("Running");
    expect(JSON.stringify((await theRequest(scene)).status?.conditions)).toMatch(/TungstenCluster london/);
    await scene.objects.remove(requestKind, { namespace, name: "to-caa" }, "");
    await inAll(scene);
  });

  test("a number of nodes that waits for its pods keeps nobody from a change of options", async () => {
    const scene = await settledScene(small);
    editSite(scene, "nyc", { nodes: 3, ...options });
    await inAll(scene);
    expect(hostOf(scene.world, "nyc-1").volume.ini).toContain("thl-log-retention=3d");
    expect(hostOf(scene.world, "nyc-1").volume.ini).not.toContain("nyc-2");
    await passSites(scene);
    expect(await conditionAt(scene, "nyc", "NodesInService")).toMatchObject({
      status: "False",
      reason: "Waiting",
      message: expect.stringMatching(/nyc-2 has no running pod$/),
    });
  });
});
