/** Tiny procedures over an invented world: each part has a switch on every node, one command turns it, one fact tells it. */
import { createHash } from "node:crypto";
import { type Ledger, newLedger, type Pins } from "../../../src/crds/ledger.ts";
import { runOf } from "../../../src/procedures/prepare.ts";
import type { Part, Procedure, Run, Step } from "../../../src/procedures/procedure.ts";
import { everyNode } from "../../../src/procedures/scopes.ts";
import { doneIf, knowing } from "../../../src/procedures/verdicts.ts";
import type { Estate } from "../../../src/topology/estate.ts";
import { type Fact, type Facts, factOf } from "../../../src/tungsten/facts.ts";
import type { MarkerState, Repeat, ToolOutput } from "../../../src/tungsten/invocation.ts";
import type { Reading } from "../../../src/tungsten/reading.ts";
import { msaa } from "../estates.ts";

export const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Tells whether the switch of a part is on at a node. */
export const lamp = (name: string): Fact<boolean> =>
  factOf(
    ["lamp", name],
    ({ stdout }): Reading<boolean> =>
      stdout === "on" || stdout === "off" ? { read: stdout === "on" } : { unreadable: "no lamp" },
  );

export const nameOf = (step: number, part: number): string => `${step}.${part}`;

const partOf = (name: string, repeat: Repeat): Part => ({
  what: `turn ${name} on`,
  on: everyNode,
  run: [
    {
      when: "it is off",
      effect: ({ node }) => ({ begin: { argv: ["turn", name], deadlineSeconds: 60, repeat }, on: node }),
    },
  ],
  done: ({ node }, { facts }) =>
    knowing(facts.get(node.name, lamp(name)), `lamp ${name} of ${node.name}`, (on) =>
      doneIf(on, `${name} is off`),
    ),
  tries: 1000,
});

/** Steps by the number of their parts. */
export function tinyProcedure(shape: readonly number[], repeat: Repeat): Procedure {
  const steps = shape.map(
    (parts, step): Step => ({
      n: step + 1,
      id: `Step${step}`,
      title: `Step ${step}`,
      condition: `Done${step}`,
      undo: "nothing to undo",
      parts: Array.from({ length: parts }, (_, part) => partOf(nameOf(step, part), repeat)),
    }),
  );
  return {
    name: "Tiny",
    revision: 1,
    source: "these tests",
    accepts: [],
    holds: [],
    pins: (estate) => ({ pins: pinsOf(estate) }),
    steps,
    abortUntil: { step: "Step0", part: 0 },
    revert: [],
    revertUntil: { step: "Step0", part: 0 },
    interruptions: () => [],
    budgets: [],
  };
}

function pinsOf(estate: Estate): Omit<Pins, "iniSha256"> {
  const bySite = <T>(value: (site: Estate["sites"][number]) => T) =>
    Object.fromEntries(estate.sites.map((site) => [site.name, value(site)]));
  return {
    primaries: bySite((site) => site.nodes[0]?.name ?? ""),
    policies: bySite(() => "AUTOMATIC"),
    members: bySite((site) => site.nodes.map(({ name }) => name)),
    releases: bySite((site) => site.release),
    backupNodes: bySite((site) => site.nodes[1]?.name ?? ""),
  };
}

export const uid = "0c5b3a70-1111-2222-3333-444455556666";
export const estate = msaa(2, { nodes: 2 });
export const start = 1_700_000_000_000;

export const ledgerOf = (procedure: Procedure): Ledger => ({
  ...newLedger(procedure.name, procedure.revision, uid, start),
  phase: "Running",
});

export const runFor = (ledger: Ledger): Run =>
  runOf(ledger, "tiny", estate, { ...pinsOf(estate), iniSha256: {} }, {});

/** What is true: which lamps burn, and what became of every command that reached its node. */
export type Truth = {
  readonly lamps: Set<string>;
  readonly markers: Map<string, MarkerState>;
  /** Nodes that do not answer in this pass. */
  silent: ReadonlySet<string>;
};

export const lampAt = (node: string, name: string): string => `${node} ${name}`;

const fields = (state: MarkerState): string => {
  switch (state.state) {
    case "running":
      return `state\trunning\nbegan\t${state.beganAt}\n`;
    case "refused":
      return `state\trefused\nreason\t${state.reason}\n`;
    case "exited": {
      const { exitCode, stdout, stderr } = state.output;
      const head = `state\texited\nbegan\t${state.beganAt}\nended\t${state.endedAt}\nrc\t${exitCode}\n`;
      return `${head}out\t${stdout.length}\nerr\t${stderr.length}\n${stdout}${stderr}`;
    }
    default:
      return `state\t${state.state}\n`;
  }
};

/** Answers as the nodes would give them, through the very readers the operator uses. */
export function factsOf(truth: Truth, now: number): Facts & { readonly missed: () => number } {
  let missed = 0;
  const output = (stdout: string): ToolOutput => ({ exitCode: 0, stdout, stderr: "" });
  return {
    get(node, fact) {
      if (truth.silent.has(node)) {
        missed += 1;
        return { unknown: "no answer" };
      }
      const [tool, word = ""] = fact.argv;
      const text =
        tool === "marker"
          ? fields(truth.markers.get(word) ?? { state: "absent" })
          : truth.lamps.has(lampAt(node, word))
            ? "on"
            : "off";
      const reading = fact.read(output(text));
      return "read" in reading ? { known: reading.read, at: now } : { unknown: reading.unreadable };
    },
    copies: () => ({ known: new Map(), at: now }),
    wanted: () => ({ asks: [], copies: false }),
    asked: () => [],
    missed: () => missed,
  };
}
