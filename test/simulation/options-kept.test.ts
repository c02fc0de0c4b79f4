/** Options of links after the conversion: every later `tpm update` passes them by, so whoever runs one puts them back before a service applies. */
import { describe, expect, test } from "@jest/globals";
import { hostOf } from "../../simulator/model.ts";
import { judge } from "../../simulator/oracle.ts";
import { linkKind } from "../../src/kube/kinds.ts";
import { parisJoinsComposite } from "./change-of-composite.ts";
import { pairsWith } from "./change-of-links.ts";
import { editMembers, hasLeft, passComposite } from "./change-of-members.ts";
import { nodeJoins, nodeLeaves } from "./change-of-nodes.ts";
import { changeOfOptions } from "./change-of-options.ts";
import { changeOfTransport } from "./change-of-transport.ts";
import type { Scenario } from "./changing.ts";
import { askForConversion, drive, quiesce, type Scene } from "./scene.ts";
import { allTrue, passSites, reached, refOf, settledScene } from "./site-scene.ts";
import { askForUpgrade } from "./walks.ts";

const filter = "replicator.stage.q-to-dbms.filters";
const shape = {
  sites: ["london", "nyc"],
  nodes: 2,
  seed: 21,
  linkOptions: {
    "nyc-to-london": {
      "svc-applier-filters": "replicate",
      "log-slave-updates": "true",
      property: "replicator.filter.replicate.ignore=scratch",
    },
  },
};
/** What these are in the service's configuration. */
const kept = {
  [filter]: "replicate",
  "replicator.log.slave.updates": "true",
  "replicator.filter.replicate.ignore": "scratch",
};

async function converted(more: Partial<typeof shape> = {}): Promise<Scene> {
  const scene = await settledScene({ ...shape, ...more });
  await askForConversion(scene);
  expect((await drive(scene)).status.ledger.outcome).toBe("Succeeded");
  for (let n = 0; n < 3; n += 1) await passSites(scene);
  await reached(scene, allTrue(scene, "ConfigurationApplied"));
  return scene;
}

/** Nodes of london on which the service came up without what its link says. */
function bareOnes({ world }: Scene): readonly string[] {
  const bare: string[] = [];
  world.listeners.push((event) => {
    if (event.kind !== "state" || event.service !== "london_from_nyc" || event.to !== "ONLINE") return;
    const service = hostOf(world, event.host).replicators.cluster?.services.get(event.service);
    if (Object.entries(kept).some(([key, value]) => service?.properties[key] !== value))
      bare.push(event.host);
  });
  return bare;
}

/** What somebody changes once the estate is a composite; it brings no service up bare, and all have their options at the end. */
async function keptThrough(
  { begin, over, beside }: Pick<Scenario, "begin" | "over" | "beside">,
  more: Partial<typeof shape> = {},
) {
  const scene = await converted(more);
  const bare = bareOnes(scene);
  begin(scene);
  await reached(scene, () => over(scene), beside && { beside });
  keptAt(scene, bare);
}

/** Among these sites every row is everywhere, once and in order. */
function keptAt(scene: Scene, bare: readonly string[], among = [...scene.world.sites.keys()]): void {
  quiesce(scene);
  expect(bare).toEqual([]);
  for (const { name, site, replicators } of scene.world.hosts.values())
    if (site === "london")
      expect([name, replicators.cluster?.services.get("london_from_nyc")]).toMatchObject([
        name,
        { state: "ONLINE", properties: kept },
      ]);
  expect(judge(scene.world)).toMatchObject({ doubled: [], outOfOrder: 0 });
  const hosts = [...scene.world.hosts.values()].filter(({ site }) => among.includes(site));
  for (const { name, client } of scene.world.sites.values())
    if (among.includes(name))
      for (const { mysql } of hosts)
        expect(client.acknowledged.filter((row) => !mysql.rows.has(row))).toEqual([]);
}

describe("an option of a link that a composite has replaced", () => {
  const filtersOf = ({ world }: Scene): readonly unknown[] =>
    [...world.hosts.values()]
      .filter(({ site }) => site === "london")
      .map(({ replicators }) => {
        const service = replicators.cluster?.services.get("london_from_nyc");
        return [service?.state, service?.properties[filter]];
      });

  test("comes to its service when it is changed, and goes with its link", async () => {
    const scene = await converted();
    scene.objects.edit(linkKind, refOf("nyc-to-london"), ({ spec }) => {
      spec.options["svc-applier-filters"] = "replicate,dropcolumn";
    });
    await passSites(scene);
    await reached(scene, allTrue(scene, "ConfigurationApplied"));
    expect(filtersOf(scene)).toEqual(Array(2).fill(["ONLINE", "replicate,dropcolumn"]));
    await scene.objects.remove(linkKind, refOf("nyc-to-london"), "");
    await passSites(scene);
    await reached(scene, allTrue(scene, "ConfigurationApplied"));
    const [one, two] = filtersOf(scene);
    expect([one, two]).not.toContainEqual(["ONLINE", "replicate,dropcolumn"]);
    quiesce(scene);
    expect(judge(scene.world)).toMatchObject({ missing: [], doubled: [], outOfOrder: 0 });
  });
});

describe("no service comes up without the options of its link", () => {
  test("by a changed option of its site", () => keptThrough(changeOfOptions));

  test("by TLS for replicators", () => keptThrough(changeOfTransport));

  test("by another release", async () => {
    const scene = await converted();
    const bare = bareOnes(scene);
    await askForUpgrade(scene);
    expect((await drive(scene, 180)).status.ledger.outcome).toBe("Succeeded");
    keptAt(scene, bare);
  });

  test("on a node that joins, and on those beside it", () => keptThrough(nodeJoins));

  test("by a node that leaves", () => keptThrough(nodeLeaves, { nodes: nodeLeaves.nodes ?? 0 }));

  test("by a site that leaves, on those that stay", async () => {
    const scene = await converted({ sites: ["london", "nyc", "tokyo"] });
    for (const [source, target] of pairsWith(scene, "tokyo"))
      await scene.objects.remove(linkKind, refOf(`${source}-to-${target}`), "");
    for (let n = 0; n < 3; n += 1) await passSites(scene);
    const bare = bareOnes(scene);
    editMembers(scene, ["london", "nyc"]);
    await reached(scene, () => hasLeft(scene, "tokyo"), { beside: passComposite });
    keptAt(scene, bare, ["london", "nyc"]);
  });

  test("by a site that joins, which has a sign of them before its services begin", async () => {
    const scene = await converted();
    const bare = bareOnes(scene);
    await parisJoinsComposite(scene, { fillFrom: { site: "london" } });
    await reached(scene, allTrue(scene, "Installed", ["paris"]));
    await reached(scene, allTrue(scene, "ConfigurationApplied"), { most: 3000 });
    keptAt(scene, bare);
    for (const { site, replicators } of scene.world.hosts.values())
      if (site === "paris")
        for (const service of ["paris", "paris_from_london", "paris_from_nyc"])
          expect(replicators.cluster?.services.get(service)?.properties).toMatchObject({
            "replicator.auto_enable": "true",
          });
  });
});
