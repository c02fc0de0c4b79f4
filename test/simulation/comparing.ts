/** Comparisons of data that really differ, or only seem to for a while: how they are asked for, who reads along, who watches. */
import { hostOf, type WorldEvent } from "../../simulator/model.ts";
import { judge } from "../../simulator/oracle.ts";
import { advance } from "../../simulator/world.ts";
import type { KubeObject } from "../../src/controllers/shell.ts";
import { configMapKind, leaseKind, requestKind } from "../../src/kube/kinds.ts";
import type { Meanwhile, Turn } from "./crashing.ts";
import type { Violation, Watch } from "./invariants.ts";
import { type Change, changedBy } from "./mutate.ts";
import { watchEngine, watchScene } from "./run-invariants.ts";
import { askFor, askForConversion, conditionOf, namespace, type Scene, theRequest } from "./scene.ts";
import { haltedBy, progressOf, stepIs } from "./steering.ts";
import type { Walk } from "./walks.ts";

const minute = 60_000;
const parameters = { rowsPerChunk: 100, pauseMilliseconds: 100, readings: 3, lagSeconds: 120 };
const base = { sites: ["london", "nyc"], nodes: 2, interruption: 240, minutes: 90 } as const;

/** What is wrong with the estate's data, and what of it the oracle sees at the end: nobody has mended it. */
export type Harm = {
  readonly does: (scene: Scene) => void;
  readonly stays: readonly Violation[];
  /** What the report tells of each survey but equal lines. */
  readonly told: readonly string[];
};
export const lose = (scene: Scene, node: string): void =>
  void hostOf(scene.world, node).mysql.rows.delete("london:30");

export const onOneReplica: Harm = {
  does(scene) {
    lose(scene, "nyc-1");
    hostOf(scene.world, "nyc-1").mysql.rows.set("nyc:40", 2);
  },
  stays: [
    { n: 1, what: "missing: london:30 at nyc-1" },
    { n: 2, what: "doubled: nyc:40 at nyc-1" },
    { n: 4, what: "nodes hold different rows" },
  ],
  told: [
    "shop.orders_london nyc-1 differs keys behind start up to n100",
    "shop.orders_nyc nyc-1 differs keys behind start up to n100",
  ],
};

export const betweenSites: Harm = {
  does(scene) {
    for (const node of ["nyc-0", "nyc-1"]) lose(scene, node);
  },
  stays: [
    { n: 1, what: "missing: london:30 at nyc-0, london:30 at nyc-1" },
    { n: 4, what: "nodes hold different rows" },
  ],
  told: ["nyc-0", "nyc-1"].map((node) => `shop.orders_london ${node} differs keys behind start up to n100`),
};

/** The far site's nodes apply everything so much later, until somebody has read that the comparison waits for them. */
export const lag = (scene: Scene, seconds: number): void => {
  for (const node of ["nyc-0", "nyc-1"]) hostOf(scene.world, node).lagMs = seconds * 1000;
};

export const lagged = "waited for replication";

/** Notes every finished survey as a reader finds it: numbers of tables, its report, its condition. */
async function noteFindings(scene: Scene, request: KubeObject, note: (what: string) => void): Promise<void> {
  for (const { when, finished, tables, report } of request.status?.data ?? []) {
    if (!finished) continue;
    const page = await scene.objects.get(configMapKind, { namespace, name: report });
    const lines = String(page?.data["report.tsv"]).trimEnd().split("\n").slice(1);
    const wrong = lines.map((line) => line.split("\t")).filter(([, , result]) => result !== "equal");
    note(`${when}: ${tables.equal} equal, ${tables.differing} differing, ${tables.unknown} unknown`);
    note(`${when}: ${lines.length} lines`);
    for (const [table, node, result, , detail] of wrong)
      note(`${when}: ${table} ${node} ${result} ${detail}`);
  }
  const equal = conditionOf(request, "DataEqual");
  if (equal !== undefined && request.status?.ledger?.outcome !== undefined)
    note(`DataEqual ${equal.status} ${equal.reason}`);
}

export type Reads = {
  /** Replication lags: it is mended half a minute after the comparison was seen to wait for it. */
  readonly lags?: boolean;
  /** What a human says once the run has halted. */
  readonly speaks?: (scene: Scene) => void;
};

const reader =
  ({ lags = false, speaks = () => {} }: Reads) =>
  (): Meanwhile => {
    let waited = 0;
    let spoken = false;
    return async (scene, note) => {
      const request = await theRequest(scene);
      await noteFindings(scene, request, note);
      const waits = /waits until replication has caught up|has not written all of its log yet/;
      if (lags && waits.test(progressOf(request))) waited ||= scene.world.now;
      if (waited > 0) note(lagged);
      if (waited > 0 && scene.world.now - waited > minute / 2) lag(scene, 0);
      if (!haltedBy("DataDiffers")(request)) return;
      const begun = [...scene.world.hosts.values()].reduce((sum, { volume }) => sum + volume.markers.size, 0);
      note(`halted after ${begun} commands`);
      if (!spoken) speaks(scene);
      spoken = true;
    };
  };

const onesThatStay = (scene: Scene): readonly Violation[] => {
  const { missing, doubled } = judge(scene.world);
  const keys = new Set(
    [...scene.world.hosts.values()].map(({ mysql }) => [...mysql.rows.keys()].sort().join()),
  );
  return [
    ...(missing.length > 0 ? [{ n: 1, what: `missing: ${missing.slice(0, 3).join(", ")}` }] : []),
    ...(doubled.length > 0 ? [{ n: 2, what: `doubled: ${doubled.slice(0, 3).join(", ")}` }] : []),
    ...(keys.size > 1 ? [{ n: 4, what: "nodes hold different rows" }] : []),
  ];
};

/** Of a procedure that only reads: it begins nothing, changes nothing and takes no site's Lease. */
function watchReading(scene: Scene): Watch {
  const violations: Violation[] = [];
  const commands: string[] = [];
  const broken = (n: number, what: string): void => void violations.push({ n, what });
  const changes: readonly WorldEvent["kind"][] = [
    "command",
    "process",
    "policy",
    "tpm",
    "restore",
    "datasource",
  ];
  scene.world.listeners.push((event) => {
    if (changes.includes(event.kind)) broken(44, `a comparison made ${JSON.stringify(event)}`);
    if (event.kind === "command") commands.push(event.key);
    if (event.kind === "log" && event.entry.kind !== "row")
      broken(5, `it wrote into the log of ${event.host}`);
  });
  const engine = watchEngine(scene, broken);
  const end = (): void => {
    engine();
    if ([...scene.objects.all()].some(([key]) => key.startsWith(`${leaseKind.plural}/`)))
      broken(46, "it took a site's Lease");
    violations.push(...onesThatStay(scene));
  };
  return { violations, commands, end };
}

/** Clients have written for two minutes, and go on. */
const asked =
  (harm: (scene: Scene) => void, ask: (scene: Scene) => Promise<unknown>, changes: readonly Change[] = []) =>
  async (scene: Scene): Promise<void> => {
    advance(scene.world, 2 * minute);
    harm(scene);
    scene.catalog = changedBy(...changes);
    await ask(scene);
  };

export const alone = (harm: (scene: Scene) => void, changes: readonly Change[] = []): Walk => ({
  ...base,
  name: "VerifyData",
  more: { rate: 2 },
  ask: asked(
    harm,
    (scene) =>
      askFor(scene, "verify", {
        procedure: "VerifyData",
        verifyData: { cluster: { name: "nyc" }, ...parameters },
      }),
    changes,
  ),
  watch: watchReading,
});

export const inConversion = (
  verifyData: "Before" | "After" | "Both",
  harm: (scene: Scene) => void,
  changes: readonly Change[] = [],
): Walk => ({
  ...base,
  name: "ConvertMsaaToCaa",
  more: { rate: 2 },
  ask: asked(harm, (scene) => askForConversion(scene, {}, { verifyData, verification: parameters }), changes),
  watch: watchScene,
});

export const fromTheStart = (reads: Reads = {}): Turn => ({
  when: () => true,
  say: {},
  meanwhile: reader(reads),
  forward: true,
});
export const from = (id: string, reads: Reads = {}): Turn => ({
  ...fromTheStart(reads),
  when: stepIs(id),
  happens: (scene) => lag(scene, reads.lags === true ? 45 : 0),
});

export const findings = (when: string, { told }: Pick<Harm, "told">, nodes = 3): readonly string[] => {
  const tables = new Set(told.map((line) => line.split(" ")[0])).size;
  return [
    `${when}: ${2 - tables} equal, ${tables} differing, 0 unknown`,
    `${when}: ${2 * nodes} lines`,
    ...told.map((line) => `${when}: ${line}`),
  ];
};
export const equalData = { told: [] };
export const differs = "DataEqual False Differs";
export const equal = "DataEqual True Equal";

export const ended = (outcome: string, stays: readonly Violation[], noted: readonly string[]) => ({
  outcome,
  violations: stays,
  noted: [...noted].sort(),
});

export const harms: readonly (readonly [string, Harm])[] = [
  ["a table differs on one replica", onOneReplica],
  ["a table differs between sites", betweenSites],
];

export const nothing = (): void => {};
export const goesOn = (scene: Scene): void =>
  scene.objects.edit(requestKind, { namespace, name: scene.asked }, ({ spec }) => {
    spec.convertMsaaToCaa.acknowledgedFindings = ["data"];
  });
export const halted = "halted after 0 commands";
