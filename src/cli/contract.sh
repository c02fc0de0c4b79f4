# The node contract as questions to a running node: one function for each numbered line of docs/operating/node-image.md,
# whose sentence is its comment. Sent to `bash -s` in the pod, it prints NUMBER<TAB>EXIT<TAB>SENTENCE for each: 0 kept,
# 1 broken, anything else cannot tell. Nothing is changed, except that --restart restarts the database.
set -uo pipefail
shopt -s nullglob
RESTART=no
[[ ${1-} != --restart ]] || RESTART=yes

# no SENTENCE: the line is broken. unsure SENTENCE: it cannot be told here.
no() { printf '%s\n' "$1"; exit 1; }
unsure() { printf '%s\n' "$1"; exit 2; }

# need PROGRAM…: all of them are on the path.
need() {
  local name missing=()
  for name in "$@"; do command -v "$name" >/dev/null || missing+=("$name"); done
  ((${#missing[@]} == 0)) || no "not installed: ${missing[*]}"
}

# one_of PROGRAM…: prints the first that is installed.
one_of() {
  local name
  for name in "$@"; do ! command -v "$name" || return 0; done
  return 1
}

node_name() { local name=${POD_NAME:-$(hostname)}; printf '%s\n' "${name%%.*}"; }
node_cnf() { printf '/etc/tungsten-my-cnf/%s.cnf\n' "$(node_name)"; }
with_database() { [[ -f $(node_cnf) ]] || unsure "$(node_cnf) is not there: a witness, or not configured yet"; }
is_mount() { awk -v path="$1" '$5 == path { found = 1 } END { exit !found }' /proc/self/mountinfo; }
writable() { local probe; probe=$(mktemp "$1/.check.XXXXXX" 2>/dev/null) && rm -f "$probe"; }
file_value() { sed -n 's/^[[:space:]]*'"${2//-/[-_]}"'[[:space:]]*=[[:space:]]*//p' "$1" | tail -n 1; }
owner_sql() {
  local client
  client=$(one_of mariadb mysql) || no "no database client is installed"
  timeout 10 "$client" --no-defaults --socket=/run/mysqld/mysqld.sock --user="$(id -un)" --batch --skip-column-names --execute="$1" 2>&1
}
database_pid() { /usr/local/bin/mysqld-service status | sed -n 's/.*pid \([0-9]*\).*/\1/p'; }
# status_field PID NAME
status_field() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"; }
# entrypoint_pid: the child of process 1 that is the entrypoint; its own children carry the same words.
entrypoint_pid() {
  local entry
  for entry in /proc/[0-9]*; do
    [[ $(tr '\0' ' ' 2>/dev/null <"$entry/cmdline") == *"/usr/local/bin/tungsten-node "* && $(status_field "${entry##*/}" PPid) == 1 ]] || continue
    printf '%s\n' "${entry##*/}"
    return
  done
  return 1
}
# hard_limit NAME: of this process, as limits name it.
hard_limit() { sed -n "s/^$1 *[^ ]* *\([^ ]*\) .*/\1/p" /proc/self/limits; }
at_least() { [[ $1 == unlimited ]] || (($1 >= $2)); }

# User `tungsten` has uid and gid 1000, home `/opt/home/tungsten` and bash, by a line of `/etc/passwd`.
line_1() {
  local entry
  entry=$(getent passwd 1000) || no "no passwd line for uid 1000"
  [[ $entry == tungsten:*:1000:1000:*:/opt/home/tungsten:*/bash ]] || no "the line is $entry"
}

# User `tungsten` is in group `mysql`.
line_2() { [[ " $(id -Gn tungsten 2>&1) " == *" mysql "* ]] || no "its groups are $(id -Gn tungsten 2>&1)"; }

# Everything runs as uid 1000, without capabilities and without a way to more rights.
line_3() {
  [[ $(id -u) == 1000 ]] || no "this session runs as uid $(id -u)"
  [[ $(status_field 1 Uid) == 1000[[:space:]]* ]] || no "process 1 runs as another user"
  [[ $(status_field self CapEff) =~ ^0+$ ]] || no "it has capabilities: $(status_field self CapEff)"
  [[ $(status_field self NoNewPrivs) == 1 ]] || no "it may gain rights: allowPrivilegeEscalation is not false"
}

# The root file system may be read-only: nothing the node writes lies on it.
line_4() {
  awk '$5 == "/" && $6 ~ /(^|,)ro(,|$)/ { found = 1 } END { exit !found }' /proc/self/mountinfo ||
    unsure "the root file system is writable in this pod"
}

# Process 1 is an init that reaps orphans, and the entrypoint is its child.
line_5() {
  local orphan
  orphan=$(bash -c 'sleep 0 >/dev/null & echo $!')
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    [[ -e /proc/$orphan ]] || break
    sleep 0.2
  done
  [[ ! -e /proc/$orphan ]] || no "an orphan stays a zombie: $(tr '\0' ' ' </proc/1/cmdline) does not reap"
  entrypoint_pid >/dev/null || no "process 1 has no child /usr/local/bin/tungsten-node"
}

# The entrypoint catches SIGTERM, so that the node goes down in order.
line_6() {
  local pid mask
  pid=$(entrypoint_pid) || no "process 1 has no child /usr/local/bin/tungsten-node"
  mask=$(status_field "$pid" SigCgt)
  ((16#${mask: -4} & 16#4000)) || no "it does not catch it"
}

# Bash is 4.4 or newer.
line_7() { ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 404)) || no "it is $BASH_VERSION"; }

# The runner's programs are there: GNU coreutils, util-linux, awk, sed, grep, tar, gzip, diffutils, findutils, getent.
line_8() {
  local probe
  need awk cat cmp cp cut date df du find flock getent grep gzip head hostname id ln mktemp mv readlink rm sed setsid sha256sum \
    sort stat sync tail tar timeout tr xargs
  probe=$(mktemp) || no "/tmp is not writable"
  sync "$probe" 2>/dev/null || no "sync takes no file: coreutils older than 8.24"
  rm -f "$probe"
  df --output=avail,size / >/dev/null 2>&1 || no "df has no --output"
}

# Tungsten's programs are there: Java 8 or newer with keytool, Ruby with net-ssh and net-scp, Perl with DBI, rsync, openssl, which.
line_9() {
  local major
  need java keytool ruby perl rsync openssl which
  major=$(java -version 2>&1 | sed -n 's/.*version "\(1\.\)\{0,1\}\([0-9]*\).*/\2/p' | head -n 1)
  [[ -n $major ]] || unsure "java tells no version"
  ((major >= 8)) || no "java is version $major"
  ruby -e 'require "net/ssh"; require "net/scp"; require "io/console"' 2>/dev/null || no "ruby lacks net-ssh, net-scp or io-console"
  perl -MDBI -e 1 2>/dev/null || no "perl lacks DBI"
}

# One vendor's server with its client, dump, binary-log reader and physical backup is installed.
line_10() {
  export PATH=$PATH:/usr/sbin
  if command -v mariadbd >/dev/null; then
    need mariadb mariadb-admin mariadb-dump mariadb-binlog mariadb-install-db
    one_of mariadb-backup mariabackup >/dev/null || no "not installed: mariadb-backup"
  else
    need mysqld mysql mysqladmin mysqldump mysqlbinlog xtrabackup
  fi
}

# `/opt` is one durable volume; nothing is mounted below it, and user `tungsten` writes it.
line_11() {
  is_mount /opt || no "/opt is not a mount"
  writable /opt || no "/opt cannot be written"
  ! awk '$5 ~ /^\/opt\// { found = 1 } END { exit !found }' /proc/self/mountinfo || no "something is mounted below /opt"
}

# `/backups` is a second volume, written by user `tungsten`.
line_12() {
  is_mount /backups || no "/backups is not a mount"
  writable /backups || no "/backups cannot be written"
  [[ $(stat -c %d /backups) != $(stat -c %d /opt) ]] || unsure "/backups and /opt lie on one file system"
}

# `/etc/tungsten` is writable and in memory: secrets are joined there.
line_13() {
  writable /etc/tungsten || no "it cannot be written"
  [[ $(stat -f -c %T /etc/tungsten) == tmpfs ]] || no "it lies on $(stat -f -c %T /etc/tungsten), not in memory"
}

# `/run/mysqld` and `/tmp` are writable, and programs may run from `/tmp`.
line_14() {
  local probe
  writable /run/mysqld || no "/run/mysqld cannot be written"
  probe=$(mktemp /tmp/.check.XXXXXX) || no "/tmp cannot be written"
  printf '#!/bin/sh\n' >"$probe" && chmod 0700 "$probe"
  "$probe" 2>/dev/null
  local ran=$?
  rm -f "$probe"
  ((ran == 0)) || no "/tmp is mounted noexec"
}

# Home is on the volume: `HOME` says so in every session, and `.bashrc`, tpm's profile-script, can be written.
line_15() {
  [[ ${HOME-} == /opt/home/tungsten ]] || no "HOME is ${HOME-empty}"
  [[ -w $HOME/.bashrc ]] || no "$HOME/.bashrc cannot be written"
}

# `~/.my.cnf` leads to the client file in memory; no password lies on the volume.
line_16() { [[ $(readlink "$HOME/.my.cnf") == /etc/tungsten/client.cnf ]] || no "it leads to «$(readlink "$HOME/.my.cnf")»"; }

# The operator's folders on the volume are there, and nobody else reads them.
line_17() {
  local name
  for name in markers incoming holds kept installed unfinished ini; do
    [[ $(stat -c '%a %u' "/opt/tungsten-operator/$name" 2>/dev/null) == ?(2)"700 1000" ]] ||
      no "/opt/tungsten-operator/$name is missing, or others may read it"
  done
}

# Homes, data, products, markers, holds and kept files lead to `/opt`: they survive a restart.
line_18() {
  local path
  for path in /opt/home/tungsten /opt/mysql /opt/continuent /opt/replicator /opt/tungsten-operator /var/lib/mysql; do
    [[ $(readlink -f "$path") == /opt/* ]] || no "$path leads to $(readlink -f "$path")"
  done
}

# Every tarball in `/usr/share/tungsten/packages` has its checksum beside it, and it is right.
line_19() {
  local package found=no expected
  for package in /usr/share/tungsten/packages/*.tar.gz; do
    found=yes
    read -r expected _ 2>/dev/null <"$package.sha256" || no "${package##*/} has no checksum"
    [[ $(sha256sum <"$package") == "$expected  -" ]] || no "${package##*/} is not what its checksum says"
  done
  [[ $found == yes ]] || unsure "the image brings no package; they must lie on the volume"
}

# Packages are unpacked to `/opt/continuent/software/PACKAGE-RELEASE`, and came with the recorded checksum.
line_20() {
  local tool name found=no
  for tool in /opt/continuent/software/*/tools/tpm; do
    found=yes
    name=${tool%/tools/tpm} name=${name##*/}
    [[ -x $tool ]] || no "$tool cannot be run"
    [[ -s /opt/tungsten-operator/packages/$name ]] || unsure "$name was not unpacked by the entrypoint"
    [[ ! -f /usr/share/tungsten/packages/$name.tar.gz.sha256 ]] ||
      [[ $(</opt/tungsten-operator/packages/"$name") == "$(cut -d ' ' -f 1 "/usr/share/tungsten/packages/$name.tar.gz.sha256")" ]] ||
      no "$name on the volume is another package than the image's"
  done
  [[ $found == yes ]] || no "no package is unpacked"
}

# The database runs, and `mysqld-service status` says so.
line_21() {
  local told
  with_database
  told=$(/usr/local/bin/mysqld-service status 2>&1) || no "$told"
  [[ $told != *"does not answer"* ]] || no "$told"
}

# The database runs as uid 1000.
line_22() {
  local pid
  with_database
  pid=$(database_pid)
  [[ -n $pid ]] || no "it does not run"
  [[ $(status_field "$pid" Uid) == 1000[[:space:]]* ]] || no "it runs as another user"
}

# `/etc/init.d/mysql`, `service mysql` and `systemctl … mysqld` drive the same service; nothing needs sudo.
line_23() {
  local expected
  with_database
  expected=$(/usr/local/bin/mysqld-service status 2>&1)
  [[ $(/etc/init.d/mysql status 2>&1) == "$expected" ]] || no "/etc/init.d/mysql says something else"
  [[ $(service mysql status 2>&1) == "$expected" ]] || no "service mysql status says something else"
  [[ $(systemctl status mysqld.service 2>&1) == "$expected" ]] || no "systemctl status mysqld says something else"
}

# A restart through the service brings another process with the same data.
line_24() {
  local before schemas question="SELECT GROUP_CONCAT(schema_name ORDER BY schema_name) FROM information_schema.schemata"
  with_database
  [[ $RESTART == yes ]] || unsure "not tried: --restart restarts the database"
  before=$(database_pid)
  schemas=$(owner_sql "$question")
  /usr/local/bin/mysqld-service restart >/dev/null 2>&1 || no "restart failed"
  [[ -n $(database_pid) && $(database_pid) != "$before" ]] || no "it is still the same process"
  [[ $(owner_sql "$question") == "$schemas" ]] || no "it has other schemas than before"
}

# `/etc/my.cnf` and `/etc/mysql/my.cnf` are the file the server started with; server-id and port in it are the running ones.
line_25() {
  local path running
  with_database
  for path in /etc/my.cnf /etc/mysql/my.cnf; do
    [[ $(readlink -f "$path") == /etc/tungsten/my.cnf ]] || no "$path leads to $(readlink -f "$path")"
  done
  running=$(owner_sql "SELECT CONCAT(@@server_id, ' ', @@port)") || no "the server does not tell: $running"
  [[ $running == "$(file_value /etc/my.cnf server-id) $(file_value /etc/my.cnf port)" ]] || no "the server runs with $running"
}

# The database's owner is the system user, over the socket `/run/mysqld/mysqld.sock`, without a password.
line_26() {
  local told
  with_database
  told=$(owner_sql "SHOW GRANTS") || no "$told"
  [[ $told == *"GRANT ALL PRIVILEGES ON *.*"* || $told == *"CREATE USER"* ]] || no "it lacks rights: $(head -n 1 <<<"$told" | cut -c 1-80)"
}

# The datadir is `/opt/mysql/data`, its binary logs are readable, and `/var/lib/mysql` leads there.
line_27() {
  local told
  with_database
  told=$(owner_sql "SELECT @@datadir") || no "$told"
  [[ $told == /opt/mysql/data/ ]] || no "it is $told"
  [[ $(readlink -f /var/lib/mysql) == /opt/mysql/data ]] || no "/var/lib/mysql leads to $(readlink -f /var/lib/mysql)"
  told=$(owner_sql "SELECT @@log_bin_basename")
  [[ $told == NULL || -r $told.index ]] || no "$told.index cannot be read"
}

# 65,535 open files and 8,096 processes are allowed, and the database uses them.
line_28() {
  local pid
  at_least "$(hard_limit 'Max open files')" 65535 || no "at most $(hard_limit 'Max open files') open files"
  at_least "$(hard_limit 'Max processes')" 8096 || no "at most $(hard_limit 'Max processes') processes"
  with_database
  pid=$(database_pid)
  [[ -n $pid ]] || no "the database does not run"
  at_least "$(sed -n 's/^Max open files *\([^ ]*\) .*/\1/p' "/proc/$pid/limits")" 65535 || no "the database runs with fewer open files"
}

# `hostname` is the member's name, without underscore, resolves, and is not on loopback.
line_29() {
  local name address
  name=$(hostname)
  [[ ${name%%.*} == "${POD_NAME-}" ]] || no "hostname is $name, the pod is ${POD_NAME-unknown}"
  [[ $name != *_* ]] || no "$name holds an underscore"
  address=$(getent ahosts "$name" | awk 'NR == 1 { print $1 }')
  [[ -n $address ]] || no "$name does not resolve"
  [[ $address != 127.* && $address != ::1 ]] || no "$name resolves to loopback"
}

# The database listens on the port of its file for everybody, not on loopback alone.
line_30() {
  local port
  with_database
  port=$(file_value "$(node_cnf)" port)
  [[ -n $port ]] || unsure "its file names no port"
  awk -v port="$(printf '%04X' "$port")" '$4 == "0A" && $2 ~ "^0+:" port "$" { found = 1 } END { exit !found }' /proc/net/tcp /proc/net/tcp6 2>/dev/null ||
    no "nobody listens on port $port for all addresses"
}

# sshd listens on port 2222 for user `tungsten` alone, where keys are mounted at `/etc/tungsten-ssh`.
line_31() {
  [[ -f /etc/tungsten-ssh/authorized_keys ]] || unsure "no keys are mounted: tprovision cannot copy to or from this node"
  timeout 10 ssh "$(hostname)" true 2>/dev/null || no "ssh $(hostname) fails"
}

# ssh from this node goes to port 2222 with the mounted key, without being told.
line_32() {
  local told
  told=$(ssh -G nowhere 2>/dev/null) || no "ssh cannot be run"
  [[ $told == *"port 2222"* && $told == *"identityfile /etc/tungsten-ssh/id_ed25519"* ]] || no "it would use $(grep -m 1 '^port' <<<"$told")"
}

# The runner is mounted read-only at `/etc/runner/runner` and answers for this pod.
line_33() {
  local question=$'q\tclock\n' told sum
  [[ -x /etc/runner/runner ]] || no "it is not there"
  ! writable /etc/runner || no "its folder can be written"
  sum=$(printf '%s' "$question" | sha256sum)
  told=$(printf '%s' "$question" | /etc/runner/runner observe "${POD_UID-}" "${#question}" "${sum%% *}" 2>&1) || no "${told:-it failed}"
  [[ $told == *"== end 1" ]] || no "its answer is cut short"
}

# Account names and passwords are mounted at `/etc/tungsten-secrets`, readable for this user and not for all.
line_34() {
  local name
  for name in replication-user replication-password application-user application-password; do
    [[ -r /etc/tungsten-secrets/$name ]] || no "$name is missing, or cannot be read"
    [[ $(stat -L -c %a "/etc/tungsten-secrets/$name") == *0 ]] || no "$name can be read by all"
  done
}

# The published `tungsten.ini` is joined with the secrets, 0600.
line_35() {
  [[ -f /opt/tungsten-operator/ini/tungsten.ini ]] || unsure "nothing is published yet"
  [[ $(stat -c %a /etc/tungsten/tungsten.ini 2>/dev/null) == 600 ]] || no "it is not there, or others may read it"
  ! grep -q '@{' /etc/tungsten/tungsten.ini || no "it still holds placeholders"
}

# What is held does not run.
line_36() {
  local hold program held=no
  for hold in cluster crossSite manager; do
    [[ -e /opt/tungsten-operator/holds/$hold ]] || continue
    held=yes
    case $hold in
      cluster) program=/opt/continuent/tungsten/tungsten-replicator/bin/replicator ;;
      crossSite) program=/opt/replicator/tungsten/tungsten-replicator/bin/replicator ;;
      manager) program=/opt/continuent/tungsten/tungsten-manager/bin/manager ;;
    esac
    [[ -x $program ]] || continue
    [[ $(timeout 20 "$program" status 2>&1) == *"not running"* ]] || no "$hold is held and runs, or cannot be asked"
  done
  [[ $held == yes ]] || unsure "nothing is held now"
}

for ((number = 1; ; number += 1)); do
  declare -F "line_$number" >/dev/null || break
  told=$("line_$number" 2>/dev/null </dev/null)
  printf '%s\t%s\t%s\n' "$number" "$?" "$(head -n 1 <<<"$told" | tr '\t' ' ' | cut -c 1-200)"
done
printf 'end\t%s\t\n' "$((number - 1))"
