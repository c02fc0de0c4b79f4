/** Every pre-flight check of the conversion, failing for one reason at a time: one sentence, no plan, no command. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { strike } from "../../simulator/faults.ts";
import { type Host, hostOf } from "../../simulator/model.ts";
import { armOffline, askOffline } from "../../simulator/replicator.ts";
import type { Service } from "../../simulator/state.ts";
import { advance, stopContainer } from "../../simulator/world.ts";
import type { KubeObject } from "../../src/controllers/shell.ts";
import { clusterKind, compositeKind, configMapKind, linkKind } from "../../src/kube/kinds.ts";
import { acceptsConversion } from "../../src/procedures/conversion-preflight.ts";
import { expectGolden } from "../golden.ts";
import { askForConversion, conditionOf, namespace, newScene, pass, type Scene, theRequest } from "./scene.ts";

type Change = (scene: Scene, host: Host) => unknown;
type Case = readonly [name: string, change: Change, says: RegExp, parameters?: object];

const spec =
  (kind: typeof clusterKind, name: string, change: (spec: KubeObject["spec"]) => void): Change =>
  ({ objects }) => {
    objects.edit(kind, { namespace, name }, (object) => change(object.spec));
  };
const installed = (host: Host, product: "cluster" | "crossSite") => {
  const is = host.volume.installed[product];
  if (is === undefined) throw new Error(`${product} is not installed`);
  return is;
};
const serviceOf = (host: Host, product: "cluster" | "crossSite", name: string): Service => {
  const service = host.replicators[product]?.services.get(name);
  if (service === undefined) throw new Error(`no service ${name} on ${host.name}`);
  return service;
};
const finding =
  (kind: string, name: string): Change =>
  (_scene, host) =>
    void host.mysql.findings.push({ kind, name });

const filtered = spec(linkKind, "nyc-to-london", (is) =>
  Object.assign(is, { options: { "svc-applier-filters": "replicate" } }),
);

const store =
  (content: (host: Host) => string | null): Change =>
  ({ world }) => {
    for (const host of world.hosts.values()) host.keys.set("store /etc/tungsten/keystore.jks", content(host));
  };

/** Each changes nyc-1 unless it says otherwise. */
const refusals: readonly Case[] = [
  [
    "no composite",
    async ({ objects }) =>
      objects.remove(
        compositeKind,
        { namespace, name: "global" },
        (await objects.get(compositeKind, { namespace, name: "global" }))?.metadata.uid ?? "",
      ),
    /names no CompositeService of this namespace; create it first$/,
  ],
  [
    "an active/passive composite",
    spec(compositeKind, "global", (is) => Object.assign(is, { type: "ActivePassive", primarySite: "nyc" })),
    /^CompositeService global is ActivePassive; the conversion makes ActiveActive/,
  ],
  [
    "a composite with a site's name",
    spec(compositeKind, "global", (is) => Object.assign(is, { dataservice: "nyc" })),
    /nyc/,
  ],
  [
    "a linked site that is no member",
    spec(compositeKind, "global", (is) => Object.assign(is, { members: [{ name: "london" }] })),
    /^site nyc is linked with the estate but no member of CompositeService global; add it to spec\.members$/,
  ],
  [
    "a site of one data node, whose managers know another one still",
    (scene, host) => {
      stopContainer(scene.world, host);
      for (const { replicators } of scene.world.hosts.values())
        for (const product of Object.values(replicators))
          for (const service of product?.services.values() ?? []) service.readers.delete(host.name);
      return spec(clusterKind, "nyc", (is) => Object.assign(is, { nodes: 1 }))(scene, host);
    },
    /^nyc-1 is FAILED by its managers' word; recover it \(cctrl, datasource nyc-1 recover\) before converting$/,
  ],
  [
    "a release below 6",
    spec(clusterKind, "nyc", (is) => Object.assign(is, { release: "5.4.1-10" })),
    /^spec\.release of TungstenCluster nyc is 5\.4\.1-10; Composite Active\/Active needs release 6 or later$/,
  ],
  [
    "products at two releases",
    (_s, host) => Object.assign(installed(host, "crossSite"), { release: "7.1.0-10" }),
    /^nyc-1 runs the cluster product at 8\.0\.4-132 and the cross-site product at 7\.1\.0-10; bring both to one release first$/,
  ],
  [
    "a staging install",
    (_s, host) => Object.assign(installed(host, "cluster"), { method: "staging" }),
    /^nyc-1 was installed by the staging method.*translatetoini\.pl/,
  ],
  [
    "a second product from staging",
    (_s, host) => Object.assign(installed(host, "crossSite"), { method: "staging" }),
    /^the cross-site replicator of nyc-1 was installed by the staging method/,
  ],
  [
    "parallel apply",
    (_s, host) => Object.assign(installed(host, "cluster"), { channels: 8 }),
    /^nyc-1 applies in parallel on 8 channels; disable parallel apply/,
  ],
  [
    "parallel apply of the second product",
    (_s, host) => Object.assign(installed(host, "crossSite"), { channels: 8 }),
    /^the cross-site replicator of nyc-1 applies in parallel on 8 channels; disable parallel apply/,
  ],
  [
    "no cluster product",
    (_s, host) => void delete host.volume.installed.cluster,
    /^nyc-1 has no Tungsten installed under \/opt\/continuent; wait for its TungstenCluster to become Ready$/,
  ],
  [
    "no second product",
    (_s, host) => void delete host.volume.installed.crossSite,
    /^nyc-1 has no cross-site replicator under \/opt\/replicator/,
  ],
  [
    "a site it does not read",
    (_s, host) => Object.assign(installed(host, "crossSite"), { services: [] }),
    /^nyc-1 does not replicate from london; every site must read every other one/,
  ],
  [
    "no primary",
    ({ world }) => void world.sites.get("nyc")?.shunned.add("nyc-0"),
    /^nyc has no single ONLINE primary by the word of nyc-0; bring one up/,
  ],
  [
    "a replica that its managers keep out",
    ({ world }) => void world.sites.get("nyc")?.shunned.add("nyc-1"),
    /^nyc-1 is SHUNNED by its managers' word; recover it \(cctrl, datasource nyc-1 recover\) before converting$/,
  ],
  [
    "managers that name two primaries",
    ({ world, shell }) => {
      const site = world.sites.get("nyc");
      const { exec } = shell.pods;
      Object.assign(shell.pods, {
        exec: async (...args: Parameters<typeof exec>) => {
          if (site !== undefined && args[0].name === "nyc-1") site.primary = "nyc-1";
          return exec(...args).finally(() => Object.assign(site ?? {}, { primary: "nyc-0" }));
        },
      });
    },
    /^nyc-0 tells nyc-0 as the primary of nyc, nyc-1 tells nyc-1; bring its managers together first$/,
  ],
  [
    "a primary that is read-only",
    ({ world }) => void Object.assign(hostOf(world, "nyc-0").mysql, { readOnly: true }),
    /^nyc-0, the primary of nyc, is read-only; find out why, then set read_only=0 there$/,
  ],
  [
    "a site at two releases",
    (_s, host) => {
      for (const product of ["cluster", "crossSite"] as const)
        Object.assign(installed(host, product), { release: "7.1.0-10" });
    },
    /^nyc-0 runs release 8\.0\.4-132 and nyc-1 release 7\.1\.0-10; bring nyc to one release first$/,
  ],
  [
    "a package that is not unpacked",
    (_s, host) => void host.volume.software.clear(),
    /^nyc-1 has no tungsten-clustering-8\.0\.4-132 in \/opt\/continuent\/software; unpack it there on every node first$/,
  ],
  [
    "a hold of a run that was given up",
    (_s, host) => void host.volume.holds.add("manager"),
    /^nyc-1 holds manager for a run that did not end; find out what it left half-way, then remove \/opt\/tungsten-operator\/holds\/manager there$/,
  ],
  [
    "a stopped cross-site replicator",
    ({ world }) => strike(world, "replicator-killed", "nyc-1"),
    /^the cross-site replicator of nyc-1 is not running; start it/,
  ],
  [
    "a cross-site service in error",
    ({ world }) => strike(world, "service-error", "nyc-1"),
    /^service london of nyc-1 is OFFLINE:ERROR; mend it and bring it ONLINE before converting/,
  ],
  [
    "a service of the cluster that is offline",
    ({ world }, host) => askOffline(world, host, serviceOf(host, "cluster", "nyc"), true),
    /^service nyc of nyc-1 is OFFLINE:NORMAL; mend it and bring it ONLINE before converting/,
  ],
  [
    "a service that is told to go offline already",
    ({ world }, host) => armOffline(world, host, serviceOf(host, "crossSite", "london"), "by-hand"),
    /^service london of nyc-1 is already told to go offline \(.*by-hand.*\); clear that by offline and online first$/,
  ],
  [
    "a replica that lags",
    ({ world }, host) => {
      host.lagMs = 60_000;
      advance(world, 180_000);
    },
    /^service \S+ of nyc-1 is [\d.]+ s behind, the limit is 5 s \(spec\.convertMsaaToCaa\.limits\.latencySeconds\); wait or raise it$/,
  ],
  [
    "readers with long queues of young events",
    ({ world }, host) => {
      host.lagMs = 3000;
      for (const { client } of world.sites.values()) client.rate = 50;
      advance(world, 30_000);
    },
    /^service \S+ of \S+ has \d+ events of \S+-0 left to apply, the limit is 100 \(spec\.convertMsaaToCaa\.limits\.backlogEvents\); wait or raise it$/,
    { limits: { backlogEvents: 100 } },
  ],
  [
    "statement-based binary logs",
    (_s, host) => Object.assign(host.mysql, { format: "STATEMENT" }),
    /^binlog_format of nyc-1 is STATEMENT; set it to ROW$/,
  ],
  [
    "two servers with one id",
    ({ world }, { mysql }) => Object.assign(mysql, { serverId: hostOf(world, "nyc-0").mysql.serverId }),
    /^\S+ and \S+ both have server_id \d+; give each node its own$/,
  ],
  [
    "an increment below the number of sites",
    (_s, host) => Object.assign(host.mysql, { increment: 1 }),
    /^auto_increment_increment of nyc-1 is 1, below the 2 sites that write; raise it$/,
  ],
  [
    "an offset of another site",
    (_s, host) => Object.assign(host.mysql, { offset: 1 }),
    /^sites london and nyc share auto_increment_offset 1; give each site its own$/,
  ],
  [
    "a long transaction",
    (_s, host) => Object.assign(host.mysql, { oldestTransaction: 61 }),
    /^a transaction on nyc-1 has been open for 61 s, the limit is 60 s; let it end$/,
  ],
  [
    "a prepared XA transaction",
    finding("xa", "x'1'"),
    /^nyc-1 has a prepared XA transaction: .*; let it end$/,
  ],
  ["running DDL", finding("ddl", "ALTER TABLE t"), /^nyc-1 has DDL running: .*; let it end$/],
  [
    "a trigger nobody acknowledged",
    finding("trigger", "shop.t1"),
    /^trigger shop\.t1 would fire at every site; if that is intended add "trigger:shop\.t1" to spec\.convertMsaaToCaa\.acknowledgedFindings$/,
  ],
  ["an enabled event", finding("event", "shop.e1"), /^event shop\.e1 is enabled and would run at every site/],
  [
    "somebody else who reads a binary log",
    finding("reader", "feed@10.0.0.9"),
    /^feed@10\.0\.0\.9 reads the binary log of nyc-1 and is no node of the estate.*"reader:feed@10\.0\.0\.9"/,
  ],
  ["a table without a key", finding("nokey", "shop.log"), /^table shop\.log has no primary key/],
  [
    "a table without transactions",
    finding("nontransactional", "shop.m"),
    /^table shop\.m is not transactional/,
  ],
  [
    "a schema with a new service's name",
    (_s, host) => void host.mysql.schemas.set("tungsten_nyc_from_london", { commit: null, heartbeat: null }),
    /^nyc-1 has a schema tungsten_nyc_from_london that is not empty/,
  ],
  [
    "an option of a link that has no place in a composite",
    spec(linkKind, "nyc-to-london", (is) => Object.assign(is, { options: { "thl-interface": "eth0" } })),
    /^spec\.options\.thl-interface of CrossSiteLink nyc-to-london does not go over into a composite: all services of a node share the cluster's listener; set it in spec\.options of the target$/,
  ],
  [
    "an option of a link at a release without post-process",
    (scene, host) => {
      for (const name of ["london", "nyc"])
        spec(clusterKind, name, (is) => Object.assign(is, { release: "6.1.4-44" }))(scene, host);
      for (const { volume } of scene.world.hosts.values()) {
        volume.software.add("6.1.4-44");
        for (const product of Object.values(volume.installed))
          Object.assign(product ?? {}, { release: "6.1.4-44" });
      }
      filtered(scene, host);
    },
    /^spec\.release of TungstenCluster (london|nyc) is 6\.1\.4-44, and london_from_nyc has options of a CrossSiteLink, which need tpm post-process of release 7 or later; raise it, or remove them from the link$/,
  ],
  [
    "an option of a site that would bring services online before a link's options are in force",
    (scene, host) => {
      spec(clusterKind, "nyc", (is) => Object.assign(is, { options: { "repl-auto-enable": "true" } }))(
        scene,
        host,
      );
      filtered(scene, host);
    },
    /^spec\.options\.repl-auto-enable of TungstenCluster nyc decides when services go online, which the operator has to until the options of london_from_nyc are in force; remove it$/,
  ],
  [
    "a clock that is ahead",
    (_s, host) => Object.assign(host, { clockSkewMs: 9000 }),
    /^the clock of nyc-1 is 9 s ahead of that of \S+; set both by one time source$/,
  ],
  [
    "a full volume",
    (_s, host) => Object.assign(host, { freeBytes: 2 ** 30 }),
    /^\/opt of nyc-1 has 1\.0 GiB free of 93\.1 GiB and needs 9\.3 GiB: its logs grow by 3 MiB an hour \(binlog over 7 d, cluster:nyc over 7 d, crossSite:london_nyc over 7 d\), .*; make room, or let spec\.storage\.size of TungstenCluster nyc grow$/,
  ],
  [
    "logs that fill the volume before the run is over",
    (_s, host) => Object.assign(host, { logBytesPerHour: 5 * 2 ** 30 }),
    /^\/opt of nyc-1 has 46\.6 GiB free of 93\.1 GiB and needs 8\d\.\d GiB: its logs grow by 15 GiB an hour \(binlog over 7 d, .*\), and 2 times what 3 runs of at worst 0\.9 h would write has to fit/,
  ],
  [
    "binary logs that are purged early",
    (_s, host) => Object.assign(host.mysql, { expireSeconds: 3600 }),
    /^binlog_expire_logs_seconds of nyc-1 is 3600 \(1\.0 h\); logs must outlast 3 runs, at worst 0\.9 h each from step 2 on, and a day at least: 24\.0 h; raise it to 86400 s or more$/,
  ],
  [
    "THL that is purged early",
    spec(clusterKind, "nyc", (is) => Object.assign(is, { options: { "thl-log-retention": "6h" } })),
    /^thl-log-retention of TungstenCluster nyc is 6h \(6\.0 h\); logs must outlast 3 runs.*; raise it to 86400 s or more/,
  ],
  [
    "THL that is purged early by what is installed, whatever the spec says",
    (_s, host) => {
      const [local] = installed(host, "cluster").services;
      Object.assign(local ?? {}, { properties: { "replicator.store.thl.log_file_retention": "12h" } });
    },
    /^thl-log-retention of nyc-1, as installed, is 12h \(12\.0 h\); logs must outlast/,
  ],
  [
    "a replicator from elsewhere that reads a site's own log",
    (_s, host) =>
      void host.replicators.cluster?.services.get("nyc")?.readers.set("etl-9", Number.POSITIVE_INFINITY),
    /^etl-9 reads the THL of service nyc on nyc-1 and is no node of the estate; it is cut off when the replicator restarts in step 9, .*; tell its owner, and if that is settled add "thl:etl-9" to spec\.convertMsaaToCaa\.acknowledgedFindings$/,
  ],
  [
    "a replicator from elsewhere that reads a cross-site log",
    (_s, host) =>
      void host.replicators.crossSite?.services.get("london")?.readers.set("etl-9", Number.POSITIVE_INFINITY),
    /^etl-9 reads the THL of service london on nyc-1 .*; the service it reads is uninstalled in step 4/,
  ],
  [
    "a my.cnf that says something else",
    (_s, host) => void host.mysql.file.set("server-id", "99"),
    /^my\.cnf of nyc-1 says server-id=99, the running server has \d+; make them equal/,
  ],
  [
    "another password at one site",
    (_s, host) => void host.keys.set("account replication-password", "another"),
    /^london-0 and nyc-1 have different values of replication-password; managers and connectors of a composite log in at every site alike: name one Secret in spec\.credentials\.replication of every TungstenCluster, and give the database account that password$/,
  ],
  [
    "an account that is not mounted",
    (_s, host) => void host.keys.set("account application-user", null),
    /^nyc-1 has no application-user in its mounted Secret; see that the site's Secret holds it, then restart the pod$/,
  ],
  [
    "key stores that differ",
    store((host) => (host.name === "nyc-1" ? "another" : "store")),
    /^\/etc\/tungsten\/keystore\.jks of london-0 and of nyc-1 differ, so that neither would trust the other; copy it from one node to all$/,
  ],
  [
    "a key store that is missing",
    store((host) => (host.name === "nyc-1" ? null : "store")),
    /^nyc-1 has no \/etc\/tungsten\/keystore\.jks, which other nodes or its ini name; copy it there from one node$/,
  ],
  [
    "stores that each tpm made for itself, under TLS",
    (scene, host) => {
      for (const name of ["london", "nyc"])
        spec(clusterKind, name, (is) => Object.assign(is, { options: { "thl-ssl": "true" } }))(scene, host);
      for (const each of scene.world.hosts.values()) each.keys.set("share jgroups.jceks", each.site);
    },
    /^\/opt\/continuent\/share\/jgroups\.jceks of london-0 and of nyc-0 differ, so that neither would trust the other/,
  ],
  [
    "an ssh key that another site does not let in",
    (_s, host) => void host.keys.set("authorized key#1", "AAAA-somebody"),
    /^authorized_keys of nyc-1 does not hold the key of london-0, so that tprovision could not copy between them; give all pods the same Secret tungsten-ssh and restart them, or remove it everywhere$/,
  ],
  [
    "a host key that nobody knows",
    (_s, host) => void host.keys.set("host key", "AAAA-new"),
    /^known_hosts of london-0 does not hold the host key of nyc-1, so that tprovision/,
  ],
  [
    "a node without ssh keys among nodes that have them",
    (_s, host) => {
      for (const name of ["identity key", "host key", "authorized key#1", "known key#1"])
        host.keys.delete(name);
    },
    /^nyc-1 has no ssh_host_ed25519_key, so that tprovision/,
  ],
  [
    "a port that is shut between sites",
    ({ world }) => void world.cuts.add("london|nyc"),
    /^\S+ cannot reach \S+:2112 \(timeout\): something on the way swallows it, and Composite Active\/Active needs it; let site/,
  ],
  [
    "a NetworkPolicy that lets in what MSAA needs and no more",
    ({ world }) => void world.swallowed.add("nyc:12000"),
    /^london-0 cannot reach nyc-0:12000 \(timeout\): something on the way swallows it, and Composite Active\/Active needs it; let site london in on port 12000 in the NetworkPolicies of the pods of site nyc/,
  ],
];

test("the vendor's tool is looked for where positions are kept by it, and nowhere else", async () => {
  const without: Change = (_s, host) => void Object.assign(host, { hasPrepUpgrade: false });
  const by = { positions: "TungstenPrepUpgrade" };
  expect((await answer(without)).accepted?.status).toBe("True");
  expect((await answer(() => {}, by)).accepted?.status).toBe("True");
  expect((await answer(without, by)).accepted?.message).toBe(
    "nyc-1 has no tungsten_prep_upgrade in tools/ of tungsten-clustering-8.0.4-132; set spec.convertMsaaToCaa.positions to Primitives, or unpack a package that has it",
  );
});

async function answer(change: Change, parameters: object = {}) {
  const scene = await newScene({ sites: ["london", "nyc"], nodes: 2, seed: 9 });
  await change(scene, hostOf(scene.world, "nyc-1"));
  await askForConversion(scene, { approval: "Manual" }, parameters);
  await pass(scene);
  const request = await theRequest(scene);
  const begun = [...scene.world.hosts.values()].flatMap((host) => [...host.volume.markers.keys()]);
  const page = await scene.objects.get(configMapKind, { namespace, name: "to-caa-preflight" });
  return {
    scene,
    accepted: conditionOf(request, "Accepted"),
    plan: request.status?.plan,
    preflight: request.status?.preflight,
    report: String(page?.data["report.txt"] ?? ""),
    begun,
  };
}

/** Where one change is one too many for several checks; everything else is refused by exactly one. */
const refusedBySeveral = [
  "a site of one data node, whose managers know another one still",
  "no cluster product",
  "no second product",
  "a site it does not read",
  "a release below 6",
  "products at two releases",
  "a site at two releases",
  "parallel apply",
  "parallel apply of the second product",
  "a replica that lags",
];

/** Checks that some case below has seen refuse, by their words. */
const haveRefused = new Set<string>();
/** Refused where the case stands beside: a record too large (many-sites), a backup attested (backups), taken, or by the tool. */
const triedElsewhere = [
  "the run's record has room for every service between sites",
  "an attested backup is there for every site, with its evidence, and young enough",
  "the backups volume has room for a backup of the data",
  "the vendor's tool lies in the package, where positions are kept by it",
];
const refusedIn = (report: string): readonly string[] =>
  [...(report.split(/^UNKNOWN/m)[0] ?? "").matchAll(/^ {2}\S.*? {2,}(\S.*)\n +→/gm)].map(
    (match) => match[1] ?? "",
  );

describe("each check refuses by itself", () => {
  test.each(refusals)("%s", async (name, change, says, parameters = {}) => {
    const { accepted, plan, begun, preflight, report } = await answer(change, parameters);
    for (const check of refusedIn(report))
      haveRefused.add(check.replace("more than 100 events", "more than 10000 events"));
    expect(accepted).toMatchObject({ status: "False", reason: "Refused" });
    expect(accepted?.message.replace(/ \(and \d+ more in the pre-flight report\)$/, "")).toMatch(says);
    if (preflight !== undefined) expect(preflight.refused === 1).toBe(!refusedBySeveral.includes(name));
    expect(accepted?.message).not.toContain("\n");
    expect(plan).toBeUndefined();
    expect(begun).toEqual([]);
  });

  test("there is none that no case has seen refuse", () => {
    const asked = acceptsConversion({
      backup: { mode: "Take" },
      limits: { latencySeconds: 5, backlogEvents: 10_000, oldestTransactionSeconds: 60 },
      acknowledgedFindings: [],
    }).map(({ say }) => say);
    const never = asked.filter((say) => !haveRefused.has(say));
    expect([...never].sort()).toEqual([...triedElsewhere].sort());
  });
});

describe("what is not a refusal", () => {
  test("a sound estate passes", async () => {
    const { accepted, plan } = await answer(() => {});
    expect(accepted).toMatchObject({ status: "True", reason: "PreflightPassed" });
    expect(plan?.hash).toMatch(/^[0-9a-f]{64}$/);
  });

  test.each<[string, Change]>([
    [
      "stores that differ while nothing is secured by them",
      ({ world }) => {
        for (const host of world.hosts.values()) host.keys.set("share jgroups.jceks", host.name);
      },
    ],
    [
      "an estate without ssh keys",
      ({ world }) => {
        for (const host of world.hosts.values())
          for (const name of [...host.keys.keys()]) if (!name.startsWith("account")) host.keys.delete(name);
      },
    ],
  ])("%s", async (_name, change) => {
    const { accepted } = await answer(change);
    expect(accepted).toMatchObject({ status: "True", reason: "PreflightPassed" });
  });

  test("an acknowledged reader of THL stands in the plan, once", async () => {
    const { accepted, plan } = await answer(
      ({ world }) => {
        for (const name of ["nyc-0", "nyc-1"])
          hostOf(world, name)
            .replicators.cluster?.services.get("nyc")
            ?.readers.set("etl-9", Number.POSITIVE_INFINITY);
      },
      { acknowledgedFindings: ["thl:etl-9"] },
    );
    expect(accepted?.status).toBe("True");
    expect(plan?.findings).toEqual([
      { id: "thl:etl-9", text: expect.stringMatching(/^etl-9 reads the THL of service nyc on nyc-1/) },
    ]);
  });

  test("an acknowledged finding stands in the plan", async () => {
    const { accepted, plan } = await answer(finding("trigger", "shop.t1"), {
      acknowledgedFindings: ["trigger:shop.t1"],
    });
    expect(accepted?.status).toBe("True");
    expect(plan?.findings).toEqual([
      { id: "trigger:shop.t1", text: "trigger shop.t1 would fire at every site" },
    ]);
  });

  test.each<[string, Change]>([
    ["a database that does not answer", (_s, host) => Object.assign(host.mysql, { up: false })],
    ["a node whose pod is gone", (_s, host) => Object.assign(host, { up: false })],
    ["a manager that does not answer", (_s, host) => Object.assign(host.manager, { running: false })],
  ])("%s leaves the answer unknown, and nothing begins", async (_name, change) => {
    const { accepted, plan, begun } = await answer(change);
    expect(accepted?.status).not.toBe("True");
    expect(accepted?.message).toContain("nyc");
    expect(plan).toBeUndefined();
    expect(begun).toEqual([]);
  });
});

describe("the report", () => {
  const troubles: Change = async (scene, host) => {
    finding("trigger", "shop.t1")(scene, host);
    finding("nokey", "shop.log")(scene, host);
    host.mysql.oldestTransaction = 61;
    Object.assign(hostOf(scene.world, "london-1"), { freeBytes: 2 ** 30 });
    hostOf(scene.world, "london-0").mysql.up = false;
    await spec(linkKind, "nyc-to-london", (is) =>
      Object.assign(is, { options: { "thl-interface": "eth0" } }),
    )(scene, host);
  };

  test("tells every refusal and everything unknown at once, by site and check", async () => {
    const { accepted, report, preflight } = await answer(troubles, {
      acknowledgedFindings: ["trigger:shop.t1"],
    });
    expectGolden(join(import.meta.dirname, "preflight.report.txt"), report.trimEnd().split("\n"));
    expect(accepted?.message).toMatch(/ \(and \d+ more in the pre-flight report\)$/);
    expect(preflight).toMatchObject({ report: "to-caa-preflight", refused: 5 });
  });

  test("a sound estate's report stands beside its plan, and is not written again", async () => {
    const { report, preflight, scene } = await answer(() => {});
    expect(preflight).toMatchObject({ refused: 0, unknown: 0 });
    expect(report).toMatch(/checks: \d+ ok, 0 refuse, 0 unknown/);
    expect(report).toMatch(
      /london: primary london-0, policy AUTOMATIC.*clients are interrupted for up to 240 s/,
    );
    const version = async () =>
      (await scene.objects.get(configMapKind, { namespace, name: "to-caa-preflight" }))?.metadata
        .resourceVersion;
    const before = await version();
    for (let n = 0; n < 5; n += 1) await pass(scene);
    expect(await version()).toBe(before);
  });

  test("a dry run that is refused goes on asking, and ends with its plan once all is mended", async () => {
    const scene = await newScene({ sites: ["london", "nyc"], nodes: 2, seed: 9 });
    const host = hostOf(scene.world, "nyc-1");
    host.mysql.oldestTransaction = 61;
    await askForConversion(scene, { dryRun: true });
    await pass(scene);
    expect((await theRequest(scene)).status.preflight.refused).toBe(1);
    host.mysql.oldestTransaction = 0;
    while (await pass(scene));
    const { status } = await theRequest(scene);
    expect([status.preflight.refused, status.ledger.outcome]).toEqual([0, "Planned"]);
    expect([...scene.world.hosts.values()].every(({ volume }) => volume.markers.size === 0)).toBe(true);
  });

  test("a backup that would not fit is refused only where one is to be taken", async () => {
    const large: Change = (_scene, host) => void Object.assign(host.mysql, { bytes: 60 * 1024 ** 3 });
    const taking = await answer(large, { backup: { mode: "Take" } });
    expect(taking.accepted?.message).toMatch(
      /^\/backups of nyc-1 has 46\.6 GiB free, its data has 60\.0 GiB; make room/,
    );
    expect((await answer(large)).accepted?.status).toBe("True");
  });
});
