/**
 * Sessions of the `mariadb` client that stay open: SQL goes in at its standard input, rows come out. An error ends the
 * client, and with it the transaction that was open; the next question starts a new one.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { writeWhole } from "./files.ts";

/** Who logs in, and where. */
export type Access = {
  readonly user: string;
  readonly password: string;
  readonly socket: string;
  /** Where the clients' credentials are written, 0600. */
  readonly file: string;
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
  readonly run: (sql: string) => Promise<Rows>;
  readonly close: () => void;
};

/** As a value of an option file, where a backslash begins an escape and quotes keep blanks and #. */
const optionValue = (text: string): string => `"${text.replaceAll("\\", "\\\\")}"`;

/** Credentials come from a file of the node's own user, never as arguments. */
export function startClient(
  program: string,
  { user, password, socket, file }: Access,
  args: readonly string[],
): ChildProcessWithoutNullStreams {
  mkdirSync(dirname(file), { recursive: true });
  writeWhole(file, `[client]\nuser=${optionValue(user)}\npassword=${optionValue(password)}\n`);
  const child = spawn(program, [`--defaults-extra-file=${file}`, `--socket=${socket}`, ...args]);
  child.stdin.on("error", () => {});
  return child;
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

const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t", "0": "\0", "\\": "\\" };
const cell = (text: string): string =>
  text.replace(/\\(.)/g, (_, letter: string) => escapes[letter] ?? letter);

type Rows = readonly (readonly string[])[];
type Client = { readonly ask: (sql: string) => Promise<Rows>; readonly end: () => void };

/** One run of the client program; it ends with the first error, and with it whatever transaction was open. */
function newClient(access: Access): Client {
  const child = startClient("mariadb", access, clientArgs);
  let waiting: { end: string; rows: string[][]; resolve: (rows: Rows) => void } | undefined;
  let lost: ((error: DatabaseError) => void) | undefined;
  let dead: DatabaseError | undefined;
  let asked = 0;
  let rest = "";
  let errors = "";
  const take = (line: string): void => {
    if (waiting === undefined) return;
    if (line === waiting.end) waiting.resolve(waiting.rows);
    else waiting.rows.push(line.split("\t").map(cell));
  };
  const ended = (why: string): void => {
    dead ??= new DatabaseError(errors.trim() === "" ? why : errors);
    lost?.(dead);
  };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) take(line);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors = (errors + text).slice(-4000);
  });
  child.once("error", (error) => ended(error.message));
  child.once("close", () => ended("the session ended"));
  child.stdin.write(`DELIMITER ${delimiter}\n`);
  const ask = (sql: string): Promise<Rows> =>
    new Promise((resolve, reject) => {
      if (dead !== undefined) return reject(dead);
      asked += 1;
      const end = `end of answer ${asked}`;
      waiting = { end, rows: [], resolve };
      lost = reject;
      child.stdin.write(sql + statement(`SELECT ${quoted(end)}`));
    });
  return { ask, end: () => child.stdin.end() };
}

/** A session; it connects when it is first asked, and answers one question after the other. */
export function newSession(access: () => Access): Session {
  let client: Client | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const once = async (sql: string): Promise<Rows> => {
    client ??= newClient(access());
    try {
      return await client.ask(sql);
    } catch (error) {
      client = undefined;
      throw error;
    }
  };
  const run = (sql: string): Promise<Rows> => {
    const answer = last.then(() => once(sql));
    last = answer.catch(() => {});
    return answer;
  };
  return { run, close: () => client?.end() };
}
