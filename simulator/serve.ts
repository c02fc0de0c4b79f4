/** The world as a process of its own, in real time, for the stand-in node, the demo and integration tests: JSON over loopback HTTP. */
import { createServer, type IncomingMessage, type Server } from "node:http";
import { addConnector, addHost, addSite, emptyWorld } from "./build.ts";
import { type Blow, blows, strike } from "./faults.ts";
import { hostNamed, hostOf, hostsOf, type Trap, type World } from "./model.ts";
import { digest, judge } from "./oracle.ts";
import { exec } from "./runner.ts";
import { advance, restartContainer, startContainer, stopContainer } from "./world.ts";

export type ServeOptions = {
  readonly seed: number;
  readonly release: string;
  /** Tools sleep this fraction of their real time. */
  readonly hurry: number;
};

type Body = Readonly<Record<string, unknown>>;

/** Starts serving; the world moves with the clock of the machine. */
export function serveWorld(
  options: ServeOptions,
): Promise<{ server: Server; world: World; stop: () => void }> {
  const world = emptyWorld({
    seed: options.seed,
    sites: [],
    release: options.release,
    rate: 0,
    start: Date.now(),
  });
  const begun: string[] = [];
  world.listeners.push((event) => {
    if (event.kind === "command") begun.push(`${event.host} ${event.argv.join(" ")}`);
  });
  const timer = setInterval(() => advance(world, Math.max(0, Date.now() - world.now)), 50);
  const server = createServer((request, response) => {
    read(request).then(
      (body) => {
        const path = request.url ?? "";
        const answer = path === "/begun" ? { begun } : handle(world, options, path, body);
        response.writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" });
        response.end(JSON.stringify(answer ?? { error: "not found" }));
      },
      (error: unknown) => {
        response.writeHead(500);
        response.end(String(error));
      },
    );
  });
  const stop = () => {
    clearInterval(timer);
    server.closeAllConnections();
    server.close();
  };
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve({ server, world, stop })));
}

async function read(request: IncomingMessage): Promise<Body> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const text = Buffer.concat(parts).toString("utf8");
  return text === "" ? {} : (JSON.parse(text) as Body);
}

function handle(world: World, options: ServeOptions, path: string, body: Body): object | undefined {
  switch (path) {
    case "/exec": {
      const host = hostNamed(world, String(body.pod));
      if (host === undefined) return { lost: "container not found" };
      return exec(
        world,
        host.name,
        body.argv as string[],
        Buffer.from(String(body.stdinBase64), "base64").toString("utf8"),
      );
    }
    case "/pods":
      return podStarted(world, options, body);
    case "/pods/end": {
      const host = hostNamed(world, String(body.name));
      if (host?.up === true) stopContainer(world, host);
      return {};
    }
    case "/faults":
      return fault(world, body);
    case "/clients":
      for (const site of world.sites.values())
        Object.assign(site.client, { rate: Number(body.rate), due: 0, longestGap: 0, lastAck: world.now });
      return {};
    case "/hurry":
      for (const host of world.hosts.values()) host.slowness = Number(body.factor);
      return {};
    case "/commands":
      return { commands: commandsOf(world) };
    case "/state":
      return summary(world);
    case "/oracle":
      return { ...judge(world), digest: digest(world) };
    default:
      return undefined;
  }
}

function podStarted(world: World, options: ServeOptions, body: Body): object {
  const [name, siteName] = [String(body.name), String(body.site)];
  const plan = { rate: 0, release: options.release, sites: [] };
  const site = world.sites.get(siteName) ?? addSite(world, siteName, 0, plan);
  const ordinal = Number(body.ordinal);
  if (hostNamed(world, name) === undefined && name === `${siteName}-connector-${ordinal}`)
    addConnector(world, site, ordinal, options.release);
  else if (hostNamed(world, name) === undefined)
    addHost(world, site, ordinal, [...world.sites.keys()].indexOf(siteName) + 1, 8, options.release);
  const host = hostOf(world, name);
  host.slowness = options.hurry;
  host.template = String(body.template ?? "");
  if (host.up && host.podUid === body.uid) return {};
  if (host.up) stopContainer(world, host);
  host.mysql.mounted = String(body.myCnf ?? "");
  startContainer(world, host, String(body.uid));
  return {};
}

/** A blow or a trap by name, a container's restart, or a state somebody left behind by hand. */
function fault(world: World, body: Body): object {
  const host = String(body.host);
  const left = world.hosts.get(host);
  if (left !== undefined && typeof body.channels === "number")
    for (const product of Object.values(left.volume.installed)) product.channels = body.channels;
  if (left !== undefined && typeof body.shunned === "boolean")
    world.sites.get(left.site)?.shunned[body.shunned ? "add" : "delete"](host);
  if (body.channels !== undefined || body.shunned !== undefined) return {};
  const blow = blows.find((each) => each === body.blow);
  if (blow !== undefined) strike(world, blow satisfies Blow, host);
  else if (body.restart === true) {
    const found = hostNamed(world, host);
    if (found !== undefined) restartContainer(world, found);
  } else world.traps.push({ at: String(body.trap) as Trap["at"], host, after: Number(body.after ?? 0) });
  return {};
}

/** Every marked command with its times, for measuring. */
const commandsOf = (world: World): object[] =>
  [...world.hosts.values(), ...world.connectors.values()].flatMap((host) =>
    [...host.volume.markers].map(([key, { began, ended, argv }]) => ({
      host: host.name,
      key,
      began,
      ended: ended ?? world.now,
      tool: argv.join(" "),
    })),
  );

/** What the demo prints: writes, interruption, what is missing where, topology as the nodes have it. */
function summary(world: World): object {
  const { written, missing, doubled } = judge(world);
  const sites = [...world.sites.values()].map((site) => ({
    name: site.name,
    primary: site.primary,
    policy: site.policy,
    written: site.client.acknowledged.length,
    longestGapSeconds: site.client.longestGap / 1000,
    nodes: hostsOf(world, site.name).map((host) => ({
      name: host.name,
      rows: [...host.mysql.rows.values()].reduce((sum, count) => sum + count, 0),
      products: Object.values(host.volume.installed).map(
        ({ product, release, services }) =>
          `${product} ${release}: ${services.map((service) => service.name).join(", ")}`,
      ),
      services: Object.values(host.replicators).flatMap((replicator) =>
        [...replicator.services.values()].map((service) => `${service.name} ${service.state}`),
      ),
    })),
  }));
  return { written, missing: missing.length, doubled: doubled.length, sites };
}
