
# ---- Commands: what changes a node. The supervisor's child runs one; what it becomes is the process the marker names. ----

# secret NAME: its value, on one line. A name that is not mounted fails: half a configuration is none.
secret() {
  local value
  [[ -f $SECRETS/$1 ]] || fail 1 "$SECRETS/$1 is missing"
  value=$(<"$SECRETS/$1") || fail 1 "$SECRETS/$1 cannot be read"
  [[ -n $value && $value != *[[:cntrl:]]* && $value != *"@{"* ]] ||
    fail 1 "the secret $1 is empty, or holds a line break or a placeholder"
  printf '%s' "$value"
}

# joined_text FILE: the published text with each placeholder @{name} replaced by the Secret's file of that name.
joined_text() {
  local line name value
  while IFS= read -r line || [[ -n $line ]]; do
    while [[ $line =~ @\{([a-z0-9-]+)\} ]]; do
      name=${BASH_REMATCH[1]}
      value=$(secret "$name") || exit 1
      line=${line//"@{$name}"/"$value"}
    done
    [[ $line != *"@{"* ]] || fail 1 "the published text holds a placeholder that names no secret"
    printf '%s\n' "$line"
  done <"$1"
}

# option_value TEXT: as a value in an option file of mysql, where a backslash begins an escape and quotes keep blanks and #.
option_value() { printf '"%s"' "${1//\\/\\\\}"; }

# join_ini: writes what tpm reads, and what our mysql clients read.
join_ini() {
  local part user word
  [[ -f $PUBLISHED_INI ]] || fail 1 "no ini is published"
  mkdir -p "${JOINED_INI%/*}" || exit 1
  user=$(secret replication-user) && word=$(secret replication-password) || exit 1
  part=$(umask 077 && mktemp "${JOINED_INI%/*}/.join.XXXXXX") || exit 1
  if ! joined_text "$PUBLISHED_INI" >"$part"; then
    rm -f "$part"
    exit 1
  fi
  printf '[client]\nuser=%s\npassword=%s\n' "$(option_value "$user")" "$(option_value "$word")" | put "$CLIENT_FILE" || exit 1
  if grep -q '^java-keystore-path=' "$part"; then make_stores || exit 1; fi
  put "$JOINED_INI" <"$part" || exit 1
  rm -f "$part"
}

# join: for the container's entrypoint, which finds /etc/tungsten empty. Never beside a publish-ini.
join() { locked "$INI_LOCK" join_ini; }

publish_ini() {
  local part
  part=$(mktemp "$INCOMING/ini.XXXXXX") || exit 1
  trap 'rm -f "$part"' EXIT
  cat >"$part" || exit 1
  [[ $(sha256_of "$part") == "$1" ]] || fail 3 "the text has another checksum"
  locked "$INI_LOCK" publish "$part"
}

publish() { put "$PUBLISHED_INI" <"$1" && join_ini; }

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

# home_folder: where the vendor's tool saves positions, and by our guess dumps.
home_folder() {
  local line
  line=$(getent passwd "$(id -u)" | cut -d : -f 6)
  printf '%s\n' "${HOME:-$line}"
}

# newer_than MARK PATTERN…: what the tool has written since, below the folders it may write to.
newer_than() {
  local mark=$1
  shift
  find "$(home_folder)" "$(home crossSite)" "${TMPDIR:-/tmp}" -maxdepth 3 -type f -newer "$mark" "$@" 2>/dev/null | sort -u
}

# prep_keep RELEASE SERVICE get|dump NAME: the tool names its files itself, so what appears is looked for: exactly one.
prep_keep() {
  local tool=$SOFTWARE/tungsten-clustering-$1/tools/tungsten_prep_upgrade mark file found=()
  present "$tool"
  [[ ! -e $KEPT/$4 ]] || fail 3 "$4 exists"
  mark=$(mktemp "$INCOMING/prep.XXXXXX") || exit 1
  trap 'rm -f "$mark"' EXIT
  touch -d '1 second ago' "$mark"
  cd "${tool%/*}" && "$tool" --service "$2" "--$3" </dev/null || exit
  if [[ $3 == get ]]; then
    mapfile -t found < <(newer_than "$mark" -name "position-$2-*.txt")
  else
    while IFS= read -r file; do
      ! grep -q "tungsten_$2" "$file" || ! grep -q trep_commit_seqno "$file" || found+=("$file")
    done < <(newer_than "$mark" -size +0)
  fi
  ((${#found[@]} == 1)) || fail 3 "tungsten_prep_upgrade left ${#found[@]} files that could be it"
  keep "$4" <"${found[0]}"
}

# prep_upgrade RELEASE stop | RELEASE SERVICE offline | RELEASE SERVICE get|dump NAME. Never --restore: its password is an argument.
prep_upgrade() {
  local tool=$SOFTWARE/tungsten-clustering-$1/tools/tungsten_prep_upgrade
  case ${3-} in
    get | dump) prep_keep "$@" ;;
    offline) present "$tool" && cd "${tool%/*}" && become "$tool" --service "$2" --offline ;;
    *) present "$tool" && cd "${tool%/*}" && become "$tool" --stop ;;
  esac
}

# dump_schema SCHEMA NAME: to a new file; what mysqldump says about its success proves nothing, the operator reads the rows.
dump_schema() {
  local dumper part
  [[ ! -e $KEPT/$2 ]] || fail 3 "$2 exists"
  dumper=$(first_of mariadb-dump mysqldump) || exit 127
  part=$(mktemp "$KEPT/.part.XXXXXX") || exit 1
  trap 'rm -f "$part"' EXIT
  # MySQL's own would write what a restore must not do: set GTIDs, and logging back on.
  "$dumper" --defaults-extra-file="$CLIENT_FILE" --socket="$SOCKET" --single-transaction --hex-blob \
    --loose-set-gtid-purged=OFF --loose-no-tablespaces --loose-column-statistics=0 --databases "$1" >"$part" || exit
  sync "$part" && keep_file "$part" "$2"
}

# restore_schema NAME SHA256: unlogged; a reload that reaches the binary log loses rows on the other nodes.
restore_schema() {
  [[ $(sha256_of "$KEPT/$1") == "$2" ]] || fail 3 "$1 is not the file that was verified"
  { printf 'SET SESSION sql_log_bin = 0;\n' && cat "$KEPT/$1"; } | SQL_SECONDS=600 client
}

# apply_sql NAME SHA256: a person's statements, in one transaction and with the binary log off. They may neither speak of the
# log nor leave the database, and the session tells at its end that the log is still off. NAME is written when it is done.
apply_sql() {
  local part said
  [[ ! -e $KEPT/$1 ]] || fail 3 "$1 exists: these statements have run here"
  part=$(mktemp "$INCOMING/sql.XXXXXX") || exit 1
  trap 'rm -f "$part"' EXIT
  cat >"$part" || exit 1
  [[ $(sha256_of "$part") == "$2" ]] || fail 3 "the text has another checksum"
  ! grep -qiE 'log_bin|log_off' "$part" || fail 3 "the text speaks of the binary log, which this command sets by itself"
  ! grep -qE '\\[!.]' "$part" || fail 3 "the text leaves the database"
  ! grep -qiE '^[[:space:]]*(system|source|tee|pager|edit|connect|delimiter)([[:space:]]|$)' "$part" ||
    fail 3 "the text holds a command of the client"
  [[ $(tr -d '[:space:]' <"$part" | tail -c 1) == ';' ]] || fail 3 "the text does not end with a semicolon"
  said=$({
    printf 'SET SESSION sql_log_bin = 0;\nSTART TRANSACTION;\n' && cat "$part"
    printf '\nCOMMIT;\nSELECT CONCAT("log_bin=", @@session.sql_log_bin + 0);\n'
  } | SQL_SECONDS=600 client) || exit
  [[ ${said##*$'\n'} == log_bin=0 ]] || fail 4 "the session does not say that its binary log was off"
  printf 'sha256=%s\nlog_bin=0\n' "$2" | keep "$1"
}

# drop_schema SCHEMA: unlogged, and only if no table of it holds a row, and nothing else is in it.
drop_schema() {
  local tables table others
  others=$(ask_sql "SELECT (SELECT COUNT(*) FROM information_schema.routines WHERE routine_schema = '$1')
    + (SELECT COUNT(*) FROM information_schema.events WHERE event_schema = '$1')") || exit
  [[ $others == 0 ]] || fail 3 "$1 holds routines or events"
  tables=$(ask_sql "SELECT table_name FROM information_schema.tables WHERE table_schema = '$1'") || exit
  for table in $tables; do
    [[ $(ask_sql "SELECT EXISTS (SELECT 1 FROM \`$1\`.\`$table\`)") == 0 ]] || fail 3 "$1.$table holds rows"
  done
  ask_sql "SET SESSION sql_log_bin = 0; DROP DATABASE \`$1\`"
}

readonly APPLICATION_RIGHTS="SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, EXECUTE, TRIGGER, REFERENCES,
  CREATE TEMPORARY TABLES, LOCK TABLES, CREATE VIEW, SHOW VIEW, EVENT"

# accounts: made where they are missing, unlogged, on every node by itself.
accounts() {
  local role user word rights text="SET SESSION sql_log_bin = 0, sql_mode = '';"
  for role in replication application; do
    user=$(secret "$role-user") && word=$(secret "$role-password") || exit 1
    user=$(quoted "$user") word=$(quoted "$word")
    rights=$APPLICATION_RIGHTS
    [[ $role != replication ]] || rights="ALL PRIVILEGES"
    text+=" CREATE USER IF NOT EXISTS $user@'%' IDENTIFIED BY $word; GRANT $rights ON *.* TO $user@'%'"
    [[ $role != replication ]] || text+=" WITH GRANT OPTION"
    text+=";"
  done
  printf '%s\n' "$text" | SQL_SECONDS=600 as_owner
}

# backup NAME: physical, prepared, then recorded with its checksum; a name is taken once.
backup() {
  local tool target=$BACKUPS/$1 lsn
  [[ ! -e $target.state ]] || exit 0
  tool=$(first_of mariadb-backup mariabackup xtrabackup) || exit 127
  rm -rf "$target" && (umask 077 && mkdir -p "$target") || exit 1
  "$tool" --defaults-extra-file="$CLIENT_FILE" --socket="$SOCKET" --backup --target-dir="$target" || exit
  "$tool" --prepare --target-dir="$target" || exit
  lsn=$(cat "$target"/*_checkpoints | sed -n 's/^to_lsn *= *//p' | tail -n 1)
  [[ -n $lsn ]] || fail 1 "the backup tells no LSN"
  sync -f "$target"
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
# From here until it ends well the entrypoint starts nothing of that product: a half uninstalled replicator would begin at 0.
run_tpm() {
  local dir=$1 product=$2 release=$3 tpm package
  shift 3
  if [[ $product == cluster ]]; then package=tungsten-clustering; else package=tungsten-replicator; fi
  if [[ $release == installed ]]; then tpm=$(program "$product" tpm); else tpm=$SOFTWARE/$package-$release/tools/tpm; fi
  present "$tpm"
  [[ ! -f $PUBLISHED_INI ]] || sha256_of "$PUBLISHED_INI" >"$dir/ini" || exit 1
  word_of ini-version >"$dir/secret" || exit 1
  [[ $1 == @(validate|promote-connector) ]] || printf '%s\n' "${dir##*/}" | locked "$HOLDS_LOCK" put "$UNFINISHED/$product" || exit 1
  cd "${tpm%/tools/tpm}" || exit 1
  become "$tpm" "$@" --tty
}

# note_installed DIR: after a tpm that ended well, what it was installed from; after an uninstall, that nothing is.
note_installed() {
  case "${COMMAND[0]} ${COMMAND[3]-}" in
    "tpm install" | "tpm update")
      printf 'ini=%s\nsecret=%s\n' "$(cat "$1/ini" 2>/dev/null)" "$(cat "$1/secret" 2>/dev/null)" | put "$INSTALLED/${COMMAND[1]}" || return
      ;;
    "tpm post-process" | "tpm delete-service") ;;
    "tpm uninstall") rm -f "$INSTALLED/${COMMAND[1]}" || return ;;
    *) return 0 ;;
  esac
  rm -f "$UNFINISHED/${COMMAND[1]}" && sync "$UNFINISHED"
}

# hold NAME: under the lock the entrypoint starts components under: either it has started, or it sees the hold.
hold() { : >"$HOLDS/$1" && sync "$HOLDS/$1" "$HOLDS"; }

# run_replicator PRODUCT VERB: the vendor's word for a start that leaves the services offline is two words.
run_replicator() {
  local program
  program=$(program "$1" replicator)
  if [[ $2 == start-offline ]]; then become "$program" start offline; else become "$program" "$2"; fi
}

# run_command DIR TOOL ARG…: an admitted command, its standard input being the payload's rest.
run_command() {
  local dir=$1 tool=$2
  shift 2
  case $tool in
    cctrl) become "$(program cluster cctrl)" "$@" ;;
    replicator) run_replicator "$@" ;;
    trepctl | startall | stopall) become "$(program "$1" "$tool")" "${@:2}" ;;
    manager | connector) become "$(program cluster "$tool")" "$@" ;;
    tpm) run_tpm "$dir" "$@" ;;
    hold) locked "$HOLDS_LOCK" hold "$1" ;;
    release) rm -f "$HOLDS/$1" && sync "$HOLDS" ;;
    keep-position) keep_position "$@" ;;
    keep-read-only) keep_read_only "$1" ;;
    put-read-only) put_read_only "$1" ;;
    prep-upgrade) prep_upgrade "$@" ;;
    dump-schema) dump_schema "$@" ;;
    restore-schema) restore_schema "$@" ;;
    apply-sql) apply_sql "$@" ;;
    drop-schema) drop_schema "$1" ;;
    publish-ini) publish_ini "$1" ;;
    accounts)
      case ${1-} in
        change) change_accounts ;;
        map) map_accounts ;;
        settle) settle_accounts ;;
        *) accounts ;;
      esac
      ;;
    backup) backup "$1" ;;
    database) become "$DATABASE" "$1" ;;
    snapshot) snapshot "$1" ;;
    copy-datadir) copy_datadir "$@" ;;
    tprovision | tungsten_provision_slave) become "$(provisioner "$tool")" "$@" ;;
  esac
}
