/**
 * Whatever fills a new node looks that it is empty in the very script that overwrites it. Somebody writes there in the last
 * moment before each tool begins: a sound operator overwrites nothing, and one without a look does.
 */
import { describe, expect, test } from "@jest/globals";
import { hostOf } from "../../simulator/model.ts";
import { watchChange } from "./change-invariants.ts";
import { passiveSiteJoins, siteJoinsComposite } from "./change-of-composite.ts";
import { nodeJoins } from "./change-of-nodes.ts";
import { siteJoins } from "./change-of-sites.ts";
import type { Scenario } from "./changing.ts";
import { type Change, commandsLike, everywhere, unguarded } from "./mutate.ts";
import { passSites, settledScene } from "./site-scene.ts";

const row = "elsewhere:1";
/** Longer than any of these tools needs to be begun, and to be refused as often as it is tried. */
const mostPasses = 600;

type Written = { readonly kept: boolean; readonly refused: number; readonly violations: readonly number[] };

/** `node`: the one that somebody writes into, directly before the command whose words fit reaches it for the first time. */
async function writtenBefore(
  words: RegExp,
  node: string,
  scenario: Scenario,
  changes: readonly Change[],
): Promise<Written> {
  const nodes = scenario.nodes ?? 2;
  const scene = await (scenario.scene ?? settledScene)({ sites: ["london", "nyc"], nodes, seed: 11 });
  const { world, shell } = scene;
  const watch = watchChange(scene, scenario);
  const { exec } = shell.pods;
  let written = false;
  Object.assign(shell.pods, {
    exec: (pod: { name: string }, argv: readonly string[], stdin: string) => {
      if (!written && pod.name === node && argv[1] === "start" && words.test(stdin)) {
        written = true;
        hostOf(world, node).mysql.rows.set(row, 1);
      }
      return exec.call(shell.pods, pod as never, argv as never, stdin as never);
    },
  });
  scenario.begin(scene);
  await scenario.create?.(scene);
  const refused = () =>
    [...(world.hosts.get(node)?.volume.markers.values() ?? [])].filter(
      ({ refused: why }) => why !== undefined,
    );
  const lost = () => written && !hostOf(world, node).mysql.rows.has(row);
  for (let n = 0; n < mostPasses && !lost() && refused().length === 0; n += 1) {
    await passSites(scene, (procedure) => changes.reduce((whole, change) => change(whole), procedure));
    await scenario.beside?.(scene);
  }
  for (let n = 0; n < 20 && !lost(); n += 1) await passSites(scene);
  expect(written).toBe(true);
  return {
    kept: !lost(),
    refused: refused().length,
    violations: [...new Set(watch.violations.map(({ n }) => n))],
  };
}

const tools: readonly (readonly [string, Scenario, string, RegExp, string])[] = [
  ["a node that joins", nodeJoins, "london-2", /tprovision/, "no-tables"],
  ["a site that joins a mesh", siteJoins, "paris-1", /copy-datadir/, "no-table-files"],
  ["a site that joins a composite", siteJoinsComposite, "paris-1", /copy-datadir/, "no-table-files"],
  ["the relay of a passive site", passiveSiteJoins, "paris-0", /tprovision/, "no-tables"],
  ["a replica of a passive site", passiveSiteJoins, "paris-1", /tprovision/, "no-tables"],
];

/** One look left out of the scripts that fill. */
const without = (look: string): Change =>
  commandsLike(/^(tprovision|copy-datadir)/, (sent) => ({
    ...sent,
    begin: { ...sent.begin, prechecks: (sent.begin.prechecks ?? []).filter(({ argv }) => argv[0] !== look) },
  }));

describe("written in the last moment", () => {
  test.each(tools)("%s is not overwritten", async (_name, scenario, node, words) => {
    const { kept, refused, violations } = await writtenBefore(words, node, scenario, []);
    expect([kept, violations]).toEqual([true, []]);
    expect(refused).toBeGreaterThan(0);
  });

  test.each(tools)(
    "%s is, by an operator whose script does not look",
    async (_name, scenario, node, words, look) => {
      const { kept, violations } = await writtenBefore(words, node, scenario, [without(look)]);
      expect([kept, violations]).toEqual([false, [24]]);
    },
  );

  test.each(tools)("%s is not, by one that looks nowhere but there", async (_name, scenario, node, words) => {
    const { kept, violations } = await writtenBefore(words, node, scenario, [everywhere(unguarded)]);
    expect([kept, violations]).toEqual([true, []]);
  });
});
