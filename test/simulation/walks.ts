/** The procedures that crashes, faults and mutations are tried on: how each is asked for, in which estate, and who watches. */
import type { Watch } from "./invariants.ts";
import { watchResetAll } from "./reset-all-invariants.ts";
import { watchReset } from "./reset-invariants.ts";
import { watchScene } from "./run-invariants.ts";
import { askFor, askForConversion, type Scene, type SceneShape } from "./scene.ts";

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

export const askForResetAll = (scene: Scene, spec: object = {}) =>
  askFor(scene, "reset-all", {
    procedure: "ResetAllSites",
    resetAllSites: { cluster: { name: "nyc" }, drainSeconds: 5 },
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
