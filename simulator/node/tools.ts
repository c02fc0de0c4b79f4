/**
 * Serves the tools: a small program in the installed tree connects to a port on loopback, sends its own path, its working
 * folder, its words and its input, each ended by NUL, and is told exit code, lengths, output and errors.
 */
import { realpathSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { basename, resolve } from "node:path";
import type { ToolResult } from "../state.ts";
import { cctrl } from "../tools/cctrl.ts";
import { connector, manager, replicator, startall, stopall } from "../tools/daemons.ts";
import { dsctl, thl } from "../tools/logs.ts";
import { bad, type Tool } from "../tools/tool.ts";
import { tpm } from "../tools/tpm.ts";
import { trepctl } from "../tools/trepctl.ts";
import { answersOf, KilledError, runSteps } from "./answers.ts";
import type { RealNode } from "./real-node.ts";
import { DatabaseError } from "./session.ts";
import { ports } from "./settings.ts";

const tools: Readonly<Record<string, Tool>> = {
  cctrl,
  connector,
  dsctl,
  manager,
  replicator,
  startall,
  stopall,
  thl,
  tpm,
  trepctl,
};

type Asked = {
  readonly path: string;
  readonly folder: string;
  readonly args: readonly string[];
  readonly stdin: string;
};

/** The request, once it is whole: path, folder, number of words, words, bytes of input; then the input. */
function parse(bytes: Buffer): Asked | undefined {
  const fields: string[] = [];
  let at = 0;
  const field = (): string | undefined => {
    const end = bytes.indexOf(0, at);
    if (end < 0) return undefined;
    const text = bytes.toString("utf8", at, end);
    at = end + 1;
    fields.push(text);
    return text;
  };
  const [path, folder, count] = [field(), field(), field()];
  if (path === undefined || folder === undefined || count === undefined) return undefined;
  const args: string[] = [];
  for (let n = 0; n < Number(count); n += 1) {
    const word = field();
    if (word === undefined) return undefined;
    args.push(word);
  }
  const length = field();
  if (length === undefined || bytes.length < at + Number(length)) return undefined;
  return { path, folder, args, stdin: bytes.toString("utf8", at, at + Number(length)) };
}

/** Listens for tools; where another server holds the port already, this process ends at once. */
export function serveTools(real: RealNode, ready: () => void): { close: () => void } {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let bytes = Buffer.alloc(0);
    let served = false;
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      const asked = served ? undefined : parse(bytes);
      if (asked === undefined) return;
      served = true;
      serve(real, asked, socket).catch((error: unknown) => {
        console.error(String(error));
        socket.destroy();
      });
    });
  });
  server.once("error", (error) => {
    console.error(error.message);
    process.exit(0);
  });
  server.listen(ports.control, real.settings.control, ready);
  return { close: () => void server.close() };
}

/** A killed tool closes its socket; what it began stays as it is then. */
async function serve(real: RealNode, asked: Asked, socket: Socket): Promise<void> {
  let killed = false;
  const gone = (): void => {
    killed = true;
  };
  socket.once("close", gone);
  socket.once("end", gone);
  try {
    const { code, out, err } = await run(real, asked, () => killed);
    socket.removeListener("end", gone);
    socket.end(`${code} ${Buffer.byteLength(out)} ${Buffer.byteLength(err)}\n${out}${err}`);
  } catch (error) {
    if (!(error instanceof KilledError)) throw error;
    socket.destroy();
  }
}

/** Which package or installed tree a program lies in. */
function placeOf(path: string): { product: "cluster" | "crossSite"; unpacked: string | null } {
  const match = /\/(software|releases)\/tungsten-(clustering|replicator)-([^/]+?)(?:_pid\d+)?\//.exec(path);
  return {
    product: match?.[2] === "replicator" ? "crossSite" : "cluster",
    unpacked: match?.[1] === "software" ? (match[3] ?? null) : null,
  };
}

async function run(real: RealNode, asked: Asked, killed: () => boolean): Promise<ToolResult> {
  const { node, ambient } = real;
  const name = basename(asked.path);
  const tool = tools[name];
  if (tool === undefined) return bad(127, "", `${name}: not simulated\n`);
  const place = placeOf(realpathSync(resolve(asked.folder, asked.path)));
  const { args, stdin } = asked;
  const entry = { argv: [name, ...args] };
  if (args[0] !== "query") node.tools = [...node.tools, entry];
  try {
    return await runSteps(answersOf(real), tool({ ambient, node, ...place, args, stdin }), killed);
  } catch (error) {
    if (error instanceof DatabaseError) return bad(1, "", `${error.message}\n`);
    throw error;
  } finally {
    node.tools = node.tools.filter((other) => other !== entry);
  }
}
