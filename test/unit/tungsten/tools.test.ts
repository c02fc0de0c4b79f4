/** What single tools say where no recording shows it: variants of later releases, words nobody knows, and lies. */
import { describe, expect, test } from "@jest/globals";
import { readDaemonStatus } from "../../../src/tungsten/daemons.ts";
import { readKeptPosition, readPosition } from "../../../src/tungsten/dsctl.ts";
import { readTrackingDump } from "../../../src/tungsten/dump.ts";
import { readMultiListing } from "../../../src/tungsten/multi-trepctl.ts";
import { readPositionFile, readSavedPosition } from "../../../src/tungsten/prep-upgrade.ts";
import { readProvision } from "../../../src/tungsten/provision.ts";
import { classifyError } from "../../../src/tungsten/replicator-errors.ts";
import { withoutSecrets } from "../../../src/tungsten/secrets.ts";
import { readSchemas, readTracking } from "../../../src/tungsten/sql.ts";
import { readThlHeaders, readThlInfo } from "../../../src/tungsten/thl.ts";
import { readTpmMessages } from "../../../src/tungsten/tpm.ts";
import { readServiceList, readServices, readStatus } from "../../../src/tungsten/trepctl.ts";
import { printed, recorded } from "./recording.ts";

const failed = (exitCode: number, stdout: string, stderr = "") => ({ exitCode, stdout, stderr });
const online = recorded("conv-1-status-before-arming.db3.txt").stdout;
const json = recorded("trepctl-status-slave-json.txt").stdout;
const two = recorded("trepctl-services-two.txt").stdout;

describe("a kept position", () => {
  const position = {
    seqno: 1068,
    epoch: 0,
    eventId: "mysql-bin.000002:0000000000405208;-1",
    sourceId: "db1",
  };

  test.each(["conv-1-dsctl-get.db3.txt", "conv-1-dsctl-get-ascmd.db3.txt"])("in the form of %s", (name) => {
    expect(readKeptPosition(recorded(name))).toMatchObject({ read: [position] });
  });

  test.each(["", "position", "dsctl set -seqno 1068", '[{"seqno":1068}]', "[{"])("is not «%s»", (text) => {
    expect(readKeptPosition(printed(text))).toHaveProperty("unreadable");
  });

  test("is not what a failed look printed", () => {
    const { stdout } = recorded("conv-1-dsctl-get.db3.txt");
    expect(readKeptPosition(failed(1, stdout))).toHaveProperty("unreadable");
  });
});

describe("trepctl", () => {
  test.each([
    "ONLINE:DEGRADED",
    "ONLINE:DEGRADED-BINLOG-FULLY-READ",
    "DEGRADED",
    "OFFLINE",
    "OFFLINE:CONFIGURING",
    "online",
    "",
  ])("state «%s» is kept as a word it does not know", (word) => {
    const text = online.replace(/^(state +: )ONLINE$/m, `$1${word}`);
    expect(readStatus(printed(text))).toMatchObject({ read: { state: { unrecognised: word } } });
  });

  test("columns as wide as the longest key demands", () => {
    const wide = (text: string) =>
      text.replace(/^([A-Za-z]+ *)([ :]) ?(.*)$/gm, (line, key: string, colon: string, value: string) =>
        /^(Processing|Finished)/.test(line) ? line : `${key.padEnd(31)}${colon} ${value}`,
      );
    const whole = readStatus(printed(online));
    expect(readStatus(printed(wide(online)))).toEqual(whole);
    expect(wide(online)).not.toBe(online);
  });

  test("two services whose heads ran together are unreadable, not the last of them", () => {
    const lines = two.split("\n");
    const second = lines.lastIndexOf("NAME              VALUE");
    const merged = lines.filter((_line, index) => index !== second && index !== second + 1).join("\n");
    expect(readServiceList(printed(two))).toHaveProperty("read.length", 2);
    expect(readServiceList(printed(merged))).toHaveProperty("unreadable");
  });

  test("one service listed twice is unreadable: which of them should one believe", () => {
    expect(readServices(printed(`[${json},${json}]`))).toHaveProperty("unreadable");
  });

  test("the short listing is no status: it could not tell an error or an armed request", () => {
    expect(readServices(recorded("trepctl-services-json.txt"))).toHaveProperty("unreadable");
    expect(readServices(recorded("trepctl-services-slave.txt"))).toHaveProperty("unreadable");
  });

  test.each([
    "offlineRequests",
    "pendingError",
    "pendingExceptionMessage",
    "state",
    "role",
    "appliedLastSeqno",
  ])("a status without %s is none", (key) => {
    const fields = JSON.parse(json) as Record<string, string>;
    delete fields[key];
    expect(readStatus(printed(JSON.stringify(fields)))).toHaveProperty("unreadable");
  });

  test("JSON with typed values reads like JSON with strings", () => {
    const typed = JSON.stringify({
      ...JSON.parse(json),
      appliedLastSeqno: 4,
      appliedLatency: 66.817,
      started: false,
      pendingErrorSeqno: -1,
    });
    expect(readStatus(printed(typed))).toMatchObject({
      read: { appliedSeqno: 4, appliedLatencySeconds: 66.817, started: false, pendingErrorSeqno: null },
    });
  });

  test.each([
    ["uptimeSeconds", "1.2345678E7", { uptimeSeconds: 12345678 }],
    ["appliedLastSeqno", "9007199254740993", { appliedSeqno: null }],
    ["appliedLastSeqno", "1068.5", { appliedSeqno: null }],
    ["appliedLatency", "Infinity", { appliedLatencySeconds: null }],
    [
      "offlineRequests",
      "Offline at sequence number: 7;Offline at heartbeat event: x",
      { offlineRequests: ["Offline at sequence number: 7", "Offline at heartbeat event: x"] },
    ],
    ["pipelineSource", "UNKNOWN", { pipelineSource: null }],
  ])("%s %s", (key, word, reads) => {
    const text = JSON.stringify({ ...JSON.parse(json), [key]: word });
    expect(readStatus(printed(text))).toMatchObject({ read: reads });
  });

  test("an unloaded service among full ones is told as unloaded", () => {
    const gamma = { serviceName: "gamma", started: "false", state: "Unknown", role: "Unknown" };
    expect(readServices(printed(`[${json},${JSON.stringify(gamma)}]`))).toMatchObject({
      read: [{ service: "alpha" }, { service: "gamma", started: false, state: { unrecognised: "Unknown" } }],
    });
  });

  test("why JSON was refused never shows what was in it", () => {
    const text = `{"pendingExceptionMessage":"Duplicate entry 'secret@example.org'",`;
    expect(JSON.stringify(readServices(printed(text)))).not.toContain("example");
  });
});

describe("errors of a service", () => {
  const status = (error: string, message = "NONE") => {
    const text = JSON.stringify({
      ...JSON.parse(json),
      pendingError: error,
      pendingExceptionMessage: message,
    });
    const reading = readStatus(printed(text));
    return "read" in reading ? classifyError(reading.read) : undefined;
  };

  test.each([
    [
      "Event extraction failed",
      "Client handshake failure: … Log epoch numbers do not match: …",
      "epoch-mismatch",
    ],
    ["Event extraction failed", "… Master log does not contain requested transaction: …", "does-not-contain"],
    ["Event extraction failed", "NONE", "extract-failure"],
    ["Replicator unable to go online due to error", "Unable to prepare plugin", "unknown-error"],
    ["a sentence of a later release", "NONE", "unknown-error"],
  ])("%s · %s is %s", (error, message, kind) => {
    expect(status(error, message)?.kind).toBe(kind);
  });

  test("no text is no error of any kind: it comes one poll late", () => {
    expect(status("NONE")).toBeNull();
  });
});

describe("control scripts", () => {
  test.each([
    ["Tungsten Manager Service is running: PID:12345, Wrapper:STARTED, Java:STARTED\n", 0, "running"],
    ["Tungsten Connector Service is running: PID: 77, Java:STARTED\n", 0, "running"],
    ["Tungsten Connector Service is running: PID:77\r\n", 0, "running"],
    ["Tungsten Manager Service is not running.\n", 1, "stopped"],
    ["Tungsten Manager Service is not running.\n", 3, "stopped"],
  ])("%j, exit %i: %s", (text, exitCode, state) => {
    expect(readDaemonStatus(failed(exitCode, text))).toEqual({ read: state });
  });

  test.each([
    ["Tungsten Manager Service is running: PID:12345, Wrapper:STARTED, Java:LAUNCHING\n", 0],
    ["Tungsten Manager Service is running: PID:12345, Wrapper:STARTED, Java:STARTED\n", 1],
    ["Tungsten Manager Service is running but does not answer\n", 0],
    ["Tungsten Manager Service is not running.\n", 0],
    ["Tungsten Manager Service is not running.\nTungsten Manager Service is running: PID:1\n", 1],
    ["sh: JAVA_HOME: not found\n", 1],
  ])("%j, exit %i, is neither running nor stopped nor absent", (text, exitCode) => {
    expect(readDaemonStatus(failed(exitCode, text))).toHaveProperty("read.unrecognised");
  });

  test.each([
    [127, "tungsten-manager/bin/manager: No such file or directory\n"],
    [127, "sh: 1: /opt/replicator/tungsten/tungsten-replicator/bin/replicator: not found\n"],
    [1, "bash: /opt/continuent/tungsten/tungsten-manager/bin/manager: No such file or directory\n"],
  ])("exit %i with %j on stderr is absent", (exitCode, stderr) => {
    expect(readDaemonStatus(failed(exitCode, "", stderr))).toEqual({ read: "absent" });
  });

  test("silence is unreadable", () => {
    expect(readDaemonStatus(printed(""))).toHaveProperty("unreadable");
  });
});

describe("positions and logs", () => {
  const row = JSON.parse(recorded("dsctl-get.txt").stdout)[0] as Record<string, unknown>;

  test.each(["seqno", "epoch_number", "eventid", "source_id", "task_id", "fragno", "last_frag"])(
    "a row of dsctl without %s is none, never 0",
    (key) => {
      expect(readPosition(printed(JSON.stringify([{ ...row, [key]: undefined }])))).toHaveProperty(
        "unreadable",
      );
      expect(readPosition(printed(JSON.stringify([{ ...row, [key]: null }])))).toHaveProperty("unreadable");
    },
  );

  test("an empty array is a service that never committed; two rows of one channel are unreadable", () => {
    expect(readPosition(printed("[]\n"))).toEqual({ read: [] });
    expect(readPosition(printed(JSON.stringify([row, row])))).toHaveProperty("unreadable");
    expect(readPosition(printed(JSON.stringify([row, { ...row, task_id: 1 }])))).toHaveProperty(
      "read.length",
      2,
    );
  });

  test.each([
    ["-1", "-1", { read: { min: null, max: null } }],
    ["0", "7", { read: { min: 0, max: 7 } }],
    ["8", "7", { unreadable: expect.any(String) }],
    ["-1", "7", { unreadable: expect.any(String) }],
  ])("a log from %s to %s", (min, max, reading) => {
    const text = recorded("thl-info.txt").stdout.replace("min seq# = 0", `min seq# = ${min}`);
    expect(readThlInfo(printed(text.replace("max seq# = 7", `max seq# = ${max}`)))).toEqual(reading);
  });

  test("a log whose lines about sequence numbers are missing is not an empty log", () => {
    expect(readThlInfo(printed("log directory = /opt/x/\nlog files = 0\n"))).toHaveProperty("unreadable");
  });

  test("an absent sequence number is an empty list only by thl's own sentence", () => {
    expect(readThlHeaders(failed(1, "Unable to find sequence number: 99\n"))).toEqual({ read: [] });
    expect(readThlHeaders(failed(1, "Fatal error: disk"))).toHaveProperty("unreadable");
    expect(readThlHeaders(printed("Unable to find sequence number: 99\n"))).toHaveProperty("unreadable");
  });

  test("a missing number of tables is not «no tables»", () => {
    expect(readSchemas(printed("tungsten_nyc\n"))).toHaveProperty("unreadable");
    expect(readSchemas(printed("tungsten_nyc\t0\n"))).toEqual({ read: new Map([["tungsten_nyc", 0]]) });
  });

  test("only the server's own errors say that a tracking schema is absent", () => {
    expect(readTracking(failed(1, "", "ERROR 1049 (42000): Unknown database 'tungsten_x'\n"))).toEqual({
      read: "absent",
    });
    expect(readTracking(failed(1, "", "ERROR 2002 (HY000): Can't connect (1049)\n"))).toHaveProperty(
      "unreadable",
    );
  });
});

describe("a dump", () => {
  const dump = recorded("conv-2-dump-tungsten_alpha.db3.txt").stdout;
  const commit = /INSERT INTO `trep_commit_seqno` VALUES\n/;

  test("of an emptied schema is refused by that name", () => {
    const emptied = dump.replace(/INSERT INTO `[a-z_]+` VALUES\n.*;\n/g, "");
    expect(readTrackingDump(emptied)).toMatchObject({ unreadable: expect.stringContaining("emptied") });
  });

  test("is read by its own columns, whatever their order", () => {
    const swapped = dump
      .replace("  `seqno` bigint(20) DEFAULT NULL,\n  `fragno`", "  `fragno`")
      .replace("  `last_frag` char(1)", "  `seqno` bigint(20) DEFAULT NULL,\n  `last_frag` char(1)")
      .replace("(0,1068,0,'1'", "(0,0,1068,'1'");
    expect(readTrackingDump(swapped)).toEqual(readTrackingDump(dump));
  });

  test.each([
    [
      "does not create the table again",
      "CREATE TABLE `trep_commit_seqno`",
      "CREATE TABLE IF NOT EXISTS `trep_commit_seqno`",
    ],
    [
      "does not drop it first, so that it could not be repeated",
      "DROP TABLE IF EXISTS `trep_commit_seqno`;\n",
      "",
    ],
    ["holds two schemas", /$/, "USE `tungsten_beta`;\n-- Dump completed on 2026\n"],
    ["has a row of another length", "(0,1068,0,'1'", "(0,1068,0,0,'1'"],
    ["has a row that is no position", "(0,1068,0,'1'", "(0,NULL,0,'1'"],
    ["names its columns another way", commit, "INSERT INTO `trep_commit_seqno` (`task_id`) VALUES\n"],
    ["has two heartbeat rows", "'offline_for_upg');", "'offline_for_upg'),\n(2,1,'x','x','x',1,1,'x');"],
    ["has rubbish between its rows", "'2026-11-21 23:15:11');", "'2026-11-21 23:15:11') garbage;"],
  ])("that %s is refused", (_what, from, to) => {
    const changed = dump.replace(from, to);
    expect(changed).not.toBe(dump);
    expect(readTrackingDump(changed)).toHaveProperty("unreadable");
  });

  test("with two channels, escapes and a NULL shard is read whole", () => {
    const more = dump.replace(
      "'2026-11-21 23:15:11');\n/*!40000 ALTER TABLE `trep_commit_seqno` E",
      "'2026-11-21 23:15:11'),\n(1,1067,-1,'0','d\\'b''1',0,'x;-1',0,'2026-11-21 23:15:11',NULL,NULL);\n/*!40000 ALTER TABLE `trep_commit_seqno` E",
    );
    expect(readTrackingDump(more)).toMatchObject({
      read: {
        rows: {
          commits: [
            { taskId: 0, seqno: 1068 },
            { taskId: 1, seqno: 1067, fragno: -1, lastFrag: false, sourceId: "d'b'1", shardId: "" },
          ],
        },
      },
    });
  });
});

describe("multi_trepctl", () => {
  const list = recorded("multi_trepctl-two.txt").stdout.split("\n\n")[0] ?? "";

  test("tells nothing of a service whose row it did not print, and names whom it could not reach", () => {
    const reading = readMultiListing(recorded("multi_trepctl-list-output.txt"));
    expect(reading).toMatchObject({ read: { unreachable: ["db1", "db3"] } });
    expect(reading).toHaveProperty("read.rows.length", 1);
  });

  test("reads columns without padding, as the pages print them", () => {
    const bare = list.replace(/ +/g, " ");
    expect(readMultiListing(printed(`${bare}\n`))).toEqual(readMultiListing(printed(`${list}\n`)));
  });

  test.each([
    ["a head alone", list.split("\n")[0] ?? ""],
    ["no head", list.split("\n").slice(1).join("\n")],
    ["a row with a cell too few", list.replace(/\| +34\.000 /, "")],
  ])("%s is no listing", (_what, text) => {
    expect(readMultiListing(printed(`${text}\n`))).toHaveProperty("unreadable");
  });
});

describe("tprovision", () => {
  const steps = [
    "NOTE  >> Put alpha replication service offline",
    "NOTE  >> host2 >> Create mysqldump in /opt/continuent/backups",
    "NOTE  >> Put the alpha replication service online",
  ].join("\n");

  test.each([
    ["the older script's lines", steps],
    ["plain lines", steps.replace(/ {2}>> host2 >> | {2}>> /g, ": ")],
  ])("%s are read", (_what, text) => {
    const { failed, messages } = readProvision(printed(text));
    expect(failed).toBe(false);
    expect(messages.map((message) => message.text)).toHaveLength(3);
  });

  test.each([
    [1, steps],
    [0, `${steps}\nERROR >> host1 >> Unable to put the alpha replication service online`],
    [0, `${steps}\nERROR: Unable to find the innobackupex script`],
  ])("exit %i with what it said is a failure", (exitCode, text) => {
    expect(readProvision(failed(exitCode, text)).failed).toBe(true);
  });
});

describe("tungsten_prep_upgrade", () => {
  test.each([
    "(NOTE: saves to ~/position-nyc-20261121231511.txt)\n",
    "Position of service nyc saved to /home/tungsten/position-nyc-20261121231511.txt\nposition-london-20261121231511.txt\n",
  ])("%j names the file of a service", (text) => {
    expect(readSavedPosition(printed(text), "nyc")).toEqual({ read: "position-nyc-20261121231511.txt" });
  });

  test("two files of one service, or none, or a failure, name none", () => {
    const twice = "position-nyc-20261121231511.txt position-nyc-20261121231512.txt";
    expect(readSavedPosition(printed(twice), "nyc")).toHaveProperty("unreadable");
    expect(readSavedPosition(printed("saved"), "nyc")).toHaveProperty("unreadable");
    expect(readSavedPosition(failed(1, "position-nyc-20261121231511.txt"), "nyc")).toHaveProperty(
      "unreadable",
    );
  });

  test("its file is read as dsctl's row or as dsctl's command, and as nothing else", () => {
    const position = {
      seqno: 7,
      epoch: 0,
      eventId: "mysql-bin.000002:0000000000002055;-1",
      sourceId: "db1",
    };
    expect(readPositionFile(recorded("dsctl-get.txt").stdout)).toEqual({ read: position });
    expect(readPositionFile(recorded("dsctl-get_-ascmd.txt").stdout)).toEqual({ read: position });
    expect(readPositionFile("[]")).toHaveProperty("unreadable");
    expect(readPositionFile("seqno 7")).toHaveProperty("unreadable");
  });
});

describe("secrets in what tools print", () => {
  test.each([
    "ERROR >> db1 >> --replication-password=hunter22 is refused",
    "ERROR >> db1 >> password: 'hunter22 and more' does not match",
    'WARN  >> rest-api-admin-pass = "hunter22"',
    "ERROR >> db1 >> token: hunter22",
    "ERROR >> db1 >> secret=hunter22",
    "NOTE  >> jdbc:mysql:thin://db1:3306/x?user=a&password=hunter22",
    "ERROR >> db1 >> java-keystore-password=hunter22, java-truststore-password=hunter22",
  ])("%j shows none", (text) => {
    expect(withoutSecrets(text)).not.toContain("hunter22");
    expect(JSON.stringify(readTpmMessages(printed(`${text}\n`)))).not.toContain("hunter22");
  });

  test("what is no secret stays", () => {
    const text = "THL schema tungsten_alpha already has tables created at tungsten@db1:3306 (WITH PASSWORD)";
    expect(withoutSecrets(text)).toBe(text);
  });
});
