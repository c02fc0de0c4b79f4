/** A site's filling that something comes into the middle of: it begins anew, or waits and says for what. */
import { describe, expect, test } from "@jest/globals";
import { hostOf, hostsOf } from "../../simulator/model.ts";
import { startDatabase, stopDatabase } from "../../simulator/mysql.ts";
import { clusterKind } from "../../src/kube/kinds.ts";
import { watchChange } from "./change-invariants.ts";
import { switchTo } from "./change-of-nodes.ts";
import { parisJoins } from "./change-of-sites.ts";
import { quiesce, type Scene } from "./scene.ts";
import {
  allTrue,
  begunOn,
  clusterOf,
  conditionAt,
  editSite,
  passSites,
  reached,
  refOf,
  settledScene,
} from "./site-scene.ts";

/** paris is being filled from a replica of london; the others are told of it by themselves. */
async function filling(nodes = 2): Promise<Scene> {
  const scene = await settledScene({ sites: ["london", "nyc"], nodes, seed: 3 });
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

const told = async (scene: Scene) => (await conditionAt(scene, "paris", "Installed"))?.message ?? "";
const ledgerOf = async (scene: Scene) => (await clusterOf(scene, "paris")).status?.ledger;

test("a policy that somebody has set is theirs: nothing is taken out beside it, and it is not returned to another", async () => {
  const scene = await settledScene({ sites: ["london", "nyc"], nodes: 2, seed: 3 });
  const london = scene.world.sites.get("london");
  if (london === undefined) throw new Error("no site");
  // No pass of london has seen it yet.
  london.policy = "MAINTENANCE";
  await parisJoins(scene, { fillFrom: { site: "london" } });
  await reached(scene, async () =>
    /the policy of london is MAINTENANCE and its spec\.policy wants AUTOMATIC/.test(await told(scene)),
  );
  expect([begunOn(scene), london.policy]).toEqual([[], "MAINTENANCE"]);
  london.policy = "AUTOMATIC";
  await reached(scene, async () => (await ledgerOf(scene))?.procedure === "FillSite");
});

test("another node that is made the primary meanwhile is the one that the walk goes on with", async () => {
  const scene = await filling(3);
  await reached(scene, async () => begun(scene, /^london-2 hold cluster/) > 0);
  switchTo(scene, "london", "london-1");
  await reached(scene, async () => (await ledgerOf(scene))?.pins.primaries.london === "london-1");
  await reached(scene, async () => (await clusterOf(scene, "paris")).status?.filledFrom === "london-2");
  expect(scene.world.sites.get("london")?.policy).toBe("AUTOMATIC");
});

test("a donor that is made the primary meanwhile is left alone, and told; switched back, it lends its data", async () => {
  const scene = await filling();
  await reached(scene, async () => scene.world.sites.get("london")?.policy === "MAINTENANCE");
  switchTo(scene, "london", "london-1");
  await reached(scene, async () =>
    /london-1, whose data are to be copied, is the primary of london/.test(await told(scene)),
  );
  for (let n = 0; n < 10; n += 1) await passSites(scene);
  expect(begun(scene, /^london-1 (replicator|database) .*stop/)).toBe(0);
  switchTo(scene, "london", "london-0");
  await reached(scene, async () => (await clusterOf(scene, "paris")).status?.filledFrom === "london-1");
});

describe("a new database that somebody starts while the walk is at the donor", () => {
  const filled = (scene: Scene) => async () =>
    (await clusterOf(scene, "paris")).status?.filledFrom === "london-1";
  /** The new databases are stopped; the donor is being taken out. */
  async function started(): Promise<{ scene: Scene; host: ReturnType<typeof hostOf> }> {
    const scene = await filling();
    await reached(scene, async () => databases(scene).every(({ up }) => !up));
    await reached(scene, async () => begun(scene, /^london-1 hold database/) > 0);
    const host = hostOf(scene.world, "paris-1");
    expect(startDatabase(scene.world, host)).toBeNull();
    return { scene, host };
  }

  test("is stopped again where it is empty", async () => {
    const { scene } = await started();
    await reached(scene, filled(scene));
    expect(begun(scene, /^paris-1 database stop/)).toBe(2);
  });

  test("is left alone where it was written to, and told", async () => {
    const { scene, host } = await started();
    host.mysql.rows.set("paris:1", 1);
    await reached(scene, async () =>
      /the database of paris-1 holds table .* by now, which somebody may want: drop it there/.test(
        await told(scene),
      ),
    );
    for (let n = 0; n < 20; n += 1) await passSites(scene);
    expect([host.mysql.up, host.mysql.rows.has("paris:1"), begun(scene, /^paris-1 copy-datadir/)]).toEqual([
      true,
      true,
      0,
    ]);
    host.mysql.rows.delete("paris:1");
    await reached(scene, filled(scene));
  });

  test("is not overwritten when it was written to and stopped again", async () => {
    const { scene, host } = await started();
    host.mysql.rows.set("paris:1", 1);
    stopDatabase(scene.world, host);
    await reached(
      scene,
      async () => (await conditionAt(scene, "paris", "Installed"))?.reason === "CommandFailed",
    );
    expect(await told(scene)).toMatch(
      /copy-datadir .*: the data directory holds the schema shop of a user; given up/,
    );
    expect(host.mysql.rows.has("paris:1")).toBe(true);
    host.mysql.rows.delete("paris:1");
    editSite(scene, "paris", { changes: { configuration: "OnApproval" } });
    await reached(scene, filled(scene));
  });
});
