/** Plain requests to a local API server as its admin, over one set of connections: cheaper than a kubectl for each. */
import { Agent, request } from "undici";
import type { ControlPlane } from "./control-plane.ts";

export type Method = "GET" | "POST" | "PATCH" | "DELETE";
export type Answer = { readonly code: number; readonly body: unknown };
export type Rest = {
  /** Throws only where no answer came; a refusal is an answer. */
  readonly send: (method: Method, path: string, body?: object, contentType?: string) => Promise<Answer>;
  readonly close: () => Promise<void>;
};

export function adminRest(plane: Pick<ControlPlane, "server" | "adminToken">): Rest {
  const agent = new Agent({ connect: { rejectUnauthorized: false }, connections: 8 });
  return {
    send: async (method, path, body, contentType = "application/json") => {
      const response = await request(plane.server + path, {
        method,
        dispatcher: agent,
        headers: { authorization: `Bearer ${plane.adminToken}`, "content-type": contentType },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.body.text();
      return { code: response.statusCode, body: text === "" ? {} : JSON.parse(text) };
    },
    close: () => agent.destroy(),
  };
}
