/** Pre-flight of the conversion, the part about what lies around it: readers of the logs, and what to plan by. */
import { dataNodes, type Estate, readersOf, siteOf } from "../topology/estate.ts";
import type { Facts } from "../tungsten/facts.ts";
import { clusterView, logClients, logReaders } from "../tungsten/node-facts.ts";
import { interruptionsOf, soleMaster } from "./conversion-pins.ts";
import type { ConversionParameters } from "./conversion-preflight.ts";
import { waysKnown } from "./conversion-preflight-ports.ts";
import { roomKnown } from "./conversion-preflight-room.ts";
import type { Acceptance, Finding, Objection } from "./procedure.ts";
import { knownValue } from "./verdicts.ts";

/** Somebody else's replica or change feed goes on reading: it will see rows the new services write, and other positions. */
export const readersKnown = (acknowledged: readonly string[]): Acceptance => ({
  say: "who reads binary logs from outside the estate is known and acknowledged",
  ask(estate, facts) {
    const findings: Finding[] = [];
    const objections: Objection[] = [];
    for (const node of dataNodes(estate)) {
      const answer = facts.get(node.name, logReaders);
      if ("unknown" in answer) objections.push({ on: node.site, unknown: `${node.name}: ${answer.unknown}` });
      for (const { user, host } of "known" in answer ? answer.known : []) {
        const id = `reader:${user}@${host}`;
        const text = `${user}@${host} reads the binary log of ${node.name} and is no node of the estate; it will find other positions of other sites there`;
        if (acknowledged.includes(id)) findings.push({ id, text, needsWord: true });
        else
          objections.push({
            on: node.site,
            refused: `${text}; if that is intended add "${id}" to spec.convertMsaaToCaa.acknowledgedFindings`,
          });
      }
    }
    return { objections, findings };
  },
});

type LogReader = { readonly id: string; readonly text: string; readonly site: string };

/** A member may tell its name with a domain behind it. */
const isMember = (estate: Estate, host: string): boolean =>
  dataNodes(estate).some(({ name }) => {
    const [own, told] = [name.toLowerCase(), host.toLowerCase()];
    return told === own || told.startsWith(`${own}.`);
  });

/** Every service of both products on every node is asked who reads its log. */
function logReadersIn(
  estate: Estate,
  facts: Facts,
): { readers: readonly LogReader[]; silent: readonly Objection[] } {
  const readers: LogReader[] = [];
  const silent: Objection[] = [];
  for (const node of dataNodes(estate)) {
    const site = siteOf(estate, node);
    const others = estate.sites.filter((each) => each !== site).map((each) => each.dataservice);
    const asked = [
      { product: "cluster" as const, service: site.dataservice },
      ...others.map((service) => ({ product: "crossSite" as const, service })),
    ];
    for (const { product, service } of asked) {
      const answer = facts.get(node.name, logClients(product, service));
      if ("unknown" in answer) silent.push({ on: node.site, unknown: `${node.name}: ${answer.unknown}` });
      const strangers = "known" in answer ? answer.known.filter((host) => !isMember(estate, host)) : [];
      const fate =
        product === "cluster"
          ? "it is cut off when the replicator restarts in step 9, and has to find its position again by itself"
          : "the service it reads is uninstalled in step 4 and does not come back under that name and port";
      readers.push(
        ...strangers.map((host) => ({
          id: `thl:${host}`,
          text: `${host} reads the THL of service ${service} on ${node.name} and is no node of the estate; ${fate}`,
          site: node.site,
        })),
      );
    }
  }
  return { readers, silent };
}

/** A replicator that feeds another database is somebody's, and nobody of the twelve steps knows of it. */
export const logReadersKnown = (acknowledged: readonly string[]): Acceptance => ({
  say: "who reads THL from outside the estate is known and acknowledged",
  ask(estate, facts) {
    const { readers, silent } = logReadersIn(estate, facts);
    const known = readers.filter(({ id }) => acknowledged.includes(id));
    return {
      objections: [
        ...readers
          .filter((reader) => !known.includes(reader))
          .map(({ id, text, site }) => ({
            on: site,
            refused: `${text}; tell its owner, and if that is settled add "${id}" to spec.convertMsaaToCaa.acknowledgedFindings`,
          })),
        ...silent,
      ],
      findings: [...new Map(known.map((reader) => [reader.id, reader])).values()].map(({ id, text }) => ({
        id,
        text,
        needsWord: true,
      })),
    };
  },
});

/**
 * Services between sites that the run's record has room for. Each has an attempt, a position and a dump in it, some 700
 * bytes with the API server's own notes; an object is at most a MiB and a half.
 */
const mostReaders = 1000;

export const recordable: Acceptance = {
  say: "the run's record has room for every service between sites",
  ask(estate) {
    const readers = readersOf(estate).length;
    if (readers <= mostReaders) return { ok: true };
    return {
      refused: `the estate has ${readers} services between sites (on each node one for each other site), the record of a run has room for ${mostReaders}; convert an estate of fewer sites or nodes`,
    };
  },
};

/** Lines for the report: primaries and policies, sizes and room, what clients will notice. */
export const conversionKnows =
  (parameters: ConversionParameters) =>
  (estate: Estate, facts: Facts): readonly string[] => {
    const interruptions = new Map(interruptionsOf(estate).map((each) => [each.site, each]));
    return estate.sites.flatMap((site) => {
      const nodes = site.nodes.filter((node) => !node.witness);
      const view = nodes
        .map((node) => knownValue(facts.get(node.name, clusterView)))
        .find((each) => each !== undefined);
      const policy = view === undefined || typeof view.policy !== "string" ? "unknown" : view.policy;
      const primary = (view && soleMaster(view)) ?? "unknown";
      const clients = interruptions.get(site.name);
      return [
        `${site.name}: primary ${primary}, policy ${policy}, release wanted ${site.release}; clients are interrupted for up to ${clients?.seconds ?? 0} s`,
        ...nodes.flatMap((node) => roomKnown(parameters, estate, node, facts)),
        ...nodes.flatMap((node) => waysKnown(estate, node, facts)),
      ];
    });
  };
