/** A real node's answers to what tools and engines ask: its database, the files on its volume, other nodes over TCP, real time. */
import { existsSync, readFileSync } from "node:fs";
import { gapRefusal, refusalOf } from "../handshake.ts";
import { obey, reportOf } from "../managers.ts";
import type { Ambient } from "../model.ts";
import type { Outside, Standing, Steps } from "../outside.ts";
import { logOf, roleOf } from "../replicator.ts";
import type { Cluster, Node, NodeReport, Order, ProductName, Service, Upstream } from "../state.ts";
import { readConfiguration } from "../tools/ini.ts";
import { thlFolder, thlPort } from "../tools/tool.ts";
import { type BinlogTail, newBinlogTail } from "./binlog.ts";
import { type Database, newDatabase } from "./database.ts";
import {
  type Agreement,
  type Installation,
  layOut,
  readAgreement,
  readInstallation,
  remove,
  writeAgreement,
  writeInstallation,
} from "./installation.ts";
import type { Access } from "./session.ts";
import { type NodeSettings, ports } from "./settings.ts";
import { newThlFiles, type ThlFiles } from "./thl-files.ts";
import type { Lines } from "./wire.ts";

/** The vocabulary of outside.ts, answered now or later. */
export type Answers = {
  [K in keyof Outside]: (
    ...words: Parameters<Outside[K]>
  ) => ReturnType<Outside[K]> | Promise<ReturnType<Outside[K]>>;
};

/** A tool that was killed does not go on. */
export class KilledError extends Error {}

/** Runs steps in real time; `killed` is looked at after each answer. */
export async function runSteps<T>(answers: Answers, steps: Steps<T>, killed = () => false): Promise<T> {
  type Answering = (...words: readonly unknown[]) => unknown;
  let next = steps.next();
  while (next.done !== true) {
    const [what, words] = next.value;
    const answer: unknown = await (answers[what] as Answering)(...words);
    if (killed()) throw new KilledError(what);
    next = steps.next(answer);
  }
  return next.value;
}

/** One node's own state and what belongs to it on this machine. */
export type RealNode = {
  readonly settings: NodeSettings;
  readonly ambient: Ambient;
  readonly node: Node & {
    readonly volume: { readonly installed: Partial<Record<ProductName, Installation>> };
  };
  readonly database: Database;
  readonly tail: BinlogTail;
  readonly thl: ThlFiles;
  readonly lines: Lines;
  /** Steps under way. */
  readonly steps: Map<Service, Promise<void>>;
  /** The number of the agreement this node knows. */
  version: number;
};

export const configurationPath = (root: string): string => `${root}/etc/tungsten/tungsten.ini`;
const configurationOf = (root: string): string | null =>
  existsSync(configurationPath(root)) ? readFileSync(configurationPath(root), "utf8") : null;

/** Log in as the installation does, or, before there is one, as the ini says. */
function accessOf({ root }: NodeSettings, installed: RealNode["node"]["volume"]["installed"]): Access {
  const socket = `${root}/run/mysqld/mysqld.sock`;
  const file = `${root}/etc/tungsten/simulated-client.cnf`;
  const login = (installed.cluster ?? installed.crossSite)?.login ?? loginIn(configurationOf(root) ?? "");
  return { ...login, socket, file };
}

function loginIn(ini: string): Installation["login"] {
  const { options } = readConfiguration(ini, "cluster");
  return { user: options.get("replication-user") ?? "", password: options.get("replication-password") ?? "" };
}

/** A node as its volume tells it: what is installed, and who is primary. */
export function newRealNode(settings: NodeSettings, ambient: Ambient, lines: Lines): RealNode {
  const { root, name } = settings;
  const installed: RealNode["node"]["volume"]["installed"] = {};
  for (const product of ["cluster", "crossSite"] as const) {
    const found = readInstallation(root, product);
    if (found !== undefined) installed[product] = found;
  }
  const agreement = readAgreement(root);
  const cluster: Cluster = {
    dataservice: "",
    primary: "",
    formed: false,
    policy: "AUTOMATIC",
    shunned: new Set(),
    faultSince: null,
  };
  if (agreement !== undefined) adoptInto(cluster, agreement);
  const access = (): Access => accessOf(settings, installed);
  const number = [...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1_000_000, 7);
  return {
    settings,
    ambient,
    lines,
    node: {
      name,
      ordinal: Number(/-(\d+)$/.exec(name)?.[1] ?? 0),
      cluster,
      volume: { installed },
      replicators: {},
      manager: { running: false, since: ambient.now },
      connector: { running: false, since: ambient.now },
      tools: [],
    },
    database: newDatabase(access),
    tail: newBinlogTail(access, () => 1_000_000_000 + number),
    thl: newThlFiles((log) => {
      const [product, service = ""] = log.split("/");
      const known = product === "crossSite" ? "crossSite" : "cluster";
      return root + thlFolder(known, service, cluster.dataservice);
    }),
    steps: new Map(),
    version: agreement?.version ?? 0,
  };
}

function adoptInto(cluster: Cluster, { version: _, shunned, ...agreed }: Agreement): void {
  Object.assign(cluster, agreed, { shunned: new Set(shunned) });
}

export const agreementOf = ({ node, version }: RealNode): Agreement => {
  const { dataservice, primary, formed, policy, shunned } = node.cluster;
  return { dataservice, primary, formed, policy, shunned: [...shunned], version };
};

/** The higher number wins; a primary that moved meanwhile is no longer one here. */
export function adopt(real: RealNode, agreement: Agreement): void {
  if (agreement.version <= real.version || agreement.dataservice !== real.node.cluster.dataservice) return;
  real.version = agreement.version;
  adoptInto(real.node.cluster, agreement);
  writeAgreement(real.settings.root, agreement);
}

export function answersOf(real: RealNode): Answers {
  return { ...timeAnswers(real), ...databaseAnswers(real), ...volumeAnswers(real), ...peerAnswers(real) };
}

function timeAnswers({ settings, steps }: RealNode) {
  return {
    sleep: (ms) => new Promise<void>((wake) => setTimeout(wake, ms * settings.pace)),
    still: (service) => steps.get(service),
  } satisfies Partial<Answers>;
}

function databaseAnswers({ database, tail }: RealNode) {
  return {
    databaseUp: database.up,
    readOnly: async () => (await database.value("SELECT @@global.read_only")) === "1",
    setReadOnly: async (value) => {
      if (await database.up()) await database.value(`SET GLOBAL read_only = ${value ? 1 : 0}`);
    },
    tracking: database.tracking,
    prepareTracking: database.prepareTracking,
    setCommit: database.setCommit,
    insertCommit: database.insertCommit,
    dropTracking: database.dropTracking,
    makeSchema: async (schema) => void (await database.value(`CREATE DATABASE IF NOT EXISTS \`${schema}\``)),
    writeHeartbeat: database.writeHeartbeat,
    logBeginning: database.present,
    logAfter: tail.after,
    apply: database.apply,
  } satisfies Partial<Answers>;
}

function volumeAnswers(real: RealNode) {
  const { settings, node, thl } = real;
  const { root } = settings;
  return {
    configuration: () => configurationOf(root),
    install: (product, installed) => {
      if (installed === null) {
        remove(root, product);
        delete node.volume.installed[product];
        if (product === "cluster") node.cluster.formed = false;
        return;
      }
      const ini = configurationOf(root) ?? "";
      const { options } = readConfiguration(ini, product);
      const installation: Installation = {
        ...installed,
        login: loginIn(ini),
        mysqlPort: Number(options.get("replication-port") ?? 3306),
        connectorPort: Number(options.get("application-port") ?? 9999),
      };
      layOut(root, installation, options.get("executable-prefix") ?? "");
      node.volume.installed[product] = installation;
      if (product === "cluster") writeAgreement(root, agreementOf(real));
    },
    reconfigure: (product, installed) => {
      const before = node.volume.installed[product];
      if (before === undefined) return;
      node.volume.installed[product] = { ...before, ...installed };
      writeInstallation(root, { ...before, ...installed });
    },
    thlEnds: thl.ends,
    thlAt: thl.at,
    thlNewestOf: thl.newestOf,
    thlAfter: thl.after,
    thlAppend: thl.append,
    thlDrop: thl.drop,
  } satisfies Partial<Answers>;
}

/** What one node asks another. */
export type Question =
  | {
      readonly ask: "hello" | "fetch";
      readonly upstream: Upstream;
      readonly standing: Standing;
      readonly client: string;
    }
  | { readonly ask: "report" }
  | { readonly ask: "order"; readonly order: Order }
  | { readonly ask: "adopt"; readonly agreement: Agreement };

export type Told = { readonly report: NodeReport; readonly agreement: Agreement };

function peerAnswers(real: RealNode) {
  const { lines, node } = real;
  const dial = async (upstream: Upstream, question: Question): Promise<unknown> =>
    (await lines.ask(upstream.host, thlPort(upstream.product), question)) ?? undefined;
  const manager = (host: string, question: Question): Promise<unknown> =>
    lines.ask(host, ports.reports, question);
  return {
    hello: (upstream, standing) =>
      dial(upstream, { ask: "hello", upstream, standing, client: node.name }) as ReturnType<Answers["hello"]>,
    fetch: (upstream, standing) =>
      dial(upstream, { ask: "fetch", upstream, standing, client: node.name }) as ReturnType<Answers["fetch"]>,
    report: async (host) => {
      if (host === node.name) return runSteps(answersOf(real), reportOf(real.ambient, node));
      const told = (await manager(host, { ask: "report" })) as Told | null | undefined;
      if (told == null || "error" in told) return undefined;
      adopt(real, told.agreement);
      return told.report;
    },
    order: async (host, order) => {
      if (host === node.name) await runSteps(answersOf(real), obey(real.ambient, node, order));
      else await manager(host, { ask: "order", order });
    },
    publish: async () => {
      real.version += 1;
      const agreement = agreementOf(real);
      writeAgreement(real.settings.root, agreement);
      const { cluster, volume } = node;
      const others = (volume.installed.cluster?.members[cluster.dataservice] ?? []).filter(
        (host) => host !== node.name,
      );
      await Promise.all(others.map((host) => manager(host, { ask: "adopt", agreement })));
    },
  } satisfies Partial<Answers>;
}

/** What this node's listeners answer a reader of its logs; null: no. A primary listens already while it goes online. */
export function serveReader(
  real: RealNode,
  question: Extract<Question, { ask: "hello" | "fetch" }>,
): unknown {
  const { node, thl } = real;
  const { upstream, standing, client } = question;
  const service = node.replicators[upstream.product]?.services.get(upstream.service);
  const opening =
    service?.state === "GOING-ONLINE:SYNCHRONIZING" &&
    (client === node.name || roleOf(service, node) === "master");
  if (service === undefined || (service.state !== "ONLINE" && !opening)) return null;
  const log = logOf(service);
  const ends = thl.ends(log);
  const refusal = (): string | null =>
    refusalOf(ends, (seqno) => thl.at(log, seqno)?.epoch, standing, node.name, client);
  if (question.ask === "hello") return { role: roleOf(service, node), refusal: refusal() };
  if (ends === null) return { first: null, events: [], refusal: null };
  const first = ends.first.seqno;
  const gap = standing.seqno + 1 < first ? gapRefusal(standing, first, refusal()) : null;
  return { first, events: thl.after(log, standing.seqno), refusal: gap };
}

/** Tells on the server's own output what happens. */
export const tell = (ambient: Ambient): void => {
  ambient.listeners.push((event) => console.log(`${new Date().toISOString()} ${JSON.stringify(event)}`));
};
