
# ---- The calls: observe and start. Sourced by a supervisor, this part does nothing. ----

# receive BYTES SHA256 FILE: standard input, whole or not at all: a cut socket is a clean end of file.
receive() {
  if ! fits NUMBER "$1" || ((10#$1 > PAYLOAD_BYTES)); then refuse 24 "the length is no number, or above $PAYLOAD_BYTES"; fi
  head -c "$((10#$1 + 1))" >"$3" || exit 1
  [[ $(bytes_of "$3") == "$1" && $(sha256sum <"$3") == "$2  -" ]] || refuse 21 "the payload did not arrive whole"
}

meant_for() { [[ $1 == "${POD_UID-}" && -n $1 ]] || refuse 20 "this is pod ${POD_UID-}"; }

# run_query STEM WORD…: one query into STEM.out, STEM.err and STEM.rc.
run_query() {
  local stem=$1
  shift
  (answer "$@") >"$stem.out" 2>"$stem.err" </dev/null
  printf '%s\n' $? >"$stem.rc"
}

# tell_queries FOLDER ID…: their answers as the protocol has them. Every process started here is paid on every look.
tell_queries() {
  local folder=$1 index rc files=() sizes=() told=()
  shift
  for ((index = 0; index < $#; index += 1)); do files+=("$folder/$index.out" "$folder/$index.err"); done
  mapfile -t sizes < <(bytes_of "${files[@]}")
  ((${#sizes[@]} == ${#files[@]})) || fail 1 "not every answer could be written"
  for ((index = 0; index < $#; index += 1)); do
    read -r rc <"$folder/$index.rc"
    printf '== %s %s %s %s\n' "${@:index+1:1}" "$rc" "${sizes[@]:2*index:2}" >"$folder/$index.head"
    told+=("$folder/$index.head" "$folder/$index.out" "$folder/$index.err" "$folder/end-of-line")
  done
  printf '\n' >"$folder/end-of-line"
  cat "${told[@]}"
}

# observe POD_UID BYTES SHA256: all lines are admitted before the first is run.
observe() {
  local folder line count=0 ids=()
  meant_for "$1"
  folder=$(mktemp -d) || exit 1
  # shellcheck disable=SC2064  # the folder is known now
  trap "rm -rf '$folder'" EXIT
  receive "$2" "$3" "$folder/payload"
  while IFS= read -r line || [[ -n $line ]]; do
    split "$line"
    if [[ ${WORDS[0]} == [.-]* ]] || ! made_of A-Za-z0-9._- 64 "${WORDS[0]}"; then refuse 24 "a query without a proper name"; fi
    ((${#WORDS[@]} > 1)) || refuse 23 "a query without a tool"
    admit QUERIES "${WORDS[@]:1}"
    ids+=("${WORDS[0]}")
  done <"$folder/payload"
  while IFS= read -r line || [[ -n $line ]]; do
    split "$line"
    run_query "$folder/$count" "${WORDS[@]:1}" &
    count=$((count + 1))
    ((count % QUERY_WIDTH != 0)) || wait
  done <"$folder/payload"
  wait
  ((count == 0)) || tell_queries "$folder" "${ids[@]}"
  printf '== end %s\n' "$count"
}

# start POD_UID FENCE KEY BYTES SHA256: begins at most once, waits half a second for the end, tells the marker's state.
start() {
  local part claimed _
  meant_for "$1"
  fits FENCE "$2" || refuse 24 "the fence is no number"
  fits KEY "$3" || refuse 24 "the key breaks its pattern"
  part=$(mktemp "$INCOMING/payload.XXXXXX") || exit 1
  # shellcheck disable=SC2064  # the file is known now
  trap "rm -f '$part'" EXIT
  receive "$4" "$5" "$part"
  admit_payload "$part"
  claim "$3" "$2" "$part"
  claimed=$?
  case $claimed in
    0) supervise_detached "$3" ;;
    3) ;;
    *) exit "$claimed" ;;
  esac
  for _ in 1 2 3 4 5; do
    [[ ! -e $MARKERS/$3/rc && ! -e $MARKERS/$3/refused ]] || break
    sleep 0.1
  done
  tell_marker "$3"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  prepare_state
  case ${1-} in
    observe) (($# == 4)) || refuse 24 "observe takes POD_UID LEN SHA256" ;;
    start) (($# == 6)) || refuse 24 "start takes POD_UID FENCE KEY LEN SHA256" ;;
    join) (($# == 1)) || refuse 24 "join takes nothing" ;;
    *) refuse 23 "unknown verb $(shown "${1-}")" ;;
  esac
  "$@"
fi
