/** Judgements of a reset about data: what was copied away, where the donor stood, what a copy is worth. */

import type { Node, Site } from "../topology/estate.ts";
import type { Product } from "../tungsten/invocation.ts";
import { backup, clusterView, keptFiles, thlEvent, thlRange, tracking } from "../tungsten/node-facts.ts";
import { sourceOf, trackingSchema } from "./conversion-names.ts";
import { commitOf, wordOf } from "./conversion-readers.ts";
import { serviceStatus } from "./conversion-services.ts";
import { endedWell } from "./guards.ts";
import type { Judgement, Look, Target, Verdict } from "./procedure.ts";
import {
  copyFile,
  crossing,
  keptBy,
  type ResetScopes,
  readingService,
  snapshotName,
  snapshotSha,
} from "./reset-scopes.ts";
import { databaseIs, datasourceNotShunned, processStopped } from "./reset-states.ts";
import { pinnedPrimary } from "./scopes.ts";
import { broken, done, doneIf, every, knowing, knownValue, pending } from "./verdicts.ts";

export const donorsDatabaseRuns =
  (scopes: ResetScopes): Judgement =>
  (_target, look) =>
    every(scopes.donor(look.run).map((donor) => databaseIs("running")(donor, look)));

/** While it is copied nothing runs on the donor, with the second product where there is one, and no database here. */
export const bothRest =
  (scopes: ResetScopes): Judgement =>
  (target, look) =>
    every([
      databaseIs("stopped")(target, look),
      ...scopes
        .donor(look.run)
        .flatMap((donor) => [
          databaseIs("stopped")(donor, look),
          processStopped("cluster")(donor, look),
          ...(scopes.second ? [processStopped("crossSite")(donor, look)] : []),
        ]),
    ]);

/** The donor has applied all that its primary's log holds. */
export const donorCaughtUp: Judgement = (target, look) => {
  const primary = pinnedPrimary(look.run, target.site);
  const range = look.facts.get(primary.name, thlRange("cluster", target.site.dataservice));
  const rows = look.facts.get(target.node.name, tracking(trackingSchema(target.site)));
  return knowing(range, `the log of ${primary.name}`, ({ max }) =>
    knowing(rows, `the row of ${target.node.name}`, (known) => {
      const row = commitOf(known);
      return doneIf(
        row !== undefined && row.seqno >= (max ?? -1) - nearly,
        `${target.node.name} stands at ${row?.seqno ?? "nothing"} of ${max ?? "nothing"}`,
      );
    }),
  );
};

/** Clients write on: what was written in the moment between two answers does not count. */
const nearly = 100;

const isWhole = (sha256: string): boolean => /^[0-9a-f]{64}$/.test(sha256);

export const snapshotTaken: Judgement = (target, look) =>
  knowing(
    look.facts.get(target.node.name, backup(snapshotName(look.run, target.node))),
    `the snapshot of ${target.node.name}`,
    (taken) =>
      doneIf(
        taken?.verified === true && isWhole(taken.sha256),
        taken === null
          ? `no snapshot of ${target.node.name} yet`
          : `the snapshot of ${target.node.name} is not what was recorded when it was taken`,
      ),
  );

export function snapshotRecord(target: Target, look: Look): Record<string, string> {
  const taken = knownValue(look.facts.get(target.node.name, backup(snapshotName(look.run, target.node))));
  if (taken === undefined || taken === null) return {};
  const where = `${target.node.name}:/backups/${snapshotName(look.run, target.node)}`;
  return { [keptBy.snapshot(target.node.name)]: `${where} ${taken.sha256}` };
}

/** Every snapshot of the failed site is still what was recorded. Asked before each step that destroys. */
export const snapshotsHeld =
  (scopes: ResetScopes): Judgement =>
  (_target, look) =>
    every(
      scopes
        .inFailed(look.run)
        .map((target) =>
          knowing(
            look.facts.get(target.node.name, backup(snapshotName(look.run, target.node))),
            `the snapshot of ${target.node.name}`,
            (taken) =>
              doneIf(
                taken?.verified === true && taken.sha256 === snapshotSha(look.run, target.node),
                `the snapshot of ${target.node.name} has changed or gone`,
              ),
          ),
        ),
    );

/** The position is gone from tables and log: the service would begin at 0. */
const positionGone = (product: Product, service: string, schema: string, node: Node, look: Look): Verdict =>
  every([
    knowing(look.facts.get(node.name, tracking(schema)), `${schema} of ${node.name}`, (rows) =>
      doneIf(
        rows === "absent" || rows.commits.every(({ seqno }) => seqno < 0),
        `${schema} of ${node.name} still holds a position`,
      ),
    ),
    knowing(look.facts.get(node.name, thlRange(product, service)), `the log of ${service}`, ({ max }) =>
      doneIf(max === null, `the log of ${service} on ${node.name} holds events`),
    ),
  ]);

export const readingReset: Judgement = (target, look) =>
  positionGone(
    crossing(look.run),
    readingService(look.run, target),
    trackingSchema(sourceOf(target)),
    target.node,
    look,
  );

export const localReset: Judgement = (target, look) =>
  positionGone("cluster", target.site.dataservice, trackingSchema(target.site), target.node, look);

export const oldLogGone: Judgement = (target, look) =>
  knowing(
    look.facts.get(target.node.name, thlRange(crossing(look.run), readingService(look.run, target))),
    `the log of ${target.id}`,
    ({ max }) => doneIf(max === null, `the log of ${target.id} still holds events of before`),
  );

/** Where the donor stands in each other site's log, read while it rests: the copy must stand there too. */
export const donorRowKnown: Judgement = (target, look) =>
  knowing(
    look.facts.get(target.node.name, tracking(trackingSchema(sourceOf(target)))),
    `the row of ${target.id}`,
    (rows) => doneIf(commitOf(rows) !== undefined, `${target.id} has no single commit row`),
  );

const rowText = (rows: Parameters<typeof commitOf>[0]): string | undefined => {
  const row = commitOf(rows);
  return row && `${row.seqno} ${row.epoch} ${row.eventId}`;
};

/** Made whole by this run, and from what: only such a node of the failed site may give its data to others. */
export const copyRecord = (target: Target, look: Look): Record<string, string> => ({
  [keptBy.made(target.node.name)]: copyFile(look.run, target.node),
});

/** The same where the vendor's tool made it. */
export const madeBy =
  (scopes: ResetScopes) =>
  (target: Target, look: Look): Record<string, string> => ({
    [keptBy.made(target.node.name)]: `from ${scopes.donorNode(look.run).name}`,
  });

export function donorRecord(target: Target, look: Look): Record<string, string> {
  const text = rowText(
    knownValue(look.facts.get(target.node.name, tracking(trackingSchema(sourceOf(target))))),
  );
  return text === undefined ? {} : { [keptBy.donorRow(sourceOf(target).name)]: text };
}

export const dataCopied: Judgement = (target, look) =>
  knowing(look.facts.get(target.node.name, keptFiles), `kept files of ${target.node.name}`, (files) =>
    doneIf(files.has(copyFile(look.run, target.node)), `the data are not copied to ${target.node.name} yet`),
  );

/** The copy's row of every source is the donor's at the moment of copying (invariant 31). */
export const rowsAsDonors =
  (scopes: ResetScopes): Judgement =>
  (target, look) =>
    every(
      Object.entries(look.run.kept)
        .filter(([key]) => key.startsWith("donor."))
        .map(([key, wanted]) => {
          const site = look.run.estate.sites.find(({ name }) => keptBy.donorRow(name) === key);
          if (site === undefined || site.name === scopes.failed(look.run.estate).name) return done;
          const schema = trackingSchema(site);
          return knowing(
            look.facts.get(target.node.name, tracking(schema)),
            `${schema} of ${target.node.name}`,
            (rows) =>
              rowText(rows) === wanted
                ? done
                : broken(
                    "CopyUnproven",
                    `${schema} of ${target.node.name} says ${rowText(rows) ?? "nothing"}, the donor's said ${wanted} when it was copied`,
                  ),
          );
        }),
    );

/** Follows the new log of the failed site's primary: its row is an event there, and other sites' rows are the primary's. */
export const provisioned =
  (scopes: ResetScopes): Judgement =>
  (target, look) => {
    const { site, node } = target;
    const primary = scopes.failedPrimaryNode(look.run);
    const others = scopes.healthySites(look.run);
    const status = serviceStatus("cluster", site.dataservice, target, look);
    const row = commitOf(knownValue(look.facts.get(node.name, tracking(trackingSchema(site)))));
    const event =
      row === undefined
        ? undefined
        : look.facts.get(primary.name, thlEvent("cluster", site.dataservice, row.seqno));
    const asPrimary = (other: Site): Verdict => {
      const [mine, theirs] = [node, primary].map((each) =>
        look.facts.get(each.name, tracking(trackingSchema(other))),
      );
      const text = mine && rowText(knownValue(mine));
      return doneIf(
        text !== undefined && theirs !== undefined && text === rowText(knownValue(theirs)),
        `the row of ${other.name} on ${node.name} is not that of ${primary.name} yet`,
      );
    };
    // In a composite a restart of the primary brings all its services back: it may have gone on since it was copied.
    const equal = scopes.second ? others.map(asPrimary) : [standsInOthers(scopes)(target, look)];
    if (row === undefined || event === undefined)
      return every([pending(`${node.name} has no row of its own site yet`), ...equal]);
    return every([
      ...equal,
      typeof status === "string"
        ? pending(status)
        : doneIf(status.state === "ONLINE", `${site.dataservice} on ${node.name} is ${wordOf(status)}`),
      knowing(event, `event ${row.seqno} of ${primary.name}`, ([header]) =>
        doneIf(
          header?.eventId === row.eventId && header.sourceId === row.sourceId,
          `${node.name} stands at ${row.seqno} (${row.eventId}), which is no event of the new log`,
        ),
      ),
    ]);
  };

/** In the failed primary's view a replica is no longer SHUNNED. */
export const takenBackIn =
  (scopes: ResetScopes): Judgement =>
  (target, look) =>
    knowing(
      look.facts.get(scopes.failedPrimaryNode(look.run).name, clusterView),
      "cctrl of the failed primary",
      ({ datasources }) => {
        const own = datasources.find(({ name }) => name === target.node.name);
        return doneIf(
          own !== undefined && !own.state.startsWith("SHUNNED"),
          `datasource ${target.node.name} is ${own?.state ?? "not listed"}`,
        );
      },
    );

/**
 * tprovision ended well, and took the datasource back, which is its last act. That alone proves nothing: a human may have
 * recovered it beside a tool that failed.
 */
export const primaryProvisioned: Judgement = (target, look) =>
  every([endedWell("the provision")(target, look), datasourceNotShunned(target, look)]);

/** In each other site's log the copy stands at an event that is there; what a difference means is the caller's. */
export const standsInOthers =
  (scopes: ResetScopes, otherwise: (why: string) => Verdict = pending): Judgement =>
  ({ node }, look) =>
    every(
      scopes.healthySites(look.run).map((source) => {
        const schema = trackingSchema(source);
        return knowing(look.facts.get(node.name, tracking(schema)), `${schema} of ${node.name}`, (rows) => {
          const row = commitOf(rows);
          if (row === undefined) return otherwise(`${schema} of ${node.name} holds no position`);
          const primary = pinnedPrimary(look.run, source);
          const event = look.facts.get(primary.name, thlEvent("cluster", source.dataservice, row.seqno));
          return knowing(event, `event ${row.seqno} of ${primary.name}`, ([header]) =>
            header?.eventId === row.eventId && header.sourceId === row.sourceId
              ? done
              : otherwise(
                  `${schema} of ${node.name} says ${row.seqno} (${row.eventId}), and ${primary.name} has ${header?.eventId ?? "no event"} there`,
                ),
          );
        });
      }),
    );

const unproven = (why: string): Verdict => broken("CopyUnproven", why);

/** The copy is worth what it should be, or the run halts; its own log begins with the first event (invariant 31). */
export const copyStands =
  (scopes: ResetScopes): Judgement =>
  (target, look) => {
    const { site, node } = target;
    const range = look.facts.get(node.name, thlRange("cluster", site.dataservice));
    return every([
      standsInOthers(scopes, unproven)(target, look),
      knowing(range, `the log of ${node.name}`, ({ min }) =>
        min === null || min === 0
          ? doneIf(min === 0, `the new log of ${node.name} holds no event yet`)
          : unproven(`the new log of ${node.name} begins at ${min}: it is not new`),
      ),
    ]);
  };

/** The same of a replica, which the failed primary's managers have taken back. Whether it is what it should be is asked after it. */
export const provisionEnded =
  (scopes: ResetScopes): Judgement =>
  (target, look) =>
    every([endedWell("the provision")(target, look), takenBackIn(scopes)(target, look)]);
