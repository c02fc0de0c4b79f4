/** Judgements that several procedures share: policies, managers, holds, the published ini, and primaries that stay put. */

import { isActivePassive, isPassive, type Node, siteNamed } from "../topology/estate.ts";
import {
  clusterView,
  compositeView,
  connectorProcess,
  holds,
  iniState,
  managerProcess,
  marker,
  readOnly,
} from "../tungsten/node-facts.ts";
import type { Guard, Judgement, Run, Target, Verdict } from "./procedure.ts";
import { everyNode, isThere, nodesThere, pinnedPrimary } from "./scopes.ts";
import { broken, done, doneIf, every, knowing, knownValue, pending } from "./verdicts.ts";

/** Every node's view of its coordinator tells this policy; `counts` leaves out nodes that are known to be lost. */
export const policyIs =
  (
    policyOf: (target: Target, run: Run) => string,
    counts: (node: Node, run: Run) => boolean = () => true,
  ): Judgement =>
  (target, look) => {
    const wanted = policyOf(target, look.run);
    const nodes = nodesThere(look.run, target.site).filter((node) => counts(node, look.run));
    return every(
      nodes.map((node) =>
        knowing(look.facts.get(node.name, clusterView), `cctrl of ${node.name}`, (view) =>
          doneIf(
            view.policy === wanted,
            `${node.name} tells policy ${word(view.policy)}, wanted is ${wanted}`,
          ),
        ),
      ),
    );
  };

/** The manager's process state; running counts only with a coordinator that is ONLINE. */
export const managerIs =
  (wanted: "running" | "stopped"): Judgement =>
  (target, look) => {
    const state = look.facts.get(target.node.name, managerProcess);
    const process = knowing(state, `the manager of ${target.node.name}`, (is) =>
      doneIf(is === wanted, `the manager of ${target.node.name} is ${word(is)}`),
    );
    if (wanted === "stopped") return process;
    const view = look.facts.get(target.node.name, clusterView);
    const coordinated = knowing(view, `cctrl of ${target.node.name}`, ({ coordinator, coordinatorState }) =>
      doneIf(
        coordinator !== "" && coordinatorState === "ONLINE",
        `${target.site.name} has no coordinator ONLINE yet`,
      ),
    );
    return every([process, coordinated]);
  };

/**
 * The part's latest command is the first of its ways to go on (or one of `ways`), has run in this run and exited 0.
 * Necessary where nothing else tells that a tool did its work, and never enough: what it made is looked at beside.
 */
export const endedWell =
  (what: string, ways: readonly number[] = [0]): Judgement =>
  ({ node }, look) =>
    look.key === "" || !ways.includes(look.alternative)
      ? pending(`${what} has not run on ${node.name} yet`)
      : knowing(look.facts.get(node.name, marker(look.key)), `${what} on ${node.name}`, (state) =>
          doneIf(
            state.state === "exited" && state.output.exitCode === 0,
            `${what} on ${node.name} ${state.state === "exited" ? `exited ${state.output.exitCode}` : `is ${state.state}`}`,
          ),
        );

export const connectorRuns: Judgement = (target, look) =>
  knowing(look.facts.get(target.node.name, connectorProcess), `the connector of ${target.node.name}`, (is) =>
    doneIf(is === "running", `the connector of ${target.node.name} does not run`),
  );

export const heldByRun =
  (name: string, wanted: boolean): Judgement =>
  (target, look) =>
    knowing(look.facts.get(target.node.name, holds), `the holds of ${target.node.name}`, (names) =>
      doneIf(
        names.includes(name) === wanted,
        `the hold on ${name} is ${wanted ? "not there" : "still there"}`,
      ),
    );

/** The node's ini is the pinned text, joined with its secrets. */
export const iniPublished =
  (kind: string): Judgement =>
  (target, look) =>
    knowing(
      look.facts.get(target.node.name, iniState),
      `the ini of ${target.node.name}`,
      ({ published, joined }) => {
        const wanted = look.run.pins.iniSha256[kind];
        if (published !== wanted) return pending(`${target.node.name} has another ini`);
        return doneIf(joined, `the ini of ${target.node.name} waits for its Secret`);
      },
    );

/** Nobody goes over to a text while a node of the estate has another one, which somebody put there by hand. */
export const iniOnAllNodes = (kind: string): Guard => ({
  say: "every node has the published text",
  objects: (_target, look) => {
    const verdict = every(
      everyNode(look.run).map(({ node }) =>
        knowing(look.facts.get(node.name, iniState), `the ini of ${node.name}`, ({ published }) =>
          doneIf(
            published === look.run.pins.iniSha256[kind],
            `${node.name} has another ini than the one that was published: put that back, no node is updated before`,
          ),
        ),
      ),
    );
    return "why" in verdict ? verdict.why : undefined;
  },
});

/**
 * The primaries are where they were when the plan was approved: by the managers' word where one answers, and by the
 * database's writability. A moved primary halts the run; it is never re-planned in silence.
 */
export const primariesUnmoved: Judgement = (_target, look) =>
  every(look.run.estate.sites.map((site) => primaryUnmoved(site.name, look)));

/** The same for one site. Where one site takes the writes of all, a head whose role has changed has moved too. */
export function primaryUnmoved(siteName: string, look: Parameters<Judgement>[1]): Verdict {
  const site = siteNamed(look.run.estate, siteName);
  const pinned = pinnedPrimary(look.run, site);
  if (!isThere(look.run, pinned))
    return broken(
      "PrimaryMoved",
      `${pinned.name}, the plan's primary of ${siteName}, is given up as lost: the run goes no further`,
    );
  const { estate } = look.run;
  const role = isPassive(estate, siteName) ? "relay" : "master";
  const word = role === "relay" ? "relay" : "primary";
  const views = nodesThere(look.run, site).map((node) => knownValue(look.facts.get(node.name, clusterView)));
  for (const view of views) {
    const head = view?.datasources.find(
      (source) =>
        (source.role === role || (isActivePassive(estate) && ["master", "relay"].includes(source.role))) &&
        source.state === "ONLINE",
    );
    if (head !== undefined && head.name !== pinned.name)
      return broken(
        "PrimaryMoved",
        `the ${word} of ${siteName} is ${head.name}, the plan was made for ${pinned.name}`,
      );
    if (head !== undefined && head.role !== role)
      return broken(
        "PrimaryMoved",
        `${head.name} of ${siteName} has the role ${head.role}, the plan was made while another site of the composite took the writes: find out who moved them`,
      );
  }
  return knowing(look.facts.get(pinned.name, readOnly), `read_only of ${pinned.name}`, (is) => {
    if (is === (role === "relay")) return done;
    const odd = is ? "is read-only" : "is writable, and another site takes the writes";
    return broken("PrimaryMoved", `${pinned.name}, the plan's ${word} of ${siteName}, ${odd}`);
  });
}

/** The composite's view shows every member ONLINE. */
export const compositeComplete: Judgement = (target, look) => {
  const { composite } = look.run.estate;
  if (composite === undefined) return done;
  return knowing(
    look.facts.get(target.node.name, compositeView(composite.dataservice)),
    `the composite view of ${target.node.name}`,
    (view) => {
      const missing = look.run.estate.sites.filter(
        (site) =>
          !view.datasources.some((source) => source.name === site.dataservice && source.state === "ONLINE"),
      );
      return doneIf(
        missing.length === 0,
        `the composite does not show ${missing.map((site) => site.name).join(", ")} ONLINE yet`,
      );
    },
  );
};

const word = (value: string | { readonly unrecognised: string }): string =>
  typeof value === "string" ? value : `«${value.unrecognised}» (unknown)`;
