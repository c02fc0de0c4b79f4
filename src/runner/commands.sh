
# ---- Commands: what changes a node. The supervisor's child runs one; what it becomes is the process the marker names. ----

# joined_text FILE: the published text with each placeholder @{name} replaced by the Secret's file of that name. Fails
# on a name that is not mounted: half a configuration is none.
joined_text() {
  local line name value
  while IFS= read -r line || [[ -n $line ]]; do
    while [[ $line =~ @\{([a-z0-9-]+)\} ]]; do
      name=${BASH_REMATCH[1]}
      [[ -f $SECRETS/$name ]] || fail 1 "$SECRETS/$name is missing"
      value=$(<"$SECRETS/$name")
      [[ $value != *"@{"* ]] || fail 1 "the secret $name holds a placeholder"
      line=${line//"@{$name}"/"$value"}
    done
    printf '%s\n' "$line"
  done <"$1"
}

# join_ini: writes what tpm reads, and what our mysql clients read.
join_ini() {
  mkdir -p "${JOINED_INI%/*}" || exit 1
  local text
  text=$(joined_text "$PUBLISHED_INI") || exit 1
  printf '%s\n' "$text" | put "$JOINED_INI" || exit 1
  printf '[client]\nuser="%s"\npassword="%s"\n' "$(<"$SECRETS/replication-user")" "$(<"$SECRETS/replication-password")" |
    put "$CLIENT_FILE"
}

publish_ini() {
  local part
  part=$(mktemp "$INCOMING/ini.XXXXXX") || exit 1
  trap 'rm -f "$part"' EXIT
  cat >"$part" || exit 1
  [[ $(sha256_of "$part") == "$1" ]] || fail 3 "the text has another checksum"
  put "$PUBLISHED_INI" <"$part" && join_ini
}

keep_position() {
  local text
  text=$(ask "$(program crossSite dsctl)" -service "$1" get) || exit
  [[ $text == *seqno* ]] || fail 3 "dsctl told no position"
  printf '%s\n' "$text" | keep "$2"
}

keep_read_only() {
  [[ ! -e $KEPT/$1 ]] || exit 0
  local value
  value=$(answer_sql read-only)
  [[ $value == [01] ]] || fail 1 "read_only cannot be read"
  printf '%s\n' "$value" | keep "$1"
}

put_read_only() {
  local value
  [[ -f $KEPT/$1 ]] || fail 1 "$1: No such file or directory"
  value=$(<"$KEPT/$1")
  [[ $value == [01] ]] || fail 1 "$1 holds neither 0 nor 1"
  ask_sql "SET GLOBAL read_only = $value"
}

# dump_schema SCHEMA NAME: to a new file; what mysqldump says about its success proves nothing, the operator reads the rows.
dump_schema() {
  local dumper part
  [[ ! -e $KEPT/$2 ]] || fail 3 "$2 exists"
  dumper=$(first_of mariadb-dump mysqldump) || exit 127
  part=$(mktemp "$KEPT/.part.XXXXXX") || exit 1
  trap 'rm -f "$part"' EXIT
  "$dumper" --defaults-extra-file="$CLIENT_FILE" --socket="$SOCKET" --single-transaction --hex-blob --routines=false \
    --databases "$1" >"$part" || exit
  sync "$part" && keep_file "$part" "$2"
}

# restore_schema NAME SHA256: unlogged; a reload that reaches the binary log loses rows on the other nodes.
restore_schema() {
  [[ $(sha256_of "$KEPT/$1") == "$2" ]] || fail 3 "$1 is not the file that was verified"
  { printf 'SET SESSION sql_log_bin = 0;\n' && cat "$KEPT/$1"; } | SQL_SECONDS=600 client
}

drop_schema() {
  local tables table
  tables=$(ask_sql "SELECT table_name FROM information_schema.tables WHERE table_schema = '$1'") || exit
  for table in $tables; do
    [[ $(ask_sql "SELECT EXISTS (SELECT 1 FROM \`$1\`.\`$table\`)") == 0 ]] || fail 3 "$1.$table holds rows"
  done
  ask_sql "DROP DATABASE \`$1\`"
}

readonly APPLICATION_RIGHTS="SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, EXECUTE, TRIGGER, REFERENCES,
  CREATE TEMPORARY TABLES, LOCK TABLES, CREATE VIEW, SHOW VIEW, EVENT"

# accounts: made where they are missing, unlogged, on every node by itself.
accounts() {
  local role user word rights text="SET SESSION sql_log_bin = 0;"
  for role in replication application; do
    [[ -f $SECRETS/$role-user && -f $SECRETS/$role-password ]] || fail 1 "the secret of the $role account is missing"
    user=$(quoted "$(<"$SECRETS/$role-user")") word=$(quoted "$(<"$SECRETS/$role-password")")
    rights=$APPLICATION_RIGHTS
    [[ $role != replication ]] || rights="ALL PRIVILEGES"
    text+=" CREATE USER IF NOT EXISTS $user@'%' IDENTIFIED BY $word; GRANT $rights ON *.* TO $user@'%'"
    [[ $role != replication ]] || text+=" WITH GRANT OPTION"
    text+=";"
  done
  printf '%s\n' "$text" | as_owner
}

# backup NAME: physical, prepared, then recorded with its checksum; a name is taken once.
backup() {
  local tool target=$BACKUPS/$1 lsn
  [[ ! -e $target.state ]] || exit 0
  tool=$(first_of mariadb-backup mariabackup xtrabackup) || exit 127
  rm -rf "$target" && mkdir -p "$target" || exit 1
  "$tool" --defaults-extra-file="$CLIENT_FILE" --socket="$SOCKET" --backup --target-dir="$target" || exit
  "$tool" --prepare --target-dir="$target" || exit
  lsn=$(cat "$target"/*_checkpoints | sed -n 's/^to_lsn *= *//p' | tail -n 1)
  [[ -n $lsn ]] || fail 1 "the backup tells no LSN"
  sync "$target"
  {
    printf 'sha256=%s\nlsn=%s\n' "$(tree_checksum "$target")" "$lsn"
    printf 'bytes=%s\n' "$(du --apparent-size --block-size=1 -s "$target" | cut -f 1)"
  } | put "$target.state"
}

# tree_checksum FOLDER: over the checksums of all its files, in order of their names.
tree_checksum() (
  cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -d ' ' -f 1
)

# run_tpm DIR PRODUCT RELEASE WORD…: without a terminal tpm says nothing at all. The checksum it ran with is remembered.
run_tpm() {
  local dir=$1 product=$2 release=$3 tpm package
  shift 3
  if [[ $product == cluster ]]; then package=tungsten-clustering; else package=tungsten-replicator; fi
  if [[ $release == installed ]]; then tpm=$(program "$product" tpm); else tpm=$SOFTWARE/$package-$release/tools/tpm; fi
  present "$tpm"
  [[ ! -f $PUBLISHED_INI ]] || sha256_of "$PUBLISHED_INI" >"$dir/ini"
  cd "${tpm%/tools/tpm}" || exit 1
  become "$tpm" "$@" --tty
}

# note_installed DIR: after a tpm that ended well, what it was installed from; after an uninstall, that nothing is.
note_installed() {
  case "${COMMAND[0]} ${COMMAND[3]-}" in
    "tpm install" | "tpm update") printf 'ini=%s\n' "$(<"$1/ini")" | put "$INSTALLED/${COMMAND[1]}" ;;
    "tpm uninstall") rm -f "$INSTALLED/${COMMAND[1]}" ;;
  esac
}

# run_command DIR TOOL ARG…: an admitted command, its standard input being the payload's rest.
run_command() {
  local dir=$1 tool=$2
  shift 2
  case $tool in
    cctrl) become "$(program cluster cctrl)" ;;
    trepctl | replicator | startall | stopall) become "$(program "$1" "$tool")" "${@:2}" ;;
    manager | connector) become "$(program cluster "$tool")" "$@" ;;
    tpm) run_tpm "$dir" "$@" ;;
    hold) : >"$HOLDS/$1" && sync "$HOLDS/$1" "$HOLDS" ;;
    release) rm -f "$HOLDS/$1" && sync "$HOLDS" ;;
    keep-position) keep_position "$@" ;;
    keep-read-only) keep_read_only "$1" ;;
    put-read-only) put_read_only "$1" ;;
    dump-schema) dump_schema "$@" ;;
    restore-schema) restore_schema "$@" ;;
    drop-schema) drop_schema "$1" ;;
    publish-ini) publish_ini "$1" ;;
    accounts) accounts ;;
    backup) backup "$1" ;;
  esac
}
