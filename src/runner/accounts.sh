
# ---- Accounts: what the mounted Secret names is brought into this node's database and its connector's user.map. ----
# Never logged: a server may write a password as it was said, and what is in the binary log travels to every site.

# Names of the further users that were made here; of others nothing is ever dropped.
readonly USERS_MADE="$STATE/users"
# Names whose lines were written into user.map here.
readonly USERS_MAPPED="$STATE/users-mapped"
readonly USERS="$SECRETS/users"

# word_of NAME: a mounted version; `none` where there is none.
word_of() {
  local word=""
  [[ ! -f $SECRETS/$1 ]] || read -r word <"$SECRETS/$1" || [[ -n $word ]] || fail 1 "the secret $1 cannot be read"
  printf '%s' "${word:-none}"
}

# secret_word: which Secret is mounted: the version of what goes into tungsten.ini, and that of the users.
secret_word() { printf '%s.%s\n' "$(word_of ini-version)" "$(word_of users-version)"; }

# each_account: ROLE, name and password of every one, split by tabs.
each_account() {
  local role user word
  for role in replication application; do
    user=$(secret "$role-user") && word=$(secret "$role-password") || exit 1
    printf '%s\t%s\t%s\n' "$role" "$user" "$word"
  done
  [[ ! -f $USERS ]] || sed -n $'/^[^\t]\\{1,\\}\t./s/^/user\t/p' "$USERS"
}

made_here() { [[ ! -f $USERS_MADE ]] || cat "$USERS_MADE"; }

# names_in LIST: of `each_account`.
names_in() { cut -f 2 <<<"$1" | sort -u; }

# left_over LIST: users that were made here and that the Secret, as LIST tells it, no longer names.
left_over() { comm -23 <(made_here | sort -u) <(names_in "$1"); }

# logs_in NAME PASSWORD: 0 if this server lets them in, 1 if it says that the password is another one, or has expired, 2 if
# nobody knows: it is not reached, or lets nobody in at present. The client reads both from a pipe; what it says has no password.
logs_in() {
  local client said
  client=$(first_of mariadb mysql) || exit 127
  ! said=$(timeout --kill-after=2 "$QUERY_SECONDS" "$client" \
    --defaults-file=<(printf '[client]\nuser=%s\npassword=%s\n' "$(option_value "$1")" "$(option_value "$2")") \
    --socket="$SOCKET" --batch --skip-column-names --execute='SELECT 1' 2>&1 >/dev/null </dev/null) || return 0
  grep -qE '^ERROR (1045|1698|1820|1862) ' <<<"$said" && return 1
  return 2
}

# takes NAME PASSWORD: whether the account has this password. Where nobody knows nothing goes on, least of all a change.
takes() {
  local is=0
  logs_in "$1" "$2" || is=$?
  ((is < 2)) || fail 1 "the server does not tell whether an account has the password of the Secret"
  return "$is"
}

is_mariadb() {
  local version
  version=$(as_owner <<<'SELECT VERSION()') || fail 1 "the server does not tell its version"
  [[ $version == *MariaDB* ]]
}

# with_second: names of accounts that take two passwords at present. MariaDB leaves a list of one behind.
with_second() {
  if is_mariadb; then
    as_owner <<<"SELECT user FROM mysql.global_priv WHERE host = '%' AND JSON_LENGTH(priv, '\$.auth_or') > 1" 2>/dev/null
  else
    as_owner <<<"SELECT user FROM mysql.user WHERE host = '%' AND JSON_CONTAINS_PATH(user_attributes, 'one', '\$.additional_password')" 2>/dev/null
  fi
}

# present_users: every name that has an account for any host.
present_users() { as_owner <<<"SELECT user FROM mysql.user WHERE host = '%'"; }

among() { grep -qxF -- "$1"; }

# renewed NAME PASSWORD SECOND: the statement after which an account takes this password beside those it has. SECOND are
# the names that have two: MySQL keeps no third, and the first of them may still be in use.
renewed() {
  local user word hash methods=""
  user="$(quoted "$1")@'%'" word=$(quoted "$2")
  if ! is_mariadb; then
    ! among "$1" <<<"$3" || fail 3 "an account has a former password still, and MySQL keeps no more than two: put the Secret back until that one has ended"
    printf 'ALTER USER %s IDENTIFIED BY %s RETAIN CURRENT PASSWORD;' "$user" "$word"
    return
  fi
  while IFS= read -r hash; do methods+=" OR mysql_native_password USING '$hash'"; done < <(as_owner 2>/dev/null <<<"SELECT priv
    FROM mysql.global_priv WHERE host = '%' AND user = $(quoted "$1") AND JSON_VALUE(priv, '\$.plugin') IN ('', 'mysql_native_password')" |
    grep -oE '[*][0-9A-F]{40}')
  if [[ -n $methods ]]; then
    printf "ALTER USER %s IDENTIFIED VIA mysql_native_password USING PASSWORD(%s)%s;" "$user" "$word" "$methods"
  else
    printf 'ALTER USER %s IDENTIFIED BY %s;' "$user" "$word"
  fi
}

# granted ROLE: its rights.
granted() {
  if [[ $1 == replication ]]; then printf 'ALL PRIVILEGES'; else printf '%s' "$APPLICATION_RIGHTS"; fi
}

# change_accounts: each one exists, and takes its password; a former one stays good until `settle_accounts`.
change_accounts() {
  local role user word list there second text="SET SESSION sql_log_bin = 0, sql_mode = '';"
  list=$(each_account) && there=$(present_users) && second=$(with_second) || exit 1
  while IFS=$'\t' read -r role user word; do
    if ! among "$user" <<<"$there"; then
      # Noted before it is made: a name that is noted and was never made is dropped without harm.
      [[ $role != user ]] || { made_here && printf '%s\n' "$user"; } | sort -u | put "$USERS_MADE" || exit 1
      text+=" CREATE USER $(quoted "$user")@'%' IDENTIFIED BY $(quoted "$word");"
    elif ! takes "$user" "$word"; then
      text+=" $(renewed "$user" "$word" "$second")" || exit
    fi
    text+=" GRANT $(granted "$role") ON *.* TO $(quoted "$user")@'%'"
    [[ $role != replication ]] || text+=" WITH GRANT OPTION"
    text+=";"
  done <<<"$list"
  printf '%s\n' "$text" | SQL_SECONDS=600 as_owner
}

# settle_accounts: no former password is good any more, and no user is left that the Secret does not name. Never while
# this node's connector still takes one of them in.
settle_accounts() {
  local role user word list second text="SET SESSION sql_log_bin = 0, sql_mode = '';"
  list=$(each_account) && second=$(with_second) || exit 1
  [[ $(map_state) == yes ]] || fail 3 "user.map is not what the Secret says"
  while IFS=$'\t' read -r role user word; do
    among "$user" <<<"$second" || continue
    takes "$user" "$word" || fail 3 "the password of an account is not the Secret's"
    if is_mariadb; then
      text+=" ALTER USER $(quoted "$user")@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD($(quoted "$word"));"
    else
      text+=" ALTER USER $(quoted "$user")@'%' DISCARD OLD PASSWORD;"
    fi
  done <<<"$list"
  while IFS= read -r user; do
    [[ -z $user ]] || text+=" DROP USER IF EXISTS $(quoted "$user")@'%';"
  done < <(left_over "$list")
  printf '%s\n' "$text" | SQL_SECONDS=600 as_owner || exit
  comm -12 <(made_here | sort -u) <(names_in "$list") | put "$USERS_MADE"
}

wanted_users() { [[ ! -f $USERS ]] || cut -f 1 "$USERS"; }

user_map() { printf '%s\n' "$(home cluster)/tungsten/tungsten-connector/conf/user.map"; }

# served NAME: the service that a line with NAME is to have: NAME, while the published text knows it. A site that has left its
# composite knows that one no more, and nobody would be let in: then the composite of this host's own service, or that
# service. NAME where no text says whose host this is.
served() {
  local now=""
  [[ ! -f $PUBLISHED_INI ]] || now=$(NAME=$1 HOST=${POD_NAME:-$(hostname)} awk '
    /^\[/ { section = substr($0, 2, index($0, "]") - 2); known[section]; next }
    {
      at = index($0, "=")
      key = substr($0, 1, at - 1)
      count = split(substr($0, at + 1), values, ",")
      for (each = 1; each <= count; each++) {
        if ((key == "members" || key == "connectors") && values[each] "" == ENVIRON["HOST"] "") own = section
        if (key == "composite-datasources") composite[values[each]] = section
      }
    }
    END { print ENVIRON["NAME"] in known ? ENVIRON["NAME"] : own in composite ? composite[own] : own }' "$PUBLISHED_INI")
  printf '%s\n' "${now:-$1}"
}

# mapped FILE: its text as it should be: whatever is not ours as it is, the application account's line with its password and
# a service that is there, then each user with the service of that line. Passwords are read from files, never from arguments.
# What awk reads and takes for numbers it compares as such, 100 with 1e2: hence the empty strings.
mapped() {
  local application named
  application=$(secret application-user) || exit 1
  named=$(APPLICATION=$application awk '$1 "" == ENVIRON["APPLICATION"] "" { print $3; exit }' "$1")
  NAMED=$named SERVED=$(served "$named") \
    APPLICATION=$application WORD=$SECRETS/application-password OURS=$USERS_MAPPED WANTED=$USERS awk '
    BEGIN {
      getline password < ENVIRON["WORD"]
      while ((getline line < ENVIRON["OURS"]) > 0) ours[line]
      while ((getline line < ENVIRON["WANTED"]) > 0) {
        tab = index(line, "\t")
        if (tab < 2) continue
        name[++count] = substr(line, 1, tab - 1)
        word[count] = substr(line, tab + 1)
        ours[name[count]]
      }
    }
    $1 "" == ENVIRON["APPLICATION"] "" && service == "" {
      service = ENVIRON["SERVED"]
      there = service "" == ENVIRON["NAMED"] ""
      for (field = 4; there && field <= NF; field++) service = service " " $field
      if (there && $2 "" == password "") print; else print $1, password, service
      next
    }
    !($1 in ours) { print }
    END {
      if (count > 0 && service == "") exit 4
      for (at = 1; at <= count; at++) print name[at], word[at], service
    }' "$1"
}

# map_accounts: the connector looks at the file by itself and takes it over without losing a connection.
map_accounts() {
  local file text
  file=$(readlink -f "$(user_map)") && [[ -f $file ]] || fail 1 "user.map: No such file or directory"
  text=$(mapped "$file") || fail 3 "user.map has no line of the application account, whose service the others take"
  [[ $(map_state) != yes ]] || return 0
  { cat "$USERS_MAPPED" 2>/dev/null; wanted_users; } | sort -u | put "$USERS_MAPPED" || exit 1
  printf '%s\n' "$text" | put "$file" || exit 1
  wanted_users | sort -u | put "$USERS_MAPPED"
}

map_state() {
  local file
  file=$(readlink -f "$(user_map)")
  if [[ -f $file ]] && cmp -s <(mapped "$file" | sort) <(sort "$file"); then printf 'yes\n'; else printf 'no\n'; fi
}

# without_database: nothing here says that there ever was one, or is to be one.
without_database() { [[ ! -S $SOCKET && ! -e $DATA && ! -f $MY_CNF/${POD_NAME:-$(hostname)}.cnf ]]; }

# answer_accounts_state: which Secret is mounted; whether every account of it is let in; whether user.map holds the users;
# whether nothing of before is left. A server that does not answer tells nothing; a host that has none, as it runs only a
# connector, says so.
answer_accounts_state() {
  local role user word list second database=yes settled=yes
  if without_database; then
    each_account >/dev/null || fail 1 "the accounts cannot be read"
    printf 'secret=%s\ndatabase=none\nmap=%s\nsettled=yes\n' "$(secret_word)" "$(map_state)"
    return
  fi
  list=$(each_account) && present_users >/dev/null && second=$(with_second) || fail 1 "the accounts cannot be read"
  while IFS=$'\t' read -r role user word; do
    takes "$user" "$word" || database=no
    ! among "$user" <<<"$second" || settled=no
  done <<<"$list"
  [[ -z $(left_over "$list") ]] || settled=no
  printf 'secret=%s\ndatabase=%s\nmap=%s\nsettled=%s\n' "$(secret_word)" "$database" "$(map_state)" "$settled"
}
