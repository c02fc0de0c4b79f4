/** The scenario of a passive site that is taken out of its composite; who watches, and every way to disturb it. */
import { type Host, hostsOf, type WorldEvent } from "../../simulator/model.ts";
import { type ChangeWatch, watchChange } from "./change-invariants.ts";
import { editMembers, passComposite } from "./change-of-members.ts";
import type { Scenario } from "./changing.ts";
import { newScene, type Scene, type SceneShape } from "./scene.ts";
import { allTrue, clusterOf, passSites } from "./site-scene.ts";

/** An active/passive composite whose sites have been seen sound; the last one takes the writes. */
export async function relayedScene(shape: SceneShape): Promise<Scene> {
  const scene = await newScene({ ...shape, topology: "CAP" });
  for (let n = 0; n < 3; n += 1) {
    await passSites(scene);
    await passComposite(scene);
  }
  return scene;
}

/** It has left by its own record, and every site but it, and these, runs from the text that it is to have now. */
export async function relayHasLeft(
  scene: Scene,
  leaver: string,
  without: readonly string[] = [],
): Promise<boolean> {
  const { status } = await clusterOf(scene, leaver);
  if (status?.leftComposite !== "global" || status.ledger?.phase !== "Finished") return false;
  const rest = [...scene.world.sites.keys()].filter((site) => ![leaver, ...without].includes(site));
  return (await allTrue(scene, "ConfigurationApplied", rest)()) && (await allTrue(scene, "Ready", rest)());
}

const runsNothing = ({ replicators, manager, connector, mysql }: Host): boolean =>
  replicators.cluster === undefined && !manager.running && !connector.running && !mysql.up;

/** What a site that is out is kept from. */
const held = ["cluster", "connector", "database", "manager"];

export type Parting = {
  readonly leaver: string;
  /** Nothing of it is awaited any more. */
  readonly abandoned?: boolean;
  /** Its nodes are left as they are. */
  readonly untouched?: boolean;
};

/**
 * The invariants of every change where sites stay; of the one that leaves: nothing of it is stopped but under MAINTENANCE of
 * all, and clients before what they read, and no database of it ever takes writes. It ends with all that was written before,
 * stopped and held.
 */
export function watchRelayParting(
  scene: Scene,
  { leaver, abandoned = false, untouched = false }: Parting,
  shape: Parameters<typeof watchChange>[1] = {},
): ChangeWatch {
  const { world } = scene;
  const base = watchChange(scene, { ...shape, sideBySide: true });
  const { violations } = base;
  const broken = (n: number, what: string): void => {
    if (violations.length < 80) violations.push({ n, what: `leaving: ${what}` });
  };
  const its = hostsOf(world, leaver);
  const isIts = (name: string): boolean => its.some((host) => host.name === name);
  const rest = [...world.sites.values()].filter(({ name }) => name !== leaver);
  const before = new Map([...world.sites].map(([name, { client }]) => [name, client.acknowledged.length]));

  const onCommand = ({ host, argv }: Extract<WorldEvent, { kind: "command" }>): void => {
    const words = argv.join(" ");
    if (!isIts(host) || !/ stop$| offline$/.test(words)) return;
    const open = [...world.sites.values()].find(({ policy }) => policy !== "MAINTENANCE");
    if (open !== undefined) broken(33, `${words} on ${host} while ${open.name} is ${open.policy}`);
    if (/^(trepctl|replicator)/.test(words)) {
      const serving = its.find(({ connector }) => connector.running);
      if (serving !== undefined) broken(35, `${words} while clients may read at ${serving.name}`);
    }
    if (/^database/.test(words) && its.some(({ manager }) => manager.running))
      broken(28, `${words} on ${host} while a manager may start it again`);
  };
  const writable = (): void => {
    const open = its.find(({ mysql }) => mysql.up && !mysql.readOnly);
    if (open !== undefined) broken(19, `${open.name} takes writes`);
  };
  world.listeners.push((event) => {
    writable();
    if (event.kind === "command") onCommand(event);
    if (event.kind === "active-site") broken(52, `${event.to} takes the writes of the composite`);
    if (event.kind === "tpm" && isIts(event.host)) broken(48, `tpm ${event.verb} on ${event.host}`);
  });

  const endOfLeaver = (host: Host): void => {
    for (const source of world.sites.values()) {
      const rows = source.client.acknowledged.slice(0, before.get(source.name));
      const missing = abandoned ? [] : rows.filter((tx) => !host.mysql.rows.has(tx));
      if (missing.length > 0) broken(1, `missing at ${host.name}: ${missing.length} of ${source.name}`);
    }
    if (!runsNothing(host)) broken(40, `something runs on ${host.name}`);
    const holds = [...host.volume.holds].sort().join();
    if (holds !== held.join()) broken(40, `${host.name} holds ${holds}`);
  };

  const endOfRest = (host: Host): void => {
    for (const { client, name } of world.sites.values()) {
      const missing = client.acknowledged.filter((tx) => !host.mysql.rows.has(tx));
      if (missing.length > 0) broken(1, `missing at ${host.name}: ${missing.length} of ${name}`);
    }
    const { ini, installed } = host.volume;
    if (ini?.includes(`[${leaver}]`)) broken(42, `the ini of ${host.name} names ${leaver}`);
    if (installed.cluster?.composite?.members.includes(leaver))
      broken(39, `the managers of ${host.name} know ${leaver}`);
  };

  const end = (interruptionSeconds: number): void => {
    base.end(interruptionSeconds);
    writable();
    const own = new RegExp(`\\b${leaver}(-\\d)?\\b`);
    const others = violations.filter(
      ({ n, what }) => n !== 1 && n !== 42 && (what.startsWith("leaving: ") || !own.test(what)),
    );
    const texts = violations.filter(({ n, what }) => n === 42 && !what.startsWith("nodes were configured"));
    violations.splice(0, violations.length, ...others, ...texts);
    if (!untouched) for (const host of its) endOfLeaver(host);
    const hosts = rest.flatMap(({ name }) => hostsOf(world, name));
    for (const host of hosts) endOfRest(host);
    if (new Set(hosts.map(({ volume }) => volume.installedIni.cluster)).size > 1)
      broken(42, "nodes were configured from different texts");
  };
  return { ...base, end };
}

/** london and tokyo relay nyc. */
export const threeRelayed = { sites: ["london", "tokyo", "nyc"], nodes: 2 };

/** tokyo, which lags behind, leaves. */
export const relayLeaves: Scenario = {
  scene: (of) => relayedScene({ ...of, ...threeRelayed }),
  begin: (scene) => {
    for (const host of hostsOf(scene.world, "tokyo")) host.lagMs = 8000;
    editMembers(scene, ["london", "nyc"]);
  },
  over: (scene) => relayHasLeft(scene, "tokyo"),
  beside: passComposite,
  interruptionSeconds: 20,
  keepsDown: ({ site, volume }) => site === "tokyo" && volume.holds.has("database"),
  watch: (scene, of) => watchRelayParting(scene, { leaver: "tokyo" }, of),
};
