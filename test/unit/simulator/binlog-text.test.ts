/** Reading mariadb-binlog's output, on text that MariaDB 10.11 printed: transactions, DDL with its settings, heartbeats, a new file. */
import { describe, expect, test } from "@jest/globals";
import { newBinlogReader, placeOf } from "../../../simulator/node/binlog-text.ts";
import type { Extracted, Statements } from "../../../simulator/state.ts";

const start = `/*!50530 SET @@SESSION.PSEUDO_SLAVE_MODE=1*/;
/*!40019 SET @@session.max_delayed_threads=0*/;
DELIMITER /*!*/;
# at 4
#261125 14:55:55 server id 101  end_log_pos 256 CRC32 0xfe73b67c 	Start: binlog v 4, server v 10.11.19-MariaDB-0+deb12u1-log created 261125 14:55:55 at startup
ROLLBACK/*!*/;
BINLOG '
+/YGaw9lAAAA/AAAAAABAAAAAAQAMTAuMTEuMTktTWFyaWFEQi0wK2RlYjEydTEtbG9nAAAAAAAA
'/*!*/;
# at 256
#261125 14:55:55 server id 101  end_log_pos 285 CRC32 0x1d6d29ea 	Gtid list []
`;
const ddl = `# at 462
#261125 14:55:55 server id 101  end_log_pos 504 CRC32 0x228a6b8d 	GTID 0-101-2 ddl
/*M!100001 SET @@session.gtid_seq_no=2*//*!*/;
# at 504
#261125 14:55:55 server id 101  end_log_pos 659 CRC32 0xed05905a 	Query	thread_id=5	exec_time=0	error_code=0	xid=8
SET TIMESTAMP=1795618555/*!*/;
SET @@session.pseudo_thread_id=5/*!*/;
SET @@session.sql_mode=1411383296/*!*/;
/*!\\C utf8mb3 *//*!*/;
use \`shop\`/*!*/;
create procedure p() begin
# at 9
select 1; end
/*!*/;
`;
const rows = `# at 659
#261125 14:55:55 server id 101  end_log_pos 701 CRC32 0xd5e815ca 	GTID 0-101-3 trans
/*M!100001 SET @@session.gtid_seq_no=3*//*!*/;
START TRANSACTION
/*!*/;
# at 701
#261125 14:55:55 server id 101  end_log_pos 812 CRC32 0xdf315f88 	Table_map: \`shop\`.\`t\` mapped to number 18
# at 812
#261125 14:55:55 server id 101  end_log_pos 859 CRC32 0x5f6e7f46 	Write_rows: table id 18 flags: STMT_END_F

BINLOG '
+/YGaxNlAAAAMQAAACwDAAAAABIAAAAAAAEABHNob3AAAXQAAwMP/AMUAAIGiF8x3w==
'/*!*/;
### INSERT INTO \`shop\`.\`t\`
### SET
###   @1=1
###   @8='not a heartbeat'
# Number of rows: 1
# at 1013
#261125 14:55:55 server id 101  end_log_pos 1044 CRC32 0xfe713609 	Xid = 10
COMMIT/*!*/;
`;
const heartbeat = (
  seqno: string,
): string => `#261125 14:55:55 server id 101  end_log_pos 1696 CRC32 0x7face85b 	GTID 0-101-7 trans
START TRANSACTION
/*!*/;
#261125 14:55:55 server id 101  end_log_pos 1833 CRC32 0xfa7dbea8 	Table_map: \`tungsten_nyc\`.\`heartbeat\` mapped to number 22
#261125 14:55:55 server id 101  end_log_pos 1879 CRC32 0x8a96c459 	Update_rows: table id 22 flags: STMT_END_F

BINLOG '
+/YGaxNlAAAAPwAAACkHAAAAABYAAAAAAAEADHR1bmdzdGVuX255YwAJaGVhcnRiZWF0AAIIDwKA
'/*!*/;
### UPDATE \`tungsten_nyc\`.\`heartbeat\`
### WHERE
###   @2=NULL
###   @8='MASTER_ONLINE'
### SET
###   @1=1
###   @2=${seqno}
###   @8='offline_for_upg'
# Number of rows: 1
#261125 14:55:55 server id 101  end_log_pos 1910 CRC32 0xc3733ca0 	Xid = 16
COMMIT/*!*/;
`;
const rotation = `# at 2383
#700101  0:00:00 server id 101  end_log_pos 0 CRC32 0xa1598502 	Rotate to mysql-bin.000002  pos: 4
`;

function extractedFrom(text: string): readonly (Extracted & { entry: Statements })[] {
  const reader = newBinlogReader("mysql-bin.000001");
  return text
    .split("\n")
    .map((line) => reader.line(line))
    .filter((found) => found !== undefined) as readonly (Extracted & { entry: Statements })[];
}

describe("mariadb-binlog's output", () => {
  test("a transaction of rows is its BINLOG statements, known by where it ends", () => {
    const [found, ...more] = extractedFrom(start + rows);
    expect(more).toEqual([]);
    expect(found?.eventId).toBe("mysql-bin.000001:0000000000001044;-1");
    expect(found?.entry).toMatchObject({ standalone: false, shard: "shop", heartbeat: null });
    expect(found?.entry.sql).toMatch(/^BINLOG '\n\S+\n'\n\/\*!\*\/;\n$/);
    expect(found?.entry.format).toMatch(/^BINLOG '\n\+\/YGaw9l/);
  });

  test("DDL carries the settings that were printed before it, and a comment in it stays in it", () => {
    const [found] = extractedFrom(start + ddl);
    expect(found?.eventId).toBe("mysql-bin.000001:0000000000000659;-1");
    expect(found?.entry.standalone).toBe(true);
    expect(found?.entry.sql.split("\n/*!*/;\n")).toEqual([
      "SET TIMESTAMP=1795618555",
      "SET @@session.sql_mode=1411383296",
      "/*!\\C utf8mb3 */",
      "use `shop`",
      "create procedure p() begin\n# at 9\nselect 1; end",
      "",
    ]);
  });

  test("settings hold for what comes behind them, and rows need none", () => {
    const [, second, third] = extractedFrom(
      start + ddl + rows + ddl.replace(/^(SET|use|\/\*!\\C).*\n/gm, ""),
    );
    expect(second?.entry.sql).not.toMatch(/SET/);
    expect(third?.entry.sql).toMatch(/use `shop`/);
  });

  test("a heartbeat is a row of a heartbeat table that no reader has filled in", () => {
    expect(extractedFrom(start + heartbeat("NULL"))[0]?.entry.heartbeat).toBe("offline_for_upg");
    expect(extractedFrom(start + heartbeat("1068"))[0]?.entry.heartbeat).toBeNull();
  });

  test("in a new file positions begin anew", () => {
    const found = extractedFrom(start + rows + rotation + rows);
    expect(found.map(({ eventId }) => placeOf(eventId))).toEqual([
      { file: "mysql-bin.000001", position: 1044 },
      { file: "mysql-bin.000002", position: 1044 },
    ]);
  });

  test("half a transaction is none", () => {
    expect(extractedFrom((start + rows).replace("COMMIT/*!*/;\n", ""))).toEqual([]);
  });
});
