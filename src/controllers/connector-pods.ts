/**
 * The pods that run only a connector: as many as the spec wants, and none taken away before the text of the nodes is
 * without its name. What stood for those that are gone is removed.
 */
import { budgetKind, serviceKind, statefulSetKind } from "../kube/kinds.ts";
import type { AppliedConfiguration } from "../procedures/configuration-standing.ts";
import { type Estate, type Node, siteNamed } from "../topology/estate.ts";
import { withConnectors } from "../topology/members.ts";
import { connectorSet } from "../topology/names.ts";
import { type ConnectorView, connectorState, connectorsToldOf } from "./connector-view.ts";
import type { KubeObject, ResourceKind, Shell } from "./shell.ts";
import type { SiteView } from "./site-view.ts";

/**
 * The estate with a pod for every connector host that is wanted, or that the text its nodes run from still names. While a
 * request holds the site none goes.
 */
export function withConnectorPods(estate: Estate, site: string, object: KubeObject, holder: string): Estate {
  const record: AppliedConfiguration | undefined = object.status?.configuration;
  const there = holder === "" ? 0 : connectorsToldOf(object).length;
  const wanted = siteNamed(estate, site).connectors.length;
  return withConnectors(estate, site, Math.max(wanted, record?.connectors?.length ?? 0, there));
}

/** Removes what stood for pods that are no longer wanted, and tells of those that are. `pods` is the estate of `withConnectorPods`. */
export async function connectorsLeft(
  shell: Shell,
  object: KubeObject,
  pods: Estate,
  { connectors }: SiteView,
): Promise<{ readonly connectors?: readonly object[] | undefined }> {
  const { name: site } = object.metadata;
  const stay = siteNamed(pods, site).connectors;
  const before = connectorsToldOf(object);
  if (stay.length === 0 && before.length === 0) return {};
  const remove = async (kind: ResourceKind, each: string): Promise<void> => {
    const at = { namespace: pods.namespace, name: each };
    const found = await shell.objects.get(kind, at);
    if (found !== undefined) await shell.objects.remove(kind, at, found.metadata.uid ?? "");
  };
  if (stay.length === 0)
    for (const kind of [statefulSetKind, budgetKind]) await remove(kind, connectorSet(site));
  for (const { name: gone } of before)
    if (!stay.some((host) => host.name === gone)) await remove(serviceKind, gone);
  const entries = stay.map((host) =>
    entryOf(
      host,
      connectors.find((view) => view.host.name === host.name),
    ),
  );
  return { connectors: entries.length === 0 ? undefined : entries };
}

function entryOf(host: Node, view: ConnectorView | undefined): object {
  if (view === undefined) return { name: host.name, state: "Leaving" };
  const { product } = view;
  return {
    name: host.name,
    state: connectorState(view),
    ...(product != null && {
      release: product.release,
      ...(product.ini !== null && { iniChecksum: product.ini }),
    }),
  };
}
