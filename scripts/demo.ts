/**
 * The main job, end to end on this machine: a real Kubernetes API, three MSAA sites with clients writing, one
 * UpgradeRequest, the operator killed in the middle, a Composite Active/Active estate at the end, every row counted.
 * On real pods where this machine can run them, else with a stand-in for nodes; `--pods` and `--stand-in` choose.
 * `--keep` leaves everything running until Ctrl-C. Exit 0 only if the oracle agrees.
 */
import { delimiter, dirname, join, resolve } from "node:path";
import { findBinaries } from "../local/binaries.ts";
import { NotHereError } from "../local/debian.ts";
import { until } from "../local/processes.ts";
import type { Entry } from "../src/procedures/journal.ts";
import { podsStage } from "./demo-pods.ts";
import { type Gap, namespace, type Stage } from "./demo-stage.ts";
import { standInStage } from "./demo-stand-in.ts";
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

async function main(stage: Stage): Promise<boolean> {
  const { kubectl } = stage;
  say(`${await stage.startOperator()}; kubectl apply -f config/samples/msaa`);
  await kubectl(["apply", "-f", join(root, "config/samples/msaa")]);
  await installed(stage);
  say(await stage.startClients());
  print("", "BEFORE: Multi-Site/Active-Active", ...(await stage.topology()), "");
  say("kubectl apply -f config/samples/convert-to-caa.yaml");
  await kubectl(["apply", "-f", join(root, "config/samples/convert-to-caa.yaml")]);
  const { hash } = await planned(stage);
  await kubectl([
    ...["patch", "upg", "to-caa", "-n", namespace, "--type", "merge"],
    ...["-p", JSON.stringify({ spec: { approvedPlan: hash } })],
  ]);
  say("approved: spec.approvedPlan is the plan's hash");
  await followToTheEnd(stage);
  return result(stage);
}

/** Waits for the estate, telling at which step its sites are whenever that changes. */
async function installed(stage: Stage): Promise<void> {
  let last = "";
  const ask = (kinds: string, path: string) =>
    stage.kubectl(["get", kinds, "-n", namespace, "-o", `jsonpath=${path}`]);
  await until("an installed MSAA estate", 240 * stage.patience, async () => {
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

const requestNow = async (stage: Stage): Promise<Request> =>
  JSON.parse(await stage.kubectl(["get", "upg", "to-caa", "-n", namespace, "-o", "json"])) as Request;
const condition = (request: Request, type: string): Condition | undefined =>
  request.status?.conditions?.find((each) => each.type === type);

async function planned(stage: Stage): Promise<Plan> {
  let request: Request | undefined;
  await until("a plan", 90 * stage.patience, async () => {
    request = await requestNow(stage);
    const approval = condition(request, "Approved")?.reason === "AwaitingApproval";
    return approval || condition(request, "Accepted")?.status === "False";
  });
  const accepted = request && condition(request, "Accepted");
  if (accepted?.status === "False") throw new Error(`refused: ${accepted.message}`);
  const plan = request?.status?.plan;
  if (plan === undefined) throw new Error("no plan");
  const budgets = (await planText(stage, plan)).split("\n").filter((line) => line.startsWith("Budget "));
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

const planText = (stage: Stage, { stored }: Plan): Promise<string> =>
  stage.kubectl(["get", "configmap", stored, "-n", namespace, "-o", "jsonpath={.data.plan}"]);

async function journalNow(stage: Stage): Promise<readonly Entry[]> {
  const text = await stage.kubectl([
    ...["get", "configmap", "to-caa-journal-1", "-n", namespace, "--ignore-not-found"],
    ...["-o", "jsonpath={.data.journal\\.jsonl}"],
  ]);
  return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Entry]));
}

/** Prints the journal as it grows; kills the operator once while the second product is being uninstalled. */
async function followToTheEnd(stage: Stage): Promise<void> {
  const story = newStory();
  let killed = false;
  let halted = "";
  await until("the end of the conversion", 400 * stage.patience, async () => {
    const request = await requestNow(stage);
    const journal = await journalNow(stage);
    const lines = story.tell(journal);
    if (lines.length > 0) print(...lines);
    showLive(`      … ${(condition(request, "Progressing")?.message ?? "").replace(/ \(since .*$/, "")}`);
    if (!killed && journal.some(({ command }) => command?.includes("uninstall") === true)) {
      killed = true;
      await replaceOperator(stage);
    }
    const stalled = condition(request, "Stalled");
    halted = stalled?.status === "True" && stalled.reason !== "WaitsLong" ? stalled.message : "";
    return halted !== "" || request.status?.ledger?.phase === "Finished";
  });
  if (halted !== "") throw new Error(`halted: ${halted}`);
  print(...story.tell(await journalNow(stage)), "");
  if (!killed) throw new Error("the operator was never killed: the demo did not show what it is for");
}

async function replaceOperator(stage: Stage): Promise<void> {
  const killed = await stage.killOperator();
  print("");
  say(`KILLED the operator (${killed}); its commands go on running on the nodes`);
  const next = await stage.startOperator();
  say(`${next}: it waits for the lease, reads ledger and markers, and goes on`);
}

async function result(stage: Stage): Promise<boolean> {
  const gaps = await stage.stopClients();
  await new Promise((wake) => setTimeout(wake, 4000));
  await until("sites that tell their policy again", 30 * stage.patience, async () => {
    const policies = await stage.kubectl([
      ...["get", "tc", "-n", namespace],
      ...["-o", "jsonpath={.items[*].status.policy}"],
    ]);
    return policies === "AUTOMATIC AUTOMATIC AUTOMATIC";
  });
  const { ledger } = (await requestNow(stage)).status ?? {};
  const { lines, exact } = await stage.count();
  print("AFTER: Composite Active/Active", ...(await stage.topology()), "");
  print(`OUTCOME: ${ledger?.outcome}, ${ledger?.commandsBegun} commands begun`);
  for (const { id, startedAt, finishedAt = startedAt } of ledger?.steps ?? [])
    print(`  ${stepTitle(id).padEnd(44)}${((finishedAt - startedAt) / 1000).toFixed(1).padStart(6)} s`);
  print(...gaps.map(gapLine));
  print("", "ROWS", ...lines, "", await stage.kubectl(["get", "tungsten", "-n", namespace]));
  const good = exact && ledger?.outcome === "Succeeded";
  say(good ? "every acknowledged row is on every node exactly once" : "THE ORACLE DISAGREES");
  return good;
}

const gapLine = ({ site, seconds }: Gap): string =>
  `  clients of ${site.padEnd(33)}${seconds.toFixed(1).padStart(6)} s without an answer, at most`;

async function lookAround({ kubeconfig }: Stage): Promise<void> {
  const path = kubeconfig();
  const { kubectl } = await findBinaries(say);
  const folder = dirname(kubectl);
  const onPath = (process.env.PATH ?? "").split(delimiter).includes(folder);
  print(
    "",
    "LOOK AROUND",
    `  export KUBECONFIG=${path}`,
    ...(onPath ? [] : [`  export PATH=${folder}:$PATH`]),
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

/** Real pods where this machine can have them. The reason why not is told, and the demo goes on without. */
async function chooseStage(): Promise<Stage> {
  if (process.argv.includes("--stand-in")) return standInStage(say);
  try {
    say("on real pods: a kubelet, containers, a real MariaDB in every node; what is missing is built, once");
    return await podsStage(say);
  } catch (error) {
    if (stopping || process.argv.includes("--pods")) throw error;
    const reason = error instanceof NotHereError ? "this machine cannot run real pods" : "real pods failed";
    say(`${reason}: ${(error as Error).message}`);
    say("so nodes are played by a stand-in with a simulated world behind it; the Kubernetes API is real");
    return standInStage(say);
  }
}

let stage: Stage | undefined;
let good = false;
try {
  stage = await chooseStage();
  const outcome = stopping ? undefined : await Promise.race([main(stage), interrupted.then(() => undefined)]);
  good = outcome === true;
  if (outcome !== undefined && keep) {
    await lookAround(stage);
    say("--keep: everything stays up; Ctrl-C ends it");
    await interrupted;
  }
} catch (error) {
  say(`failed: ${(error as Error).message}`);
} finally {
  await stage?.stop();
  say("stopped; nothing is left behind");
}
process.exit(good ? 0 : 1);
