
# ---- Checks: the second live look, directly before the tool. Each prints an objection, or nothing. ----

# status_line PRODUCT SERVICE KEY: one value of trepctl's status; fails when the service cannot be asked.
status_line() {
  local text
  text=$(ask "$(program "$1" trepctl)" -retry 0 -service "$2" status) || return
  sed -n "s/^$3 *: //p" <<<"$text"
}

policy_of_coordinator() {
  local text
  text=$(answer_cctrl ls) || return
  [[ $text =~ COORDINATOR\[[^]:]*:([A-Za-z]+): ]] && printf '%s\n' "${BASH_REMATCH[1]}"
}

# object NAME ARG…: what speaks against going on. What cannot be read speaks against it.
object() {
  local value
  case $1 in
    policy-is)
      value=$(policy_of_coordinator) || { printf 'the policy cannot be read\n'; return; }
      [[ ${value^^} == "${2^^}" ]] || printf 'the policy is %s\n' "$value"
      ;;
    file-is) [[ -f $KEPT/$2 && $(sha256_of "$KEPT/$2") == "$3" ]] || printf '%s is not the file that was verified\n' "$2" ;;
    no-tpm) [[ -z $(tpm_processes) ]] || printf 'a tpm runs\n' ;;
    stopped)
      value=$(ask "$(program "$2" replicator)" status 2>&1)
      [[ $value == *"not running"* ]] || printf 'the %s replicator runs, or cannot be asked\n' "$2"
      ;;
    writable)
      value=$(answer_sql read-only) || { printf 'read_only cannot be read\n'; return; }
      [[ $value == 0 && $2 == yes || $value == 1 && $2 == no ]] || printf 'read_only says otherwise\n'
      ;;
    tracking-is)
      value=$(ask_sql "SELECT seqno, eventid FROM \`$2\`.trep_commit_seqno") || { printf '%s cannot be read\n' "$2"; return; }
      [[ $value == "$3"$'\t'"$4" ]] || printf '%s stands elsewhere\n' "$2"
      ;;
    state-is)
      value=$(status_line "$2" "$3" state) || { printf '%s cannot be asked\n' "$3"; return; }
      [[ $value == "$4" ]] || printf '%s is not %s\n' "$3" "$4"
      ;;
    armed)
      value=$(status_line "$2" "$3" offlineRequests) || { printf '%s cannot be asked\n' "$3"; return; }
      value=";${value//; /;};"
      [[ $value == *";Offline at heartbeat event: $4;"* ]] || printf '%s is not armed\n' "$3"
      ;;
    error-is)
      value=$(status_line "$2" "$3" 'pending[A-Za-z]*') || { printf '%s cannot be asked\n' "$3"; return; }
      [[ $value == *"Log epoch numbers do not match"* ]] || printf '%s does not show the epoch mismatch\n' "$3"
      ;;
    error-at)
      value=$(status_line "$2" "$3" state) || { printf '%s cannot be asked\n' "$3"; return; }
      [[ $value == OFFLINE:ERROR ]] || { printf '%s is %s\n' "$3" "$value"; return; }
      value=$(status_line "$2" "$3" pendingErrorSeqno) || { printf '%s cannot be asked\n' "$3"; return; }
      [[ $value == "$4" ]] || printf '%s is stopped at event %s\n' "$3" "$value"
      ;;
    ini-is)
      value=$(answer_ini)
      [[ $value == *"published=$2"$'\n'joined=yes* ]] || printf 'another ini is published\n'
      ;;
    secret-is) [[ $(secret_word) == "$2" ]] || printf 'another version of the Secret is mounted\n' ;;
    passwords-are) [[ $(word_of ini-version) == "$2" ]] || printf 'another version of the Secret is mounted\n' ;;
    shunned)
      value=$(answer_cctrl ls) || { printf 'the datasources cannot be read\n'; return; }
      [[ $value =~ \|$2\([a-z]+:SHUNNED ]] || printf 'the datasource %s is not shunned\n' "$2"
      ;;
    database-is)
      value=$(answer_database) || { printf 'the database cannot be asked\n'; return; }
      [[ $value == "$2" ]] || printf 'the database is not %s\n' "$2"
      ;;
    backup-is)
      value=$(answer_backup "$2")
      [[ $value == *"sha256=$3"$'\n'* && $value == *"verified=yes" ]] || printf '%s is not the backup that was verified\n' "$2"
      ;;
    no-tables)
      value=$(sql_belongings) || { printf 'it cannot be read what the database holds\n'; return; }
      [[ -z $value ]] || printf "the database holds a user's %s\n" "${value%%$'\t'*}"
      ;;
    no-table-files)
      value=$(answer_database) || { printf 'the database cannot be asked\n'; return; }
      [[ $value == stopped ]] || { printf 'the database runs\n'; return; }
      value=$(files_held) || { printf 'the data directory cannot be read\n'; return; }
      [[ -z $value ]] || printf 'the data directory holds %s\n' "$value"
      ;;
    *) printf 'unknown check %s\n' "$1" ;;
  esac
}
