/** Hosts that run only a connector, before a procedure: one that does not reach them refuses, rather than overlook them. */
import type { Site } from "../topology/estate.ts";
import type { Facts } from "../tungsten/facts.ts";
import { holds, installed, software } from "../tungsten/node-facts.ts";
import type { Acceptance, Objection, Procedure } from "./procedure.ts";

/**
 * Procedures that leave such hosts as they are, because nothing of theirs is touched: managers tell a connector where the
 * primary is. After an upgrade they follow by themselves, as the vendor wants connectors last.
 */
const leaveThem = ["Switch", "Failover", "FixReplication", "CheckPaths", "VerifyData", "UpgradeSoftware"];
/** Procedures that act on them as on the nodes' connectors, so that each has to be there when it is planned. */
const reachThem = ["ResetSite", "ResetAllSites", "ConvertMsaaToCaa"];

/** Asked of every estate that has such hosts, beside what the procedure itself accepts. What is not named above refuses. */
export const connectorHosts = ({ name }: Pick<Procedure, "name">): Acceptance => ({
  say: "the procedure reaches the pods that run only a connector, or need not",
  ask({ sites }, facts) {
    if (leaveThem.includes(name)) return { ok: true };
    const apart = sites.filter(({ connectors }) => connectors.length > 0);
    return {
      objections: reachThem.includes(name)
        ? apart.flatMap((site) => notReady(site, facts, name === "ConvertMsaaToCaa"))
        : apart.map((site) => ({
            on: site.name,
            refused: `${name} does not reach ${site.connectors.map((host) => host.name).join(", ")}: set spec.connector.replicas of TungstenCluster ${site.name} to 0, wait for ConnectorsInService, and raise it again when the request has ended`,
          })),
    };
  },
});

/** Hosts that cannot be read, or are not installed; and, where the release is brought along, those that lack its package. */
const notReady = (site: Site, facts: Facts, updates: boolean): readonly Objection[] =>
  site.connectors.flatMap(({ name }): Objection[] => {
    const [held, is, packages] = [
      facts.get(name, holds),
      facts.get(name, installed("cluster")),
      facts.get(name, software),
    ];
    for (const fact of [held, is, packages])
      if ("unknown" in fact) return [{ on: site.name, unknown: `${name}: ${fact.unknown}` }];
    if ("known" in is && is.known === null)
      return [
        {
          on: site.name,
          refused: `${name} has no Tungsten installed; wait for ConnectorsInService of TungstenCluster ${site.name}`,
        },
      ];
    const wanted = `tungsten-clustering-${site.release}`;
    return updates && "known" in packages && !packages.known.has(wanted)
      ? [
          {
            on: site.name,
            refused: `${name} has no ${wanted} in /opt/continuent/software; bring it there with an image that carries it (spec.image)`,
          },
        ]
      : [];
  });
