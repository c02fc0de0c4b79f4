/** Pre-flight of the conversion, the part about sites: one primary each, told alike by all managers, writable; packages to run. */
import { dataNodes, type Estate, isPassive, type Site, siteOf } from "../topology/estate.ts";
import type { Facts, Known } from "../tungsten/facts.ts";
import { clusterView, holds, installed, readOnly, software } from "../tungsten/node-facts.ts";
import type { ClusterView } from "../tungsten/reading.ts";
import { type HeadRole, headRole, headWord, soleHead } from "./leading.ts";
import type { Acceptance, Objection } from "./procedure.ts";

type Told = { readonly node: string; readonly view: ClusterView };

/** What every data node's manager tells of its site, and the first that is silent. */
function toldIn(site: Site, facts: Facts): { readonly told: readonly Told[]; readonly silent?: string } {
  const answers = site.nodes
    .filter((node) => !node.witness)
    .map(({ name }): readonly [string, Known<ClusterView>] => [name, facts.get(name, clusterView)]);
  const told = answers.flatMap(([node, answer]) => ("known" in answer ? [{ node, view: answer.known }] : []));
  const silent = answers.find(([, answer]) => "unknown" in answer);
  if (silent === undefined) return { told };
  return { told, silent: `${silent[0]}: ${"unknown" in silent[1] ? silent[1].unknown : ""}` };
}

/** Two managers that tell different things about one site are two halves of it. */
function disagreement(site: Site, told: readonly Told[], word: (view: ClusterView) => string, what: string) {
  const [first] = told;
  const other = first && told.find(({ view }) => word(view) !== word(first.view));
  return (
    first &&
    other &&
    `${first.node} tells ${word(first.view)} as ${what} of ${site.name}, ${other.node} tells ${word(other.view)}; bring its managers together first`
  );
}

function primaryRefused(site: Site, told: readonly Told[], role: HeadRole): string | undefined {
  const without = told.find(({ view }) => soleHead(view, role) === undefined);
  if (without !== undefined)
    return `${site.name} has no single ONLINE ${headWord(role)} by the word of ${without.node}; bring one up first`;
  const policies = told.map(({ view }) => view.policy);
  const odd = policies.find((policy) => typeof policy !== "string");
  if (odd !== undefined && typeof odd !== "string")
    return `${site.name} tells the unknown policy «${odd.unrecognised}»; set AUTOMATIC or MAINTENANCE`;
  return (
    disagreement(site, told, (view) => soleHead(view, role) ?? "nobody", `the ${headWord(role)}`) ??
    disagreement(site, told, (view) => String(view.policy), "the policy")
  );
}

export const onePrimary: Acceptance = {
  say: "every site has exactly one primary, ONLINE",
  ask: (estate, facts) => ({
    objections: estate.sites.flatMap((site): Objection[] => {
      const { told, silent } = toldIn(site, facts);
      const refused = primaryRefused(site, told, headRole(estate, site.name));
      return [
        ...(refused === undefined ? [] : [{ on: site.name, refused }]),
        ...(silent === undefined ? [] : [{ on: site.name, unknown: silent }]),
      ];
    }),
  }),
};

/** A datasource that is out waits for a human; step 11 is done when none is. */
const replicasIn: Acceptance = {
  say: "no replica is out of service by the managers' word",
  ask: (estate, facts) => ({
    objections: estate.sites.flatMap((site): Objection[] => {
      const out = toldIn(site, facts)
        .told.flatMap(({ view }) => view.datasources)
        .find(({ role, state }) => role === "slave" && state !== "ONLINE");
      return out === undefined
        ? []
        : [
            {
              on: site.name,
              refused: `${out.name} is ${out.state} by its managers' word; recover it (cctrl, datasource ${out.name} recover) before converting`,
            },
          ];
    }),
  }),
};

/** Sites that take writes: in an active/passive composite the active one alone. */
const writing = (estate: Estate): readonly Site[] =>
  estate.sites.filter(({ name }) => !isPassive(estate, name));

export const primaryWritable: Acceptance = {
  say: "every primary's database is writable",
  ask: (estate, facts) => ({
    objections: writing(estate).flatMap((site): Objection[] => {
      const [view] = toldIn(site, facts).told.map((each) => each.view);
      const primary = view && soleHead(view, "master");
      if (primary === undefined) return [{ on: site.name, unknown: `${site.name} names no primary to ask` }];
      const is = facts.get(primary, readOnly);
      if ("unknown" in is) return [{ on: site.name, unknown: `${primary}: ${is.unknown}` }];
      if (!is.known) return [];
      return [
        {
          on: site.name,
          refused: `${primary}, the primary of ${site.name}, is read-only; find out why, then set read_only=0 there`,
        },
      ];
    }),
  }),
};

/** Old ones have passed by earlier; here the wanted one must lie ready, and the old one for the way back. */
const packagesReady: Acceptance = {
  say: "the packages of both products lie unpacked on every node",
  ask: (estate, facts) => ({
    objections: dataNodes(estate).flatMap((node): Objection[] => {
      const site = siteOf(estate, node);
      const [unpacked, now] = [facts.get(node.name, software), facts.get(node.name, installed("crossSite"))];
      if ("unknown" in unpacked) return [{ on: site.name, unknown: `${node.name}: ${unpacked.unknown}` }];
      if ("unknown" in now) return [{ on: site.name, unknown: `${node.name}: ${now.unknown}` }];
      const wanted = [
        `tungsten-clustering-${site.release}`,
        ...(now.known === null ? [] : [`tungsten-replicator-${now.known.release}`]),
      ];
      const missing = wanted.find((name) => !unpacked.known.has(name));
      if (missing === undefined) return [];
      return [
        {
          on: site.name,
          refused: `${node.name} has no ${missing} in /opt/continuent/software; unpack it there on every node first`,
        },
      ];
    }),
  }),
};

const tool = "tungsten_prep_upgrade";

export const toolReady = (positions = "Primitives"): Acceptance => ({
  say: "the vendor's tool lies in the package, where positions are kept by it",
  ask: (estate, facts) => ({
    objections: (positions === "TungstenPrepUpgrade" ? dataNodes(estate) : []).flatMap(
      (node): Objection[] => {
        const { name, release } = siteOf(estate, node);
        const unpacked = facts.get(node.name, software);
        if ("unknown" in unpacked) return [{ on: name, unknown: `${node.name}: ${unpacked.unknown}` }];
        if (unpacked.known.has(`tungsten-clustering-${release}/${tool}`)) return [];
        return [
          {
            on: name,
            refused: `${node.name} has no ${tool} in tools/ of tungsten-clustering-${release}; set spec.convertMsaaToCaa.positions to Primitives, or unpack a package that has it`,
          },
        ];
      },
    ),
  }),
});

export const nothingHeld: Acceptance = {
  say: "nothing is held on any node",
  ask: (estate, facts) => ({
    objections: dataNodes(estate).flatMap(({ name, site }): Objection[] => {
      const fact = facts.get(name, holds);
      if ("unknown" in fact) return [{ on: site, unknown: `${name}: ${fact.unknown}` }];
      return [...fact.known].map((held) => ({
        on: site,
        refused: `${name} holds ${held} for a run that did not end; find out what it left half-way, then remove /opt/tungsten-operator/holds/${held} there`,
      }));
    }),
  }),
};

export const siteAcceptances: readonly Acceptance[] = [
  onePrimary,
  replicasIn,
  primaryWritable,
  packagesReady,
  nothingHeld,
];
