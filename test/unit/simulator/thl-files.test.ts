/** Logs of transactions on disk: what was appended is read again by a new process, and half a line is as good as none. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { newThlFiles } from "../../../simulator/node/thl-files.ts";
import type { ThlEvent } from "../../../simulator/state.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "thl-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const open = () => newThlFiles((log) => join(folder, log));
const event = (seqno: number, sourceId = "nyc-0"): ThlEvent => ({
  seqno,
  epoch: 3,
  eventId: `mysql-bin.000001:${seqno};-1`,
  sourceId,
  entry: {
    kind: "statements",
    format: "",
    sql: `-- é ${seqno}\n`,
    standalone: false,
    shard: "shop",
    heartbeat: null,
  },
  writtenAt: 1000,
  at: 1000,
});
const log = "cluster/nyc";

test("a new process finds what the former one wrote", () => {
  open().append(log, [event(7), event(8, "nyc-1"), event(9)]);
  const again = open();
  expect(again.ends(log)).toMatchObject({ first: { seqno: 7 }, last: { seqno: 9 } });
  expect(again.at(log, 8)).toMatchObject({ seqno: 8, epoch: 3 });
  expect(again.newestOf(log, "nyc-1")?.seqno).toBe(8);
  expect(again.after(log, 7)).toEqual([event(8, "nyc-1"), event(9)]);
});

test("a line cut short by a kill is cut off, and the next event stands in its place", () => {
  open().append(log, [event(0)]);
  const path = join(folder, log, "thl.data.0000000001");
  appendFileSync(path, '{"seqno":1,"epo');
  const again = open();
  expect(again.ends(log)?.last.seqno).toBe(0);
  again.append(log, [event(1)]);
  expect(readFileSync(path, "utf8").split("\n")).toHaveLength(3);
  expect(open().after(log, -1)).toEqual([event(0), event(1)]);
});

test("a dropped log is empty, and so is one that never was", () => {
  const files = open();
  files.append(log, [event(0)]);
  files.drop(log);
  expect(files.ends(log)).toBeNull();
  expect(files.after(log, -1)).toEqual([]);
  expect(files.ends("cluster/other")).toBeNull();
});

test("a log whose files another program has removed is empty, and begins anew", () => {
  const files = open();
  files.append(log, [event(0), event(1)]);
  rmSync(join(folder, log), { recursive: true });
  expect(files.ends(log)).toBeNull();
  files.append(log, [event(5)]);
  expect(open().ends(log)).toMatchObject({ first: { seqno: 5 }, last: { seqno: 5 } });
});
