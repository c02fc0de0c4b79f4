/**
 * The deletion policies on a real API server: by the objects that name a site as they are now, and by the statuses the
 * operator writes. No operator runs here, so no status follows what is done to the objects.
 */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { findBinaries } from "../../local/binaries.ts";
import { type ControlPlane, startControlPlane } from "../../local/control-plane.ts";
import { until } from "../../local/processes.ts";
import { composite, conversion, deletionBindings, link, namespace, quietly, root, site } from "./estate.ts";

const spec = { procedure: "VerifyData", verifyData: { cluster: { name: "free" } } };
const reading = { ...conversion("reading"), spec };

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane(await findBinaries(quietly));
  await plane.kubectl(["apply", "--server-side", "-f", join(root, "config/crd")]);
  await plane.kubectl(["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"]);
  await plane.kubectl(["apply", "-f", join(root, "config/rbac")]);
  await plane.kubectl(["create", "namespace", namespace]);
  const objects = [
    ...["london", "paris", "nyc", "tokyo", "berlin", "oslo", "free"].map((name) => site(name)),
    composite(["london", "paris"]),
    link("berlin", "oslo"),
    conversion("running"),
    conversion("over"),
    reading,
  ];
  await plane.kubectl(["apply", "-f", "-"], objects.map((object) => JSON.stringify(object)).join("\n---\n"));
  // Older than the objects on purpose, in both directions.
  await status("tc", "london", { neededBy: "", runningProcedure: "" });
  await status("tc", "nyc", { neededBy: "", runningProcedure: "7f3e" });
  await status("tc", "free", { neededBy: "CrossSiteLink nyc-to-free", runningProcedure: "" });
  await status("tc", "tokyo", installed(["london", "paris", "tokyo"]));
  await status("upg", "running", { ledger: { phase: "Running" } });
  await status("upg", "reading", { ledger: { phase: "Running" } });
  await status("upg", "over", { ledger: { phase: "Finished" } });
  for (const [kind, name] of [
    ["tc", "london"],
    ["tc", "berlin"],
    ["upg", "running"],
  ] as const)
    await until("a policy in force", 30, async () =>
      (await refusal(kind, name, "--dry-run=server")).includes("denied request"),
    );
}, 600_000);
afterAll(() => plane?.stop(), 60_000);

/** A site that leaves its composite, as its own record tells. */
const installed = (sites: readonly string[]) => ({
  configuration: {
    topology: "CAA",
    sha256: "",
    shape: "",
    wishes: "",
    primaries: {},
    members: ["tokyo-0"],
    sites,
  },
});

const status = (kind: string, name: string, value: object) =>
  plane.kubectl([
    ...["patch", kind, name, "-n", namespace, "--subresource=status", "--type=merge"],
    ...["-p", JSON.stringify({ status: value })],
  ]);

const refusal = (kind: string, ...more: readonly string[]): Promise<string> =>
  plane.kubectl(["delete", kind, ...more, "-n", namespace, "--timeout=10s"]).then(
    (said) => `let in: ${said}`,
    ({ stderr }: { stderr: string }) => stderr,
  );

const patched = (kind: string, name: string, value: object) =>
  plane.kubectl(["patch", kind, name, "-n", namespace, "--type=merge", "-p", JSON.stringify(value)]);

const needed = "TungstenCluster london is needed by CompositeService global: remove it there first";

test.each<[string, string, readonly string[], string]>([
  ["a site that a composite needs", "tc", ["london"], needed],
  ["the same, in the foreground", "tc", ["london", "--cascade=foreground"], needed],
  ["the same, without waiting for anything", "tc", ["london", "--force", "--grace-period=0"], needed],
  [
    "a site that a link leads to",
    "tc",
    ["oslo"],
    "TungstenCluster oslo is needed by CrossSiteLink berlin-to-oslo: remove it there first",
  ],
  [
    "a site that its composite names no more, whose nodes are its members still",
    "tc",
    ["tokyo"],
    "TungstenCluster tokyo is on its way out of CompositeService global (see its condition MembershipCurrent): delete it when it has left",
  ],
  [
    "a site on which a procedure runs",
    "tc",
    ["nyc"],
    "a procedure runs on TungstenCluster nyc (UpgradeRequest with UID 7f3e): let it end or abort it first",
  ],
  [
    "a request in mid-run",
    "upg",
    ["running"],
    "UpgradeRequest running is in the middle of its run and its status is the record of it: let it end, or set spec.abort, then delete it",
  ],
])("%s is refused, with the way out", async (_name, kind, args, says) => {
  expect(await refusal(kind, ...args)).toContain(says);
});

test("of all at once, those go that may", async () => {
  expect(await refusal("tc", "--all")).toContain(needed);
  expect(await refusal("upg", "--all")).toContain("in the middle of its run");
  const left = await plane.kubectl(["get", "tungsten", "-n", namespace, "-o", "name"]);
  expect(
    left
      .trim()
      .split("\n")
      .map((name) => name.split("/")[1]),
  ).toEqual(["global", "berlin-to-oslo", "berlin", "london", "nyc", "oslo", "paris", "tokyo", "running"]);
});

test("status and finalizers can still be written", async () => {
  await patched("tc", "london", { metadata: { finalizers: ["example.org/held"] } });
  await patched("tc", "london", { metadata: { finalizers: null } });
});

const goes = async (kind: string, name: string): Promise<void> => {
  // The server hears of a change to what it asks within milliseconds; nobody writes a status here meanwhile.
  await until(`${name} that goes`, 5, async () => (await refusal(kind, name)).startsWith("let in"));
};

test("a site may go as soon as what named it is gone, whatever its status says still", async () => {
  await status("tc", "berlin", { neededBy: "CrossSiteLink berlin-to-oslo" });
  await patched("xsl", "berlin-to-oslo", { metadata: { finalizers: ["tungsten-operator.io/link"] } });
  await plane.kubectl(["delete", "xsl", "berlin-to-oslo", "-n", namespace, "--wait=false"]);
  const held =
    "TungstenCluster berlin is needed by CrossSiteLink berlin-to-oslo, which is being taken off the nodes (see its condition Ready): delete it when the link is gone";
  await until("a link that is on its way out", 5, async () => (await refusal("tc", "berlin")).includes(held));
  await patched("xsl", "berlin-to-oslo", { metadata: { finalizers: null } });
  await goes("tc", "berlin");
  await status("tc", "tokyo", { ...installed(["tokyo"]), neededBy: "CompositeService global" });
  await goes("tc", "tokyo");
  await status("tc", "paris", { neededBy: "CompositeService global" });
  await plane.kubectl(["delete", "csvc", "global", "-n", namespace]);
  await goes("tc", "paris");
});

test("a site on its way into a composite that names it no more is held until its walk has turned around", async () => {
  await plane.kubectl(["apply", "-f", "-"], JSON.stringify(site("rome")));
  await plane.kubectl(["apply", "-f", "-"], JSON.stringify(composite(["london", "nyc"])));
  const walks = (direction: string) => ({
    ledger: { procedure: "JoinComposite", phase: "Running", direction, pins: { members: { london: [] } } },
  });
  await status("tc", "rome", walks("Forward"));
  await until("a refusal", 5, async () =>
    (await refusal("tc", "rome")).includes(
      "TungstenCluster rome is on its way out of CompositeService global",
    ),
  );
  await status("tc", "rome", walks("Revert"));
  await goes("tc", "rome");
  await plane.kubectl(["delete", "csvc", "global", "-n", namespace]);
});

test("with their bindings taken away the policies refuse nothing", async () => {
  await plane.kubectl(["apply", "-f", "-"], JSON.stringify(composite(["london", "nyc"])));
  const dry = () => refusal("tc", "london", "--dry-run=server");
  await until("a composite that holds", 5, async () => (await dry()).includes(needed));
  await plane.kubectl(["delete", ...deletionBindings]);
  await until("a deletion that is let in", 20, async () => (await dry()).startsWith("let in"));
  await plane.kubectl(["apply", "-f", join(root, "config/rbac/policies.yaml")]);
  await until("a deletion that is refused", 20, async () => (await dry()).includes(needed));
  await plane.kubectl(["delete", "csvc", "global", "-n", namespace]);
});

test("a composite that somebody else holds while it is being deleted holds no site", async () => {
  await plane.kubectl(["apply", "-f", "-"], JSON.stringify(composite(["london", "nyc"])));
  await until("a composite that holds", 5, async () => (await refusal("tc", "london")).includes(needed));
  await patched("csvc", "global", { metadata: { finalizers: ["example.org/held"] } });
  await plane.kubectl(["delete", "csvc", "global", "-n", namespace, "--wait=false"]);
  await goes("tc", "london");
  await patched("csvc", "global", { metadata: { finalizers: null } });
});

test("a namespace that goes takes them along, and does not hang", async () => {
  await plane.kubectl(["delete", "namespace", namespace, "--timeout=60s"]);
}, 90_000);
