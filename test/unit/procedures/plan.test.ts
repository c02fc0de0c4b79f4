/** Plans, their hash, marker keys and the journal: bound to one request and one world, and free of secrets. */
import { describe, expect, test } from "@jest/globals";
import { newLedger } from "../../../src/crds/ledger.ts";
import { parseSpec } from "../../../src/crds/parse.ts";
import { upgradeRequest } from "../../../src/crds/upgrade-request.ts";
import { tungstenIni } from "../../../src/ini/tungsten-ini.ts";
import type { Decision } from "../../../src/procedures/advance.ts";
import { procedureOf } from "../../../src/procedures/catalog.ts";
import { checkPaths } from "../../../src/procedures/check-paths.ts";
import { installSite } from "../../../src/procedures/install-site.ts";
import { entriesOf, linesOf } from "../../../src/procedures/journal.ts";
import { placeInWords } from "../../../src/procedures/plan.ts";
import { prepare } from "../../../src/procedures/prepare.ts";
import type { Acceptance, Procedure } from "../../../src/procedures/procedure.ts";
import { markerKey, trackOf } from "../../../src/procedures/track.ts";
import type { Estate, TopologyKind } from "../../../src/topology/estate.ts";
import { longestSiteName } from "../../../src/topology/names.ts";
import { cluster, composite, estateOf, mesh } from "../estates.ts";
import { factsOf, runFor, sha256, start, tinyProcedure, uid } from "./tiny.ts";

type Options = Readonly<Record<string, string>>;
const estateWith = (options: Options, more: object = {}): Estate =>
  estateOf({
    clusters: ["nyc", "london"].map((name) => cluster(name, { nodes: 2, options, ...more })),
    links: mesh(["nyc", "london"]),
    composites: [composite(["nyc", "london"])],
  });
const lent = (estate: Estate) => ({
  renderIni: (kind: string, primaries: Readonly<Record<string, string>>) =>
    tungstenIni(estate, kind as TopologyKind, primaries),
  sha256,
});
const nothing = { lamps: new Set<string>(), markers: new Map(), silent: new Set<string>() };

/** A procedure that publishes an ini, so that the plan depends on what the world is like. */
function publishing(accepts: readonly Acceptance[] = []): Procedure {
  const tiny = tinyProcedure([1], "safe");
  return { ...tiny, accepts, revert: tiny.steps };
}

function hashOf(estate: Estate, of: { uid?: string; procedure?: Procedure; name?: string } = {}): string {
  const procedure = of.procedure ?? publishing();
  const ledger = newLedger(procedure.name, procedure.revision, of.uid ?? uid, start);
  const prepared = prepare(procedure, ledger, of.name ?? "r", estate, factsOf(nothing, start), lent(estate));
  if (prepared.is !== "planned") throw new Error(prepared.why);
  return prepared.hash;
}

test("a place behind the last part of a step is told as the step's end, not as its beginning", () => {
  const procedure = checkPaths({ beats: 1, everySeconds: 60 });
  const places = [procedure.abortUntil, { step: "CheckPaths", part: 0 }, { step: "None", part: 0 }];
  expect(places.map((place) => placeInWords(procedure, place))).toEqual([
    "the end of step 1, Check every path",
    expect.stringMatching(/^step 1, Check every path \(.+\)$/),
    "never",
  ]);
});

test("where a site is out of service that is all a request is told, and no node is asked", () => {
  const estate = estateWith({});
  const procedure = publishing([{ say: "nothing is held", ask: () => ({ refused: "remove the hold" }) }]);
  const facts = factsOf(nothing, start);
  const ledger = newLedger(procedure.name, procedure.revision, uid, start);
  const outOfService = "TungstenCluster nyc has left CompositeService global and is out of service";
  expect(prepare(procedure, ledger, "r", estate, facts, { ...lent(estate), outOfService })).toMatchObject({
    is: "refused",
    why: outOfService,
    report: { ok: 0, refused: 1, unknown: 0, text: expect.stringContaining(`→ ${outOfService}`) },
  });
  expect(facts.asked()).toEqual([]);
});

describe("the plan's hash", () => {
  const plain = estateWith({ channels: "2", "thl-log-retention": "7d" });

  test("is the same for the same request in the same world, whatever the order of keys", () => {
    const turned = estateWith({ "thl-log-retention": "7d", channels: "2" });
    expect(hashOf(plain)).toBe(hashOf(plain));
    expect(hashOf(turned)).toBe(hashOf(plain));
    const backwards = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(backwards);
      if (typeof value !== "object" || value === null) return value;
      return Object.fromEntries(
        Object.entries(value)
          .reverse()
          .map(([key, each]) => [key, backwards(each)]),
      );
    };
    expect(hashOf(backwards(plain) as Estate)).toBe(hashOf(plain));
  });

  test.each([
    ["another request of the same name", plain, { uid: "0c5b3a70-1111-2222-3333-444455556667" }],
    ["another name", plain, { name: "s" }],
    ["another revision of the procedure", plain, { procedure: { ...publishing(), revision: 2 } }],
    ["another value of an option", estateWith({ channels: "3", "thl-log-retention": "7d" }), {}],
    ["another primary", estateWith({ channels: "2", "thl-log-retention": "7d" }, { initialPrimary: 1 }), {}],
    ["another node", estateWith({ channels: "2", "thl-log-retention": "7d" }, { nodes: 3 }), {}],
    [
      "another finding",
      plain,
      {
        procedure: publishing([
          { say: "x", ask: () => ({ ok: true, findings: [{ id: "trigger", text: "t", needsWord: true }] }) },
        ]),
      },
    ],
  ])("is another one for %s", (_what, world, of) => {
    const pinned = { ...publishing(), ...("procedure" in of ? of.procedure : {}) };
    const procedure: Procedure = {
      ...pinned,
      pins: (each, facts) => {
        const reading = pinned.pins(each, facts);
        if ("unknown" in reading) return reading;
        const primaries = Object.fromEntries(
          each.sites.map((site) => [site.name, site.nodes[site.initialPrimary]?.name ?? ""]),
        );
        return { pins: { ...reading.pins, primaries } };
      },
    };
    expect(hashOf(world, { ...of, procedure })).not.toBe(hashOf(plain));
  });

  test("is not made while something is refused or cannot be learnt", () => {
    const ledger = newLedger("Tiny", 1, uid, start);
    const asked = (acceptance: Acceptance) =>
      prepare(publishing([acceptance]), ledger, "r", plain, factsOf(nothing, start), lent(plain));
    expect(asked({ say: "x", ask: () => ({ refused: "no" }) })).toMatchObject({
      is: "refused",
      why: "no",
      report: { refused: 1, unknown: 0 },
    });
    expect(asked({ say: "x", ask: () => ({ unknown: "nyc-0 is silent" }) })).toMatchObject({
      is: "unknown",
      why: "nyc-0 is silent",
      report: { refused: 0, unknown: 1, text: expect.stringContaining("→ nyc-0 is silent") },
    });
    const several = { objections: ["no", "never", "no"].map((refused) => ({ on: "nyc", refused })) };
    expect(asked({ say: "x", ask: () => several })).toMatchObject({
      is: "refused",
      why: "no (and 1 more in the pre-flight report)",
    });
  });
});

const longestName = "a".repeat(longestSiteName);

/** Every procedure there is, as requests and installations make them. */
const procedures: readonly Procedure[] = [
  ...[
    {
      procedure: "ConvertMsaaToCaa",
      convertMsaaToCaa: { compositeService: { name: "global" }, verifyData: "Both" },
    },
    { procedure: "CheckPaths", checkPaths: { cluster: { name: "nyc" } } },
    { procedure: "VerifyData", verifyData: { cluster: { name: "nyc" } } },
    { procedure: "Switch", switch: { cluster: { name: longestName }, to: `${longestName}-1` } },
    { procedure: "Failover", failover: { cluster: { name: longestName }, to: `${longestName}-1` } },
    ...[
      { action: "SkipEvent", skipEvent: { seqno: 1 } },
      {
        action: "ApplySql",
        applySql: { from: { kind: "Secret", name: "x", key: "y" }, sha256: "a".repeat(64) },
      },
      { action: "Force" },
      { action: "Reprovision", reprovision: { donor: `${longestName}-1` } },
    ].map((more) => ({
      procedure: "FixReplication",
      fixReplication: {
        cluster: { name: longestName },
        service: "b",
        nodes: [`${longestName}-0`, `${longestName}-1`],
        reason: "why",
        ...more,
      },
    })),
  ].map((spec) => {
    const parsed = parseSpec(upgradeRequest.spec, spec);
    if ("faults" in parsed) throw new Error(parsed.faults.join());
    return procedureOf(parsed.spec).procedure;
  }),
  ...(["Linked", "CAA", "CAP"] as const).map((form) => installSite("a".repeat(longestSiteName), form)),
];

describe("marker keys", () => {
  const [a, b] = ["a", "b"].map((letter) => letter.repeat(longestSiteName));
  const longest = estateOf({
    clusters: [
      cluster(a ?? "", { nodes: 9, dataservice: "a" }),
      cluster(b ?? "", { nodes: 9, dataservice: "b" }),
    ],
    links: mesh([a ?? "", b ?? ""]),
    composites: [composite([a ?? "", b ?? ""])],
  });

  test.each(procedures.map((procedure) => [procedure.name, procedure] as const))(
    "%s: fit the runner's 180 characters on the longest names, and are never equal",
    (_name, procedure) => {
      const base = newLedger(procedure.name, procedure.revision, uid, start);
      const run = { ...runFor(base), estate: longest, pins: pinsFor(longest) };
      const keys: string[] = [];
      for (const direction of ["Forward", "Abort", "Revert"] as const) {
        const walked = procedure.steps.map(({ id, condition }) => ({ id, condition, startedAt: start }));
        const ledger = { ...base, direction, steps: walked };
        for (const step of trackOf(procedure, ledger))
          for (const [index, part] of step.parts.entries())
            for (const target of part.on(run))
              for (const [round, attempt] of [
                [1, 1],
                [10, 100],
              ] as const)
                keys.push(
                  markerKey(
                    { ...ledger, cursor: { step: 0, part: index, since: start, round } },
                    step,
                    target,
                    attempt,
                  ),
                );
      }
      for (const key of keys) expect(key).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]{0,179}$/);
      expect(new Set(keys).size).toBe(keys.length);
    },
  );
});

function pinsFor(estate: Estate) {
  const bySite = <T>(value: (site: Estate["sites"][number]) => T) =>
    Object.fromEntries(estate.sites.map((site) => [site.name, value(site)]));
  return {
    primaries: bySite((site) => site.nodes[0]?.name ?? ""),
    policies: bySite(() => "AUTOMATIC"),
    members: bySite((site) => site.nodes.map(({ name }) => name)),
    releases: bySite((site) => site.release),
    backupNodes: bySite((site) => site.nodes[1]?.name ?? ""),
    iniSha256: {},
  };
}

describe("the journal", () => {
  const ledger = newLedger("Tiny", 1, uid, start);
  const [node] = estateWith({}).sites[0]?.nodes ?? [];

  test("tells a command's node, key and words, one JSON object a line", () => {
    if (node === undefined) throw new Error("no node");
    const target = { id: node.name, node, site: estateWith({}).sites[0] as Estate["sites"][number] };
    const effect = {
      begin: { argv: ["turn", "0.0"], deadlineSeconds: 60, repeat: "safe" as const },
      on: node,
    };
    const decision: Decision = { kind: "act", ledger, deeds: [{ effect, target, key: "k1" }], why: "turn" };
    const lines = linesOf(entriesOf(decision, ledger, "Step0", start))
      .trimEnd()
      .split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      {
        at: "2023-11-14T22:13:20.000Z",
        event: "begin",
        step: "Step0",
        node: node.name,
        key: "k1",
        command: "turn 0.0",
      },
    ]);
  });

  test("masks what looks like a secret, and stays one line an entry", () => {
    const message = "tpm said: --replication-password=hunter22\nand rest-api-admin-pass: 'hunter22 too'";
    const decision: Decision = { kind: "halt", ledger, reason: "CommandFailed", message };
    const text = linesOf(entriesOf(decision, ledger, "Step0", start));
    expect(text).not.toContain("hunter22");
    expect(text.trimEnd().split("\n")).toHaveLength(1);
    expect(JSON.parse(text).text).toContain("--replication-password=***");
  });

  test("says the same halt once", () => {
    const halted = { ...ledger, halt: { reason: "CommandFailed", message: "m", at: start, generation: 1 } };
    const decision: Decision = { kind: "halt", ledger: halted, reason: "CommandFailed", message: "m" };
    expect(entriesOf(decision, ledger, "Step0", start)).toHaveLength(1);
    expect(entriesOf(decision, halted, "Step0", start)).toEqual([]);
  });
});
