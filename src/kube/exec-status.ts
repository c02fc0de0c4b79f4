/** What the end of an exec session says: the status frame of an open one, the HTTP answer of a refused one. */
import * as z from "zod";
import type { ExecOutcome } from "../controllers/shell.ts";

/** What came on the two channels so far. */
export type ExecOutput = { stdout: Buffer[]; stderr: Buffer[]; bytes: number };

const statusFrame = z.object({
  status: z.string().optional(),
  reason: z.string().optional(),
  message: z.string().optional(),
  details: z
    .object({
      causes: z.array(z.object({ reason: z.string().optional(), message: z.string().optional() })).optional(),
    })
    .nullish(),
});

function statusIn(text: string): z.infer<typeof statusFrame> | undefined {
  try {
    return statusFrame.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** The runtime looked for the container or the program and found none: nothing began. */
const neverBegan = /container not found|executable file not found/;

/**
 * Reads the frame on channel 3. `Success` is exit code 0. A `Failure` carries the code as a cause named ExitCode; one
 * without it says nothing about the command, except where the runtime says that nothing began. 137 passes as it is: it
 * is also what a restarting container makes of a live session, so the caller must not take it for the command's own.
 */
export function outcomeOf(frame: string, output: ExecOutput): ExecOutcome {
  const status = statusIn(frame);
  if (status === undefined) return { kind: "lost", why: "the status frame is no Status" };
  const exited = (code: number): ExecOutcome => ({
    kind: "exited",
    code,
    stdout: Buffer.concat(output.stdout).toString("utf8"),
    stderr: Buffer.concat(output.stderr).toString("utf8"),
  });
  if (status.status === "Success") return exited(0);
  const code = status.details?.causes?.find(({ reason }) => reason === "ExitCode")?.message;
  if (code !== undefined && /^\d{1,3}$/.test(code)) return exited(Number(code));
  const why = status.message ?? status.reason ?? "a failure without a reason";
  return { kind: status.reason === "InternalError" && neverBegan.test(why) ? "refused" : "lost", why };
}

/** Reads the HTTP answer to a refused upgrade. A 5xx may come from something between us and a session that did begin. */
export function refusalOf(code: number, body: string): ExecOutcome {
  const message = statusIn(body)?.message;
  const why = message === undefined ? `HTTP ${code}` : `HTTP ${code}: ${message}`;
  return { kind: code >= 500 ? "lost" : "refused", why };
}
