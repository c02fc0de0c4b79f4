/** Whether the nodes run the release that the spec names. It is told; an UpgradeRequest brings it. */
import type { Told } from "../crds/conditions.ts";
import type { SiteView } from "./site-view.ts";
import type { ClusterPass } from "./tungsten-cluster.ts";

const type = "ReleaseCurrent";

export function releaseTold({ spec }: Pick<ClusterPass, "spec">, { nodes }: SiteView): Told {
  const tell = (status: Told["status"], reason: string, message: string): Told => ({
    type,
    status,
    reason,
    message,
  });
  const unread = nodes.find(({ cluster, crossSite }) => cluster === undefined || crossSite === undefined);
  if (unread !== undefined)
    return tell("Unknown", "NotRead", `${unread.node.name} does not tell what is installed`);
  const other = nodes.flatMap(({ node, cluster, crossSite }) =>
    [cluster, crossSite].flatMap((is) =>
      is == null || is.release === spec.release ? [] : [`${node.name} ${is.release}`],
    ),
  );
  if (nodes.some(({ cluster }) => cluster === null))
    return tell("Unknown", "NotInstalled", "not every node has Tungsten installed");
  if (other.length === 0) return tell("True", "Current", `every node runs ${spec.release}`);
  return tell(
    "False",
    "UpgradeNeeded",
    `spec.release is ${spec.release}, and these run another: ${[...new Set(other)].join(", ")}; bring its packages to every node, then ask for it by an UpgradeRequest, procedure UpgradeSoftware`,
  );
}
