/** The four actions of FixReplication as parts. Each looks again, on the node, at what it was approved for. */
import { binlogPosition, keptFiles, readOnly, thlEvent, tracking } from "../tungsten/node-facts.ts";
import { online, onlineForce, onlineSkipping } from "../tungsten/trepctl.ts";
import { replicator } from "./conversion-commands.ts";
import { trackingSchema } from "./conversion-names.ts";
import { commitOf, errorWords, wordOf } from "./conversion-readers.ts";
import { processStopped } from "./conversion-services.ts";
import { isGivenUp } from "./crossing.ts";
import {
  appliedSeqno,
  carried,
  type FixParameters,
  fixStatus,
  fixTargets,
  pastKey,
  sqlNote,
  standingError,
} from "./fix-names.ts";
import { reprovisionParts } from "./fix-reprovision.ts";
import type { Alternative, Judgement, Look, Part, Target } from "./procedure.ts";
import { pinnedPrimary } from "./scopes.ts";
import { broken, done, doneIf, every, knowing, knownValue, pending } from "./verdicts.ts";

const told = (fix: FixParameters, target: Target, look: Look): string => {
  const status = fixStatus(fix, target, look);
  if (typeof status === "string") return status;
  const error = standingError(status);
  const at = error?.seqno == null ? "" : ` at event ${error.seqno}`;
  const remedy = error === undefined ? "" : `; what mends it: ${error.remedy}`;
  return `${fix.service} on ${target.node.name} is ${wordOf(status)}${errorWords(status)}${at}${remedy}`;
};

/** The event was left out: the position lies behind it, or the service is stopped further on. */
const isPast =
  (fix: FixParameters, seqno: number): Judgement =>
  (target, look) => {
    const status = fixStatus(fix, target, look);
    const further = typeof status === "string" ? null : (standingError(status)?.seqno ?? null);
    const applied = appliedSeqno(fix, target, look);
    return doneIf(
      (applied !== undefined && applied >= seqno) || (further !== null && further > seqno),
      told(fix, target, look),
    );
  };

const stoppedAt =
  (fix: FixParameters, seqno: number): Judgement =>
  (target, look) => {
    const status = fixStatus(fix, target, look);
    if (typeof status === "string") return pending(status);
    return doneIf(standingError(status)?.seqno === seqno, told(fix, target, look));
  };

const skipping =
  (fix: FixParameters, seqno: number): Alternative["effect"] =>
  ({ node }, run) => {
    const { product } = carried(run, fix);
    return {
      begin: {
        argv: onlineSkipping(product, fix.service, seqno),
        deadlineSeconds: 60,
        repeat: "safe",
        prechecks: [{ argv: ["error-at", product, fix.service, String(seqno)] }],
      },
      on: node,
    };
  };

const skipEvent = (fix: FixParameters, seqno: number): readonly Part[] => [
  {
    what: `leave out event ${seqno}, at which ${fix.service} is stopped, and no other`,
    vendor: "trepctl -service S online -skip-seqno N",
    on: fixTargets(fix),
    run: [
      startWhereDown(fix),
      {
        when: "it is stopped at that very event",
        holds: stoppedAt(fix, seqno),
        effect: skipping(fix, seqno),
      },
    ],
    done: isPast(fix, seqno),
    record: (target) => ({
      [pastKey(target)]: `event ${seqno} of ${fix.service} left out on ${target.node.name}: ${fix.reason}`,
    }),
  },
];

/** The node's own note, written behind the last statement, says that the approved text has run with its log off. */
const sqlHasRun: Judgement = (target, look) =>
  knowing(look.facts.get(target.node.name, keptFiles), `kept files of ${target.node.name}`, (files) =>
    doneIf(files.has(sqlNote(look.run, target)), `the statements have not run on ${target.node.name}`),
  );

/** Nothing but replication writes to a replica, with its log off too: its binary log stands where it stood. */
const logUntouched: Judgement = (target, look) => {
  const { name } = target.node;
  const position = look.facts.get(name, binlogPosition);
  return knowing(look.facts.get(name, readOnly), `read_only of ${name}`, (replica) =>
    knowing(position, `the binary log of ${name}`, ({ file, position: at }) => {
      const before = look.run.kept[`binlog.${name}`];
      return !replica || before === `${file} ${at}`
        ? done
        : broken(
            "SqlLogged",
            `the binary log of ${name} stood at ${before} and stands at ${file} ${at}: what was written there travels to every reader of ${name}`,
          );
    }),
  );
};

const applySql = (fix: FixParameters, sha256: string): readonly Part[] => [
  {
    what: "note where the binary log stands",
    on: fixTargets(fix),
    run: [],
    done: ({ node }, look) =>
      knowing(look.facts.get(node.name, binlogPosition), `the binary log of ${node.name}`, () => done),
    record: ({ node }, look) => {
      const at = knownValue(look.facts.get(node.name, binlogPosition));
      return at === undefined ? {} : { [`binlog.${node.name}`]: `${at.file} ${at.position}` };
    },
  },
  {
    what: `run the approved statements (sha256 ${sha256}) with the binary log off, in one transaction`,
    vendor: "mysql> SET SESSION SQL_LOG_BIN=0;",
    on: fixTargets(fix),
    run: [
      {
        when: "they have not run there",
        effect: (target, run) => ({
          begin: {
            argv: ["apply-sql", sqlNote(run, target), sha256],
            stdinSha256: sha256,
            deadlineSeconds: 900,
            repeat: "once",
          },
          on: target.node,
        }),
      },
    ],
    done: sqlHasRun,
    settleSeconds: 2,
    record: (target) => ({
      [pastKey(target)]:
        `statements ${sha256.slice(0, 12)}… run on ${target.node.name} for ${fix.service}, unlogged: ${fix.reason}`,
    }),
  },
  {
    what: "the binary log of a replica stands where it stood",
    on: fixTargets(fix),
    run: [],
    done: logUntouched,
  },
];

/** The source holds the very event that this node applied last: same seqno, EVENTID and source. Only then force. */
const positionsEqual =
  (fix: FixParameters): Judgement =>
  (target, look) => {
    const { source } = carried(look.run, fix);
    const rows = look.facts.get(target.node.name, tracking(trackingSchema(source)));
    return knowing(rows, `the commit row of ${target.node.name}`, (known) => {
      const row = commitOf(known);
      if (row === undefined) return pending(`${target.node.name} has no single commit row`);
      const event = look.facts.get(
        pinnedPrimary(look.run, source).name,
        thlEvent("cluster", source.dataservice, row.seqno),
      );
      return knowing(event, `event ${row.seqno} at ${source.name}`, ([header]) =>
        header !== undefined && header.eventId === row.eventId && header.sourceId === row.sourceId
          ? done
          : broken(
              "EpochUnproven",
              `${target.node.name} stands at ${row.seqno} (${row.eventId}); ${source.name} ${header === undefined ? "has no such event" : `has ${header.eventId} there`}: forcing it online would lose rows`,
            ),
      );
    });
  };

const isEpochError =
  (fix: FixParameters): Judgement =>
  (target, look) => {
    const status = fixStatus(fix, target, look);
    if (typeof status === "string") return pending(status);
    return doneIf(standingError(status)?.kind === "epoch-mismatch", told(fix, target, look));
  };

/** Kept while both stood; a force that is begun later is held to it on the node. */
const provenKey = (target: Target): string => `proven.${target.id}`;

const forcing =
  (fix: FixParameters): Alternative["effect"] =>
  (target, run) => {
    const { product, source } = carried(run, fix);
    const [seqno = "-2", eventId = "not-kept"] = (run.kept[provenKey(target)] ?? "-2 not-kept").split(" ");
    return {
      begin: {
        argv: onlineForce(product, fix.service),
        deadlineSeconds: 60,
        repeat: "once",
        prechecks: [
          { argv: ["error-is", product, fix.service, "epoch"] },
          { argv: ["tracking-is", trackingSchema(source), seqno, eventId] },
        ],
      },
      on: target.node,
    };
  };

const force = (fix: FixParameters): readonly Part[] => [
  {
    what: "the error is the epoch mismatch, and the source has the same EVENTID at that seqno",
    on: fixTargets(fix),
    run: [],
    done: (target, look) => {
      const status = fixStatus(fix, target, look);
      const isOnline = typeof status !== "string" && status.state === "ONLINE";
      return isOnline ? done : every([isEpochError(fix)(target, look), positionsEqual(fix)(target, look)]);
    },
    record: (target, look) => {
      const rows = look.facts.get(target.node.name, tracking(trackingSchema(carried(look.run, fix).source)));
      const row = commitOf(knownValue(rows));
      return row === undefined ? {} : { [provenKey(target)]: `${row.seqno} ${row.eventId}` };
    },
  },
  {
    what: `force ${fix.service} past the epoch check, once`,
    vendor: "trepctl -service S online -force",
    on: fixTargets(fix),
    run: [
      {
        when: "it still shows the epoch mismatch, at the position that was proven",
        holds: (target, look) => every([isEpochError(fix)(target, look), positionsEqual(fix)(target, look)]),
        effect: forcing(fix),
      },
    ],
    done: (target, look) => {
      const status = fixStatus(fix, target, look);
      if (typeof status === "string") return pending(status);
      return doneIf(status.state === "ONLINE", told(fix, target, look));
    },
    record: (target, look) => ({
      [pastKey(target)]:
        `${fix.service} forced online on ${target.node.name} at event ${look.run.kept[provenKey(target)] ?? ""}: ${fix.reason}`,
    }),
  },
];

/** A process that is down tells nothing: it is started, and its services say what they are stopped at. */
const startWhereDown = (fix: FixParameters): Alternative => ({
  when: "its process is down",
  holds: (target, look) => processStopped(carried(look.run, fix).product)(target, look),
  effect: (target, run, attempt) => replicator(carried(run, fix).product, "start")(target, run, attempt),
});

/** Offline, and an error that a plain online may mend; what force or a skip is for is not touched. */
const offlinePlainly =
  (fix: FixParameters): Judgement =>
  (target, look) => {
    const status = fixStatus(fix, target, look);
    if (typeof status === "string") return pending(status);
    const kind = standingError(status)?.kind;
    const mends = fix.action.is === "Online" || fix.action.is === "ApplySql" || kind !== "apply-failure";
    return doneIf(isGivenUp(status) && kind !== "epoch-mismatch" && mends, told(fix, target, look));
  };

/** The service is ONLINE without an error; what stands in the way is told with its seqno, kind and remedy. */
export const serviceOnline = (fix: FixParameters): Part => ({
  what: `${fix.service} is ONLINE without an error`,
  vendor: "trepctl -service S online",
  on: fixTargets(fix),
  run: [
    startWhereDown(fix),
    {
      when: "it is offline, and a plain online may mend it",
      holds: offlinePlainly(fix),
      effect: ({ node }, run) => ({
        begin: { argv: online(carried(run, fix).product, fix.service), deadlineSeconds: 60, repeat: "safe" },
        on: node,
      }),
    },
  ],
  done: (target, look) => {
    const status = fixStatus(fix, target, look);
    if (typeof status === "string") return pending(status);
    const fine = status.state === "ONLINE" && status.pendingError === null;
    return doneIf(fine, told(fix, target, look));
  },
  tries: 6,
  stallSeconds: 120,
});

export function actionParts(fix: FixParameters): readonly Part[] {
  switch (fix.action.is) {
    case "SkipEvent":
      return skipEvent(fix, fix.action.seqno);
    case "ApplySql":
      return applySql(fix, fix.action.sha256);
    case "Force":
      return force(fix);
    case "Online":
      return [];
    case "Reprovision":
      return reprovisionParts(fix, fix.action);
  }
}
