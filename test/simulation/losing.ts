/** A node that is lost for good. */
import { hostOf } from "../../simulator/model.ts";
import { stopContainer } from "../../simulator/world.ts";
import { podKind } from "../../src/kube/kinds.ts";
import { convertMsaaToCaa } from "../../src/procedures/convert-msaa-to-caa.ts";
import { namespace, type Scene } from "./scene.ts";

/** Its pod, its processes and its volume are gone. */
export async function lose({ world, objects }: Scene, name: string): Promise<void> {
  stopContainer(world, hostOf(world, name));
  const pod = await objects.get(podKind, { namespace, name });
  await objects.remove(podKind, { namespace, name }, pod?.metadata.uid ?? "");
}

const { steps } = convertMsaaToCaa({
  backup: { mode: "Attested" },
  limits: { latencySeconds: 5, backlogEvents: 10_000, oldestTransactionSeconds: 60 },
  acknowledgedFindings: [],
});
/** The conversion's steps in order, and from which of them on another way out holds. */
export const ids = steps.map(({ id }) => id);
export const uninstalling = ids.indexOf("UninstallCrossSiteReplicators");
export const updating = ids.indexOf("UpdateSoftware");
