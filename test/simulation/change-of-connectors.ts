/** The scenarios of hosts that run only a connector: they come, they go, they follow their nodes; and who watches. */
import { connectorsAt, hostsOf, type WorldEvent } from "../../simulator/model.ts";
import { advance } from "../../simulator/world.ts";
import { type ChangeWatch, watchChange } from "./change-invariants.ts";
import type { Scenario } from "./changing.ts";
import { runConnectorPods } from "./pods.ts";
import { restartOperator, type Scene, type SceneShape } from "./scene.ts";
import { allTrue, editSite, reached, settledScene } from "./site-scene.ts";

const type = "ConnectorsInService";

/** An estate whose london has so many hosts for connectors alone, in service already. */
export const sceneWithConnectors =
  (replicas: number) =>
  async (shape: SceneShape): Promise<Scene> => {
    const scene = await settledScene(shape);
    editSite(scene, "london", { connector: { replicas } });
    await reached(scene, inService(scene, replicas), { beside: runConnectorPods });
    restartOperator(scene);
    return scene;
  };

/** So many take clients there, and every node has its text. */
export const inService =
  (scene: Scene, replicas: number, site = "london") =>
  async (): Promise<boolean> =>
    connectorsAt(scene.world, site).length === replicas &&
    (await allTrue(scene, type, [site])()) &&
    (await allTrue(scene, "ConfigurationApplied")());

/** The nodes' connectors are closed: whoever comes in comes in by the hosts of their own. */
export async function onlyByTheirOwn(scene: Scene, site: string): Promise<number> {
  for (const host of hostsOf(scene.world, site)) host.connector = { ...host.connector, closed: true };
  const { client } = scene.world.sites.get(site) ?? {};
  if (client === undefined) throw new Error(`no site ${site}`);
  const before = client.acknowledged.length;
  advance(scene.world, 10_000);
  for (const host of hostsOf(scene.world, site)) host.connector = { ...host.connector, closed: false };
  return client.acknowledged.length - before;
}

const over = (replicas: number) => (scene: Scene) => inService(scene, replicas)();

/**
 * The invariants of a change, and of connectors' hosts: none is installed or changed beside another one of its site, nor
 * from a text that the nodes do not have; at the end all that are there take clients and are as the nodes are.
 */
export function watchConnectors(scene: Scene, shape: Parameters<typeof watchChange>[1] = {}): ChangeWatch {
  const watch = watchChange(scene, shape);
  const { world } = scene;
  const broken = (n: number, what: string): void => void watch.violations.push({ n, what });
  const onTpm = ({ host: name, verb, when }: Extract<WorldEvent, { kind: "tpm" }>): void => {
    const host = world.connectors.get(name);
    if (host === undefined || when !== "begin" || verb === "validate") return;
    const other = connectorsAt(world, host.site).find(
      (each) => each !== host && each.tools.some(({ argv }) => argv[0] === "tpm" && argv[3] !== "validate"),
    );
    if (other !== undefined) broken(27, `${name} is taken while ${other.name} is`);
    const texts = hostsOf(world, host.site).map(({ volume }) => volume.ini);
    if (!texts.includes(host.volume.ini)) broken(21, `${name} runs from a text that no node has`);
  };
  world.listeners.push((event) => {
    if (event.kind === "tpm") onTpm(event);
    if (event.kind === "policy" && world.connectors.has(event.site)) broken(33, "a connector set a policy");
  });
  const end = (interruptionSeconds: number): void => {
    watch.end(interruptionSeconds);
    for (const host of world.connectors.values()) {
      const [node] = hostsOf(world, host.site);
      const { installed, installedIni, installedSecret } = host.volume;
      if (!host.connector.running || host.connector.closed === true)
        broken(40, `the connector of ${host.name} takes nobody`);
      if (installed.cluster?.connectorOnly !== true || Object.keys(host.replicators).length > 0)
        broken(39, `${host.name} runs more than a connector`);
      if (installedIni.cluster !== node?.volume.installedIni.cluster)
        broken(42, `${host.name} runs from another text than ${node?.name}`);
      if (installed.cluster?.release !== node?.volume.installed.cluster?.release)
        broken(42, `${host.name} runs another release than ${node?.name}`);
      if ((installedSecret.cluster ?? "none") !== (node?.volume.installedSecret.cluster ?? "none"))
        broken(42, `${host.name} has other passwords than ${node?.name}`);
      if (host.volume.userMap.map(String).sort().join() !== node?.volume.userMap.map(String).sort().join())
        broken(42, `user.map of ${host.name} is another than that of ${node?.name}`);
    }
  };
  return { ...watch, end };
}

/** Two come. */
export const connectorsCome: Scenario = {
  interruptionSeconds: 3,
  beside: runConnectorPods,
  watch: watchConnectors,
  also: ["london-connector-0", "london-connector-1"],
  begin: (scene) => editSite(scene, "london", { connector: { replicas: 2 } }),
  over: over(2),
};

/** One of two goes. */
export const connectorGoes: Scenario = {
  interruptionSeconds: 3,
  beside: runConnectorPods,
  watch: watchConnectors,
  also: ["london-connector-0", "london-connector-1"],
  scene: sceneWithConnectors(2),
  begin: (scene) => editSite(scene, "london", { connector: { replicas: 1 } }),
  over: over(1),
};

/** An option changes, and two follow their nodes. */
export const connectorsFollow: Scenario = {
  interruptionSeconds: 3,
  beside: runConnectorPods,
  watch: watchConnectors,
  also: ["london-connector-0", "london-connector-1"],
  scene: sceneWithConnectors(2),
  begin: (scene) => editSite(scene, "london", { options: { "connector-max-connections": "500" } }),
  over: async (scene) =>
    (await over(2)(scene)) &&
    [...scene.world.connectors.values()].every(
      ({ volume }) => volume.ini?.includes("connector-max-connections=500") === true,
    ),
};
