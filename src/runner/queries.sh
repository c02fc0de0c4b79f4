
# ---- Queries: what a node can be asked. Each runs in a subshell of its own; its exit code is the query's. ----

# installed_release LINK: the release in the name of the tree the link points to.
installed_release() {
  [[ $1 =~ tungsten-(clustering|replicator)-([0-9]+\.[0-9]+\.[0-9]+(-[0-9]+)?) ]] && printf '%s\n' "${BASH_REMATCH[2]}"
}

# installation_method PRODUCT: what we installed we installed from the ini; of others tpm knows.
installation_method() {
  [[ ! -s $INSTALLED/$1 ]] || { printf 'ini\n'; return; }
  local told
  told=$(ask "$(program "$1" tpm)" query staging 2>/dev/null </dev/null) || { printf 'unknown\n'; return; }
  if [[ $told == *"Configuration built from"* ]]; then printf 'ini\n'; else printf 'staging\n'; fi
}

# highest_channels CONF: of all services; empty when no file tells.
highest_channels() {
  awk -F = '$1 == "replicator.global.apply.channels" && $2 ~ /^[0-9]+$/ && $2 + 0 >= most { most = $2 + 0; told = 1 }
    END { if (told) print most }' "$1"/static-*.properties </dev/null
}

answer_installed() {
  local tree link conf ini="" word="" unfinished="" names=() file key value
  tree="$(home "$1")/tungsten"
  if ! link=$(readlink "$tree"); then
    [[ ! -e $tree ]] || fail 1 "$tree is no link; tpm did not make it"
    printf 'link=\n'
    return
  fi
  conf="$tree/tungsten-replicator/conf"
  for file in "$conf"/static-*.properties; do
    file=${file##*/static-}
    names+=("${file%.properties}")
  done
  if [[ -s $INSTALLED/$1 ]]; then
    while IFS='=' read -r key value; do
      case $key in
        ini) ini=$value ;;
        secret) word=$value ;;
      esac
    done <"$INSTALLED/$1" || fail 1 "it cannot be read what was installed here"
  fi
  [[ ! -e $UNFINISHED/$1 ]] || unfinished=$(cat "$UNFINISHED/$1") || fail 1 "it cannot be read which command did not end here"
  printf 'link=%s\nrelease=%s\nmethod=%s\n' "$link" "$(installed_release "$link")" "$(installation_method "$1")"
  printf 'services=%s\nini=%s\nparallel=%s\n' "$(IFS=, && printf '%s' "${names[*]-}")" "$ini" "$(highest_channels "$conf")"
  printf 'secret=%s\n' "$word"
  printf 'unfinished=%s\n' "$unfinished"
}

# answer_properties SERVICE NAME…: `NAME<TAB>VALUE` of those that the service's configuration holds; never a secret.
answer_properties() {
  local name file
  file="$(home cluster)/tungsten/tungsten-replicator/conf/static-$1.properties"
  [[ -f $file ]] || fail 1 "${file##*/}: No such file or directory"
  shift
  for name in "$@"; do
    [[ ${name,,} != *@(pass|secret|key)* ]] || continue
    awk -v name="$name" 'index($0, name "=") == 1 { value = substr($0, length(name) + 2); found = 1 }
      END { if (found) print name "\t" value }' "$file"
  done
}

# tpm_processes: pid and words of every live tpm on this host.
tpm_processes() {
  local entry words argv
  for entry in "$PROCESS_TABLE"/[0-9]*/cmdline; do
    { mapfile -d '' -t argv <"$entry"; } 2>/dev/null || continue
    words="${argv[*]} "
    [[ $words =~ (^|[ /])tpm(\.rb|\.pl)?\ +([a-z-]+) && $words != *"runner observe"* ]] || continue
    [[ ${BASH_REMATCH[3]} != query ]] || continue
    entry=${entry%/cmdline}
    printf '%s %s\n' "${entry##*/}" "${words% }"
  done
}

answer_files() {
  local files=("$KEPT"/*) sums sizes index
  ((${#files[@]} > 0)) || return 0
  sums=$(sha256_each "${files[@]}") || fail 1 "not every kept file can be read"
  mapfile -t sums <<<"$sums"
  mapfile -t sizes < <(bytes_of "${files[@]}")
  ((${#sizes[@]} == ${#files[@]})) || fail 1 "not every kept file can be read"
  for index in "${!files[@]}"; do
    printf '%s\t%s\t%s\n' "${files[index]##*/}" "${sizes[index]}" "${sums[index]}"
  done
}

# secret_checksum: over names and contents of the mounted Secret; fails when one file of it cannot be read.
secret_checksum() {
  local file files=() sums index text
  for file in "$SECRETS"/*; do [[ ! -f $file ]] || files+=("$file"); done
  sums=$(sha256_each "${files[@]}") || return
  mapfile -t sums <<<"$sums"
  text=$(
    for index in "${!files[@]}"; do printf '%s %s\n' "${files[index]##*/}" "${sums[index]}"; done | sha256sum
  )
  printf '%s\n' "${text%% *}"
}

answer_ini() {
  local published="" joined=no mounted
  mounted=$(secret_checksum) || fail 1 "the mounted Secret cannot be read"
  if [[ -f $PUBLISHED_INI ]]; then published=$(sha256_of "$PUBLISHED_INI") || fail 1 "the published ini cannot be read"; fi
  if [[ -n $published && -f $JOINED_INI ]] && joined_text "$PUBLISHED_INI" 2>/dev/null | cmp -s - "$JOINED_INI"; then joined=yes; fi
  if [[ $joined == yes ]] && grep -q '^java-keystore-path=' "$JOINED_INI" && ! stores_made; then joined=no; fi
  printf 'published=%s\njoined=%s\nsecret=%s\n' "$published" "$joined" "$mounted"
}

answer_my_cnf() {
  local file=$MY_CNF/${POD_NAME:-$(hostname)}.cnf
  [[ -f $file ]] || fail 1 "${file##*/}: No such file or directory"
  awk -F '=' '{ key = $1; gsub(/[ \t]/, "", key); gsub(/_/, "-", key) }
    key ~ /^(server-id|log-bin|binlog-format|auto-increment-increment|auto-increment-offset)$/ {
      value = $2; gsub(/^[ \t]+|[ \t]+$/, "", value); print key "\t" value }' "$file"
}

# answer_dataserver: the file the server started with ends with this node's own; whether that one is the mounted one still.
answer_dataserver() {
  local own=$MY_CNF/${POD_NAME:-$(hostname)}.cnf started=no
  [[ -f $own ]] || fail 1 "${own##*/}: No such file or directory"
  [[ -f $STARTED_CNF ]] || fail 1 "${STARTED_CNF##*/}: No such file or directory"
  if tail -c "$(bytes_of "$own")" "$STARTED_CNF" | cmp -s - "$own"; then started=yes; fi
  printf 'mounted=%s\nstarted=%s\n' "$(sha256_of "$own")" "$started"
}

# answer_software: the packages that lie unpacked, with a tpm to run; and the vendor's tool, where one has it.
answer_software() {
  local tool
  for tool in "$SOFTWARE"/*/tools/tpm; do
    tool=${tool%/tools/tpm}
    printf '%s\n' "${tool##*/}"
    [[ ! -x $tool/tools/tungsten_prep_upgrade ]] || printf '%s/tungsten_prep_upgrade\n' "${tool##*/}"
  done
}

# The answer of `space`, from the names and folders of logs, the rows of df and those of stat. What was written to a log is
# told from the birth of its oldest file on, where the file system tells one no later than that file's last write. A copied
# file is younger than what it holds: then from its last write on, without it. One file without birth tells nothing. A log
# stands behind the volume it is mounted with; on a mount of its own that has a line too.
# shellcheck disable=SC2016  # the words are awk's
readonly ROOM='
  FNR == 1 { part++ }
  part == 1 { name[++logs] = $1; folder[logs] = $2 }
  part == 2 && FNR > 1 {
    split($0, word, " "); sub(/^ *[^ ]+ +[^ ]+ +/, "")
    mount[FNR - 1] = $0; room[FNR - 1] = word[1] "\t" word[2]
  }
  part == 3 {
    place = $4; sub(/\/[^\/]*$/, "", place)
    count[place]++; bytes[place] += $1
    if (count[place] == 1 || $2 < ended[place]) { ended[place] = $2; born[place] = $3; first[place] = $1 }
  }
  function written(place) {
    if (born[place] > 0 && born[place] <= ended[place] && born[place] < now)
      return sprintf("%.0f/%.0f", bytes[place], now - born[place])
    if (count[place] > 1 && ended[place] < now)
      return sprintf("%.0f/%.0f", bytes[place] - first[place], now - ended[place])
    return "unknown"
  }
  END {
    path[1] = "/opt"; path[2] = "/backups"; lines = 2
    for (i = 1; i <= 2; i++) { on[i] = mount[i]; line[i] = path[i] "\t" room[i] }
    for (i = 1; i <= logs; i++) {
      for (k = 1; k <= lines && on[k] != mount[i + 2]; k++);
      if (k > lines) { lines = k; on[k] = mount[i + 2]; line[k] = on[k] "\t" room[i + 2] }
      line[k] = line[k] "\t" name[i] "=" written(folder[i])
    }
    for (k = 1; k <= lines; k++) print line[k]
  }'

# answer_space: few programs, however many logs there are. A file that is purged meanwhile is none. Of binary logs those
# count that the operator's my.cnf names: others are left over, and nothing is written to them.
answer_space() {
  local product log name names=(binlog) folders=("$DATA") files=("$DATA"/mysql-bin.[0-9]*) logs rooms index
  [[ -d $DATA ]] || folders=("$ROOT/opt")
  for product in cluster crossSite; do
    log=$(home "$product")
    [[ -e $log/tungsten ]] || continue
    logs=("$log"/thl/*/)
    ((${#logs[@]} > 0)) || { names+=("$product") && folders+=("$log"); }
    for log in "${logs[@]}"; do
      log=${log%/} name=${log##*/}
      names+=("$product:${name//[!A-Za-z0-9_.-]/?}") folders+=("$log")
      files+=("$log"/thl.data.[0-9]*)
    done
  done
  rooms=$(ask df --block-size=1 --output=avail,size,target "$ROOT/opt" "$BACKUPS" "${folders[@]}") || return
  awk -F '\t' -v now="${EPOCHSECONDS-$(date +%s)}" "$ROOM" \
    <(for index in "${!names[@]}"; do printf '%s\t%s\n' "${names[index]}" "${folders[index]}"; done) \
    <(printf '%s\n' "$rooms") \
    <(((${#files[@]} == 0)) || printf '%s\0' "${files[@]}" | ask xargs -0 stat -L --printf '%s\t%Y\t%W\t%n\n' 2>/dev/null)
}

# reach_one ENDPOINT: one line. "refused" is an answer of the other host; silence, and what a router on the way says, is none.
# shellcheck disable=SC2016  # the words are read by the new bash
reach_one() {
  local state=failed why rc
  if ! timeout 10 getent hosts "${1%:*}" >/dev/null; then
    state=unresolved
  else
    why=$(LC_ALL=C timeout 3 bash -c 'exec 3<>"/dev/tcp/$1/$2"' reach "${1%:*}" "${1##*:}" 2>&1)
    rc=$?
    case $rc:$why in
      0:*) state=open ;;
      124:*) state=timeout ;;
      *"Connection refused"*) state=refused ;;
      *unreachable* | *"No route to host"* | *"timed out"*) state=unreachable ;;
    esac
  fi
  printf '%s\t%s\n' "$1" "$state"
}

# answer_reach ENDPOINT…: many at once, told in the order of asking. More would wait for the node itself, and look like silence.
answer_reach() {
  local endpoint folder index=0
  folder=$(mktemp -d) || exit 1
  for endpoint in "$@"; do
    reach_one "$endpoint" >"$folder/$(printf '%05d' $index)" &
    index=$((index + 1))
    ((index % 64)) || wait
  done
  wait
  cat "$folder"/*
  rm -rf "$folder"
}

# answer_backup NAME: as it was recorded. Verified: its size is still that; its content is hashed only when it is taken.
answer_backup() {
  local state=$BACKUPS/$1.state bytes
  [[ -d $BACKUPS ]] || fail 2 "$BACKUPS: No such file or directory"
  [[ -f $state && -d $BACKUPS/$1 ]] || exit 1
  bytes=$(ask du --apparent-size --block-size=1 -s "$BACKUPS/$1" | cut -f 1) || exit 2
  grep -E '^(sha256|lsn|bytes)=' "$state"
  if [[ $bytes == "$(sed -n 's/^bytes=//p' "$state")" ]]; then printf 'verified=yes\n'; else printf 'verified=no\n'; fi
}

# answer_database: running or stopped, by its service.
answer_database() {
  ask "$DATABASE" status >/dev/null
  case $? in
    0) printf 'running\n' ;;
    3) printf 'stopped\n' ;;
    *) fail 1 "$DATABASE tells no state" ;;
  esac
}

# answer_cctrl ls | composite-ls DATASERVICE
answer_cctrl() {
  local cctrl
  cctrl=$(program cluster cctrl)
  present "$cctrl"
  if [[ $1 == ls ]]; then
    printf 'ls\n' | ask "$cctrl"
  else
    printf 'use %s\nls\n' "$2" | ask "$cctrl" -multi
  fi
}

# answer TOOL ARG…: runs one admitted query.
answer() {
  local tool=$1
  shift
  case $tool in
    trepctl) ask "$(program "$1" trepctl)" -retry 0 "${@:2}" ;;
    dsctl | thl | replicator) ask "$(program "$1" "$tool")" "${@:2}" ;;
    manager | connector) ask "$(program cluster "$tool")" "$@" ;;
    cctrl) answer_cctrl "$@" ;;
    tpm) ask "$(program "$1" tpm)" "${@:2}" ;;
    properties) answer_properties "$@" ;;
    tpm-processes) tpm_processes ;;
    installed) answer_installed "$1" ;;
    sql) answer_sql "$@" ;;
    files) answer_files ;;
    file) [[ -f $KEPT/$1 ]] || fail 1 "$1: No such file or directory"; cat "$KEPT/$1" ;;
    holds) local file; for file in "$HOLDS"/*; do printf '%s\n' "${file##*/}"; done ;;
    ini) answer_ini ;;
    accounts-state) answer_accounts_state ;;
    my-cnf) answer_my_cnf ;;
    dataserver) answer_dataserver ;;
    pod) printf 'template=%s\n' "${POD_TEMPLATE-}" ;;
    marker) tell_marker "$1" ;;
    clock) now_ms ;;
    software) answer_software ;;
    fingerprints) answer_fingerprints "$1" ;;
    space) answer_space ;;
    reach) answer_reach "$@" ;;
    backup) answer_backup "$1" ;;
    database) answer_database ;;
  esac
}
