/** Every lie shown, and none forgotten: a naive client is fooled in each row, a careful look in none, each section of the references has its row. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { lies, untold } from "../../simulator/lies/all.ts";
import { type Lie, tools } from "../../simulator/lies/lie.ts";
import { play, printLies } from "../../simulator/lies/print.ts";

const printed = (only?: string, all?: readonly Lie[]): { lines: string[]; held: boolean } => {
  const lines: string[] = [];
  return { held: printLies((line) => lines.push(line), only, all), lines };
};

describe("each lie is shown live", () => {
  test.each(lies.map((lie) => [lie.name, lie] as const))("%s", (_name, lie) => {
    const { shown } = play(lie).row;
    expect({ naive: shown.naive === shown.truth, careful: shown.careful }).toEqual({
      naive: false,
      careful: shown.truth,
    });
  });
});

describe("the list is whole", () => {
  /** Sections that tell of a lie. Those left out tell of none: versions, options, formats, rules that follow. */
  const sections = [
    ...["1", "2.1", "2.2", "2.3", "2.5", "3.1", "3.2", "3.3", "4", "5"].map((n) => `observed §${n}`),
    ...["1", "2", "3", "4a", "4b", "4b2", "4c", "4d", "4g", "4h", "4i", "5"].map((n) => `conversion §${n}`),
    ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12].map((n) => `cli §0.${n}`),
  ];
  const cited = new Set([
    ...lies.flatMap(({ cites }) => cites),
    ...untold.flatMap(({ cites }) => cites.split(", ")),
  ]);

  test.each(sections)("%s has a row", (section) => {
    expect(cited).toContain(section);
  });

  test("only the options of a tool that is not simulated are told and not shown", () => {
    const shown = new Set(lies.flatMap(({ cites }) => cites));
    expect(sections.filter((section) => !shown.has(section))).toEqual(["cli §0.12"]);
  });

  test("names are unique, every group has a row, every citation names a reference and a section", () => {
    expect(new Set(lies.map(({ name }) => name)).size).toBe(lies.length);
    expect(tools.filter((tool) => !lies.some((lie) => lie.tool === tool))).toEqual([]);
    const wrong = [...cited].filter(
      (cite) => !/^(observed|conversion|cli) §\d+(\.\d+|[a-z]\d?)?$/.test(cite),
    );
    expect(wrong).toEqual([]);
  });
});

describe("the table", () => {
  const { held, lines } = printed();

  test("fits a terminal of 120 columns and ends with the count", () => {
    expect(lines.filter((line) => line.length > 120)).toEqual([]);
    expect(lines.at(-1)).toBe(
      `${lies.length} lies, ${lies.length} naive clients fooled, 0 careful looks fooled`,
    );
    expect(held).toBe(true);
  });

  test("is the same every time", () => {
    expect(printed().lines).toEqual(lines);
  });

  test("shows one row with everything that was run, by name or by number", () => {
    const { lines: one, held: fine } = printed("operation-failed-null");
    expect(fine).toBe(true);
    expect(one).toContain("london-0:/opt/replicator$ trepctl -service tokyo status");
    expect(one).toContain("..........Operation failed: null");
    const number = lies.findIndex(({ name }) => name === "operation-failed-null") + 1;
    expect(printed(String(number)).lines).toEqual(one);
  });

  test("the command's exit code tells", () => {
    const main = join(import.meta.dirname, "../../simulator/main.ts");
    const run = (name: string) => spawnSync(process.execPath, [main, "--lies", name], { encoding: "utf8" });
    const [good, bad] = [run("1"), run("nonsense")];
    expect([good.status, bad.status]).toEqual([0, 1]);
    expect(good.stdout.trim().split("\n").at(-1)).toBe(
      "1 lies, 1 naive clients fooled, 0 careful looks fooled",
    );
  });

  test("an unknown name is an error that lists the names", () => {
    const { held: fine, lines: told } = printed("nonsense");
    expect(fine).toBe(false);
    expect(told.join()).toContain("blank-position");
  });

  const [first] = lies;
  const doctored = (change: (shown: ReturnType<Lie["show"]>) => Partial<ReturnType<Lie["show"]>>): Lie => {
    if (first === undefined) throw new Error("no lies");
    return {
      ...first,
      show: (stage) => {
        const shown = first.show(stage);
        return { ...shown, ...change(shown) };
      },
    };
  };

  test("fails when a naive client is not fooled", () => {
    const { held: fine, lines: told } = printed(undefined, [doctored(({ truth }) => ({ naive: truth }))]);
    expect(fine).toBe(false);
    expect(told.some((line) => line.includes("NOT SHOWN"))).toBe(true);
    expect(told.at(-1)).toBe("1 lies, 0 naive clients fooled, 0 careful looks fooled");
  });

  test("fails when a careful look is fooled", () => {
    const { held: fine, lines: told } = printed(undefined, [doctored(({ naive }) => ({ careful: naive }))]);
    expect(fine).toBe(false);
    expect(told.at(-1)).toBe("1 lies, 1 naive clients fooled, 1 careful looks fooled");
  });
});
