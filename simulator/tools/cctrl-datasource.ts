/**
 * cctrl's words about datasources, routers and replicators ([doc], tungsten-cli §2.4; texts of router and welcome were not
 * found and are [inferred]). Under MAINTENANCE a recovered datasource stays OFFLINE until `datasource … online`.
 */
import { connectorReportsOf, reportsOf } from "../managers.ts";
import { type Ambient, emit } from "../model.ts";
import { ask, type Steps } from "../outside.ts";
import type { Cluster, Node } from "../state.ts";

type Session = { readonly ambient: Ambient; readonly node: Node; readonly force: boolean };

/** What it says to such a command; undefined when it is none. */
export function* byHand(session: Session, command: string): Steps<string | undefined> {
  const words = command.split(/\s+/);
  const [what, name = "", verb = ""] = words;
  if (words.length !== 3) return undefined;
  if (what === "router" && name === "*" && (verb === "online" || verb === "offline"))
    return yield* routers(session, verb === "offline");
  if (what === "replicator" && (verb === "online" || verb === "offline"))
    return yield* replicator(session, name, verb === "online");
  return what === "datasource" ? yield* datasource(session, name, verb) : undefined;
}

function* routers({ node }: Session, closed: boolean): Steps<string> {
  const { dataservice } = node.cluster;
  yield* ask("sleep", 500);
  const told: string[] = [];
  const known = [...(yield* reportsOf(node, dataservice)), ...(yield* connectorReportsOf(node))];
  for (const { host, report } of known) {
    if (report?.connector !== true) continue;
    yield* ask("order", host, { do: "router", closed });
    told.push(`router 'connector@${host}' is now ${closed ? "OFFLINE" : "ONLINE"}`);
  }
  return told.length === 0 ? "Exception: no router is known" : told.join("\n");
}

function* replicator({ node }: Session, name: string, online: boolean): Steps<string> {
  const { dataservice } = node.cluster;
  yield* ask("sleep", 300);
  yield* ask("order", name, { do: "replicator", service: dataservice, online });
  return `Replicator '${name}' is now ${online ? "ONLINE" : "OFFLINE"}`;
}

function* datasource(session: Session, name: string, verb: string): Steps<string | undefined> {
  const { ambient, node, force } = session;
  const { cluster } = node;
  const reports = yield* reportsOf(node, cluster.dataservice);
  const own = reports.find(({ host }) => host === name);
  if (own === undefined) return `Exception: datasource '${name}' was not found`;
  yield* ask("sleep", 300);
  const out = { ...cluster.out };
  const said = yield* change({ cluster, out, name, verb, force, up: own.report?.database === true });
  if (said === undefined || said.startsWith("Exception")) return said;
  // Of the others somebody may have told something else meanwhile.
  const { [name]: _before, ...others } = cluster.out ?? {};
  const { [name]: state } = out;
  cluster.out = state === undefined ? others : { ...others, [name]: state };
  emit(ambient, { kind: "datasource", host: name, verb });
  yield* ask("publish");
  return said;
}

type Change = {
  readonly cluster: Cluster;
  readonly out: NonNullable<Cluster["out"]>;
  readonly name: string;
  readonly verb: string;
  readonly force: boolean;
  readonly up: boolean;
};

function* change({ cluster, out, name, verb, force, up }: Change): Steps<string | undefined> {
  const automatic = cluster.policy === "AUTOMATIC";
  const back = (): void => {
    cluster.shunned.delete(name);
    if (automatic) delete out[name];
    else out[name] = "OFFLINE";
  };
  switch (verb) {
    case "shun":
      if (cluster.primary === name && !force)
        return `Exception: '${name}' is the master; set force true to shun it`;
      out[name] = "SHUNNED(MANUALLY-SHUNNED)";
      return `DataSource '${name}' set to SHUNNED`;
    case "welcome":
      if (out[name]?.startsWith("SHUNNED") !== true && !cluster.shunned.has(name))
        return `Exception: '${name}' is not SHUNNED`;
      back();
      return `DataSource '${name}' is now OFFLINE`;
    case "recover":
      if (cluster.primary === name) return `Exception: '${name}' is a master and cannot be recovered`;
      yield* ask("order", name, { do: "recover" });
      back();
      return `DataSource '${name}' is now OFFLINE`;
    case "online":
      if (out[name]?.startsWith("SHUNNED") === true || cluster.shunned.has(name))
        return `Exception: '${name}' is SHUNNED; welcome or recover it first`;
      if (!up) return `Exception: the data server of '${name}' is not available`;
      delete out[name];
      return `DataSource '${name}' is now ONLINE`;
    case "offline":
      out[name] = "OFFLINE";
      return `DataSource '${name}' is now OFFLINE`;
    default:
      return undefined;
  }
}
