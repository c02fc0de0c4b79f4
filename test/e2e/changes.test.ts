/** What users change by editing resources, on real pods, one thing after the other over one MSAA estate. */
import { describe, expect, test } from "@jest/globals";
import { nodeImage } from "../../local/pods/simulated-node.ts";
import { until } from "../../local/processes.ts";
import { certificateFor } from "../certificates.ts";
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
      `MYSQL_PWD=${password} exec mariadb --no-defaults --user=${user} --host=nyc-connector --batch --skip-column-names --execute='SELECT COUNT(*) FROM e2e.written'`,
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

  /** Clients that write know the former password; at the end of it they are told no. */
  async function newPassword(): Promise<void> {
    const secret = await kubectl("get", "secret", "nyc-tungsten", "-o", "json");
    const told64: Record<string, string> = JSON.parse(secret).data;
    const [user = "", former = ""] = ["application-user", "application-password"].map((key) =>
      Buffer.from(told64[key] ?? "", "base64").toString(),
    );
    const literals = [`--from-literal=username=${user}`, "--from-literal=password=another-one"];
    await kubectl("create", "secret", "generic", "application", ...literals);
    const patch = JSON.stringify({ spec: { credentials: { application: { name: "application" } } } });
    for (const site of estate.sites) await kubectl("patch", "tc", site, "--type=merge", "--patch", patch);
    for (const site of estate.sites) {
      await told(site, "ConfigurationApplied");
      await told(site, "AccountsCurrent", ({ status, reason }) => status === "True" && reason === "Current");
    }
    expect(Number(await readAs(user, "another-one"))).toBeGreaterThan(0);
    await expect(readAs(user, former)).rejects.toThrow(/denied/i);
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

  /** The disk of a replica is gone: its claim is another one. */
  async function volumeLost(): Promise<void> {
    await kubectl("delete", "pvc", "opt-london-1", "--wait=false");
    await kubectl("delete", "pod", "london-1");
    let uid = "";
    await told("london", "NodesInService", ({ reason, message }) => {
      uid = /spec\.changes\.rebuild to (\S+),/.exec(message)?.[1] ?? "";
      return reason === "ApprovalNeeded" && uid !== "";
    });
    await edited("london", { changes: { rebuild: uid } }, "NodesInService");
    await told("london", "Ready");
  }

  async function fewerNodes(): Promise<void> {
    live.pods.splice(live.pods.indexOf("london-2"), 1);
    await edited("london", { nodes: 2 }, "NodesInService");
  }

  /** A new image restarts every database, the primaries behind a switch; then the release in it is brought. */
  async function upgrade(): Promise<void> {
    const release = "8.0.5-140";
    const image = nodeImage.replace(/:.*/, ":next");
    await live.provideNode({ name: image, releases: ["8.0.4-132", release] });
    const changes = { dataserver: "Automatic" };
    for (const site of estate.sites) await edited(site, { image, release, changes }, "DatabaseCurrent");
    await live.asked("upgrade-software", "upgradeSoftware", {});
    for (const site of estate.sites) await told(site, "ReleaseCurrent");
  }

  async function siteJoins(): Promise<void> {
    const sites = [...estate.sites, "paris"];
    for (const object of objectsOf("further-site.yaml", { ...estate, sites })) await live.apply(object);
    await told("paris", "Ready");
    await kubectl("wait", "xsl", "--all", "--for=condition=Ready", "--timeout=480s");
    live.pods.push(...podsOf("paris", 2));
  }

  async function siteLeaves(): Promise<void> {
    const links = estate.sites.flatMap((site) => [`xsl/${site}-to-paris`, `xsl/paris-to-${site}`]);
    live.pods.splice(live.pods.indexOf("paris-0"), 2);
    await kubectl("delete", ...links, "--wait=false");
    await kubectl("wait", "--for=delete", ...links, "--timeout=480s");
    // Its status says a moment longer that a link needs it, and the policy goes by that.
    await until("paris deleted", 120, async () => {
      await kubectl("delete", "tc", "paris", "--timeout=120s");
      return true;
    });
    await pause(2);
    for (const site of estate.sites) await told(site, "Ready");
  }

  /** What the services of a node tell of their addresses, of both products. */
  const addressesOf = (pod: string): Promise<string> =>
    kubectl(
      ...["exec", pod, "--container=tungsten", "--", "bash", "-c"],
      "for home in continuent replicator; do /opt/$home/tungsten/tungsten-replicator/bin/trepctl services -full || exit; done",
    );

  async function replicatorTls(): Promise<void> {
    const metadata = { name: "replicators", namespace: estate.namespace };
    const stringData = certificateFor("replicators");
    await live.apply({ apiVersion: "v1", kind: "Secret", metadata, stringData });
    const patch = async (object: string, spec: object): Promise<unknown> =>
      kubectl("patch", object, "--type=merge", "--patch", JSON.stringify({ spec }));
    for (const site of estate.sites) await patch(`tc/${site}`, { tls: { secret: { name: "replicators" } } });
    for (const link of (await kubectl("get", "xsl", "-o", "name")).trim().split("\n"))
      await patch(link, { tls: true });
    const [first = ""] = [...estate.sites].sort();
    let approved = "";
    await told(first, "TransportCurrent", ({ reason, message }) => {
      approved = /spec\.changes\.approved .*([0-9a-f]{64})/.exec(message)?.[1] ?? "";
      return reason === "ApprovalNeeded";
    });
    const secured = ({ reason }: { readonly reason: string }): boolean => reason === "Secured";
    await edited(first, { changes: { approved } }, "TransportCurrent", secured);
    for (const site of estate.sites) {
      await told(site, "TransportCurrent", secured);
      await told(site, "ConfigurationApplied");
    }
    for (const pod of live.pods) {
      const addresses = await addressesOf(pod);
      expect(addresses).toContain("thls://");
      expect(addresses).not.toContain("thl://");
    }
  }

  const story: readonly (readonly [string, () => Promise<void>])[] = [
    ["a further user is let in everywhere", furtherUser],
    ["the application account's password changes", newPassword],
    [
      "a pod that runs only a connector serves beside the nodes",
      () => edited("nyc", { connector: { replicas: 1 } }, "ConnectorsInService"),
    ],
    ["a replica is out for work by hand, its pod deleted, and back", handWork],
    ["a node more", moreNodes],
    ["a node that lost its volume is made anew", volumeLost],
    ["a site more, filled from another", siteJoins],
    ["the site leaves", siteLeaves],
    ["a node less", fewerNodes],
    ["TLS for replicators on an estate that runs", replicatorTls],
    ["every pod is made anew from another image, and the release in it comes to every node", upgrade],
  ];
  test.each(story)("%s", (_what, run) => live.underLoad(run), 12 * 60_000);
});
