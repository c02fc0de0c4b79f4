/** The commands of a reset as data. Each that destroys looks again, on its node and in the same script, at what makes it safe. */
import type { Node } from "../topology/estate.ts";
import { datasourceCommand, routersCommand } from "../tungsten/cctrl.ts";
import type { Command, Precheck, Product } from "../tungsten/invocation.ts";
import { provision, provisionSlave } from "../tungsten/provision.ts";
import { heartbeat, offline, online, resetAll, resetThl } from "../tungsten/trepctl.ts";
import { sourceOf, trackingSchema } from "./conversion-names.ts";
import type { Effect, Run, Target } from "./procedure.ts";
import {
  copyFile,
  crossing,
  lastHeartbeat,
  type ResetParameters,
  type ResetScopes,
  readingService,
  snapshotName,
  snapshotSha,
} from "./reset-scopes.ts";

type Making = (target: Target, run: Run, attempt: number) => Effect;

const quickSeconds = 60;
/** Copies take as long as they take; longer than this is told. */
const copySeconds = 24 * 3600;

const sent = (target: Target, argv: readonly string[], more: Partial<Command> = {}): Effect => ({
  begin: { argv, deadlineSeconds: quickSeconds, repeat: "safe", ...more },
  on: target.node,
});
const check = (...argv: readonly string[]): Precheck => ({ argv });
const maintenance = check("policy-is", "MAINTENANCE");

export const routers =
  (verb: "online" | "offline"): Making =>
  (target) => {
    const { argv, stdin } = routersCommand(verb);
    return sent(target, argv, { stdin });
  };

export const datasource =
  (verbs: readonly ("shun" | "welcome" | "online" | "recover")[], force: boolean): Making =>
  (target) => {
    const { argv, stdin } = datasourceCommand(target.node.name, verbs, force);
    return sent(target, argv, { stdin, prechecks: [maintenance] });
  };

export const connectorStart: Making = (target) =>
  sent(target, ["connector", "start"], { deadlineSeconds: 180 });

export const database =
  (verb: "start" | "stop", ...prechecks: readonly Precheck[]): Making =>
  (target) =>
    sent(target, ["database", verb], {
      deadlineSeconds: 1800,
      ...(verb === "stop" && { prechecks: [maintenance, ...prechecks] }),
    });
/** Only a replica's, and never the primary's. */
export const stopDonorsDatabase = database("stop", check("writable", "no"));

/** Where the managers are stopped and nobody can tell the policy: nothing of the cluster runs beside it. */
export const stopRestingDatabase: Making = (target) =>
  sent(target, ["database", "stop"], { deadlineSeconds: 1800, prechecks: [check("stopped", "cluster")] });

export const stopAll =
  (product: Product): Making =>
  (target) =>
    sent(target, ["stopall", product], { deadlineSeconds: 300 });

export const sendLast: Making = (target, run, attempt) =>
  sent(target, heartbeat("cluster", target.site.dataservice, lastHeartbeat(run, attempt)), {
    prechecks: [check("writable", "yes"), maintenance],
  });

export const reading =
  (verb: "online" | "offline"): Making =>
  (target, run) =>
    sent(target, (verb === "online" ? online : offline)(crossing(run), readingService(run, target)));

export const localOffline: Making = (target) =>
  sent(target, offline("cluster", target.site.dataservice), { prechecks: [maintenance] });

/** With all its services, which go online by themselves. */
export const startReader: Making = (target, run) =>
  sent(target, ["replicator", crossing(run), "start"], { deadlineSeconds: 180 });

/** What a restarting pod shall not start. */
export type Holdable = Product | "manager" | "connector" | "database";
export const hold =
  (name: Holdable): Making =>
  (target) =>
    sent(target, ["hold", name]);
export const release =
  (name: Holdable): Making =>
  (target) =>
    sent(target, ["release", name]);

export const snapshot: Making = (target, run) =>
  sent(target, ["snapshot", snapshotName(run, target.node)], {
    deadlineSeconds: copySeconds,
    prechecks: [check("database-is", "stopped")],
  });

/**
 * The row stands at the very event it was left at. A row that nobody kept is looked for under a name that none has, so that
 * the node refuses; one without an event names nothing to look for.
 */
const rowAsLeft = (schema: string, key: string, run: Run): readonly Precheck[] => {
  const [seqno = "-2", eventId = "not-kept"] = run.kept[key]?.split(" ") ?? [];
  return eventId === "" ? [] : [check("tracking-is", schema, seqno, eventId)];
};

const resets = (target: Target, product: Product, name: string, row: readonly Precheck[]): Effect =>
  sent(target, resetAll(product, name), {
    repeat: "once",
    prechecks: [check("state-is", product, name, "OFFLINE:NORMAL"), ...row, maintenance],
  });

/** On a healthy node: the one service there that carries the failed site, at the very event it was left at. */
export const resetReading: Making = (target, run) => {
  const row = rowAsLeft(trackingSchema(sourceOf(target)), `row.${target.id}`, run);
  return resets(target, crossing(run), readingService(run, target), row);
};

/** A site's own service, at the very event it was left at. */
export const resetLocal: Making = (target, run) => {
  const row = rowAsLeft(trackingSchema(target.site), `row.${target.id}.${target.site.name}`, run);
  return resets(target, "cluster", target.site.dataservice, row);
};

/** The failed primary's own service, over the copy that was proven: its row came with the copy. */
export const resetCopiedLocal: Making = (target) => resets(target, "cluster", target.site.dataservice, []);

/** A log from before the copy would lead the service past what the copied row needs. */
export const dropOldLog: Making = (target, run) => {
  const name = readingService(run, target);
  return sent(target, resetThl(crossing(run), name), {
    prechecks: [check("state-is", crossing(run), name, "OFFLINE:NORMAL"), maintenance],
  });
};

export const copyData =
  (scopes: ResetScopes): Making =>
  (target, run) =>
    sent(target, ["copy-datadir", scopes.donorNode(run).name, copyFile(run, target.node)], {
      deadlineSeconds: copySeconds,
      prechecks: [
        check("database-is", "stopped"),
        check("stopped", "cluster"),
        check("backup-is", snapshotName(run, target.node), snapshotSha(run, target.node)),
        maintenance,
      ],
    });

/** On a node of the failed site whose data are about to be thrown away: what goes lies in its snapshot. */
export const resetFailedLocal: Making = (target, run) =>
  resets(target, "cluster", target.site.dataservice, [
    check("backup-is", snapshotName(run, target.node), snapshotSha(run, target.node)),
  ]);

/** The failed site's primary anew, from the definitive site's replica, which serves on meanwhile. */
export const provisionPrimary =
  (scopes: ResetScopes, { method }: ResetParameters): Making =>
  (target, run) =>
    sent(target, provision(scopes.donorNode(run).name, method, true), {
      repeat: "once",
      deadlineSeconds: copySeconds,
      prechecks: [
        check("backup-is", snapshotName(run, target.node), snapshotSha(run, target.node)),
        check("shunned", target.node.name),
        check("state-is", "cluster", target.site.dataservice, "OFFLINE:NORMAL"),
        maintenance,
      ],
    });

/** The legacy page's tool, where everything of the node is stopped but the database; managers cannot be asked for a policy. */
export const provisionLegacy =
  (from: (run: Run) => Node, { method }: ResetParameters): Making =>
  (target, run) =>
    sent(target, provisionSlave(from(run).name, method), {
      repeat: "once",
      deadlineSeconds: copySeconds,
      prechecks: [
        check("backup-is", snapshotName(run, target.node), snapshotSha(run, target.node)),
        check("stopped", "cluster"),
        check("stopped", "crossSite"),
      ],
    });

/** From the failed site's own primary, which this run has made whole. */
export const provisionReplica =
  (scopes: ResetScopes, { method }: ResetParameters): Making =>
  (target, run) =>
    sent(target, provision(scopes.failedPrimaryNode(run).name, method, false), {
      repeat: "once",
      deadlineSeconds: copySeconds,
      prechecks: [
        check("backup-is", snapshotName(run, target.node), snapshotSha(run, target.node)),
        check("state-is", "cluster", target.site.dataservice, "OFFLINE:NORMAL"),
        maintenance,
      ],
    });
