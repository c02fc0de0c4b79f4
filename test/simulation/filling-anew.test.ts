/** A site's filling that something comes into the middle of: it begins anew, or waits and says for what. */
import { expect, test } from "@jest/globals";
import { hostOf, hostsOf } from "../../simulator/model.ts";
import { clusterKind } from "../../src/kube/kinds.ts";
import { watchChange } from "./change-invariants.ts";
import { parisJoins } from "./change-of-sites.ts";
import { quiesce, type Scene } from "./scene.ts";
import { allTrue, begunOn, clusterOf, passSites, reached, refOf, settledScene } from "./site-scene.ts";

/** paris is being filled from a replica of london; the others are told of it by themselves. */
async function filling(): Promise<Scene> {
  const scene = await settledScene({ sites: ["london", "nyc"], nodes: 2, seed: 3 });
  await parisJoins(scene, { fillFrom: { site: "london" } });
  return scene;
}

/** As another version of the operator finds it: the walk of the one before begins anew. */
const otherVersion = (scene: Scene): void =>
  scene.objects.edit(clusterKind, refOf("paris"), ({ status }) => {
    status.ledger.revision = 0;
  });

const databases = ({ world }: Scene) => hostsOf(world, "paris").map(({ mysql }) => mysql);
const copied = ({ world }: Scene): boolean =>
  hostsOf(world, "paris").every(({ volume }) => [...volume.kept.keys()].some((name) => /^copy-/.test(name)));
const begun = (scene: Scene, words: RegExp): number =>
  begunOn(scene).filter((line) => words.test(line)).length;

test.each<[string, (scene: Scene) => boolean]>([
  ["with the donor still out", copied],
  ["over databases that run", (scene) => databases(scene).every(({ up, rows }) => up && rows.size > 0)],
])("begun anew behind its copy, %s, it proves that copy and makes no other", async (_words, so) => {
  const scene = await filling();
  const watch = watchChange(scene, { joins: ["paris-0", "paris-1"], fresh: "paris" });
  await reached(scene, async () => so(scene));
  // The last copy is recorded.
  for (let n = 0; n < 2; n += 1) await passSites(scene);
  const stops = begun(scene, /^paris-\d database stop/);
  otherVersion(scene);
  await reached(scene, async () => (await clusterOf(scene, "paris")).status?.filledFrom === "london-1");
  expect([begun(scene, /copy-datadir/), begun(scene, /^paris-\d database stop/)]).toEqual([2, stops]);
  expect(begun(scene, /^london-1 database stop/)).toBe(1);
  await reached(scene, allTrue(scene, "ConfigurationApplied"), { most: 3000 });
  quiesce(scene);
  watch.end(40);
  expect(watch.violations).toEqual([]);
});

test("begun anew in the middle of a copy it waits for that, and goes on", async () => {
  const scene = await filling();
  const copies = () =>
    hostsOf(scene.world, "paris").flatMap(({ tools }) =>
      tools.filter(({ argv }) => argv[0] === "copy-datadir"),
    );
  await reached(scene, async () => copies().length > 0);
  otherVersion(scene);
  let most = 0;
  await reached(scene, async () => (await clusterOf(scene, "paris")).status?.filledFrom === "london-1", {
    beside: async () => {
      most = Math.max(most, copies().length);
    },
  });
  expect(most).toBe(2);
  expect(hostOf(scene.world, "london-1").mysql.up).toBe(true);
});
