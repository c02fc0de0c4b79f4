/** What keeps a fresh site from being installed, and a composite from being Ready: one sentence each, and nothing begun. */
import { describe, expect, test } from "@jest/globals";
import { hostsOf } from "../../simulator/model.ts";
import { clusterKind, compositeKind } from "../../src/kube/kinds.ts";
import { activeActive, activePassive } from "./forming.ts";
import {
  bareScene,
  compositeReady,
  formed,
  installedAt,
  passEstate,
  putComposite,
  putSite,
} from "./fresh-scene.ts";
import { make, type Scene } from "./scene.ts";
import { allTrue, begunOn, clusterOf, refOf } from "./site-scene.ts";

const sites = ["london", "nyc"];
const bare = (names = sites): Promise<Scene> => bareScene({ sites: names, nodes: 2, seed: 6 });
const passed = async (scene: Scene, times = 6): Promise<void> => {
  for (let n = 0; n < times; n += 1) await passEstate(scene);
};
const topologyAt = async (scene: Scene, name: string) => (await clusterOf(scene, name)).status?.topology;

async function formedScene(names = sites): Promise<Scene> {
  const scene = await bare(names);
  await putComposite(scene, activeActive);
  for (const name of sites) await putSite(scene, name);
  for (let n = 0; n < 400 && (await compositeReady(scene))?.status !== "True"; n += 1) await passKnown(scene);
  expect((await compositeReady(scene))?.status).toBe("True");
  return scene;
}

/** Hosts of a site that has no TungstenCluster yet only wait. */
async function passKnown(scene: Scene): Promise<void> {
  await passEstate(scene);
}

/** Everything of the product goes, as with a volume. */
function emptied(scene: Scene, site: string): void {
  for (const host of hostsOf(scene.world, site)) {
    host.volume.installed = {};
    host.volume.installedIni = {};
    host.replicators = {};
    host.manager = { running: false, since: scene.world.now };
    host.connector = { running: false, since: scene.world.now };
    host.volume.thl.clear();
  }
}

describe("a composite that is not whole", () => {
  test("names in its order of writing a site that is none of its members: nothing is installed from that text", async () => {
    const scene = await bare();
    const refused = { type: "DynamicActiveActive", members: sites } as const;
    await putComposite(scene, { ...refused, writeAffinity: [...sites, "tokyo"] });
    for (const name of sites) await putSite(scene, name);
    await passed(scene);
    expect(begunOn(scene)).toEqual([]);
    for (const name of sites)
      expect(await installedAt(scene, name)).toMatch(
        /: AwaitingSites not begun yet: CompositeService global is refused: spec\.writeAffinity names tokyo, which is no member/,
      );
    scene.objects.edit(compositeKind, refOf("global"), ({ spec }) => {
      spec.writeAffinity = sites;
    });
    await formed(scene);
  });

  test("names a site that is not there: the other one waits for it, and both are installed together", async () => {
    const scene = await bare();
    await putComposite(scene, activeActive);
    await putSite(scene, "nyc");
    await passed(scene);
    expect(begunOn(scene)).toEqual([]);
    expect(await installedAt(scene, "nyc")).toMatch(
      /^nyc: AwaitingSites CompositeService global names this site and is not whole yet/,
    );
    await putSite(scene, "london");
    await formed(scene);
    expect([await topologyAt(scene, "london"), await topologyAt(scene, "nyc")]).toEqual(["CAA", "CAA"]);
  });

  test("has a spec that is not sound: nothing is installed on a guess", async () => {
    const scene = await bare();
    const members = sites.map((name) => ({ name }));
    await scene.objects.create(compositeKind, make("CompositeService", "global", { type: "Odd", members }));
    for (const name of sites) await putSite(scene, name);
    await passed(scene);
    expect(begunOn(scene)).toEqual([]);
    expect(await installedAt(scene, "london")).toContain(
      "AwaitingSites CompositeService global names this site",
    );
  });

  test("goes in the middle: what is installed is not made something else", async () => {
    const scene = await bare();
    await putComposite(scene, activeActive);
    for (const name of sites) await putSite(scene, name);
    await formed(scene, async () => begunOn(scene).some((line) => / tpm cluster .* install$/.test(line)));
    await passed(scene, 30);
    const uid = (await scene.objects.get(compositeKind, refOf("global")))?.metadata.uid ?? "";
    await scene.objects.remove(compositeKind, refOf("global"), uid);
    const before = begunOn(scene).length;
    await passed(scene);
    if ((await clusterOf(scene, "nyc")).status.ledger.phase === "Running")
      expect(await installedAt(scene, "nyc")).toContain("put the CompositeService back as it was");
    expect(begunOn(scene).length).toBe(before);
  });
});

describe("a composite that comes late", () => {
  test("before anything is installed: the sites become its members", async () => {
    const scene = await bare();
    for (const name of sites) await putSite(scene, name);
    await formed(scene, async () => begunOn(scene).some((line) => line.includes("publish-ini")));
    await putComposite(scene, activeActive);
    await formed(scene);
    expect([await topologyAt(scene, "london"), await topologyAt(scene, "nyc")]).toEqual(["CAA", "CAA"]);
    expect(begunOn(scene).filter((line) => line.endsWith(" install")).length).toBe(4);
  });

  test.each([activeActive, activePassive])(
    "over sites that run: $type is told, and nothing begins",
    async (composite) => {
      const scene = await bare();
      for (const name of sites) await putSite(scene, name);
      await formed(scene, allTrue(scene, "Ready"));
      await putComposite(scene, composite);
      const before = begunOn(scene).length;
      await passed(scene);
      expect(begunOn(scene).length).toBe(before);
      expect(await compositeReady(scene)).toMatchObject({
        status: "False",
        reason: "InstalledOtherwise",
        message: expect.stringMatching(/^the sites are london Standalone, nyc Standalone: /),
      });
    },
  );
});

describe("an empty site beside full ones", () => {
  test("that joins is not installed: it would bring an empty database", async () => {
    const scene = await bare(["london", "nyc", "tokyo"]);
    const { hosts } = scene.world;
    await putComposite(scene, activeActive);
    for (const name of sites) await putSite(scene, name);
    const tokyo = scene.world.sites.get("tokyo");
    scene.world.sites.delete("tokyo");
    await formed(scene);
    if (tokyo !== undefined) scene.world.sites.set("tokyo", tokyo);
    await putSite(scene, "tokyo");
    scene.objects.edit(
      compositeKind,
      refOf("global"),
      ({ spec }) => void spec.members.push({ name: "tokyo" }),
    );
    await passed(scene, 12);
    expect(
      [...hosts.values()].filter(({ site, volume }) => site === "tokyo" && volume.markers.size > 0),
    ).toEqual([]);
    expect(await installedAt(scene, "tokyo")).toContain(
      "AwaitingSites site london is installed already (CAA) and this one is empty: nothing is installed beside full sites",
    );
  });

  test("that has lost all its volumes is not installed anew", async () => {
    const scene = await formedScene();
    emptied(scene, "nyc");
    const before = begunOn(scene).length;
    await passed(scene);
    expect(begunOn(scene).length).toBe(before);
    expect(await installedAt(scene, "nyc")).toContain("AwaitingSites site london is installed already (CAA)");
    expect((await compositeReady(scene))?.status).toBe("False");
  });

  test("waits while nobody knows how another site stands", async () => {
    const scene = await formedScene();
    emptied(scene, "nyc");
    for (const host of hostsOf(scene.world, "london")) host.up = false;
    const before = begunOn(scene).length;
    await passed(scene);
    expect(begunOn(scene).length).toBe(before);
    expect(await installedAt(scene, "nyc")).toContain("it is not known whether site london is installed");
  });
});

test("options that change between install and start do not start half an estate", async () => {
  const scene = await bare();
  await putComposite(scene, activeActive);
  for (const name of sites) await putSite(scene, name);
  await formed(scene, async () =>
    [...scene.world.hosts.values()].some(({ volume }) => volume.installed.cluster !== undefined),
  );
  scene.objects.edit(clusterKind, refOf("nyc"), ({ spec }) =>
    Object.assign(spec, { options: { "thl-log-retention": "3d" } }),
  );
  await passed(scene, 60);
  expect(begunOn(scene).filter((line) => line.includes("startall"))).toEqual([]);
  expect(await installedAt(scene, "nyc")).toContain("was installed from another tungsten.ini");
  scene.objects.edit(clusterKind, refOf("nyc"), ({ spec }) => Object.assign(spec, { options: {} }));
  await formed(scene);
});
