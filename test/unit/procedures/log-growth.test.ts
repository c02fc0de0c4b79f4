/** What is made of the bytes and seconds that a node tells of its logs: a measured growth, or an assumption that is told as one. */
import { describe, expect, test } from "@jest/globals";
import { conversionKnows } from "../../../src/procedures/conversion-preflight-estate.ts";
import { grownIn, growthOn, hourly } from "../../../src/procedures/log-growth.ts";
import type { Volume, WrittenLog } from "../../../src/tungsten/node.ts";
import { space } from "../../../src/tungsten/node-facts.ts";
import { cluster, composite, estateOf, mesh } from "../estates.ts";
import { soundNodes, soundParameters } from "./sound-nodes.ts";

const gib = 1024 ** 3;
const volume = (logs: Readonly<Record<string, WrittenLog["written"]>>): Volume => ({
  path: "/opt",
  freeBytes: 50 * gib,
  totalBytes: 100 * gib,
  logs: Object.entries(logs).map(([name, written]) => ({ name, written })),
});

describe("growth", () => {
  test("is a mean over what was written, of all logs together, twice for peaks", () => {
    const growth = growthOn(
      volume({
        binlog: { bytes: 7200, seconds: 7200 },
        "cluster:nyc": { bytes: 36_000, seconds: 36_000 * 2 },
      }),
    );
    expect([hourly(growth), grownIn(growth, 60), growth.assumed]).toEqual([5400, 180, []]);
  });

  test("of less than an hour is none", () => {
    const growth = growthOn(
      volume({ binlog: { bytes: 10, seconds: 3599 }, a: { bytes: 20, seconds: 3600 }, b: null }),
    );
    expect([growth.measured.map(({ name }) => name), growth.assumed]).toEqual([["a"], ["binlog", "b"]]);
    expect(grownIn(growth, 3600)).toBe(40);
  });

  test("of a log to which nothing was written is none, and measured", () => {
    const growth = growthOn(volume({ binlog: { bytes: 0, seconds: 86_400 } }));
    expect([grownIn(growth, 3600), growth.assumed]).toEqual([0, []]);
  });
});

describe("the report", () => {
  const names = ["london", "nyc"];
  const estate = estateOf({
    clusters: names.map((name) => cluster(name, { nodes: 2 })),
    links: mesh(names),
    composites: [composite(names)],
  });
  /** What it knows of nyc-1, where that tells these logs on /opt. */
  function known(logs: Volume["logs"] | undefined): readonly string[] {
    const is = soundNodes(estate);
    if (logs !== undefined)
      is.change("nyc-1", space, (all) =>
        all.map((each) => (each.path === "/opt" ? { ...each, logs } : each)),
      );
    return conversionKnows(soundParameters)(estate, is.facts).filter((line) => line.startsWith("nyc-1"));
  }
  const room = (needed: number) =>
    `nyc-1: data 1.0 GiB; /opt 50 of 100 GiB free, ${needed} needed; /backups 50 of 100 GiB free, 10 needed`;

  test("tells for each node what was measured, over how long, the room and what is needed", () => {
    expect(known(undefined)).toEqual([
      room(10),
      "nyc-1: logs on /opt grow by 3 MiB an hour: binlog 1 MiB (over 7 d), cluster:nyc 1 MiB (over 7 d), crossSite:london 1 MiB (over 7 d)",
    ]);
    expect(known(volume({ binlog: { bytes: 47 * 12.34 * gib, seconds: 47 * 3600 } }).logs)).toEqual([
      room(69),
      "nyc-1: logs on /opt grow by 12 GiB an hour: binlog 12 GiB (over 47 h)",
    ]);
  });

  test("says where it is an assumption", () => {
    expect(known(volume({ binlog: { bytes: 7200, seconds: 7200 }, "cluster:nyc": null }).logs)).toEqual([
      room(10),
      "nyc-1: logs on /opt grow by under 1 MiB an hour: binlog under 1 MiB (over 2 h); how fast cluster:nyc grows is not known: that 4 GiB and a tenth of /opt do is an assumption",
    ]);
    expect(known(volume({ binlog: { bytes: gib, seconds: 60 } }).logs)).toEqual([
      room(10),
      "nyc-1: how fast binlog grows is not known: that 4 GiB and a tenth of /opt do is an assumption",
    ]);
    expect(known([])).toEqual([
      room(10),
      "nyc-1: how fast logs grow is not told: that 4 GiB and a tenth of a volume do is an assumption",
    ]);
  });
});
