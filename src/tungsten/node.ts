/** What the runner itself answers about a node: installations, files, holds, the ini, markers. See the runner protocol. */
import type { MarkerState, ToolOutput } from "./invocation.ts";
import { type Reading, read, unreadable } from "./reading.ts";

const linesOf = (text: string): readonly string[] => text.split("\n").filter((line) => line !== "");
const failed = <T>(output: ToolOutput, what: string): Reading<T> =>
  unreadable(
    `${what} exited ${output.exitCode}: ${output.stderr.trim().split("\n")[0]?.slice(0, 120) ?? ""}`,
  );

const pairsOf = (text: string): ReadonlyMap<string, string> =>
  new Map(linesOf(text).map((line) => [line.split("=", 1)[0] ?? "", line.slice(line.indexOf("=") + 1)]));

export type InstalledProduct = {
  readonly release: string;
  readonly method: "ini" | "staging" | "unknown";
  readonly services: readonly string[];
  /** Checksum of the unjoined ini that tpm last ran with under our eyes. */
  readonly ini: string | null;
  /** Highest number of apply channels of its services. */
  readonly parallel: number | null;
};

/** null: the `tungsten` link is not there, nothing is installed. */
export function readInstalled(output: ToolOutput): Reading<InstalledProduct | null> {
  if (output.exitCode !== 0) return failed(output, "installed");
  const values = pairsOf(output.stdout);
  const link = values.get("link");
  if (link === undefined) return unreadable("the answer has no link= line");
  if (link === "") return read(null);
  const method = values.get("method");
  const parallel = values.get("parallel") ?? "";
  return read({
    release: values.get("release") ?? "",
    method: method === "ini" || method === "staging" ? method : "unknown",
    services: (values.get("services") ?? "").split(",").filter((name) => name !== ""),
    ini: values.get("ini") || null,
    parallel: /^\d+$/.test(parallel) ? Number(parallel) : null,
  });
}

export type KeptFile = { readonly bytes: number; readonly sha256: string };

export function readFiles(output: ToolOutput): Reading<ReadonlyMap<string, KeptFile>> {
  if (output.exitCode !== 0) return failed(output, "files");
  const files = new Map<string, KeptFile>();
  for (const line of linesOf(output.stdout)) {
    const [name, bytes, sha256] = line.split("\t");
    if (name === undefined || bytes === undefined || sha256 === undefined || !/^[0-9a-f]{64}$/.test(sha256))
      return unreadable("a line of the file list is incomplete");
    files.set(name, { bytes: Number(bytes), sha256 });
  }
  return read(files);
}

export function readHolds(output: ToolOutput): Reading<readonly string[]> {
  return output.exitCode === 0 ? read(linesOf(output.stdout)) : failed(output, "holds");
}

export type IniState = {
  readonly published: string | null;
  readonly joined: boolean;
  readonly secret: string | null;
};

export function readIni(output: ToolOutput): Reading<IniState> {
  if (output.exitCode !== 0) return failed(output, "ini");
  const values = pairsOf(output.stdout);
  if (!values.has("published")) return unreadable("the answer has no published= line");
  return read({
    published: values.get("published") || null,
    joined: values.get("joined") === "yes",
    secret: values.get("secret") || null,
  });
}

export type BackupState = { readonly sha256: string; readonly lsn: string; readonly verified: boolean };

/** null: no backup of that name. */
export function readBackup(output: ToolOutput): Reading<BackupState | null> {
  if (output.exitCode === 1) return read(null);
  if (output.exitCode !== 0) return failed(output, "backup");
  const values = pairsOf(output.stdout);
  return read({
    sha256: values.get("sha256") ?? "",
    lsn: values.get("lsn") ?? "",
    verified: values.get("verified") === "yes",
  });
}

export type Endpoint = { readonly endpoint: string; readonly state: string };

export function readReach(output: ToolOutput): Reading<readonly Endpoint[]> {
  if (output.exitCode !== 0) return failed(output, "reach");
  return read(
    linesOf(output.stdout).map((line) => ({
      endpoint: line.split("\t")[0] ?? "",
      state: line.split("\t")[1] ?? "",
    })),
  );
}

/** A marker's state, see the protocol page. A word it does not know is unreadable, never absent. */
export function readMarker(output: ToolOutput): Reading<MarkerState> {
  if (output.exitCode !== 0) return failed(output, "marker");
  const fields = new Map<string, string>();
  let rest = output.stdout;
  while (rest !== "") {
    const end = rest.indexOf("\n");
    const line = end < 0 ? rest : rest.slice(0, end);
    const tab = line.indexOf("\t");
    if (tab < 0) break;
    fields.set(line.slice(0, tab), line.slice(tab + 1));
    rest = end < 0 ? "" : rest.slice(end + 1);
    if (line.startsWith("err\t")) break;
  }
  const state = fields.get("state");
  const number = (key: string) => Number(fields.get(key) ?? "NaN");
  switch (state) {
    case "absent":
    case "starting":
    case "unbegun":
    case "interrupted":
      return read({ state });
    case "running":
      return read({ state, beganAt: number("began") });
    case "refused":
      return read({ state, reason: fields.get("reason") ?? "no reason given" });
    case "exited": {
      const [exitCode, beganAt, endedAt] = [number("rc"), number("began"), number("ended")];
      if (![exitCode, beganAt, endedAt].every(Number.isFinite))
        return unreadable("an exited marker lacks rc or times");
      const bytes = new TextEncoder().encode(rest);
      const text = new TextDecoder();
      const out = text.decode(bytes.slice(0, number("out") || 0));
      const err = text.decode(bytes.slice(number("out") || 0, (number("out") || 0) + (number("err") || 0)));
      return read({ state, output: { exitCode, stdout: out, stderr: err }, beganAt, endedAt });
    }
    default:
      return unreadable(`unknown marker state «${(state ?? "").slice(0, 40)}»`);
  }
}

/** The node's own time in milliseconds since the epoch. */
export function readClock(output: ToolOutput): Reading<number> {
  const text = output.stdout.trim();
  return output.exitCode === 0 && /^\d{13}$/.test(text) ? read(Number(text)) : failed(output, "clock");
}

export type Volume = { readonly path: string; readonly freeBytes: number; readonly totalBytes: number };

export function readSpace(output: ToolOutput): Reading<readonly Volume[]> {
  if (output.exitCode !== 0) return failed(output, "space");
  const volumes = linesOf(output.stdout).map((line) => {
    const [path = "", free = "", total = ""] = line.split("\t");
    return { path, freeBytes: Number(free || "NaN"), totalBytes: Number(total || "NaN") };
  });
  const sound =
    volumes.length > 0 && volumes.every(({ freeBytes, totalBytes }) => freeBytes >= 0 && totalBytes > 0);
  return sound ? read(volumes) : unreadable("a line of the volumes has no sizes");
}

/** What my.cnf says, by option. */
export function readServerFile(output: ToolOutput): Reading<ReadonlyMap<string, string>> {
  if (output.exitCode !== 0) return failed(output, "my-cnf");
  return read(
    new Map(linesOf(output.stdout).map((line) => [line.split("\t")[0] ?? "", line.split("\t")[1] ?? ""])),
  );
}
