/**
 * May a service begin at its source's first event? A site that joins others later gets their data by a copy, and positions
 * with it (deploy-msaa, "Adding a new Cluster/Dataservice"); begun over an empty database it would miss what is purged.
 */
import { thlRange, tracking } from "../tungsten/node-facts.ts";
import { sourceOf, trackingSchema } from "./conversion-names.ts";
import { commitOf } from "./conversion-readers.ts";
import type { Judgement } from "./procedure.ts";
import { pinnedPrimary } from "./scopes.ts";
import { broken, done, knowing, pending } from "./verdicts.ts";

/** The reader has a position, from a copy or from before; or the source's log still begins at its very first event. */
export const beginsWhole: Judgement = (target, look) => {
  const source = sourceOf(target);
  const primary = pinnedPrimary(look.run, source);
  const { node, site } = target;
  const rows = look.facts.get(node.name, tracking(trackingSchema(source)));
  const range = look.facts.get(primary.name, thlRange("cluster", source.dataservice));
  return knowing(rows, `the position of ${source.name} on ${node.name}`, (known) => {
    if ((commitOf(known)?.seqno ?? -1) >= 0) return done;
    return knowing(range, `the log of ${primary.name}`, ({ min }) => {
      if (min === null) return pending(`the log of ${source.name} holds nothing yet`);
      if (min === 0) return done;
      return broken(
        "HistoryPurged",
        `the log of ${source.name} begins at event ${min}, and ${node.name} has no position of it: ${site.name} would miss what was written before. Restore a backup of a replica, tungsten_* schemas with it, on every node of ${site.name} first`,
      );
    });
  });
};
