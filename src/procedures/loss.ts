/** Nodes that are lost in the middle of a run: a human's word that one is gone for good, and what may be said until then. */
import type { Ledger } from "../crds/ledger.ts";
import { dataNodes, type Estate } from "../topology/estate.ts";
import type { Procedure } from "./procedure.ts";
import { hasReached } from "./track.ts";

const key = (node: string): string => `lost/${node}`;

/** Who was given up so far. */
export const givenUp = ({ heard = {} }: Ledger): readonly string[] =>
  Object.keys(heard).flatMap((word) => (word.startsWith(key("")) ? [word.slice(key("").length)] : []));

/**
 * The ledger with the words about nodes that have no pod taken up. A node that runs is never given up: what lies on it
 * would go on by itself. What was given up stays so, for the run has not asked it for what it did meanwhile.
 */
export function withLost(
  { goesOnWithout }: Procedure,
  ledger: Ledger,
  estate: Estate,
  words: readonly string[],
  runs: (node: string) => boolean,
): Ledger {
  if (goesOnWithout !== true) return ledger;
  const known = givenUp(ledger);
  const fresh = dataNodes(estate)
    .map(({ name }) => name)
    .filter((name) => words.includes(name) && !known.includes(name) && !runs(name));
  if (fresh.length === 0) return ledger;
  const said = fresh.map((name) => [key(name), `${name} is lost for good: the run does without it`] as const);
  return { ...ledger, heard: { ...ledger.heard, ...Object.fromEntries(said) } };
}

const page = "docs/operating/conversion.md#when-a-node-is-lost";

/** Who is to take a backup still. Its site has no other in this plan, so nothing goes on without it. */
function takersIn({ steps }: Procedure, { direction, cursor, pins }: Ledger): readonly string[] {
  const index = steps.findIndex(
    ({ id, parts }) => id === "Backup" && parts.some(({ run }) => run.length > 0),
  );
  return direction === "Forward" && cursor.step <= index ? Object.values(pins?.backupNodes ?? {}) : [];
}

/** What helps while these nodes have no pod; undefined when none is missing, or the procedure knows no way without. */
export function lossInWords(
  procedure: Procedure,
  ledger: Ledger,
  missing: readonly string[],
): string | undefined {
  if (procedure.goesOnWithout !== true || ledger.phase !== "Running") return undefined;
  const takers = takersIn(procedure, ledger);
  const without = givenUp(ledger).find((name) => takers.includes(name));
  if (without !== undefined)
    return `${without} is given up and was to take the backup of its site, without which nothing goes on: set spec.abort (${page})`;
  const headless = givenUp(ledger).find((name) => Object.values(ledger.pins?.primaries ?? {}).includes(name));
  if (missing.length === 0)
    return headless !== undefined && ledger.direction === "Revert"
      ? `${headless} is given up, so its site has no primary under MAINTENANCE: fail over to another node there in cctrl, and the run goes back by itself (${page})`
      : undefined;
  const { abortUntil, revertUntil } = procedure;
  const primaries = Object.values(ledger.pins?.primaries ?? {});
  const primary = missing.find((name) => primaries.includes(name));
  const taker = missing.find((name) => takers.includes(name));
  const word = !hasReached(procedure, ledger, abortUntil.step, abortUntil.part)
    ? "spec.abort"
    : "spec.revert";
  const back =
    ledger.direction === "Forward" && !hasReached(procedure, ledger, revertUntil.step, revertUntil.part);
  const gone = `${missing.join(", ")} ${missing.length === 1 ? "has" : "have"} no running pod; back with its volume, the run goes on by itself`;
  const given = "lost for good, add it to spec.lostNodes";
  const way =
    ledger.direction !== "Forward"
      ? `${given}: the run goes back without it`
      : primary === undefined && taker !== undefined
        ? `${taker} was to take the backup of its site: ${given} and set ${word}`
        : primary === undefined
          ? `${given}: the run goes on without it${back ? `, or back with ${word}` : ""}`
          : back
            ? `${primary} is a primary: ${given} and set ${word}; ${word === "spec.abort" ? "its managers fail over then" : "then fail over in cctrl"}`
            : `${primary} is a primary, and it is too late to go back: finish by hand`;
  return `${gone}; ${way} (${page})`;
}
