/** Worlds to begin with: bare nodes with software unpacked, or a healthy MSAA estate with clients writing. */
import { sha256 } from "./checksum.ts";
import { type Host, hostsOf, randomFrom, type Site, type World } from "./model.ts";
import { newMysql, setCommit } from "./mysql.ts";
import type { Installed } from "./state.ts";
import { layUserMap, makeAccounts, secretOf } from "./tools/accounts.ts";
import { commonKeys } from "./tools/keys.ts";
import { takesNoWrites } from "./upstreams.ts";
import { hearCleanStops, hearForcing } from "./virtual.ts";
import { advance, startContainer } from "./world.ts";

export type Blueprint = {
  readonly seed: number;
  readonly sites: readonly { readonly name: string; readonly nodes: number }[];
  readonly release: string;
  /** Client writes per second at each site. */
  readonly rate: number;
  /** Epoch milliseconds at which the virtual clock starts. */
  readonly start?: number;
};

const dataserviceOf = (name: string): string => name.toLowerCase().replace(/[.-]/g, "_");

/** An empty world: sites are known, hosts are bare and down until a container starts. */
export function emptyWorld(blueprint: Blueprint): World {
  const random = randomFrom(blueprint.seed);
  const now = blueprint.start ?? 1_795_000_000_000;
  let pid = 100;
  const world: World = {
    now,
    seed: blueprint.seed,
    random,
    hosts: new Map(),
    connectors: new Map(),
    sites: new Map(),
    listeners: [],
    cuts: new Set(),
    swallowed: new Set(),
    newPid: () => {
      pid += 1;
      return pid;
    },
    variant: blueprint.seed % 12,
    traps: [],
    canary: `canary-${blueprint.seed}`,
  };
  hearForcing(world);
  hearCleanStops(world);
  for (const { name, nodes } of blueprint.sites) addSite(world, name, nodes, blueprint);
  return world;
}

/** A site with bare hosts; sites get distinct auto-increment offsets in the order they come. */
export function addSite(
  world: World,
  name: string,
  nodes: number,
  { rate, release, sites }: Pick<Blueprint, "rate" | "release" | "sites">,
): Site {
  const client = { rate, due: 0, next: 1, acknowledged: [], refused: 0, longestGap: 0, lastAck: world.now };
  const site: Site = {
    name,
    dataservice: dataserviceOf(name),
    primary: `${name}-0`,
    formed: false,
    policy: "AUTOMATIC",
    shunned: new Set(),
    faultSince: null,
    client,
    lookAt: world.now,
  };
  const offset = world.sites.size + 1;
  world.sites.set(name, site);
  for (let ordinal = 0; ordinal < nodes; ordinal += 1)
    addHost(world, site, ordinal, offset, Math.max(sites.length, 2), release);
  return site;
}

/** A bare host of a site: software unpacked, nothing installed, no container yet. */
export function addHost(
  world: World,
  site: Site,
  ordinal: number,
  offset: number,
  increment: number,
  release: string,
): void {
  const name = `${site.name}-${ordinal}`;
  const mysql = newMysql(offset * 100 + ordinal, offset, increment);
  world.hosts.set(name, bareHost(world, site, { name, ordinal, mysql, release }));
}

/** A bare host for a connector alone: there is no database, and none can start. */
export function addConnector(world: World, site: Site, ordinal: number, release: string): Host {
  const name = `${site.name}-connector-${ordinal}`;
  const mysql = { ...newMysql(0, 1, 1), up: false, hollow: true };
  const host = bareHost(world, site, { name, ordinal, mysql, release });
  world.connectors.set(name, host);
  return host;
}

function bareHost(
  world: World,
  site: Site,
  { name, ordinal, mysql, release }: Pick<Host, "name" | "ordinal" | "mysql"> & { release: string },
): Host {
  return {
    name,
    site: site.name,
    cluster: site,
    ordinal,
    podUid: `uid-${name}`,
    template: "",
    clockSkewMs: 0,
    freeBytes: 50_000_000_000,
    logsBegan: world.now - 7 * 24 * 3_600_000,
    logBytesPerHour: 1 << 20,
    hasPrepUpgrade: true,
    life: 0,
    up: false,
    mysql,
    volume: {
      installed: {},
      installedIni: {},
      unfinished: {},
      thl: new Map(),
      markers: new Map(),
      holds: new Set(),
      kept: new Map(),
      fence: 0n,
      ini: null,
      backups: new Map(),
      software: new Set([release]),
      userMap: [],
      usersMade: new Set(),
      usersMapped: new Set(),
      installedSecret: {},
      installedWord: {},
    },
    joined: false,
    secretReady: true,
    secret: secretOf(world.canary),
    joinedSecret: secretOf(world.canary),
    keys: commonKeys(world.canary),
    replicators: {},
    manager: { running: false, since: world.now },
    connector: { running: false, since: world.now },
    connections: { created: 0, active: 0 },
    tools: [],
    slowness: 1,
    lagMs: 0,
  };
}

/** A healthy MSAA estate: both products installed, every service ONLINE, clients writing for a few seconds already. */
export const msaaWorld = (blueprint: Blueprint, iniText: string): World =>
  activeWorld(blueprint, iniText, null);

/** A healthy composite of that name: one product carries the services of all sites. */
export const caaWorld = (blueprint: Blueprint, iniText: string, composite: string): World =>
  activeWorld(blueprint, iniText, composite);

/** A healthy active/passive composite: one site takes the writes, the head node of each other one relays them. */
export function capWorld(blueprint: Blueprint, iniText: string, composite: string, active: string): World {
  const world = activeWorld(blueprint, iniText, composite, active);
  advance(world, 8000);
  for (const site of world.sites.values()) Object.assign(site.client, { longestGap: 0, lastAck: world.now });
  return world;
}

function activeWorld(
  blueprint: Blueprint,
  iniText: string,
  composite: string | null,
  active: string | null = null,
): World {
  const world = emptyWorld(blueprint);
  if (composite !== null) world.composite = true;
  const sites = [...world.sites.values()];
  const masters = Object.fromEntries(sites.map((site) => [site.dataservice, site.primary]));
  const members = Object.fromEntries(
    sites.map((site) => [site.dataservice, hostsOf(world, site.name).map(({ name }) => name)]),
  );
  const source = sites.find(({ name }) => name === active)?.dataservice;
  for (const site of sites) {
    site.formed = true;
    if (source !== undefined && source !== site.dataservice) site.relaySource = source;
    for (const host of hostsOf(world, site.name)) {
      host.mysql.readOnly = takesNoWrites(host);
      makeAccounts(host);
      layUserMap(host, site.dataservice);
      host.volume.ini = iniText;
      const installed = (product: Installed["product"], services: Installed["services"]): Installed => ({
        product,
        release: blueprint.release,
        method: "ini",
        services,
        masters,
        members,
        composite:
          composite === null
            ? null
            : { name: composite, members: Object.keys(members), multiMaster: active === null },
        channels: 1,
      });
      const own = { name: site.dataservice, source: site.dataservice };
      const remote = sites.filter((other) => other !== site).map(({ dataservice }) => dataservice);
      host.volume.installed.cluster = installed("cluster", [
        own,
        ...(composite === null || active !== null
          ? []
          : remote.map((source) => ({ name: `${site.dataservice}_from_${source}`, source }))),
      ]);
      if (composite === null)
        host.volume.installed.crossSite = installed(
          "crossSite",
          remote.map((source) => ({ name: source, source })),
        );
      host.volume.installedIni = {
        cluster: sha256(iniText),
        ...(composite === null && { crossSite: sha256(iniText) }),
      };
      host.volume.installedWord = {
        cluster: world.canary,
        ...(composite === null && { crossSite: world.canary }),
      };
      for (const other of active === null ? sites : [site])
        setCommit(host.mysql, `tungsten_${other.dataservice}`, {
          seqno: -1,
          epoch: 0,
          eventId: "",
          sourceId: host.name,
          shardId: "#UNKNOWN",
        });
      startContainer(world, host);
    }
  }
  advance(world, 8000);
  for (const site of sites) Object.assign(site.client, { longestGap: 0, lastAck: world.now });
  return world;
}

/** Bare hosts whose containers run: software lies unpacked, nothing is installed, clients wait for a connector. */
export function bareWorld(blueprint: Blueprint): World {
  const world = emptyWorld(blueprint);
  for (const host of world.hosts.values()) startContainer(world, host);
  return world;
}
