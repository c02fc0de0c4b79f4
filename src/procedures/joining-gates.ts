/**
 * Gates of a site that joins others: nobody holds a position of a former site of its name, its copy stands at an event of
 * every other site's log, its own log is new, and it has caught up before clients come.
 */
import { siteNamed } from "../topology/estate.ts";
import { installed, thlEvent, thlRange, tracking } from "../tungsten/node-facts.ts";
import type { CommitRow, TrackingRows } from "../tungsten/reading.ts";
import { serviceOf, sourceOf, trackingSchema } from "./conversion-names.ts";
import { commitOf } from "./conversion-readers.ts";
import { incomingOnline, serviceStatus } from "./conversion-services.ts";
import { caughtUpSeconds } from "./out-of-service.ts";
import type { Judgement, Look, Target, Verdict } from "./procedure.ts";
import { pinnedPrimary } from "./scopes.ts";
import { broken, done, doneIf, every, knowing, knownValue, pending } from "./verdicts.ts";

const holdsNone = (rows: TrackingRows | "absent"): boolean =>
  rows === "absent" || rows.commits.every(({ seqno }) => seqno < 0);

/** The log of the site that joins begins anew: a position of a former one would lead past its first events. */
export const noPositionOf =
  (siteName: string): Judgement =>
  ({ node }, look) => {
    const schema = trackingSchema(siteNamed(look.run.estate, siteName));
    return knowing(look.facts.get(node.name, tracking(schema)), `${schema} of ${node.name}`, (rows) =>
      holdsNone(rows)
        ? done
        : broken(
            "PositionLeft",
            `${schema} of ${node.name} holds a position of a former site ${siteName}, whose log is not the one that begins now: reset what still reads it by the vendor's page, drop that schema on every node, or give the new site another name`,
          ),
    );
  };

const textOf = ({ seqno, epoch, eventId, sourceId }: CommitRow): string =>
  `${seqno} ${epoch} ${eventId} ${sourceId}`;
const standsKey = ({ id }: Target): string => `stands.${id}`;
const rowsOf = (target: Target, look: Look) =>
  look.facts.get(target.node.name, tracking(trackingSchema(sourceOf(target))));

/** Of a reader: the copy's position of its source is one event of the source's log, by seqno, epoch, event id and origin. */
export const copyStands: Judgement = (target, look) => {
  const source = sourceOf(target);
  const primary = pinnedPrimary(look.run, source);
  const schema = trackingSchema(source);
  const unproven = (why: string): Verdict =>
    broken(
      "CopyUnproven",
      `${why}: ${target.site.name} would miss rows of ${source.name}, or get them twice. Delete the TungstenCluster ${target.site.name} with its volumes and create it anew with spec.fillFrom`,
    );
  return knowing(rowsOf(target, look), `${schema} of ${target.node.name}`, (rows) => {
    const row = commitOf(rows);
    if (row === undefined || row.seqno < 0)
      return unproven(`${schema} of ${target.node.name} holds no position`);
    const event = look.facts.get(primary.name, thlEvent("cluster", source.dataservice, row.seqno));
    return knowing(event, `event ${row.seqno} of ${primary.name}`, ([header]) =>
      header?.eventId === row.eventId && header.sourceId === row.sourceId && header.epoch === row.epoch
        ? done
        : unproven(
            `${schema} of ${target.node.name} says ${row.seqno} (${row.eventId}), and ${primary.name} has ${header?.eventId ?? "no event"} there`,
          ),
    );
  });
};

/** What was proven, for the last look before the services begin. */
export function copyRecord(target: Target, look: Look): Record<string, string> {
  const row = commitOf(knownValue(rowsOf(target, look)));
  return row === undefined ? {} : { [standsKey(target)]: textOf(row) };
}

/** The position that was proven of this reader; before it is kept one that no row has, so that the script refuses. */
export const proven = (kept: Readonly<Record<string, string>>, target: Target): readonly [string, string] => {
  const [seqno = "-2", , eventId = "none"] = (kept[standsKey(target)] ?? "").split(" ");
  return [seqno === "" ? "-2" : seqno, eventId];
};

/** Every row of the node is known; all of them, or not all, are what was proven. */
export const rowsAsProven =
  (readers: (target: Target, look: Look) => readonly Target[], wanted: boolean): Judgement =>
  (target, look) => {
    const all = readers(target, look);
    return every([
      ...all.map((reader) => knowing(rowsOf(reader, look), `the row of ${reader.id}`, () => done)),
      doneIf(
        all.every((reader) => {
          const row = commitOf(knownValue(rowsOf(reader, look)));
          return row !== undefined && textOf(row) === look.run.kept[standsKey(reader)];
        }) === wanted,
        `rows of ${target.node.name} ${wanted ? "are not" : "are"} what was proven`,
      ),
    ]);
  };

/** Of the site that joins: its log holds nothing yet, or begins with its first event. */
export const ownLogNew: Judgement = (target, look) => {
  const { node, site } = target;
  const schema = trackingSchema(site);
  const old = (why: string): Verdict =>
    broken(
      "CopyUnproven",
      `${why}: the log of ${site.name} is not new, and the others would not read all of it`,
    );
  return knowing(
    look.facts.get(node.name, installed("cluster")),
    `the cluster product on ${node.name}`,
    (is) => {
      if (is === null)
        return knowing(look.facts.get(node.name, tracking(schema)), `${schema} of ${node.name}`, (rows) =>
          holdsNone(rows) ? done : old(`${schema} of ${node.name} holds a position`),
        );
      const range = look.facts.get(node.name, thlRange("cluster", site.dataservice));
      return knowing(range, `the log of ${node.name}`, ({ min }) =>
        min === null || min === 0 ? done : old(`the log of ${node.name} begins at ${min}`),
      );
    },
  );
};

/** Clients write on: what was written in the moment between two answers does not count. */
const nearly = 100;

/** Of a reader at the site that joins: ONLINE, and not further behind its source than a replica may be that is let back. */
export const caughtUpWith: Judgement = (target, look) => {
  const source = sourceOf(target);
  const primary = pinnedPrimary(look.run, source);
  const range = look.facts.get(primary.name, thlRange("cluster", source.dataservice));
  const service = serviceOf("cluster", target.site, source);
  const status = serviceStatus("cluster", service, target, look);
  if (typeof status === "string") return pending(status);
  const behind = status.appliedLatencySeconds;
  return every([
    incomingOnline("cluster")(target, look),
    doneIf(
      behind !== null && behind <= caughtUpSeconds,
      `${service} on ${target.node.name} is ${behind ?? "an unknown number of"} seconds behind`,
    ),
    knowing(range, `the log of ${primary.name}`, ({ max }) =>
      knowing(rowsOf(target, look), `the row of ${target.id}`, (rows) => {
        const at = commitOf(rows)?.seqno ?? -1;
        return doneIf(
          at >= (max ?? -1) - nearly,
          `${target.node.name} stands at ${at} of ${max ?? "nothing"} of ${source.name}`,
        );
      }),
    ),
  ]);
};
