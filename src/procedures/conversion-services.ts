/** Judgements about the services of a node and the remedies of their errors: gates 7 to 9 of the rehearsed conversion. */

import type { Node } from "../topology/estate.ts";
import type { Product } from "../tungsten/invocation.ts";
import {
  clusterView,
  replicatorProcess,
  services,
  thlEvent,
  thlRange,
  tracking,
} from "../tungsten/node-facts.ts";
import type { ReplicatorStatus } from "../tungsten/reading.ts";
import { classifyError } from "../tungsten/replicator-errors.ts";
import { positionKept, serviceOf, sourceOf, trackingSchema } from "./conversion-names.ts";
import { commitOf, errorWords, wordOf } from "./conversion-readers.ts";
import type { Guard, Judgement, Look, Target, Verdict } from "./procedure.ts";
import { eachReader, isThere, nodesThere, pinnedPrimary } from "./scopes.ts";
import { broken, done, doneIf, every, knowing, knownValue, pending, redo } from "./verdicts.ts";

/** The cluster replicator runs and its local service is ONLINE. */
export const localServiceOnline: Judgement = (target, look) => {
  const status = serviceStatus("cluster", target.site.dataservice, target, look);
  return typeof status === "string"
    ? pending(status)
    : doneIf(
        status.state === "ONLINE",
        `${target.site.dataservice} on ${target.node.name} is ${wordOf(status)}`,
      );
};

/** It is OFFLINE and stays so: not on its way online, and no recovery of the replicator's own is due. */
export const localServiceOffline: Judgement = (target, look) => {
  const status = serviceStatus("cluster", target.site.dataservice, target, look);
  if (typeof status === "string") return pending(status);
  const offline = wordOf(status).startsWith("OFFLINE") && status.transitioningTo === null;
  return doneIf(offline, `${target.site.dataservice} on ${target.node.name} is ${wordOf(status)}`);
};

/** Every service of a node, as one verdict; one that is known to be offline calls for its remedy again. */
const nodeOnline = (node: Node, look: Look): Verdict =>
  knowing(look.facts.get(node.name, services("cluster")), `the services of ${node.name}`, (all) => {
    if (all === "down") return pending(`the replicator of ${node.name} does not answer`);
    const off = all.find(({ state }) => state !== "ONLINE");
    if (off === undefined) return doneIf(all.length > 0, `${node.name} has no service`);
    const why = `${off.service} on ${node.name} is ${wordOf(off)}`;
    return wordOf(off).startsWith("OFFLINE") ? redo(why) : pending(why);
  });

/** Every service on every node of the site is ONLINE. */
export const siteOnline: Judgement = ({ site }, look) =>
  every(nodesThere(look.run, site).map((node) => nodeOnline(node, look)));

/**
 * The same on the way back, but for nodes the managers have SHUNNED, as a failover does with the old primary: such a
 * node waits for a human's `recover`, and AUTOMATIC does not touch it.
 */
export const siteOnlineButShunned: Judgement = ({ site }, look) => {
  // Only managers under AUTOMATIC can give it another primary; until then its services wait for one.
  if (!isThere(look.run, pinnedPrimary(look.run, site))) return done;
  const nodes = nodesThere(look.run, site);
  const views = nodes.map((node) => look.facts.get(node.name, clusterView));
  const shunned = new Set(
    views
      .flatMap((view) => ("known" in view ? view.known.datasources : []))
      .filter(({ state }) => typeof state === "string" && state.startsWith("SHUNNED"))
      .map(({ name }) => name),
  );
  const verdicts = nodes.map((node) => ({ node, verdict: nodeOnline(node, look) }));
  return every(verdicts.filter(({ node }) => !shunned.has(node.name)).map(({ verdict }) => verdict));
};

/** Before everything is ONLINE no manager may act again. */
export const nothingOffline = (online: Judgement): Guard => ({
  say: "every service on every node of the site is ONLINE",
  objects: (target, look) => {
    const verdict = online(target, look);
    return "why" in verdict ? verdict.why : undefined;
  },
});

export const processStopped =
  (product: Product): Judgement =>
  (target, look) =>
    knowing(
      look.facts.get(target.node.name, replicatorProcess(product)),
      `the ${product} replicator of ${target.node.name}`,
      (state) =>
        doneIf(state === "stopped", `it is ${typeof state === "string" ? state : state.unrecognised}`),
    );
export const processRuns =
  (product: Product): Judgement =>
  (target, look) =>
    knowing(
      look.facts.get(target.node.name, replicatorProcess(product)),
      `the ${product} replicator of ${target.node.name}`,
      (state) => doneIf(state === "running", `the ${product} replicator of ${target.node.name} does not run`),
    );

export function serviceStatus(
  product: Product,
  service: string,
  target: Target,
  look: Look,
): ReplicatorStatus | string {
  const fact = look.facts.get(target.node.name, services(product));
  if ("unknown" in fact) return `the services of ${target.node.name} cannot be read: ${fact.unknown}`;
  if (fact.known === "down") return `the ${product} replicator of ${target.node.name} does not answer`;
  return (
    fact.known.find((status) => status.service === service) ?? `${target.node.name} has no service ${service}`
  );
}

const incoming = (product: Product, target: Target): string =>
  serviceOf(product, target.site, sourceOf(target));

/** ONLINE without an error and without a leftover offline request. */
export const incomingOnline =
  (product: Product): Judgement =>
  (target, look) => {
    const service = incoming(product, target);
    const status = serviceStatus(product, service, target, look);
    if (typeof status === "string") return pending(status);
    const fine =
      status.state === "ONLINE" && status.pendingError === null && status.offlineRequests.length === 0;
    return doneIf(fine, `${service} on ${target.node.name} is ${wordOf(status)}${errorWords(status)}`);
  };

/** The service is ONLINE and its own log holds an event: only then may a replica read from it (gate 8). */
export const incomingLogBegun =
  (product: Product): Judgement =>
  (target, look) => {
    const service = incoming(product, target);
    const range = look.facts.get(target.node.name, thlRange(product, service));
    return every([
      remedied(product)(target, look),
      incomingOnline(product)(target, look),
      knowing(range, `the log of ${service}`, ({ max }) =>
        doneIf(max !== null, `the log of ${service} on ${target.node.name} holds no event yet`),
      ),
    ]);
  };

export const incomingIs =
  (product: Product, state: "OFFLINE:NORMAL" | "ONLINE"): Judgement =>
  (target, look) => {
    const status = serviceStatus(product, incoming(product, target), target, look);
    return typeof status === "string"
      ? pending(status)
      : doneIf(status.state === state, `it is ${wordOf(status)}`);
  };

/** ONLINE but with an offline request still armed: an aborted run's. */
export const incomingStillArmed =
  (product: Product): Judgement =>
  (target, look) => {
    const status = serviceStatus(product, incoming(product, target), target, look);
    return typeof status === "string"
      ? pending(status)
      : doneIf(status.state === "ONLINE" && status.offlineRequests.length > 0, "no request is armed");
  };

/** The source's primary does not serve: its own service is offline, and under MAINTENANCE no manager brings it back. */
export const sourceOffline: Judgement = (target, look) => {
  const source = sourceOf(target);
  const node = pinnedPrimary(look.run, source);
  const status = serviceStatus("cluster", source.dataservice, { id: node.name, node, site: source }, look);
  if (typeof status === "string") return pending(status);
  const off =
    status.state === "OFFLINE:NORMAL" ||
    (status.state === "OFFLINE:ERROR" && status.transitioningTo === null);
  return doneIf(off, `${source.dataservice} on ${node.name} is ${wordOf(status)}`);
};

/** An error that a plain `online` may mend: anything whose text is known and is not the epoch mismatch. */
export const errorNeedsPlainOnline =
  (product: Product): Judgement =>
  (target, look) => {
    const status = serviceStatus(product, incoming(product, target), target, look);
    if (typeof status === "string") return pending(status);
    const kind = classifyError(status)?.kind;
    return doneIf(
      status.state === "OFFLINE:ERROR" && kind !== undefined && kind !== "epoch-mismatch",
      `it is ${wordOf(status)}${errorWords(status)}`,
    );
  };

/** The epoch text, and proof at the source that the event we stopped at is the same one there: only then force. */
export const epochOnlyDiffers =
  (product: Product): Judgement =>
  (target, look) => {
    const status = serviceStatus(product, incoming(product, target), target, look);
    if (typeof status === "string") return pending(status);
    if (status.state !== "OFFLINE:ERROR" || classifyError(status)?.kind !== "epoch-mismatch")
      return pending("no epoch mismatch");
    return sourceEventEqual(target, look);
  };

function sourceEventEqual(target: Target, look: Look): Verdict {
  const row = commitOf(
    knownValue(look.facts.get(target.node.name, tracking(trackingSchema(sourceOf(target))))),
  );
  if (row === undefined) return pending(`the commit row of ${target.id} cannot be read`);
  const source = sourceOf(target);
  const event = look.facts.get(
    pinnedPrimary(look.run, source).name,
    thlEvent("cluster", source.dataservice, row.seqno),
  );
  return knowing(event, `event ${row.seqno} at ${source.name}`, ([header]) =>
    header !== undefined && header.eventId === row.eventId && header.sourceId === row.sourceId
      ? done
      : broken(
          "EpochUnproven",
          `${target.id} stands at ${row.seqno} (${row.eventId}); ${source.name} ${header === undefined ? "has no such event" : `has ${header.eventId} there`}: forcing it online would lose rows`,
        ),
  );
}

/** Halts where no remedy is safe: an epoch mismatch over different events, or history the source no longer has. */
export const remedied =
  (product: Product): Judgement =>
  (target, look) => {
    const status = serviceStatus(product, incoming(product, target), target, look);
    if (typeof status === "string" || status.state !== "OFFLINE:ERROR") return done;
    const kind = classifyError(status)?.kind;
    if (kind === "epoch-mismatch") {
      const proof = sourceEventEqual(target, look);
      return proof.is === "broken" ? proof : done;
    }
    return kind === "does-not-contain" ? sourceStillHolds(target, look) : done;
  };

/**
 * The source's log still holds what this reader needs next: the event after its row, or after the kept position while it
 * has no row. Two nodes are never looked at at the same moment: a row that is ahead of the log tells that the log was seen
 * first, and no more.
 */
export const sourceStillHolds: Judgement = (target, look) => {
  const position = positionKept(look.run, target);
  if (position === undefined) return done;
  const source = sourceOf(target);
  const rows = look.facts.get(target.node.name, tracking(trackingSchema(source)));
  const range = look.facts.get(pinnedPrimary(look.run, source).name, thlRange("cluster", source.dataservice));
  const stands = Math.max(position.seqno, commitOf(knownValue(rows))?.seqno ?? -1);
  return knowing(range, `the log of ${source.name}`, ({ min, max }) => {
    const purged = broken(
      "HistoryPurged",
      `${source.name} holds events ${min ?? "none"} to ${max ?? "none"}; ${target.id} goes on from ${stands + 1}`,
    );
    if (min === null || max === null || max < position.seqno) return purged;
    // It may have come so far since that it needs less than its kept position says.
    if (min > stands + 1) return knowing(rows, `the row of ${target.id}`, () => purged);
    return doneIf(
      max >= stands,
      `${source.name} was seen to hold events up to ${max}, and ${target.id} to stand at ${stands}: one was seen before the other; looking again`,
    );
  });
};

/** The same for every reader: a human may ponder a halt for longer than a log is kept. */
export const historyHeld: Judgement = (_target, look) =>
  every(eachReader(look.run).map((reader) => sourceStillHolds(reader, look)));
