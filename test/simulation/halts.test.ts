/** Every reason to halt is reached, stands where people look, and its way out leads out; every outcome of `acknowledge`. */
import { describe, expect, test } from "@jest/globals";
import { strike } from "../../simulator/faults.ts";
import { type Host, hostOf, hostsOf, type World } from "../../simulator/model.ts";
import { judge } from "../../simulator/oracle.ts";
import { goOnline } from "../../simulator/replicator.ts";
import { restore } from "../../simulator/tools/dump.ts";
import type { KubeObject } from "../../src/controllers/shell.ts";
import { clusterKind, requestKind } from "../../src/kube/kinds.ts";
import { watchScene } from "./run-invariants.ts";
import {
  askForConversion,
  conditionOf,
  drive,
  namespace,
  newScene,
  pass,
  quiesce,
  type Scene,
  theRequest,
} from "./scene.ts";
import { acknowledge, edit, haltedBy, journalOf, lookAgain, progressOf, stepIs, until } from "./steering.ts";

async function begun(seed = 4): Promise<Scene> {
  const scene = await newScene({ sites: ["london", "nyc"], nodes: 2, seed });
  await askForConversion(scene);
  return scene;
}

const outcomeOf = async (scene: Scene): Promise<string> =>
  (await theRequest(scene)).status?.ledger?.outcome ?? "none";

/** The run ends as wanted, and every row is on every node once. */
async function endsWell(scene: Scene, outcome = "Succeeded"): Promise<void> {
  await drive(scene, 30);
  if ((await outcomeOf(scene)) !== outcome) throw new Error(progressOf(await theRequest(scene)));
  quiesce(scene);
  expect(judge(scene.world)).toMatchObject({ missing: [], doubled: [], outOfOrder: 0 });
}

/** Stays halted: no command begins, however often it looks. */
async function standsStill(scene: Scene): Promise<void> {
  const { commandsBegun } = (await theRequest(scene)).status?.ledger ?? {};
  for (let n = 0; n < 15; n += 1) await pass(scene);
  expect((await theRequest(scene)).status?.ledger?.commandsBegun).toBe(commandsBegun);
}

/** Keys of the commands of the current part. */
const keysOf = async (scene: Scene): Promise<string[]> =>
  Object.values(
    ((await theRequest(scene)).status?.ledger?.attempts ?? {}) as Record<string, { key: string }>,
  ).map(({ key }) => key);

/** The source's logs were thrown away and rebuilt from the binary log: same events, other epochs. */
function rebuildLogs(world: World, site: string, change: (host: Host) => void = () => {}): void {
  const { dataservice } = world.sites.get(site) ?? {};
  for (const host of hostsOf(world, site)) {
    const key = `cluster/${dataservice}`;
    const log = host.volume.thl.get(key) ?? [];
    host.volume.thl.set(
      key,
      log.map((event) => ({ ...event, epoch: event.epoch + 1000 })),
    );
    change(host);
  }
}

/** Before the first `online -force` begins, something happens on its node. */
function beforeForce(scene: Scene, happens: (host: string) => void): void {
  const { exec } = scene.shell.pods;
  let done = false;
  Object.assign(scene.shell.pods, {
    exec: async (...args: Parameters<typeof exec>) => {
      if (!done && args[1][1] === "start" && args[2].includes("\tonline\t-force")) {
        done = true;
        happens(args[0].name);
      }
      return exec(...args);
    },
  });
}

describe("OutcomeUnknown: a forced online whose end nobody saw", () => {
  async function halted(): Promise<{ scene: Scene; key: string }> {
    const scene = await begun();
    await until(scene, stepIs("StopManagers", 1));
    rebuildLogs(scene.world, "london");
    beforeForce(scene, (host) => scene.world.traps.push({ at: "after-exit", host, after: 0 }));
    const request = await until(scene, haltedBy("OutcomeUnknown"));
    const message = conditionOf(request, "Stalled")?.message ?? "";
    const key = /\(marker (\S+?)\)/.exec(message)?.[1] ?? "";
    expect(message).toMatch(/online -force began and its end was not seen .* set spec\.acknowledge/);
    expect(await keysOf(scene)).toContain(key);
    await standsStill(scene);
    return { scene, key };
  }

  test.each(["Retry", "Failed"] as const)("%s: it is begun again under a new key", async (outcome) => {
    const { scene, key } = await halted();
    const watch = watchScene(scene);
    acknowledge(scene, key, outcome, "the service is still OFFLINE:ERROR");
    await endsWell(scene);
    expect(watch.commands.filter((each) => each === key)).toEqual([]);
    expect(await journalOf(scene)).toContain(
      `"event":"heard","step":"UpdateSoftware","key":"${key}","text":"${outcome}: the service is still OFFLINE:ERROR"`,
    );
  });

  test("Succeeded: it is not begun again; the run waits until its own look agrees", async () => {
    const { scene, key } = await halted();
    const watch = watchScene(scene);
    acknowledge(scene, key, "Succeeded", "brought it online by hand");
    for (let n = 0; n < 20; n += 1) await pass(scene);
    const [name = ""] = (key.split("_")[3] ?? "").split(".");
    const host = hostOf(scene.world, name);
    const service = host.replicators.cluster?.services.get("nyc_from_london");
    if (service !== undefined) goOnline(scene.world, host, service, { force: true });
    await endsWell(scene);
    const target = key.split("_").slice(1, 4).join("_");
    expect(watch.commands.filter((each) => each.includes(`${target}_r1_a`))).toEqual([]);
  });

  test("a word about another command changes nothing", async () => {
    const { scene } = await halted();
    acknowledge(scene, "some-other-key", "Retry");
    await until(scene, haltedBy("OutcomeUnknown"));
    await standsStill(scene);
  });
});

describe("CommandFailed: tpm cannot be run", () => {
  async function halted(): Promise<Scene> {
    const scene = await begun();
    await until(scene, stepIs("StopManagers", 1));
    scene.world.hosts.get("nyc-0")?.volume.software.clear();
    const request = await until(scene, haltedBy("CommandFailed"));
    expect(conditionOf(request, "Stalled")?.message).toMatch(
      /tpm cluster 8\.0\.4-132 update --replace-release exited 127 .*given up after 3 attempts/,
    );
    await standsStill(scene);
    return scene;
  }

  test("Retry after the cause was mended leads on", async () => {
    const scene = await halted();
    scene.world.hosts.get("nyc-0")?.volume.software.add("8.0.4-132");
    const [key = ""] = (await keysOf(scene)).filter((each) => each.includes("nyc-0"));
    acknowledge(scene, key, "Retry");
    await endsWell(scene);
  });

  test("looking again without a word only halts again", async () => {
    const scene = await halted();
    lookAgain(scene);
    await until(scene, haltedBy("CommandFailed"));
    await standsStill(scene);
  });
});

test("PrimaryMoved: the plan's primary back, and a look, lead on", async () => {
  const scene = await begun();
  await until(scene, stepIs("ExportTrackingSchemas"));
  quiesce(scene);
  strike(scene.world, "primary-moved", "nyc-0");
  await until(scene, haltedBy("PrimaryMoved"));
  await standsStill(scene);
  const site = scene.world.sites.get("nyc");
  Object.assign(site ?? {}, { primary: "nyc-0" });
  site?.shunned.clear();
  for (const host of hostsOf(scene.world, "nyc")) host.mysql.readOnly = host.name !== "nyc-0";
  lookAgain(scene);
  await endsWell(scene);
});

test("PositionsDisagree: somebody disarms a service again and again; abort leads back", async () => {
  const scene = await begun();
  const heartbeatSent = (request: KubeObject) =>
    stepIs("StopCrossSiteReplicators", 4)(request) && Object.keys(request.status.ledger.attempts).length > 0;
  for (let n = 0; n < 2000 && !haltedBy("PositionsDisagree")(await theRequest(scene)); n += 1) {
    await pass(scene);
    const service = scene.world.hosts.get("nyc-1")?.replicators.crossSite?.services.get("london");
    if (service !== undefined && heartbeatSent(await theRequest(scene))) service.stopAt = null;
  }
  expect(conditionOf(await theRequest(scene), "Stalled")?.message).toContain("given up after 10 rounds");
  await standsStill(scene);
  edit(scene, { abort: true });
  await endsWell(scene, "Aborted");
});

test("DumpUnverified: a ledger that names no dump any more reloads nothing until it does again", async () => {
  const scene = await begun();
  await until(scene, stepIs("ReloadTrackingSchemas"));
  const request = { namespace, name: "to-caa" };
  let taken: Record<string, string> = {};
  scene.objects.edit(requestKind, request, ({ status }) => {
    taken = { ...status.ledger.kept };
    delete status.ledger.kept["dump.nyc-1.london"];
  });
  await until(scene, haltedBy("DumpUnverified"));
  await standsStill(scene);
  scene.objects.edit(requestKind, request, ({ status }) => {
    status.ledger.kept = taken;
  });
  await endsWell(scene);
});

test("WorldDeparted: a member too many; the change put back leads on by itself", async () => {
  const scene = await begun();
  await until(scene, stepIs("StopCrossSiteReplicators", 3));
  const nodes = (count: number) =>
    scene.objects.edit(clusterKind, { namespace, name: "nyc" }, ({ spec }) => {
      spec.nodes = count;
    });
  nodes(3);
  const request = await until(scene, haltedBy("WorldDeparted"));
  expect(conditionOf(request, "Stalled")?.message).toMatch(
    /^the members of TungstenCluster nyc changed during the run: planned were nyc-0, nyc-1, now they are nyc-0, nyc-1, nyc-2; put spec\.nodes back/,
  );
  await standsStill(scene);
  nodes(2);
  await endsWell(scene);
});

test("EpochUnproven: another event at the source is never forced; mended by hand, the run goes on", async () => {
  const scene = await begun();
  await until(scene, stepIs("StopManagers", 1));
  const kept = new Map(
    hostsOf(scene.world, "london").map(({ name, volume }) => [name, volume.thl.get("cluster/london")]),
  );
  rebuildLogs(scene.world, "london", ({ volume }) => {
    const log = volume.thl.get("cluster/london") ?? [];
    volume.thl.set(
      "cluster/london",
      log.map((event) => ({ ...event, eventId: event.eventId.replace(":", ":9") })),
    );
  });
  const watch = watchScene(scene);
  const request = await until(scene, haltedBy("EpochUnproven"));
  expect(conditionOf(request, "Stalled")?.message).toContain("forcing it online would lose rows");
  await standsStill(scene);
  for (const host of hostsOf(scene.world, "london"))
    host.volume.thl.set("cluster/london", kept.get(host.name) ?? []);
  lookAgain(scene);
  await drive(scene, 20);
  expect(watch.violations.filter(({ n }) => n === 37)).toEqual([]);
});

test("RowsNotRestored: writes that reached the binary log travel with it, so no way leads on by itself", async () => {
  const scene = await begun();
  let logged = false;
  scene.world.listeners.push((event) => {
    if (event.kind !== "restore" || logged || event.host !== "nyc-0") return;
    logged = true;
    const tables = scene.world.hosts.get(event.host)?.mysql.schemas.get(event.schema);
    if (tables !== undefined && tables !== "empty")
      restore(scene.world, event.host, event.schema, tables, true);
  });
  const request = await until(scene, haltedBy("RowsNotRestored"));
  expect(conditionOf(request, "Stalled")?.message).toMatch(/reached the binary log of nyc-0 since/);
  await standsStill(scene);
  lookAgain(scene);
  await until(scene, haltedBy("RowsNotRestored"));
  edit(scene, { revert: true });
  const back = await until(scene, stepIs("RevertReload"));
  expect(back.status?.ledger?.direction).toBe("Revert");
  await until(scene, haltedBy("RowsNotRestored"));
  await standsStill(scene);
  const online = [...scene.world.hosts.values()].flatMap((host) => [
    ...(host.replicators.crossSite?.services.values() ?? []),
  ]);
  expect(online).toEqual([]);
});

test("HistoryPurged: a log that no longer reaches back halts before the next step, not after the last", async () => {
  const scene = await begun();
  await until(scene, stepIs("ExportTrackingSchemas"));
  const { exec } = scene.shell.pods;
  let purged = true;
  // What london-0 tells of its log while it is asked: fifty events further on.
  Object.assign(scene.shell.pods, {
    exec: async (...args: Parameters<typeof exec>) => {
      const logs = hostOf(scene.world, "london-0").volume.thl;
      const log = logs.get("cluster/london") ?? [];
      const last = log.at(-1);
      if (!purged || args[0].name !== "london-0" || last === undefined) return exec(...args);
      logs.set("cluster/london", [{ ...last, seqno: last.seqno + 50 }]);
      return exec(...args).finally(() => logs.set("cluster/london", log));
    },
  });
  const request = await until(scene, haltedBy("HistoryPurged"));
  expect(conditionOf(request, "Stalled")?.message).toMatch(
    /^london holds events \d+ to \d+; \S+ goes on from \d+/,
  );
  expect(request.status?.ledger?.steps.at(-1)?.id).toBe("UninstallCrossSiteReplicators");
  await standsStill(scene);
  purged = false;
  edit(scene, { abort: true });
  await endsWell(scene, "Aborted");
});

test("a log that was seen before its reader's row is looked at again; it is no lost history", async () => {
  const scene = await begun();
  await until(scene, stepIs("StartManagers"));
  const { exec } = scene.shell.pods;
  let looks = 0;
  // For a while london-0 tells of its log as it was some events ago.
  Object.assign(scene.shell.pods, {
    exec: async (...args: Parameters<typeof exec>) => {
      const logs = hostOf(scene.world, "london-0").volume.thl;
      const log = logs.get("cluster/london") ?? [];
      looks += args[0].name === "london-0" ? 1 : 0;
      if (looks > 20 || args[0].name !== "london-0") return exec(...args);
      logs.set("cluster/london", log.slice(0, -4));
      return exec(...args).finally(() => logs.set("cluster/london", log));
    },
  });
  const told: string[] = [];
  const request = await until(scene, (each) => {
    told.push(String(conditionOf(each, "Progressing")?.message));
    return each.status?.ledger?.phase === "Finished" || conditionOf(each, "Stalled")?.status === "True";
  });
  expect(told.join("\n")).toMatch(/one was seen before the other; looking again/);
  expect(request.status?.ledger?.outcome).toBe("Succeeded");
});
