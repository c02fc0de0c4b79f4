/**
 * tungsten.ini as data: ordered sections with ordered, repeatable keys. The `ini` package writes sections and keys; the
 * values go in behind it, because it would quote and escape what tpm takes literally (typescript-foundation §4).
 */
import { stringify } from "ini";

export type IniEntry = readonly [key: string, value: string];
export type IniSection = { readonly name: string; readonly entries: readonly IniEntry[] };
export type IniDocument = readonly IniSection[];

/** A value that the node replaces by the content of a mounted Secret file. */
export const placeholder = (file: string): string => `@{${file}}`;
const placeholderPattern = /^@\{[a-z][a-z0-9-]*\}$/;

/**
 * What tpm's line syntax would do to a value, and the way out, as the end of a sentence about it; undefined for a value
 * that arrives as it is (tungsten-config §2.3, tungsten-observed §2.1). tpm has no quotes and no escapes.
 */
export function valueDamage(value: string): string | undefined {
  if (value === "") return "is empty; write a value or remove the option";
  if (/[\r\n]/.test(value)) return "has a line break; put it on one line";
  if (value !== value.trim()) return "begins or ends with a blank; remove it, tpm would";
  if (/(^|\s)[#;]/.test(value))
    return "has # or ; at its beginning or behind a blank, where tpm begins a comment; choose another value";
  if (/\\$/.test(value)) return "ends with a backslash, which tpm cuts off; choose another value";
  if (/[^\x20-\x7e]/.test(value))
    return "has a character outside ASCII, which tpm strips; choose another value";
  if (/^(["']).*\1$/.test(value)) return "is quoted, and tpm keeps quotes as part of it; write it without";
  if (value.includes("@{")) return "holds @{, which marks where a Secret goes in; choose another value";
  return undefined;
}

/** Renders a document; throws with one sentence on what the syntax cannot carry: a fault of whoever made the document. */
export function renderIni(document: IniDocument): string {
  const names = document.map(({ name }) => name);
  const twin = names.find((name, index) => names.indexOf(name) !== index);
  if (twin !== undefined) throw new Error(`[${twin}] comes twice, and tpm would make one section of both`);
  return `${document.map(renderSection).join("\n\n")}\n`;
}

/** The package sees tokens instead of values and writes repeated keys beside each other; then the values go in raw. */
function renderSection({ name, entries }: IniSection): string {
  if (!/^[A-Za-z][A-Za-z0-9_.@-]*$/.test(name)) throw new Error(`[${name}] is no section name`);
  const tokens = new Map<string, string[]>();
  for (const [index, [key, value]] of entries.entries()) {
    const damage = placeholderPattern.test(value) ? undefined : valueDamage(value);
    if (!/^[a-z][a-z0-9-]*$/.test(key)) throw new Error(`[${name}] «${key}» is no option name`);
    if (damage !== undefined) throw new Error(`[${name}] ${key}: the value ${damage}`);
    tokens.set(key, [...(tokens.get(key) ?? []), `@${index}@`]);
  }
  if (tokens.size === 0) return `[${name}]`;
  const text = stringify({ [name]: Object.fromEntries(tokens) }, { bracketedArray: false });
  return text
    .trimEnd()
    .split("\n")
    .map((line) =>
      line.startsWith("[")
        ? `[${name}]`
        : line.replace(/@(\d+)@$/, (_, index) => entries[Number(index)]?.[1] ?? ""),
    )
    .join("\n");
}

/**
 * Reads what tpm would (tungsten-observed §2.1): first "=" splits, outer blanks go, comments at line start or after a blank,
 * `_` is `-` in keys, a section that comes again is gone on with. A line that is none of these is fatal for tpm and here.
 */
export function readIni(text: string): { document: IniDocument } | { problem: string } {
  const sections = new Map<string, IniEntry[]>();
  let entries: IniEntry[] | undefined;
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.replace(/(^|\s)[#;].*$/, "").trim();
    if (line === "") continue;
    const name = /^\[([^\]]+)\]$/.exec(line)?.[1];
    if (name !== undefined) {
      entries = sections.get(name) ?? [];
      sections.set(name, entries);
      continue;
    }
    const at = line.indexOf("=");
    if (entries === undefined || at <= 0)
      return { problem: `line ${index + 1} «${line.slice(0, 60)}» is no section, key or comment` };
    const key = line.slice(0, at).trim().replace(/^--/, "").replaceAll("_", "-");
    const value = line
      .slice(at + 1)
      .trim()
      .replace(/\s\\$/, "");
    entries.push([key, value]);
  }
  return { document: [...sections].map(([name, own]) => ({ name, entries: own })) };
}
