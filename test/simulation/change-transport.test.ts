/** Replicators of a whole estate change to TLS and back: agreed on by all, begun by a word, proven on every service. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { hostOf } from "../../simulator/model.ts";
import { clusterKind, linkKind } from "../../src/kube/kinds.ts";
import { certificateFor } from "../certificates.ts";
import { expectGolden } from "../golden.ts";
import { putSecret } from "./accounts-scene.ts";
import { watchChange } from "./change-invariants.ts";
import { allSecured, approve, changeOfTransport, putCertificate, sayTls } from "./change-of-transport.ts";
import { askForConversion, conditionOf, drive, newScene, quiesce, type Scene } from "./scene.ts";
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
const current = "TransportCurrent";
const passes = async (scene: Scene, count: number) => {
  for (let n = 0; n < count; n += 1) await passSites(scene);
};
const isOver = (scene: Scene) => reached(scene, () => changeOfTransport.over(scene), { most: 600 });

async function secured(seed = 3) {
  const scene = await settledScene({ ...small, seed });
  changeOfTransport.begin(scene);
  await isOver(scene);
  return scene;
}

describe("TLS for replicators", () => {
  test("the story of two sites: one word, all nodes, both products; every row arrives", async () => {
    const scene = await settledScene(small);
    const watch = watchChange(scene, { together: true });
    const story: string[] = [];
    scene.world.listeners.push((event) => {
      if (event.kind === "command") story.push(lineOf(event));
      if (event.kind === "policy") story.push(`${event.site} is ${event.policy}`);
    });
    changeOfTransport.begin(scene);
    await passes(scene, 6);
    const asked = await conditionAt(scene, "london", current);
    expect(asked).toMatchObject({ status: "False", reason: "ApprovalNeeded" });
    expect(asked?.message).toMatch(
      /^replicators of all sites are to speak TLS; nothing is replicated, within sites/,
    );
    expect((await conditionAt(scene, "nyc", current))?.message).toMatch(/^TungstenCluster london begins it/);
    expect(begunOn(scene)).toEqual([]);
    await isOver(scene);
    quiesce(scene);
    watch.end(20);
    expect(watch.violations).toEqual([]);
    expectGolden(
      join(import.meta.dirname, "change-transport.story.txt"),
      story.map((line) => line.replace(/[0-9a-f]{64}/, "<sha256>")),
    );
    const { ini } = hostOf(scene.world, "nyc-1").volume;
    expect(ini?.match(/thl-ssl=true/g)?.length).toBe(2);
    const before = begunOn(scene).length;
    await passes(scene, 8);
    expect(begunOn(scene).length).toBe(before);
    const readable = [...scene.objects.all()].filter(([key]) => !key.startsWith("secrets/"));
    expect(JSON.stringify(readable) + scene.readable.join()).not.toContain(scene.world.canary);
  });

  test("while one of them does not agree it is named, and nothing begins", async () => {
    const scene = await settledScene(small);
    changeOfTransport.begin(scene);
    scene.objects.edit(linkKind, refOf("nyc-to-london"), ({ spec }) => {
      spec.tls = false;
    });
    await passes(scene, 5);
    for (const site of small.sites)
      expect(await conditionAt(scene, site, current)).toMatchObject({
        status: "False",
        reason: "Disagreement",
        message: expect.stringContaining("CrossSiteLink nyc-to-london does not"),
      });
    editSite(scene, "nyc", { tls: { secret: { name: "another" } } });
    await putSecret(scene, "another", {});
    await passes(scene, 3);
    expect(conditionOf(await clusterOf(scene, "nyc"), "Accepted")?.message).toMatch(
      /^spec\.tls\.secret\.name: the key tls\.crt of Secret another is missing or no PEM/,
    );
    editSite(scene, "nyc", { tls: { secret: { name: "replicators" } }, options: { "thl-ssl": "true" } });
    await passes(scene, 3);
    expect(conditionOf(await clusterOf(scene, "nyc"), "Accepted")?.message).toBe(
      "spec.options.thl-ssl: «thl-ssl» is rendered by the operator; set spec.tls",
    );
    expect(begunOn(scene)).toEqual([]);
  });

  test("back again by the same way", async () => {
    const scene = await secured();
    const watch = watchChange(scene, { together: true });
    sayTls(scene, false);
    await reached(
      scene,
      async () => {
        await approve(scene);
        return (
          allSecured(scene, false) &&
          (await allTrue(scene, "ConfigurationApplied")()) &&
          (await clusterOf(scene, "nyc")).status?.configuration.secured !== true
        );
      },
      { most: 600 },
    );
    expect(hostOf(scene.world, "london-0").volume.ini).not.toContain("thl-ssl");
    quiesce(scene);
    watch.end(20);
    expect(watch.violations).toEqual([]);
  });

  test("a composite has it too, and a conversion of a secured estate keeps it", async () => {
    const scene = await secured();
    await askForConversion(scene);
    expect((await drive(scene)).status.ledger.outcome).toBe("Succeeded");
    await passes(scene, 4);
    const reads = () =>
      [...scene.world.hosts.values()].every(
        ({ volume, replicators }) =>
          volume.installed.cluster?.secured === true &&
          [...(replicators.cluster?.services.values() ?? [])].every(({ state }) => state === "ONLINE"),
      );
    expect(reads()).toBe(true);
    const watch = watchChange(scene, { together: true });
    sayTls(scene, false);
    await reached(
      scene,
      async () => {
        await approve(scene);
        const plain = [...scene.world.hosts.values()].every(
          ({ volume }) => volume.installed.cluster?.secured !== true,
        );
        return plain && (await allTrue(scene, "ConfigurationApplied")());
      },
      { most: 600 },
    );
    quiesce(scene);
    watch.end(20);
    expect(watch.violations).toEqual([]);
  });

  test("a dynamic composite, whose text has a name of its own for its kind, stays the composite it is", async () => {
    const scene = await settledScene({ ...small, topology: "DAA" });
    const watch = watchChange(scene, { together: true });
    changeOfTransport.begin(scene);
    await reached(scene, () => changeOfTransport.over(scene), { most: 600 });
    for (const { volume } of scene.world.hosts.values())
      expect(volume.ini).toContain("topology=composite-multi-master\n");
    quiesce(scene);
    watch.end(20);
    expect(watch.violations).toEqual([]);
  });

  test("a changed certificate is brought node by node, and needs no word about the transport", async () => {
    const scene = await secured();
    const watch = watchChange(scene);
    await putCertificate(scene, "second");
    const used = () =>
      [...scene.world.hosts.values()].every(
        ({ volume, joinedSecret }) =>
          joinedSecret.get("tls.crt") === certificateFor("second")["tls.crt"] &&
          volume.installedSecret.cluster === joinedSecret.get("ini-version"),
      );
    await reached(scene, async () => used() && (await allTrue(scene, "ConfigurationApplied")()), {
      most: 600,
    });
    expect(allSecured(scene, true)).toBe(true);
    quiesce(scene);
    watch.end(20);
    expect(watch.violations).toEqual([]);
  });

  test("a fresh estate begins with it, and is asked for no word", async () => {
    const scene = await newScene(small);
    changeOfTransport.begin(scene);
    for (const host of scene.world.hosts.values()) {
      for (const product of ["cluster", "crossSite"] as const) {
        delete host.volume.installed[product];
        delete host.volume.installedIni[product];
      }
      Object.assign(host.volume, { ini: null, userMap: [] });
      Object.assign(host, { replicators: {}, joined: false });
      Object.assign(host.manager, { running: false });
      Object.assign(host.connector, { running: false });
      host.volume.thl.clear();
      host.mysql.schemas.clear();
    }
    const installed = async () =>
      allSecured(scene, true) && (await allTrue(scene, current)()) && (await allTrue(scene, "Ready")());
    await reached(scene, installed, { most: 400 });
    expect(begunOn(scene).filter((line) => line.includes(" update "))).toEqual([]);
    expect((await clusterOf(scene, "london")).status?.configuration.secured).toBe(true);
  });

  test("an option changes over TLS as it does without", async () => {
    const scene = await secured();
    editSite(scene, "nyc", { options: { "thl-log-retention": "3d" } });
    await passes(scene, 1);
    await reached(
      scene,
      async () => (await conditionAt(scene, "nyc", "ConfigurationApplied"))?.status !== "True",
    );
    await reached(scene, allTrue(scene, "ConfigurationApplied"), { most: 600 });
    expect(allSecured(scene, true)).toBe(true);
    expect((await scene.objects.get(clusterKind, refOf("nyc")))?.status?.configuration.secured).toBe(true);
  });
});
