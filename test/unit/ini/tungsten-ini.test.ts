/** The rendered tungsten.ini: byte by byte as approved, in the vendor's form, by the rules of its rendering checklist. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { type IniDocument, readIni } from "../../../src/ini/document.ts";
import { optionNamed } from "../../../src/ini/option-catalogue.ts";
import { tungstenIni } from "../../../src/ini/tungsten-ini.ts";
import type { Estate, TopologyKind } from "../../../src/topology/estate.ts";
import { expectGolden } from "../../golden.ts";
import { cluster, composed, composite, estateOf, link, mesh, msaa } from "../estates.ts";

const read = (text: string): IniDocument => {
  const reading = readIni(text);
  if ("problem" in reading) throw new Error(reading.problem);
  return reading.document;
};
const sectionOf = (text: string, name: string): ReadonlyMap<string, string> =>
  new Map(read(text).find((section) => section.name === name)?.entries ?? []);
const vendor = (name: string): IniDocument =>
  read(readFileSync(join(import.meta.dirname, "vendor", `${name}.ini`), "utf8"));

const sizes = [2, 3, 4, 5];
type Golden = readonly [name: string, kind: TopologyKind, estate: Estate];
const goldens: readonly Golden[] = [
  ...sizes.map((sites): Golden => [`msaa-${sites}`, "MSAA", msaa(sites)]),
  ...sizes.map((sites): Golden => [`caa-${sites}`, "CAA", composed(sites)]),
  ["standalone", "Standalone", estateOf({ clusters: [cluster("nyc")] })],
  [
    "standalone-witness",
    "Standalone",
    estateOf({ clusters: [cluster("nyc", { nodes: 2, witness: { active: true } })] }),
  ],
  ["cap-2", "CAP", composed(2, { type: "ActivePassive", primarySite: "nyc" })],
  ["cap-3", "CAP", composed(3, { type: "ActivePassive", primarySite: "london" })],
  ["daa-3", "DAA", composed(3, { type: "DynamicActiveActive", writeAffinity: ["tokyo", "nyc", "london"] })],
];

describe("byte by byte", () => {
  test.each(goldens)("%s", (name, kind, estate) => {
    const text = tungstenIni(estate, kind, {});
    expectGolden(join(import.meta.dirname, "golden", `${name}.ini`), text.trimEnd().split("\n"));
    expect(text).toMatch(/[^\n]\n$/);
  });
});

describe("the vendor's form", () => {
  /** What our defaults leave out or write otherwise, and why. */
  const departures: Readonly<Record<string, string>> = {
    "profile-script": "the image's file",
    "skip-validation-check": "an option of the user's, if MySQL 8 needs it",
    "connector-rest-api-address": "the operator asks by exec, so the APIs stay on localhost",
    "manager-rest-api-address": "the operator asks by exec",
    "replicator-rest-api-address": "the operator asks by exec",
    "rest-api-admin-password": "rendered as rest-api-admin-pass, which all releases from 7.0 know",
  };
  const secrets = /-(user|password|pass)$/;

  const ours: readonly [string, TopologyKind, Estate][] = [
    [
      "msaa",
      "MSAA",
      estateOf({
        clusters: ["east", "west"].map((name) => cluster(name)),
        links: mesh(["east", "west"]),
      }),
    ],
    [
      "caa",
      "CAA",
      estateOf({
        clusters: ["east", "west"].map((name) => cluster(name)),
        composites: [composite(["east", "west"], { name: "usa" })],
      }),
    ],
    [
      "cap",
      "CAP",
      estateOf({
        clusters: ["alpha", "beta"].map((name) => cluster(name)),
        composites: [
          composite(["alpha", "beta"], { name: "gamma", type: "ActivePassive", primarySite: "alpha" }),
        ],
      }),
    ],
  ];

  test.each(ours)("%s: the same sections, keys and values, hosts and secrets apart", (name, kind, estate) => {
    const mine = read(tungstenIni(estate, kind, {}));
    const theirs = vendor(name);
    expect(mine.map((section) => section.name).filter((section) => section !== "defaults")).toEqual(
      theirs.map((section) => section.name).filter((section) => section !== "defaults"),
    );
    /** Hosts are numbered from 0 by us and from 1 by them, and called after their site in another way. */
    const even = (key: string, value: string) =>
      secrets.test(key) && key !== "user" ? "a secret" : value.replace(/\b[a-z]+-?\d(\.[a-z]+)?\b/g, "host");
    for (const section of theirs) {
      const own = mine.find((candidate) => candidate.name === section.name)?.entries ?? [];
      for (const [key, value] of section.entries)
        if (departures[key] === undefined)
          expect(own.map(([word, is]) => `${word}=${even(word, is)}`)).toContain(
            `${key}=${even(key, value)}`,
          );
    }
  });

  test("CAP's composite has no topology, and only its active site a master", () => {
    const text = tungstenIni(composed(3, { type: "ActivePassive", primarySite: "london" }), "CAP", {});
    expect(sectionOf(text, "global").has("topology")).toBe(false);
    expect(sectionOf(text, "london").get("master")).toBe("london-0");
    expect([...sectionOf(text, "tokyo").keys()]).not.toContain("master");
    expect(sectionOf(text, "tokyo").get("relay-source")).toBe("london");
  });
});

describe("the rendering rules", () => {
  test.each(goldens)(
    "%s: lists without blanks, booleans in full, every key known to tpm",
    (_name, kind, estate) => {
      for (const { entries } of read(tungstenIni(estate, kind, {})))
        for (const [key, value] of entries) {
          const option = optionNamed(key);
          expect([key, option === undefined]).toEqual([key, false]);
          expect(value).not.toMatch(/, |\s|["']/);
          if (option?.kind === "boolean") expect(["true", "false"]).toContain(value);
          if (option?.kind === "integer") expect(value).toMatch(/^\d+$/);
        }
    },
  );

  test.each(goldens)("%s: no secret, only placeholders where secrets go", (_name, kind, estate) => {
    for (const { entries } of read(tungstenIni(estate, kind, {})))
      for (const [key, value] of entries)
        if (/(password|pass|-user)$/.test(key)) expect(value).toBe(`@{${key}}`);
  });

  test.each(goldens)("%s: nothing in [defaults] that tpm ignores there", (_name, kind, estate) => {
    const [defaults] = read(tungstenIni(estate, kind, {}));
    expect(defaults?.name).toBe("defaults");
    expect(defaults?.entries.filter(([key]) => optionNamed(key)?.perService)).toEqual([]);
  });

  test("MSAA of five sites has a section for each of twenty directions, source first", () => {
    const names = read(tungstenIni(msaa(5), "MSAA", {})).map(({ name }) => name);
    expect(names.filter((name) => name.includes("_"))).toHaveLength(20);
    expect(sectionOf(tungstenIni(msaa(5), "MSAA", {}), "berlin_tokyo").get("master-dataservice")).toBe(
      "berlin",
    );
  });

  test("the second product's ports, home and prefix differ, and only MSAA has them", () => {
    const text = tungstenIni(msaa(2), "MSAA", {});
    expect(sectionOf(text, "defaults.replicator")).toEqual(
      new Map([
        ["home-directory", "/opt/replicator"],
        ["thl-port", "2113"],
        ["rmi-port", "10002"],
        ["executable-prefix", "mm"],
        ["replicator-rest-api-port", "28097"],
        ["property", "replicator.prometheus.exporter.port=28091"],
      ]),
    );
    expect(tungstenIni(msaa(2), "CAA", {})).not.toContain("defaults.replicator");
  });

  test("master= is the live primary where it is known, the initial one before", () => {
    const text = tungstenIni(msaa(2, { initialPrimary: 1 }), "MSAA", { london: "london-2" });
    expect(sectionOf(text, "london").get("master")).toBe("london-2");
    expect(sectionOf(text, "nyc").get("master")).toBe("nyc-1");
  });

  test("objects in another order give the same bytes", () => {
    const [a, b] = [
      ["nyc", "london", "tokyo"],
      ["tokyo", "nyc", "london"],
    ].map((names) =>
      tungstenIni(
        estateOf({ clusters: names.map((name) => cluster(name)), links: [...mesh(names)].reverse() }),
        "MSAA",
        {},
      ),
    );
    expect(a).toBe(b);
  });
});

describe("options of the user's", () => {
  const withOptions = (nyc: Record<string, string>, london: Record<string, string>) =>
    estateOf({
      clusters: [cluster("nyc", { options: nyc }), cluster("london", { options: london })],
      links: mesh(["nyc", "london"]),
    });

  test("alike on all sites they stand in [defaults] once, else with their site", () => {
    const text = tungstenIni(
      withOptions({ thl_log_retention: "3d", channels: "2" }, { thl_log_retention: "3d", channels: "4" }),
      "MSAA",
      {},
    );
    expect(sectionOf(text, "defaults").get("thl-log-retention")).toBe("3d");
    expect(sectionOf(text, "nyc").get("channels")).toBe("2");
    expect(sectionOf(text, "london").get("channels")).toBe("4");
    expect(sectionOf(text, "nyc").has("thl-log-retention")).toBe(false);
  });

  test("one that tpm ignores in [defaults] stays with its sites, alike or not", () => {
    const same = { "dataservice-vip-ipaddress": "10.0.0.9" };
    const text = tungstenIni(withOptions(same, same), "MSAA", {});
    expect(sectionOf(text, "defaults").has("dataservice-vip-ipaddress")).toBe(false);
    expect(sectionOf(text, "nyc").get("dataservice-vip-ipaddress")).toBe("10.0.0.9");
    expect(sectionOf(text, "london").get("dataservice-vip-ipaddress")).toBe("10.0.0.9");
  });

  test("those of a link stand in its section", () => {
    const estate = estateOf({
      clusters: [cluster("nyc"), cluster("london")],
      links: [
        link("nyc", "london", { svc_applier_filters: "ignoreserver,bidiSlave" }),
        link("london", "nyc"),
      ],
    });
    const text = tungstenIni(estate, "MSAA", {});
    expect(sectionOf(text, "nyc_london").get("svc-applier-filters")).toBe("ignoreserver,bidiSlave");
    expect(sectionOf(text, "london_nyc").size).toBe(3);
  });

  test("a site on other ports says so, and so does the link that writes there", () => {
    const estate = estateOf({
      clusters: [cluster("berlin"), cluster("nyc", { mysqlPort: 3307, connectorPort: 3308 })],
      links: mesh(["berlin", "nyc"]),
    });
    const text = tungstenIni(estate, "MSAA", {});
    expect(sectionOf(text, "defaults").get("replication-port")).toBe("13306");
    expect(sectionOf(text, "nyc").get("replication-port")).toBe("3307");
    expect(sectionOf(text, "nyc").get("application-port")).toBe("3308");
    expect(sectionOf(text, "berlin_nyc").get("replication-port")).toBe("3307");
    expect(sectionOf(text, "nyc_berlin").has("replication-port")).toBe(false);
  });

  test("hosts that run only a connector are in connectors=, and in nothing else", () => {
    const text = tungstenIni(
      estateOf({ clusters: [cluster("nyc", { nodes: 2, connectors: 2 })] }),
      "MSAA",
      {},
    );
    const section = sectionOf(text, "nyc");
    expect(section.get("connectors")).toBe("nyc-0,nyc-1,nyc-connector-0,nyc-connector-1");
    expect(section.get("members")).toBe("nyc-0,nyc-1");
    expect(text.match(/nyc-connector-0/g)).toHaveLength(1);
  });
});
