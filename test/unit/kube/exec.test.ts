/** Exec over a real WebSocket, against a server with every habit of an API server, a kubelet and the network between. */
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { afterEach, describe, expect, test } from "@jest/globals";
import { type WebSocket, WebSocketServer } from "ws";
import type { ExecOutcome } from "../../../src/controllers/shell.ts";
import { type ExecLimits, podsOver } from "../../../src/kube/exec.ts";
import { eventually, handTimers } from "./hand-timers.ts";

const limits: ExecLimits = {
  container: "tungsten",
  handshakeMs: 1_000,
  sessionMs: 60_000,
  pingMs: 10_000,
  deadMs: 30_000,
  outputBytes: 1_000_000,
  perPod: 2,
  overall: 3,
};
const pod = (name: string) => ({ namespace: "estate", name, uid: `uid-${name}` });
const frame = (channel: number, data: string | Buffer) =>
  Buffer.concat([Buffer.from([channel]), Buffer.from(data)]);
const success = frame(3, JSON.stringify({ status: "Success" }));
const exitCode = (code: number) =>
  frame(
    3,
    JSON.stringify({
      status: "Failure",
      reason: "NonZeroExitCode",
      details: { causes: [{ reason: "ExitCode", message: String(code) }] },
    }),
  );

type Session = { readonly socket: WebSocket; readonly url: string; readonly received: Buffer[] };
type Habits = {
  readonly session?: (session: Session) => void;
  readonly upgrade?: (request: IncomingMessage, socket: Duplex) => boolean;
  readonly speaks?: string;
};

const servers: Server[] = [];
const connections = new Set<Socket>();
afterEach(() => {
  for (const socket of connections) socket.destroy();
  connections.clear();
  for (const server of servers.splice(0)) server.close();
});

async function serve({ session, upgrade, speaks = "v5.channel.k8s.io" }: Habits) {
  const server = createServer();
  servers.push(server);
  const sessions: Session[] = [];
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => (offered.has(speaks) ? speaks : false),
  });
  server.on("connection", (socket) => connections.add(socket));
  server.on("upgrade", (request, socket, head) => {
    if (upgrade?.(request, socket) === true) return;
    sockets.handleUpgrade(request, socket, head, (opened) => {
      const made: Session = { socket: opened, url: request.url ?? "", received: [] };
      sessions.push(made);
      opened.on("message", (data: Buffer) => made.received.push(data));
      opened.send(frame(1, ""));
      session?.(made);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const timers = handTimers();
  const access = async () => ({
    server: `http://127.0.0.1:${port}`,
    headers: { authorization: "Bearer word" },
    tls: {},
  });
  const pods = podsOver({ access }, limits, timers);
  return { pods, sessions, timers, port };
}

/** Stdin as the server saw it up to the half-close, or undefined while that has not come. */
function stdinOf({ received }: Session): string | undefined {
  const end = received.findIndex((data) => data.length === 2 && data[0] === 255 && data[1] === 0);
  if (end < 0) return undefined;
  return Buffer.concat(received.slice(0, end).map((data) => data.subarray(1))).toString("utf8");
}

const run = (served: Awaited<ReturnType<typeof serve>>, stdin = "", name = "nyc-0") =>
  served.pods.exec(pod(name), ["/etc/runner/runner", "observe", "a b"], stdin);

describe("a session that ends", () => {
  test("asks for the container and the words, with credentials in a header, and brings both streams and the exit code", async () => {
    let authorization = "";
    const served = await serve({
      upgrade: (request) => {
        authorization = request.headers.authorization ?? "";
        return false;
      },
      session: ({ socket }) => {
        socket.send(frame(1, "half a "));
        socket.send(frame(2, "a complaint"));
        socket.send(frame(1, "word"));
        socket.send(exitCode(7));
        socket.close(1000);
      },
    });
    expect(await run(served)).toEqual({
      kind: "exited",
      code: 7,
      stdout: "half a word",
      stderr: "a complaint",
    });
    const url = new URL(served.sessions[0]?.url ?? "", "http://x");
    expect(url.pathname).toBe("/api/v1/namespaces/estate/pods/nyc-0/exec");
    expect(url.searchParams.get("container")).toBe("tungsten");
    expect(url.searchParams.getAll("command")).toEqual(["/etc/runner/runner", "observe", "a b"]);
    expect(url.searchParams.get("stdin")).toBe("false");
    expect(authorization).toBe("Bearer word");
    expect(served.timers.pending()).toBe(0);
  });

  test("stdin arrives whole, in frames, and is closed by a half-close", async () => {
    const stdin = "ä".repeat(100_000);
    const served = await serve({
      session: (session) =>
        session.socket.on("message", () => {
          const text = stdinOf(session);
          if (text === undefined) return;
          session.socket.send(frame(1, String(text.length)));
          session.socket.send(success);
        }),
    });
    expect(await run(served, stdin)).toMatchObject({ kind: "exited", code: 0, stdout: "100000" });
    expect(Math.max(...(served.sessions[0]?.received ?? []).map((data) => data.length))).toBeLessThan(40_000);
  });

  test("a character cut in two by frames comes out whole", async () => {
    const euro = Buffer.from("€");
    const served = await serve({
      session: ({ socket }) => {
        socket.send(frame(1, euro.subarray(0, 1)));
        socket.send(frame(1, euro.subarray(1)));
        socket.send(success);
      },
    });
    expect(await run(served)).toMatchObject({ stdout: "€" });
  });

  test("frames on channels nobody expects are passed over", async () => {
    const served = await serve({
      session: ({ socket }) => {
        for (const odd of [frame(4, "{}"), frame(9, "?"), Buffer.from([255, 1]), Buffer.alloc(0)])
          socket.send(odd);
        socket.send("\u0001a text frame");
        socket.send(success);
      },
    });
    expect(await run(served)).toMatchObject({ kind: "exited", code: 0 });
  });

  test("137 passes as it is: whose end it was is not for this layer to say", async () => {
    const served = await serve({ session: ({ socket }) => socket.send(exitCode(137)) });
    expect(await run(served)).toMatchObject({ kind: "exited", code: 137 });
  });
});

type Case = readonly [what: string, habits: Habits, outcome: Partial<ExecOutcome>];
const body = JSON.stringify({ kind: "Status", message: "the operator may only exec the runner" });
const refusing =
  (code: number, text: string) =>
  (_request: IncomingMessage, socket: Duplex): boolean => {
    socket.end(
      `HTTP/1.1 ${code} X\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
    );
    return true;
  };

describe("a session that does not end as it should", () => {
  test.each<Case>([
    [
      "refused by admission, with its sentence",
      { upgrade: refusing(403, body) },
      { kind: "refused", why: "HTTP 403: the operator may only exec the runner" },
    ],
    ["of a pod that is gone", { upgrade: refusing(404, "") }, { kind: "refused", why: "HTTP 404" }],
    ["answered by a gateway", { upgrade: refusing(502, "<html>") }, { kind: "lost", why: "HTTP 502" }],
    [
      "over a protocol nobody speaks",
      { speaks: "base64.channel.k8s.io" },
      { kind: "lost", why: expect.stringMatching(/subprotocol/) as unknown as string },
    ],
    [
      "cut right after the upgrade",
      { session: ({ socket }) => socket.terminate() },
      { kind: "lost", why: expect.stringMatching(/without a status/) as unknown as string },
    ],
    [
      "closed cleanly without a status",
      { session: ({ socket }) => socket.close(1000) },
      { kind: "lost", why: "the session closed (1000) without a status" },
    ],
    [
      "with a status that is none",
      { session: ({ socket }) => socket.send(frame(3, "never mind")) },
      { kind: "lost", why: "the status frame is no Status" },
    ],
    [
      "of a container that is not there any more",
      {
        session: ({ socket }) =>
          socket.send(
            frame(
              3,
              JSON.stringify({
                status: "Failure",
                reason: "InternalError",
                message: 'container not found ("tungsten")',
              }),
            ),
          ),
      },
      { kind: "refused" },
    ],
    [
      "of a runtime in trouble",
      {
        session: ({ socket }) =>
          socket.send(
            frame(3, JSON.stringify({ status: "Failure", reason: "InternalError", message: "broken pipe" })),
          ),
      },
      { kind: "lost", why: "broken pipe" },
    ],
    [
      "that talks too much",
      {
        session: ({ socket }) => {
          for (let n = 0; n < 12; n += 1) socket.send(frame(1, "x".repeat(100_000)));
        },
      },
      { kind: "lost", why: "more than 1000000 bytes of output" },
    ],
  ])("%s", async (_what, habits, outcome) => {
    const served = await serve(habits);
    expect(await run(served)).toMatchObject(outcome);
    expect(served.timers.pending()).toBe(0);
  });

  test("a server that cannot close stdin is not given any: nothing was sent", async () => {
    const served = await serve({ speaks: "v4.channel.k8s.io" });
    expect(await run(served, "a payload")).toMatchObject({
      kind: "refused",
      why: expect.stringMatching(/cannot close stdin/),
    });
    expect(served.sessions.flatMap(({ received }) => received)).toEqual([]);
  });

  test("v4 will do for a call without stdin", async () => {
    const served = await serve({
      speaks: "v4.channel.k8s.io",
      session: ({ socket }) => socket.send(success),
    });
    expect(await run(served)).toMatchObject({ kind: "exited", code: 0 });
  });

  test("nobody listens: refused, for nothing can have begun", async () => {
    const served = await serve({});
    await new Promise<void>((resolve) => servers[0]?.close(() => resolve()));
    expect(await run(served)).toMatchObject({ kind: "refused" });
  });

  test("credentials that cannot be had: refused, without dialling", async () => {
    const pods = podsOver(
      { access: () => Promise.reject(new Error("the token file is gone")) },
      limits,
      handTimers(),
    );
    expect(await pods.exec(pod("nyc-0"), ["x"], "")).toEqual({
      kind: "refused",
      why: "the token file is gone",
    });
  });
});

describe("silence", () => {
  test("no answer to the upgrade", async () => {
    let asked = false;
    const served = await serve({
      upgrade: () => {
        asked = true;
        return true;
      },
    });
    const pending = run(served);
    await eventually("an upgrade", () => asked);
    served.timers.advance(1_000);
    expect(await pending).toEqual({ kind: "lost", why: "no answer to the upgrade within 1000 ms" });
  });

  /** What was sent to the caller before this has been heard there. */
  const heard = (session: Session | undefined) =>
    new Promise<void>((resolve) => {
      session?.socket.once("pong", () => resolve());
      session?.socket.ping();
    });

  test("a peer that answers pings lives as long as a session may", async () => {
    const served = await serve({});
    const pending = run(served);
    await eventually("a session", () => served.sessions.length === 1);
    const [session] = served.sessions;
    let pings = 0;
    session?.socket.on("ping", () => {
      pings += 1;
    });
    await heard(session);
    for (let beat = 1; beat <= 5; beat += 1) {
      served.timers.advance(10_000);
      await eventually(`ping ${beat}`, () => pings === beat);
      await heard(session);
    }
    served.timers.advance(10_000);
    expect(await pending).toEqual({ kind: "lost", why: "no end within 60000 ms" });
  });

  test("a peer that has gone without a word is taken for dead", async () => {
    const served = await serve({});
    const pending = run(served);
    await eventually("a session", () => served.sessions.length === 1);
    const [session] = served.sessions as [Session];
    await heard(session);
    // From now on its pongs never leave.
    (session.socket as unknown as { _socket: Socket })._socket.pause();
    served.timers.advance(45_000);
    expect(await pending).toEqual({ kind: "lost", why: "nothing heard for 30000 ms" });
  });
});

describe("places", () => {
  test("at most two sessions in a pod and three overall; whoever waits goes in as soon as it fits", async () => {
    const served = await serve({});
    const ended: string[] = [];
    const begin = (name: string, tag: string) =>
      served.pods.exec(pod(name), [tag], "").then(() => ended.push(tag));
    const all = [
      begin("nyc-0", "a"),
      begin("nyc-0", "b"),
      begin("nyc-0", "c"),
      begin("nyc-1", "d"),
      begin("nyc-2", "e"),
    ];
    const tags = () => served.sessions.map(({ url }) => new URL(url, "http://x").searchParams.get("command"));
    const end = (tag: string) => served.sessions[tags().indexOf(tag)]?.socket.send(success, () => undefined);
    await eventually("three sessions", () => tags().length === 3);
    expect([...tags()].sort()).toEqual(["a", "b", "d"]);
    end("d");
    await eventually("e is let in before c", () => tags().length === 4);
    expect(tags()[3]).toBe("e");
    end("a");
    await eventually("c is let in", () => tags().length === 5);
    for (const tag of ["b", "c", "e"]) end(tag);
    await Promise.all(all);
    expect([...ended].sort()).toEqual(["a", "b", "c", "d", "e"]);
  });
});
