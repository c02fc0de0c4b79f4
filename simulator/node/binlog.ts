/** A primary's own binary log, followed by one `mariadb-binlog --stop-never` from where the service stands. */
import type { ChildProcess } from "node:child_process";
import type { Extracted } from "../state.ts";
import { newBinlogReader, placeOf } from "./binlog-text.ts";
import { type Access, startClient } from "./session.ts";

export type BinlogTail = {
  /** What came behind the event id, or why nothing can; begins to read there when it stands elsewhere. */
  readonly after: (eventId: string) => readonly Extracted[] | string;
  readonly stop: () => void;
};

/** Events held at most before the client is made to wait. */
const most = 2000;

/** `serverId` must be no server's own. */
export function newBinlogTail(access: () => Access, serverId: () => number): BinlogTail {
  let child: ChildProcess | undefined;
  let found: Extracted[] = [];
  let standsAt = "";
  let failure: string | null = null;
  const stop = (): void => {
    child?.kill("SIGKILL");
    child = undefined;
    found = [];
    failure = null;
  };
  const start = (eventId: string): void => {
    stop();
    standsAt = eventId;
    const { file, position } = placeOf(eventId);
    const begun = startClient("mariadb-binlog", access(), [
      "--read-from-remote-server",
      "--stop-never",
      `--stop-never-slave-server-id=${serverId()}`,
      "--verbose",
      "--skip-annotate-row-events",
      `--start-position=${position}`,
      file,
    ]);
    child = begun;
    const reader = newBinlogReader(file);
    let rest = "";
    let errors = "";
    begun.stdout.setEncoding("utf8").on("data", (text: string) => {
      if (child !== begun) return;
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const extracted = reader.line(line);
        if (extracted !== undefined) found.push(extracted);
      }
      if (found.length > most) begun.stdout.pause();
    });
    begun.stderr.setEncoding("utf8").on("data", (text: string) => {
      errors = (errors + text).slice(-2000);
    });
    begun.once("error", (error) => {
      errors += error.message;
    });
    begun.once("close", () => {
      if (child === begun) failure = `Failed to extract from ${file} (${errors.trim()})`;
    });
  };
  const after = (eventId: string): readonly Extracted[] | string => {
    if (child === undefined || standsAt !== eventId) {
      start(eventId);
      return [];
    }
    if (found.length === 0 && failure !== null) {
      const told = failure;
      stop();
      return told;
    }
    const taken = found;
    found = [];
    standsAt = taken.at(-1)?.eventId ?? standsAt;
    child.stdout?.resume();
    return taken;
  };
  return { after, stop };
}
