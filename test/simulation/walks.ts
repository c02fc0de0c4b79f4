/** The procedures that crashes, faults and mutations are tried on: how each is asked for, in which estate, and who watches. */

import { clusterKind } from "../../src/kube/kinds.ts";
import type { Watch } from "./invariants.ts";
import { watchResetAll } from "./reset-all-invariants.ts";
import { watchReset } from "./reset-invariants.ts";
import { watchScene } from "./run-invariants.ts";
import { askFor, askForConversion, namespace, type Scene, type SceneShape } from "./scene.ts";
import { newRelease, watchUpgrade } from "./upgrade-invariants.ts";

export type Walk = {
  readonly name: string;
  readonly sites: readonly string[];
  readonly nodes: number;
  /** What else the estate has. */
  readonly more?: Partial<SceneShape>;
  readonly ask: (scene: Scene) => Promise<unknown>;
  readonly watch: (scene: Scene, goingBack?: () => boolean) => Watch;
  /** Seconds that clients may wait at most in an undisturbed run. */
  readonly interruption: number;
  /** Virtual time in which it must have come to an end. */
  readonly minutes: number;
};

export const conversion: Walk = {
  name: "ConvertMsaaToCaa",
  sites: ["london", "nyc"],
  nodes: 2,
  ask: (scene) => askForConversion(scene),
  watch: watchScene,
  interruption: 240,
  minutes: 90,
};

const conversionWith = (name: string, block: object, more: Partial<SceneShape> = {}): Walk => ({
  ...conversion,
  name,
  more,
  ask: (scene) => askForConversion(scene, {}, block),
});

/** The conversion by each choice that its request, or the estate's links, offer. */
export const chosenConversions: readonly Walk[] = [
  conversionWith("by the vendor's tool", { positions: "TungstenPrepUpgrade" }),
  conversionWith("with backups taken", { backup: { mode: "Take" } }),
  conversionWith("with data verified", { verifyData: "Both", verification: { pauseMilliseconds: 100 } }),
  conversionWith(
    "with options of a link",
    {},
    {
      linkOptions: {
        "nyc-to-london": { "svc-applier-filters": "replicate", "log-slave-updates": "true" },
      },
    },
  ),
  // Of an even seed tpm makes them.
  conversionWith("with empty schemas dropped", { dropEmptySchemas: true }, { seed: 6 }),
];

export const askForReset = (scene: Scene, spec: object = {}, block: object = {}) =>
  askFor(scene, "reset-nyc", {
    procedure: "ResetSite",
    resetSite: {
      failedSite: { name: "nyc" },
      definitiveSite: { name: "london" },
      drainSeconds: 5,
      acknowledgedFindings: ["primary-alone:london"],
      ...block,
    },
    ...spec,
  });

export const resetSite: Walk = {
  name: "ResetSite",
  sites: ["london", "nyc"],
  nodes: 2,
  ask: (scene) => askForReset(scene),
  watch: (scene, goingBack) => watchReset(scene, { failed: "nyc", definitive: "london" }, goingBack),
  interruption: 240,
  minutes: 120,
};

/** The same of a composite. */
export const resetSiteCaa: Walk = {
  ...resetSite,
  name: "ResetSite in a composite",
  more: { topology: "CAA" },
  ask: (scene) => askForReset(scene, {}, { topology: "CAA", acknowledgedFindings: [] }),
};

/** The same of the multi-site topology of a release before 6. */
export const resetSiteMsmm: Walk = {
  ...resetSite,
  name: "ResetSite of a legacy estate",
  more: { release: "5.4.1-3" },
  ask: (scene) => askForReset(scene, {}, { topology: "MSMM", acknowledgedFindings: [] }),
};

export const askForResetAll = (scene: Scene, spec: object = {}, block: object = {}) =>
  askFor(scene, "reset-all", {
    procedure: "ResetAllSites",
    resetAllSites: { cluster: { name: "nyc" }, drainSeconds: 5, ...block },
    ...spec,
  });

export const resetAllSites: Walk = {
  name: "ResetAllSites",
  sites: ["london", "nyc"],
  nodes: 2,
  ask: (scene) => askForResetAll(scene),
  watch: watchResetAll,
  interruption: 900,
  minutes: 90,
};

export const resetAllSitesCaa: Walk = {
  ...resetAllSites,
  name: "ResetAllSites in a composite",
  more: { topology: "CAA" },
  ask: (scene) => askForResetAll(scene, {}, { topology: "CAA" }),
};

/** The new release is named by every site and its packages lie on every node; then the request. */
export async function askForUpgrade(scene: Scene, spec: object = {}, block: object = {}): Promise<unknown> {
  for (const name of scene.world.sites.keys())
    scene.objects.edit(clusterKind, { namespace, name }, (object) => {
      object.spec.release = newRelease;
    });
  for (const { volume } of scene.world.hosts.values()) volume.software.add(newRelease);
  return askFor(scene, "upgrade", {
    procedure: "UpgradeSoftware",
    upgradeSoftware: { cluster: { name: "nyc" }, release: newRelease, ...block },
    ...spec,
  });
}

export const upgradeSoftware: Walk = {
  name: "UpgradeSoftware",
  sites: ["london", "nyc"],
  nodes: 2,
  ask: (scene) => askForUpgrade(scene),
  watch: watchUpgrade,
  interruption: 10,
  minutes: 90,
};
