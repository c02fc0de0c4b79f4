/**
 * `tpm query` and `tpm reverse`: what an installation is, and what tpm took from the ini, which is less than what stands
 * in it: unknown keys are gone without a word. Transcripts tpm-query-*, tpm-reverse.
 */
import type { Host, Installed, ProductName } from "../model.ts";
import { type Configuration, readConfiguration } from "./ini.ts";
import { bad, ok } from "./tool.ts";

/** Of tpm's 303 options those an estate's ini uses (tungsten-observed §2.4). */
const knownOptions = new Set(
  (
    "application-password application-port application-user auto-enable auto-recovery-delay-interval " +
    "auto-recovery-max-attempts backup-directory channels composite-datasources connectors datasource-mysql-conf " +
    "dataservice-thl-port disable-security-controls enable-active-witnesses enable-sudo-access executable-prefix " +
    "install-directory log-slave-updates master master-thl-host master-thl-port members mgr-ping-method " +
    "mgr-policy-mode mysql-driver profile-script property relay-source replication-password replication-port " +
    "replication-user replicator-rest-api-port rest-api-admin-pass rest-api-admin-user rmi-port service-alias skip-validation-check skip-validation-warnings slaves start " +
    "start-and-report svc-applier-block-commit-size svc-extractor-filters svc-parallelization-type " +
    "svc-remote-filters target-dataservice thl-log-retention thl-port topology user witnesses"
  ).split(" "),
);

const missing = bad(127, "", "tools/tpm: No such file or directory\n");

/** `from` is `installed`, or the release whose unpacked directory is asked. */
export function query(host: Host, product: ProductName, from: string, what: string) {
  const installed = host.volume.installed[product];
  if (installed === undefined) return missing;
  const configuration = readConfiguration(host.volume.ini ?? "", product);
  const known: Readonly<Record<string, () => string>> = {
    version: () => (from === "installed" ? installed.release : from),
    staging: () => `tungsten@${host.name}:${softwareOf(installed)}`,
    dataservices: () => dataservices(configuration).join("\n"),
  };
  const answer = known[what];
  return answer === undefined ? bad(1) : ok(`${answer()}\n`);
}

const softwareOf = ({ product, release }: Installed): string =>
  `/opt/continuent/software/tungsten-${product === "cluster" ? "clustering" : "replicator"}-${release}`;

function dataservices({ sections }: Configuration): readonly string[] {
  return [...sections]
    .filter(([header]) => !isDefaults(header))
    .map(([header, keys]) => {
      const name = header.toLowerCase().replace(/[.-]/g, "_");
      return `${name.padEnd(30)}: ${keys.has("composite-datasources") ? "COMPOSITE" : "PHYSICAL"}`;
    })
    .sort();
}

const isDefaults = (header: string): boolean => header === "defaults" || header === "defaults.replicator";

export function reverse(host: Host, product: ProductName) {
  const installed = host.volume.installed[product];
  if (installed === undefined) return missing;
  const { options, sections } = readConfiguration(host.volume.ini ?? "", product);
  const lines = [
    `# Installed from tungsten@${host.name}:${softwareOf(installed)}`,
    "# Configuration built from /etc/tungsten/tungsten.ini",
    "# Defaults for all data services and hosts",
    ...configure("defaults", options),
  ];
  for (const [header, keys] of [...sections].sort(([a], [b]) => (a < b ? -1 : 1)))
    if (!isDefaults(header))
      lines.push(`# Options for the ${header} data service`, ...configure(header, keys));
  return ok(`${lines.join("\n")}\n`);
}

const configure = (name: string, keys: ReadonlyMap<string, string>): readonly string[] => {
  const taken = [...keys].filter(([key]) => knownOptions.has(key)).sort(([a], [b]) => (a < b ? -1 : 1));
  const words = taken.map(([key, value]) => `--${key}=${value}`);
  return [`tools/tpm configure ${name}`, ...words].join(" \\\n").split("\n");
};
