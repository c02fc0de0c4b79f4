/**
 * Services that leave are let drain, by the gates of the rehearsed conversion: armed, a heartbeat of the source's primary,
 * stopped at that very heartbeat at the same event on all nodes of a site. Whichever product carries them.
 */
import type { Product } from "../tungsten/invocation.ts";
import { installed, replicatorProcess, services, tracking } from "../tungsten/node-facts.ts";
import type { ReplicatorStatus, TrackingRows } from "../tungsten/reading.ts";
import { classifyError } from "../tungsten/replicator-errors.ts";
import {
  armOfflineAtHeartbeat,
  heartbeat,
  offline,
  online,
  onlineUntilHeartbeat,
} from "../tungsten/trepctl.ts";
import { replicator } from "./conversion-commands.ts";
import { positionKept, serviceOf, sourceOf, trackingSchema } from "./conversion-names.ts";
import { commitOf, errorWords, isArmed, rowsOf, sameRow, stoppedAt, wordOf } from "./conversion-readers.ts";
import { processStopped, serviceStatus } from "./conversion-services.ts";
import { isGivenUp } from "./crossing.ts";
import type { Alternative, Guard, Judgement, Look, Part, Run, Target, Verdict } from "./procedure.ts";
import { check, safely } from "./site-commands.ts";
import { maintenanceStays, type Scope } from "./site-parts.ts";
import { done, doneIf, every, knowing, knownValue, pending, redo } from "./verdicts.ts";

/** Which services are let drain, who sends the heartbeat, and what makes its name unique to this turn of the walk. */
export type Drain = {
  readonly product: Product;
  readonly readers: Scope;
  readonly sources: Scope;
  readonly beat: string;
};

const nameIn = ({ beat }: Pick<Drain, "beat">, { round }: Run): string => `tu-${beat}-${round}`;

/** How the service that brings the target's source is called there. */
export const incomingName = (product: Product, target: Target): string =>
  serviceOf(product, target.site, sourceOf(target));

/** Only what is still configured there can be armed, led and stopped; the rest counts as done. */
export const whileConfigured = (
  product: Product,
  target: Target,
  look: Look,
  judge: () => Verdict,
): Verdict =>
  knowing(
    look.facts.get(target.node.name, installed(product)),
    `the ${product} product on ${target.node.name}`,
    (is) => (is?.services.includes(incomingName(product, target)) === true ? judge() : done),
  );

const unlessGone =
  (product: Product, judge: Judgement): Judgement =>
  (target, look) =>
    whileConfigured(product, target, look, () => judge(target, look));

const statusIn = (product: Product, target: Target, look: Look): ReplicatorStatus | string =>
  serviceStatus(product, incomingName(product, target), target, look);

const isDown = (product: Product, target: Target, look: Look): boolean =>
  knownValue(look.facts.get(target.node.name, replicatorProcess(product))) === "stopped";

const rowsStandAt = (rows: TrackingRows | "absent" | undefined, name: string): boolean => {
  const commit = commitOf(rows);
  return (
    commit !== undefined &&
    rows !== "absent" &&
    rows?.heartbeat?.name === name &&
    rows.heartbeat.seqno === commit.seqno
  );
};

/** By state and rows; a process that is down cannot have moved on, so then the rows suffice. */
function hasStopped({ product, ...drain }: Drain, target: Target, look: Look): boolean {
  const name = nameIn(drain, look.run);
  const rows = rowsOf(target, look);
  const status = statusIn(product, target, look);
  if (isDown(product, target, look)) return rowsStandAt(rows, name);
  return typeof status !== "string" && stoppedAt(status, rows, name);
}

const armedOrStopped =
  (drain: Drain): Judgement =>
  (target, look) => {
    const name = nameIn(drain, look.run);
    const status = statusIn(drain.product, target, look);
    if (hasStopped(drain, target, look)) return done;
    if (typeof status === "string") return pending(status);
    if (isArmed(status, name)) return done;
    const remedy = classifyError(status)?.remedy;
    const way = remedy === undefined ? "" : `; what mends it: ${remedy}`;
    return pending(
      `${target.id} is ${wordOf(status)}${errorWords(status)} and not armed to stop at ${name}${way}`,
    );
  };

/** What arming needs: armed in OFFLINE:ERROR a service only looks finished. */
const onlineWithoutError =
  (product: Product): Judgement =>
  (target, look) => {
    const status = statusIn(product, target, look);
    if (typeof status === "string") return pending(status);
    return doneIf(
      status.state === "ONLINE" && status.pendingError === null && status.pendingExceptionMessage === null,
      `${target.id} is ${wordOf(status)}, not ONLINE without error`,
    );
  };

const allArmed = (drain: Drain): Guard => ({
  say: "every service that leaves, and is awaited, is armed",
  objects: (_target, look) => {
    const judge = unlessGone(drain.product, armedOrStopped(drain));
    const verdict = every(drain.readers(look.run).map((reader) => judge(reader, look)));
    return "why" in verdict ? verdict.why : undefined;
  },
});

/** Known to be neither armed nor stopped: ONLINE without the request, or its process down short of the heartbeat. */
function forgotRequest(drain: Drain, target: Target, look: Look): boolean {
  if (hasStopped(drain, target, look)) return false;
  const status = statusIn(drain.product, target, look);
  if (typeof status === "string") return isDown(drain.product, target, look);
  return !isArmed(status, nameIn(drain, look.run)) && status.state !== "GOING-ONLINE:SYNCHRONIZING";
}

/** The primary's own heartbeat row names it, or a reader has received it; or none of its readers is left. */
const sent =
  (drain: Drain): Judgement =>
  (target, look) => {
    const name = nameIn(drain, look.run);
    const readers = drain.readers(look.run).filter((reader) => sourceOf(reader).name === target.site.name);
    const standing = (reader: Target) =>
      whileConfigured(drain.product, reader, look, () => pending("it is still configured"));
    const own = knownValue(look.facts.get(target.node.name, tracking(trackingSchema(target.site))));
    const names = [own, ...readers.map((reader) => rowsOf(reader, look))].map((rows) =>
      rows === undefined || rows === "absent" ? undefined : rows.heartbeat?.name,
    );
    const left = readers.filter((reader) => standing(reader).is !== "done");
    const forgot = left.find((reader) => forgotRequest(drain, reader, look));
    if (names.includes(name) || left.length === 0) return done;
    if (forgot !== undefined) return redo(`${forgot.id} is no longer armed: its replicator was restarted`);
    return pending(`heartbeat ${name} is not seen at ${target.site.name} yet`);
  };

const siblingsOf = (drain: Drain, target: Target, look: Look): readonly Target[] =>
  drain
    .readers(look.run)
    .filter(
      (other) =>
        other.site.name === target.site.name &&
        sourceOf(other).name === sourceOf(target).name &&
        other.id !== target.id,
    );

/** The seqno of our heartbeat in a source's numbering, as any reader of it that has received it knows it. */
function heartbeatSeqno(drain: Drain, source: string, look: Look): number | undefined {
  const name = nameIn(drain, look.run);
  for (const reader of drain.readers(look.run).filter((other) => sourceOf(other).name === source)) {
    const rows = rowsOf(reader, look);
    if (rows !== undefined && rows !== "absent" && rows.heartbeat?.name === name)
      return rows.heartbeat.seqno ?? undefined;
  }
  return undefined;
}

const stoppedThere =
  (drain: Drain): Judgement =>
  (target, look) => {
    const name = nameIn(drain, look.run);
    const status = statusIn(drain.product, target, look);
    const commit = commitOf(rowsOf(target, look));
    const siblings = siblingsOf(drain, target, look).map((reader) => commitOf(rowsOf(reader, look)));
    const stopped = hasStopped(drain, target, look);
    if (commit === undefined) return pending(`${target.id} has no single commit row`);
    const stop = heartbeatSeqno(drain, sourceOf(target).name, look);
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

const stateIs =
  (product: Product, fits: (status: ReplicatorStatus) => boolean): Judgement =>
  (target, look) => {
    const status = statusIn(product, target, look);
    return typeof status === "string"
      ? pending(status)
      : doneIf(fits(status), `${target.id} is ${wordOf(status)}`);
  };

const arm =
  (drain: Drain): Alternative["effect"] =>
  (target, run) => {
    const name = incomingName(drain.product, target);
    return safely(target.node, armOfflineAtHeartbeat(drain.product, name, nameIn(drain, run)), {
      prechecks: [check("state-is", drain.product, name, "ONLINE")],
    });
  };

const bringOnline =
  (product: Product): Alternative["effect"] =>
  (target) =>
    safely(target.node, online(product, incomingName(product, target)));

const armPart = (drain: Drain): Part => ({
  what: "arm every service that leaves to go offline at our heartbeat",
  vendor: "trepctl -service SERVICE offline-deferred -at-heartbeat NAME",
  on: drain.readers,
  run: [
    { when: "it is ONLINE without error", holds: onlineWithoutError(drain.product), effect: arm(drain) },
    {
      when: "its process is down",
      holds: processStopped(drain.product),
      effect: replicator(drain.product, "start"),
    },
    {
      when: "it is offline, and no error of it wants more than a plain online",
      holds: stateIs(drain.product, (status) => {
        const kind = classifyError(status)?.kind;
        return isGivenUp(status) && kind !== "epoch-mismatch" && kind !== "apply-failure";
      }),
      effect: bringOnline(drain.product),
    },
  ],
  done: unlessGone(drain.product, armedOrStopped(drain)),
  tries: 20,
  stallSeconds: 900,
});

const waitPart = (drain: Drain): Part => ({
  what: "wait until every one has stopped at that very heartbeat, at the same event on all nodes of a site",
  vendor: "trepctl -service SERVICE status: OFFLINE:NORMAL",
  on: drain.readers,
  run: [
    {
      when: "it stopped short of the heartbeat",
      holds: (target, look) =>
        hasStopped(drain, target, look)
          ? pending("it has stopped there")
          : stateIs(drain.product, isGivenUp)(target, look),
      effect: (target, run) =>
        safely(
          target.node,
          onlineUntilHeartbeat(drain.product, incomingName(drain.product, target), nameIn(drain, run)),
        ),
    },
    {
      when: "a restart made it forget the request",
      holds: (target, look) =>
        stateIs(
          drain.product,
          (status) => status.state === "ONLINE" && !isArmed(status, nameIn(drain, look.run)),
        )(target, look),
      effect: arm(drain),
    },
    {
      when: "its process is down, short of the heartbeat",
      holds: (target, look) =>
        doneIf(
          isDown(drain.product, target, look) && !hasStopped(drain, target, look),
          "its process runs, or it has stopped at the heartbeat",
        ),
      effect: replicator(drain.product, "start-offline"),
    },
  ],
  done: unlessGone(drain.product, stoppedThere(drain)),
  record: positionRecord,
  tries: 20,
  stallSeconds: 900,
});

/** Where a service was left; the ledger keeps no file of it. */
function positionRecord(target: Target, look: Look): Record<string, string> {
  const row = commitOf(rowsOf(target, look));
  return row === undefined ? {} : { [`position.${target.id}`]: `- ${row.seqno} ${row.epoch} ${row.eventId}` };
}

export const drainParts = (drain: Drain): readonly Part[] => [
  armPart(drain),
  {
    what: "send the heartbeat behind which nothing of the source is awaited any more",
    vendor: "trepctl -service SOURCE heartbeat -name NAME",
    on: drain.sources,
    guards: [allArmed(drain), maintenanceStays],
    run: [
      {
        when: "every service that reads it and leaves is armed",
        effect: (target, run) =>
          safely(target.node, heartbeat("cluster", target.site.dataservice, nameIn(drain, run)), {
            prechecks: [check("writable", "yes"), check("policy-is", "MAINTENANCE")],
          }),
      },
    ],
    done: sent(drain),
  },
  waitPart(drain),
];

/** OFFLINE:NORMAL, its process down, or gone; where it was let drain, it has not fallen behind that. */
const offlineForGood =
  (product: Product): Judgement =>
  (target, look) =>
    whileConfigured(product, target, look, () => {
      const reached = notBehind(target, look);
      if (isDown(product, target, look)) return reached;
      const status = statusIn(product, target, look);
      if (typeof status === "string") return pending(status);
      return every([reached, doneIf(status.state === "OFFLINE:NORMAL", `${target.id} is ${wordOf(status)}`)]);
    });

/** The row is where the service was left, or further. */
export const notBehind: Judgement = (target, look) => {
  const position = positionKept(look.run, target);
  if (position === undefined) return done;
  const commit = commitOf(rowsOf(target, look));
  return doneIf(
    commit !== undefined && commit.seqno >= position.seqno,
    `the position of ${target.id} is ${commit?.seqno ?? "not there"}, left at ${position.seqno}`,
  );
};

export const stayOffline = (product: Product, on: Scope): Part => ({
  what: "every service that leaves is offline, also one that a restart has brought back meanwhile",
  vendor: "trepctl -service SERVICE offline",
  on,
  guards: [maintenanceStays],
  run: [
    {
      when: "it is not OFFLINE:NORMAL",
      effect: (target) => safely(target.node, offline(product, incomingName(product, target))),
    },
  ],
  done: offlineForGood(product),
  tries: 20,
});

/** Neither configured nor running there. */
export const serviceGone =
  (product: Product): Judgement =>
  (target, look) => {
    const { node } = target;
    const name = incomingName(product, target);
    const running = knowing(
      look.facts.get(node.name, services(product)),
      `the services of ${node.name}`,
      (all) =>
        doneIf(
          all !== "down" && !all.some(({ service }) => service === name),
          `${node.name} still runs service ${name}, or does not answer`,
        ),
    );
    return knowing(
      look.facts.get(node.name, installed(product)),
      `the ${product} product on ${node.name}`,
      (is) =>
        is === null
          ? done
          : every([
              doneIf(!is.services.includes(name), `${node.name} still has service ${name} configured`),
              running,
            ]),
    );
  };
