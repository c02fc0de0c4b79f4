/** An estate of simulated nodes: the text of its tungsten.ini, the accounts in it, and what its services tell. */
import { readServices } from "../../src/tungsten/trepctl.ts";
import { until } from "./nodes.ts";
import type { Runner } from "./runner.ts";

/** Members of each site, its first primary first. */
export type Sites = Readonly<Record<string, readonly string[]>>;

export const secrets = {
  "replication-user": "tungsten",
  "replication-password": `p'a"s\\s$$&w`,
  "application-user": "app",
  "application-password": "app",
};

/** `common` stands in both products' defaults. Of an active/passive composite the first site takes the writes. */
export function iniOf(sites: Sites, kind: "MSAA" | "CAA" | "CAP", common: readonly string[] = []): string {
  const names = Object.keys(sites);
  const [active] = names;
  const composite = [
    "[global]",
    ...(kind === "CAA" ? ["topology=composite-multi-master"] : []),
    `composite-datasources=${names.join(",")}`,
  ];
  const links = names.flatMap((source) =>
    names.filter((target) => target !== source).map((target) => [source, target] as const),
  );
  return [
    "[defaults]",
    "user=tungsten",
    "install-directory=/opt/continuent",
    "replication-user=@{replication-user}",
    "replication-password=@{replication-password}",
    "replication-port=13306",
    "application-user=@{application-user}",
    "application-password=@{application-password}",
    "application-port=3306",
    "start-and-report=false",
    ...common,
    ...(kind === "MSAA"
      ? [
          "[defaults.replicator]",
          "home-directory=/opt/replicator",
          "thl-port=2113",
          "executable-prefix=mm",
          ...common,
        ]
      : []),
    ...Object.entries(sites).flatMap(([site, members]) => [
      `[${site}]`,
      "topology=clustered",
      ...(kind === "CAP" && site !== active
        ? [`relay=${members[0]}`, `relay-source=${active}`]
        : [`master=${members[0]}`]),
      `members=${members.join(",")}`,
      `connectors=${members.join(",")}`,
    ]),
    ...(kind === "MSAA"
      ? links.flatMap(([source, target]) => [
          `[${source}_${target}]`,
          "topology=cluster-slave",
          `master-dataservice=${source}`,
          `slave-dataservice=${target}`,
        ])
      : composite),
    "",
  ].join("\n");
}

export type Product = "cluster" | "crossSite";

export async function servicesOf(runner: Runner, name: string, product: Product) {
  const reading = readServices(await runner.ask(name, `trepctl ${product} services -full -json`));
  return "read" in reading ? reading.read : [];
}

/** Waits until every one of these nodes has so many services, all ONLINE. A reader whose source has gone tries others in turn, and that takes a while. */
export const allOnline = (
  runner: Runner,
  names: readonly string[],
  product: Product,
  count: number,
): Promise<void> =>
  until(
    `${product} services ONLINE on ${names.join(", ")}`,
    async () => {
      const told = await Promise.all(names.map((name) => servicesOf(runner, name, product)));
      return told.every((all) => all.length === count && all.every(({ state }) => state === "ONLINE"));
    },
    100,
  );
