/** The way to the simulated world's process: plain JSON over loopback HTTP. */
import { Agent, request } from "undici";

export type ExecAnswer =
  | { readonly code: number; readonly stdout: string; readonly stderr: string }
  | { readonly lost: string };

export type WorldClient = {
  readonly exec: (call: { pod: string; argv: readonly string[]; stdin: Buffer }) => Promise<ExecAnswer>;
  readonly podStarted: (pod: {
    name: string;
    uid: string;
    site: string;
    ordinal: number;
    template: string;
    myCnf: string;
  }) => Promise<void>;
  readonly podEnded: (name: string) => Promise<void>;
};

export function worldAt(url: string): WorldClient {
  const agent = new Agent({ connections: 64, keepAliveTimeout: 30_000 });
  const post = async (path: string, body: object): Promise<unknown> => {
    const response = await request(url + path, {
      method: "POST",
      dispatcher: agent,
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
    });
    const text = await response.body.text();
    if (response.statusCode !== 200)
      throw new Error(`the world answered ${response.statusCode} to ${path}: ${text.slice(0, 200)}`);
    return text === "" ? {} : JSON.parse(text);
  };
  return {
    exec: async ({ pod, argv, stdin }) =>
      (await post("/exec", { pod, argv, stdinBase64: stdin.toString("base64") })) as ExecAnswer,
    podStarted: async (pod) => void (await post("/pods", pod)),
    podEnded: async (name) => void (await post("/pods/end", { name })),
  };
}
