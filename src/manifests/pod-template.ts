/** What of a spec reaches a pod only when that is made anew. The pod carries it, so that its node can tell. */
import type { TungstenClusterSpec } from "../crds/tungsten-cluster.ts";

const sorted = (values: Readonly<Record<string, string>> | undefined) =>
  values && Object.fromEntries(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));

/**
 * One line of text, the same for the same wishes in any order. Only what people wish is in it: a new version of the
 * operator that writes another template for the same spec makes no pod old.
 */
export function podTemplate({ image, resources }: Pick<TungstenClusterSpec, "image" | "resources">): string {
  const { requests, limits } = resources ?? {};
  return JSON.stringify({ image, requests: sorted(requests), limits: sorted(limits) });
}

/** What differs between two of them, as people say it. A text that is none of ours differs in all. */
export function templateChange(from: string, to: string): string {
  const [before, after] = [wishesIn(from), wishesIn(to)];
  const parts = [
    before.image === after.image ? [] : ["image"],
    JSON.stringify(before.rest) === JSON.stringify(after.rest) ? [] : ["resources"],
  ].flat();
  return parts.join(" and ");
}

function wishesIn(text: string): { image: unknown; rest: unknown } {
  try {
    const { image, ...rest } = JSON.parse(text) as { image?: unknown };
    return { image, rest };
  } catch {
    return { image: undefined, rest: undefined };
  }
}
