/** Builds the shell from settings and starts the controllers: the only place that wires. */
import { KubeConfig } from "@kubernetes/client-node";
import { reconcileComposite } from "./controllers/composite-service.ts";
import { reconcileLink } from "./controllers/cross-site-link.ts";
import type { KubeObject, ResourceKind, Shell } from "./controllers/shell.ts";
import { type ClusterLimits, reconcileCluster } from "./controllers/tungsten-cluster.ts";
import { type FenceBook, reconcileRequest } from "./controllers/upgrade-request.ts";
import { saidSomethingNew, sitesConcerned, sitesNamedBy } from "./controllers/wake.ts";
import type { OnChange } from "./kube/cache.ts";
import { eventsOver } from "./kube/events.ts";
import { podsOver } from "./kube/exec.ts";
import { clusterKind, compositeKind, linkKind, podKind, requestKind, statefulSetKind } from "./kube/kinds.ts";
import { campaign } from "./kube/leader.ts";
import { objectsOver } from "./kube/objects.ts";
import { type Again, newQueue, type Queue } from "./kube/queue.ts";
import { type Reflector, startReflector } from "./kube/reflector.ts";
import { connect, type Rest } from "./kube/rest.ts";
import { pause, realTimers } from "./kube/timers.ts";
import { runnerScript } from "./runner/script.ts";
import { type Settings, settingsFrom } from "./settings.ts";
import { serveHealth } from "./telemetry/health.ts";
import { newLog } from "./telemetry/log.ts";
import { watchLoop } from "./telemetry/loop-watch.ts";
import { type Metrics, newMetrics } from "./telemetry/metrics.ts";
import { siteLabel } from "./topology/names.ts";

/** Undefined stands for all namespaces at once. */
const watchedNamespaces = ({ WATCH_NAMESPACES }: Settings): readonly (string | undefined)[] =>
  WATCH_NAMESPACES.length === 0 ? [undefined] : WATCH_NAMESPACES;

/** Four kinds of our own, pods and StatefulSets. */
const watchedKinds = 6;

function restOver(settings: Settings, metrics: Metrics): Rest {
  const config = new KubeConfig();
  config.loadFromDefault();
  const limits = {
    requestTimeoutMs: settings.REQUEST_TIMEOUT_MS,
    perSecond: settings.REQUESTS_PER_SECOND,
    burst: settings.REQUEST_BURST,
    retries: settings.REQUEST_RETRIES,
    watches: watchedKinds * watchedNamespaces(settings).length,
  };
  return connect(config, limits, metrics.request);
}

function shellOver(settings: Settings, rest: Rest, metrics: Metrics): Shell {
  const log = newLog(settings.LOG_LEVEL);
  const objects = objectsOver(rest);
  const pods = podsOver(rest, {
    container: "tungsten",
    handshakeMs: settings.EXEC_HANDSHAKE_MS,
    sessionMs: settings.EXEC_SESSION_MS,
    outputBytes: settings.EXEC_OUTPUT_BYTES,
    pingMs: settings.EXEC_PING_MS,
    deadMs: settings.EXEC_DEAD_MS,
    perPod: settings.EXEC_PER_POD,
    overall: settings.EXEC_OVERALL,
  });
  return {
    objects,
    pods,
    log,
    clock: { now: () => Date.now() },
    events: eventsOver(objects, log, settings.POD_NAME),
    meters: metrics.meters,
    questions: new Map(),
    statusWrites: new Map(),
  };
}

type Loop = {
  readonly name: string;
  readonly kind: ResourceKind;
  readonly work: (ref: { namespace: string; name: string }) => Promise<Again>;
};

function loopsOver(settings: Settings, shell: Shell): readonly Loop[] {
  const limits: ClusterLimits = {
    width: settings.COMMAND_WIDTH,
    pollMs: settings.POLL_MS,
    pollMostMs: settings.POLL_MAX_MS,
    idleMs: settings.IDLE_MS,
    healthMs: settings.HEALTH_MS,
    authorsStamped: settings.AUTHORS_STAMPED === "true",
  };
  const fences: FenceBook = new Map();
  const script = runnerScript();
  return [
    {
      name: "TungstenCluster",
      kind: clusterKind,
      work: (ref) => reconcileCluster(shell, limits, script, fences, ref),
    },
    { name: "CrossSiteLink", kind: linkKind, work: (ref) => reconcileLink(shell, limits, ref) },
    { name: "CompositeService", kind: compositeKind, work: (ref) => reconcileComposite(shell, limits, ref) },
    {
      name: "UpgradeRequest",
      kind: requestKind,
      work: (ref) => reconcileRequest(shell, limits, fences, ref),
    },
  ];
}

type Running = { readonly queue: Queue; readonly reflectors: readonly Reflector[] };

/** One queue for all kinds; keys are `Kind namespace name`. */
function startLoops(settings: Settings, rest: Rest, shell: Shell, metrics: Metrics): Running {
  const loops = loopsOver(settings, shell);
  const queue = newQueue(
    {
      workers: settings.WORKERS,
      firstBackoffMs: settings.BACKOFF_FIRST_MS,
      maxBackoffMs: settings.BACKOFF_MAX_MS,
    },
    realTimers,
    async (key) => {
      const [name, namespace = "", object = ""] = key.split(" ");
      const loop = loops.find((each) => each.name === name);
      if (loop === undefined) return "never";
      const started = performance.now();
      let failed = true;
      try {
        const again = await loop.work({ namespace, name: object });
        failed = false;
        return again;
      } finally {
        metrics.reconciled(loop.name, (performance.now() - started) / 1000, failed);
      }
    },
    (key, error) => shell.log.warn({ key, error: String(error) }, "a pass failed and is tried again"),
    metrics.queue,
  );
  metrics.watchQueue(() => queue.depth());
  const watch = watchOver(settings, rest, shell, metrics);
  return { queue, reflectors: watchAll(loops, queue, watch) };
}

type Watch = (kind: ResourceKind, onChange: OnChange, labelSelector?: string) => readonly Reflector[];

/** Starts one reflector for each watched namespace. */
function watchOver(settings: Settings, rest: Rest, shell: Shell, metrics: Metrics): Watch {
  const limits = {
    watchSeconds: settings.WATCH_SECONDS,
    silenceMs: settings.WATCH_SILENCE_MS,
    firstBackoffMs: settings.BACKOFF_FIRST_MS,
    maxBackoffMs: settings.BACKOFF_MAX_MS,
  };
  return (kind, onChange, labelSelector) =>
    watchedNamespaces(settings).map((namespace) =>
      startReflector(
        rest,
        { kind, namespace, onChange, ...(labelSelector !== undefined && { labelSelector }) },
        limits,
        {
          failed: (error) => {
            metrics.watchFailed(kind.kind);
            shell.log.warn({ kind: kind.kind, namespace, error: String(error) }, "watch failed");
          },
          relisted: () => metrics.relisted(kind.kind),
        },
      ),
    );
}

/** A change wakes its own loop; of a pod or StatefulSet its site; of a link or composite its sites, and the other way round. */
function watchAll(loops: readonly Loop[], queue: Queue, watch: Watch): readonly Reflector[] {
  const wake = ({ kind, metadata }: KubeObject) =>
    queue.add(`${kind} ${metadata.namespace} ${metadata.name}`);
  const wakeSite = (namespace: string | undefined, site: string, afterMs = 0) =>
    queue.add(`${clusterKind.kind} ${namespace} ${site}`, afterMs);
  const wakeOwner = ({ metadata }: KubeObject) =>
    wakeSite(metadata.namespace, metadata.labels?.[siteLabel] ?? "", 200);
  const reflectors: Reflector[] = [];
  const wakeRelated = (object: KubeObject, sites: readonly string[]): void => {
    const { namespace, name } = object.metadata;
    for (const site of sites) wakeSite(namespace, site);
    if (object.kind !== clusterKind.kind) return;
    for (const other of reflectors.flatMap((reflector) => reflector.list(namespace)))
      if (sitesNamedBy(other).includes(name)) wake(other);
  };
  for (const { kind } of loops) {
    const [isNews, concerned] = [saidSomethingNew(), sitesConcerned()];
    const onChange: OnChange = (object, gone) => {
      if (!isNews(object, gone)) return;
      wake(object);
      wakeRelated(object, concerned(object, gone));
    };
    reflectors.push(...watch(kind, onChange));
  }
  return [
    ...reflectors,
    ...watch(podKind, wakeOwner, siteLabel),
    ...watch(statefulSetKind, wakeOwner, siteLabel),
  ];
}

/** Watches the event loop; the answer tells why the process is no longer well. */
function faultOf({ LOOP_STALL_MS }: Settings, { log }: Shell, metrics: Metrics): () => string | undefined {
  const loop = watchLoop(realTimers, (ms) => log.warn({ ms: Math.round(ms) }, "the event loop stood still"));
  metrics.watchLoop(loop.worstMs);
  return () => {
    const worst = loop.worstMs();
    return worst > LOOP_STALL_MS
      ? `the event loop stood still for ${(worst / 1000).toFixed(1)} s within the last minute`
      : undefined;
  };
}

async function main(): Promise<void> {
  const settings = settingsFrom(process.env);
  const metrics = newMetrics();
  const rest = restOver(settings, metrics);
  const shell = shellOver(settings, rest, metrics);
  let running: Running | undefined;
  let ready = false;
  const server = await serveHealth(settings.HTTP_PORT, metrics.registry, {
    ready: () =>
      ready && (running === undefined || running.reflectors.every((reflector) => reflector.synced())),
    fault: faultOf(settings, shell, metrics),
  });
  shell.log.info({ address: server.address() }, "serving /metrics, /healthz and /readyz");
  const ending = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => ending.abort());
  const sleep = (ms: number) => pause(realTimers, ms, ending.signal);
  ready = true;
  const candidate = {
    namespace: settings.POD_NAMESPACE,
    name: "tungsten-operator",
    identity: `${settings.POD_NAME}-${process.pid}-${Date.now().toString(36)}`,
    failed: (error: unknown) =>
      shell.log.warn({ error: String(error) }, "the leader's Lease cannot be read or written"),
  };
  const limits = {
    leaseMs: settings.LEASE_MS,
    renewByMs: settings.LEASE_RENEW_BY_MS,
    retryMs: settings.LEASE_RETRY_MS,
  };
  const clock = { monotonic: () => performance.now(), wall: () => Date.now(), sleep };
  await campaign(
    shell.objects,
    candidate,
    limits,
    clock,
    () => {
      metrics.leading(true);
      shell.log.info({ identity: candidate.identity }, "leading");
      running = startLoops(settings, rest, shell, metrics);
    },
    async () => running?.queue.stop(),
    ending.signal,
  );
  metrics.leading(false);
  if (!ending.signal.aborted) {
    shell.log.error("leadership lost; another process may lead: exiting at once");
    process.exit(1);
  }
  await Promise.all((running?.reflectors ?? []).map((reflector) => reflector.stop()));
  await rest.close();
  server.close();
  process.exit(0);
}

await main();
