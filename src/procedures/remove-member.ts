/**
 * Take a site out of a composite (tungsten-config §1.3, tungsten-cli §11.10: maintenance, the ini without it on all nodes,
 * tools/tpm update --replace-release on every node of the sites that stay, its generated services gone, cctrl shows the
 * rest). Asked for by taking it out of spec.members. What travels to it and from it arrives first, or is given up by a
 * word. It ends as a dataservice of its own.
 */
import type { Ledger } from "../crds/ledger.ts";
import type { Node, Site } from "../topology/estate.ts";
import { compositeView } from "../tungsten/node-facts.ts";
import { promoteStep } from "./apply-configuration.ts";
import { optionParts } from "./conversion-options.ts";
import { type Drain, drainParts, notBehind, serviceGone, stayOffline } from "./drain.ts";
import { mapOwnService } from "./keep-accounts.ts";
import type { Judgement, Part, Procedure, Step } from "./procedure.ts";
import { provePaths } from "./prove-paths.ts";
import { publishTexts, startedAgain, updateOver } from "./remove-links.ts";
import type { Text } from "./remove-links-parts.ts";
import { eachPrimary, eachSite, everyNode } from "./scopes.ts";
import {
  enterMaintenance,
  incomingServices,
  localService,
  of,
  returnPolicy,
  type Scope,
} from "./site-parts.ts";
import { hasReached } from "./track.ts";
import { doneIf, every, knowing } from "./verdicts.ts";

export type MemberRemoval = {
  readonly leaver: Site;
  /** Sites that stay members. */
  readonly staying: readonly Site[];
  /** Data nodes of each site that takes part, in the order they are taken, the primary last; without the leaver where it is left as it is. */
  readonly sites: readonly (readonly Node[])[];
  readonly texts: readonly Text[];
  readonly awaits: boolean;
  /** A walk before this one has let everything arrive, and may have updated nodes since: none of them is let go on alone. */
  readonly drained?: boolean;
  /** The composite's dataservice; left out where none is left of it. */
  readonly composite?: string;
  /** What makes heartbeats' names unique to this turn of the walk. */
  readonly beat: string;
};

export const forward = "Nothing is undone by itself: the site joins again as a new one, once it is over.";

/** Services between the leaver and the others, at both ends, on the nodes that take part. */
const leavingReaders =
  ({ leaver, staying }: MemberRemoval): Scope =>
  (run) =>
    everyNode(run).flatMap(({ node, site }) =>
      (site.name === leaver.name ? staying : [leaver]).map((source) => ({
        id: `${node.name}.${source.name}`,
        node,
        site,
        source,
      })),
    );

const stayingReaders =
  ({ staying }: MemberRemoval): Scope =>
  (run) =>
    everyNode(run)
      .filter(({ site }) => staying.some(({ name }) => name === site.name))
      .flatMap(({ node, site }) =>
        staying
          .filter(({ name }) => name !== site.name)
          .map((source) => ({ id: `${node.name}.${source.name}`, node, site, source })),
      );

/**
 * Once, for all nodes of a site together. Let go on to another heartbeat while its neighbour is updated already, a node would
 * hold rows that the neighbour never gets.
 */
const drainOf = (about: MemberRemoval): Drain => {
  const drains = about.awaits && about.drained !== true;
  return {
    product: "cluster",
    readers: drains ? leavingReaders(about) : () => [],
    sources: drains ? eachPrimary : () => [],
    beat: about.beat,
  };
};

/** What a walk that begins anew keeps of the one before: where services were left, once nobody is let drain again. */
export function drainedBy(about: MemberRemoval, { kept, ...ledger }: Ledger): Record<string, string> {
  const reached = (step: string): boolean => hasReached(removeMember(about), { kept, ...ledger }, step, 0);
  const drained = kept.drained === "true" || reached(about.awaits ? "StopServices" : "UpdateNodes1");
  const left = Object.entries(kept).filter(([key]) => key.startsWith("position."));
  return drained ? { ...Object.fromEntries(left), drained: "true" } : {};
}

/** The managers of every site that stays show these members, ONLINE, and no other. */
export const managersShow =
  ({ staying }: Pick<MemberRemoval, "staying">, composite: string): Judgement =>
  ({ node }, look) =>
    knowing(
      look.facts.get(node.name, compositeView(composite)),
      `the composite view of ${node.name}`,
      ({ datasources }) => {
        const missing = staying.find(
          ({ dataservice }) =>
            !datasources.some(({ name, state }) => name === dataservice && state === "ONLINE"),
        );
        const more = datasources.find(({ name }) => !staying.some(({ dataservice }) => dataservice === name));
        return doneIf(
          missing === undefined && more === undefined,
          missing === undefined
            ? `cctrl of ${node.name} still shows ${more?.name} in the composite: drop composite datasource ${more?.name} there, by the vendor's page for your release`
            : `cctrl of ${node.name} does not show ${missing.name} ONLINE in the composite`,
        );
      },
    );

/** Sites that stay a composite; what stands alone has no link. */
const optionsOver = ({ texts, staying }: MemberRemoval, here: Scope): readonly Part[] =>
  (staying.length > 1 ? texts : [])
    .filter(({ sites }) => staying.some(({ name }) => sites.includes(name)))
    .flatMap((text) =>
      optionParts(
        of(here, ({ site }) => text.sites.includes(site.name)),
        text,
      ),
    );

/** Of sites that are no composite any more: the connector that is promoted last lets nobody in to one that is gone. */
const aloneMapped = ({ texts }: MemberRemoval, here: Scope): readonly Part[] =>
  texts
    .filter(({ sites }) => sites.length === 1)
    .map(({ sites }) => mapOwnService(of(here, ({ site }) => sites.includes(site.name))));

/**
 * The n-th node of every site that takes part, side by side; `readers` of the same nodes come online again behind it.
 * `online`: of a passive site's walk, the nodes whose own service has to be ONLINE behind it, because those updated may read them.
 */
export function updateStep(
  about: MemberRemoval,
  index: number,
  n: number,
  readers: Scope,
  online?: Scope,
): Step {
  const names = about.sites.flatMap((nodes) => nodes[index]?.name ?? []);
  const here = (scope: Scope) => of(scope, ({ node }) => names.includes(node.name));
  return {
    n,
    id: `UpdateNodes${index + 1}`,
    title: `Update ${names.join(", ")}`,
    condition: `Nodes${index + 1}Updated`,
    undo: forward,
    parts: [
      ...updateOver(about.texts, "cluster", here(everyNode)),
      // No link leads into a passive site.
      ...(online === undefined ? optionsOver(about, here(everyNode)) : []),
      startedAgain(here(everyNode)),
      ...aloneMapped(about, here(everyNode)),
      localService(online ?? here(everyNode)),
      incomingServices("cluster", here(readers)),
    ],
  };
}

function proveStep(about: MemberRemoval, n: number): Step {
  const { composite, staying } = about;
  const at = (site: Site): boolean => staying.some(({ name }) => name === site.name);
  const managers: readonly Part[] =
    composite === undefined
      ? []
      : [
          {
            what: "the managers show the sites that stay in the composite, and no other",
            vendor: "cctrl -multi> use COMPOSITE; ls",
            on: of(eachPrimary, ({ site }) => at(site)),
            run: [],
            done: managersShow(about, composite),
            stallSeconds: 600,
          },
        ];
  return {
    n,
    id: "ProveRest",
    title: "See the services gone, and the rest replicate",
    condition: "RestProven",
    undo: "Nothing to undo.",
    parts: [
      {
        what: "no node has a service between the site and the others any more; positions are where they were left",
        on: leavingReaders(about),
        run: [],
        done: (target, look) => every([serviceGone("cluster")(target, look), notBehind(target, look)]),
        stallSeconds: 600,
      },
      localService(everyNode),
      incomingServices("cluster", stayingReaders(about)),
      ...managers,
      provePaths({
        readers: stayingReaders(about),
        sources: staying.length > 1 ? staying.map(({ name }) => name) : [],
        beat: about.beat,
      }),
    ],
  };
}

export const promoteSteps = ({ sites }: Pick<MemberRemoval, "sites">, n: number): readonly Step[] =>
  sites.flat().map((node, index) => ({
    ...promoteStep(node, n + index),
    id: `PromoteConnector-${node.name}`,
  }));

/** A walk that takes a member out, whichever way: it is asked for by the CompositeService, and leads only forward. */
export const removal = (steps: readonly Step[]): Procedure => ({
  name: "RemoveMember",
  revision: 2,
  source:
    "Tungsten documentation, Deploying Composite Clusters, removing a cluster from a composite; The tpm update Command; as one outline in neither",
  accepts: [],
  holds: [],
  pins: () => ({ unknown: "a walk that takes a member out pins what its TungstenCluster says" }),
  steps,
  abortUntil: { step: "EnterMaintenance", part: 0 },
  revert: [],
  revertUntil: { step: "EnterMaintenance", part: 0 },
  interruptions: () => [],
  budgets: [],
});

/** The way of one site out of its composite. */
export function removeMember(about: MemberRemoval): Procedure {
  const rounds = Math.max(...about.sites.map((nodes) => nodes.length));
  return removal([
    enterMaintenance(eachSite),
    {
      n: 2,
      id: "DrainServices",
      title: "Let arrive what travels to the site and from it",
      condition: "ServicesDrained",
      undo: forward,
      parts: drainParts(drainOf(about)),
    },
    {
      n: 3,
      id: "StopServices",
      title: "Stop the services between the site and the others",
      condition: "ServicesStopped",
      undo: forward,
      parts: [stayOffline("cluster", leavingReaders(about))],
    },
    publishTexts(about.texts, 4, forward),
    ...Array.from({ length: rounds }, (_, index) =>
      updateStep(about, index, 5 + index, stayingReaders(about)),
    ),
    proveStep(about, 5 + rounds),
    returnPolicy(6 + rounds, {
      onSite: eachSite,
      nodes: everyNode,
      readers: stayingReaders(about),
      product: "cluster",
    }),
    ...promoteSteps(about, 7 + rounds),
  ]);
}
