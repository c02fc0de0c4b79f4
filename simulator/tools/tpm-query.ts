/**
 * `tpm query` and `tpm reverse`: what an installation is, and what tpm took from the ini, which is less than what stands
 * in it: unknown keys are gone without a word. Transcripts tpm-query-*, tpm-reverse.
 */
import { ask, type Steps } from "../outside.ts";
import type { Installed, Node, ToolResult } from "../state.ts";
import { type Configuration, isForPostProcess, readConfiguration } from "./ini.ts";
import { bad, type Call, ok } from "./tool.ts";

/** Of tpm's 303 options those an estate's ini uses (tungsten-observed §2.4). */
const knownOptions = new Set(
  (
    "application-password application-port application-user auto-enable auto-recovery-delay-interval " +
    "auto-recovery-max-attempts backup-directory channels composite-datasources connectors datasource-mysql-conf " +
    "dataservice-thl-port disable-security-controls enable-active-witnesses enable-sudo-access executable-prefix " +
    "install-directory java-keystore-password java-keystore-path java-mysql-alias java-truststore-password " +
    "java-truststore-path log-slave-updates master master-thl-host master-thl-port members mgr-ping-method " +
    "mgr-policy-mode mysql-driver profile-script property relay-source replication-password replication-port " +
    "replication-user replicator-rest-api-port rest-api-admin-pass rest-api-admin-user rmi-port service-alias skip-validation-check skip-validation-warnings slaves start " +
    "start-and-report svc-applier-block-commit-size svc-extractor-filters svc-parallelization-type " +
    "svc-remote-filters target-dataservice thl-ssl thl-log-retention thl-port topology user witnesses"
  ).split(" "),
);

const missing = bad(127, "", "tools/tpm: No such file or directory\n");

/** The head of `query staging` and `reverse`; an installation by ini names the file ([doc], tungsten-cli §8). */
const origin = (node: Node, { product, release, method }: Installed): readonly string[] => [
  `# Installed from tungsten@${node.name}:/opt/continuent/software/tungsten-${product === "cluster" ? "clustering" : "replicator"}-${release}`,
  ...(method === "ini" ? ["# Configuration built from /etc/tungsten/tungsten.ini"] : []),
];

/** `query version | staging | dataservices`. */
export function* query({ node, product, unpacked, args }: Call): Steps<ToolResult> {
  const installed = node.volume.installed[product];
  if (installed === undefined && unpacked === null) return missing;
  if (args[1] === "version") return ok(`${unpacked ?? installed?.release}\n`);
  if (args[1] === "staging" && installed !== undefined) return ok(`${origin(node, installed).join("\n")}\n`);
  if (args[1] !== "dataservices") return bad(1);
  const text = (yield* ask("configuration")) ?? "";
  return ok(`${dataservices(readConfiguration(text, product)).join("\n")}\n`);
}

function dataservices({ sections }: Configuration): readonly string[] {
  return [...sections]
    .filter(([header]) => !isDefaults(header) && !isForPostProcess(header))
    .map(([header, keys]) => {
      const name = header.toLowerCase().replace(/[.-]/g, "_");
      return `${name.padEnd(30)}: ${keys.has("composite-datasources") ? "COMPOSITE" : "PHYSICAL"}`;
    })
    .sort();
}

const isDefaults = (header: string): boolean => header === "defaults" || header === "defaults.replicator";

export function* reverse({ node, product }: Call): Steps<ToolResult> {
  const installed = node.volume.installed[product];
  if (installed === undefined) return missing;
  const text = (yield* ask("configuration")) ?? "";
  const { options, sections } = readConfiguration(text, product);
  const lines = [
    ...origin(node, installed),
    "# Defaults for all data services and hosts",
    ...configure("defaults", options),
  ];
  for (const [header, keys] of [...sections].sort(([a], [b]) => (a < b ? -1 : 1)))
    if (!isDefaults(header) && !isForPostProcess(header))
      lines.push(`# Options for the ${header} data service`, ...configure(header, keys));
  return ok(`${lines.join("\n")}\n`);
}

const configure = (name: string, keys: ReadonlyMap<string, string>): readonly string[] => {
  const taken = [...keys].filter(([key]) => knownOptions.has(key)).sort(([a], [b]) => (a < b ? -1 : 1));
  const words = taken.flatMap(([key, value]) => value.split("\n").map((line) => `--${key}=${line}`));
  return [`tools/tpm configure ${name}`, ...words].join(" \\\n").split("\n");
};
