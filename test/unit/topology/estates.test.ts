/** Which sites belong together, and one sentence for each name, link or membership that cannot be. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { dataNodes, readersOf, siteNamed, siteOf } from "../../../src/topology/estate.ts";
import { estatesOf, estateWith } from "../../../src/topology/estate-of.ts";
import {
  dataserviceName,
  generatedService,
  iniConfigMap,
  isMemberName,
  linkSection,
  longestSchema,
  longestSiteName,
  longestWithConnectors,
  trackingSchemaOf,
} from "../../../src/topology/names.ts";
import { cities, cluster, composed, composite, link, mesh, msaa, problemsOf } from "../estates.ts";

const clusters = (...names: readonly string[]) => names.map((name) => cluster(name));
const namesOf = (inputs: Parameters<typeof estatesOf>[1]) =>
  estatesOf("estate", inputs).estates.map((estate) => estate.sites.map(({ name }) => name).join(" "));

describe("estates", () => {
  test("sites that nothing ties together are estates of their own", () => {
    expect(namesOf({ clusters: clusters("b", "a"), links: [], composites: [] })).toEqual(["a", "b"]);
  });

  test("links and composites tie, in any direction and over others", () => {
    const inputs = {
      clusters: clusters("a", "b", "c", "d", "e"),
      links: [link("c", "a"), link("c", "b")],
      composites: [composite(["d", "e"])],
    };
    expect(namesOf(inputs)).toEqual(["a b c", "d e"]);
  });

  test("the same objects in any order are the same estates", () => {
    const names = fc.shuffledSubarray([...cities], { minLength: 1 });
    fc.assert(
      fc.property(names, fc.shuffledSubarray([...mesh(cities)]), (order, links) => {
        const known = links.filter((each) => order.includes(each.source) && order.includes(each.target));
        const inputs = { clusters: order.map((name) => cluster(name)), links: known, composites: [] };
        const backwards = {
          ...inputs,
          clusters: [...inputs.clusters].reverse(),
          links: [...known].reverse(),
        };
        expect(estatesOf("estate", inputs)).toEqual(estatesOf("estate", backwards));
        const sites = estatesOf("estate", inputs).estates.flatMap((estate) => estate.sites);
        expect(sites.map(({ name }) => name).sort()).toEqual([...order].sort());
      }),
      { seed: Number(process.env.FIRST_SEED ?? 1), numRuns: 200 },
    );
  });

  test("each is called after its composite, its only site, or all its sites", () => {
    expect(composed(3).name).toBe("global");
    expect(msaa(3).name).toBe("london.nyc.tokyo");
    expect(
      estatesOf("estate", { clusters: clusters("nyc"), links: [], composites: [] }).estates[0]?.name,
    ).toBe("nyc");
  });

  test("no two estates of a namespace share a name, and every name fits its ConfigMap", () => {
    const tricky = estatesOf("estate", {
      clusters: clusters("a-b", "c", "a", "b-c"),
      links: [link("a-b", "c"), link("a", "b-c")],
      composites: [],
    }).estates.map(({ name }) => name);
    expect(new Set(tricky).size).toBe(2);
    const many = Array.from({ length: 40 }, (_, index) => `${"s".repeat(40)}-${index}`);
    const [estate] = estatesOf("estate", {
      clusters: clusters(...many),
      links: many.slice(1).map((name) => link(many[0] ?? "", name)),
      composites: [],
    }).estates;
    expect(iniConfigMap(estate?.name ?? "").length).toBeLessThanOrEqual(253);
  });

  test("an object that names a site which is not there ties nothing and is told so", () => {
    const inputs = {
      clusters: clusters("a", "b"),
      links: [link("a", "z")],
      composites: [composite(["a", "b", "z"])],
    };
    expect(namesOf(inputs)).toEqual(["a", "b"]);
    expect(problemsOf(inputs)).toEqual([
      "CrossSiteLink/a-to-z: TungstenCluster z does not exist in this namespace; create it or correct the name",
      "CompositeService/global: member z is no TungstenCluster of this namespace; create it or correct the name",
    ]);
  });

  test("nodes, readers and sites are found again", () => {
    const estate = msaa(3, { nodes: 2, witness: { active: true } });
    expect(dataNodes(estate).map(({ name }) => name)).toEqual(
      ["london", "nyc", "tokyo"].flatMap((site) => [`${site}-0`, `${site}-1`]),
    );
    expect(siteNamed(estate, "nyc").nodes.map(({ name, witness }) => [name, witness])).toEqual([
      ["nyc-0", false],
      ["nyc-1", false],
      ["nyc-2", true],
    ]);
    expect(readersOf(estate)).toHaveLength(6 * 2);
    expect(readersOf(estate).every(({ node, source }) => node.site !== source.name)).toBe(true);
    for (const node of dataNodes(estate)) expect(siteOf(estate, node).name).toBe(node.site);
    expect(() => siteNamed(estate, "paris")).toThrow("no site paris");
    expect(estateWith([estate], "tokyo")).toBe(estate);
    expect(estateWith([estate], "paris")).toBeUndefined();
  });
});

describe("problems", () => {
  const long = "a".repeat(longestSiteName + 1);

  test.each([
    [
      "a name too long for what is derived from it",
      { clusters: clusters(long) },
      `TungstenCluster/${long}: metadata.name has 46 characters; pods, markers and host names leave room for 45: choose a shorter one`,
    ],
    [
      "a dot in a name",
      { clusters: clusters("a.b") },
      'TungstenCluster/a.b: member name a.b-0 is no host name that tpm accepts; shorten metadata.name to letters, digits and "-"',
    ],
    [
      "a default dataservice that begins with a digit",
      { clusters: clusters("1st") },
      "TungstenCluster/1st: spec.dataservice 1st does not begin with a letter, or holds more than letters, digits and _; choose another",
    ],
    [
      "the name of the defaults",
      { clusters: clusters("defaults") },
      "TungstenCluster/defaults: spec.dataservice defaults is the name of tungsten.ini's section for all services; choose another",
    ],
    [
      "two sites of one dataservice",
      { clusters: [cluster("a-b"), cluster("other", { dataservice: "a_b" })] },
      "TungstenCluster/other: spec.dataservice a_b is also that of TungstenCluster a-b; choose another",
    ],
    [
      "a dataservice that looks generated, even by default",
      { clusters: clusters("x-from-y") },
      'TungstenCluster/x-from-y: spec.dataservice x_from_y contains "_from_", which Composite Active/Active uses for its own services; choose another',
    ],
    [
      "two sites of one number",
      { clusters: [cluster("nyc", { number: 2 }), cluster("london", { number: 2 })] },
      "TungstenCluster/nyc: status.siteNumber 2, from which server ids and auto-increment offsets are made, is also that of TungstenCluster london; clear it on the one that is not installed",
    ],
    [
      "an initial primary that is no node",
      { clusters: [cluster("nyc", { nodes: 2, initialPrimary: 2, witness: { active: true } })] },
      "TungstenCluster/nyc: spec.initialPrimary 2 is none of the ordinals 0 to 1",
    ],
    [
      "a link to itself",
      { clusters: clusters("nyc"), links: [link("nyc", "nyc")] },
      "CrossSiteLink/nyc-to-nyc: spec.source and spec.target are both nyc; a site cannot read itself",
    ],
    [
      "a link twice",
      { clusters: clusters("a", "b"), links: [link("a", "b"), { ...link("a", "b"), name: "again" }] },
      "CrossSiteLink/again: CrossSiteLink a-to-b already links a to b; delete one of them",
    ],
    [
      "a link whose section is a site's",
      { clusters: clusters("east", "west", "east-west"), links: [link("east", "west")] },
      "CrossSiteLink/east-to-west: its section [east_west] of tungsten.ini is also the dataservice of TungstenCluster east-west; set spec.dataservice of one of the sites to another name",
    ],
    [
      "a link whose section is a composite's",
      {
        clusters: clusters("east", "west"),
        links: [link("east", "west")],
        composites: [composite(["east", "west"], { name: "east-west" })],
      },
      "CrossSiteLink/east-to-west: its section [east_west] of tungsten.ini is also the dataservice of CompositeService east-west; set spec.dataservice of one of the sites to another name",
    ],
    [
      "two links of one section",
      { clusters: clusters("a", "b-c", "a-b", "c"), links: [link("a", "b-c"), link("a-b", "c")] },
      "CrossSiteLink/a-b-to-c: its section [a_b_c] of tungsten.ini is also that of CrossSiteLink a-to-b-c; set spec.dataservice of one of the sites to another name",
    ],
    [
      "a composite called like a site",
      {
        clusters: clusters("nyc", "london"),
        composites: [composite(["nyc", "london"], { dataservice: "nyc" })],
      },
      "CompositeService/global: spec.dataservice nyc is also that of TungstenCluster nyc; choose another",
    ],
    [
      "a member of two composites",
      { clusters: clusters("nyc"), composites: [composite(["nyc"]), composite(["nyc"], { name: "other" })] },
      "CompositeService/other: member nyc already belongs to CompositeService global; remove it from one of them",
    ],
    [
      "an order of writing that names a stranger",
      {
        clusters: clusters("nyc", "london"),
        composites: [composite(["nyc"], { type: "DynamicActiveActive", writeAffinity: ["nyc", "london"] })],
      },
      "CompositeService/global: spec.writeAffinity names london, which is no member; add it to spec.members or remove it there",
    ],
    [
      "generated services whose schema MySQL does not take",
      {
        clusters: clusters("n".repeat(30), "l".repeat(30)),
        composites: [composite(["n".repeat(30), "l".repeat(30)])],
      },
      `CompositeService/global: the dataservices of its members make a schema tungsten_${"l".repeat(30)}_from_${"n".repeat(30)} of 75 characters, MySQL takes 64; give one of them a shorter spec.dataservice`,
    ],
    [
      "generated services of one name",
      {
        clusters: clusters("a", "from-b", "a-from", "b"),
        composites: [composite(["a", "from-b", "a-from", "b"])],
      },
      "CompositeService/global: the dataservices of its members make the service a_from_from_b twice; rename one of them",
    ],
  ])("%s", (_what, inputs, sentence) => {
    expect(problemsOf(inputs)).toEqual([sentence]);
  });

  test("the samples of every size have none", () => {
    for (const sites of [1, 2, 3, 4, 5]) {
      const names = cities.slice(0, sites);
      expect(
        problemsOf({ clusters: clusters(...names), links: mesh(names), composites: [composite(names)] }),
      ).toEqual([]);
    }
  });
});

describe("names", () => {
  const siteName = fc.stringMatching(/^[a-z]([a-z0-9-]{0,43}[a-z0-9])?$/);

  test("of a site that is taken fit where they go", () => {
    fc.assert(
      fc.property(siteName, siteName, (a, b) => {
        fc.pre(a !== b);
        const inputs = {
          clusters: [cluster(a, { nodes: 9 }), cluster(b)],
          links: mesh([a, b]),
          composites: [],
        };
        if (problemsOf(inputs).length > 0) return;
        const [estate] = estatesOf("estate", inputs).estates;
        for (const site of estate?.sites ?? []) {
          expect(site.dataservice).toMatch(/^[a-z][a-z0-9_]*$/);
          expect(site.name.length).toBeLessThanOrEqual(52);
          expect(trackingSchemaOf(site.dataservice).length).toBeLessThanOrEqual(longestSchema);
          for (const node of site.nodes) {
            expect(isMemberName(node)).toBe(true);
            expect(node.name.length).toBeLessThanOrEqual(63);
            expect(node.name).not.toContain("_");
          }
        }
      }),
      { seed: Number(process.env.FIRST_SEED ?? 1), numRuns: 300 },
    );
  });

  test("tpm folds a service's name, and the two products write the words the other way round", () => {
    expect(dataserviceName("New-York.1")).toBe("new_york_1");
    const [london, nyc] = msaa(2).sites;
    if (london === undefined || nyc === undefined) throw new Error("two sites were asked for");
    expect(linkSection(nyc, london)).toBe("nyc_london");
    expect(generatedService(london, nyc)).toBe("london_from_nyc");
  });
});

describe("hosts that run only a connector", () => {
  test("are no nodes", () => {
    const { estates } = estatesOf("estate", {
      clusters: [cluster("nyc", { nodes: 2, connectors: 2 })],
      links: [],
      composites: [],
    });
    const [estate] = estates;
    if (estate === undefined) throw new Error("no estate");
    expect(siteNamed(estate, "nyc").connectors.map(({ name }) => name)).toEqual([
      "nyc-connector-0",
      "nyc-connector-1",
    ]);
    expect(dataNodes(estate).map(({ name }) => name)).toEqual(["nyc-0", "nyc-1"]);
  });

  test("have names that a neighbour may not have, and that leave room", () => {
    const neighbours = [cluster("nyc", { connectors: 1 }), cluster("nyc-connector")];
    expect(problemsOf({ clusters: neighbours })).toEqual([
      "TungstenCluster/nyc: spec.connector.replicas: connector pods would have the names of the nodes of TungstenCluster nyc-connector; set it to 0, or give one of them another name",
    ]);
    expect(problemsOf({ clusters: [cluster("nyc"), cluster("nyc-connector")] })).toEqual([]);
    const long = "n".repeat(longestWithConnectors + 1);
    expect(problemsOf({ clusters: [cluster(long, { connectors: 1 })] })).toEqual([
      `TungstenCluster/${long}: spec.connector.replicas: metadata.name has 43 characters, and the names of connector pods leave room for 42; set it to 0, or choose a shorter name`,
    ]);
    expect(problemsOf({ clusters: [cluster(long)] })).toEqual([]);
  });
});
