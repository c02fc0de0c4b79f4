/** What a node tells of its secrets: checksums, which two nodes can be compared by (runner protocol, `fingerprints`). */
import type { ToolOutput } from "./invocation.ts";
import { endsWhole, type Reading, read, unreadable } from "./reading.ts";

const kinds = ["account", "store", "share", "identity", "host", "authorized", "known"] as const;
export type KeyKind = (typeof kinds)[number];

/** `sha256` is null for something that is named and not there. */
export type Fingerprint = { readonly kind: KeyKind; readonly name: string; readonly sha256: string | null };

const isKind = (word: string): word is KeyKind => (kinds as readonly string[]).includes(word);

export function readFingerprints(output: ToolOutput): Reading<readonly Fingerprint[]> {
  if (output.exitCode !== 0)
    return unreadable(`fingerprints exited ${output.exitCode}: ${output.stderr.trim().slice(0, 120)}`);
  if (!endsWhole(output.stdout)) return unreadable("the last line of fingerprints is cut off");
  const found: Fingerprint[] = [];
  for (const line of output.stdout.split("\n").filter((each) => each !== "")) {
    const [kind = "", name = "", sum = "", more] = line.split("\t");
    const told = sum === "absent" || /^[0-9a-f]{64}$/.test(sum);
    if (!isKind(kind) || name === "" || !told || more !== undefined)
      return unreadable("a line of fingerprints is incomplete");
    found.push({ kind, name, sha256: sum === "absent" ? null : sum });
  }
  // A node has accounts, or it is none of ours.
  return found.some(({ kind }) => kind === "account")
    ? read(found)
    : unreadable("fingerprints tell no account");
}
