/**
 * tprovision: rebuilds the host it runs on from another one ([doc] 7.1, tungsten-cli §5; tungsten_provision_slave before
 * 7.0). Its own texts were not found. Two shapes are read: the older script's `NOTE  >> host >> text` ([doc]) and
 * `NOTE: text` ([inferred]). That it has not failed proves nothing: the service ONLINE and the datasource back do.
 */
import type { ToolOutput } from "./invocation.ts";
import { linesOf } from "./reading.ts";
import { readTpmMessages, type TpmMessage } from "./tpm.ts";

/** `create` makes the node its site's primary (Composite Active/Active only). Both sources and methods by the vendor's words. */
export const provision = (
  source: string,
  method: "xtrabackup" | "mysqldump",
  create: boolean,
): readonly string[] => ["tprovision", "-s", source, "-m", method, ...(create ? ["-c"] : [])];

/** The same by its name and options of releases before 7.0. With everything stopped it leaves everything stopped. */
export const provisionSlave = (source: string, method: "xtrabackup" | "mysqldump"): readonly string[] => [
  "tungsten_provision_slave",
  "--source",
  source,
  `--${method}`,
];

export type Provision = {
  /** It said ERROR, or did not exit 0. The node may be SHUNNED, its replicator offline, its data directory empty. */
  readonly failed: boolean;
  readonly messages: readonly TpmMessage[];
};

/** How a provision ended by its own word, and what it said on the way, free of secrets. */
export function readProvision(output: ToolOutput): Provision {
  const arrows = (text: string): string =>
    linesOf(text)
      .map((line) => line.replace(/^(ERROR|WARN|NOTE)(?:ING)?: /, "$1 >> "))
      .join("\n");
  const messages = readTpmMessages({
    exitCode: output.exitCode,
    stdout: arrows(output.stdout),
    stderr: arrows(output.stderr),
  });
  return { failed: output.exitCode !== 0 || messages.some(({ level }) => level === "ERROR"), messages };
}
