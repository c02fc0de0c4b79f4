/** On whom the joining of a site acts: the new site's nodes and services, and those of the sites that are there. */
import type { Node } from "../topology/estate.ts";
import type { Run, Target } from "./procedure.ts";
import { eachReader, eachSite, everyNode, isPrimary } from "./scopes.ts";
import { of, type Scope } from "./site-parts.ts";

export type Joining = {
  /** The new site: nothing is installed on it yet. */
  readonly site: string;
  /**
   * Of a composite with one site that writes: the replica that the relay is provisioned from, and the new site's other
   * nodes. Left out where every site writes: its databases hold a copy already.
   */
  readonly passive?: { readonly donor: string; readonly replicas: readonly Node[] };
};

/** Every scope of it, by the new site's name. */
export function joinScopes(name: string) {
  const fresh = (target: Target): boolean => target.site.name === name;
  const there = (target: Target): boolean => !fresh(target);
  return {
    narrow: (scope: Scope): Scope => of(scope, fresh),
    fresh: of(everyNode, fresh),
    onFresh: of(eachSite, fresh),
    freshPrimary: ((run: Run) =>
      everyNode(run).filter((target) => fresh(target) && isPrimary(run, target.node))) as Scope,
    reading: of(eachReader, fresh),
    others: of(everyNode, there),
    onOthers: of(eachSite, there),
    /** Services that run already: the others do not read the new site yet. */
    running: of(eachReader, (target) => there(target) && target.source?.name !== name),
    /** The same with the new site's own. */
    afterwards: of(eachReader, (target) => fresh(target) || target.source?.name !== name),
  };
}
export type JoinScopes = ReturnType<typeof joinScopes>;
