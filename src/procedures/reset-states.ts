/** Judgements of a reset about what runs, what is offline and what is out: databases, connectors, services, datasources. */
import type { Product } from "../tungsten/invocation.ts";
import {
  clusterView,
  connectorProcess,
  databaseService,
  managerProcess,
  nodeClock,
  readOnly,
  replicatorProcess,
  services,
  tracking,
} from "../tungsten/node-facts.ts";
import { sourceOf, trackingSchema } from "./conversion-names.ts";
import { commitOf, wordOf } from "./conversion-readers.ts";
import { incomingOnline, serviceStatus } from "./conversion-services.ts";
import type { Judgement, Look, Target, Verdict } from "./procedure.ts";
import { crossing, readingService } from "./reset-scopes.ts";
import { done, doneIf, every, knowing, knownValue, pending } from "./verdicts.ts";

export const databaseIs =
  (wanted: "running" | "stopped"): Judgement =>
  (target, look) =>
    knowing(look.facts.get(target.node.name, databaseService), `the database of ${target.node.name}`, (is) =>
      doneIf(is === wanted, `the database of ${target.node.name} is ${is}`),
    );

const routersOf = (target: Target, look: Look) => look.facts.get(target.node.name, clusterView);

/** A connector on a host of its own that runs and that the managers do not show so: it may come back to them as it was. */
const unheard = ({ site }: Target, look: Look, shown: (name: string) => boolean): Verdict =>
  every(
    site.connectors.map(({ name }) =>
      knowing(look.facts.get(name, connectorProcess), `the connector of ${name}`, (is) =>
        doneIf(is !== "running" || shown(name), `the connector of ${name} runs, and no manager shows it`),
      ),
    ),
  );

/** Every connector that the site's managers know is in this state, and they know every one on a host of its own that runs. */
export const routersAre =
  (wanted: "ONLINE" | "OFFLINE"): Judgement =>
  (target, look) =>
    knowing(routersOf(target, look), `cctrl of ${target.node.name}`, ({ routers }) => {
      const other = routers.find(({ state }) => state !== wanted);
      return every([
        doneIf(other === undefined, `connector ${other?.name} is ${other?.state}`),
        unheard(target, look, (name) => routers.some((router) => router.name === name)),
      ]);
    });

/** No client is connected any more, or they have had their time since the pods left the Service, by the node's own clock. */
export const drained =
  (drainSeconds: number): Judgement =>
  (target, look) => {
    const nodes = target.site.nodes.filter(({ witness }) => !witness);
    const views = nodes.map((node) => look.facts.get(node.name, clusterView));
    const clock = look.facts.get(target.node.name, nodeClock);
    const since = Number(look.run.kept[`closed.${target.node.name}`] ?? Number.NaN);
    return knowing(clock, `the clock of ${target.node.name}`, (now) => {
      if (!(now >= since)) return pending(`the pods of ${target.site.name} are leaving their Service`);
      if (now - since >= drainSeconds * 1000) return done;
      const active = views.flatMap((view) =>
        "known" in view ? view.known.routers.map((router) => router.active) : [null],
      );
      const open = active.reduce<number>((sum, count) => sum + (count ?? 1), 0);
      return doneIf(
        open === 0,
        `${open} clients are still connected at ${target.site.name}; they have until ${drainSeconds} s are over`,
      );
    });
  };

/** Since when the pod is out of its Service: the readiness probe notices a hold within so long. */
const noticedMs = 15_000;

/** When the node was closed to new clients, by its own clock. */
export const closedAt = (target: Target, look: Look): Record<string, string> => {
  const now = knownValue(look.facts.get(target.node.name, nodeClock));
  const key = `closed.${target.node.name}`;
  return now === undefined || look.run.kept[key] !== undefined ? {} : { [key]: String(now + noticedMs) };
};

export const clockKnown: Judgement = (target, look) =>
  knowing(look.facts.get(target.node.name, nodeClock), `the clock of ${target.node.name}`, () => done);

export const readingIs =
  (state: "OFFLINE:NORMAL" | "ONLINE"): Judgement =>
  (target, look) => {
    const status = serviceStatus(crossing(look.run), readingService(look.run, target), target, look);
    return typeof status === "string"
      ? pending(status)
      : doneIf(
          status.state === state,
          `${readingService(look.run, target)} on ${target.node.name} is ${wordOf(status)}`,
        );
  };

/** Offline; a process that does not run is at rest too. */
const atRest = (product: Product, service: string, target: Target, look: Look): Verdict => {
  if (processStopped(product)(target, look).is === "done") return done;
  const status = serviceStatus(product, service, target, look);
  return typeof status === "string"
    ? pending(status)
    : doneIf(status.state === "OFFLINE:NORMAL", `${service} on ${target.node.name} is ${wordOf(status)}`);
};

export const readingAtRest: Judgement = (target, look) =>
  atRest(crossing(look.run), readingService(look.run, target), target, look);

export const localAtRest: Judgement = (target, look) =>
  atRest("cluster", target.site.dataservice, target, look);

/** OFFLINE, with an error or without: a plain `online` is the way. */
export const readingOff: Judgement = (target, look) => {
  const status = serviceStatus(crossing(look.run), readingService(look.run, target), target, look);
  if (typeof status === "string") return pending(status);
  const off =
    status.state === "OFFLINE:NORMAL" ||
    (status.state === "OFFLINE:ERROR" && status.transitioningTo === null);
  return doneIf(off, `${readingService(look.run, target)} on ${target.node.name} is ${wordOf(status)}`);
};

/** In any state but OFFLINE:NORMAL. */
export const readingBack: Judgement = (target, look) => {
  const status = serviceStatus(crossing(look.run), readingService(look.run, target), target, look);
  if (typeof status === "string") return pending(status);
  return doneIf(status.state !== "OFFLINE:NORMAL", `${target.id} is OFFLINE:NORMAL`);
};
export const broughtOn: Judgement = (target, look) => incomingOnline(crossing(look.run))(target, look);

/** ONLINE, and behind the first event of the new log: a replica that begins later cannot refuse it any more. */
export const readingBegun: Judgement = (target, look) =>
  every([
    broughtOn(target, look),
    knowing(
      look.facts.get(target.node.name, tracking(trackingSchema(sourceOf(target)))),
      `the row of ${target.id}`,
      (rows) =>
        doneIf((commitOf(rows)?.seqno ?? -1) >= 0, `${target.id} has applied nothing of the new log yet`),
    ),
  ]);

/** On the way back: as far as it goes by itself again. What was in error before may be so again. */
export const leftAlone = readingBack;
export const localLeftAlone: Judgement = (target, look) => {
  const status = serviceStatus("cluster", target.site.dataservice, target, look);
  if (typeof status === "string") return pending(status);
  return doneIf(
    status.state !== "OFFLINE:NORMAL",
    `${status.service} on ${target.node.name} is OFFLINE:NORMAL`,
  );
};
export const readerDown: Judgement = (target, look) => processStopped(crossing(look.run))(target, look);

/** trepctl answers: a moment after the process began. */
export const answers =
  (product: Product): Judgement =>
  (target, look) =>
    knowing(
      look.facts.get(target.node.name, services(product)),
      `the services of ${target.node.name}`,
      (all) => doneIf(all !== "down", `the ${product} replicator of ${target.node.name} does not answer`),
    );

export const localOffline: Judgement = (target, look) => {
  const status = serviceStatus("cluster", target.site.dataservice, target, look);
  if (typeof status === "string") return pending(status);
  return doneIf(
    status.state === "OFFLINE:NORMAL",
    `${status.service} on ${target.node.name} is ${wordOf(status)}`,
  );
};

export const processStopped =
  (product: Product): Judgement =>
  (target, look) =>
    knowing(
      look.facts.get(target.node.name, replicatorProcess(product)),
      `the ${product} replicator of ${target.node.name}`,
      (state) => doneIf(state === "stopped", `the ${product} replicator of ${target.node.name} runs`),
    );

/** What `stopall` of the cluster's product stops: replicator, manager, connector. */
export const clusterStopped: Judgement = (target, look) =>
  every([
    processStopped("cluster")(target, look),
    ...[managerProcess, connectorProcess].map((fact) =>
      knowing(look.facts.get(target.node.name, fact), `what runs on ${target.node.name}`, (state) =>
        doneIf(state === "stopped", `manager or connector of ${target.node.name} runs`),
      ),
    ),
  ]);

/** cctrl's word for a node's datasource, from its own manager. */
export const datasourceIs =
  (wanted: "SHUNNED" | "ONLINE"): Judgement =>
  (target, look) =>
    knowing(
      look.facts.get(target.node.name, clusterView),
      `cctrl of ${target.node.name}`,
      ({ datasources }) => {
        const own = datasources.find(({ name }) => name === target.node.name);
        return doneIf(
          own?.state === wanted || (wanted === "SHUNNED" && own?.state.startsWith("SHUNNED") === true),
          `datasource ${target.node.name} is ${own?.state ?? "not listed"}`,
        );
      },
    );

export const datasourceShunned: Judgement = datasourceIs("SHUNNED");

export const datasourceNotShunned: Judgement = (target, look) =>
  knowing(
    look.facts.get(target.node.name, clusterView),
    `cctrl of ${target.node.name}`,
    ({ datasources }) => {
      const own = datasources.find(({ name }) => name === target.node.name);
      return doneIf(
        own !== undefined && !own.state.startsWith("SHUNNED"),
        `datasource ${target.node.name} is ${own?.state ?? "not listed"}`,
      );
    },
  );

export const writableIs =
  (wanted: boolean): Judgement =>
  (target, look) =>
    knowing(look.facts.get(target.node.name, readOnly), `read_only of ${target.node.name}`, (is) =>
      doneIf(is !== wanted, `${target.node.name} is ${is ? "read-only" : "writable"}`),
    );
