#!/usr/bin/env bash
# The runner: the one program the operator executes on a node (docs/reference/runner-protocol.md). It knows closed lists
# of tools, takes data and never a script. The files of this folder are joined into this one before they are mounted
# (order: script.ts), so that no call ever sees half of an update. This part: where things lie, and the smallest acts.
set -uo pipefail
shopt -s globasciiranges nullglob

# Constants; only tests write a copy with other values.
readonly ROOT=""
readonly BOOT_ID_FILE="/proc/sys/kernel/random/boot_id"
readonly INIT_STAT_FILE="/proc/1/stat"
readonly UPTIME_FILE="/proc/uptime"
readonly PROCESS_TABLE="/proc"

readonly STATE="$ROOT/opt/tungsten-operator"
readonly MARKERS="$STATE/markers"
readonly INCOMING="$STATE/incoming"
readonly HOLDS="$STATE/holds"
readonly KEPT="$STATE/kept"
readonly INSTALLED="$STATE/installed"
readonly UNFINISHED="$STATE/unfinished"
readonly HOLDS_LOCK="$STATE/holds.lock"
readonly INI_LOCK="$STATE/ini.lock"
readonly PUBLISHED_INI="$STATE/ini/tungsten.ini"
readonly JOINED_INI="$ROOT/etc/tungsten/tungsten.ini"
readonly CLIENT_FILE="$ROOT/etc/tungsten/client.cnf"
readonly SECRETS="$ROOT/etc/tungsten-secrets"
readonly STARTED_CNF="$ROOT/etc/tungsten/my.cnf"
readonly MY_CNF="$ROOT/etc/tungsten-my-cnf"
readonly SOCKET="$ROOT/run/mysqld/mysqld.sock"
readonly DATA="$ROOT/opt/mysql/data"
readonly BACKUPS="$ROOT/backups"
readonly SOFTWARE="$ROOT/opt/continuent/software"
readonly DATABASE="$ROOT/usr/local/bin/mysqld-service"
readonly DATABASE_CNF="$ROOT/etc/tungsten/my.cnf"

# Limits: one query, queries side by side, age at which a claim without a pid is given up, output kept per stream, a
# payload, waiting for a lock that is held for moments only.
readonly QUERY_SECONDS=20
readonly QUERY_WIDTH=4
readonly STARTING_SECONDS=5
readonly KEPT_BYTES=65536
readonly PAYLOAD_BYTES=16777216
readonly LOCK_SECONDS=60
# One file to be hashed; kept files are small.
readonly HASH_SECONDS=15

# Absolute path of this very file; the supervisor reads it again.
SELF=${BASH_SOURCE[0]}
[[ $SELF == /* ]] || SELF=$PWD/$SELF
readonly SELF

# refuse CODE SENTENCE: ends the runner with one of the protocol's codes; nothing was done.
refuse() {
  printf '%s\n' "$2" >&2
  exit "$1"
}

# fail CODE SENTENCE: ends a tool of our own.
fail() {
  printf '%s\n' "$2" >&2
  exit "$1"
}

prepare_state() {
  local folder folders=("$MARKERS" "$INCOMING" "$HOLDS" "$KEPT" "$INSTALLED" "$UNFINISHED" "${PUBLISHED_INI%/*}")
  for folder in "${folders[@]}"; do
    [[ -d $folder ]] || (umask 077 && mkdir -p "${folders[@]}") || exit 1
  done
}

# now_ms: bash 5 has a clock of its own.
now_ms() {
  local now=${EPOCHREALTIME-}
  if [[ $now =~ ^([0-9]+)[.,]([0-9]{3}) ]]; then printf '%s\n' "${BASH_REMATCH[1]}${BASH_REMATCH[2]}"; else date +%s%3N; fi
}

# sha256_of FILE: 64 hex digits; fails when it cannot be read.
sha256_of() {
  local line
  line=$(timeout "$HASH_SECONDS" sha256sum <"$1") && printf '%s\n' "${line%% *}"
}

# sha256_each FILE…: a line of 64 hex digits for each, in their order, by one process; fails when one cannot be read.
sha256_each() {
  local lines sum
  (($# > 0)) || return 0
  lines=$(timeout "$HASH_SECONDS" sha256sum -- "$@") || return
  while read -r sum _; do printf '%s\n' "${sum#\\}"; done <<<"$lines"
}

# bytes_of FILE…: a line for each.
bytes_of() { stat -L -c %s -- "$@"; }

# put FILE: standard input becomes the file's content, 0600, by rename; synced before it is seen under its name.
put() (
  umask 077
  part=$(mktemp "${1%/*}/.part.XXXXXX") || exit 1
  if cat >"$part" && sync "$part" && mv -f "$part" "$1"; then
    sync "${1%/*}"
  else
    rm -f "$part"
    exit 1
  fi
)

# keep NAME: standard input becomes kept/NAME, once. The same content again is no harm; other content is refused with 3.
keep() (
  umask 077
  part=$(mktemp "$KEPT/.part.XXXXXX") || exit 1
  trap 'rm -f "$part"' EXIT
  if ! cat >"$part" || ! sync "$part"; then fail 1 "$1 could not be written"; fi
  keep_file "$part" "$1"
)

# keep_file PART NAME: gives a written file its name; a link, unlike a rename, never replaces.
keep_file() {
  if ln -T "$1" "$KEPT/$2" 2>/dev/null; then
    sync "$KEPT"
  elif ! cmp -s "$1" "$KEPT/$2"; then
    fail 3 "$2 exists with other content"
  fi
}

# locked FILE COMMAND…: runs it while nobody else holds that lock. What it starts in the background must not inherit it.
locked() (
  exec 9>>"$1" || exit 1
  flock -w "$LOCK_SECONDS" 9 || fail 1 "$1 is held"
  "${@:2}"
)

# home PRODUCT: its install directory.
home() {
  if [[ $1 == cluster ]]; then printf '%s\n' "$ROOT/opt/continuent"; else printf '%s\n' "$ROOT/opt/replicator"; fi
}

# program PRODUCT TOOL: full path of a vendor's tool in the installed tree.
program() {
  local tree
  tree="$(home "$1")/tungsten"
  case $2 in
    trepctl | thl | dsctl | replicator) printf '%s\n' "$tree/tungsten-replicator/bin/$2" ;;
    manager | cctrl) printf '%s\n' "$tree/tungsten-manager/bin/$2" ;;
    connector) printf '%s\n' "$tree/tungsten-connector/bin/$2" ;;
    startall | stopall) printf '%s\n' "$tree/cluster-home/bin/$2" ;;
    *) printf '%s\n' "$tree/tools/$2" ;;
  esac
}

present() { [[ -x $1 ]] || fail 127 "$1: No such file or directory"; }

# ask PROGRAM ARG…: runs it under the limit of a query; 124 when that ran out.
ask() {
  [[ $1 != /* ]] || present "$1"
  timeout --kill-after=2 "$QUERY_SECONDS" "$@"
}

# roomy: raises the number of files this process and what it becomes may open; exec sessions begin low.
roomy() { ulimit -Sn 65535 2>/dev/null || ulimit -Sn "$(ulimit -Hn)"; }

# become PROGRAM ARG…: this process, whose pid the marker holds, turns into the tool.
become() {
  [[ $1 != /* ]] || present "$1"
  exec "$@"
}

