/** Lengths and checksums of what crosses a socket; the pure rooms take them as arguments. */
import { createHash } from "node:crypto";

export const sha256Of = (content: string | Uint8Array): string =>
  createHash("sha256").update(content).digest("hex");

/** Length in bytes and SHA-256 of a payload for the runner. */
export function measure(payload: string): { bytes: number; sha256: string } {
  const raw = Buffer.from(payload, "utf8");
  return { bytes: raw.length, sha256: sha256Of(raw) };
}
