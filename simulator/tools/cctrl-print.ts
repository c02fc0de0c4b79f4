/** How cctrl prints: boxes whose width varies by seed, since no transcript proves them ([doc], tungsten-cli §2). */
import type { Ambient } from "../model.ts";
import type { Cluster } from "../state.ts";

/** It asks, and takes the next line for the answer ([doc]; that it does so without a terminal is [inferred]). */
export const expertWarning = [
  "WARNING: This is an expert-level command:",
  "Incorrect use may cause data corruption",
  "or make the cluster unavailable.",
  "Do you want to continue? (y/n)> ",
].join("\n");

/** A row in a box; long rows wrap at words, the second part beginning at the first column. */
export function rows(ambient: Ambient, text: string): string[] {
  const width = ambient.variant % 2 === 0 ? 80 : 75;
  if (text.length <= width - 2) return [`|${text.padEnd(width)} |`];
  const at = text.lastIndexOf(" ", width - 2);
  return [`|${text.slice(0, at).padEnd(width)} |`, `|${text.slice(at + 1).padEnd(width)} |`];
}

export const rule = (ambient: Ambient): string => `+${"-".repeat(ambient.variant % 2 === 0 ? 81 : 76)}+`;

/** A policy as somebody typed it; undefined for a word that is none. */
export function policyFrom(word: string): Cluster["policy"] | undefined {
  const policy = word.trim().toUpperCase();
  return policy === "AUTOMATIC" || policy === "MAINTENANCE" || policy === "MANUAL" ? policy : undefined;
}
