/**
 * One replica out of service for a human's work by hand, and back when he is done (deploy-msaa, Dataserver maintenance,
 * with the work between shun and recover left to him). Asked for by the TungstenCluster's spec, for as long as it stands
 * there. The policy stays MAINTENANCE meanwhile: managers would bring back, or fail over to, what somebody has in pieces.
 */
import type { Node } from "../topology/estate.ts";
import type { Product } from "../tungsten/invocation.ts";
import { broughtBack, otherEnds, takenOut } from "./out-of-service.ts";
import { runsAgain } from "./pod-parts.ts";
import type { Judgement, Procedure, Target } from "./procedure.ts";
import { eachLinkedReader, eachSite, everyNode } from "./scopes.ts";
import { enterMaintenance, incomingServices, of, returnPolicy } from "./site-parts.ts";
import { done, pending } from "./verdicts.ts";

export type Hold = {
  readonly site: string;
  readonly node: Node;
  readonly kind: "MSAA" | "CAA";
  /** The spec does not name the node any more. */
  readonly released: boolean;
};

/** The id of the step in which the node is the human's. */
export const handWork = "HandWork";

/** Out, held, back, and everything around it as before. */
export function holdNode({ site: siteName, node, kind, released }: Hold): Procedure {
  const mine = ({ site }: Target) => site.name === siteName;
  const onSite = of(eachSite, mine);
  const on = of(everyNode, (target) => target.node.name === node.name);
  const product: Product = kind === "MSAA" ? "crossSite" : "cluster";
  const wordGiven: Judgement = () =>
    released
      ? done
      : pending(`${node.name} is out of service and yours; clear spec.maintenance when you are done`);
  return {
    name: "HoldNode",
    revision: 1,
    source: "Tungsten documentation, Deploying Multi-Site/Active-Active Clustering, Dataserver maintenance",
    accepts: [],
    holds: [],
    pins: () => ({ unknown: "a hold pins what its TungstenCluster says" }),
    steps: [
      enterMaintenance(onSite),
      {
        n: 2,
        id: "TakeOut",
        title: `Take ${node.name} out`,
        condition: "NodeTakenOut",
        undo: "datasource HOST recover in cctrl, if it is SHUNNED.",
        parts: [takenOut(node, on, wordGiven, "it is in service")],
      },
      {
        n: 3,
        id: handWork,
        title: `Leave ${node.name} to whoever works on it`,
        condition: "HandWorkDone",
        undo: "Nothing to undo.",
        parts: [{ what: "the spec names it no more", on, run: [], done: wordGiven, stallSeconds: 604_800 }],
      },
      {
        n: 4,
        id: "BringBack",
        title: `Bring ${node.name} back`,
        condition: "NodeBroughtBack",
        undo: "Nothing to undo.",
        parts: [
          runsAgain(node, on),
          ...broughtBack(node, on),
          incomingServices(
            product,
            of(eachLinkedReader(kind), (target) => target.node.name === node.name),
          ),
        ],
      },
      otherEnds({ site: siteName, kind }, 5),
      returnPolicy(6, {
        onSite,
        nodes: of(everyNode, mine),
        readers: of(eachLinkedReader(kind), mine),
        product,
      }),
    ],
    abortUntil: { step: "EnterMaintenance", part: 0 },
    revert: [],
    revertUntil: { step: "EnterMaintenance", part: 0 },
    interruptions: () => [],
    budgets: [],
  };
}
