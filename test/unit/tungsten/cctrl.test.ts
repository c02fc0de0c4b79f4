/** cctrl has no transcript: every layout its formatter may print is read alike, and what is not understood hides nothing. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { readClusterView, readCompositeView } from "../../../src/tungsten/cctrl.ts";
import { printed } from "./recording.ts";
import { clusterListing, compositeListing } from "./samples.ts";

/** How a listing is laid out: what the pages of different releases show, and what they leave open. */
type Layout = {
  /** Text width of a row: 75 up to 6.x, 80 in 7.x and 8.x. */
  readonly width: 75 | 80;
  /** How far the rest of a wrapped row is indented: a hanging indent in 5.0, none in later samples. */
  readonly hanging: boolean;
  readonly prompt: boolean;
  readonly banner: boolean;
  readonly crlf: boolean;
  /** Blanks before the rows of the lower box. */
  readonly indent: 1 | 2;
  readonly exiting: boolean;
};

const layout: fc.Arbitrary<Layout> = fc.record({
  width: fc.constantFrom(75 as const, 80 as const),
  hanging: fc.boolean(),
  prompt: fc.boolean(),
  banner: fc.boolean(),
  crlf: fc.boolean(),
  indent: fc.constantFrom(1 as const, 2 as const),
  exiting: fc.boolean(),
});

type Source = {
  readonly name: string;
  readonly role: string;
  readonly state: string;
  readonly reason: string | null;
  readonly replicator: string;
  readonly modified: boolean;
};

const source: fc.Arbitrary<Source> = fc.record({
  name: fc.stringMatching(/^[a-z][a-z0-9-]{0,30}[a-z0-9](\.[a-z]{2,8})?$/),
  role: fc.constantFrom("master", "slave", "relay", "standby", "archive"),
  state: fc.constantFrom("ONLINE", "OFFLINE", "SHUNNED", "FAILED", "DEGRADED", "ONLINE:DEGRADED", "MOON"),
  reason: fc.constantFrom(
    null,
    "MANUALLY-SHUNNED",
    "FAILED-OVER-TO-db2",
    "DATASERVER 'db3@alpha' STOPPED",
    "REPLICATOR IS IN THE 'SUSPECT' STATE",
  ),
  replicator: fc.constantFrom("ONLINE", "SUSPECT", "STOPPED", "STATUS NOT AVAILABLE", "ONLINE:DEGRADED"),
  modified: fc.boolean(),
});

/** A row between its bars, wrapped at words when it is longer than the width leaves room for. */
function rows(text: string, { width, hanging }: Layout, indent = 0): readonly string[] {
  if (text.length <= width - 2) return [`|${text.padEnd(width)} |`];
  const at = text.lastIndexOf(" ", width - 2);
  const rest = `${" ".repeat(hanging ? indent : 0)}${text.slice(at + 1)}`;
  return [`|${text.slice(0, at).padEnd(width)} |`, ...rows(rest, { width, hanging } as Layout, indent)];
}

const rule = ({ width }: Layout): string => `+${"-".repeat(width + 1)}+`;

function boxOf(source: Source, as: Layout): readonly string[] {
  const { name, role, state, reason, replicator, modified } = source;
  const why = reason === null ? "" : `(${reason})`;
  const header = `${name}${modified ? "*" : ""}(${role}:${state}${why}, progress=208950063, latency=0.194)`;
  const inside = [
    "MANAGER(state=ONLINE)",
    `REPLICATOR(role=${role}, master=db1, state=${replicator})`,
    "DATASERVER(state=ONLINE)",
    "CONNECTIONS(created=15307, active=2)",
  ];
  return [
    rule(as),
    ...rows(header, as, name.length + 1),
    ...rows("STATUS [OK] [2026/04/10 11:47:57 AM UTC][SSL]", as),
    ...(reason === null ? [] : rows(`REASON[${reason}]`, as)),
    rule(as),
    ...inside.flatMap((text) => rows(" ".repeat(as.indent) + text, as)),
    rule(as),
  ];
}

function render(sources: readonly Source[], policy: string, as: Layout): string {
  const lines = [
    ...(as.banner ? ["Continuent Tungsten 8.0.4 Build 132", "east: session established"] : []),
    `${as.prompt ? "[LOGICAL] /east > " : ""}COORDINATOR[db1:${policy}:ONLINE]`,
    "",
    "ROUTERS:",
    rule(as),
    ...rows("connector@db1[6117](ONLINE, created=1, active=0)", as),
    rule(as),
    "",
    "DATASOURCES:",
    ...sources.flatMap((each) => [...boxOf(each, as), ""]),
    ...(as.exiting ? [`${as.prompt ? "[LOGICAL] /east > " : ""}Exiting...`] : []),
    "",
  ];
  return lines.join(as.crlf ? "\r\n" : "\n");
}

const sources = fc.uniqueArray(source, { minLength: 1, maxLength: 5, selector: ({ name }) => name });
const seeded = { seed: Number(process.env.FIRST_SEED ?? 1), numRuns: 200 * Number(process.env.SEEDS ?? 1) };

describe("ls", () => {
  test("reads alike in every layout, every datasource with its state, reason and replicator", () => {
    fc.assert(
      fc.property(
        sources,
        fc.constantFrom("AUTOMATIC", "MAINTENANCE", "MIXED"),
        layout,
        (all, policy, as) => {
          const view = readClusterView(printed(render(all, policy, as)));
          expect(view).toEqual({
            read: {
              coordinator: "db1",
              policy: policy === "MIXED" ? { unrecognised: "MIXED" } : policy,
              coordinatorState: "ONLINE",
              routers: [{ name: "db1", state: "ONLINE", active: 0 }],
              datasources: all.map(({ name, role, state, reason, replicator }) => ({
                name,
                role,
                state,
                reason,
                replicatorState: replicator,
                dataserverState: "ONLINE",
                managerState: "ONLINE",
                ssl: true,
              })),
            },
          });
        },
      ),
      seeded,
    );
  });

  test("a failed node whose reason holds @ and quotes is in the view", () => {
    const view = readClusterView(printed(clusterListing));
    const states = "read" in view ? view.read.datasources.map(({ name, state }) => `${name} ${state}`) : [];
    expect(states).toEqual(["east1 ONLINE", "east2 FAILED", "east3 SHUNNED"]);
  });

  test("a witness has a manager and nothing else", () => {
    const box = ["+-----+", "|db3(witness:ONLINE)  |", "+-----+", "|  MANAGER(state=ONLINE) |", "+-----+"];
    const view = readClusterView(printed(`COORDINATOR[db1:AUTOMATIC:ONLINE]\n${box.join("\n")}\n`));
    expect(view).toMatchObject({
      read: {
        datasources: [{ name: "db3", role: "witness", replicatorState: null, managerState: "ONLINE" }],
      },
    });
  });

  test.each([
    ["a node's header in words it does not know", "|east2(slave:", "|east2(slave = "],
    ["a header that is lost, so that two boxes become one", /\|east2[^\n]*\n\|latency[^\n]*\n/, ""],
    ["a node that is listed twice", "|east3(", "|east1("],
    ["a row without its end", /DATASERVER\(state=STOPPED\) *\|/, "DATASERVER(state=STOPPED)"],
    ["a row without its beginning", "|  MANAGER(state=ONLINE)", "  MANAGER(state=ONLINE)"],
    ["no coordinator", "COORDINATOR[", "COORDINATION["],
  ])("%s makes the whole view unreadable", (_what, from, to) => {
    const text = clusterListing.replace(from, to);
    expect(text).not.toBe(clusterListing);
    expect(readClusterView(printed(text))).toHaveProperty("unreadable");
  });

  test.each([
    "Unable to connect to the manager on localhost:9997. Is it running?\nExiting...\n",
    "Exiting...\n",
    "",
    "COORDINATOR[db1:AUTOMATIC:ONLINE]\n\nROUTERS:\n\nDATASOURCES:\nExiting...\n",
  ])("%j is no view", (text) => {
    expect(readClusterView(printed(text))).toHaveProperty("unreadable");
    expect(readCompositeView(printed(text))).toHaveProperty("unreadable");
  });

  test("a listing of a killed cctrl is no view, however whole it looks", () => {
    expect(readClusterView({ ...printed(clusterListing), exitCode: 124 })).toHaveProperty("unreadable");
  });
});

describe("composite ls", () => {
  test("tells each member's coordinator and each composite datasource, not the services below it", () => {
    expect(readCompositeView(printed(compositeListing))).toEqual({
      read: {
        policy: "MAINTENANCE",
        members: [
          { name: "east", coordinator: "east1", policy: "MAINTENANCE" },
          { name: "west", coordinator: "west3", policy: "AUTOMATIC" },
        ],
        datasources: [
          { name: "east", role: "master", state: "ONLINE" },
          { name: "west", role: "master", state: "SHUNNED" },
        ],
      },
    });
  });

  test("reads the short form of the pages, bars without rules, with a member that cannot be reached", () => {
    const text = [
      "COORDINATOR[db1:AUTOMATIC:ONLINE]",
      "   east:COORDINATOR[db1:AUTOMATIC:ONLINE]",
      "DATASOURCES:",
      "|east(composite master:ONLINE)                     |",
      "|STATUS [OK] [2025/01/28 01:53:13 PM UTC]          |",
      "|west(composite slave:UNREACHABLE)                 |",
      "",
    ];
    expect(readCompositeView(printed(text.join("\n")))).toMatchObject({
      read: {
        members: [{ name: "east" }],
        datasources: [{ state: "ONLINE" }, { name: "west", role: "slave", state: "UNREACHABLE" }],
      },
    });
  });

  test("neither view takes the other's listing", () => {
    expect(readClusterView(printed(compositeListing))).toHaveProperty("unreadable");
    expect(readCompositeView(printed(clusterListing))).toHaveProperty("unreadable");
  });
});
