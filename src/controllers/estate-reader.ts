/** Reads a namespace's specs and pods, live, into estates and the pods of their nodes. */
import { compositeService } from "../crds/composite-service.ts";
import { crossSiteLink } from "../crds/cross-site-link.ts";
import { parseSpec } from "../crds/parse.ts";
import { tungstenCluster } from "../crds/tungsten-cluster.ts";
import { clusterKind, compositeKind, linkKind, podKind } from "../kube/kinds.ts";
import type { Estate } from "../topology/estate.ts";
import {
  type ClusterInput,
  type CompositeInput,
  estatesOf,
  type LinkInput,
  type Problem,
} from "../topology/estate-of.ts";
import { siteLabel } from "../topology/names.ts";
import { siteNumbers } from "../topology/site-numbers.ts";
import { linkFinalizer, siteFinalizer } from "./ownership.ts";
import type { KubeObject, Objects, PodRef } from "./shell.ts";
import { sitesNamedBy } from "./wake.ts";

export type Namespace = {
  readonly estates: readonly Estate[];
  readonly problems: readonly Problem[];
  readonly clusters: ReadonlyMap<string, KubeObject>;
  /** What the specs of composites say, whether or not their sites exist. */
  readonly composites: readonly CompositeInput[];
  /** `Kind/name` → why an object that is there is left out of every estate: its spec does not parse, or it leaves. */
  readonly leftOut: ReadonlyMap<string, string>;
  /** Site → the CompositeService or CrossSiteLink that names it, by kind and name, even if its spec is not sound. */
  readonly needs: ReadonlyMap<string, string>;
  /** The estates as they are once these CrossSiteLinks, by name, are no more, and these sites no members of a composite. */
  readonly without: (links: readonly string[], members?: readonly string[]) => readonly Estate[];
};

/** All estates of a namespace. An object whose spec does not parse is left out and told by its own controller. */
export async function readNamespace(objects: Pick<Objects, "list">, namespace: string): Promise<Namespace> {
  const [clusters, links, composites] = await Promise.all([
    objects.list(clusterKind, namespace),
    objects.list(linkKind, namespace),
    objects.list(compositeKind, namespace),
  ]);
  const numbers = siteNumbers(
    clusters.map(({ metadata, status }) => ({
      name: metadata.name,
      createdAt: metadata.creationTimestamp ?? "",
      kept: status?.siteNumber,
    })),
  );
  const inputs = {
    clusters: clusters.flatMap((object) => clusterInput(object, numbers)),
    links: links.flatMap(linkInput),
    composites: withLeavers(composites.flatMap(compositeInput), composites, clusters),
  };
  const { estates, problems } = estatesOf(namespace, inputs);
  return {
    estates,
    problems,
    clusters: new Map(clusters.map((object) => [object.metadata.name, object])),
    composites: inputs.composites,
    leftOut: new Map([
      ...leftOutOf(tungstenCluster.spec, clusters, isGone),
      ...leftOutOf(compositeService.spec, composites, isLeaving),
    ]),
    needs: needsOf([...composites, ...links], inputs.composites),
    without: (names, members = []) =>
      estatesOf(namespace, {
        ...inputs,
        links: inputs.links.filter(({ name }) => !names.includes(name)),
        composites: inputs.composites.map((each) => withoutMembers(each, members)),
      }).estates,
  };
}

/** By the rules that the inputs follow. */
const leftOutOf = (
  schema: Parameters<typeof parseSpec>[0],
  objects: readonly KubeObject[],
  leaves: (object: KubeObject) => boolean,
): readonly (readonly [string, string])[] =>
  objects.flatMap((object) => {
    const about = `${object.kind}/${object.metadata.name}`;
    if (leaves(object)) return [[about, "it is being deleted"] as const];
    const parsed = parseSpec(schema, object.spec);
    return "faults" in parsed ? [[about, parsed.faults.join("; ")] as const] : [];
  });

function needsOf(
  objects: readonly KubeObject[],
  composites: readonly CompositeInput[],
): ReadonlyMap<string, string> {
  const needs = new Map<string, string>(
    composites.flatMap(({ name, leaving }) =>
      (leaving?.members ?? []).map((site) => [site, `CompositeService ${name}`] as const),
    ),
  );
  for (const object of objects) {
    if (object.metadata.deletionTimestamp !== undefined && !isHeld(object)) continue;
    for (const site of sitesNamedBy(object))
      if (!needs.has(site)) needs.set(site, `${object.kind} ${object.metadata.name}`);
  }
  return needs;
}

/** The first of these sites on which a procedure or its installation runs, as the sites' own status tells; undefined if none. */
export const siteWithProcedure = ({ clusters }: Namespace, sites: readonly string[]): string | undefined =>
  sites.find((site) => {
    const { runningProcedure = "", ledger } = clusters.get(site)?.status ?? {};
    return runningProcedure !== "" || ledger?.phase === "Running";
  });

/** A deleted site is one of its estate for as long as our finalizer holds it: others still replicate with it. */
const isGone = ({ metadata }: KubeObject): boolean =>
  metadata.deletionTimestamp !== undefined && !metadata.finalizers?.includes(siteFinalizer);

const isLeaving = ({ metadata }: KubeObject): boolean => metadata.deletionTimestamp !== undefined;

/** A deleted link is one of its estate for as long as our finalizer holds it: nodes still do what it asked for. */
const isHeld = ({ metadata }: KubeObject): boolean => metadata.finalizers?.includes(linkFinalizer) === true;

/**
 * How many data nodes are in service, by the site's status; undefined on a site that was never seen to run. Until a walk has
 * brought a node in, or out, nobody's estate holds it or misses it, whatever the spec says.
 */
export function nodesInService({ status }: KubeObject): number | undefined {
  const members: readonly string[] | undefined = status?.configuration?.members;
  return members === undefined || members.length === 0 ? undefined : members.length;
}

/**
 * How many data nodes an installation, or the filling before it, was begun with: a node that comes into the middle would be
 * empty beside full ones. The spec's number counts again once the site is in service.
 */
function nodesBegunWith({ metadata, status }: KubeObject): number | undefined {
  const { phase, procedure, pins } = status?.ledger ?? {};
  if (phase !== "Running" && procedure !== "FillSite") return undefined;
  const members: readonly string[] = pins?.members?.[metadata.name] ?? [];
  return members.length === 0 ? undefined : members.length;
}

/** Nodes join or leave, or are out and keep their pods for a while: a witness, whose name follows theirs, comes after that. */
const nodesMove = ({ status }: KubeObject): boolean =>
  (status?.leaving ?? []).length > 0 ||
  (status?.ledger?.phase === "Running" && /^(AddNodes|RemoveNodes)$/.test(status.ledger.procedure));

function clusterInput(object: KubeObject, numbers: ReadonlyMap<string, number>): ClusterInput[] {
  const parsed = parseSpec(tungstenCluster.spec, object.spec);
  if ("faults" in parsed || isGone(object)) return [];
  const { dataservice, nodes, witness, initialPrimary, release, mysql, connector, options, tls } =
    parsed.spec;
  const { name } = object.metadata;
  return [
    {
      name,
      number: numbers.get(name),
      dataservice,
      nodes: nodesInService(object) ?? nodesBegunWith(object) ?? nodes,
      witness: nodesMove(object) ? undefined : witness,
      initialPrimary,
      release,
      mysqlPort: mysql.port,
      connectorPort: connector.port,
      connectors: connector.replicas,
      options,
      tls: tls?.secret.name,
      secured: object.status?.configuration && object.status.configuration.secured === true,
    },
  ];
}

function linkInput(object: KubeObject): LinkInput[] {
  const parsed = parseSpec(crossSiteLink.spec, object.spec);
  if ("faults" in parsed || (isLeaving(object) && !isHeld(object))) return [];
  const { source, target, options, tls, onDeletion } = parsed.spec;
  const leaving = isLeaving(object) && {
    leaving: {
      awaits: onDeletion.unread === "Await",
      drops: onDeletion.trackingSchema === "Drop",
      since: Date.parse(object.metadata.deletionTimestamp ?? ""),
    },
  };
  return [{ name: object.metadata.name, source: source.name, target: target.name, options, tls, ...leaving }];
}

/** Which member takes the writes, as it was last seen; undefined before it was. The spec says where they begin, once. */
function activeSiteTold(object: KubeObject): string | undefined {
  const told = toldToWrite(object);
  const members: readonly { name: string }[] = object.spec?.members ?? [];
  return members.find(({ name }) => name === told)?.name;
}

const toldToWrite = (object: KubeObject | undefined): unknown =>
  object?.spec?.type === "ActivePassive" ? object.status?.primarySite : undefined;

function compositeInput(object: KubeObject): CompositeInput[] {
  const parsed = parseSpec(compositeService.spec, object.spec);
  if ("faults" in parsed || isLeaving(object)) return [];
  const { dataservice, type, members, primarySite, writeAffinity } = parsed.spec;
  return [
    {
      name: object.metadata.name,
      dataservice,
      type,
      members: members.map(({ name }) => name),
      primarySite: activeSiteTold(object) ?? primarySite,
      writeAffinity,
    },
  ];
}

/** What its nodes run from was made for it as one of these. */
function installedWith({ status }: KubeObject, members: readonly string[]): boolean {
  const { topology, sites = [] } = status?.configuration ?? {};
  return topology !== undefined && topology !== "MSAA" && members.some((name) => sites.includes(name));
}

/** It is on its way in, to these: until that walk has ended, or has gone back, the others have a part in it. */
function joinsWith({ status }: KubeObject, members: readonly string[]): boolean {
  const { procedure, phase, pins, kept } = status?.ledger ?? {};
  const comes = procedure === "JoinComposite" || (procedure === "FillSite" && kept?.kind === "CAA");
  return comes && phase === "Running" && members.some((name) => pins?.members?.[name] !== undefined);
}

/**
 * A site is a member of its composite until its own record says that it has left: for as long as that was made together
 * with a site that is still named, and no composite names this one. Then the order is the one of before. So is one that is
 * named no more in the middle of its way in.
 */
function withLeavers(
  inputs: readonly CompositeInput[],
  objects: readonly KubeObject[],
  clusters: readonly KubeObject[],
): readonly CompositeInput[] {
  const named = inputs.flatMap(({ members }) => members);
  const left = clusters.filter((object) => !named.includes(object.metadata.name) && !isGone(object));
  return inputs.map((input) => {
    const leavers = left
      .filter((object) => installedWith(object, input.members) || joinsWith(object, input.members))
      .map(({ metadata }) => metadata.name)
      .sort();
    if (leavers.length === 0) return input;
    const object = objects.find(({ metadata }) => metadata.name === input.name);
    const told: readonly { name: string }[] = object?.status?.sites ?? [];
    const all = [...input.members, ...leavers];
    const before = told.map(({ name }) => name).filter((name) => all.includes(name));
    const awaits = object?.spec?.onRemoval?.unread !== "Abandon";
    // The site that takes the writes takes them whatever the spec says meanwhile.
    const writing = leavers.find((name) => name === toldToWrite(object));
    return {
      ...input,
      members: [...before, ...all.filter((name) => !before.includes(name))],
      ...(writing !== undefined && { primarySite: writing }),
      leaving: { members: leavers, awaits },
    };
  });
}

function withoutMembers(input: CompositeInput, gone: readonly string[]): CompositeInput {
  const stays = (name: string): boolean => !gone.includes(name);
  const { leaving, ...rest } = input;
  const left = (leaving?.members ?? []).filter(stays);
  return {
    ...rest,
    members: input.members.filter(stays),
    ...(leaving !== undefined && left.length > 0 && { leaving: { ...leaving, members: left } }),
  };
}

/** Running pods by node name. A pod that is being deleted is another life already and is left out. */
export async function readPods(objects: Objects, namespace: string): Promise<ReadonlyMap<string, PodRef>> {
  const pods = await objects.list(podKind, namespace, siteLabel);
  const running = pods.filter(
    (pod) => pod.status?.phase === "Running" && pod.metadata.deletionTimestamp === undefined,
  );
  return new Map(
    running.map((pod) => [
      pod.metadata.name,
      { namespace, name: pod.metadata.name, uid: pod.metadata.uid ?? "" },
    ]),
  );
}
