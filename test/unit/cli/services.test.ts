/** kubectl tungsten services: the vendor's rows in the vendor's order, and nothing hidden of what could not be read. */
import { describe, expect, test } from "@jest/globals";
import { notOnline, readServiceRows, ServicesError, serviceTable } from "../../../src/cli/services.ts";
import { readMultiListing } from "../../../src/tungsten/multi-trepctl.ts";

const now = Date.parse("2026-12-01T12:00:00Z");
const row = (host: string, service: string, role: string, seqno: number, latencySeconds: number) => ({
  host,
  service,
  role,
  state: "ONLINE",
  seqno,
  latencySeconds,
  heartbeatAt: "2026-12-01T11:59:48Z",
});
/** The vendor's sample (deploy-msaa), by site as the operator keeps it. */
const east = [
  row("east1", "east", "master", 5, 0.322),
  row("east1", "west", "slave", 213, 0.104),
  row("east2", "east", "slave", 5, 0.415),
  row("east2", "west", "slave", 213, 0.097),
];
const west = [
  row("west2", "east", "slave", 5, 0.435),
  row("west1", "west", "master", 213, 0.035),
  row("west2", "west", "slave", 213, 0.096),
  row("west1", "east", "slave", 5, 0.422),
];
const kubectl = (items: readonly object[]) => async () => ({
  code: 0,
  stdout: JSON.stringify({ items }),
  stderr: "",
});
const told = kubectl([{ status: { services: east } }, { status: { services: west } }, {}]);

describe("the table", () => {
  test("has the vendor's columns, rows and order, and the age of the last heartbeat", async () => {
    expect(
      serviceTable(await readServiceRows(told), now)
        .trimEnd()
        .split("\n"),
    ).toEqual([
      "| host  | servicename | role   | state  | appliedlastseqno | appliedlatency | heartbeat |",
      "| east1 | east        | master | ONLINE |                5 |          0.322 | 12s ago   |",
      "| east2 | east        | slave  | ONLINE |                5 |          0.415 | 12s ago   |",
      "| west1 | east        | slave  | ONLINE |                5 |          0.422 | 12s ago   |",
      "| west2 | east        | slave  | ONLINE |                5 |          0.435 | 12s ago   |",
      "| west1 | west        | master | ONLINE |              213 |          0.035 | 12s ago   |",
      "| east1 | west        | slave  | ONLINE |              213 |          0.104 | 12s ago   |",
      "| east2 | west        | slave  | ONLINE |              213 |          0.097 | 12s ago   |",
      "| west2 | west        | slave  | ONLINE |              213 |          0.096 | 12s ago   |",
    ]);
  });

  test("without the last column reads as multi_trepctl's own listing does", async () => {
    const stdout = serviceTable(await readServiceRows(told), now).replace(/ \|[^|]*\|$/gm, " |");
    const reading = readMultiListing({ exitCode: 0, stdout, stderr: "" });
    if (!("read" in reading)) throw new Error(reading.unreadable);
    expect(reading.read.rows).toHaveLength(8);
    expect(reading.read.rows[0]).toEqual({
      host: "east1",
      service: "east",
      role: "master",
      state: "ONLINE",
      appliedSeqno: 5,
      appliedLatencySeconds: 0.322,
    });
  });

  test("by host", async () => {
    const lines = serviceTable(await readServiceRows(told), now, "host").split("\n");
    expect(
      lines.slice(1, 5).map((line) => line.split("|").slice(1, 3).join(" ").replace(/ +/g, " ").trim()),
    ).toEqual(["east1 east", "east1 west", "east2 east", "east2 west"]);
  });

  test("shows a node nobody could read, and a path over which nothing ever came", () => {
    const rows = [{ host: "east3", service: "east", role: "unknown", state: "Unknown" }];
    expect(serviceTable(rows, now)).toContain(
      "| east3 | east        | unknown | Unknown |               -1 |         -1.000 | never     |",
    );
    expect([notOnline(rows), notOnline(east)]).toEqual([1, 0]);
  });
});

test.each([
  [{ code: 1, stdout: "", stderr: "Error from server (Forbidden)\n" }, "Error from server (Forbidden)"],
  [{ code: 127, stdout: "", stderr: "" }, "kubectl exited 127"],
  [{ code: 0, stdout: "not json", stderr: "" }, "kubectl printed no JSON"],
  [{ code: 0, stdout: "{}", stderr: "" }, "kubectl printed no list of TungstenClusters"],
])("%j is told", async (ran, message) => {
  await expect(readServiceRows(async () => ran)).rejects.toThrow(new ServicesError(message));
});
