/**
 * Let the replicators of a whole estate speak TLS, or no longer (vendor's page: enabling SSL for replicators only:
 * maintenance, the lines in both defaults, tpm update of both products on all hosts, everything online, thls seen
 * everywhere). Cluster and cross-site replicators change together, and nothing travels between one that has and one that
 * has not: so all nodes are updated first, and only then anything is waited for. Asked for by the specs, begun by a word.
 */
import type { Node } from "../topology/estate.ts";
import type { Product } from "../tungsten/invocation.ts";
import { clusterView, services } from "../tungsten/node-facts.ts";
import type { ReplicatorStatus } from "../tungsten/reading.ts";
import { everythingRuns, promoteStep, publishStep, update } from "./apply-configuration.ts";
import * as act from "./conversion-commands.ts";
import { optionParts } from "./conversion-options.ts";
import * as go from "./conversion-services.ts";
import type { Judgement, Procedure, Step } from "./procedure.ts";
import { eachLinkedReader, eachSite, everyNode } from "./scopes.ts";
import { enterMaintenance, incomingServices, localService, of, returnPolicy } from "./site-parts.ts";
import { doneIf, every, knowing, pending } from "./verdicts.ts";

/** `sites`: data nodes of each in the order they are taken, the primary last. */
export type TransportChange = {
  readonly sites: readonly (readonly Node[])[];
  readonly kind: "MSAA" | "CAA";
  readonly crossSite: boolean;
  readonly secured: boolean;
};

/** Every address a service reads from, and where it reads now: a primary reads its own database. */
const speaks = ({ masterConnectUri, pipelineSource }: ReplicatorStatus, protocol: string): boolean => {
  const uris = [...(masterConnectUri ?? "").split(","), pipelineSource ?? ""];
  return uris.every((uri) => uri.startsWith(protocol) || uri.startsWith("jdbc:"));
};

const provenOn =
  (product: Product, secured: boolean): Judgement =>
  (target, look) =>
    knowing(
      look.facts.get(target.node.name, services(product)),
      `the ${product} services of ${target.node.name}`,
      (all) => {
        if (all === "down" || all.length === 0)
          return pending(`no ${product} service runs on ${target.node.name}`);
        const other = all.find((status) => !speaks(status, secured ? "thls://" : "thl://"));
        return doneIf(
          other === undefined,
          `${other?.service} of ${target.node.name} does not tell ${secured ? "thls" : "thl"} yet`,
        );
      },
    );

/** The managers' word for it: [SSL] behind the status of every datasource. */
const shown =
  (secured: boolean): Judgement =>
  (target, look) =>
    knowing(
      look.facts.get(target.node.name, clusterView),
      `cctrl of ${target.node.name}`,
      ({ datasources }) => {
        const other = datasources.find(({ ssl }) => (ssl === true) !== secured);
        return doneIf(
          other === undefined,
          `cctrl of ${target.node.name} shows ${other?.name} ${secured ? "without" : "with"} [SSL]`,
        );
      },
    );

/** The n-th node of every site, side by side: at each site the managers of the others stay. */
function updateStep(index: number, n: number, about: TransportChange): Step {
  const names = about.sites.flatMap((nodes) => nodes[index]?.name ?? []);
  const here = of(everyNode, ({ node }) => names.includes(node.name));
  return {
    n,
    id: `UpdateNodes${index + 1}`,
    title: `Update ${names.join(", ")}`,
    condition: `Nodes${index + 1}Updated`,
    undo: "Put the specs back: the former text is brought to every node the same way.",
    parts: [
      update("cluster", about, here),
      ...(about.kind === "CAA" ? optionParts(here) : []),
      {
        what: "replicator, manager and connector run, and the database has its role",
        on: here,
        run: [{ when: "something does not run", effect: act.startAll }],
        done: everythingRuns,
        settleSeconds: 30,
        stallSeconds: 600,
      },
      ...(about.crossSite
        ? [
            update("crossSite", about, here),
            {
              what: "its second replicator runs",
              on: here,
              run: [{ when: "it is stopped", effect: act.replicator("crossSite", "start") }],
              done: go.processRuns("crossSite"),
            },
          ]
        : []),
    ],
  };
}

/** The change of one estate. */
export function changeTransport(about: TransportChange): Procedure {
  const { sites, kind, crossSite, secured } = about;
  const product: Product = kind === "MSAA" ? "crossSite" : "cluster";
  const readers = eachLinkedReader(kind);
  const rounds = Math.max(...sites.map((nodes) => nodes.length));
  const nodes = sites.flat();
  const published = publishStep(about, everyNode, 2);
  return {
    name: "ChangeTransport",
    revision: 1,
    source:
      "Tungsten documentation, Deploying Multi-Site/Active-Active Clustering, Enabling SSL for Replicators Only",
    accepts: [],
    holds: [],
    pins: () => ({ unknown: "a change of the transport pins what its TungstenCluster says" }),
    steps: [
      enterMaintenance(eachSite),
      // A node makes its key stores of the mounted certificate, which comes a minute after the spec.
      { ...published, parts: published.parts.map((part) => ({ ...part, tries: 100, stallSeconds: 600 })) },
      ...Array.from({ length: rounds }, (_, index) => updateStep(index, index + 3, about)),
      {
        n: rounds + 3,
        id: "BringOnline",
        title: "See every service online again",
        condition: "ServicesOnline",
        undo: "Nothing to undo.",
        parts: [localService(everyNode), incomingServices(product, readers)],
      },
      {
        n: rounds + 4,
        id: "ProveTransport",
        title: `See ${secured ? "thls" : "thl"} in every address of every service`,
        condition: "TransportProven",
        undo: "Nothing to undo.",
        parts: [
          {
            what: `cctrl shows every datasource ${secured ? "with" : "without"} [SSL], and trepctl tells ${secured ? "thls://" : "thl://"} wherever a service reads, of both products`,
            vendor: "trepctl status | grep thl; mm_trepctl status | grep thl",
            on: everyNode,
            run: [],
            done: (target, look) =>
              every([
                shown(secured)(target, look),
                provenOn("cluster", secured)(target, look),
                ...(crossSite ? [provenOn("crossSite", secured)(target, look)] : []),
              ]),
            stallSeconds: 600,
          },
        ],
      },
      returnPolicy(rounds + 5, { onSite: eachSite, nodes: everyNode, readers, product }),
      ...nodes.map((node, index) => ({
        ...promoteStep(node, rounds + 6 + index),
        id: `PromoteConnector-${node.name}`,
      })),
    ],
    abortUntil: { step: "EnterMaintenance", part: 0 },
    revert: [],
    revertUntil: { step: "EnterMaintenance", part: 0 },
    interruptions: () => [],
    budgets: [],
  };
}
