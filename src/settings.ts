/** The program's settings: environment → one frozen record. Every limit, timeout and width has its place here. */
import * as z from "zod";

const milliseconds = (fallback: number) => z.coerce.number().int().min(1).default(fallback);

const namespaces = z
  .string()
  .default("")
  .transform((list) => list.split(",").flatMap((name) => (name.trim() === "" ? [] : [name.trim()])))
  .pipe(
    z.array(z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "not the name of a namespace")).max(100),
  );

const schema = z.object({
  /** Namespaces the operator watches, with commas between; empty watches all. */
  WATCH_NAMESPACES: namespaces,
  /** Namespace of the leader Lease. */
  POD_NAMESPACE: z.string().default("tungsten-operator"),
  /** Identity in leader election; the pod's name in a cluster. */
  POD_NAME: z.string().default("tungsten-operator"),
  /** The API server stamps who asked and who approved, and lets nobody else: the chart says so where it installs that. */
  AUTHORS_STAMPED: z.enum(["true", "false"]).default("false"),
  LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error"]).default("info"),
  /** Port of /metrics, /healthz and /readyz; 0 takes a free one. */
  HTTP_PORT: z.coerce.number().int().min(0).max(65535).default(8080),
  /** Reconciles that run at once. */
  WORKERS: z.coerce.number().int().min(1).max(64).default(8),
  /** Commands of one part of a procedure that run side by side. */
  COMMAND_WIDTH: z.coerce.number().int().min(1).max(256).default(32),
  /** Exec sessions at once in one pod, and overall. */
  EXEC_PER_POD: z.coerce.number().int().min(1).max(10).default(2),
  EXEC_OVERALL: z.coerce.number().int().min(1).max(200).default(40),
  EXEC_HANDSHAKE_MS: milliseconds(10_000),
  EXEC_SESSION_MS: milliseconds(60_000),
  /** Between pings of a session, and the silence after which it is taken for dead. */
  EXEC_PING_MS: milliseconds(10_000),
  EXEC_DEAD_MS: milliseconds(30_000),
  EXEC_OUTPUT_BYTES: z.coerce
    .number()
    .int()
    .min(1024)
    .default(16 * 1024 * 1024),
  /** Between looks at something that runs. */
  POLL_MS: milliseconds(1000),
  /** The most between looks at something that has run for long; it is never looked at more often than POLL_MS says. */
  POLL_MAX_MS: milliseconds(5000),
  /** Between looks at something only a human or a changed world can move. */
  IDLE_MS: milliseconds(10_000),
  /** Between health rounds over a site's nodes. */
  HEALTH_MS: milliseconds(30_000),
  /** The event loop standing still for longer fails /healthz for a minute, and kubelet begins the process anew. */
  LOOP_STALL_MS: milliseconds(10_000),
  REQUEST_TIMEOUT_MS: milliseconds(30_000),
  REQUESTS_PER_SECOND: z.coerce.number().min(1).default(50),
  REQUEST_BURST: z.coerce.number().int().min(1).default(100),
  REQUEST_RETRIES: z.coerce.number().int().min(0).max(20).default(5),
  WATCH_SECONDS: z.coerce.number().int().min(5).default(420),
  WATCH_SILENCE_MS: milliseconds(130_000),
  BACKOFF_FIRST_MS: milliseconds(200),
  BACKOFF_MAX_MS: milliseconds(30_000),
  LEASE_MS: milliseconds(15_000),
  LEASE_RENEW_BY_MS: milliseconds(10_000),
  LEASE_RETRY_MS: milliseconds(2000),
});

/** Of two the first has to be the smaller one, or what they are for does not work. */
const smaller = [
  ["LEASE_RENEW_BY_MS", "LEASE_MS", "a leader has to stop before another may begin"],
  ["LEASE_RETRY_MS", "LEASE_RENEW_BY_MS", "a leader has to renew before it stops"],
  ["EXEC_PING_MS", "EXEC_DEAD_MS", "a session is taken for dead when pings go unanswered"],
  ["BACKOFF_FIRST_MS", "BACKOFF_MAX_MS", "the pauses grow from the one to the other"],
] as const;

const consistent = schema.superRefine((settings, context) => {
  for (const [less, more, why] of smaller)
    if (settings[less] >= settings[more])
      context.addIssue({
        code: "custom",
        path: [less],
        message: `has to be less than ${more} (${settings[more]}): ${why}`,
      });
});

export type Settings = Readonly<z.infer<typeof schema>>;

/** Reads the environment; throws one clear sentence for each bad value. */
export function settingsFrom(environment: Readonly<Record<string, string | undefined>>): Settings {
  const parsed = consistent.safeParse(environment);
  if (parsed.success) return Object.freeze(parsed.data);
  const faults = parsed.error.issues.map(({ path, message }) => {
    const name = path.join(".");
    return `${name}=«${environment[name] ?? ""}»: ${message}; correct the environment variable or remove it for its default`;
  });
  throw new Error(faults.join("\n"));
}
