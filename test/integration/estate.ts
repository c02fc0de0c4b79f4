/** A stand with an estate of two sites by two nodes, and the words tests say to it. */
import { join, resolve } from "node:path";
import { type Operator, type Stand, startStand } from "../../local/estate.ts";
import { until } from "../../local/processes.ts";

export const namespace = "estate";
export const root = resolve(import.meta.dirname, "../..");

/** Short intervals, so that what takes minutes in life takes seconds here. */
export const quick = {
  POLL_MS: "150",
  IDLE_MS: "400",
  HEALTH_MS: "1500",
  LEASE_MS: "6000",
  LEASE_RENEW_BY_MS: "4500",
  LEASE_RETRY_MS: "400",
  REQUESTS_PER_SECOND: "500",
  REQUEST_BURST: "500",
};

export type Condition = { type: string; status: string; reason: string; message: string };
export type ObjectJson = {
  metadata: { name: string; uid: string };
  spec: Record<string, unknown>;
  status?: {
    cursor?: string;
    conditions?: Condition[];
    plan?: { hash: string; commands: number; stored: string };
    ledger?: { phase: string; outcome?: string; commandsBegun: number };
  };
};
export type Oracle = { written: number; missing: string[]; doubled: string[]; outOfOrder: number };

export const quietly = (): void => {};

export const newStand = (seed = 1): Promise<Stand> => startStand(quietly, { seed, hurry: 0.02 });

export async function get(stand: Stand, kind: string, name: string): Promise<ObjectJson> {
  return JSON.parse(
    await stand.plane.kubectl(["get", kind, name, "-n", namespace, "-o", "json"]),
  ) as ObjectJson;
}

export const condition = (object: ObjectJson, type: string): Condition | undefined =>
  object.status?.conditions?.find((each) => each.type === type);

export const apply = (stand: Stand, ...objects: object[]): Promise<string> =>
  stand.plane.kubectl(
    ["apply", "-n", namespace, "-f", "-"],
    objects.map((object) => JSON.stringify(object)).join("\n---\n"),
  );

export const patch = (stand: Stand, kind: string, name: string, body: object): Promise<string> =>
  stand.plane.kubectl(["patch", kind, name, "-n", namespace, "--type", "merge", "-p", JSON.stringify(body)]);

/** The bindings of the chart's deletion policies: what refuses a deletion at the door. */
export const deletionBindings = ["", "-composites", "-links"].map(
  (about) => `validatingadmissionpolicybinding/tungsten-operator-deletion${about}`,
);

export const remove = (stand: Stand, kind: string, name: string): Promise<string> =>
  stand.plane.kubectl(["delete", kind, name, "-n", namespace, "--timeout=30s"]);

const group = "tungsten-operator.io/v1alpha1";
const make = (kind: string, name: string, spec: object) => ({
  apiVersion: group,
  kind,
  metadata: { name, namespace },
  spec,
});

export const site = (name: string, more: object = {}) =>
  make("TungstenCluster", name, { nodes: 2, release: "8.0.4-132", image: "node:dev", ...more });
export const link = (source: string, target: string) =>
  make("CrossSiteLink", `${source}-to-${target}`, { source: { name: source }, target: { name: target } });
export const composite = (members: readonly string[]) =>
  make("CompositeService", "global", { type: "ActiveActive", members: members.map((name) => ({ name })) });
export const conversion = (name: string, more: object = {}) =>
  make("UpgradeRequest", name, {
    procedure: "ConvertMsaaToCaa",
    convertMsaaToCaa: { compositeService: { name: "global" }, backup: { mode: "Take" } },
    approval: "Manual",
    ...more,
  });

export const verification = (name: string) =>
  make("UpgradeRequest", name, {
    procedure: "VerifyData",
    verifyData: { cluster: { name: "nyc" }, rowsPerChunk: 100, pauseMilliseconds: 50 },
    approval: "Automatic",
  });

/** Applies two linked sites and waits until the operator has installed them; clients write from then on. */
export async function installEstate(stand: Stand): Promise<void> {
  await stand.plane.kubectl(["create", "namespace", namespace]);
  await apply(
    stand,
    site("london"),
    site("nyc"),
    link("london", "nyc"),
    link("nyc", "london"),
    composite(["london", "nyc"]),
  );
  await until("an installed estate", 240, async () => {
    const ready = await stand.plane.kubectl([
      ...["get", "tc,xsl", "-n", namespace, "-o"],
      'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}',
    ]);
    return ready.trim() === "True True True True";
  });
  await stand.world("/clients", { rate: 5 });
}

/** Waits for a condition's reason and returns its sentence. */
export async function awaitReason(
  stand: Stand,
  kind: string,
  name: string,
  type: string,
  reason: string,
  seconds = 30,
): Promise<Condition> {
  let found: Condition | undefined;
  let last = "";
  await until(`${type}=${reason} of ${kind}/${name}`, seconds, async () => {
    found = condition(await get(stand, kind, name), type);
    last = JSON.stringify(found);
    return found?.reason === reason;
  }).catch((error: Error) => {
    throw new Error(`${error.message}; it is ${last}`);
  });
  if (found === undefined) throw new Error("unreachable");
  return found;
}

export const approve = async (stand: Stand, name: string): Promise<string> => {
  await awaitReason(stand, "upg", name, "Approved", "AwaitingApproval", 40);
  const hash = (await get(stand, "upg", name)).status?.plan?.hash ?? "";
  await patch(stand, "upg", name, { spec: { approvedPlan: hash } });
  return hash;
};

export const finished = async (stand: Stand, name: string, seconds = 180): Promise<ObjectJson> => {
  let object: ObjectJson | undefined;
  await until(`the end of ${name}`, seconds, async () => {
    object = await get(stand, "upg", name);
    return object.status?.ledger?.phase === "Finished";
  }).catch((error: Error) => {
    const now = ["Stalled", "Progressing"].map((type) => object && condition(object, type)?.message);
    throw new Error(`${error.message}: ${now.join(" · ")}`);
  });
  if (object === undefined) throw new Error("unreachable");
  return object;
};

/** Clients stop, what is on its way arrives, and the world judges. */
export async function judged(stand: Stand): Promise<Oracle> {
  await stand.world("/clients", { rate: 0 });
  let oracle: Oracle | undefined;
  await until("rows that arrived everywhere", 20, async () => {
    oracle = (await stand.world("/oracle")) as unknown as Oracle;
    return oracle.missing.length === 0;
  }).catch(quietly);
  if (oracle === undefined) throw new Error("the world does not answer");
  return oracle;
}

export const begun = async (stand: Stand): Promise<string[]> =>
  ((await stand.world("/begun")) as { begun: string[] }).begun;

export async function kill(operator: Operator): Promise<void> {
  process.kill(operator.child.pid(), "SIGKILL");
  await operator.child.exited;
}

export const samples = join(root, "config/samples");
