/** Kubernetes events: one object for each (about, reason, message), a series when it repeats; failures are logged and forgotten. */
import { createHash } from "node:crypto";
import type { Logger } from "pino";
import type { Events, KubeObject, ObjectRef, Objects } from "../controllers/shell.ts";
import { isAlreadyExists, isNotFound } from "./errors.ts";
import { eventKind } from "./kinds.ts";

const messageLimit = 1000;
const queueLimit = 200;
/** Series remembered at once; a forgotten one begins anew. */
const seriesLimit = 1000;

export function eventsOver(objects: Objects, log: Logger, instance: string): Events {
  const counts = new Map<string, number>();
  let queue = Promise.resolve();
  let waiting = 0;
  const send = async (about: KubeObject, type: string, reason: string, message: string): Promise<void> => {
    const { name = "", namespace = "default", uid = "" } = about.metadata;
    const key = createHash("sha256").update(`${uid} ${reason} ${message}`).digest("hex").slice(0, 16);
    const count = (counts.get(key) ?? 0) + 1;
    counts.delete(key);
    counts.set(key, count);
    if (counts.size > seriesLimit) counts.delete(counts.keys().next().value ?? "");
    const now = new Date().toISOString().replace(/Z$/, "000Z");
    const ref = { namespace, name: `${name}.${key}` };
    if (count > 1 && (await counted(objects, ref, count, now))) return;
    await objects.create(eventKind, {
      apiVersion: "events.k8s.io/v1",
      kind: "Event",
      metadata: ref,
      eventTime: now,
      type,
      reason,
      action: "Reconcile",
      note: message.slice(0, messageLimit),
      regarding: { apiVersion: about.apiVersion, kind: about.kind, name, namespace, uid },
      reportingController: "tungsten-operator.io/operator",
      reportingInstance: instance,
    });
  };
  return {
    emit(about, type, reason, message) {
      if (waiting >= queueLimit) return;
      waiting += 1;
      queue = queue
        .then(() => send(about, type, reason, message))
        .catch((error: unknown) => {
          if (!isAlreadyExists(error)) log.warn({ reason, error: String(error) }, "event not sent");
        })
        .finally(() => {
          waiting -= 1;
        });
    },
  };
}

/** False when the event has expired meanwhile: the server keeps them for an hour. */
async function counted(objects: Objects, ref: ObjectRef, count: number, now: string): Promise<boolean> {
  try {
    await objects.patch(eventKind, ref, { series: { count, lastObservedTime: now } });
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
