/** Crashes of a conversion that loses a node, or a primary, in each of its steps, by every way out that it names there. */
import { describe, expect, test } from "@jest/globals";
import { strike } from "../../simulator/faults.ts";
import { crashedAt, type Meanwhile, sweep, type Turn } from "./crashing.ts";
import { ids, lose, uninstalling, updating } from "./losing.ts";
import { askForConversion, type SceneShape, theRequest } from "./scene.ts";
import { edit, progressOf } from "./steering.ts";
import { conversion, type Walk } from "./walks.ts";

/** The words are said once the run has told what it misses; a site without primary under MAINTENANCE is failed over by hand. */
const heard = (name: string, word: object, failsOver: boolean) => (): Meanwhile => {
  let said = false;
  let failedOver = !failsOver;
  return async (scene, note) => {
    const progress = progressOf(await theRequest(scene));
    if (!said && progress.includes(`${name} has no running pod`)) {
      said = true;
      note("told");
      edit(scene, { lostNodes: [name], ...word });
    }
    if (!failedOver && progress.includes("its site has no primary under MAINTENANCE: fail over")) {
      failedOver = true;
      note("waits for a failover");
      strike(scene.world, "primary-moved", "nyc-1");
    }
  };
};

type Lost = {
  readonly step: string;
  readonly name: string;
  readonly word?: object;
  readonly byHand?: boolean;
};

const turnOf = ({ step, name, word = {}, byHand = false }: Lost): Turn => ({
  // A step that finds everything done is passed in one look with the one before it.
  when: ({ status }) => status?.ledger?.steps.some(({ id }: { id: string }) => id === step) === true,
  say: {},
  happens: (scene) => lose(scene, name),
  meanwhile: heard(name, word, byHand),
});

/** The invariants do not know that a node is lost: that worlds are equal is what is asked here. */
async function sweptWithout(
  lost: Lost,
  outcome: string,
  spread: number,
  more: Partial<SceneShape> = {},
  walk: Walk = conversion,
): Promise<void> {
  const ended = async (n: number) => ({
    ...(await crashedAt(n, turnOf(lost), more, undefined, walk)),
    violations: [],
  });
  await sweep(ended, { stride: 151, spread: spread * 3, most: 150 }, (whole) => {
    const noted = lost.byHand === true ? ["told", "waits for a failover"] : ["told"];
    expect(whole).toMatchObject({ outcome, noted });
  });
}

/** By default every third of them; with STRIDE every one. */
const numbered = (list: readonly string[]) =>
  list
    .map((step, index) => [step, index] as const)
    .filter(([, index]) => process.env.STRIDE !== undefined || index % 3 === 1);

describe("a replica is lost for good", () => {
  test.each(numbered(ids.slice(1)))("in %s: the run goes on without it", (step, index) =>
    sweptWithout({ step, name: "nyc-1" }, "Succeeded", index),
  );

  test.each(numbered(ids.slice(1, updating)))("in %s: or back", (step, index) => {
    const back = ids.indexOf(step) <= uninstalling;
    const word = back ? { abort: true } : { revert: true };
    return sweptWithout({ step, name: "nyc-1", word }, back ? "Aborted" : "Reverted", index);
  });
});

describe("a primary is lost for good", () => {
  test.each(numbered(ids.slice(1, uninstalling + 1)))("in %s: back by abort", (step, index) =>
    sweptWithout({ step, name: "nyc-0", word: { abort: true } }, "Aborted", index),
  );

  test.each(numbered(ids.slice(uninstalling + 1, updating)))(
    "in %s: back by revert and a failover by hand",
    (step, index) =>
      sweptWithout({ step, name: "nyc-0", word: { revert: true }, byHand: true }, "Reverted", index),
  );
});

describe("in step 1, while backups are taken", () => {
  const walk: Walk = {
    ...conversion,
    nodes: 3,
    ask: (scene) => askForConversion(scene, {}, { backup: { mode: "Take" } }),
  };
  const step = "Backup";

  test.each<readonly [string, Lost, string, number]>([
    ["a replica that takes none: the run goes on", { step, name: "nyc-1" }, "Succeeded", 0],
    ["the one that takes it: back", { step, name: "nyc-2", word: { abort: true } }, "Aborted", 1],
    ["the primary: back", { step, name: "nyc-0", word: { abort: true } }, "Aborted", 2],
  ])("%s", (_name, lost, outcome, spread) => sweptWithout(lost, outcome, spread, {}, walk));
});
