/** What people say to a run in a scene, and waiting until it has come somewhere. */
import type { KubeObject } from "../../src/controllers/shell.ts";
import { requestKind } from "../../src/kube/kinds.ts";
import { conditionOf, namespace, pass, type Scene, theRequest } from "./scene.ts";

const patience = 3000;

/** Changes the request's spec as a person would. */
export const edit = (scene: Scene, change: Record<string, unknown>): void =>
  scene.objects.edit(requestKind, { namespace, name: scene.asked }, (object) => {
    Object.assign(object.spec, change);
  });

/** Passes until the request is as wanted; the last sentence it told is in the error when it never is. */
export async function until(scene: Scene, reached: (request: KubeObject) => boolean): Promise<KubeObject> {
  for (let n = 0; n < patience; n += 1) {
    await pass(scene);
    const request = await theRequest(scene);
    if (reached(request)) return request;
  }
  throw new Error(`never reached; ${progressOf(await theRequest(scene))}`);
}

export const progressOf = (request: KubeObject): string =>
  conditionOf(request, "Progressing")?.message ?? conditionOf(request, "Accepted")?.message ?? "";

export const stepIs =
  (id: string, part = 0) =>
  (request: KubeObject): boolean =>
    request.status?.ledger?.steps.at(-1)?.id === id && request.status.ledger.cursor.part >= part;

export const haltedBy =
  (reason: string) =>
  (request: KubeObject): boolean =>
    conditionOf(request, "Stalled")?.reason === reason;

/** Any change of the spec counts as "look again"; this one changes nothing else. */
export function lookAgain(scene: Scene): void {
  edit(scene, { paused: true });
  edit(scene, { paused: false });
}

export const acknowledge = (
  scene: Scene,
  command: string,
  outcome: "Succeeded" | "Failed" | "Retry",
  reason = "looked at the node",
): void => edit(scene, { acknowledge: [{ command, outcome, reason }] });

export const journalOf = async (scene: Scene): Promise<string> => {
  const pages = [...scene.objects.all()].filter(([key]) => key.includes(`/${scene.asked}-journal-`));
  return pages.map(([, page]) => String(page.data["journal.jsonl"])).join("");
};
