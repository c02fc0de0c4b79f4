/** What people change by hand on an installed site: told with what, where, since when and the way out, and never set back. */
import { describe, expect, test } from "@jest/globals";
import { strike } from "../../simulator/faults.ts";
import { type Host, hostOf } from "../../simulator/model.ts";
import { advance } from "../../simulator/world.ts";
import { reconcileCluster } from "../../src/controllers/tungsten-cluster.ts";
import { clusterKind } from "../../src/kube/kinds.ts";
import {
  askForConversion,
  conditionOf,
  drive,
  limits,
  namespace,
  newScene,
  pass,
  type Scene,
  theRequest,
} from "./scene.ts";
import { haltedBy, progressOf, stepIs, until } from "./steering.ts";

const nyc = { namespace, name: "nyc" };
const scene = () => newScene({ sites: ["london", "nyc"], nodes: 2, seed: 3 });

const reconcile = (at: Scene) =>
  reconcileCluster(at.shell, { ...limits, healthMs: 1000 }, "#!/bin/bash\n", new Map(), nyc);

async function look(at: Scene) {
  await reconcile(at);
  const cluster = await at.objects.get(clusterKind, nyc);
  if (cluster === undefined) throw new Error("nyc is gone");
  return {
    left: conditionOf(cluster, "AsLeft"),
    policy: conditionOf(cluster, "PolicyAsWanted"),
    drift: cluster.status.drift as { what: string; since: string }[],
  };
}
const begun = ({ world }: Scene): number =>
  [...world.hosts.values()].reduce((sum, { volume }) => sum + volume.markers.size, 0);
async function settled(): Promise<Scene> {
  const at = await scene();
  for (let n = 0; n < 3; n += 1) await reconcile(at);
  return at;
}

type Case = readonly [name: string, change: (host: Host) => void, says: RegExp, back: (host: Host) => void];
const cases: readonly Case[] = [
  [
    "an edited tungsten.ini",
    (host) => void Object.assign(host, { joined: false }),
    /^\/etc\/tungsten\/tungsten\.ini of nyc-1 is not the published text.*put it back, or bring the change into the spec/,
    (host) => void Object.assign(host, { joined: true }),
  ],
  [
    "another ini published",
    (host) => void Object.assign(host.volume, { ini: `${host.volume.ini}\n# mine\n` }),
    /^tpm of nyc-1 last ran with another tungsten\.ini than the one that lies there; run tpm update/,
    (host) => void Object.assign(host.volume, { ini: host.volume.ini?.replace("\n# mine\n", "") ?? null }),
  ],
  [
    "a service nobody declared",
    (host) => void host.volume.installed.crossSite?.services.push({ name: "paris", source: "london" }),
    /^nyc-1 runs service paris under \/opt\/replicator, which no TungstenCluster, CrossSiteLink or CompositeService declares/,
    (host) => void host.volume.installed.crossSite?.services.pop(),
  ],
  [
    "an auto-increment offset set by hand",
    (host) => void host.mysql.file.set("auto-increment-offset", "9"),
    /^auto_increment_offset of nyc-1 is \d, and its my\.cnf says 9: two sites may make the same keys; SET GLOBAL/,
    (host) => void host.mysql.file.delete("auto-increment-offset"),
  ],
  [
    "a writable replica",
    (host) => void Object.assign(host.mysql, { readOnly: false }),
    /^the database of nyc-1 is writable and nyc-0 is its site's primary.*set read_only=1, then compare the data/,
    (host) => void Object.assign(host.mysql, { readOnly: true }),
  ],
];

describe("outside a run", () => {
  test("a site nobody touched is as it was left", async () => {
    const { left, drift } = await look(await settled());
    expect(left).toMatchObject({ status: "True", reason: "AsLeft" });
    expect(drift).toEqual([]);
  });

  test.each(cases)(
    "%s is told, not fought, and over when it is put back",
    async (_name, change, says, back) => {
      const at = await settled();
      const before = begun(at);
      const host = hostOf(at.world, "nyc-1");
      change(host);
      const first = await look(at);
      expect(first.drift).toEqual([{ what: expect.stringMatching(says), since: expect.any(String) }]);
      advance(at.world, 600_000);
      const later = await look(at);
      expect(later.left).toMatchObject({ status: "False", reason: "Drifted" });
      expect(later.left?.message).toContain(`(since ${first.drift[0]?.since})`);
      expect(begun(at)).toBe(before);
      back(host);
      expect((await look(at)).left).toMatchObject({ status: "True" });
    },
  );

  test("a node that cannot be read is not taken for untouched", async () => {
    const at = await settled();
    hostOf(at.world, "nyc-1").mysql.up = false;
    expect((await look(at)).left).toMatchObject({ status: "Unknown", message: "nyc-1 cannot be read" });
  });

  test("a policy set by hand is told and stays", async () => {
    const at = await settled();
    const site = at.world.sites.get("nyc");
    if (site !== undefined) site.policy = "MAINTENANCE";
    expect((await look(at)).policy).toMatchObject({ status: "False", reason: "Differs" });
    expect(site?.policy).toBe("MAINTENANCE");
  });
});

test("AUTOMATIC set by hand while a run has parts stopped is told at its site", async () => {
  const at = await settled();
  await askForConversion(at);
  for (let n = 0; n < 2000; n += 1) {
    await pass(at);
    if ((await theRequest(at)).status?.ledger?.steps.at(-1)?.id === "ExportTrackingSchemas") break;
  }
  expect((await look(at)).policy).toMatchObject({ status: "Unknown", reason: "ProcedureRuns" });
  const site = at.world.sites.get("nyc");
  if (site !== undefined) site.policy = "AUTOMATIC";
  const { policy, left } = await look(at);
  expect(policy).toMatchObject({ status: "False", reason: "ChangedDuringRun" });
  expect(policy?.message).toMatch(
    /^the policy is AUTOMATIC while UpgradeRequest to-caa has parts of the site stopped/,
  );
  expect(left).toMatchObject({ status: "Unknown", reason: "ProcedureRuns" });
  const waits = await until(at, (request) => progressOf(request).includes("the policy of nyc is AUTOMATIC"));
  expect(progressOf(waits)).toMatch(/Uninstall the Cross-site.*set policy maintenance in cctrl/);
  if (site !== undefined) site.policy = "MAINTENANCE";
  expect((await drive(at)).status.ledger.outcome).toBe("Succeeded");
  for (let n = 0; n < 3; n += 1) await look(at);
  expect((await look(at)).left).toMatchObject({ status: "True" });
});

describe("during a run, told at the site and left to the run", () => {
  /** A run that has published its text, with nyc's loop beside it. */
  async function published(): Promise<Scene> {
    const at = await settled();
    await askForConversion(at);
    for (let n = 0; n < 2000; n += 1) {
      await pass(at);
      if ((await theRequest(at)).status?.ledger?.steps.at(-1)?.id === "StopManagers") return at;
    }
    throw new Error("never there");
  }

  test("nothing is told of what the run itself does", async () => {
    const at = await settled();
    await askForConversion(at);
    for (let n = 0; n < 2000 && (await pass(at)); n += 1) {
      if (n % 10 > 0) continue;
      const { left } = await look(at);
      expect([n, left?.reason]).not.toEqual([n, "ChangedDuringRun"]);
    }
    expect((await theRequest(at)).status.ledger.outcome).toBe("Succeeded");
  });

  test.each<readonly [string, (host: Host) => void, RegExp, (host: Host) => void]>([
    [
      "an edited tungsten.ini",
      (host) => void Object.assign(host, { joined: false }),
      /^\/etc\/tungsten\/tungsten\.ini of nyc-1 is not the text that UpgradeRequest to-caa published, and no update begins from it: run \/etc\/runner\/runner join/,
      (host) => void Object.assign(host, { joined: true }),
    ],
    [
      "another ini published",
      (host) => void Object.assign(host.volume, { ini: `${host.volume.ini}\n# mine\n` }),
      /^the tungsten\.ini published on nyc-1 is none of UpgradeRequest to-caa, which updates from no other/,
      (host) => void Object.assign(host.volume, { ini: host.volume.ini?.replace("\n# mine\n", "") ?? null }),
    ],
    [
      "a service nobody declared",
      (host) => void host.volume.installed.cluster?.services.push({ name: "paris", source: "london" }),
      /^nyc-1 runs service paris under \/opt\/continuent/,
      (host) => void host.volume.installed.cluster?.services.pop(),
    ],
  ])("%s; put back, the run goes on to its end", async (_name, change, says, back) => {
    const at = await published();
    const host = hostOf(at.world, "nyc-1");
    change(host);
    const { left } = await look(at);
    expect(left).toMatchObject({ status: "False", reason: "ChangedDuringRun" });
    expect(left?.message).toMatch(says);
    for (let n = 0; n < 6; n += 1) await pass(at);
    back(host);
    const request = await drive(at);
    expect(request.status.ledger.outcome ?? request.status.ledger.halt).toBe("Succeeded");
    expect((await look(at)).left).toMatchObject({ status: "True" });
  });

  test("a primary that was switched by hand: the site says to whom, and the run halts", async () => {
    const at = await settled();
    await askForConversion(at);
    await until(at, stepIs("ExportTrackingSchemas"));
    strike(at.world, "primary-moved", "nyc-0");
    expect((await look(at)).left?.message).toMatch(
      /^the primary of nyc is nyc-1, and UpgradeRequest to-caa was planned for nyc-0: it halts before its next step/,
    );
    await until(at, haltedBy("PrimaryMoved"));
  });
});
