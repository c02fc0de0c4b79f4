/** Parallel apply on, off, and with another number of channels: services stop in order, and their positions are one row before tpm runs. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { hostOf } from "../../simulator/model.ts";
import { linkKind } from "../../src/kube/kinds.ts";
import type { Procedure } from "../../src/procedures/procedure.ts";
import { expectGolden } from "../golden.ts";
import { watchChange } from "./change-invariants.ts";
import { applied, channelsOf, channelsOff, parallel, withChannels } from "./change-of-channels.ts";
import { quiesce, type Scene } from "./scene.ts";
import {
  begunOn,
  clusterOf,
  conditionAt,
  editSite,
  lineOf,
  passSites,
  reached,
  refOf,
  settledScene,
} from "./site-scene.ts";

const small = { sites: ["london", "nyc"], nodes: 2, seed: 3 };
const ended = (scene: Scene, watch: ReturnType<typeof watchChange>): void => {
  quiesce(scene);
  watch.end(5);
  expect(watch.violations).toEqual([]);
};
const offlines = (scene: Scene): readonly string[] =>
  begunOn(scene).filter((line) => line.endsWith(" offline"));

describe("the story", () => {
  test("of parallel apply that is switched on and off again", async () => {
    const scene = await settledScene(small);
    const watch = watchChange(scene);
    const story: string[] = [];
    scene.world.listeners.push((event) => {
      if (event.kind === "command" && event.host.startsWith("nyc"))
        story.push(lineOf(event).replace(/[0-9a-f]{64}/, "<sha256>"));
    });
    story.push("five channels");
    await withChannels(scene, 5);
    expect(channelsOf(scene, "nyc-1")).toEqual([5, 5]);
    story.push("one again");
    channelsOff.begin(scene);
    await reached(scene, () => channelsOff.over(scene));
    await applied(scene);
    expect(channelsOf(scene, "nyc-1")).toEqual([1, 1]);
    ended(scene, watch);
    expectGolden(join(import.meta.dirname, "channels.story.txt"), story);
  });

  test("of another number of channels", async () => {
    const scene = await settledScene(small);
    await withChannels(scene, 5);
    const watch = watchChange(scene);
    await withChannels(scene, 3);
    expect(channelsOf(scene, "nyc-1")).toEqual([3, 3]);
    ended(scene, watch);
  });

  test("of a link: the second product's services stop in order", async () => {
    const scene = await settledScene(small);
    const watch = watchChange(scene);
    const say = (options: object) =>
      scene.objects.edit(
        linkKind,
        refOf("london-to-nyc"),
        (link) => void Object.assign(link.spec, { options }),
      );
    const channels = () => hostOf(scene.world, "nyc-0").volume.installed.crossSite?.channels;
    say(parallel(4));
    await reached(scene, async () => channels() === 4);
    await applied(scene);
    say({});
    await reached(scene, async () => channels() === 1);
    await applied(scene);
    ended(scene, watch);
    expect(offlines(scene).filter((line) => line.includes("crossSite -service london"))).not.toEqual([]);
    expect(offlines(scene).some((line) => line.includes("trepctl cluster"))).toBe(false);
  });

  test("of any other option: nothing goes offline beforehand", async () => {
    const scene = await settledScene(small);
    editSite(scene, "nyc", { options: { "thl-log-retention": "3d" } });
    await reached(
      scene,
      async () => (await conditionAt(scene, "nyc", "ConfigurationApplied"))?.status === "False",
    );
    await applied(scene);
    expect(offlines(scene)).toEqual([]);
  });

  test("of channels without a type of queue, which change nothing", async () => {
    const scene = await settledScene(small);
    editSite(scene, "nyc", { options: { channels: "5" } });
    await reached(
      scene,
      async () => (await conditionAt(scene, "nyc", "ConfigurationApplied"))?.status === "False",
    );
    await applied(scene);
    expect(channelsOf(scene, "nyc-1")).toEqual([1, 1]);
    expect(offlines(scene)).toEqual([]);
  });
});

describe("what is seen before tpm runs", () => {
  test("rows that a clean stop did not join halt it; joined by hand, it goes on", async () => {
    const scene = await settledScene(small);
    await withChannels(scene, 5);
    const { mysql } = hostOf(scene.world, "nyc-1");
    let stubborn = true;
    scene.world.listeners.push((event) => {
      if (stubborn && event.kind === "state" && event.host === "nyc-1" && event.to === "OFFLINE:NORMAL")
        mysql.channelRows.set("tungsten_nyc", 5);
    });
    channelsOff.begin(scene);
    const halted = async () => (await clusterOf(scene, "nyc")).status?.ledger?.halt?.reason;
    await reached(scene, async () => (await halted()) === "ChannelsNotJoined");
    expect((await conditionAt(scene, "nyc", "ConfigurationApplied"))?.message).toMatch(
      /tungsten_nyc\.trep_commit_seqno of nyc-1 has 5 rows, though its service is OFFLINE:NORMAL/,
    );
    expect(channelsOf(scene, "nyc-1")[0]).toBe(5);
    for (let n = 0; n < 10; n += 1) await passSites(scene);
    stubborn = false;
    mysql.channelRows.set("tungsten_nyc", 1);
    await reached(scene, () => channelsOff.over(scene));
    await applied(scene);
  });

  test("an operator that stops it otherwise leaves services that do not go online", async () => {
    const scene = await settledScene(small);
    await withChannels(scene, 5);
    const careless = (procedure: Procedure): Procedure => ({
      ...procedure,
      steps: procedure.steps.map((step) => ({
        ...step,
        parts: step.parts
          .filter(({ what }) => !/several channels|trep_commit_seqno/.test(what))
          .map((part) => ({ ...part, guards: [] })),
      })),
    });
    channelsOff.begin(scene);
    const failed = () =>
      [...(hostOf(scene.world, "nyc-1").replicators.cluster?.services.values() ?? [])].some(
        ({ error }) => error?.text.includes("inconsistent with channel count") === true,
      );
    expect(await reached(scene, async () => failed(), { walked: careless })).toBe(true);
  });
});
