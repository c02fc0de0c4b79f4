/** Logs of transactions as files on the volume: one line of JSON an event, headers kept in memory. */
import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { LogEnds, ThlHeader } from "../outside.ts";
import type { ThlEvent } from "../state.ts";

type Stored = { readonly header: ThlHeader; readonly at: number; readonly bytes: number };
type Log = { readonly fd: number; readonly stored: Stored[]; size: number };

export type ThlFiles = {
  readonly ends: (log: string) => LogEnds;
  readonly at: (log: string, seqno: number) => ThlHeader | undefined;
  readonly newestOf: (log: string, sourceId: string) => ThlHeader | undefined;
  /** At most two hundred events, or a megabyte. */
  readonly after: (log: string, seqno: number) => readonly ThlEvent[];
  readonly append: (log: string, events: readonly ThlEvent[]) => void;
  readonly drop: (log: string) => void;
};

const mostEvents = 200;
const mostBytes = 1 << 20;

const headerOf = ({ entry: _, ...header }: ThlEvent): ThlHeader => header;

/** `folderOf` tells where a log lies. A line that was cut short by a kill is cut off; a file that somebody has removed is gone. */
export function newThlFiles(folderOf: (log: string) => string): ThlFiles {
  const open = new Map<string, Log>();
  const forget = (name: string, log: Log): void => {
    closeSync(log.fd);
    open.delete(name);
  };
  const load = (name: string): Log | undefined => {
    const known = open.get(name);
    if (known !== undefined && fstatSync(known.fd).nlink > 0) return known;
    if (known !== undefined) forget(name, known);
    const path = join(folderOf(name), "thl.data.0000000001");
    if (!existsSync(path)) return undefined;
    const log = read(path);
    open.set(name, log);
    return log;
  };
  const create = (name: string): Log => {
    mkdirSync(folderOf(name), { recursive: true });
    closeSync(openSync(join(folderOf(name), "thl.data.0000000001"), "a"));
    return load(name) ?? { fd: -1, stored: [], size: 0 };
  };
  const indexOf = (log: Log, seqno: number): number => seqno - (log.stored[0]?.header.seqno ?? 0);
  return {
    ends: (name) => {
      const stored = load(name)?.stored;
      const [first, last] = [stored?.[0], stored?.at(-1)];
      return first === undefined || last === undefined ? null : { first: first.header, last: last.header };
    },
    at: (name, seqno) => {
      const log = load(name);
      return log?.stored[indexOf(log, seqno)]?.header;
    },
    newestOf: (name, sourceId) =>
      load(name)?.stored.findLast(({ header }) => header.sourceId === sourceId)?.header,
    after: (name, seqno) => {
      const log = load(name);
      return log === undefined ? [] : readFrom(log, Math.max(indexOf(log, seqno + 1), 0));
    },
    append: (name, events) => {
      const log = load(name) ?? create(name);
      for (const event of events) {
        const line = Buffer.from(`${JSON.stringify(event)}\n`);
        writeSync(log.fd, line, 0, line.length, log.size);
        log.stored.push({ header: headerOf(event), at: log.size, bytes: line.length });
        log.size += line.length;
      }
    },
    drop: (name) => {
      const log = open.get(name);
      if (log !== undefined) forget(name, log);
      rmSync(folderOf(name), { recursive: true, force: true });
    },
  };
}

function read(path: string): Log {
  const text = readFileSync(path);
  const stored: Stored[] = [];
  let size = 0;
  for (;;) {
    const end = text.indexOf(10, size);
    if (end < 0) break;
    const event = JSON.parse(text.subarray(size, end).toString("utf8")) as ThlEvent;
    stored.push({ header: headerOf(event), at: size, bytes: end + 1 - size });
    size = end + 1;
  }
  const fd = openSync(path, "r+");
  ftruncateSync(fd, size);
  return { fd, stored, size };
}

function readFrom(log: Log, index: number): readonly ThlEvent[] {
  const events: ThlEvent[] = [];
  let bytes = 0;
  for (const part of log.stored.slice(index, index + mostEvents)) {
    bytes += part.bytes;
    if (events.length > 0 && bytes > mostBytes) break;
    const buffer = Buffer.alloc(part.bytes);
    readSync(log.fd, buffer, 0, part.bytes, part.at);
    events.push(JSON.parse(buffer.toString("utf8")) as ThlEvent);
  }
  return events;
}
