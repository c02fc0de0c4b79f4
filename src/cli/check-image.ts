/** `kubectl tungsten check-image`: asks a running node about every line of the node contract and prints what it found. */
import { randomBytes } from "node:crypto";
import { contractScript, type Finding, readFindings } from "./contract.ts";
import type { Kubectl, Ran } from "./kubectl.ts";
import { probeFor } from "./probe-pod.ts";

export type Means = {
  readonly kubectl: Kubectl;
  /** Waits that many milliseconds. */
  readonly pause: (ms: number) => Promise<void>;
  /** What happens meanwhile, for a person. */
  readonly say: (text: string) => void;
};

/** Why nothing could be checked, in one sentence. */
export class CheckError extends Error {}

const container = "tungsten";
const startTries = 90;
const startPauseMs = 2000;

/** An image has a slash, a colon or an at sign; a pod's name has none. */
export const isImage = (subject: string): boolean => /[/:@]/.test(subject);

const firstLine = ({ stderr, stdout, code }: Ran): string =>
  (stderr.trim() || stdout.trim() || `exit code ${code}`).split("\n")[0] ?? "";

async function must(what: string, ran: Promise<Ran>): Promise<Ran> {
  const result = await ran;
  if (result.code !== 0) throw new CheckError(`${what}: ${firstLine(result)}`);
  return result;
}

/** Asks a pod that runs. `restart` permits line 24 to restart its database. */
export async function checkPod(
  pod: string,
  restart: boolean,
  { kubectl }: Means,
): Promise<readonly Finding[]> {
  await must(`pod ${pod} cannot be read`, kubectl(["get", "pod", pod, "--output", "name"]));
  const words = ["exec", "-i", pod, "--container", container, "--", "bash", "-s", "--"];
  const ran = await kubectl([...words, ...(restart ? ["--restart"] : [])], contractScript());
  if (!/^end\t\d+\t$/m.test(ran.stdout))
    throw new CheckError(`the check in pod ${pod} did not end: ${firstLine(ran)}`);
  return readFindings(ran.stdout);
}

/** Runs the image as the operator would, in a pod of its own, asks it, and deletes what it made. */
export async function checkImage(image: string, means: Means): Promise<readonly Finding[]> {
  const probe = probeFor(image, randomBytes(3).toString("hex"));
  const list = JSON.stringify({ apiVersion: "v1", kind: "List", items: probe.manifests });
  try {
    await must("the pod cannot be made", means.kubectl(["create", "--filename", "-"], list));
    means.say(`pod ${probe.pod} is made`);
    await started(probe.pod, means);
    return await checkPod(probe.pod, true, means);
  } finally {
    await means.kubectl(["delete", "pod,configmap,secret", "--selector", probe.selector, "--wait=false"]);
  }
}

/** Waits for the container and, for a while, for its database; what is missing then is told by the contract's own lines. */
async function started(pod: string, { kubectl, pause, say }: Means): Promise<void> {
  let [running, reason] = [false, ""];
  for (let n = 0; n < startTries; n += 1) {
    const status = await kubectl(["get", "pod", pod, "--output", "json"]);
    const told =
      status.code === 0
        ? readStatus(status.stdout)
        : { running: false, reason: firstLine(status), ended: false };
    if (told.ended) throw new CheckError(`the container of ${pod} ended: ${told.reason}`);
    if (!told.running && told.reason !== reason) say(`waiting: ${told.reason}`);
    [running, reason] = [told.running, told.reason];
    if (running) {
      const up = await kubectl([
        "exec",
        pod,
        "--container",
        container,
        "--",
        "/usr/local/bin/mysqld-service",
        "status",
      ]);
      if (up.code === 0 && !up.stdout.includes("does not answer")) return;
    }
    await pause(startPauseMs);
  }
  if (!running) throw new CheckError(`pod ${pod} did not start: ${reason}`);
  say("the database did not come up");
}

type PodStatus = { readonly running: boolean; readonly ended: boolean; readonly reason: string };

/** kubectl's JSON of a pod; anything else in it is not running yet. */
function readStatus(json: string): PodStatus {
  const { status } = JSON.parse(json) as {
    status?: {
      phase?: string;
      conditions?: { message?: string; status: string }[];
      containerStatuses?: {
        state: {
          running?: object;
          waiting?: { reason?: string; message?: string };
          terminated?: { reason?: string; exitCode?: number };
        };
      }[];
    };
  };
  const state = status?.containerStatuses?.[0]?.state;
  const { waiting, terminated } = state ?? {};
  if (terminated !== undefined)
    return {
      running: false,
      ended: true,
      reason: `${terminated.reason ?? "terminated"}, exit code ${terminated.exitCode}`,
    };
  const held = status?.conditions?.find(
    (each) => each.status === "False" && each.message !== undefined,
  )?.message;
  const reason = waiting?.message ?? waiting?.reason ?? held ?? status?.phase ?? "no status yet";
  return { running: state?.running !== undefined, ended: false, reason };
}
