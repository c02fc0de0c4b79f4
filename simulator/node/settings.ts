/** Where a real simulated node finds things: paths below one root, addresses, pace. In an image the defaults hold; tests set others. */
import { hostname } from "node:os";

export type NodeSettings = {
  /** Put before every path, "" in an image. */
  readonly root: string;
  /** This host as the ini's members= name it. */
  readonly name: string;
  /** Address its listeners bind to. */
  readonly address: string;
  /** Address of the tools' port. */
  readonly control: string;
  /** Addresses of hosts that no name server knows. */
  readonly peers: ReadonlyMap<string, string>;
  /** What tools sleep is multiplied by this. */
  readonly pace: number;
  readonly variant: number;
};

/** Ports of one node. The tools' port and that of reports between nodes are the simulator's own. */
export const ports = { control: 9990, reports: 11999, manager: 9997 } as const;

const prefix = "TUNGSTEN_SIMULATOR_";

export function settingsFrom(environment: Readonly<Record<string, string | undefined>>): NodeSettings {
  const read = (name: string, otherwise: string): string => environment[prefix + name] ?? otherwise;
  const pairs = read("PEERS", "")
    .split(",")
    .filter((pair) => pair !== "")
    .map((pair): [string, string] => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]);
  return {
    root: read("ROOT", ""),
    name: read("HOST", hostname().split(".")[0] ?? ""),
    address: read("ADDRESS", "0.0.0.0"),
    control: read("CONTROL", "127.0.0.1"),
    peers: new Map(pairs),
    pace: Number(read("PACE", "0.25")),
    variant: Number(read("VARIANT", "2")),
  };
}
