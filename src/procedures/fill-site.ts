/**
 * Give a new site the data of another one before Tungsten is installed there (deploy-msaa, "Adding a new Cluster/Dataservice":
 * shun a replica, stop both its replicators, copy it to all nodes of the new cluster, recover it; deploy-cap names the same
 * way for a composite, where one replicator carries everything). The tracking schemas come along and hold the positions from
 * which the new site will read the others: both topologies name them after the source. Asked for by `spec.fillFrom`.
 */
import type { Ledger } from "../crds/ledger.ts";
import { type FillingPart, firstFilling } from "./first-filling.ts";
import { noPositionOf } from "./joining-gates.ts";
import { otherEnds } from "./out-of-service.ts";
import type { Alternative, Part, Procedure, Run, Step } from "./procedure.ts";
import { stopDonorsDatabase } from "./reset-commands.ts";
import * as copies from "./reset-copies.ts";
import { giveBackParts, held, released, takeOutParts } from "./reset-parts.ts";
import { copyFile, keptBy, type ResetScopes, scopesOf } from "./reset-scopes.ts";
import * as is from "./reset-states.ts";
import { eachLinkedReader, eachSite, everyNode } from "./scopes.ts";
import { check, safely } from "./site-commands.ts";
import { enterMaintenance, of, returnPolicy, type Scope } from "./site-parts.ts";
import { done } from "./verdicts.ts";

export type Filling = {
  /** The new site: no product is installed on any of its nodes. */
  readonly site: string;
  /** The site whose data it gets; which of its replicas gives them is pinned. */
  readonly from: string;
  /** What the sites that are there run as; a composite's sites have one product. */
  readonly kind: "MSAA" | "CAA";
};

/** Under which a ledger keeps that this was seen. */
export const unusedKey = "nameUnused";
/** Every new node holds a whole copy, by this ledger. A walk that begins anew behind it proves that copy, and makes no other. */
export const isCopied = (kept: Ledger["kept"], nodes: readonly string[]): boolean =>
  nodes.length > 0 && nodes.every((node) => kept[keptBy.made(node)] !== undefined);

/** What such a walk has to know: whose data were copied to whom, and where the donor stood then. */
export const copyKept = (kept: Ledger["kept"]): Ledger["kept"] =>
  Object.fromEntries(
    Object.entries(kept).filter(([key]) =>
      [keptBy.made(""), keptBy.donorRow("")].some((beginning) => key.startsWith(beginning)),
    ),
  );

const nameUnused = ({ site }: Filling, others: Scope): Step => ({
  n: 1,
  id: "SeeNameUnused",
  title: "See that nobody holds a position of a former site of that name",
  condition: "NameUnused",
  undo: "Nothing to undo.",
  parts: [
    {
      what: "no node of another site holds a position of the new one: its log begins anew, and the copy must not bring one",
      on: others,
      run: [],
      // A walk that begins anew finds the donor's database stopped, perhaps.
      done: (target, look) => (look.run.kept[unusedKey] === "true" ? done : noPositionOf(site)(target, look)),
      record: () => ({ [unusedKey]: "true" }),
    },
  ],
});

const stopDatabases = (on: Scope): Step => ({
  n: 3,
  id: "StopNewDatabases",
  title: "Stop the empty databases of the new site",
  condition: "NewDatabasesStopped",
  undo: "Release the holds, and start them.",
  parts: [
    held("database", on),
    {
      what: "stop the database: nothing of Tungsten is installed there, and nobody uses it",
      on,
      run: [
        {
          when: "it runs",
          // What was looked at before the walk began may be filled by now; behind this stop nobody writes.
          effect: (target) =>
            safely(target.node, ["database", "stop"], {
              deadlineSeconds: 1800,
              prechecks: [check("no-tables")],
            }),
        },
      ],
      done: is.databaseIs("stopped"),
      stallSeconds: 1800,
    },
  ],
});

const remediesOf = (scopes: ResetScopes): readonly Alternative[] => [
  {
    when: "the donor's database runs again",
    holds: copies.donorsDatabaseRuns(scopes),
    effect: (target, run, attempt) =>
      stopDonorsDatabase({ ...target, node: scopes.donorNode(run) }, run, attempt),
  },
];

/** The part that makes the copies. */
export const copyFilling: FillingPart = { steps: /^CopyData$/, part: 0, remedies: 1 };

const copyStep = (scopes: ResetScopes, on: Scope): Step => {
  const filling = firstFilling({
    when: "on both nodes nothing runs",
    looks: "no-table-files",
    ready: copies.bothRest(scopes),
    tool: (target, run, prechecks) =>
      safely(target.node, ["copy-datadir", scopes.donorNode(run).name, copyFile(run, target.node)], {
        deadlineSeconds: 24 * 3600,
        prechecks: [check("database-is", "stopped"), check("no-tpm"), ...prechecks],
      }),
    remedies: remediesOf(scopes),
  });
  return {
    n: 5,
    id: "CopyData",
    title: "Copy the donor to all nodes of the new site",
    condition: "DataCopied",
    undo: "Nothing to undo: what was there was empty.",
    parts: [
      {
        what: "copy the donor's data path by path, without binary logs and auto.cnf",
        vendor: "Take a backup of the shunned node, then copy to/restore on all nodes in the new cluster",
        on,
        guards: filling.guards,
        run: filling.run,
        done: copies.dataCopied,
        record: copies.copyRecord,
        tries: 10,
        stallSeconds: 24 * 3600,
      },
    ],
  };
};

const startDatabases = (scopes: ResetScopes, on: Scope): Step => ({
  n: 7,
  id: "StartNewDatabases",
  title: "Start the databases of the new site over the copy",
  condition: "NewDatabasesFilled",
  undo: "Nothing to undo.",
  parts: [
    released("database", on),
    {
      what: "start the database",
      on,
      run: [
        {
          when: "it is stopped",
          effect: (target) => safely(target.node, ["database", "start"], { deadlineSeconds: 1800 }),
        },
      ],
      done: is.databaseIs("running"),
      stallSeconds: 1800,
    },
    {
      what: "see that every copy stands where the donor stood in every site's log",
      on,
      run: [],
      done: copies.rowsAsDonors(scopes),
    },
  ],
});

/** The filling of one new site. */
export function fillSite(about: Filling): Procedure {
  const scopes = scopesOf({
    failedSite: about.site,
    definitiveSite: about.from,
    topology: about.kind,
    donor: "",
    method: "xtrabackup",
    drainSeconds: 0,
    acknowledgedFindings: [],
  });
  const fresh = of(everyNode, ({ site }) => site.name === about.site);
  const onceCopied = (run: Run): boolean =>
    isCopied(
      run.kept,
      fresh(run).map(({ node }) => node.name),
    );
  /** Until the copy is made: behind it the donor is not taken out once more, and no new database stopped. */
  const until =
    (scope: Scope): Scope =>
    (run) =>
      onceCopied(run) ? [] : scope(run);
  const untilCopied = (parts: readonly Part[]): readonly Part[] =>
    parts.map((part) => ({ ...part, on: until(part.on) }));
  const onDonors = of(eachSite, ({ site }) => site.name === about.from);
  const old = of(
    eachLinkedReader(about.kind),
    ({ site, source }) => site.name !== about.site && source?.name !== about.site,
  );
  const others = otherEnds({ site: about.from, kind: about.kind }, 8);
  const replicators = about.kind === "MSAA" ? "both its replicators" : "its replicator";
  return {
    name: "FillSite",
    revision: 3,
    source:
      about.kind === "MSAA"
        ? "Tungsten documentation, Deploying Multi-Site/Active-Active Clustering, Adding a new Cluster/Dataservice"
        : "Tungsten documentation, Deploying a Composite Active/Passive Cluster, Adding a remote Composite Cluster (the way by a backup of a replica)",
    accepts: [],
    holds: [],
    pins: () => ({ unknown: "a filling pins what its TungstenCluster says" }),
    steps: [
      nameUnused(
        about,
        of(everyNode, ({ site }) => site.name !== about.site),
      ),
      { ...enterMaintenance(onDonors), n: 2 },
      stopDatabases(until(fresh)),
      {
        n: 4,
        id: "TakeDonorOut",
        title: `Shun the selected replica, and stop ${replicators}`,
        condition: "DonorTakenOut",
        undo: "datasource HOST recover in cctrl, then start what is held.",
        parts: untilCopied(takeOutParts(scopes)),
      },
      copyStep(scopes, until(fresh)),
      {
        n: 6,
        id: "GiveDonorBack",
        title: "Recover the replica",
        condition: "DonorGivenBack",
        undo: "Nothing to undo.",
        parts: giveBackParts(scopes),
      },
      startDatabases(scopes, fresh),
      {
        ...others,
        parts: others.parts.map((part) => ({
          ...part,
          on: of(old, ({ source }) => source?.name === about.from),
        })),
      },
      returnPolicy(9, {
        onSite: onDonors,
        nodes: of(everyNode, ({ site }) => site.name === about.from),
        readers: of(old, ({ site }) => site.name === about.from),
        product: about.kind === "MSAA" ? "crossSite" : "cluster",
      }),
    ],
    abortUntil: { step: "SeeNameUnused", part: 0 },
    revert: [],
    revertUntil: { step: "SeeNameUnused", part: 0 },
    interruptions: () => [],
    budgets: [],
  };
}
