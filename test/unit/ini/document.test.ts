/** tungsten.ini as a document: written so that tpm's own line grammar reads it back; what the grammar cannot carry is not written. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  type IniDocument,
  type IniEntry,
  readIni,
  renderIni,
  valueDamage,
} from "../../../src/ini/document.ts";

const seeded = { seed: Number(process.env.FIRST_SEED ?? 1), numRuns: 500 * Number(process.env.SEEDS ?? 1) };

const key = fc.oneof(
  fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/),
  fc.constantFrom("property", "skip-validation-check", "constructor", "to-string", "x1"),
);
const value = fc
  .oneof(
    fc.string({ minLength: 1, maxLength: 30 }),
    fc.constantFrom(
      "a=b=c",
      "a;b",
      "a#b",
      "a,b,c",
      "[x]",
      "true",
      "007",
      "1e5",
      "null",
      "a\\b",
      "x y",
      "@0@",
      "$&",
    ),
  )
  .filter((text) => valueDamage(text) === undefined);
const name = fc.oneof(
  fc.stringMatching(/^[a-z][a-z0-9_]{0,12}$/),
  fc.constantFrom(
    "defaults",
    "defaults.replicator",
    "nyc@nyc-0",
    "nyc.replicator",
    "london_from_nyc",
    "valueOf",
  ),
);
const document: fc.Arbitrary<IniDocument> = fc.uniqueArray(
  fc.record({ name, entries: fc.array(fc.tuple(key, value), { maxLength: 8 }) }),
  { maxLength: 5, selector: (section) => section.name },
);

/** Keys that come again stand beside their first; within one key the order stays. */
const grouped = (entries: readonly IniEntry[]): readonly IniEntry[] =>
  [...new Set(entries.map(([word]) => word))].flatMap((word) => entries.filter(([other]) => other === word));

describe("round trip", () => {
  test("what is written is read back, raw values, repeated keys and order of sections", () => {
    fc.assert(
      fc.property(document, (sections) => {
        const text = renderIni(sections);
        expect(readIni(text)).toEqual({
          document: sections.map(({ name, entries }) => ({ name, entries: grouped(entries) })),
        });
      }),
      seeded,
    );
  });

  test("writing what was read changes nothing more", () => {
    fc.assert(
      fc.property(document, (sections) => {
        const text = renderIni(sections);
        const again = readIni(text);
        expect("document" in again ? renderIni(again.document) : "").toBe(text);
      }),
      seeded,
    );
  });

  test("blanks, comments, CR LF and other spellings of keys mean the same", () => {
    fc.assert(
      fc.property(document, (sections) => {
        const text = renderIni(sections);
        const noisy = text
          .split("\n")
          .map((line) =>
            line.replace(/^([a-z][a-z0-9-]*)=/, (_, word: string) => `  --${word.replaceAll("-", "_")} = `),
          )
          .map((line) => (line === "" ? "# a comment" : `${line}  ; another`))
          .join("\r\n");
        expect(readIni(noisy)).toEqual(readIni(text));
      }),
      seeded,
    );
  });
});

describe("the damage that is told is the damage that tpm does", () => {
  test("a value is called sound exactly when a naive line brings it back", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 20, unit: "grapheme-ascii" }), (text) => {
        const reading = readIni(`[s]\nkey=${text}\n`);
        const back = "document" in reading ? reading.document[0]?.entries[0]?.[1] : undefined;
        if (valueDamage(text) === undefined) expect(back).toBe(text);
      }),
      seeded,
    );
  });

  test.each(["a #b", "a ;b", "\ta", "a ", "a \\", "#", "a\r\nb", "ä", "a\u0000", '"x"', ""])(
    "%j is damaged",
    (text) => {
      expect(valueDamage(text)).toEqual(expect.any(String));
      expect(() => renderIni([{ name: "s", entries: [["key", text]] }])).toThrow(/^\[s\] key: the value /);
    },
  );

  test.each(["a#b", "a;b", "a=b", "a\\b", "a'b", '"', "x y"])("%j is not", (text) => {
    expect(valueDamage(text)).toBeUndefined();
  });
});

describe("not written", () => {
  test.each([
    [
      "a section twice",
      [
        { name: "a", entries: [] },
        { name: "a", entries: [] },
      ],
      /comes twice/,
    ],
    ["a section that is no name", [{ name: "a]b", entries: [] }], /no section name/],
    ["a key with blanks", [{ name: "a", entries: [["a b", "c"]] }], /no option name/],
    ["a key with =", [{ name: "a", entries: [["a=b", "c"]] }], /no option name/],
    ["a key in capitals", [{ name: "a", entries: [["A", "c"]] }], /no option name/],
    [
      "a Secret's mark inside a value",
      [{ name: "a", entries: [["b", "x@{password}"]] }],
      /where a Secret goes in/,
    ],
  ] as const)("%s", (_what, sections, sentence) => {
    expect(() => renderIni(sections)).toThrow(sentence);
  });
});

describe("read", () => {
  test("a section that comes again is gone on with", () => {
    expect(readIni("[a]\nx=1\n[b]\ny=2\n[a]\nz=3\n")).toEqual({
      document: [
        {
          name: "a",
          entries: [
            ["x", "1"],
            ["z", "3"],
          ],
        },
        { name: "b", entries: [["y", "2"]] },
      ],
    });
  });

  test("a trailing blank and backslash is cut, as tpm does with a warning", () => {
    expect(readIni("[a]\nx=1 \\\n")).toEqual({ document: [{ name: "a", entries: [["x", "1"]] }] });
  });

  test.each(["x=1\n", "[a]\nbare\n", "[a]\n=1\n", "[a\n"])("%j is a problem, with its line", (text) => {
    expect(readIni(text)).toEqual({ problem: expect.stringMatching(/^line \d «/) });
  });
});
