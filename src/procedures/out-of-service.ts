/** A replica out of service and back, as the vendor's pages do it: shun, recover, ONLINE and caught up, the other ends' services. */
import { isPassive, type Node } from "../topology/estate.ts";
import { clusterView, readOnly } from "../tungsten/node-facts.ts";
import type { ClusterView } from "../tungsten/reading.ts";
import * as go from "./conversion-services.ts";
import type { Guard, Judgement, Look, Part, Step, Target, Verdict } from "./procedure.ts";
import { eachLinkedReader } from "./scopes.ts";
import * as change from "./site-commands.ts";
import { incomingServices, localService, maintenanceStays, of, type Scope } from "./site-parts.ts";
import { done, doneIf, every, knowing, knownValue, pending } from "./verdicts.ts";

/** A replica that lags further behind than this is not let back. */
export const caughtUpSeconds = 10;

/** What the managers of the site's nodes tell of its datasources, of those that answer. */
export const viewsOf = ({ nodes }: Target["site"], { facts }: Look): readonly ClusterView[] =>
  nodes
    .filter((node) => !node.witness)
    .map((node) => knownValue(facts.get(node.name, clusterView)))
    .filter((view) => view !== undefined);

/** Every node that answers shows this datasource so; somebody must answer. */
export const shown =
  (site: Target["site"], name: string, fits: (state: string, role: string) => boolean, say: string) =>
  (look: Look): Verdict => {
    const views = viewsOf(site, look);
    if (views.length === 0) return pending(`no coordinator of ${site.name} tells its datasources`);
    const all = views.every((view) =>
      view.datasources.some((each) => each.name === name && fits(each.state, each.role)),
    );
    return doneIf(all, say);
  };

export const isOnline =
  (name: string): Judgement =>
  ({ site }, look) =>
    shown(site, name, (state) => state === "ONLINE", `the datasource ${name} is not ONLINE`)(look);

export const isOut =
  (name: string): Judgement =>
  ({ site }, look) =>
    shown(site, name, (state) => state.startsWith("SHUNNED"), `the datasource ${name} is not SHUNNED`)(look);

const isOffline =
  (name: string): Judgement =>
  ({ site }, look) =>
    shown(site, name, (state) => state === "OFFLINE", `the datasource ${name} is not OFFLINE`)(look);

/** By every manager that answers, and by what both databases admit. The head of a passive site is a relay, and read-only. */
export const primaryIs =
  (node: Node): Judgement =>
  ({ site }, look) => {
    const passive = isPassive(look.run.estate, site.name);
    return every([
      shown(
        site,
        node.name,
        (state, role) => role === (passive ? "relay" : "master") && state === "ONLINE",
        `${node.name} is not the ${passive ? "relay" : "primary"} of ${site.name}`,
      )(look),
      knowing(look.facts.get(node.name, readOnly), `read_only of ${node.name}`, (is) =>
        doneIf(is === passive, `the database of ${node.name} is ${is ? "read-only" : "writable"}`),
      ),
    ]);
  };

/** Nobody else is out while this node is taken: the site never has less than all the others. */
export const othersServe = (name: string): Guard => ({
  say: "every other node of the site is ONLINE and not taken out, and another one is the primary",
  objects: ({ site }, look) => {
    const others = site.nodes.filter((node) => !node.witness && node.name !== name);
    const verdict = every([
      ...others.map((node) => isOnline(node.name)({ id: node.name, node, site }, look)),
      ...others.map((node) => go.localServiceOnline({ id: node.name, node, site }, look)),
      doneIf(
        !viewsOf(site, look).some(({ datasources }) =>
          datasources.some(
            (source) => source.name === name && (source.role === "master" || source.role === "relay"),
          ),
        ),
        `${name} is the head of ${site.name}, its primary or relay: it is not taken out`,
      ),
    ]);
    return "why" in verdict ? verdict.why : undefined;
  },
});

/** ONLINE by the managers, read-only, and not far behind. */
const servesAgain =
  (node: Node): Judgement =>
  (target, look) => {
    const status = go.serviceStatus("cluster", target.site.dataservice, target, look);
    const behind =
      typeof status === "string"
        ? pending(status)
        : doneIf(
            status.appliedLatencySeconds !== null && status.appliedLatencySeconds <= caughtUpSeconds,
            `${node.name} is ${status.appliedLatencySeconds ?? "an unknown number of"} seconds behind`,
          );
    return every([
      isOnline(node.name)(target, look),
      knowing(look.facts.get(node.name, readOnly), `read_only of ${node.name}`, (is) =>
        doneIf(is, `the database of ${node.name} is writable`),
      ),
      behind,
    ]);
  };

export const either =
  (first: Judgement, second: Judgement): Judgement =>
  (target, look) => {
    const verdicts = [first(target, look), second(target, look)];
    return verdicts.find(({ is }) => is === "done") ?? verdicts[1] ?? done;
  };

/** Shunned, unless there is nothing to take it out for. */
export const takenOut = (node: Node, on: Scope, unless: Judgement, when: string): Part => ({
  what: "take the replica out: no client reads from it",
  vendor: "cctrl> datasource HOST shun",
  on,
  guards: [maintenanceStays, othersServe(node.name)],
  run: [{ when, effect: change.datasource("shun") }],
  done: either(unless, isOut(node.name)),
});

/** Recovered, replicating, read-only and not far behind; a primary was left alone. */
export const broughtBack = (node: Node, on: Scope): readonly Part[] => [
  {
    what: "bring the replica back: its replicator follows the primary, its database is read-only",
    vendor: "cctrl> datasource HOST recover",
    on,
    guards: [maintenanceStays],
    run: [
      { when: "it is SHUNNED", holds: isOut(node.name), effect: change.datasource("recover") },
      { when: "it waits OFFLINE", holds: isOffline(node.name), effect: change.datasource("online") },
    ],
    done: isOnline(node.name),
    settleSeconds: 10,
  },
  localService(on),
  {
    what: "it is read-only and has caught up, or is the primary and was left alone",
    on,
    run: [],
    done: either(primaryIs(node), servesAgain(node)),
    stallSeconds: 1800,
  },
];

/** The page's note: the other region's services go offline with the server they read from. */
export const otherEnds = (
  about: { readonly site: string; readonly kind: "MSAA" | "CAA" },
  n: number,
): Step => ({
  n,
  id: "BringCrossSiteOnline",
  title: "Bring the cross-site services of the other sites online",
  condition: "CrossSiteOnline",
  undo: "Nothing to undo.",
  parts: [
    incomingServices(
      about.kind === "MSAA" ? "crossSite" : "cluster",
      of(eachLinkedReader(about.kind), ({ source }) => source?.name === about.site),
    ),
  ],
});
