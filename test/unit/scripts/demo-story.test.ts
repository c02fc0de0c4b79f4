/** The demo's story: each entry told once, steps under the vendor's numbers, commands by kind with their nodes. */
import { expect, test } from "@jest/globals";
import { newStory } from "../../../scripts/demo-story.ts";
import type { Entry } from "../../../src/procedures/journal.ts";

const at = (second: number): string => new Date(second * 1000).toISOString();
const step = "UninstallCrossSiteReplicators";
const begin = (second: number, node: string, command: string): Entry => ({
  ...{ at: at(second), event: "begin", step },
  ...{ node, key: "k", command },
});
const journal: readonly Entry[] = [
  begin(1, "nyc-1", "tpm crossSite installed uninstall --i-am-sure"),
  begin(1, "nyc-0", "tpm crossSite installed uninstall --i-am-sure"),
  begin(5, "nyc-1", `put-read-only read-only-${"0".repeat(8)}`),
  { at: at(6.5), event: "move", step, text: "uninstall the second product" },
  { at: at(7), event: "halt", step, text: "CommandFailed: mend it" },
  { at: at(8), event: "move", step, text: "CrossSiteReplicatorsUninstalled" },
  { at: at(9), event: "finish", text: "Succeeded" },
];

test("a journal that grows is told line by line, and nothing twice", () => {
  const story = newStory();
  const first = story.tell(journal.slice(0, 4));
  expect(first).toEqual([
    "",
    "  step 4. Uninstall the Cross-site Replicators",
    "      ✓ uninstall the second product   5.5 s",
    "            nyc-0 nyc-1",
    "            tpm crossSite installed uninstall --i-am-sure   ×2",
    "            put-read-only read-only-00000000",
  ]);
  expect(story.tell(journal.slice(0, 4))).toEqual([]);
  expect(story.tell(journal)).toEqual([
    "      halt: CommandFailed: mend it",
    "      → condition CrossSiteReplicatorsUninstalled",
    "",
    "  Succeeded",
  ]);
});
