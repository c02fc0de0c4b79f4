/**
 * Keep the hosts that run only a connector as the site's nodes are: installed, from the same tungsten.ini, at the same
 * release, with the same users (vendor's pages: the same ini and the same tpm on such a host; connectors come last). One
 * after the other, so that clients always have the others. No node is touched, and no policy: nothing here replicates.
 * Asked for by the specs. Every command may be begun again.
 */
import type { Node } from "../topology/estate.ts";
import { clusterView, connectorProcess, installed, software } from "../tungsten/node-facts.ts";
import { tpmUpdate } from "../tungsten/tpm.ts";
import * as act from "./conversion-commands.ts";
import { noTpm, noTpmAlive } from "./conversion-products.ts";
import { connectorRuns, iniPublished } from "./guards.ts";
import { isInstalled, validated } from "./install-site.ts";
import { mapAccounts } from "./keep-accounts.ts";
import type { Judgement, Part, Procedure, Step } from "./procedure.ts";
import { eachConnector } from "./scopes.ts";
import { check, safely } from "./site-commands.ts";
import { of } from "./site-parts.ts";
import { done, doneIf, every, knowing, knownValue, pending } from "./verdicts.ts";

/** Which hosts of which site, in the order they are taken, and what they are brought to. */
export type ConnectorCare = {
  readonly site: string;
  readonly hosts: readonly Node[];
  /** In which form the site's ini is written. */
  readonly kind: "MSAA" | "CAA";
  /** The version of the site's Secret, as `secretWord` writes it. */
  readonly secret: string;
};

/** The release that the site's nodes run; a connector follows them. */
const releaseAt = (run: { pins: { releases: Readonly<Record<string, string>> } }, site: string): string =>
  run.pins.releases[site] ?? "unknown";

const packageThere: Judgement = ({ node, site }, look) => {
  const wanted = `tungsten-clustering-${releaseAt(look.run, site.name)}`;
  return knowing(look.facts.get(node.name, software), `the packages of ${node.name}`, (names) =>
    doneIf(names.has(wanted), `${wanted} does not lie unpacked on ${node.name}: spec.image has to bring it`),
  );
};

/** tpm ended well over the wanted text, with the present passwords, at the nodes' release, and none runs any more. */
const configured =
  (kind: string, secret: string): Judgement =>
  (target, look) => {
    const { name } = target.node;
    const { iniSha256 } = look.run.pins;
    const [ini = "none"] = secret.split(".");
    return every([
      noTpm(target, look),
      knowing(look.facts.get(name, installed("cluster")), `the installation of ${name}`, (is) =>
        is === null
          ? pending(`the cluster product is not installed on ${name}`)
          : doneIf(
              is.ini === iniSha256[kind] &&
                is.release === releaseAt(look.run, target.site.name) &&
                (is.secret ?? "none") === ini &&
                is.unfinished === null,
              `${name} was not configured from the wanted ini yet`,
            ),
      ),
    ]);
  };

const rests: Judgement = ({ node }, look) =>
  knowing(look.facts.get(node.name, connectorProcess), `the connector of ${node.name}`, (is) =>
    doneIf(is !== "running", `the connector of ${node.name} runs`),
  );

/** It runs, and a manager of its site gives it datasources. */
const serves: Judgement = (target, look) => {
  const { name } = target.node;
  const views = target.site.nodes
    .filter((node) => !node.witness)
    .map((node) => knownValue(look.facts.get(node.name, clusterView)));
  const seen = views.some((view) =>
    view?.routers.some((router) => router.name === name && router.state === "ONLINE"),
  );
  return every([
    connectorRuns(target, look),
    seen ? done : pending(`no manager of ${target.site.name} shows the connector of ${name} ONLINE`),
  ]);
};

function partsOn(host: Node, { kind, secret }: ConnectorCare): readonly Part[] {
  const on = of(eachConnector, ({ node }) => node.name === host.name);
  const guards = [noTpmAlive];
  return [
    { what: "the nodes' release lies on its volume", on, run: [], done: packageThere, stallSeconds: 600 },
    {
      what: "write /etc/tungsten/tungsten.ini, as the nodes have it",
      on,
      guards,
      run: [{ when: "another text is published", effect: act.publishIni(kind) }],
      done: iniPublished(kind),
    },
    {
      what: "tpm validate",
      on,
      guards,
      run: [{ when: "it has not passed", effect: act.validate("cluster") }],
      done: validated("cluster"),
      tries: 10,
    },
    {
      what: "tpm install",
      on,
      guards,
      run: [{ when: "it is not installed", effect: act.install("cluster", kind) }],
      done: isInstalled("cluster"),
      stallSeconds: 1800,
    },
    {
      what: "tpm update, which restarts the connector; clients connect anew to another",
      vendor: "tools/tpm update --replace-release",
      on,
      guards,
      run: [
        {
          when: "it runs from another ini, with other passwords or at another release",
          effect: ({ node, site }, run) =>
            safely(node, tpmUpdate("cluster", releaseAt(run, site.name)), {
              deadlineSeconds: 1800,
              prechecks: [
                check("no-tpm"),
                check("ini-is", run.pins.iniSha256[kind] ?? "unknown"),
                check("passwords-are", secret.split(".")[0] ?? "none"),
              ],
            }),
        },
      ],
      done: configured(kind, secret),
      stallSeconds: 1800,
    },
    mapAccounts(secret, on),
    {
      what: "the connector runs, and a manager shows it ONLINE",
      vendor: "startall",
      on,
      run: [{ when: "it does not run", holds: rests, effect: act.startAll }],
      done: serves,
      settleSeconds: 30,
      stallSeconds: 600,
    },
  ];
}

const stepFor = (host: Node, n: number, about: ConnectorCare): Step => ({
  n,
  id: `KeepConnector${host.ordinal}`,
  title: `Install or update ${host.name}`,
  condition: `Connector${host.ordinal}Kept`,
  undo: "Put the spec back: what it says is brought to the host the same way.",
  parts: partsOn(host, about),
});

/** The care for these hosts. */
export function keepConnectors(about: ConnectorCare): Procedure {
  const first = about.hosts[0]?.ordinal ?? 0;
  const place = { step: `KeepConnector${first}`, part: 0 };
  return {
    name: "KeepConnectors",
    revision: 1,
    source: "Tungsten documentation, The INI method: a host in connectors= and not in members=; tpm update",
    accepts: [],
    holds: [],
    pins: () => ({ unknown: "the care for connectors pins what its TungstenCluster says" }),
    steps: about.hosts.map((host, index) => stepFor(host, index + 1, about)),
    abortUntil: place,
    revert: [],
    revertUntil: place,
    interruptions: () => [],
    budgets: [],
  };
}
