/** The connector's way to the primary: it serves, holds while no manager is left, refuses later, cuts off whom a failover left behind. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { type Connector, newConnector, type Route } from "../../../simulator/node/connector.ts";
import type { Node } from "../../../simulator/state.ts";

/** Two servers that greet with their name. */
let primaries: Map<string, Server>;
let connector: Connector;
let node: Node;
let route: Route;
let port: number;
const clients: Socket[] = [];

const listening = async (server: Server): Promise<number> => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
};
const portOf = (name: string): number =>
  (primaries.get(name)?.address() as AddressInfo | undefined)?.port ?? 0;

beforeEach(async () => {
  primaries = new Map(["nyc-0", "nyc-1"].map((name) => [name, createServer((socket) => socket.write(name))]));
  for (const server of primaries.values()) await listening(server);
  const free = createServer();
  port = await listening(free);
  free.close();
  await once(free, "close");
  node = {
    connector: { running: true, since: 0 },
    connections: { created: 0, active: 0 },
  } as unknown as Node;
  route = { primary: "nyc-0", goneSince: null };
  connector = newConnector(
    node,
    route,
    (primary) => ({ host: "127.0.0.1", port: portOf(primary) }),
    "127.0.0.1",
  );
  connector.follow(port);
});
afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
  connector.close();
  for (const server of primaries.values()) server.close();
});

const connect = (): Socket => {
  const client = new Socket().connect(port, "127.0.0.1");
  client.on("error", () => {});
  clients.push(client);
  return client;
};
const greeting = async (client: Socket): Promise<string> => String((await once(client, "data"))[0]);

test("a client reaches the primary and is counted", async () => {
  expect(await greeting(connect())).toBe("nyc-0");
  expect(node.connections).toEqual({ created: 1, active: 1 });
});

test("without a manager a new client is held, and served when one is back", async () => {
  route.goneSince = Date.now();
  const client = connect();
  await once(client, "connect");
  expect(node.connections.created).toBe(0);
  route.goneSince = null;
  expect(await greeting(client)).toBe("nyc-0");
});

test("half a minute without a manager, and a new client is refused", async () => {
  route.goneSince = Date.now() - 31_000;
  await once(connect(), "close");
  expect(node.connections.created).toBe(0);
});

test("a client of the former primary is cut off; the next one comes to the new primary", async () => {
  const client = connect();
  await greeting(client);
  route.primary = "nyc-1";
  const cut = once(client, "close");
  connector.follow(port);
  await cut;
  expect(node.connections.active).toBe(0);
  expect(await greeting(connect())).toBe("nyc-1");
});

test("a stopped connector listens no more, and a restarted one does not serve before its time", async () => {
  const client = connect();
  await greeting(client);
  const cut = once(client, "close");
  node.connector = { running: true, since: Date.now() + 60_000 };
  connector.follow(port);
  await cut;
  const refused = await new Promise((done) => new Socket().on("error", done).connect(port, "127.0.0.1"));
  expect(refused).toMatchObject({ code: "ECONNREFUSED" });
});
