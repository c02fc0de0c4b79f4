/** Nodes that join an installed site and leave it: filled before they serve, out before their pods go, no row lost. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { type Host, hostOf, hostsOf, siteOf } from "../../simulator/model.ts";
import { serviceKind } from "../../src/kube/kinds.ts";
import { expectGolden } from "../golden.ts";
import { watchChange } from "./change-invariants.ts";
import { switchTo } from "./change-of-nodes.ts";
import { runPods, type Volumes } from "./pods.ts";
import { askForConversion, drive, quiesce, type Scene } from "./scene.ts";
import {
  allTrue,
  begunOn,
  conditionAt,
  editSite,
  lineOf,
  passSites,
  refOf,
  settledScene,
} from "./site-scene.ts";

const small = { sites: ["london", "nyc"], nodes: 2, seed: 3 };
const scaled = "NodesInService";
const interruption = 20;

/** Passes with pods that come and go until every site is as wanted and configured so. */
async function settled(scene: Scene, volumes: Volumes, story: string[] = [], most = 2500): Promise<void> {
  let told = "";
  for (let n = 0; n < most; n += 1) {
    const now = (await conditionAt(scene, "nyc", scaled))?.message ?? "";
    const said = now.replace(/( \(\d+ of \d+\))?(: .*)?$/, "");
    if (said !== told) story.push(`          nyc: ${said}`);
    told = said;
    if ((await allTrue(scene, scaled)()) && (await allTrue(scene, "ConfigurationApplied")()) && n > 3) {
      for (const did of await runPods(scene, volumes)) story.push(did);
      return;
    }
    await passSites(scene);
    for (const did of await runPods(scene, volumes)) story.push(did);
  }
  const all = await Promise.all(small.sites.map((name) => conditionAt(scene, name, scaled)));
  throw new Error(
    `never settled: ${JSON.stringify(all)} ${JSON.stringify(await conditionAt(scene, "london", "ConfigurationApplied"))}`,
  );
}

function tellInto(scene: Scene, story: string[]): void {
  scene.world.listeners.push((event) => {
    if (event.kind === "command") story.push(lineOf(event));
    if (event.kind === "policy") story.push(`${event.site} is ${event.policy}`);
  });
}
const plain = (story: readonly string[]) =>
  story.map((line) => line.replace(/[0-9a-f]{64}/, "<sha256>").replace(/\b[0-9a-f]{8}\b/, "<text>"));

describe("the story", () => {
  test("of a third node for nyc: filled from a replica, told to everybody, no row lost", async () => {
    const scene = await settledScene(small);
    const watch = watchChange(scene, { joins: ["nyc-2"] });
    const story: string[] = [];
    tellInto(scene, story);
    editSite(scene, "nyc", { nodes: 3 });
    await settled(scene, new Map(), story);
    for (let n = 0; n < 4; n += 1) await passSites(scene);
    quiesce(scene);
    watch.end(interruption);
    expect(watch.violations).toEqual([]);
    expectGolden(join(import.meta.dirname, "add-nodes.story.txt"), plain(story));
  });

  test("a donor that is taken out meanwhile gives nothing until it is back", async () => {
    const scene = await settledScene({ ...small, nodes: 3 });
    const volumes: Volumes = new Map();
    editSite(scene, "nyc", { nodes: 4 });
    const filling = async (): Promise<string> => (await conditionAt(scene, "nyc", scaled))?.message ?? "";
    const on = async (passes: number): Promise<void> => {
      for (let n = 0; n < passes; n += 1) {
        await passSites(scene);
        await runPods(scene, volumes);
      }
    };
    for (let n = 0; n < 400 && !/Fill nyc-3 from nyc-1/.test(await filling()); n += 1) await on(1);
    const nyc = scene.world.sites.get("nyc");
    if (nyc === undefined) throw new Error("no site");
    nyc.out = { ...nyc.out, "nyc-1": "OFFLINE" };
    const provisions = () => begunOn(scene).filter((line) => line.includes("tprovision"));
    for (
      let n = 0;
      n < 60 && !/datasource nyc-1 is slave:OFFLINE by the manager of nyc-\d/.test(await filling());
      n += 1
    )
      await on(1);
    await on(10);
    expect([provisions(), await filling()]).toEqual([
      [],
      expect.stringMatching(/datasource nyc-1 is slave:OFFLINE by the manager of nyc-\d/),
    ]);
    const { "nyc-1": _, ...others } = nyc.out;
    nyc.out = others;
    await settled(scene, volumes);
    expect(provisions()).toHaveLength(1);
  });

  test("of a node less: out of service, out of every text, and only then its pod", async () => {
    const scene = await settledScene({ ...small, nodes: 3 });
    const watch = watchChange(scene, { leaves: ["nyc-2"] });
    const story: string[] = [];
    const volumes: Volumes = new Map();
    tellInto(scene, story);
    editSite(scene, "nyc", { nodes: 2 });
    await settled(scene, volumes, story);
    for (let n = 0; n < 4; n += 1) await passSites(scene);
    quiesce(scene);
    watch.end(interruption);
    expect(watch.violations).toEqual([]);
    expect([...volumes.keys()]).toEqual(["nyc-2"]);
    expect(await scene.objects.get(serviceKind, refOf("nyc-2"))).toBeUndefined();
    expect(await scene.objects.get(serviceKind, refOf("nyc-1"))).toBeDefined();
    expectGolden(join(import.meta.dirname, "remove-nodes.story.txt"), plain(story));
  });
});

describe("in a composite", () => {
  test("a node joins with the services of every other site, and leaves again", async () => {
    const scene = await settledScene(small);
    await askForConversion(scene);
    expect((await drive(scene)).status.ledger.outcome).toBe("Succeeded");
    const volumes: Volumes = new Map();
    for (let n = 0; n < 4; n += 1) await passSites(scene);
    await settled(scene, volumes);
    const joined = watchChange(scene, { joins: ["nyc-2"] });
    editSite(scene, "nyc", { nodes: 3 });
    await settled(scene, volumes);
    const services = [...(hostOf(scene.world, "nyc-2").replicators.cluster?.services.values() ?? [])];
    expect(services.map(({ name, state }) => `${name} ${state}`).sort()).toEqual([
      "nyc ONLINE",
      "nyc_from_london ONLINE",
    ]);
    expect(joined.violations).toEqual([]);
    const left = watchChange(scene, { leaves: ["nyc-2"] });
    editSite(scene, "nyc", { nodes: 2 });
    await settled(scene, volumes);
    quiesce(scene);
    left.end(interruption);
    expect(left.violations).toEqual([]);
  });
});

/** What is told when nothing begins, and that nothing has. */
async function refusedWith(scene: Scene, volumes: Volumes = new Map()): Promise<string> {
  for (let n = 0; n < 5; n += 1) {
    await passSites(scene);
    await runPods(scene, volumes);
  }
  const told = await conditionAt(scene, "nyc", scaled);
  expect(told?.status).toBe("False");
  return `${told?.reason}: ${told?.message}`;
}

describe("what is refused, with the way out", () => {
  test("the primary does not leave, nor the second last node, nor any beside a witness", async () => {
    const scene = await settledScene({ ...small, nodes: 3 });
    const before = begunOn(scene);
    editSite(scene, "nyc", { nodes: 1 });
    expect(await refusedWith(scene)).toMatch(
      /^Refused: spec\.nodes is 1, and 3 are in service: a site of one node has nobody .*; put spec\.nodes back to 3$/,
    );
    switchTo(scene, "nyc", "nyc-2");
    editSite(scene, "nyc", { nodes: 2 });
    expect(await refusedWith(scene)).toMatch(
      /^Refused: .* nyc-2, which would leave, is the primary; switch to another node first .*Switch\), or put spec\.nodes back to 3$/,
    );
    expect(hostsOf(scene.world, "nyc").length).toBe(3);
    editSite(scene, "nyc", { nodes: 4, witness: { active: true } });
    expect(await refusedWith(scene)).toMatch(
      /^Refused: .* the witness's name follows those of the nodes; put spec\.nodes back to 3$/,
    );
    expect(begunOn(scene)).toEqual(before);
    expect(await conditionAt(scene, "nyc", "Accepted")).toMatchObject({ status: "True" });
  });

  test("a volume of before is not overwritten", async () => {
    const scene = await settledScene(small);
    const [host] = hostsOf(scene.world, "nyc");
    const left = structuredClone({ ...host, cluster: undefined, tools: [] }) as unknown as Host;
    const volumes: Volumes = new Map([
      ["nyc-2", { ...left, name: "nyc-2", ordinal: 2, cluster: siteOf(scene.world, "nyc") }],
    ]);
    volumes.get("nyc-2")?.volume.holds.add("cluster").add("manager").add("connector").add("crossSite");
    editSite(scene, "nyc", { nodes: 3 });
    expect(await refusedWith(scene, volumes)).toMatch(
      /^Refused: .* nyc-2 comes with a volume that holds an installation of Tungsten.*delete its claims \(opt-nyc-2, backups-nyc-2\)/,
    );
    expect(begunOn(scene)).toEqual([]);
  });

  test("nor is a database that was a replica once, though Tungsten is gone from its volume", async () => {
    const scene = await settledScene(small);
    const volumes: Volumes = new Map();
    editSite(scene, "nyc", { nodes: 3 });
    await runPods(scene, volumes);
    for (let n = 0; n < 5 && !scene.world.hosts.has("nyc-2"); n += 1) {
      for (const did of await runPods(scene, volumes)) expect(did).toContain("nyc-2");
      if (!scene.world.hosts.has("nyc-2")) await passSites(scene);
    }
    hostOf(scene.world, "nyc-2").mysql.schemas.set("tungsten_nyc", "empty");
    const before = begunOn(scene);
    expect(await refusedWith(scene, volumes)).toMatch(
      /^Refused: .* nyc-2 comes with a volume that holds tungsten_nyc, so that it may hold data/,
    );
    expect(begunOn(scene)).toEqual(before);
  });

  test("with OnApproval the text is named first; with proceduresPaused nothing begins", async () => {
    const scene = await settledScene(small);
    const volumes: Volumes = new Map();
    editSite(scene, "nyc", { nodes: 3, changes: { configuration: "OnApproval" } });
    expect(await refusedWith(scene, volumes)).toMatch(
      /^ApprovalNeeded: .* set spec\.changes\.approved to [0-9a-f]{64}$/,
    );
    editSite(scene, "nyc", { proceduresPaused: true });
    expect(await refusedWith(scene, volumes)).toMatch(/^Waiting: .*proceduresPaused admits no procedure/);
    expect(begunOn(scene)).toEqual([]);
  });
});

describe("a change of mind", () => {
  test("while the new node is filled turns the walk round: it leaves again, and everybody has the text of before", async () => {
    const scene = await settledScene(small);
    const watch = watchChange(scene, { joins: [], leaves: ["nyc-2"] });
    const volumes: Volumes = new Map();
    const text = hostsOf(scene.world, "nyc")[0]?.volume.ini;
    editSite(scene, "nyc", { nodes: 3 });
    for (let n = 0; n < 400 && !begunOn(scene).some((line) => line.includes("tprovision")); n += 1) {
      await passSites(scene);
      await runPods(scene, volumes);
    }
    editSite(scene, "nyc", { nodes: 2 });
    await settled(scene, volumes);
    quiesce(scene);
    watch.end(interruption);
    expect(watch.violations.filter(({ n }) => n !== 24)).toEqual([]);
    expect([...volumes.keys()]).toEqual(["nyc-2"]);
    for (const host of scene.world.hosts.values()) expect(host.volume.ini).toBe(text);
  });
});
