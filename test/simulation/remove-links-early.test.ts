/** Links that are deleted before every end of them was told: some are on the nodes, others never were. */
import { expect, test } from "@jest/globals";
import { hostsOf } from "../../simulator/model.ts";
import { linkKind } from "../../src/kube/kinds.ts";
import { deleteLinks, linksGone, meshScene, pairsWith, passLinks } from "./change-of-links.ts";
import { parisJoins } from "./change-of-sites.ts";
import { quiesce, type Scene } from "./scene.ts";
import { allTrue, clusterOf, passSites, reached, refOf } from "./site-scene.ts";

const two = { sites: ["london", "nyc"], nodes: 2, seed: 3 };

const until = (scene: Scene, so: () => Promise<boolean>) => reached(scene, so, { beside: passLinks });

const walked = async (scene: Scene): Promise<readonly string[] | undefined> => {
  const { procedure, phase, kept } = (await clusterOf(scene, "london")).status?.ledger ?? {};
  return procedure === "RemoveLinks" && phase === "Running"
    ? Object.keys(kept).filter((key) => key.startsWith("link."))
    : undefined;
};

const inPolicy = ({ world }: Scene): readonly string[] =>
  [...world.sites.values()].map(({ policy }) => policy);

test("a site whose links go before the others read it: what they never had goes by itself, the rest is walked", async () => {
  const scene = await meshScene(two);
  await parisJoins(scene, { fillFrom: { site: "london" } });
  await until(scene, allTrue(scene, "Installed", ["paris"]));
  const pairs = pairsWith(scene, "paris");
  deleteLinks(scene, pairs);
  let links: readonly string[] = [];
  await until(scene, async () => {
    links = (await walked(scene)) ?? links;
    return linksGone(scene, pairs);
  });
  expect([...links].sort()).toEqual(["link.london-to-paris", "link.nyc-to-paris"]);
  quiesce(scene);
  expect(inPolicy(scene)).toEqual(["AUTOMATIC", "AUTOMATIC", "AUTOMATIC"]);
});

test("one that goes by itself when the walk has only begun: it begins anew over the others, and the policies return", async () => {
  const scene = await meshScene({ ...two, sites: ["london", "nyc", "tokyo"] });
  const pairs = pairsWith(scene, "tokyo");
  deleteLinks(scene, pairs);
  await until(scene, async () => (await walked(scene)) !== undefined);
  // As if its nodes could not be read when the walk began: nobody knew that they have no service for it.
  for (const host of hostsOf(scene.world, "nyc")) {
    const product = host.volume.installed.crossSite;
    product?.services.splice(
      product.services.findIndex(({ name }) => name === "tokyo"),
      1,
    );
    host.replicators.crossSite?.services.delete("tokyo");
  }
  const gone = refOf("tokyo-to-nyc");
  const uid = (await scene.objects.get(linkKind, gone))?.metadata.uid ?? "";
  await scene.objects.remove(linkKind, gone, uid);
  let links: readonly string[] = [];
  await until(scene, async () => {
    links = (await walked(scene)) ?? links;
    return linksGone(scene, pairs);
  });
  expect([...links].sort()).toEqual(["link.london-to-tokyo", "link.nyc-to-tokyo", "link.tokyo-to-london"]);
  expect(scene.readable.join("\n")).toContain("RemoveLinks begins anew: tokyo-to-nyc went by itself");
  expect(inPolicy(scene)).toEqual(["AUTOMATIC", "AUTOMATIC", "AUTOMATIC"]);
});

test("links that are deleted one after the other go in one walk", async () => {
  const scene = await meshScene({ ...two, sites: ["london", "nyc", "tokyo"] });
  const pairs = pairsWith(scene, "tokyo");
  for (const pair of pairs) {
    deleteLinks(scene, [pair]);
    for (const pass of [passSites, passLinks]) await pass(scene);
  }
  const policies: string[] = [];
  scene.world.listeners.push((event) => {
    if (event.kind === "policy" && event.site === "london") policies.push(event.policy);
  });
  await until(scene, () => linksGone(scene, pairs));
  expect(policies).toEqual(["MAINTENANCE", "AUTOMATIC"]);
});
