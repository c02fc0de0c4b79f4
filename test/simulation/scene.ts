/** A scene: a simulated world, an API server in memory, and the operator's real loop between them, on one virtual clock. */
import { pino } from "pino";
import { caaWorld, capWorld, msaaWorld } from "../../simulator/build.ts";
import type { Host, World } from "../../simulator/model.ts";
import { exec } from "../../simulator/runner.ts";
import { advance } from "../../simulator/world.ts";
import type { ExecOutcome, KubeObject, Shell } from "../../src/controllers/shell.ts";
import { type Catalog, type FenceBook, reconcileRequest } from "../../src/controllers/upgrade-request.ts";
import { tungstenIni } from "../../src/ini/tungsten-ini.ts";
import { clusterKind, compositeKind, linkKind, podKind, requestKind } from "../../src/kube/kinds.ts";
import { procedureOf } from "../../src/procedures/catalog.ts";
import { estatesOf } from "../../src/topology/estate-of.ts";
import { type MemoryObjects, memoryObjects } from "./memory-objects.ts";

export const namespace = "estate";
export const release = "8.0.4-132";
const group = "tungsten-operator.io/v1alpha1";

export type SceneShape = {
  readonly sites: readonly string[];
  readonly nodes: number;
  readonly seed: number;
  readonly rate?: number;
  /** MSAA where it is left out; the others are composites without CrossSiteLinks. The last site takes the writes of a CAP. */
  readonly topology?: "MSAA" | "CAA" | "DAA" | "CAP";
  /** Of objects and nodes; an old one makes the estate one of the legacy topology. */
  readonly release?: string;
  /** Options of CrossSiteLinks, by name, e.g. `nyc-to-london`. */
  readonly linkOptions?: Readonly<Record<string, Readonly<Record<string, string>>>>;
};

export type Scene = {
  readonly world: World;
  readonly objects: MemoryObjects;
  readonly shell: Shell;
  readonly calls: { exec: number; passes: number };
  /** When each node was last asked. */
  readonly looks: Map<string, number>;
  /** Everything a person could read: audit lines, logs, events. */
  readonly readable: string[];
  /** Budgets that were counted as spent. */
  readonly budgets: string[];
  fences: FenceBook;
  /** The procedures of this scene; mutated ones show that the invariants have teeth. */
  catalog: Catalog;
  /** Name of the request that the scene is about; the first that was asked for. */
  asked: string;
  /** Called before every effect and every write; throwing there is a crash of the operator. */
  onStep: (what: string) => void;
};

const silent = pino({ level: "silent" });

export async function newScene(shape: SceneShape): Promise<Scene> {
  const inputs = inputsOf(shape);
  const [estate] = estatesOf(namespace, inputs).estates;
  if (estate === undefined) throw new Error("no estate");
  const blueprint = {
    seed: shape.seed,
    sites: shape.sites.map((name) => ({ name, nodes: shape.nodes })),
    release: shape.release ?? release,
    rate: shape.rate ?? 1,
  };
  const { topology = "MSAA" } = shape;
  const ini = tungstenIni(estate, topology, {});
  const world =
    topology === "CAP"
      ? capWorld(blueprint, ini, "global", shape.sites.at(-1) ?? "")
      : topology === "MSAA"
        ? msaaWorld(blueprint, ini)
        : caaWorld(blueprint, ini, "global");
  const scene = sceneOver(world);
  await putObjects(scene.objects, shape, world);
  return scene;
}

/** The operator's loops over this world, and no object yet. */
export function sceneOver(world: World): Scene {
  let uids = 0;
  const nextUid = (): number => {
    uids += 1;
    return uids;
  };
  const objects = memoryObjects(
    () => `${String(nextUid()).padStart(8, "0")}-0000-4000-8000-${String(world.seed).padStart(12, "0")}`,
  );
  const scene: Scene = {
    world,
    objects,
    calls: { exec: 0, passes: 0 },
    looks: new Map(),
    readable: [],
    budgets: [],
    fences: new Map(),
    catalog: procedureOf,
    asked: "to-caa",
    onStep: () => {},
    shell: undefined as unknown as Shell,
  };
  Object.assign(scene, { shell: shellOver(scene) });
  return scene;
}

function inputsOf({ sites, nodes, topology, linkOptions = {}, release: installed = release }: SceneShape) {
  const pairs = (topology === undefined || topology === "MSAA" ? sites : []).flatMap((source) =>
    sites.filter((target) => target !== source).map((target) => ({ source, target })),
  );
  return {
    clusters: sites.map((name) => ({
      name,
      nodes,
      initialPrimary: 0,
      release: installed,
      mysqlPort: 13306,
      connectorPort: 3306,
      options: {},
    })),
    links: pairs.map(({ source, target }) => ({
      name: `${source}-to-${target}`,
      source,
      target,
      options: linkOptions[`${source}-to-${target}`] ?? {},
    })),
    composites: [{ name: "global", members: sites, ...compositeOf({ sites, topology }) }],
  };
}

/** What a CompositeService says of its type: an estate of links is to become active/active. */
function compositeOf({
  sites,
  topology,
}: {
  sites: readonly string[];
  topology?: SceneShape["topology"] | undefined;
}) {
  if (topology === "CAP") return { type: "ActivePassive" as const, primarySite: sites.at(-1) };
  return topology === "DAA"
    ? { type: "DynamicActiveActive" as const, writeAffinity: sites }
    : { type: "ActiveActive" as const };
}

export const make = (kind: string, name: string, spec: object): KubeObject => ({
  apiVersion: group,
  kind,
  metadata: { name, namespace },
  spec,
});

async function putObjects(objects: MemoryObjects, shape: SceneShape, world: World): Promise<void> {
  const { links } = inputsOf(shape);
  for (const name of shape.sites)
    await objects.create(
      clusterKind,
      make("TungstenCluster", name, {
        nodes: shape.nodes,
        release: shape.release ?? release,
        image: "node:dev",
      }),
    );
  for (const { name, source, target, options } of links)
    await objects.create(
      linkKind,
      make("CrossSiteLink", name, { source: { name: source }, target: { name: target }, options }),
    );
  await objects.create(
    compositeKind,
    make("CompositeService", "global", {
      ...compositeOf(shape),
      members: shape.sites.map((name) => ({ name })),
    }),
  );
  await putPods(objects, [...world.hosts.values()]);
}

/** The pods of these hosts run. */
export async function putPods(objects: MemoryObjects, hosts: readonly Host[]): Promise<void> {
  for (const host of hosts) {
    const pod: KubeObject = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: host.name, namespace, labels: { "tungsten-operator.io/site": host.site } },
      status: { phase: "Running" },
    };
    const made = await objects.create(podKind, pod);
    host.podUid = made.metadata.uid ?? "";
  }
}

/** Asks for the conversion. */
export const askForConversion = (
  scene: Scene,
  spec: object = {},
  parameters: object = {},
  name = "to-caa",
): Promise<KubeObject> =>
  scene.objects.create(requestKind, {
    apiVersion: group,
    kind: "UpgradeRequest",
    metadata: { name, namespace },
    spec: {
      procedure: "ConvertMsaaToCaa",
      convertMsaaToCaa: {
        compositeService: { name: "global" },
        backup: {
          mode: "Attested",
          who: "dba",
          when: new Date(scene.world.now - 3_600_000).toISOString(),
          evidence: "vault",
          sites: [...scene.world.sites.keys()].map((site) => ({
            site,
            sha256: "5a".repeat(32),
            lsn: "1234",
          })),
        },
        ...parameters,
      },
      approval: "Automatic",
      ...spec,
    },
  });

/** Asks for another procedure; the scene is about this request from here on. */
export function askFor(scene: Scene, name: string, spec: object): Promise<KubeObject> {
  scene.asked = name;
  return scene.objects.create(requestKind, {
    apiVersion: group,
    kind: "UpgradeRequest",
    metadata: { name, namespace },
    spec: { approval: "Automatic", ...spec },
  });
}

export const theRequest = async (scene: Scene): Promise<KubeObject> => {
  const request = await scene.objects.get(requestKind, { namespace, name: scene.asked });
  if (request === undefined) throw new Error("no request");
  return request;
};

function shellOver(scene: Scene): Shell {
  const { objects } = scene;
  const guarded =
    <A extends unknown[], R>(what: string, call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      scene.onStep(`before ${what}`);
      const result = await call(...args);
      scene.onStep(`after ${what}`);
      return result;
    };
  return {
    objects: {
      ...objects,
      create: guarded("create", objects.create),
      replace: guarded("replace", objects.replace),
      replaceStatus: guarded("status", objects.replaceStatus),
      patch: guarded("patch", objects.patch),
      remove: guarded("remove", objects.remove),
    },
    pods: {
      async exec(pod, argv, stdin): Promise<ExecOutcome> {
        scene.calls.exec += 1;
        scene.readable.push(argv.join(" "));
        const begins = argv[1] === "start";
        if (begins) scene.onStep(`before start ${argv[4]}`);
        else scene.looks.set(pod.name, scene.world.now);
        const reply = exec(scene.world, pod.name, argv, stdin);
        if (begins) scene.onStep(`after start ${argv[4]}`);
        return "lost" in reply ? { kind: "lost", why: reply.lost } : { kind: "exited", ...reply };
      },
    },
    clock: { now: () => scene.world.now },
    events: { emit: (_about, _type, reason, message) => void scene.readable.push(`${reason} ${message}`) },
    log: silent,
    meters: {
      execRound() {},
      apiWrite() {},
      commandBegun() {},
      stepFinished() {},
      procedureHalted() {},
      servicesSeen() {},
      budgetSpent: (_procedure, budget) => void scene.budgets.push(budget),
    },
    questions: new Map(),
    statusWrites: new Map(),
  };
}

export const limits = { width: 16, pollMs: 2000, pollMostMs: 5000, idleMs: 5000 };

/** One pass of the loop, then as much virtual time as it asked for. Returns false when nothing is left to do. */
export async function pass(scene: Scene): Promise<boolean> {
  scene.calls.passes += 1;
  const again = await reconcileRequest(
    scene.shell,
    limits,
    scene.fences,
    { namespace, name: scene.asked },
    scene.catalog,
  );
  if (again === "never") return false;
  advance(scene.world, Math.max(again.afterMs, 50));
  return true;
}

/** A new process of the operator: it remembers nothing. */
export const restartOperator = (scene: Scene): void => {
  scene.fences = new Map();
  scene.shell.questions.clear();
  scene.shell.statusWrites.clear();
};

/** Runs until the request is over, or until so much virtual time has passed. */
export async function drive(scene: Scene, maxMinutes = 60): Promise<KubeObject> {
  const end = scene.world.now + maxMinutes * 60_000;
  while (scene.world.now < end && (await pass(scene)));
  return theRequest(scene);
}

/** Clients stop, and what is on its way arrives. */
export function quiesce(scene: Scene): void {
  for (const site of scene.world.sites.values()) site.client.rate = 0;
  advance(scene.world, 30_000);
}

export const conditionOf = (
  object: KubeObject,
  type: string,
): { status: string; reason: string; message: string } | undefined =>
  (object.status?.conditions ?? []).find((condition: { type: string }) => condition.type === type);
