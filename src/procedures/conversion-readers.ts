/** Judgements about cross-site services that are being stopped: the gates 1 to 4 of the rehearsed conversion. */

import {
  keptDump,
  keptFiles,
  keptPosition,
  replicatorProcess,
  services,
  thlLast,
  tracking,
} from "../tungsten/node-facts.ts";
import type { CommitRow, ReplicatorStatus, TrackingRows } from "../tungsten/reading.ts";
import { classifyError } from "../tungsten/replicator-errors.ts";
import {
  clearingPrefix,
  dumpFile,
  dumpKept,
  positionFile,
  positionKept,
  serviceOf,
  sourceOf,
  stopHeartbeat,
  trackingSchema,
} from "./conversion-names.ts";
import type { Guard, Judgement, Look, Target, Verdict } from "./procedure.ts";
import { eachReader } from "./scopes.ts";
import { done, doneIf, every, knowing, knownValue, pending, redo } from "./verdicts.ts";

/** The reader's cross-site service, or a sentence why it cannot be judged. */
export function statusOf(target: Target, look: Look): ReplicatorStatus | string {
  const fact = look.facts.get(target.node.name, services("crossSite"));
  if ("unknown" in fact) return `the services of ${target.node.name} cannot be read: ${fact.unknown}`;
  if (fact.known === "down") return `the cross-site replicator of ${target.node.name} does not run`;
  const name = serviceOf("crossSite", target.site, sourceOf(target));
  return (
    fact.known.find((status) => status.service === name) ??
    `${target.node.name} has no cross-site service ${name}`
  );
}

/** The tracking rows of a reader; undefined while they cannot be read. */
export function rowsOf(target: Target, look: Look): TrackingRows | "absent" | undefined {
  return knownValue(look.facts.get(target.node.name, tracking(trackingSchema(sourceOf(target)))));
}

const armedWords = (name: string): string => `Offline at heartbeat event: ${name}`;

/** ONLINE, without a pending error, and told to stop at our heartbeat. */
export const isArmed = (status: ReplicatorStatus, name: string): boolean =>
  status.state === "ONLINE" && status.offlineRequests.includes(armedWords(name));

/** The one commit row of a service with one channel; undefined for none or several. */
export const commitOf = (rows: TrackingRows | "absent" | undefined): CommitRow | undefined =>
  rows === undefined || rows === "absent" || rows.commits.length !== 1 ? undefined : rows.commits[0];

/** OFFLINE:NORMAL alone proves nothing: the heartbeat row must carry our name at the very seqno that was committed. */
export function stoppedAt(
  status: ReplicatorStatus,
  rows: TrackingRows | "absent" | undefined,
  name: string,
): boolean {
  return status.state === "OFFLINE:NORMAL" && rowsStandAt(rows, name);
}

function rowsStandAt(rows: TrackingRows | "absent" | undefined, name: string): boolean {
  const commit = commitOf(rows);
  if (commit === undefined || rows === "absent" || rows === undefined) return false;
  return rows.heartbeat?.name === name && rows.heartbeat.seqno === commit.seqno;
}

/** The process is known to be down: a container restarted while the replicator was held. */
const processIsDown = (target: Target, look: Look): boolean =>
  knownValue(look.facts.get(target.node.name, replicatorProcess("crossSite"))) === "stopped";

/** Stopped at our heartbeat, by state and rows; a process that is down cannot have moved on, so then the rows suffice. */
function hasStopped(target: Target, look: Look): boolean {
  const name = stopHeartbeat(look.run);
  const rows = rowsOf(target, look);
  const status = statusOf(target, look);
  if (processIsDown(target, look)) return rowsStandAt(rows, name);
  return typeof status !== "string" && stoppedAt(status, rows, name);
}

/** A heartbeat of this round has passed here, so that the tool's one name is nobody else's any more. */
export const cleared: Judgement = (target, look) => {
  const rows = rowsOf(target, look);
  const name = rows === undefined || rows === "absent" ? undefined : rows.heartbeat?.name;
  return doneIf(
    name?.startsWith(clearingPrefix(look.run)) === true,
    `${target.id} has not seen this round's heartbeat yet`,
  );
};

/** Step 2, arming: done when the request is seen, or when the service has already stopped there. */
export const armedOrStopped: Judgement = (target, look) => {
  const name = stopHeartbeat(look.run);
  const stopped = hasStopped(target, look);
  const status = statusOf(target, look);
  if (stopped) return done;
  if (typeof status === "string") return pending(status);
  if (isArmed(status, name)) return done;
  const remedy = classifyError(status)?.remedy;
  const way = remedy === undefined ? "" : `; what mends it: ${remedy}`;
  return pending(
    `${target.id} is ${wordOf(status)}${errorWords(status)} and not armed to stop at ${name}${way}`,
  );
};

/** What arming needs: a service that is ONLINE without error (armed in OFFLINE:ERROR it only looks finished). */
export const onlineWithoutError: Judgement = (target, look) => {
  const status = statusOf(target, look);
  if (typeof status === "string") return pending(status);
  const fine =
    status.state === "ONLINE" && status.pendingError === null && status.pendingExceptionMessage === null;
  return doneIf(fine, `${target.id} is ${wordOf(status)}, not ONLINE without error`);
};

export const offlineNormal: Judgement = (target, look) => {
  const status = statusOf(target, look);
  if (typeof status === "string") return pending(status);
  return doneIf(status.state === "OFFLINE:NORMAL", `${target.id} is ${wordOf(status)}`);
};

/** Every reader of every site is armed or has stopped there already: re-read directly before the heartbeat. */
export const allArmed: Guard = {
  say: "every cross-site service of every site is armed",
  objects: (_target, look) => {
    const verdict = every(eachReader(look.run).map((reader) => armedOrStopped(reader, look)));
    return verdict.is === "done" ? undefined : "why" in verdict ? verdict.why : "not armed";
  },
};

/** The heartbeat was sent: the primary's own heartbeat row names it, or a reader has received it. */
export const heartbeatSent: Judgement = (target, look) => {
  const name = stopHeartbeat(look.run);
  const own = knownValue(look.facts.get(target.node.name, tracking(trackingSchema(target.site))));
  const readers = eachReader(look.run).filter((reader) => sourceOf(reader).name === target.site.name);
  const names = [own, ...readers.map((reader) => rowsOf(reader, look))].map((rows) =>
    rows === undefined || rows === "absent" ? undefined : rows.heartbeat?.name,
  );
  const forgot = eachReader(look.run).find((reader) => forgotRequest(reader, look));
  if (names.includes(name)) return done;
  if (forgot !== undefined) return redo(`${forgot.id} is no longer armed: its replicator was restarted`);
  return pending(`heartbeat ${name} is not seen at ${target.site.name} yet`);
};

/** Known to be neither armed nor stopped: ONLINE without the request, or its process down short of the heartbeat. */
function forgotRequest(target: Target, look: Look): boolean {
  if (hasStopped(target, look)) return false;
  const status = statusOf(target, look);
  if (typeof status === "string") return processIsDown(target, look);
  return !isArmed(status, stopHeartbeat(look.run)) && status.state !== "GOING-ONLINE:SYNCHRONIZING";
}

/** The seqno of our heartbeat in a source's numbering, as any stopped reader of it knows it. */
function heartbeatSeqno(source: string, look: Look): number | undefined {
  const name = stopHeartbeat(look.run);
  for (const reader of eachReader(look.run).filter((other) => sourceOf(other).name === source)) {
    const rows = rowsOf(reader, look);
    if (
      rows !== undefined &&
      rows !== "absent" &&
      rows.heartbeat?.name === name &&
      rows.heartbeat.seqno !== null
    )
      return rows.heartbeat.seqno;
  }
  return undefined;
}

/** Gate 3 for one reader and its siblings of the same site. */
export const stoppedAtHeartbeat: Judgement = (target, look) => {
  const name = stopHeartbeat(look.run);
  const status = statusOf(target, look);
  const rows = rowsOf(target, look);
  const siblings = siblingsOf(target, look).map((reader) => commitOf(rowsOf(reader, look)));
  const stopped = hasStopped(target, look);
  const commit = commitOf(rows);
  if (commit === undefined) return pending(`${target.id} has no single commit row`);
  const stop = heartbeatSeqno(sourceOf(target).name, look);
  if (stop !== undefined && commit.seqno > stop)
    return redo(`${target.id} stands at ${commit.seqno}, behind the heartbeat's ${stop}`);
  if (!stopped)
    return pending(
      typeof status === "string"
        ? status
        : `${target.id} is ${wordOf(status)} at ${commit.seqno}, not stopped at ${name}`,
    );
  const differs = siblings.find((other) => other !== undefined && !sameRow(other, commit));
  return doneIf(differs === undefined, `${target.id} and its siblings do not stand at the same event yet`);
};

/** The service stopped short of the heartbeat, by hand or by an error that went: it can still be led there. */
export const stoppedShort: Judgement = (target, look) => {
  const status = statusOf(target, look);
  if (typeof status === "string") return pending(status);
  const name = stopHeartbeat(look.run);
  const givenUp = status.state === "OFFLINE:ERROR" && status.transitioningTo === null;
  const off = status.state === "OFFLINE:NORMAL" || givenUp;
  const short = off && !stoppedAt(status, rowsOf(target, look), name);
  return doneIf(short, `${target.id} is ${wordOf(status)}`);
};

/** Its process is down and its rows are short of the heartbeat. */
export const downShortOfHeartbeat: Judgement = (target, look) =>
  doneIf(
    processIsDown(target, look) && !hasStopped(target, look),
    "its process runs, or it has stopped at the heartbeat",
  );

export const processDown: Judgement = (target, look) =>
  doneIf(processIsDown(target, look), "its process runs");

/** ONLINE without the request: a replicator that was restarted forgot it. */
export const lostItsRequest: Judgement = (target, look) => {
  const status = statusOf(target, look);
  if (typeof status === "string") return pending(status);
  const lost = status.state === "ONLINE" && !isArmed(status, stopHeartbeat(look.run));
  return doneIf(lost, `${target.id} is ${wordOf(status)}`);
};

const siblingsOf = (target: Target, look: Look): readonly Target[] =>
  eachReader(look.run).filter(
    (other) =>
      other.node.site === target.node.site &&
      sourceOf(other).name === sourceOf(target).name &&
      other.id !== target.id,
  );

type Place = Pick<CommitRow, "seqno" | "epoch" | "eventId">;

export const sameRow = (a: Place, b: Place): boolean =>
  a.seqno === b.seqno && a.epoch === b.epoch && a.eventId === b.eventId;

/** Three agreeing ways: the kept file (dsctl), the row (SQL) and the last header of the service's own log. */
export const positionAgreed: Judgement = (target, look) => {
  const { facts, run } = look;
  const file = facts.get(target.node.name, keptPosition(positionFile(run, target)));
  const rows = rowsOf(target, look);
  const service = serviceOf("crossSite", target.site, sourceOf(target));
  const last = facts.get(target.node.name, thlLast("crossSite", service));
  return every([
    knowing(file, `the position file of ${target.id}`, (positions) => {
      const [saved] = positions;
      const row = commitOf(rows);
      if (saved === undefined || positions.length !== 1 || row === undefined)
        return pending(`${target.id}: no single position`);
      return doneIf(sameRow(saved, row), `${target.id}: dsctl says ${saved.seqno}, the row ${row.seqno}`);
    }),
    knowing(last, `the log of ${target.id}`, (headers) => {
      const header = headers.at(-1);
      const row = commitOf(rows);
      if (header === undefined || row === undefined)
        return pending(`${target.id}: the log's last header is not there`);
      const equal =
        header.seqno === row.seqno && header.epoch === row.epoch && header.eventId === row.eventId;
      return doneIf(equal, `${target.id}: the log ends at ${header.seqno}, the row says ${row.seqno}`);
    }),
  ]);
};

/** What the ledger keeps of a verified position. */
export function positionRecord(target: Target, look: Look): Record<string, string> {
  const row = commitOf(rowsOf(target, look));
  if (row === undefined) return {};
  return {
    [`position.${target.id}`]: `${positionFile(look.run, target)} ${row.seqno} ${row.epoch} ${row.eventId}`,
  };
}

/** A file of the run lies off the node with the same checksum. */
export function copiedOff(target: Target, name: string, look: Look): Verdict {
  const files = look.facts.get(target.node.name, keptFiles);
  return knowing(look.facts.copies(), "the copies off the nodes", (copies) =>
    knowing(files, `kept files of ${target.node.name}`, (known) => {
      const here = known.get(name)?.sha256;
      return doneIf(
        here !== undefined && copies.get(name) === here,
        `${name} is not copied off ${target.node.name} yet`,
      );
    }),
  );
}

/** The dump of the current attempt, parsed, tells the kept position and our heartbeat. */
export const dumpVerified: Judgement = (target, look) => {
  const { run, facts, attempt } = look;
  const position = positionKept(run, target);
  const files = facts.get(target.node.name, keptFiles);
  if (attempt === 0) return pending(`${target.id} is not dumped yet`);
  const name = dumpFile(run, target, attempt);
  const dump = facts.get(target.node.name, keptDump(name));
  return knowing(files, `kept files of ${target.node.name}`, (known) =>
    knowing(dump, `dump ${name}`, ({ schema, rows }) => {
      const row = commitOf(rows);
      if (!known.has(name) || row === undefined || position === undefined)
        return pending(`${name} holds no single commit row`);
      const faithful =
        schema === trackingSchema(sourceOf(target)) &&
        row.seqno === position.seqno &&
        row.epoch === position.epoch &&
        row.eventId === position.eventId &&
        rows.heartbeat?.name === run.kept.heartbeat;
      return doneIf(faithful, `${name} tells seqno ${row.seqno}, kept was ${position.seqno}`);
    }),
  );
};

export function dumpRecord(target: Target, look: Look): Record<string, string> {
  const name = dumpFile(look.run, target, look.attempt);
  const sha = knownValue(look.facts.get(target.node.name, keptFiles))?.get(name)?.sha256;
  return sha === undefined ? {} : { [`dump.${target.id}`]: `${name} ${sha}` };
}

/** Every dump of every site lies on its node and off it, with the checksum that was verified. */
export const allDumpsHeld: Guard = {
  say: "the verified dumps of all sites are on their nodes and off them",
  objects: (_target, look) => {
    const verdicts = eachReader(look.run).map((reader) => {
      const dump = dumpKept(look.run, reader);
      if (dump === undefined) return pending(`${reader.id} has no verified dump`);
      const files = look.facts.get(reader.node.name, keptFiles);
      const unchanged = knowing(files, `kept files of ${reader.node.name}`, (known) =>
        doneIf(known.get(dump.file)?.sha256 === dump.sha256, `${dump.file} has changed or gone`),
      );
      return every([unchanged, copiedOff(reader, dump.file, look)]);
    });
    const verdict = every(verdicts);
    return "why" in verdict ? verdict.why : undefined;
  },
};

export const crossSiteStopped: Judgement = (target, look) =>
  knowing(
    look.facts.get(target.node.name, replicatorProcess("crossSite")),
    `the cross-site replicator of ${target.node.name}`,
    (state) =>
      doneIf(
        state === "stopped" || state === "absent",
        `the cross-site replicator of ${target.node.name} runs`,
      ),
  );

export function wordOf(status: ReplicatorStatus): string {
  return typeof status.state === "string"
    ? status.state
    : `in the unknown state «${status.state.unrecognised}»`;
}

/** The kind of its pending error, in brackets; nothing without one. */
export function errorWords(status: ReplicatorStatus): string {
  const kind = classifyError(status)?.kind;
  return kind === undefined ? "" : ` (${kind})`;
}
