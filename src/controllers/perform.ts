/** Carries out recorded effects. Nothing is concluded from how they end: the next pass observes again. */

import { isAlreadyExists } from "../kube/errors.ts";
import { podKind, secretKind } from "../kube/kinds.ts";
import type { Deed } from "../procedures/advance.ts";
import { keptText } from "../tungsten/node-facts.ts";
import { encodeCommand, startArguments } from "../tungsten/runner.ts";
import { measure, sha256Of } from "./checksum.ts";
import { askNode } from "./gather.ts";
import type { KubeObject, PodRef, Shell } from "./shell.ts";

/** What an effect needs beside itself: pods, fences by site, and where copies of the run go. */
export type Means = {
  readonly pods: ReadonlyMap<string, PodRef>;
  readonly fences: ReadonlyMap<string, string>;
  readonly copy: (name: string) => KubeObject;
  /** Texts that commands are fed with and nobody prints, by their SHA-256. */
  readonly texts?: ReadonlyMap<string, string>;
};

export async function perform(shell: Shell, deeds: readonly Deed[], means: Means): Promise<void> {
  await Promise.all(deeds.map((deed) => performOne(shell, deed, means)));
}

async function performOne(shell: Shell, deed: Deed, means: Means): Promise<void> {
  const { effect, key } = deed;
  const node = "begin" in effect ? effect.on : "keep" in effect ? effect.from : effect.renewPodOf;
  const pod = means.pods.get(node.name);
  const fence = means.fences.get(node.site);
  if (pod === undefined || fence === undefined) {
    shell.log.warn({ node: node.name, key }, "effect not begun: no pod or no fence");
    return;
  }
  if ("keep" in effect) return copyOff(shell, effect.keep, pod, means);
  if ("renewPodOf" in effect) return deletePod(shell, pod);
  const { stdinSha256 } = effect.begin;
  const text = stdinSha256 === undefined ? undefined : means.texts?.get(stdinSha256);
  if (stdinSha256 !== undefined && text === undefined) {
    shell.log.warn({ node: node.name, key }, "effect not begun: nobody holds the text it feeds");
    return;
  }
  const payload = encodeCommand(text === undefined ? effect.begin : { ...effect.begin, stdin: text });
  const { bytes, sha256 } = measure(payload);
  const outcome = await shell.pods.exec(pod, startArguments(pod.uid, fence, key, bytes, sha256), payload);
  shell.meters.execRound(outcome.kind);
  shell.meters.commandBegun(effect.begin.argv[0] ?? "");
  const told = outcome.kind === "exited" ? { code: outcome.code } : { why: outcome.why };
  shell.log.info(
    { node: node.name, key, tool: effect.begin.argv[0], outcome: outcome.kind, ...told },
    "command sent",
  );
}

/** Of the very pod that was looked at: a namesake made meanwhile has another UID and stays. */
async function deletePod(shell: Shell, pod: PodRef): Promise<void> {
  try {
    await shell.objects.remove(podKind, pod, pod.uid);
    shell.log.info({ node: pod.name, pod: pod.uid }, "pod deleted, to be made anew");
  } catch (error) {
    shell.log.warn({ node: pod.name, error: String(error) }, "pod not deleted");
  }
}

/** Copies one kept file into an immutable Secret. An existing one is left alone: the next pass compares checksums. */
async function copyOff(shell: Shell, name: string, pod: PodRef, means: Means): Promise<void> {
  const fact = keptText(name);
  const answers = await askNode(shell, pod, pod.name, [
    { node: pod.name, query: { id: fact.id, argv: fact.argv } },
  ]);
  const answer = answers.get(fact.id);
  if (answer === undefined || "missing" in answer || answer.output.exitCode !== 0) {
    shell.log.warn({ node: pod.name, file: name }, "file not copied: it could not be read");
    return;
  }
  const content = answer.output.stdout;
  const secret: KubeObject = {
    ...means.copy(name),
    immutable: true,
    data: { content: Buffer.from(content, "utf8").toString("base64") },
  };
  try {
    await shell.objects.create(secretKind, secret);
    shell.log.info({ node: pod.name, file: name, sha256: sha256Of(content) }, "file copied off the node");
  } catch (error) {
    if (!isAlreadyExists(error)) shell.log.warn({ file: name, error: String(error) }, "file not copied");
  }
}
