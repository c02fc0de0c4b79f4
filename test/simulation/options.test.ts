/** Options of CrossSiteLinks, carried over: written by post-process after every update, in force before a service goes online. */
import { describe, expect, test } from "@jest/globals";
import { hostOf } from "../../simulator/model.ts";
import { judge } from "../../simulator/oracle.ts";
import { readConfiguration } from "../../simulator/tools/ini.ts";
import { restartContainer } from "../../simulator/world.ts";
import { type Change, changedBy, withoutPart } from "./mutate.ts";
import { watchScene } from "./run-invariants.ts";
import { askForConversion, newScene, pass, quiesce, type SceneShape, theRequest } from "./scene.ts";
import { progressOf } from "./steering.ts";

const linkOptions = {
  "nyc-to-london": {
    "svc-applier-filters": "replicate",
    property: "replicator.filter.replicate.ignore=scratch",
    "log-slave-updates": "true",
  },
} as const;
const shape = { sites: ["london", "nyc"], nodes: 2, seed: 21, linkOptions };

const converted = (...changes: readonly Change[]) => convertedAs(shape, ...changes);

async function convertedAs(like: SceneShape, ...changes: readonly Change[]) {
  const scene = await newScene(like);
  scene.catalog = changedBy(...changes);
  const watch = watchScene(scene);
  await askForConversion(scene);
  for (let n = 0; n < 1500 && (await pass(scene)); n += 1)
    if ((await theRequest(scene)).status?.ledger?.halt !== undefined) break;
  const request = await theRequest(scene);
  quiesce(scene);
  if (request.status.ledger.outcome === "Succeeded") watch.end(240);
  const propertiesOn = (host: string, service: string) =>
    hostOf(scene.world, host).replicators.cluster?.services.get(service)?.properties ?? {};
  return { scene, watch, request, propertiesOn };
}

describe("the story", () => {
  test("every node of the target runs its service with the link's options; no other service has them", async () => {
    const { scene, watch, request, propertiesOn } = await converted();
    expect(progressOf(request)).toBe("finished: Succeeded");
    expect(request.status.ledger.outcome).toBe("Succeeded");
    expect(watch.violations).toEqual([]);
    expect(judge(scene.world)).toMatchObject({ missing: [], doubled: [], outOfOrder: 0 });
    for (const host of ["london-0", "london-1"])
      expect(propertiesOn(host, "london_from_nyc")).toMatchObject({
        "replicator.stage.q-to-dbms.filters": "replicate",
        "replicator.filter.replicate.ignore": "scratch",
        "replicator.log.slave.updates": "true",
        "replicator.auto_enable": "true",
      });
    for (const [host, service] of [
      ["london-0", "london"],
      ["nyc-1", "nyc_from_london"],
      ["nyc-0", "nyc"],
    ] as const)
      expect(propertiesOn(host, service)).toEqual({ "replicator.auto_enable": "true" });
  });

  test("a site that logs what comes from others: every service of every node of it, in the text and as it runs", async () => {
    const ofLink = (source: string) => ({
      "log-slave-updates": "true",
      property: `replicator.filter.replicate.ignore=${source}_scratch`,
    });
    const { scene, watch, request, propertiesOn } = await convertedAs({
      ...shape,
      sites: ["london", "nyc", "tokyo"],
      linkOptions: { "nyc-to-london": ofLink("nyc"), "tokyo-to-london": ofLink("tokyo") },
    });
    expect(request.status.ledger.outcome).toBe("Succeeded");
    expect(watch.violations).toEqual([]);
    for (const { name, site, volume } of scene.world.hosts.values()) {
      const { sections } = readConfiguration(volume.ini ?? "", "cluster");
      const logging = [...sections].flatMap(([section, has]) =>
        has.get("log-slave-updates") === "true" ? [section] : [],
      );
      expect([name, ...logging]).toEqual([name, "london_from_nyc", "london_from_tokyo"]);
      for (const [service, { state, properties }] of hostOf(scene.world, name).replicators.cluster
        ?.services ?? []) {
        const source = /^london_from_(.+)$/.exec(service)?.[1];
        expect([name, service, state]).toEqual([name, service, "ONLINE"]);
        expect([name, service, properties["replicator.log.slave.updates"]]).toEqual([
          name,
          service,
          site === "london" && source !== undefined ? "true" : undefined,
        ]);
        expect(propertiesOn(name, service)["replicator.filter.replicate.ignore"]).toBe(
          source === undefined ? undefined : `${source}_scratch`,
        );
      }
    }
  });

  test("post-process runs once on every node, after its update; without options nowhere", async () => {
    const ran = ({ scene }: Awaited<ReturnType<typeof converted>>) =>
      [...scene.world.hosts.values()].map(({ name, volume }) => [
        name,
        ...[...volume.markers.values()].flatMap(({ argv }) => (argv[0] === "tpm" ? [argv[3]] : [])),
      ]);
    expect(ran(await converted())).toEqual(
      ["london-0", "london-1", "nyc-0", "nyc-1"].map((name) => [name, "uninstall", "update", "post-process"]),
    );
  });

  test("a pod that restarts between update and post-process brings no service up", async () => {
    const scene = await newScene(shape);
    const watch = watchScene(scene);
    let struck = 0;
    scene.world.listeners.push((event) => {
      if (event.kind === "tpm" && event.verb === "update" && event.when === "end") struck += 1;
    });
    await askForConversion(scene);
    let restarted = 0;
    for (let n = 0; n < 1500 && (await pass(scene)); n += 1)
      if (struck > restarted) {
        restarted = struck;
        for (const host of scene.world.hosts.values())
          if (host.site === "london") restartContainer(scene.world, host);
      }
    expect(restarted).toBeGreaterThan(1);
    expect((await theRequest(scene)).status.ledger.outcome).toBe("Succeeded");
    expect(watch.violations.filter(({ n }) => n === 51)).toEqual([]);
  });
});

describe("a container that ends with the end of its post-process", () => {
  async function endingWith(...changes: readonly Change[]) {
    const scene = await newScene({
      ...shape,
      linkOptions: { "london-to-nyc": { "log-slave-updates": "true" } },
    });
    scene.catalog = changedBy(...changes);
    const watch = watchScene(scene);
    let ended = false;
    scene.world.listeners.push((event) => {
      if (ended || event.kind !== "tpm" || event.verb !== "post-process" || event.host !== "nyc-0") return;
      ended = true;
      scene.world.traps.push({ at: "after-exit", host: "nyc-0", after: 0 });
    });
    await askForConversion(scene);
    for (let n = 0; n < 1500 && (await pass(scene)); n += 1);
    quiesce(scene);
    expect((await theRequest(scene)).status.ledger.outcome).toBe("Succeeded");
    watch.end(240);
    return watch.violations;
  }

  test("starts nothing by itself, so the run starts its connector", async () => {
    expect(await endingWith()).toEqual([]);
  });

  test("and an operator that forgets it leaves clients outside (40)", async () => {
    const violations = await endingWith(withoutPart("StartManagers", 2));
    expect(violations).toContainEqual({ n: 40, what: "nyc-0 lacks its manager or connector" });
  });
});

describe("an operator that forgets is seen (51)", () => {
  test("that post-process is needed", async () => {
    const parts = [7, 6, 2, 1].map((index) => withoutPart("UpdateSoftware", index));
    const { watch } = await converted(...parts);
    expect(watch.violations.some(({ n }) => n === 51)).toBe(true);
  });

  test("that post-process is needed, where a service is only to log what it writes", async () => {
    const parts = [7, 6, 2, 1].map((index) => withoutPart("UpdateSoftware", index));
    const like = { ...shape, linkOptions: { "nyc-to-london": { "log-slave-updates": "true" } } };
    const { watch } = await convertedAs(like, ...parts);
    expect(watch.violations.map(({ what }) => what)).toContainEqual(
      expect.stringMatching(
        /^london_from_nyc of london-\d is ONLINE without .*replicator\.log\.slave\.updates=true/,
      ),
    );
  });

  test("that services must stay offline until then", async () => {
    const scene = await newScene(shape);
    const watch = watchScene(scene);
    scene.world.listeners.push((event) => {
      if (event.kind !== "tpm" || event.verb !== "update" || event.when !== "begin") return;
      const { volume } = hostOf(scene.world, event.host);
      volume.ini = (volume.ini ?? "").replace("auto-enable=false", "auto-enable=true");
    });
    await askForConversion(scene);
    for (let n = 0; n < 400; n += 1) await pass(scene);
    expect(watch.violations.some(({ n }) => n === 51)).toBe(true);
  });
});
