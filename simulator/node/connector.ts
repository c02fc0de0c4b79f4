/** A connector: a TCP way from the application port to the site's primary; it holds, then refuses, when no manager is left. */
import { createServer, type Server, Socket } from "node:net";
import { admission } from "../managers.ts";
import type { Node } from "../state.ts";

/** Where new connections go, and since when no manager can be asked. */
export type Route = { primary: string; goneSince: number | null };

export type Connector = {
  /** Opens, closes, restarts: makes the listener what the node's state says. */
  readonly follow: (port: number) => void;
  readonly close: () => void;
};

type Pair = { readonly client: Socket; server: Socket | null; readonly primary: string };
const lookMs = 200;

export function newConnector(
  node: Node,
  route: Route,
  dial: (primary: string) => { host: string; port: number },
  address: string,
): Connector {
  const pairs = new Set<Pair>();
  let server: Server | undefined;
  let serves: Node["connector"] | undefined;
  const drop = (pair: Pair): void => {
    pair.client.destroy();
    pair.server?.destroy();
    if (pairs.delete(pair)) node.connections.active -= 1;
  };
  const join = (pair: Pair): void => {
    const { client } = pair;
    const { host, port } = dial(pair.primary);
    const far = new Socket();
    pair.server = far;
    for (const socket of [client, far]) socket.setNoDelay(true);
    far.on("error", () => drop(pair));
    far.on("close", () => drop(pair));
    far.connect(port, host, () => {
      client.pipe(far);
      far.pipe(client);
    });
  };
  const admit = (client: Socket): void => {
    if (client.destroyed) return;
    const how = admission(Date.now(), node.connector, route.goneSince);
    if (how === "held") setTimeout(() => admit(client), lookMs);
    else if (how === "refused") client.destroy();
    else {
      const pair: Pair = { client, server: null, primary: route.primary };
      pairs.add(pair);
      node.connections.created += 1;
      node.connections.active += 1;
      client.on("close", () => drop(pair));
      join(pair);
    }
  };
  const open = (port: number): void => {
    server = createServer({ pauseOnConnect: false }, (client) => {
      client.on("error", () => {});
      admit(client);
    });
    server.on("error", (error) => console.error(`connector: ${error.message}`));
    server.listen(port, address);
  };
  const close = (): void => {
    server?.close();
    server = undefined;
    for (const pair of pairs) drop(pair);
  };
  const follow = (port: number): void => {
    for (const pair of pairs) if (pair.primary !== route.primary) drop(pair);
    const { connector } = node;
    if (serves !== connector) {
      close();
      serves = connector;
    }
    if (connector.running && server === undefined && Date.now() >= connector.since) open(port);
  };
  return { follow, close };
}
