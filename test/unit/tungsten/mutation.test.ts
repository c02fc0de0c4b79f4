/**
 * Readers under damage: whatever is cut, lost, swapped or put in, no reader throws, and none tells more than the text
 * says. A cut text is unreadable, not shorter; what cannot be told apart from a shorter answer tells only what is in it.
 */
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { factOf, longestAnswer } from "../../../src/tungsten/facts.ts";
import { readTpmMessages } from "../../../src/tungsten/tpm.ts";
import { listReaders, messages, type Reader, readers } from "./readers.ts";
import { printed } from "./recording.ts";
import { type Sample, samples } from "./samples.ts";

/** The same damage in every run; FIRST_SEED and SEEDS look further. */
const seeded = (runs: number) => ({
  seed: Number(process.env.FIRST_SEED ?? 1),
  numRuns: runs * Number(process.env.SEEDS ?? 1),
});

const all: Readonly<Record<string, Reader>> = { ...readers, ...listReaders };
const readerOf = ({ by }: Sample): Reader => {
  const reader = all[by];
  if (reader === undefined) throw new Error(`no reader ${by}`);
  return reader;
};

/** A reading as plain data; undefined when there is none. */
const value = (reader: Reader, stdout: string, exitCode: number): unknown => {
  const reading = reader({ exitCode, stdout, stderr: "" });
  return "read" in reading ? plain(reading.read) : undefined;
};
const plain = (read: unknown): unknown => (read instanceof Map || read instanceof Set ? [...read] : read);

/** The number stands in the text by itself, not as a part of a longer one. */
const says = (text: string, number: number): boolean =>
  new RegExp(`(?<![\\d.])${String(number).replaceAll(".", "\\.")}(?![\\d.])`).test(text);

/** The same of a line; ONLINE with anything joined to it is another word. */
const stands = (text: string, line: string): boolean =>
  line === "ONLINE" ? /(?<![A-Z0-9_-])ONLINE(?![A-Z0-9_:-])/.test(text) : text.includes(line);

/** Leaves of a value that claim something: words and numbers, not the readers' own vocabulary for what they do not know. */
function claims(read: unknown): readonly (string | number)[] {
  if (read === null || typeof read === "boolean" || read === undefined) return [];
  if (typeof read !== "object") return [read as string | number];
  if ("unrecognised" in read) return [];
  return Object.entries(read).flatMap(([key, each]) =>
    key === "errorKind" || key === "output" || each === "unknown" ? [] : claims(each),
  );
}

/** What only a certain sentence may lead to. */
const verdicts: Readonly<Record<string, RegExp>> = {
  down: /Connection failed: A component of type 'replicator'/,
  running: /is running: PID: ?\d|^state\trunning/,
  stopped: /is not running/,
  present: /\tpresent\n/,
  none: /^\s*$/,
  absent: /^state\tabsent\n|ERROR (1049|1146)/,
};

/** The words of a JSON text as they are meant, its escapes undone. */
function meant(text: string): string {
  try {
    const words: string[] = [];
    JSON.parse(text, (_key, each: unknown) => {
      words.push(String(each));
      return each;
    });
    return words.join(" ");
  } catch {
    return "";
  }
}

/** Every word and number a reading claims stands in the text, whole; as it is, or as JSON means it. */
function unsaid(read: unknown, text: string): readonly (string | number)[] {
  const even = (words: string) => words.replace(/\s+/g, " ").replace(/\.0+\b/g, "");
  const spoken = [even(text), even(meant(text))];
  return claims(read).filter((claim) => {
    if (verdicts[String(claim)]?.test(text)) return false;
    if (typeof claim === "number") return !spoken.some((words) => says(words, claim));
    return !spoken.some((words) => claim.split("\n").every((line) => stands(words, even(line).trim())));
  });
}

/** Does a reading of a damaged text tell no more than that of the whole one? */
function notMore(told: unknown, whole: unknown): boolean {
  if (told === undefined || told === null || told === "unknown" || told === "down" || told === "none")
    return true;
  if (Array.isArray(told)) {
    if (!Array.isArray(whole)) return false;
    if (told.length === 2 && typeof told[0] === "string" && whole.some((each) => equal(each, told)))
      return true;
    return told.every((each) => whole.some((other) => notMore(each, other)));
  }
  if (typeof told === "object") {
    if ("unrecognised" in told) return true;
    if (typeof whole !== "object" || whole === null) return false;
    return Object.entries(told).every(([key, each]) =>
      notMore(each, (whole as Record<string, unknown>)[key]),
    );
  }
  if (typeof told === "string" && typeof whole === "string" && told.includes("\n"))
    return told.split("\n").every((line) => whole.includes(line));
  return Object.is(told, whole);
}
const equal = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

const named = samples.map((sample) => [`${sample.by}: ${sample.name}`, sample] as const);

describe("nobody is left out", () => {
  test("every reader that tells how something stands has a sample to damage", () => {
    const missing = Object.keys(all).filter((name) => !samples.some(({ by }) => by === name));
    expect(missing).toEqual(["position file"]);
  });

  test("every reader of the room is in the list, but those with tests of their own", () => {
    const room = resolve(import.meta.dirname, "../../../src/tungsten");
    const listed = readFileSync(resolve(import.meta.dirname, "readers.ts"), "utf8");
    const elsewhere = [
      "readOnly",
      "readServices",
      "readReply",
      "readRefusal",
      "readProvision",
      "readSavedPosition",
      "readKeptPosition",
    ];
    const names = readdirSync(room).flatMap((file) =>
      [
        ...readFileSync(resolve(room, file), "utf8").matchAll(/^export (?:const|function) (read[A-Z]\w*)/gm),
      ].map((match) => match[1] ?? ""),
    );
    expect(names.filter((name) => !listed.includes(name) && !elsewhere.includes(name))).toEqual([]);
  });
});

describe("undamaged", () => {
  test.each(named)("%s reads, and says what it claims", (_name, sample) => {
    const { stdout, exitCode } = sample.output;
    const read = value(readerOf(sample), stdout, exitCode);
    expect(read).toBeDefined();
    expect(unsaid(read, stdout)).toEqual([]);
  });
});

/** Answers of one line for each thing: a cut between lines cannot be told from a shorter answer; the frame's length can. */
const lists = [...Object.keys(listReaders), "space", "multi_trepctl", "server settings"];
describe("cut at any byte", () => {
  test.each(named)("%s", (_name, sample) => {
    const { stdout, exitCode } = sample.output;
    const reader = readerOf(sample);
    const whole = value(reader, stdout, exitCode);
    const wrong: string[] = [];
    for (let length = 0; length < stdout.length; length += 1) {
      const cut = stdout.slice(0, length);
      const read = value(reader, cut, exitCode);
      const missing = stdout.slice(length);
      if (read === undefined || equal(read, whole)) continue;
      const lost = sample.by === "daemon" && typeof read === "object";
      const shorter = lists.includes(sample.by) && (cut === "" || cut.endsWith("\n"));
      const boxes = sample.by.endsWith("view") && /\+\s*\+?$/.test(cut);
      if (!lost && !((shorter || boxes) && notMore(read, whole)))
        wrong.push(`…${cut.slice(-20)} | ${missing.slice(0, 20)}…`);
    }
    expect(wrong).toEqual([]);
  });
});

describe("a line lost", () => {
  test.each(named)("%s tells no more than before", (_name, sample) => {
    const { stdout, exitCode } = sample.output;
    const reader = readerOf(sample);
    const whole = value(reader, stdout, exitCode);
    const lines = stdout.split("\n");
    const wrong = lines.filter((_line, index) => {
      const read = value(reader, lines.filter((_each, at) => at !== index).join("\n"), exitCode);
      return !notMore(read, whole);
    });
    expect(wrong).toEqual([]);
  });
});

describe("line ends of a terminal", () => {
  const tools = ["status", "services", "service list", "daemon", "thl info", "multi_trepctl", "version"];
  const views = ["cluster view", "composite view", "thl headers as text", "position command"];
  test.each(named.filter(([, { by }]) => [...tools, ...views].includes(by)))(
    "%s reads alike",
    (_name, sample) => {
      const { stdout, exitCode } = sample.output;
      const reader = readerOf(sample);
      const whole = value(reader, stdout, exitCode);
      expect(value(reader, stdout.replaceAll("\n", "\r\n"), exitCode)).toEqual(whole);
    },
  );
});

/** Words that would make things look well, or empty, if a reader were careless with them. */
const tempting = [
  "ONLINE",
  "ONLINE:DEGRADED",
  "ONLINE-ISH",
  "OFFLINE:NORMAL",
  "AUTOMATIC",
  "MAINTENANCE",
  "MIXED",
  "NONE",
  "NULL",
  "null",
  "true",
  "0",
  "-1",
  "1e999",
  "9007199254740993",
  "99999999999999999999",
  "[]",
  "{}",
  "running",
  "state",
  "master",
  "«ü»",
  "\t",
  "|",
  "(",
  "]",
  "",
];

type Damage = {
  readonly what: "swap" | "insert" | "double" | "drop" | "wide";
  readonly at: number;
  readonly word: string;
};

const damage: fc.Arbitrary<Damage> = fc.record({
  what: fc.constantFrom("swap", "insert", "double", "drop", "wide"),
  at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  word: fc.oneof(fc.constantFrom(...tempting), fc.string({ maxLength: 12 })),
});

function damaged(text: string, { what, at, word }: Damage): string {
  const lines = text.split("\n");
  const line = Math.floor(at * lines.length);
  const words = text.split(/([\s:=,()[\]|{}"]+)/);
  const place = Math.floor(at * words.length);
  switch (what) {
    case "swap":
      return words.map((each, index) => (index === place ? word : each)).join("");
    case "insert":
      return text.slice(0, Math.floor(at * text.length)) + word + text.slice(Math.floor(at * text.length));
    case "double":
      return lines.flatMap((each, index) => (index === line ? [each, each] : [each])).join("\n");
    case "drop":
      return lines.filter((_each, index) => index !== line).join("\n");
    case "wide":
      return lines.map((each) => each.replace(/ : /, `${" ".repeat(line % 7)} : `)).join("\n");
  }
}

describe("damaged in several places", () => {
  test.each(named)("%s claims nothing that the text does not say", (_name, sample) => {
    const { stdout, exitCode } = sample.output;
    const reader = readerOf(sample);
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), (damages) => {
        const text = damages.reduce(damaged, stdout);
        const read = value(reader, text, exitCode);
        expect(unsaid(read, text)).toEqual([]);
      }),
      seeded(120),
    );
  });
});

describe("any text at all", () => {
  test.each(Object.entries(all))("%s never throws", (_name, reader) => {
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 300 }),
      fc
        .array(fc.constantFrom(...tempting, "\n", " ", ":", "="), { maxLength: 60 })
        .map((parts) => parts.join("")),
      fc.json(),
    );
    fc.assert(
      fc.property(text, text, fc.integer({ min: -1, max: 255 }), (stdout, stderr, exitCode) => {
        reader({ exitCode, stdout, stderr });
        readTpmMessages({ exitCode, stdout, stderr });
      }),
      seeded(150),
    );
  });

  /** Where a reader looked at every character again for every character, one of these would not come back. */
  const heaps = [
    "a",
    " ",
    "(",
    "|",
    "\n",
    "[",
    "{",
    '"',
    "COORDINATOR[",
    "|a(b:C, \n",
    "+---+\n",
    "pass=",
    "\t",
    "'",
  ];
  test.each([...Object.entries(all), ["tpm messages", messages] as const])(
    "%s comes back from heaps",
    (_name, reader) => {
      for (const heap of heaps) reader(printed(heap.repeat(Math.ceil(100_000 / heap.length))));
    },
  );

  test("an answer that is too long is not read at all", () => {
    const fact = factOf(["clock"], () => ({ read: 1 }));
    expect(fact.read(printed("x".repeat(longestAnswer)))).toEqual({ read: 1 });
    expect(fact.read(printed("x".repeat(longestAnswer + 1)))).toHaveProperty("unreadable");
  });
});
