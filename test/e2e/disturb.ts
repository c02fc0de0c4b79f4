/** What the suite does to a running conversion: kills, deletes, cuts. Each throws where it had no effect. */
import type { Cluster } from "../../local/cluster.ts";
import type { InstalledOperator } from "../../local/pods/operator.ts";
import type { Estate } from "./estate.ts";
import type { Disturbance } from "./request.ts";

/** Three seconds in which the kubelet loses every connection on its port, and with them the exec sessions of the operator. */
async function cutExecs(cluster: Cluster): Promise<void> {
  const kill = "ss --no-header --numeric --kill state established 'sport = :10250'";
  const cut = await cluster.onNode("bash", "-c", `for i in $(seq 30); do ${kill}; sleep 0.1; done`);
  if (cut.trim() === "")
    throw new Error(
      "no connection was cut: is the kernel built with INET_DIAG_DESTROY, and did the operator ask anything?",
    );
}

/** A pod is made anew. What the run has stopped on its node must not come back with it. */
async function deleteNode(cluster: Cluster, { namespace }: Estate, pod: string): Promise<void> {
  const kubectl = (...args: string[]): Promise<string> =>
    cluster.kubectl(["--namespace", namespace, ...args]);
  await kubectl("delete", "pod", pod);
  await kubectl("wait", "--for=create", `pod/${pod}`, "--timeout=60s");
  await kubectl("wait", "--for=jsonpath={.status.phase}=Running", `pod/${pod}`, "--timeout=120s");
  const held = await kubectl("exec", pod, "--container=tungsten", "--", "ls", "/opt/tungsten-operator/holds");
  if (!held.split("\n").includes("crossSite")) throw new Error(`${pod} holds nothing: ${held}`);
  const running = "/opt/replicator/tungsten/tungsten-replicator/bin/replicator status 2>&1 || true";
  const status = await kubectl("exec", pod, "--container=tungsten", "--", "bash", "-c", running);
  if (/PID:\d+|is running/.test(status))
    throw new Error(`${pod} came back with its cross-site replicator: ${status}`);
}

/** The leader killed three times, one node pod deleted, exec connections cut, each in the middle of a step. */
export function everyDisturbance(
  cluster: Cluster,
  operator: InstalledOperator,
  estate: Estate,
): readonly Disturbance[] {
  const kill = (step: string): Disturbance => ({
    step,
    what: "killed the operator that leads",
    run: operator.killLeader,
  });
  const pod = `${estate.sites[1]}-1`;
  return [
    kill("StopCrossSiteReplicators"),
    {
      step: "ExportTrackingSchemas",
      what: `deleted pod ${pod}; it came back with its cross-site replicator held`,
      run: () => deleteNode(cluster, estate, pod),
    },
    kill("UninstallCrossSiteReplicators"),
    { step: "ReloadTrackingSchemas", what: "cut exec connections", run: () => cutExecs(cluster) },
    kill("UpdateSoftware"),
  ];
}
