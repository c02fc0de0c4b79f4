/** What becomes of a composite that a site leaves, and of the site: which walk, over which nodes, with which texts, and what is recorded at its end. */
import type { Ledger } from "../crds/ledger.ts";
import type { Procedure } from "../procedures/procedure.ts";
import { drainedBy, type MemberRemoval, removeMember } from "../procedures/remove-member.ts";
import { arrivals, removePassive } from "../procedures/remove-passive.ts";
import { type Estate, type Site, siteNamed, withActiveSite } from "../topology/estate.ts";
import { estateWith } from "../topology/estate-of.ts";
import { onlyWith } from "./leaving-sites.ts";
import { lentFor } from "./request-planning.ts";
import { recordFor } from "./site-configuration.ts";
import type { ClusterPass } from "./tungsten-cluster.ts";

type Begun = Pick<Ledger, "pins" | "kept">;

/** The estate of those that stay, and that of the site alone. */
const partsOf = ({ namespace, site }: ClusterPass, { staying }: Pick<MemberRemoval, "staying">) => {
  const after = namespace.without([], [site.name]);
  const parts = [estateWith(after, staying[0]?.name ?? ""), estateWith(after, site.name)] as const;
  const [rest, alone] = parts.map(
    (part) =>
      part && onlyWith(part, (name) => name === site.name || staying.some((each) => each.name === name)),
  );
  return { rest, alone };
};

/** A composite of one is none: the last site gets a text of its own too. */
const kindLeft = (staying: readonly Site[]): "CAA" | "MSAA" => (staying.length > 1 ? "CAA" : "MSAA");

export const takesPart = ({ kept }: Pick<Begun, "kept">): boolean => kept.leaver !== "as it is";

/** A relay leaves; what becomes of it is another matter than of a site that has its own writes. */
const isRelay = ({ kept }: Pick<Begun, "kept">): boolean => kept.form === "passive";

function changeOf({ estate, site }: ClusterPass, { pins, kept }: Begun): MemberRemoval {
  const names = (kept.staying ?? "").split(",");
  const staying = names.map((each) => siteNamed(estate, each));
  const updated = takesPart({ kept }) && !isRelay({ kept });
  const taking = updated ? [...names, site.name] : names;
  const ordered = (each: Site) => {
    const data = each.nodes.filter((node) => !node.witness);
    const isPrimary = (node: (typeof data)[number]) => node.name === pins?.primaries[each.name];
    return [...data.filter((node) => !isPrimary(node)), ...data.filter(isPrimary)];
  };
  const { composite } = estate;
  return {
    leaver: site,
    staying,
    sites: estate.sites.filter((each) => taking.includes(each.name)).map(ordered),
    texts: [{ key: "rest", sites: names }, ...(updated ? [{ key: "alone", sites: [site.name] }] : [])],
    awaits: kept.unread === "await",
    drained: kept.drained === "true",
    ...(composite !== undefined && staying.length > 1 && { composite: composite.dataservice }),
    beat: `${kept.tag}.${kept.turn}`,
  };
}

/** What a walk that begins anew has to know of the one before it. */
export const keptAnew = (whole: ClusterPass, before: Ledger): Record<string, string> =>
  isRelay(before) ? arrivals(before.kept) : drainedBy(changeOf(whole, before), before);

export function procedureFor(whole: ClusterPass, begun: Begun): Procedure {
  const change = changeOf(whole, begun);
  return isRelay(begun) ? removePassive(change) : removeMember(change);
}

/** By the keys that the walk's parts name. A site that leaves as a relay gets none: nothing runs there any more. */
export function textsOf(whole: ClusterPass, { pins, kept }: Begun): Record<string, string> {
  const primaries = pins?.primaries ?? {};
  const { staying } = changeOf(whole, { pins, kept } as Begun);
  const { rest, alone } = partsOf(whole, { staying });
  const led = (estate: Estate): Estate => withActiveSite(estate, pins?.activeSite);
  return {
    ...(rest && { rest: lentFor(led(rest)).renderIni(kindLeft(staying), primaries) }),
    ...(alone && !isRelay({ kept }) && { alone: lentFor(alone).renderIni("MSAA", primaries) }),
  };
}

export const endedAs = (ledger: Begun): { readonly reason: string; readonly message: string } => ({
  reason: "Left",
  message: isRelay(ledger)
    ? takesPart(ledger)
      ? "the site has left its composite and is out of service: it keeps its data, and nothing runs there"
      : "the site has left its composite; its nodes were left as they are"
    : "the site has left its composite and is a dataservice of its own",
});

/** What the site runs from now, or, where it was a relay, ran from. */
export function leftAs(whole: ClusterPass, ledger: Begun): object {
  const { alone } = partsOf(whole, changeOf(whole, ledger));
  if (alone === undefined) return {};
  const { site, object } = whole;
  const before = object.status?.configuration;
  const own = before?.primaries?.[site.name] ?? site.nodes[site.initialPrimary]?.name;
  const primaries = { [site.name]: ledger.pins?.primaries[site.name] ?? own };
  const lent = lentFor(alone);
  const sha256 = isRelay(ledger) ? before?.sha256 : lent.sha256(lent.renderIni("MSAA", primaries));
  const configuration = recordFor({ estate: alone, site }, "MSAA", sha256 ?? "", primaries);
  return { configuration, ...(isRelay(ledger) && { leftComposite: ledger.kept.composite }) };
}
