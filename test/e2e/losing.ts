/** Pods that are lost and stay so: the only node takes no new pods, and theirs are taken away at once. */
import { until } from "../../local/processes.ts";
import type { Live } from "./live.ts";
import type { Disturbance } from "./request.ts";

const theNode = async ({ kubectl }: Live): Promise<string> =>
  (await kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")).trim();

/** Their processes are killed, and they are Pending until `giveBack`. Whoever else runs goes on. */
export async function losePods(live: Live, pods: readonly string[]): Promise<void> {
  await live.kubectl("cordon", await theNode(live));
  await live.kubectl("delete", "pod", ...pods, "--grace-period=0", "--force");
  await until(`${pods.join(", ")} Pending`, 60, async () => {
    const phases = await live.kubectl(
      "get",
      "pod",
      ...pods,
      "-o",
      "jsonpath={.items[*].status.phase}{.status.phase}",
    );
    return phases.split(" ").every((phase) => phase === "Pending");
  });
}

export async function giveBack(live: Live, pods: readonly string[]): Promise<void> {
  await live.kubectl("uncordon", await theNode(live));
  await live.kubectl("wait", "--for=condition=Ready", ...pods.map((pod) => `pod/${pod}`), "--timeout=180s");
}

/** What a DBA types into cctrl on a node. It exits 0 whatever it says. */
export const inCctrl = (live: Live, pod: string, ...lines: readonly string[]): Promise<string> => {
  const typed = lines.map((line) => `${line}\\n`).join("");
  const cctrl = "/opt/continuent/tungsten/tungsten-manager/bin/cctrl -multi";
  const shell = ["--container=tungsten", "--", "bash", "-c", `printf '${typed}' | ${cctrl}`];
  return live.kubectl("exec", pod, ...shell);
};

/** What a DBA types on a node to make it anew: out of service, at rest, copied, back. `-multi` leaves a prompt off. */
export async function provisionedByHand(
  live: Live,
  pod: string,
  service: string,
  donor: string,
): Promise<void> {
  const replicator = "/opt/continuent/tungsten/tungsten-replicator";
  const run = `${replicator}/bin/trepctl -service ${service} offline && ${replicator}/scripts/tprovision -s ${donor} -m xtrabackup`;
  await inCctrl(live, pod, "set policy maintenance", "set force true", `datasource ${pod} shun`);
  await live.kubectl("exec", pod, "--container=tungsten", "--", "bash", "-c", run);
  await inCctrl(live, pod, `datasource ${pod} welcome`, `datasource ${pod} online`, "set policy automatic");
}

/** The second word of a Failover: given when the run asks for it, for this request alone. */
export const secondWord = (live: Live, request: string, lost: object): Disturbance => ({
  step: "Confirm",
  what: "said that what was lost stays down",
  run: async () => {
    const uid = (await live.kubectl("get", "upg", request, "-o", "jsonpath={.metadata.uid}")).trim();
    const spec = { failover: { confirmed: { ...lost, uid } } };
    await live.kubectl("patch", "upg", request, "--type=merge", "--patch", JSON.stringify({ spec }));
  },
});
