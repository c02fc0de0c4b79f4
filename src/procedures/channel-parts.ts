/**
 * Another number of apply channels (tungsten-cli §9, "Parallel apply, disable safely"): each channel keeps a row of its own
 * in trep_commit_seqno. Only a clean offline joins them into one; a service that is stopped otherwise does not go online with
 * another number of channels. So where more than one is at stake, before or after, services go offline before tpm stops them,
 * and the one row is seen.
 */
import type { Product } from "../tungsten/invocation.ts";
import { installed, services, shardChannels, tracking } from "../tungsten/node-facts.ts";
import { offline } from "../tungsten/trepctl.ts";
import { serviceOf, sourceOf, trackingSchema } from "./conversion-names.ts";
import { serviceStatus } from "./conversion-services.ts";
import type { Guard, Judgement, Part, Target } from "./procedure.ts";
import { takesWrites } from "./scopes.ts";
import { check, safely } from "./site-commands.ts";
import { maintenanceStays, type Scope } from "./site-parts.ts";
import { broken, done, doneIf, every, knowing, pending } from "./verdicts.ts";

/** Wanted numbers of a site's services: of its own, and of those that apply other sites, by site where the specs say. */
export type Channels = { readonly local: number; readonly incoming: Readonly<Record<string, number>> };

/** Of the services that this product runs; in a composite no spec speaks of the incoming ones. */
const highest = (product: Product, { local, incoming }: Channels): number =>
  product === "cluster" ? local : Math.max(1, ...Object.values(incoming));

/** One channel is what it has, and what it gets: nothing has to be joined. */
export const oneChannel =
  (product: Product, wanted: Channels): Judgement =>
  ({ node }, look) =>
    knowing(look.facts.get(node.name, installed(product)), `the channels of ${node.name}`, (is) =>
      doneIf(
        (is?.parallel ?? 1) <= 1 && highest(product, wanted) <= 1,
        `${node.name} has or gets several channels`,
      ),
    );

/** A reader's service, or the site's own where the target is a node. */
const serviceAt = (product: Product, target: Target): string =>
  target.source === undefined ? target.site.dataservice : serviceOf(product, target.site, sourceOf(target));
const schemaAt = (target: Target): string => trackingSchema(target.source ?? target.site);

const offlineNormal =
  (product: Product): Judgement =>
  (target, look) => {
    const service = serviceAt(product, target);
    const status = serviceStatus(product, service, target, look);
    if (typeof status === "string") return pending(status);
    return doneIf(
      status.state === "OFFLINE:NORMAL" && status.transitioningTo === null,
      `${service} on ${target.node.name} is not OFFLINE:NORMAL`,
    );
  };

const joined =
  (product: Product): Judgement =>
  (target, look) => {
    const off = offlineNormal(product)(target, look);
    if (off.is !== "done") return off;
    const { name } = target.node;
    const schema = schemaAt(target);
    return every([
      knowing(look.facts.get(name, tracking(schema)), `trep_commit_seqno in ${schema} of ${name}`, (rows) => {
        if (rows === "absent" || rows.commits.length === 1) return done;
        return broken(
          "ChannelsNotJoined",
          `${schema}.trep_commit_seqno of ${name} has ${rows.commits.length} rows, though its service is OFFLINE:NORMAL: it once stopped uncleanly`,
        );
      }),
      knowing(
        look.facts.get(name, shardChannels(schema)),
        `trep_shard_channel in ${schema} of ${name}`,
        (rows) =>
          rows === 0
            ? done
            : broken(
                "ChannelsNotJoined",
                `${schema}.trep_shard_channel of ${name} has ${rows} rows, though its service is OFFLINE:NORMAL`,
              ),
      ),
    ]);
  };

const unless =
  (first: Judgement, second: Judgement): Judgement =>
  (target, look) =>
    first(target, look).is === "done" ? done : second(target, look);

/** Offline in order, and one row; nothing of it with a single channel, or where tpm has ended well already. */
export function joinChannels(
  product: Product,
  wanted: Channels,
  { on, configured }: { readonly on: Scope; readonly configured: Judgement },
): readonly Part[] {
  const nothing = unless(oneChannel(product, wanted), configured);
  return [
    {
      what: "take the service offline in order, where it has or gets several channels",
      vendor: "trepctl -service S offline",
      on: (run) => on(run).filter((target) => target.source !== undefined || !takesWrites(run, target.node)),
      guards: [maintenanceStays],
      run: [
        {
          when: "it is not offline",
          effect: (target) =>
            safely(target.node, offline(product, serviceAt(product, target)), {
              prechecks: [check("no-tpm")],
            }),
        },
      ],
      done: unless(nothing, offlineNormal(product)),
      tries: 10,
    },
    {
      what: "see one row in trep_commit_seqno and none in trep_shard_channel",
      on: (run) => on(run).filter((target) => target.source !== undefined || !takesWrites(run, target.node)),
      run: [],
      done: unless(nothing, joined(product)),
    },
  ];
}

/** Asked once more directly before tpm stops the process: every applying service of the product is offline, or has one channel. */
export const stoppedInOrder = (product: Product, wanted: Channels): Guard => ({
  say: "where several channels are at stake, every service that applies over them is OFFLINE:NORMAL",
  objects: (target, look) => {
    if (oneChannel(product, wanted)(target, look).is === "done") return undefined;
    const fact = look.facts.get(target.node.name, services(product));
    if ("unknown" in fact) return `the services of ${target.node.name} cannot be read: ${fact.unknown}`;
    if (fact.known === "down") return undefined;
    const on = fact.known.find(({ state, role }) => role !== "master" && state !== "OFFLINE:NORMAL");
    return (
      on && `${on.service} on ${target.node.name} applies over several channels and is not OFFLINE:NORMAL`
    );
  },
});

/** What the service itself says once it is ONLINE; a primary's own applies nothing. */
export const channelsVerified = (product: Product, wanted: Channels, on: Scope): Part => ({
  what: "its services apply over the wanted number of channels",
  vendor: "trepctl -service S status (channels)",
  on,
  run: [],
  done: (target, look) => {
    const number = target.source === undefined ? wanted.local : wanted.incoming[target.source.name];
    const status = serviceStatus(product, serviceAt(product, target), target, look);
    if (number === undefined) return done;
    if (typeof status === "string") return pending(status);
    return doneIf(
      status.role === "master" || status.channels === number,
      `${status.service} on ${target.node.name} has ${status.channels ?? "an unknown number of"} channels, wanted are ${number}`,
    );
  },
});
