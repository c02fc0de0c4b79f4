/** The node image, built from its Dockerfile with made-up packages, on a real kubelet under restricted Pod Security: every line of the contract, a restart, an end in order. */
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Cluster, startCluster } from "../../local/cluster.ts";
import { until } from "../../local/processes.ts";
import { probeFor } from "../../src/cli/probe-pod.ts";
import { say } from "./progress.ts";
import { makeSshSecret } from "./ssh-keys.ts";

const root = resolve(import.meta.dirname, "../..");
const image = "tungsten-operator.io/tungsten-node:e2e";
const namespace = "node-image";
const release = "tungsten-clustering-8.0.4-132";

let cluster: Cluster;
let context = "";
const kubectl = (...args: string[]) => cluster.kubectl(["--namespace", namespace, ...args]);

/** A build context as a customer makes it; the package holds a tpm that does nothing. */
function contextWithPackage(): string {
  const folder = mkdtempSync(join(tmpdir(), "node-image-"));
  cpSync(join(root, "images/tungsten-node"), folder, { recursive: true });
  mkdirSync(join(folder, "build", release, "tools"), { recursive: true });
  writeFileSync(join(folder, "build", release, "tools/tpm"), "#!/bin/bash\n", { mode: 0o755 });
  const tarball = join(folder, "packages", `${release}.tar.gz`);
  execFileSync("tar", ["-czf", tarball, "-C", join(folder, "build"), release]);
  const sum = createHash("sha256").update(readFileSync(tarball)).digest("hex");
  writeFileSync(`${tarball}.sha256`, `${sum}  ${release}.tar.gz\n`);
  return folder;
}

/** How many files may be open is the machine's to give; a small one gives less than the contract asks. */
const isTheMachines = (line: string, text: string): boolean =>
  /^FAIL +28 /.test(line) && / at most \d+ open files$/m.test(text);

type Checked = { readonly code: number | null; readonly text: string };

/** The plugin as its users start it. */
const checkImage = (...words: string[]): Promise<Checked> =>
  new Promise((done) => {
    const argv = ["--disable-warning=ExperimentalWarning", join(root, "src/cli/main.ts"), "check-image"];
    const child = spawn(process.execPath, [
      ...argv,
      ...words,
      "-n",
      namespace,
      "--kubeconfig",
      cluster.kubeconfig,
    ]);
    let text = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (data) => {
        text += data;
      });
    child.once("close", (code) => done({ code, text }));
  });

beforeAll(async () => {
  cluster = await startCluster(say);
  context = contextWithPackage();
  await cluster.provide({ dockerfile: join(context, "Dockerfile"), context, name: image });
  const labels = { "pod-security.kubernetes.io/enforce": "restricted" };
  const made = { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace, labels } };
  await cluster.kubectl(["create", "-f", "-"], JSON.stringify(made));
  await until("the namespace's service account", 60, async () =>
    kubectl("get", "serviceaccount", "default").then(
      () => true,
      () => false,
    ),
  );
  await makeSshSecret(kubectl);
}, 1_800_000);
afterAll(async () => {
  await cluster?.stop();
  if (context !== "") rmSync(context, { recursive: true, force: true });
}, 120_000);

describe("the node image", () => {
  test("keeps every line of the contract that a pod of its own can show", async () => {
    const { code, text } = await checkImage(image);
    const lines = text
      .split("\n")
      .filter((line) => /^(FAIL|cannot tell)/.test(line) && !isTheMachines(line, text));
    expect(lines.map((line) => line.replace(/^(.*?) +(\d+) .*$/, "$1 $2"))).toEqual([
      "cannot tell 12",
      "cannot tell 35",
      "cannot tell 36",
    ]);
    expect(code).toBe(/^FAIL/m.test(text) ? 1 : 0);
    expect(
      await kubectl("get", "pods,configmaps,secrets", "-l", "tungsten-operator.io/check-image", "-o", "name"),
    ).not.toMatch(/configmap|secret/);
  }, 600_000);

  test("after a restart of the container its data are there, its ini is joined, and what is held does not run", async () => {
    const probe = probeFor(image, "restart");
    const items = probe.manifests.map((each) => {
      const pod = each as { kind: string; spec: object };
      return pod.kind === "Pod" ? { ...pod, spec: { ...pod.spec, restartPolicy: "Always" } } : each;
    });
    await cluster.kubectl(
      ["--namespace", namespace, "create", "-f", "-"],
      JSON.stringify({ apiVersion: "v1", kind: "List", items }),
    );
    const inPod = (script: string) => kubectl("exec", probe.pod, "--", "bash", "-c", script);
    const databaseUp = () =>
      until("the database", 120, async () =>
        inPod("mysqld-service status").then(
          (told) => !told.includes("does not answer"),
          () => false,
        ),
      );
    await databaseUp();
    await inPod('mariadb --user=tungsten -e "CREATE DATABASE kept"');
    const fake = (name: string) =>
      `#!/bin/bash\ncase $1 in status) echo "is not running";; *) echo "$1" >>/opt/${name}-runs;; esac\n`;
    const lay = (path: string, name: string) =>
      `mkdir -p ${path} && printf '%s' '${fake(name)}' >${path}/replicator && chmod 755 ${path}/replicator`;
    await inPod(
      [
        lay("/opt/continuent/tungsten/tungsten-replicator/bin", "cluster"),
        lay("/opt/replicator/tungsten/tungsten-replicator/bin", "crossSite"),
        "touch /opt/tungsten-operator/holds/crossSite",
        "printf 'replication-password=@{replication-password}\\n' >/opt/tungsten-operator/ini/tungsten.ini",
        "kill -TERM 1",
      ].join(" && "),
    ).catch(() => {});
    await until("another container", 150, async () => {
      const count = "{.status.containerStatuses[0].restartCount}";
      return (await kubectl("get", "pod", probe.pod, "-o", `jsonpath=${count}`)) === "1";
    });
    await databaseUp();
    await until("the cluster's replicator", 60, async () =>
      (await inPod("cat /opt/cluster-runs || true")).includes("start"),
    );
    expect(await inPod("cat /opt/cluster-runs")).toBe("stop\nstart\n");
    expect(await inPod("cat /opt/crossSite-runs")).toBe("stop\n");
    expect(await inPod('mariadb --user=tungsten -N -e "SHOW DATABASES LIKE \\"kept\\""')).toBe("kept\n");
    const { text } = await checkImage(probe.pod);
    for (const line of [/^ok +35 /m, /^ok +36 /m, /^cannot tell +24 /m]) expect(text).toMatch(line);
    expect(text.split("\n").filter((line) => line.startsWith("FAIL") && !isTheMachines(line, text))).toEqual(
      [],
    );
    const before = await kubectl("logs", probe.pod, "--previous");
    expect(before).toMatch(/everything is down/);
    expect(before).toMatch(/Shutdown complete/);
  }, 600_000);
});
