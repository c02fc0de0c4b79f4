/** /metrics, /healthz and /readyz over plain HTTP. */
import { createServer, type Server } from "node:http";
import type { Registry } from "prom-client";

export type Health = {
  readonly ready: () => boolean;
  /** Why the process is better begun anew, in a sentence; undefined while it is well. */
  readonly fault: () => string | undefined;
};

/** Serves until closed; resolves with the server once it listens. */
export function serveHealth(port: number, registry: Registry, { ready, fault }: Health): Promise<Server> {
  const server = createServer((request, response) => {
    const answer = (code: number, text: string, type = "text/plain") => {
      response.writeHead(code, { "content-type": type });
      response.end(text);
    };
    if (request.url === "/healthz") {
      const why = fault();
      return why === undefined ? answer(200, "ok\n") : answer(503, `${why}\n`);
    }
    if (request.url === "/readyz") return ready() ? answer(200, "ok\n") : answer(503, "not synced yet\n");
    if (request.url === "/metrics")
      return void registry.metrics().then(
        (text) => answer(200, text, registry.contentType),
        (error: unknown) => answer(500, `${String(error)}\n`),
      );
    return answer(404, "not found\n");
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, () => resolve(server));
  });
}
