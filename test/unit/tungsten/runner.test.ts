/** The operator's end of the runner protocol: what it sends can be taken apart again, and a broken reply tells no more than what came whole. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { factsFrom, notAskedYet } from "../../../src/tungsten/facts.ts";
import type { ToolOutput } from "../../../src/tungsten/invocation.ts";
import { readMarker } from "../../../src/tungsten/node.ts";
import { nodeClock, reach } from "../../../src/tungsten/node-facts.ts";
import { encodeCommand, encodeQueries, readRefusal, readReply } from "../../../src/tungsten/runner.ts";
import { printed } from "./recording.ts";

const seeded = { seed: Number(process.env.FIRST_SEED ?? 1), numRuns: 150 * Number(process.env.SEEDS ?? 1) };

const id = fc.stringMatching(/^[A-Za-z0-9._-]{1,64}$/).filter((word) => word !== "end");
const text = fc.oneof(
  fc.string({ maxLength: 80, unit: "grapheme" }),
  fc.constantFrom("== end 1\n", "== a 0 1 1\n", "\n"),
);
const output: fc.Arbitrary<ToolOutput> = fc.record({
  exitCode: fc.integer({ min: 0, max: 255 }),
  stdout: text,
  stderr: text,
});
const outputs = fc.uniqueArray(fc.tuple(id, output), { maxLength: 5, selector: ([name]) => name });

const bytes = (words: string): number => new TextEncoder().encode(words).length;
const blocks = (all: readonly (readonly [string, ToolOutput])[]): string =>
  all
    .map(
      ([name, { exitCode, stdout, stderr }]) =>
        `== ${name} ${exitCode} ${bytes(stdout)} ${bytes(stderr)}\n${stdout}${stderr}\n`,
    )
    .join("");

describe("a reply", () => {
  test("is read back as it was sent, whatever the tools printed", () => {
    fc.assert(
      fc.property(outputs, (all) => {
        const reply = readReply(`${blocks(all)}== end ${all.length}\n`);
        expect(reply).toEqual({ read: { outputs: new Map(all), complete: true } });
      }),
      seeded,
    );
  });

  test("that is cut gives the blocks that came whole and never says that it is complete", () => {
    fc.assert(
      fc.property(outputs, fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), (all, at) => {
        const whole = `${blocks(all)}== end ${all.length}\n`;
        const reply = readReply(whole.slice(0, Math.floor(at * whole.length)));
        if ("unreadable" in reply) return;
        expect(reply.read.complete).toBe(false);
        for (const [name, told] of reply.read.outputs) expect(new Map(all).get(name)).toEqual(told);
      }),
      seeded,
    );
  });

  test("that counts otherwise than it holds is not complete", () => {
    const reply = readReply(`${blocks([["a", printed("x")]])}== end 2\n`);
    expect(reply).toHaveProperty("read.complete", false);
  });

  test.each(["", "bash: /etc/runner/runner: No such file or directory\n", "== a x 1 1\n"])(
    "%j is none",
    (words) => {
      expect(readReply(words)).toHaveProperty("unreadable");
    },
  );
});

test("queries and commands travel as lines of words", () => {
  expect(encodeQueries([{ id: "q1", argv: ["cctrl", "ls"] }])).toBe("q1\tcctrl\tls\n");
  const command = {
    argv: ["cctrl"],
    stdin: "set policy maintenance\n",
    deadlineSeconds: 60,
    repeat: "safe" as const,
    prechecks: [{ argv: ["no-tpm"] }],
  };
  expect(encodeCommand(command)).toBe("command\tcctrl\ncheck\tno-tpm\nlimit\t60\n\nset policy maintenance\n");
});

test("every code of the runner that served nothing has its sentence", () => {
  expect(readRefusal(0)).toBeNull();
  for (const code of [20, 21, 22, 23, 24]) expect(readRefusal(code)).not.toMatch(/none of its codes/);
  expect(readRefusal(137)).toMatch(/none of its codes/);
});

describe("a marker", () => {
  test("an end is told with its whole output, in bytes, not in characters", () => {
    const stdout = "Grüße\n";
    const head = `state\texited\nbegan\t1\nended\t2\nrc\t0\nout\t${bytes(stdout)}\nerr\t2\n`;
    expect(readMarker(printed(`${head}${stdout}no`))).toEqual({
      read: { state: "exited", output: { exitCode: 0, stdout, stderr: "no" }, beganAt: 1, endedAt: 2 },
    });
  });

  test.each([
    ["a state nobody knows", "state\tsuspended\n"],
    ["no state", "began\t1\n"],
    ["a state that is cut", "state\tabsent"],
    ["running since nobody knows when", "state\trunning\n"],
    ["an end without its code", "state\texited\nbegan\t1\nended\t2\nout\t0\nerr\t0\n"],
    [
      "an end with less output than it says",
      "state\texited\nbegan\t1\nended\t2\nrc\t0\nout\t9\nerr\t0\nshort",
    ],
  ])("%s is unreadable, never absent", (_what, words) => {
    expect(readMarker(printed(words))).toHaveProperty("unreadable");
  });
});

describe("facts", () => {
  test("what was not asked is unknown and wished for, what was not answered stays unknown", () => {
    const facts = factsFrom(new Map([["nyc-1", new Map([["clock", { missing: "no pod" }]])]]), undefined);
    expect(facts.get("nyc-0", nodeClock)).toEqual({ unknown: notAskedYet });
    expect(facts.get("nyc-1", nodeClock)).toEqual({ unknown: "no pod" });
    expect(facts.copies()).toEqual({ unknown: notAskedYet });
    expect(facts.wanted()).toEqual({
      asks: [{ node: "nyc-0", query: { id: "clock", argv: ["clock"] } }],
      copies: true,
    });
  });

  test("an answer that leaves an endpoint out says nothing of reachability", () => {
    const fact = reach(["a-0:2112", "b-0:2112"]);
    expect(fact.read(printed("a-0:2112\topen\n"))).toHaveProperty("unreadable");
    expect(fact.read(printed("a-0:2112\topen\nb-0:2112\trefused\n"))).toHaveProperty("read.length", 2);
  });
});
