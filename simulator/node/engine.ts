/** Keeps a real node going: steps of its services, the manager's looks, listeners that match what runs. */
import { createServer, type Server } from "node:net";
import { obey, reportOf, reportsOf, supervise } from "../managers.ts";
import { fail, stepService } from "../replicator.ts";
import type { ProductName, Service } from "../state.ts";
import { thlPort } from "../tools/tool.ts";
import { writesTo } from "../upstreams.ts";
import { adopt, agreementOf } from "./agreement.ts";
import { answersOf, type Question, runSteps, serveReader, settleReadOnly, takeUp } from "./answers.ts";
import { newConnector, type Route } from "./connector.ts";
import type { RealNode } from "./real-node.ts";
import { ports } from "./settings.ts";
import { type Listening, serveLines } from "./wire.ts";

const tickMs = 250;
const lookMs = 1000;

export type Engine = { readonly stop: () => void };

export function startEngine(real: RealNode): Engine {
  const { node, settings } = real;
  const route: Route = { primary: writesTo(node), goneSince: null };
  const connector = newConnector(
    node,
    route,
    (primary) => ({
      host: settings.peers.get(primary) ?? primary,
      port: node.volume.installed.cluster?.mysqlPort ?? 3306,
    }),
    settings.address,
  );
  const listeners = new Map<string, Listening>();
  const listen = (name: string, wanted: boolean, open: () => Listening): void => {
    const known = listeners.get(name);
    if (wanted && known === undefined) listeners.set(name, open());
    if (!wanted && known !== undefined) {
      known.close();
      listeners.delete(name);
    }
  };
  const tick = (): void => {
    for (const product of ["cluster", "crossSite"] as const) {
      listen(product, node.replicators[product] !== undefined, () => serveLog(real, product));
      for (const service of node.replicators[product]?.services.values() ?? []) step(real, service);
    }
    listen("manager", node.manager.running, () => openPort(ports.manager, settings.address));
    connector.follow(node.volume.installed.cluster?.connectorPort ?? 0);
  };
  listen("reports", true, () => serveReports(real));
  const timers = [setInterval(tick, tickMs), everySoOften(lookMs, () => look(real, route))];
  const stop = (): void => {
    for (const timer of timers) clearInterval(timer);
    for (const listening of listeners.values()) listening.close();
    connector.close();
    real.tail.stop();
    real.database.close();
    real.lines.close();
  };
  return { stop };
}

/** Never two at once. */
function everySoOften(ms: number, run: () => Promise<void>): NodeJS.Timeout {
  let busy = false;
  return setInterval(() => {
    if (busy) return;
    busy = true;
    run()
      .catch((error: unknown) => console.error(String(error)))
      .finally(() => {
        busy = false;
      });
  }, ms);
}

/** One step of a service, unless one is under way. What goes wrong outside of the model is an error of the service. */
function step(real: RealNode, service: Service): void {
  const { steps, ambient, node } = real;
  if (steps.has(service)) return;
  const under = runSteps(answersOf(real), stepService(ambient, node, service))
    .catch((error: unknown) => fail(ambient, node, service, String(error)))
    .finally(() => steps.delete(service));
  steps.set(service, under);
}

/** The manager's look round, and what the connector learns from it. */
async function look(real: RealNode, route: Route): Promise<void> {
  const { ambient, node } = real;
  const answers = answersOf(real);
  await settleReadOnly(real);
  if (node.manager.running) await runSteps(answers, supervise(ambient, node));
  const managed = node.manager.running || (node.connector.running && (await anyManager(real)));
  route.goneSince = managed ? null : (route.goneSince ?? Date.now());
  route.primary = writesTo(node);
}

async function anyManager(real: RealNode): Promise<boolean> {
  const reports = await runSteps(answersOf(real), reportsOf(real.node, real.node.cluster.dataservice));
  return reports.some(({ report }) => report?.manager === true);
}

const serveLog = (real: RealNode, product: ProductName): Listening =>
  serveLines(thlPort(product), real.settings.address, async (asked) => {
    const question = asked as Question;
    return question.ask === "hello" || question.ask === "fetch" ? serveReader(real, question) : null;
  });

const serveReports = (real: RealNode): Listening =>
  serveLines(ports.reports, real.settings.address, async (asked) => {
    const question = asked as Question;
    const { ambient, node } = real;
    const answers = answersOf(real);
    if (question.ask === "report")
      return { report: await runSteps(answers, reportOf(ambient, node)), agreement: agreementOf(real) };
    if (question.ask === "order") await runSteps(answers, obey(ambient, node, question.order));
    if (question.ask === "adopt") adopt(real, question.agreement);
    if (question.ask === "agree") return { agreement: await takeUp(real, question.proposal) };
    return {};
  });

/** A port that is open, and no more: what a firewall lets through is seen by dialling it. */
function openPort(port: number, address: string): Listening {
  const server: Server = createServer((socket) => socket.destroy());
  server.on("error", (error) => console.error(`port ${port}: ${error.message}`));
  server.listen(port, address);
  return { close: () => void server.close() };
}
