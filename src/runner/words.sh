# ---- Words: the closed lists of queries, commands and checks, and the pattern of each word in them. ----
# A shape is one line of the protocol: lower case is taken literally, UPPER CASE names a pattern of `fits`, a trailing
# `...` repeats the last word to the end.

# shellcheck disable=SC2034  # read through a name reference in `admit`
readonly QUERIES=(
  "trepctl PRODUCT services -full -json"
  "trepctl PRODUCT -service SERVICE clients -json"
  "trepctl PRODUCT -service SERVICE status -json"
  "trepctl PRODUCT -service SERVICE status"
  "dsctl PRODUCT -service SERVICE get"
  "thl PRODUCT -service SERVICE info"
  "thl PRODUCT -service SERVICE list -last -headers -json"
  "thl PRODUCT -service SERVICE list -seqno NUMBER -headers -json"
  "replicator PRODUCT status"
  "manager status"
  "connector status"
  "cctrl ls"
  "cctrl composite-ls SERVICE"
  "tpm PRODUCT query version"
  "tpm PRODUCT query staging"
  "properties SERVICE NAME..."
  "tpm-processes"
  "installed PRODUCT"
  "software"
  "sql read-only"
  "sql tracking SCHEMA"
  "sql heartbeat SCHEMA"
  "sql schemas"
  "sql server"
  "sql findings"
  "sql oldest-transaction"
  "sql logged-tracking NAME NUMBER"
  "sql binlog-position"
  "sql accounts"
  "sql shard-channels SCHEMA"
  "sql size"
  "sql readers"
  "sql belongings"
  "sql next-table start"
  "sql next-table after HEX HEX"
  "sql boundary HEX HEX ROWS SECONDS FROM"
  "sql chunk HEX HEX SECONDS FROM TO"
  "sql whole HEX HEX ROWS SECONDS"
  "files"
  "file NAME"
  "holds"
  "ini"
  "accounts-state"
  "my-cnf"
  "dataserver"
  "pod"
  "marker KEY"
  "clock"
  "space"
  "reach ENDPOINT..."
  "fingerprints NAME"
  "backup NAME"
  "database"
)

# shellcheck disable=SC2034
readonly COMMANDS=(
  "cctrl"
  "cctrl -multi"
  "trepctl PRODUCT -service SERVICE offline-deferred -at-heartbeat NAME"
  "trepctl PRODUCT -service SERVICE online"
  "trepctl PRODUCT -service SERVICE online -force"
  "trepctl PRODUCT -service SERVICE online -until-heartbeat NAME"
  "trepctl PRODUCT -service SERVICE online -skip-seqno NUMBER"
  "trepctl PRODUCT -service SERVICE offline"
  "trepctl PRODUCT -service SERVICE reset -all -y"
  "trepctl PRODUCT -service SERVICE reset -thl -y"
  "trepctl PRODUCT -service SERVICE heartbeat -name NAME"
  "replicator PRODUCT start"
  "replicator PRODUCT stop"
  "replicator PRODUCT start-offline"
  "manager start"
  "manager stop"
  "connector start"
  "connector stop"
  "startall PRODUCT"
  "stopall PRODUCT"
  "tpm PRODUCT RELEASE validate"
  "tpm PRODUCT RELEASE install"
  "tpm PRODUCT RELEASE update --replace-release"
  "tpm PRODUCT RELEASE update --replace-release --no-connectors"
  "tpm cluster installed post-process -y"
  "tpm PRODUCT installed uninstall --i-am-sure"
  "tpm PRODUCT installed promote-connector"
  "tpm PRODUCT installed delete-service --i-am-sure"
  "tpm PRODUCT installed delete-service --i-am-sure --keep-position"
  "hold HOLD"
  "release HOLD"
  "keep-position SERVICE NAME"
  "keep-read-only NAME"
  "put-read-only NAME"
  "prep-upgrade RELEASE SERVICE offline"
  "prep-upgrade RELEASE SERVICE get NAME"
  "prep-upgrade RELEASE SERVICE dump NAME"
  "prep-upgrade RELEASE stop"
  "dump-schema SCHEMA NAME"
  "restore-schema NAME SHA256"
  "apply-sql NAME SHA256"
  "drop-schema CROSSING"
  "publish-ini SHA256"
  "accounts"
  "accounts change"
  "accounts map"
  "accounts settle"
  "backup NAME"
  "database start"
  "database stop"
  "database restart"
  "snapshot NAME"
  "copy-datadir MEMBER NAME"
  "tprovision -s MEMBER -m METHOD"
  "tprovision -s MEMBER -m METHOD -c"
  "tungsten_provision_slave --source MEMBER --xtrabackup"
  "tungsten_provision_slave --source MEMBER --mysqldump"
)

# shellcheck disable=SC2034
readonly CHECKS=(
  "policy-is POLICY"
  "file-is NAME SHA256"
  "no-tpm"
  "stopped PRODUCT"
  "writable YESNO"
  "tracking-is SCHEMA SEQNO EVENTID"
  "state-is PRODUCT SERVICE STATE"
  "armed PRODUCT SERVICE NAME"
  "error-is PRODUCT SERVICE epoch"
  "error-at PRODUCT SERVICE NUMBER"
  "ini-is SHA256"
  "secret-is NAME"
  "passwords-are NAME"
  "shunned HOST"
  "database-is DATABASE"
  "backup-is NAME SHA256"
  "no-tables"
  "no-table-files"
)

# made_of CHARACTERS MOST WORD: 1 to MOST characters, all of that set.
made_of() { [[ -n $3 && ${#3} -le $2 && $3 != *[!$1]* ]]; }

# cut_fits WORD: the primary key of a row, see chunks.sh.
cut_fits() { ((${#1} <= 1000)) && [[ $1 =~ ^(n-?[0-9]+(\.[0-9]+)?|[xb]([0-9a-f]{2})*)(,(n-?[0-9]+(\.[0-9]+)?|[xb]([0-9a-f]{2})*))*$ ]]; }

# fits PATTERN WORD
fits() {
  local word=$2
  case $1 in
    PRODUCT) [[ $word == @(cluster|crossSite) ]] ;;
    HOLD) [[ $word == @(cluster|crossSite|manager|connector|database) ]] ;;
    MEMBER) [[ $word == [a-z0-9]* ]] && made_of a-z0-9.- 253 "$word" ;;
    METHOD) [[ $word == @(xtrabackup|mysqldump) ]] ;;
    DATABASE) [[ $word == @(running|stopped) ]] ;;
    YESNO) [[ $word == @(yes|no) ]] ;;
    SERVICE) made_of A-Za-z0-9_ 64 "$word" ;;
    SCHEMA) [[ $word == tungsten_?* ]] && made_of A-Za-z0-9_ 64 "$word" ;;
    CROSSING) [[ $word == tungsten_?*_from_?* ]] && made_of A-Za-z0-9_ 64 "$word" ;;
    NAME | KEY) [[ $word != [.-]* ]] && made_of A-Za-z0-9._- 180 "$word" ;;
    RELEASE) [[ $word == [0-9]* ]] && made_of A-Za-z0-9.- 40 "$word" ;;
    FENCE) [[ $word == 0 || $word != 0* ]] && made_of 0-9 19 "$word" ;;
    HEX) made_of 0-9a-f 512 "$word" && ((${#word} % 2 == 0)) ;;
    ROWS) [[ $word == [1-9]* ]] && made_of 0-9 7 "$word" ;;
    SECONDS) [[ $word == [1-9]* ]] && made_of 0-9 2 "$word" && ((word <= 15)) ;;
    FROM) [[ $word == start ]] || cut_fits "$word" ;;
    TO) [[ $word == end ]] || cut_fits "$word" ;;
    NUMBER) made_of 0-9 19 "$word" ;;
    SEQNO) made_of 0-9 19 "${word#-}" ;;
    SHA256) [[ ${#word} == 64 ]] && made_of 0-9a-f 64 "$word" ;;
    EVENTID) [[ $word != -* ]] && made_of 'A-Za-z0-9._:;/@=,#+-' 200 "$word" ;;
    ENDPOINT) [[ $word == [A-Za-z0-9]*:[0-9]* ]] && made_of A-Za-z0-9.- 253 "${word%:*}" &&
      made_of 0-9 5 "${word##*:}" ;;
    HOST) [[ $word == [a-z0-9]* ]] && made_of a-z0-9- 63 "$word" ;;
    POLICY) [[ ${word^^} == @(AUTOMATIC|MAINTENANCE|MANUAL) ]] ;;
    STATE) made_of A-Z:- 64 "$word" ;;
    *) return 1 ;;
  esac
}

# shape_fits SHAPE WORD…; MATCHED tells how many words fitted.
MATCHED=0
shape_fits() {
  local -a shape
  local expected
  read -ra shape <<<"$1"
  shift
  MATCHED=0
  for expected in "${shape[@]}"; do
    (($# > 0)) || return 1
    if [[ $expected == *... ]]; then
      for word in "$@"; do
        fits "${expected%...}" "$word" || return 1
        MATCHED=$((MATCHED + 1))
      done
      return 0
    elif [[ $expected == [A-Z]* ]]; then
      fits "$expected" "$1" || return 1
    else
      [[ $1 == "$expected" ]] || return 1
    fi
    MATCHED=$((MATCHED + 1))
    shift
  done
  (($# == 0))
}

# admit LIST WORD…: returns if one shape of the list fits; otherwise refuses with 23 (tool) or 24 (word) and names it.
admit() {
  local -n shapes=$1
  shift
  local word shape known=no deepest=0
  for word in "$@"; do
    [[ $word != *[!A-Za-z0-9._:\;/@=,#+-]* ]] || refuse 24 "a word of ${1//[!A-Za-z0-9._-]/?} breaks its pattern: $(shown "$word")"
  done
  for shape in "${shapes[@]}"; do
    [[ ${shape%% *} == "${1-}" || ${shape%...} == "${1-}" ]] || continue
    known=yes
    ! shape_fits "$shape" "$@" || return 0
    ((MATCHED <= deepest)) || deepest=$MATCHED
  done
  [[ $known == yes ]] || refuse 23 "unknown tool $(shown "${1-}")"
  shift "$deepest"
  if (($# > 0)); then refuse 24 "$(shown "$1") is not what this tool takes there"; fi
  refuse 24 "a word is missing"
}

# shown WORD: safe to print.
shown() { printf '«%s»' "${1//[!A-Za-z0-9._:\;\/@=,#+-]/?}" | head -c 120; }

# split LINE: its words, in WORDS. Tabs are white space to `read`, so doubled ones are looked for first.
WORDS=()
split() {
  [[ -n $1 ]] || refuse 24 "an empty line"
  [[ $1 != *$'\t\t'* && $1 != $'\t'* && $1 != *$'\t' ]] || refuse 24 "a line has an empty word"
  IFS=$'\t' read -ra WORDS <<<"$1"
}

