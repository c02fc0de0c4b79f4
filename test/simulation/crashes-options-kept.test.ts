/** Crashes of later changes of a converted estate whose links have options: they are in force at the end, and no service was up without them. */
import { expect, test } from "@jest/globals";
import { hostOf, hostsOf } from "../../simulator/model.ts";
import { digest, judge } from "../../simulator/oracle.ts";
import { changeOfOneSite } from "./change-of-options.ts";
import type { Scenario } from "./changing.ts";
import { sweep } from "./crashing.ts";
import { withDeathAt } from "./disturbing.ts";
import { askForConversion, drive, quiesce, type Scene } from "./scene.ts";
import { allTrue, editSite, passSites, reached, settledScene } from "./site-scene.ts";

const linkOptions = {
  "nyc-to-london": {
    "svc-applier-filters": "replicate",
    "log-slave-updates": "true",
    property: "replicator.store.thl.fsync=true",
  },
  "london-to-nyc": { "svc-applier-filters": "replicate" },
};
/** What each node of the site shows of them. */
const inForce: Readonly<Record<string, readonly [service: string, properties: object]>> = {
  london: [
    "london_from_nyc",
    { "replicator.stage.q-to-dbms.filters": "replicate", "replicator.store.thl.fsync": "true" },
  ],
  nyc: ["nyc_from_london", { "replicator.stage.q-to-dbms.filters": "replicate" }],
};

async function converted(): Promise<Scene> {
  const scene = await settledScene({ sites: ["london", "nyc"], nodes: 2, seed: 5, linkOptions });
  await askForConversion(scene);
  expect((await drive(scene)).status.ledger.outcome).toBe("Succeeded");
  for (let n = 0; n < 3; n += 1) await passSites(scene);
  await reached(scene, allTrue(scene, "ConfigurationApplied"));
  return scene;
}

const propertiesOf = (scene: Scene, host: string, service: string) =>
  hostOf(scene.world, host).replicators.cluster?.services.get(service)?.properties;

/** Services that came up without what their links say. */
function watchBare(scene: Scene, bare: string[]): void {
  scene.world.listeners.push((event) => {
    if (event.kind !== "state" || event.to !== "ONLINE") return;
    const [service, wanted] = inForce[hostOf(scene.world, event.host).site] ?? ["", {}];
    if (event.service !== service) return;
    const has = propertiesOf(scene, event.host, service) ?? {};
    if (Object.entries(wanted).some(([key, value]) => has[key] !== value)) bare.push(event.host);
  });
}

const kept = (scene: Scene): boolean =>
  Object.entries(inForce).every(([site, [service, wanted]]) =>
    hostsOf(scene.world, site).every(({ name }) => {
      const has = propertiesOf(scene, name, service) ?? {};
      return Object.entries(wanted).every(([key, value]) => has[key] === value);
    }),
  );

type Change = Pick<Scenario, "begin" | "over">;

const wantedSetting = "max_connections=500";
const settings: Change = {
  begin: (scene) =>
    editSite(scene, "london", {
      mysql: { port: 13306, settings: { max_connections: "500" } },
      changes: { dataserver: "Automatic", switchBack: true },
    }),
  over: async (scene) =>
    hostsOf(scene.world, "london").every(({ mysql }) => mysql.started.includes(wantedSetting)) &&
    (await allTrue(scene, "DatabaseCurrent")()),
};

test.each<readonly [string, Change, number]>([
  ["a changed option of the site", changeOfOneSite, 0],
  ["a restart of its databases", settings, 1],
])("after %s", async (_name, { begin, over }, spread) => {
  const changed = async (n: number) => {
    const scene = await converted();
    const bare: string[] = [];
    watchBare(scene, bare);
    begin(scene);
    const course = {
      scene,
      pass: () => passSites(scene),
      over: () => over(scene),
      mostPasses: 800,
    };
    const { points, over: ended } = await withDeathAt(course, n);
    for (let passes = 0; passes < 4; passes += 1) await course.pass();
    quiesce(scene);
    const { doubled, missing, outOfOrder } = judge(scene.world);
    return {
      points,
      ended,
      bare,
      kept: kept(scene),
      wrong: [...doubled, ...missing, outOfOrder],
      digest: digest(scene.world),
    };
  };
  await sweep(changed, { stride: 151, spread }, (whole) => {
    expect(whole).toMatchObject({ ended: true, bare: [], kept: true, wrong: [0] });
    expect(whole.points).toBeGreaterThan(20);
  });
});
