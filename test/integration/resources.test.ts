/** The four kinds on a real API server: accepted, structural, each bad input one sentence, shown as people expect. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { findBinaries } from "../../local/binaries.ts";
import { type ControlPlane, startControlPlane } from "../../local/control-plane.ts";
import { composite, conversion, link, quietly, root, samples, site } from "./estate.ts";

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane(await findBinaries(quietly));
  await plane.kubectl(["apply", "--server-side", "-f", join(root, "config/crd")]);
  await plane.kubectl(["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"]);
  await plane.kubectl(["create", "namespace", "estate"]);
}, 600_000);
afterAll(() => plane?.stop(), 60_000);

/** What the server says to an object it must refuse; the words after the field list. */
async function refusal(object: object, verb = "create"): Promise<string> {
  try {
    await plane.kubectl([verb, "-n", "estate", "--validate=strict", "-f", "-"], JSON.stringify(object));
  } catch (error) {
    return String((error as { stderr?: string }).stderr ?? error);
  }
  throw new Error("the server accepted it");
}

const withSpec = (object: { spec: object }, more: object) => ({
  ...object,
  spec: { ...object.spec, ...more },
});
const request = conversion("r");
const switching = withSpec(conversion("s"), { procedure: "Switch", convertMsaaToCaa: undefined });

describe("bad input", () => {
  test.each<[string, object, RegExp]>([
    [
      "a link to itself",
      link("nyc", "nyc"),
      /source and target are the same TungstenCluster: a site cannot read itself, name another/,
    ],
    [
      "a primary beyond the nodes",
      site("a", { initialPrimary: 5 }),
      /spec\.initialPrimary: .*initialPrimary must be an ordinal below nodes: choose 0 to nodes - 1/,
    ],
    ["no nodes", site("a", { nodes: 0 }), /spec\.nodes.*should be greater than or equal to 1/],
    [
      "more connector pods than there may be",
      site("a", { connector: { replicas: 10 } }),
      /spec\.connector\.replicas.*should be less than or equal to 9/,
    ],
    ["a release that is none", site("a", { release: "latest" }), /spec\.release.*should match/],
    ["an unknown field", site("a", { nodez: 3 }), /unknown field "spec\.nodez"/],
    ["a dataservice that reads like a generated one", site("a", { dataservice: "a_from_b" }), /_from_/],
    [
      "a request without its block",
      withSpec(request, { convertMsaaToCaa: undefined }),
      /spec\.convertMsaaToCaa: .*convertMsaaToCaa belongs to procedure ConvertMsaaToCaa and to no other: add or remove the block/,
    ],
    [
      "an unknown procedure",
      withSpec(request, { procedure: "MakeCoffee" }),
      /spec\.procedure: Unsupported value: "MakeCoffee"/,
    ],
    [
      "an attested backup without evidence",
      withSpec(request, {
        convertMsaaToCaa: { compositeService: { name: "g" }, backup: { mode: "Attested" } },
      }),
      /spec\.convertMsaaToCaa\.backup: .*mode Attested needs who, when, evidence and sites: say who took the backups, when, where they lie/,
    ],
    [
      "a window that ends before it begins",
      withSpec(request, { window: { notBefore: "2030-01-02T00:00:00Z", notAfter: "2030-01-01T00:00:00Z" } }),
      /spec\.window: .*window\.notBefore must lie before window\.notAfter: swap or correct them/,
    ],
    [
      "a switch of a node and of a site at once",
      withSpec(switching, {
        switch: { cluster: { name: "a" }, to: "a-1", compositeService: { name: "g" }, site: "a" },
      }),
      /spec\.switch: .*name cluster and to, to move a site's primary, or compositeService and site/,
    ],
    [
      "a switch of a composite to no site",
      withSpec(switching, { switch: { compositeService: { name: "g" } } }),
      /spec\.switch: .*compositeService and site belong together: set the other one too, or remove both/,
    ],
    [
      "a second word about nothing",
      withSpec(switching, {
        procedure: "Failover",
        switch: undefined,
        failover: { compositeService: { name: "g" }, site: "a", confirmed: { uid: "1" } },
      }),
      /spec\.failover\.confirmed: .*name oldPrimary, or oldSite where a whole site is lost: one of them/,
    ],
    [
      "a date that is none",
      withSpec(request, { window: { notBefore: "tomorrow" } }),
      /spec\.window\.notBefore.*date-time/,
    ],
    [
      "a primary site of an active/active composite",
      withSpec(composite(["a", "b"]), { primarySite: "a" }),
      /spec\.primarySite: .*primarySite belongs to type ActivePassive: set it there, remove it elsewhere/,
    ],
    [
      "a primary site that is no member",
      withSpec(composite(["a", "b"]), { type: "ActivePassive", primarySite: "c" }),
      /primarySite must be one of members: add it there or name another/,
    ],
    [
      "write affinity where it has no meaning",
      withSpec(composite(["a", "b"]), { writeAffinity: ["a"] }),
      /writeAffinity belongs to type DynamicActiveActive/,
    ],
  ])("%s", async (_name, object, says) => {
    const text = await refusal(object);
    expect(text).toMatch(says);
    expect(
      text
        .trim()
        .split("\n")
        .filter((line) => says.test(line)).length,
    ).toBeLessThanOrEqual(1);
  });

  test("what cannot change after creation", async () => {
    await plane.kubectl(["create", "-n", "estate", "-f", "-"], JSON.stringify(link("a", "b")));
    await plane.kubectl(["create", "-n", "estate", "-f", "-"], JSON.stringify(request));
    const moved = { ...link("a", "c"), metadata: link("a", "b").metadata };
    expect(await refusal(moved, "apply")).toContain(
      "target cannot change after creation: delete the object and create another",
    );
  });
});

describe("what people see", () => {
  test("the samples are accepted as they are, without a warning", async () => {
    const resets = ["site", "site-caa", "site-msmm", "all-sites", "all-sites-caa"];
    for (const path of ["msaa", "convert-to-caa.yaml", ...resets.map((name) => `reset-${name}.yaml`)]) {
      const told = await plane.kubectl(["apply", "--validate=strict", "-f", join(samples, path)]);
      expect(told).not.toContain("Warning");
      expect(told).toContain("created");
    }
  });

  test("the defaults stand in the stored object", async () => {
    await plane.kubectl(
      ["apply", "-n", "estate", "-f", "-"],
      JSON.stringify(site("plain", { nodes: undefined })),
    );
    const stored = JSON.parse(await plane.kubectl(["get", "tc", "plain", "-n", "estate", "-o", "json"])) as {
      spec: Record<string, unknown>;
    };
    expect(stored.spec).toMatchObject({
      nodes: 3,
      mysql: { port: 13306 },
      policy: "Automatic",
      retention: "Retain",
      paused: false,
    });
  });

  test.each<[string, string[]]>([
    ["tc", ["NAME", "TYPE", "PRIMARY", "NODES", "POLICY", "LAG", "READY", "AGE"]],
    ["xsl", ["NAME", "FROM", "TO", "NODES", "LAG", "READY", "SUPERSEDED", "AGE"]],
    ["csvc", ["NAME", "TYPE", "READY", "REASON", "AGE"]],
    ["upg", ["NAME", "PROCEDURE", "STEP", "PLAN", "PROGRESSING", "SUCCEEDED", "AGE"]],
  ])("kubectl get %s shows its columns", async (kind, columns) => {
    const [header = ""] = (await plane.kubectl(["get", kind, "-n", "estate"])).split("\n");
    expect(header.trim().split(/\s+/)).toEqual(columns);
  });

  test("the category lists all four kinds", async () => {
    const names = (await plane.kubectl(["get", "tungsten", "-n", "estate", "-o", "name"])).trim().split("\n");
    expect(new Set(names.map((name) => name.split(".")[0]))).toEqual(
      new Set(["tungstencluster", "crosssitelink", "compositeservice", "upgraderequest"]),
    );
  });

  test.each(["tc.spec", "xsl.spec.source", "csvc.spec.members", "upg.spec.approvedPlan"])(
    "kubectl explain %s has words",
    async (path) => {
      expect(await plane.kubectl(["explain", path])).toMatch(/DESCRIPTION:\n\s+\S+ \S+/);
    },
  );

  test("status is a subresource: an edit of it by apply changes nothing", async () => {
    await plane
      .kubectl(
        ["apply", "-n", "estate", "-f", "-"],
        JSON.stringify({ ...site("plain"), status: { primary: "x" } }),
      )
      .catch(quietly);
    const primary = await plane.kubectl([
      "get",
      "tc",
      "plain",
      "-n",
      "estate",
      "-o",
      "jsonpath={.status.primary}",
    ]);
    expect(primary).toBe("");
  });

  test("every CRD is structural, and the samples folder is what this test reads", async () => {
    const crds = JSON.parse(await plane.kubectl(["get", "crd", "-o", "json"])) as {
      items: { status: { conditions: { type: string; status: string }[] } }[];
    };
    expect(crds.items.length).toBe(4);
    for (const { status } of crds.items) {
      expect(status.conditions.find(({ type }) => type === "NonStructuralSchema")?.status ?? "False").toBe(
        "False",
      );
      expect(status.conditions.find(({ type }) => type === "Established")?.status).toBe("True");
    }
    expect(readFileSync(join(samples, "convert-to-caa.yaml"), "utf8")).toContain("UpgradeRequest");
  });
});
