/** Tungsten's releases as numbers: `8.0.4-132` is version 8.0.4, build 132. A release without a build is older than any with one. */

export type Release = { readonly numbers: readonly number[]; readonly text: string };

/** Undefined for a text that is no release. */
export function releaseOf(text: string): Release | undefined {
  const [, version, build] = /^(\d+(?:\.\d+){1,3})(?:-(\d+))?$/.exec(text) ?? [];
  if (version === undefined) return undefined;
  const numbers = version.split(".").map(Number);
  while (numbers.length < 4) numbers.push(0);
  return { numbers: [...numbers, build === undefined ? -1 : Number(build)], text };
}

/** Negative where `a` is older. */
export function compareReleases(a: Release, b: Release): number {
  const at = a.numbers.findIndex((number, index) => number !== b.numbers[index]);
  return at < 0 ? 0 : (a.numbers[at] ?? 0) - (b.numbers[at] ?? 0);
}

export const majorOf = ({ numbers }: Release): number => numbers[0] ?? 0;
