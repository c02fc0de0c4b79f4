/**
 * Everything deleted, in seeded orders at seeded moments, on a real API server: no volume is lost, nothing hangs, what is
 * left is what docs/operating/deletion.md names, and what is created again adopts what it finds. DELETION_SEED=n replays.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Operator, Stand } from "../../local/estate.ts";
import { until } from "../../local/processes.ts";
import { rowsOf } from "../unit/docs/markdown.ts";
import {
  apply,
  approve,
  awaitReason,
  begun,
  composite,
  conversion,
  deletionBindings,
  finished,
  get,
  installEstate,
  judged,
  kill,
  link,
  namespace,
  newStand,
  patch,
  quick,
  root,
  site,
} from "./estate.ts";

const seed = Number(process.env.DELETION_SEED ?? 1);
const page = rowsOf(readFileSync(join(root, "docs/operating/deletion.md"), "utf8"));

/** A pattern of the page as an expression: words in capitals stand for names. */
const patternOf = (words: string): string =>
  words.replace(/[.()]/g, "\\$&").replace(/\b[A-Z]{3,}\b|\bN\b/g, "\\S+");
const named = page
  .filter(([kind = "", name = "", until]) => /^[A-Z]\w+$/.test(kind) && name.startsWith("`") && until)
  .map(([kind, name = ""]) => new RegExp(`^${kind}/${patternOf(name.replaceAll("`", ""))}$`));
const sentences = page
  .filter(([who]) => who === "policy")
  .map(([, sentence = ""]) => new RegExp(patternOf(sentence)));

/** Park and Miller; the same numbers for the same seed. */
function randomFrom(start: number): <T>(among: readonly T[]) => T {
  let state = (start * 7919 + 17) % 2147483647;
  return (among) => {
    state = (state * 48271) % 2147483647;
    return among[state % among.length] as (typeof among)[number];
  };
}
function shuffled<T>(pick: ReturnType<typeof randomFrom>, items: readonly T[]): readonly T[] {
  const left = [...items];
  return items.map(() => left.splice(left.indexOf(pick(left)), 1)[0] as T);
}

let stand: Stand;
let operator: Operator;
const kinds = ["tc", "csvc", "xsl", "upg"] as const;
const cascades = ["background", "foreground", "orphan"] as const;
const links = [link("london", "nyc"), link("nyc", "london")];
const both = composite(["london", "nyc"]);
const estate = [site("london"), site("nyc"), ...links, both];

const start = async (): Promise<void> => {
  operator = await stand.startOperator({ ...quick, LEASE_MS: "9000", LEASE_RENEW_BY_MS: "6000" });
};
/** Waits; an operator that gave up, because the machine was too slow to renew its Lease, is started anew, as a kubelet does. */
const eventually = (what: string, seconds: number, probe: () => Promise<boolean>): Promise<void> =>
  until(what, seconds, async () => {
    if (!operator.child.alive()) await start();
    return probe();
  });
const kubectl = (...args: readonly string[]): Promise<string> => stand.plane.kubectl(args);
const names = async (what: string): Promise<readonly string[]> =>
  (await kubectl("get", what, "-n", namespace, "-o", "name")).split("\n").filter((name) => name !== "");

/** What the deletion of all objects of a kind is answered with, line by line; empty where it was accepted. */
const deleteAll = (kind: string, cascade: string): Promise<readonly string[]> =>
  kubectl("delete", kind, "--all", "-n", namespace, "--wait=false", `--cascade=${cascade}`).then(
    () => [],
    ({ stderr }: { stderr: string }) => stderr.split("\n").filter((line) => line !== ""),
  );

/** UIDs of objects, by kind and name. */
async function uids(what: string): Promise<Readonly<Record<string, string>>> {
  const { items } = JSON.parse(await kubectl("get", what, "-n", namespace, "-o", "json")) as {
    items: { kind: string; metadata: { name: string; uid: string } }[];
  };
  return Object.fromEntries(items.map(({ kind, metadata }) => [`${kind}/${metadata.name}`, metadata.uid]));
}
const ofSites = () => uids("sts,svc,pdb,pvc,secrets,pods");

/** Every kind the server knows is listed; what Kubernetes itself puts into a namespace is left out. */
async function leftOvers(): Promise<readonly string[]> {
  const listed = await kubectl("api-resources", "--namespaced", "--verbs=list", "-o", "name");
  const everything = listed.split("\n").filter((name) => name !== "" && !/^events\b|metrics/.test(name));
  const found = Object.keys(await uids([...new Set(everything)].join(",")));
  return found.filter((name) => !["ServiceAccount/default", "ConfigMap/kube-root-ca.crt"].includes(name));
}

async function onlyNamedIsLeft(): Promise<void> {
  let strangers: readonly string[] = [];
  await eventually("a namespace with nothing but what the page names", 40, async () => {
    strangers = (await leftOvers()).filter((name) => !named.some((pattern) => pattern.test(name)));
    return strangers.length === 0;
  }).catch(() => {});
  expect(strangers).toEqual([]);
}

const gone = (what: string, seconds = 60): Promise<void> =>
  eventually(`an end of all ${what}`, seconds, async () => (await names(what)).length === 0);

/** Calls `act` when the next command of that step is on its way to a node; with `cut`, that one and no later one arrives. */
async function atCommandOf(step: string, act: () => Promise<void>, cut = false): Promise<void> {
  let acted: Promise<void> | undefined;
  stand.proxy.faults.onStart = async (when, argv) => {
    if (when !== "before" || (acted === undefined && !argv[4]?.includes(`_${step}_`))) return;
    if (acted === undefined) {
      acted = act();
      await acted;
    }
    if (cut) throw new Error("cut");
  };
  await eventually(`a command of ${step}`, 120, async () => acted !== undefined);
  await acted;
  if (!cut) stand.proxy.faults.onStart = async () => {};
}

async function ready(what = "tc", count = 2): Promise<void> {
  let told: readonly string[] = [];
  await eventually(`${what} that are Ready`, 150, async () => {
    const path =
      'jsonpath={range .items[*]}{.metadata.name} {.status.conditions[?(@.type=="Ready")]}{"\\n"}{end}';
    told = (await kubectl("get", what, "-n", namespace, "-o", path)).trim().split("\n");
    return told.length === count && told.every((line) => line.includes('"status":"True"'));
  }).catch((error: Error) => {
    throw new Error(`${error.message}: ${told.join("; ")}`);
  });
}

/** Of the cluster product: where links were taken off the nodes first, the second one is installed again for new ones. */
const installs = async (): Promise<number> =>
  (await begun(stand)).filter((line) => / tpm cluster \S+ install/.test(line)).length;

/** The estate comes back over the volumes that were left: nothing is installed, no row is lost. */
async function comesBack(
  objects: readonly object[],
  volumes: Readonly<Record<string, string>>,
): Promise<void> {
  const before = await installs();
  await apply(stand, ...objects);
  await ready();
  expect(await installs()).toBe(before);
  expect(await uids("pvc")).toEqual(volumes);
  expect(await judged(stand)).toMatchObject({ missing: [], doubled: [], outOfOrder: 0 });
  await stand.world("/clients", { rate: 5 });
}

/** The deletion policy in force again. */
async function withPolicy(): Promise<void> {
  await kubectl("apply", "-f", join(root, "config/rbac/policies.yaml"));
  await eventually("a deletion that would be refused", 20, () =>
    kubectl("delete", "tc", "london", "-n", namespace, "--dry-run=server").then(
      () => false,
      () => true,
    ),
  );
}

/** The deletion policy out of force, which takes the server a moment. */
async function withoutPolicy(): Promise<void> {
  await kubectl("delete", ...deletionBindings, "--ignore-not-found");
  await eventually("a deletion that would be let in", 20, () =>
    kubectl("delete", "tc", "london", "-n", namespace, "--dry-run=server").then(() => true),
  );
}

function expectRefusals(lines: readonly string[], count: number): void {
  expect(lines).toHaveLength(count);
  expect(lines.filter((line) => !sentences.some((says) => says.test(line)))).toEqual([]);
}

let volumes: Readonly<Record<string, string>> = {};
beforeAll(async () => {
  stand = await newStand(seed);
  await start();
  await installEstate(stand);
  volumes = await uids("pvc");
}, 600_000);
afterAll(() => stand?.stop(), 60_000);

test("the page says what the test reads", () => {
  expect(named.length).toBeGreaterThan(5);
  expect(sentences).toHaveLength(5);
  expect(Object.keys(volumes)).toHaveLength(8);
});

describe("everything, by seed", () => {
  test("planned, with the policy: refused until nothing needs it, then gone", async () => {
    const pick = randomFrom(seed);
    await apply(stand, conversion("to-caa"));
    await awaitReason(stand, "upg", "to-caa", "Approved", "AwaitingApproval", 60);
    const refusals: string[] = [];
    // The links are walked off the nodes meanwhile.
    await eventually("an estate that is gone", 420, async () => {
      for (const kind of shuffled(pick, ["tc", "tc", ...kinds]))
        refusals.push(...(await deleteAll(kind, pick(cascades))));
      return (await names("tungsten")).length === 0;
    });
    expectRefusals(refusals, refusals.length);
    await onlyNamedIsLeft();
    await comesBack(estate, volumes);
  }, 700_000);

  test.each([1, 2])(
    "in mid-run, without the policy, the operator killed (%i)",
    async (round) => {
      const pick = randomFrom(seed * 10 + round);
      await withoutPolicy();
      const name = `run-${round}`;
      await apply(stand, conversion(name));
      await approve(stand, name);
      let before = {};
      await atCommandOf(pick(["StopCrossSiteReplicators", "ExportTrackingSchemas"]), async () => {
        before = await ofSites();
        for (const kind of shuffled(pick, kinds)) await deleteAll(kind, pick(cascades));
        if (pick([true, false])) await kill(operator);
      });
      if (!operator.child.alive()) await start();
      await eventually("a run that says what it misses", 60, async () => {
        const { status } = await get(stand, "upg", name);
        return status?.conditions?.some(({ reason }) => reason === "WorldDeparted") === true;
      });
      expect(await names("csvc,xsl")).toEqual([]);
      expect(await ofSites()).toEqual(expect.objectContaining(before));
      // The way out: what the run was made for comes back, and the run turns around.
      await apply(stand, ...links, both);
      await patch(stand, "upg", name, { spec: { abort: true } });
      await gone("upg", 120);
      expect(Object.keys(await uids("tc")).sort()).toEqual(["TungstenCluster/london", "TungstenCluster/nyc"]);
      expect(await ofSites()).toEqual(expect.objectContaining(before));
      for (const kind of shuffled(pick, ["csvc", "xsl"])) await deleteAll(kind, "background");
      await gone("tungsten");
      await onlyNamedIsLeft();
      await comesBack(estate, volumes);
    },
    400_000,
  );

  test("a namespace goes in mid-run with everything in it, and does not hang", async () => {
    await apply(stand, conversion("last"));
    await approve(stand, "last");
    const goes = () => kubectl("delete", "namespace", namespace, "--wait=false");
    await atCommandOf("Backup", async () => void (await goes()), true);
    await kubectl("wait", "--for=delete", `namespace/${namespace}`, "--timeout=90s");
    stand.proxy.faults.onStart = async () => {};
    await kubectl("create", "namespace", namespace);
    // The simulated volumes outlive their claims, as those of a reclaim policy Retain do.
    await apply(stand, ...estate);
    await ready();
    volumes = await uids("pvc");
  }, 300_000);

  test("halfway a Lease, a pod, the site's and the generated Secret go by hand: the conversion ends well", async () => {
    const pick = randomFrom(seed * 100);
    await withPolicy();
    await apply(stand, conversion("to-caa"));
    await approve(stand, "to-caa");
    const secrets = ["london-tungsten", "tungsten-generated-accounts"];
    const dataOf = async () =>
      (await kubectl("get", "secret", ...secrets, "-n", namespace, "-o", "jsonpath={.items[*].data}")).trim();
    const before = await dataOf();
    await atCommandOf(pick(["UninstallCrossSiteReplicators", "UpdateSoftware"]), async () => {
      await kubectl("delete", "lease", "--all", "-n", namespace);
      await kubectl("delete", "secret", ...shuffled(pick, secrets), "-n", namespace);
      await kubectl("delete", "pod", "nyc-1", "-n", namespace, "--wait=false");
    });
    expectRefusals(await deleteAll("tc", "background"), 2);
    expect((await finished(stand, "to-caa")).status?.ledger?.outcome).toBe("Succeeded");
    await ready();
    expect(await dataOf()).toBe(before);
    expect(await judged(stand)).toMatchObject({ missing: [], doubled: [], outOfOrder: 0 });
    await stand.world("/clients", { rate: 5 });
  }, 400_000);

  test("converted, in any order without the policy, while the operator is away", async () => {
    const pick = randomFrom(seed * 1000);
    await withoutPolicy();
    await kill(operator);
    for (const kind of shuffled(pick, kinds)) await deleteAll(kind, pick(cascades));
    expect((await names("tc")).length).toBe(2);
    await start();
    await gone("tungsten");
    await onlyNamedIsLeft();
    await comesBack([site("london"), site("nyc"), both], volumes);
    await awaitReason(stand, "csvc", "global", "Ready", "Replicating", 60);
    for (const kind of kinds) await deleteAll(kind, "background");
    await gone("tungsten");
    const deletions = readFileSync(stand.plane.auditLog, "utf8")
      .split("\n")
      .filter((line) => line.includes('"persistentvolumeclaims"') && /"verb":"delete/.test(line))
      .filter((line) => line.includes("system:serviceaccount:tungsten-operator:"));
    expect(deletions).toEqual([]);
  }, 400_000);
});

describe("new sites", () => {
  const fresh = [site("fresh-a"), site("fresh-b"), link("fresh-a", "fresh-b"), link("fresh-b", "fresh-a")];

  test("in the middle of their installation; created again they go on, or say what is in the way", async () => {
    const pick = randomFrom(seed * 10_000);
    await stand.world("/clients", { rate: 0 });
    await apply(stand, ...fresh);
    await atCommandOf(
      pick(["PublishConfiguration", "MakeAccounts", "InstallCluster", "StartCluster"]),
      async () => {
        for (const kind of shuffled(pick, kinds)) await deleteAll(kind, pick(cascades));
      },
    );
    await gone("tungsten");
    await onlyNamedIsLeft();
    await apply(stand, ...fresh);
    await eventually("sites that are Ready, or say that nodes differ", 150, async () => {
      const path = 'jsonpath={range .items[*]}{.status.conditions[?(@.type=="Ready")]}{"\\n"}{end}';
      const told = (await kubectl("get", "tc", "-n", namespace, "-o", path)).trim().split("\n");
      return told.length === 2 && told.every((line) => /"status":"True"|has no Tungsten and/.test(line));
    });
  }, 300_000);

  test("retention Delete, set before, takes the volumes", async () => {
    for (const name of ["fresh-a", "fresh-b"])
      await patch(stand, "tc", name, { spec: { retention: "Delete" } });
    for (const kind of ["xsl", "tc"]) await deleteAll(kind, "background");
    await gone("tungsten");
    await onlyNamedIsLeft();
    await eventually("no volumes of these sites", 40, async () =>
      Object.keys(await uids("pvc")).every((name) => !name.includes("fresh")),
    );
  }, 200_000);
});
