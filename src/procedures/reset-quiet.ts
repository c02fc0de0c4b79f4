/** Judgements of ResetAllSites: that nothing is written or under way anywhere, looked at twice, and that nobody differs. */
import { dataNodes, type Node, type Site, siteOf } from "../topology/estate.ts";
import { binlogPosition, nodeClock, thlRange, tracking } from "../tungsten/node-facts.ts";
import { trackingSchema } from "./conversion-names.ts";
import { commitOf } from "./conversion-readers.ts";
import type { Judgement, Look, Run, Target, Verdict } from "./procedure.ts";
import { lastPrefix } from "./reset-scopes.ts";
import { broken, done, doneIf, every, knowing, knownValue, pending, redo } from "./verdicts.ts";

/** Every data node with every site of the estate, its own among them. */
export const everyPosition = (run: Run): readonly Target[] =>
  dataNodes(run.estate).flatMap((node) =>
    run.estate.sites.map((source) => ({
      id: `${node.name}.${source.name}`,
      node,
      site: siteOf(run.estate, node),
      source,
    })),
  );

const primaryOf = (run: Run, site: Site): string => run.pins.primaries[site.name] ?? "";

/** A primary has written our heartbeat behind its last write. */
export const lastWritten: Judgement = (target, look) =>
  knowing(
    look.facts.get(target.node.name, tracking(trackingSchema(target.site))),
    `the heartbeat row of ${target.node.name}`,
    (rows) =>
      doneIf(
        rows !== "absent" && rows.heartbeat?.name?.startsWith(lastPrefix(look.run)) === true,
        `no heartbeat of this round is written at ${target.node.name} yet`,
      ),
  );

/** On this node everything that a site has written is applied: its row is the end of that site's log. */
export const standsAtEnd: Judgement = (target, look) => {
  const { node, source } = target;
  if (source === undefined) return done;
  const primary = primaryOf(look.run, source);
  const rows = look.facts.get(node.name, tracking(trackingSchema(source)));
  const range = look.facts.get(primary, thlRange("cluster", source.dataservice));
  return knowing(rows, `the row of ${target.id}`, (known) =>
    knowing(range, `the log of ${primary}`, ({ max }) => {
      const row = commitOf(known);
      const named = known !== "absent" && known.heartbeat?.name?.startsWith(lastPrefix(look.run)) === true;
      if (row === undefined || max === null) return pending(`${target.id} has no single commit row`);
      return doneIf(
        row.seqno === max && named,
        `${target.id} stands at ${row.seqno}, ${primary}'s log ends at ${max}${named ? "" : ", and our heartbeat has not arrived"}`,
      );
    }),
  );
};

/** Where it stands, as one word list: row, and at the primary also the end of its binary log. */
function standing(target: Target, look: Look): string | undefined {
  const { node, source } = target;
  if (source === undefined) return undefined;
  const row = commitOf(knownValue(look.facts.get(node.name, tracking(trackingSchema(source)))));
  if (row === undefined) return undefined;
  const text = `${row.seqno} ${row.eventId}`;
  if (node.name !== primaryOf(look.run, source)) return text;
  const at = knownValue(look.facts.get(node.name, binlogPosition));
  return at && `${text} ${at.file}:${at.position}`;
}

const clock = (node: Node, look: Look): number | undefined =>
  knownValue(look.facts.get(node.name, nodeClock));

/** The first look: everything can be read, and stands at its end. */
export const firstLook: Judgement = (target, look) =>
  every([
    standsAtEnd(target, look),
    doneIf(
      standing(target, look) !== undefined && clock(target.node, look) !== undefined,
      `where ${target.id} stands cannot be read`,
    ),
  ]);

export function firstRecord(target: Target, look: Look): Record<string, string> {
  const [at, stands] = [clock(target.node, look), standing(target, look)];
  return at === undefined || stands === undefined
    ? {}
    : {
        [`quiet.${target.id}`]: stands,
        [`row.${target.id}`]: rowOnly(stands),
        [`at.${target.id}`]: String(at),
      };
}
const rowOnly = (text: string): string => text.split(" ").slice(0, 2).join(" ");

/** Between the two looks lies so much time, by the node's own clock. */
const apartMs = 10_000;

/** The second look finds what the first found. What moved sends the step round again. */
export const secondLook: Judgement = (target, look) => {
  const now = clock(target.node, look);
  const stands = standing(target, look);
  const since = Number(look.run.kept[`at.${target.id}`]);
  if (now === undefined || stands === undefined) return pending(`where ${target.id} stands cannot be read`);
  if (now - since < apartMs) return pending("waits a while before it looks a second time");
  return asFirst(target, look, (why) => redo(why), stands);
};

/** With everything offline it is still the same; what is different now was written past us. */
export const stillTheSame: Judgement = (target, look) => {
  const stands = standing(target, look);
  if (stands === undefined) return pending(`where ${target.id} stands cannot be read`);
  return asFirst(
    target,
    look,
    (why) =>
      broken("EventsOnlyThere", `${why}; abort, find out who writes past the connectors, and ask again`),
    stands,
  );
};

/** The same of the whole estate, asked directly before the first reset: a run may have stood still since it was looked at. */
export const everythingTheSame: Judgement = (_target, look) =>
  every(everyPosition(look.run).map((each) => stillTheSame(each, look)));

function asFirst(target: Target, look: Look, otherwise: (why: string) => Verdict, stands: string): Verdict {
  const kept = look.run.kept[`quiet.${target.id}`];
  return stands === kept
    ? done
    : otherwise(
        `${target.id} stood at ${kept}, and stands at ${stands}: something is still written or under way`,
      );
}
