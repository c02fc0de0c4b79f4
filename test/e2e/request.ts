/** Requests on a real cluster: asked for, approved by their plan's hash, followed to their end. */
import type { Cluster } from "../../local/cluster.ts";
import { table } from "../../local/pods/clients.ts";
import { until } from "../../local/processes.ts";
import { type Estate, inNamespace, objectsOf, pause, type Sample } from "./estate.ts";
import { say } from "./progress.ts";

export type Condition = {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
};
export type Request = {
  readonly status?: {
    readonly conditions?: readonly Condition[];
    readonly plan?: {
      readonly hash: string;
      readonly commands: number;
      readonly interruption: readonly { readonly site: string; readonly seconds: number }[];
    };
    readonly ledger?: {
      readonly phase: string;
      readonly outcome?: string;
      readonly steps: readonly { readonly id: string }[];
    };
  };
};
export const condition = (request: Request, type: string): Condition | undefined =>
  request.status?.conditions?.find((each) => each.type === type);

const requestOf = async (cluster: Cluster, estate: Estate, name: string): Promise<Request> =>
  JSON.parse(await inNamespace(cluster, estate, "get", "upg", name, "-o", "json")) as Request;

/** The clients' table has no key on purpose; the pre-flight sees that, and wants it acknowledged. */
const knowinglyWithoutKey = { acknowledgedFindings: [`nokey:${table}`] };

/** The sample that asks for the conversion, fit for the estate and its clients. */
export function conversionOf(estate: Estate): Sample {
  const asked = sampleNamed("convert-to-caa", estate);
  const block = { ...asked.spec?.convertMsaaToCaa, ...knowinglyWithoutKey };
  return { ...asked, spec: { ...asked.spec, convertMsaaToCaa: block } };
}

/** A request of config/samples, in the estate's namespace. */
export const sampleNamed = (name: string, estate: Estate): Sample =>
  objectsOf(`${name}.yaml`, estate)[0] as Sample;

/** Creates a request, waits for its plan and approves that by its hash; returns the plan's figures. */
export async function askFor(cluster: Cluster, estate: Estate, asked: Sample): Promise<Request> {
  const { name } = asked.metadata;
  await cluster.kubectl(["apply", "-f", "-"], JSON.stringify(asked));
  let request: Request = {};
  await until(`a plan of ${name} to approve`, 180, async () => {
    request = await requestOf(cluster, estate, name);
    await pause(1);
    return condition(request, "Approved")?.reason === "AwaitingApproval";
  }).catch((error: Error) => {
    throw new Error(`${error.message}; Accepted: ${JSON.stringify(condition(request, "Accepted"))}`);
  });
  const hash = request.status?.plan?.hash;
  const patch = JSON.stringify({ spec: { approvedPlan: hash } });
  await inNamespace(cluster, estate, "patch", "upg", name, "--type=merge", "--patch", patch);
  say(`approved ${name}, a plan of ${request.status?.plan?.commands} commands`);
  return request;
}

/** Something to do once, when the run has come to a step. */
export type Disturbance = {
  readonly step: string;
  readonly what: string;
  readonly run: () => Promise<unknown>;
};

/** Follows the run to its end, telling its progress; throws when it halts, or ends in anything but success. */
export async function followRequest(
  cluster: Cluster,
  estate: Estate,
  name: string,
  minutes: number,
  disturbances: readonly Disturbance[] = [],
): Promise<void> {
  const waiting = [...disturbances];
  let last = "";
  let halted = "";
  await until(`the end of ${name}`, Math.min(minutes * 60, secondsLeft()), async () => {
    const request = await requestOf(cluster, estate, name);
    const message = (condition(request, "Progressing")?.message ?? "").replace(/ \(since [^)]*\)$/, "");
    if (message !== last) say(message.slice(0, 160));
    last = message;
    const steps = request.status?.ledger?.steps.map(({ id }) => id) ?? [];
    const due = waiting.findIndex(({ step }) => steps.includes(step));
    const [now] = due < 0 ? [] : waiting.splice(due, 1);
    if (now !== undefined) {
      await now.run();
      say(`at ${now.step}: ${now.what}`);
    }
    const stalled = condition(request, "Stalled");
    halted = stalled?.status === "True" && stalled.reason !== "WaitsLong" ? stalled.message : "";
    await pause(2);
    return halted !== "" || request.status?.ledger?.phase === "Finished";
  });
  if (halted !== "") throw new Error(`${name} halted: ${halted}`);
  const { outcome } = (await requestOf(cluster, estate, name)).status?.ledger ?? {};
  if (outcome !== "Succeeded") throw new Error(`${name} ended as ${outcome}`);
  if (waiting.length > 0) throw new Error(`never came to ${waiting.map(({ step }) => step).join(", ")}`);
}

/** A minute before the suite is ended by force: what there is to see can still be kept. */
const secondsLeft = (): number => (Number(process.env.E2E_ENDS_AT ?? Infinity) - Date.now()) / 1000 - 60;
