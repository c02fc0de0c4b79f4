/** A node that is lost for good. */
import { hostOf } from "../../simulator/model.ts";
import { stopContainer } from "../../simulator/world.ts";
import { podKind } from "../../src/kube/kinds.ts";
import { namespace, type Scene } from "./scene.ts";

/** Its pod, its processes and its volume are gone. */
export async function lose({ world, objects }: Scene, name: string): Promise<void> {
  stopContainer(world, hostOf(world, name));
  const pod = await objects.get(podKind, { namespace, name });
  await objects.remove(podKind, { namespace, name }, pod?.metadata.uid ?? "");
}
