/** Changed passwords of the installation's accounts: databases first, then tungsten.ini node by node, connectors last; then the former ones end. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { hostOf } from "../../simulator/model.ts";
import { lets } from "../../simulator/tools/accounts.ts";
import { restartContainer } from "../../simulator/world.ts";
import { expectGolden } from "../golden.ts";
import { accountsByName, sceneWithAccounts, watchAccounts } from "./accounts-scene.ts";
import { changeOfPasswords, rotated } from "./change-of-passwords.ts";
import { quiesce } from "./scene.ts";
import { begunOn, conditionAt, editSite, lineOf, passSites, reached } from "./site-scene.ts";

const small = { sites: ["london", "nyc"], nodes: 2, seed: 3 };

describe("changed passwords", () => {
  test("the story of two sites: nobody is locked out on the way, and the former ones end", async () => {
    const scene = await sceneWithAccounts(small);
    const watch = watchAccounts(scene);
    const story: string[] = [];
    scene.world.listeners.push((event) => {
      if (event.kind === "command") story.push(lineOf(event));
      if (event.kind === "policy") story.push(`${event.site} is ${event.policy}`);
    });
    expect(begunOn(scene)).toEqual([]);
    accountsByName(scene, "2");
    await reached(scene, () => changeOfPasswords.over(scene), { most: 700 });
    quiesce(scene);
    watch.end(20);
    expect(watch.violations).toEqual([]);
    expectGolden(
      join(import.meta.dirname, "rotate-passwords.story.txt"),
      story.map((line) => line.replace(/[0-9a-f]{64}/, "<sha256>")),
    );
    const before = begunOn(scene).length;
    for (let n = 0; n < 8; n += 1) await passSites(scene);
    expect(begunOn(scene).length).toBe(before);
    const readable = [...scene.objects.all()].filter(([key]) => !key.startsWith("secrets/"));
    expect(JSON.stringify(readable) + scene.readable.join()).not.toContain(scene.world.canary);
  });

  test("a container that restarts with the new ones in the middle is let in", async () => {
    const scene = await sceneWithAccounts(small);
    const watch = watchAccounts(scene);
    accountsByName(scene, "2");
    await reached(
      scene,
      async () => (await conditionAt(scene, "nyc", "AccountsCurrent"))?.reason === "FormerInUse",
    );
    const host = hostOf(scene.world, "nyc-1");
    restartContainer(scene.world, host);
    expect(lets(host, "tungsten", `${scene.world.canary}2`)).toBe(true);
    await reached(scene, () => changeOfPasswords.over(scene), { most: 700 });
    expect(watch.violations).toEqual([]);
  });

  test("with OnApproval the databases take both until the word is given, and an old word does not count", async () => {
    const scene = await sceneWithAccounts(small);
    for (const site of small.sites) editSite(scene, site, { changes: { configuration: "OnApproval" } });
    accountsByName(scene, "2");
    const asked = async () =>
      (await conditionAt(scene, "nyc", "ConfigurationApplied"))?.reason === "ApprovalNeeded";
    await reached(scene, asked);
    for (let n = 0; n < 10; n += 1) await passSites(scene);
    expect(begunOn(scene).filter((line) => line.includes("tpm"))).toEqual([]);
    for (const host of scene.world.hosts.values())
      expect(host.mysql.logins.get("tungsten")).toEqual([`${scene.world.canary}2`, scene.world.canary]);
    expect(await conditionAt(scene, "nyc", "AccountsCurrent")).toMatchObject({ reason: "FormerInUse" });
    const sha256 = hostOf(scene.world, "nyc-0").volume.installedIni.cluster;
    for (const site of small.sites)
      editSite(scene, site, { changes: { configuration: "OnApproval", approved: sha256 } });
    for (let n = 0; n < 5; n += 1) await passSites(scene);
    expect(begunOn(scene).filter((line) => line.includes("tpm"))).toEqual([]);
    for (const site of small.sites) {
      const told = await conditionAt(scene, site, "ConfigurationApplied");
      const approved = /approved to ([0-9a-f]{64})/.exec(told?.message ?? "")?.[1];
      editSite(scene, site, { changes: { configuration: "OnApproval", approved } });
    }
    await reached(scene, () => changeOfPasswords.over(scene), { most: 700 });
  });

  test("another change in the middle begins the walk anew, and ends with the last one", async () => {
    const scene = await sceneWithAccounts(small);
    const watch = watchAccounts(scene);
    accountsByName(scene, "1");
    await reached(scene, async () => begunOn(scene).some((line) => line.startsWith("london-0 tpm cluster")));
    accountsByName(scene, "2");
    await reached(scene, () => changeOfPasswords.over(scene), { most: 700 });
    expect(rotated(scene)).toBe(true);
    quiesce(scene);
    watch.end(20);
    expect(watch.violations).toEqual([]);
    expect(scene.readable.join("\n")).toContain("ApplyConfiguration begins anew");
  });
});
