/** The loop of a TungstenCluster over an installed world: what it must not install, and whom it leaves alone. */
import { describe, expect, test } from "@jest/globals";
import { strike } from "../../simulator/faults.ts";
import { type Host, hostOf, hostsOf } from "../../simulator/model.ts";
import { advance } from "../../simulator/world.ts";
import { reconcileLink } from "../../src/controllers/cross-site-link.ts";
import { reconcileCluster } from "../../src/controllers/tungsten-cluster.ts";
import {
  clusterKind,
  leaseKind,
  linkKind,
  networkPolicyKind,
  secretKind,
  statefulSetKind,
} from "../../src/kube/kinds.ts";
import { askForConversion, conditionOf, limits, namespace, newScene, quiesce, type Scene } from "./scene.ts";
import { settledScene } from "./site-scene.ts";

const nyc = { namespace, name: "nyc" };

/** Some passes of nyc's loop, as a process of its own; what it then tells, and the commands that began. */
async function watched(scene: Scene, passes = 4) {
  const fences = new Map();
  for (let n = 0; n < passes; n += 1)
    await reconcileCluster(scene.shell, { ...limits, healthMs: 1000 }, "#!/bin/bash\n", fences, nyc);
  const cluster = await scene.objects.get(clusterKind, nyc);
  if (cluster === undefined) throw new Error("nyc is gone");
  const begun = [...scene.world.hosts.values()].flatMap(({ volume }) => [...volume.markers.values()]);
  return { cluster, ready: conditionOf(cluster, "Ready"), begun: begun.map(({ argv }) => argv.join(" ")) };
}

const scene = () => newScene({ sites: ["london", "nyc"], nodes: 2, seed: 3 });

const loseVolume = (host: Host): void => {
  host.volume.installed = {};
  host.replicators = {};
  host.volume.thl.clear();
};

describe("the LAG column", () => {
  const told = async (scene: Scene) => {
    const london = { namespace, name: "london" };
    for (let n = 0; n < 4; n += 1)
      await reconcileCluster(scene.shell, { ...limits, healthMs: 1000 }, "#!/bin/bash\n", new Map(), london);
    const { cluster } = await watched(scene);
    const link = { namespace, name: "london-to-nyc" };
    await reconcileLink(scene.shell, { ...limits, healthMs: 1000 }, link);
    const direction = await scene.objects.get(linkKind, link);
    return [cluster.status.lag, direction?.status?.lag];
  };

  test("says nothing of an event that came long ago", async () => {
    const quiet = await newScene({ sites: ["london", "nyc"], nodes: 2, seed: 3 });
    for (const node of ["nyc-0", "nyc-1"]) strike(quiet.world, "lagging", node);
    advance(quiet.world, 20_000);
    quiesce(quiet);
    for (const host of hostsOf(quiet.world, "nyc")) host.lagMs = 0;
    advance(quiet.world, 60_000);
    expect(await told(quiet)).toEqual(["0s", "0s"]);
  });

  test("grows while a node that is ONLINE applies nothing of what its source has", async () => {
    const hung = await newScene({ sites: ["london", "nyc"], nodes: 2, seed: 3 });
    advance(hung.world, 10_000);
    for (const host of hostsOf(hung.world, "nyc")) host.lagMs = 3600_000;
    advance(hung.world, 90_000);
    for (const lag of await told(hung)) expect(Number(/^(\d+)s$/.exec(lag)?.[1])).toBeGreaterThan(60);
  });
});

describe("a linked site of which a node applies nothing of others", () => {
  test("is not Ready while a cross-site replicator is down, and is again when it runs", async () => {
    const at = await scene();
    const host = hostOf(at.world, "nyc-1");
    const ran = host.replicators;
    host.replicators = { ...ran };
    delete host.replicators.crossSite;
    expect((await watched(at)).ready).toMatchObject({
      status: "False",
      reason: "NotReplicating",
      message: "the cross-site replicator of nyc-1 does not run: nothing of other sites arrives there",
    });
    host.replicators = ran;
    expect((await watched(at)).ready).toMatchObject({ status: "True" });
  });
});

describe("nothing is installed beside full nodes", () => {
  test("a sound site is Ready, and nothing begins", async () => {
    const { ready, begun } = await watched(await scene());
    expect(ready).toMatchObject({ status: "True", reason: "Replicating" });
    expect(begun).toEqual([]);
  });

  test.each(["nyc-0", "nyc-1"])("the volume of %s was lost", async (name) => {
    const lost = await scene();
    loseVolume(hostOf(lost.world, name));
    const { ready, begun } = await watched(lost);
    expect(begun).toEqual([]);
    expect(ready).toMatchObject({
      status: "False",
      message: expect.stringMatching(
        new RegExp(
          `^${name} has no Tungsten and nyc-\\d has: its volume was lost or it was added; condition NodesInService says how it is made anew$`,
        ),
      ),
    });
  });

  test("the volumes of all its nodes were lost", async () => {
    const settled = await settledScene({ sites: ["london", "nyc"], nodes: 2, seed: 3 });
    for (const host of hostsOf(settled.world, "nyc")) loseVolume(host);
    const before = (await watched(settled, 0)).begun;
    const { cluster, begun } = await watched(settled);
    expect(conditionOf(cluster, "Installed")).toMatchObject({ status: "Unknown", reason: "VolumesLost" });
    expect(conditionOf(cluster, "Installed")?.message).toMatch(
      /^nyc was in service, .*bring their volumes back/,
    );
    expect(begun).toEqual(before);
  });

  test("one node lacks the second product", async () => {
    const lost = await scene();
    const host = hostOf(lost.world, "nyc-1");
    delete host.volume.installed.crossSite;
    delete host.replicators.crossSite;
    const { ready, begun } = await watched(lost);
    expect(begun).toEqual([]);
    expect(ready?.message).toMatch(
      /^nyc-1 has no cross-site replicator and nyc-0 has: its volume was lost or it was added; install it and provision it/,
    );
  });

  test("a run that is gone has uninstalled the second product and left its hold", async () => {
    const left = await scene();
    for (const host of left.world.hosts.values()) {
      delete host.volume.installed.crossSite;
      delete host.replicators.crossSite;
      host.volume.holds.add("crossSite");
    }
    const { ready, begun } = await watched(left);
    expect(begun).toEqual([]);
    expect(ready?.message).toMatch(/^nyc-0 still holds its cross-site replicator for a run that is gone/);
  });
});

describe("a site that somebody holds", () => {
  const lease = (scene: Scene, holderIdentity: string | undefined) =>
    scene.objects.create(leaseKind, {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name: "tungsten-site-nyc", namespace },
      spec: { holderIdentity },
    });

  test("is left as it is: no other template, no new password; a StatefulSet that somebody deleted comes back", async () => {
    const held = await scene();
    const first = await watched(held);
    expect(first.ready?.status).toBe("True");
    const request = await askForConversion(held);
    await lease(held, request.metadata.uid);
    const set = () => held.objects.get(statefulSetKind, nyc);
    const imageOf = async () => (await set())?.spec?.template?.spec?.containers?.[0]?.image;
    held.objects.edit(clusterKind, nyc, ({ spec }) => Object.assign(spec, { image: "node:next" }));
    const generated = await held.objects.get(secretKind, { namespace, name: "tungsten-generated-accounts" });
    const secretOf = async () =>
      (await held.objects.get(secretKind, { namespace, name: "nyc-tungsten" }))?.data;
    const before = await secretOf();
    if (generated !== undefined)
      await held.objects.replace(secretKind, {
        ...generated,
        data: { ...generated.data, "replication-password": btoa("another-password") },
      });
    const { cluster } = await watched(held);
    expect(cluster.status?.runningProcedure).toBe(request.metadata.uid);
    expect(await imageOf()).toBe("node:dev");
    expect(await secretOf()).toEqual(before);
    await held.objects.remove(statefulSetKind, nyc, (await set())?.metadata.uid ?? "");
    await watched(held);
    expect(await imageOf()).toBe("node:next");
  });

  test("is free again when its holder is gone", async () => {
    const held = await scene();
    await lease(held, "a-request-that-was-deleted");
    const { cluster } = await watched(held);
    expect(cluster.status?.runningProcedure).toBe("");
    expect(await held.objects.get(statefulSetKind, nyc)).toBeDefined();
  });
});

test("accounts whose own Secret was deleted come back with the passwords the databases know", async () => {
  const sites = await scene();
  await watched(sites);
  const ref = { namespace, name: "tungsten-generated-accounts" };
  const before = await sites.objects.get(secretKind, ref);
  await sites.objects.remove(secretKind, ref, before?.metadata.uid ?? "");
  await watched(sites);
  expect((await sites.objects.get(secretKind, ref))?.data).toEqual(before?.data);
});

test("what a site's spec names is not taken for what was generated", async () => {
  const sites = await scene();
  sites.objects.edit(clusterKind, nyc, ({ spec }) =>
    Object.assign(spec, { credentials: { application: { name: "own" } } }),
  );
  const data = { username: btoa("shop"), password: btoa("of-the-shop") };
  const own = { apiVersion: "v1", kind: "Secret", metadata: { name: "own", namespace }, data };
  await sites.objects.create(secretKind, own);
  await watched(sites);
  const ref = { namespace, name: "tungsten-generated-accounts" };
  const before = (await sites.objects.get(secretKind, ref))?.data;
  await sites.objects.remove(secretKind, ref, "");
  await watched(sites);
  const after = (await sites.objects.get(secretKind, ref))?.data;
  expect(after["replication-password"]).toBe(before["replication-password"]);
  expect(after["application-user"]).toBe(before["application-user"]);
  expect(after["application-password"]).not.toBe(data.password);
});

describe("a NetworkPolicy", () => {
  const policy = ({ objects }: Scene) => objects.get(networkPolicyKind, nyc);
  const want = (at: Scene, networkPolicy: object | undefined) =>
    at.objects.edit(clusterKind, nyc, ({ spec }) => Object.assign(spec, { networkPolicy }));

  test("is made where it is asked for, put back when changed, and goes when it is no longer", async () => {
    const at = await scene();
    await watched(at);
    expect(await policy(at)).toBeUndefined();
    want(at, {});
    expect((await watched(at)).cluster.status.networkPolicy).toBe("nyc");
    at.objects.edit(networkPolicyKind, nyc, ({ spec }) => Object.assign(spec, { ingress: [] }));
    await watched(at);
    expect((await policy(at))?.spec.ingress.length).toBeGreaterThan(2);
    want(at, undefined);
    expect((await watched(at)).cluster.status.networkPolicy).toBeUndefined();
    expect(await policy(at)).toBeUndefined();
  });

  test("of somebody else under that name stays, where the spec never asked for one", async () => {
    const at = await scene();
    await at.objects.create(networkPolicyKind, {
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { name: "nyc", namespace },
      spec: {},
    });
    await watched(at);
    expect(await policy(at)).toBeDefined();
  });
});
