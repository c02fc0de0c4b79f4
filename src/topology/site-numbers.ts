/**
 * Every site has a number from which its servers' ids and its auto-increment offset are made (my-cnf). It must never
 * change while the site lives: two sites that write with one offset make the same keys (docs/adr/0011).
 */

/** A TungstenCluster, whether or not its spec is sound: a slip in one spec must not renumber the others. */
export type Numbered = {
  readonly name: string;
  /** metadata.creationTimestamp, RFC 3339 in UTC, which sorts as text. */
  readonly createdAt: string;
  /** status.siteNumber: what it was given before, if anything. */
  readonly kept: unknown;
};

const isNumber = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) > 0;

/** Numbers by name: what was kept stays; the others, the oldest first, take the smallest that are free. */
export function siteNumbers(clusters: readonly Numbered[]): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  for (const { name, kept } of clusters) if (isNumber(kept)) numbers.set(name, kept);
  const taken = new Set(numbers.values());
  const fresh = clusters.filter(({ name }) => !numbers.has(name)).sort(byAge);
  for (const { name } of fresh) {
    let number = 1;
    while (taken.has(number)) number += 1;
    numbers.set(name, number);
    taken.add(number);
  }
  return numbers;
}

const byAge = (a: Numbered, b: Numbered): number => {
  const [before, after] = [`${a.createdAt} ${a.name}`, `${b.createdAt} ${b.name}`];
  return before < after ? -1 : before > after ? 1 : 0;
};
