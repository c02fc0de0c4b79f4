/** A passive site leaves its composite: what travels arrives first, it ends out of service, and the rest is what it was. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { strike } from "../../simulator/faults.ts";
import { connectorsAt, hostOf, hostsOf } from "../../simulator/model.ts";
import { restartContainer } from "../../simulator/world.ts";
import { clusterKind } from "../../src/kube/kinds.ts";
import { expectGolden } from "../golden.ts";
import { driven, outcomeOf, passOver, request, requestNamed, told } from "./asked.ts";
import { sceneWithConnectors } from "./change-of-connectors.ts";
import { cutOff } from "./change-of-links.ts";
import { editMembers, passComposite } from "./change-of-members.ts";
import {
  relayedScene,
  relayHasLeft,
  relayLeaves,
  threeRelayed,
  watchRelayParting,
} from "./change-of-passive.ts";
import { runConnectorPods } from "./pods.ts";
import { conditionOf, make, quiesce, release, type Scene } from "./scene.ts";
import {
  allTrue,
  begunOn,
  clusterOf,
  conditionAt,
  editSite,
  lineOf,
  passSites,
  reached,
  refOf,
} from "./site-scene.ts";

const three = { ...threeRelayed, seed: 3 };
const beside = { beside: passComposite };

async function passes(scene: Scene, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    await passSites(scene);
    await passComposite(scene);
  }
}

const membershipAt = (scene: Scene, site: string) => conditionAt(scene, site, "MembershipCurrent");

describe("a passive member that is taken out", () => {
  test("the story of tokyo: what nyc wrote arrives, tokyo is out of service, london relays on", async () => {
    const scene = await relayedScene(three);
    const watch = watchRelayParting(scene, { leaver: "tokyo" });
    const story: string[] = [];
    scene.world.listeners.push((event) => {
      if (event.kind === "command") story.push(lineOf(event));
      if (event.kind === "policy") story.push(`${event.site} is ${event.policy}`);
    });
    relayLeaves.begin(scene);
    await reached(scene, () => relayHasLeft(scene, "tokyo"), beside);
    await passes(scene, 3);
    const { status } = await clusterOf(scene, "tokyo");
    expect(status).toMatchObject({ neededBy: "", topology: "OutOfService", leftComposite: "global" });
    expect(status?.primary ?? status?.policy).toBeUndefined();
    expect(await membershipAt(scene, "tokyo")).toMatchObject({ status: "True", reason: "Left" });
    expect(await conditionAt(scene, "tokyo", "Ready")).toMatchObject({
      status: "False",
      reason: "OutOfService",
    });
    quiesce(scene);
    watch.end(20);
    expect(watch.violations).toEqual([]);
    expectGolden(
      join(import.meta.dirname, "remove-passive.story.txt"),
      story.map((line) =>
        line.replace(/[0-9a-f]{64}/g, "<sha256>").replace(/\b[0-9]{8}[0-9a-z]{8}\b/g, "<walk>"),
      ),
    );
  });

  test("and stays so when its pods restart; its TungstenCluster is deleted then, and one made over its volumes starts nothing", async () => {
    const scene = await relayedScene(three);
    editMembers(scene, ["london", "nyc"]);
    await reached(scene, () => relayHasLeft(scene, "tokyo"), beside);
    const before = begunOn(scene).length;
    for (const host of hostsOf(scene.world, "tokyo")) restartContainer(scene.world, host);
    await passes(scene, 8);
    for (const { replicators, manager, connector, mysql } of hostsOf(scene.world, "tokyo"))
      expect([replicators, manager.running, connector.running, mysql.up]).toEqual([{}, false, false, false]);
    expect(begunOn(scene).length).toBe(before);
    scene.objects.edit(clusterKind, refOf("tokyo"), ({ metadata }) => {
      metadata.deletionTimestamp = new Date(scene.world.now).toISOString();
    });
    await passes(scene, 1);
    expect((await clusterOf(scene, "tokyo")).metadata.finalizers).toEqual([]);
    await scene.objects.remove(clusterKind, refOf("tokyo"), "");
    const again = { nodes: 2, release, image: "node:dev" };
    await scene.objects.create(clusterKind, make("TungstenCluster", "tokyo", again));
    await passes(scene, 12);
    expect(begunOn(scene).length).toBe(before);
    expect(await conditionAt(scene, "tokyo", "Ready")).toMatchObject({ status: "False" });
  });

  test("and whatever is asked for there is told so, and nothing of holds or of what does not run", async () => {
    const scene = await relayedScene(three);
    editMembers(scene, ["london", "nyc"]);
    await reached(scene, () => relayHasLeft(scene, "tokyo"), beside);
    const before = begunOn(scene).length;
    const cluster = { name: "tokyo" };
    const asked: readonly [string, object][] = [
      ["Switch", { switch: { cluster, to: "tokyo-1" } }],
      ["CheckPaths", { checkPaths: { cluster } }],
      ["VerifyData", { verifyData: { cluster } }],
    ];
    for (const [procedure, block] of asked) {
      const name = procedure.toLowerCase();
      await request(scene, name, { procedure, ...block });
      await passOver(scene, name);
      const found = await requestNamed(scene, name);
      expect([procedure, conditionOf(found, "Accepted")]).toMatchObject([
        procedure,
        {
          status: "False",
          reason: "Refused",
          message:
            "TungstenCluster tokyo has left CompositeService global and is out of service, with all its data: delete it, and its volumes' claims when they are needed no more",
        },
      ]);
      expect(found.status.preflight).toMatchObject({ refused: 1, unknown: 0 });
    }
    expect(begunOn(scene).length).toBe(before);
  });

  test("of two, the one that writes stands alone", async () => {
    const scene = await relayedScene({ ...three, sites: ["london", "nyc"] });
    const watch = watchRelayParting(scene, { leaver: "london" });
    editMembers(scene, ["nyc"]);
    await reached(scene, () => relayHasLeft(scene, "london"), beside);
    await passes(scene, 3);
    expect((await clusterOf(scene, "nyc")).status?.topology).toBe("Standalone");
    expect(hostOf(scene.world, "nyc-0").mysql.readOnly).toBe(false);
    quiesce(scene);
    watch.end(20);
    expect(watch.violations).toEqual([]);
  });

  test("one of whose databases is down is awaited until its word is given, and is only stopped then", async () => {
    const scene = await relayedScene(three);
    strike(scene.world, "mysql-down", "tokyo-1");
    await passes(scene, 2);
    editMembers(scene, ["london", "nyc"]);
    await passes(scene, 8);
    expect(begunOn(scene)).toEqual([]);
    expect(await membershipAt(scene, "tokyo")).toMatchObject({ status: "False", reason: "Waiting" });
    const watch = watchRelayParting(scene, { leaver: "tokyo", abandoned: true });
    editMembers(scene, ["london", "nyc"], { onRemoval: { unread: "Abandon" } });
    await reached(scene, () => relayHasLeft(scene, "tokyo"), beside);
    quiesce(scene);
    watch.end(20);
    expect(watch.violations).toEqual([]);
  });

  test("that has burnt down is awaited until its word is given; the others go on without it", async () => {
    const scene = await relayedScene(three);
    cutOff(scene, "tokyo");
    await passes(scene, 3);
    editMembers(scene, ["london", "nyc"]);
    await passes(scene, 6);
    expect(begunOn(scene)).toEqual([]);
    expect(await membershipAt(scene, "tokyo")).toMatchObject({ reason: "Waiting" });
    const watch = watchRelayParting(scene, { leaver: "tokyo", abandoned: true, untouched: true });
    editMembers(scene, ["london", "nyc"], { onRemoval: { unread: "Abandon" } });
    await reached(scene, () => relayHasLeft(scene, "tokyo"), beside);
    quiesce(scene);
    watch.end(20);
    expect(watch.violations).toEqual([]);
    expect(begunOn(scene).filter((line) => line.startsWith("tokyo"))).toEqual([]);
  });

  test("two of them one after the other, and one is deleted while it leaves: it goes when it has left", async () => {
    const scene = await relayedScene(three);
    editMembers(scene, ["nyc"]);
    await passes(scene, 2);
    expect(begunOn(scene).filter((line) => line.startsWith("tokyo") && !line.includes("cctrl"))).toEqual([]);
    scene.objects.edit(clusterKind, refOf("tokyo"), ({ metadata }) => {
      metadata.deletionTimestamp = new Date(scene.world.now).toISOString();
    });
    await reached(
      scene,
      async () => (await clusterOf(scene, "tokyo")).metadata.finalizers?.length === 0,
      beside,
    );
    expect((await clusterOf(scene, "london")).status?.leftComposite).toBe("global");
    expect(hostOf(scene.world, "nyc-0").volume.installed.cluster?.composite).toBeNull();
    for (const name of ["london-0", "tokyo-0"]) expect(hostOf(scene.world, name).mysql.up).toBe(false);
  });

  test("that is given up when half of it is done begins anew, and starts nothing again that it has stopped", async () => {
    const scene = await relayedScene(three);
    const watch = watchRelayParting(scene, { leaver: "tokyo" });
    editMembers(scene, ["london", "nyc"]);
    await reached(scene, async () => begunOn(scene).some((line) => line.includes(" update ")), beside);
    editMembers(scene, ["london", "nyc"], { onRemoval: { unread: "Abandon" } });
    await reached(scene, () => relayHasLeft(scene, "tokyo"), beside);
    expect(scene.readable.join("\n")).toContain("RemoveMember begins anew: spec.onRemoval");
    expect(
      begunOn(scene).filter((line) => /^tokyo.* (start|start-offline|online|startall)/.test(line)),
    ).toEqual([]);
    quiesce(scene);
    watch.end(20);
    expect(watch.violations).toEqual([]);
  });

  test("with a host that runs only a connector: that is held and stopped too", async () => {
    const scene = await sceneWithConnectors(1)({ ...three, topology: "CAP" });
    const both = async () => {
      await runConnectorPods(scene);
      await passComposite(scene);
    };
    for (let n = 0; n < 3; n += 1) {
      await passSites(scene);
      await both();
    }
    editMembers(scene, ["tokyo", "nyc"]);
    await reached(scene, () => relayHasLeft(scene, "london"), { beside: both });
    const hosts = connectorsAt(scene.world, "london");
    expect(hosts.map(({ connector, volume }) => [connector.running, [...volume.holds]])).toEqual([
      [false, ["connector"]],
    ]);
  });
});

describe("nothing begins", () => {
  test("while it takes the writes, whatever spec.primarySite says; behind a Switch it leaves", async () => {
    const scene = await relayedScene(three);
    const rest = { primarySite: "london" };
    editMembers(scene, ["london", "tokyo"], rest);
    await passes(scene, 4);
    expect(await membershipAt(scene, "nyc")).toMatchObject({
      reason: "Waiting",
      message: expect.stringMatching(/it takes the writes of the composite: ask for a Switch/),
    });
    expect(begunOn(scene)).toEqual([]);
    await request(scene, "away", {
      procedure: "Switch",
      switch: { compositeService: { name: "global" }, site: "london" },
    });
    const done = await driven(scene, "away");
    expect([outcomeOf(done), told(done)]).toEqual(["Succeeded", expect.anything()]);
    const watch = watchRelayParting(scene, { leaver: "nyc" });
    await reached(scene, () => relayHasLeft(scene, "nyc"), beside);
    quiesce(scene);
    watch.end(20);
    expect(watch.violations).toEqual([]);
    expect(hostOf(scene.world, "london-0").mysql.readOnly).toBe(false);
  });

  test("while its own managers call its head a primary", async () => {
    const scene = await relayedScene(three);
    const tokyo = scene.world.sites.get("tokyo");
    delete tokyo?.relaySource;
    for (const { cluster } of hostsOf(scene.world, "tokyo")) delete cluster.relaySource;
    editMembers(scene, ["london", "nyc"]);
    await passes(scene, 6);
    expect((await membershipAt(scene, "tokyo"))?.message).toMatch(/call tokyo-0 a primary|takes the writes/);
    expect(begunOn(scene)).toEqual([]);
  });

  test("to stop it while one of its databases takes writes, found in the middle", async () => {
    const scene = await relayedScene(three);
    relayLeaves.begin(scene);
    await reached(scene, async () => begunOn(scene).some((line) => line.includes("heartbeat")), beside);
    hostOf(scene.world, "tokyo-0").mysql.readOnly = false;
    await passes(scene, 60);
    expect((await membershipAt(scene, "tokyo"))?.message).toMatch(/the database of tokyo-0 is writable/);
    expect(begunOn(scene).filter((line) => / hold | stop$| offline$/.test(line))).toEqual([]);
    hostOf(scene.world, "tokyo-0").mysql.readOnly = true;
    await reached(scene, () => relayHasLeft(scene, "tokyo"), beside);
  });

  test("while another site is closed; named again it stays, and nothing was touched", async () => {
    const scene = await relayedScene(three);
    editSite(scene, "london", { proceduresPaused: true });
    editMembers(scene, ["london", "nyc"]);
    await passes(scene, 4);
    expect((await membershipAt(scene, "tokyo"))?.message).toMatch(
      /proceduresPaused of TungstenCluster london/,
    );
    editMembers(scene, three.sites);
    await passes(scene, 4);
    expect(await membershipAt(scene, "tokyo")).toMatchObject({ status: "True", reason: "Current" });
    expect(await conditionAt(scene, "nyc", "ConfigurationApplied")).toMatchObject({ status: "True" });
    expect(begunOn(scene)).toEqual([]);
  });

  test("before its word, where the site wants changes approved", async () => {
    const scene = await relayedScene(three);
    editSite(scene, "tokyo", { changes: { configuration: "OnApproval" } });
    editMembers(scene, ["london", "nyc"]);
    await passes(scene, 4);
    const said = await membershipAt(scene, "tokyo");
    expect(said?.reason).toBe("ApprovalNeeded");
    expect(begunOn(scene)).toEqual([]);
    const approved = /approved of TungstenCluster tokyo to ([0-9a-f]{64})/.exec(said?.message ?? "")?.[1];
    editSite(scene, "tokyo", { changes: { configuration: "OnApproval", approved } });
    await reached(scene, () => relayHasLeft(scene, "tokyo"), beside);
    expect(hostOf(scene.world, "nyc-0").volume.ini).not.toContain("[tokyo]");
  });

  test("at a site that is out and is named again: it is told, and the others keep their text", async () => {
    const scene = await relayedScene(three);
    editMembers(scene, ["london", "nyc"]);
    await reached(scene, () => relayHasLeft(scene, "tokyo"), beside);
    const before = begunOn(scene).length;
    editMembers(scene, three.sites);
    await passes(scene, 8);
    expect(await membershipAt(scene, "tokyo")).toMatchObject({
      status: "False",
      reason: "OutOfService",
      message: expect.stringMatching(/create it anew with spec\.fillFrom/),
    });
    expect(begunOn(scene).length).toBe(before);
    expect(await allTrue(scene, "Ready", ["london", "nyc"])()).toBe(true);
  });
});
