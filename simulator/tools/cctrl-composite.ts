/** cctrl behind `use COMPOSITE`: its listing, and the words that act on all sites ([doc], tungsten-cli §2.3 and §2.4). */
import { coordinatorIn } from "../managers.ts";
import type { Ambient } from "../model.ts";
import { ask, type Steps } from "../outside.ts";
import {
  activeMember,
  failSite,
  failSiteOver,
  membersOf,
  recoverSites,
  setPolicyEverywhere,
  switchSite,
} from "../site-switching.ts";
import type { Node } from "../state.ts";
import { expertWarning, policyFrom, rows, rule } from "./cctrl-print.ts";

/**
 * What it says to a command at the composite; undefined when it is none that an active/passive composite knows.
 * `answer` takes the next line: an expert's command asks first.
 */
export function* atComposite(
  { ambient, node }: { readonly ambient: Ambient; readonly node: Node },
  command: string,
  answer: () => string | undefined,
): Steps<readonly string[] | undefined> {
  if (command === "ls") return [yield* compositeLs(ambient, node)];
  const policy = /^set policy (\S+)$/.exec(command)?.[1];
  if (policy !== undefined) {
    const known = policyFrom(policy);
    if (known === undefined) return [`Exception: invalid policy ${policy}`];
    yield* ask("sleep", 500);
    yield* setPolicyEverywhere(node, known);
    return [`policy mode is now ${known}`];
  }
  const [, verb, to] = /^(switch|failover)(?: to (\S+))?$/.exec(command) ?? [];
  const passive = node.volume.installed.cluster?.composite?.multiMaster === false;
  if (verb !== undefined && !passive) return ["Exception: every member of this composite is a master"];
  if (verb === "switch") return yield* switchSite(ambient, node, to);
  if (verb === "failover") return yield* failSiteOver(ambient, node, to);
  if (command === "recover" && passive) return yield* recoverSites(node);
  const failing = /^datasource (\S+) fail$/.exec(command)?.[1];
  if (failing === undefined) return undefined;
  if (answer() !== "y") return [expertWarning];
  return [expertWarning, ...(yield* failSite(node, failing))];
}

/**
 * A member is shown once every node of it is configured for the composite. Where all members write each has a progress of
 * its own beside; an active/passive one has a master and slaves. Of a site that cannot be reached the role is remembered.
 */
function* compositeLs(ambient: Ambient, node: Node): Steps<string> {
  const { cluster } = node;
  const sites = yield* membersOf(node);
  const own = sites.find(({ name }) => name === cluster.dataservice);
  const lines = [`COORDINATOR[${own && coordinatorIn(own.reports)}:${cluster.policy}:ONLINE]`];
  for (const { name, reports } of sites) {
    const coordinator = coordinatorIn(reports);
    const policy = reports.find(({ host }) => host === coordinator)?.report?.policy;
    if (coordinator !== undefined) lines.push(`   ${name}:COORDINATOR[${coordinator}:${policy}:ONLINE]`);
  }
  lines.push("DATASOURCES:");
  for (const { name, reports } of sites) {
    if (!reports.every(({ report }) => report?.composite !== false)) continue;
    const reached = coordinatorIn(reports) === undefined ? "UNKNOWN" : "ONLINE";
    const state = cluster.compositeOut?.[name] ?? reached;
    const progress = Math.max(-1, ...reports.map(({ report }) => report?.seqno ?? -1));
    const latency = Math.max(-1, ...reports.map(({ report }) => report?.latency ?? -1)).toFixed(3);
    lines.push(
      rule(ambient),
      ...rows(
        ambient,
        node.volume.installed.cluster?.composite?.multiMaster === true
          ? `${name}(composite master:${state}, global progress=${progress}, max latency=${latency})`
          : `${name}(composite ${name === activeMember(node) ? "master" : "slave"}:${state})`,
      ),
      rule(ambient),
    );
  }
  return lines.join("\n");
}
