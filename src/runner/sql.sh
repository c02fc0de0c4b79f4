
# ---- The database: fixed questions in SQL. Credentials come from a file, never from arguments. ----

# first_of PROGRAM…: the first of them that is installed.
first_of() {
  local name
  for name in "$@"; do
    ! command -v "$name" >/dev/null || { printf '%s\n' "$name"; return; }
  done
  fail 127 "$1: No such file or directory"
}

# client: the mysql client as the replication user; tab-separated rows without a head. On a node that no tungsten.ini has
# come to nobody has told of that user yet: the owner asks, if it sees all there is. To whom nothing is shown everything
# looks empty, an anonymous account for one.
client() {
  local name
  if [[ ! -f $CLIENT_FILE ]]; then
    [[ $(as_owner --execute="$SEES_ALL") == yes ]] || fail 1 "the owner of the server may not read all of it"
    as_owner "$@"
    return
  fi
  name=$(first_of mariadb mysql) || exit 127
  timeout --kill-after=2 "${SQL_SECONDS:-$QUERY_SECONDS}" "$name" --defaults-extra-file="$CLIENT_FILE" --socket="$SOCKET" \
    --batch --skip-column-names --default-character-set=utf8mb4 "$@"
}

# as_owner: the same as the account of the system user that runs mysqld, which may log in over the socket.
as_owner() {
  local name
  name=$(first_of mariadb mysql) || exit 127
  timeout --kill-after=2 "${SQL_SECONDS:-$QUERY_SECONDS}" "$name" --no-defaults --socket="$SOCKET" --user="$(id -un)" \
    --batch --skip-column-names --default-character-set=utf8mb4 "$@"
}

# Whether who asks is shown every table, routine and event, by rights over all schemas.
readonly SEES_ALL="SELECT IF(COUNT(DISTINCT privilege_type) = 2, 'yes', 'no') FROM information_schema.user_privileges
  WHERE privilege_type IN ('SELECT', 'EVENT') AND grantee =
  CONCAT(QUOTE(SUBSTRING_INDEX(CURRENT_USER(), '@', 1)), '@', QUOTE(SUBSTRING_INDEX(CURRENT_USER(), '@', -1)))"

ask_sql() { client --execute="$1"; }

# The schemas people own: not the server's, not Tungsten's.
readonly OWN_SCHEMAS="NOT IN ('mysql','information_schema','performance_schema','sys') AND %s NOT LIKE 'tungsten\\_%%'"
# shellcheck disable=SC2059  # the format is the constant above
own_schemas() { printf "$1 $OWN_SCHEMAS" "$1"; }

sql_findings() {
  ask_sql "
    SELECT 'trigger', CONCAT(trigger_schema, '.', trigger_name) FROM information_schema.triggers
      WHERE $(own_schemas trigger_schema);
    SELECT 'event', CONCAT(event_schema, '.', event_name) FROM information_schema.events
      WHERE status = 'ENABLED' AND $(own_schemas event_schema);
    SELECT 'nokey', CONCAT(t.table_schema, '.', t.table_name) FROM information_schema.tables t
      LEFT JOIN information_schema.table_constraints c ON c.table_schema = t.table_schema
        AND c.table_name = t.table_name AND c.constraint_type = 'PRIMARY KEY'
      WHERE t.table_type = 'BASE TABLE' AND c.constraint_name IS NULL AND $(own_schemas t.table_schema);
    SELECT 'nontransactional', CONCAT(table_schema, '.', table_name) FROM information_schema.tables
      WHERE table_type = 'BASE TABLE' AND engine <> 'InnoDB' AND $(own_schemas table_schema);
    SELECT 'ddl', SUBSTRING_INDEX(REGEXP_REPLACE(TRIM(info), '[[:space:]]+', ' '), ' ', 3) FROM information_schema.processlist
      WHERE info REGEXP '^[[:space:]]*(alter|create|drop|truncate|rename|optimize)[[:space:]]';" &&
    ask_sql "XA RECOVER" | awk -F '\t' '{ print "xa\t" $4 }'
}

# sql_server: settings as the running server has them. MariaDB before 10.6 counts days.
sql_server() {
  ask_sql "
    SELECT 'server_id', @@global.server_id; SELECT 'log_bin', @@global.log_bin;
    SELECT 'binlog_format', @@global.binlog_format;
    SELECT 'auto_increment_increment', @@global.auto_increment_increment;
    SELECT 'auto_increment_offset', @@global.auto_increment_offset; SELECT 'version', version();" || return
  ask_sql "SELECT 'binlog_expire_logs_seconds', @@global.binlog_expire_logs_seconds" 2>/dev/null ||
    ask_sql "SELECT 'binlog_expire_logs_seconds', ROUND(@@global.expire_logs_days * 86400)"
}

# sql_belongings: the first thing here that somebody may want, tables before others, as KIND SCHEMA NAME; nothing where all is
# as it was made. Not only base tables: those with versions and sequences hold data too; a view, a routine, an event, and a
# schema that is still empty are somebody's work. Some servers are made with a schema `test`. Names are compared as bytes: on
# Linux Mysql is another schema than mysql. Accounts do not count: images bring their own.
sql_belongings() {
  local hex="LOWER(HEX(CONVERT(%s USING utf8mb4)))" table routine event schema
  [[ $(ask_sql "$SEES_ALL") == yes ]] || fail 1 "the account that asks may not read all of the server"
  # shellcheck disable=SC2059  # the format is the constant above
  table="CASE table_type WHEN 'VIEW' THEN 'view' WHEN 'SEQUENCE' THEN 'sequence' ELSE 'table' END AS kind,
    $(printf "$hex AS a, $hex AS b" table_schema table_name) FROM information_schema.tables
    WHERE table_type <> 'SYSTEM VIEW' AND $(own_schemas 'CAST(table_schema AS BINARY)')"
  # shellcheck disable=SC2059
  routine="'routine', $(printf "$hex, $hex" routine_schema routine_name) FROM information_schema.routines
    WHERE $(own_schemas 'CAST(routine_schema AS BINARY)')"
  # shellcheck disable=SC2059
  event="'event', $(printf "$hex, $hex" event_schema event_name) FROM information_schema.events
    WHERE $(own_schemas 'CAST(event_schema AS BINARY)')"
  # shellcheck disable=SC2059
  schema="'schema', $(printf "$hex, $hex" schema_name schema_name) FROM information_schema.schemata
    WHERE $(own_schemas 'CAST(schema_name AS BINARY)') AND CAST(schema_name AS BINARY) <> 'test'"
  ask_sql "SELECT kind, a, b FROM (SELECT $table UNION ALL SELECT $routine UNION ALL SELECT $event UNION ALL SELECT $schema) AS found
    ORDER BY kind <> 'table', kind = 'schema', kind, a, b LIMIT 1"
}

sql_binlog_position() {
  { ask_sql "SHOW MASTER STATUS" 2>/dev/null || ask_sql "SHOW BINARY LOG STATUS"; } | cut -f 1,2
}

# sql_logged_tracking FILE POSITION: events behind that position which touch a tracking schema and are no heartbeat. A
# log that cannot be read from there on fails; it is not empty.
sql_logged_tracking() {
  local reader
  reader=$(first_of mariadb-binlog mysqlbinlog) || exit 127
  timeout --kill-after=2 "$QUERY_SECONDS" "$reader" --defaults-extra-file="$CLIENT_FILE" --socket="$SOCKET" \
    --read-from-remote-server --to-last-log --start-position="$2" --base64-output=decode-rows "$1" |
    awk '
      { line = tolower($0) }
      line ~ /table_map: `tungsten_[^`]*`\./ && line !~ /`\.`heartbeat`/ { count++ }
      line ~ /^use `/ { inside = line ~ /^use `tungsten_/; next }
      line !~ /^(create|drop|alter|truncate|rename|insert|replace|update|delete|grant|revoke) / { next }
      line ~ /tungsten_/ || inside && line !~ /heartbeat/ { count++ }
      END { print count + 0 }'
}

# quoted TEXT: as a string of SQL.
quoted() {
  local text=${1//\\/\\\\}
  printf "'%s'" "${text//\'/\'\'}"
}

# sql_accounts: whether the accounts of the mounted Secret exist, asked as owner: before they do nobody else can ask.
sql_accounts() {
  local role
  for role in replication application; do
    [[ -f $SECRETS/$role-user ]] || fail 1 "the secret of the $role account is missing"
    printf "SELECT '%s', IF(COUNT(*) > 0, 'present', 'absent') FROM mysql.user WHERE host = '%%' AND user = %s;\n" \
      "$role" "$(quoted "$(<"$SECRETS/$role-user")")"
  done | as_owner
}

# sql_size: bytes of all tables and indexes, as the server estimates them.
sql_size() {
  ask_sql "SELECT COALESCE(SUM(data_length + index_length), 0) FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
}

# sql_readers: who reads this server's binary log under another account than ours.
sql_readers() {
  [[ -f $SECRETS/replication-user ]] || fail 1 "the secret of the replication account is missing"
  ask_sql "SELECT DISTINCT user, SUBSTRING_INDEX(host, ':', 1) FROM information_schema.processlist
    WHERE command LIKE 'Binlog Dump%' AND user <> $(quoted "$(<"$SECRETS/replication-user")")"
}

# answer_sql QUESTION ARG…
answer_sql() {
  case $1 in
    read-only) ask_sql "SELECT @@global.read_only" ;;
    tracking)
      ask_sql "
        SELECT 'commit', task_id, seqno, fragno, last_frag, source_id, epoch_number, eventid, shard_id
          FROM \`$2\`.trep_commit_seqno ORDER BY task_id;
        SELECT 'heartbeat', seqno, eventid, name FROM \`$2\`.heartbeat"
      ;;
    heartbeat)
      ask_sql "SELECT name, UNIX_TIMESTAMP(COALESCE(target_tstamp, source_tstamp)), COALESCE(lag_millis, 0)
        FROM \`$2\`.heartbeat WHERE name IS NOT NULL"
      ;;
    schemas)
      ask_sql "
        SELECT s.schema_name, (SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = s.schema_name)
            + (SELECT COUNT(*) FROM information_schema.routines WHERE routine_schema = s.schema_name)
            + (SELECT COUNT(*) FROM information_schema.events WHERE event_schema = s.schema_name)
          FROM information_schema.schemata s WHERE s.schema_name LIKE 'tungsten\\_%'"
      ;;
    server) sql_server ;;
    findings) sql_findings ;;
    oldest-transaction)
      ask_sql "SELECT COALESCE(MAX(TIMESTAMPDIFF(SECOND, trx_started, NOW())), 0) FROM information_schema.innodb_trx"
      ;;
    logged-tracking) sql_logged_tracking "$2" "$3" ;;
    binlog-position) sql_binlog_position ;;
    accounts) sql_accounts ;;
    shard-channels) ask_sql "SELECT COUNT(*) FROM \`$2\`.trep_shard_channel" ;;
    size) sql_size ;;
    readers) sql_readers ;;
    belongings) sql_belongings ;;
    next-table) sql_next_table "${@:2}" ;;
    boundary) sql_boundary "${@:2}" ;;
    chunk) sql_chunk "${@:2}" ;;
    whole) sql_whole "${@:2}" ;;
  esac
}
