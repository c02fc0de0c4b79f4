/**
 * The rights of the chart, neither one too many nor one too few: the operator starts with none at all, and each is
 * granted when the API server has refused it and the operator has said so. Then its exec, limited by the policy.
 */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { KubeConfig } from "@kubernetes/client-node";
import type { Operator, Stand } from "../../local/estate.ts";
import { until } from "../../local/processes.ts";
import type { ExecOutcome } from "../../src/controllers/shell.ts";
import { accessBy } from "../../src/kube/access.ts";
import { podsOver } from "../../src/kube/exec.ts";
import { runnerScript } from "../../src/runner/script.ts";
import { chart, helmIn, objectsIn, type Rendered } from "./chart.ts";
import {
  apply,
  approve,
  composite,
  conversion,
  deletionBindings,
  finished,
  get,
  judged,
  link,
  namespace,
  newStand,
  patch,
  quick,
  remove,
  root,
  site,
} from "./estate.ts";

const operatorNamespace = "tungsten-operator";
const user = "system:serviceaccount:tungsten-operator:tungsten-operator";
type Rule = {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
};

/** `verb resource.group` of each right. */
const rightsOf = (rules: readonly Rule[]): readonly string[] =>
  rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        verbs.map((verb) => `${verb} ${resource}${group === "" ? "" : `.${group}`}`),
      ),
    ),
  );

const ruleOf = (right: string): Rule => {
  const [verb = "", what = ""] = right.split(" ");
  const [resource = "", ...group] = what.split(".");
  return { apiGroups: [group.join(".")], resources: [resource], verbs: [verb] };
};

const refusal =
  /cannot (\w+) resource \\?"([\w/]+)\\?" in API group \\?"([^"\\]*)\\?" in the namespace \\?"([^"\\]+)\\?"/g;

let stand: Stand;
let wanted: readonly Rendered[];
/** Granted so far, by namespace. */
const granted = new Map<string, Set<string>>();
/** Refused, and the operator has not said so yet. */
let silent: readonly string[] = [];
let operator: Operator;
const logs: string[] = [];

beforeAll(async () => {
  stand = await newStand();
  const helm = await helmIn(stand.plane.directory);
  const args = ["--namespace", operatorNamespace, "--set", `watchNamespaces={${namespace}}`];
  wanted = objectsIn(await helm("template", "tungsten-operator", chart, ...args));
  await stand.plane.kubectl(["delete", "clusterrolebinding", "tungsten-operator"]);
  await stand.plane.kubectl(["create", "namespace", namespace]);
  const roles = wanted.filter(({ kind }) => kind === "Role" || kind === "RoleBinding");
  for (const role of roles)
    await stand.plane.kubectl(
      ["apply", "-f", "-"],
      JSON.stringify(role.kind === "Role" ? { ...role, rules: [] } : role),
    );
  await promisify(execFile)(process.execPath, [
    join(root, "scripts/build.ts"),
    join(stand.plane.directory, "operator.mjs"),
  ]);
}, 900_000);
afterAll(() => stand?.stop(), 60_000);

/** The bundle, in a folder without node_modules, as the image runs it. */
async function start(): Promise<void> {
  const leases = { LEASE_MS: "9000", LEASE_RENEW_BY_MS: "6000" };
  const env = { ...quick, ...leases, BACKOFF_MAX_MS: "400", WATCH_NAMESPACES: namespace };
  operator = await stand.startOperator(env, [join(stand.plane.directory, "operator.mjs")]);
  logs.push(operator.log);
}

/** The rights that a text says are missing; `namespace verb resource.group`. */
const missingIn = (...texts: readonly string[]): ReadonlySet<string> =>
  new Set(
    texts
      .flatMap((text) => [...text.matchAll(refusal)])
      .map(([, verb, what, group, where]) => `${where} ${verb} ${what}${group === "" ? "" : `.${group}`}`),
  );

/** What was refused to the operator, by the audit log or by the stand-in for exec, and what it said of that where people look. */
async function refusedAndTold(): Promise<{ refused: ReadonlySet<string>; told: ReadonlySet<string> }> {
  const conditions = await stand.plane.kubectl(["get", "tungsten", "-n", namespace, "-o", "json"]);
  const audit = readFileSync(stand.plane.auditLog, "utf8").split("\n");
  const denied = audit.filter((line) => line.includes(user) && line.includes('"code":403'));
  const told = missingIn(conditions, ...logs.map((path) => readFileSync(path, "utf8")));
  const exec = [...told].filter((right) => right.endsWith("pods/exec"));
  return { refused: new Set([...missingIn(...denied), ...exec]), told };
}

const roleIn = (where: string): string =>
  where === namespace ? "tungsten-operator" : "tungsten-operator-leader";

/** One look: every right that was refused, and said to be, is granted. An operator that gave up is started anew, as a kubelet does. */
async function grantWhatWasRefused(): Promise<void> {
  const { refused, told } = await refusedAndTold();
  silent = [...refused].filter((right) => !told.has(right));
  for (const line of refused) {
    const [where = "", ...right] = line.split(" ");
    const known = granted.get(where) ?? new Set();
    if (known.has(right.join(" ")) || !told.has(line)) continue;
    known.add(right.join(" "));
    granted.set(where, known);
    const rules = [...known].map(ruleOf);
    const role = ["role", roleIn(where), "-n", where, "--type=merge", "-p", JSON.stringify({ rules })];
    await stand.plane.kubectl(["patch", ...role]);
  }
  if (!operator.child.alive()) await start();
}

/** Grants as it goes until `done` holds. */
const granting = (what: string, done: () => Promise<boolean>): Promise<void> =>
  until(what, 300, async () => {
    await grantWhatWasRefused();
    return done();
  }).catch((error: Error) => {
    throw new Error(`${error.message}; refused without a word: ${silent.join(", ")}`);
  });

const ready = async (kinds: string): Promise<boolean> =>
  /^(True ?)+$/.test(
    await stand.plane.kubectl([
      ...["get", kinds, "-n", namespace, "-o"],
      'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}',
    ]),
  );

describe("rights, from none to enough", () => {
  test("an estate is installed, converted and deleted", async () => {
    await start();
    const links = [link("london", "nyc"), link("nyc", "london")];
    const shop = { namespaceSelector: { matchLabels: { team: "shop" } } };
    const limited = site("nyc", { networkPolicy: { clients: [shop], monitoring: [], peers: [] } });
    await apply(stand, site("london"), limited, ...links, composite(["london", "nyc"]));
    await granting("an installed estate", () => ready("tc,xsl"));
    const runner = ["get", "configmap", "tungsten-operator-runner", "-n", namespace, "-o", "json"];
    expect(JSON.parse(await stand.plane.kubectl(runner)).data.runner).toBe(runnerScript());
    // A pod made anew and a claim that grows: the stand-in's volumes do not grow, and it is the asking that counts.
    const changes = { dataserver: "Automatic" };
    await patch(stand, "tc", "nyc", { spec: { image: "none:2", storage: { size: "20Gi" }, changes } });
    await granting("rights to change pods and volumes", async () =>
      ["delete pods", "patch persistentvolumeclaims"].every((right) => granted.get(namespace)?.has(right)),
    );
    await patch(stand, "tc", "nyc", { spec: { storage: { size: "10Gi" } } });
    await granting("nodes made anew", async () => {
      const { status } = await get(stand, "tc", "nyc");
      return status?.conditions?.find(({ type }) => type === "DatabaseCurrent")?.status === "True";
    });
    await granting("an estate that is ready again", () => ready("tc,xsl"));
    await stand.world("/clients", { rate: 5 });
    await apply(stand, conversion("to-caa"));
    await granting("a plan", async () => (await get(stand, "upg", "to-caa")).status?.plan !== undefined);
    await approve(stand, "to-caa");
    await granting("the end of the conversion", async () => {
      const { status } = await get(stand, "upg", "to-caa");
      return status?.ledger?.phase === "Finished";
    });
    expect((await finished(stand, "to-caa")).status?.ledger?.outcome).toBe("Succeeded");
    expect(await judged(stand)).toMatchObject({ missing: [], doubled: [], outOfOrder: 0 });
    // Held by its finalizer first: that is told by an event, and told again as its series.
    await stand.plane.kubectl(["delete", ...deletionBindings]);
    for (const name of ["london", "nyc"]) await patch(stand, "tc", name, { spec: { retention: "Delete" } });
    await until("a deletion that is let in", 20, async () => {
      await stand.plane.kubectl(["delete", "tc", "--all", "-n", namespace, "--wait=false"]);
      return true;
    });
    await granting("rights to tell events", async () =>
      ["create events.events.k8s.io", "patch events.events.k8s.io"].every((right) =>
        granted.get(namespace)?.has(right),
      ),
    );
    for (const kind of ["csvc", "xsl"]) await stand.plane.kubectl(["delete", kind, "--all", "-n", namespace]);
    await remove(stand, "upg", "to-caa");
    await granting(
      "deleted sites and volumes",
      async () =>
        (await stand.plane.kubectl(["get", "tc,sts,pvc", "-n", namespace, "-o", "name"])).trim() === "",
    );
  }, 900_000);

  test("what had to be granted is what the chart grants, but for exec's way on newer servers", () => {
    const rules = (name: string): readonly Rule[] =>
      (wanted.find(({ kind, metadata }) => kind === "Role" && metadata.name === name)?.rules ??
        []) as readonly Rule[];
    const asked = (where: string) => [...(granted.get(where) ?? [])].sort();
    const chartGrants = rightsOf(rules("tungsten-operator")).filter((right) => right !== "create pods/exec");
    expect(asked(namespace)).toEqual([...chartGrants].sort());
    expect(asked(operatorNamespace)).toEqual([...rightsOf(rules("tungsten-operator-leader"))].sort());
    expect([...granted.keys()].sort()).toEqual([namespace, operatorNamespace].sort());
  });
});

describe("the operator's exec, on the real API server", () => {
  let kubeconfig: string;
  beforeAll(async () => {
    await stand.plane.kubectl(["apply", "-f", join(root, "config/rbac")]);
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "target", namespace },
      spec: {
        nodeName: "stand-in",
        containers: ["tungsten", "other"].map((name) => ({ name, image: "none" })),
      },
    };
    await stand.plane.kubectl(["apply", "-f", "-"], JSON.stringify(pod));
    const token = ["create", "token", "tungsten-operator", "-n", operatorNamespace];
    kubeconfig = stand.plane.kubeconfig("exec", (await stand.plane.kubectl(token)).trim());
  });

  function exec(container: string, ...argv: readonly string[]): Promise<ExecOutcome> {
    const config = new KubeConfig();
    config.loadFromFile(kubeconfig);
    const limits = {
      handshakeMs: 10_000,
      sessionMs: 20_000,
      outputBytes: 65_536,
      pingMs: 5000,
      deadMs: 20_000,
    };
    const pods = podsOver({ access: accessBy(config) }, { ...limits, container, perPod: 2, overall: 10 });
    return pods.exec({ namespace, name: "target", uid: "any" }, argv, "");
  }
  const kubectl = (...args: readonly string[]) => stand.plane.kubectl(["--kubeconfig", kubeconfig, ...args]);

  test("its runner is admitted: what fails then is the way to a node that does not exist", async () => {
    const outcome = await exec("tungsten", "/etc/runner/runner", "hello");
    expect(outcome).toMatchObject({
      kind: "lost",
      why: expect.not.stringContaining("the operator may exec"),
    });
  });

  test.each<[string, string, readonly string[], RegExp]>([
    ["a shell", "tungsten", ["/bin/sh", "-c", "id"], /^HTTP 403: .*refused in pod target: \/bin\/sh$/],
    ["the runner by a shell", "tungsten", ["sh", "/etc/runner/runner"], /refused in pod target: sh$/],
    [
      "the runner elsewhere",
      "other",
      ["/etc/runner/runner"],
      /only \/etc\/runner\/runner in container tungsten/,
    ],
  ])("%s is refused with our sentence", async (_name, container, argv, says) => {
    await until("a policy in force", 20, async () => (await exec("tungsten", "ls")).kind === "refused");
    const outcome = await exec(container, ...argv);
    expect(outcome).toEqual({ kind: "refused", why: expect.stringMatching(says) });
  });

  test("a terminal, attach and port-forward are refused even where RBAC would let them", async () => {
    const more = ["--verb=get,create", "--resource=pods,pods/exec,pods/attach,pods/portforward"];
    await stand.plane.kubectl(["create", "role", "more", "-n", namespace, ...more]);
    const who = `--serviceaccount=${operatorNamespace}:tungsten-operator`;
    await stand.plane.kubectl(["create", "rolebinding", "more", "-n", namespace, "--role=more", who]);
    await until(
      "the wider role",
      20,
      async () => (await kubectl("get", "pod", "target", "-n", namespace)) !== "",
    );
    const raw = "/api/v1/namespaces/estate/pods/target";
    const runner = "container=tungsten&command=/etc/runner/runner&stdout=true";
    const refusedBy = (path: string) => kubectl("create", "--raw", `${raw}/${path}`, "-f", "/dev/null");
    await expect(refusedBy(`exec?tty=true&${runner}`)).rejects.toThrow(/without a terminal/);
    await expect(refusedBy("attach?container=tungsten&stdout=true")).rejects.toThrow(
      /refused: attach of pod target/,
    );
    await expect(refusedBy("portforward?ports=1")).rejects.toThrow(/refused: portforward of pod target/);
  });

  test("others are not concerned", async () => {
    const raw = "/api/v1/namespaces/estate/pods/target/exec?container=tungsten&command=ls&stdout=true";
    const admin = stand.plane.kubectl(["create", "--raw", raw, "-f", "/dev/null"]);
    await expect(admin).rejects.not.toThrow(/the operator may exec/);
  });
});
