/** Judgements about uninstall, restore and the services that go on afterwards: gates 5 to 9 of the rehearsed conversion. */

import type { Product } from "../tungsten/invocation.ts";
import {
  binlogPosition,
  installed,
  keptDump,
  keptReadOnly,
  loggedTracking,
  readOnly,
  replicatorProcess,
  services,
  thlEvent,
  thlRange,
  tpmProcesses,
  tracking,
} from "../tungsten/node-facts.ts";
import type { ReplicatorStatus } from "../tungsten/reading.ts";
import { classifyError } from "../tungsten/replicator-errors.ts";
import {
  dumpKept,
  positionKept,
  readOnlyFile,
  serviceOf,
  sourceOf,
  trackingSchema,
} from "./conversion-names.ts";
import { commitOf, sameRow, wordOf } from "./conversion-readers.ts";
import type { Guard, Judgement, Look, Target, Verdict } from "./procedure.ts";
import { eachReader, pinnedPrimary } from "./scopes.ts";
import { broken, done, doneIf, every, knowing, knownValue, pending } from "./verdicts.ts";

export const noTpmAlive: Guard = {
  say: "no tpm runs on the node",
  objects: (target, look) => {
    const verdict = noTpm(target, look);
    return "why" in verdict ? verdict.why : undefined;
  },
};

export const noTpm: Judgement = (target, look) =>
  knowing(look.facts.get(target.node.name, tpmProcesses), `tpm processes of ${target.node.name}`, (alive) =>
    doneIf(alive.length === 0, `a tpm still runs on ${target.node.name}`),
  );

export const readOnlyWasKept: Judgement = (target, look) =>
  knowing(
    look.facts.get(target.node.name, keptReadOnly(readOnlyFile(look.run))),
    `kept read_only of ${target.node.name}`,
    () => done,
  );

const gone: Judgement = (target, look) =>
  every([
    knowing(
      look.facts.get(target.node.name, installed("crossSite")),
      `the second product on ${target.node.name}`,
      (product) => doneIf(product === null, `the second product is still installed on ${target.node.name}`),
    ),
    knowing(
      look.facts.get(target.node.name, replicatorProcess("crossSite")),
      `the second replicator on ${target.node.name}`,
      (state) =>
        doneIf(
          state === "absent" || state === "stopped",
          `the second replicator runs on ${target.node.name}`,
        ),
    ),
    noTpm(target, look),
  ]);

export const productGone = gone;
export const productPresent: Judgement = (target, look) =>
  knowing(
    look.facts.get(target.node.name, installed("crossSite")),
    `the second product on ${target.node.name}`,
    (product) => doneIf(product !== null, "it is gone"),
  );

export const readOnlyAsKept: Judgement = (target, look) =>
  knowing(look.facts.get(target.node.name, readOnly), `read_only of ${target.node.name}`, (now) =>
    knowing(
      look.facts.get(target.node.name, keptReadOnly(readOnlyFile(look.run))),
      `kept read_only of ${target.node.name}`,
      (before) =>
        doneIf(now === before, `read_only of ${target.node.name} is ${now ? 1 : 0}, was ${before ? 1 : 0}`),
    ),
  );

/** Gone, and read_only as it was: uninstall clears it on a replica and leaves it so. */
export const uninstalledAndReadOnlyBack: Judgement = (target, look) =>
  every([gone(target, look), readOnlyAsKept(target, look)]);

export const binlogPositionKnown: Judgement = (target, look) =>
  knowing(
    look.facts.get(target.node.name, binlogPosition),
    `the binary log of ${target.node.name}`,
    () => done,
  );

export function binlogRecord(target: Target, look: Look): Record<string, string> {
  const at = knownValue(look.facts.get(target.node.name, binlogPosition));
  return at === undefined ? {} : { [`binlog.${target.node.name}`]: `${at.file} ${at.position}` };
}

/** The row is the dump's, and the binary log between has nothing of it (gate 6). */
export const restoredUnlogged: Judgement = (target, look) =>
  every([rowsAsDumped(target, look), loggedNothing(target, look)]);

export const rowsAsDumped: Judgement = (target, look) => {
  const dump = dumpKept(look.run, target);
  if (dump === undefined) return broken("DumpUnverified", `${target.id} has no verified dump in the ledger`);
  const schema = trackingSchema(sourceOf(target));
  return knowing(look.facts.get(target.node.name, keptDump(dump.file)), `dump ${dump.file}`, (wanted) =>
    knowing(
      look.facts.get(target.node.name, tracking(schema)),
      `${schema} of ${target.node.name}`,
      (rows) => {
        const saved = commitOf(wanted.rows);
        const row = commitOf(rows);
        if (saved === undefined || row === undefined || rows === "absent")
          return pending(`${schema} of ${target.node.name} holds no single commit row`);
        const equal = sameRow(saved, row) && rows.heartbeat?.name === wanted.rows.heartbeat?.name;
        return doneIf(
          equal,
          `${schema} of ${target.node.name} stands at ${row.seqno}, dumped was ${saved.seqno}`,
        );
      },
    ),
  );
};

const loggedNothing: Judgement = (target, look) => {
  const [file, position] = (look.run.kept[`binlog.${target.node.name}`] ?? "").split(" ");
  if (file === undefined || position === undefined)
    return pending(`no binary log position was kept for ${target.node.name}`);
  return knowing(
    look.facts.get(target.node.name, loggedTracking(file, position)),
    `the binary log of ${target.node.name}`,
    (count) =>
      count === 0
        ? done
        : broken(
            "RowsNotRestored",
            `${count} writes to tracking schemas reached the binary log of ${target.node.name} since ${file}:${position}; they travel to its replicas`,
          ),
  );
};

/** The rows of every reader on this node are restored (gate 7): no install, no start before that. */
export const rowsRestored: Guard = {
  say: "the tracking rows of this node equal its dumps",
  objects: (target, look) => {
    const readers = eachReader(look.run).filter((reader) => reader.node.name === target.node.name);
    const verdict = every(readers.map((reader) => rowsAsDumped(reader, look)));
    return "why" in verdict ? verdict.why : undefined;
  },
};

/** The product runs from the wanted ini at the wanted release, with every service that ini asks for. */
export const productAsWanted =
  (product: Product, kind: string): Judgement =>
  (target, look) => {
    const { run, facts } = look;
    const wanted = look.run.estate.sites
      .filter((site) => site.name !== target.site.name)
      .map((source) => serviceOf(product, target.site, source));
    const release = run.pins.releases[target.site.name];
    return every([
      noTpm(target, look),
      knowing(
        facts.get(target.node.name, installed(product)),
        `the installation of ${target.node.name}`,
        (is) => {
          if (is === null) return pending(`${product} is not installed on ${target.node.name}`);
          const missing = wanted.filter((name) => !is.services.includes(name));
          if (missing.length > 0) return pending(`${target.node.name} lacks ${missing.join(", ")}`);
          if (is.release !== release)
            return pending(`${target.node.name} runs release ${is.release}, wanted is ${release}`);
          return doneIf(
            is.ini === run.pins.iniSha256[kind],
            `${target.node.name} was not configured from the wanted ini yet`,
          );
        },
      ),
    ]);
  };

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

/** The source's log still holds what this reader needs next. */
export const sourceStillHolds: Judgement = (target, look) => {
  const position = positionKept(look.run, target);
  if (position === undefined) return done;
  const source = sourceOf(target);
  const range = look.facts.get(pinnedPrimary(look.run, source).name, thlRange("cluster", source.dataservice));
  return knowing(range, `the log of ${source.name}`, ({ min, max }) =>
    min !== null && max !== null && min <= position.seqno + 1 && max >= position.seqno
      ? done
      : broken(
          "HistoryPurged",
          `${source.name} holds events ${min ?? "none"} to ${max ?? "none"}; ${target.id} goes on from ${position.seqno + 1}`,
        ),
  );
};

function errorWords(status: ReplicatorStatus): string {
  const kind = classifyError(status)?.kind;
  return kind === undefined ? "" : ` (${kind})`;
}
