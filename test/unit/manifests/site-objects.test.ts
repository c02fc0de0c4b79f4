/** A site's objects: safe by themselves, findable by labels, free of secrets and of owners, and fit for a node that keeps its data. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { parseSpec } from "../../../src/crds/parse.ts";
import { type TungstenClusterSpec, tungstenCluster } from "../../../src/crds/tungsten-cluster.ts";
import { tungstenIni } from "../../../src/ini/tungsten-ini.ts";
import { myCnfFiles, settingFaults } from "../../../src/manifests/my-cnf.ts";
import type { Manifest } from "../../../src/manifests/object.ts";
import { iniMap, siteObjects } from "../../../src/manifests/site-objects.ts";
import { dataNodes, siteNamed } from "../../../src/topology/estate.ts";
import { withConnectors } from "../../../src/topology/members.ts";
import { siteNumbers } from "../../../src/topology/site-numbers.ts";
import { cities, cluster, estateOf, mesh, msaa } from "../estates.ts";

function specOf(more: object = {}): TungstenClusterSpec {
  const parsed = parseSpec(tungstenCluster.spec, { release: "8.0.4-132", image: "node:1", ...more });
  if ("faults" in parsed) throw new Error(parsed.faults.join());
  return parsed.spec;
}

const estate = msaa(2, { witness: { active: true } });
const objectsOf = (more: object = {}) =>
  siteObjects({ estate, site: siteNamed(estate, "nyc"), spec: specOf(more), runnerScript: "#!/bin/bash\n" });
const all = [...objectsOf(), ...objectsOf({ backups: { claim: "off-node" } })];

const kind = (objects: readonly Manifest[], wanted: string) =>
  objects.filter((object) => object.kind === wanted);
// biome-ignore lint/suspicious/noExplicitAny: manifests are JSON, and tests look deep into them
type Json = any;
const setOf = (objects: readonly Manifest[]): Json => kind(objects, "StatefulSet")[0];
const podOf = (objects: readonly Manifest[]): Json => setOf(objects).spec.template;

describe("every object", () => {
  test.each(all.map((object) => [object.kind, object.metadata.name, object] as const))(
    "%s %s is in its namespace, labelled, owned by nobody",
    (_kind, name, object) => {
      expect(object.metadata.namespace).toBe("estate");
      expect(object.metadata.labels["app.kubernetes.io/managed-by"]).toBe("tungsten-operator");
      expect(object.metadata).not.toHaveProperty("ownerReferences");
      expect(name).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
      for (const value of Object.values(object.metadata.labels)) expect(value.length).toBeLessThanOrEqual(63);
    },
  );

  test("but the runner's script and the estate's ini belongs to its site by label", () => {
    for (const object of objectsOf().filter(({ metadata }) => metadata.name !== "tungsten-operator-runner"))
      expect(object.metadata.labels["tungsten-operator.io/site"]).toBe("nyc");
  });

  test("names are taken once per kind", () => {
    const names = objectsOf().map((object) => `${object.kind}/${object.metadata.name}`);
    expect(new Set(names).size).toBe(names.length);
  });

  test("of two sites meet only in what they share", () => {
    const london = siteObjects({
      estate,
      site: siteNamed(estate, "london"),
      spec: specOf(),
      runnerScript: "#!/bin/bash\n",
    });
    const names = new Set(london.map((object) => `${object.kind}/${object.metadata.name}`));
    const both = objectsOf()
      .map((object) => `${object.kind}/${object.metadata.name}`)
      .filter((name) => names.has(name));
    expect(both).toEqual(["ConfigMap/tungsten-operator-runner"]);
  });
});

describe("pods", () => {
  test.each([[objectsOf()], [objectsOf({ backups: { claim: "off-node" } })]])(
    "pass restricted Pod Security",
    (objects) => {
      const { spec } = podOf(objects);
      expect(spec).not.toHaveProperty("hostNetwork");
      expect(spec).not.toHaveProperty("hostPID");
      expect(spec).not.toHaveProperty("hostIPC");
      expect(spec.securityContext).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: "RuntimeDefault" },
      });
      expect(spec.securityContext.runAsUser).toBeGreaterThan(0);
      for (const container of [...spec.containers, ...(spec.initContainers ?? [])]) {
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        });
        for (const port of container.ports ?? []) expect(port).not.toHaveProperty("hostPort");
      }
      for (const volume of spec.volumes) {
        const [type] = Object.keys(volume).filter((key) => key !== "name");
        expect(["configMap", "secret", "emptyDir", "persistentVolumeClaim"]).toContain(type);
      }
      expect(spec.automountServiceAccountToken).toBe(false);
    },
  );

  test("keep what must outlive a container, and nothing of the image's root", () => {
    const { spec } = podOf(objectsOf());
    const mounts: Json[] = spec.containers[0].volumeMounts;
    const durable = setOf(objectsOf()).spec.volumeClaimTemplates.map((claim: Json) => claim.metadata.name);
    const at = (path: string) => mounts.find(({ mountPath }) => mountPath === path)?.name;
    expect(durable).toContain(at("/opt"));
    expect(durable).toContain(at("/backups"));
    expect(mounts.filter(({ mountPath }) => mountPath.startsWith("/opt/"))).toEqual([]);
    const known = [...durable, ...spec.volumes.map(({ name }: Json) => name)];
    for (const { name } of mounts) expect(known).toContain(name);
    for (const path of ["/tmp", "/run/mysqld", "/etc/tungsten"])
      expect(spec.volumes.find(({ name }: Json) => name === at(path))).toHaveProperty("emptyDir");
  });

  test("backups off the node go to the claim that was named", () => {
    const objects = objectsOf({ backups: { claim: "off-node" } });
    expect(podOf(objects).spec.volumes).toContainEqual({
      name: "backups",
      persistentVolumeClaim: { claimName: "off-node" },
    });
    expect(setOf(objects).spec.volumeClaimTemplates.map((claim: Json) => claim.metadata.name)).toEqual([
      "opt",
    ]);
  });

  test("are what the operator's exec expects: container, runner, its own UID", () => {
    const [container, ...more] = podOf(objectsOf()).spec.containers;
    expect(more).toEqual([]);
    expect(container.name).toBe("tungsten");
    expect(container.volumeMounts).toContainEqual({
      name: "runner",
      mountPath: "/etc/runner",
      readOnly: true,
    });
    expect(container.env).toContainEqual({
      name: "POD_UID",
      valueFrom: { fieldRef: { fieldPath: "metadata.uid" } },
    });
  });

  test("are called by their short names, for which each has a Service that resolves before it is ready", () => {
    expect(podOf(objectsOf()).spec).not.toHaveProperty("setHostnameAsFQDN");
    const services = kind(objectsOf(), "Service");
    for (const node of siteNamed(estate, "nyc").nodes) {
      const own = services.find(({ metadata }) => metadata.name === node.name) as Json;
      expect(own.spec).toMatchObject({
        clusterIP: "None",
        publishNotReadyAddresses: true,
        selector: { "statefulset.kubernetes.io/pod-name": node.name },
      });
    }
  });
});

describe("the StatefulSet", () => {
  const { spec } = setOf(objectsOf());

  test("never restarts a primary by itself, and no node waits for another", () => {
    expect(spec.updateStrategy).toEqual({ type: "OnDelete" });
    expect(spec.podManagementPolicy).toBe("Parallel");
  });

  test("keeps its volumes, whatever happens to it", () => {
    expect(spec.persistentVolumeClaimRetentionPolicy).toEqual({
      whenDeleted: "Retain",
      whenScaled: "Retain",
    });
  });

  test("counts witnesses too, and selects what it makes", () => {
    expect(spec.replicas).toBe(4);
    expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels);
    expect(kind(objectsOf(), "Service").map(({ metadata }) => metadata.name)).toContain(spec.serviceName);
  });

  test("lets one node at a time be evicted", () => {
    const [budget] = kind(objectsOf(), "PodDisruptionBudget") as Json[];
    expect(budget.spec).toEqual({ maxUnavailable: 1, selector: spec.selector });
  });
});

describe("secrets", () => {
  const secretWords = /passw|secret|token/i;

  test("no ConfigMap holds one: what is rendered has placeholders", () => {
    const text = tungstenIni(estate, "MSAA", {});
    for (const object of [...kind(all, "ConfigMap"), iniMap(estate, text)]) {
      const data = (object as Json).data as Record<string, string>;
      for (const line of Object.values(data).flatMap((value) => value.split("\n")))
        if (secretWords.test(line)) expect(line).toMatch(/=@\{[a-z-]+\}$/);
    }
  });

  test("they come to the pod as files only its user can read, never as environment", () => {
    const { spec } = podOf(objectsOf());
    const volume = spec.volumes.find(({ name }: Json) => name === "secrets");
    expect(volume.secret).toEqual({ secretName: "nyc-tungsten", defaultMode: 0o400 });
    expect(JSON.stringify(spec.containers[0].env)).not.toMatch(/secretKeyRef/);
    expect(spec.containers[0]).not.toHaveProperty("envFrom");
  });
});

describe("my.cnf", () => {
  const settingOf = (text: string, key: string): string =>
    new RegExp(`^${key}=(.*)$`, "m").exec(text)?.[1] ?? "";

  test("is rendered as approved", () => {
    const london = siteNamed(estate, "london");
    expect(myCnfFiles(estate, london, { innodb_buffer_pool_size: "1G" })["london-2.cnf"]).toBe(
      [
        "[mysqld]",
        "server-id=102",
        "port=13306",
        "log-bin=mysql-bin",
        "binlog-format=ROW",
        "sync-binlog=1",
        "auto-increment-increment=10",
        "auto-increment-offset=1",
        "innodb_buffer_pool_size=1G",
        "",
      ].join("\n"),
    );
  });

  test("every data node of an estate has its own id, every site its own offset below the increment", () => {
    const sizes = fc.record({
      sites: fc.integer({ min: 1, max: 5 }),
      nodes: fc.integer({ min: 1, max: 9 }),
      kept: fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { minLength: 5, maxLength: 5 }),
    });
    fc.assert(
      fc.property(sizes, ({ sites, nodes, kept }) => {
        const names = cities.slice(0, sites);
        const made = estateOf({
          clusters: names.map((name, index) => cluster(name, { nodes, number: kept[index] })),
          links: mesh(names),
        });
        const texts = made.sites.map((site) => Object.values(myCnfFiles(made, site, {})));
        const ids = texts.flat().map((text) => settingOf(text, "server-id"));
        expect(ids).toHaveLength(dataNodes(made).length);
        expect(new Set(ids).size).toBe(ids.length);
        const offsets = texts.map((own) => [
          ...new Set(own.map((text) => settingOf(text, "auto-increment-offset"))),
        ]);
        expect(offsets.every((own) => own.length === 1)).toBe(true);
        expect(new Set(offsets.flat()).size).toBe(sites);
        const increments = new Set(
          texts.flat().map((text) => Number(settingOf(text, "auto-increment-increment"))),
        );
        expect(increments.size).toBe(1);
        expect(Math.max(...offsets.flat().map(Number))).toBeLessThanOrEqual([...increments][0] ?? 0);
      }),
      { seed: Number(process.env.FIRST_SEED ?? 1), numRuns: 60 },
    );
  });

  test.each([
    "server-id",
    "server_id",
    "Server-Id",
    "loose-server-id",
    "log_bin",
    "skip-log-bin",
    "disable_log_bin",
    "binlog-format",
    "auto_increment_offset",
    "auto-increment-increment",
    "port",
    "datadir",
    "socket",
    "sync_binlog",
    "read_only",
    "super-read-only",
    "binlog-do-db",
  ])("a user's %s is refused in one sentence", (name) => {
    expect(settingFaults({ [name]: "1" })).toEqual([
      expect.stringMatching(
        new RegExp(`^spec\\.mysql\\.settings\\.${name}: «${name}» may not stand here: .*; `),
      ),
    ]);
  });

  test.each([
    ["max_connections", "1\n[mysqld_safe]\nmalloc-lib=/tmp/x"],
    ["x=1\n[client]\nuser", "y"],
    ["", "y"],
    ["!include /tmp/x", ""],
  ])("%j = %j, which would be more than one setting, is refused", (name, value) => {
    expect(settingFaults({ [name]: value })).toHaveLength(1);
    expect(settingFaults({ [name]: value })[0]).not.toMatch(/\n/);
  });

  test("other settings are taken, in any spelling", () => {
    const settings = {
      "max-allowed-packet": "64M",
      innodb_flush_method: "O_DIRECT",
      "mysqlx.port": "1",
      report_port: "1",
    };
    expect(settingFaults(settings)).toEqual([]);
  });
});

describe("a site's number", () => {
  const born = (name: string, minute: number, kept?: unknown) => ({
    name,
    createdAt: `2026-11-21T10:${String(minute).padStart(2, "0")}:00Z`,
    kept,
  });

  test("is kept when others come, go, or are called something earlier in the alphabet", () => {
    const first = siteNumbers([born("nyc", 1), born("london", 2), born("tokyo", 3)]);
    expect(Object.fromEntries(first)).toEqual({ nyc: 1, london: 2, tokyo: 3 });
    const kept = [born("nyc", 1, 1), born("london", 2, 2), born("tokyo", 3, 3)];
    expect(siteNumbers([...kept, born("amsterdam", 4)]).get("amsterdam")).toBe(4);
    expect(Object.fromEntries(siteNumbers(kept.slice(1)))).toEqual({ london: 2, tokyo: 3 });
    expect(siteNumbers([...kept.slice(1), born("berlin", 9)]).get("berlin")).toBe(1);
  });

  test("never changes and is never given twice, in whatever order objects are listed, made and removed", () => {
    const day = fc.array(
      fc.record({ name: fc.constantFrom(...cities, "paris", "oslo"), comes: fc.boolean() }),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(day, fc.boolean(), (events, backwards) => {
        let living: { name: string; createdAt: string; kept: unknown }[] = [];
        for (const [minute, { name, comes }] of events.entries()) {
          if (comes && !living.some((each) => each.name === name)) living.push(born(name, minute));
          if (!comes) living = living.filter((each) => each.name !== name);
          const numbers = siteNumbers(backwards ? [...living].reverse() : living);
          expect(new Set(numbers.values()).size).toBe(living.length);
          for (const each of living) {
            if (each.kept !== undefined) expect(numbers.get(each.name)).toBe(each.kept);
            each.kept = numbers.get(each.name);
          }
        }
      }),
      { seed: Number(process.env.FIRST_SEED ?? 1), numRuns: 200 },
    );
  });

  test("that is no number is none", () => {
    expect(siteNumbers([born("nyc", 1, "7"), born("london", 2, 0)])).toEqual(
      new Map([
        ["nyc", 1],
        ["london", 2],
      ]),
    );
  });
});

describe("pods that run only a connector", () => {
  const wide = withConnectors(estate, "nyc", 2);
  const objects = siteObjects({
    estate: wide,
    site: siteNamed(wide, "nyc"),
    spec: specOf({ connector: { replicas: 2, resources: { limits: { memory: "1Gi" } } }, resources: {} }),
    runnerScript: "#!/bin/bash\n",
  });
  const sets: Json[] = kind(objects, "StatefulSet");
  const [nodes, connectors] = sets;

  test("change nothing of a site that has none", () => {
    expect(objectsOf({ connector: { replicas: 0 } })).toEqual(objectsOf());
    expect(kind(objectsOf(), "StatefulSet")).toHaveLength(1);
  });

  test("have a StatefulSet of their own, which leaves the nodes' as it is", () => {
    expect(nodes).toEqual(setOf(objectsOf({ resources: {} })));
    expect(connectors.metadata.name).toBe("nyc-connector");
    expect(connectors.spec).toMatchObject({
      replicas: 2,
      updateStrategy: { type: "RollingUpdate" },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: "Delete", whenScaled: "Delete" },
      selector: { matchLabels: { "tungsten-operator.io/connectors": "nyc" } },
    });
    const names = objects.map((object) => `${object.kind}/${object.metadata.name}`);
    expect(new Set(names).size).toBe(names.length);
  });

  test("are found by the connector's Service, and their claims by nothing that looks for the nodes' volumes", () => {
    const service: Json = objects.find(({ metadata }) => metadata.name === "nyc-connector");
    expect(service.kind).toBe("Service");
    const { labels } = connectors.spec.template.metadata;
    for (const [key, value] of Object.entries(service.spec.selector)) expect(labels[key]).toBe(value);
    const [claim, ...more] = connectors.spec.volumeClaimTemplates;
    expect(more).toEqual([]);
    expect(claim.metadata.labels).toEqual({ "tungsten-operator.io/connectors": "nyc" });
    expect(claim.spec.resources.requests.storage).toBe("5Gi");
  });

  test("share the nodes' image, probe and security, and have resources of their own and no port of a database", () => {
    const [node, connector] = [nodes, connectors].map((set) => set.spec.template.spec.containers[0]);
    for (const field of ["image", "readinessProbe", "securityContext", "volumeMounts"])
      expect(connector[field]).toEqual(node[field]);
    expect(connector.resources).toEqual({ limits: { memory: "1Gi" } });
    expect(connector.ports).toEqual([{ name: "connector", containerPort: 3306 }]);
    const { volumes } = connectors.spec.template.spec;
    for (const { name } of connector.volumeMounts)
      expect([name, name === "opt" || volumes.some((volume: Json) => volume.name === name)]).toEqual([
        name,
        true,
      ]);
    expect(volumes).toContainEqual({ name: "backups", emptyDir: {} });
  });

  test("resolve by their own names, and have a budget that is none of the nodes'", () => {
    const services = kind(objects, "Service").map(({ metadata }) => metadata.name);
    expect(services).toEqual(expect.arrayContaining(["nyc-connector-0", "nyc-connector-1"]));
    const budgets: Json[] = kind(objects, "PodDisruptionBudget");
    expect(budgets.map(({ metadata, spec }) => [metadata.name, spec.selector])).toEqual([
      [
        "nyc",
        {
          matchLabels: { "tungsten-operator.io/site": "nyc" },
          matchExpressions: [{ key: "tungsten-operator.io/connectors", operator: "DoesNotExist" }],
        },
      ],
      ["nyc-connector", { matchLabels: { "tungsten-operator.io/connectors": "nyc" } }],
    ]);
  });
});
