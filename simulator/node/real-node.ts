/** A real node in this process: its state as the volume tells it, its database, logs and connections. */
import { existsSync, readFileSync } from "node:fs";
import type { Ambient } from "../model.ts";
import type { Cluster, Node, ProductName, Service } from "../state.ts";
import { readConfiguration } from "../tools/ini.ts";
import { thlFolder } from "../tools/tool.ts";
import { adoptInto } from "./agreement.ts";
import { type BinlogTail, newBinlogTail } from "./binlog.ts";
import { type Database, newDatabase } from "./database.ts";
import { type Agreement, type Installation, readAgreement, readInstallation } from "./installation.ts";
import type { Access } from "./session.ts";
import type { NodeSettings } from "./settings.ts";
import { newThlFiles, type ThlFiles } from "./thl-files.ts";
import type { Lines } from "./wire.ts";

/** One node's own state and what belongs to it on this machine. */
export type RealNode = {
  readonly settings: NodeSettings;
  readonly ambient: Ambient;
  readonly node: Node & {
    readonly volume: { readonly installed: Partial<Record<ProductName, Installation>> };
  };
  readonly database: Database;
  readonly tail: BinlogTail;
  readonly thl: ThlFiles;
  readonly lines: Lines;
  /** Steps under way. */
  readonly steps: Map<Service, Promise<void>>;
  /** What its managers agreed on, as it knew it last. */
  agreed: Agreement;
  /** read_only as it is still to be set. */
  readOnlyDue: boolean | null;
};

export const configurationPath = (root: string): string => `${root}/etc/tungsten/tungsten.ini`;
export const configurationOf = (root: string): string | null =>
  existsSync(configurationPath(root)) ? readFileSync(configurationPath(root), "utf8") : null;

/** Log in as the joined ini says. */
function accessOf({ root }: NodeSettings): Access {
  const { options } = readConfiguration(configurationOf(root) ?? "", "cluster");
  return {
    user: options.get("replication-user") ?? "",
    password: options.get("replication-password") ?? "",
    socket: `${root}/run/mysqld/mysqld.sock`,
    file: `${root}/etc/tungsten/simulated-client.cnf`,
  };
}

const unformed = { dataservice: "", primary: "", formed: false, policy: "AUTOMATIC" } as const;

/** A node as its volume tells it: what is installed, and who is primary. */
export function newRealNode(settings: NodeSettings, ambient: Ambient, lines: Lines): RealNode {
  const { root, name } = settings;
  const installed: RealNode["node"]["volume"]["installed"] = {};
  for (const product of ["cluster", "crossSite"] as const) {
    const found = readInstallation(root, product);
    if (found !== undefined) installed[product] = found;
  }
  const agreement = readAgreement(root);
  const cluster: Cluster = { ...unformed, shunned: new Set(), faultSince: null };
  if (agreement !== undefined) adoptInto(cluster, agreement);
  const access = (): Access => accessOf(settings);
  const number = [...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1_000_000, 7);
  return {
    settings,
    ambient,
    lines,
    node: {
      name,
      ordinal: Number(/-(\d+)$/.exec(name)?.[1] ?? 0),
      cluster,
      volume: { installed },
      replicators: {},
      manager: { running: false, since: ambient.now },
      connector: { running: false, since: ambient.now },
      connections: { created: 0, active: 0 },
      tools: [],
    },
    database: newDatabase(access),
    tail: newBinlogTail(access, () => 1_000_000_000 + number),
    thl: newThlFiles((log) => {
      const [product, service = ""] = log.split("/");
      const known = product === "crossSite" ? "crossSite" : "cluster";
      return root + thlFolder(known, service, cluster.dataservice);
    }),
    steps: new Map(),
    agreed: agreement ?? { ...unformed, shunned: [], version: 0 },
    readOnlyDue: null,
  };
}

/** Tells on the server's own output what happens. */
export const tell = (ambient: Ambient): void => {
  ambient.listeners.push((event) =>
    console.log(`${new Date().toISOString()} simulated-node: ${JSON.stringify(event)}`),
  );
};
