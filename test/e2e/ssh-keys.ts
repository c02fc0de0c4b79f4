/** The Secret with which nodes reach each other by ssh, made as docs/operating/node-image.md says. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** `kubectl` works in the namespace of the estate. */
export async function makeSshSecret(kubectl: (...args: string[]) => Promise<unknown>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "tungsten-ssh-"));
  for (const name of ["id_ed25519", "ssh_host_ed25519_key"])
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(folder, name)]);
  cpSync(join(folder, "id_ed25519.pub"), join(folder, "authorized_keys"));
  const [kind, key] = readFileSync(join(folder, "ssh_host_ed25519_key.pub"), "utf8").split(" ");
  writeFileSync(join(folder, "known_hosts"), `* ${kind} ${key}\n`);
  const files = ["id_ed25519", "ssh_host_ed25519_key", "authorized_keys", "known_hosts"];
  const from = files.map((name) => `--from-file=${join(folder, name)}`);
  await kubectl("create", "secret", "generic", "tungsten-ssh", ...from);
  rmSync(folder, { recursive: true });
}
