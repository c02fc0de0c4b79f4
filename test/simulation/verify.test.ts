/** Comparing data in the simulated world: clients write all the while, replication lags, nodes fall silent, the operator crashes. */
import { describe, expect, test } from "@jest/globals";
import { strike } from "../../simulator/faults.ts";
import { type Host, hostOf } from "../../simulator/model.ts";
import { advance } from "../../simulator/world.ts";
import type { KubeObject } from "../../src/controllers/shell.ts";
import { reconcileRequest } from "../../src/controllers/upgrade-request.ts";
import { configMapKind, leaseKind, requestKind } from "../../src/kube/kinds.ts";
import { watchScene } from "./run-invariants.ts";
import {
  askForConversion,
  conditionOf,
  drive,
  limits,
  namespace,
  newScene,
  quiesce,
  restartOperator,
  type Scene,
  type SceneShape,
  theRequest,
} from "./scene.ts";

const small: SceneShape = { sites: ["london", "nyc"], nodes: 2, seed: 3, rate: 5 };
const name = "verify";
const quick = { rowsPerChunk: 100, pauseMilliseconds: 100, readings: 3, lagSeconds: 60 };

const askToVerify = (scene: Scene, parameters: object = {}): Promise<KubeObject> =>
  scene.objects.create(requestKind, {
    apiVersion: "tungsten-operator.io/v1alpha1",
    kind: "UpgradeRequest",
    metadata: { name, namespace },
    spec: {
      procedure: "VerifyData",
      verifyData: { cluster: { name: "nyc" }, ...quick, ...parameters },
      approval: "Automatic",
    },
  });

async function passOf(scene: Scene): Promise<boolean> {
  const again = await reconcileRequest(scene.shell, limits, scene.fences, { namespace, name }, scene.catalog);
  if (again === "never") return false;
  advance(scene.world, Math.max(again.afterMs, 50));
  return true;
}

const requestOf = async (scene: Scene): Promise<KubeObject> => {
  const request = await scene.objects.get(requestKind, { namespace, name });
  if (request === undefined) throw new Error("no request");
  return request;
};

async function verified(scene: Scene, minutes = 60): Promise<KubeObject> {
  const end = scene.world.now + minutes * 60_000;
  while (scene.world.now < end && (await passOf(scene)));
  return requestOf(scene);
}

async function reportOf(scene: Scene, page = `${name}-data-1`): Promise<readonly (readonly string[])[]> {
  const found = await scene.objects.get(configMapKind, { namespace, name: page });
  return String(found?.data["report.tsv"] ?? "")
    .trimEnd()
    .split("\n")
    .slice(1)
    .map((line) => line.split("\t"));
}

/** A scene that has written for a while. */
async function busy(shape: SceneShape = small): Promise<Scene> {
  const scene = await newScene(shape);
  advance(scene.world, 120_000);
  return scene;
}

const loseRow = (host: Host, site: string, n: number): void => void host.mysql.rows.delete(`${site}:${n}`);
const doubleRow = (host: Host, site: string, n: number): void => void host.mysql.rows.set(`${site}:${n}`, 2);

describe("the story", () => {
  test("an estate whose clients write all the while is equal, and nothing on it was touched", async () => {
    const scene = await busy({ ...small, sites: ["london", "nyc", "tokyo"], nodes: 3 });
    const watch = watchScene(scene);
    await askToVerify(scene);
    const request = await verified(scene);
    expect(request.status.ledger.outcome).toBe("Succeeded");
    expect(conditionOf(request, "DataEqual")).toMatchObject({ status: "True", reason: "Equal" });
    expect(request.status.data).toEqual([
      {
        when: "data",
        finished: true,
        tables: { equal: 3, differing: 0, unknown: 0 },
        chunks: expect.any(Number),
        rows: expect.any(Number),
        report: "verify-data-1",
      },
    ]);
    expect(request.status.data[0].rows).toBeGreaterThan(3 * 600);
    const report = await reportOf(scene);
    expect(report).toHaveLength(3 * 8);
    expect(report.filter(([, , result]) => result !== "equal")).toEqual([]);
    expect(watch.commands).toEqual([]);
    expect([...scene.world.sites.values()].map(({ policy }) => policy)).toEqual(Array(3).fill("AUTOMATIC"));
    expect(await scene.objects.list(leaseKind, namespace)).toEqual([]);
  });

  test.each([
    ["a row that is missing on a replica", loseRow],
    ["a row that was applied twice", doubleRow],
  ])("%s is told with its chunk, and only there", async (_name, harm) => {
    const scene = await busy();
    harm(hostOf(scene.world, "nyc-1"), "london", 150);
    await askToVerify(scene);
    const request = await verified(scene);
    expect(conditionOf(request, "DataEqual")).toMatchObject({ status: "False", reason: "Differs" });
    const wrong = (await reportOf(scene)).filter(([, , result]) => result !== "equal");
    expect(wrong).toEqual([
      [
        "shop.orders_london",
        "nyc-1",
        "differs",
        expect.stringMatching(/^1 of \d+$/),
        "keys behind n100 up to n200",
      ],
    ]);
  });

  test("rows on their way are read again after they have arrived, and are no difference", async () => {
    const scene = await busy();
    scene.world.cuts.add("london|nyc");
    await askToVerify(scene, { lagSeconds: 600 });
    for (let n = 0; n < 40; n += 1) await passOf(scene);
    const waiting = await requestOf(scene);
    expect(conditionOf(waiting, "Progressing")?.message).toMatch(
      /waits until replication has caught up: service/,
    );
    expect(conditionOf(waiting, "DataEqual")).toBeUndefined();
    scene.world.cuts.clear();
    expect(conditionOf(await verified(scene), "DataEqual")).toMatchObject({ status: "True" });
  });

  test("a link that stays cut leaves the far nodes unknown, never different", async () => {
    const scene = await busy();
    scene.world.cuts.add("london|nyc");
    await askToVerify(scene);
    const request = await verified(scene);
    expect(conditionOf(request, "DataEqual")).toMatchObject({ status: "Unknown", reason: "NotAllRead" });
    const report = await reportOf(scene);
    expect(report.filter(([, , result]) => result === "differs")).toEqual([]);
    expect(report.find(([, node]) => node === "nyc-1")?.[4]).toMatch(
      /has not caught up within 60 s: service/,
    );
  });

  test("a row that changes at every reading is unknown, and its chunk is named", async () => {
    const scene = await busy();
    await askToVerify(scene);
    let value = 2;
    for (let going = true; going && value < 2000; value += 1) {
      for (const host of scene.world.hosts.values())
        host.mysql.rows.set("london:150", value + (host.name === "nyc-1" ? 1000 : 0));
      going = await passOf(scene);
    }
    expect(conditionOf(await requestOf(scene), "DataEqual")).toMatchObject({ status: "Unknown" });
    const wrong = (await reportOf(scene)).filter(([, , result]) => result !== "equal");
    expect(wrong.map(([, node, result, , detail]) => [node, result, detail])).toEqual([
      ["nyc-1", "unknown", "rows behind n100 up to n200 changed between all readings"],
    ]);
  });

  test("a database that is down is unknown there, and the others are compared", async () => {
    const scene = await busy();
    strike(scene.world, "mysql-down", "nyc-1");
    await askToVerify(scene);
    const request = await verified(scene);
    expect(request.status.data[0].tables).toEqual({ equal: 0, differing: 0, unknown: 3 });
    const report = await reportOf(scene);
    expect(report.filter(([, node]) => node !== "nyc-1").every(([, , result]) => result === "equal")).toBe(
      true,
    );
    expect(report.find(([, node]) => node === "nyc-1")?.[4]).toMatch(
      /^nyc-1 could not be read: mysql exited 1/,
    );
  });

  test("while the reference is down it waits, and says for whom", async () => {
    const scene = await busy();
    await askToVerify(scene);
    for (let n = 0; n < 3; n += 1) await passOf(scene);
    hostOf(scene.world, "london-0").mysql.up = false;
    for (let n = 0; n < 30; n += 1) await passOf(scene);
    const halfway = (await requestOf(scene)).status.ledger;
    expect(halfway.phase).toBe("Running");
    hostOf(scene.world, "london-0").mysql.up = true;
    expect((await verified(scene)).status.ledger.outcome).toBe("Succeeded");
  });
});

describe("a gentle reader", () => {
  test("no chunk is read sooner than the pause after the last, and never more rows than asked for", async () => {
    const scene = await busy();
    const reads: number[] = [];
    const exec = scene.shell.pods.exec.bind(scene.shell.pods);
    Object.assign(scene.shell.pods, {
      exec: (...args: Parameters<typeof exec>) => {
        if (args[0].name === "nyc-1" && args[2].includes("\tchunk\t")) reads.push(scene.world.now);
        expect(args[2]).not.toMatch(/\tboundary\t\w+\t\w+\t(?!100\t5\t)/);
        return exec(...args);
      },
    });
    await askToVerify(scene, { pauseMilliseconds: 3000 });
    const wake = () => reconcileRequest(scene.shell, limits, scene.fences, { namespace, name });
    for (let n = 0, going = true; going && n < 500; n += 1) {
      await wake();
      going = await passOf(scene);
    }
    expect(reads.length).toBeGreaterThan(10);
    expect(reads.every((at, index) => index === 0 || at - (reads[index - 1] ?? 0) >= 3000)).toBe(true);
  });

  test("pause and abort are heard between two chunks", async () => {
    const scene = await busy();
    await askToVerify(scene);
    for (let n = 0; n < 5; n += 1) await passOf(scene);
    const edit = (change: object) =>
      scene.objects.edit(requestKind, { namespace, name }, ({ spec }) => void Object.assign(spec, change));
    edit({ paused: true });
    for (let n = 0; n < 5; n += 1) await passOf(scene);
    const paused = (await requestOf(scene)).status.ledger.surveys.data;
    for (let n = 0; n < 5; n += 1) await passOf(scene);
    expect((await requestOf(scene)).status.ledger.surveys.data).toEqual(paused);
    edit({ abort: true });
    expect((await verified(scene)).status.ledger.outcome).toBe("Aborted");
  });

  test("a finished comparison may be asked again under its name", async () => {
    const scene = await busy();
    await askToVerify(scene);
    const first = await verified(scene);
    await scene.objects.remove(requestKind, { namespace, name }, first.metadata.uid ?? "");
    loseRow(hostOf(scene.world, "nyc-0"), "london", 10);
    await askToVerify(scene);
    const second = await verified(scene);
    expect(second.status.ledger.outcome).toBe("Succeeded");
    expect(conditionOf(second, "DataEqual")).toMatchObject({ status: "False" });
    expect(await reportOf(scene)).toHaveLength(2 * 3);
  });
});

test("a crash at any point loses no line of the report and tells none twice", async () => {
  const crashedAt = async (n: number) => {
    const scene = await busy({ ...small, rate: 2 });
    quiesce(scene);
    loseRow(hostOf(scene.world, "nyc-1"), "nyc", 30);
    await askToVerify(scene, { rowsPerChunk: 200, readings: 2 });
    let points = 0;
    scene.onStep = (what) => {
      points += 1;
      if (points === n) throw new Error(`crash ${what}`);
    };
    for (let going = true, n = 0; going && n < 2000; n += 1)
      try {
        going = await passOf(scene);
      } catch (error) {
        if (!String(error).includes("crash")) throw error;
        restartOperator(scene);
        advance(scene.world, 5000);
      }
    const { data, ledger } = (await requestOf(scene)).status;
    return { points, data, outcome: ledger.outcome, report: await reportOf(scene) };
  };
  const whole = await crashedAt(0);
  expect(whole.report.map(([table, node, result]) => `${table} ${node} ${result}`)).toEqual([
    "shop.orders_london london-1 equal",
    "shop.orders_london nyc-0 equal",
    "shop.orders_london nyc-1 equal",
    "shop.orders_nyc london-1 equal",
    "shop.orders_nyc nyc-0 equal",
    "shop.orders_nyc nyc-1 differs",
  ]);
  expect(whole.points).toBeGreaterThan(20);
  for (let n = 1; n <= whole.points; n += 1) {
    const crashed = await crashedAt(n);
    expect({ n, ...crashed, points: 0 }).toEqual({ n, ...whole, points: 0 });
  }
});

describe("as the conversion's first and last act", () => {
  const parameters = { verifyData: "Both", verification: quick };

  test("equal before and after, over both topologies", async () => {
    const scene = await newScene({ ...small, rate: 1 });
    const watch = watchScene(scene);
    await askForConversion(scene, {}, parameters);
    const request = await drive(scene);
    expect(request.status.ledger.outcome).toBe("Succeeded");
    expect(
      request.status.data.map(({ when, tables }: { when: string; tables: object }) => [when, tables]),
    ).toEqual([
      ["data-before", { equal: 2, differing: 0, unknown: 0 }],
      ["data-after", { equal: 2, differing: 0, unknown: 0 }],
    ]);
    const steps = request.status.ledger.steps.map(({ id }: { id: string }) => id);
    expect([steps[0], steps.at(-1)]).toEqual(["VerifyDataBefore", "VerifyDataAfter"]);
    expect(watch.violations).toEqual([]);
  });

  test("data that differs halts the run before anything is touched; a human's word lets it go on", async () => {
    const scene = await newScene({ ...small, rate: 1 });
    loseRow(hostOf(scene.world, "nyc-1"), "london", 1);
    const watch = watchScene(scene);
    await askForConversion(scene, {}, parameters);
    const halted = await drive(scene, 10);
    expect(conditionOf(halted, "Stalled")).toMatchObject({ status: "True", reason: "DataDiffers" });
    expect(watch.commands).toEqual([]);
    scene.objects.edit(requestKind, { namespace, name: "to-caa" }, ({ spec }) => {
      spec.convertMsaaToCaa.acknowledgedFindings = ["data"];
    });
    const request = await drive(scene);
    expect(request.status.ledger.outcome).toBe("Succeeded");
    expect(conditionOf(request, "DataEqual")).toMatchObject({ status: "False", reason: "Differs" });
    expect(await theRequest(scene)).toBeDefined();
  });
});
