/** Every recorded output is read as it must be, or refused on purpose; and no reader takes another tool's output for its own. */
import { describe, expect, test } from "@jest/globals";
import { isDefinite, messages, readers } from "./readers.ts";
import { recorded, recordings } from "./recording.ts";
import { readRows, refusedRows } from "./transcript-rows.ts";

/** Readers that may rightly read the same output: one shape, asked for in several ways. */
const kin: Readonly<Record<string, readonly string[]>> = {
  status: ["services", "service list"],
  services: ["status", "service list"],
  position: ["position file"],
  "position command": ["position file"],
};

test("every recording has exactly one row, and every row its recording", () => {
  const rows = [...new Set(readRows.map(({ file }) => file)), ...refusedRows.map(({ file }) => file)];
  expect([...rows].sort()).toEqual(recordings);
});

describe("read", () => {
  test.each(readRows)("$file by the reader of $by", ({ file, by, reads, from, to }) => {
    const output = recorded(file);
    const start = from === undefined ? 0 : output.stdout.indexOf(from);
    const end = to === undefined ? undefined : output.stdout.indexOf(to);
    const part = { ...output, stdout: output.stdout.slice(start, end) };
    const reader = by === "tpm messages" ? messages : readers[by];
    expect(reader?.(part)).toMatchObject({ read: reads });
    const others = Object.keys(readers).filter((name) => name !== by && !kin[by]?.includes(name));
    expect(others.filter((name) => isDefinite(readers[name]?.(part) ?? { unreadable: "" }))).toEqual([]);
  });
});

describe("refused", () => {
  test.each(refusedRows)("$file: $refused", ({ file }) => {
    const output = recorded(file);
    expect(
      Object.keys(readers).filter((name) => isDefinite(readers[name]?.(output) ?? { unreadable: "" })),
    ).toEqual([]);
  });
});

describe("the columns that are read", () => {
  test.each([
    ["trep_commit_seqno.db1", "task_id seqno fragno last_frag source_id epoch_number eventid shard_id"],
    ["heartbeat.db2", "id seqno eventid name"],
  ])("are in the recorded table %s", (table, columns) => {
    const { stdout } = recorded(`sql-tungsten_alpha.${table}.txt`);
    for (const column of columns.split(" ")) expect(stdout).toContain(`  \`${column}\` `);
  });
});
