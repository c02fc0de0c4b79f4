/** What mysqldump prints of a tracking schema, line by line. Transcript conv-2-dump-tungsten_alpha. */
import type { TrackingTables } from "../state.ts";

/** The tables of a tracking schema, with the lines between the brackets of their CREATE TABLE. */
const tables: Readonly<Record<string, readonly string[]>> = {
  consistency: [
    "`db` char(64) NOT NULL",
    "`tbl` char(64) NOT NULL",
    "`id` int(11) NOT NULL",
    "`row_offset` int(11) NOT NULL",
    "`row_limit` int(11) NOT NULL",
    "`this_crc` char(40) DEFAULT NULL",
    "`this_cnt` int(11) DEFAULT NULL",
    "`master_crc` char(40) DEFAULT NULL",
    "`master_cnt` int(11) DEFAULT NULL",
    "`ts` timestamp NULL DEFAULT NULL",
    "`method` char(32) DEFAULT NULL",
    "PRIMARY KEY (`db`,`tbl`,`id`)",
  ],
  heartbeat: [
    "`id` bigint(20) NOT NULL",
    "`seqno` bigint(20) DEFAULT NULL",
    "`eventid` varchar(128) DEFAULT NULL",
    "`source_tstamp` timestamp NULL DEFAULT NULL",
    "`target_tstamp` timestamp NULL DEFAULT NULL",
    "`lag_millis` bigint(20) DEFAULT NULL",
    "`salt` bigint(20) DEFAULT NULL",
    "`name` varchar(128) DEFAULT NULL",
    "PRIMARY KEY (`id`)",
  ],
  trep_commit_seqno: [
    "`task_id` int(11) NOT NULL",
    "`seqno` bigint(20) DEFAULT NULL",
    "`fragno` smallint(6) DEFAULT NULL",
    "`last_frag` char(1) DEFAULT NULL",
    "`source_id` varchar(128) DEFAULT NULL",
    "`epoch_number` bigint(20) DEFAULT NULL",
    "`eventid` varchar(128) DEFAULT NULL",
    "`applied_latency` int(11) DEFAULT NULL",
    "`update_timestamp` timestamp NULL DEFAULT NULL",
    "`shard_id` varchar(128) DEFAULT NULL",
    "`extract_timestamp` timestamp NULL DEFAULT NULL",
    "PRIMARY KEY (`task_id`)",
  ],
  trep_shard: [
    "`shard_id` varchar(128) NOT NULL",
    "`master` varchar(128) DEFAULT NULL",
    "`critical` tinyint(4) DEFAULT NULL",
    "PRIMARY KEY (`shard_id`)",
  ],
  trep_shard_channel: [
    "`shard_id` varchar(128) NOT NULL",
    "`channel` int(11) DEFAULT NULL",
    "PRIMARY KEY (`shard_id`)",
  ],
};

const head = (schema: string, host: string): readonly string[] => [
  "/*M!999999\\- enable the sandbox mode */ ",
  "-- MariaDB dump 10.20-11.8.9-MariaDB, for debian-linux-gnu (x86_64)",
  "--",
  `-- Host: ${host}    Database: ${schema}`,
  `-- ${"-".repeat(54)}`,
  "-- Server version\t10.11.19-MariaDB-0+deb12u1-log",
  "",
  "/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;",
  "/*!40101 SET @OLD_CHARACTER_SET_RESULTS=@@CHARACTER_SET_RESULTS */;",
  "/*!40101 SET @OLD_COLLATION_CONNECTION=@@COLLATION_CONNECTION */;",
  "/*!40101 SET NAMES utf8mb4 */;",
  "/*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */;",
  "/*!40103 SET TIME_ZONE='+00:00' */;",
  "/*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0 */;",
  "/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;",
  "/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;",
  "/*M!100616 SET @OLD_NOTE_VERBOSITY=@@NOTE_VERBOSITY, NOTE_VERBOSITY=0 */;",
  "",
];

const database = (schema: string): readonly string[] => [
  "--",
  `-- Current Database: \`${schema}\``,
  "--",
  "",
  `CREATE DATABASE /*!32312 IF NOT EXISTS*/ \`${schema}\` /*!40100 DEFAULT CHARACTER SET latin1 COLLATE latin1_swedish_ci */;`,
  "",
  `USE \`${schema}\`;`,
  "",
];

const foot = (at: number): readonly string[] => [
  "/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;",
  "",
  "/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;",
  "/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;",
  "/*!40014 SET UNIQUE_CHECKS=@OLD_UNIQUE_CHECKS */;",
  "/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;",
  "/*!40101 SET CHARACTER_SET_RESULTS=@OLD_CHARACTER_SET_RESULTS */;",
  "/*!40101 SET COLLATION_CONNECTION=@OLD_COLLATION_CONNECTION */;",
  "/*M!100616 SET NOTE_VERBOSITY=@OLD_NOTE_VERBOSITY */;",
  "",
  `-- Dump completed on ${moment(at)}`,
  "",
];

const moment = (at: number): string => new Date(at).toISOString().replace("T", " ").replace(/\..*$/, "");

const tableOf = (name: string, columns: readonly string[], row: string | undefined): readonly string[] => [
  "--",
  `-- Table structure for table \`${name}\``,
  "--",
  "",
  `DROP TABLE IF EXISTS \`${name}\`;`,
  "/*!40101 SET @saved_cs_client     = @@character_set_client */;",
  "/*!40101 SET character_set_client = utf8mb4 */;",
  `CREATE TABLE \`${name}\` (`,
  `  ${columns.join(",\n  ")}`,
  ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_general_ci;",
  "/*!40101 SET character_set_client = @saved_cs_client */;",
  "",
  "--",
  `-- Dumping data for table \`${name}\``,
  "--",
  "",
  "SET @OLD_AUTOCOMMIT=@@AUTOCOMMIT, @@AUTOCOMMIT=0;",
  `LOCK TABLES \`${name}\` WRITE;`,
  `/*!40000 ALTER TABLE \`${name}\` DISABLE KEYS */;`,
  ...(row === undefined ? [] : [`INSERT INTO \`${name}\` VALUES`, `(${row});`]),
  `/*!40000 ALTER TABLE \`${name}\` ENABLE KEYS */;`,
  "UNLOCK TABLES;",
  "COMMIT;",
  "SET AUTOCOMMIT=@OLD_AUTOCOMMIT;",
];

const quoted = (value: string | number | null): string =>
  value === null ? "NULL" : typeof value === "number" ? String(value) : `'${value}'`;

function rowsOf({ heartbeat, commit }: TrackingTables): Readonly<Record<string, string>> {
  const then = "'2026-11-21 23:15:11'";
  return {
    ...(heartbeat !== null && {
      heartbeat: `1,${quoted(heartbeat.seqno)},${quoted(heartbeat.eventId)},${then},${then},369,2,${quoted(heartbeat.name)}`,
    }),
    ...(commit !== null && {
      trep_commit_seqno: `0,${commit.seqno},0,'1',${quoted(commit.sourceId)},${commit.epoch},${quoted(commit.eventId)},0,${then},${quoted(commit.shardId)},${then}`,
    }),
  };
}

/** A well-formed dump exists of an emptied schema too: it has no table and no INSERT, and that is the trap. `at` ends it. */
export function dumpText(schema: string, found: TrackingTables | "empty", host: string, at: number): string {
  const rows = found === "empty" ? {} : rowsOf(found);
  const each = Object.entries(found === "empty" ? {} : tables).map(([name, columns]) =>
    tableOf(name, columns, rows[name]),
  );
  const body = each.flatMap((lines, index) => (index === 0 ? lines : ["", ...lines]));
  return [...head(schema, host), ...database(schema), ...body, ...foot(at)].join("\n");
}

/** What is printed of a schema that is not there, before the error: a file that is not empty. */
export const headOnly = (schema: string, host: string): string => head(schema, host).join("\n");
