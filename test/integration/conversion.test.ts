/** The main job on a real API server: real WebSocket exec, the operator killed between recording and acting, network faults. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Operator, Stand } from "../../local/estate.ts";
import { until } from "../../local/processes.ts";
import {
  apply,
  approve,
  awaitReason,
  begun,
  condition,
  conversion,
  deletionBindings,
  finished,
  get,
  installEstate,
  judged,
  kill,
  namespace,
  newStand,
  patch,
  quick,
  remove,
  verification,
} from "./estate.ts";

let stand: Stand;
const operators: Operator[] = [];
const startOperator = async (): Promise<Operator> => {
  const operator = await stand.startOperator(quick);
  operators.push(operator);
  return operator;
};

beforeAll(async () => {
  stand = await newStand(3);
  await startOperator();
  await installEstate(stand);
}, 600_000);
afterAll(() => stand?.stop(), 60_000);

/** The next command to begin whose key says so kills the operator, before or after the node heard of it. */
async function killAt(when: "before" | "after", part: string): Promise<string> {
  let key = "";
  const victim = operators.at(-1);
  if (victim === undefined) throw new Error("no operator runs");
  stand.proxy.faults.onStart = async (moment, argv) => {
    if (key !== "" || moment !== when || !argv[4]?.includes(part)) return;
    key = argv[4];
    await kill(victim);
  };
  await until(`an operator killed ${when} ${part}`, 90, async () => key !== "" && !victim.child.alive());
  stand.proxy.faults.onStart = async () => {};
  return key;
}

/** The leader's process stands still until another one leads; awake again it sees that it has lost, and ends. */
async function standStillAndWake(): Promise<void> {
  const leader = operators.at(-1);
  if (leader === undefined) throw new Error("no operator runs");
  await until("a leader", 30, async () => (await metric(leader, "tungsten_operator_leader")) === 1);
  const spare = await startOperator();
  process.kill(leader.child.pid(), "SIGSTOP");
  await until("the spare leads", 30, async () => (await metric(spare, "tungsten_operator_leader")) === 1);
  process.kill(leader.child.pid(), "SIGCONT");
  expect(await leader.child.exited).toBe(1);
  expect(readFileSync(leader.log, "utf8")).toContain("leadership lost");
}

const metric = async (operator: Operator, name: string): Promise<number> => {
  const text = await (await fetch(`http://127.0.0.1:${operator.port}/metrics`)).text();
  return Number(
    text
      .split("\n")
      .find((line) => line.startsWith(`${name} `))
      ?.split(" ")[1] ?? 0,
  );
};

describe("a conversion through everything that can be cut", () => {
  test("a plan approved with an old hash begins nothing", async () => {
    await apply(stand, conversion("to-caa"));
    await awaitReason(stand, "upg", "to-caa", "Approved", "AwaitingApproval", 40);
    const before = (await begun(stand)).length;
    await patch(stand, "upg", "to-caa", { spec: { approvedPlan: "0".repeat(64) } });
    const { message } = await awaitReason(stand, "upg", "to-caa", "Approved", "PlanOutdated");
    expect(message).toMatch(/^spec\.approvedPlan is 0{12}…, .* kubectl -n estate patch upg to-caa /);
    expect((await begun(stand)).length).toBe(before);
    await patch(stand, "upg", "to-caa", { spec: { approvedPlan: "" } });
  });

  test("the operator dies between record and act, after the act, and twice more; each command begins once", async () => {
    const spare = await startOperator();
    operators.reverse();
    expect(await metric(spare, "tungsten_operator_leader")).toBe(0);
    await approve(stand, "to-caa");
    const keys = [await killAt("before", "StopCrossSiteReplicators")];
    operators.reverse();
    expect(spare.child.alive()).toBe(true);
    await until("the spare leads", 30, async () => (await metric(spare, "tungsten_operator_leader")) === 1);
    operators.push(spare);
    keys.push(await killAt("after", "UninstallCrossSiteReplicators"));
    await startOperator();
    stand.proxy.faults.cutStdin = 2;
    stand.proxy.faults.refuse = 2;
    keys.push(await killAt("before", "ReloadTrackingSchemas"));
    await startOperator();
    await standStillAndWake();
    stand.proxy.faults.dropReply = 3;
    keys.push(await killAt("after", "UpdateSoftware"));
    await startOperator();
    const request = await finished(stand, "to-caa");
    expect(request.status?.ledger?.outcome).toBe("Succeeded");
    const audit = readFileSync(join(stand.plane.auditLog), "utf8");
    for (const key of keys) expect(key).toMatch(/^[A-Za-z0-9._-]{1,180}$/);
    expect(audit).not.toBe("");
    const all = await begun(stand);
    const uninstalls = all.filter((line) => line.includes("uninstall --i-am-sure"));
    expect(uninstalls.map((line) => line.split(" ")[0]).sort()).toEqual([
      "london-0",
      "london-1",
      "nyc-0",
      "nyc-1",
    ]);
  }, 300_000);

  test("every acknowledged row is on every node exactly once", async () => {
    expect(await judged(stand)).toMatchObject({ missing: [], doubled: [], outOfOrder: 0 });
  });

  test("the data of the composite are compared while clients write, and both reports can be read", async () => {
    await stand.world("/clients", { rate: 5 });
    await apply(stand, verification("verify"));
    const verified = await finished(stand, "verify");
    expect(condition(verified, "DataEqual")).toMatchObject({ status: "True", reason: "Equal" });
    const read = (name: string, key: string) =>
      stand.plane.kubectl(["get", "cm", name, "-n", namespace, "-o", `jsonpath={.data['${key}']}`]);
    const lines = (await read("verify-data-1", "report\\.tsv")).trimEnd().split("\n").slice(1);
    expect(lines.length).toBe(2 * 3);
    expect(lines.filter((line) => line.split("\t")[2] !== "equal")).toEqual([]);
    expect(await read("to-caa-preflight", "report\\.txt")).toMatch(/checks: \d+ ok, 0 refuse, 0 unknown/);
    const journal = await read("to-caa-journal-1", "journal\\.txt");
    expect(journal).toMatch(
      /approved {2}plan [0-9a-f]{64}: spec\.approvedPlan written by field manager «kubectl/,
    );
    expect(journal).toMatch(
      /kept {2}Backup {2}backup\.nyc = nyc-1:\/backups\/\S+ sha256 [0-9a-f]{64} lsn \d+/,
    );
    expect(await judged(stand)).toMatchObject({ missing: [], doubled: [] });
  }, 240_000);

  test("the story stands in the request's events, the numbers at /metrics", async () => {
    const told = await stand.plane.kubectl([
      ...["get", "events", "-n", namespace, "--field-selector", "involvedObject.name=to-caa"],
      ...["-o", 'jsonpath={range .items[*]}{.type} {.reason} {.message}{"\\n"}{end}'],
    ]);
    for (const line of [
      /^Normal AwaitingApproval Approved: read the plan, then: kubectl /m,
      /^Normal StopCrossSiteReplicators CrossSiteReplicatorsStopped: /m,
      /^Normal Succeeded Succeeded: the procedure has run to its end(; empty schemas .*)?$/m,
    ])
      expect(told).toMatch(line);
    const leader = operators.at(-1) as Operator;
    for (const path of ["healthz", "readyz"])
      expect((await fetch(`http://127.0.0.1:${leader.port}/${path}`)).status).toBe(200);
    const text = await (await fetch(`http://127.0.0.1:${leader.port}/metrics`)).text();
    const page = readFileSync(join(import.meta.dirname, "../../docs/operating/metrics.md"), "utf8");
    const documented = [...page.matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1] ?? "");
    expect(documented.length).toBeGreaterThan(10);
    expect(documented.filter((name) => !text.includes(`# TYPE ${name} `))).toEqual([]);
    expect(await metric(leader, 'tungsten_operator_commands_begun_total{tool="manager"}')).toBeGreaterThan(0);
  });

  test("every step's condition can be waited for by kubectl", async () => {
    const wait = (what: string) =>
      stand.plane.kubectl(["wait", `--for=condition=${what}`, "upg/to-caa", "-n", namespace, "--timeout=5s"]);
    for (const what of ["CrossSiteReplicatorsStopped", "TrackingSchemasExported", "Succeeded"])
      expect(await wait(what)).toContain("condition met");
  });

  test("the composite owns the estate; links say Superseded, and deleting them touches nothing", async () => {
    await awaitReason(stand, "csvc", "global", "Ready", "Replicating");
    await until(
      "superseded links",
      20,
      async () => condition(await get(stand, "xsl", "nyc-to-london"), "Superseded")?.status === "True",
    );
    const before = (await begun(stand)).length;
    await remove(stand, "xsl", "nyc-to-london");
    await remove(stand, "xsl", "london-to-nyc");
    await awaitReason(stand, "csvc", "global", "Ready", "Replicating");
    expect((await begun(stand)).length).toBe(before);
  });

  test("asked again for a composite estate, it refuses with one sentence and does nothing", async () => {
    const before = (await begun(stand)).length;
    await apply(stand, conversion("again"));
    const { message } = await awaitReason(stand, "upg", "again", "Accepted", "Refused");
    expect(message).toMatch(
      /already runs london_from_nyc: the estate is Composite Active\/Active and there is nothing to convert; delete this request( \(|$)/,
    );
    expect((await begun(stand)).length).toBe(before);
    await remove(stand, "upg", "again");
  });

  test("the finished request applied again, and created again under its name, begins nothing", async () => {
    const before = (await begun(stand)).length;
    await patch(stand, "upg", "to-caa", {
      metadata: { annotations: { touched: "yes" } },
      spec: { paused: true },
    });
    await remove(stand, "upg", "to-caa");
    await apply(stand, conversion("to-caa", { approval: "Automatic" }));
    expect((await finished(stand, "to-caa", 30)).status?.ledger?.outcome).toBe("AlreadyDone");
    expect((await begun(stand)).length).toBe(before);
  });

  test("a member of a composite cannot be deleted, and it is told why", async () => {
    await expect(remove(stand, "tc", "nyc")).rejects.toThrow(
      "TungstenCluster nyc is needed by CompositeService global: remove it there first",
    );
    // Where nobody refuses at the door the finalizer holds it.
    await stand.plane.kubectl(["delete", ...deletionBindings]);
    await until("a deletion that is let in", 20, async () => {
      await stand.plane.kubectl(["delete", "tc", "nyc", "-n", namespace, "--wait=false"]);
      return true;
    });
    await until("an event that tells", 20, async () =>
      (
        await stand.plane.kubectl([
          "get",
          "events",
          "-n",
          namespace,
          "--field-selector",
          "reason=DeletionHeld",
        ])
      ).includes("not deleted: CompositeService global needs it; remove it there first"),
    );
    expect((await stand.plane.kubectl(["get", "pods", "-n", namespace])).match(/nyc-\d/g)).toEqual([
      "nyc-0",
      "nyc-1",
    ]);
  });

  test("no secret's value is in the audit log, in any object but Secrets, in events or in logs", async () => {
    const secrets = JSON.parse(
      await stand.plane.kubectl(["get", "secrets", "-n", namespace, "-o", "json"]),
    ) as {
      items: { metadata: { name: string }; data?: Record<string, string> }[];
    };
    const values = secrets.items.flatMap(({ data = {} }) =>
      Object.entries(data)
        .filter(([key]) => key.endsWith("-password") || key.endsWith("-pass"))
        .map(([, value]) => Buffer.from(value, "base64").toString("utf8")),
    );
    expect(values.length).toBeGreaterThan(5);
    const objects = await stand.plane.kubectl([
      "get",
      "tungsten,configmaps,pods,statefulsets,services,events,leases",
      "-n",
      namespace,
      "-o",
      "json",
    ]);
    const logs = operators.map((operator) => readFileSync(operator.log, "utf8"));
    const audit = readFileSync(stand.plane.auditLog, "utf8");
    for (const value of new Set(values))
      for (const text of [objects, audit, ...logs])
        for (const shape of [value, Buffer.from(value).toString("base64"), encodeURIComponent(value)])
          expect(text.includes(shape)).toBe(false);
  });

  test("what is changed by hand in our fields is put back; what others add stays", async () => {
    const connector = (path: string) =>
      stand.plane.kubectl([
        ...["get", "service", "london-connector", "-n", namespace, "-o", `jsonpath={${path}}`],
      ]);
    const before = await connector(".spec.selector");
    await patch(stand, "service", "london-connector", {
      metadata: { labels: { theirs: "yes" } },
      spec: { selector: { "tungsten-operator.io/site": "elsewhere" } },
    });
    await until("the selector put back", 20, async () => (await connector(".spec.selector")) === before);
    expect(await connector(".metadata.labels.theirs")).toBe("yes");
    await patch(stand, "service", "london-connector", { spec: { ports: [{ name: "admin", port: 3307 }] } });
    await until("our port put back", 20, async () =>
      (await connector(".spec.ports[*].port")).includes("3306"),
    );
    const version = await connector(".metadata.resourceVersion");
    const passes = () =>
      metric(operators.at(-1) as Operator, 'tungsten_operator_api_writes_total{kind="Service",verb="apply"}');
    const writes = await passes();
    await remove(stand, "service", "london-nodes");
    await until("another pass", 20, async () => (await passes()) > writes);
    expect(await connector(".metadata.resourceVersion")).toBe(version);
  });
});
