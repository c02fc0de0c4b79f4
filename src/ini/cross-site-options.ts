/**
 * What a CrossSiteLink's options become in a composite. There a direction is a service of the cluster's own replicator,
 * `<target>_from_<source>`. tpm reads the section of that name in post-process only, which writes replicator options and
 * `property=` lines into the service's configuration, and has to be run again after every update (tungsten-config §1.4).
 */
import type { Estate, Link, Site } from "../topology/estate.ts";
import { generatedService } from "../topology/names.ts";
import type { IniEntry, IniSection } from "./document.ts";
import { optionKey, optionNamed, type TpmOption } from "./option-catalogue.ts";

/** Options of one service: how it applies, filters, recovers and keeps its own log. */
const ofTheService: ReadonlySet<string> = new Set([
  "allow-bidi-unsafe",
  "auto-recovery-delay-interval",
  "auto-recovery-max-attempts",
  "auto-recovery-reset-interval",
  "buffer-size",
  "consistency-policy",
  "drop-static-columns-in-updates",
  "log-slave-updates",
  "optimize-row-events",
  "property",
  "svc-allow-any-remote-service",
  "svc-applier-block-commit-interval",
  "svc-applier-block-commit-size",
  "svc-applier-filters",
  "svc-datasource-applier-init-script",
  "svc-fail-on-zero-row-update",
  "svc-remote-filters",
  "svc-reposition-on-source-id-change",
  "svc-shard-default-db",
  "svc-thl-filters",
  "thl-do-checksum",
  "thl-log-connection-timeout",
  "thl-log-file-size",
  "thl-log-fsync",
  "thl-log-retention",
  "track-schema-changes",
]);

/** Says the same in the second product alone: the topology `cluster-slave` is gone in a composite. */
const renamed = /^cluster-slave-(auto-recovery-.*)$/;

const parallel = "parallel apply has to stay off; remove it, and set it on the TungstenClusters afterwards";
const decided = "the composite decides what reads from where; remove it from the link";
const listener = "all services of a node share the cluster's listener; set it in spec.options of the target";
const server =
  "it describes the node's database, which the cluster knows already; set it in spec.options of the target";
const operators = "the operator uses it to keep the new services offline until their options are in force";

/** Why an option has no place in a service of the cluster's replicator, and the way out; by what its name begins with. */
const reasons: readonly (readonly [begins: RegExp, why: string])[] = [
  [/^(channels$|svc-parallelization-)/, parallel],
  [/^auto-enable$/, `${operators}; remove it from the link`],
  [/^(role|service-type|master-|relay-enabled|disable-|svc-cluster-enabled|native-slave-)/, decided],
  [/^(thl-|enable-thl-|enable-slave-thl-|replicator-rest-api)/, listener],
  [/^(datasource-|direct-|mysql-|backup-|xtrabackup-|privileged-|replication-)/, server],
];

const otherProduct = "it is about the second product, which is gone then; remove it from the link";

/** Settings of a whole process, of which a composite has one: they were there to keep two processes apart. */
const ofTheProcess = /^replicator\.(prometheus|rmi_port|host|rest)/;

function reasonAgainst({ name, scope }: TpmOption, value: string): string | undefined {
  if (name === "property") return ofTheProcess.test(value) ? otherProduct : undefined;
  if (ofTheService.has(name) || renamed.test(name)) return undefined;
  const known = reasons.find(([begins]) => begins.test(name))?.[1];
  return (
    known ?? (scope === "replication" ? "it means nothing there; remove it from the link" : otherProduct)
  );
}

export type Refused = { readonly key: string; readonly why: string };

/** The entries a link's options become, in order of their names, and those that have no place, with the way out. */
export function carriedOptions(options: Link["options"]): {
  readonly carried: readonly IniEntry[];
  readonly refused: readonly Refused[];
} {
  const refused: Refused[] = [];
  const carried: IniEntry[] = [];
  for (const [key, value] of Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const option = optionNamed(key);
    const why = option === undefined ? "tpm knows no such option" : reasonAgainst(option, value);
    if (why !== undefined) refused.push({ key, why });
    else carried.push([renamed.exec(option?.name ?? "")?.[1] ?? optionKey(key), value]);
  }
  return { carried, refused };
}

/** One direction of a composite with what its service is to be told beside the composite's own. */
export type CarriedService = {
  readonly source: Site;
  readonly target: Site;
  readonly service: string;
  readonly entries: readonly IniEntry[];
};

/** Every direction whose link has options that go over; none: nothing has to be post-processed. */
export const carriedServices = ({ sites, links }: Estate): readonly CarriedService[] =>
  links.flatMap((link) => {
    const source = sites.find((site) => site.name === link.source);
    const target = sites.find((site) => site.name === link.target);
    const entries = carriedOptions(link.options).carried;
    if (source === undefined || target === undefined || entries.length === 0) return [];
    return [{ source, target, service: generatedService(target, source), entries }];
  });

/**
 * Written by post-process alone, into every service, and so the proof that it has been there. tpm itself is told
 * `auto-enable=false`: from an update to its post-process a service stays offline, or it would apply what its filters
 * are to hold back.
 */
export const enabledProperty = ["replicator.auto_enable", "true"] as const;
export const staysOffline: IniEntry = ["auto-enable", "false"];
const enabled: IniEntry = ["property", enabledProperty.join("=")];

/** Sections for post-process: each site's own service, and each direction. Nothing where no option goes over. */
export function postProcessSections(estate: Estate): readonly IniSection[] {
  const carried = carriedServices(estate);
  if (carried.length === 0) return [];
  const { sites } = estate;
  const own = sites.map(({ dataservice }) => ({ name: `${dataservice}.replicator`, entries: [enabled] }));
  const crossing = sites.flatMap((target) =>
    sites
      .filter((source) => source !== target)
      .map((source) => {
        const name = generatedService(target, source);
        const entries = carried.find(({ service }) => service === name)?.entries ?? [];
        return { name, entries: [...entries, enabled] };
      }),
  );
  return [...own, ...crossing];
}
