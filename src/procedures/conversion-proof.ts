/** The end proven: a fresh heartbeat on every node, over logs that go on where the old ones ended, and nobody left out. */

import { activeSite, type Node, siteOf } from "../topology/estate.ts";
import type { Product } from "../tungsten/invocation.ts";
import { clusterView, thlRange, tracking } from "../tungsten/node-facts.ts";
import { positionKept, proofPrefix, serviceOf, sourceOf, trackingSchema } from "./conversion-names.ts";
import { heartbeatArrived } from "./leading.ts";
import type { Judgement, Look, Target, Verdict } from "./procedure.ts";
import { eachReader, nodesThere } from "./scopes.ts";
import { doneIf, every, knowing, pending } from "./verdicts.ts";

/** The heartbeat row of a node that applies the source under its own site's service carries a proof of ours. */
const arrivedAtHome = (target: Target, node: Node, look: Look): Verdict =>
  heartbeatArrived(target.site, node, (name) => name.startsWith(proofPrefix(look.run)), look);

/** Those of its own site; where one site takes the writes of all, those of every site. */
const homeOf = ({ site }: Target, { estate, ...run }: Look["run"]): readonly Node[] =>
  (activeSite(estate) === undefined ? [site] : estate.sites).flatMap((each) =>
    nodesThere({ ...run, estate }, each),
  );

/** A heartbeat of ours, sent after the conversion, has arrived on every node: of its own site, and of all that read it (gate 9). */
export const proofArrived =
  (product: Product): Judgement =>
  (target, look) => {
    const prefix = proofPrefix(look.run);
    const readers = eachReader(look.run).filter((reader) => sourceOf(reader).name === target.site.name);
    const home = homeOf(target, look.run);
    return every([
      ...home.map((node) => arrivedAtHome(target, node, look)),
      ...readers.map((reader) => {
        const rows = look.facts.get(reader.node.name, tracking(trackingSchema(target.site)));
        const range = look.facts.get(
          reader.node.name,
          thlRange(product, serviceOf(product, reader.site, sourceOf(reader))),
        );
        const stop = positionKept(look.run, reader);
        return every([
          knowing(rows, `the heartbeat row of ${reader.id}`, (known) =>
            doneIf(
              known !== "absent" && known.heartbeat?.name?.startsWith(prefix) === true,
              `no heartbeat of ${target.site.name} has arrived at ${reader.node.name} yet`,
            ),
          ),
          knowing(range, `the log of ${reader.id}`, ({ min }) =>
            doneIf(
              min !== null && (stop === undefined || min <= stop.seqno + 1),
              `the log of ${reader.id} begins at ${min ?? "nothing"}, behind ${stop?.seqno ?? "?"} + 1`,
            ),
          ),
        ]);
      }),
    ]);
  };

/** Every datasource of the site is ONLINE in its coordinator's view. */
export const noDatasourceOut: Judgement = (target, look) =>
  knowing(look.facts.get(target.node.name, clusterView), `cctrl of ${target.node.name}`, (view) => {
    const there = nodesThere(look.run, siteOf(look.run.estate, target.node));
    const out = view.datasources.filter(
      (source) => source.state !== "ONLINE" && there.some(({ name }) => name === source.name),
    );
    const missing = there.filter((node) => !view.datasources.some((source) => source.name === node.name));
    if (missing.length > 0)
      return pending(`${target.site.name} does not show ${missing.map((node) => node.name).join(", ")}`);
    return doneIf(out.length === 0, `${out.map((source) => `${source.name} is ${source.state}`).join(", ")}`);
  });
