/** The commands of the conversion as data: which words go to which tool on which node. Values come from pins and ledger only. */

import type { Node } from "../topology/estate.ts";
import { setPolicyCommand } from "../tungsten/cctrl.ts";
import type { Command, Precheck, Product } from "../tungsten/invocation.ts";
import { tpmInstall, tpmPostProcess, tpmUninstall, tpmUpdate, tpmValidate } from "../tungsten/tpm.ts";
import {
  armOfflineAtHeartbeat,
  heartbeat,
  offline,
  online,
  onlineForce,
  onlineUntilHeartbeat,
} from "../tungsten/trepctl.ts";
import {
  backupName,
  clearingHeartbeat,
  dumpFile,
  dumpKept,
  leftoverSchema,
  positionFile,
  positionKept,
  proofHeartbeat,
  readOnlyFile,
  serviceOf,
  sourceOf,
  stopHeartbeat,
  trackingSchema,
  wakeHeartbeat,
} from "./conversion-names.ts";
import type { Effect, Run, Target } from "./procedure.ts";
import { eachReader, isPrimary, pinnedPrimary } from "./scopes.ts";

type Making = (target: Target, run: Run, attempt: number) => Effect;

const quickSeconds = 60;
const longSeconds = 1800;

const safe = (on: Node, argv: readonly string[], more: Partial<Command> = {}): Effect => ({
  begin: { argv, deadlineSeconds: quickSeconds, repeat: "safe", ...more },
  on,
});

const check = (...argv: readonly string[]): Precheck => ({ argv });
/** The verified dump; before it is kept, its planned name with a checksum that no file has, so that the script refuses. */
const dumpOf = (run: Run, target: Target): { file: string; sha256: string } =>
  dumpKept(run, target) ?? { file: dumpFile(run, target, 1), sha256: "0" };

/** A position that no row can have; the plan prints it as what the run will know. */
const notKept = { seqno: -2, eventId: "not-kept" };

const crossService = (target: Target): string => serviceOf("crossSite", target.site, sourceOf(target));

export const takeBackup: Making = (target, run) =>
  safe(target.node, ["backup", backupName(run, target)], { deadlineSeconds: 24 * 3600 });

export const setPolicy =
  (policyOf: (target: Target, run: Run) => string): Making =>
  (target, run) => {
    const { argv, stdin } = setPolicyCommand(policyOf(target, run));
    return safe(target.node, argv, { stdin });
  };

export const arm: Making = (target, run) =>
  safe(target.node, armOfflineAtHeartbeat("crossSite", crossService(target), stopHeartbeat(run)), {
    prechecks: [check("state-is", "crossSite", crossService(target), "ONLINE")],
  });

export const sendStopHeartbeat: Making = (target, run) =>
  safe(target.node, heartbeat("cluster", target.site.dataservice, stopHeartbeat(run)), {
    prechecks: [check("writable", "yes"), check("policy-is", "MAINTENANCE")],
  });

export const leadToHeartbeat: Making = (target, run) =>
  safe(target.node, onlineUntilHeartbeat("crossSite", crossService(target), stopHeartbeat(run)));

export const keepPosition: Making = (target, run) =>
  safe(target.node, ["keep-position", crossService(target), positionFile(run, target)]);

/** The vendor's own tool, of the package that is to be installed. `--restore` is never used: it takes a password as an argument. */
const prepUpgrade = (target: Target, run: Run, ...words: readonly string[]): readonly string[] => [
  "prep-upgrade",
  releaseOf(target, run),
  ...words,
];

/** How step 2 and 3 are carried out: our primitives, or the vendor's tool for the same acts. */
export type Keeping = {
  /** Its heartbeat has one name for all rounds. */
  readonly clears: boolean;
  readonly arm: Making;
  readonly keepPosition: Making;
  readonly stop: Making;
  readonly dump: Making;
};

export const byPrimitives = (): Keeping => ({
  clears: false,
  arm,
  keepPosition,
  stop: replicator("crossSite", "stop"),
  dump,
});

export const byTool = (): Keeping => ({
  clears: true,
  arm: (target, run) =>
    safe(target.node, prepUpgrade(target, run, crossService(target), "offline"), {
      prechecks: [check("state-is", "crossSite", crossService(target), "ONLINE")],
    }),
  keepPosition: (target, run) =>
    safe(target.node, prepUpgrade(target, run, crossService(target), "get", positionFile(run, target))),
  stop: (target, run) => safe(target.node, prepUpgrade(target, run, "stop"), { deadlineSeconds: 180 }),
  dump: (target, run, attempt) =>
    safe(
      target.node,
      prepUpgrade(target, run, crossService(target), "dump", dumpFile(run, target, attempt)),
      { prechecks: [check("stopped", "crossSite")] },
    ),
});

export const clear: Making = (target, run, attempt) => {
  const source = sourceOf(target);
  return safe(
    pinnedPrimary(run, source),
    heartbeat("cluster", source.dataservice, clearingHeartbeat(run, attempt)),
    { prechecks: [check("writable", "yes")] },
  );
};

export const copyPosition: Making = (target, run) => ({
  keep: positionKept(run, target)?.file ?? positionFile(run, target),
  from: target.node,
});
export const copyDump: Making = (target, run) => ({
  keep: dumpOf(run, target).file,
  from: target.node,
});

export const hold =
  (name: Product | "manager"): Making =>
  (target) =>
    safe(target.node, ["hold", name]);
export const release =
  (name: Product | "manager"): Making =>
  (target) =>
    safe(target.node, ["release", name]);
export const replicator =
  (product: Product, verb: "start" | "start-offline" | "stop"): Making =>
  (target) =>
    safe(target.node, ["replicator", product, verb], { deadlineSeconds: 180 });
export const connectorStart: Making = (target) =>
  safe(target.node, ["connector", "start"], { deadlineSeconds: 180 });

export const manager =
  (verb: "start" | "stop"): Making =>
  (target) =>
    safe(target.node, ["manager", verb], {
      deadlineSeconds: 180,
      ...(verb === "stop" && { prechecks: [check("policy-is", "MAINTENANCE")] }),
    });

export const dump: Making = (target, run, attempt) =>
  safe(target.node, ["dump-schema", trackingSchema(sourceOf(target)), dumpFile(run, target, attempt)], {
    prechecks: [check("stopped", "crossSite")],
  });

export const keepReadOnly: Making = (target, run) => safe(target.node, ["keep-read-only", readOnlyFile(run)]);
export const putReadOnlyBack: Making = (target, run) =>
  safe(target.node, ["put-read-only", readOnlyFile(run)]);

/**
 * Looks once more, in the same script, that every dump of this node is the verified one and that no tpm runs; and, where
 * managers run for sure, that none of them would act meanwhile.
 */
export const uninstall =
  (way: "forward" | "back"): Making =>
  (target, run) => {
    const dumps = eachReader(run)
      .filter((reader) => reader.node.name === target.node.name)
      .map((reader) => dumpOf(run, reader));
    const prechecks = dumps.map((kept) => check("file-is", kept.file, kept.sha256));
    const quiet = way === "forward" ? [check("policy-is", "MAINTENANCE")] : [];
    return safe(target.node, tpmUninstall("crossSite"), {
      deadlineSeconds: longSeconds,
      prechecks: [...prechecks, check("no-tpm"), ...quiet],
    });
  };

export const restore: Making = (target, run) => {
  const { file: name, sha256: sha } = dumpOf(run, target);
  return safe(target.node, ["restore-schema", name, sha], {
    prechecks: [check("file-is", name, sha), check("no-tpm")],
  });
};

/** Unlogged; the script itself looks that nothing is in it, and refuses otherwise. */
export const dropSchema: Making = (target) =>
  safe(target.node, ["drop-schema", leftoverSchema(target.site, sourceOf(target))], {
    prechecks: [check("no-tpm")],
  });

/** Makes the missing ones, unlogged: what every node makes for itself must not travel. */
export const makeAccounts: Making = (target) => safe(target.node, ["accounts"]);

export const publishIni =
  (kind: string): Making =>
  (target, run) =>
    safe(target.node, ["publish-ini", run.pins.iniSha256[kind] ?? "unknown"], {
      stdin: run.ini[kind] ?? "",
      prechecks: [check("no-tpm")],
    });

/** Every row of the node stands where it was kept. What was not kept fits no row, so that the script refuses. */
const rowChecks = (target: Target, run: Run): readonly Precheck[] =>
  eachReader(run)
    .filter((reader) => reader.node.name === target.node.name)
    .map((reader) => {
      const { seqno, eventId } = positionKept(run, reader) ?? notKept;
      return check("tracking-is", trackingSchema(sourceOf(reader)), String(seqno), eventId);
    });

const releaseOf = (target: Target, run: Run): string =>
  run.pins.releases[target.site.name] ?? target.site.release;

const updateWith =
  (checks: (target: Target, run: Run) => readonly Precheck[]): Making =>
  (target, run) =>
    safe(target.node, tpmUpdate("cluster", releaseOf(target, run)), {
      deadlineSeconds: longSeconds,
      prechecks: [
        check("no-tpm"),
        check("ini-is", run.pins.iniSha256.CAA ?? "unknown"),
        // tpm makes this node the primary that the ini names: the database must agree.
        ...(isPrimary(run, target.node) ? [check("writable", "yes")] : []),
        ...checks(target, run),
      ],
    });

/** The first time the rows must stand exactly where they were kept. */
export const update: Making = updateWith(rowChecks);
/** After an update that was cut off behind the point where the new services began, they have moved on. */
export const updateAgain: Making = updateWith(() => []);

/** Looks once more that nothing runs that would read half of it, and that the ini is the one that was approved. */
export const postProcess =
  (kind: string): Making =>
  (target, run) =>
    safe(target.node, tpmPostProcess, {
      deadlineSeconds: longSeconds,
      prechecks: [
        check("no-tpm"),
        check("stopped", "cluster"),
        check("ini-is", run.pins.iniSha256[kind] ?? "unknown"),
      ],
    });

/** At the release that ran before: the cluster product is still at it. */
export const reinstall: Making = (target, run) =>
  safe(
    target.node,
    tpmInstall("crossSite", run.pins.installed?.[target.site.name] ?? releaseOf(target, run)),
    {
      deadlineSeconds: longSeconds,
      prechecks: [
        check("no-tpm"),
        check("ini-is", run.pins.iniSha256.MSAA ?? "unknown"),
        ...rowChecks(target, run),
      ],
    },
  );

export const localOnline: Making = (target) => safe(target.node, online("cluster", target.site.dataservice));

const incoming = (product: Product, target: Target): string =>
  serviceOf(product, target.site, sourceOf(target));
export const incomingOnlineCommand =
  (product: Product): Making =>
  (target) =>
    safe(target.node, online(product, incoming(product, target)));
export const incomingOfflineCommand =
  (product: Product): Making =>
  (target) =>
    safe(target.node, offline(product, incoming(product, target)));
/** Never repeated on a guess; the script looks at the error text once more. */
export const incomingForce =
  (product: Product): Making =>
  (target, run) => {
    const service = incoming(product, target);
    const { seqno, eventId } = positionKept(run, target) ?? notKept;
    const same = check("tracking-is", trackingSchema(sourceOf(target)), String(seqno), eventId);
    return safe(target.node, onlineForce(product, service), {
      repeat: "once",
      prechecks: [check("error-is", product, service, "epoch"), same],
    });
  };

/** A heartbeat at the source's primary, so that a quiet source's log holds something. */
export const wake: Making = (target, run, attempt) => {
  const source = sourceOf(target);
  const on = pinnedPrimary(run, source);
  return safe(on, heartbeat("cluster", source.dataservice, wakeHeartbeat(run, attempt)), {
    prechecks: [check("writable", "yes")],
  });
};

export const sendProof: Making = (target, run, attempt) =>
  safe(target.node, heartbeat("cluster", target.site.dataservice, proofHeartbeat(run, attempt)), {
    prechecks: [check("writable", "yes")],
  });

export const validate =
  (product: Product): Making =>
  (target, run) =>
    safe(target.node, tpmValidate(product, releaseOf(target, run)), {
      deadlineSeconds: longSeconds,
      prechecks: [check("no-tpm")],
    });
export const install =
  (product: Product, kind: "MSAA" | "CAA" = "MSAA"): Making =>
  (target, run) =>
    safe(target.node, tpmInstall(product, releaseOf(target, run)), {
      deadlineSeconds: longSeconds,
      prechecks: [check("no-tpm"), check("ini-is", run.pins.iniSha256[kind] ?? "unknown")],
    });
export const startAll: Making = (target) =>
  safe(target.node, ["startall", "cluster"], { deadlineSeconds: 180 });

export const sourceOnline: Making = (target, run) => {
  const source = sourceOf(target);
  return safe(pinnedPrimary(run, source), online("cluster", source.dataservice));
};
