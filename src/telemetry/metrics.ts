/** Every metric of the program, with help and labels, in one registry. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Meters } from "../controllers/shell.ts";
import { newServiceGauges } from "./service-gauges.ts";

export type Metrics = {
  readonly registry: Registry;
  readonly meters: Meters;
  readonly request: (verb: string, resource: string, code: number, seconds: number) => void;
  readonly reconciled: (controller: string, seconds: number, failed: boolean) => void;
  readonly leading: (is: boolean) => void;
  readonly watchFailed: (kind: string) => void;
  readonly relisted: (kind: string) => void;
  readonly queue: {
    readonly added: (key: string) => void;
    readonly takenUp: (key: string, seconds: number) => void;
    readonly retried: (key: string) => void;
  };
  /** Reports the longest stall of the last minute, in milliseconds, whenever the registry is read. */
  readonly watchLoop: (worstMs: () => number) => void;
  /** Reports the number of ready keys whenever the registry is read. */
  readonly watchQueue: (depth: () => number) => void;
};

const seconds = [0.005, 0.02, 0.1, 0.5, 2, 10, 60];

export function newMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const name = (rest: string) => `tungsten_operator_${rest}`;
  const execs = new Counter({
    name: name("exec_sessions_total"),
    help: "Exec sessions by how they ended.",
    labelNames: ["outcome"],
    registers,
  });
  const writes = new Counter({
    name: name("api_writes_total"),
    help: "Writes of the procedure loop.",
    labelNames: ["kind", "verb"],
    registers,
  });
  const commands = new Counter({
    name: name("commands_begun_total"),
    help: "Commands sent to nodes by tool.",
    labelNames: ["tool"],
    registers,
  });
  const steps = new Histogram({
    name: name("procedure_step_duration_seconds"),
    help: "Time a step of a procedure took.",
    labelNames: ["procedure", "step"],
    buckets: [1, 5, 15, 60, 300, 1800, 7200],
    registers,
  });
  const halts = new Counter({
    name: name("procedure_halts_total"),
    help: "Halts of procedures by reason.",
    labelNames: ["procedure", "reason"],
    registers,
  });
  const budgets = new Counter({
    name: name("procedure_budgets_spent_total"),
    help: "Budgets of procedures that were spent, by name.",
    labelNames: ["procedure", "budget"],
    registers,
  });
  const requests = new Histogram({
    name: name("api_request_duration_seconds"),
    help: "Requests to the API server.",
    labelNames: ["verb", "resource", "code"],
    buckets: seconds,
    registers,
  });
  const passes = new Histogram({
    name: name("reconcile_duration_seconds"),
    help: "Passes of the control loops.",
    labelNames: ["controller", "result"],
    buckets: seconds,
    registers,
  });
  const leader = new Gauge({ name: name("leader"), help: "1 while this process leads.", registers });
  const watches = new Counter({
    name: name("watch_failures_total"),
    help: "Watches that ended with an error.",
    labelNames: ["kind"],
    registers,
  });
  const relists = new Counter({
    name: name("relists_total"),
    help: "Complete lists that a reflector read.",
    labelNames: ["kind"],
    registers,
  });
  const adds = new Counter({
    name: "workqueue_adds_total",
    help: "Keys added to the work queue.",
    registers,
  });
  const retries = new Counter({
    name: "workqueue_retries_total",
    help: "Keys put back after an error.",
    registers,
  });
  const waits = new Histogram({
    name: "workqueue_queue_duration_seconds",
    help: "Time a key waited for a worker.",
    buckets: seconds,
    registers,
  });
  return {
    registry,
    meters: {
      execRound: (outcome) => execs.inc({ outcome }),
      apiWrite: (kind, verb) => writes.inc({ kind, verb }),
      commandBegun: (tool) => commands.inc({ tool }),
      stepFinished: (procedure, step, took) => steps.observe({ procedure, step }, took),
      procedureHalted: (procedure, reason) => halts.inc({ procedure, reason }),
      budgetSpent: (procedure, budget) => budgets.inc({ procedure, budget }),
      servicesSeen: newServiceGauges(registry, Date.now),
    },
    request: (verb, resource, code, took) => requests.observe({ verb, resource, code: String(code) }, took),
    reconciled: (controller, took, failed) =>
      passes.observe({ controller, result: failed ? "error" : "ok" }, took),
    leading: (is) => leader.set(is ? 1 : 0),
    watchFailed: (kind) => watches.inc({ kind }),
    relisted: (kind) => relists.inc({ kind }),
    queue: {
      added: () => adds.inc(),
      takenUp: (_key, waited) => waits.observe(waited),
      retried: () => retries.inc(),
    },
    watchLoop: (worstMs) =>
      void new Gauge({
        name: name("event_loop_worst_stall_seconds"),
        help: "Longest time the event loop stood still within the last minute.",
        registers,
        collect() {
          this.set(worstMs() / 1000);
        },
      }),
    watchQueue: (depth) =>
      void new Gauge({
        name: "workqueue_depth",
        help: "Keys that wait for a worker.",
        registers,
        collect() {
          this.set(depth());
        },
      }),
  };
}
