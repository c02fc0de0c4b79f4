/** CheckPaths and VerifyData over an active/passive composite: one heartbeat for all, one position to follow, nothing written at a passive site. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { hostOf, hostsOf } from "../../simulator/model.ts";
import { goOffline } from "../../simulator/replicator.ts";
import { advance } from "../../simulator/world.ts";
import { configMapKind } from "../../src/kube/kinds.ts";
import { expectGolden } from "../golden.ts";
import { driven, outcomeOf, passOver, request, requestNamed, storyOf, told } from "./asked.ts";
import { changedBy, commandsLike, withoutPrechecks } from "./mutate.ts";
import { conditionOf, namespace, newScene, quiesce, type Scene } from "./scene.ts";
import { watchStanding } from "./standing-invariants.ts";

const small = { sites: ["london", "nyc"], nodes: 2, topology: "CAP" } as const;

describe("CheckPaths", () => {
  const name = "check";
  const spec = { procedure: "CheckPaths", checkPaths: { cluster: { name: "london" } } };

  test("one heartbeat of the site that writes arrives on every node", async () => {
    const scene = await newScene({ ...small, seed: 1 });
    const watch = watchStanding(scene);
    await request(scene, name, spec);
    const done = await driven(scene, name);
    expect([outcomeOf(done), told(done)]).toEqual(["Succeeded", expect.anything()]);
    expect(watch.commands).toHaveLength(1);
    expect(Object.keys(done.status.ledger.kept).sort()).toEqual(
      ["london-0", "london-1", "nyc-0", "nyc-1"].map((node) => `path.nyc.${node}`),
    );
    quiesce(scene);
    watch.end();
    expect(watch.violations).toEqual([]);
    const story = (await storyOf(scene, name)).map((line) =>
      line.replace(/at 20\S+ after \d+ ms/, "at <time> after <n> ms"),
    );
    expectGolden(join(import.meta.dirname, "check-relays.story.txt"), story);
  });

  test("a relay that receives nothing is found, and its node is named", async () => {
    const scene = await newScene({ ...small, seed: 2 });
    hostOf(scene.world, "london-0").lagMs = 3_600_000;
    await request(scene, name, spec);
    for (let n = 0; n < 120; n += 1) await passOver(scene, name);
    const found = await requestNamed(scene, name);
    expect(conditionOf(found, "Stalled")).toMatchObject({ status: "True", reason: "CommandFailed" });
    expect(conditionOf(found, "Stalled")?.message).toContain(
      "no heartbeat of nyc has arrived at london-0 yet",
    );
  });

  test("one that sends it at a passive site is seen: 7", async () => {
    const scene = await newScene({ ...small, seed: 4 });
    const watch = watchStanding(scene);
    scene.catalog = changedBy(
      withoutPrechecks,
      commandsLike(/heartbeat/, (sent) => ({
        begin: { ...sent.begin, argv: sent.begin.argv.map((word) => (word === "nyc" ? "london" : word)) },
        on: { ...sent.on, name: "london-0", site: "london" },
      })),
    );
    await request(scene, name, spec);
    for (let n = 0; n < 30 && (await passOver(scene, name)); n += 1);
    expect(watch.violations.map(({ n }) => n)).toContain(7);
  });
});

describe("VerifyData", () => {
  const name = "verify";
  const spec = {
    procedure: "VerifyData",
    verifyData: {
      cluster: { name: "nyc" },
      rowsPerChunk: 100,
      pauseMilliseconds: 100,
      readings: 3,
      lagSeconds: 60,
    },
  };
  const report = async (scene: Scene): Promise<readonly (readonly string[])[]> => {
    const page = await scene.objects.get(configMapKind, { namespace, name: `${name}-data-1` });
    const lines = String(page?.data["report.tsv"] ?? "")
      .trimEnd()
      .split("\n");
    return lines.slice(1).map((line) => line.split("\t"));
  };
  const busy = async (seed: number): Promise<Scene> => {
    const scene = await newScene({ ...small, seed, rate: 5 });
    advance(scene.world, 60_000);
    return scene;
  };

  test("a composite whose clients write all the while is equal, and nothing on it was touched", async () => {
    const scene = await busy(3);
    const watch = watchStanding(scene);
    await request(scene, name, spec);
    const done = await driven(scene, name);
    expect(conditionOf(done, "DataEqual")).toMatchObject({ status: "True", reason: "Equal" });
    expect((await report(scene)).filter(([, , result]) => result !== "equal")).toEqual([]);
    expect(watch.commands).toEqual([]);
  });

  test("a row that is missing at a passive site is told there, and only there", async () => {
    const scene = await busy(3);
    hostOf(scene.world, "london-1").mysql.rows.delete("nyc:150");
    await request(scene, name, spec);
    expect(conditionOf(await driven(scene, name), "DataEqual")).toMatchObject({
      status: "False",
      reason: "Differs",
    });
    const wrong = (await report(scene)).filter(([, , result]) => result !== "equal");
    expect(wrong.map(([table, node, result]) => [table, node, result])).toEqual([
      ["shop.orders_nyc", "london-1", "differs"],
    ]);
  });

  test("a passive site that stands still is unknown, and no difference", async () => {
    const scene = await busy(3);
    for (const host of hostsOf(scene.world, "london")) {
      const service = host.replicators.cluster?.services.get("london");
      host.cluster.policy = "MAINTENANCE";
      if (service !== undefined) goOffline(scene.world, host, service);
    }
    await request(scene, name, spec);
    const done = await driven(scene, name, 120);
    expect(conditionOf(done, "DataEqual")?.status).not.toBe("True");
    expect((await report(scene)).filter(([, , result]) => result === "differs")).toEqual([]);
  });
});
