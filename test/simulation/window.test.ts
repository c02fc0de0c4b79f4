/** The window: no run begins that may outlast it, none goes past the last safe place without time, and the human may give more. */
import { describe, expect, test } from "@jest/globals";
import { digest, judge } from "../../simulator/oracle.ts";
import type { KubeObject } from "../../src/controllers/shell.ts";
import { clusterKind, configMapKind, requestKind } from "../../src/kube/kinds.ts";
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

const small = { sites: ["london", "nyc"], nodes: 2, seed: 6 } as const;
const inMinutes = (scene: Scene, minutes: number): string =>
  new Date(scene.world.now + minutes * 60_000).toISOString();
const setEnd = (scene: Scene, notAfter: string, more: object = {}): void =>
  scene.objects.edit(requestKind, { namespace, name: "to-caa" }, ({ spec }) => {
    Object.assign(spec, { window: { notAfter } }, more);
  });

async function until(scene: Scene, reached: (request: KubeObject) => boolean): Promise<KubeObject> {
  for (let n = 0; n < 2000; n += 1) {
    await pass(scene);
    const request = await theRequest(scene);
    if (reached(request)) return request;
  }
  throw new Error(`never reached: ${JSON.stringify((await theRequest(scene)).status?.conditions)}`);
}
const progress = (request: KubeObject): string => conditionOf(request, "Progressing")?.message ?? "";
const holds = (request: KubeObject): boolean =>
  /up to \d+ min, and spec\.window ends at/.test(progress(request));
const managersStopped = ({ world }: Scene): number =>
  [...world.hosts.values()].filter((host) => !host.manager.running).length;

describe("before it begins", () => {
  test("a window shorter than the worst case is told, with both times; a longer one lets it begin", async () => {
    const scene = await newScene(small);
    await askForConversion(scene, { window: { notAfter: inMinutes(scene, 30) } });
    const waiting = await until(scene, (now) => conditionOf(now, "Approved")?.reason === "WindowTooShort");
    expect(conditionOf(waiting, "Approved")?.message).toMatch(
      /^at worst the run takes 51 min, and spec\.window ends at \S+Z; set a later notAfter/,
    );
    expect(waiting.status.ledger.commandsBegun).toBe(0);
    const report = await scene.objects.get(configMapKind, { namespace, name: "to-caa-preflight" });
    expect(String(report?.data["report.txt"])).toMatch(
      /at worst the run takes 51 min: .*UpdateSoftware 15 min/,
    );
    setEnd(scene, inMinutes(scene, 60));
    expect((await drive(scene)).status.ledger.outcome).toBe("Succeeded");
  });

  test("earlier runs on these sites tell better than the procedure's own figures, and a run is remembered for the next", async () => {
    const scene = await newScene(small);
    await askForConversion(scene);
    await drive(scene);
    const [{ status }] = (await scene.objects.list(clusterKind, namespace)) as [KubeObject];
    const [{ steps }] = status.finishedRuns;
    expect(steps.map(({ id }: { id: string }) => id)).toContain("UpdateSoftware");

    const next = await newScene(small);
    for (const name of small.sites) {
      const cluster = await next.objects.get(clusterKind, { namespace, name });
      if (cluster === undefined) throw new Error(`no ${name}`);
      const run = {
        uid: "u",
        name: "rehearsal",
        procedure: "ConvertMsaaToCaa",
        outcome: "Reverted",
        finishedAt: "",
        steps,
      };
      await next.objects.replaceStatus(clusterKind, { ...cluster, status: { finishedRuns: [run] } });
    }
    await askForConversion(next, { window: { notAfter: inMinutes(next, 30) } });
    expect((await drive(next)).status.ledger.outcome).toBe("Succeeded");
  });
});

describe("during the run", () => {
  async function holding() {
    const scene = await newScene(small);
    let back = false;
    const watch = watchScene(scene, () => back);
    const before = digest(scene.world);
    await askForConversion(scene, { window: { notAfter: inMinutes(scene, 60) } });
    await until(scene, ({ status }) => status?.ledger?.steps.at(-1)?.id === "ReloadTrackingSchemas");
    setEnd(scene, inMinutes(scene, 10));
    const held = await until(scene, holds);
    return { scene, watch, held, before, goBack: () => (back = true) };
  }

  test("too little left: it holds where clients are served, says so, and waits for as long as it takes", async () => {
    const { scene, watch, held } = await holding();
    expect(progress(held)).toMatch(
      /Stop Managers.*set a later spec\.window\.notAfter, or spec\.revert to go back/,
    );
    expect(conditionOf(held, "MaintenanceVerified")).toMatchObject({ status: "True" });
    const begun = held.status.ledger.commandsBegun;
    for (let n = 0; n < 300; n += 1) await pass(scene);
    const later = await theRequest(scene);
    expect(later.status.ledger.commandsBegun).toBe(begun);
    expect(managersStopped(scene)).toBe(0);
    expect([...scene.world.sites.values()].map(({ client }) => client.refused)).toEqual([0, 0]);
    expect(conditionOf(later, "Stalled")).toMatchObject({ status: "True", reason: "WaitsLong" });
    setEnd(scene, inMinutes(scene, 60));
    expect((await drive(scene)).status.ledger.outcome).toBe("Succeeded");
    quiesce(scene);
    watch.end(240);
    expect(watch.violations).toEqual([]);
  });

  test("or the human goes back from there", async () => {
    const { scene, before, goBack } = await holding();
    goBack();
    setEnd(scene, inMinutes(scene, 10), { revert: true });
    expect((await drive(scene)).status.ledger.outcome).toBe("Reverted");
    quiesce(scene);
    expect(digest(scene.world)).toBe(before);
    expect(judge(scene.world)).toMatchObject({ missing: [], doubled: [] });
  });

  test("behind that place a window that ends stops nothing", async () => {
    const scene = await newScene(small);
    await askForConversion(scene, { window: { notAfter: inMinutes(scene, 60) } });
    await until(scene, () => managersStopped(scene) > 0);
    setEnd(scene, inMinutes(scene, -1));
    expect((await drive(scene)).status.ledger.outcome).toBe("Succeeded");
  });
});
