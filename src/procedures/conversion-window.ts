/** The conversion's time: its own worst-case figures, and the hold before clients lose their managers and there is no way back. */
import { dataNodes, type Estate } from "../topology/estate.ts";
import type { Facts } from "../tungsten/facts.ts";
import { dataSize } from "../tungsten/node-facts.ts";
import type { ConversionParameters } from "./conversion-preflight.ts";
import { inMinutes } from "./estimate.ts";
import type { Judgement, Run } from "./procedure.ts";
import { done, knownValue, pending } from "./verdicts.ts";

/** A physical backup, copied and prepared, in bytes a second: slow disks, on purpose. */
const backupRate = 50 * 1024 ** 2;

/** Where no earlier run tells better. Steps act on all sites side by side; restarts and elections take minutes, not seconds. */
const figures: Readonly<Record<string, number>> = {
  StopCrossSiteReplicators: 300,
  ExportTrackingSchemas: 120,
  UninstallCrossSiteReplicators: 300,
  ReloadTrackingSchemas: 120,
  UpdateConfiguration: 60,
  EnterMaintenance: 60,
  StopManagers: 120,
  UpdateSoftware: 900,
  StartManagers: 300,
  Validate: 600,
  ReturnToAutomatic: 180,
};

export const conversionEstimate =
  ({ backup }: ConversionParameters) =>
  (estate: Estate, facts: Facts): Readonly<Record<string, number>> => {
    const sizes = dataNodes(estate).map((node) => knownValue(facts.get(node.name, dataSize)) ?? 0);
    const seconds = backup.mode === "Take" ? 60 + Math.max(0, ...sizes) / backupRate : 0;
    return { ...figures, Backup: seconds };
  };

/** From the last place where clients are served and the way back is open, to the end. */
const rest = ["StopManagers", "UpdateSoftware", "StartManagers", "Validate", "ReturnToAutomatic"];

const secondsLeft = ({ pins }: Run): number => rest.reduce((sum, id) => sum + (pins.estimates?.[id] ?? 0), 0);

/** Holds while the window is too short for the rest. The human may extend it at any time, or go back. */
export const windowLeft: Judgement = (_target, { run, now }) => {
  const seconds = secondsLeft(run);
  if (run.notAfter === undefined || now + seconds * 1000 <= run.notAfter) return done;
  const end = new Date(run.notAfter).toISOString();
  return pending(
    `from here to the end the run needs up to ${inMinutes(seconds)}, and spec.window ends at ${end}: clients are served and nothing is lost by waiting; set a later spec.window.notAfter, or spec.revert to go back`,
  );
};
