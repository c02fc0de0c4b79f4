/**
 * The engine on tiny procedures in a world that answers or not, runs, kills, refuses and forgets commands: whatever
 * happens, it acts only on what it recorded, moves only on what it knows, keeps to its width, and stands by its halts.
 */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Ledger } from "../../../src/crds/ledger.ts";
import { ledgerSchema } from "../../../src/crds/ledger.ts";
import { advance, type Controls, type Decision, type World } from "../../../src/procedures/advance.ts";
import type { Procedure } from "../../../src/procedures/procedure.ts";
import { dataNodes } from "../../../src/topology/estate.ts";
import type { MarkerState, Repeat } from "../../../src/tungsten/invocation.ts";
import {
  estate,
  factsOf,
  lampAt,
  ledgerOf,
  nameOf,
  runFor,
  start,
  type Truth,
  tinyProcedure,
} from "./tiny.ts";

const calm: Controls = { generation: 1, paused: false, abort: false, revert: false, acknowledge: [] };
const nodes = dataNodes(estate).map(({ name }) => name);

type Walk = {
  readonly procedure: Procedure;
  readonly width: number;
  readonly truth: Truth;
  ledger: Ledger;
  now: number;
  controls: Controls;
  begun: number;
};

const walkOf = (shape: readonly number[], repeat: Repeat, width: number): Walk => {
  const procedure = tinyProcedure(shape, repeat);
  return {
    procedure,
    width,
    truth: { lamps: new Set(), markers: new Map(), silent: new Set() },
    ledger: ledgerOf(procedure),
    now: start,
    controls: calm,
    begun: 0,
  };
};

function frozen<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    Object.freeze(value);
    for (const each of Object.values(value)) frozen(each);
  }
  return value;
}

/** One decision, with everything that must hold of any decision. */
function decide(walk: Walk): Decision {
  const { procedure, ledger, truth, now, controls, width } = walk;
  const facts = factsOf(truth, now);
  const world: World = { run: runFor(ledger), facts, now, controls, width };
  const decision = advance(procedure, frozen(ledger), world);
  expect(advance(procedure, ledger, world)).toEqual(decision);
  expect(ledgerSchema.parse(JSON.parse(JSON.stringify(decision.ledger)))).toEqual(decision.ledger);
  const { cursor } = ledger;
  const here = nameOf(cursor.step, cursor.part);
  const part = procedure.steps[cursor.step]?.parts[cursor.part];
  if (decision.kind === "move" && part !== undefined) {
    expect(facts.missed()).toBe(0);
    expect(nodes.filter((node) => !truth.lamps.has(lampAt(node, here)))).toEqual([]);
  }
  if (decision.kind !== "move") expect(decision.ledger.cursor).toEqual(cursor);
  if (decision.kind === "finish") expect(cursor.step).toBe(procedure.steps.length);
  if (decision.kind === "act") {
    const running = Object.values(ledger.attempts).filter(({ key }) => isRunning(truth.markers.get(key)));
    expect(running.length + decision.deeds.length).toBeLessThanOrEqual(width);
    for (const { key, target } of decision.deeds) {
      expect(decision.ledger.attempts[target.id]?.key).toBe(key);
      expect(truth.markers.has(key)).toBe(false);
      expect(truth.lamps.has(lampAt(target.node.name, here))).toBe(false);
    }
    expect(decision.ledger.commandsBegun).toBe(ledger.commandsBegun + decision.deeds.length);
  }
  if (ledger.halt !== undefined && controls.generation <= ledger.halt.generation)
    expect(["halt", "move"]).toContain(decision.kind);
  return decision;
}

const isRunning = (state: MarkerState | undefined): boolean =>
  state?.state === "running" || state?.state === "starting";

type Fate = "works" | "fails" | "dies" | "is refused" | "never begins" | "runs" | "is lost";

/** The deeds of a decision reach their nodes, each to its fate; a lost one leaves no trace, as if the operator had died. */
function perform(walk: Walk, decision: Decision, fateOf: () => Fate): void {
  walk.ledger = decision.ledger;
  if (decision.kind !== "act") return;
  const { cursor } = decision.ledger;
  for (const { key, target } of decision.deeds) {
    const fate = fateOf();
    if (fate !== "is lost") walk.begun += 1;
    come(walk, key, target.node.name, nameOf(cursor.step, cursor.part), fate);
  }
}

const failing = "NOTE >> begins\nERROR >> password=hunter22 is wrong\nNOTE >> ends\n";

function come({ truth, now }: Walk, key: string, node: string, lamp: string, fate: Fate): void {
  const ended = (exitCode: number): MarkerState => ({
    state: "exited",
    output: { exitCode, stdout: exitCode === 0 ? "" : failing, stderr: "" },
    beganAt: now,
    endedAt: now + 1,
  });
  const states: Readonly<Record<Fate, MarkerState | undefined>> = {
    works: ended(0),
    fails: ended(1),
    dies: { state: "interrupted" },
    "is refused": { state: "refused", reason: "it looks otherwise here" },
    "never begins": { state: "unbegun" },
    runs: { state: "running", beganAt: now },
    "is lost": undefined,
  };
  const state = states[fate];
  if (state !== undefined) truth.markers.set(key, state);
  if (fate === "works") truth.lamps.add(lampAt(node, lamp));
}

/** Commands that run come to their end, one way or the other. */
function end(walk: Walk, fate: Fate): void {
  const { cursor, attempts } = walk.ledger;
  for (const [id, { key }] of Object.entries(attempts))
    if (isRunning(walk.truth.markers.get(key))) come(walk, key, id, nameOf(cursor.step, cursor.part), fate);
}

const shape = fc.array(fc.integer({ min: 1, max: 2 }), { minLength: 1, maxLength: 3 });
const fate = fc.constantFrom<Fate>(
  "works",
  "works",
  "fails",
  "dies",
  "is refused",
  "never begins",
  "runs",
  "is lost",
);
const event = fc.record({
  fates: fc.array(fate, { minLength: 4, maxLength: 4 }),
  silent: fc.subarray(nodes, { maxLength: 2 }),
  ends: fc.constantFrom<Fate | "goes on">("goes on", "works", "fails", "dies"),
  passes: fc.constantFrom(100, 2_000, 20_000, 100_000),
  human: fc.constantFrom("nothing", "nothing", "a new spec", "Succeeded", "Failed", "Retry"),
  paused: fc.boolean(),
});
const seeded = { seed: Number(process.env.FIRST_SEED ?? 1), numRuns: 150 * Number(process.env.SEEDS ?? 1) };

/** A human has looked and says what became of the commands whose end nobody saw. */
function speak(walk: Walk, word: "Succeeded" | "Failed" | "Retry"): void {
  const { attempts, cursor } = walk.ledger;
  const commands = Object.entries(attempts).filter(([, { key }]) => {
    const state = walk.truth.markers.get(key);
    return state !== undefined && !isRunning(state);
  });
  for (const [id] of commands)
    if (word === "Succeeded") walk.truth.lamps.add(lampAt(id, nameOf(cursor.step, cursor.part)));
  walk.controls = {
    ...walk.controls,
    generation: walk.controls.generation + 1,
    acknowledge: commands.map(([, { key }]) => ({ command: key, outcome: word, reason: "I looked" })),
  };
}

describe("whatever happens", () => {
  test.each(["safe", "once"] as const)("commands that are %s to repeat", (repeat) => {
    fc.assert(
      fc.property(
        shape,
        fc.integer({ min: 1, max: 4 }),
        fc.array(event, { maxLength: 40 }),
        (parts, width, events) => {
          const walk = walkOf(parts, repeat, width);
          for (const { fates, silent, ends, passes, human, paused } of events) {
            walk.truth.silent = new Set(silent);
            walk.controls = { ...walk.controls, paused };
            if (human === "a new spec")
              walk.controls = { ...walk.controls, generation: walk.controls.generation + 1 };
            else if (human !== "nothing") speak(walk, human);
            const coming = [...fates];
            perform(walk, decide(walk), () => coming.shift() ?? "works");
            walk.now += passes;
            if (ends !== "goes on") end(walk, ends);
          }
        },
      ),
      seeded,
    );
  });

  test("once everything answers and works, the run ends, every lamp burning", () => {
    fc.assert(
      fc.property(
        shape,
        fc.integer({ min: 1, max: 4 }),
        fc.array(event, { maxLength: 15 }),
        (parts, width, events) => {
          const walk = walkOf(parts, "safe", width);
          for (const { fates, silent, ends, passes } of events) {
            walk.truth.silent = new Set(silent);
            const coming = [...fates];
            perform(walk, decide(walk), () => coming.shift() ?? "works");
            walk.now += passes;
            if (ends !== "goes on") end(walk, ends);
          }
          walk.truth.silent = new Set();
          walk.controls = { ...calm, generation: 2 };
          for (let pass = 0; pass < 400 && walk.ledger.phase !== "Finished"; pass += 1) {
            end(walk, "works");
            perform(walk, decide(walk), () => "works");
            walk.now += 120_000;
          }
          expect(walk.ledger.outcome).toBe("Succeeded");
          const lamps = parts.flatMap((count, step) =>
            Array.from({ length: count }, (_, part) =>
              nodes.map((node) => lampAt(node, nameOf(step, part))),
            ).flat(),
          );
          expect([...walk.truth.lamps].sort()).toEqual(lamps.sort());
        },
      ),
      { ...seeded, numRuns: 60 },
    );
  });
});

/** Passes until the run ends or stands still. */
function drive(walk: Walk, fateOf: () => Fate): Decision {
  let decision = decide(walk);
  for (let pass = 0; pass < 100 && decision.kind !== "finish" && decision.kind !== "halt"; pass += 1) {
    perform(walk, decision, fateOf);
    walk.now += 20_000;
    decision = decide(walk);
  }
  return decision;
}

describe("in a calm world", () => {
  test("each command is begun once, in the order of the parts, and what burns already costs none", () => {
    const walk = walkOf([2, 1], "once", 2);
    walk.truth.lamps.add(lampAt(nodes[0] ?? "", nameOf(0, 1)));
    const decision = drive(walk, () => "works");
    expect(decision.ledger.outcome).toBe("Succeeded");
    expect(walk.begun).toBe(3 * nodes.length - 1);
    expect(decision.ledger.steps.map(({ id, finishedAt }) => [id, finishedAt !== undefined])).toEqual([
      ["Step0", true],
      ["Step1", true],
    ]);
  });

  test("a width of one begins one after the other, though an earlier one has to be begun again", () => {
    const walk = walkOf([1], "safe", 1);
    const fates: Fate[] = ["fails", "runs"];
    perform(walk, decide(walk), () => fates.shift() ?? "works");
    walk.now += 500;
    walk.ledger = { ...walk.ledger, attempts: { ...walk.ledger.attempts } };
    const running = nodes[1] ?? "";
    come(walk, "elsewhere", running, nameOf(0, 0), "runs");
    walk.ledger = {
      ...walk.ledger,
      attempts: {
        ...walk.ledger.attempts,
        [running]: { n: 1, alternative: 0, begunAt: walk.now, key: "elsewhere" },
      },
    };
    walk.now += 60_000;
    expect(decide(walk).kind).toBe("wait");
  });

  test("a node that does not answer may be running its command: it counts", () => {
    const walk = walkOf([1], "safe", 1);
    perform(walk, decide(walk), () => "runs");
    walk.truth.silent = new Set([nodes[0] ?? ""]);
    walk.now += 60_000;
    expect(decide(walk)).toMatchObject({ kind: "wait" });
  });
});

describe("an end that nobody saw", () => {
  const lost = (): Walk => {
    const walk = walkOf([1], "once", 4);
    perform(walk, decide(walk), () => "dies");
    walk.now += 60_000;
    return walk;
  };

  test("of a command that must not be repeated halts, for as long as nobody speaks", () => {
    const walk = lost();
    const halted = decide(walk);
    expect(halted).toMatchObject({ kind: "halt", reason: "OutcomeUnknown" });
    for (let pass = 0; pass < 5; pass += 1) {
      perform(walk, decide(walk), () => "works");
      walk.now += 3_600_000;
    }
    expect(decide(walk)).toMatchObject({ kind: "halt", reason: "OutcomeUnknown" });
    expect(walk.begun).toBe(nodes.length);
  });

  test("a changed spec that says nothing about it lets it halt again", () => {
    const walk = lost();
    walk.ledger = decide(walk).ledger;
    walk.controls = { ...calm, generation: 2 };
    expect(decide(walk)).toMatchObject({ kind: "halt", reason: "OutcomeUnknown" });
  });

  test.each(["Failed", "Retry"] as const)(
    "with the word %s the command is begun under another key",
    (word) => {
      const walk = lost();
      walk.ledger = decide(walk).ledger;
      speak(walk, word);
      const decision = decide(walk);
      expect(decision).toMatchObject({ kind: "act" });
      expect(Object.values(decision.ledger.heard ?? {})).toContain(`${word}: I looked`);
      expect(decision.kind === "act" && decision.deeds.every(({ key }) => key.endsWith("_a2"))).toBe(true);
    },
  );

  test("with the word Succeeded it goes on only when the fact agrees", () => {
    const walk = lost();
    walk.ledger = decide(walk).ledger;
    speak(walk, "Succeeded");
    walk.truth.lamps.clear();
    expect(decide(walk)).toMatchObject({ kind: "wait" });
    for (const node of nodes) walk.truth.lamps.add(lampAt(node, nameOf(0, 0)));
    expect(decide(walk)).toMatchObject({ kind: "move" });
  });

  test("of a command that may be repeated costs another attempt, no halt", () => {
    const walk = walkOf([1], "safe", 4);
    perform(walk, decide(walk), () => "dies");
    walk.now += 60_000;
    expect(decide(walk)).toMatchObject({ kind: "act" });
  });
});

describe("what a halt quotes", () => {
  test("is the line that names the error, without the password in it", () => {
    const walk = walkOf([1], "once", 4);
    perform(walk, decide(walk), () => "fails");
    walk.now += 60_000;
    const decision = decide(walk);
    expect(decision).toMatchObject({ kind: "halt", reason: "CommandFailed" });
    expect(JSON.stringify(decision)).not.toContain("hunter22");
    expect(decision.kind === "halt" && decision.message).toContain("(«ERROR >> password=*** is wrong»)");
  });
});
