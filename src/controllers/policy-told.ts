/** A policy that somebody changed is told. Nothing sets it back: a DBA in the middle of work may have meant it. */
import type { Told } from "../crds/conditions.ts";
import { requestKind } from "../kube/kinds.ts";
import type { SiteView } from "./site-view.ts";
import type { ClusterPass } from "./tungsten-cluster.ts";

const type = "PolicyAsWanted";
/** From this step of the conversion on until that one has finished the run needs MAINTENANCE. */
const fenced = { from: "StopCrossSiteReplicators", until: "ReturnToAutomatic" };

/** `own`: the site walks a procedure of its own, which sets MAINTENANCE and takes it back. */
export async function policyTold(
  pass: ClusterPass,
  { policy, holder }: SiteView,
  own: boolean,
): Promise<readonly Told[]> {
  const wanted = pass.spec.policy.toUpperCase();
  const told = (status: Told["status"], reason: string, message: string): readonly Told[] => [
    { type, status, reason, message },
  ];
  if (policy === undefined) return told("Unknown", "NoCoordinator", "no coordinator tells the policy");
  if (holder !== "") {
    const run = await fencedBy(pass, holder);
    if (run !== undefined && policy !== "MAINTENANCE")
      return told(
        "False",
        "ChangedDuringRun",
        `the policy is ${policy} while UpgradeRequest ${run} has parts of the site stopped: managers may start them or fail over; set policy maintenance in cctrl, or abort or revert the request`,
      );
    return told("Unknown", "ProcedureRuns", `${policy} while a procedure holds the site`);
  }
  if (own) return told("Unknown", "ProcedureRuns", `${policy} while the site is being changed`);
  if (policy === wanted) return told("True", "AsWanted", `the policy is ${policy}`);
  const way = `set it in cctrl (set policy ${wanted.toLowerCase()}) or correct spec.policy`;
  return told("False", "Differs", `the policy is ${policy}, spec.policy wants ${wanted}: ${way}`);
}

/** The name of the run that holds the site, once it has set MAINTENANCE and while it needs it. */
async function fencedBy({ shell, estate }: ClusterPass, holder: string): Promise<string | undefined> {
  const requests = await shell.objects.list(requestKind, estate.namespace);
  const run = requests.find(({ metadata }) => metadata.uid === holder);
  const ledger:
    | { cursor?: { step: number; part: number }; direction?: string; steps?: Walked[] }
    | undefined = run?.status?.ledger;
  if (ledger?.direction !== "Forward") return undefined;
  const walked = (id: string): Walked | undefined => ledger.steps?.find((step) => step.id === id);
  const from = walked(fenced.from);
  const set = from !== undefined && (from.finishedAt !== undefined || (ledger.cursor?.part ?? 0) > 0);
  return set && walked(fenced.until) === undefined ? run?.metadata.name : undefined;
}

type Walked = { readonly id: string; readonly finishedAt?: number };
