/**
 * A primary that moves because somebody asked: `switch` loses nothing or goes back, `failover` takes what there is. Order of
 * effects and the lines of a switch are [doc] (tungsten-cli §2.4); those of a failover, and of what is refused, [inferred].
 */
import { failOver, type Reports, reportsOf, setPolicy, tellRelays } from "./managers.ts";
import { type Ambient, emit } from "./model.ts";
import { ask, type Steps } from "./outside.ts";
import type { Node, NodeReport } from "./state.ts";

const catchUpLooks = 30;
const lookMs = 500;

export const reportIn = (reports: Reports, host: string): NodeReport | undefined =>
  reports.find((each) => each.host === host)?.report;

/** The service of its own site is up, so that it extracts or applies. */
const serves = (node: Node, report: NodeReport | undefined): boolean =>
  report?.database === true &&
  report.services.some(({ name, state }) => name === node.cluster.dataservice && state === "ONLINE");

/** Whom a switch would choose: the named one, or the most advanced replica that could take over. */
function candidate(node: Node, reports: Reports, wanted: string | undefined): string | undefined {
  const { primary, shunned, out = {} } = node.cluster;
  const able = reports
    .filter(
      ({ host, report }) =>
        host !== primary && !shunned.has(host) && out[host] === undefined && serves(node, report),
    )
    .sort((a, b) => (b.report?.seqno ?? -1) - (a.report?.seqno ?? -1))
    .map(({ host }) => host);
  return wanted === undefined ? able[0] : able.find((host) => host === wanted);
}

/** `switch [to H]`. Nothing is promoted before it holds all that the old primary has taken; else the old one goes on. */
export function* switchPrimary(
  ambient: Ambient,
  node: Node,
  wanted: string | undefined,
): Steps<readonly string[]> {
  const { cluster } = node;
  const { dataservice, primary: before, policy } = cluster;
  const reports = yield* reportsOf(node, dataservice);
  if (wanted === before) return [`Exception: '${wanted}@${dataservice}' is already the master`];
  const next = candidate(node, reports, wanted);
  if (!serves(node, reportIn(reports, before)))
    return [`Exception: the current master '${before}@${dataservice}' is not available for a switch`];
  if (next === undefined) return ["Exception: no slave is able to become the master"];
  const lines = [
    ...(policy === "MAINTENANCE" ? [] : [`SET POLICY: ${policy} => MAINTENANCE`]),
    ...reports.filter(({ host }) => host !== before).map(evaluation),
    `SELECTED SLAVE: ${next}@${dataservice}`,
    `Savepoint switch_1(cluster=${dataservice}, source=${before}) created`,
    `PURGE REMAINING ACTIVE SESSIONS ON CURRENT MASTER '${before}@${dataservice}'`,
  ];
  if (policy !== "MAINTENANCE") yield* setPolicy(ambient, node, "MAINTENANCE");
  yield* ask("sleep", 500);
  yield* ask("order", before, { do: "fence", sessions: ambient.variant % 2 === 1 });
  lines.push(`FLUSH TRANSACTIONS ON CURRENT MASTER '${before}@${dataservice}'`);
  const moved = yield* caughtUp(node, before, next);
  if (moved) yield* promote(ambient, node, next);
  else yield* ask("order", before, { do: "role", primary: before });
  yield* ask("sleep", 1000);
  if (policy !== "MAINTENANCE") yield* setPolicy(ambient, node, policy);
  const reverted = policy === "MAINTENANCE" ? [] : [`REVERT POLICY: MAINTENANCE => ${policy}`];
  return moved
    ? [
        ...lines,
        `PUT THE NEW MASTER '${next}@${dataservice}' ONLINE`,
        `PUT THE PRIOR MASTER '${before}@${dataservice}' ONLINE AS A SLAVE`,
        ...reverted,
        `SWITCH TO '${next}@${dataservice}' WAS SUCCESSFUL`,
      ]
    : [...lines, `Exception: '${next}' did not catch up with '${before}'; ROLLED BACK`, ...reverted];
}

const evaluation = ({ host, report }: Reports[number]): string => {
  const seqno = report?.seqno ?? -1;
  return `EVALUATING SLAVE: ${host}(stored=${seqno}, applied=${seqno}, latency=${(report?.latency ?? -1).toFixed(3)}, datasource-group-id=0)`;
};

/** After the old primary was closed for writes and has had time to read its own log to the end. */
function* caughtUp(node: Node, before: string, next: string): Steps<boolean> {
  yield* ask("sleep", 1500);
  for (let look = 0; look < catchUpLooks; look += 1) {
    const reports = yield* reportsOf(node, node.cluster.dataservice);
    const [old, now] = [reportIn(reports, before), reportIn(reports, next)];
    if (!serves(node, old) || !serves(node, now)) return false;
    if (old?.seqno === now?.seqno) return true;
    yield* ask("sleep", lookMs);
  }
  return false;
}

function* promote(ambient: Ambient, node: Node, next: string): Steps<void> {
  const { cluster } = node;
  const from = cluster.primary;
  emit(ambient, { kind: "primary", site: cluster.dataservice, from, to: next });
  cluster.primary = next;
  cluster.shunned.delete(next);
  cluster.faultSince = null;
  yield* ask("publish");
  const reports = yield* reportsOf(node, cluster.dataservice);
  const others = reports.map(({ host }) => host).filter((host) => host !== next);
  for (const host of [...others, next]) yield* ask("order", host, { do: "role", primary: next });
  yield* tellRelays(node);
}

/** `failover [to H]`: whatever state the old primary is in; its datasource is shunned. */
export function* failPrimaryOver(
  ambient: Ambient,
  node: Node,
  wanted: string | undefined,
): Steps<readonly string[]> {
  const { dataservice, primary: before } = node.cluster;
  const reports = yield* reportsOf(node, dataservice);
  if (wanted === before) return [`Exception: '${wanted}@${dataservice}' is already the master`];
  if (wanted !== undefined && reportIn(reports, wanted)?.database !== true)
    return [`Exception: '${wanted}@${dataservice}' is not able to become the master`];
  yield* ask("sleep", 500);
  yield* failOver(ambient, node, wanted);
  const { primary } = node.cluster;
  yield* ask("sleep", 500);
  return primary === before
    ? ["Exception: no slave is able to become the master"]
    : [
        `SELECTED SLAVE: ${primary}@${dataservice}`,
        `DataSource '${before}' set to SHUNNED`,
        `FAILOVER TO '${primary}@${dataservice}' WAS SUCCESSFUL`,
      ];
}
