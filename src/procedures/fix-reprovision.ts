/**
 * Reprovision one replica from a named node of its own site: tprovision, between the cross-site replicator's stop before and
 * its way back after, which that tool leaves to people in MSAA (tungsten-cli §5.1). The node's own data go; until it is
 * proven whole it is neither ONLINE nor a donor.
 */
import { type Node, siteNamed } from "../topology/estate.ts";
import type { Precheck } from "../tungsten/invocation.ts";
import { clusterView, thlEvent, thlRange, tracking } from "../tungsten/node-facts.ts";
import { provision } from "../tungsten/provision.ts";
import { offline, resetThl } from "../tungsten/trepctl.ts";
import { replicator } from "./conversion-commands.ts";
import { sourceOf, trackingSchema } from "./conversion-names.ts";
import { commitOf, wordOf } from "./conversion-readers.ts";
import { processStopped, serviceStatus } from "./conversion-services.ts";
import {
  crossingProduct,
  crossingService,
  crossingServicesOnline,
  crossingStatus,
  existingReaders,
} from "./crossing.ts";
import { donorServes } from "./donors.ts";
import { type FixParameters, fixTargets, pastKey } from "./fix-names.ts";
import { endedWell, heldByRun } from "./guards.ts";
import { ownSchemas } from "./leading.ts";
import { localOnline, localRemedies } from "./primary-move.ts";
import type { Alternative, Judgement, Look, Part, Run, Step, Target } from "./procedure.ts";
import * as sent from "./reset-commands.ts";
import { pinnedPrimary } from "./scopes.ts";
import { doneIf, every, knowing, knownValue, pending } from "./verdicts.ts";

export type Reprovision = {
  readonly is: "Reprovision";
  readonly donor: string;
  readonly method: "xtrabackup" | "mysqldump";
};

const check = (...argv: readonly string[]): Precheck => ({ argv });

const primaryOf = (run: Run, fix: FixParameters): Node => pinnedPrimary(run, siteNamed(run.estate, fix.site));

/** The node with each service of another site that it applies. */
const readersOn =
  (fix: FixParameters) =>
  (run: Run): readonly Target[] =>
    existingReaders(run).filter(({ node }) => fix.nodes.includes(node.name));

/** The node itself where the second product runs on it; nobody in a composite. */
const whereSecondRuns =
  (fix: FixParameters) =>
  (run: Run): readonly Target[] =>
    fixTargets(fix)(run).filter(({ site }) => crossingProduct(run, site) === "crossSite");

const readersInSecond =
  (fix: FixParameters) =>
  (run: Run): readonly Target[] =>
    readersOn(fix)(run).filter(({ site }) => crossingProduct(run, site) === "crossSite");

const stateInViewOf = (view: Node, name: string, look: Look, judge: (state: string) => boolean) =>
  knowing(look.facts.get(view.name, clusterView), `cctrl of ${view.name}`, ({ datasources }) => {
    const state = datasources.find((source) => source.name === name)?.state ?? "not listed";
    return doneIf(judge(state), `datasource ${name} is ${state}`);
  });

export const datasourceIs =
  (fix: FixParameters, judge: (state: string) => boolean): Judgement =>
  ({ node }, look) =>
    stateInViewOf(primaryOf(look.run, fix), node.name, look, judge);

export const shunned = (state: string): boolean => state.startsWith("SHUNNED");

/** At rest: OFFLINE:NORMAL, or its process does not run. */
const readerAtRest: Judgement = (reader, look) => {
  if (processStopped("crossSite")(reader, look).is === "done") return { is: "done" };
  const status = crossingStatus(reader, look);
  return typeof status === "string"
    ? pending(status)
    : doneIf(status.state === "OFFLINE:NORMAL", `${reader.id} is ${wordOf(status)}`);
};

export const localAtRest: Judgement = (target, look) => {
  const status = serviceStatus("cluster", target.site.dataservice, target, look);
  return typeof status === "string"
    ? pending(status)
    : doneIf(
        status.state === "OFFLINE:NORMAL",
        `${target.site.dataservice} on ${target.node.name} is ${wordOf(status)}`,
      );
};

const sendTo = (target: Target, argv: readonly string[], prechecks: readonly Precheck[] = []) => ({
  begin: { argv, deadlineSeconds: 60, repeat: "safe" as const, prechecks },
  on: target.node,
});

/** A primary cannot be SHUNNED without force, which is never used here; so what is SHUNNED by us is a replica, whatever its database says. */
const provisioning =
  (fix: FixParameters, { donor, method }: Reprovision): Alternative["effect"] =>
  (target) => ({
    begin: {
      argv: provision(donor, method, false),
      deadlineSeconds: 24 * 3600,
      repeat: "once",
      prechecks: [
        check("policy-is", "MAINTENANCE"),
        check("shunned", target.node.name),
        check("state-is", "cluster", fix.service, "OFFLINE:NORMAL"),
        check("no-tpm"),
      ],
    },
    on: target.node,
  });

/** It ended well, and has taken the datasource back, which is its last act; a datasource that is back proves nothing alone. */
export const provisioned =
  (fix: FixParameters): Judgement =>
  (target, look) =>
    every([
      endedWell("tprovision")(target, look),
      datasourceIs(fix, (state) => !shunned(state))(target, look),
    ]);

/** The copied position is an event of the primary's log, and every other site has its position beside it. */
const standsInPrimarysLog =
  (fix: FixParameters): Judgement =>
  (target, look) => {
    const { node, site } = target;
    const primary = primaryOf(look.run, fix);
    const rowOf = (schema: string) => {
      const rows = knownValue(look.facts.get(node.name, tracking(schema)));
      return commitOf(rows);
    };
    const row = ownSchemas(look.run.estate, site)
      .map(rowOf)
      .find((each) => each !== undefined);
    const others = readersOn(fix)(look.run).map((reader) =>
      doneIf(
        rowOf(trackingSchema(sourceOf(reader))) !== undefined,
        `${node.name} has no position of ${sourceOf(reader).name}`,
      ),
    );
    if (row === undefined) return every([pending(`${node.name} has no position of its own site`), ...others]);
    const event = look.facts.get(primary.name, thlEvent("cluster", site.dataservice, row.seqno));
    return every([
      localOnline(target, look),
      ...others,
      knowing(event, `event ${row.seqno} of ${primary.name}`, ([header]) =>
        doneIf(
          header?.eventId === row.eventId && header.sourceId === row.sourceId,
          `${node.name} stands at ${row.seqno} (${row.eventId}), which is no event of ${primary.name}`,
        ),
      ),
    ]);
  };

/** A log from before the copy would lead the service past what the copied position needs. */
const logEmpty: Judgement = (reader, look) => {
  const service = crossingService(look.run, reader.site, sourceOf(reader));
  return knowing(
    look.facts.get(reader.node.name, thlRange("crossSite", service)),
    `the log of ${reader.id}`,
    ({ max }) => doneIf(max === null, `the log of ${reader.id} still holds events from before the copy`),
  );
};

/** Out: nothing applies there any more, and no restart brings the second product back. */
export const takenOut = (fix: FixParameters): readonly Part[] => [
  {
    what: "hold the cross-site replicator: a restarting pod shall not start it",
    on: whereSecondRuns(fix),
    run: [{ when: "it is not held", effect: sent.hold("crossSite") }],
    done: heldByRun("crossSite", true),
  },
  {
    what: "take the cross-site services of the node offline",
    vendor: "mm_trepctl offline",
    on: readersInSecond(fix),
    run: [
      {
        when: "it is not OFFLINE:NORMAL",
        effect: (reader, run) =>
          sendTo(reader, offline("crossSite", crossingService(run, reader.site, sourceOf(reader)))),
      },
    ],
    done: readerAtRest,
  },
  {
    what: "stop the cross-site replicator of the node",
    vendor: "mm_replicator stop",
    on: whereSecondRuns(fix),
    run: [{ when: "it runs", effect: replicator("crossSite", "stop") }],
    done: processStopped("crossSite"),
  },
  {
    what: "shun the datasource: no connector leads there",
    vendor: "cctrl> datasource NODE shun",
    on: fixTargets(fix),
    run: [{ when: "it is not SHUNNED", effect: sent.datasource(["shun"], false) }],
    done: datasourceIs(fix, shunned),
  },
  {
    what: "take the node's own service offline",
    vendor: "trepctl offline",
    on: fixTargets(fix),
    run: [
      {
        when: "the replicator is stopped",
        holds: processStopped("cluster"),
        effect: replicator("cluster", "start-offline"),
      },
      {
        when: "it is not OFFLINE:NORMAL",
        effect: (target) =>
          sendTo(target, offline("cluster", target.site.dataservice), [check("policy-is", "MAINTENANCE")]),
      },
    ],
    done: localAtRest,
    tries: 10,
  },
];

/** Index of the part that throws the node's data away. */
export const provisionPart = 5;

/** Proven: the copy goes on from where it stands. */
export const followsPrimary = (fix: FixParameters): Part => ({
  what: "the node's own service follows the primary, from a position in the primary's log",
  on: fixTargets(fix),
  run: localRemedies,
  done: standsInPrimarysLog(fix),
  tries: 20,
  stallSeconds: 600,
});

export const datasourceOnline = (fix: FixParameters): Part => ({
  what: "put the datasource online: under MAINTENANCE a recovered one stays OFFLINE",
  vendor: "cctrl> datasource NODE online",
  on: fixTargets(fix),
  run: [
    {
      when: "it is SHUNNED",
      holds: datasourceIs(fix, shunned),
      effect: sent.datasource(["recover", "online"], false),
    },
    { when: "it is OFFLINE", effect: sent.datasource(["online"], false) },
  ],
  done: datasourceIs(fix, (state) => state === "ONLINE"),
});

/** Reading the other sites from the copied positions. */
export const crossSiteFromCopy = (fix: FixParameters): readonly Part[] => [
  {
    what: "drop the cross-site logs of before",
    on: readersInSecond(fix),
    run: [
      {
        when: "its process is down",
        holds: processStopped("crossSite"),
        effect: replicator("crossSite", "start-offline"),
      },
      {
        when: "the log holds events",
        effect: (reader, run) => {
          const service = crossingService(run, reader.site, sourceOf(reader));
          return sendTo(reader, resetThl("crossSite", service), [
            check("state-is", "crossSite", service, "OFFLINE:NORMAL"),
          ]);
        },
      },
    ],
    done: logEmpty,
    tries: 10,
  },
  {
    what: "release the hold",
    on: whereSecondRuns(fix),
    run: [{ when: "it is held", effect: sent.release("crossSite") }],
    done: heldByRun("crossSite", false),
  },
  crossingServicesOnline(readersOn(fix)),
];

export const reprovisionParts = (fix: FixParameters, action: Reprovision): readonly Part[] => [
  ...takenOut(fix),
  {
    what: `provision the node from ${action.donor}; its own data go`,
    vendor: `tprovision -s ${action.donor} -m ${action.method}`,
    on: fixTargets(fix),
    guards: [donorServes(() => action.donor)],
    run: [
      {
        when: "it is SHUNNED, and its service OFFLINE:NORMAL",
        holds: (target, look) => every([datasourceIs(fix, shunned)(target, look), localAtRest(target, look)]),
        effect: provisioning(fix, action),
      },
    ],
    done: provisioned(fix),
    settleSeconds: 60,
    stallSeconds: 24 * 3600,
    record: (target) => ({
      [pastKey(target)]:
        `${target.node.name} reprovisioned from ${action.donor} by ${action.method}: ${fix.reason}`,
    }),
  },
  followsPrimary(fix),
  datasourceOnline(fix),
  ...crossSiteFromCopy(fix),
];

/** Before anything of the node was thrown away it can simply go on. */
export const undoTakenOut = (fix: FixParameters): Step["undo"] => [
  {
    what: "release the hold",
    on: whereSecondRuns(fix),
    run: [{ when: "it is held", effect: sent.release("crossSite") }],
    done: heldByRun("crossSite", false),
  },
  {
    what: "start the cross-site replicator of the node",
    on: whereSecondRuns(fix),
    run: [{ when: "it is stopped", effect: replicator("crossSite", "start") }],
    done: (target, look) => {
      const state = processStopped("crossSite")(target, look);
      return state.is === "done"
        ? pending(`the cross-site replicator of ${target.node.name} is stopped`)
        : { is: "done" };
    },
  },
  {
    what: "take the datasource back, as far as the managers will",
    on: fixTargets(fix),
    run: [
      {
        when: "it is SHUNNED",
        holds: datasourceIs(fix, shunned),
        effect: sent.datasource(["recover", "online"], false),
      },
      { when: "it is OFFLINE", effect: sent.datasource(["online"], false) },
    ],
    done: datasourceIs(fix, (state) => state === "ONLINE"),
    stallSeconds: 300,
  },
];
