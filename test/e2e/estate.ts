/** The estate of config/samples on a real cluster: applied, followed through its conversion, taken down again. */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseAllDocuments } from "yaml";
import type { Cluster } from "../../local/cluster.ts";
import { type ClientSite, table } from "../../local/pods/clients.ts";
import type { NodeSet } from "../../local/pods/sql.ts";
import { until } from "../../local/processes.ts";
import { say } from "./progress.ts";

const samples = resolve(import.meta.dirname, "../../config/samples");
type Sample = {
  kind: string;
  metadata: { name: string; namespace?: string };
  spec?: {
    nodes?: number;
    source?: { name: string };
    target?: { name: string };
    members?: { name: string }[];
    connector?: { port?: number };
    convertMsaaToCaa?: object;
  };
};
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
export type Estate = {
  readonly namespace: string;
  readonly sites: readonly string[];
  readonly nodesPerSite: number;
};

/** The samples as they are, or cut to fewer sites and nodes, or in another namespace. */
export function sampleObjects(estate: Estate): readonly Sample[] {
  const here = (name: string | undefined): boolean => name === undefined || estate.sites.includes(name);
  const all = readdirSync(join(samples, "msaa"))
    .sort()
    .flatMap((file) => parseAllDocuments(readFileSync(join(samples, "msaa", file), "utf8")))
    .map((document) => document.toJS() as Sample);
  return all
    .filter(({ kind, metadata, spec }) =>
      kind === "TungstenCluster" ? here(metadata.name) : here(spec?.source?.name) && here(spec?.target?.name),
    )
    .map((object) => placed(object, estate));
}

function placed(object: Sample, { namespace, sites, nodesPerSite }: Estate): Sample {
  if (object.kind === "Namespace") return { ...object, metadata: { name: namespace } };
  const spec = { ...object.spec };
  if (object.kind === "TungstenCluster") spec.nodes = nodesPerSite;
  if (spec.members !== undefined) spec.members = spec.members.filter(({ name }) => sites.includes(name));
  return { ...object, metadata: { ...object.metadata, namespace }, spec };
}

export const nodesOf = (cluster: Cluster, { namespace, sites, nodesPerSite }: Estate): NodeSet => ({
  cluster,
  namespace,
  pods: sites.flatMap((site) => Array.from({ length: nodesPerSite }, (_, index) => `${site}-${index}`)),
});

/** As applications reach them: the connector's Service of each site, the account the operator made. */
export const clientSitesOf = (estate: Estate): readonly ClientSite[] =>
  sampleObjects(estate)
    .filter(({ kind }) => kind === "TungstenCluster")
    .map(({ metadata: { name }, spec }) => ({
      name,
      host: `${name}-connector`,
      port: spec?.connector?.port ?? 3306,
      secret: `${name}-tungsten`,
    }));

const inNamespace = (cluster: Cluster, { namespace }: Estate, ...args: string[]): Promise<string> =>
  cluster.kubectl(["--namespace", namespace, ...args]);

/** Applies the samples; returns when every site and link says Ready. */
export async function installEstate(cluster: Cluster, estate: Estate, minutes = 15): Promise<void> {
  for (const object of sampleObjects(estate))
    await cluster.kubectl(["apply", "-f", "-"], JSON.stringify(object));
  const ready = 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}';
  const told =
    'jsonpath={range .items[*]}{.metadata.name}: {.status.conditions[?(@.type=="Installed")].message}; {end}';
  const expected = estate.sites.length + estate.sites.length * (estate.sites.length - 1);
  let last = "";
  await until(`an installed estate in ${estate.namespace}`, minutes * 60, async () => {
    const line = await inNamespace(cluster, estate, "get", "tc", "-o", told);
    if (line !== last) say(line);
    last = line;
    const states = (await inNamespace(cluster, estate, "get", "tc,xsl", "-o", ready)).trim().split(" ");
    await pause(2);
    return states.length === expected && states.every((state) => state === "True");
  });
}

export const pause = (seconds: number): Promise<void> =>
  new Promise((wake) => setTimeout(wake, seconds * 1000));

const condition = (request: Request, type: string): Condition | undefined =>
  request.status?.conditions?.find((each) => each.type === type);

const requestOf = async (cluster: Cluster, estate: Estate): Promise<Request> =>
  JSON.parse(await inNamespace(cluster, estate, "get", "upg", "to-caa", "-o", "json")) as Request;

/** The clients' table has no key on purpose; the pre-flight sees that, and wants it acknowledged. */
const knowinglyWithoutKey = { acknowledgedFindings: [`nokey:${table}`] };

/** Asks for the conversion of the samples, waits for the plan and approves it by its hash; returns the plan's figures. */
export async function askForConversion(cluster: Cluster, estate: Estate): Promise<Request> {
  const file = readFileSync(join(samples, "convert-to-caa.yaml"), "utf8");
  const object = parseAllDocuments(file)[0]?.toJS() as Sample;
  const asked = placed(object, estate);
  const block = { ...asked.spec?.convertMsaaToCaa, ...knowinglyWithoutKey };
  const spec = { ...asked.spec, convertMsaaToCaa: block };
  await cluster.kubectl(["apply", "-f", "-"], JSON.stringify({ ...asked, spec }));
  let request: Request = {};
  await until("a plan to approve", 180, async () => {
    request = await requestOf(cluster, estate);
    await pause(1);
    return condition(request, "Approved")?.reason === "AwaitingApproval";
  }).catch((error: Error) => {
    throw new Error(`${error.message}; Accepted: ${JSON.stringify(condition(request, "Accepted"))}`);
  });
  const hash = request.status?.plan?.hash;
  const patch = JSON.stringify({ spec: { approvedPlan: hash } });
  await inNamespace(cluster, estate, "patch", "upg", "to-caa", "--type=merge", "--patch", patch);
  say(`approved a plan of ${request.status?.plan?.commands} commands`);
  return request;
}

/** Something to do once, when the run has come to a step. */
export type Disturbance = {
  readonly step: string;
  readonly what: string;
  readonly run: () => Promise<unknown>;
};

/** Follows the run to its end, telling its progress; throws when it halts, or ends in anything but success. */
export async function followConversion(
  cluster: Cluster,
  estate: Estate,
  minutes: number,
  disturbances: readonly Disturbance[] = [],
): Promise<void> {
  const waiting = [...disturbances];
  let last = "";
  let halted = "";
  await until("the end of the conversion", Math.min(minutes * 60, secondsLeft()), async () => {
    const request = await requestOf(cluster, estate);
    const message = (condition(request, "Progressing")?.message ?? "").replace(/ \(since [^)]*\)$/, "");
    if (message !== last) say(message.slice(0, 160));
    last = message;
    const steps = request.status?.ledger?.steps.map(({ id }) => id) ?? [];
    const due = waiting.findIndex(({ step }) => steps.includes(step));
    const [now] = due < 0 ? [] : waiting.splice(due, 1);
    if (now !== undefined) {
      await now.run();
      say(`disturbed at ${now.step}: ${now.what}`);
    }
    const stalled = condition(request, "Stalled");
    halted = stalled?.status === "True" && stalled.reason !== "WaitsLong" ? stalled.message : "";
    await pause(2);
    return halted !== "" || request.status?.ledger?.phase === "Finished";
  });
  if (halted !== "") throw new Error(`the conversion halted: ${halted}`);
  const { outcome } = (await requestOf(cluster, estate)).status?.ledger ?? {};
  if (outcome !== "Succeeded") throw new Error(`the conversion ended as ${outcome}`);
  if (waiting.length > 0) throw new Error(`never came to ${waiting.map(({ step }) => step).join(", ")}`);
}

/** A minute before the suite is ended by force: what there is to see can still be kept. */
const secondsLeft = (): number => (Number(process.env.E2E_ENDS_AT ?? Infinity) - Date.now()) / 1000 - 60;

/** Deletes the namespace with everything in it, volumes too. */
export const removeEstate = async (cluster: Cluster, { namespace }: Estate): Promise<void> => {
  await cluster.kubectl(["delete", "namespace", namespace, "--timeout=180s"]);
};
