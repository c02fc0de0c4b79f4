/** One table of the protocol's rows, for the real script and for its twin in the simulated world: same calls, same answers. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { msaaWorld } from "../../../simulator/build.ts";
import { exec } from "../../../simulator/runner.ts";
import { advance } from "../../../simulator/world.ts";
import {
  type Answered,
  eventually,
  measured,
  newNode,
  payloadOf,
  podUid,
  type RunnerNode,
  sha256,
} from "./node.ts";

type Either = {
  readonly name: string;
  readonly call: (argv: readonly string[], stdin: string) => Answered;
  readonly settle: () => Promise<void>;
};

let node: RunnerNode;
const script: Either = {
  name: "the script",
  call: (...args) => node.call(...args),
  settle: () =>
    eventually("the end of all commands", () => !node.observe("marker hold-1").stdout.includes("running")),
};

const world = msaaWorld(
  {
    seed: 1,
    sites: [
      { name: "london", nodes: 2 },
      { name: "nyc", nodes: 2 },
    ],
    release: "8.0.4-132",
    rate: 0,
  },
  "[defaults]\n",
);
for (const host of world.hosts.values()) host.podUid = podUid;
const twin: Either = {
  name: "the twin",
  call: (argv, stdin) => {
    const reply = exec(world, "nyc-0", ["/etc/runner/runner", ...argv], stdin);
    if ("lost" in reply) throw new Error(reply.lost);
    return reply;
  },
  settle: async () => void advance(world, 1000),
};

beforeAll(() => {
  node = newNode();
});
afterAll(() => node.remove());

const observe = (...queries: string[]): readonly [readonly string[], string] => {
  const text = queries.map((query, index) => `q${index}\t${query.split(" ").join("\t")}\n`).join("");
  return [["observe", podUid, ...measured(text)], text];
};
const start = (key: string, payload: string, fence = "5"): readonly [readonly string[], string] => [
  ["start", podUid, fence, key, ...measured(payload)],
  payload,
];

type Row = readonly [name: string, call: readonly [readonly string[], string], code: number, says: RegExp];
const ini = "[defaults]\nuser=tungsten\n";
const rows: readonly Row[] = [
  ["another pod", [["observe", "pod-2", "0", sha256("")], ""], 20, /pod-1/],
  ["half a payload", [["observe", podUid, ...measured("q0\tholds\n")], "q0\tho"], 21, /payload/],
  ["another checksum", [["observe", podUid, "9", sha256("x")], "q0\tholds\n"], 21, /payload/],
  ["an unknown verb", [["become-root", podUid, "0", sha256("")], ""], 23, /unknown verb/],
  ["an unknown query", observe("shell ls"), 23, /unknown tool/],
  ["an unknown command", start("k0", payloadOf("bash -c ls")), 23, /unknown tool/],
  ["words this tool does not take", observe("trepctl crossSite reset -all"), 24, /not what/],
  ["a product there is not", observe("installed second"), 24, /not what/],
  ["an empty line", [["observe", podUid, ...measured("q0\tholds\n\n")], "q0\tholds\n\n"], 24, /empty/],
  [
    "a question whose line has no end",
    [["observe", podUid, ...measured("q0\tholds")], "q0\tholds"],
    0,
    /== end 1\n$/,
  ],
  ["a header cut before its end", start("k0", "command\thold\tcluster\ncheck\tno-tpm\n"), 24, /header/],
  [
    "two commands",
    start("k0", `command\trelease\tcluster\n${payloadOf("hold cluster")}`),
    24,
    /two commands/,
  ],
  ["a check there is not", start("k0", payloadOf("hold cluster", "", ["is-fine yes"])), 23, /unknown tool/],
  ["a fence that is no number", start("k0", payloadOf("hold cluster"), "05"), 24, /fence/],
  ["a key that climbs", start("../k0", payloadOf("hold cluster")), 24, /key/],
  [
    "a word with a blank",
    [["observe", podUid, ...measured("q0\tfile\ta b\n")], "q0\tfile\ta b\n"],
    24,
    /pattern/,
  ],
  ["a word with a quote", observe("file a'b"), 24, /pattern/],
  ["no holds yet", observe("holds"), 0, /^== q0 0 0 0\n\n== end 1\n$/],
  ["a marker that is not there", observe("marker hold-1"), 0, /^== q0 0 13 0\nstate\tabsent\n\n== end 1\n$/],
  ["a command", start("hold-1", payloadOf("hold crossSite")), 0, /^state\t(exited|running|starting)\n/],
  [
    "its hold",
    observe("holds", "marker hold-1"),
    0,
    /^== q0 0 10 0\ncrossSite\n\n== q1 0 \d+ 0\nstate\texited\nbegan\t\d{13}\nended\t\d{13}\nrc\t0\nout\t0\nerr\t0\n\n== end 2\n$/,
  ],
  [
    "the same key again, with another command",
    start("hold-1", payloadOf("release crossSite")),
    0,
    /^state\texited\n/,
  ],
  ["which did not run", observe("holds"), 0, /\ncrossSite\n/],
  ["a lower fence", start("k1", payloadOf("hold cluster"), "4"), 22, /5/],
  ["a higher fence", start("k2", payloadOf("release crossSite"), "6"), 0, /^state\t/],
  ["after which the old one is refused", start("k3", payloadOf("hold cluster"), "5"), 22, /6/],
  ["a fence of more digits is higher", start("k4", payloadOf("hold manager"), "10"), 0, /^state\t/],
  [
    "a check that objects",
    start("k5", payloadOf("release manager", "", [`file-is nothing ${sha256("x")}`]), "10"),
    0,
    /^state\t(refused\nreason\tnothing is not the file that was verified|running|starting)/,
  ],
  [
    "and stays objected",
    observe("marker k5"),
    0,
    /\nstate\trefused\nreason\tnothing is not the file that was verified\n/,
  ],
  ["a file that is not there", observe("file nothing"), 0, /^== q0 1 0 \d+\n/],
  ["a text to publish", start("k6", payloadOf(`publish-ini ${sha256(ini)}`, ini), "10"), 0, /^state\t/],
  [
    "stands published and joined",
    observe("ini"),
    0,
    new RegExp(`\\npublished=${sha256(ini)}\\njoined=yes\\nsecret=\\S+\\n`),
  ],
  [
    "a text with another checksum",
    start("k7", payloadOf(`publish-ini ${sha256("other")}`, ini), "10"),
    0,
    /^state\t/,
  ],
  ["is refused by the tool", observe("marker k7"), 0, /\nrc\t3\n/],
  [
    "a release that is not unpacked",
    start("k8", payloadOf("tpm crossSite 9.9.9-1 install"), "10"),
    0,
    /^state\t/,
  ],
  ["cannot be run", observe("marker k8"), 0, /\nrc\t127\n/],
  ["the unpacked packages", observe("software"), 0, /\ntungsten-clustering-8\.0\.4-132\n/],
  ["the node's time", observe("clock"), 0, /\n\d{13}\n/],
];

describe.each([script, twin])("$name", (either) => {
  test.each(rows)("%s", async (_name, [argv, stdin], code, says) => {
    await either.settle();
    const answered = either.call(argv, stdin);
    expect({ code: answered.code, said: answered.stdout + answered.stderr }).toEqual({
      code,
      said: expect.stringMatching(says),
    });
  });
});
