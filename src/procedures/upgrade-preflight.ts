/** Pre-flight of UpgradeSoftware: which way the vendor's software goes, and that it lies ready everywhere before the window opens. */
import { dataNodes, type Estate, isActivePassive, siteOf } from "../topology/estate.ts";
import type { Facts } from "../tungsten/facts.ts";
import type { Product } from "../tungsten/invocation.ts";
import type { InstalledProduct } from "../tungsten/node.ts";
import { installed, software, space } from "../tungsten/node-facts.ts";
import { compareReleases, majorOf, type Release, releaseOf } from "../tungsten/release.ts";
import { compositeAsTold } from "./composite-preflight.ts";
import { nothingHeld, onePrimary, primaryWritable } from "./conversion-preflight-sites.ts";
import type { Acceptance, Objection, PinsReading } from "./procedure.ts";
import { everyServiceFine, pinsOfEstate } from "./switch-preflight.ts";

const products: readonly Product[] = ["cluster", "crossSite"];
/** What a release takes on the volume, unpacked once more below releases/. */
const roomBytes = 2_000_000_000;

type Seen = {
  readonly site: string;
  readonly node: string;
  readonly product: Product;
  readonly is: InstalledProduct;
};

/** Every installed product of every data node, and what stands in the way of knowing. */
function seenIn(
  estate: Estate,
  facts: Facts,
): { readonly seen: readonly Seen[]; readonly open: readonly Objection[] } {
  const seen: Seen[] = [];
  const open: Objection[] = [];
  for (const { name, site } of dataNodes(estate))
    for (const product of products) {
      const fact = facts.get(name, installed(product));
      if ("unknown" in fact) open.push({ on: site, unknown: `${name}: ${fact.unknown}` });
      else if (fact.known !== null) seen.push({ site, node: name, product, is: fact.known });
      else if (product === "cluster")
        open.push({
          on: site,
          refused: `${name} has no Tungsten installed; wait for its TungstenCluster to become Ready`,
        });
    }
  return { seen, open };
}

const asked = (release: string): Acceptance => ({
  say: "every TungstenCluster of the estate names the release that is asked for",
  ask: ({ sites }) => ({
    objections: sites
      .filter((site) => site.release !== release)
      .map(({ name, release: other }) => ({
        on: name,
        refused: `spec.release of TungstenCluster ${name} is ${other}, and spec.upgradeSoftware.release ${release}: an estate runs one release; make them the same`,
      })),
  }),
});

/** Why the vendor's software does not go from one to the other; undefined where it does. */
function wayBetween(from: Release, to: Release): string | undefined {
  if (compareReleases(to, from) < 0)
    return `${to.text} is older than ${from.text}: Tungsten does not go back; name a newer release`;
  if (majorOf(from) < 6 && majorOf(to) >= 6)
    return `${from.text} is of the releases before 6, with another multi-site topology: that is a conversion by hand, no update`;
  if (majorOf(to) - majorOf(from) > 1)
    return `${to.text} is more than one major release after ${from.text}: go by way of ${majorOf(from) + 1}.x`;
  return undefined;
}

const goesThere = (release: string): Acceptance => ({
  say: "the release is newer than what runs, and one major release away at most",
  ask(estate, facts) {
    const to = releaseOf(release);
    if (to === undefined)
      return { refused: `spec.upgradeSoftware.release: ${release} is no release, e.g. 8.0.4-132` };
    const { seen, open } = seenIn(estate, facts);
    const objections = seen.flatMap(({ site, node, is }): Objection[] => {
      const from = releaseOf(is.release);
      if (from === undefined)
        return [{ on: site, unknown: `${node} runs ${is.release || "a release"} that cannot be compared` }];
      const why = wayBetween(from, to);
      return why === undefined ? [] : [{ on: site, refused: `${node}: ${why}` }];
    });
    if (open.length > 0 || objections.length > 0) return { objections: [...open, ...objections] };
    return seen.every(({ is }) => is.release === release && is.unfinished === null)
      ? { refused: `every node runs ${release} already: there is nothing to do` }
      : { ok: true };
  },
});

const fromIni: Acceptance = {
  say: "every product was installed from tungsten.ini",
  ask(estate, facts) {
    const { seen, open } = seenIn(estate, facts);
    const other = seen.filter(({ is }) => is.method === "staging");
    const untold = seen.filter(({ is }) => is.method === "unknown");
    return {
      objections: [
        ...open,
        ...untold.map(({ site, node, product }) => ({
          on: site,
          unknown: `${node} does not tell by which method its ${product} product was installed`,
        })),
        ...other.map(({ site, node, product }) => ({
          on: site,
          refused: `the ${product} product of ${node} was installed by the staging method; bring it to tungsten.ini first`,
        })),
      ],
    };
  },
};

/** What changed its meaning between releases, and has to be said before tpm reads it anew. */
const needsOf: readonly {
  readonly major: number;
  readonly options: readonly string[];
  readonly why: string;
}[] = [
  {
    major: 7,
    options: ["disable-security-controls"],
    why: "from 7.0 on security is on unless it is switched off, and every node would make keys of its own",
  },
  {
    major: 8,
    options: ["rest-api-admin-user"],
    why: "from 8.0 on the REST interface needs an administrator",
  },
];

const saidBefore = (release: string): Acceptance => ({
  say: "options that the new release demands are in the specs",
  ask(estate, facts) {
    const to = releaseOf(release);
    const { seen, open } = seenIn(estate, facts);
    if (to === undefined || open.length > 0) return { objections: open };
    const objections = needsOf.flatMap(({ major, options, why }): Objection[] =>
      estate.sites.flatMap((site): Objection[] => {
        const crosses = seen.some(
          ({ site: name, is }) =>
            name === site.name && majorOf(releaseOf(is.release) ?? to) < major && majorOf(to) >= major,
        );
        const missing = options.find((option) => site.options[option] === undefined);
        return crosses && missing !== undefined
          ? [
              {
                on: site.name,
                refused: `spec.options of TungstenCluster ${site.name} does not say ${missing}: ${why}`,
              },
            ]
          : [];
      }),
    );
    return { objections };
  },
});

/** Hosts that run only a connector follow once it is over, from the package on their own volumes. */
const apartFrom = (estate: Estate, facts: Facts, release: string): readonly Objection[] =>
  estate.sites.flatMap((site) =>
    site.connectors.flatMap((host): Objection[] => {
      const unpacked = facts.get(host.name, software);
      if ("unknown" in unpacked) return [{ on: site.name, unknown: `${host.name}: ${unpacked.unknown}` }];
      const name = `tungsten-clustering-${release}`;
      return unpacked.known.has(name)
        ? []
        : [
            {
              on: site.name,
              refused: `${host.name} has no ${name} in /opt/continuent/software; bring it there with an image that carries it (spec.image)`,
            },
          ];
    }),
  );

/** The node's entrypoint unpacks a package only if its checksum is the one that came with it. */
const packagesReady = (release: string): Acceptance => ({
  say: "the packages of the new release lie unpacked on every node, with room for another copy",
  ask(estate, facts) {
    const { seen, open } = seenIn(estate, facts);
    const objections = seen.flatMap(({ site, node, product }): Objection[] => {
      const unpacked = facts.get(node, software);
      if ("unknown" in unpacked) return [{ on: site, unknown: `${node}: ${unpacked.unknown}` }];
      const name = `tungsten-${product === "cluster" ? "clustering" : "replicator"}-${release}`;
      return unpacked.known.has(name)
        ? []
        : [
            {
              on: site,
              refused: `${node} has no ${name} in /opt/continuent/software; bring it there with an image that carries it (spec.image), on every node`,
            },
          ];
    });
    const tight = dataNodes(estate).flatMap((node): Objection[] => {
      const fact = facts.get(node.name, space);
      const site = siteOf(estate, node).name;
      if ("unknown" in fact) return [{ on: site, unknown: `${node.name}: ${fact.unknown}` }];
      const free = fact.known.find(({ path }) => path === "/opt")?.freeBytes;
      if (free === undefined) return [{ on: site, unknown: `${node.name} tells nothing of /opt` }];
      return free < roomBytes
        ? [
            {
              on: site,
              refused: `${node.name} has ${Math.floor(free / 1e6)} MB free on /opt, and another release takes up to ${roomBytes / 1e6} MB: make room, or let spec.storage.size grow`,
            },
          ]
        : [];
    });
    return { objections: [...open, ...objections, ...tight, ...apartFrom(estate, facts, release)] };
  },
});

export type UpgradeParameters = { readonly release: string; readonly latencySeconds: number };

export const acceptsUpgrade = ({ release, latencySeconds }: UpgradeParameters): readonly Acceptance[] => [
  compositeAsTold(),
  asked(release),
  goesThere(release),
  fromIni,
  saidBefore(release),
  packagesReady(release),
  onePrimary,
  primaryWritable,
  nothingHeld,
  everyServiceFine(latencySeconds, "spec.upgradeSoftware.limits.latencySeconds"),
];

/** What other procedures freeze, and in which form the estate's tungsten.ini is written. */
export function readUpgradePins(estate: Estate, facts: Facts): PinsReading {
  const reading = pinsOfEstate(estate, facts);
  if ("unknown" in reading) return reading;
  const { seen, open } = seenIn(estate, facts);
  if (open.length > 0) return { unknown: "a node does not tell what is installed" };
  const composite = seen.some(
    ({ product, is }) => product === "cluster" && is.services.some((name) => name.includes("_from_")),
  );
  const second = seen.some(({ product }) => product === "crossSite");
  if (composite && second)
    return {
      unknown:
        "nodes carry cross-site services of both products, as a conversion leaves them half-way; finish that first",
    };
  return { pins: { ...reading.pins, topology: composite || isActivePassive(estate) ? "CAA" : "MSAA" } };
}
