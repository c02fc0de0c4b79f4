/** `trepctl -service S clients -json`: which replicators read this service's log. Transcript trepctl-clients-json. */
import type { ToolOutput } from "./invocation.ts";
import { type Reading, read, unreadable } from "./reading.ts";

/** Host names as the clients tell them, each once; an empty list is JSON too, and no silence. */
export function readLogClients(output: ToolOutput): Reading<readonly string[]> {
  if (output.exitCode !== 0) return unreadable(`trepctl clients exited ${output.exitCode}`);
  let told: unknown;
  try {
    told = JSON.parse(output.stdout);
  } catch {
    return unreadable("trepctl clients printed no JSON");
  }
  if (!Array.isArray(told)) return unreadable("trepctl clients printed no list");
  const hosts = told.map((each: unknown) => (each as { rmiHost?: unknown } | null)?.rmiHost);
  const odd = hosts.some((host) => typeof host !== "string" || host === "");
  return odd
    ? unreadable("trepctl clients tells a client without its host")
    : read([...new Set(hosts as string[])]);
}
