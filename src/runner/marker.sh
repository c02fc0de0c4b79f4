# ---- Markers: a command begins at most once. The claim is a rename, the right to run is a link, the end is a rename. ----

# The container's life: boot id of the host and start time of process 1. A container restart changes the second.
life() {
  local boot
  read -r boot <"$BOOT_ID_FILE" && start_time_of "$INIT_STAT_FILE" && printf '%s/%s\n' "$boot" "$START_TIME"
}

# start_time_of STAT_FILE: sets START_TIME and PROCESS_STATE; fails when the process is gone. The name may hold blanks
# and brackets, so fields are counted from the last closing bracket.
START_TIME="" PROCESS_STATE=""
start_time_of() {
  local stat
  local -a fields
  { IFS= read -r -d '' stat <"$1"; } 2>/dev/null
  [[ -n ${stat-} ]] || return 1
  read -ra fields <<<"${stat##*) }"
  PROCESS_STATE=${fields[0]} START_TIME=${fields[19]}
}

# alive PID START_TIME: that very process lives and is no zombie.
alive() { start_time_of "/proc/$1/stat" && [[ $START_TIME == "$2" && $PROCESS_STATE != [ZX] ]]; }

uptime_seconds() {
  local up
  read -r up _ <"$UPTIME_FILE" && printf '%s\n' "${up%%.*}"
}

# not_below NEW SEEN: compares decimals of any length.
not_below() {
  local new=$1 seen=$2
  if ((${#new} != ${#seen})); then ((${#new} > ${#seen})); else [[ ! $new < $seen ]]; fi
}

# claim KEY FENCE PAYLOAD: under one short lock compares the fence and gives the prepared directory its name. 3 when the
# marker was there: then nothing begins. The directory is complete and synced before anyone can see it.
claim() (
  key=$1 fence=$2 payload=$3
  ready=$(mktemp -d "$INCOMING/claim.XXXXXX") || exit 1
  trap 'rm -rf "$ready"' EXIT
  mv "$payload" "$ready/payload" && printf '%s %s\n' "$(life)" "$(uptime_seconds)" >"$ready/claimed" || exit 1
  sync "$ready/payload" "$ready/claimed" "$ready" || exit 1
  exec 9>>"$STATE/lock"
  flock -w 10 9 || fail 1 "the lock is held"
  seen=0
  [[ ! -s $STATE/fence ]] || read -r seen <"$STATE/fence" || exit 1
  not_below "$fence" "$seen" || refuse 22 "fence $fence is lower than $seen, which this node has seen"
  [[ $fence == "$seen" ]] || printf '%s\n' "$fence" | put "$STATE/fence" || exit 1
  [[ ! -e $MARKERS/$key ]] || exit 3
  mv -T "$ready" "$MARKERS/$key" && sync "$MARKERS"
)

# supervise_detached KEY: outlives the session and inherits nothing from it. Only who claimed the marker calls it.
supervise_detached() {
  # shellcheck disable=SC2016  # the words are read by the new bash
  setsid bash -c 'source "$1"; supervise "$2"' runner "$SELF" "$1" </dev/null >/dev/null 2>&1 9>&- &
}

# read_payload FILE: sets COMMAND and CHECK_LINES; leaves the tool's stdin to be read from descriptor 3. A header that
# does not end with an empty line is refused: its last line would be half a check.
COMMAND=() CHECK_LINES=()
read_payload() {
  local line ended=no
  COMMAND=() CHECK_LINES=()
  exec 3<"$1" || exit 1
  while IFS= read -r -u 3 line; do
    [[ -n $line ]] || { ended=yes; break; }
    split "$line"
    case ${WORDS[0]} in
      command)
        ((${#COMMAND[@]} == 0)) || refuse 24 "two commands in one payload"
        COMMAND=("${WORDS[@]:1}")
        ;;
      check) CHECK_LINES+=("$line") ;;
      limit) fits NUMBER "${WORDS[1]-}" || refuse 24 "the limit is no number" ;;
      *) refuse 24 "unknown header $(shown "${WORDS[0]}")" ;;
    esac
  done
  [[ $ended == yes ]] || refuse 24 "the header has no end"
}

admit_payload() {
  local line
  read_payload "$1"
  exec 3<&-
  ((${#COMMAND[@]} > 0)) || refuse 23 "no tool is named"
  admit COMMANDS "${COMMAND[@]}"
  for line in "${CHECK_LINES[@]}"; do
    split "$line"
    ((${#WORDS[@]} > 1)) || refuse 23 "a check without name"
    admit CHECKS "${WORDS[@]:1}"
  done
}

# supervise KEY: runs the tool in a child and records how it ended. Records nothing when the child never became it.
supervise() {
  local dir=$MARKERS/$1 tool rc pid _
  keeper=$BASHPID
  start_time_of "/proc/$keeper/stat"
  keeper_start=$START_TIME
  cd / || exit 1
  (begin "$dir" "$keeper" "$keeper_start") &
  tool=$!
  wait "$tool"
  rc=$?
  read -r _ pid _ <"$dir/pid" || return
  [[ $pid == "$tool" && ! -e $dir/refused ]] || return
  read_payload "$dir/payload"
  exec 3<&-
  # A full disk must not turn a known end into an unknown one.
  for _ in {1..300}; do
    if record_end "$dir" "$rc" "$(now_ms)"; then return; fi
    sleep 1
  done
}

# begin DIR KEEPER KEEPER_START: the child. Writes who it is, looks a second time, becomes the tool. The link is the
# right to run: a reader that told the command never began has taken it.
begin() {
  local dir=$1 line objection lost=no me=$BASHPID
  start_time_of "/proc/$me/stat"
  printf '%s %s %s %s %s %s\n' "$(life)" "$me" "$START_TIME" "$2" "$3" "$(now_ms)" >"$dir/pid.$me" || exit 1
  sync "$dir/pid.$me"
  ln -T "$dir/pid.$me" "$dir/pid" 2>/dev/null || lost=yes
  rm -f "$dir/pid.$me"
  [[ $lost == no ]] || exit 0
  sync "$dir" || exit 1
  # The second look, in the same breath as the tool.
  read_payload "$dir/payload"
  for line in "${CHECK_LINES[@]}"; do
    split "$line"
    objection=$(object "${WORDS[@]:1}" 2>/dev/null </dev/null)
    [[ -z $objection ]] || {
      printf '%s\n' "${objection//[$'\t\n']/ }" | put "$dir/refused"
      exit 0
    }
  done
  cat <&3 >"$dir/stdin" || exit 1
  # Without its own streams a tool must not begin: it would read nothing and take that for its input.
  exec 3<&- <"$dir/stdin" >"$dir/out.live" 2>"$dir/err.live" || exit 1
  roomy
  run_command "$dir" "${COMMAND[@]}"
  exit
}

# record_end DIR RC ENDED: output first, the word that it ended last.
record_end() {
  local dir=$1 rc=$2 ended=$3 stream
  for stream in out err; do
    [[ ! -e $dir/$stream.live ]] || head -c "$KEPT_BYTES" "$dir/$stream.live" >"$dir/$stream" || return 1
    [[ -e $dir/$stream ]] || : >"$dir/$stream" || return 1
    sync "$dir/$stream" || return 1
  done
  [[ $rc != 0 ]] || note_installed "$dir" || return 1
  printf '%s %s\n' "$rc" "$ended" | put "$dir/rc" || return 1
  rm -f "$dir/out.live" "$dir/err.live" "$dir/stdin"
}

# tell_end DIR: prints the state if the marker has an end; fails otherwise.
tell_end() {
  local dir=$1 rc ended began reason sizes
  if read -r rc ended 2>/dev/null <"$dir/rc"; then
    read -r _ _ _ _ _ began <"$dir/pid"
    printf 'state\texited\nbegan\t%s\nended\t%s\nrc\t%s\n' "$began" "$ended" "$rc"
    mapfile -t sizes < <(bytes_of "$dir/out" "$dir/err")
    printf 'out\t%s\nerr\t%s\n' "${sizes[@]}"
    cat "$dir/out" "$dir/err"
  elif read -r reason 2>/dev/null <"$dir/refused"; then
    printf 'state\trefused\nreason\t%s\n' "$reason"
  else
    return 1
  fi
}

# tell_marker KEY: the state as the protocol's text.
tell_marker() {
  local dir=$MARKERS/$1 its_life pid start keeper keeper_start began keeps=no
  if [[ ! -d $dir ]]; then
    printf 'state\tabsent\n'
    return
  fi
  ! tell_end "$dir" || return 0
  if ! read -r its_life pid start keeper keeper_start began 2>/dev/null <"$dir/pid"; then
    tell_claim "$1"
    return
  fi
  if [[ $its_life == given-up ]]; then
    printf 'state\tunbegun\n'
    return
  fi
  if [[ $its_life == "$(life)" ]]; then
    # The supervisor is looked at before the end is looked for once more: what a dead one wrote is there by then.
    if alive "$pid" "$start" || alive "$keeper" "$keeper_start"; then keeps=yes; fi
    ! tell_end "$dir" || return 0
    if [[ $keeps == yes ]]; then
      printf 'state\trunning\nbegan\t%s\n' "$began"
      return
    fi
  fi
  printf 'state\tinterrupted\n'
}

# tell_claim KEY: no process was ever named. Who tells that it never began takes the link first, so that a late child
# finds it taken and the answer stays true.
tell_claim() {
  local dir=$MARKERS/$1 its_life claimed_at up mine
  if read -r its_life claimed_at 2>/dev/null <"$dir/claimed" && up=$(uptime_seconds) &&
    [[ $its_life == "$(life)" ]] && ((up - claimed_at < STARTING_SECONDS)); then
    printf 'state\tstarting\n'
    return
  fi
  mine=$dir/given-up.$BASHPID
  printf 'given-up\n' >"$mine" && sync "$mine" || exit 1
  if ln -T "$mine" "$dir/pid" 2>/dev/null; then sync "$dir"; fi
  rm -f "$mine"
  [[ -e $dir/pid ]] || fail 1 "the marker cannot be given up"
  tell_marker "$1"
}

