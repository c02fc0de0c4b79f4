/** The end judged: every acknowledged write on every node exactly once, and a digest of the world without seqnos and times. */
import { connectorsAt, hostsOf, type World } from "./model.ts";

export type Verdict = {
  readonly written: number;
  readonly missing: readonly string[];
  readonly doubled: readonly string[];
  readonly outOfOrder: number;
};

/** Missing and doubled rows as `tx at host`, at most twenty of each. */
export function judge(world: World): Verdict {
  const missing: string[] = [];
  const doubled: string[] = [];
  let written = 0;
  let outOfOrder = 0;
  for (const { client } of world.sites.values()) {
    written += client.acknowledged.length;
    for (const host of world.hosts.values())
      for (const tx of client.acknowledged) {
        const count = host.mysql.rows.get(tx) ?? 0;
        if (count === 0 && missing.length < 20) missing.push(`${tx} at ${host.name}`);
        if (count > 1 && doubled.length < 20) doubled.push(`${tx} at ${host.name}`);
      }
  }
  for (const host of world.hosts.values()) outOfOrder += host.mysql.outOfOrder;
  return { written, missing, doubled, outOfOrder };
}

/** What two runs must agree on however they were interrupted. */
export function digest(world: World): string {
  const sites = [...world.sites.values()].map(
    (site) =>
      `${site.name} ${site.primary} ${site.policy} ${[...site.shunned].join()} ${JSON.stringify(site.out ?? {})}`,
  );
  const hosts = [...world.sites.keys()]
    .flatMap((site) => [...hostsOf(world, site), ...connectorsAt(world, site)])
    .map((host) => {
      const { installed, installedIni, holds } = host.volume;
      const services = Object.values(host.replicators).flatMap((replicator) =>
        [...replicator.services.values()].map(
          (service) => `${service.product}/${service.name} ${service.state} ${service.stopAt ?? ""}`,
        ),
      );
      const products = Object.values(installed).map(
        (product) =>
          `${product.product}@${product.release} ${product.services.map(({ name }) => name).join()} ${installedIni[product.product]}`,
      );
      const schemas = [...host.mysql.schemas]
        .map(([name, tables]) => `${name}${tables === "empty" ? "(empty)" : ""}`)
        .sort();
      return [
        host.name,
        host.up,
        host.mysql.readOnly,
        host.manager.running,
        host.connector.running,
        host.connector.closed === true,
        host.mysql.up,
        [...holds].join(),
        ...products,
        ...services.sort(),
        ...schemas,
      ].join(" | ");
    });
  return [...sites, ...hosts].join("\n");
}
