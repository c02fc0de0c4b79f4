/** Step 1 of the conversion: backups taken and proven, or attested with their evidence. */
import { describe, expect, test } from "@jest/globals";
import { configMapKind, requestKind } from "../../src/kube/kinds.ts";
import { watchScene } from "./run-invariants.ts";
import {
  askForConversion,
  conditionOf,
  drive,
  namespace,
  newScene,
  pass,
  type Scene,
  theRequest,
} from "./scene.ts";

const small = { sites: ["london", "nyc"], nodes: 2, seed: 4 } as const;
const taking = { backup: { mode: "Take" } };

async function journalOf(scene: Scene): Promise<string> {
  const page = await scene.objects.get(configMapKind, { namespace, name: "to-caa-journal-1" });
  return String(page?.data["journal.jsonl"]);
}

const backupsOn = ({ world }: Scene) =>
  [...world.hosts.values()].flatMap((host) =>
    [...host.volume.backups.keys()].map((name) => `${host.name} ${name}`),
  );

describe("taken", () => {
  test("one replica of each site, its checksum and LSN in the ledger and in the journal", async () => {
    const scene = await newScene(small);
    const watch = watchScene(scene);
    await askForConversion(scene, {}, taking);
    const request = await drive(scene);
    expect(request.status.ledger.outcome).toBe("Succeeded");
    expect(backupsOn(scene).map((line) => line.split(" ")[0])).toEqual(["london-1", "nyc-1"]);
    const said = /^nyc-1:\/backups\/before-[0-9a-f]{8}-nyc-1 sha256 [0-9a-f]{64} lsn \d+$/;
    expect(request.status.ledger.kept["backup.nyc"]).toMatch(said);
    expect(await journalOf(scene)).toContain(
      `"text":"backup.nyc = ${request.status.ledger.kept["backup.nyc"]}"`,
    );
    expect(watch.violations).toEqual([]);
  });

  test("one that is cut short is taken again, and the run goes on with the whole one", async () => {
    const scene = await newScene(small);
    scene.world.traps.push({ at: "backup-short", host: "nyc-1", after: 0 });
    await askForConversion(scene, {}, taking);
    expect((await drive(scene)).status.ledger.outcome).toBe("Succeeded");
    expect((await journalOf(scene)).match(/"command":"backup before-/g)).toHaveLength(3);
  });

  test("one that never becomes whole fails step 1, and nothing else has begun", async () => {
    const scene = await newScene(small);
    for (let n = 0; n < 3; n += 1) scene.world.traps.push({ at: "backup-short", host: "nyc-1", after: 0 });
    await askForConversion(scene, {}, taking);
    const request = await drive(scene, 20);
    expect(conditionOf(request, "Stalled")).toMatchObject({ status: "True", reason: "CommandFailed" });
    expect(conditionOf(request, "Stalled")?.message).toMatch(
      /the backup of nyc is not what was recorded when it was taken/,
    );
    expect(conditionOf(request, "BackupVerified")).toBeUndefined();
    const begun = [...scene.world.hosts.values()].flatMap((host) =>
      [...host.volume.markers.values()].map(({ argv }) => argv[0]),
    );
    expect(new Set(begun)).toEqual(new Set(["backup"]));
    expect([...scene.world.sites.values()].map(({ policy }) => policy)).toEqual(["AUTOMATIC", "AUTOMATIC"]);
  });
});

describe("attested", () => {
  const sites = ["london", "nyc"].map((site) => ({ site, sha256: "ab".repeat(32), lsn: "77" }));
  const hoursAgo = (scene: Scene, hours: number) =>
    new Date(scene.world.now - hours * 3_600_000).toISOString();
  async function asked(backup: (scene: Scene) => object) {
    const scene = await newScene(small);
    const said = { mode: "Attested", who: "anna", evidence: "vault/7", sites, ...backup(scene) };
    await askForConversion(scene, { approval: "Manual" }, { backup: said });
    await pass(scene);
    return { scene, request: await theRequest(scene) };
  }

  test("with all its evidence it stands in the plan", async () => {
    const { scene, request } = await asked((now) => ({ when: hoursAgo(now, 23) }));
    expect(conditionOf(request, "Accepted")).toMatchObject({ status: "True" });
    const plan = await scene.objects.get(configMapKind, { namespace, name: request.status.plan.stored });
    expect(String(plan?.data.plan)).toContain(`nyc: sha256 ${"ab".repeat(32)}, LSN 77`);
    expect(String(plan?.data.plan)).toContain("taken by «anna»");
  });

  test.each<[string, (scene: Scene) => object, RegExp]>([
    [
      "too old",
      (scene) => ({ when: hoursAgo(scene, 25) }),
      /backup\.when is «\S+», 25 hours ago, the limit is 24 \(spec\.convertMsaaToCaa\.backup\.maxAgeHours\); take a new one/,
    ],
    [
      "too old for its own limit",
      (scene) => ({ when: hoursAgo(scene, 3), maxAgeHours: 2 }),
      /3 hours ago, the limit is 2/,
    ],
    ["from tomorrow", (scene) => ({ when: hoursAgo(scene, -24) }), /which has not come yet; correct it$/],
    ["of no time", () => ({ when: "yesterday" }), /«yesterday», which is no time; write it as/],
    [
      "for one site only",
      (scene) => ({ when: hoursAgo(scene, 1), sites: sites.slice(0, 1) }),
      /^spec\.convertMsaaToCaa\.backup\.sites has no backup of nyc; add it, or let the run take the backups/,
    ],
  ])("%s is refused", async (_name, backup, says) => {
    const { request } = await asked(backup);
    expect(conditionOf(request, "Accepted")).toMatchObject({ status: "False", reason: "Refused" });
    expect(conditionOf(request, "Accepted")?.message).toMatch(says);
    expect(request.status.plan).toBeUndefined();
  });

  test("that grows too old while a human ponders is refused before the run begins", async () => {
    const scene = await newScene(small);
    const said = { mode: "Attested", who: "anna", evidence: "vault/7", sites, maxAgeHours: 1 };
    await askForConversion(scene, { approval: "Manual" }, { backup: { ...said, when: hoursAgo(scene, 0) } });
    await pass(scene);
    const { hash } = (await theRequest(scene)).status.plan;
    scene.world.now += 2 * 3_600_000;
    scene.objects.edit(requestKind, { namespace, name: "to-caa" }, ({ spec }) => {
      spec.approvedPlan = hash;
    });
    for (let n = 0; n < 5; n += 1) await pass(scene);
    const request = await theRequest(scene);
    expect(conditionOf(request, "Accepted")?.message).toMatch(/2 hours ago, the limit is 1/);
    expect(request.status.ledger.phase).toBe("Planning");
  });
});
