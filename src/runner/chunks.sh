
# ---- Data in chunks: which tables there are, where to cut one, a checksum over the rows between two cuts. ----
# Names travel as hex digits of their UTF-8. A cut is the primary key of a row, one item a column, joined by commas:
# n42 a number, x6162 text as UTF-8 (times too), b6162 bytes. `start` and `end` are the open ends.

# The texts of information_schema are compared byte by byte; the first comparison is what the server can look up.
named() { printf "%s = _utf8mb4 0x%s AND CAST(%s AS BINARY) = 0x%s" "$1" "$2" "$1" "$2"; }

# What two nodes must have alike before their rows are compared.
readonly STRUCTURE="MD5(GROUP_CONCAT(CONCAT_WS('/', c.column_name, c.data_type, c.is_nullable,
  COALESCE(c.character_octet_length, '-'), COALESCE(c.numeric_precision, '-'), COALESCE(c.numeric_scale, '-'),
  COALESCE(c.datetime_precision, '-'), COALESCE(c.collation_name, '-'), c.column_type LIKE '%unsigned%',
  IF(c.data_type IN ('enum', 'set'), c.column_type, '-')) ORDER BY c.ordinal_position SEPARATOR ','))"
# How a key column's value is written: n, x, b; ? where its order cannot be asked for in words.
readonly KEY_KIND="CASE WHEN s.sub_part IS NOT NULL THEN '?'
  WHEN c.data_type IN ('tinyint', 'smallint', 'mediumint', 'int', 'bigint', 'decimal', 'year') THEN 'n'
  WHEN c.data_type IN ('char', 'varchar', 'date', 'datetime', 'timestamp', 'time') THEN 'x'
  WHEN c.data_type IN ('binary', 'varbinary') THEN 'b' ELSE '?' END"
readonly IN_BACKTICKS="CONCAT('\`', REPLACE(c.column_name, '\`', '\`\`'), '\`')"
readonly SESSION="SET SESSION time_zone = '+00:00', group_concat_max_len = 4194304;"

# sql_next_table start | after SCHEMA TABLE: SCHEMA, TABLE, kinds of its key's columns (none: it has no key) and the
# checksum of its structure; nothing behind the last one.
sql_next_table() {
  local behind="TRUE" row schema table key structure
  [[ $1 == start ]] || behind="(CAST(table_schema AS BINARY) > 0x$2 OR
    (CAST(table_schema AS BINARY) = 0x$2 AND CAST(table_name AS BINARY) > 0x$3))"
  row=$(ask_sql "
    SELECT LOWER(HEX(CONVERT(table_schema USING utf8mb4))) AS a, LOWER(HEX(CONVERT(table_name USING utf8mb4))) AS b
      FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND $(own_schemas table_schema) AND $behind
      ORDER BY a, b LIMIT 1") || return
  [[ -n $row ]] || return 0
  IFS=$'\t' read -r schema table <<<"$row"
  key=$(ask_sql "SELECT $KEY_KIND $(key_columns "$schema" "$table")") || return
  structure=$(ask_sql "$SESSION SELECT $STRUCTURE FROM information_schema.columns c
    WHERE $(named c.table_schema "$schema") AND $(named c.table_name "$table")") || return
  key=${key//$'\n'/,}
  printf '%s\t%s\t%s\t%s\n' "$schema" "$table" "${key:-none}" "$structure"
}

key_columns() {
  printf "FROM information_schema.statistics s JOIN information_schema.columns c
    ON c.table_schema = s.table_schema AND c.table_name = s.table_name AND c.column_name = s.column_name
    WHERE %s AND %s AND s.index_name = 'PRIMARY' ORDER BY s.seq_in_index" \
    "$(named s.table_schema "$1")" "$(named s.table_name "$2")"
}

# describe_table SCHEMA TABLE: its name in backticks, and an expression that is a checksum of one row.
TABLE="" ROW=""
describe_table() {
  local told
  told=$(client --raw --execute="$SESSION
    SELECT CONCAT('\`', REPLACE(table_schema, '\`', '\`\`'), '\`.\`', REPLACE(table_name, '\`', '\`\`'), '\`')
      FROM information_schema.tables t WHERE $(named table_schema "$1") AND $(named table_name "$2");
    SELECT CONCAT('MD5(CONCAT_WS(''/'', ', GROUP_CONCAT(CASE
        WHEN c.data_type IN ('decimal', 'float', 'double') THEN CONCAT('COALESCE(CONCAT(', $IN_BACKTICKS, '), ''~'')')
        WHEN c.data_type REGEXP 'text|blob|json|geometry|point|polygon|linestring'
          THEN CONCAT('COALESCE(MD5(', $IN_BACKTICKS, '), ''~'')')
        ELSE CONCAT('COALESCE(HEX(', $IN_BACKTICKS, '), ''~'')') END
      ORDER BY c.ordinal_position SEPARATOR ', '), '))')
      FROM information_schema.columns c WHERE $(named c.table_schema "$1") AND $(named c.table_name "$2")") || exit
  { read -r TABLE && read -r ROW; } <<<"$told"
  [[ -n $TABLE && $ROW == MD5* ]] || fail 1 "ERROR 1146 (42S02): no such table"
}

# describe_key SCHEMA TABLE: the key's columns in backticks, and an expression that writes a row's key as a cut.
KEY_NAMES=() KEY_WORDS=""
describe_key() {
  local told kind name words=()
  told=$(client --raw --execute="SELECT $KEY_KIND, $IN_BACKTICKS $(key_columns "$1" "$2")") || exit
  while IFS=$'\t' read -r kind name; do
    KEY_NAMES+=("$name")
    case $kind in
      n) words+=("CONCAT('n', $name)") ;;
      x) words+=("CONCAT('x', LOWER(HEX(CONVERT(CONCAT($name) USING utf8mb4))))") ;;
      b) words+=("CONCAT('b', LOWER(HEX($name)))") ;;
      *) fail 1 "the table has no key that it could be cut by" ;;
    esac
  done <<<"$told"
  KEY_WORDS=$(IFS=, && printf '%s' "${words[*]}")
}

# literal ITEM: an item of a cut, as SQL.
literal() {
  case $1 in
    n*) printf '%s' "${1#n}" ;;
    x | b) printf "''" ;;
    x*) printf '_utf8mb4 0x%s' "${1#x}" ;;
    b*) printf '0x%s' "${1#b}" ;;
  esac
}

# beside STRICT LAST CUT: the rows on one side of a cut, column by column, so that the server walks the key.
beside() {
  local items=() either="" before="" index operator
  IFS=, read -ra items <<<"$3"
  ((${#items[@]} == ${#KEY_NAMES[@]})) || fail 24 "the cut has another number of columns than the key"
  for ((index = 0; index < ${#items[@]}; index += 1)); do
    operator=$1
    ((index < ${#items[@]} - 1)) || operator=$2
    either+="${either:+ OR }($before${KEY_NAMES[index]} $operator $(literal "${items[index]}"))"
    before+="${KEY_NAMES[index]} = $(literal "${items[index]}") AND "
  done
  printf '(%s)' "$either"
}
behind_cut() { if [[ $1 == start ]]; then printf TRUE; else beside '>' '>' "$1"; fi; }
up_to_cut() { if [[ $1 == end ]]; then printf TRUE; else beside '<' '<=' "$1"; fi; }

# limited SECONDS: how a SELECT begins that the server itself ends; MariaDB reads the one comment, MySQL the other.
limited() { printf '%s /*M! SET STATEMENT max_statement_time=%s FOR */ SELECT /*+ MAX_EXECUTION_TIME(%s000) */' "$SESSION" "$1" "$1"; }

# summed FROM: number of rows, the sum of their checksums (whatever their order), rows that could not be reckoned.
summed() {
  printf "COUNT(*), COALESCE(SUM(CAST(CONV(LEFT(row_md5, 16), 16, 10) AS UNSIGNED)), 0), COALESCE(SUM(row_md5 IS NULL), 0)
    FROM (SELECT %s AS row_md5 FROM %s) AS chunk" "$ROW" "$1"
}

# sql_boundary SCHEMA TABLE ROWS SECONDS FROM: the cut that lies ROWS rows behind FROM; `end` when there are fewer, with
# the key of the last one.
sql_boundary() {
  local condition cut from last
  describe_table "$1" "$2"
  describe_key "$1" "$2"
  condition=$(behind_cut "$5") || exit
  from="$(limited "$4") CONCAT_WS(',', $KEY_WORDS) FROM $TABLE FORCE INDEX (PRIMARY) WHERE $condition ORDER BY"
  cut=$(ask_sql "$from $(IFS=, && printf '%s' "${KEY_NAMES[*]}") LIMIT 1 OFFSET $(($3 - 1))") || return
  [[ -z $cut ]] || { printf '%s\n' "$cut"; return; }
  last=$(ask_sql "$from $(printf '%s DESC,' "${KEY_NAMES[@]}" | sed 's/,$//') LIMIT 1") || return
  printf 'end%s\n' "${last:+$'\t'$last}"
}

# sql_chunk SCHEMA TABLE SECONDS FROM TO: of the rows behind FROM up to TO.
sql_chunk() {
  local behind upto
  describe_table "$1" "$2"
  describe_key "$1" "$2"
  if ! behind=$(behind_cut "$4") || ! upto=$(up_to_cut "$5"); then exit 24; fi
  ask_sql "$(limited "$3") $(summed "$TABLE FORCE INDEX (PRIMARY) WHERE $behind AND $upto")"
}

# sql_whole SCHEMA TABLE ROWS SECONDS: of a table without a key to cut it by; `more` when it has more rows than that.
sql_whole() {
  local told
  describe_table "$1" "$2"
  told=$(ask_sql "$(limited "$4") $(summed "$TABLE LIMIT $(($3 + 1))")") || return
  if ((${told%%$'\t'*} > $3)); then printf 'more\n'; else printf '%s\n' "$told"; fi
}
