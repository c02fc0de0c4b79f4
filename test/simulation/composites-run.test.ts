/** Composites that were installed from resources: what procedures do there, and what they refuse in one sentence. */
import { describe, expect, test } from "@jest/globals";
import { type Host, hostOf, hostsOf, siteOf } from "../../simulator/model.ts";
import { judge } from "../../simulator/oracle.ts";
import type { Steps } from "../../simulator/outside.ts";
import { recoverSites } from "../../simulator/site-switching.ts";
import { switchPrimary } from "../../simulator/switching.ts";
import { advance, spawn, startContainer, stopContainer } from "../../simulator/world.ts";
import { reconcileComposite } from "../../src/controllers/composite-service.ts";
import { clusterKind, compositeKind, requestKind, serviceKind } from "../../src/kube/kinds.ts";
import { watchChange } from "./change-invariants.ts";
import { activeActive, activePassive } from "./forming.ts";
import {
  bareScene,
  type CompositeShape,
  compositeReady,
  formed,
  passEstate,
  putComposite,
  putSite,
} from "./fresh-scene.ts";
import { askFor, conditionOf, drive, limits, pass, quiesce, type Scene, theRequest } from "./scene.ts";
import { allTrue, begunOn, clusterOf, conditionAt, editSite, refOf } from "./site-scene.ts";

async function standing(composite: CompositeShape): Promise<Scene> {
  const sites = [...composite.members].sort();
  const scene = await bareScene({ sites, nodes: 2, seed: 8 });
  await putComposite(scene, composite);
  for (const name of sites) await putSite(scene, name);
  await formed(
    scene,
    async () => (await allTrue(scene, "Ready")()) && (await compositeReady(scene))?.status === "True",
  );
  return scene;
}

const dynamic: CompositeShape = {
  type: "DynamicActiveActive",
  members: ["london", "nyc"],
  writeAffinity: ["nyc", "london"],
};
const options = { options: { "thl-log-retention": "3d" } };

/** Somebody types into cctrl on a node. */
function byHand(scene: Scene, host: Host, does: Steps<unknown>): void {
  spawn(
    scene.world,
    host,
    ["cctrl"],
    (function* () {
      yield* does;
      return { code: 0, out: "", err: "" };
    })(),
    () => {},
    () => {},
  );
  for (let n = 0; n < 30; n += 1) advance(scene.world, 1000);
}
function switchedBy(scene: Scene, to: string): void {
  const host = hostOf(scene.world, to);
  byHand(scene, host, switchPrimary(scene.world, host, to));
}
function recoveredBy(scene: Scene, on: string): void {
  const host = hostOf(scene.world, on);
  byHand(scene, host, recoverSites(host));
}

describe.each([activeActive, dynamic])("$type", (composite) => {
  test("a primary that moved is told, never moved back, and stands in the text of the next change", async () => {
    const scene = await standing(composite);
    switchedBy(scene, "nyc-1");
    const before = begunOn(scene).length;
    for (let n = 0; n < 10; n += 1) await passEstate(scene);
    expect(siteOf(scene.world, "nyc").primary).toBe("nyc-1");
    expect((await clusterOf(scene, "nyc")).status.primary).toBe("nyc-1");
    expect(await compositeReady(scene)).toMatchObject({ status: "True" });
    expect(begunOn(scene).length).toBe(before);
    expect(hostOf(scene.world, "london-0").volume.ini).toContain("master=nyc-0\n");
    const watch = watchChange(scene);
    editSite(scene, "london", options);
    for (let n = 0; n < 3; n += 1) await passEstate(scene);
    await formed(scene, allTrue(scene, "ConfigurationApplied"), { most: 500 });
    quiesce(scene);
    watch.end(30);
    expect(watch.violations).toEqual([]);
    for (const { volume } of scene.world.hosts.values())
      expect(volume.ini).toMatch(/\[nyc\]\n(.+\n)*master=nyc-1\n/);
    expect(await compositeReady(scene)).toMatchObject({ status: "True" });
  });

  test("a switch that a request asks for", async () => {
    const scene = await standing(composite);
    await askFor(scene, "switch", { procedure: "Switch", switch: { cluster: { name: "nyc" }, to: "nyc-1" } });
    expect((await drive(scene)).status.ledger.outcome).toBe("Succeeded");
    for (let n = 0; n < 5; n += 1) await passEstate(scene);
    expect(await compositeReady(scene)).toMatchObject({ status: "True" });
    quiesce(scene);
    const { written, ...end } = judge(scene.world);
    expect(written).toBeGreaterThan(10);
    expect(end).toEqual({ missing: [], doubled: [], outOfOrder: 0 });
  });
});

describe("ActivePassive", () => {
  const site = { cluster: { name: "london" } };
  const asked: readonly (readonly [string, object])[] = [
    [
      "FixReplication",
      {
        fixReplication: {
          ...site,
          service: "london",
          nodes: ["london-0"],
          reason: "tried",
          action: "Online",
        },
      },
    ],
    ["ResetAllSites", { resetAllSites: site }],
    [
      "ResetSite",
      {
        resetSite: {
          failedSite: { name: "london" },
          definitiveSite: { name: "nyc" },
          donor: "nyc-1",
          method: "xtrabackup",
        },
      },
    ],
    [
      "ConvertMsaaToCaa",
      { convertMsaaToCaa: { compositeService: { name: "global" }, backup: { mode: "Take" } } },
    ],
  ];

  test("every other procedure refuses it in one sentence, and nothing begins", async () => {
    const scene = await standing(activePassive);
    const before = begunOn(scene).length;
    for (const [procedure, block] of asked) {
      await askFor(scene, `try-${procedure.toLowerCase()}`, { procedure, ...block });
      for (let n = 0; n < 4; n += 1) await pass(scene);
      const accepted = conditionOf(await theRequest(scene), "Accepted");
      expect([procedure, accepted?.status, accepted?.message]).toEqual([
        procedure,
        "False",
        expect.stringMatching(/^CompositeService global is ActivePassive[^\n]*$/),
      ]);
    }
    expect(begunOn(scene).length).toBe(before);
  });

  test("a switch of the site: told in the composite's status, never moved back, and back again by another one", async () => {
    const scene = await standing(activePassive);
    const composite = () => scene.objects.get(compositeKind, refOf("global"));
    const ask = (to: string) =>
      askFor(scene, `to-${to}`, {
        procedure: "Switch",
        switch: { compositeService: { name: "global" }, site: to },
      });
    expect((await composite())?.status.primarySite).toBe("nyc");
    await ask("london");
    expect((await drive(scene)).status.ledger.outcome).toBe("Succeeded");
    const before = begunOn(scene).length;
    for (let n = 0; n < 10; n += 1) await passEstate(scene);
    expect((await composite())?.status.primarySite).toBe("london");
    expect(await compositeReady(scene)).toMatchObject({
      status: "True",
      message:
        "2 sites replicate as ActivePassive; london takes the writes and spec.primarySite names nyc: set it to london, or ask for a Switch back",
    });
    for (const name of ["london", "nyc"]) {
      expect((await clusterOf(scene, name)).status).toMatchObject({ topology: "CAP", drift: [] });
      expect(await conditionAt(scene, name, "ConfigurationApplied")).toMatchObject({ status: "True" });
    }
    expect((await clusterOf(scene, "nyc")).status.nodes[0]).toMatchObject({ name: "nyc-0", role: "relay" });
    expect(begunOn(scene).length).toBe(before);
    await ask("nyc");
    expect((await drive(scene)).status.ledger.outcome).toBe("Succeeded");
    for (let n = 0; n < 5; n += 1) await passEstate(scene);
    expect((await composite())?.status.primarySite).toBe("nyc");
    expect((await compositeReady(scene))?.message).toBe("2 sites replicate as ActivePassive");
    quiesce(scene);
    expect(judge(scene.world)).toMatchObject({ missing: [], doubled: [], outOfOrder: 0 });
  });

  test("once nothing is installed anywhere the writes begin where the spec says", async () => {
    const scene = await standing(activePassive);
    const composite = () => scene.objects.get(compositeKind, refOf("global"));
    const live = () => composite().then((found) => found?.status.primarySite);
    expect(await live()).toBe("nyc");
    scene.objects.edit(compositeKind, refOf("global"), ({ spec }) => {
      spec.primarySite = "london";
    });
    await reconcileComposite(scene.shell, { ...limits, healthMs: 5000 }, refOf("global"));
    expect(await live()).toBe("nyc");
    for (const name of activePassive.members)
      scene.objects.edit(clusterKind, refOf(name), ({ status }) =>
        Object.assign(status, { topology: "None" }),
      );
    await reconcileComposite(scene.shell, { ...limits, healthMs: 5000 }, refOf("global"));
    expect(await live()).toBeUndefined();
  });

  test("a site that was failed over and comes back is told with its way out, and is no writing site", async () => {
    const scene = await standing(activePassive);
    for (const host of hostsOf(scene.world, "nyc")) stopContainer(scene.world, host);
    advance(scene.world, 10_000);
    const asked = await askFor(scene, "forced", {
      procedure: "Failover",
      failover: { compositeService: { name: "global" }, site: "london" },
    });
    for (let n = 0; n < 10; n += 1) await pass(scene);
    scene.objects.edit(requestKind, refOf("forced"), ({ spec }) => {
      spec.failover.confirmed = { oldSite: "nyc", uid: asked.metadata.uid };
    });
    expect((await drive(scene)).status.ledger.outcome).toBe("Succeeded");
    for (let n = 0; n < 10; n += 1) await passEstate(scene);
    expect((await scene.objects.get(compositeKind, refOf("global")))?.status.primarySite).toBe("london");
    const clients = async (site: string) =>
      (await scene.objects.get(serviceKind, refOf(`${site}-connector`)))?.spec.selector;
    const open = (site: string) => ({ "tungsten-operator.io/site": site });
    const closed = { ...open("nyc"), "tungsten-operator.io/nobody": "true" };
    expect([await clients("nyc"), await clients("london")]).toEqual([closed, open("london")]);
    for (const host of hostsOf(scene.world, "nyc")) startContainer(scene.world, host);
    advance(scene.world, 20_000);
    expect(hostOf(scene.world, "nyc-0").mysql.readOnly).toBe(false);
    for (let n = 0; n < 10; n += 1) await passEstate(scene);
    expect((await scene.objects.get(compositeKind, refOf("global")))?.status.primarySite).toBe("london");
    expect(await conditionAt(scene, "nyc", "Ready")).toMatchObject({
      status: "False",
      reason: "ClientsKeptAway",
      message: expect.stringMatching(
        /^london shows nyc as failed or shunned: Service nyc-connector leads nowhere, so that nobody writes there; run tungsten_find_orphaned on its former primary, then recover in cctrl behind use global/,
      ),
    });
    expect((await compositeReady(scene))?.status).toBe("False");
    expect(await clients("nyc")).toEqual(closed);
    recoveredBy(scene, "london-0");
    for (let n = 0; n < 10; n += 1) await passEstate(scene);
    expect(await conditionAt(scene, "nyc", "Ready")).toMatchObject({ status: "True" });
    expect([await clients("nyc"), await clients("london")]).toEqual([open("nyc"), open("london")]);
  });

  test("a site that comes back and holds itself for the primary moves nothing while the writing one is silent", async () => {
    const scene = await standing(activePassive);
    const told = async () => (await scene.objects.get(compositeKind, refOf("global")))?.status.primarySite;
    const tell = async (site: string, status: object) => {
      scene.objects.edit(clusterKind, refOf(site), (object) => Object.assign(object.status, status));
      await reconcileComposite(scene.shell, { ...limits, healthMs: 5000 }, refOf("global"));
    };
    const silent = { topology: "Unknown", nodes: [{ name: "x", role: "replica" }] };
    const writes = { topology: "CAP", nodes: [{ name: "x", role: "primary" }] };
    await tell("nyc", silent);
    await tell("london", { ...writes, sitesOut: [] });
    expect(await told()).toBe("nyc");
    await tell("london", { sitesOut: ["nyc"] });
    expect(await told()).toBe("london");
    await tell("london", silent);
    await tell("nyc", { ...writes, sitesOut: [] });
    expect(await told()).toBe("london");
    await tell("london", { topology: "CAP", nodes: [{ name: "x", role: "relay" }] });
    expect(await told()).toBe("nyc");
  });

  test("a relay that failed over is told as the head of its site, and its nodes stay read-only", async () => {
    const scene = await standing(activePassive);
    switchedBy(scene, "london-1");
    for (let n = 0; n < 6; n += 1) await passEstate(scene);
    expect((await clusterOf(scene, "london")).status).toMatchObject({
      primary: "london-1",
      topology: "CAP",
      drift: [],
    });
    expect(hostsOf(scene.world, "london").map(({ mysql }) => mysql.readOnly)).toEqual([true, true]);
    expect(await compositeReady(scene)).toMatchObject({ status: "True" });
    quiesce(scene);
    expect(judge(scene.world)).toMatchObject({ missing: [], doubled: [] });
  });
});
