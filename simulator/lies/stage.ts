/**
 * The small world of one row: two sites, clients writing, people at shells on the nodes, and the operator's look through
 * the runner. Whatever is run is kept, so that a row can be read in detail.
 */
import { type Blueprint, msaaWorld } from "../build.ts";
import { sha256 } from "../checksum.ts";
import { type Host, hostOf, siteOf, type World } from "../model.ts";
import { exec } from "../runner.ts";
import type { ProductName, Service } from "../state.ts";
import { advance } from "../world.ts";
import { run } from "./shell.ts";

export type Said = {
  readonly line: string;
  readonly code: number;
  readonly out: string;
  readonly err: string;
};
export type StageShape = {
  readonly rate?: number;
  readonly policy?: "AUTOMATIC" | "MAINTENANCE";
  readonly sites?: readonly string[];
};

export type Fields = Readonly<Record<string, string>>;
export type CommitRow = { readonly seqno: number; readonly epoch: number; readonly eventId: string };

export type Stage = {
  readonly world: World;
  /** Everything that was run, in order. */
  readonly ran: { readonly where: string; readonly said: Said }[];
  /** A person's shell on a node, without a terminal: tools of the cluster product. Time passes until the tool ends. */
  readonly cluster: (host: string, line: string, stdin?: string) => Said;
  /** The same for the cross-site replicator. */
  readonly cross: (host: string, line: string, stdin?: string) => Said;
  /** Starts a tool and does not wait for its end. */
  readonly begin: (host: string, line: string, product?: ProductName) => void;
  /** One query of the operator, through the runner's `observe`. */
  readonly look: (host: string, query: string) => Said;
  /** `services -full -json` as the operator asks for it: one service, or undefined. */
  readonly status: (host: string, service: string, product?: ProductName) => Fields | undefined;
  /** The commit row of a tracking schema as the operator reads it; null without one. */
  readonly commit: (host: string, schema: string) => CommitRow | null;
  /** Name and seqno in the heartbeat row; `NULL` as mysql prints it. */
  readonly heartbeat: (host: string, schema: string) => { readonly name: string; readonly seqno: string };
  readonly wait: (seconds: number) => void;
  /** The world's own truth, which no tool tells. */
  readonly host: (name: string) => Host;
  readonly service: (host: string, name: string, product?: ProductName) => Service;
};

export const release = "8.0.4-132";

/** The estate's ini, one text for all sites. */
const iniOf = (sites: readonly string[]): string =>
  [
    "[defaults]",
    "user=tungsten",
    "install-directory=/opt/continuent",
    "replication-user=tungsten",
    "replication-port=13306",
    "application-port=3306",
    "disable-security-controls=true",
    "start-and-report=false",
    "",
    "[defaults.replicator]",
    "home-directory=/opt/replicator",
    "thl-port=2113",
    "rmi-port=10002",
    "executable-prefix=mm",
    "",
    ...sites.flatMap((site) => [
      `[${site}]`,
      "topology=clustered",
      `master=${site}-0`,
      `members=${site}-0,${site}-1`,
      `connectors=${site}-0,${site}-1`,
      "",
    ]),
    ...sites.flatMap((source) =>
      sites
        .filter((target) => target !== source)
        .flatMap((target) => [
          `[${source}_${target}]`,
          "topology=cluster-slave",
          `master-dataservice=${source}`,
          `slave-dataservice=${target}`,
          "",
        ]),
    ),
  ].join("\n");

const twoSites = ["london", "nyc"];
export const iniText = iniOf(twoSites);

const blueprint = (sites: readonly string[], rate: number): Blueprint => ({
  seed: 4,
  sites: sites.map((name) => ({ name, nodes: 2 })),
  release,
  rate,
});

export function newStage({ rate = 2, policy = "MAINTENANCE", sites = twoSites }: StageShape = {}): Stage {
  const world = msaaWorld(blueprint(sites, rate), iniOf(sites));
  for (const site of world.sites.values()) site.policy = policy;
  const ran: Stage["ran"] = [];
  const kept = (where: string, said: Said): Said => {
    ran.push({ where, said });
    return said;
  };
  const shell = (product: ProductName) => (name: string, line: string, stdin?: string) =>
    kept(
      `${name}:${product === "cluster" ? "/opt/continuent" : "/opt/replicator"}$`,
      run(world, hostOf(world, name), product, line, stdin),
    );
  const look = (name: string, query: string) => kept(`operator at ${name}:`, observe(world, name, query));
  return {
    world,
    ran,
    look,
    cluster: shell("cluster"),
    cross: shell("crossSite"),
    begin: (name, line, product = "crossSite") => void run(world, hostOf(world, name), product, line, "", 0),
    status: (name, service, product = "crossSite") =>
      statusIn(look(name, `trepctl ${product} services -full -json`), service),
    commit: (name, schema) => commitIn(look(name, `sql tracking ${schema}`)),
    heartbeat: (name, schema) => heartbeatIn(look(name, `sql tracking ${schema}`)),
    wait: (seconds) => advance(world, seconds * 1000),
    host: (name) => hostOf(world, name),
    service: (name, service, product = "crossSite") => {
      const found = hostOf(world, name).replicators[product]?.services.get(service);
      if (found === undefined) throw new Error(`${name} runs no service ${service}`);
      return found;
    },
  };
}

/** One query through the runner, unwrapped from its framing. */
function observe(world: World, name: string, query: string): Said {
  const stdin = `q\t${query.split(" ").join("\t")}\n`;
  const { podUid } = hostOf(world, name);
  const words = ["runner", "observe", podUid, String(Buffer.byteLength(stdin)), sha256(stdin)];
  const reply = exec(world, name, words, stdin);
  if ("lost" in reply) return { line: query, code: -1, out: "", err: reply.lost };
  const [head = ""] = reply.stdout.split("\n");
  const [, , code, outLength, errLength] = head.split(" ").map(Number);
  const body = Buffer.from(reply.stdout.slice(head.length + 1));
  const middle = outLength ?? 0;
  return {
    line: query,
    code: code ?? reply.code,
    out: body.subarray(0, middle).toString(),
    err: body.subarray(middle, middle + (errLength ?? 0)).toString(),
  };
}

function statusIn({ code, out }: Said, service: string): Fields | undefined {
  if (code !== 0) return undefined;
  return (JSON.parse(out) as Fields[]).find((fields) => fields.serviceName === service);
}

const rowIn = ({ out }: Said, kind: string): readonly string[] | undefined =>
  out
    .split("\n")
    .find((line) => line.startsWith(`${kind}\t`))
    ?.split("\t");

function commitIn(said: Said): CommitRow | null {
  const row = rowIn(said, "commit");
  return row === undefined ? null : { seqno: Number(row[2]), epoch: Number(row[6]), eventId: row[7] ?? "" };
}

function heartbeatIn(said: Said): { name: string; seqno: string } {
  const row = rowIn(said, "heartbeat");
  return { name: row?.[3] ?? "NULL", seqno: row?.[1] ?? "NULL" };
}

/** Rows of clients that a node lacks, of those acknowledged at a site: the oracle's count, not a tool's. */
export function missingAt(stage: Stage, host: string, site: string): number {
  const { rows } = stage.host(host).mysql;
  return siteOf(stage.world, site).client.acknowledged.filter((tx) => !rows.has(tx)).length;
}

/** Clients of all sites stop, and what is on its way arrives. */
export function quiesce(stage: Stage, seconds = 5): void {
  for (const { client } of stage.world.sites.values()) Object.assign(client, { rate: 0, due: 0 });
  stage.wait(seconds);
}

/** Clients go on at so many writes a second. */
export function write(stage: Stage, rate: number): void {
  for (const { client } of stage.world.sites.values()) client.rate = rate;
}
