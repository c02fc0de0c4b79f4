/** A site leaves its composite: what travels arrives first, the rest is a composite still, and it stands alone. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { hostsOf } from "../../simulator/model.ts";
import { clusterKind, compositeKind } from "../../src/kube/kinds.ts";
import { expectGolden } from "../golden.ts";
import { cutOff } from "./change-of-links.ts";
import {
  compositeScene,
  editMembers,
  hasLeft,
  memberLeaves,
  passComposite,
  watchParting,
} from "./change-of-members.ts";
import {
  bareScene,
  type CompositeShape,
  compositeReady,
  formed,
  passEstate,
  putComposite,
  putSite,
} from "./fresh-scene.ts";
import { conditionOf, namespace, quiesce, type Scene } from "./scene.ts";
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

const three = { sites: ["london", "nyc", "tokyo"], nodes: 2, seed: 3 };

async function passes(scene: Scene, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    await passSites(scene);
    await passComposite(scene);
  }
}

const until = (scene: Scene, so: () => Promise<boolean>, most = 800) =>
  reached(scene, so, { most, beside: passComposite });

const compositeTold = async (scene: Scene) => {
  const composite = await scene.objects.get(compositeKind, { namespace, name: "global" });
  return composite && conditionOf(composite, "Ready");
};

describe("a member that is taken out", () => {
  test("the story of tokyo: what travels arrives, london and nyc stay a composite, tokyo stands alone", async () => {
    const scene = await compositeScene(three);
    const watch = watchParting(scene, { leaver: "tokyo" });
    const story: string[] = [];
    scene.world.listeners.push((event) => {
      if (event.kind === "command") story.push(lineOf(event));
      if (event.kind === "policy") story.push(`${event.site} is ${event.policy}`);
    });
    memberLeaves.begin(scene);
    await passes(scene, 2);
    expect(await compositeTold(scene)).toMatchObject({ status: "False", reason: "Leaving" });
    expect((await clusterOf(scene, "tokyo")).status?.neededBy).toBe("CompositeService global");
    await until(scene, () => hasLeft(scene, "tokyo"));
    for (const host of hostsOf(scene.world, "tokyo")) host.lagMs = 0;
    await passes(scene, 3);
    expect((await clusterOf(scene, "tokyo")).status).toMatchObject({ neededBy: "", topology: "Standalone" });
    expect(await compositeTold(scene)).toMatchObject({ status: "True", reason: "Replicating" });
    quiesce(scene);
    watch.end(20);
    expect(watch.violations).toEqual([]);
    expectGolden(
      join(import.meta.dirname, "remove-member.story.txt"),
      story.map((line) =>
        line.replace(/[0-9a-f]{64}/g, "<sha256>").replace(/\b[0-9]{8}[0-9a-z]{8}\b/g, "<walk>"),
      ),
    );
    const before = begunOn(scene).length;
    await passes(scene, 8);
    expect(begunOn(scene).length).toBe(before);
    expect(scene.world.sites.get("tokyo")?.policy).toBe("AUTOMATIC");
  });

  test("from the middle of the list, and its TungstenCluster deleted meanwhile: it goes when it has left", async () => {
    const scene = await compositeScene(three);
    const watch = watchParting(scene, { leaver: "nyc" });
    editMembers(scene, ["london", "tokyo"]);
    await passes(scene, 1);
    scene.objects.edit(clusterKind, refOf("nyc"), ({ metadata }) => {
      metadata.deletionTimestamp = new Date(scene.world.now).toISOString();
    });
    await until(scene, async () => (await clusterOf(scene, "nyc")).metadata.finalizers?.length === 0);
    expect(scene.readable.join("\n")).toContain("DeletionHeld not deleted: CompositeService global needs it");
    await scene.objects.remove(clusterKind, refOf("nyc"), "");
    expect(
      scene.world.hosts.get("nyc-0")?.volume.installed.cluster?.services.map(({ name }) => name),
    ).toEqual(["nyc"]);
    expect(watch.violations).toEqual([]);
  });

  test("of two, the last one stands alone as well", async () => {
    const scene = await compositeScene({ ...three, sites: ["london", "nyc"] });
    const watch = watchParting(scene, { leaver: "nyc" });
    editMembers(scene, ["london"]);
    await until(scene, () => hasLeft(scene, "nyc"));
    expect((await clusterOf(scene, "london")).status?.topology).toBe("Standalone");
    quiesce(scene);
    watch.end(20);
    expect(watch.violations).toEqual([]);
  });

  test("that has burnt down is awaited until its word is given; the others go on without it", async () => {
    const scene = await compositeScene(three);
    cutOff(scene, "tokyo");
    await passes(scene, 3);
    editMembers(scene, ["london", "nyc"]);
    await passes(scene, 6);
    expect(begunOn(scene)).toEqual([]);
    expect(await conditionAt(scene, "tokyo", "MembershipCurrent")).toMatchObject({ reason: "Waiting" });
    const watch = watchParting(
      scene,
      { leaver: "tokyo", abandoned: true, untouched: true },
      { leaves: ["tokyo-0", "tokyo-1"] },
    );
    editMembers(scene, ["london", "nyc"], { onRemoval: { unread: "Abandon" } });
    await until(scene, () => hasLeft(scene, "tokyo", ["tokyo"]));
    quiesce(scene);
    watch.end(20);
    expect(watch.violations.filter(({ what }) => !what.includes("tokyo"))).toEqual([]);
    expect(hostsOf(scene.world, "london")[0]?.volume.ini).not.toContain("tokyo");
    expect(begunOn(scene).filter((line) => line.startsWith("tokyo"))).toEqual([]);
  });

  test("that is put back before it began stays; nothing was touched", async () => {
    const scene = await compositeScene(three);
    scene.objects.edit(clusterKind, refOf("nyc"), ({ spec }) => {
      spec.proceduresPaused = true;
    });
    editMembers(scene, ["london", "nyc"]);
    await passes(scene, 4);
    expect((await conditionAt(scene, "tokyo", "MembershipCurrent"))?.message).toMatch(
      /proceduresPaused of TungstenCluster nyc/,
    );
    expect(await conditionAt(scene, "london", "ConfigurationApplied")).toMatchObject({ status: "True" });
    editMembers(scene, three.sites);
    await passes(scene, 4);
    expect(await conditionAt(scene, "tokyo", "MembershipCurrent")).toMatchObject({
      status: "True",
      reason: "Current",
    });
    expect(await conditionAt(scene, "london", "ConfigurationApplied")).toMatchObject({ status: "True" });
    expect(begunOn(scene)).toEqual([]);
  });
});

test("a site that wants its changes approved leaves by the checksum of its text, and not before", async () => {
  const scene = await compositeScene(three);
  editSite(scene, "tokyo", { changes: { configuration: "OnApproval" } });
  editMembers(scene, ["london", "nyc"]);
  await passes(scene, 4);
  const told = await conditionAt(scene, "tokyo", "MembershipCurrent");
  expect(told?.reason).toBe("ApprovalNeeded");
  expect(begunOn(scene)).toEqual([]);
  const approved = /approved of TungstenCluster tokyo to ([0-9a-f]{64})/.exec(told?.message ?? "")?.[1];
  editSite(scene, "tokyo", { changes: { configuration: "OnApproval", approved } });
  await until(scene, () => hasLeft(scene, "tokyo"));
  expect(hostsOf(scene.world, "tokyo")[0]?.volume.ini).not.toContain("[london]");
});

describe("a composite of another type", () => {
  async function standing(composite: CompositeShape): Promise<Scene> {
    const scene = await bareScene({ sites: three.sites, nodes: 2, seed: 8 });
    await putComposite(scene, composite);
    for (const name of three.sites) await putSite(scene, name);
    await formed(
      scene,
      async () => (await allTrue(scene, "Ready")()) && (await compositeReady(scene))?.status === "True",
    );
    return scene;
  }

  test("dynamic: the member has to leave the order of writes too, which changes with it", async () => {
    const order = ["nyc", "tokyo", "london"];
    const scene = await standing({ type: "DynamicActiveActive", members: order, writeAffinity: order });
    const watch = watchParting(scene, { leaver: "tokyo" });
    const before = begunOn(scene).length;
    editMembers(scene, ["nyc", "london"]);
    for (let n = 0; n < 4; n += 1) await passEstate(scene);
    expect((await conditionAt(scene, "tokyo", "MembershipCurrent"))?.message).toMatch(
      /spec\.writeAffinity of CompositeService global names it still/,
    );
    expect(begunOn(scene).length).toBe(before);
    editMembers(scene, ["nyc", "london"], { writeAffinity: ["nyc", "london"] });
    await until(scene, () => hasLeft(scene, "tokyo"));
    quiesce(scene);
    watch.end(20);
    expect(watch.violations).toEqual([]);
    expect(hostsOf(scene.world, "nyc")[0]?.volume.ini).toContain("connector-write-affinity=nyc,london\n");
    expect(await compositeReady(scene)).toMatchObject({ status: "True" });
  });
});
