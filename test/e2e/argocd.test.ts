/**
 * A real Argo CD installs the operator by its chart and an estate from a git repository, and a conversion that arrives by
 * commit is planned, approved by commit and run, without drift and without a fight. Nodes are the stand-in's.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { stringify } from "yaml";
import { type ArgoCd, startArgoCd } from "../../local/argocd.ts";
import type { Stand } from "../../local/estate.ts";
import { until } from "../../local/processes.ts";
import {
  awaitReason,
  begun,
  composite,
  conversion,
  finished,
  get,
  judged,
  link,
  namespace,
  newStand,
  quick,
  site,
} from "../integration/estate.ts";

type Application = {
  readonly status?: {
    readonly sync?: { readonly status: string; readonly revision?: string };
    readonly health?: { readonly status: string };
    readonly operationState?: { readonly phase: string; readonly message?: string };
    readonly resources?: readonly {
      readonly kind: string;
      readonly name: string;
      readonly status: string;
      readonly health?: { readonly status: string; readonly message?: string };
    }[];
  };
};

let stand: Stand;
let argo: ArgoCd;
/** The operator's application once it was synced: Argo CD may look twice while its picture of the cluster is young. */
let operatorSyncs = 0;
const report = (line: string) => void process.stderr.write(`${line}\n`);

beforeAll(async () => {
  stand = await newStand();
  // Argo CD brings all of this itself.
  await stand.plane.kubectl(["delete", "-f", "config/rbac", "-f", "config/crd"]);
  argo = await startArgoCd(stand.plane, report);
}, 3_600_000);
afterAll(async () => {
  await argo?.stop();
  await stand?.stop();
}, 120_000);

const application = (name: string, path: string, to: string, more: object = {}) =>
  JSON.stringify({
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Application",
    metadata: { name, namespace: "argocd", finalizers: ["resources-finalizer.argocd.argoproj.io"] },
    spec: {
      project: "default",
      source: { repoURL: argo.repository, targetRevision: "main", path, ...more },
      destination: { server: "https://kubernetes.default.svc", namespace: to },
      syncPolicy: {
        automated: { prune: true, selfHeal: true },
        syncOptions: ["CreateNamespace=true"],
        retry: { limit: 5, backoff: { duration: "2s", factor: 1, maxDuration: "2s" } },
      },
    },
  });

const app = async (name: string): Promise<Application> =>
  JSON.parse(await stand.plane.kubectl(["get", "application", name, "-n", "argocd", "-o", "json"]));

/** What Argo CD has shown of an object, each state once, with the sync state of the whole while nothing was committed. */
type Shown = { readonly health: string[]; readonly messages: string[] };

async function shownUntil(
  kind: string,
  name: string,
  last: string,
  shown: Shown = { health: [], messages: [] },
): Promise<Shown> {
  await until(`${kind} ${name} shown as ${last}; so far ${shown.health}`, 240, async () => {
    const { status } = await app("estate");
    const health = status?.resources?.find((each) => each.kind === kind && each.name === name)?.health;
    if (health === undefined) return false;
    if (shown.health.at(-1) !== health.status) {
      shown.health.push(health.status);
      shown.messages.push(health.message ?? "");
    }
    return health.status === last;
  }).catch((error: Error) => {
    throw new Error(`${error.message}: ${shown.health.join(", ")}`);
  });
  return shown;
}

const synced = (name: string, health: readonly string[]): Promise<void> =>
  until(`application ${name} synced and ${health}`, 180, async () => {
    const { status } = await app(name);
    return status?.sync?.status === "Synced" && health.includes(status.health?.status ?? "");
  }).catch(async (error: Error) => {
    throw new Error(`${error.message}: ${JSON.stringify((await app(name)).status)}`);
  });

type EventJson = { reason: string; message: string; count?: number; involvedObject: { name: string } };

async function eventsOf(name: string, reason: string): Promise<readonly EventJson[]> {
  const events = await stand.plane.kubectl(["get", "events", "-n", "argocd", "-o", "json"]);
  const { items } = JSON.parse(events) as { items: readonly EventJson[] };
  return items.filter((event) => event.reason === reason && event.involvedObject.name === name);
}

/** Syncs that Argo CD has begun for an application; a fight over a field would raise it. */
const syncs = async (name: string): Promise<number> =>
  (await eventsOf(name, "OperationStarted")).reduce((sum, { count }) => sum + (count ?? 1), 0);

const files = (...objects: readonly { kind: string; metadata: { name: string } }[]) =>
  Object.fromEntries(
    objects.map((object) => [
      `estate/${object.kind}-${object.metadata.name}.yaml`.toLowerCase(),
      stringify(object),
    ]),
  );
const without = (object: { kind: string; metadata: { name: string } }) => ({
  [Object.keys(files(object))[0] ?? ""]: undefined,
});

describe("the operator and an estate by Argo CD", () => {
  test("the chart is synced and stays so", async () => {
    argo.copy("deploy/helm/tungsten-operator");
    await argo.commit("Install the operator", {});
    // The operator's process runs beside the API server; the stand has no nodes for its pods.
    const helm = { helm: { releaseName: "tungsten-operator", valuesObject: { replicas: 0 } } };
    await stand.plane.kubectl(
      ["apply", "-f", "-"],
      application("operator", "deploy/helm/tungsten-operator", "tungsten-operator", helm),
    );
    await synced("operator", ["Healthy"]);
    operatorSyncs = await syncs("operator");
    await stand.startOperator({ ...quick, LEASE_MS: "15000", LEASE_RENEW_BY_MS: "10000" });
  }, 300_000);

  test("an estate is Progressing, then Suspended: its composite waits to be asked for", async () => {
    await argo.commit(
      "Write the estate",
      files(
        site("london"),
        site("nyc"),
        link("london", "nyc"),
        link("nyc", "london"),
        composite(["london", "nyc"]),
      ),
    );
    await stand.plane.kubectl(["apply", "-f", "-"], application("estate", "estate", namespace));
    const london = await shownUntil("TungstenCluster", "london", "Healthy");
    expect(london.health).not.toContain("Degraded");
    await shownUntil("CrossSiteLink", "nyc-to-london", "Healthy");
    const global = await shownUntil("CompositeService", "global", "Suspended");
    expect(global.messages.at(-1)).toContain("create an UpgradeRequest with procedure ConvertMsaaToCaa");
    await synced("estate", ["Suspended"]);
    await stand.world("/clients", { rate: 5 });
  }, 600_000);

  test("a conversion by commit: Progressing, Suspended until approved by commit, Progressing, Healthy", async () => {
    const before = await syncs("estate");
    await argo.commit("Ask for the conversion", files(conversion("to-caa")));
    const shown = await shownUntil("UpgradeRequest", "to-caa", "Suspended");
    expect(shown.messages.at(-1)).toMatch(/^read the plan, then: kubectl/);
    const approvedPlan = (await get(stand, "upg", "to-caa")).status?.plan?.hash ?? "";
    await argo.commit("Approve the plan", files(conversion("to-caa", { approvedPlan })));
    await shownUntil("UpgradeRequest", "to-caa", "Progressing", shown);
    await shownUntil("UpgradeRequest", "to-caa", "Healthy", shown);
    expect(shown.health.join(" ")).toMatch(/^(Missing )?(Progressing )?Suspended Progressing Healthy$/);
    expect((await finished(stand, "to-caa")).status?.ledger?.outcome).toBe("Succeeded");
    await synced("estate", ["Healthy"]);
    expect((await syncs("estate")) - before).toBe(2);
    const changes = (await eventsOf("estate", "ResourceUpdated")).map(({ message }) => message);
    expect(changes.filter((message) => message.endsWith("-> Degraded"))).toEqual([]);
    expect(await judged(stand)).toMatchObject({ missing: [], doubled: [], outOfOrder: 0 });
  }, 900_000);

  test("the same scripts answer `argocd admin settings`, and the actions do what they say", async () => {
    const folder = join(stand.plane.directory, "objects");
    mkdirSync(folder);
    const cm = ["--argocd-cm-path", "deploy/argocd/argocd-cm.yaml"];
    const asked = async (what: string, kind: string, name: string, change: object, ...more: string[]) => {
      const path = join(folder, `${name}.json`);
      writeFileSync(path, JSON.stringify({ ...(await get(stand, kind, name)), ...change }));
      return argo.argocd("admin", "settings", "resource-overrides", what, path, ...more, ...cm);
    };
    for (const [kind, name] of [
      ["tc", "nyc"],
      ["xsl", "nyc-to-london"],
      ["csvc", "global"],
      ["upg", "to-caa"],
    ])
      expect(await asked("health", kind ?? "", name ?? "", {})).toContain("STATUS: Healthy");
    expect(await asked("list-actions", "upg", "to-caa", {})).toMatch(/approve\s+false|approve\s+true/);
    const status = { plan: { hash: "abc" }, ledger: { phase: "Planning" } };
    const pressed = await asked("run-action", "upg", "to-caa", { spec: {}, status }, "approve");
    expect(pressed).toContain("approvedPlan: abc");
  }, 120_000);

  test("superseded links leave by commit; nothing runs for it", async () => {
    const before = (await begun(stand)).length;
    await argo.commit("Drop the links", {
      ...without(link("nyc", "london")),
      ...without(link("london", "nyc")),
    });
    await until("pruned links", 120, async () => {
      return (await stand.plane.kubectl(["get", "xsl", "-n", namespace, "-o", "name"])).trim() === "";
    });
    await synced("estate", ["Healthy"]);
    expect((await begun(stand)).length).toBe(before);
  }, 240_000);

  test("a refused request is Degraded, with its sentence", async () => {
    await argo.commit("Ask again", files(conversion("again")));
    const shown = await shownUntil("UpgradeRequest", "again", "Degraded");
    expect(shown.messages.at(-1)).toMatch(
      /there is nothing to convert; delete this request( \(and \d+ more in the pre-flight report\))?$/,
    );
    await argo.commit("Take it back", without(conversion("again")));
    await synced("estate", ["Healthy"]);
  }, 240_000);

  test("a request deleted by hand is put back by self-heal, and begins nothing", async () => {
    const before = (await begun(stand)).length;
    const { uid } = (await get(stand, "upg", "to-caa")).metadata;
    await stand.plane.kubectl(["delete", "upg", "to-caa", "-n", namespace]);
    await until("the request put back", 120, async () => {
      const again = await get(stand, "upg", "to-caa");
      return again.metadata.uid !== uid && again.status?.ledger?.outcome === "AlreadyDone";
    });
    await synced("estate", ["Healthy"]);
    expect((await begun(stand)).length).toBe(before);
  }, 240_000);

  test("a member taken out of git is not pruned: the policy says what to do first", async () => {
    await argo.commit("Drop a member", without(site("nyc")));
    await until("a refused sync", 120, async () => {
      const { status } = await app("estate");
      return JSON.stringify(status?.operationState ?? {}).includes(
        "TungstenCluster nyc is needed by CompositeService global: remove it there first",
      );
    });
    expect((await stand.plane.kubectl(["get", "pods", "-n", namespace])).match(/nyc-\d/g)).toHaveLength(2);
    await argo.commit("Put it back", files(site("nyc")));
    await synced("estate", ["Healthy"]);
    await awaitReason(stand, "csvc", "global", "Ready", "Replicating");
  }, 240_000);

  test("the operator's own application has had nothing to do since", async () => {
    await synced("operator", ["Healthy"]);
    expect(await syncs("operator")).toBe(operatorSyncs);
  });
});
