/** Scopes, judgements and commands of links that leave: which services go, which stay, and what proves either. */
import type { Node, Site } from "../topology/estate.ts";
import { installed, keptDump, keptFiles } from "../tungsten/node-facts.ts";
import { tpmDeleteService, tpmUninstall } from "../tungsten/tpm.ts";
import { offline } from "../tungsten/trepctl.ts";
import * as act from "./conversion-commands.ts";
import { dumpFile, dumpKept, sourceOf, trackingSchema } from "./conversion-names.ts";
import { noTpm, noTpmAlive } from "./conversion-products.ts";
import { commitOf, dumpRecord as recordOfDump, rowsOf, sameRow, wordOf } from "./conversion-readers.ts";
import { processStopped, serviceStatus } from "./conversion-services.ts";
import { type Drain, notBehind, whileConfigured } from "./drain.ts";
import type { Alternative, Guard, Judgement, Look, Part, Run, Target } from "./procedure.ts";
import { eachLinkedReader, everyNode, isPrimary } from "./scopes.ts";
import { check, safely } from "./site-commands.ts";
import { maintenanceStays, of, type Scope } from "./site-parts.ts";
import { done, doneIf, every, knowing, pending } from "./verdicts.ts";

/** A link that leaves, between which sites. `awaits`, `drops`: see its spec.onDeletion. */
export type LeavingLink = {
  readonly source: Site;
  readonly target: Site;
  readonly awaits: boolean;
  readonly drops: boolean;
};

/** A direction, by the names of its sites. */
export type Pair = { readonly source: string; readonly target: string };

/** A text of what the estate falls into: its key in the walk, and whose nodes get it. */
export type Text = { readonly key: string; readonly sites: readonly string[] };

export type LinkRemoval = {
  /** Data nodes of each site that takes part, in the order they are taken, the primary last. */
  readonly sites: readonly (readonly Node[])[];
  readonly texts: readonly Text[];
  readonly links: readonly LeavingLink[];
  /** Directions that stay. */
  readonly staying: readonly Pair[];
  /** Sites that read nobody any more, and those that go on reading. */
  readonly bare: readonly string[];
  readonly reading: readonly string[];
  /** Sites that somebody goes on reading. */
  readonly sourcesLeft: readonly string[];
  /** Part of the names of its files, unique to the walk. */
  readonly tag: string;
  /** The same for heartbeats, unique to each time it was begun anew. */
  readonly beat: string;
};

export function scopesOf(about: LinkRemoval) {
  const readers =
    (keep: (link: LeavingLink) => boolean): Scope =>
    (run) =>
      about.links.filter(keep).flatMap(({ source, target }) =>
        everyNode(run)
          .filter(({ site }) => site.name === target.name)
          .map(({ node, site }) => ({ id: `${node.name}.${source.name}`, node, site, source })),
      );
  const at = (sites: readonly string[]): Scope => of(everyNode, ({ site }) => sites.includes(site.name));
  const stays = ({ site, source }: Target) =>
    about.staying.some((pair) => pair.target === site.name && pair.source === source?.name);
  return {
    all: readers(() => true),
    /** What an earlier turn has dumped has stopped behind all that was awaited: moved on, the dump would be older than its rows. */
    awaited: (run: Run) =>
      readers(({ awaits }) => awaits)(run).filter((reader) => dumpKept(run, reader) === undefined),
    /** Readers whose position has to outlive the second product. */
    keptReaders: readers(({ target, drops }) => !drops && about.bare.includes(target.name)),
    staying: of(eachLinkedReader("MSAA"), stays),
    bareNodes: at(about.bare),
    secondNodes: at(about.reading),
    /** Nodes that go on with the second product and lose a service of it. */
    leavers: of(at(about.reading), ({ site }) => about.links.some(({ target }) => target.name === site.name)),
  };
}

/** What is awaited, and the primaries that send the last of it. */
export const drainOf = (about: LinkRemoval): Drain => ({
  product: "crossSite",
  readers: scopesOf(about).awaited,
  sources: (run) =>
    everyNode(run).filter(
      ({ node, site }) =>
        run.pins.primaries[site.name] === node.name &&
        about.links.some(({ awaits, source }) => awaits && source.name === site.name),
    ),
  beat: about.beat,
});

const overFiles = (tagOf: (run: Run, target: Target) => string) => ({
  making:
    (make: Alternative["effect"]): Alternative["effect"] =>
    (target, run, attempt) =>
      make(target, { ...run, tag: tagOf(run, target) }, attempt),
  judged:
    (judge: Judgement): Judgement =>
    (target, look) =>
      judge(target, { ...look, run: { ...look.run, tag: tagOf(look.run, target) } }),
});

/** The conversion's commands and judgements over files of this walk. */
export const byFile = ({ tag }: Pick<LinkRemoval, "tag">) => overFiles(() => tag);

/** The same over a file named after the node's role too: after a switch the read_only of before is the wrong one. */
export const byRole = ({ tag }: Pick<LinkRemoval, "tag">) =>
  overFiles((run, { node }) => (isPrimary(run, node) ? `${tag}-primary` : tag));

/** The dump of the current attempt tells what the database tells; where the product is gone, one that was verified before. */
export const dumpFaithful: Judgement = (target, look) => {
  const { run, facts, attempt } = look;
  const { node } = target;
  if (dumpKept(run, target) !== undefined) return done;
  const name = dumpFile(run, target, attempt);
  return whileConfigured("crossSite", target, look, () =>
    attempt === 0
      ? pending(`${target.id} is not dumped yet`)
      : every([
          knowing(facts.get(node.name, keptFiles), `kept files of ${node.name}`, (known) =>
            doneIf(known.has(name), `${name} is not there yet`),
          ),
          knowing(facts.get(node.name, keptDump(name)), `dump ${name}`, ({ schema, rows }) => {
            const [saved, live] = [commitOf(rows), commitOf(rowsOf(target, look))];
            if (saved === undefined || live === undefined)
              return pending(`${name} holds no single commit row`);
            const faithful = schema === trackingSchema(sourceOf(target)) && sameRow(saved, live);
            return doneIf(faithful, `${name} tells seqno ${saved.seqno}, the database ${live.seqno}`);
          }),
        ]),
  );
};

export const dumpRecord = ({ tag }: LinkRemoval, target: Target, look: Look): Record<string, string> =>
  dumpKept(look.run, target) !== undefined
    ? {}
    : recordOfDump(target, { ...look, run: { ...look.run, tag } });

/** Readers of which this walk has a dump. */
export const dumped =
  (about: LinkRemoval): Scope =>
  (run) =>
    scopesOf(about)
      .keptReaders(run)
      .filter((reader) => dumpKept(run, reader) !== undefined);

const readersAt = (about: LinkRemoval, run: Run, { node }: Target): readonly Target[] =>
  scopesOf(about)
    .keptReaders(run)
    .filter((reader) => reader.node.name === node.name);

/** Positions that are to stay lie in files of this walk: uninstalling drops them. */
export const dumpsThere = (about: LinkRemoval): Guard => ({
  say: "the verified dumps of the positions that are to stay are on the node",
  objects: (target, look) => {
    const verdict = every(
      readersAt(about, look.run, target).map((reader) => {
        const kept = dumpKept(look.run, reader);
        if (kept === undefined)
          return whileConfigured("crossSite", reader, look, () =>
            pending(`${reader.id} has no verified dump`),
          );
        return knowing(
          look.facts.get(target.node.name, keptFiles),
          `kept files of ${target.node.name}`,
          (known) => doneIf(known.get(kept.file)?.sha256 === kept.sha256, `${kept.file} has changed or gone`),
        );
      }),
    );
    return "why" in verdict ? verdict.why : undefined;
  },
});

/** Looks once more, in the same script, that what it drops lies in a verified file. */
export const uninstall =
  (about: LinkRemoval): Alternative["effect"] =>
  (target, run) => {
    const dumps = readersAt(about, run, target).flatMap((reader) => dumpKept(run, reader) ?? []);
    return safely(target.node, tpmUninstall("crossSite"), {
      deadlineSeconds: 1800,
      prechecks: [
        ...dumps.map(({ file, sha256 }) => check("file-is", file, sha256)),
        check("policy-is", "MAINTENANCE"),
        check("no-tpm"),
      ],
    });
  };

const goingAt = ({ links }: LinkRemoval, site: Site): readonly LeavingLink[] =>
  links.filter(({ target }) => target.name === site.name);

const noneConfigured =
  (about: LinkRemoval): Judgement =>
  ({ node, site }, look) =>
    knowing(look.facts.get(node.name, installed("crossSite")), `the second product on ${node.name}`, (is) => {
      const left = goingAt(about, site).find(({ source }) => is?.services.includes(source.dataservice));
      return doneIf(
        left === undefined,
        `${node.name} still has service ${left?.source.dataservice} configured`,
      );
    });

/** An attempt can name so many alternatives; more services than that come back with one restart only in theory. */
const mostBrought = 15;

/** A pod that restarts starts whatever is configured still. */
const broughtBack = ({ source, target: { name } }: LeavingLink): Alternative => ({
  when: `a restart has brought ${source.dataservice} back to ${name}`,
  holds: (target, look) => {
    if (target.site.name !== name) return pending(`it is no node of ${name}`);
    const status = serviceStatus("crossSite", source.dataservice, target, look);
    if (typeof status === "string") return pending(status);
    return doneIf(status.state !== "OFFLINE:NORMAL", `it is ${wordOf(status)}`);
  },
  effect: ({ node }) => safely(node, offline("crossSite", source.dataservice)),
});

/** Positions stay unless every link that leaves the node says that they may go. */
export const deleteService = (about: LinkRemoval, on: Scope): Part => ({
  what: "take the services that the ini names no more out of the second product",
  vendor: "tpm delete-service --i-am-sure --keep-position",
  on,
  guards: [maintenanceStays, noTpmAlive],
  run: [
    {
      when: "its process is down",
      holds: processStopped("crossSite"),
      effect: act.replicator("crossSite", "start-offline"),
    },
    ...about.links.slice(0, mostBrought).map(broughtBack),
    {
      when: "it is still configured",
      effect: ({ node, site }, run) => {
        const going = goingAt(about, site);
        const keeps = going.some(({ drops }) => !drops);
        const text = about.texts.find(({ sites }) => sites.includes(site.name));
        return safely(node, tpmDeleteService("crossSite", keeps), {
          deadlineSeconds: 600,
          prechecks: [
            check("no-tpm"),
            check("ini-is", run.pins.iniSha256[text?.key ?? ""] ?? "unknown"),
            check("policy-is", "MAINTENANCE"),
            ...going.map(({ source }) =>
              check("state-is", "crossSite", source.dataservice, "OFFLINE:NORMAL"),
            ),
          ],
        });
      },
    },
  ],
  done: (target, look) => every([noTpm(target, look), noneConfigured(about)(target, look)]),
  stallSeconds: 900,
});

/** Where the position is to stay it is where it was left, so that a link that is created again goes on from there. */
export const positionStays =
  ({ links }: LinkRemoval): Judgement =>
  (target, look) => {
    const link = links.find(
      (each) => each.target.name === target.site.name && each.source.name === target.source?.name,
    );
    return link?.drops === false ? notBehind(target, look) : done;
  };
