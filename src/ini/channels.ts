/** How many channels a service applies over, by the options that its section of tungsten.ini gets (tungsten-config §3). */
import type { Estate, Site } from "../topology/estate.ts";

/** 1 where parallel apply is off: without a type of queue tpm's `channels` changes nothing. */
export function channelsIn(options: Readonly<Record<string, string>>): number {
  const type = options["svc-parallelization-type"] ?? options["repl-svc-parallelization-type"] ?? "none";
  const channels = Number(options.channels ?? options["repl-channels"] ?? 1);
  return type === "none" || !Number.isInteger(channels) || channels < 1 ? 1 : channels;
}

/**
 * What the specs want of a site: `local` of its own service, `incoming` by source site of those that apply others. In a
 * composite no spec speaks of the latter.
 */
export function channelsWanted(
  { links }: Estate,
  site: Site,
  topology: "MSAA" | "CAA",
): { readonly local: number; readonly incoming: Readonly<Record<string, number>> } {
  const leading = topology === "MSAA" ? links.filter(({ target }) => target === site.name) : [];
  return {
    local: channelsIn(site.options),
    incoming: Object.fromEntries(leading.map(({ source, options }) => [source, channelsIn(options)])),
  };
}
