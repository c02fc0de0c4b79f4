/** The sites' policy on a real API server: what the operator may delete and enlarge beside what RBAC lets it; none runs here. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { findBinaries } from "../../local/binaries.ts";
import { type ControlPlane, startControlPlane } from "../../local/control-plane.ts";
import { until } from "../../local/processes.ts";
import { namespace, quietly, root } from "./estate.ts";

const operatorNamespace = "tungsten-operator";
const ours = { "tungsten-operator.io/site": "nyc" };
const claimOf = (name: string, labels: object) => ({
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  metadata: { name, namespace, labels },
  spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
});
const podOf = (name: string, labels: object) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace, labels },
  spec: { nodeName: "nowhere", containers: [{ name: "tungsten", image: "none" }] },
});

let plane: ControlPlane;
let asOperator: (...args: readonly string[]) => Promise<string>;
beforeAll(async () => {
  plane = await startControlPlane(await findBinaries(quietly));
  await plane.kubectl(["create", "namespace", namespace]);
  await plane.kubectl(["apply", "-f", join(root, "config/rbac")]);
  // What kubectl itself needs for a patch.
  const reads = ["--verb=get", "--resource=persistentvolumeclaims"];
  await plane.kubectl(["create", "role", "reads", "-n", namespace, ...reads]);
  const who = `--serviceaccount=${operatorNamespace}:tungsten-operator`;
  await plane.kubectl(["create", "rolebinding", "reads", "-n", namespace, "--role=reads", who]);
  await until("the namespace's own account", 30, () =>
    plane.kubectl(["get", "serviceaccount", "default", "-n", namespace]).then(
      () => true,
      () => false,
    ),
  );
  const made = [claimOf("theirs", {}), claimOf("ours", ours), podOf("theirs", {}), podOf("ours", ours)];
  await plane.kubectl(["apply", "-f", "-"], made.map((each) => JSON.stringify(each)).join("\n---\n"));
  const token = ["create", "token", "tungsten-operator", "-n", operatorNamespace];
  const kubeconfig = plane.kubeconfig("sites", (await plane.kubectl(token)).trim());
  asOperator = (...args) => plane.kubectl(["--kubeconfig", kubeconfig, "-n", namespace, ...args]);
  await until("a policy in force", 30, () =>
    labelled("theirs", "--dry-run=server").then(
      () => false,
      () => true,
    ),
  );
}, 600_000);
afterAll(() => plane?.stop(), 60_000);

const deletes = (kind: string, name: string): Promise<string> =>
  asOperator("delete", "--raw", `/api/v1/namespaces/${namespace}/${kind}/${name}`);
const labelled = (name: string, ...more: readonly string[]): Promise<string> =>
  asOperator(
    "patch",
    "pvc",
    name,
    "--type=merge",
    "-p",
    JSON.stringify({ metadata: { labels: { ...ours, mark: "seen" } } }),
    ...more,
  );

test("of others it gets nothing, and no label that it gives them first", async () => {
  await expect(labelled("theirs")).rejects.toThrow(/refused: UPDATE of persistentvolumeclaims theirs, which/);
  await expect(deletes("persistentvolumeclaims", "theirs")).rejects.toThrow(/refused: DELETE of persist/);
  await expect(deletes("pods", "theirs")).rejects.toThrow(/refused: DELETE of pods theirs, which has no/);
});

test("of its sites it gets what it needs", async () => {
  await labelled("ours");
  await deletes("persistentvolumeclaims", "ours");
  await deletes("pods", "ours");
});

test("others are not concerned", async () => {
  await plane.kubectl(["delete", "pod,pvc", "theirs", "-n", namespace, "--wait=false"]);
});
