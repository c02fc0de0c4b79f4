/** The end-to-end suite's judgements, each shown to say no. */
import { describe, expect, test } from "@jest/globals";
import {
  binlogFaults,
  checksumFaults,
  longestInterruption,
  readClientLog,
  readRows,
  rowFaults,
} from "../../../local/pods/judge.ts";

const log = "ack 1 1000 1010\nlost 2 1500 6500 ERROR 2013: Lost connection\nack 3 7000 7020\nend\n";
const written = [readClientLog("nyc", log)];

describe("what a client was told", () => {
  test("is read line by line, and the longest time without an answer is measured between acknowledgements", () => {
    expect(written[0]?.attempts.map(({ n, outcome }) => [n, outcome])).toEqual([
      [1, "acknowledged"],
      [2, "lost"],
      [3, "acknowledged"],
    ]);
    expect(longestInterruption(readClientLog("nyc", log))).toBe(7020 - 1010);
  });

  test("an outage that lasts to the end counts", () => {
    expect(longestInterruption(readClientLog("nyc", "ack 1 0 10\nlost 2 500 90000 gone\n"))).toBe(89_990);
  });

  test("a line that says something else is no silence", () => {
    expect(() => readClientLog("nyc", "bash: mariadb: command not found")).toThrow("nobody can read");
  });
});

describe("rows on nodes", () => {
  const right = readRows("nyc\t1\t1\nnyc\t3\t1\n");
  const faults = (table: string) =>
    rowFaults(
      written,
      new Map([
        ["a", right],
        ["b", readRows(table)],
      ]),
    );

  test.each([
    ["equal", "nyc\t1\t1\nnyc\t3\t1\n", []],
    ["one missing", "nyc\t1\t1\n", ["b lacks row nyc 3, which was acknowledged"]],
    ["one doubled", "nyc\t1\t1\nnyc\t3\t2\n", ["b has row nyc 3 2 times"]],
    ["one of nobody", "nyc\t1\t1\nnyc\t3\t1\nnyc\t9\t1\n", ["b has row nyc 9, which no client wrote"]],
    [
      "an unanswered one on one node only",
      "nyc\t1\t1\nnyc\t2\t1\nnyc\t3\t1\n",
      ["a lacks row nyc 2, which other nodes have"],
    ],
  ])("%s", (_name, table, said) => {
    expect(faults(table)).toEqual(said);
  });

  test("an unanswered one on all nodes is as good as one on none", () => {
    const all = readRows("nyc\t1\t1\nnyc\t2\t1\nnyc\t3\t1\n");
    expect(
      rowFaults(
        written,
        new Map([
          ["a", all],
          ["b", all],
        ]),
      ),
    ).toEqual([]);
  });

  test("no node asked is no success", () => {
    expect(rowFaults(written, new Map())).toEqual(["no node was asked"]);
  });
});

test("checksums that differ, and a table that one node lacks", () => {
  const sums = new Map([
    [
      "a",
      new Map([
        ["x.t", "1"],
        ["x.u", "5"],
      ]),
    ],
    ["b", new Map([["x.t", "2"]])],
  ]);
  expect(checksumFaults(sums)).toEqual([
    "checksum of x.t: a 1, b 2",
    "checksum of x.u: a 5, b has no such table",
  ]);
});

test.each([
  ["### UPDATE `tungsten_nyc`.`heartbeat`", []],
  [
    "#251125 15:01:02 server id 1  end_log_pos 900 \tTable_map: `tungsten_nyc`.`heartbeat` mapped to number 20",
    [],
  ],
  ["###   @3='tungsten_nyc'", []],
  [
    "### UPDATE `tungsten_nyc`.`trep_commit_seqno`",
    ["a has in its binary log: UPDATE tungsten_nyc.trep_commit_seqno"],
  ],
  ["CREATE TABLE tungsten_nyc.x (a INT)", ["a has in its binary log: CREATE TABLE tungsten_nyc.x (a INT)"]],
  ["use `tungsten_nyc`/*!*/;", ["a has in its binary log: use `tungsten_nyc`/*!*/;"]],
  ["### INSERT INTO `e2e`.`written`", []],
])("in a binary log, %s", (line, said) => {
  expect(binlogFaults("a", line)).toEqual(said);
});
