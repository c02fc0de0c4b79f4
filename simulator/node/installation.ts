/**
 * What tpm leaves on a real node's volume: the release's tree behind the link `tungsten`, a static-*.properties for each
 * service, share/ with the aliases (layout: tungsten-observed §2.5, transcript conv-3-after-tree).
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Cluster, Installed, ProductName } from "../state.ts";
import { homeOf } from "../tools/tool.ts";
import { writeWhole } from "./files.ts";

/** A record of an installation with what only a real node needs. No password: those stay in the joined ini, in memory. */
export type Installation = Installed & {
  readonly mysqlPort: number;
  readonly connectorPort: number;
};

export const packageOf = (product: ProductName): string =>
  product === "cluster" ? "tungsten-clustering" : "tungsten-replicator";

const record = "simulated.json";

const confOf = (home: string): string => join(home, "tungsten/tungsten-replicator/conf");

/** What is installed there; the link decides. */
export function readInstallation(root: string, product: ProductName): Installation | undefined {
  const path = join(confOf(root + homeOf(product)), record);
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Installation) : undefined;
}

/** Lays out a release: copies the unpacked package, writes its configuration, and turns the link to it. */
export function layOut(
  root: string,
  installation: Installation,
  prefix: string,
  application: readonly string[] = [],
): void {
  const { product, release } = installation;
  const home = root + homeOf(product);
  const name = `${packageOf(product)}-${release}`;
  const releases = join(home, "releases");
  mkdirSync(releases, { recursive: true });
  const tree = join(releases, freeName(releases, `${name}_pid`));
  cpSync(join(`${root}/opt/continuent/software`, name), tree, { recursive: true, verbatimSymlinks: true });
  const conf = join(tree, "tungsten-replicator/conf");
  mkdirSync(conf, { recursive: true });
  for (const service of installation.services)
    writeWhole(join(conf, `static-${service.name}.properties`), propertiesOf(installation, service));
  for (const folder of ["share", "thl", "relay", "service_logs", "conf", "metadata"])
    mkdirSync(join(home, folder), { recursive: true });
  if (product === "cluster") copyUserMap(home, tree, application);
  writeShare(home, prefix);
  writeProfile(`${root}/opt/home/tungsten/.bash_profile`, homeOf(product));
  rmSync(join(home, "tungsten.new"), { force: true });
  symlinkSync(tree.slice(home.length + 1), join(home, "tungsten.new"));
  writeWhole(join(conf, record), JSON.stringify(installation));
  renameSync(join(home, "tungsten.new"), join(home, "tungsten"));
}

/** Connectors' users: as they are in the release of before, or the application account alone. */
function copyUserMap(home: string, tree: string, application: readonly string[]): void {
  const path = "tungsten-connector/conf/user.map";
  const before = join(home, "tungsten", path);
  mkdirSync(dirname(join(tree, path)), { recursive: true });
  writeWhole(
    join(tree, path),
    existsSync(before) ? readFileSync(before, "utf8") : `${application.join(" ")}\n`,
  );
}

/** Replaces the record of an installed product, and what is written of its services. */
export function writeInstallation(root: string, installation: Installation): void {
  const conf = confOf(root + homeOf(installation.product));
  const named = installation.services.map(({ name }) => `static-${name}.properties`);
  for (const file of readdirSync(conf).filter((each) => /^static-.*\.properties$/.test(each)))
    if (!named.includes(file)) rmSync(join(conf, file));
  for (const service of installation.services)
    writeWhole(join(conf, `static-${service.name}.properties`), propertiesOf(installation, service));
  writeWhole(join(conf, record), JSON.stringify(installation));
}

function freeName(folder: string, prefix: string): string {
  const taken = new Set(readdirSync(folder));
  let number = 1000 + taken.size;
  while (taken.has(prefix + number)) number += 1;
  return prefix + number;
}

/** Empty folders stay behind, and the empty home. */
export function remove(root: string, product: ProductName): void {
  const home = root + homeOf(product);
  for (const name of ["service_logs", "metadata", "conf", "releases", "tungsten"])
    rmSync(join(home, name), { recursive: true, force: true });
  for (const folder of ["share", "thl", "relay"]) {
    rmSync(join(home, folder), { recursive: true, force: true });
    mkdirSync(join(home, folder), { recursive: true });
  }
}

function propertiesOf(
  installation: Installation,
  { name, source, properties = {} }: Installed["services"][number],
): string {
  const hosts = installation.members[source] ?? [];
  const protocol = installation.secured === true ? "thls" : "thl";
  const lines = [
    "# Simulated Tungsten: for tests and demonstrations only.",
    `service.name=${name}`,
    `replicator.schema=tungsten_${source}`,
    `replicator.master.connect.uri=${hosts.map((host) => `${protocol}://${host}:2112/`).join(",")}`,
    `replicator.global.apply.channels=${installation.channels}`,
    ...Object.entries(properties).map(([key, value]) => `${key}=${value}`),
  ];
  return `${lines.join("\n")}\n`;
}

/** The aliases exist in shells that read env.sh, and nowhere else (tungsten-cli §0, trap 1). */
function writeShare(home: string, prefix: string): void {
  const bin = join(home, "tungsten/tungsten-replicator/bin");
  const aliases = ["trepctl", "thl", "dsctl", "replicator"].map(
    (tool) => `alias ${prefix === "" ? "" : `${prefix}_`}${tool}='${join(bin, tool)}'`,
  );
  writeWhole(join(home, "share/aliases.sh"), `${aliases.join("\n")}\n`);
  writeWhole(
    join(home, "share/env.sh"),
    `export CONTINUENT_ROOT=${home}\nshopt -s expand_aliases 2>/dev/null\n. ${home}/share/aliases.sh\n`,
  );
}

/** A block that shells read; it stays when the product goes (transcript conv-3-after-tree). */
function writeProfile(path: string, home: string): void {
  const block = [
    `# Begin Tungsten Environment for ${home}`,
    "# Include the Tungsten variables",
    "# Anything in this section may be changed during the next operation",
    `if [ -f "${home}/share/env.sh" ]; then`,
    `    . "${home}/share/env.sh"`,
    "fi",
    `# End Tungsten Environment for ${home}`,
    "",
  ].join("\n");
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  if (text.includes(block)) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${text}\n${block}`);
}

/** What the managers of this site agreed on, as this node knew it last, with the number of the agreement. */
export type Agreement = Omit<Cluster, "shunned" | "faultSince"> & {
  readonly shunned: readonly string[];
  readonly version: number;
};

const agreementPath = (root: string): string => `${root}/opt/continuent/conf/cluster.json`;

export function readAgreement(root: string): Agreement | undefined {
  const path = agreementPath(root);
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Agreement) : undefined;
}

export function writeAgreement(root: string, agreement: Agreement): void {
  mkdirSync(`${root}/opt/continuent/conf`, { recursive: true });
  writeWhole(agreementPath(root), JSON.stringify(agreement));
}
