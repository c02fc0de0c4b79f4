/**
 * Check paths: a named heartbeat of every primary has to arrive on every node that applies it. An ONLINE service proves
 * nothing (tungsten-observed §5): it may read from the wrong server, or wait at a log that was made anew. Beside heartbeats,
 * which every primary writes anyhow, it changes nothing.
 */
import { activeSite, dataNodes, siteOf } from "../topology/estate.ts";
import { lastHeartbeat } from "../tungsten/node-facts.ts";
import { heartbeat } from "../tungsten/trepctl.ts";
import { compositeAsTold } from "./composite-preflight.ts";
import { proofHeartbeat, sourceOf } from "./conversion-names.ts";
import { onePrimary, primaryWritable } from "./conversion-preflight-sites.ts";
import { existingReaders } from "./crossing.ts";
import { primariesUnmoved } from "./guards.ts";
import { heartbeatSchemas } from "./leading.ts";
import type { Look, Part, Procedure, Run, Target, Verdict } from "./procedure.ts";
import { eachWriter } from "./scopes.ts";
import { pinsOfEstate } from "./switch-preflight.ts";
import { done, every, knowing, knownValue, pending } from "./verdicts.ts";

export type PathParameters = { readonly beats: number; readonly everySeconds: number };

/** Nodes that apply what this primary's site writes: its own, and its readers at other sites; of an active/passive composite all. */
const appliersOf = (target: Target, run: Run): readonly string[] => [
  ...dataNodes(run.estate)
    .filter(({ site }) => activeSite(run.estate) !== undefined || site === target.site.name)
    .map(({ name }) => name),
  ...existingReaders(run)
    .filter((reader) => sourceOf(reader).name === target.site.name)
    .map(({ node }) => node.name),
];

/** Every row in which the heartbeat of this source may stand at a node. */
const rowsAt = (target: Target, name: string, { run, facts }: Look) => {
  const node = dataNodes(run.estate).find((each) => each.name === name);
  const site = node === undefined ? target.site : siteOf(run.estate, node);
  return heartbeatSchemas(run, target.site, site).map((schema) => facts.get(name, lastHeartbeat(schema)));
};

/** The heartbeat of this attempt, and no earlier one, stands in the node's row. */
const arrivedAt = (target: Target, node: string, look: Look): Verdict => {
  const rows = rowsAt(target, node, look);
  const wanted = proofHeartbeat(look.run, look.attempt);
  return rows.some((row) => knownValue(row)?.name === wanted)
    ? done
    : every(
        rows.map((row) =>
          knowing(row, `the heartbeat row of ${node}`, () =>
            pending(`no heartbeat of ${target.site.name} has arrived at ${node} yet`),
          ),
        ),
      );
};

const paths = ({ beats, everySeconds }: PathParameters): Part => ({
  what:
    beats === 1
      ? "a fresh heartbeat of every primary arrives on every node that applies it"
      : `${beats} heartbeats of every primary, ${everySeconds} s apart; the last one arrives on every node that applies it`,
  vendor: "trepctl heartbeat -name NAME",
  on: eachWriter,
  run: [
    {
      when: "it is due",
      effect: ({ node, site }, run, attempt) => ({
        begin: {
          argv: heartbeat("cluster", site.dataservice, proofHeartbeat(run, attempt)),
          deadlineSeconds: 60,
          repeat: "safe",
          prechecks: [{ argv: ["writable", "yes"] }],
        },
        on: node,
      }),
    },
  ],
  done: (target, look) =>
    look.attempt < beats
      ? pending(`${look.attempt} of ${beats} heartbeats of ${target.site.name} are sent`)
      : every(appliersOf(target, look.run).map((node) => arrivedAt(target, node, look))),
  settleSeconds: everySeconds,
  tries: beats,
  stallSeconds: beats * everySeconds + 300,
  record: (target, look) =>
    Object.fromEntries(
      appliersOf(target, look.run).flatMap((node) => {
        const arrival = rowsAt(target, node, look)
          .map(knownValue)
          .find((known) => known?.name === proofHeartbeat(look.run, look.attempt));
        return arrival == null
          ? []
          : [
              [
                `path.${target.site.name}.${node}`,
                `${arrival.name} arrived at ${new Date(arrival.at * 1000).toISOString()} after ${arrival.lagMillis} ms`,
              ],
            ];
      }),
    ),
});

/** The procedure for one request's parameters. */
export function checkPaths(parameters: PathParameters): Procedure {
  const end = { step: "CheckPaths", part: 1 };
  return {
    name: "CheckPaths",
    revision: 1,
    source: "no page of the vendor's; the heartbeat that its own procedures end with",
    accepts: [compositeAsTold(), onePrimary, primaryWritable],
    holds: [primariesUnmoved],
    pins: (estate, facts) => pinsOfEstate(estate, facts),
    steps: [
      {
        n: 1,
        id: "CheckPaths",
        title: "Check every path",
        condition: "PathsProven",
        undo: "Nothing to undo: a heartbeat is no change of anybody's data.",
        parts: [paths(parameters)],
      },
    ],
    abortUntil: end,
    revert: [],
    revertUntil: end,
    interruptions: () => [],
    budgets: [],
  };
}
