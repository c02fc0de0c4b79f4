/**
 * The in-process twin of the runner on a node (docs/reference/runner-protocol.md): observe and start, markers, fence,
 * checks. Traps cut it at any point a container can die.
 */
import { sha256 } from "./checksum.ts";
import { springTrap } from "./faults.ts";
import { emit, type Host, hostOf, type Marker, type World } from "./model.ts";
import { checkOf } from "./runner-checks.ts";
import { checkShapes, commandShapes, objectionTo, queryShapes, wordFits } from "./runner-words.ts";
import type { ProductName, ToolResult } from "./state.ts";
import { accounts, accountsState } from "./tools/accounts.ts";
import { cctrl } from "./tools/cctrl.ts";
import { connector, manager, replicator, startall, stopall } from "./tools/daemons.ts";
import { copyDatadir, database, databaseState, snapshot } from "./tools/database.ts";
import { dumpSchema, restoreSchema } from "./tools/dump.ts";
import { fingerprints } from "./tools/keys.ts";
import { dsctl, thl } from "./tools/logs.ts";
import * as node from "./tools/node.ts";
import { prepUpgrade } from "./tools/prep-upgrade.ts";
import { provisionSlave } from "./tools/provision-slave.ts";
import { applySql } from "./tools/repair-sql.ts";
import { sql } from "./tools/sql.ts";
import { bad, type RunnerTool, type Tool } from "./tools/tool.ts";
import { tpm } from "./tools/tpm.ts";
import { tprovision } from "./tools/tprovision.ts";
import { trepctl } from "./tools/trepctl.ts";
import { onHost } from "./virtual.ts";
import { restartContainer, spawn } from "./world.ts";

export type ExecReply =
  | { readonly code: number; readonly stdout: string; readonly stderr: string }
  | { readonly lost: string };

type Run = Partial<Parameters<Tool>[0]>;

/** A vendor's tool as the runner runs it: which tree it lies in, which words and what input it gets. */
const vendor =
  (tool: Tool, run: (args: readonly string[]) => Run): RunnerTool =>
  ({ world, host, args, stdin }) =>
    tool({ ambient: world, node: host, product: "cluster", unpacked: null, args, stdin, ...run(args) });

/** The first word is the product whose tree it lies in. */
const inTree =
  (words: (rest: readonly string[]) => readonly string[] = (rest) => rest) =>
  ([product, ...rest]: readonly string[]): Run => ({
    product: product === "crossSite" ? "crossSite" : "cluster",
    args: words(rest),
  });
const own = () => ({});

const runTpm: RunnerTool = function* (call) {
  const [, from = ""] = call.args;
  const unpacked = from === "installed" ? null : from;
  if (unpacked !== null && !call.host.volume.software.has(unpacked))
    return bad(127, "", "tools/tpm: No such file or directory\n");
  const run = inTree(([, ...verb]) => [...verb, "--tty"]);
  return yield* vendor(tpm, (args) => ({ ...run(args), unpacked }))(call);
};

const askCctrl = ([what, dataservice]: readonly string[]): Run =>
  what === "ls" ? { args: [], stdin: "ls\n" } : { args: ["-multi"], stdin: `use ${dataservice}\nls\n` };

const queries: Record<string, RunnerTool> = {
  trepctl: vendor(
    trepctl,
    inTree((rest) => ["-retry", "0", ...rest]),
  ),
  dsctl: vendor(dsctl, inTree()),
  thl: vendor(thl, inTree()),
  replicator: vendor(replicator, inTree()),
  manager: vendor(manager, own),
  connector: vendor(connector, own),
  cctrl: vendor(cctrl, askCctrl),
  tpm: vendor(tpm, inTree()),
  "tpm-processes": node.tpmProcesses,
  installed: node.installed,
  properties: node.properties,
  sql,
  files: node.files,
  file: node.file,
  holds: node.holds,
  ini: node.ini,
  software: node.software,
  fingerprints,
  clock: node.clock,
  space: node.space,
  reach: node.reach,
  "accounts-state": accountsState,
  "my-cnf": node.myCnf,
  dataserver: node.dataserver,
  pod: node.pod,
  backup: node.backupState,
  database: databaseState,
};

const commands: Record<string, RunnerTool> = {
  cctrl: vendor(cctrl, own),
  trepctl: vendor(trepctl, inTree()),
  replicator: vendor(
    replicator,
    inTree(([verb = ""]) => verb.split("-")),
  ),
  manager: vendor(manager, own),
  connector: vendor(connector, own),
  startall: vendor(startall, inTree()),
  stopall: vendor(stopall, inTree()),
  tpm: runTpm,
  hold: node.hold,
  release: node.release,
  "keep-position": node.keepPosition,
  "keep-read-only": node.keepReadOnly,
  "put-read-only": node.putReadOnly,
  "prep-upgrade": prepUpgrade,
  "dump-schema": dumpSchema,
  "restore-schema": restoreSchema,
  "apply-sql": applySql,
  "drop-schema": node.dropSchema,
  "publish-ini": node.publishIni,
  accounts,
  backup: node.takeBackup,
  database,
  snapshot,
  "copy-datadir": copyDatadir,
  tprovision: vendor(tprovision, own),
  tungsten_provision_slave: vendor(provisionSlave, own),
};

const refuse = (code: number, why: string): ExecReply => ({ code, stdout: "", stderr: `${why}\n` });

/** Serves one exec of the runner on a host, at the world's present moment. */
export function exec(world: World, hostName: string, argv: readonly string[], stdin: string): ExecReply {
  const host = hostOf(world, hostName);
  if (!host.up) return { lost: "container not found" };
  const [, verb, podUid, ...rest] = argv;
  if (podUid !== host.podUid) return refuse(20, `this is pod ${host.podUid}`);
  const [length, checksum] = rest.slice(-2);
  if (Buffer.byteLength(stdin) !== Number(length) || sha256(stdin) !== checksum)
    return refuse(21, "payload incomplete");
  if (verb === "observe") {
    if (springTrap(world, host, "observe")) return { lost: "connection reset" };
    return observe(world, host, stdin);
  }
  if (verb === "start") return start(world, host, rest[0] ?? "", rest[1] ?? "", stdin);
  return refuse(23, `unknown verb ${verb}`);
}

function observe(world: World, host: Host, stdin: string): ExecReply {
  let out = "";
  let count = 0;
  for (const line of stdin.replace(/\n$/, "").split("\n")) {
    if (line === "" && stdin !== "") return refuse(24, "an empty line");
    const [id = "", tool = "", ...args] = line.split("\t");
    const objection = objectionTo(queryShapes, [tool, ...args]);
    if (objection !== undefined) return refuse(objection.code, objection.why);
    const result =
      tool === "marker" ? markerText(world, host, args[0] ?? "") : atOnce(queries[tool], world, host, args);
    out += `== ${id} ${result.code} ${Buffer.byteLength(result.out)} ${Buffer.byteLength(result.err)}\n${result.out}${result.err}\n`;
    count += 1;
  }
  return { code: 0, stdout: `${out}== end ${count}\n`, stderr: "" };
}

/** A query runs to its end without time passing. */
function atOnce(tool: RunnerTool | undefined, world: World, host: Host, args: readonly string[]): ToolResult {
  return tool === undefined ? bad(23) : onHost(world, host, tool({ world, host, args, stdin: "" }));
}

function start(world: World, host: Host, fenceText: string, key: string, payload: string): ExecReply {
  if (!wordFits("FENCE", fenceText)) return refuse(24, "the fence is no number");
  if (!wordFits("KEY", key)) return refuse(24, "the key breaks its pattern");
  const fence = BigInt(fenceText);
  const end = payload.indexOf("\n\n");
  if (end < 0) return refuse(24, "the header has no end");
  const head = payload
    .slice(0, end)
    .split("\n")
    .map((line) => line.split("\t"));
  const [argv = [], second] = head.filter(([kind]) => kind === "command").map(([, ...words]) => words);
  if (second !== undefined) return refuse(24, "two commands in one payload");
  const checks = head.filter(([kind]) => kind === "check").map(([, ...words]) => words);
  const objection = [
    objectionTo(commandShapes, argv),
    ...checks.map((check) => objectionTo(checkShapes, check)),
  ].find((each) => each !== undefined);
  if (objection !== undefined) return refuse(objection.code, objection.why);
  const tool = commands[argv[0] ?? ""];
  if (tool === undefined) throw new Error(`the twin has no ${argv[0]}`);
  if (springTrap(world, host, "starter-dies-before-claim")) return { lost: "starter killed" };
  if (springTrap(world, host, "before-claim")) {
    restartContainer(world, host);
    return { lost: "container ended" };
  }
  if (fence < host.volume.fence) return refuse(22, `fence ${host.volume.fence} was seen`);
  host.volume.fence = fence;
  if (!host.volume.markers.has(key)) {
    const marker: Marker = { life: host.life, began: world.now, argv };
    host.volume.markers.set(key, marker);
    if (springTrap(world, host, "starter-dies-after-claim")) return { lost: "starter killed" };
    if (springTrap(world, host, "after-claim")) {
      restartContainer(world, host);
      return { lost: "container ended" };
    }
    begin(world, host, { key, marker, tool, checks, fence, stdin: payload.slice(end + 2) });
  }
  if (springTrap(world, host, "running")) {
    restartContainer(world, host);
    return { code: 137, stdout: "", stderr: "" };
  }
  if (springTrap(world, host, "reply")) return { lost: "connection reset" };
  const told = markerText(world, host, key);
  return { code: 0, stdout: told.out, stderr: "" };
}

type Beginning = {
  key: string;
  marker: Marker;
  tool: RunnerTool;
  checks: readonly (readonly string[])[];
  fence: bigint;
  stdin: string;
};

function begin(world: World, host: Host, { key, marker, tool, checks, fence, stdin }: Beginning): void {
  if (springTrap(world, host, "child-dies-unnamed")) return;
  for (const check of checks) {
    const objection = checkOf(world, host, check);
    if (objection !== undefined) {
      marker.refused = objection;
      return;
    }
  }
  marker.pid = world.newPid();
  for (const victim of ["child", "both", "keeper"] as const)
    if (springTrap(world, host, `${victim}-dies-before-tool`)) killRun(world, host, key, victim);
  if (marker.result !== undefined || marker.pid === null) return;
  emit(world, {
    kind: "command",
    host: host.name,
    key,
    fence,
    argv: marker.argv,
    stdin,
    checks: checks.length,
  });
  const steps = tool({ world, host, args: marker.argv.slice(1), stdin });
  const { ini, unfinished } = host.volume;
  const secretThen = host.secret.get("ini-version") ?? "none";
  const [name, word, , verb] = marker.argv;
  const changes = name === "tpm" && verb !== "validate" && verb !== "promote-connector";
  const changed = changes ? productOf(word) : undefined;
  if (changed !== undefined) unfinished[changed] = key;
  const born = (pid: number) => {
    marker.pid = pid;
  };
  spawn(world, host, marker.argv, steps, born, (result) => {
    if (springTrap(world, host, "after-exit")) return restartContainer(world, host);
    if (marker.unkept === true || springTrap(world, host, "keeper-dies-at-end")) return;
    marker.result = result;
    marker.ended = world.now;
    if (changed === undefined || result.code !== 0) return;
    delete unfinished[changed];
    if ((verb === "install" || verb === "update") && ini !== null) {
      host.volume.installedIni[changed] = sha256(ini);
      host.volume.installedSecret[changed] = secretThen;
    }
  });
}

const productOf = (word: string | undefined): ProductName => (word === "crossSite" ? "crossSite" : "cluster");

/** Kills processes of a run: the tool, the keeper who would record its end, or both. */
export function killRun(world: World, host: Host, key: string, victim: "child" | "keeper" | "both"): void {
  const marker = host.volume.markers.get(key);
  if (marker === undefined) return;
  if (victim !== "child") marker.unkept = true;
  if (victim === "keeper") return;
  host.tools = host.tools.filter(({ pid }) => pid !== marker.pid);
  marker.pid = null;
  if (marker.unkept === true) return;
  marker.result = { code: 137, out: "", err: "" };
  marker.ended = world.now;
}

/** The marker's state as text, read in the protocol's order. */
function markerText(world: World, host: Host, key: string): ToolResult {
  const marker = host.volume.markers.get(key);
  const told = (lines: readonly (readonly (string | number)[])[], tail = ""): ToolResult => ({
    code: 0,
    out: lines.map((line) => `${line.join("\t")}\n`).join("") + tail,
    err: "",
  });
  if (marker === undefined) return told([["state", "absent"]]);
  if (marker.result !== undefined) {
    const { code, out, err } = marker.result;
    const sizes = [
      ["out", Buffer.byteLength(out)],
      ["err", Buffer.byteLength(err)],
    ] as const;
    return told(
      [
        ["state", "exited"],
        ["began", marker.began + host.clockSkewMs],
        ["ended", (marker.ended ?? world.now) + host.clockSkewMs],
        ["rc", code],
        ...sizes,
      ],
      out + err,
    );
  }
  if (marker.refused !== undefined)
    return told([
      ["state", "refused"],
      ["reason", marker.refused],
    ]);
  if (marker.pid === undefined) {
    const young = marker.life === host.life && world.now - marker.began < 5000;
    return told([["state", young ? "starting" : "unbegun"]]);
  }
  const alive = marker.life === host.life && host.tools.some((tool) => tool.pid === marker.pid);
  return told(
    alive
      ? [
          ["state", "running"],
          ["began", marker.began + host.clockSkewMs],
        ]
      : [["state", "interrupted"]],
  );
}
