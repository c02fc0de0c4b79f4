/** Requests for any procedure in a scene: asked, driven to their end, crashed at a point, told as a story. */
import { digest } from "../../simulator/oracle.ts";
import { advance } from "../../simulator/world.ts";
import type { KubeObject } from "../../src/controllers/shell.ts";
import { reconcileRequest } from "../../src/controllers/upgrade-request.ts";
import { configMapKind, requestKind } from "../../src/kube/kinds.ts";
import { conditionOf, limits, namespace, restartOperator, type Scene } from "./scene.ts";

/** Creates a request; `spec` holds the procedure and its block. */
export const request = (scene: Scene, name: string, spec: object): Promise<KubeObject> =>
  scene.objects.create(requestKind, {
    apiVersion: "tungsten-operator.io/v1alpha1",
    kind: "UpgradeRequest",
    metadata: { name, namespace },
    spec: { approval: "Automatic", ...spec },
  });

export async function requestNamed(scene: Scene, name: string): Promise<KubeObject> {
  const found = await scene.objects.get(requestKind, { namespace, name });
  if (found === undefined) throw new Error(`no request ${name}`);
  return found;
}

/** One pass of that request's loop, then as much virtual time as it asked for; false when nothing is left to do. */
export async function passOver(scene: Scene, name: string): Promise<boolean> {
  scene.calls.passes += 1;
  const again = await reconcileRequest(scene.shell, limits, scene.fences, { namespace, name }, scene.catalog);
  if (again === "never") return false;
  advance(scene.world, Math.max(again.afterMs, 50));
  return true;
}

/** Until the request is over, or until so much virtual time has passed. */
export async function driven(scene: Scene, name: string, maxMinutes = 30): Promise<KubeObject> {
  const end = scene.world.now + maxMinutes * 60_000;
  while (scene.world.now < end && (await passOver(scene, name)));
  return requestNamed(scene, name);
}

/** Passes until the request is as wanted. */
export async function untilRequest(
  scene: Scene,
  name: string,
  reached: (request: KubeObject) => boolean,
): Promise<KubeObject> {
  for (let n = 0; n < 2000; n += 1) {
    const going = await passOver(scene, name);
    const found = await requestNamed(scene, name);
    if (reached(found)) return found;
    if (!going) break;
  }
  throw new Error(`never reached; ${told(await requestNamed(scene, name))}`);
}

export const told = (found: KubeObject): string =>
  [conditionOf(found, "Progressing")?.message, conditionOf(found, "Accepted")?.message].join(" | ");

export const outcomeOf = (found: KubeObject): string | undefined => found.status?.ledger?.outcome;

export const change = (scene: Scene, name: string, edit: (spec: KubeObject["spec"]) => void): void =>
  scene.objects.edit(requestKind, { namespace, name }, (object) => edit(object.spec));

/** One pass; a crash is a new process after the leader's lease has run out. */
export async function survivingPass(scene: Scene, name: string): Promise<boolean> {
  try {
    return await passOver(scene, name);
  } catch (error) {
    if (!String(error).includes("crash")) throw error;
    restartOperator(scene);
    advance(scene.world, 15_000);
    return true;
  }
}

export type CrashRun = {
  readonly points: number;
  readonly digest: string;
  readonly outcome: string | undefined;
  readonly violations: readonly unknown[];
};

/** A run whose operator is killed at its n-th write or effect; 0 crashes nowhere and counts them. */
export async function crashedRun(
  n: number,
  name: string,
  begin: () => Promise<{ scene: Scene; violations: readonly unknown[]; end: () => void }>,
  meanwhile: (scene: Scene) => Promise<void> = async () => {},
): Promise<CrashRun> {
  const { scene, violations, end } = await begin();
  let points = 0;
  scene.onStep = (what) => {
    points += 1;
    if (points === n) throw new Error(`crash ${what}`);
  };
  const last = scene.world.now + 3600_000;
  for (let going = true; going && scene.world.now < last; ) {
    await meanwhile(scene);
    going = await survivingPass(scene, name);
  }
  for (const site of scene.world.sites.values()) site.client.rate = 0;
  advance(scene.world, 60_000);
  end();
  const outcome = outcomeOf(await requestNamed(scene, name));
  return { points, digest: digest(scene.world), outcome, violations };
}

/** The journal as a person reads it, without what differs from run to run. */
export async function storyOf(scene: Scene, name: string): Promise<readonly string[]> {
  const page = await scene.objects.get(configMapKind, { namespace, name: `${name}-journal-1` });
  return String(page?.data["journal.jsonl"])
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, string | undefined>)
    .filter(({ event }) => event !== "end")
    .map(({ event, step, node, command, stdin, text }) =>
      [event, step, node, command ?? text, stdin && `<<< ${JSON.stringify(stdin)}`]
        .filter((word) => word !== undefined)
        .join("  ")
        .replace(/[0-9a-f]{64}/g, "<sha256>")
        .replace(/tu-[0-9a-f]{8}/g, "tu-<run>")
        .replace(/-[0-9a-f]{8}(-|$)/g, "-<run>$1"),
    );
}
