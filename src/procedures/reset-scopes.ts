/** On whom a reset acts: the failed site's nodes, the definitive site's donor, and everybody else who reads the failed site. */
import { type Estate, type Node, type Site, siteNamed } from "../topology/estate.ts";
import type { Product } from "../tungsten/invocation.ts";
import { serviceOf, sourceOf } from "./conversion-names.ts";
import type { Run, Target } from "./procedure.ts";
import { eachReader, everyConnector, everyNode, isPrimary, pinnedPrimary } from "./scopes.ts";

export type ResetParameters = {
  readonly failedSite: string;
  readonly definitiveSite: string;
  /** Whose page is walked; pre-flight compares it with what is installed. */
  readonly topology: "MSAA" | "CAA" | "MSMM";
  /** Empty: the definitive site's last ONLINE replica. */
  readonly donor: string;
  readonly method: "xtrabackup" | "mysqldump";
  readonly drainSeconds: number;
  readonly acknowledgedFindings: readonly string[];
};

type Scope = (run: Run) => readonly Target[];

/** The product that carries the failed site's transactions to the others. */
export const crossing = (run: Run): Product => (run.pins.topology === "CAA" ? "cluster" : "crossSite");
/** Name of the service by which a reader reads its source. */
export const readingService = (run: Run, reader: Target): string =>
  serviceOf(crossing(run), reader.site, sourceOf(reader));

/** The finding that taking the donor out leaves its site without another usable node. */
export const primaryAlone = (site: string): string => `primary-alone:${site}`;

/** Every scope of a reset for these parameters. */
export function scopesOf({ failedSite, definitiveSite, topology, acknowledgedFindings }: ResetParameters) {
  const failed = (estate: Estate): Site => siteNamed(estate, failedSite);
  const inFailed: Scope = (run) => everyNode(run).filter(({ site }) => site.name === failedSite);
  const donorNode = (run: Run): Node => {
    const site = siteNamed(run.estate, definitiveSite);
    const name = run.pins.backupNodes[definitiveSite];
    const node = site.nodes.find((candidate) => candidate.name === name);
    if (node === undefined) throw new Error(`${definitiveSite} has no pinned donor ${name ?? ""}`);
    return node;
  };
  const donor: Scope = (run) => everyNode(run).filter(({ id }) => id === donorNode(run).name);
  return {
    /** Cross-site services are the second product's, with a process of their own. */
    second: topology !== "CAA",
    failed,
    /** A human has read that the definitive site has its primary alone while its donor is out. */
    primaryAlone: acknowledgedFindings.includes(primaryAlone(definitiveSite)),
    donorNode,
    /** All data nodes of the failed site. */
    inFailed,
    /** Every host of the failed site with a connector. */
    connectorsOfFailed: ((run) =>
      everyConnector(run).filter(({ site }) => site.name === failedSite)) as Scope,
    failedPrimary: ((run) => inFailed(run).filter(({ node }) => isPrimary(run, node))) as Scope,
    failedReplicas: ((run) => inFailed(run).filter(({ node }) => !isPrimary(run, node))) as Scope,
    failedPrimaryNode: (run: Run): Node => pinnedPrimary(run, failed(run.estate)),
    donor,
    /** The donor with each healthy site, its own among them: whose rows the copy will hold. */
    donorRows: ((run) =>
      donor(run).flatMap((target) =>
        run.estate.sites
          .filter(({ name }) => name !== failedSite)
          .map((source) => ({ ...target, id: `${target.id}.${source.name}`, source })),
      )) as Scope,
    /** The donor with each service of other sites it applies, the failed one left out. */
    donorReaders: ((run) =>
      eachReader(run).filter(
        ({ node, source }) => node.name === donorNode(run).name && source?.name !== failedSite,
      )) as Scope,
    /** Every node of every other site, as a reader of the failed one. */
    readersOfFailed: ((run) => eachReader(run).filter(({ source }) => source?.name === failedSite)) as Scope,
    readersOfFailedOn:
      (who: "primaries" | "replicas"): Scope =>
      (run) =>
        eachReader(run).filter(
          ({ node, source }) => source?.name === failedSite && isPrimary(run, node) === (who === "primaries"),
        ),
    /** The failed site's nodes with each service of another site they apply. */
    failedReaders: ((run) => eachReader(run).filter(({ site }) => site.name === failedSite)) as Scope,
    failedReadersOn:
      (who: "primaries" | "replicas"): Scope =>
      (run) =>
        eachReader(run).filter(
          ({ node, site }) => site.name === failedSite && isPrimary(run, node) === (who === "primaries"),
        ),
    healthySites: (run: Run): readonly Site[] => run.estate.sites.filter(({ name }) => name !== failedSite),
  };
}
export type ResetScopes = ReturnType<typeof scopesOf>;

/** Names of what a reset leaves on nodes. */
export const snapshotName = (run: Run, node: Node): string => `reset-${run.tag}-${node.name}`;
export const copyFile = (run: Run, node: Node): string => `copy-${run.tag}-${node.name}`;
/** The heartbeat behind the failed site's last write. */
export const lastHeartbeat = (run: Run, attempt: number): string => `tu-${run.tag}-f${run.round}-${attempt}`;
export const lastPrefix = (run: Run): string => `tu-${run.tag}-f${run.round}-`;

/** Keys under which the ledger keeps what later steps need. */
export const keptBy = {
  snapshot: (node: string) => `snapshot.${node}`,
  donorRow: (source: string) => `donor.${source}`,
  made: (node: string) => `made.${node}`,
} as const;

/** A verified snapshot's checksum; before it is kept one that no snapshot has, so that the script refuses. */
export const snapshotSha = (run: Run, node: Node): string =>
  (run.kept[keptBy.snapshot(node.name)] ?? "").split(" ")[1] ?? "0".repeat(64);
