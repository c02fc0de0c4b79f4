/** The chart with real Helm on a real API server: rendered, refused, installed, upgraded, uninstalled, installed again. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { findBinaries } from "../../local/binaries.ts";
import { type ControlPlane, startControlPlane } from "../../local/control-plane.ts";
import { until } from "../../local/processes.ts";
import { settingsFrom } from "../../src/settings.ts";
import { expectGolden } from "../golden.ts";
import { chart, helmIn, objectsIn, plainManifests, type Rendered } from "./chart.ts";
import { quietly, root, samples } from "./estate.ts";

type Helm = Awaited<ReturnType<typeof helmIn>>;
const release = "tungsten-operator";
const home = mkdtempSync(join(tmpdir(), "tungsten-operator-helm-"));
let offline: Helm;
beforeAll(async () => {
  offline = await helmIn(home);
}, 1_200_000);
afterAll(() => rmSync(home, { recursive: true, force: true }));

const template = (...args: readonly string[]) =>
  offline("template", release, chart, "--namespace", release, ...args);
const objects = async (...args: readonly string[]) => objectsIn(await template(...args));
const names = (all: readonly Rendered[], kind: string) =>
  all
    .filter((object) => object.kind === kind)
    .map(({ metadata }) => [metadata.namespace, metadata.name].filter((part) => part !== undefined).join("/"))
    .sort();

describe("rendered", () => {
  test("lint finds nothing to say, strictly", async () => {
    expect(await offline("lint", "--strict", chart)).toContain("0 chart(s) failed");
  });

  test("config/rbac and config/operator are what the chart renders", async () => {
    const files = plainManifests(await template());
    expect([...files.keys()].sort()).toEqual([
      "config/operator/operator.yaml",
      "config/rbac/operator.yaml",
      "config/rbac/people.yaml",
      "config/rbac/policies.yaml",
    ]);
    for (const [path, text] of files) expectGolden(join(root, path), text.trimEnd().split("\n"));
  });

  test("every setting of the program may be set, and no other", () => {
    const schema = JSON.parse(readFileSync(join(chart, "values.schema.json"), "utf8"));
    const own = ["AUTHORS_STAMPED", "HTTP_PORT", "POD_NAME", "POD_NAMESPACE", "WATCH_NAMESPACES"];
    const known = Object.keys(settingsFrom({})).filter((name) => !own.includes(name));
    expect(Object.keys(schema.properties.settings.properties).sort()).toEqual(known.sort());
  });

  test("users are stamped where the API server can, and the program is told so", async () => {
    const served = (version: string) => [
      "--api-versions",
      `admissionregistration.k8s.io/${version}/MutatingAdmissionPolicy`,
    ];
    const kinds = async (...args: readonly string[]) => {
      const all = await objects(...args);
      const told = JSON.stringify(all.find(({ kind }) => kind === "Deployment")).includes("AUTHORS_STAMPED");
      return [names(all, "MutatingAdmissionPolicy").length, told];
    };
    expect(await kinds()).toEqual([0, false]);
    expect(await kinds(...served("v1beta1"))).toEqual([1, true]);
    expect(await kinds(...served("v1"), ...served("v1beta1"))).toEqual([1, true]);
    expect(await kinds(...served("v1alpha1"))).toEqual([0, false]);
    expect(await kinds(...served("v1"), "--set", "policies.authors=false")).toEqual([0, false]);
  });

  test("large numbers reach the program as digits", async () => {
    const [deployment] = (await objects("--set", "settings.EXEC_OUTPUT_BYTES=33554432")).filter(
      ({ kind }) => kind === "Deployment",
    );
    expect(JSON.stringify(deployment)).toContain('{"name":"EXEC_OUTPUT_BYTES","value":"33554432"}');
  });

  test("with namespaces named, rights are Roles in these and a Lease beside the operator", async () => {
    const all = await objects("--set", "watchNamespaces={berlin,paris}");
    expect(names(all, "Role")).toEqual([
      "berlin/tungsten-operator",
      "paris/tungsten-operator",
      "tungsten-operator/tungsten-operator-leader",
    ]);
    expect(names(all, "RoleBinding")).toEqual(names(all, "Role"));
    expect(names(all, "ClusterRoleBinding")).toEqual([]);
    expect(names(all, "ClusterRole")).toEqual(["tungsten-operator-admin", "tungsten-operator-view"]);
    const whole = (await objects()).find(
      ({ kind, metadata }) => kind === "ClusterRole" && metadata.name === release,
    );
    for (const role of all.filter(({ kind, metadata }) => kind === "Role" && metadata.name === release))
      expect(role.rules).toEqual(whole?.rules);
    expect(JSON.stringify(all)).toContain('{"name":"WATCH_NAMESPACES","value":"berlin,paris"}');
  });

  test("what is opted into comes, and not otherwise", async () => {
    expect(names(await objects(), "ServiceMonitor")).toEqual([]);
    expect(names(await objects(), "NetworkPolicy")).toEqual([]);
    const all = await objects(
      ...["--set", "metrics.serviceMonitor.enabled=true", "--set", "networkPolicy.enabled=true"],
      ...["--set", "replicas=1", "--set", "crds.install=false", "--set", "policies.exec=false"],
      ...["--set", "policies.authors=false"],
    );
    expect(names(all, "ServiceMonitor")).toEqual(["tungsten-operator/tungsten-operator"]);
    expect(names(all, "NetworkPolicy")).toEqual(["tungsten-operator/tungsten-operator"]);
    expect(names(all, "PodDisruptionBudget")).toEqual([]);
    expect(names(all, "CustomResourceDefinition")).toEqual([]);
    expect(names(all, "ValidatingAdmissionPolicy")).toEqual([
      "tungsten-operator-deletion",
      "tungsten-operator-deletion-composites",
      "tungsten-operator-deletion-links",
      "tungsten-operator-sites",
    ]);
  });

  test.each<[string, RegExp]>([
    ["replicas=-1", /'\/replicas': minimum: got -1, want 0/],
    ["image.tagg=1", /'\/image': additional properties 'tagg' not allowed/],
    ["watchNamespaces={A_b}", /'\/watchNamespaces\/0': 'A_b' does not match pattern/],
    ["watchNamespaces={a,a}", /'\/watchNamespaces': items at 0 and 1 are equal/],
    ["settings.POLL=3", /'\/settings': additional properties 'POLL' not allowed/],
    ["settings.POLL_MS=soon", /'\/settings\/POLL_MS': 'soon' does not match pattern/],
    ["settings.LOG_LEVEL=loud", /'\/settings\/LOG_LEVEL': value must be one of 'trace', 'debug'/],
    ["image.digest=latest", /'\/image\/digest': 'latest' does not match pattern/],
    [
      "serviceAccount.create=false",
      /serviceAccount\.create is false: name the ServiceAccount to use in serviceAccount\.name/,
    ],
    [
      "metrics.serviceMonitor.enabled=true,metrics.service.enabled=false",
      /metrics\.serviceMonitor\.enabled needs the Service it reads: set metrics\.service\.enabled to true/,
    ],
  ])("refuses --set %s and says why", async (values, says) => {
    await expect(template("--set", values)).rejects.toThrow(says);
  });
});

describe("installed", () => {
  let plane: ControlPlane;
  let helm: Helm;
  beforeAll(async () => {
    plane = await startControlPlane(await findBinaries(quietly));
    helm = await helmIn(plane.directory, plane.kubeconfig("helm", plane.adminToken));
  }, 600_000);
  afterAll(() => plane?.stop(), 60_000);

  const install = (...args: readonly string[]) =>
    helm("upgrade", "--install", release, chart, "--namespace", release, "--create-namespace", ...args);
  const json = async (...args: readonly string[]) => JSON.parse(await plane.kubectl([...args, "-o", "json"]));
  const own = ["-n", release, "-l", `app.kubernetes.io/instance=${release}`];
  const crds = async (): Promise<string[]> =>
    (await plane.kubectl(["get", "crd", "-o", "name"]))
      .trim()
      .split("\n")
      .map((name) => name.split("/")[1] ?? "");

  test("brings everything, and its pods pass restricted Pod Security", async () => {
    await plane.kubectl(["create", "namespace", release]);
    await plane.kubectl(["label", "ns", release, "pod-security.kubernetes.io/enforce=restricted"]);
    expect(await install()).toContain("`helm uninstall` leaves the CustomResourceDefinitions");
    await plane.kubectl(["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"]);
    expect(await crds()).toEqual([
      "compositeservices.tungsten-operator.io",
      "crosssitelinks.tungsten-operator.io",
      "tungstenclusters.tungsten-operator.io",
      "upgraderequests.tungsten-operator.io",
    ]);
    await until("two pods", 30, async () => (await json("get", "pods", ...own)).items.length === 2);
    const warnings = await plane.kubectl([
      "get",
      "events",
      "-n",
      release,
      "--field-selector",
      "type=Warning",
    ]);
    expect(warnings).not.toMatch(/violates PodSecurity|FailedCreate/);
  });

  test("the definitions are those of config/crd, whole", async () => {
    const folder = join(root, "config/crd");
    const diff = plane.kubectl(["diff", "--server-side", "--field-manager=check", "-f", folder]);
    expect(await diff.catch(({ stdout }: { stdout: string }) => stdout)).toBe("");
  });

  test("samples are accepted, and outlive everything below", async () => {
    await plane.kubectl(["apply", "-f", join(samples, "msaa")]);
    expect((await json("get", "tungsten", "-n", "estate")).items.length).toBe(10);
  });

  test("an upgrade changes the Deployment, and mends an older definition", async () => {
    const name = "tungstenclusters.tungsten-operator.io";
    const older = await json("get", "crd", name);
    delete older.spec.versions[0].schema.openAPIV3Schema.properties.status.properties.ledger;
    older.metadata = { name };
    delete older.status;
    const asHelm = ["--server-side", "--field-manager=helm", "-f", "-"];
    await plane.kubectl(["apply", ...asHelm], JSON.stringify(older));
    expect(JSON.stringify(await json("get", "crd", name))).not.toContain('"ledger"');
    await install("--set", "replicas=3,settings.LOG_LEVEL=debug");
    const { spec } = await json("get", "deployment", release, "-n", release);
    expect(spec.replicas).toBe(3);
    expect(spec.template.spec.containers[0].env).toContainEqual({ name: "LOG_LEVEL", value: "debug" });
    expect(JSON.stringify(await json("get", "crd", name))).toContain('"ledger":{"description"');
  });

  test("people: view reads, admin writes, edit does not approve", async () => {
    const may = async (role: string, verb: string): Promise<string> => {
      const who = `--as=${role}`;
      await plane
        .kubectl(["create", "rolebinding", role, `--clusterrole=${role}`, `--user=${role}`, "-n", "estate"])
        .catch(quietly);
      return plane
        .kubectl(["auth", "can-i", verb, "upgraderequests.tungsten-operator.io", "-n", "estate", who])
        .then(
          (said) => said.trim(),
          ({ stdout }: { stdout: string }) => stdout.trim(),
        );
    };
    await until("aggregated roles", 20, async () => (await may("admin", "patch")) === "yes");
    expect(await may("view", "list")).toBe("yes");
    expect(await may("view", "patch")).toBe("no");
    expect(await may("edit", "patch")).toBe("no");
  });

  test("an uninstall takes the operator and its rights, and keeps definitions and estates", async () => {
    const before = await json("get", "tungsten", "-n", "estate");
    await helm("uninstall", release, "--namespace", release, "--wait");
    expect(await crds()).toHaveLength(4);
    expect(await json("get", "tungsten", "-n", "estate")).toEqual(before);
    const left = await plane.kubectl([
      ...[
        "get",
        "deployments,services,poddisruptionbudgets,serviceaccounts,clusterroles,clusterrolebindings",
      ],
      ...["-A", "-l", `app.kubernetes.io/instance=${release}`, "-o", "name"],
    ]);
    expect(left.trim()).toBe("");
    const policies = await plane.kubectl(["get", "validatingadmissionpolicies", "-o", "name"]);
    expect(policies).not.toContain(release);
  });

  test("installed again it takes the kept definitions over", async () => {
    await install("--set", "watchNamespaces={estate}");
    expect((await json("get", "role", release, "-n", "estate")).rules.length).toBeGreaterThan(8);
    expect((await json("get", "tungsten", "-n", "estate")).items.length).toBe(10);
  });
});
