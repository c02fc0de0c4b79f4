/**
 * The main job, end to end on this machine: a real Kubernetes API, three MSAA sites with clients writing, one
 * UpgradeRequest, the operator killed in the middle, a Composite Active/Active estate at the end, every row counted.
 * `--keep` leaves everything running until Ctrl-C. Exit 0 only if the oracle agrees.
 */
import { join, resolve } from "node:path";
import { type Operator, type Stand, startStand } from "../local/estate.ts";
import { until } from "../local/processes.ts";

const root = resolve(import.meta.dirname, "..");
const keep = process.argv.includes("--keep");
const started = Date.now();
const say = (line: string): void =>
  console.log(`${String(Math.round((Date.now() - started) / 1000)).padStart(4)} s  ${line}`);
const namespace = "estate";
const settings = {
  POLL_MS: "400",
  IDLE_MS: "2000",
  HEALTH_MS: "10000",
  LEASE_MS: "6000",
  LEASE_RENEW_BY_MS: "4000",
  LEASE_RETRY_MS: "1000",
};

type Condition = { type: string; status: string; reason: string; message: string };
type Request = {
  metadata: { uid: string };
  status?: {
    cursor?: string;
    conditions?: Condition[];
    plan?: {
      hash: string;
      commands: number;
      pointOfNoReturn: string;
      stored: string;
      interruption: { site: string; seconds: number }[];
    };
    ledger?: {
      phase: string;
      outcome?: string;
      commandsBegun: number;
      steps: { id: string; startedAt: number; finishedAt?: number }[];
    };
  };
};
type NodeState = { name: string; rows: number; products: string[]; services: string[] };
type State = {
  written: number;
  missing: number;
  doubled: number;
  sites: {
    name: string;
    primary: string;
    policy: string;
    written: number;
    longestGapSeconds: number;
    nodes: NodeState[];
  }[];
};

async function main(stand: Stand): Promise<boolean> {
  const { kubectl } = stand.plane;
  const first = await stand.startOperator(settings);
  say(`the operator runs as process ${first.child.pid()}; applying config/samples/msaa`);
  await kubectl(["apply", "-f", join(root, "config/samples/msaa")]);
  await installed(stand);
  await stand.world("/clients", { rate: 5 });
  say("clients write 5 rows a second at every site, and go on doing so");
  await topology(stand, "before");
  await kubectl(["apply", "-f", join(root, "config/samples/convert-to-caa.yaml")]);
  const request = await planned(stand);
  await kubectl([
    "patch",
    "upg",
    "to-caa",
    "-n",
    namespace,
    "--type",
    "merge",
    "-p",
    JSON.stringify({ spec: { approvedPlan: request.status?.plan?.hash } }),
  ]);
  say("approved: spec.approvedPlan is the plan's hash");
  await followToTheEnd(stand, first);
  return result(stand);
}

/** Waits for the estate, telling each site's progress when it changes. */
async function installed(stand: Stand): Promise<void> {
  let last = "";
  await until("an installed MSAA estate", 240, async () => {
    const text = await stand.plane.kubectl([
      "get",
      "tc",
      "-n",
      namespace,
      "-o",
      'jsonpath={range .items[*]}{.metadata.name}: {.status.conditions[?(@.type=="Installed")].message}{"\\n"}{end}',
    ]);
    const line = text.trim().split("\n").join(" · ");
    if (line !== last) say(line);
    last = line;
    const ready = await stand.plane.kubectl([
      "get",
      "tc,xsl",
      "-n",
      namespace,
      "-o",
      'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}',
    ]);
    return ready.trim().split(" ").length === 9 && !/False|Unknown/.test(ready);
  });
}

const requestNow = async (stand: Stand): Promise<Request> =>
  JSON.parse(await stand.plane.kubectl(["get", "upg", "to-caa", "-n", namespace, "-o", "json"])) as Request;
const condition = (request: Request, type: string): Condition | undefined =>
  request.status?.conditions?.find((each) => each.type === type);

async function planned(stand: Stand): Promise<Request> {
  let request: Request | undefined;
  await until("a plan", 90, async () => {
    request = await requestNow(stand);
    const accepted = condition(request, "Accepted");
    if (accepted?.status === "False") throw new Error(`refused: ${accepted.message}`);
    return condition(request, "Approved")?.reason === "AwaitingApproval";
  });
  const plan = request?.status?.plan;
  if (request === undefined || plan === undefined) throw new Error("no plan");
  say(`the plan: ${plan.commands} commands, hash ${plan.hash}`);
  console.log(
    `        whole plan: kubectl get configmap ${plan.stored} -n ${namespace} -o jsonpath={.data.plan}`,
  );
  console.log(`        point of no return: ${plan.pointOfNoReturn}`);
  for (const { site, seconds } of plan.interruption)
    console.log(`        clients of ${site}: interrupted for up to ${seconds} s`);
  return request;
}

/** Prints every change of the cursor's message; kills the operator once while the second product is being uninstalled. */
async function followToTheEnd(stand: Stand, first: Operator): Promise<void> {
  let operator = first;
  let killed = false;
  let last = "";
  await until("the end of the conversion", 400, async () => {
    const request = await requestNow(stand);
    const message = (condition(request, "Progressing")?.message ?? "").replace(/ \(since [^)]*\)$/, "");
    if (message !== last) say(message.length > 190 ? `${message.slice(0, 190)}…` : message);
    last = message;
    const uninstalling =
      request.status?.ledger?.steps.at(-1)?.id === "UninstallCrossSiteReplicators" &&
      message.includes("uninstall");
    if (!killed && uninstalling) {
      killed = true;
      process.kill(operator.child.pid(), "SIGKILL");
      await operator.child.exited;
      say(`killed the operator (SIGKILL, process ${operator.child.pid()}) while commands run on the nodes`);
      operator = await stand.startOperator(settings);
      say(
        `a new operator runs as process ${operator.child.pid()}; it waits for the lease, reads the ledger and the markers, and goes on`,
      );
    }
    const stalled = condition(request, "Stalled");
    if (stalled?.status === "True" && stalled.reason !== "WaitsLong")
      throw new Error(`halted: ${stalled.message}`);
    return request.status?.ledger?.phase === "Finished";
  });
  if (!killed) throw new Error("the operator was never killed: the demo did not show what it is for");
}

async function topology(stand: Stand, when: string): Promise<void> {
  const state = (await stand.world("/state")) as unknown as State;
  console.log(`\n        the estate ${when}, by what lies on its nodes:`);
  for (const site of state.sites) {
    console.log(`        ${site.name}: primary ${site.primary}, policy ${site.policy}`);
    for (const node of site.nodes) console.log(`          ${node.name}  ${node.products.join(" | ")}`);
  }
  console.log("");
}

async function result(stand: Stand): Promise<boolean> {
  const request = await requestNow(stand);
  const interrupted = ((await stand.world("/state")) as unknown as State).sites;
  await stand.world("/clients", { rate: 0 });
  await new Promise((wake) => setTimeout(wake, 4000));
  await topology(stand, "after");
  const state = (await stand.world("/state")) as unknown as State;
  const oracle = (await stand.world("/oracle")) as {
    written: number;
    missing: string[];
    doubled: string[];
    outOfOrder: number;
  };
  const { ledger } = request.status ?? {};
  console.log(`        outcome: ${ledger?.outcome}, ${ledger?.commandsBegun} commands begun`);
  for (const step of ledger?.steps ?? [])
    console.log(
      `          ${step.id.padEnd(32)} ${(((step.finishedAt ?? step.startedAt) - step.startedAt) / 1000).toFixed(1).padStart(6)} s`,
    );
  for (const site of interrupted)
    console.log(
      `        clients of ${site.name}: longest interruption ${site.longestGapSeconds.toFixed(1)} s`,
    );
  const nodes = state.sites.flatMap((site) => site.nodes);
  const exact =
    oracle.missing.length === 0 &&
    oracle.doubled.length === 0 &&
    oracle.outOfOrder === 0 &&
    nodes.every((node) => node.rows === oracle.written);
  console.log(
    `        rows acknowledged: ${oracle.written}; rows on each node: ${[...new Set(nodes.map((node) => node.rows))].join(", ")}; missing ${oracle.missing.length}, doubled ${oracle.doubled.length}, out of order ${oracle.outOfOrder}`,
  );
  console.log(await stand.plane.kubectl(["get", "tungsten", "-n", namespace]));
  const succeeded = ledger?.outcome === "Succeeded";
  say(exact && succeeded ? "every acknowledged row is on every node exactly once" : "THE ORACLE DISAGREES");
  return exact && succeeded;
}

function lookAround(stand: Stand): void {
  console.log(
    `        look around:  export KUBECONFIG=${stand.plane.kubeconfig("you", stand.plane.adminToken)}`,
  );
  for (const line of [
    "kubectl get tungsten -n estate",
    "kubectl describe upg to-caa -n estate",
    "kubectl get configmap to-caa-journal-1 -n estate -o jsonpath='{.data.journal\\.jsonl}'",
  ])
    console.log(`        ${line}`);
}

let interrupt: () => void = () => {};
const interrupted = new Promise<void>((resolve) => {
  interrupt = resolve;
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => interrupt());

say("bringing up etcd, kube-apiserver and kube-controller-manager");
const stand = await startStand(say, { seed: 2, hurry: 0.25 });
let good = false;
try {
  const outcome = await Promise.race([main(stand), interrupted.then(() => undefined)]);
  good = outcome === true;
  if (outcome !== undefined && keep) {
    lookAround(stand);
    say("--keep: everything stays up; Ctrl-C ends it");
    await interrupted;
  }
} catch (error) {
  say(`failed: ${(error as Error).message}`);
} finally {
  await stand.stop();
  say("stopped; nothing is left behind");
}
process.exit(good ? 0 : 1);
