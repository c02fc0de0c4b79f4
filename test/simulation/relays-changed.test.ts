/** Changes of an installed active/passive composite: options, MySQL settings, nodes, users, TLS, at the active site and at a passive one. */
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { hostOf, hostsOf, siteOf } from "../../simulator/model.ts";
import { switchSite } from "../../simulator/site-switching.ts";
import { advance, spawn } from "../../simulator/world.ts";
import { compositeKind } from "../../src/kube/kinds.ts";
import { expectGolden } from "../golden.ts";
import { watchChange } from "./change-invariants.ts";
import { changeOfOptions } from "./change-of-options.ts";
import { type RelayScenario, relayScenarioNames, relayScenarios } from "./change-of-relays.ts";
import { brokenChange, type Scenario } from "./changing.ts";
import { changePart, everywhere, unguarded, withoutPrechecks, withoutStep } from "./mutate.ts";
import { quiesce, type Scene } from "./scene.ts";
import { lineOf, passSites, reached, refOf, settledScene } from "./site-scene.ts";

async function told(name: RelayScenario, more?: number): Promise<{ scene: Scene; story: readonly string[] }> {
  const scenario: Scenario = relayScenarios[name];
  const nodes = more ?? scenario.nodes ?? 2;
  const scene = await settledScene({ sites: ["london", "nyc"], nodes, seed: 3, topology: "CAP" });
  const watch = (scenario.watch ?? watchChange)(scene, scenario);
  const story: string[] = [];
  scene.world.listeners.push((event) => {
    if (event.kind === "command") story.push(lineOf(event).replace(/[0-9a-f]{64}/, "<sha256>"));
    if (event.kind === "policy") story.push(`${event.site} is ${event.policy}`);
    if (event.kind === "primary") story.push(`${event.to} heads ${event.site}`);
  });
  scenario.begin(scene);
  await reached(scene, async () => {
    await scenario.beside?.(scene);
    return scenario.over(scene);
  });
  for (let n = 0; n < 4; n += 1) await passSites(scene);
  quiesce(scene);
  watch.end(scenario.interruptionSeconds);
  expect(watch.violations).toEqual([]);
  return { scene, story };
}

describe("the story", () => {
  test.each(relayScenarioNames)("of %s", async (name) => {
    const { scene, story } = await told(name);
    const file = `relays-${name.replaceAll(/[ .]/g, "-")}.story.txt`;
    expectGolden(join(import.meta.dirname, file), story);
    expect(hostsOf(scene.world, "london").filter(({ mysql }) => !mysql.readOnly)).toEqual([]);
    expect(siteOf(scene.world, "london")).toMatchObject({ primary: "london-0", relaySource: "nyc" });
  });

  test("of an option with three nodes: the relay is the last of its site", async () => {
    const { scene, story } = await told("an option", 3);
    const updated = story
      .filter((line) => line.includes("update --replace-release"))
      .map((line) => /\b(london|nyc)-\d\b/.exec(line)?.[0]);
    expect(updated).toEqual(["london-1", "london-2", "london-0", "nyc-1", "nyc-2", "nyc-0"]);
    for (const host of scene.world.hosts.values()) {
      expect(host.volume.ini).toContain("relay=london-0\n");
      expect(host.volume.ini).toContain("relay-source=nyc\n");
    }
  });

  test("behind a site's switch the text names the site that takes the writes now", async () => {
    const scene = await settledScene({ sites: ["london", "nyc"], nodes: 2, seed: 3, topology: "CAP" });
    const relay = hostOf(scene.world, "london-0");
    const switching = function* () {
      yield* switchSite(scene.world, relay, "london");
      return { code: 0, out: "", err: "" };
    };
    spawn(
      scene.world,
      relay,
      ["cctrl"],
      switching(),
      () => {},
      () => {},
    );
    advance(scene.world, 20_000);
    scene.objects.edit(compositeKind, refOf("global"), (object) =>
      Object.assign(object, { status: { primarySite: "london" } }),
    );
    const watch = watchChange(scene, changeOfOptions);
    changeOfOptions.begin(scene);
    await reached(scene, () => changeOfOptions.over(scene));
    quiesce(scene);
    watch.end(5);
    expect(watch.violations).toEqual([]);
    expect(hostOf(scene.world, "nyc-1").volume.ini).toMatch(
      /\[nyc\]\n(.+\n)*relay=nyc-0\n(.+\n)*relay-source=london\n/,
    );
  });
});

describe("operators broken on purpose", () => {
  test("one that updates under AUTOMATIC: 33", async () =>
    expect(
      await brokenChange(relayScenarios["an option"], [
        withoutStep("EnterMaintenance"),
        everywhere(unguarded),
        withoutPrechecks,
      ]),
    ).toContain(33));

  test("one that leaves MAINTENANCE behind: 40", async () =>
    expect(await brokenChange(relayScenarios["an option"], [withoutStep("ReturnPolicy")])).toContain(40));

  test("one that takes the relay's database down without moving the relay: 26", async () =>
    expect(
      await brokenChange(relayScenarios["my.cnf at a passive site"], [
        withoutStep("SwitchAway"),
        changePart("MaintainNode0", 1, (part) => ({ ...part, guards: [], done: () => ({ is: "done" }) })),
        everywhere(unguarded),
        withoutPrechecks,
      ]),
    ).toContain(26));
});
