/** The shape of an output: what is left when numbers, hosts, services and paths are masked. And a reader of the recorded ones. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Said } from "../../simulator/lies/stage.ts";

const folder = join(import.meta.dirname, "../transcripts");

export const transcripts = (): readonly string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".txt"))
    .map((name) => name.replace(/\.txt$/, ""))
    .sort();

/** A recorded run: its command line as a comment, stdout, and stderr behind a mark of its own. */
export function transcript(name: string): Said {
  const [head = "", ...rest] = readFileSync(join(folder, `${name}.txt`), "utf8").split("\n");
  const [, line = "", code = ""] = /^# command: (.*) ; exit code: (\d+)/.exec(head) ?? [];
  const [out = "", err = ""] = rest.join("\n").split("# --- stderr ---\n");
  return { line, code: Number(code), out, err };
}

/** -1 stays: it is the tools' word for unset, and no number. */
const masks: readonly (readonly [RegExp, string])[] = [
  [/beta_from_(alpha|gamma)|nyc_london/g, "SECTION"],
  [/mysql-bin\.\d+:\d+;-?\d+/g, "EVENTID"],
  [/mysql-bin\.\d+:\d+/g, "POSITION"],
  [/tungsten-(replicator|clustering)-[\d.]+(-\d+)?(_pid\d+)?/g, "PACKAGE"],
  [/\/opt\/(t\d|continuent|replicator2?)\b/g, "HOME"],
  [/\bdb\d\b|\b(nyc|london)-\d\b/g, "HOST"],
  [/(\b|_)(alpha|beta|gamma|nyc|london|nosuch|tokyo)\b/g, "$1NAME"],
  [/event: \w+/g, "event: HEARTBEAT"],
  [/(thl:\/\/HOST:\d+\/,?)+/g, "THL-URIS"],
  [/\\\/opt\\\//g, "/opt/"],
  [/(?<![\w.#])-1(\.0)?(?![\d.])/g, "UNSET"],
  [/\d+([.:,-]\d+)*/g, "#"],
];

const masked = (text: string): string => masks.reduce((left, [from, to]) => left.replace(from, to), text);

/** Lines that tell of the machine on which a transcript was made: its limits, its clock, tpm's dots. */
const ofTheMachine = /^WARN {2}>>|^\.+$|^NOTE {2}>> HOST >> Start the MySQL|\[ - main\]/;

export const shapeOf = (text: string): readonly string[] =>
  masked(text)
    .split("\n")
    .filter((line) => !ofTheMachine.test(line))
    .map((line) => (line.startsWith("|") ? line.replace(/ +/g, " ") : line))
    .join("\n")
    .trimEnd()
    .split("\n");

/** JSON is compared by its keys in order of the alphabet, and by its values' shapes. */
export function jsonShape(text: string): unknown {
  const value: unknown = JSON.parse(text);
  const one = (object: unknown): unknown =>
    Object.entries(object as object)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, each]) => [key, typeof each, masked(String(each))]);
  return Array.isArray(value) ? value.map(one) : one(value);
}

/** What `| grep -E` leaves. */
export const grep = (said: Said, pattern: RegExp): Said => ({
  ...said,
  out: said.out
    .split("\n")
    .filter((line) => pattern.test(line))
    .join("\n"),
});
