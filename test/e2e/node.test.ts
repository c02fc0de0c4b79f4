/** The node without Docker: two beside each other, a database that outlives its pod, names, Services, exec; and no trace of them afterwards. */
import { existsSync, readlinkSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { chooseProvider } from "../../local/cluster.ts";
import { baseImage } from "../../local/node/base-image.ts";
import { buildImage } from "../../local/node/images.ts";
import { type NodeCluster, startNodeCluster } from "../../local/node/node.ts";
import { machineState, mentions, processesIn } from "./machine.ts";
import { plainSite, providePlain } from "./plain.ts";
import { say } from "./progress.ts";

const suite = (await chooseProvider()) === "node" ? describe : describe.skip;

suite("a node without Docker", () => {
  let before: ReturnType<typeof machineState>;
  let [first, second]: [NodeCluster | undefined, NodeCluster | undefined] = [undefined, undefined];

  beforeAll(async () => {
    const BASE = await baseImage(say);
    before = machineState();
    [first, second] = [await startNodeCluster(say), await startNodeCluster(say)];
    for (const { runtime } of [first, second])
      await providePlain({
        provide: async (build) =>
          runtime.importImage((await buildImage({ ...build, args: { BASE } }, say)).archive),
      });
  }, 600_000);
  afterAll(async () => {
    await first?.stop();
    await second?.stop();
  }, 60_000);

  const both = (): readonly NodeCluster[] => {
    if (first === undefined || second === undefined) throw new Error("not started");
    return [first, second];
  };
  const sql = (cluster: NodeCluster, pod: string, statement: string): Promise<string> =>
    cluster.plane.kubectl(["exec", pod, "--", "mariadb", "--user=root", "-N", "-e", statement]);

  test("a second one comes up beside the first: own link, own addresses", () => {
    const [one, other] = both();
    expect(one?.enclosure.link.device).not.toBe(other?.enclosure.link.device);
  });

  test("pods with volumes become Ready in both", async () => {
    for (const { plane } of both()) {
      await plane.kubectl(["apply", "-f", "-"], JSON.stringify(plainSite("db", 2)));
      await plane.kubectl(["rollout", "status", "statefulset/db", "--timeout=120s"]);
    }
  }, 300_000);

  test("what a database wrote outlives its pod", async () => {
    for (const cluster of both()) {
      await sql(
        cluster,
        "db-0",
        "CREATE DATABASE kept; CREATE TABLE kept.t (a INT); INSERT INTO kept.t VALUES (7)",
      );
      await cluster.plane.kubectl(["delete", "pod", "db-0"]);
      await cluster.plane.kubectl(["rollout", "status", "statefulset/db", "--timeout=60s"]);
      expect((await sql(cluster, "db-0", "SELECT a FROM kept.t")).trim()).toBe("7");
    }
  }, 300_000);

  test("names and Services answer inside; exec brings exit codes back", async () => {
    const [{ plane }] = both() as [NodeCluster];
    const bash = (script: string) => plane.kubectl(["exec", "db-1", "--", "bash", "-c", script]);
    const names =
      "db-nodes db-connector db-0.db-nodes db-0.db-nodes.default.svc.cluster.local kubernetes.default.svc";
    const found = await bash(`for name in ${names}; do getent hosts $name || echo missing $name; done`);
    expect(found).not.toContain("missing");
    expect(await bash("exec 3<>/dev/tcp/db-connector/3306 && echo open")).toBe("open\n");
    await expect(bash("exit 7")).rejects.toMatchObject({ code: 7 });
  }, 60_000);

  test("when one is stopped the other goes on; then both are gone and the machine is as it was", async () => {
    const [one, other] = both() as [NodeCluster, NodeCluster];
    const traces = await Promise.all(both().map(tracesOf));
    expect(traces.every(({ processes }) => processes().length > 10)).toBe(true);
    await one.stop();
    expect((await sql(other, "db-1", "SELECT 1")).trim()).toBe("1");
    await other.stop();
    for (const { directory, device, cgroup, processes } of traces) {
      expect([directory, `/sys/class/net/${device}`].filter((path) => existsSync(path))).toEqual([]);
      expect([...mentions(directory), ...mentions(cgroup)]).toEqual([]);
      expect(processes()).toEqual([]);
    }
    expect(machineState()).toEqual(before);
  }, 60_000);
});

/** Where to look for what a run left behind; asked while it still lives. */
async function tracesOf({ enclosure }: NodeCluster) {
  const { directory, link } = enclosure;
  const network = (await enclosure.run("readlink", "/proc/self/ns/net")).trim();
  if (network === readlinkSync("/proc/self/ns/net")) throw new Error("the node has no network of its own");
  const cgroup = `tungsten-operator-${link.number}`;
  return { directory, device: link.device, cgroup, processes: () => processesIn(network) };
}
