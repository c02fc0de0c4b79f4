/**
 * Bring a changed tungsten.ini to one site (vendor's pages: maintenance, the new ini on all nodes, tpm update node by node,
 * automatic, promote-connector). Asked for by a change of the specs. Every command may be begun again, so that a spec that
 * changes meanwhile begins the walk anew.
 */
import { isPassive, type Node } from "../topology/estate.ts";
import type { Product } from "../tungsten/invocation.ts";
import { clusterView, installed, readOnly } from "../tungsten/node-facts.ts";
import { type Channels, channelsVerified, joinChannels, stoppedInOrder } from "./channel-parts.ts";
import * as act from "./conversion-commands.ts";
import { optionParts } from "./conversion-options.ts";
import { noTpm, noTpmAlive } from "./conversion-products.ts";
import * as go from "./conversion-services.ts";
import { connectorRuns, endedWell, iniPublished, managerIs } from "./guards.ts";
import { changePasswords } from "./keep-accounts.ts";
import type { Judgement, Part, Procedure, Step } from "./procedure.ts";
import { eachLinkedReader, eachSite, everyNode, takesWrites } from "./scopes.ts";
import * as change from "./site-commands.ts";
import {
  enterMaintenance,
  incomingServices,
  localService,
  maintenanceStays,
  of,
  returnPolicy,
  type Scope,
} from "./site-parts.ts";
import { broken, done, doneIf, every, knowing, knownValue, pending } from "./verdicts.ts";
import { beginsWhole } from "./whole-history.ts";

/** Which site, its data nodes in the order they are taken, and in which form its ini is written. */
export type SiteChange = {
  readonly site: string;
  /** Replicas first, the primary last. */
  readonly nodes: readonly Node[];
  readonly kind: "MSAA" | "CAA";
  /** The second product is installed here. */
  readonly crossSite: boolean;
  /** Apply channels of its services, as the specs want them. */
  readonly channels: Channels;
  /** The text names a site that the former one did not. */
  readonly joins?: boolean | undefined;
  /** Version of the Secret whose changed passwords come with it. */
  readonly passwords?: string | undefined;
};

/** tpm ended well over the wanted text, by the runner's own record, and none runs any more. */
const configured =
  (product: Product, kind: string, passwords: string | undefined): Judgement =>
  (target, look) => {
    const { name } = target.node;
    const { iniSha256, releases } = look.run.pins;
    return every([
      noTpm(target, look),
      knowing(look.facts.get(name, installed(product)), `the installation of ${name}`, (is) => {
        if (is === null) return pending(`${product} is not installed on ${name}`);
        if (is.release !== releases[target.site.name])
          return broken(
            "WorldDeparted",
            `${name} runs release ${is.release}, and ${releases[target.site.name]} when the change began: somebody updated it meanwhile`,
          );
        return doneIf(
          is.ini === iniSha256[kind] && (passwords === undefined || (is.secret ?? "none") === passwords),
          `${product} of ${name} was not configured from the wanted ini yet`,
        );
      }),
    ]);
  };

/** Replicator, manager and connector run, and the database has the role that the managers gave it. */
export const everythingRuns: Judgement = (target, look) => {
  const { name } = target.node;
  return every([
    go.processRuns("cluster")(target, look),
    managerIs("running")(target, look),
    connectorRuns(target, look),
    knowing(look.facts.get(name, readOnly), `read_only of ${name}`, (is) =>
      doneIf(is !== takesWrites(look.run, target.node), `read_only of ${name} is ${is ? 1 : 0}`),
    ),
  ]);
};

export const update = (
  product: Product,
  {
    kind,
    passwords,
    channels,
  }: { readonly kind: string } & Partial<Pick<SiteChange, "passwords" | "channels">>,
  on: Scope,
): Part => ({
  what: product === "cluster" ? "tpm update, its connector left alone" : "tpm update of the second product",
  vendor:
    product === "cluster"
      ? "tools/tpm update --replace-release --no-connectors"
      : "tools/tpm update --replace-release (in the second product's package)",
  on,
  guards: [
    maintenanceStays,
    noTpmAlive,
    ...(channels === undefined ? [] : [stoppedInOrder(product, channels)]),
  ],
  run: [
    { when: "it runs from another ini", effect: change.updateKeepingConnectors(product, kind, passwords) },
  ],
  done: configured(product, kind, passwords),
  stallSeconds: 1800,
});

/** One node of the site: both products updated over the published text, everything runs again. */
export function updateNode(node: Node, n: number, about: SiteChange): Step {
  const { site, kind, crossSite, nodes, channels, passwords } = about;
  const here = (scope: Scope) => of(scope, (target) => target.node.name === node.name);
  const role = node === nodes.at(-1) ? "the primary" : "a replica";
  const incoming: Product = kind === "MSAA" ? "crossSite" : "cluster";
  const second: readonly Part[] = [
    ...joinChannels("crossSite", channels, {
      on: here(eachLinkedReader("MSAA")),
      configured: configured("crossSite", kind, passwords),
    }),
    update("crossSite", about, here(everyNode)),
    {
      what: "its second replicator runs",
      on: here(everyNode),
      run: [{ when: "it is stopped", effect: act.replicator("crossSite", "start") }],
      done: go.processRuns("crossSite"),
    },
  ];
  return {
    n,
    id: `UpdateNode${node.ordinal}`,
    title: `Update ${node.name}, ${role}`,
    condition: `Node${node.ordinal}Updated`,
    undo: "Put the spec back: the former text is brought to every node the same way.",
    parts: [
      ...joinChannels("cluster", channels, {
        on: here((run) => [...everyNode(run), ...(kind === "CAA" ? eachLinkedReader(kind)(run) : [])]),
        configured: configured("cluster", kind, passwords),
      }),
      update("cluster", about, here(everyNode)),
      ...(kind === "CAA" ? optionParts(here(everyNode)) : []),
      {
        what: "replicator, manager and connector run, and the database has its role",
        on: here(everyNode),
        run: [{ when: "something does not run", effect: act.startAll }],
        done: everythingRuns,
        settleSeconds: 30,
        stallSeconds: 600,
      },
      localService(here(everyNode)),
      ...(crossSite ? second : []),
      incomingServices(incoming, here(eachLinkedReader(kind))),
      channelsVerified("cluster", channels, here(everyNode)),
      channelsVerified(incoming, channels, here(eachLinkedReader(kind))),
    ],
    holds: [primaryStays(site)],
  };
}

/** Nobody has moved the primary since the walk began; the next pass begins it anew with the one that lives. */
const primaryStays =
  (siteName: string): Judgement =>
  (_target, look) => {
    const pinned = look.run.pins.primaries[siteName];
    const site = look.run.estate.sites.find(({ name }) => name === siteName);
    const head = isPassive(look.run.estate, siteName) ? "relay" : "master";
    const views = (site?.nodes ?? [])
      .filter((node) => !node.witness)
      .map((node) => knownValue(look.facts.get(node.name, clusterView)));
    const moved = views
      .map((view) => view?.datasources.find(({ role, state }) => role === head && state === "ONLINE")?.name)
      .find((name) => name !== undefined && name !== pinned);
    return moved === undefined
      ? done
      : pending(`the primary of ${siteName} has moved from ${pinned} to ${moved}`);
  };

/** Before MAINTENANCE: a text that names a site more brings services that begin with that one's first event. */
const whole = (on: Scope): Part => ({
  what: "where the text names a site more: every service has a position, or its source's log still holds the very first event",
  on,
  run: [],
  done: beginsWhole,
  stallSeconds: 900,
});

/** Every database takes the changed passwords beside the former ones, before anything comes with them. */
const passwordStep = (site: string, passwords: string): Step => ({
  n: 2,
  id: "ChangePasswords",
  title: "Let the databases take the changed passwords too",
  condition: "PasswordsChanged",
  undo: "Nothing to undo: former passwords are still good.",
  parts: [changePasswords(site, passwords)],
});

export const publishStep = ({ kind }: Pick<SiteChange, "kind">, nodes: Scope, n: number): Step => ({
  n,
  id: "PublishConfiguration",
  title: "Write the configuration on every node",
  condition: "ConfigurationPublished",
  undo: "Put the spec back: the former text is published the same way.",
  parts: [
    {
      what: "write /etc/tungsten/tungsten.ini, master= being the live primary",
      on: nodes,
      guards: [noTpmAlive],
      run: [{ when: "another text is published", effect: act.publishIni(kind) }],
      done: iniPublished(kind),
    },
  ],
});

/** tpm's word, and a connector that runs and that the managers see: nothing tells which release it runs. */
export const promoted: Judgement = (target, look) => {
  const { name } = target.node;
  return every([
    endedWell("tpm promote-connector")(target, look),
    connectorRuns(target, look),
    knowing(look.facts.get(name, clusterView), `cctrl of ${name}`, ({ routers }) =>
      doneIf(
        routers.some((router) => router.name === name && router.state === "ONLINE"),
        `cctrl does not show the connector of ${name} ONLINE`,
      ),
    ),
  ]);
};

export const promoteStep = (node: Node, n: number): Step => ({
  n,
  id: `PromoteConnector${node.ordinal}`,
  title: `Promote the connector of ${node.name}`,
  condition: `Connector${node.ordinal}Promoted`,
  undo: "Nothing to undo.",
  parts: [
    {
      what: "let the connector run the new configuration; its clients connect anew, those of the other nodes stay",
      vendor: "tpm promote-connector",
      on: of(everyNode, (target) => target.node.name === node.name),
      run: [{ when: "it runs as before the update", effect: change.promoteConnector }],
      done: promoted,
      settleSeconds: 30,
      stallSeconds: 600,
    },
  ],
});

/** The change of one site's configuration. */
export function applyConfiguration(about: SiteChange): Procedure {
  const onSite = of(eachSite, ({ site }) => site.name === about.site);
  const nodes = of(everyNode, ({ site }) => site.name === about.site);
  const readers = of(eachLinkedReader(about.kind), ({ site }) => site.name === about.site);
  const product = about.kind === "MSAA" ? "crossSite" : "cluster";
  const enter = enterMaintenance(onSite);
  const incoming = about.joins === true ? [whole(readers)] : [];
  const first = about.passwords === undefined ? [] : [passwordStep(about.site, about.passwords)];
  const count = about.nodes.length + first.length;
  return {
    name: "ApplyConfiguration",
    revision: 2,
    source:
      "Tungsten documentation, The tpm update Command; Deploying Composite Active/Passive Clustering, promote-connector",
    accepts: [],
    holds: [],
    pins: () => ({ unknown: "a change of configuration pins what its TungstenCluster says" }),
    steps: [
      { ...enter, parts: [...incoming, ...enter.parts] },
      ...first,
      publishStep(about, nodes, first.length + 2),
      ...about.nodes.map((node, index) => updateNode(node, first.length + index + 3, about)),
      returnPolicy(count + 3, { onSite, nodes, readers, product }),
      ...about.nodes.map((node, index) => promoteStep(node, count + 4 + index)),
    ],
    abortUntil: { step: "EnterMaintenance", part: 0 },
    revert: [],
    revertUntil: { step: "EnterMaintenance", part: 0 },
    interruptions: () => [],
    budgets: [],
  };
}
