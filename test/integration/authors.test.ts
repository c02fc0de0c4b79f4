/** Who asked and who approved, stamped by the API server itself, on a real one; and one that is too old for it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { findBinaries } from "../../local/binaries.ts";
import { type ControlPlane, type Login, startControlPlane } from "../../local/control-plane.ts";
import { until } from "../../local/processes.ts";
import { chart, helmIn, objectsIn } from "./chart.ts";
import { conversion, namespace, quietly, root } from "./estate.ts";

const logins: readonly Login[] = ["anna", "berta"].map((user) => ({
  token: `token-of-${user}`,
  user,
  groups: ["system:masters"],
}));
const [requested, approved] = ["requested-by", "approved-by"].map((name) => `tungsten-operator.io/${name}`);
const home = mkdtempSync(join(tmpdir(), "tungsten-operator-authors-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

async function planeWith(mutatingPolicies: boolean): Promise<ControlPlane> {
  const plane = await startControlPlane(await findBinaries(quietly), { logins, mutatingPolicies });
  await plane.kubectl(["apply", "--server-side", "-f", join(root, "config/crd")]);
  await plane.kubectl(["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"]);
  await plane.kubectl(["create", "namespace", namespace]);
  const helm = await helmIn(home);
  const served = ["--api-versions", "admissionregistration.k8s.io/v1beta1/MutatingAdmissionPolicy"];
  const args = ["template", "tungsten-operator", chart, "--show-only", "templates/authors.yaml"];
  const wanted = objectsIn(await helm(...args, ...(mutatingPolicies ? served : [])));
  await plane.kubectl(["apply", "-f", "-"], wanted.map((object) => JSON.stringify(object)).join("\n---\n"));
  return plane;
}

/** kubectl as one of the two; resolves with what it prints, or with what the server refused it by. */
const as = (plane: ControlPlane, user: string, args: readonly string[], input?: string): Promise<string> =>
  plane
    .kubectl(["--token", `token-of-${user}`, "--user", "", "-n", namespace, ...args], input)
    .catch(({ stderr }: { stderr: string }) => stderr);

const annotated = (name: string, annotations: Readonly<Record<string, string>>, more: object = {}) => {
  const object = conversion(name, more);
  return JSON.stringify({ ...object, metadata: { ...object.metadata, annotations } });
};

async function stampsOf(plane: ControlPlane, name: string): Promise<readonly (string | undefined)[]> {
  const { metadata } = JSON.parse(await plane.kubectl(["get", "upg", name, "-n", namespace, "-o", "json"]));
  return [requested, approved].map((key) => metadata.annotations?.[key ?? ""]);
}

const patch = (plane: ControlPlane, user: string, name: string, change: object) =>
  as(plane, user, ["patch", "upg", name, "--type=merge", "-p", JSON.stringify(change)]);

describe("an API server that mutates by policy", () => {
  let plane: ControlPlane;
  beforeAll(async () => {
    plane = await planeWith(true);
    await until("a policy in force", 30, async () => {
      await as(plane, "anna", ["apply", "-f", "-"], annotated("probe", {}));
      const [by] = await stampsOf(plane, "probe");
      await as(plane, "anna", ["delete", "upg", "probe"]);
      return by === "anna";
    });
  }, 600_000);
  afterAll(() => plane?.stop(), 60_000);

  test("stamps who asked, whatever he says about himself", async () => {
    await as(
      plane,
      "anna",
      ["apply", "-f", "-"],
      annotated("one", { [requested ?? ""]: "king", keep: "me" }),
    );
    expect(await stampsOf(plane, "one")).toEqual(["anna", undefined]);
  });

  test("stamps who approved; who asked stays", async () => {
    await patch(plane, "berta", "one", { spec: { approvedPlan: "0123" } });
    expect(await stampsOf(plane, "one")).toEqual(["anna", "berta"]);
  });

  test("leaves both alone when others change something else, or try to change them", async () => {
    await patch(plane, "anna", "one", { spec: { paused: true } });
    await patch(plane, "anna", "one", { metadata: { annotations: { [approved ?? ""]: "king" } } });
    await patch(plane, "anna", "one", { metadata: { annotations: { [requested ?? ""]: null } } });
    await patch(plane, "anna", "one", { metadata: { finalizers: ["tungsten-operator.io/run"] } });
    expect(await stampsOf(plane, "one")).toEqual(["anna", "berta"]);
    await patch(plane, "anna", "one", { metadata: { finalizers: [] } });
  });

  test("an approval that is taken back is nobody's; another one is whoever gives it", async () => {
    await patch(plane, "berta", "one", { spec: { approvedPlan: null } });
    expect(await stampsOf(plane, "one")).toEqual(["anna", undefined]);
    await patch(plane, "anna", "one", { spec: { approvedPlan: "4567" } });
    expect(await stampsOf(plane, "one")).toEqual(["anna", "anna"]);
  });

  test("who asks with approval Automatic has approved, by kubectl or by server-side apply", async () => {
    const text = annotated("two", {}, { approval: "Automatic" });
    await as(plane, "berta", ["apply", "--server-side", "-f", "-"], text);
    expect(await stampsOf(plane, "two")).toEqual(["berta", "berta"]);
    await as(plane, "anna", ["apply", "--server-side", "--force-conflicts", "-f", "-"], text);
    expect(await stampsOf(plane, "two")).toEqual(["berta", "berta"]);
  });
});

describe("an API server that cannot", () => {
  let plane: ControlPlane;
  beforeAll(async () => {
    plane = await planeWith(false);
    await until("a policy in force", 30, async () =>
      (
        await as(
          plane,
          "anna",
          ["apply", "--dry-run=server", "-f", "-"],
          annotated("probe", { [requested ?? ""]: "king" }),
        )
      ).includes("denied request"),
    );
  }, 600_000);
  afterAll(() => plane?.stop(), 60_000);

  test("lets requests in that say nothing of it, and refuses those who write of others", async () => {
    expect(await as(plane, "anna", ["apply", "-f", "-"], annotated("one", {}))).toContain("created");
    expect(await stampsOf(plane, "one")).toEqual([undefined, undefined]);
    for (const key of [requested, approved])
      expect(
        await patch(plane, "anna", "one", { metadata: { annotations: { [key ?? ""]: "berta" } } }),
      ).toContain(`annotation ${key} is written by the API server: leave it as it is; refused: «berta»`);
    expect(await patch(plane, "berta", "one", { spec: { approvedPlan: "0123" } })).toContain("patched");
  });
});
