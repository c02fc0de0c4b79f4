/** Options of links after the conversion: every later `tpm update` passes them by, so whoever runs one puts them back before a service applies. */
import { describe, expect, test } from "@jest/globals";
import { hostOf } from "../../simulator/model.ts";
import { judge } from "../../simulator/oracle.ts";
import { nodeJoins } from "./change-of-nodes.ts";
import { changeOfOptions } from "./change-of-options.ts";
import { changeOfTransport } from "./change-of-transport.ts";
import type { Scenario } from "./changing.ts";
import { askForConversion, drive, quiesce, type Scene } from "./scene.ts";
import { allTrue, passSites, reached, settledScene } from "./site-scene.ts";
import { askForUpgrade } from "./walks.ts";

const filter = "replicator.stage.q-to-dbms.filters";
const shape = {
  sites: ["london", "nyc"],
  nodes: 2,
  seed: 21,
  linkOptions: { "nyc-to-london": { "svc-applier-filters": "replicate" } },
};

async function converted(): Promise<Scene> {
  const scene = await settledScene(shape);
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
    if (service?.properties[filter] !== "replicate") bare.push(event.host);
  });
  return bare;
}

/** What somebody changes once the estate is a composite; it brings no service up bare, and all have their options at the end. */
async function keptThrough({ begin, over, beside }: Pick<Scenario, "begin" | "over" | "beside">) {
  const scene = await converted();
  const bare = bareOnes(scene);
  begin(scene);
  await reached(scene, () => over(scene), beside && { beside });
  keptAt(scene, bare);
}

function keptAt(scene: Scene, bare: readonly string[]): void {
  quiesce(scene);
  expect(bare).toEqual([]);
  for (const { name, site, replicators } of scene.world.hosts.values())
    if (site === "london")
      expect([name, replicators.cluster?.services.get("london_from_nyc")]).toMatchObject([
        name,
        { state: "ONLINE", properties: { [filter]: "replicate" } },
      ]);
  expect(judge(scene.world)).toMatchObject({ missing: [], doubled: [], outOfOrder: 0 });
}

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
});
