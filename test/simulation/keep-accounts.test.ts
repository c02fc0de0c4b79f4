/** Further users: made in every database of the estate before any connector takes them in, changed beside what was, and gone again. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { hostOf } from "../../simulator/model.ts";
import { lets } from "../../simulator/tools/accounts.ts";
import { expectGolden } from "../golden.ts";
import { passwordOf, putSecret, putUser, watchAccounts } from "./accounts-scene.ts";
import { conditionOf, quiesce, type Scene } from "./scene.ts";
import {
  allTrue,
  begunOn,
  clusterOf,
  conditionAt,
  editSite,
  lineOf,
  passSites,
  reached,
  settledScene,
} from "./site-scene.ts";

const small = { sites: ["london", "nyc"], nodes: 2, seed: 3 };
const current = "AccountsCurrent";
const listed = (...names: string[]) => ({ users: names.map((name) => ({ name })) });
const inAll = (scene: Scene): Promise<true> => reached(scene, allTrue(scene, current), { most: 300 });
const hosts = ({ world }: Scene) => [...world.hosts.values()];
const mapped = (scene: Scene, user: string) =>
  hosts(scene).map(({ volume }) => volume.userMap.filter(([name]) => name === user).map(([, word]) => word));
const passes = async (scene: Scene, count: number) => {
  for (let n = 0; n < count; n += 1) await passSites(scene);
};

describe("further users", () => {
  test("the story: one is added, its password changes, it goes; no client is locked out on the way", async () => {
    const scene = await settledScene(small);
    const watch = watchAccounts(scene);
    const story: string[] = [];
    scene.world.listeners.push((event) => {
      if (event.kind === "command") story.push(lineOf(event));
    });
    const told = async (what: string) => {
      story.push(what);
      await passes(scene, 1);
      await inAll(scene);
    };
    await putUser(scene, "report", "first");
    editSite(scene, "nyc", listed("report"));
    await told("-- nyc lists report");
    for (const host of hosts(scene)) expect(lets(host, "report", passwordOf(scene, "first"))).toBe(true);
    expect(mapped(scene, "report").flat()).toEqual(hosts(scene).map(() => passwordOf(scene, "first")));
    await putUser(scene, "report", "second");
    await told("-- its password changes");
    for (const host of hosts(scene)) {
      expect(host.mysql.logins.get("report")).toEqual([passwordOf(scene, "second")]);
      expect(host.volume.userMap.length).toBe(2);
    }
    editSite(scene, "nyc", listed());
    await told("-- nyc lists nobody");
    for (const host of hosts(scene)) expect(host.mysql.logins.has("report")).toBe(false);
    expect(mapped(scene, "report").flat()).toEqual([]);
    quiesce(scene);
    watch.end(3);
    expect(watch.violations).toEqual([]);
    expectGolden(join(import.meta.dirname, "keep-accounts.story.txt"), story);
    const before = begunOn(scene).length;
    await passes(scene, 8);
    expect(begunOn(scene).length).toBe(before);
    const readable = [...scene.objects.all()].filter(([key]) => !key.startsWith("secrets/"));
    expect(JSON.stringify(readable) + scene.readable.join()).not.toContain(scene.world.canary);
  });

  test("a former password stays good while a connector of another site may come with it", async () => {
    const scene = await settledScene(small);
    await putUser(scene, "report", "first");
    editSite(scene, "nyc", listed("report"));
    await passes(scene, 2);
    await inAll(scene);
    hostOf(scene.world, "london-1").mysql.up = false;
    await putUser(scene, "report", "second");
    await reached(
      scene,
      async () => (await conditionAt(scene, "nyc", current))?.reason === "FormerStillGood",
    );
    await passes(scene, 5);
    expect(lets(hostOf(scene.world, "nyc-0"), "report", passwordOf(scene, "first"))).toBe(true);
    expect((await conditionAt(scene, "nyc", current))?.message).toMatch(/site london has not/);
    hostOf(scene.world, "london-1").mysql.up = true;
    await inAll(scene);
    expect(hostOf(scene.world, "nyc-0").mysql.logins.get("report")).toEqual([passwordOf(scene, "second")]);
  });

  test("an account of others under that name is taken over, and never dropped", async () => {
    const scene = await settledScene(small);
    for (const host of hosts(scene)) host.mysql.logins.set("dba", ["by-hand"]);
    await putUser(scene, "dba", "ours");
    editSite(scene, "nyc", listed("dba"));
    await passes(scene, 2);
    await inAll(scene);
    editSite(scene, "nyc", listed());
    await passes(scene, 30);
    for (const host of hosts(scene))
      expect(host.mysql.logins.get("dba")).toEqual([passwordOf(scene, "ours")]);
    expect(mapped(scene, "dba").flat()).toEqual([]);
  });

  test("what somebody does to an account or to user.map by hand is put back", async () => {
    const scene = await settledScene(small);
    await putUser(scene, "report", "first");
    editSite(scene, "nyc", listed("report"));
    await passes(scene, 2);
    await inAll(scene);
    hostOf(scene.world, "nyc-1").mysql.logins.delete("report");
    hostOf(scene.world, "london-0").volume.userMap.pop();
    await passes(scene, 2);
    await inAll(scene);
    expect(lets(hostOf(scene.world, "nyc-1"), "report", passwordOf(scene, "first"))).toBe(true);
    expect(mapped(scene, "report").flat().length).toBe(4);
  });

  test.each<[string, Record<string, string> | undefined, RegExp]>([
    ["no Secret", undefined, /^spec\.users\[0\]\.name: Secret odd does not exist/],
    ["no password", { username: "u" }, /lacks the key password; add it$/],
    ["the server's own name", { username: "root", password: "x1" }, /is called root/],
    ["a long name", { username: "u".repeat(33), password: "x1" }, /more than 32 characters/],
    ["an odd name", { username: "u'x", password: "x1" }, /other characters/],
    ["a bar", { username: "u", password: "a|b" }, /with \| or a control character/],
    ["a dash", { username: "u", password: "-" }, /takes for none/],
    [
      "the application's name",
      { username: "app_user", password: "x1" },
      /name of the application account already/,
    ],
  ])("%s is refused in one sentence, and nothing begins", async (_name, values, says) => {
    const scene = await settledScene(small);
    if (values !== undefined) await putSecret(scene, "odd", values);
    editSite(scene, "nyc", listed("odd"));
    await passes(scene, 4);
    const refused = conditionOf(await clusterOf(scene, "nyc"), "Accepted");
    expect(refused).toMatchObject({ status: "False" });
    expect(refused?.message).toMatch(says);
    expect(begunOn(scene)).toEqual([]);
  });

  test("two sites that want one name with two passwords: both are told, nothing begins", async () => {
    const scene = await settledScene(small);
    await putUser(scene, "report", "first");
    await putSecret(scene, "other", { username: "report", password: "another" });
    editSite(scene, "london", listed("report"));
    editSite(scene, "nyc", listed("other"));
    await passes(scene, 4);
    expect(conditionOf(await clusterOf(scene, "nyc"), "Accepted")?.message).toMatch(
      /^spec\.users\[0\]\.name: the account in Secret other has the name of the one in Secret report of TungstenCluster london/,
    );
    expect(begunOn(scene)).toEqual([]);
  });
});
