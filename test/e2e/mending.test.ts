/** Replication errors on real pods: a row of somebody stands in an event's way, once the same, once another. */
import { createHash } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { sql, sqlAsApplication } from "../../local/pods/sql.ts";
import { until } from "../../local/processes.ts";
import { clientSite, pause } from "./estate.ts";
import { liveEstate } from "./live.ts";

const limit = 12 * 60_000;

describe("replication errors of an MSAA estate on real pods", () => {
  const live = liveEstate({ namespace: "mending", sites: ["nyc", "london"], nodesPerSite: 2 });
  const { asked, kubectl, nodes, told, underLoad } = live;

  /** The row is written on nyc-1 alone, outside its log, and then as `said` through london's connector. */
  async function rowInTheWay(id: number, there: string, said: string): Promise<{ seqno: number }> {
    const london = clientSite("london");
    const table = "CREATE TABLE IF NOT EXISTS e2e.orders (id INT PRIMARY KEY, what VARCHAR(20) NOT NULL);";
    await sqlAsApplication(nodes(), london, table);
    await until("the table on nyc-1", 60, async () => {
      await sql(nodes(), "nyc-1", "SELECT COUNT(*) FROM e2e.orders");
      return true;
    });
    const byHand = `SET SESSION SQL_LOG_BIN=0; INSERT INTO e2e.orders VALUES (${id}, '${there}');`;
    await sql(nodes(), "nyc-1", byHand);
    await sqlAsApplication(nodes(), london, `INSERT INTO e2e.orders VALUES (${id}, '${said}');`);
    let stopped: RegExpExecArray | null = null;
    await told("nyc", "Ready", ({ reason, message }) => {
      stopped = /service london of nyc-1 is OFFLINE:ERROR at event (\d+) \(apply-failure\)/.exec(message);
      return reason === "ReplicationError" && stopped !== null;
    });
    return { seqno: Number((stopped ?? [])[1]) };
  }

  const onAll = async (): Promise<readonly string[]> =>
    Promise.all(live.pods.map((pod) => sql(nodes(), pod, "SELECT * FROM e2e.orders ORDER BY id")));

  async function skipped(): Promise<void> {
    const skipEvent = await rowInTheWay(17, "paid", "paid");
    await asked("fix-skip-event", "fixReplication", { skipEvent });
    await told("nyc", "Ready");
    expect(new Set(await onAll())).toEqual(new Set(["17\tpaid\n"]));
  }

  async function mended(): Promise<void> {
    await rowInTheWay(18, "open", "paid");
    const text = "DELETE FROM e2e.orders WHERE id = 18 AND what = 'open';\n";
    await kubectl("create", "secret", "generic", "mend-orders", `--from-literal=mend.sql=${text}`);
    const from = { kind: "Secret", name: "mend-orders", key: "mend.sql" };
    const sha256 = createHash("sha256").update(text).digest("hex");
    await asked("fix-apply-sql", "fixReplication", { applySql: { from, sha256 } });
    await told("nyc", "Ready");
    await pause(3);
    expect(new Set(await onAll())).toEqual(new Set(["17\tpaid\n18\tpaid\n"]));
    expect(await kubectl("get", "tc", "nyc", "-o", "jsonpath={.status.finishedRuns[*].notes}")).toMatch(
      /\d+/,
    );
  }

  const story: readonly (readonly [string, () => Promise<void>])[] = [
    ["an event whose row is there already is left out by its number", skipped],
    ["a row that differs is taken away by an approved text, outside the log, and the event applies", mended],
  ];
  test.each(story)("%s", (_what, run) => underLoad(run), limit);
});
