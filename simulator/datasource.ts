/**
 * Datasources in a human's or an operator's hand: shun, recover, online. A recovered replica is OFFLINE; managers bring it
 * ONLINE under AUTOMATIC, otherwise it may wait for `datasource H online` ([doc] both ways, tungsten-cli §2.4: varies by seed).
 */
import { reportsOf } from "./managers.ts";
import type { Ambient } from "./model.ts";
import { ask, type Steps } from "./outside.ts";
import type { Node } from "./state.ts";

const put = (node: Node, host: string, out: "SHUNNED(MANUALLY-SHUNNED)" | "OFFLINE" | undefined): void => {
  const { [host]: _, ...others } = node.cluster.out ?? {};
  node.cluster.out = out === undefined ? others : { ...others, [host]: out };
};

/** `datasource H shun|recover|online`; what it prints. */
export function* driveDatasource(
  ambient: Ambient,
  node: Node,
  host: string,
  verb: string,
): Steps<readonly string[]> {
  const { cluster } = node;
  const reports = yield* reportsOf(node, cluster.dataservice);
  const report = reports.find((each) => each.host === host)?.report;
  if (!reports.some((each) => each.host === host)) return [`Exception: no datasource ${host}`];
  if (verb === "shun") {
    put(node, host, "SHUNNED(MANUALLY-SHUNNED)");
    yield* ask("publish");
    return [`DataSource '${host}' set to SHUNNED`];
  }
  if (verb === "recover") return yield* recover(ambient, node, host, report?.database === true);
  if (verb !== "online") return [`Exception: unknown command ${verb}`];
  if (cluster.out?.[host]?.startsWith("SHUNNED") === true || report?.database !== true)
    return [`Exception: DataSource '${host}' cannot be brought online`];
  put(node, host, undefined);
  yield* ask("publish");
  return [`DataSource '${host}@${cluster.dataservice}' is now ONLINE`];
}

function* recover(ambient: Ambient, node: Node, host: string, database: boolean): Steps<readonly string[]> {
  const { cluster } = node;
  const lines = [
    `RECOVERING DATASOURCE '${host}@${cluster.dataservice}'`,
    `VERIFYING THAT WE CAN CONNECT TO DATA SERVER '${host}'`,
  ];
  if (!database) return [...lines, `Exception: DATA SERVER '${host}' IS NOT AVAILABLE`];
  yield* ask("sleep", 2000);
  const waits = cluster.policy !== "AUTOMATIC" && ambient.variant % 2 === 0;
  put(node, host, waits ? "OFFLINE" : undefined);
  cluster.shunned.delete(host);
  yield* ask("publish");
  yield* ask("order", host, { do: "role", primary: cluster.primary });
  return [
    ...lines,
    waits
      ? `DataSource '${host}' is now OFFLINE`
      : `RECOVERY OF '${host}@${cluster.dataservice}' WAS SUCCESSFUL`,
  ];
}
