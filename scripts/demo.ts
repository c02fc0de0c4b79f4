/**
 * The main job, end to end on this machine: a real Kubernetes API, three MSAA sites with clients writing, one
 * UpgradeRequest, the operator killed in the middle, a Composite Active/Active estate at the end, every row counted.
 * `--keep` leaves everything running until Ctrl-C. Exit 0 only if the oracle agrees.
 */
import { join, resolve } from "node:path";
import { type Operator, type Stand, startStand } from "../local/estate.ts";
import { until } from "../local/processes.ts";
import type { Entry } from "../src/procedures/journal.ts";
import { countRows, sitesOf, topologyLines } from "./demo-estate.ts";
import { newStory, stepTitle } from "./demo-story.ts";

const root = resolve(import.meta.dirname, "..");
const keep = process.argv.includes("--keep");
const started = Date.now();
/** On a terminal the last line may tell what is waited for; it makes way for the next. */
let live = "";
const clear = (): void => {
  if (live !== "") process.stdout.write("\r\x1b[K");
  live = "";
};
const print = (...lines: readonly string[]): void => {
  clear();
  console.log(lines.join("\n"));
};
function showLive(line: string): void {
  if (!process.stdout.isTTY || line === live) return;
  clear();
  live = line.slice(0, (process.stdout.columns ?? 80) - 1);
  process.stdout.write(live);
}
/** A line with the time since the start. */
const say = (line: string): void =>
  print(`${String(Math.round((Date.now() - started) / 1000)).padStart(4)} s  ${line}`);
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
type Plan = {
  hash: string;
  commands: number;
  pointOfNoReturn: string;
  stored: string;
  interruption: { site: string; seconds: number }[];
};
type Request = {
  status?: {
    conditions?: Condition[];
    plan?: Plan;
    ledger?: {
      phase: string;
      outcome?: string;
      commandsBegun: number;
      steps: { id: string; startedAt: number; finishedAt?: number }[];
    };
  };
};

async function main(stand: Stand): Promise<boolean> {
  const { kubectl } = stand.plane;
  const first = await stand.startOperator(settings);
  say(`the operator runs, process ${first.child.pid()}; kubectl apply -f config/samples/msaa`);
  await kubectl(["apply", "-f", join(root, "config/samples/msaa")]);
  await installed(stand);
  await stand.world("/clients", { rate: 5 });
  say("clients write 5 rows a second at every site, and go on doing so");
  print("", "BEFORE: Multi-Site/Active-Active", ...(await topologyLines(stand)), "");
  say("kubectl apply -f config/samples/convert-to-caa.yaml");
  await kubectl(["apply", "-f", join(root, "config/samples/convert-to-caa.yaml")]);
  const { hash } = await planned(stand);
  await kubectl([
    ...["patch", "upg", "to-caa", "-n", namespace, "--type", "merge"],
    ...["-p", JSON.stringify({ spec: { approvedPlan: hash } })],
  ]);
  say("approved: spec.approvedPlan is the plan's hash");
  await followToTheEnd(stand, first);
  return result(stand);
}

/** Waits for the estate, telling at which step its sites are whenever that changes. */
async function installed(stand: Stand): Promise<void> {
  let last = "";
  const ask = (kinds: string, path: string) =>
    stand.plane.kubectl(["get", kinds, "-n", namespace, "-o", `jsonpath=${path}`]);
  await until("an installed MSAA estate", 240, async () => {
    const text = await ask(
      "tc",
      '{range .items[*]}{.metadata.name}\t{.status.conditions[?(@.type=="Installed")].message}{"\\n"}{end}',
    );
    const steps = text.split("\n").flatMap((line) => {
      const [site = "", message = ""] = line.split("\t");
      const step = /^\d+\/\d+ [^:(]*[^:( ]/.exec(message)?.[0];
      return step === undefined ? [] : [{ site, step }];
    });
    const told = [...Map.groupBy(steps, ({ step }) => step)]
      .map(([step, sites]) => `${step}: ${sites.map(({ site }) => site).join(" ")}`)
      .join("   ");
    if (told !== "" && told !== last) say(`installing ${told}`);
    last = told;
    const ready = await ask("tc,xsl", '{.items[*].status.conditions[?(@.type=="Ready")].status}');
    return ready.trim().split(" ").length === 9 && !/False|Unknown/.test(ready);
  });
}

const requestNow = async (stand: Stand): Promise<Request> =>
  JSON.parse(await stand.plane.kubectl(["get", "upg", "to-caa", "-n", namespace, "-o", "json"])) as Request;
const condition = (request: Request, type: string): Condition | undefined =>
  request.status?.conditions?.find((each) => each.type === type);

async function planned(stand: Stand): Promise<Plan> {
  let request: Request | undefined;
  await until("a plan", 90, async () => {
    request = await requestNow(stand);
    const accepted = condition(request, "Accepted");
    if (accepted?.status === "False") throw new Error(`refused: ${accepted.message}`);
    return condition(request, "Approved")?.reason === "AwaitingApproval";
  });
  const plan = request?.status?.plan;
  if (plan === undefined) throw new Error("no plan");
  const budgets = (await planText(stand, plan)).split("\n").filter((line) => line.startsWith("Budget "));
  print(
    "",
    "PLAN",
    `  commands             ${plan.commands}`,
    `  hash                 ${plan.hash}`,
    `  point of no return   ${plan.pointOfNoReturn}`,
    ...plan.interruption.map(
      ({ site, seconds }) => `  clients of ${site.padEnd(10)}interrupted for up to ${seconds} s`,
    ),
    ...budgets.map((line) => `  ${line}`),
    `  read it whole        kubectl get configmap ${plan.stored} -n ${namespace} -o jsonpath={.data.plan}`,
    "",
  );
  return plan;
}

const planText = (stand: Stand, { stored }: Plan): Promise<string> =>
  stand.plane.kubectl(["get", "configmap", stored, "-n", namespace, "-o", "jsonpath={.data.plan}"]);

async function journalNow(stand: Stand): Promise<readonly Entry[]> {
  const text = await stand.plane.kubectl([
    ...["get", "configmap", "to-caa-journal-1", "-n", namespace, "--ignore-not-found"],
    ...["-o", "jsonpath={.data.journal\\.jsonl}"],
  ]);
  return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Entry]));
}

/** Prints the journal as it grows; kills the operator once while the second product is being uninstalled. */
async function followToTheEnd(stand: Stand, first: Operator): Promise<void> {
  const story = newStory();
  let killed = false;
  await until("the end of the conversion", 400, async () => {
    const request = await requestNow(stand);
    const journal = await journalNow(stand);
    const lines = story.tell(journal);
    if (lines.length > 0) print(...lines);
    showLive(`      … ${(condition(request, "Progressing")?.message ?? "").replace(/ \(since .*$/, "")}`);
    if (!killed && journal.some(({ command }) => command?.includes("uninstall") === true)) {
      killed = true;
      await replaceOperator(stand, first);
    }
    const stalled = condition(request, "Stalled");
    if (stalled?.status === "True" && stalled.reason !== "WaitsLong")
      throw new Error(`halted: ${stalled.message}`);
    return request.status?.ledger?.phase === "Finished";
  });
  print(...story.tell(await journalNow(stand)), "");
  if (!killed) throw new Error("the operator was never killed: the demo did not show what it is for");
}

async function replaceOperator(stand: Stand, first: Operator): Promise<void> {
  process.kill(first.child.pid(), "SIGKILL");
  await first.child.exited;
  print("");
  say(`KILLED the operator (SIGKILL, process ${first.child.pid()}); its commands go on running on the nodes`);
  const next = await stand.startOperator(settings);
  say(
    `a new one runs, process ${next.child.pid()}: it waits for the lease, reads ledger and markers, and goes on`,
  );
}

async function result(stand: Stand): Promise<boolean> {
  const sites = await sitesOf(stand);
  await stand.world("/clients", { rate: 0 });
  await new Promise((wake) => setTimeout(wake, 4000));
  await until("sites that tell their policy again", 30, async () => {
    const policies = await stand.plane.kubectl([
      "get",
      "tc",
      "-n",
      namespace,
      "-o",
      "jsonpath={.items[*].status.policy}",
    ]);
    return policies === "AUTOMATIC AUTOMATIC AUTOMATIC";
  });
  const { ledger } = (await requestNow(stand)).status ?? {};
  const { lines, exact } = await countRows(stand);
  print("AFTER: Composite Active/Active", ...(await topologyLines(stand)), "");
  print(`OUTCOME: ${ledger?.outcome}, ${ledger?.commandsBegun} commands begun`);
  for (const { id, startedAt, finishedAt = startedAt } of ledger?.steps ?? [])
    print(`  ${stepTitle(id).padEnd(44)}${((finishedAt - startedAt) / 1000).toFixed(1).padStart(6)} s`);
  for (const { name, longestGapSeconds } of sites)
    print(
      `  clients of ${name.padEnd(33)}${longestGapSeconds.toFixed(1).padStart(6)} s without an answer, at most`,
    );
  print("", "ROWS", ...lines, "", await stand.plane.kubectl(["get", "tungsten", "-n", namespace]));
  const good = exact && ledger?.outcome === "Succeeded";
  say(good ? "every acknowledged row is on every node exactly once" : "THE ORACLE DISAGREES");
  return good;
}

function lookAround({ plane }: Stand): void {
  const path = plane.kubeconfig("you", plane.adminToken);
  print(
    "",
    "LOOK AROUND",
    `  export KUBECONFIG=${path}`,
    `  kubectl get tungsten -n ${namespace}`,
    `  kubectl describe upg to-caa -n ${namespace}`,
    `  kubectl get configmap to-caa-journal-1 -n ${namespace} -o jsonpath='{.data.journal\\.jsonl}'`,
    `  kubectl get events -n ${namespace} --field-selector involvedObject.name=to-caa`,
    "",
  );
}

let interrupt: () => void = () => {};
const interrupted = new Promise<void>((resolve) => {
  interrupt = resolve;
});
let stopping = false;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.on(signal, () => {
    if (!stopping) say("stopping; this takes a few seconds");
    stopping = true;
    interrupt();
  });

let stand: Stand | undefined;
let good = false;
try {
  say("bringing up etcd, kube-apiserver and kube-controller-manager (built from Go modules the first time)");
  const coming = startStand(say, { seed: 2, hurry: 0.25 });
  stand = await coming;
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
  await stand?.stop();
  say("stopped; nothing is left behind");
}
process.exit(good ? 0 : 1);
