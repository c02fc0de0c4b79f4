/** A real node's answers to what tools and engines ask: its database, the files on its volume, other nodes over TCP, real time. */
import { execFile } from "node:child_process";
import { gapRefusal, refusalOf } from "../handshake.ts";
import { obey, reportOf } from "../managers.ts";
import type { Outside, Standing, Steps } from "../outside.ts";
import { logOf } from "../replicator.ts";
import type { NodeReport, Order, Upstream } from "../state.ts";
import { readConfiguration } from "../tools/ini.ts";
import { thlPort } from "../tools/tool.ts";
import { roleOf } from "../upstreams.ts";
import { adopt, agree, agreementOf, changesOf, type Proposal } from "./agreement.ts";
import {
  type Agreement,
  type Installation,
  layOut,
  remove,
  writeAgreement,
  writeInstallation,
} from "./installation.ts";
import { configurationOf, type RealNode } from "./real-node.ts";
import { statement } from "./session.ts";
import { ports } from "./settings.ts";

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

export function answersOf(real: RealNode): Answers {
  return { ...timeAnswers(real), ...databaseAnswers(real), ...volumeAnswers(real), ...peerAnswers(real) };
}

function timeAnswers({ settings, steps }: RealNode) {
  return {
    sleep: (ms) => new Promise<void>((wake) => setTimeout(wake, ms * settings.pace)),
    still: (service) => steps.get(service),
  } satisfies Partial<Answers>;
}

function databaseAnswers(real: RealNode) {
  const { database, tail } = real;
  return {
    databaseUp: database.up,
    holdsDatabase: () => true,
    startDatabase: () => databaseService(real, "start"),
    stopDatabase: async () => void (await databaseService(real, "stop")),
    // Copies between real nodes are the runner's; the vendor's tprovision is not simulated there.
    emptyDatabase: () => undefined,
    copyDatabase: () => "tprovision is not simulated on real nodes",
    readOnly: async () => (await database.value("SELECT @@global.read_only")) === "1",
    setReadOnly: async (value) => {
      real.readOnlyDue = value;
      await settleReadOnly(real);
    },
    tracking: database.tracking,
    prepareTracking: database.prepareTracking,
    // A real node has one channel.
    openChannels: () => null,
    setCommit: database.setCommit,
    insertCommit: database.insertCommit,
    dropTracking: database.dropTracking,
    makeSchema: async (schema) => database.run(statement(`CREATE DATABASE IF NOT EXISTS \`${schema}\``)),
    writeHeartbeat: database.writeHeartbeat,
    logBeginning: database.present,
    logAfter: tail.after,
    apply: database.apply,
  } satisfies Partial<Answers>;
}

/** The node's own service script; its last words when it fails. */
const databaseService = ({ settings }: RealNode, verb: "start" | "stop"): Promise<string | null> =>
  new Promise((told) => {
    execFile(`${settings.root}/usr/local/bin/mysqld-service`, [verb], (error, _out, err) =>
      told(error === null ? null : err.trim()),
    );
  });

/** What could not be set while the database was away is set when it is back. */
export async function settleReadOnly(real: RealNode): Promise<void> {
  const value = real.readOnlyDue;
  if (value === null || !(await real.database.up())) return;
  await real.database.run(statement(`SET GLOBAL read_only = ${value ? 1 : 0}`));
  real.readOnlyDue = null;
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
        mysqlPort: Number(options.get("replication-port") ?? 3306),
        connectorPort: Number(options.get("application-port") ?? 9999),
      };
      const application = [
        options.get("application-user") ?? "",
        options.get("application-password") ?? "",
        installed.composite?.name ?? node.cluster.dataservice,
      ];
      layOut(root, installation, options.get("executable-prefix") ?? "", application);
      node.volume.installed[product] = installation;
      if (product !== "cluster") return;
      real.agreed = agreementOf(real);
      writeAgreement(root, real.agreed);
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
      /** The reader speaks TLS. */
      readonly secured: boolean;
    }
  | { readonly ask: "report" }
  | { readonly ask: "order"; readonly order: Order }
  | { readonly ask: "adopt"; readonly agreement: Agreement }
  | { readonly ask: "agree"; readonly proposal: Proposal };

export type Told = { readonly report: NodeReport; readonly agreement: Agreement };

function peerAnswers(real: RealNode) {
  const { lines, node } = real;
  const dial = async (upstream: Upstream, question: Question): Promise<unknown> =>
    (await lines.ask(upstream.host, thlPort(upstream.product), question)) ?? undefined;
  const { installed } = node.volume;
  const reader = () => ({
    client: node.name,
    secured: (installed.cluster ?? installed.crossSite)?.secured === true,
  });
  const manager = (host: string, question: Question): Promise<unknown> =>
    lines.ask(host, ports.reports, question);
  return {
    hello: (upstream, standing) =>
      dial(upstream, { ask: "hello", upstream, standing, ...reader() }) as ReturnType<Answers["hello"]>,
    fetch: (upstream, standing) =>
      dial(upstream, { ask: "fetch", upstream, standing, ...reader() }) as ReturnType<Answers["fetch"]>,
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
      const { dataservice } = node.cluster;
      const proposal = {
        from: node.name,
        dataservice,
        base: real.agreed,
        ...changesOf(real.agreed, agreementOf(real)),
      };
      for (const host of membersOf(real)) {
        if (host === node.name) break;
        const told = (await manager(host, { ask: "agree", proposal })) as
          | { agreement?: Agreement }
          | undefined;
        if (told?.agreement !== undefined) return adopt(real, told.agreement);
      }
      await takeUp(real, proposal);
    },
  } satisfies Partial<Answers>;
}

const membersOf = ({ node: { cluster, volume } }: RealNode): readonly string[] =>
  volume.installed.cluster?.members[cluster.dataservice] ?? [];

/** Gives a change its number and tells it to everybody but the one who made it. */
export async function takeUp(real: RealNode, proposal: Proposal): Promise<Agreement | undefined> {
  const agreement = agree(real, proposal);
  if (agreement === undefined) return undefined;
  const others = membersOf(real).filter((host) => host !== real.node.name && host !== proposal.from);
  await Promise.all(others.map((host) => real.lines.ask(host, ports.reports, { ask: "adopt", agreement })));
  return agreement;
}

/**
 * What this node's listeners answer a reader of its logs; null: no. A primary listens already while it goes online. A
 * listener with TLS and a reader without, or the other way round, never get to know each other.
 */
export function serveReader(
  real: RealNode,
  question: Extract<Question, { ask: "hello" | "fetch" }>,
): unknown {
  const { node, thl } = real;
  const { upstream, standing, client, secured } = question;
  const speaks = node.volume.installed[upstream.product]?.secured === true;
  if (client !== node.name && speaks !== secured) return null;
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
  service.readers.set(client, real.ambient.now);
  if (ends === null) return { first: null, events: [], refusal: null };
  const first = ends.first.seqno;
  const gap = standing.seqno + 1 < first ? gapRefusal(standing, first, refusal()) : null;
  return { first, events: thl.after(log, standing.seqno), refusal: gap };
}
