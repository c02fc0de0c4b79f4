/**
 * Measures, and asserts nothing: machines are noisy. `npm run bench -- convert [--sites N] [--nodes N] [--source]`
 * converts an estate on the local stand at the tools' own speed and prints each figure as a ratio to its stated lower
 * bound. The operator is the one that is shipped: one file, under the options of the Dockerfile's ENTRYPOINT; with
 * `--source` it runs from the sources.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type Operator, type Stand, startStand } from "../local/estate.ts";
import { until } from "../local/processes.ts";

const usage = "usage: npm run bench -- convert [--sites N (2 to 5)] [--nodes N (2 to 9)] [--source]";
const root = resolve(import.meta.dirname, "..");
const namespace = "estate";
const leaseMs = 15_000;

type Command = { host: string; key: string; began: number; ended: number; tool: string };
type Request = {
  metadata: { uid: string };
  status?: {
    plan?: { hash: string };
    conditions?: { type: string; reason: string; message: string }[];
    ledger?: {
      phase: string;
      outcome?: string;
      startedAt?: number;
      steps: { startedAt: number; finishedAt?: number }[];
    };
  };
};
type Usage = { readonly cpuSeconds: number; readonly peakMiB: number };
type Program = { readonly words: readonly string[]; readonly remove: () => void };

const names = ["london", "nyc", "tokyo", "paris", "sydney"];
const group = "tungsten-operator.io/v1alpha1";

function manifests(sites: readonly string[], nodes: number): object[] {
  const make = (kind: string, name: string, spec: object) => ({
    apiVersion: group,
    kind,
    metadata: { name, namespace },
    spec,
  });
  const links = sites.flatMap((source) =>
    sites
      .filter((target) => target !== source)
      .map((target) =>
        make("CrossSiteLink", `${source}-to-${target}`, {
          source: { name: source },
          target: { name: target },
        }),
      ),
  );
  return [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } },
    ...sites.map((name) =>
      make("TungstenCluster", name, { nodes, release: "8.0.4-132", image: "node:bench" }),
    ),
    ...links,
    make("CompositeService", "global", {
      type: "ActiveActive",
      members: sites.map((name) => ({ name })),
    }),
  ];
}

const request = {
  apiVersion: group,
  kind: "UpgradeRequest",
  metadata: { name: "to-caa", namespace },
  spec: {
    procedure: "ConvertMsaaToCaa",
    convertMsaaToCaa: { compositeService: { name: "global" }, backup: { mode: "Take" } },
    approval: "Automatic",
  },
};

const say = (line: string): void => console.log(line);
const row = (what: string, value: string, bound: string): void =>
  console.log(`  ${what.padEnd(44)}${value.padStart(12)}   ${bound}`);

const applyAll = (stand: Stand, objects: readonly object[]): Promise<string> =>
  stand.plane.kubectl(["apply", "-f", "-"], objects.map((object) => JSON.stringify(object)).join("\n---\n"));

const now = async (stand: Stand): Promise<Request> =>
  JSON.parse(await stand.plane.kubectl(["get", "upg", "to-caa", "-n", namespace, "-o", "json"])) as Request;

const commandsOf = async (stand: Stand): Promise<Command[]> =>
  ((await stand.world("/commands")) as { commands: Command[] }).commands;

/** CPU time so far and the peak of resident memory, as the kernel counts them. */
function usageOf(operator: Operator): Usage {
  const pid = operator.child.pid();
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return { cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100, peakMiB: Number(peak) / 1024 };
}

/** What is shipped: the bundle, made anew, and Node's options from the image's ENTRYPOINT. */
function shipped(): Program {
  const folder = mkdtempSync(join(tmpdir(), "tungsten-operator-bench-"));
  const file = join(folder, "operator.mjs");
  const { status, stderr } = spawnSync(process.execPath, [join(root, "scripts/build.ts"), file], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`the bundle cannot be made:\n${stderr}`);
  const line = /^ENTRYPOINT (\[.*\])$/m.exec(readFileSync(join(root, "Dockerfile"), "utf8"))?.[1] ?? "[]";
  const words = (JSON.parse(line) as string[]).slice(1, -1);
  return { words: [...words, file], remove: () => rmSync(folder, { recursive: true }) };
}

/** The barrier a command belongs to: its key without target and attempt. */
const barrierOf = ({ key }: Command): string => key.split("_").slice(0, 3).join("_");

function criticalPath(commands: readonly Command[]): { seconds: number; barriers: number } {
  const slowest = new Map<string, number>();
  for (const command of commands) {
    const took = (command.ended - command.began) / 1000;
    slowest.set(barrierOf(command), Math.max(slowest.get(barrierOf(command)) ?? 0, took));
  }
  return { seconds: [...slowest.values()].reduce((sum, each) => sum + each, 0), barriers: slowest.size };
}

async function converted(stand: Stand): Promise<Request> {
  let found: Request | undefined;
  await until("the end of the conversion", 1200, async () => {
    found = await now(stand);
    return found.status?.ledger?.phase === "Finished";
  });
  if (found?.status?.ledger?.outcome !== "Succeeded")
    throw new Error(`the conversion ended as ${found?.status?.ledger?.outcome}`);
  return found;
}

type Counts = Readonly<Record<string, number>>;
/** Leases and events are not counted: they follow the clock, not the work. */
const isWrite = (what: string): boolean => /^(POST|PUT|PATCH|DELETE) (?!leases|events)/.test(what);
const writesOf = (counts: Counts): number =>
  Object.entries(counts)
    .filter(([what]) => isWrite(what))
    .reduce((sum, [, count]) => sum + count, 0);

function writesByKind(before: Counts, after: Counts): readonly (readonly [string, number])[] {
  return Object.entries(after)
    .filter(([what]) => isWrite(what))
    .map(([what, count]) => [what, count - (before[what] ?? 0)] as const)
    .filter(([, count]) => count > 0)
    .sort(([, a], [, b]) => b - a);
}

/** Installs at once, then converts at the tools' own speed, undisturbed. */
async function convert(
  stand: Stand,
  sites: readonly string[],
  nodes: number,
  program: readonly string[] | undefined,
): Promise<void> {
  const operator = await stand.startOperator({}, program);
  await until("a leader", 60, async () => (stand.proxy.counts()["GET tungstenclusters"] ?? 0) > 0);
  const base = usageOf(operator).peakMiB;
  say(`installing ${sites.length} sites of ${nodes} nodes`);
  await applyAll(stand, manifests(sites, nodes));
  const kinds = sites.length * sites.length;
  await until("an installed estate", 600, async () => {
    const ready = await stand.plane.kubectl([
      ...["get", "tc,xsl", "-n", namespace, "-o"],
      'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}',
    ]);
    return ready.split("True").length - 1 === kinds;
  });
  await stand.world("/clients", { rate: 5 });
  await stand.world("/hurry", { factor: 1 });
  say("converting at the tools' own speed");
  const countsBefore = { ...stand.proxy.counts() };
  const usageBefore = usageOf(operator);
  await applyAll(stand, [request]);
  const end = await converted(stand);
  const counts = stand.proxy.counts();
  const usage = usageOf(operator);
  const steps = end.status?.ledger?.steps ?? [];
  const wall = ((steps.at(-1)?.finishedAt ?? 0) - (steps[0]?.startedAt ?? 0)) / 1000;
  const mine = (await commandsOf(stand)).filter(({ key }) => key.startsWith(end.metadata.uid));
  const { seconds, barriers } = criticalPath(mine);
  const execs = (counts["EXEC pods"] ?? 0) - (countsBefore["EXEC pods"] ?? 0);
  const writes = writesOf(counts) - writesOf(countsBefore);
  const cpu = usage.cpuSeconds - usageBefore.cpuSeconds;
  say(
    `\nConversion of ${sites.length} × ${nodes}: ${mine.length} commands, ${barriers} barriers with commands`,
  );
  row(
    "wall time ÷ critical path",
    (wall / seconds).toFixed(2),
    `${wall.toFixed(1)} s ÷ ${seconds.toFixed(1)} s; goal ≤ 1.10`,
  );
  row(
    "exec sessions per node and barrier",
    (execs / barriers / (sites.length * nodes)).toFixed(1),
    `${execs} sessions; goal ≤ 5`,
  );
  row("API writes per barrier", (writes / barriers).toFixed(1), `${writes} writes without leases and events`);
  for (const [what, count] of writesByKind(countsBefore, counts)) row(`  ${what}`, String(count), "");
  row(
    "CPU of the operator",
    `${cpu.toFixed(1)} s`,
    `${((100 * cpu) / wall).toFixed(1)} % of one core over the run`,
  );
  const bare = bareMiB();
  row(
    "memory of the operator before the estate",
    `${base.toFixed(0)} MiB`,
    `bare Node: ${bare.toFixed(0)} MiB, so ${(base / bare).toFixed(2)} ×; goal ≤ 1.5 ×`,
  );
  row("peak memory of the operator", `${usage.peakMiB.toFixed(0)} MiB`, "installation and conversion");
  await resume(stand, operator, program);
}

/** Peak memory of a Node process of this version that runs nothing. */
function bareMiB(): number {
  const script = "process.stdout.write(require('node:fs').readFileSync('/proc/self/status', 'utf8'))";
  const { stdout } = spawnSync(process.execPath, ["-e", script], { encoding: "utf8" });
  return Number(/VmHWM:\s+(\d+) kB/.exec(stdout)?.[1]) / 1024;
}

/** Kills the operator and measures until the next one speaks to a node. */
async function resume(
  stand: Stand,
  operator: Operator,
  program: readonly string[] | undefined,
): Promise<void> {
  const died = Date.now();
  process.kill(operator.child.pid(), "SIGKILL");
  await operator.child.exited;
  const before = stand.proxy.counts()["EXEC pods"] ?? 0;
  await stand.startOperator({}, program);
  await until(
    "a successor that speaks to nodes",
    60,
    async () => (stand.proxy.counts()["EXEC pods"] ?? 0) > before,
  );
  const took = (Date.now() - died) / 1000;
  row("resume after SIGKILL", `${took.toFixed(1)} s`, `lease ${leaseMs / 1000} s + 2 s is the goal`);
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    sites: { type: "string", default: "3" },
    nodes: { type: "string", default: "3" },
    source: { type: "boolean", default: false },
  },
});
const [sites, nodes] = [Number(values.sites), Number(values.nodes)];
if (positionals[0] !== "convert" || !(sites >= 2 && sites <= 5) || !(nodes >= 2 && nodes <= 9)) {
  console.error(usage);
  process.exit(2);
}
const program = values.source ? undefined : shipped();
const stand = await startStand(say, { seed: 1, hurry: 0.02 });
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => void stand.stop().then(() => process.exit(130)));
try {
  await convert(stand, names.slice(0, sites), nodes, program?.words);
} finally {
  await stand.stop();
  program?.remove();
}
