/** Leader election on a Lease: local monotonic time, changes observed, remote clocks never compared. The lease is advice; the fence on the nodes is the guarantee. */
import type { Objects } from "../controllers/shell.ts";
import { isAlreadyExists, isConflict } from "./errors.ts";
import { leaseKind } from "./kinds.ts";

export type LeaderLimits = { readonly leaseMs: number; readonly renewByMs: number; readonly retryMs: number };
export type LeaderClock = {
  readonly monotonic: () => number;
  readonly wall: () => number;
  readonly sleep: (ms: number) => Promise<void>;
};

export type Candidate = {
  readonly namespace: string;
  readonly name: string;
  readonly identity: string;
  /** Told why an attempt failed; a lost race is none. Without it a missing right looks like patience. */
  readonly failed?: (error: unknown) => void;
};

/** One attempt's memory: what was last seen of the Lease, and since when by our clock. */
type Seen = { mark: string; since: number };

/**
 * Campaigns until elected, then calls `lead` and keeps renewing. Resolves only when leadership is lost or `signal`
 * aborts; the process should exit then. A renewal counts from before it was sent, and one that is not answered in time
 * counts as lost, so that no successor can begin first. On a clean stop `quit` ends the work, then the Lease is given back.
 */
export async function campaign(
  objects: Objects,
  candidate: Candidate,
  limits: LeaderLimits,
  clock: LeaderClock,
  lead: () => void,
  quit: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  let seen: Seen = { mark: "", since: clock.monotonic() };
  let renewed: number | undefined;
  while (!signal.aborted) {
    const began = clock.monotonic();
    const attempt = tryHold(objects, candidate, limits, clock, seen);
    const outcome =
      renewed === undefined
        ? await attempt
        : await Promise.race([attempt, clock.sleep(renewed + limits.renewByMs - began)]);
    if (signal.aborted) {
      if (outcome?.held) renewed ??= began;
      break;
    }
    if (outcome === undefined) return;
    if (outcome.held && clock.monotonic() - began <= limits.renewByMs) {
      if (renewed === undefined) lead();
      renewed = began;
    } else if (renewed !== undefined && (outcome.certain || clock.monotonic() - renewed > limits.renewByMs))
      return;
    seen = outcome.seen;
    await clock.sleep(limits.retryMs);
  }
  if (renewed === undefined) return;
  await quit();
  await giveBack(objects, candidate);
}

type Outcome = { readonly held: boolean; readonly certain: boolean; readonly seen: Seen };

async function tryHold(
  objects: Objects,
  { namespace, name, identity, failed }: Candidate,
  limits: LeaderLimits,
  clock: LeaderClock,
  seen: Seen,
): Promise<Outcome> {
  const now = clock.monotonic();
  const stamp = new Date(clock.wall()).toISOString().replace(/Z$/, "000Z");
  const spec = {
    holderIdentity: identity,
    leaseDurationSeconds: Math.ceil(limits.leaseMs / 1000),
    renewTime: stamp,
  };
  try {
    const lease = await objects.get(leaseKind, { namespace, name });
    if (lease === undefined) {
      await objects.create(leaseKind, {
        apiVersion: "coordination.k8s.io/v1",
        kind: "Lease",
        metadata: { name, namespace },
        spec: { ...spec, acquireTime: stamp },
      });
      return { held: true, certain: true, seen };
    }
    const mark = `${lease.metadata.resourceVersion}`;
    const current = mark === seen.mark ? seen : { mark, since: now };
    const holder = String(lease.spec?.holderIdentity ?? "");
    const expired = holder === "" || now - current.since > limits.leaseMs;
    if (holder !== identity && !expired) return { held: false, certain: true, seen: current };
    const taken =
      holder === identity
        ? {}
        : { acquireTime: stamp, leaseTransitions: Number(lease.spec?.leaseTransitions ?? 0) + 1 };
    await objects.replace(leaseKind, { ...lease, spec: { ...lease.spec, ...spec, ...taken } });
    return { held: true, certain: true, seen: current };
  } catch (error) {
    const lost = isConflict(error) || isAlreadyExists(error);
    if (!lost) failed?.(error);
    return { held: false, certain: false, seen: lost ? { mark: "", since: now } : seen };
  }
}

async function giveBack(objects: Objects, { namespace, name, identity }: Candidate): Promise<void> {
  try {
    const lease = await objects.get(leaseKind, { namespace, name });
    if (lease === undefined || lease.spec?.holderIdentity !== identity) return;
    await objects.replace(leaseKind, { ...lease, spec: { ...lease.spec, holderIdentity: "" } });
  } catch {
    // It expires by itself; the successor only waits longer.
  }
}
