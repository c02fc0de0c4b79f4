/** The keys of the vendor's own inis, and how a hand may slip in them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readIni } from "../../../src/ini/document.ts";
import { optionNamed } from "../../../src/ini/option-catalogue.ts";

const vendorFolder = join(import.meta.dirname, "vendor");
const vendorEntries = readdirSync(vendorFolder).flatMap((file) => {
  const reading = readIni(readFileSync(join(vendorFolder, file), "utf8"));
  return "document" in reading ? reading.document.flatMap(({ entries }) => entries) : [];
});
export const vendorKeys = [...new Set(vendorEntries.map(([key]) => key))];

/** The word with one letter left out, doubled, swapped with the next, or replaced by another. */
export function slips(word: string): readonly string[] {
  const all = new Set<string>();
  for (let at = 0; at < word.length; at += 1) {
    const [before, letter, after] = [word.slice(0, at), word[at] ?? "", word.slice(at + 1)];
    all.add(before + after);
    all.add(before + letter + letter + after);
    if (after !== "") all.add(before + after[0] + letter + after.slice(1));
    all.add(`${before}q${after}`);
  }
  return [...all].filter((slip) => optionNamed(slip) === undefined);
}
