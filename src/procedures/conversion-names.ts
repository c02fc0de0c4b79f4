/** What the conversion calls things on nodes: services, schemas, heartbeats and kept files. */
import type { Site } from "../topology/estate.ts";
import type { Product } from "../tungsten/invocation.ts";
import type { Run, Target } from "./procedure.ts";

/** The second product's service is named after its source; CAA names it target_from_source. */
export const serviceOf = (product: Product, target: Site, source: Site): string =>
  product === "crossSite" ? source.dataservice : `${target.dataservice}_from_${source.dataservice}`;

/** Both products keep a source's position in the same schema; that is why the conversion works. */
export const trackingSchema = (source: Site): string => `tungsten_${source.dataservice}`;

/** What tpm may make beside, named after the new service; its position is not kept there. */
export const leftoverSchema = (target: Site, source: Site): string =>
  `tungsten_${serviceOf("cluster", target, source)}`;

/** The vendor's tool knows one name only. */
const vendorHeartbeat = "offline_for_upg";
export const byVendorsTool = ({ pins }: Run): boolean => pins.positions === "TungstenPrepUpgrade";

/** The heartbeat that stops the cross-site services: unique to the run and the round, unless the vendor's tool arms them. */
export const stopHeartbeat = (run: Run): string =>
  byVendorsTool(run) ? vendorHeartbeat : `tu-${run.tag}-${run.round}`;
/** Sent before the tool arms: behind it no row and no event of an earlier attempt can be taken for the one that stops. */
export const clearingPrefix = (run: Run): string => `tu-${run.tag}-c${run.round}-`;
export const clearingHeartbeat = (run: Run, attempt: number): string => `${clearingPrefix(run)}${attempt}`;
/** The heartbeat that wakes a new service's log, and the one that proves the way. */
export const wakeHeartbeat = (run: Run, attempt: number): string => `tu-${run.tag}-w${run.round}-${attempt}`;
export const proofHeartbeat = (run: Run, attempt: number): string => `tu-${run.tag}-v${run.round}-${attempt}`;
export const proofPrefix = (run: Run): string => `tu-${run.tag}-v`;

export const positionFile = (run: Run, target: Target): string =>
  `position-${run.tag}-${run.round}-${target.node.name}-${sourceOf(target).dataservice}.json`;
export const dumpFile = (run: Run, target: Target, attempt: number): string =>
  `dump-${run.tag}-${run.round}.${attempt}-${target.node.name}-${sourceOf(target).dataservice}.sql`;
export const readOnlyFile = (run: Run): string => `read-only-${run.tag}`;
export const backupName = (run: Run, target: Target): string => `before-${run.tag}-${target.node.name}`;

/** The remote site of a reader; throws on a target that is none, which is a fault of the procedure's table. */
export function sourceOf(target: Target): Site {
  if (target.source === undefined) throw new Error(`${target.id} has no source`);
  return target.source;
}

/** Keys under which the ledger keeps what later steps need. */
export const kept = {
  heartbeat: "heartbeat",
  position: (target: Target) => `position.${target.id}`,
  dump: (target: Target) => `dump.${target.id}`,
  backup: (site: string) => `backup.${site}`,
  binlog: (node: string) => `binlog.${node}`,
  unused: (node: string) => `unused.${node}`,
} as const;

export type KeptPosition = {
  readonly file: string;
  readonly seqno: number;
  readonly epoch: number;
  readonly eventId: string;
};

/** Reads back what the ledger kept of a reader's position; undefined before it was kept. */
export function positionKept(run: Run, target: Target): KeptPosition | undefined {
  const [file, seqno, epoch, eventId] = (run.kept[kept.position(target)] ?? "").split(" ");
  if (file === undefined || eventId === undefined) return undefined;
  return { file, seqno: Number(seqno), epoch: Number(epoch), eventId };
}

/** Name and checksum of a reader's verified dump; undefined before it was kept. */
export function dumpKept(run: Run, target: Target): { file: string; sha256: string } | undefined {
  const [file, sha256] = (run.kept[kept.dump(target)] ?? "").split(" ");
  return file === undefined || sha256 === undefined ? undefined : { file, sha256 };
}
