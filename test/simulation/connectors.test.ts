/** Hosts that run only a connector: installed with their site, added and taken away, kept as the nodes are. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { connectorsAt, hostOf, hostsOf } from "../../simulator/model.ts";
import { restartContainer } from "../../simulator/world.ts";
import { budgetKind, claimKind, podKind, serviceKind, statefulSetKind } from "../../src/kube/kinds.ts";
import { expectGolden } from "../golden.ts";
import { accountsByName, putUser, sceneWithAccounts } from "./accounts-scene.ts";
import { inService, onlyByTheirOwn, sceneWithConnectors, watchConnectors } from "./change-of-connectors.ts";
import { bareScene, passEstate, putComposite, putSite } from "./fresh-scene.ts";
import { runConnectorPods } from "./pods.ts";
import { askFor, conditionOf, drive, namespace, quiesce, type Scene, theRequest } from "./scene.ts";
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

const type = "ConnectorsInService";
const small = { sites: ["london", "nyc"], nodes: 2, seed: 3 };
const interruption = 20;
const beside = { beside: runConnectorPods };

const plain = (story: readonly string[]) =>
  story.map((line) => line.replace(/[0-9a-f]{64}/, "<sha256>").replace(/\b[0-9a-f]{8}\b/, "<text>"));

/** Every command as it begins, what pods do, and what the site tells of its connectors. */
async function storyOf(scene: Scene, site: string, over: () => Promise<boolean>): Promise<string[]> {
  const story: string[] = [];
  let told = "";
  scene.world.listeners.push((event) => {
    if (event.kind === "command") story.push(lineOf(event));
  });
  const hear = async (): Promise<void> => {
    const said = ((await conditionAt(scene, site, type))?.message ?? "").replace(
      /( \(\d+ of \d+\))?(: .*)?$/,
      "",
    );
    if (said !== told && said !== "") story.push(`          ${site}: ${said}`);
    told = said;
  };
  await reached(scene, over, {
    beside: async () => {
      await hear();
      story.push(...(await runConnectorPods(scene)));
    },
  });
  return plain(story);
}

describe("the story", () => {
  test("of a site that is installed with two of them", async () => {
    const scene = await bareScene({ sites: ["nyc"], nodes: 3, seed: 2 });
    await putSite(scene, "nyc", { connector: { replicas: 2 } });
    const story = await storyOf(scene, "nyc", async () => {
      const cluster = await clusterOf(scene, "nyc");
      return conditionOf(cluster, "Ready")?.status === "True" && inService(scene, 2, "nyc")();
    });
    expectGolden(join(import.meta.dirname, "connectors-installed.story.txt"), story);
    expect(await onlyByTheirOwn(scene, "nyc")).toBeGreaterThan(5);
    const { status } = await clusterOf(scene, "nyc");
    expect(status?.connectors).toEqual(
      ["nyc-connector-0", "nyc-connector-1"].map((name) => ({
        name,
        state: "ONLINE",
        release: "8.0.4-132",
        iniChecksum: status?.configuration.sha256,
      })),
    );
  });

  test.each(["ActiveActive", "ActivePassive"] as const)(
    "of a composite (%s) of which one site has one",
    async (form) => {
      const scene = await bareScene({ sites: ["london", "nyc"], nodes: 2, seed: 4 });
      await putSite(scene, "london", { connector: { replicas: 1 } });
      await putSite(scene, "nyc");
      const members = ["london", "nyc"];
      await putComposite(scene, {
        type: form,
        members,
        ...(form === "ActivePassive" && { primarySite: "nyc" }),
      });
      for (let n = 0; n < 900 && !(await allTrue(scene, type, ["london"])()); n += 1) {
        await passEstate(scene);
        await runConnectorPods(scene);
      }
      expect(await conditionAt(scene, "london", type)).toMatchObject({ status: "True", reason: "AsWanted" });
      const [host] = connectorsAt(scene.world, "london");
      expect(host?.volume.installed.cluster?.composite?.name).toBe("global");
      expect(host?.volume.ini).toBe(hostOf(scene.world, "nyc-1").volume.ini);
      expect(await onlyByTheirOwn(scene, "london")).toBeGreaterThan(5);
    },
  );

  test("of one that comes to an installed site, and goes again with all that stood for it", async () => {
    const scene = await settledScene(small);
    const watch = watchConnectors(scene);
    editSite(scene, "london", { connector: { replicas: 1 } });
    const story = await storyOf(scene, "london", inService(scene, 1));
    expect(await onlyByTheirOwn(scene, "london")).toBeGreaterThan(5);
    story.push("---- spec.connector.replicas: 0");
    editSite(scene, "london", { connector: { replicas: 0 } });
    story.push(...(await storyOf(scene, "london", inService(scene, 0))));
    for (let n = 0; n < 4; n += 1) await passSites(scene);
    quiesce(scene);
    watch.end(interruption);
    expect(watch.violations).toEqual([]);
    expectGolden(join(import.meta.dirname, "connectors-come-and-go.story.txt"), story);
    for (const [kind, name] of [
      [statefulSetKind, "london-connector"],
      [budgetKind, "london-connector"],
      [serviceKind, "london-connector-0"],
    ] as const)
      expect(await scene.objects.get(kind, refOf(name))).toBeUndefined();
    expect(await scene.objects.get(serviceKind, refOf("london-connector"))).toBeDefined();
    expect((await clusterOf(scene, "london")).status?.connectors).toBeUndefined();
  });
});

describe("they follow their nodes", () => {
  const withTwo = () => sceneWithConnectors(2)(small);

  test("in options: nodes first, then one after the other", async () => {
    const scene = await withTwo();
    const watch = watchConnectors(scene);
    editSite(scene, "london", { options: { "connector-max-connections": "500" } });
    await reached(scene, inService(scene, 2), beside);
    for (const host of connectorsAt(scene.world, "london"))
      expect(host.volume.ini).toContain("connector-max-connections=500");
    quiesce(scene);
    watch.end(interruption);
    expect(watch.violations).toEqual([]);
  });

  test("a bare volume is installed anew, and nothing of the nodes is touched", async () => {
    const scene = await withTwo();
    const before = begunOn(scene).length;
    const host = hostOf(scene.world, "london-connector-1");
    delete host.volume.installed.cluster;
    delete host.volume.installedIni.cluster;
    host.volume.userMap = [];
    restartContainer(scene.world, host);
    await reached(
      scene,
      async () => host.volume.installed.cluster !== undefined && inService(scene, 2)(),
      beside,
    );
    expect(host.connector.running).toBe(true);
    expect(begunOn(scene)).toHaveLength(before);
  });

  test("a pod that is away keeps nothing of the nodes waiting", async () => {
    const scene = await withTwo();
    const host = hostOf(scene.world, "london-connector-0");
    editSite(scene, "london", { options: { "connector-max-connections": "500" } });
    const pod = await scene.objects.get(podKind, refOf(host.name));
    const away = async (): Promise<void> => {
      const found = await scene.objects.get(podKind, refOf(host.name));
      if (found !== undefined)
        await scene.objects.remove(podKind, refOf(host.name), found.metadata.uid ?? "");
    };
    expect(pod).toBeDefined();
    await reached(scene, allTrue(scene, "ConfigurationApplied"), { beside: away });
    for (let n = 0; n < 60; n += 1) {
      await away();
      await passSites(scene);
    }
    expect(await conditionAt(scene, "london", type)).toMatchObject({
      status: "False",
      reason: "NotThere",
      message: "london-connector-0 has no running pod",
    });
    expect(hostOf(scene.world, "london-connector-1").volume.ini).toContain("connector-max-connections=500");
    await reached(scene, inService(scene, 2), beside);
  });

  test("one that does not get further is given up, and the site is free for others", async () => {
    const scene = await settledScene(small);
    editSite(scene, "london", { connector: { replicas: 1 } });
    const told = async () => conditionAt(scene, "london", type);
    await reached(scene, async () => (await told())?.reason === "Bringing", beside);
    const host = hostOf(scene.world, "london-connector-0");
    host.slowness = 1e6;
    await reached(scene, async () => (await told())?.reason === "GivenUp", beside);
    expect((await told())?.message).toMatch(/^london-connector-0 did not get further for 10 minutes/);
    await askFor(scene, "to-1", {
      procedure: "Switch",
      switch: { cluster: { name: "london" }, to: "london-1" },
    });
    await drive(scene, 5);
    expect(conditionOf(await theRequest(scene), "Succeeded")?.status).toBe("True");
    expect((await clusterOf(scene, "london")).status?.ledger.phase).toBe("Finished");
    host.slowness = 1;
    host.tools = [];
    await reached(scene, inService(scene, 1), beside);
  });

  test("a spec that changes in the middle ends the walk, and the nodes come first again", async () => {
    const scene = await withTwo();
    editSite(scene, "london", { options: { "connector-max-connections": "500" } });
    const busy = () => connectorsAt(scene.world, "london").some(({ tools }) => tools.length > 0);
    await reached(scene, async () => busy(), beside);
    editSite(scene, "london", { options: { "connector-max-connections": "600" } });
    const watch = watchConnectors(scene);
    await reached(scene, inService(scene, 2), beside);
    for (const host of [...connectorsAt(scene.world, "london"), ...hostsOf(scene.world, "london")])
      expect(host.volume.ini).toContain("connector-max-connections=600");
    quiesce(scene);
    watch.end(interruption);
    expect(watch.violations).toEqual([]);
  });

  test("a node's primary that moves leaves them as they are", async () => {
    const scene = await withTwo();
    await askFor(scene, "to-1", {
      procedure: "Switch",
      switch: { cluster: { name: "london" }, to: "london-1" },
    });
    await drive(scene);
    expect(conditionOf(await theRequest(scene), "Succeeded")?.status).toBe("True");
    const before = [...scene.world.connectors.values()].map(({ volume }) => volume.markers.size);
    for (let n = 0; n < 6; n += 1) await passSites(scene);
    expect([...scene.world.connectors.values()].map(({ volume }) => volume.markers.size)).toEqual(before);
    expect(await onlyByTheirOwn(scene, "london")).toBeGreaterThan(5);
  });
});

describe("accounts", () => {
  test("a further user reaches them, after every database", async () => {
    const scene = await sceneWithConnectors(2)(small);
    await putUser(scene, "report", "first");
    for (const site of small.sites) editSite(scene, site, { users: [{ name: "report" }] });
    await reached(
      scene,
      async () => (await allTrue(scene, "AccountsCurrent")()) && (await inService(scene, 2)()),
      beside,
    );
    for (const { volume } of scene.world.connectors.values())
      expect(volume.userMap.map(([name]) => name)).toContain("report");
  });

  test("former passwords stay good until none of them comes with one", async () => {
    const scene = await sceneWithAccounts(small);
    editSite(scene, "london", { connector: { replicas: 2 } });
    await reached(scene, inService(scene, 2), beside);
    const late = hostOf(scene.world, "london-connector-1");
    const former: string[] = [];
    scene.world.listeners.push((event) => {
      if (event.kind === "accounts" && event.verb === "settle")
        for (const { name, site, volume } of scene.world.connectors.values())
          if (
            site === hostOf(scene.world, event.host).site &&
            !volume.userMap.some(([, word]) => word?.includes("-new"))
          )
            former.push(`${event.host} settled before ${name}`);
    });
    accountsByName(scene, "-new");
    await reached(
      scene,
      async () => (await allTrue(scene, "AccountsCurrent")()) && (await inService(scene, 2)()),
      beside,
    );
    expect(former).toEqual([]);
    expect(late.volume.installedSecret.cluster).toBe(
      hostOf(scene.world, "london-0").volume.installedSecret.cluster,
    );
  });
});

describe("their objects", () => {
  test("claims are none of the site's volumes, and no request lets a pod go", async () => {
    const scene = await sceneWithConnectors(2)(small);
    await passSites(scene);
    const claims = await scene.objects.list(claimKind, namespace);
    const own = claims.filter(({ metadata }) => metadata.name.includes("-connector-"));
    expect(own.map(({ metadata }) => metadata.name).sort()).toEqual([
      "opt-london-connector-0",
      "opt-london-connector-1",
    ]);
    for (const { metadata, spec } of own) {
      expect(metadata.labels).toEqual({ "tungsten-operator.io/connectors": "london" });
      expect(spec.resources.requests.storage).toBe("5Gi");
    }
    editSite(scene, "london", { storage: { size: "40Gi" } });
    await reached(scene, allTrue(scene, "VolumesCurrent"), beside);
    for (const { metadata } of own)
      expect(
        (await scene.objects.get(claimKind, refOf(metadata.name)))?.spec.resources.requests.storage,
      ).toBe("5Gi");
  });

  test("a site that was never asked for one tells nothing of them", async () => {
    const scene = await settledScene(small);
    expect(await conditionAt(scene, "nyc", type)).toBeUndefined();
    expect((await clusterOf(scene, "nyc")).status).not.toHaveProperty("connectors");
    expect(await scene.objects.get(statefulSetKind, refOf("nyc-connector"))).toBeUndefined();
  });
});
