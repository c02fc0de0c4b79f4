/**
 * Give a new site the data of another one before Tungsten is installed there (deploy-msaa, "Adding a new Cluster/Dataservice":
 * shun a replica, stop both its replicators, copy it to all nodes of the new cluster, recover it). The tracking schemas come
 * along and hold the positions from which the new site will read the others. Asked for by `spec.fillFrom`.
 */
import { otherEnds } from "./out-of-service.ts";
import type { Judgement, Procedure, Step } from "./procedure.ts";
import * as copies from "./reset-copies.ts";
import { giveBackParts, held, released, takeOutParts } from "./reset-parts.ts";
import { copyFile, type ResetScopes, scopesOf } from "./reset-scopes.ts";
import * as is from "./reset-states.ts";
import { eachLinkedReader, eachSite, everyNode } from "./scopes.ts";
import { check, safely } from "./site-commands.ts";
import { enterMaintenance, of, returnPolicy, type Scope } from "./site-parts.ts";
import { every } from "./verdicts.ts";

export type Filling = {
  /** The new site: no product is installed on any of its nodes. */
  readonly site: string;
  /** The site whose data it gets; which of its replicas gives them is pinned. */
  readonly from: string;
};

const stopDatabases = (on: Scope): Step => ({
  n: 2,
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
          effect: (target) => safely(target.node, ["database", "stop"], { deadlineSeconds: 1800 }),
        },
      ],
      done: is.databaseIs("stopped"),
      stallSeconds: 1800,
    },
  ],
});

const bothRest =
  (scopes: ResetScopes): Judgement =>
  (target, look) =>
    every([
      is.databaseIs("stopped")(target, look),
      ...scopes
        .donor(look.run)
        .flatMap((donor) => [
          is.databaseIs("stopped")(donor, look),
          is.processStopped("cluster")(donor, look),
          is.processStopped("crossSite")(donor, look),
        ]),
    ]);

const copyStep = (scopes: ResetScopes, on: Scope): Step => ({
  n: 4,
  id: "CopyData",
  title: "Copy the donor to all nodes of the new site",
  condition: "DataCopied",
  undo: "Nothing to undo: what was there was empty.",
  parts: [
    {
      what: "copy the donor's data path by path, without binary logs and auto.cnf",
      vendor: "Take a backup of the shunned node, then copy to/restore on all nodes in the new cluster",
      on,
      run: [
        {
          when: "on both nodes nothing runs",
          holds: bothRest(scopes),
          effect: (target, run) =>
            safely(target.node, ["copy-datadir", scopes.donorNode(run).name, copyFile(run, target.node)], {
              deadlineSeconds: 24 * 3600,
              prechecks: [check("database-is", "stopped"), check("no-tpm")],
            }),
        },
      ],
      done: copies.dataCopied,
      record: copies.copyRecord,
      tries: 10,
      stallSeconds: 24 * 3600,
    },
  ],
});

const startDatabases = (scopes: ResetScopes, on: Scope): Step => ({
  n: 6,
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
    topology: "MSAA",
    donor: "",
    method: "xtrabackup",
    drainSeconds: 0,
    acknowledgedFindings: [],
  });
  const fresh = of(everyNode, ({ site }) => site.name === about.site);
  const onDonors = of(eachSite, ({ site }) => site.name === about.from);
  const old = of(
    eachLinkedReader("MSAA"),
    ({ site, source }) => site.name !== about.site && source?.name !== about.site,
  );
  const others = otherEnds({ site: about.from, kind: "MSAA" }, 7);
  return {
    name: "FillSite",
    revision: 1,
    source:
      "Tungsten documentation, Deploying Multi-Site/Active-Active Clustering, Adding a new Cluster/Dataservice",
    accepts: [],
    holds: [],
    pins: () => ({ unknown: "a filling pins what its TungstenCluster says" }),
    steps: [
      enterMaintenance(onDonors),
      stopDatabases(fresh),
      {
        n: 3,
        id: "TakeDonorOut",
        title: "Shun the selected replica, and stop both its replicators",
        condition: "DonorTakenOut",
        undo: "datasource HOST recover in cctrl, then start what is held.",
        parts: takeOutParts(scopes),
      },
      copyStep(scopes, fresh),
      {
        n: 5,
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
      returnPolicy(8, {
        onSite: onDonors,
        nodes: of(everyNode, ({ site }) => site.name === about.from),
        readers: of(old, ({ site }) => site.name === about.from),
        product: "crossSite",
      }),
    ],
    abortUntil: { step: "EnterMaintenance", part: 0 },
    revert: [],
    revertUntil: { step: "EnterMaintenance", part: 0 },
    interruptions: () => [],
    budgets: [],
  };
}
