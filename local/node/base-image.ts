/** The image that local builds stand on where no registry is asked: Debian with MariaDB and what the node image's page lists, and Node 24. */

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { cacheRoot, type Report } from "../binaries.ts";
import { buildah, building } from "./images.ts";

const run = promisify(execFile);
const suite = "bookworm";
const packages = [
  ...[
    "bash",
    "coreutils",
    "util-linux",
    "procps",
    "iproute2",
    "ca-certificates",
    "tini",
    "openssh-server",
    "rsync",
  ],
  ...["mariadb-server", "mariadb-backup", "mariadb-client", "libstdc++6"],
];

/** Nobody reads manuals in there, and the database that the package makes is nobody's: a hundred and seventy megabytes less. */
const lean = [
  ...["locale", "man", "doc"].map((what) => `--dpkgopt=path-exclude=/usr/share/${what}/*`),
  '--customize-hook=find "$1/var/lib/mysql" -mindepth 1 -delete',
];

const nameOfBase = (): string => {
  const hash = createHash("sha256").update(JSON.stringify([suite, packages, lean, process.version]));
  return `localhost/tungsten-operator-base:${hash.digest("hex").slice(0, 16)}`;
};

/** The name to give as `BASE`. Made once, in two minutes or so, from a Debian mirror; `npm run` brings the Node that goes into it. */
export async function baseImage(report: Report): Promise<string> {
  const name = nameOfBase();
  if (!(await isBuilt(name)))
    await building(async () => {
      if (!(await isBuilt(name))) await makeBase(name, report);
    });
  return name;
}

const isBuilt = (name: string): Promise<boolean> =>
  buildah("inspect", "--type", "image", name).then(
    () => true,
    () => false,
  );

async function makeBase(name: string, report: Report): Promise<void> {
  const started = Date.now();
  report(`making a Debian root file system with MariaDB, once (some two minutes) …`);
  const context = mkdtempSync(join(cacheRoot(), "base-"));
  try {
    const options = ["--variant=minbase", `--include=${packages.join(",")}`, "--quiet", ...lean];
    const size = { maxBuffer: 64 * 1024 * 1024 };
    await run("nice", ["-n", "10", "mmdebstrap", ...options, suite, join(context, "base.tar")], size);
    copyFileSync(process.execPath, join(context, "node"));
    const lines = ["FROM scratch", "ADD base.tar /", "COPY --chmod=0755 node /usr/local/bin/node"];
    const path = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    writeFileSync(join(context, "Dockerfile"), `${[...lines, path, 'CMD ["bash"]'].join("\n")}\n`);
    await buildah("build", "--quiet", "--format", "oci", "--tag", name, context);
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
  report(`made the root file system in ${Math.round((Date.now() - started) / 1000)} s`);
}
