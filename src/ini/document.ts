/**
 * tungsten.ini as data: ordered sections with ordered, repeatable keys. The `ini` package writes sections and keys; the
 * values go in behind it, because it would quote and escape what tpm takes literally (typescript-foundation §4).
 */
import { stringify } from "ini";

export type IniEntry = readonly [key: string, value: string];
export type IniSection = { readonly name: string; readonly entries: readonly IniEntry[] };
export type IniDocument = readonly IniSection[];

/** What tpm's line syntax would damage, as one sentence; undefined for a value that survives (tungsten-config §2.3). */
export function damageOf(section: string, key: string, value: string): string | undefined {
  const say = (what: string, way: string) => `[${section}] ${key}: the value ${what}; ${way}`;
  if (!/^[a-z0-9][a-z0-9-]*$/.test(key))
    return say(`has the key «${key}», which is no option name`, "write lower-case words joined by -");
  if (/[\r\n]/.test(value)) return say("has a line break", "put it on one line");
  if (value !== value.trim()) return say("begins or ends with a blank", "remove it: tpm would");
  if (/\s[#;]/.test(value))
    return say("has a blank before # or ;, where tpm would begin a comment", "choose another value");
  if (/\\$/.test(value)) return say("ends with a backslash, which tpm cuts off", "choose another value");
  if (/[^\x20-\x7e]/.test(value))
    return say("has a character outside ASCII, which tpm strips", "choose another value");
  return undefined;
}

/** Renders a document; throws with the damage sentence on a value the syntax cannot carry. */
export function renderIni(document: IniDocument): string {
  return `${document.map(renderSection).join("\n\n")}\n`;
}

/** The package sees tokens instead of values and writes repeated keys beside each other; then the values go in raw. */
function renderSection({ name, entries }: IniSection): string {
  if (!/^[A-Za-z0-9_.@-]+$/.test(name)) throw new Error(`[${name}] is no section name`);
  const tokens: Record<string, string[]> = {};
  for (const [index, [key, value]] of entries.entries()) {
    const damage = damageOf(name, key, value);
    if (damage !== undefined) throw new Error(damage);
    tokens[key] = [...(tokens[key] ?? []), `@${index}@`];
  }
  const text = stringify({ [name]: tokens }, { bracketedArray: false });
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

/** Reads what tpm would: first "=" splits, outer blanks go, comments at line start or after a blank, `_` is `-` in keys. */
export function readIni(text: string): { document: IniDocument } | { problem: string } {
  const sections: { name: string; entries: IniEntry[] }[] = [];
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.replace(/(^|\s)[#;].*$/, "").trim();
    if (line === "") continue;
    const header = /^\[([^\]]+)\]$/.exec(line);
    if (header?.[1] !== undefined) {
      const name = header[1];
      if (!sections.some((section) => section.name === name)) sections.push({ name, entries: [] });
      continue;
    }
    const section = sections.at(-1);
    const at = line.indexOf("=");
    if (section === undefined || at <= 0)
      return { problem: `line ${index + 1} «${line.slice(0, 60)}» is no section, key or comment` };
    const key = line.slice(0, at).trim().replace(/^--/, "").replaceAll("_", "-");
    section.entries.push([key, line.slice(at + 1).trim()]);
  }
  return { document: sections };
}
