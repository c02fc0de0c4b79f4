/** The scenario of replicators that are to speak TLS, for every way to disturb it. */
import { clusterKind, linkKind } from "../../src/kube/kinds.ts";
import { certificateFor } from "../certificates.ts";
import { putSecret } from "./accounts-scene.ts";
import { watchChange } from "./change-invariants.ts";
import type { Scenario } from "./changing.ts";
import { conditionOf, type Scene } from "./scene.ts";
import { allTrue, refOf } from "./site-scene.ts";

/** A certificate as cert-manager writes it; its key is one that nothing may show. */
export function putCertificate(scene: Scene, word: string): Promise<void> {
  const texts = certificateFor(word);
  const canary = `-----BEGIN CANARY-----\n${scene.world.canary}-${word}\n-----END CANARY-----\n`;
  return putSecret(scene, "replicators", { ...texts, "tls.key": `${texts["tls.key"]}${canary}` });
}

/** Says so in every site and link of the estate, or takes it back. */
export function sayTls(scene: Scene, wanted: boolean): void {
  for (const key of [...scene.objects.all().keys()]) {
    const [plural, , name = ""] = key.split("/");
    if (plural === clusterKind.plural)
      scene.objects.edit(clusterKind, refOf(name), ({ spec }) => {
        if (wanted) spec.tls = { secret: { name: "replicators" } };
        else delete spec.tls;
      });
    if (plural === linkKind.plural)
      scene.objects.edit(linkKind, refOf(name), ({ spec }) => {
        spec.tls = wanted;
      });
  }
}

/** Gives the word that the first site asks for; false while it asks for none. */
export async function approve(scene: Scene): Promise<boolean> {
  const cluster = await scene.objects.get(clusterKind, refOf("london"));
  const told = cluster && conditionOf(cluster, "TransportCurrent");
  const approved = /spec\.changes\.approved of TungstenCluster london to ([0-9a-f]{64})/.exec(
    told?.message ?? "",
  )?.[1];
  if (approved === undefined) return false;
  if (cluster?.spec?.changes?.approved !== approved)
    scene.objects.edit(clusterKind, refOf("london"), ({ spec }) => {
      spec.changes = { ...spec.changes, approved };
    });
  return true;
}

/** Every service of the products that are installed reads by this protocol. */
export const allSecured = ({ world }: Scene, wanted: boolean): boolean =>
  [...world.hosts.values()].every(({ volume, replicators }) =>
    (["cluster", "crossSite"] as const).every(
      (product) =>
        (volume.installed[product] === undefined ||
          (volume.installed[product].secured === true) === wanted) &&
        [...(replicators[product]?.services.values() ?? [])].every(({ state }) => state === "ONLINE"),
    ),
  );

export const changeOfTransport: Scenario = {
  begin: (scene) => {
    void putCertificate(scene, "first");
    sayTls(scene, true);
  },
  over: async (scene) => {
    await approve(scene);
    return (
      allSecured(scene, true) &&
      (await allTrue(scene, "TransportCurrent")()) &&
      (await allTrue(scene, "ConfigurationApplied")())
    );
  },
  interruptionSeconds: 20,
  together: true,
  watch: (scene, shape) => watchChange(scene, shape),
};
