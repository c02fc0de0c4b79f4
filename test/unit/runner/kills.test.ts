/**
 * The table of kills: a process of a command's run dies at every point of its marker's life, and what the marker tells
 * afterwards. One table, for the script on Linux and for its twin in the simulated world.
 */
import { spawnSync } from "node:child_process";
import { afterEach, describe, expect, test } from "@jest/globals";
import { msaaWorld } from "../../../simulator/build.ts";
import { hostOf, type RunDeath } from "../../../simulator/model.ts";
import { exec, killRun } from "../../../simulator/runner.ts";
import { advance, restartContainer } from "../../../simulator/world.ts";
import type { MarkerState } from "../../../src/tungsten/invocation.ts";
import { readMarker } from "../../../src/tungsten/node.ts";
import { eventually, measured, newNode, type Plant, payloadOf, podUid } from "./node.ts";

type Victim = "child" | "keeper" | "both";

/** What a row needs of a node: the tool of its command runs until it is released. */
type Subject = {
  readonly start: (fence: string) => number;
  readonly startTwice: () => Promise<void>;
  readonly plant: (death: RunDeath | "keeper-dies-after-rc") => void;
  readonly kill: (victim: Victim) => void;
  readonly release: () => void;
  /** More time passes than a claim without a process is believed. */
  readonly later: () => void;
  readonly restart: () => void;
  readonly told: () => MarkerState;
  readonly runs: () => number;
  readonly until: (what: string, probe: () => boolean) => Promise<void>;
  readonly end: () => void;
};

const command = payloadOf("replicator crossSite stop");
const self = "kill -KILL $BASHPID";
const anchors: Readonly<Record<RunDeath | "keeper-dies-after-rc", Plant>> = {
  "starter-dies-before-claim": { anchor: '  claim "$3" "$2" "$part"', line: self },
  "starter-dies-after-claim": { anchor: "  case $claimed in", line: self },
  "child-dies-unnamed": { anchor: '  ln -T "$dir/pid.$me" "$dir/pid"', line: self },
  "child-dies-before-tool": { anchor: "  # The second look, in the same breath", line: self },
  "both-dies-before-tool": {
    anchor: "  # The second look, in the same breath",
    line: 'kill -KILL "$2" $BASHPID',
  },
  "keeper-dies-before-tool": { anchor: "  # The second look, in the same breath", line: 'kill -KILL "$2"' },
  "keeper-dies-at-end": { anchor: '  read -r _ pid _ <"$dir/pid" || return', line: self },
  "keeper-dies-after-rc": { anchor: '  rm -f "$dir/out.live"', line: self },
};

const stateIn = (told: string): MarkerState => {
  const state = readMarker({ exitCode: 0, stdout: told, stderr: "" });
  if ("unreadable" in state) throw new Error(state.unreadable);
  return state.read;
};

function script(): Subject {
  const node = newNode({ INIT_STAT_FILE: "$ROOT/life", UPTIME_FILE: "$ROOT/uptime" });
  let [lives, plant]: [number, Plant | undefined] = [0, undefined];
  const live = () => {
    lives += 1;
    node.put("life", `1 (tini) S ${"0 ".repeat(18)}${lives} 0 0\n`);
  };
  live();
  node.put("uptime", "100.00 1.00\n");
  spawnSync("mkfifo", [`${node.root}/gate`]);
  node.put("fakes/replicator", '[[ $1 != stop ]] || read -r _ <"$(dirname "$RUNS")/gate"\n');
  const process = (victim: "child" | "keeper"): string => {
    const words = node.file("opt/tungsten-operator/markers/k/pid").split(" ");
    return words[victim === "child" ? 1 : 3] ?? "";
  };
  const kill = (victim: Victim) => {
    for (const each of victim === "both" ? (["keeper", "child"] as const) : [victim])
      spawnSync("kill", ["-KILL", process(each)]);
  };
  const told = () => stateIn(node.marker("k"));
  return {
    start: (fence) => {
      const { code } = node.start("k", command, { fence, ...(plant !== undefined && { plant }) });
      plant = undefined;
      return code;
    },
    startTwice: async () => void (await node.startTogether("k", command, 2)),
    plant: (death) => {
      plant = anchors[death];
    },
    kill,
    release: () => void spawnSync("bash", ["-c", `echo >${node.root}/gate`]),
    later: () => node.put("uptime", "110.00 1.00\n"),
    restart: () => {
      if (told().state === "running") kill("both");
      live();
    },
    told,
    runs: () => node.file("runs").split("replicator stop").length - 1,
    until: eventually,
    end: () => {
      if (told().state === "running") kill("both");
      node.remove();
    },
  };
}

function twin(): Subject {
  const sites = [
    { name: "london", nodes: 1 },
    { name: "nyc", nodes: 1 },
  ];
  const world = msaaWorld({ seed: 1, sites, release: "8.0.4-132", rate: 0 }, "[defaults]\n");
  const host = hostOf(world, "nyc-0");
  host.podUid = podUid;
  let runs = 0;
  world.listeners.push((event) => {
    if (event.kind === "command") runs += 1;
  });
  const call = (argv: readonly string[], stdin: string) => exec(world, host.name, ["runner", ...argv], stdin);
  const start = (fence: string) => {
    const reply = call(["start", podUid, fence, "k", ...measured(command)], command);
    return "lost" in reply ? 137 : reply.code;
  };
  const question = "q\tmarker\tk\n";
  return {
    start,
    startTwice: async () => {
      start("5");
      start("5");
    },
    plant: (at) => {
      if (at !== "keeper-dies-after-rc") world.traps.push({ at, host: host.name, after: 0 });
    },
    kill: (victim) => killRun(world, host, "k", victim),
    release: () => advance(world, 5000),
    later: () => advance(world, 6000),
    restart: () => restartContainer(world, host),
    told: () => {
      const reply = call(["observe", podUid, ...measured(question)], question);
      if ("lost" in reply) throw new Error(reply.lost);
      return stateIn(/^== q 0 \d+ 0\n([\s\S]*)\n== end 1\n$/.exec(reply.stdout)?.[1] ?? "");
    },
    runs: () => runs,
    until: async (what, probe) => {
      if (!probe()) throw new Error(`${what} did not come about`);
    },
    end: () => {},
  };
}

type Step =
  | "start"
  | "start twice at once"
  | "start of an older leader is refused"
  | `plant ${RunDeath | "keeper-dies-after-rc"}`
  | `kill ${Victim}`
  | "release"
  | "later"
  | "restart"
  | `told ${"absent" | "starting" | "running" | "unbegun" | "interrupted" | "exited 0" | "exited 137"}`
  | `runs ${0 | 1}`;

/** Every row ends with another start under the same key: it begins nothing, unless nothing was ever claimed. */
const rows: readonly (readonly [string, ...Step[]])[] = [
  [
    "nothing dies",
    "start",
    "told running",
    "release",
    "told exited 0",
    "runs 1",
    "start",
    "told exited 0",
    "runs 1",
  ],
  [
    "nothing dies, and the container restarts after the end",
    "start",
    "told running",
    "release",
    "told exited 0",
    "restart",
    "told exited 0",
    "start",
    "runs 1",
  ],
  [
    "the starter, before its claim",
    "plant starter-dies-before-claim",
    "start",
    "told absent",
    "runs 0",
    "start",
    "told running",
    "runs 1",
    "release",
    "told exited 0",
  ],
  [
    "the starter, before its claim, and the container",
    "plant starter-dies-before-claim",
    "start",
    "restart",
    "told absent",
    "runs 0",
  ],
  [
    "the starter, after its claim",
    "plant starter-dies-after-claim",
    "start",
    "told starting",
    "later",
    "told unbegun",
    "start",
    "told unbegun",
    "runs 0",
  ],
  [
    "the starter, after its claim, and the container",
    "plant starter-dies-after-claim",
    "start",
    "restart",
    "told unbegun",
    "start",
    "told unbegun",
    "runs 0",
  ],
  [
    "the child, before it has a name",
    "plant child-dies-unnamed",
    "start",
    "told starting",
    "later",
    "told unbegun",
    "start",
    "told unbegun",
    "runs 0",
  ],
  [
    "the child, before it has a name, and the container",
    "plant child-dies-unnamed",
    "start",
    "restart",
    "told unbegun",
    "runs 0",
  ],
  [
    "the child, named, before the tool",
    "plant child-dies-before-tool",
    "start",
    "told exited 137",
    "start",
    "told exited 137",
    "runs 0",
  ],
  [
    "child and keeper, before the tool",
    "plant both-dies-before-tool",
    "start",
    "told interrupted",
    "start",
    "told interrupted",
    "runs 0",
  ],
  [
    "the keeper, before the tool: the tool runs, its end is unseen",
    "plant keeper-dies-before-tool",
    "start",
    "told running",
    "runs 1",
    "release",
    "told interrupted",
    "start",
    "runs 1",
  ],
  [
    "the tool, while it runs: its keeper saw it",
    "start",
    "told running",
    "kill child",
    "told exited 137",
    "start",
    "told exited 137",
    "runs 1",
  ],
  [
    "the keeper, while the tool runs",
    "start",
    "told running",
    "kill keeper",
    "told running",
    "release",
    "told interrupted",
    "start",
    "told interrupted",
    "runs 1",
  ],
  [
    "both, while the tool runs",
    "start",
    "told running",
    "kill both",
    "told interrupted",
    "start",
    "told interrupted",
    "runs 1",
  ],
  [
    "the container, while the tool runs",
    "start",
    "told running",
    "restart",
    "told interrupted",
    "start",
    "told interrupted",
    "runs 1",
  ],
  [
    "the keeper, between the tool's end and its word",
    "plant keeper-dies-at-end",
    "start",
    "told running",
    "release",
    "told interrupted",
    "start",
    "told interrupted",
    "runs 1",
  ],
  [
    "the keeper, after its word",
    "plant keeper-dies-after-rc",
    "start",
    "told running",
    "release",
    "told exited 0",
    "restart",
    "told exited 0",
    "start",
    "runs 1",
  ],
  [
    "nobody, with two starters at once",
    "start twice at once",
    "told running",
    "runs 1",
    "release",
    "told exited 0",
    "runs 1",
  ],
  [
    "nobody, and a leader of before comes late",
    "start",
    "told running",
    "start of an older leader is refused",
    "told running",
    "runs 1",
    "release",
    "told exited 0",
  ],
];

async function take(subject: Subject, step: Step): Promise<void> {
  const rest = step.slice(step.indexOf(" ") + 1);
  if (step === "start") subject.start("5");
  else if (step === "start twice at once") await subject.startTwice();
  else if (step === "start of an older leader is refused") expect(subject.start("4")).toBe(22);
  else if (step.startsWith("plant ")) subject.plant(rest as RunDeath);
  else if (step.startsWith("kill ")) subject.kill(rest as Victim);
  else if (step === "release" || step === "later" || step === "restart") subject[step]();
  else if (step.startsWith("runs ")) expect(subject.runs()).toBe(Number(rest));
  else {
    const say = (state: MarkerState) =>
      state.state === "exited" ? `exited ${state.output.exitCode}` : state.state;
    let last = "";
    await subject
      .until(`«${rest}»`, () => {
        last = say(subject.told());
        return last === rest;
      })
      .catch((error) => {
        throw new Error(`${String(error)}: it is told ${last}`);
      });
  }
}

describe.each([
  ["the script", script],
  ["the twin", twin],
] as const)("%s, when there dies", (_name, make) => {
  let subject: Subject | undefined;
  afterEach(() => subject?.end());

  test.each(rows.map(([name, ...steps]) => [name, steps] as const))("%s", async (_row, steps) => {
    subject = make();
    for (const step of steps) await take(subject, step);
  });
});
