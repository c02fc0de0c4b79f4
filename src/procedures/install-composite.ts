/**
 * What the installation of a composite's member has beside a site's own: the same accounts everywhere, nothing started
 * before every site is installed (deploy-cap: tpm install on all nodes, then start), and at the end the composite seen by
 * its managers and each x_from_y ONLINE on each node.
 */
import { clusterView, compositeView, installed } from "../tungsten/node-facts.ts";
import type { CompositeView } from "../tungsten/reading.ts";
import * as act from "./conversion-commands.ts";
import { keyAcceptances } from "./conversion-preflight-keys.ts";
import * as go from "./conversion-services.ts";
import { compositeComplete } from "./guards.ts";
import type { Judgement, Part, Run, Step, Target } from "./procedure.ts";
import {
  eachPrimary,
  eachReader,
  eachReaderOnPrimaries,
  eachReplica,
  everyNode,
  pinnedPrimary,
} from "./scopes.ts";
import { done, doneIf, every, knowing, pending } from "./verdicts.ts";

type Scope = (run: Run) => readonly Target[];
type Narrow = (scope: Scope) => Scope;

/** Managers and connectors of a composite log in at every site alike; nodes tell checksums. */
const keysAgree: Judgement = (_target, { run, facts }) => {
  for (const check of keyAcceptances) {
    const answer = check.ask(run.estate, facts);
    const first = "objections" in answer ? answer.objections[0] : answer;
    if (first !== undefined && "refused" in first) return pending(first.refused);
    if (first !== undefined && "unknown" in first) return pending(first.unknown);
  }
  return done;
};

export const keysStep = (of: Narrow): Step => ({
  n: 1,
  id: "CompareKeys",
  title: "See that every site of the composite logs in alike",
  condition: "KeysCompared",
  undo: "Nothing to undo.",
  parts: [
    {
      what: "accounts, key stores and ssh keys are the same on every node of every site",
      on: of(eachPrimary),
      run: [],
      done: keysAgree,
      stallSeconds: 900,
    },
  ],
});

/** Installed, and from the text of this run: a site that was installed from another one knows another composite. */
const fromThisText: Judgement = ({ node }, look) =>
  knowing(look.facts.get(node.name, installed("cluster")), `the cluster product on ${node.name}`, (is) => {
    if (is === null) return pending(`the cluster product is not installed on ${node.name} yet`);
    return doneIf(
      is.ini === look.run.pins.iniSha256.CAA,
      `${node.name} was installed from another tungsten.ini: sites, nodes or options have changed since; put the specs back, or run tools/tpm update --replace-release there over the published text`,
    );
  });

/** Replicators and managers that start meet one another: none may lack the configuration that the others speak of. */
export const othersStep: Step = {
  n: 5,
  id: "AwaitSites",
  title: "Wait until every site of the composite is installed",
  condition: "SitesInstalled",
  undo: "Nothing to undo.",
  parts: [
    {
      what: "the cluster product is installed on every node of every site, from the same text",
      on: everyNode,
      run: [],
      done: fromThisText,
      stallSeconds: 1800,
    },
  ],
};

const activeSite = (run: Run): string => run.estate.composite?.primarySite ?? "";

/** The active site's primary, where this site is another one. */
const activePrimary =
  (of: Narrow): Scope =>
  (run) => {
    const site = run.estate.sites.find(({ name }) => name === activeSite(run));
    if (site === undefined || of(everyNode)(run).every((target) => target.site.name === site.name)) return [];
    const node = pinnedPrimary(run, site);
    return [{ id: node.name, node, site }];
  };

export const activeStep = (of: Narrow): Step => ({
  n: 6,
  id: "AwaitPrimarySite",
  title: "Wait until the site that takes writes replicates",
  condition: "PrimarySiteReplicates",
  undo: "Nothing to undo.",
  parts: [
    {
      what: "the service of the active site's primary is ONLINE: a relay has nothing to read before",
      on: activePrimary(of),
      run: [],
      done: go.localServiceOnline,
      stallSeconds: 1800,
    },
  ],
});

const remedies: Part["run"] = [
  {
    when: "it is OFFLINE:NORMAL",
    holds: go.incomingIs("cluster", "OFFLINE:NORMAL"),
    effect: act.incomingOnlineCommand("cluster"),
  },
  {
    when: "a known error that plain online may mend",
    holds: go.errorNeedsPlainOnline("cluster"),
    effect: act.incomingOnlineCommand("cluster"),
  },
];

const onReplicas: Scope = (run) => {
  const replicas = new Set(eachReplica(run).map(({ node }) => node.name));
  return eachReader(run).filter(({ node }) => replicas.has(node.name));
};

export const crossingStep = (of: Narrow): Step => ({
  n: 7,
  id: "SeeCrossSiteServices",
  title: "See the generated services online, the primary's first",
  condition: "CrossSiteServicesOnline",
  undo: "Nothing to undo.",
  parts: [
    {
      what: "they are ONLINE on the primary and their logs hold an event",
      on: of(eachReaderOnPrimaries),
      run: [
        ...remedies,
        { when: "ONLINE with an empty log", holds: go.incomingOnline("cluster"), effect: act.wake },
      ],
      done: go.incomingLogBegun("cluster"),
      tries: 20,
      stallSeconds: 1800,
    },
    {
      what: "they are ONLINE on every replica",
      on: of(onReplicas),
      run: remedies,
      done: go.incomingOnline("cluster"),
      tries: 20,
    },
  ],
});

/** Who writes, by the managers' word: everybody, or one site alone. */
function rolesOf(view: CompositeView, run: Run, form: "CAA" | "CAP"): string | undefined {
  const active = run.estate.sites.find(({ name }) => name === activeSite(run))?.dataservice;
  const odd = view.datasources.find(
    ({ name, role }) => (role === "master") !== (form === "CAA" || name === active),
  );
  return odd && `the composite shows ${odd.name} as ${odd.role}`;
}

const compositeAs =
  (form: "CAA" | "CAP", wanted: string): Judgement =>
  (target, look) =>
    every([
      compositeComplete(target, look),
      knowing(
        look.facts.get(target.node.name, compositeView(look.run.estate.composite?.dataservice ?? "")),
        `the composite view of ${target.node.name}`,
        (view) => {
          const odd = rolesOf(view, look.run, form);
          return odd === undefined ? done : pending(odd);
        },
      ),
      knowing(look.facts.get(target.node.name, clusterView), `cctrl of ${target.node.name}`, ({ policy }) =>
        doneIf(policy === wanted, `the policy of ${target.site.name} is not ${wanted} yet`),
      ),
    ]);

/** `policy`: what its managers have to tell then. */
export const compositeStep = (of: Narrow, form: "CAA" | "CAP", policy = "AUTOMATIC"): Step => ({
  n: 8,
  id: "SeeComposite",
  title: "See the composite by its managers' word",
  condition: "CompositeSeen",
  undo: "Nothing to undo.",
  parts: [
    {
      what: "cctrl shows every site in the composite, ONLINE and in its role",
      vendor: "cctrl -multi> use <composite>; ls",
      on: of(eachPrimary),
      run: [],
      done: compositeAs(form, policy),
      stallSeconds: 1800,
    },
  ],
});
