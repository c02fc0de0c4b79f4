/** How the hosts that run only a connector stand, by what they and the managers of their site tell. */
import { knownValue } from "../procedures/verdicts.ts";
import type { Node, Site } from "../topology/estate.ts";
import { type AccountsState, secretWord } from "../tungsten/accounts.ts";
import type { Facts } from "../tungsten/facts.ts";
import type { InstalledProduct } from "../tungsten/node.ts";
import { accountsState, clusterView, connectorProcess, installed, software } from "../tungsten/node-facts.ts";
import type { KubeObject, PodRef } from "./shell.ts";
import type { ClusterPass } from "./tungsten-cluster.ts";

export type ConnectorView = {
  readonly host: Node;
  /** Its pod runs. */
  readonly pod: boolean;
  /** undefined: cannot be read; null: not installed. */
  readonly product: InstalledProduct | null | undefined;
  readonly runs: boolean | undefined;
  /** Its state by a manager's word; undefined while none tells of it. */
  readonly router: string | undefined;
  /** What its user.map holds of the mounted Secret; undefined: cannot be read. */
  readonly accounts: AccountsState | undefined;
  /** Packages that lie unpacked on its volume; undefined: cannot be read. */
  readonly packages: ReadonlySet<string> | undefined;
};

/** As the status told of them last. */
export const connectorsToldOf = ({ status }: KubeObject): readonly { readonly name: string }[] =>
  status?.connectors ?? [];

export function connectorViews(
  site: Site,
  pods: ReadonlyMap<string, PodRef>,
  facts: Facts,
): readonly ConnectorView[] {
  if (site.connectors.length === 0) return [];
  const routers = site.nodes
    .filter((node) => !node.witness)
    .flatMap((node) => knownValue(facts.get(node.name, clusterView))?.routers ?? []);
  return site.connectors.map((host) => {
    const process = knownValue(facts.get(host.name, connectorProcess));
    return {
      host,
      pod: pods.has(host.name),
      product: knownValue(facts.get(host.name, installed("cluster"))),
      runs: process === undefined ? undefined : process === "running",
      router: routers.find(({ name }) => name === host.name)?.state,
      accounts: knownValue(facts.get(host.name, accountsState)),
      packages: knownValue(facts.get(host.name, software)),
    };
  });
}

/** One word for the status. */
export function connectorState({ pod, product, runs, router }: ConnectorView): string {
  if (!pod) return "NoPod";
  if (product === null) return "NotInstalled";
  if (product === undefined || runs === undefined) return "Unknown";
  if (!runs) return "Stopped";
  return router ?? "Running";
}

/**
 * A connector that may still come with what was good before; undefined when none may. One that is not there may come
 * back with it.
 */
export function connectorsBehind(
  { object, site, secret }: Pick<ClusterPass, "object" | "site" | "secret">,
  connectors: readonly ConnectorView[],
): string | undefined {
  const wanted = site.connectors;
  const leaves = connectorsToldOf(object).find((kept) => !wanted.some((host) => host.name === kept.name));
  if (leaves !== undefined) return `${leaves.name} is still there, and leaves`;
  const late = connectors.find(
    ({ product, accounts }) =>
      product === undefined ||
      accounts === undefined ||
      (product !== null &&
        ((product.secret ?? undefined) !== secret.ini ||
          accounts.secret !== secretWord(secret.ini, secret.users) ||
          !accounts.map)),
  );
  return late && `${late.host.name} has not taken it up yet; ConnectorsInService says how it stands`;
}
