/** The ways that are left of an estate, proven by a fresh heartbeat of each source on every node that reads it. */
import { tracking } from "../tungsten/node-facts.ts";
import { heartbeat } from "../tungsten/trepctl.ts";
import { trackingSchema } from "./conversion-names.ts";
import type { Judgement, Part } from "./procedure.ts";
import { eachPrimary } from "./scopes.ts";
import { check, safely } from "./site-commands.ts";
import { of, type Scope } from "./site-parts.ts";
import { doneIf, every, knowing } from "./verdicts.ts";

export type Paths = {
  readonly readers: Scope;
  /** Sites that are read. */
  readonly sources: readonly string[];
  /** What makes the heartbeats' names unique to this turn of the walk. */
  readonly beat: string;
};

const prefixIn = ({ beat }: Paths): string => `tu-${beat}-v`;

const arrived =
  (paths: Paths): Judgement =>
  ({ site }, look) =>
    every(
      paths
        .readers(look.run)
        .filter(({ source }) => source?.name === site.name)
        .map(({ node }) =>
          knowing(
            look.facts.get(node.name, tracking(trackingSchema(site))),
            `the heartbeat row of ${node.name}`,
            (rows) =>
              doneIf(
                rows !== "absent" && rows.heartbeat?.name?.startsWith(prefixIn(paths)) === true,
                `no heartbeat of ${site.name} has arrived at ${node.name} yet`,
              ),
          ),
        ),
    );

export const provePaths = (paths: Paths): Part => ({
  what: "a fresh heartbeat of each source that is left arrives on every node that reads it",
  on: of(eachPrimary, ({ site }) => paths.sources.includes(site.name)),
  run: [
    {
      when: "none has arrived everywhere",
      effect: ({ node, site }, run, attempt) =>
        safely(node, heartbeat("cluster", site.dataservice, `${prefixIn(paths)}${run.round}-${attempt}`), {
          prechecks: [check("writable", "yes")],
        }),
    },
  ],
  done: arrived(paths),
  settleSeconds: 30,
  tries: 20,
});
