# shellcheck shell=bash
# What every simulated tool does: asks this node's server, and starts that server where it does not run. Sourced by the
# tools themselves, so that a process list shows them under their own names. The wire: simulator/node/tools.ts.

tool_home=${TUNGSTEN_SIMULATOR_HOME:-/usr/lib/tungsten-simulator}
tool_address=${TUNGSTEN_SIMULATOR_CONTROL:-127.0.0.1}

# Becomes the server, to be run in the background. It outlives the tool and inherits nothing from it: a lock held by its parents would never be free again.
start_server() {
  local log fd node
  log=${TUNGSTEN_SIMULATOR_ROOT-}/opt/continuent/service_logs
  mkdir -p "$log"
  for fd in /proc/"$BASHPID"/fd/*; do
    fd=${fd##*/}
    ((fd <= 2)) || eval "exec $fd>&-"
  done
  node=$tool_home/node
  [[ -x $node ]] || node=node
  cd / && exec setsid "$node" --max-semi-space-size=2 "$tool_home/server.mjs" </dev/null >>"$log/simulated-node.log" 2>&1
}

connect() { { exec {server}<>"/dev/tcp/$tool_address/9990"; } 2>/dev/null; }

if ! connect; then
  start_server &
  for ((tries = 0; tries < 200; tries += 1)); do
    sleep 0.05
    ! connect || break
  done
  [[ -n ${server-} ]] || {
    printf 'the simulated node does not start; see service_logs/simulated-node.log\n' >&2
    exit 1
  }
fi

# Two of them ask or are told something: cctrl always, trepctl before a reset without -y.
tool_input=""
case ${0##*/}:$* in
  cctrl:* | trepctl:*reset*) tool_input=$(cat && printf .) ;;
esac
tool_input=${tool_input%.}
LC_ALL=C
{
  printf '%s\0' "$0" "$PWD" "$#" "$@" "${#tool_input}"
  printf '%s' "$tool_input"
} >&"$server"
read -r code out err <&"$server" || {
  printf 'the simulated node went away\n' >&2
  exit 1
}
[[ $out == 0 ]] || head -c "$out" <&"$server"
[[ $err == 0 ]] || head -c "$err" <&"$server" >&2
exit "$code"
