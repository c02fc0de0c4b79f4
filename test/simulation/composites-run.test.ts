/** Composites that were installed from resources: what procedures do there, and what they refuse in one sentence. */
import { describe, expect, test } from "@jest/globals";
import { hostOf, hostsOf, siteOf } from "../../simulator/model.ts";
import { judge } from "../../simulator/oracle.ts";
import { switchPrimary } from "../../simulator/switching.ts";
import { advance, spawn } from "../../simulator/world.ts";
import { watchChange } from "./change-invariants.ts";
import { activeActive, activePassive } from "./forming.ts";
import {
  bareScene,
  type CompositeShape,
  compositeReady,
  formed,
  passEstate,
  putComposite,
  putSite,
} from "./fresh-scene.ts";
import { askFor, conditionOf, drive, pass, quiesce, type Scene, theRequest } from "./scene.ts";
import { allTrue, begunOn, clusterOf, conditionAt, editSite } from "./site-scene.ts";

async function standing(composite: CompositeShape): Promise<Scene> {
  const sites = [...composite.members].sort();
  const scene = await bareScene({ sites, nodes: 2, seed: 8 });
  await putComposite(scene, composite);
  for (const name of sites) await putSite(scene, name);
  await formed(
    scene,
    async () => (await allTrue(scene, "Ready")()) && (await compositeReady(scene))?.status === "True",
  );
  return scene;
}

const dynamic: CompositeShape = {
  type: "DynamicActiveActive",
  members: ["london", "nyc"],
  writeAffinity: ["nyc", "london"],
};
const options = { options: { "thl-log-retention": "3d" } };

function switchedBy(scene: Scene, to: string): void {
  const host = hostOf(scene.world, to);
  spawn(
    scene.world,
    host,
    ["cctrl"],
    (function* () {
      yield* switchPrimary(scene.world, host, to);
      return { code: 0, out: "", err: "" };
    })(),
    () => {},
    () => {},
  );
  for (let n = 0; n < 30; n += 1) advance(scene.world, 1000);
}

describe.each([activeActive, dynamic])("$type", (composite) => {
  test("a primary that moved is told, never moved back, and stands in the text of the next change", async () => {
    const scene = await standing(composite);
    switchedBy(scene, "nyc-1");
    const before = begunOn(scene).length;
    for (let n = 0; n < 10; n += 1) await passEstate(scene);
    expect(siteOf(scene.world, "nyc").primary).toBe("nyc-1");
    expect((await clusterOf(scene, "nyc")).status.primary).toBe("nyc-1");
    expect(await compositeReady(scene)).toMatchObject({ status: "True" });
    expect(begunOn(scene).length).toBe(before);
    expect(hostOf(scene.world, "london-0").volume.ini).toContain("master=nyc-0\n");
    const watch = watchChange(scene);
    editSite(scene, "london", options);
    for (let n = 0; n < 3; n += 1) await passEstate(scene);
    await formed(scene, allTrue(scene, "ConfigurationApplied"), { most: 500 });
    quiesce(scene);
    watch.end(30);
    expect(watch.violations).toEqual([]);
    for (const { volume } of scene.world.hosts.values())
      expect(volume.ini).toMatch(/\[nyc\]\n(.+\n)*master=nyc-1\n/);
    expect(await compositeReady(scene)).toMatchObject({ status: "True" });
  });

  test("a switch that a request asks for", async () => {
    const scene = await standing(composite);
    await askFor(scene, "switch", { procedure: "Switch", switch: { cluster: { name: "nyc" }, to: "nyc-1" } });
    expect((await drive(scene)).status.ledger.outcome).toBe("Succeeded");
    for (let n = 0; n < 5; n += 1) await passEstate(scene);
    expect(await compositeReady(scene)).toMatchObject({ status: "True" });
    quiesce(scene);
    const { written, ...end } = judge(scene.world);
    expect(written).toBeGreaterThan(10);
    expect(end).toEqual({ missing: [], doubled: [], outOfOrder: 0 });
  });
});

describe("ActivePassive", () => {
  const site = { cluster: { name: "london" } };
  const asked: readonly (readonly [string, object])[] = [
    ["Switch", { switch: { ...site, to: "london-1" } }],
    ["Failover", { failover: { ...site, to: "london-1" } }],
    ["CheckPaths", { checkPaths: site }],
    ["VerifyData", { verifyData: site }],
    [
      "FixReplication",
      {
        fixReplication: {
          ...site,
          service: "london",
          nodes: ["london-0"],
          reason: "tried",
          action: "Reprovision",
          reprovision: { donor: "london-1" },
        },
      },
    ],
    ["ResetAllSites", { resetAllSites: site }],
    [
      "ResetSite",
      {
        resetSite: {
          failedSite: { name: "london" },
          definitiveSite: { name: "nyc" },
          donor: "nyc-1",
          method: "xtrabackup",
        },
      },
    ],
    [
      "ConvertMsaaToCaa",
      { convertMsaaToCaa: { compositeService: { name: "global" }, backup: { mode: "Take" } } },
    ],
  ];

  test("every procedure refuses it in one sentence, and nothing begins", async () => {
    const scene = await standing(activePassive);
    const before = begunOn(scene).length;
    for (const [procedure, block] of asked) {
      await askFor(scene, `try-${procedure.toLowerCase()}`, { procedure, ...block });
      for (let n = 0; n < 4; n += 1) await pass(scene);
      const accepted = conditionOf(await theRequest(scene), "Accepted");
      expect([procedure, accepted?.status, accepted?.message]).toEqual([
        procedure,
        "False",
        expect.stringMatching(/^CompositeService global is ActivePassive[^\n]*$/),
      ]);
    }
    expect(begunOn(scene).length).toBe(before);
  });

  test.each([
    ["ConfigurationApplied", options],
    [
      "DatabaseCurrent",
      { mysql: { port: 13306, settings: { max_connections: "300" } }, changes: { dataserver: "Automatic" } },
    ],
  ])("an edit that %s tells is not carried out", async (type, change) => {
    const scene = await standing(activePassive);
    const before = begunOn(scene).length;
    editSite(scene, "london", change);
    for (let n = 0; n < 10; n += 1) await passEstate(scene);
    const told = await conditionAt(scene, "london", type);
    expect(told).toMatchObject({ status: "False", reason: "Waiting" });
    expect(told?.message).toContain("the site belongs to a Composite Active/Passive");
    expect(begunOn(scene).length).toBe(before);
  });

  test("a relay that failed over is told as the head of its site, and its nodes stay read-only", async () => {
    const scene = await standing(activePassive);
    switchedBy(scene, "london-1");
    for (let n = 0; n < 6; n += 1) await passEstate(scene);
    expect((await clusterOf(scene, "london")).status).toMatchObject({
      primary: "london-1",
      topology: "CAP",
      drift: [],
    });
    expect(hostsOf(scene.world, "london").map(({ mysql }) => mysql.readOnly)).toEqual([true, true]);
    expect(await compositeReady(scene)).toMatchObject({ status: "True" });
    quiesce(scene);
    expect(judge(scene.world)).toMatchObject({ missing: [], doubled: [] });
  });
});
