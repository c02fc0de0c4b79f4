/**
 * An active/passive composite whose writing site changes because somebody asked: `switch` loses nothing or goes back,
 * `failover` takes what there is behind a member that was failed, `recover` makes such a member a passive site. What they
 * do is [doc] (tungsten-cli §11.11 and .12); their lines are [doc] for recover (§2.4) and [inferred] for the others.
 */
import { type Reports, reportsOf } from "./managers.ts";
import { type Ambient, emit } from "./model.ts";
import { ask, type Steps } from "./outside.ts";
import type { Cluster, Node, NodeReport, Order } from "./state.ts";
import { reportIn } from "./switching.ts";

const catchUpLooks = 30;
const lookMs = 500;

/** A member of the composite as this node's managers see it. */
type Member = {
  readonly name: string;
  readonly reports: Reports;
  /** Its head node, undefined while no node of it answers. */
  readonly head: string | undefined;
};

/** The member that takes the writes, by what this site's managers know. */
export const activeMember = ({ cluster }: Node): string => cluster.relaySource ?? cluster.dataservice;

export function* membersOf(node: Node): Steps<readonly Member[]> {
  const told: Member[] = [];
  for (const name of node.volume.installed.cluster?.composite?.members ?? []) {
    const reports = yield* reportsOf(node, name);
    told.push({ name, reports, head: reports.find(({ report }) => report !== undefined)?.report?.primary });
  }
  return told;
}

const serves = ({ name }: Member, report: NodeReport | undefined): boolean =>
  report?.database === true &&
  report.manager &&
  report.services.some((service) => service.name === name && service.state === "ONLINE");

const headReport = (member: Member): NodeReport | undefined => reportIn(member.reports, member.head ?? "");
const ready = (member: Member): boolean => serves(member, headReport(member));
const seqnoOf = (member: Member): number => headReport(member)?.seqno ?? -1;

/** To every node of these members, in order. */
function* orderAll(members: readonly Member[], orderFor: (member: Member) => Order): Steps<void> {
  for (const member of members)
    for (const { host } of member.reports) yield* ask("order", host, orderFor(member));
}

export function* setPolicyEverywhere(node: Node, policy: Cluster["policy"]): Steps<void> {
  yield* orderAll(yield* membersOf(node), () => ({ do: "policy", policy }));
}

/** Nothing is left to read from: a relay behind a lost site is not ONLINE, and takes over all the same. */
const left = (member: Member): boolean => {
  const report = headReport(member);
  return report?.database === true && report.manager;
};

/** The named passive site, or the most advanced one. */
function candidate(
  node: Node,
  members: readonly Member[],
  wanted: string | undefined,
  can: (member: Member) => boolean,
): Member | undefined {
  const able = members
    .filter(({ name }) => name !== activeMember(node) && node.cluster.compositeOut?.[name] === undefined)
    .filter(can)
    .sort((a, b) => seqnoOf(b) - seqnoOf(a));
  return wanted === undefined ? able[0] : able.find(({ name }) => name === wanted);
}

/** The new writing site opens last; everybody else relays it before. */
function* crown(members: readonly Member[], next: Member): Steps<void> {
  const relays = { source: next.name, from: next.head ?? "" };
  const others = members.filter((member) => member !== next && member.head !== undefined);
  yield* orderAll(others, ({ head = "" }) => ({ do: "role", primary: head, relays }));
  const { head = "" } = next;
  const replicas = next.reports.map(({ host }) => host).filter((host) => host !== head);
  for (const host of [...replicas, head])
    yield* ask("order", host, { do: "role", primary: head, relays: null });
}

/** `switch [to SITE]` at the composite. */
export function* switchSite(
  ambient: Ambient,
  node: Node,
  wanted: string | undefined,
): Steps<readonly string[]> {
  const members = yield* membersOf(node);
  const before = members.find(({ name }) => name === activeMember(node));
  const composite = node.volume.installed.cluster?.composite?.name;
  if (before === undefined || !ready(before))
    return [
      `Exception: the composite master '${activeMember(node)}@${composite}' is not available for a switch`,
    ];
  if (wanted === before.name) return [`Exception: '${wanted}@${composite}' is already the composite master`];
  const next = candidate(node, members, wanted, ready);
  if (next === undefined) return ["Exception: no composite slave is able to become the composite master"];
  const { policy } = node.cluster;
  const sets = policy !== "MAINTENANCE";
  if (sets) yield* setPolicyEverywhere(node, "MAINTENANCE");
  yield* ask("sleep", 500);
  const head = before.head ?? "";
  yield* ask("order", head, { do: "fence", sessions: false });
  const moved = yield* caughtUp(node, before, next);
  if (moved) {
    emit(ambient, { kind: "active-site", from: before.name, to: next.name, forced: false });
    yield* crown(members, next);
  } else yield* ask("order", head, { do: "role", primary: head, relays: null });
  yield* ask("sleep", 1000);
  if (sets) yield* setPolicyEverywhere(node, policy);
  return [
    ...(sets ? [`SET POLICY: ${policy} => MAINTENANCE`] : []),
    `SELECTED SLAVE: '${next.name}@${composite}'`,
    `PURGE REMAINING ACTIVE SESSIONS ON CURRENT MASTER '${before.name}@${composite}'`,
    `FLUSH TRANSACTIONS ON CURRENT MASTER '${head}@${before.name}'`,
    ...(moved
      ? [
          `PUT THE NEW MASTER '${next.head}@${next.name}' ONLINE`,
          `PUT THE PRIOR MASTER '${head}@${before.name}' ONLINE AS A RELAY`,
        ]
      : [`Exception: '${next.name}' did not catch up with '${before.name}'; ROLLED BACK`]),
    ...(sets ? [`REVERT POLICY: MAINTENANCE => ${policy}`] : []),
    ...(moved ? [`SWITCH TO '${next.name}@${composite}' WAS SUCCESSFUL`] : []),
  ];
}

/** After the writing site was closed and its primary has had time to read its own log to the end. */
function* caughtUp(node: Node, before: Member, next: Member): Steps<boolean> {
  yield* ask("sleep", 1500);
  for (let look = 0; look < catchUpLooks; look += 1) {
    const members = yield* membersOf(node);
    const [old, now] = [before, next].map(({ name }) => members.find((member) => member.name === name));
    if (old === undefined || now === undefined || !ready(old) || !ready(now)) return false;
    if (seqnoOf(old) === seqnoOf(now)) return true;
    yield* ask("sleep", lookMs);
  }
  return false;
}

/** What the managers of all sites that can be reached know from now on. */
function* tellOut(node: Node, out: Readonly<Record<string, string>>): Steps<void> {
  yield* orderAll(yield* membersOf(node), () => ({ do: "composite", out }));
}

/** `datasource SITE fail` at the composite, after its warning was answered. */
export function* failSite(node: Node, name: string): Steps<readonly string[]> {
  const members = yield* membersOf(node);
  if (!members.some((member) => member.name === name))
    return [`Exception: datasource '${name}' was not found`];
  yield* ask("sleep", 300);
  yield* tellOut(node, { ...node.cluster.compositeOut, [name]: "FAILED(MANUALLY-FAILED)" });
  return [`COMPOSITE DATA SOURCE '${name}' IS NOW IN THE FAILED STATE`];
}

/** `failover [to SITE]` at the composite: only behind a writing site that was failed. */
export function* failSiteOver(
  ambient: Ambient,
  node: Node,
  wanted: string | undefined,
): Steps<readonly string[]> {
  const members = yield* membersOf(node);
  const from = activeMember(node);
  if (node.cluster.compositeOut?.[from] === undefined)
    return [`Exception: the composite master '${from}' is not in the FAILED state`];
  const next = candidate(node, members, wanted, left);
  if (next === undefined) return ["Exception: no composite slave is able to become the composite master"];
  yield* ask("sleep", 500);
  emit(ambient, { kind: "active-site", from, to: next.name, forced: true });
  yield* crown(
    members.filter(({ name }) => name !== from),
    next,
  );
  yield* tellOut(node, { ...node.cluster.compositeOut, [from]: `SHUNNED(FAILED-OVER-TO-${next.name})` });
  yield* ask("sleep", 500);
  return [`SELECTED SLAVE: '${next.name}'`, `FAILOVER TO '${next.name}' WAS SUCCESSFUL`];
}

/** `recover` at the composite: every member that is out relays the writing site from now on. */
export function* recoverSites(node: Node): Steps<readonly string[]> {
  const composite = node.volume.installed.cluster?.composite?.name;
  const members = yield* membersOf(node);
  const active = members.find(({ name }) => name === activeMember(node));
  if (active === undefined || !ready(active) || node.cluster.compositeOut?.[active.name] !== undefined)
    return ["Exception: the composite has no master to recover from"];
  const lines: string[] = [];
  const out = { ...node.cluster.compositeOut };
  for (const member of members.filter(({ name }) => out[name] !== undefined)) {
    lines.push(`IDENTIFIED DATASOURCE '${member.name}@${composite}' FOR RECOVERY`);
    if (member.head === undefined) {
      lines.push(`Exception: no manager of '${member.name}' can be reached`);
      continue;
    }
    const relays = { source: active.name, from: active.head ?? "" };
    yield* orderAll([member], ({ head = "" }) => ({ do: "role", primary: head, relays }));
    delete out[member.name];
    lines.push(
      `FORCING THE PHYSICAL RELAY TO BE '${member.head}'`,
      `DATASOURCE '${member.head}@${member.name}' IS NOW A RELAY`,
      `RECOVERED ${member.reports.length} DATA SOURCES IN SERVICE '${member.name}'`,
      `composite data source '${member.name}@${composite}' role is now slave`,
    );
  }
  yield* tellOut(node, out);
  return [...lines, `RECOVERY OF COMPOSITE SERVICE '${composite}' IS COMPLETE`];
}
