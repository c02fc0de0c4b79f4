/** What the runner itself answers about a node: installations, files, holds, the ini, markers. See the runner protocol. */
import type { MarkerState, ToolOutput } from "./invocation.ts";
import { endsWhole, integerFrom, type Reading, read, unreadable } from "./reading.ts";

const failed = <T>(output: ToolOutput, what: string): Reading<T> =>
  unreadable(
    `${what} exited ${output.exitCode}: ${output.stderr.trim().split("\n")[0]?.slice(0, 120) ?? ""}`,
  );

/** The lines of an answer that exited 0 and whose last line has its end: half a word is no word. */
function answered(output: ToolOutput, what: string): Reading<readonly string[]> {
  if (output.exitCode !== 0) return failed(output, what);
  if (!endsWhole(output.stdout)) return unreadable(`the last line of ${what} is cut off`);
  return read(output.stdout.split("\n").filter((line) => line !== ""));
}

/** `KEY=VALUE` lines, all the keys that are demanded among them. */
function pairs<Key extends string>(
  output: ToolOutput,
  what: string,
  ...keys: readonly Key[]
): Reading<Readonly<Record<Key, string>>> {
  const lines = answered(output, what);
  if ("unreadable" in lines) return lines;
  const said = new Map(lines.read.map((line) => [line.split("=", 1)[0], line.slice(line.indexOf("=") + 1)]));
  const missing = keys.find((key) => !said.has(key));
  return missing === undefined
    ? read(Object.fromEntries(keys.map((key) => [key, said.get(key) ?? ""])) as Record<Key, string>)
    : unreadable(`the answer of ${what} has no ${missing}= line`);
}

export type InstalledProduct = {
  readonly release: string;
  readonly method: "ini" | "staging" | "unknown";
  readonly services: readonly string[];
  /** Checksum of the unjoined ini that tpm last ran with under our eyes. */
  readonly ini: string | null;
  /** Highest number of apply channels of its services. */
  readonly parallel: number | null;
  /** Version of the Secret whose values that text was joined with; null: none has changed since it was installed. */
  readonly secret: string | null;
  /** Marker of a tpm that began to change it and was not seen to end well. */
  readonly unfinished: string | null;
};

/** null: the `tungsten` link is not there, nothing is installed. */
export function readInstalled(output: ToolOutput): Reading<InstalledProduct | null> {
  const link = pairs(output, "installed", "link");
  if ("unreadable" in link) return link;
  if (link.read.link === "") return read(null);
  const said = pairs(output, "installed", "release", "method", "services", "ini", "parallel", "unfinished");
  if ("unreadable" in said) return said;
  const { release, method, services, ini, parallel, unfinished } = said.read;
  return read({
    release,
    method: method === "ini" || method === "staging" ? method : "unknown",
    services: services.split(",").filter((name) => name !== ""),
    ini: ini || null,
    parallel: integerFrom(parallel) ?? null,
    secret: secretIn(output),
    unfinished: unfinished || null,
  });
}

/** A runner of before told none. */
const secretIn = ({ stdout }: ToolOutput): string | null => {
  const word = /^secret=(.+)$/m.exec(stdout)?.[1];
  return word === undefined || word === "none" ? null : word;
};

/** Names of the packages that lie unpacked on the volume, e.g. `tungsten-clustering-8.0.4-132`. */
export function readSoftware(output: ToolOutput): Reading<ReadonlySet<string>> {
  const lines = answered(output, "software");
  return "unreadable" in lines ? lines : read(new Set(lines.read));
}

export type KeptFile = { readonly bytes: number; readonly sha256: string };

/** What lies in `kept/`, by name. */
export function readFiles(output: ToolOutput): Reading<ReadonlyMap<string, KeptFile>> {
  const lines = answered(output, "files");
  if ("unreadable" in lines) return lines;
  const files = new Map<string, KeptFile>();
  for (const line of lines.read) {
    const [name, word, sha256 = ""] = line.split("\t");
    const bytes = integerFrom(word);
    if (name === undefined || bytes === undefined || bytes < 0 || !/^[0-9a-f]{64}$/.test(sha256))
      return unreadable("a line of the file list is incomplete");
    files.set(name, { bytes, sha256 });
  }
  return read(files);
}

/** Names of the hold files. */
export const readHolds = (output: ToolOutput): Reading<readonly string[]> => answered(output, "holds");

export type IniState = {
  readonly published: string | null;
  readonly joined: boolean;
  readonly secret: string | null;
};

export function readIni(output: ToolOutput): Reading<IniState> {
  const said = pairs(output, "ini", "published", "joined", "secret");
  if ("unreadable" in said) return said;
  const { published, joined, secret } = said.read;
  return read({ published: published || null, joined: joined === "yes", secret: secret || null });
}

export type BackupState = { readonly sha256: string; readonly lsn: string; readonly verified: boolean };

/** null: no backup of that name. */
export function readBackup(output: ToolOutput): Reading<BackupState | null> {
  if (output.exitCode === 1 && output.stdout === "") return read(null);
  const said = pairs(output, "backup", "sha256", "lsn", "verified");
  if ("unreadable" in said) return said;
  const { sha256, lsn, verified } = said.read;
  return read({ sha256, lsn, verified: verified === "yes" });
}

/** The database service's own word. */
export function readDatabase(output: ToolOutput): Reading<"running" | "stopped"> {
  const lines = answered(output, "database");
  if ("unreadable" in lines) return lines;
  const [word] = lines.read;
  return lines.read.length === 1 && (word === "running" || word === "stopped")
    ? read(word)
    : unreadable("the database service tells neither running nor stopped");
}

/**
 * What became of a TCP connection. `open`: somebody listens. `refused`: it arrived, and nobody listens. `timeout` and
 * `unreachable`: it did not arrive, or its answer did not. `unresolved`: the name. `failed`: something else. A word nobody
 * has heard of is none of them.
 */
export type Endpoint = { readonly endpoint: string; readonly state: string };

export function readReach(output: ToolOutput): Reading<readonly Endpoint[]> {
  const lines = answered(output, "reach");
  if ("unreadable" in lines) return lines;
  return read(
    lines.read.map((line) => ({
      endpoint: line.split("\t")[0] ?? "",
      state: line.split("\t")[1] ?? "unknown",
    })),
  );
}

/** A marker's state, see the protocol page. A word it does not know is unreadable, never absent. */
export function readMarker(output: ToolOutput): Reading<MarkerState> {
  if (output.exitCode !== 0) return failed(output, "marker");
  const { fields, rest } = markerHead(output.stdout);
  const state = fields.get("state");
  const began = integerFrom(fields.get("began"));
  switch (state) {
    case "absent":
    case "starting":
    case "unbegun":
    case "interrupted":
      return read({ state });
    case "running":
      return began === undefined
        ? unreadable("a running marker lacks its beginning")
        : read({ state, beganAt: began });
    case "refused":
      return read({ state, reason: fields.get("reason") ?? "no reason given" });
    case "exited":
      return exited(fields, rest);
    default:
      return unreadable(`unknown marker state «${(state ?? "").slice(0, 40)}»`);
  }
}

/** The lines `KEY<TAB>VALUE` up to the one that tells the length of err; what follows are the two outputs. */
function markerHead(text: string): { fields: ReadonlyMap<string, string>; rest: string } {
  const fields = new Map<string, string>();
  let rest = text;
  for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
    const line = rest.slice(0, end);
    const tab = line.indexOf("\t");
    if (tab < 0) break;
    fields.set(line.slice(0, tab), line.slice(tab + 1));
    rest = rest.slice(end + 1);
    if (line.startsWith("err\t")) break;
  }
  return { fields, rest };
}

function exited(fields: ReadonlyMap<string, string>, rest: string): Reading<MarkerState> {
  const [exitCode, beganAt, endedAt, out, err] = ["rc", "began", "ended", "out", "err"].map((key) =>
    integerFrom(fields.get(key)),
  );
  if (exitCode === undefined || beganAt === undefined || endedAt === undefined)
    return unreadable("an exited marker lacks rc or times");
  const bytes = new TextEncoder().encode(rest);
  if (out === undefined || err === undefined || out < 0 || err < 0 || bytes.length < out + err)
    return unreadable("an exited marker lacks what the tool printed");
  const text = new TextDecoder();
  const stdout = text.decode(bytes.subarray(0, out));
  const stderr = text.decode(bytes.subarray(out, out + err));
  return read({ state: "exited", output: { exitCode, stdout, stderr }, beganAt, endedAt });
}

/** The node's own time in milliseconds since the epoch. */
export function readClock(output: ToolOutput): Reading<number> {
  const text = output.stdout.trim();
  return output.exitCode === 0 && /^\d{13}$/.test(text) ? read(Number(text)) : failed(output, "clock");
}

/** A log that grows: `binlog`, or product and folder of a THL (`cluster:nyc`, `crossSite:london_nyc`). */
export type WrittenLog = {
  readonly name: string;
  /** Bytes that were written to it, and in how many seconds up to now; null: nobody can tell. */
  readonly written: { readonly bytes: number; readonly seconds: number } | null;
};

/** `logs` is empty where none lies there, or where a runner of before told none. */
export type Volume = {
  readonly path: string;
  readonly freeBytes: number;
  readonly totalBytes: number;
  readonly logs: readonly WrittenLog[];
};

/** `PATH<TAB>FREE<TAB>TOTAL`, then `LOG=BYTES/SECONDS` or `LOG=unknown` for each log on that volume. */
export function readSpace(output: ToolOutput): Reading<readonly Volume[]> {
  const lines = answered(output, "space");
  if ("unreadable" in lines) return lines;
  const volumes: Volume[] = [];
  for (const line of lines.read) {
    const [path = "", free, total, ...words] = line.split("\t");
    const [freeBytes, totalBytes] = [free, total].map(integerFrom);
    if (freeBytes === undefined || totalBytes === undefined || freeBytes < 0 || totalBytes <= 0)
      return unreadable("a line of the volumes has no sizes");
    const logs = words.flatMap((word) => writtenLog(word) ?? []);
    if (logs.length < words.length) return unreadable("a log is told without what was written to it");
    volumes.push({ path, freeBytes, totalBytes, logs });
  }
  return volumes.length > 0 ? read(volumes) : unreadable("no volume is told");
}

function writtenLog(word: string): WrittenLog | undefined {
  const [, name, told, seconds] = /^([^=]+)=(?:(\d+)\/(\d+)|unknown)$/.exec(word) ?? [];
  if (name === undefined) return undefined;
  const [bytes, duration] = [told, seconds].map(integerFrom);
  return { name, written: bytes === undefined || !duration ? null : { bytes, seconds: duration } };
}

/** What my.cnf says, by option. */
export const readServerFile = (output: ToolOutput): Reading<ReadonlyMap<string, string>> =>
  valuesOf(output, "my-cnf");

/** What a service's configuration says, by property; one that it does not hold is not in it. */
export const readProperties = (output: ToolOutput): Reading<ReadonlyMap<string, string>> =>
  valuesOf(output, "properties");

/** `KEY<TAB>VALUE` lines, as many as there are. */
function valuesOf(output: ToolOutput, what: string): Reading<ReadonlyMap<string, string>> {
  const lines = answered(output, what);
  if ("unreadable" in lines) return lines;
  const values = new Map<string, string>();
  for (const line of lines.read) {
    const tab = line.indexOf("\t");
    if (tab <= 0) return unreadable(`a line of ${what} has no value`);
    values.set(line.slice(0, tab), line.slice(tab + 1));
  }
  return read(values);
}

export type DataserverState = {
  /** Checksum of the my.cnf that is mounted for this node; null where none is. */
  readonly mounted: string | null;
  /** The database was started with it. */
  readonly started: boolean;
};

export function readDataserver(output: ToolOutput): Reading<DataserverState> {
  const said = pairs(output, "dataserver", "mounted", "started");
  if ("unreadable" in said) return said;
  const { mounted, started } = said.read;
  return started === "yes" || started === "no"
    ? read({ mounted: mounted || null, started: started === "yes" })
    : unreadable("dataserver says neither yes nor no");
}

/** What a pod was made from, as the operator wrote it into the template; null for one that says nothing of it. */
export function readPod(output: ToolOutput): Reading<{ readonly template: string | null }> {
  const said = pairs(output, "pod", "template");
  return "unreadable" in said ? said : read({ template: said.read.template || null });
}
