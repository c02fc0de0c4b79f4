/** Pre-flight of the conversion, the part about running database servers: binary logs, ids, keys that no two sites give twice. */
import { dataNodes, type Estate, type Node } from "../topology/estate.ts";
import { serverSettings } from "../tungsten/node-facts.ts";
import type { ServerSettings } from "../tungsten/sql.ts";
import { objecting } from "./preflight-asking.ts";
import type { Acceptance } from "./procedure.ts";

/** Who had a value first. */
type Seen = {
  readonly ids: Map<string, string>;
  readonly offsets: Map<string, string>;
  readonly increments: Map<string, string>;
};

export const settings: Acceptance = {
  say: "row-based binary logs, server ids and auto-increment offsets fit several writable sites",
  ask(estate, facts) {
    const seen: Seen = { ids: new Map(), offsets: new Map(), increments: new Map() };
    return objecting(
      dataNodes(estate).map((node) => {
        const answer = facts.get(node.name, serverSettings);
        const refused = "known" in answer ? settingsRefused(node, answer.known, estate, seen) : undefined;
        return { node, answer, refused };
      }),
    );
  },
};

function settingsRefused(
  node: Node,
  is: ServerSettings,
  estate: Estate,
  { ids, ...keys }: Seen,
): string | undefined {
  const twin = ids.get(is.serverId);
  ids.set(is.serverId, twin ?? node.name);
  const keysRefused = incrementRefused(node, is, estate, keys);
  if (!["1", "ON"].includes(is.logBin.toUpperCase()))
    return `${node.name} writes no binary log (log_bin is ${is.logBin}); switch it on`;
  if (is.binlogFormat !== "ROW") return `binlog_format of ${node.name} is ${is.binlogFormat}; set it to ROW`;
  if (twin !== undefined)
    return `${node.name} and ${twin} both have server_id ${is.serverId}; give each node its own`;
  return keysRefused;
}

/** Keys stay apart only where all count in equal steps from different beginnings; a beginning above the step is ignored. */
function incrementRefused(
  node: Node,
  { autoIncrementIncrement: step, autoIncrementOffset: offset }: ServerSettings,
  estate: Estate,
  { offsets, increments }: Omit<Seen, "ids">,
): string | undefined {
  const other = offsets.get(offset) ?? node.site;
  offsets.set(offset, other);
  const [usual, first] = [...increments][0] ?? [step, node.name];
  if (!increments.has(step)) increments.set(step, node.name);
  if (!(Number(step) >= estate.sites.length))
    return `auto_increment_increment of ${node.name} is ${step}, below the ${estate.sites.length} sites that write; raise it`;
  if (usual !== step)
    return `auto_increment_increment of ${node.name} is ${step}, that of ${first} is ${usual}; make them equal, or two sites give one key`;
  if (!(Number(offset) <= Number(step)))
    return `auto_increment_offset of ${node.name} is ${offset}, above its auto_increment_increment ${step}, so that the server ignores it; set a lower one`;
  return other === node.site
    ? undefined
    : `sites ${other} and ${node.site} share auto_increment_offset ${offset}; give each site its own`;
}
