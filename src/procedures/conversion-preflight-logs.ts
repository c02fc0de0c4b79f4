/**
 * Pre-flight of the conversion, the part about how long logs are kept. From step 2 on nobody applies other sites; what
 * a reader has not applied must still be there when it goes on, and after a night in which a human ponders a halt.
 */
import { dataNodes, type Estate, type Node, siteOf } from "../topology/estate.ts";
import type { Facts } from "../tungsten/facts.ts";
import { properties, serverSettings } from "../tungsten/node-facts.ts";
import type { ConversionParameters } from "./conversion-preflight.ts";
import { conversionEstimate } from "./conversion-window.ts";
import { totalOf } from "./estimate.ts";
import type { Acceptance, Objection } from "./procedure.ts";

/** The property that `thl-log-retention` becomes in a service's configuration. */
const retention = "replicator.store.thl.log_file_retention";
/** tpm's own (tungsten-config §3.4). */
const defaultRetention = "7d";
const daySeconds = 24 * 3600;
/** One run that goes wrong, one that is tried again, and one to spare. */
export const windows = 3;

const secondsOf = (duration: string): number | undefined => {
  const match = /^(\d+)([smhd])$/.exec(duration);
  const factor = { s: 1, m: 60, h: 3600, d: daySeconds }[match?.[2] ?? ""];
  return match === null || factor === undefined ? undefined : Number(match[1]) * factor;
};

export const inHours = (seconds: number): string => `${(Math.ceil(seconds / 360) / 10).toFixed(1)} h`;

type Needed = { readonly seconds: number; readonly why: string };

function neededFor(parameters: ConversionParameters, estate: Estate, facts: Facts): Needed {
  const { Backup: _, ...stopped } = conversionEstimate(parameters)(estate, facts);
  const worst = totalOf(stopped);
  const seconds = Math.max(daySeconds, windows * worst);
  const why = `logs must outlast ${windows} runs, at worst ${inHours(worst)} each from step 2 on, and a day at least: ${inHours(seconds)}`;
  return { seconds, why };
}

type Keeping = { readonly what: string; readonly seconds: number } | { readonly unknown: string };

/** As the service is configured; what its configuration does not tell is as the spec says, or tpm's own. */
function thlKeptOn(estate: Estate, node: Node, facts: Facts): Keeping {
  const { dataservice, options, name } = siteOf(estate, node);
  const told = facts.get(node.name, properties(dataservice, [retention]));
  if ("unknown" in told) return { unknown: `${node.name}: ${told.unknown}` };
  const running = told.known.get(retention);
  const wanted = options["thl-log-retention"] ?? options["repl-thl-log-retention"];
  const word = running ?? wanted ?? defaultRetention;
  const seconds = secondsOf(word);
  if (seconds === undefined)
    return {
      unknown: `${node.name} keeps THL for «${word.slice(0, 20)}», which is no time that can be read`,
    };
  const what =
    running === undefined
      ? `thl-log-retention of TungstenCluster ${name} is ${word}`
      : `thl-log-retention of ${node.name}, as installed, is ${word}`;
  return { what, seconds };
}

/** 0: for ever. */
function binlogKeptOn(node: Node, facts: Facts): Keeping {
  const server = facts.get(node.name, serverSettings);
  if ("unknown" in server) return { unknown: `${node.name}: ${server.unknown}` };
  const seconds = server.known.binlogExpireSeconds;
  if (seconds === null) return { unknown: `${node.name} does not tell how long it keeps binary logs` };
  return {
    what: `binlog_expire_logs_seconds of ${node.name} is ${seconds}`,
    seconds: seconds > 0 ? seconds : Number.POSITIVE_INFINITY,
  };
}

export const logsKept = (parameters: ConversionParameters): Acceptance => ({
  say: "binary logs and THL are kept for three worst-case runs, and at least a day",
  ask(estate, facts) {
    const { seconds: needed, why } = neededFor(parameters, estate, facts);
    const found = dataNodes(estate).flatMap((node) =>
      [thlKeptOn(estate, node, facts), binlogKeptOn(node, facts)].map((kept) => ({ on: node.site, kept })),
    );
    const objections = found.flatMap(({ on, kept }): Objection[] => {
      if ("unknown" in kept) return [{ on, unknown: kept.unknown }];
      return kept.seconds >= needed
        ? []
        : [
            {
              on,
              refused: `${kept.what} (${inHours(kept.seconds)}); ${why}; raise it to ${needed} s or more`,
            },
          ];
    });
    return { objections };
  },
});
