/**
 * What tpm leaves behind (CT-569 of the vendor): empty schemas `tungsten_<target>_from_<source>`. A composite's service
 * keeps its position in `tungsten_<source>`, so nothing reads them. They are told, and dropped only where the request asks.
 */
import type { Estate, Node, Site } from "../topology/estate.ts";
import { schemas, tracking } from "../tungsten/node-facts.ts";
import { dropSchema } from "./conversion-commands.ts";
import { kept, leftoverSchema, sourceOf, trackingSchema } from "./conversion-names.ts";
import type { ConversionParameters } from "./conversion-preflight.ts";
import type { Judgement, Look, Part, Step } from "./procedure.ts";
import { eachReader, everyNode, isPrimary } from "./scopes.ts";
import { done, doneIf, knowing, knownValue, pending } from "./verdicts.ts";

/** A value of the ledger is bounded; fifty sites have more names than fit. */
const longestList = 900;

/** A site may be called like a service of two others: what it keeps its own position in is no leftover. */
const isInUse = (estate: Estate, schema: string): boolean =>
  estate.sites.some((site) => trackingSchema(site) === schema);

const pairsOf = ({ sites }: Estate): readonly (readonly [Site, Site])[] =>
  sites.flatMap((target) =>
    sites.filter((source) => source !== target).map((source): [Site, Site] => [target, source]),
  );

/** The leftovers of a node without any table, routine or event, of whatever pair of sites; undefined while unknown. */
function leftoversOf(node: Node, { run: { estate }, facts }: Look): readonly string[] | undefined {
  const known = knownValue(facts.get(node.name, schemas));
  if (known === undefined) return undefined;
  const names = pairsOf(estate).map(([target, source]) => leftoverSchema(target, source));
  return names.filter((name) => known.get(name) === 0 && !isInUse(estate, name)).sort();
}

const schemasKnown: Judgement = ({ node }, { facts }) =>
  knowing(facts.get(node.name, schemas), `the schemas of ${node.name}`, () => done);

/** Names as far as they fit; the rest is counted. */
export function listed(names: readonly string[]): string {
  if (names.length === 0) return "none";
  let shown = names.length;
  while (names.slice(0, shown).join(" ").length > longestList) shown -= 1;
  const more = names.length - shown;
  return `${names.slice(0, shown).join(" ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** Kept once before anything is dropped, and again behind it: the last word is what is left. */
const leftoversRecord: Part["record"] = ({ node }, look) => {
  const names = leftoversOf(node, look);
  return names === undefined ? {} : { [kept.unused(node.name)]: listed(names) };
};

export const reportLeftovers: Part = {
  what: "tell which empty schemas tungsten_<target>_from_<source> are left on each node: nothing reads them",
  on: everyNode,
  run: [],
  done: schemasKnown,
  record: leftoversRecord,
};

/** No longer there, or not ours to drop: it holds something, or a site keeps its position in it. */
const gone: Judgement = (target, look) => {
  const schema = leftoverSchema(target.site, sourceOf(target));
  const { node } = target;
  return knowing(look.facts.get(node.name, schemas), `the schemas of ${node.name}`, (known) =>
    isInUse(look.run.estate, schema)
      ? done
      : doneIf(known.get(schema) !== 0, `${node.name} has the empty schema ${schema}`),
  );
};

/** The service of that name has its position elsewhere, so that this schema is nobody's. */
const positionElsewhere: Judgement = (target, look) => {
  const schema = trackingSchema(sourceOf(target));
  const { name } = target.node;
  return knowing(look.facts.get(name, tracking(schema)), `${schema} of ${name}`, (rows) =>
    rows === "absent" || rows.commits.length === 0
      ? pending(`${schema} of ${name} holds no position: its service may keep it under another name`)
      : done,
  );
};

const dropOn = (who: "replicas" | "primaries"): Part => ({
  what: `drop the empty schemas on the ${who}, unlogged: each node drops its own, and nothing travels`,
  vendor: "DROP DATABASE tungsten_<target>_from_<source>",
  on: (run) => eachReader(run).filter(({ node }) => isPrimary(run, node) === (who === "primaries")),
  run: [
    {
      when: "it is there and empty, and its service keeps its position in another schema",
      holds: positionElsewhere,
      effect: dropSchema,
    },
  ],
  done: gone,
  record: leftoversRecord,
});

/** Behind the vendor's last step: what goes wrong here keeps no site in MAINTENANCE. */
const dropLeftovers: Step = {
  n: 14,
  id: "DropEmptySchemas",
  title: "Drop empty schemas",
  condition: "EmptySchemasDropped",
  undo: "Nothing to undo: they were empty and nothing reads them.",
  parts: [dropOn("replicas"), dropOn("primaries")],
};

export const droppings = ({ dropEmptySchemas = false }: ConversionParameters): readonly Step[] =>
  dropEmptySchemas ? [dropLeftovers] : [];
