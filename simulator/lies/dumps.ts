/** Lies of mysqldump: files that look like a dump, and dumps that differ where nothing does. */
import { sha256 } from "../checksum.ts";
import type { Lie } from "./lie.ts";
import { dumpOf, schema, stopAtHeartbeat } from "./recipes.ts";
import { quiesce } from "./stage.ts";

const tool = "mysqldump and mysql";
const yes = (is: boolean): string => (is ? "yes" : "no");
/** As many commit rows as channels, one heartbeat row, an end. */
const faithful = (dump: string): boolean =>
  /INSERT INTO `trep_commit_seqno` VALUES\n\(0,\d+,/.test(dump) && /\n-- Dump completed/.test(dump);

export const dumpLies: readonly Lie[] = [
  {
    name: "dump-of-nothing",
    tool,
    cites: ["conversion §2"],
    lie: "mysqldump of an emptied schema exits 0 with a well-formed file, and would overwrite the good one.",
    asks: "is the position saved?",
    naive: "takes exit 0 and `Dump completed`",
    careful: "parses the file for its rows",
    show(s) {
      stopAtHeartbeat(s, "stop_1");
      s.cross("london-0", "tpm uninstall --i-am-sure");
      const said = s.cross("london-0", `mysqldump --single-transaction --databases ${schema}`);
      return {
        said,
        line: "-- Dump completed",
        truth: yes(said.out.includes("stop_1")),
        naive: yes(said.code === 0 && said.out.includes("-- Dump completed")),
        careful: yes(faithful(said.out)),
      };
    },
  },
  {
    name: "dump-of-a-missing-schema",
    tool,
    cites: ["conversion §2"],
    lie: "mysqldump of a schema that is not there fails, and leaves a file that is not empty.",
    asks: "is the position saved?",
    naive: "tests whether the file has a size",
    careful: "parses the file for its rows",
    show(s) {
      const said = s.cross("london-0", "mysqldump --single-transaction --databases tungsten_tokyo");
      return {
        said,
        truth: yes(s.host("london-0").mysql.schemas.has("tungsten_tokyo")),
        naive: yes(said.out.length > 0),
        careful: yes(said.code === 0 && faithful(said.out)),
      };
    },
  },
  {
    name: "dumped-twice-differs",
    tool,
    cites: ["conversion §1"],
    lie: "Two dumps of an unchanged schema differ: the last line is the time.",
    asks: "did the schema change in between?",
    naive: "compares the files' checksums",
    careful: "compares the rows",
    show(s) {
      stopAtHeartbeat(s, "stop_1");
      const first = dumpOf(s, "london-0");
      const kept = s.host("london-0").mysql.schemas.get(schema);
      const row = s.commit("london-0", schema);
      s.wait(5);
      const said = s.cross("london-0", `mysqldump --single-transaction --databases ${schema}`);
      const again = s.commit("london-0", schema);
      return {
        said,
        line: "-- Dump completed",
        truth: yes(s.host("london-0").mysql.schemas.get(schema) !== kept),
        naive: yes(sha256(first) !== sha256(said.out)),
        careful: yes(JSON.stringify(row) !== JSON.stringify(again)),
      };
    },
  },
  {
    name: "dumps-of-two-nodes-differ",
    tool,
    cites: ["conversion §1"],
    lie: "Two nodes stopped by the same heartbeat have different dumps: host, times and lag are their own.",
    asks: "do both nodes stand at one event?",
    naive: "compares the dumps",
    careful: "compares the commit rows",
    show(s) {
      stopAtHeartbeat(s, "stop_1");
      const said = s.cross("london-0", `mysqldump --single-transaction --databases ${schema}`);
      const ends = ["london-0", "london-1"].map((host) =>
        s.host(host).volume.thl.get("crossSite/nyc")?.at(-1),
      );
      const rows = ["london-0", "london-1"].map((host) => JSON.stringify(s.commit(host, schema)));
      return {
        said,
        line: "-- Host",
        truth: yes(ends[0]?.eventId === ends[1]?.eventId),
        naive: yes(said.out === dumpOf(s, "london-1")),
        careful: yes(rows[0] === rows[1]),
      };
    },
  },
  {
    name: "logged-restore-exits-0",
    tool,
    cites: ["conversion §4d", "conversion §1"],
    lie: "A reload without `sql_log_bin=0` exits 0 like any other; it has gone to the other nodes.",
    asks: "did the reload stay on this node?",
    naive: "takes exit 0 of mysql",
    careful: "compares the binary log's position",
    show(s) {
      stopAtHeartbeat(s, "stop_1");
      const dump = dumpOf(s, "london-0");
      quiesce(s);
      const before = s.look("london-0", "sql binlog-position").out;
      const events = s.host("london-0").mysql.log.length;
      const said = s.cross("london-0", "mysql", dump);
      return {
        said,
        truth: yes(s.host("london-0").mysql.log.length === events),
        naive: yes(said.code === 0),
        careful: yes(s.look("london-0", "sql binlog-position").out === before),
      };
    },
  },
];
