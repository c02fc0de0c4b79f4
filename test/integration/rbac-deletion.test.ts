/** The deletion policy on a real API server, by the statuses the operator writes; no operator runs here. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { findBinaries } from "../../local/binaries.ts";
import { type ControlPlane, startControlPlane } from "../../local/control-plane.ts";
import { until } from "../../local/processes.ts";
import { conversion, namespace, quietly, root, site } from "./estate.ts";

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
    site("london"),
    site("nyc"),
    site("free"),
    conversion("running"),
    conversion("over"),
    reading,
  ];
  await plane.kubectl(["apply", "-f", "-"], objects.map((object) => JSON.stringify(object)).join("\n---\n"));
  await status("tc", "london", { neededBy: "CompositeService global", runningProcedure: "" });
  await status("tc", "nyc", { neededBy: "", runningProcedure: "7f3e" });
  await status("tc", "free", { neededBy: "", runningProcedure: "" });
  await status("upg", "running", { ledger: { phase: "Running" } });
  await status("upg", "reading", { ledger: { phase: "Running" } });
  await status("upg", "over", { ledger: { phase: "Finished" } });
  const dry = () => refusal("tc", "london", "--dry-run=server");
  await until("a policy in force", 30, async () => (await dry()).includes("denied request"));
}, 600_000);
afterAll(() => plane?.stop(), 60_000);

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

const needed = "TungstenCluster london is needed by CompositeService global: remove it there first";

test.each<[string, string, readonly string[], string]>([
  ["a site that a composite needs", "tc", ["london"], needed],
  ["the same, in the foreground", "tc", ["london", "--cascade=foreground"], needed],
  ["the same, without waiting for anything", "tc", ["london", "--force", "--grace-period=0"], needed],
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
  ).toEqual(["london", "nyc", "running"]);
});

test("status and finalizers can still be written", async () => {
  const finalizer = { metadata: { finalizers: ["example.org/held"] } };
  await plane.kubectl([
    "patch",
    "tc",
    "london",
    "-n",
    namespace,
    "--type=merge",
    "-p",
    JSON.stringify(finalizer),
  ]);
  const none = JSON.stringify({ metadata: { finalizers: null } });
  await plane.kubectl(["patch", "tc", "london", "-n", namespace, "--type=merge", "-p", none]);
});

test("a namespace that goes takes them along, and does not hang", async () => {
  await plane.kubectl(["delete", "namespace", namespace, "--timeout=60s"]);
}, 90_000);
