/**
 * Sessions of the `mariadb` client that stay open: SQL goes in at its standard input, rows come out. An error ends the
 * client, and with it the transaction that was open; the next question starts a new one.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import type { Writable } from "node:stream";

/** Who logs in, and where. */
export type Access = {
  readonly user: string;
  readonly password: string;
  readonly socket: string;
};

/** The server's own words; `code` is its number, or 0 when it could not be reached at all. */
export class DatabaseError extends Error {
  readonly code: number;
  constructor(text: string) {
    const known = /ERROR (\d+) \(\w+\)(?: at line \d+)?: ([\s\S]*)/.exec(text);
    super(known?.[2]?.trim() ?? text.trim());
    const code = Number(known?.[1] ?? 0);
    this.code = code >= 2000 && code < 3000 ? 0 : code;
  }
}

/** Statements end with this, as in the output of mariadb-binlog, so that theirs may hold semicolons. */
export const delimiter = "/*!*/;";
export const statement = (sql: string): string => `${sql}\n${delimiter}\n`;

export const quoted = (value: string | number | null): string =>
  value === null
    ? "NULL"
    : typeof value === "number"
      ? String(value)
      : `'${value.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;

export type Session = {
  /** Runs statements, each ended by the delimiter; answers the rows of all of them. */
  readonly run: (sql: string) => Promise<readonly (readonly string[])[]>;
  readonly close: () => void;
};

/** Credentials come over a pipe, never as arguments. */
export function startClient(
  program: string,
  access: Access,
  args: readonly string[],
): ChildProcessWithoutNullStreams {
  const child = spawn(program, ["--defaults-extra-file=/dev/fd/3", `--socket=${access.socket}`, ...args], {
    stdio: ["pipe", "pipe", "pipe", "pipe"],
  });
  const file = child.stdio[3] as Writable;
  for (const stream of [file, child.stdin]) stream.on("error", () => {});
  file.end(`[client]\nuser="${access.user}"\npassword="${access.password}"\n`);
  return child as ChildProcessWithoutNullStreams;
}

const clientArgs = [
  "--batch",
  "--skip-column-names",
  "--unbuffered",
  "--skip-reconnect",
  "--binary-mode",
  "--default-character-set=utf8mb4",
  "--init-command=SET SESSION sql_log_bin=0",
];

type Waiting = {
  readonly end: string;
  readonly rows: string[][];
  readonly resolve: (rows: readonly (readonly string[])[]) => void;
  readonly reject: (error: Error) => void;
};

const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t", "0": "\0", "\\": "\\" };
const cell = (text: string): string =>
  text.replace(/\\(.)/g, (_, letter: string) => escapes[letter] ?? letter);

/** A session; it connects when it is first asked. Nothing it does is logged unless the SQL says so. */
export function newSession(access: () => Access): Session {
  let child: ChildProcessWithoutNullStreams | undefined;
  let waiting: Waiting[] = [];
  let asked = 0;
  const start = (): ChildProcessWithoutNullStreams => {
    const begun = startClient("mariadb", access(), clientArgs);
    let rest = "";
    let errors = "";
    begun.stdout.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) take(line);
    });
    begun.stderr.setEncoding("utf8").on("data", (text: string) => {
      errors = (errors + text).slice(-4000);
    });
    const ended = (why: string): void => {
      if (child !== begun) return;
      child = undefined;
      const lost = waiting;
      waiting = [];
      for (const each of lost) each.reject(new DatabaseError(errors.trim() === "" ? why : errors));
    };
    begun.once("error", (error) => ended(error.message));
    begun.once("close", () => ended("the session ended"));
    begun.stdin.write(`DELIMITER ${delimiter}\n`);
    return begun;
  };
  const take = (line: string): void => {
    const [first] = waiting;
    if (first === undefined) return;
    if (line === first.end) {
      waiting.shift();
      first.resolve(first.rows);
    } else first.rows.push(line.split("\t").map(cell));
  };
  const run = (sql: string): Promise<readonly (readonly string[])[]> =>
    new Promise((resolve, reject) => {
      child ??= start();
      asked += 1;
      const end = `end of answer ${asked}`;
      waiting.push({ end, rows: [], resolve, reject });
      child.stdin.write(sql + statement(`SELECT ${quoted(end)}`));
    });
  const close = (): void => {
    child?.stdin.end();
  };
  return { run, close };
}
