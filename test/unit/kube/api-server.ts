/** A small HTTP server that a test scripts: it answers like an API server, and fails like one. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { connect, type Rest, type RestLimits } from "../../../src/kube/rest.ts";
import { type HandTimers, handTimers } from "./hand-timers.ts";

export type Asked = {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  /** Which connection it came on, counted from 1. */
  readonly connection: number;
};
export type Answer = (asked: Asked, response: ServerResponse) => void;

export type ApiServer = {
  readonly rest: Rest;
  readonly timers: HandTimers;
  readonly asked: readonly Asked[];
  readonly observed: readonly (readonly [verb: string, resource: string, code: number])[];
  readonly close: () => Promise<void>;
};

export const json = (response: ServerResponse, code: number, body: unknown, headers = {}): void => {
  response.writeHead(code, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
};
export const status = (reason: string, message: string): object => ({ kind: "Status", reason, message });

const limits: RestLimits = {
  requestTimeoutMs: 30_000,
  perSecond: 1000,
  burst: 1000,
  retries: 3,
  watches: 4,
};

/** `answer` is called for each request, in the order they come. */
export async function apiServer(answer: Answer, more: Partial<RestLimits> = {}): Promise<ApiServer> {
  const asked: Asked[] = [];
  const observed: (readonly [string, string, number])[] = [];
  const numbers = new Map<Socket, number>();
  const server: Server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const url = new URL(request.url ?? "", "http://localhost");
      const one: Asked = {
        method: request.method ?? "",
        path: url.pathname,
        query: url.searchParams,
        headers: request.headers,
        body: Buffer.concat(parts).toString("utf8"),
        connection: numbers.get(request.socket) ?? 0,
      };
      asked.push(one);
      answer(one, response);
    });
  });
  server.on("connection", (socket) => numbers.set(socket, numbers.size + 1));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: "c", server: `http://127.0.0.1:${port}`, skipTLSVerify: true },
    { name: "u", token: "word" },
  );
  const timers = handTimers();
  const rest = connect(
    config,
    { ...limits, ...more },
    (verb, resource, code) => void observed.push([verb, resource, code]),
    timers,
  );
  const close = async (): Promise<void> => {
    await rest.close();
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return { rest, timers, asked, observed, close };
}
