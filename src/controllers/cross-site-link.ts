/** The loop of a CrossSiteLink: it tells how its direction stands, and holds a deleted one. What changes nodes is its TungstenClusters' work. */
import type { Told } from "../crds/conditions.ts";
import { crossSiteLink } from "../crds/cross-site-link.ts";
import { parseSpec } from "../crds/parse.ts";
import { carriedOptions } from "../ini/cross-site-options.ts";
import { optionFaults } from "../ini/option-catalogue.ts";
import { isConflict } from "../kube/errors.ts";
import { linkKind } from "../kube/kinds.ts";
import type { Estate, Site } from "../topology/estate.ts";
import { estateWith } from "../topology/estate-of.ts";
import { generatedService } from "../topology/names.ts";
import { services } from "../tungsten/node-facts.ts";
import type { ReplicatorStatus } from "../tungsten/reading.ts";
import { errorInWords } from "../tungsten/replicator-errors.ts";
import { readNamespace, readPods, siteWithProcedure } from "./estate-reader.ts";
import { onlyNodes, withFacts } from "./gather.ts";
import { lagInWords, seqnoOf } from "./lag.ts";
import { linkHeld } from "./link-deletion.ts";
import { writeObjectStatus } from "./object-status.ts";
import { dropFinalizer, linkFinalizer } from "./ownership.ts";
import type { KubeObject, ObjectRef, Shell } from "./shell.ts";
import type { ClusterLimits } from "./tungsten-cluster.ts";
import type { Requeue } from "./upgrade-request.ts";

type Line = {
  readonly name: string;
  readonly status: ReplicatorStatus | undefined;
  readonly superseded: boolean;
};

export async function reconcileLink(shell: Shell, limits: ClusterLimits, ref: ObjectRef): Promise<Requeue> {
  const object = await shell.objects.get(linkKind, ref);
  if (object === undefined) return "never";
  try {
    if (object.metadata.deletionTimestamp !== undefined) return await leaveOrHold(shell, limits, object);
    const parsed = parseSpec(crossSiteLink.spec, object.spec);
    if ("faults" in parsed) return await refuse(shell, object, parsed.faults.join("; "));
    const namespace = await readNamespace(shell.objects, ref.namespace);
    const { estates, problems } = namespace;
    const own = problems
      .filter(({ about }) => about === `CrossSiteLink/${ref.name}`)
      .map(({ sentence }) => sentence);
    const faults = [...own, ...optionFaults(parsed.spec.options, "spec.options")];
    if (faults.length > 0) return await refuse(shell, object, faults.join("; "));
    const estate = estateWith(estates, parsed.spec.target.name);
    const [source, target] = [parsed.spec.source.name, parsed.spec.target.name].map((name) =>
      estate?.sites.find((site) => site.name === name),
    );
    if (estate === undefined || source === undefined || target === undefined)
      return await refuse(shell, object, "its sites are in no estate");
    const held = await withFinalizer(shell, object);
    const lines = await linesOf(shell, estate, source, target);
    const busy = siteWithProcedure(namespace, [source.name, target.name]);
    const sourceSeqno = seqnoOf(namespace.clusters.get(source.name));
    const { options } = parsed.spec;
    await tellLines(shell, held, { source, target, options, busy, sourceSeqno }, lines);
    return {
      afterMs: lines.every(({ status }) => status?.state === "ONLINE") ? limits.healthMs : limits.idleMs,
    };
  } catch (error) {
    if (isConflict(error)) return { afterMs: 50 };
    throw error;
  }
}

/** From here on nothing that it does on the nodes is left behind unseen. */
async function withFinalizer({ objects }: Shell, object: KubeObject): Promise<KubeObject> {
  const { metadata } = object;
  if (metadata.finalizers?.includes(linkFinalizer)) return object;
  const finalizers = [...(metadata.finalizers ?? []), linkFinalizer];
  const ref = { namespace: metadata.namespace ?? "", name: metadata.name };
  return await objects.patch(linkKind, ref, {
    metadata: { finalizers, resourceVersion: metadata.resourceVersion },
  });
}

/** A deleted link: it goes when nothing of it is left on the nodes, and says until then what it waits for. */
async function leaveOrHold(shell: Shell, limits: ClusterLimits, object: KubeObject): Promise<Requeue> {
  const why = await linkHeld(shell, object);
  if (why === undefined) {
    await dropFinalizer(shell.objects, linkKind, object, linkFinalizer);
    return "never";
  }
  await writeObjectStatus(shell, linkKind, object, {}, [say("Ready", "False", "Leaving", why)]);
  return { afterMs: limits.idleMs };
}

async function linesOf(shell: Shell, estate: Estate, source: Site, target: Site): Promise<readonly Line[]> {
  const pods = await readPods(shell.objects, estate.namespace);
  const around = onlyNodes(pods);
  const nodes = target.nodes.filter((node) => !node.witness);
  return withFacts(shell, around, (facts) =>
    nodes.map(({ name }) => {
      const find = (product: "cluster" | "crossSite", service: string) => {
        const fact = facts.get(name, services(product));
        return "known" in fact && fact.known !== "down"
          ? fact.known.find((status) => status.service === service)
          : undefined;
      };
      const old = find("crossSite", source.dataservice);
      const generated = find("cluster", generatedService(target, source));
      return { name, status: generated ?? old, superseded: generated !== undefined };
    }),
  );
}

const say = (type: string, status: Told["status"], reason: string, message: string): Told => ({
  type,
  status,
  reason,
  message,
});

type Direction = {
  readonly source: Site;
  readonly target: Site;
  readonly options: Readonly<Record<string, string>>;
  readonly busy: string | undefined;
  /** Where the source was last seen to stand. */
  readonly sourceSeqno: number | undefined;
};

function readiness({ source, target, busy }: Direction, lines: readonly Line[]): Told {
  const off = lines.find(({ status }) => status?.state !== "ONLINE");
  if (off === undefined)
    return say("Ready", "True", "Replicating", `${target.name} applies ${source.name} on every node`);
  const why = `${off.name}: ${off.status === undefined ? "no service yet" : "not ONLINE"}`;
  if (busy !== undefined)
    return say("Ready", "False", "ProcedureRuns", `${why}; a procedure runs on ${busy}`);
  const [error] = lines.flatMap(({ name, status }) => (status && errorInWords(status, name)) ?? []);
  if (error !== undefined) return say("Ready", "False", "ReplicationError", error);
  return off.status === undefined
    ? say("Ready", "False", "NoServiceYet", why)
    : say("Ready", "False", "NotReplicating", why);
}

async function tellLines(
  shell: Shell,
  object: KubeObject,
  direction: Direction,
  lines: readonly Line[],
): Promise<void> {
  const { source, target, options, sourceSeqno } = direction;
  const online = lines.filter(({ status }) => status?.state === "ONLINE");
  const superseded = lines.length > 0 && lines.every((line) => line.superseded);
  const replaced = superseded
    ? say(
        "Superseded",
        "True",
        "Converted",
        carriedOptions(options).carried.length === 0
          ? `${generatedService(target, source)} of the composite does this now; the link may be deleted, nothing will change`
          : `${generatedService(target, source)} of the composite does this now, with the options of this link; keep it for them`,
      )
    : say("Superseded", "False", "InUse", "the cross-site replicator does this");
  const nodes = lines.map(({ name, status }) => ({
    name,
    state: typeof status?.state === "string" ? status.state : "Unknown",
  }));
  await writeObjectStatus(
    shell,
    linkKind,
    object,
    {
      nodes,
      nodesReady: `${online.length}/${lines.length}`,
      lag: lagInWords(lines.map(({ status }) => ({ status, sourceSeqno }))),
    },
    [say("Accepted", "True", "Accepted", "the spec is sound"), readiness(direction, lines), replaced],
  );
}

async function refuse(shell: Shell, object: KubeObject, why: string): Promise<Requeue> {
  await writeObjectStatus(shell, linkKind, object, {}, [
    say("Accepted", "False", "Refused", why),
    say("Ready", "False", "Refused", why),
  ]);
  return { afterMs: 30_000 };
}
