/** The database of a host: commits, the binary log, tracking schemas. */
import { emit, type Host, type Mysql, type World } from "./model.ts";
import { commitOf } from "./replicator.ts";
import type { Commit, HeartbeatRow, LogEntry, ThlEvent, TrackingTables } from "./state.ts";

export function newMysql(serverId: number, offset: number, increment: number): Mysql {
  return {
    up: true,
    readOnly: false,
    serverId,
    offset,
    increment,
    format: "ROW",
    rows: new Map(),
    updated: new Set(),
    strays: new Set(),
    lastOfOrigin: new Map(),
    outOfOrder: 0,
    log: [],
    position: 4,
    schemas: new Map(),
    mounted: "",
    started: "",
    file: new Map(),
    expireSeconds: 604800,
    findings: [],
    oldestTransaction: 0,
    accounts: false,
    logins: new Map(),
  };
}

/** The service script: nothing starts over an empty data directory. */
export function startDatabase(world: World, host: Host): string | null {
  if (host.mysql.up) return null;
  if (host.mysql.hollow === true) return "/opt/mysql/data holds no database";
  host.mysql.up = true;
  host.mysql.started = host.mysql.mounted;
  emit(world, { kind: "database", host: host.name, up: true });
  return null;
}

export function stopDatabase(world: World, host: Host): void {
  if (!host.mysql.up) return;
  host.mysql.up = false;
  emit(world, { kind: "database", host: host.name, up: false });
}

/** From its first file on a copy has destroyed what was there. */
export function emptyDatabase(mysql: Mysql): void {
  mysql.hollow = true;
  mysql.rows.clear();
  mysql.updated.clear();
  mysql.strays.clear();
  mysql.lastOfOrigin.clear();
  mysql.schemas.clear();
  mysql.log = [];
}

/** All data of another server, tracking schemas among them; binary logs are left there. */
export function copyDatabase(from: Mysql, to: Mysql): void {
  to.rows = new Map(from.rows);
  to.updated = new Set(from.updated);
  to.strays = new Set(from.strays);
  to.lastOfOrigin = new Map(from.lastOfOrigin);
  to.outOfOrder = from.outOfOrder;
  to.schemas = new Map(from.schemas);
  to.findings = [...from.findings];
  to.accounts = from.accounts;
  to.logins = new Map(from.logins);
  to.log = [];
  to.position = 4;
  if (from.bytes !== undefined) to.bytes = from.bytes;
  to.hollow = false;
}

export const binlogFile = "mysql-bin.000002";
/** Event id of the vendor's form: file, sixteen-digit position, session. */
export const eventIdOf = (entry: LogEntry): string =>
  `${binlogFile}:${String(entry.position).padStart(16, "0")};-1`;

/** The position in such an id; 0 of an empty one. */
export const positionIn = (eventId: string): number =>
  eventId === "" ? 0 : Number(eventId.slice(eventId.indexOf(":") + 1, eventId.indexOf(";")));

type Unplaced = LogEntry extends infer E ? (E extends LogEntry ? Omit<E, "position" | "at"> : never) : never;

function append(world: World, host: Host, entry: Unplaced): void {
  host.mysql.position += 150;
  const placed = { ...entry, position: host.mysql.position, at: world.now } as LogEntry;
  host.mysql.log.push(placed);
  emit(world, { kind: "log", host: host.name, entry: placed });
}

/** A client's commit on a writable server: row and log entry in one. */
export function commitRow(world: World, host: Host, tx: string, origin: string): void {
  applyRow(host.mysql, tx, origin);
  append(world, host, { kind: "row", tx, origin });
}

/** A client's UPDATE of a row. */
export function updateRow(world: World, host: Host, tx: string): void {
  host.mysql.updated.add(tx);
  append(world, host, { kind: "update", tx });
}

/** A row applied by a replicator with the binary log off. */
export function applyRow(mysql: Mysql, tx: string, origin: string): void {
  mysql.rows.set(tx, (mysql.rows.get(tx) ?? 0) + 1);
  const number = Number(tx.slice(tx.indexOf(":") + 1));
  if (number <= (mysql.lastOfOrigin.get(origin) ?? 0)) mysql.outOfOrder += 1;
  mysql.lastOfOrigin.set(origin, Math.max(number, mysql.lastOfOrigin.get(origin) ?? 0));
}

/** A heartbeat written on a primary: its own row, and the log. */
export function writeHeartbeat(world: World, host: Host, schema: string, name: string): void {
  setHeartbeat(host.mysql, schema, { seqno: null, eventId: null, name, at: world.now });
  append(world, host, { kind: "heartbeat", name, schema });
}

export function setHeartbeat(mysql: Mysql, schema: string, heartbeat: HeartbeatRow): void {
  const tables = tablesOf(mysql, schema);
  mysql.schemas.set(schema, { commit: tables?.commit ?? null, heartbeat });
}

export function setCommit(mysql: Mysql, schema: string, commit: Commit): void {
  const tables = tablesOf(mysql, schema);
  mysql.schemas.set(schema, { commit, heartbeat: tables?.heartbeat ?? null });
}

export function tablesOf(mysql: Mysql, schema: string): TrackingTables | undefined {
  const tables = mysql.schemas.get(schema);
  return tables === undefined || tables === "empty" ? undefined : tables;
}

/** Restores or sets tracking tables; with the log on, the write travels to every reader of this server's log. */
export function putTracking(
  world: World,
  host: Host,
  schema: string,
  rows: TrackingTables,
  logged: boolean,
): void {
  host.mysql.schemas.set(schema, rows);
  if (logged) append(world, host, { kind: "tracking", schema, rows });
}

/** dsctl's INSERT of a position: logged, so it travels; see `refusalToApply`. */
export function insertCommit(world: World, host: Host, schema: string, commit: Commit): void {
  const rows = { commit, heartbeat: tablesOf(host.mysql, schema)?.heartbeat ?? null };
  host.mysql.schemas.set(schema, rows);
  append(world, host, { kind: "tracking", schema, rows, insert: true });
}

/** A row that somebody puts into a database by hand, past replication. */
export function strayRow(mysql: Mysql, tx: string): void {
  mysql.strays.add(tx);
  mysql.rows.set(tx, 1);
}

/** Why MySQL refuses to apply an event: a row that is there already, or a position inserted where there is one. */
export function refusalToApply(mysql: Mysql, { entry }: ThlEvent): string | null {
  if (entry.kind === "row" && mysql.strays.has(entry.tx)) return strayText(entry.tx);
  if (entry.kind !== "tracking" || entry.insert !== true) return null;
  if (tablesOf(mysql, entry.schema)?.commit == null) return null;
  return duplicateText(entry.schema, entry.rows.commit, entry.at);
}

/** Transcript trepctl-status-slave-apply-error, with the columns of this world's tables. */
const strayText = (tx: string): string => {
  const [site = "", id = ""] = tx.split(":");
  return [
    `java.sql.SQLIntegrityConstraintViolationException: Duplicate entry '${id}' for key 'PRIMARY'`,
    `Failing statement : INSERT INTO \`shop\`.\`orders_${site}\` ( \`id\` )  VALUES (  ?  ) `,
    "Arguments:",
    " - ROW# = 0",
    `  - COL(index=1 name=id type=4 [INTEGER] length=8 unsigned=false blob=false desc=BIGINT(20)) = ${id}`,
  ].join("\n");
};

/** As the replicator words it, with every column. Transcript conv-5C-status-later. */
function duplicateText(schema: string, commit: Commit | null, at: number): string {
  const then = new Date(at).toISOString().replace("T", " ").replace(/\..*$/, ".0");
  const columns: readonly (readonly [string, string, number, string, string | number])[] = [
    ["task_id", "4 [INTEGER]", 4, "INT(11)", 0],
    ["seqno", "4 [INTEGER]", 8, "BIGINT(20)", commit?.seqno ?? -1],
    ["fragno", "4 [INTEGER]", 2, "SMALLINT(6)", -1],
    ["last_frag", "12 [VARCHAR]", 1, "CHAR(1)", 1],
    ["source_id", "12 [VARCHAR]", 128, "VARCHAR(128)", commit?.sourceId ?? ""],
    ["epoch_number", "4 [INTEGER]", 8, "BIGINT(20)", commit?.epoch ?? 0],
    ["eventid", "12 [VARCHAR]", 128, "VARCHAR(128)", commit?.eventId ?? ""],
    ["applied_latency", "0 [NULL]", 0, "INT(11)", "NULL"],
    ["update_timestamp", "93 [TIMESTAMP]", 0, "TIMESTAMP", then],
    ["shard_id", "0 [NULL]", 128, "VARCHAR(128)", "NULL"],
    ["extract_timestamp", "93 [TIMESTAMP]", 0, "TIMESTAMP", then],
  ];
  const bound = columns.map(([, type]) => (type.includes("VARCHAR") ? "UNHEX( ? )" : "?"));
  const names = columns.map(([name]) => `\`${name}\``);
  return [
    "java.sql.SQLIntegrityConstraintViolationException: Duplicate entry '0' for key 'PRIMARY'",
    `Failing statement : INSERT INTO \`${schema}\`.\`trep_commit_seqno\` ( ${names.join(" , ")} )  VALUES (  ${bound.join("  ,  ")}  ) `,
    "Arguments:",
    " - ROW# = 0",
    ...columns.map(
      ([name, type, length, description, value], index) =>
        `  - COL(index=${index + 1} name=${name} type=${type} length=${length} unsigned=false blob=false desc=${description}) = ${value}`,
    ),
  ].join("\n");
}

/** What a replicator does with one event: data, heartbeat row, logged tracking writes; then its own commit row. */
export function applyEvent(host: Host, event: ThlEvent, schema: string): void {
  const { mysql } = host;
  const { entry, seqno, eventId } = event;
  if (entry.kind === "row") applyRow(mysql, entry.tx, entry.origin);
  if (entry.kind === "update" && mysql.rows.has(entry.tx)) mysql.updated.add(entry.tx);
  const { at } = event;
  if (entry.kind === "heartbeat")
    setHeartbeat(mysql, schema, { seqno, eventId, name: entry.name, at, lagMs: at - entry.at });
  if (entry.kind === "tracking") mysql.schemas.set(entry.schema, entry.rows);
  setCommit(mysql, schema, commitOf(event));
}
