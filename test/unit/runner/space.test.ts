/** What a node tells of its room, and of the logs that fill it: the real script over real files. */
import {
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { readSpace, type Volume } from "../../../src/tungsten/node.ts";
import { newNode, type RunnerNode } from "./node.ts";

let programs: string;
let node: RunnerNode;
const hour = 3600;
const data = "opt/mysql/data";

/** A stat that tells the birth a test has written down, where there is one: a file's real one cannot be set. */
const stat = `#!/bin/bash
if [[ -e $RUNS.birth ]]; then set -- "\${@//%W/$(<"$RUNS.birth")}"; fi
exec /usr/bin/stat "$@"
`;
beforeAll(() => {
  programs = mkdtempSync(join(tmpdir(), "tungsten-operator-stat-"));
  writeFileSync(join(programs, "stat"), stat, { mode: 0o755 });
});
afterAll(() => rmSync(programs, { recursive: true }));
beforeEach(() => {
  node = newNode({}, programs);
});
afterEach(() => node.remove());

/** A file of that size, last written so many seconds ago: long before its birth, as a copied one is. */
function file(path: string, bytes: number, ago: number): void {
  node.put(path, "");
  truncateSync(join(node.root, path), bytes);
  const at = Date.now() / 1000 - ago;
  utimesSync(join(node.root, path), at, at);
}

/** All files came to be so many seconds ago. */
const born = (ago: number): void => node.put("runs.birth", String(Math.floor(Date.now() / 1000) - ago));
const birthsUnknown = (): void => node.put("runs.birth", "0");

function volumes(): readonly Volume[] {
  const answer = readSpace(node.ask("space"));
  if ("unreadable" in answer) throw new Error(answer.unreadable);
  return answer.read;
}

/** By name: bytes and hours, or null. */
const logs = (): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    volumes().flatMap((volume) =>
      volume.logs.map(({ name, written }) => [
        name,
        written && [written.bytes, Math.round(written.seconds / hour)],
      ]),
    ),
  );

test("room is told for both volumes, and fails where one is missing", () => {
  expect(volumes().map(({ path }) => path)).toEqual(["/opt", "/backups"]);
  for (const { freeBytes, totalBytes } of volumes()) expect(totalBytes).toBeGreaterThan(freeBytes);
  rmSync(join(node.root, "backups"), { recursive: true });
  expect(node.ask("space").exitCode).not.toBe(0);
});

describe("what was written to a log", () => {
  test("that was copied here: all behind its oldest file, since that was written last", () => {
    file(`${data}/mysql-bin.000007`, 900, 5 * hour);
    file(`${data}/mysql-bin.000008`, 500, 2 * hour);
    file(`${data}/mysql-bin.000009`, 100, 0);
    file("opt/continuent/thl/nyc/thl.data.0000000003", 800, 48 * hour);
    file("opt/continuent/thl/nyc/thl.data.0000000004", 300, hour);
    file("opt/replicator/thl/london_nyc/thl.data.0000000001", 40, 3 * hour);
    file("opt/replicator/thl/london_nyc/thl.data.0000000002", 60, hour);
    file("opt/replicator/thl/paris_nyc/thl.data.0000000001", 40, 3 * hour);
    expect(logs()).toEqual({
      binlog: [600, 5],
      "cluster:nyc": [300, 48],
      "crossSite:london_nyc": [60, 3],
      "crossSite:paris_nyc": null,
    });
  });

  test("that has been here from its birth on: all of it, where it is one file too", () => {
    born(8 * hour);
    file(`${data}/mysql-bin.000007`, 900, 5 * hour);
    file(`${data}/mysql-bin.000008`, 500, 2 * hour);
    file("opt/continuent/thl/nyc/thl.data.0000000001", 300, 0);
    expect(logs()).toMatchObject({ binlog: [1400, 8], "cluster:nyc": [300, 8] });
  });

  test("where the file system tells no births", () => {
    birthsUnknown();
    file(`${data}/mysql-bin.000007`, 900, 5 * hour);
    file(`${data}/mysql-bin.000008`, 500, 2 * hour);
    file("opt/continuent/thl/nyc/thl.data.0000000001", 300, hour);
    expect(logs()).toMatchObject({ binlog: [500, 5], "cluster:nyc": null });
  });

  test("is not known where its files are dated in the future", () => {
    birthsUnknown();
    file(`${data}/mysql-bin.000007`, 900, -2 * hour);
    file(`${data}/mysql-bin.000008`, 500, -3 * hour);
    expect(logs()).toMatchObject({ binlog: null });
  });

  test("is more than 32 bits count", () => {
    file(`${data}/mysql-bin.000001`, 1, 2 * hour);
    file(`${data}/mysql-bin.000002`, 3_000_000_000, hour);
    file(`${data}/mysql-bin.000003`, 3_000_000_007, 0);
    expect(logs()).toMatchObject({ binlog: [6_000_000_007, 2] });
  });

  test("counts no index, no relay log, and no log of another name", () => {
    file(`${data}/mysql-bin.000001`, 10, 2 * hour);
    file(`${data}/mysql-bin.000002`, 20, 0);
    file(`${data}/mysql-bin.index`, 5000, 9 * hour);
    file(`${data}/nyc-0-relay-bin.000001`, 5000, 9 * hour);
    file(`${data}/binlog.000001`, 5000, 9 * hour);
    file("opt/continuent/thl/nyc/thl.data.0000000001", 10, 2 * hour);
    file("opt/continuent/thl/nyc/thl.data.0000000002", 20, 0);
    file("opt/continuent/thl/nyc/disklog.lck", 5000, 9 * hour);
    expect(logs()).toMatchObject({ binlog: [20, 2], "cluster:nyc": [20, 2] });
  });
});

describe("a log that is not found", () => {
  test("is not known; a product that is not installed has none", () => {
    expect(logs()).toEqual({ binlog: null, cluster: null, crossSite: null });
    rmSync(join(node.root, "opt/replicator/tungsten"), { recursive: true });
    expect(logs()).toEqual({ binlog: null, cluster: null });
  });

  test("and one on another mount is told there", () => {
    const elsewhere = mkdtempSync("/dev/shm/tungsten-operator-thl-");
    mkdirSync(join(node.root, "opt/continuent/thl"), { recursive: true });
    symlinkSync(elsewhere, join(node.root, "opt/continuent/thl/nyc"));
    const told = volumes();
    rmSync(elsewhere, { recursive: true });
    expect(told.map(({ path }) => path)).toEqual(["/opt", "/backups", "/dev/shm"]);
    expect(told[2]?.logs).toEqual([{ name: "cluster:nyc", written: null }]);
  });
});
