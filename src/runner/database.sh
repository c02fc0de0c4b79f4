
# ---- The database as a whole: what a reset would delete is copied away, and one node's data become another's. ----

# server_paths: every folder that holds data, as the server itself reads its configuration; logs are left out of it.
server_paths() {
  local server
  server=$(command -v mariadbd || command -v mysqld) || return 127
  "$server" --defaults-file="$DATABASE_CNF" --verbose --help 2>/dev/null | awk '
    $1 == "datadir" { data = $2; sub(/\/$/, "", data); seen[data]; order[++n] = data }
    $1 ~ /^(innodb-data-home-dir|innodb-log-group-home-dir|innodb-undo-directory|aria-log-dir-path)$/ { path[$1] = $2 }
    END {
      for (key in path) {
        at = path[key]
        if (at == "" || at == "(No" || at == "./" || at == ".") continue
        if (at !~ /^\//) at = data "/" at
        sub(/\/$/, "", at)
        if (!(at in seen) && index(at "/", data "/") != 1) { seen[at]; order[++n] = at }
      }
      for (i = 1; i <= n; i++) print order[i]
    }'
}

server_version() {
  local server
  server=$(command -v mariadbd || command -v mysqld) || return 127
  "$server" --version | sed -E 's/.*[Vv]er +([^ ]+).*/\1/'
}

# server_option NAME: as the server itself reads its configuration.
server_option() {
  local server
  server=$(command -v mariadbd || command -v mysqld) || return 127
  "$server" --defaults-file="$DATABASE_CNF" --verbose --help 2>/dev/null |
    awk -v name="$1" '$1 == name && !told { print $2; told = 1 } END { exit !told }'
}

# files_held: what the data directory of a server at rest holds that somebody may want; nothing where all is as it was made.
# A file cannot always tell: MariaDB writes one for every table, whatever tablespace it lies in, and one for every schema;
# MySQL keeps tables of shared and of outside tablespaces in its dictionary, and leaves an empty folder. So there a schema
# counts as it is, and everywhere a tablespace that was added, or one of the system's that has grown.
files_held() {
  local data paths entry name
  paths=$(server_paths) && [[ -n $paths ]] || return 1
  data=${paths%%$'\n'*}
  [[ -d $data && -r $data && -x $data ]] || return 1
  for entry in "$data"/*; do
    name=${entry##*/}
    case $name in
      mysql | sys | performance_schema | tungsten_* | lost+found | '#'* | mysql.ibd) continue ;;
      *.ibd) printf 'the tablespace %s\n' "$(shown "$name")"; return ;;
    esac
    [[ -d $entry ]] || continue
    [[ -r $entry && -x $entry ]] || return 1
    ! schema_folder "$data" "$name" || { printf 'the schema %s of a user\n' "$(shown "$name")"; return; }
  done
  grown_tablespace "$data"
}

# schema_folder DATA NAME: whether that folder is a schema, and not where logs lie. Some servers are made with a schema `test`.
schema_folder() {
  local files=("$1/$2"/*) file
  ((${#files[@]} > 0)) || { [[ -e $1/mysql.ibd ]]; return; }
  for file in "${files[@]}"; do
    case ${file##*/} in
      db.opt) [[ $2 == test ]] || return 0 ;;
      *.frm | *.ibd | *.isl | *.sdi | *.MY[DI] | *.MA[DI] | *.CS[VM] | *.TRG | *.TRN) return 0 ;;
    esac
  done
  return 1
}

# grown_tablespace DATA: a file of the system's tablespace that is larger than the configuration makes it.
grown_tablespace() {
  local spec home file name size unit
  local -a files
  spec=$(server_option innodb-data-file-path) || return
  home=$(server_option innodb-data-home-dir) || home=""
  [[ -n $home && $home != "(No" ]] || home=$1
  [[ $home == /* ]] || home=$1/$home
  IFS=';' read -ra files <<<"$spec"
  for file in "${files[@]}"; do
    [[ $file =~ ^([^:]+):([0-9]+)([KMG]?)(:|$) ]] || return 1
    name=${BASH_REMATCH[1]} size=${BASH_REMATCH[2]} unit=${BASH_REMATCH[3]}
    case $unit in K) size=$((size * 1024)) ;; M) size=$((size * 1024 ** 2)) ;; G) size=$((size * 1024 ** 3)) ;; esac
    [[ $name == /* ]] || name=$home/$name
    [[ -e $name ]] || continue
    file=$(bytes_of "$name") && [[ -n $file ]] || return 1
    ((file <= size)) || { printf '%s, which has grown since it was made: there were tables in it\n' "$(shown "${name##*/}")"; return; }
  done
}

# log_paths: where binary logs lie when they do not lie in the data directory.
log_paths() {
  local server
  server=$(command -v mariadbd || command -v mysqld) || return 127
  "$server" --defaults-file="$DATABASE_CNF" --verbose --help 2>/dev/null |
    awk '$1 ~ /^log-bin(-basename)?$/ && $2 ~ /^\// { sub(/\/[^\/]*$/, "", $2); print $2 }' | sort -u
}

nothing_runs() {
  local product
  [[ $(answer_database) == stopped ]] || fail 3 "the database runs, or cannot be asked"
  for product in cluster crossSite; do
    [[ ! -x $(program "$product" replicator) ]] || [[ $(ask "$(program "$product" replicator)" status 2>&1) == *"not running"* ]] ||
      fail 3 "the $product replicator runs"
  done
}

# snapshot NAME: data, binary logs and THL of a node at rest, on the second volume; recorded as a backup is.
snapshot() {
  local target=$BACKUPS/$1 path paths index=0
  [[ ! -e $target.state ]] || exit 0
  nothing_runs
  paths=$(server_paths && log_paths) || fail 1 "the server does not tell its paths"
  [[ -n $paths ]] || fail 1 "the server does not tell its paths"
  rm -rf "$target" && (umask 077 && mkdir -p "$target") || exit 1
  for path in $paths "$(home cluster)/thl" "$(home crossSite)/thl"; do
    [[ -d $ROOT$path || -d $path ]] || continue
    [[ -d $path ]] || path=$ROOT$path
    index=$((index + 1))
    mkdir "$target/$index" && cp -a "$path/." "$target/$index/" && printf '%s\t%s\n' "$index" "$path" >>"$target/paths" || exit 1
    [[ $(tree_checksum "$path") == "$(tree_checksum "$target/$index")" ]] || fail 1 "the copy of $path differs"
  done
  sync -f "$target"
  {
    printf 'sha256=%s\nlsn=0\n' "$(tree_checksum "$target")"
    printf 'bytes=%s\n' "$(du --apparent-size --block-size=1 -s "$target" | cut -f 1)"
  } | put "$target.state"
}

# on_donor DONOR FUNCTION…: runs functions of this script there, the last one being called. sshd's own PATH knows no servers.
on_donor() {
  local donor=$1
  shift
  { printf 'PATH=%q\nreadonly DATABASE=%q DATABASE_CNF=%q QUERY_SECONDS=%q\n' "$PATH" "$DATABASE" "$DATABASE_CNF" "$QUERY_SECONDS" && declare -f fail present ask "$@" && printf '%s\n' "${*: -1}"; } |
    ssh -o BatchMode=yes "$donor" bash -s
}

# Of the server's identity and of its log nothing is copied: auto.cnf would make twins, a log would be read as this node's own.
readonly LEFT_THERE=(--exclude=/auto.cnf --exclude='*-bin.[0-9]*' --exclude='*-bin.index' --exclude='*-bin.state'
  --exclude='binlog.[0-9]*' --exclude=binlog.index
  --exclude='*relay-bin*' --exclude='*.pid' --exclude='*.sock')

# outside_paths: what the server here keeps outside of those folders, one place a line: a schema or a table that is a link to
# another place, a table that was made with DATA DIRECTORY (MariaDB names its file in an .isl), a tablespace in a folder that
# only innodb-directories names (MySQL 8 lets files lie nowhere else). Asked of a server at rest.
outside_paths() {
  local paths path place found more real
  paths=$(server_paths) && [[ -n $paths ]] || return 1
  found=$(while IFS= read -r path; do
    find "$path/" -type l -exec readlink -m {} + && find "$path/" -type f -name '*.isl' -exec sed 's/$//' {} + || exit 1
  done <<<"$paths") || return 1
  more=$(server_option innodb-directories) || more=""
  [[ $more != "(No" ]] || more=""
  while IFS= read -r path; do
    [[ $path == /* && -d $path ]] || continue
    found+=$'\n'$(find "$path/" -type f -name '*.ibd') || return 1
  done <<<"${more//;/$'\n'}"
  while IFS= read -r place; do
    [[ -n $place ]] || continue
    place=$(readlink -m "$place")
    while IFS= read -r path; do
      real=$(readlink -m "$path")
      [[ $place/ != "$real/"* ]] || continue 2
    done <<<"$paths"
    printf '%s\n' "$place"
  done <<<"$found"
}

# copy_datadir DONOR NAME: this node pulls; nothing there is changed. Size and time say nothing of a file's content: databases
# that were made in the same second have many that differ in neither. The file NAME is written when a second pass found no
# difference and both databases were at rest all along.
copy_datadir() {
  local donor=$1 name=$2 path paths difference theirs outside
  [[ ! -e $KEPT/$name ]] || exit 0
  [[ $donor != "${POD_NAME:-$(hostname)}" ]] || fail 3 "$donor is this node itself, and would be taken for a copy"
  [[ $(answer_database) == stopped ]] || fail 3 "the database of this node runs"
  [[ $(on_donor "$donor" answer_database) == stopped ]] || fail 3 "the database of $donor runs, or cannot be asked"
  theirs=$(on_donor "$donor" server_version)
  [[ -n $theirs ]] || fail 3 "the server version of $donor cannot be told"
  [[ $theirs == "$(server_version)" ]] || fail 3 "$donor runs another server version than this node: $theirs"
  paths=$(server_paths)
  [[ -n $paths && $(on_donor "$donor" server_paths) == "$paths" ]] || fail 3 "the servers of $donor and of this node keep their data in different places"
  outside=$(on_donor "$donor" server_paths server_option outside_paths) || fail 3 "it cannot be told whether $donor keeps data elsewhere"
  [[ -z $outside ]] || fail 3 "$donor keeps data where no copy would take them along: $(shown "${outside%%$'\n'*}"); move them into its data directory (ALTER TABLE, or the schema made anew), or restore a backup by hand"
  for path in $paths; do
    mkdir -p "$path" && rsync -a --ignore-times --delete --delete-excluded "${LEFT_THERE[@]}" "$donor:$path/" "$path/" || exit 1
  done
  for path in $paths; do
    difference=$(rsync -a --checksum --dry-run --itemize-changes --delete "${LEFT_THERE[@]}" "$donor:$path/" "$path/") || exit 1
    [[ -z $difference ]] || fail 1 "$path differs from that of $donor after the copy"
  done
  [[ $(on_donor "$donor" answer_database) == stopped && $(answer_database) == stopped ]] || fail 1 "a database was started meanwhile"
  sync -f "${paths%%$'\n'*}"
  printf 'from=%s\nversion=%s\n' "$donor" "$(server_version)" | keep "$name"
}

# provisioner NAME: where this release keeps tprovision, or tungsten_provision_slave before it had that name.
provisioner() {
  local tree place
  tree="$(home cluster)/tungsten"
  for place in tungsten-replicator/scripts tungsten-replicator/bin tools; do
    [[ ! -x $tree/$place/$1 ]] || { printf '%s\n' "$tree/$place/$1"; return; }
  done
  printf '%s\n' "$tree/tungsten-replicator/scripts/$1"
}
