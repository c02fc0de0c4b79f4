/** The operator as users install it: its image from the Dockerfile, the chart by Helm. */
import { execFile } from "node:child_process";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import type { Report } from "../binaries.ts";
import type { Cluster } from "../cluster.ts";
import { findHelm } from "../tools.ts";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");
const namespace = "tungsten-operator";
const release = "tungsten-operator";
const image = { repository: "tungsten-operator.io/operator", tag: "e2e" };

export type InstalledOperator = {
  /** The pod that holds the leader's Lease. */
  readonly leader: () => Promise<string>;
  /** Kills the leader without warning; returns its name. */
  readonly killLeader: () => Promise<string>;
};

/** Builds, installs with the chart's own defaults, and waits until all replicas are ready. */
export async function installOperator(cluster: Cluster, report: Report): Promise<InstalledOperator> {
  await run(process.execPath, ["--disable-warning=ExperimentalWarning", join(root, "scripts/build.ts")]);
  await cluster.provide({
    dockerfile: join(root, "Dockerfile"),
    context: root,
    name: `${image.repository}:${image.tag}`,
  });
  const helm = await findHelm(report);
  report("helm install tungsten-operator");
  const chart = join(root, "deploy/helm/tungsten-operator");
  const values = ["--set", `image.repository=${image.repository}`, "--set", `image.tag=${image.tag}`];
  const options = ["--namespace", namespace, "--create-namespace", "--wait", "--timeout", "3m"];
  await run(helm, ["install", release, chart, ...options, ...values, "--kubeconfig", cluster.kubeconfig]);
  const kubectl = (...args: string[]): Promise<string> =>
    cluster.kubectl(["--namespace", namespace, ...args]);
  const leader = async (): Promise<string> => {
    const holder = await kubectl("get", "lease", "-o", "jsonpath={.items[0].spec.holderIdentity}");
    const pods = (await kubectl("get", "pods", "-o", "jsonpath={.items[*].metadata.name}")).split(" ");
    const name = pods.find((pod) => holder.startsWith(`${pod}-`));
    if (name === undefined) throw new Error(`no pod of the operator leads; the Lease is held by «${holder}»`);
    return name;
  };
  return {
    leader,
    killLeader: async () => {
      const name = await leader();
      await kubectl("delete", "pod", name, "--grace-period=0", "--force");
      return name;
    },
  };
}
