/**
 * What a control loop may touch. `main.ts` builds one of these from the real client; simulation tests build another
 * over the simulator. Nothing else reaches the outside.
 */
import type { Logger } from "pino";
import type { Ask } from "../tungsten/facts.ts";

/** A Kubernetes object as plain JSON. Fields we do not know stay in place. */
export type KubeObject = {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    generation?: number;
    creationTimestamp?: string;
    deletionTimestamp?: string;
    finalizers?: string[];
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    // biome-ignore lint/suspicious/noExplicitAny: the API server's own record, read in spoken.ts
    managedFields?: any[];
    ownerReferences?: {
      apiVersion: string;
      kind: string;
      name: string;
      uid: string;
      controller?: boolean;
      blockOwnerDeletion?: boolean;
    }[];
  };
  // biome-ignore lint/suspicious/noExplicitAny: spec, status and data of any kind; parsed by zod where they are used
  [field: string]: any;
};

/** A kind the program uses, e.g. `{group: "apps", version: "v1", plural: "statefulsets", kind: "StatefulSet"}`; group "" is core. */
export type ResourceKind = {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
};

export type ObjectRef = { readonly namespace: string; readonly name: string };

/**
 * Live access to the API server; no method reads a cache. Failures are thrown as `ApiError` (src/kube/errors.ts) with
 * `status`, `reason` and a message free of bodies. 404 of get is `undefined`, 404 of remove is success.
 */
export interface Objects {
  get(kind: ResourceKind, ref: ObjectRef): Promise<KubeObject | undefined>;
  list(kind: ResourceKind, namespace: string, labelSelector?: string): Promise<readonly KubeObject[]>;
  /** POST. An existing object is an ApiError with reason AlreadyExists. */
  create(kind: ResourceKind, object: KubeObject): Promise<KubeObject>;
  /** Server-side apply under the operator's field manager, forced. Never for the four kinds of our own. */
  apply(kind: ResourceKind, object: KubeObject): Promise<KubeObject>;
  /** PUT of the whole object; metadata.resourceVersion is required. A stale one is an ApiError with reason Conflict. */
  replace(kind: ResourceKind, object: KubeObject): Promise<KubeObject>;
  /** PUT of /status under metadata.resourceVersion; everything but status is ignored by the server. */
  replaceStatus(kind: ResourceKind, object: KubeObject): Promise<KubeObject>;
  /** JSON merge patch; put resourceVersion into it to make it conditional. */
  patch(kind: ResourceKind, ref: ObjectRef, patch: object): Promise<KubeObject>;
  /** DELETE with the UID as precondition, so that a re-created namesake survives. */
  remove(kind: ResourceKind, ref: ObjectRef, uid: string): Promise<void>;
}

/** The three ways an exec session can end. Only `exited` says anything about the runner; see docs/reference/runner-protocol.md. */
export type ExecOutcome =
  | { readonly kind: "exited"; readonly code: number; readonly stdout: string; readonly stderr: string }
  /** The session never began: 403, 404, an admission policy's sentence, a program that cannot be started. */
  | { readonly kind: "refused"; readonly why: string }
  /** It began, or may have, and its end was not seen. Nothing follows from this. */
  | { readonly kind: "lost"; readonly why: string };

export type PodRef = { readonly namespace: string; readonly name: string; readonly uid: string };

export interface Pods {
  /** Runs the runner with these words in container `tungsten`. Never throws. */
  exec(pod: PodRef, argv: readonly string[], stdin: string): Promise<ExecOutcome>;
}

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
}

/** Kubernetes events, one series per (object, reason, message); failures are logged and forgotten. */
export interface Events {
  emit(about: KubeObject, type: "Normal" | "Warning", reason: string, message: string): void;
}

/** One service of one node, for gauges. */
export type ServiceSeen = {
  readonly host: string;
  readonly service: string;
  readonly role: string;
  readonly state: string;
  readonly seqno?: number;
  readonly latencySeconds?: number;
  /** RFC 3339. */
  readonly heartbeatAt?: string;
};

/** The counters and timers a loop may touch; src/telemetry/metrics.ts implements it over prom-client. */
export interface Meters {
  execRound(outcome: ExecOutcome["kind"]): void;
  apiWrite(kind: string, verb: string): void;
  commandBegun(tool: string): void;
  stepFinished(procedure: string, step: string, seconds: number): void;
  procedureHalted(procedure: string, reason: string): void;
  budgetSpent(procedure: string, budget: string): void;
  /** The services of a site as they were just seen; what was told of it before is over. */
  servicesSeen(namespace: string, site: string, rows: readonly ServiceSeen[]): void;
}

/** What a pass asked at a place of its procedure, and which of its commands it saw run. */
export type Questions = {
  readonly place: string;
  readonly asks: readonly Ask[];
  /** Their markers, when that was seen, and the generation of the spec it was seen under. */
  readonly running?: { readonly asks: readonly Ask[]; readonly at: number; readonly generation: number };
};

export interface Shell {
  readonly objects: Objects;
  readonly pods: Pods;
  readonly clock: Clock;
  readonly events: Events;
  readonly log: Logger;
  readonly meters: Meters;
  /** What each object's last pass asked its nodes. It saves sessions and decides nothing; lost with the process. */
  readonly questions: Map<string, Questions>;
  /** When this process last wrote each request's status, by UID. It spares writes and decides nothing. */
  readonly statusWrites: Map<string, number>;
}
