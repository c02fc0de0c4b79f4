/** Programs that come as Debian packages: found on PATH, else installed, without starting any service of theirs. */
import { execFile } from "node:child_process";
import { accessSync, constants, existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Report } from "./binaries.ts";

const run = promisify(execFile);

/** Asked by maintainer scripts before they start a service; 101 forbids it (Debian's invoke-rc.d). */
const policy = "/usr/sbin/policy-rc.d";

/** This machine cannot do it, whatever one tries; the message is one sentence that says what it would need. */
export class NotHereError extends Error {}

/** May this path be run? */
export const canRun = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** Is a program on PATH, or where Debian puts those of administrators? */
export const isInstalled = (program: string): boolean =>
  [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/sbin"].some((folder) =>
    canRun(join(folder, program)),
  );

/** The packages of those programs that are not here. `programs` is program → package; a program may come from anywhere. */
export const missingPackages = (programs: Readonly<Record<string, string>>): readonly string[] => [
  ...new Set(Object.entries(programs).flatMap(([program, name]) => (isInstalled(program) ? [] : [name]))),
];

/** Installs these packages; throws NotHereError where that is not possible. */
export async function installPackages(names: readonly string[], report: Report): Promise<void> {
  if (names.length === 0) return;
  if (!isInstalled("apt-get") || process.getuid?.() !== 0)
    throw new NotHereError(`install these first, as root: ${names.join(", ")} (names of Debian packages)`);
  report(`installing Debian packages: ${names.join(" ")} …`);
  const more = {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    maxBuffer: 64 * 1024 * 1024,
  };
  const patience = ["-o", "DPkg::Lock::Timeout=600"];
  const quiet = !existsSync(policy);
  if (quiet) writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    await run("apt-get", ["update", "--quiet"], more);
    await run("apt-get", [...patience, "install", "--yes", "--no-install-recommends", ...names], more);
  } finally {
    if (quiet) rmSync(policy, { force: true });
  }
}
