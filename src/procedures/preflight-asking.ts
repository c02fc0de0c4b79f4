/** How a pre-flight check asks one thing of every node, and gathers what each objects to. */
import { dataNodes, type Estate, type Node } from "../topology/estate.ts";
import type { Fact, Known } from "../tungsten/facts.ts";
import type { Acceptance, Objection } from "./procedure.ts";

/** What a value read off a node lacks still: the node answered, and did not tell this. */
export type Untold = { readonly unknown: string };

/** A sentence of refusal, what the answer leaves open, or nothing to object. */
export type NodeJudge<T> = (node: Node, value: T) => string | Untold | undefined;

export type Judged = {
  readonly node: Node;
  readonly answer: Known<unknown>;
  readonly refused: string | Untold | undefined;
};

export const objecting = (all: readonly Judged[]): { readonly objections: readonly Objection[] } => ({
  objections: all.flatMap(({ node, answer, refused }): Objection[] => {
    if ("unknown" in answer) return [{ on: node.site, unknown: `${node.name}: ${answer.unknown}` }];
    if (refused === undefined) return [];
    return [typeof refused === "string" ? { on: node.site, refused } : { on: node.site, ...refused }];
  }),
});

/** Asks one fact of every data node, and tells all that each objects to. */
export function onEveryNode<T>(
  say: string,
  fact: (node: Node, estate: Estate) => Fact<T>,
  judge: (estate: Estate) => NodeJudge<T>,
): Acceptance {
  return {
    say,
    ask(estate, facts) {
      const judged = judge(estate);
      return objecting(
        dataNodes(estate).map((node) => {
          const answer: Known<T> = facts.get(node.name, fact(node, estate));
          return { node, answer, refused: "known" in answer ? judged(node, answer.known) : undefined };
        }),
      );
    },
  };
}
