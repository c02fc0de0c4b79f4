/** What users change by editing resources, on real pods, one thing after the other over one MSAA estate. */
import { describe, expect, test } from "@jest/globals";
import { until } from "../../local/processes.ts";
import { objectsOf, pause, podsOf } from "./estate.ts";
import { liveEstate } from "./live.ts";

describe("changes of an MSAA estate on real pods", () => {
  const estate = { namespace: "changes", sites: ["nyc", "london"], nodesPerSite: 2 };
  const live = liveEstate(estate);
  const { edited, told, kubectl } = live;

  /** What the further user reads through a node's connector, by its own password. */
  const readAs = (user: string, password: string): Promise<string> =>
    kubectl(
      ...["exec", "london-1", "--container=tungsten", "--", "bash", "-c"],
      `MYSQL_PWD=${password} exec mariadb --user=${user} --host=nyc-connector --batch --skip-column-names --execute='SELECT COUNT(*) FROM e2e.written'`,
    );

  async function furtherUser(): Promise<void> {
    const literals = ["--from-literal=username=report", "--from-literal=password=reads-only"];
    await kubectl("create", "secret", "generic", "report", ...literals);
    await edited("nyc", { users: [{ name: "report" }] }, "AccountsCurrent");
    await told("london", "AccountsCurrent");
    let rows = 0;
    await until("the further user's way in", 60, async () => {
      rows = Number(await readAs("report", "reads-only"));
      return true;
    });
    expect(rows).toBeGreaterThan(0);
  }

  async function handWork(): Promise<void> {
    const out = ({ reason }: { readonly reason: string }): boolean => reason === "HandWork";
    await edited("nyc", { maintenance: { node: "nyc-1" } }, "HandWorkDone", out);
    await kubectl("delete", "pod", "nyc-1");
    await edited("nyc", { maintenance: null }, "HandWorkDone");
  }

  async function moreNodes(): Promise<void> {
    await edited("london", { nodes: 3 }, "NodesInService");
    live.pods.push("london-2");
    await told("nyc", "ConfigurationApplied");
  }

  async function fewerNodes(): Promise<void> {
    live.pods.splice(live.pods.indexOf("london-2"), 1);
    await edited("london", { nodes: 2 }, "NodesInService");
  }

  async function siteJoins(): Promise<void> {
    const sites = [...estate.sites, "paris"];
    for (const object of objectsOf("further-site.yaml", { ...estate, sites })) await live.apply(object);
    for (const site of ["paris", ...estate.sites]) await told(site, "Ready");
    live.pods.push(...podsOf("paris", 2));
  }

  async function siteLeaves(): Promise<void> {
    const links = estate.sites.flatMap((site) => [`xsl/${site}-to-paris`, `xsl/paris-to-${site}`]);
    live.pods.splice(live.pods.indexOf("paris-0"), 2);
    await kubectl("delete", ...links, "--wait=false");
    await kubectl("wait", "--for=delete", ...links, "--timeout=480s");
    await kubectl("delete", "tc", "paris", "--timeout=120s");
    await pause(2);
    for (const site of estate.sites) await told(site, "Ready");
  }

  const story: readonly (readonly [string, () => Promise<void>])[] = [
    ["a further user is let in everywhere", furtherUser],
    [
      "a pod that runs only a connector serves beside the nodes",
      () => edited("nyc", { connector: { replicas: 1 } }, "ConnectorsInService"),
    ],
    ["a replica is out for work by hand, its pod deleted, and back", handWork],
    ["a node more", moreNodes],
    ["a site more, filled from another", siteJoins],
    ["the site leaves", siteLeaves],
    ["a node less", fewerNodes],
  ];
  test.each(story)("%s", (_what, run) => live.underLoad(run), 12 * 60_000);
});
