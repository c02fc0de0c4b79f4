/** One exec session over WebSocket, as a kubelet behind an API server speaks it: first an empty frame, at the end a status frame. */
import type { WebSocket } from "ws";
import type { WorldClient } from "./world-client.ts";

/** How many of the next sessions get each fault. */
export type NetworkFaults = {
  /** The reader sees a clean end of file after half of stdin. */
  cutStdin: number;
  /** The command runs, the reply never comes. */
  dropReply: number;
  /** The session is cut before anything ran. */
  refuse: number;
  /** Awaited before a command is handed to the world, and again when it answered: where a test kills the caller. */
  onStart: (when: "before" | "after", argv: readonly string[]) => Promise<void>;
};

export const noFaults = (): NetworkFaults => ({
  cutStdin: 0,
  dropReply: 0,
  refuse: 0,
  onStart: async () => {},
});

const due = (faults: NetworkFaults, which: "cutStdin" | "dropReply" | "refuse"): boolean => {
  if (faults[which] <= 0) return false;
  faults[which] -= 1;
  return true;
};

export function serveExec(
  session: WebSocket,
  url: string,
  pod: string,
  world: WorldClient,
  faults: NetworkFaults,
): void {
  const argv = new URL(url, "https://localhost").searchParams.getAll("command");
  const parts: Buffer[] = [];
  let begun = false;
  const frame = (channel: number, data: string | Buffer) =>
    session.send(Buffer.concat([Buffer.from([channel]), Buffer.from(data)]));
  frame(1, "");
  if (due(faults, "refuse")) return session.terminate();
  const run = async (): Promise<void> => {
    begun = true;
    const all = Buffer.concat(parts);
    const stdin = due(faults, "cutStdin") ? all.subarray(0, all.length / 2) : all;
    const begins = argv[1] === "start";
    if (begins) await faults.onStart("before", argv);
    const answer = await world.exec({ pod, argv, stdin });
    if (begins) await faults.onStart("after", argv);
    if ("lost" in answer) {
      if (answer.lost.includes("not found"))
        frame(
          3,
          JSON.stringify({
            status: "Failure",
            reason: "InternalError",
            code: 500,
            message: `container not found ("tungsten")`,
          }),
        );
      return session.terminate();
    }
    if (due(faults, "dropReply")) return session.terminate();
    if (answer.stdout !== "") frame(1, answer.stdout);
    if (answer.stderr !== "") frame(2, answer.stderr);
    frame(3, JSON.stringify(statusOf(answer.code)));
    session.close(1000);
  };
  session.on("message", (data: Buffer) => {
    if (data[0] === 0) parts.push(data.subarray(1));
    else if (data[0] === 255 && !begun) run().catch(() => session.terminate());
  });
}

const statusOf = (code: number): object =>
  code === 0
    ? { metadata: {}, status: "Success" }
    : {
        metadata: {},
        status: "Failure",
        reason: "NonZeroExitCode",
        message: `command terminated with non-zero exit code: exit status ${code}`,
        details: { causes: [{ reason: "ExitCode", message: String(code) }] },
      };
