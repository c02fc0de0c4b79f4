/**
 * A proxy in front of the real API server: everything passes through but pods/exec, which it authorises with the caller's
 * own token and answers from the simulated world over the real WebSocket protocol. It also injects network faults.
 */
import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { Agent, createServer, request, type Server } from "node:https";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import type { ControlPlane } from "../control-plane.ts";
import { type NetworkFaults, noFaults, serveExec } from "./exec-session.ts";
import type { WorldClient } from "./world-client.ts";

export type ApiProxy = {
  readonly url: string;
  readonly faults: NetworkFaults;
  readonly counts: () => Readonly<Record<string, number>>;
  readonly close: () => Promise<void>;
};

const execPath = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)\/exec\?/;

export async function startProxy(plane: ControlPlane, world: WorldClient): Promise<ApiProxy> {
  const agent = new Agent({ rejectUnauthorized: false, keepAlive: true, maxSockets: 256 });
  const upstream = new URL(plane.server);
  const counts: Record<string, number> = {};
  const faults = noFaults();
  const server: Server = createServer({
    cert: readFileSync(plane.certificate.cert),
    key: readFileSync(plane.certificate.key),
  });
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) =>
      offered.has("v5.channel.k8s.io")
        ? "v5.channel.k8s.io"
        : offered.has("v4.channel.k8s.io")
          ? "v4.channel.k8s.io"
          : false,
  });

  server.on("request", (incoming, outgoing) => {
    const what = `${incoming.method} ${resourceOf(incoming.url ?? "")}`;
    counts[what] = (counts[what] ?? 0) + 1;
    const forward = request(
      {
        host: upstream.hostname,
        port: upstream.port,
        method: incoming.method,
        path: incoming.url,
        headers: incoming.headers,
        agent,
      },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    forward.on("error", () => outgoing.destroy());
    outgoing.on("close", () => forward.destroy());
    incoming.pipe(forward);
  });

  server.on("upgrade", (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
    const match = execPath.exec(incoming.url ?? "");
    if (match === null) return refuse(socket, 501, "only exec is served by the stand-in node");
    counts["EXEC pods"] = (counts["EXEC pods"] ?? 0) + 1;
    const [, namespace = "", name = ""] = match;
    admit(agent, plane, incoming, namespace, name).then(
      (problem) => {
        if (problem !== undefined) return refuse(socket, problem.code, problem.message);
        return sockets.handleUpgrade(incoming, socket, head, (session) =>
          serveExec(session, incoming.url ?? "", name, world, faults),
        );
      },
      (error: unknown) => refuse(socket, 500, String(error)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const close = async () => {
    server.closeAllConnections();
    for (const session of sockets.clients) session.terminate();
    await new Promise((resolve) => server.close(resolve));
    agent.destroy();
  };
  return { url: `https://127.0.0.1:${port}`, faults, counts: () => counts, close };
}

const resourceOf = (url: string): string =>
  url
    .split("?")[0]
    ?.replace(/\/namespaces\/[^/]+/, "")
    .split("/")
    .slice(url.startsWith("/apis") ? 4 : 3, url.startsWith("/apis") ? 5 : 4)[0] ?? url;

/** A refusal before the upgrade, with a Status body, as the API server gives it. */
function refuse(socket: Duplex, code: number, message: string): void {
  const reason = { 403: "Forbidden", 404: "NotFound", 400: "BadRequest" }[code] ?? "InternalError";
  const body = JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", message, reason, code });
  socket.end(
    `HTTP/1.1 ${code} ${reason}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

type Answer = {
  readonly code: number;
  readonly body: {
    status?: { allowed?: boolean; containerStatuses?: unknown[] };
    spec?: { containers?: { name: string }[] };
  };
};

function ask(
  agent: Agent,
  plane: ControlPlane,
  method: string,
  path: string,
  authorization: string,
  body?: object,
): Promise<Answer> {
  const url = new URL(plane.server);
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: url.hostname,
        port: url.port,
        method,
        path,
        agent,
        headers: { authorization, "content-type": "application/json" },
      },
      (answer) => {
        const parts: Buffer[] = [];
        answer.on("data", (part: Buffer) => parts.push(part));
        answer.on("end", () =>
          resolve({
            code: answer.statusCode ?? 0,
            body: JSON.parse(Buffer.concat(parts).toString("utf8") || "{}"),
          }),
        );
      },
    );
    sent.on("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** The caller's own right to exec, by the API server's word; then the pod and the container must exist. */
async function admit(
  agent: Agent,
  plane: ControlPlane,
  incoming: IncomingMessage,
  namespace: string,
  name: string,
): Promise<{ code: number; message: string } | undefined> {
  const authorization = incoming.headers.authorization ?? "";
  const review = {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SelfSubjectAccessReview",
    spec: { resourceAttributes: { namespace, verb: "get", resource: "pods", subresource: "exec", name } },
  };
  const allowed = await ask(
    agent,
    plane,
    "POST",
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
    authorization,
    review,
  );
  if (allowed.code === 401) return { code: 401, message: "Unauthorized" };
  if (allowed.body.status?.allowed !== true)
    return {
      code: 403,
      message: `pods "${name}" is forbidden: cannot get resource "pods/exec" in API group "" in the namespace "${namespace}"`,
    };
  const pod = await ask(
    agent,
    plane,
    "GET",
    `/api/v1/namespaces/${namespace}/pods/${name}`,
    `Bearer ${plane.adminToken}`,
  );
  if (pod.code === 404) return { code: 404, message: `pods "${name}" not found` };
  const container = new URL(incoming.url ?? "", "https://localhost").searchParams.get("container") ?? "";
  const known = pod.body.spec?.containers?.some((each) => each.name === container) === true;
  return known ? undefined : { code: 400, message: `container ${container} is not valid for pod ${name}` };
}
