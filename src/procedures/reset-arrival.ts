/** Judgements of a reset about the failed site's events: whether all of them have arrived, and where the others were left. */
import { tracking } from "../tungsten/node-facts.ts";
import { sourceOf, trackingSchema } from "./conversion-names.ts";
import { commitOf, wordOf } from "./conversion-readers.ts";
import { serviceStatus } from "./conversion-services.ts";
import type { Guard, Judgement, Look, Target } from "./procedure.ts";
import { crossing, lastPrefix, type ResetParameters, type ResetScopes } from "./reset-scopes.ts";
import { eventsInWords, gapsOf, standingsOf, standsInWords } from "./reset-standing.ts";
import { readingIs } from "./reset-states.ts";
import { broken, done, doneIf, every, knowing, knownValue, pending, redo } from "./verdicts.ts";

/** The failed primary's own service can still tell its last write. */
export const serves: Judgement = (target, look) => {
  const status = serviceStatus("cluster", target.site.dataservice, target, look);
  return typeof status === "string" ? pending(status) : doneIf(status.state === "ONLINE", wordOf(status));
};

/** Our heartbeat stands behind the last write; or the primary cannot send one, and a human knows what that means. */
export const lastSent =
  ({ failedSite, acknowledgedFindings }: ResetParameters): Judgement =>
  (target, look) => {
    const rows = look.facts.get(target.node.name, tracking(trackingSchema(target.site)));
    const status = serviceStatus("cluster", target.site.dataservice, target, look);
    const known = knownValue(rows);
    const name = known === undefined || known === "absent" ? undefined : known.heartbeat?.name;
    if (name?.startsWith(lastPrefix(look.run)) === true) return done;
    if (typeof status !== "string" && status.state === "ONLINE")
      return pending(`no heartbeat of this run is written at ${target.node.name} yet`);
    const id = `unextracted:${failedSite}`;
    if (acknowledgedFindings.includes(id)) return done;
    const word = typeof status === "string" ? status : `${failedSite} is ${wordOf(status)}`;
    return broken(
      "EventsOnlyThere",
      `what ${target.node.name} wrote last may never have left its binary log: ${word}; bring its service ONLINE, or, to lose it, add "${id}" to spec.resetSite.acknowledgedFindings`,
    );
  };

/** Gaps that no human has read, and what to say about them. */
function unreadGaps(
  { failedSite, acknowledgedFindings }: ResetParameters,
  look: Look,
  otherWay = `bring the services that read ${failedSite} on`,
) {
  const standings = standingsOf(look.run.estate, failedSite, crossing(look.run), look.facts);
  if (typeof standings === "string") return standings;
  const gaps = gapsOf(failedSite, standings).filter(({ id }) => !acknowledgedFindings.includes(id));
  const [gap] = gaps;
  if (gap === undefined) return { standings, say: undefined };
  const events = eventsInWords(look.run.estate, failedSite, gap.id, look.facts);
  const ids = gaps.map(({ id }) => `"${id}"`).join(" and ");
  const way = `${otherWay}, or, to go on without, add ${ids} to spec.resetSite.acknowledgedFindings`;
  return { standings, say: `${gap.text}${events}; ${way}` };
}

/** A service in error is asked to go on so often before a human is asked. */
const fewTries = 2;

/** Every healthy node has applied all there is; or what is missing stands under a human's word. */
export const allArrived =
  (parameters: ResetParameters): Judgement =>
  (target, look) => {
    const gaps = unreadGaps(parameters, look);
    if (typeof gaps === "string") return pending(gaps);
    if (gaps.say === undefined) return done;
    const { readers, tip, highest } = gaps.standings;
    const own = readers.find(({ node }) => node.name === target.node.name);
    if (own === undefined || own.row.seqno >= Math.max(tip, highest)) return done;
    const failed = typeof own.status !== "string" && own.status.state === "OFFLINE:ERROR";
    return failed && look.attempt >= fewTries
      ? broken("EventsOnlyThere", gaps.say)
      : pending(`${standsInWords(own)} of ${Math.max(tip, highest)}: ${gaps.say}`);
  };

/** The same with nothing moving any more; what arrived unevenly meanwhile is fetched in another round. */
export const restsAtOneEvent =
  (parameters: ResetParameters): Judgement =>
  (target, look) => {
    const offline = readingIs("OFFLINE:NORMAL")(target, look);
    const gaps = unreadGaps(parameters, look);
    if (typeof gaps === "string") return pending(gaps);
    if (offline.is !== "done") return offline;
    return gaps.say === undefined ? done : redo(gaps.say);
  };

/** Asked again before the position goes: nothing has arrived here since it was kept. */
export const nothingMoved: Guard = {
  say: "the node still stands where it was left",
  objects(target, look) {
    const rows = look.facts.get(target.node.name, tracking(trackingSchema(sourceOf(target))));
    if ("unknown" in rows) return `the row of ${target.id} cannot be read: ${rows.unknown}`;
    const row = commitOf(rows.known);
    const kept = look.run.kept[`row.${target.id}`];
    return row === undefined || `${row.seqno} ${row.eventId}` === kept
      ? undefined
      : `${target.id} stands at ${row.seqno}, left was ${kept}: something of the failed site has arrived since`;
  },
};

/** Behind our heartbeat nothing was written at the failed site, past its connectors, that its log holds and nobody else has. */
export const nothingWrittenSince =
  (parameters: ResetParameters): Judgement =>
  (_target, look) => {
    const gaps = unreadGaps(parameters, look, "abort, find out who writes there past the connectors");
    if (typeof gaps === "string") return pending(gaps);
    return gaps.say === undefined ? done : broken("EventsOnlyThere", gaps.say);
  };

/** Where each healthy node's row was left. */
export function rowRecord(target: Target, look: Look): Record<string, string> {
  const row = commitOf(
    knownValue(look.facts.get(target.node.name, tracking(trackingSchema(sourceOf(target))))),
  );
  return row === undefined ? {} : { [`row.${target.id}`]: `${row.seqno} ${row.eventId}` };
}

/** No healthy node has a position in the failed site's log: all will begin with the new one. */
export const readersBegin = (scopes: ResetScopes): Guard => ({
  say: "no healthy node holds a position of the failed site's former log",
  objects(_target, look) {
    const verdict = every(
      scopes
        .readersOfFailed(look.run)
        .map((reader) =>
          knowing(
            look.facts.get(reader.node.name, tracking(trackingSchema(sourceOf(reader)))),
            `the row of ${reader.id}`,
            (rows) =>
              doneIf(
                rows === "absent" || rows.commits.every(({ seqno }) => seqno < 0),
                `${reader.id} still holds a position`,
              ),
          ),
        ),
    );
    return "why" in verdict ? verdict.why : undefined;
  },
});
