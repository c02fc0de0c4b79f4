/** Procedures of UpgradeRequests over an estate with hosts that run only a connector: closed, updated, or left alone and followed up. */
import { describe, expect, test } from "@jest/globals";
import { connectorsAt } from "../../simulator/model.ts";
import { restartContainer } from "../../simulator/world.ts";
import { podKind } from "../../src/kube/kinds.ts";
import { inService, onlyByTheirOwn, sceneWithConnectors } from "./change-of-connectors.ts";
import { runConnectorPods } from "./pods.ts";
import { askFor, askForConversion, conditionOf, drive, type Scene, theRequest } from "./scene.ts";
import { passSites, reached, refOf } from "./site-scene.ts";
import { askForReset, askForUpgrade } from "./walks.ts";

const small = { sites: ["london", "nyc"], nodes: 2, seed: 3 };
const beside = { beside: runConnectorPods };

describe("procedures that people ask for", () => {
  const ended = async (scene: Scene): Promise<void> =>
    expect(conditionOf(await theRequest(scene), "Succeeded")).toMatchObject({ status: "True" });
  /** Whether clients come in at london by any connector, looked at after every command. */
  const watchDoors = (scene: Scene): string[] => {
    const open: string[] = [];
    let closed = false;
    scene.world.listeners.push((event) => {
      if (event.kind === "router" && event.closed)
        closed = connectorsAt(scene.world, "london").every(({ connector }) => connector.closed === true);
      if (event.kind === "tpm" || event.kind === "tracking-dropped")
        for (const { name, connector, volume } of connectorsAt(scene.world, "london"))
          if (closed && connector.running && connector.closed !== true && !volume.holds.has("connector"))
            open.push(`${name} is open at ${event.kind} on ${event.host}`);
    });
    return open;
  };

  test("ConvertMsaaToCaa brings them the composite's text after the nodes, and nothing is left to do", async () => {
    const scene = await sceneWithConnectors(2)(small);
    await askForConversion(scene);
    await drive(scene, 240);
    await ended(scene);
    for (const { volume, connector } of scene.world.connectors.values()) {
      expect(volume.ini).toContain("composite-datasources=london,nyc");
      expect(volume.installed.cluster?.composite?.name).toBe("global");
      expect(connector.running).toBe(true);
    }
    const before = [...scene.world.connectors.values()].map(({ volume }) => volume.markers.size);
    await reached(scene, inService(scene, 2), beside);
    for (let n = 0; n < 6; n += 1) await passSites(scene);
    expect([...scene.world.connectors.values()].map(({ volume }) => volume.markers.size)).toEqual(before);
    expect(await onlyByTheirOwn(scene, "london")).toBeGreaterThan(5);
  });

  test("ResetAllSites closes them with the others, also one that restarts meanwhile, and gives them back", async () => {
    const scene = await sceneWithConnectors(2)(small);
    const open = watchDoors(scene);
    const [first] = connectorsAt(scene.world, "london");
    let restarted = false;
    scene.world.listeners.push((event) => {
      if (restarted || first === undefined || event.kind !== "command" || event.argv[0] !== "trepctl") return;
      if (!event.argv.includes("reset")) return;
      restarted = true;
      restartContainer(scene.world, first);
    });
    await askFor(scene, "again", {
      procedure: "ResetAllSites",
      resetAllSites: { cluster: { name: "london" } },
    });
    await drive(scene, 240);
    await ended(scene);
    expect([restarted, open]).toEqual([true, []]);
    for (const { volume, connector } of connectorsAt(scene.world, "london")) {
      expect([...volume.holds]).toEqual([]);
      expect([connector.running, connector.closed === true]).toEqual([true, false]);
    }
    await reached(scene, inService(scene, 2), beside);
    expect(await onlyByTheirOwn(scene, "london")).toBeGreaterThan(5);
  });

  test("UpgradeSoftware wants the package there too, and they follow when it has ended", async () => {
    const scene = await sceneWithConnectors(2)(small);
    await askForUpgrade(scene);
    await drive(scene, 1);
    expect(conditionOf(await theRequest(scene), "Accepted")?.message).toContain(
      "london-connector-0 has no tungsten-clustering-8.0.5-140 in /opt/continuent/software",
    );
    for (const { volume } of scene.world.connectors.values()) volume.software.add("8.0.5-140");
    await drive(scene, 240);
    await ended(scene);
    await reached(scene, inService(scene, 2), beside);
    for (const { volume, connector } of scene.world.connectors.values())
      expect([volume.installed.cluster?.release, connector.running]).toEqual(["8.0.5-140", true]);
  });

  test("ResetSite closes them at the failed site, and gives them back", async () => {
    const scene = await sceneWithConnectors(1)(small);
    const closed: string[] = [];
    scene.world.listeners.push((event) => {
      if (event.kind === "router") closed.push(`${event.host} ${event.closed ? "closed" : "open"}`);
    });
    await askForReset(
      scene,
      {},
      {
        failedSite: { name: "london" },
        definitiveSite: { name: "nyc" },
        acknowledgedFindings: ["primary-alone:nyc"],
      },
    );
    await drive(scene, 240);
    await ended(scene);
    expect(closed.filter((line) => line.startsWith("london-connector-0"))).toEqual([
      "london-connector-0 closed",
      "london-connector-0 open",
    ]);
    const [host] = connectorsAt(scene.world, "london");
    expect([[...(host?.volume.holds ?? [])], host?.connector.closed]).toEqual([[], false]);
    await reached(scene, inService(scene, 1), beside);
  });

  test("a host that cannot be read keeps them from being planned", async () => {
    const scene = await sceneWithConnectors(1)(small);
    const pod = await scene.objects.get(podKind, refOf("london-connector-0"));
    await scene.objects.remove(podKind, refOf("london-connector-0"), pod?.metadata.uid ?? "");
    await askForConversion(scene);
    await drive(scene, 1);
    expect(conditionOf(await theRequest(scene), "Accepted")).toMatchObject({
      status: "Unknown",
      message: expect.stringContaining("london-connector-0"),
    });
  });

  test("one that nobody has thought about refuses, with the way out", async () => {
    const scene = await sceneWithConnectors(1)(small);
    const known = scene.catalog;
    scene.catalog = (spec) => {
      const asked = known(spec);
      return { ...asked, procedure: { ...asked.procedure, name: "Rearrange" } };
    };
    await askForConversion(scene);
    await drive(scene, 1);
    expect(conditionOf(await theRequest(scene), "Accepted")).toMatchObject({
      status: "False",
      message: expect.stringContaining(
        "Rearrange does not reach london-connector-0: set spec.connector.replicas of TungstenCluster london to 0",
      ),
    });
  });
});
