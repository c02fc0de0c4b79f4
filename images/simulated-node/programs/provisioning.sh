# shellcheck shell=bash
# Simulated Tungsten, for tests and demonstrations only: what tprovision and tungsten_provision_slave have in common. Sourced by
# them; it lies beside them in the package. The copy is real: a physical backup of the source, streamed over ssh, takes the
# datadir's place. Positions come with the data.
set -uo pipefail
shopt -s nullglob

readonly ROOT=${TUNGSTEN_SIMULATOR_ROOT-}
readonly DATA=$ROOT/opt/mysql/data
readonly STAGE=$ROOT/opt/mysql/provision
readonly CLIENT=(--defaults-extra-file="$ROOT/etc/tungsten/client.cnf" --socket="$ROOT/run/mysqld/mysqld.sock")
HOST=${POD_NAME:-$(hostname)}
readonly HOST=${HOST%%.*}

note() { printf 'NOTE  >> %s >> %s\n' "$HOST" "$1"; }
die() {
  printf 'ERROR >> %s >> %s\n' "$HOST" "$1"
  exit 1
}

bin() { printf '%s/opt/%s/tungsten/tungsten-replicator/bin\n' "$ROOT" "$1"; }
sql() { mariadb "${CLIENT[@]}" --batch --skip-column-names --execute="$1"; }

# runs HOME: that product's replicator does; one that somebody has stopped is his to start.
runs() { [[ $("$(bin "$1")/replicator" status 2>/dev/null) == *"is running"* ]]; }

# services HOME: their names.
services() {
  local file
  for file in "$ROOT/opt/$1/tungsten/tungsten-replicator/conf"/static-*.properties; do
    file=${file##*/static-}
    printf '%s\n' "${file%.properties}"
  done
}

# local_service: the one of this node's own site.
local_service() { services continuent | grep -v _from_ | head -n 1; }

# fit_source SOURCE METHOD
fit_source() {
  [[ -n $1 ]] || die "The --source argument is required"
  [[ $1 != "$HOST" ]] || die "The value provided for --source, $1, resolves to the local node. You cannot provision a node from itself."
  [[ $2 == @(xtrabackup|mariabackup) ]] || die "the simulated ${0##*/} copies physically only, by xtrabackup"
}

put_offline() {
  note "Put the $2 replication service offline"
  "$(bin "$1")/trepctl" -service "$2" offline >/dev/null && "$(bin "$1")/trepctl" -service "$2" wait -state OFFLINE -limit 60
}

# The replicator may not have noticed yet that its database is back.
put_online() {
  local tries said
  note "Put the $2 replication service online"
  for tries in {1..10}; do
    said=$("$(bin "$1")/trepctl" -service "$2" online)
    ! "$(bin "$1")/trepctl" -service "$2" wait -state ONLINE -limit 20 >/dev/null || return 0
    sleep 1
  done
  printf '%s\n' "$said"
  return "$tries"
}

# clear_log HOME SERVICE: by its replicator, or, where that is stopped, its files.
clear_log() {
  note "Clear THL and relay logs for the $2 replication service"
  if runs "$1"; then
    "$(bin "$1")/trepctl" -service "$2" reset -thl -y >/dev/null
  else
    rm -rf "$ROOT/opt/$1/thl/$2" "$ROOT/opt/$1/relay/$2"
  fi
}

# there SOURCE TOOL WORD…: a tool of the source's replicator.
there() {
  # shellcheck disable=SC2016  # the words are read by the source's shell
  ssh -o BatchMode=yes "$1" '"${TUNGSTEN_SIMULATOR_ROOT-}/opt/continuent/tungsten/tungsten-replicator/bin/'"$2"'"' "${@:3}"
}

# On the source: what ssh runs there. Credentials are its own.
# shellcheck disable=SC2016  # the words are read by the source's shell
readonly BACKUP='R=${TUNGSTEN_SIMULATOR_ROOT-}; exec mariadb-backup --defaults-extra-file="$R/etc/tungsten/client.cnf" \
  --socket="$R/run/mysqld/mysqld.sock" --backup --stream=mbstream --target-dir="$(mktemp -d)"'

# stream_backup SOURCE
stream_backup() {
  note "Create a physical backup of $1 in $STAGE"
  rm -rf "$STAGE" && mkdir -p "$STAGE" || return
  ssh -o BatchMode=yes "$1" "$BACKUP" 2>"$STAGE.log" | mbstream -x -C "$STAGE" || return
  grep -q 'completed OK!' "$STAGE.log" || return
  mariadb-backup --prepare --target-dir="$STAGE" >>"$STAGE.log" 2>&1
}

# source_position SOURCE SERVICE: where a primary's log stood when the backup was taken. Its own row tells less: it follows the data.
source_position() {
  local file position at
  read -r file position _ <"$STAGE/xtrabackup_binlog_info" || return
  printf -v at '%s:%016d' "$file" "$position"
  sleep 2
  there "$1" thl -service "$2" list -headers -json | awk -v at="$at" -F '[:,]' '
      /^"seqno"/ { seqno = $2 + 0 } /^"epoch"/ { epoch = $2 + 0 }
      /^"eventId"/ { id = $0; sub(/^"eventId": "/, "", id); sub(/",?$/, "", id) }
      /^"sourceId"/ { source = $0; sub(/^"sourceId": "/, "", source); sub(/",?$/, "", source)
        if (substr(id, 1, length(at)) <= at) found = seqno "\t" epoch "\t" id "\t" source }
      END { print found }'
}

swap_datadir() {
  note "Stop the MySQL server"
  mysqld-service stop >/dev/null || return
  mv -T "$DATA" "$DATA.before" && mv -T "$STAGE" "$DATA" && chmod 0750 "$DATA" || return
  note "Start the MySQL server"
  mysqld-service start >/dev/null && rm -rf "$DATA.before" "$STAGE.log"
}

# make_anew SOURCE SERVICE CLEAR: this node's data become the source's; CLEAR removes the logs, once the copy is there and before it
# takes the data's place. Of a primary the position is set that its log had at the copy; read_only stays as it is.
make_anew() {
  local read_only role position="" seqno epoch event_id source_id
  read_only=$(sql 'SELECT @@global.read_only') || die "Unable to connect to the MySQL server"
  stream_backup "$1" || die "There were errors creating the backup of $1: $(tail -n 2 "$STAGE.log" | tr '\n' ' ')"
  role=$(there "$1" trepctl -service "$2" status | sed -n 's/^role *: //p')
  if [[ $role == master ]]; then
    position=$(source_position "$1" "$2")
    [[ -n $position ]] || die "The log of $1 does not tell the position of its backup"
  fi
  "$3" || die "Unable to clear the logs"
  swap_datadir || die "The data directory is not in place; what there was is in $DATA.before"
  [[ $read_only == 0 ]] || sql 'SET GLOBAL read_only = 1' || die "read_only cannot be set"
  [[ -n $position ]] || return 0
  IFS=$'\t' read -r seqno epoch event_id source_id <<<"$position"
  sql "SET SESSION sql_log_bin = 0; UPDATE \`tungsten_$2\`.trep_commit_seqno
    SET seqno = $seqno, epoch_number = $epoch, eventid = '$event_id', source_id = '$source_id' WHERE task_id = 0" ||
    die "the position cannot be set"
}
