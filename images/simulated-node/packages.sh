#!/usr/bin/env bash
# packages.sh FOLDER RELEASE…: writes the two packages of each release as the vendor ships them, each with its checksum.
# Everything in them is simulated: every tool is the same few lines, which ask this node's server, but for the programs
# beside this file.
set -euo pipefail

programs=$(cd "${0%/*}" && pwd)/programs
folder=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$folder"

# tool PATH: the program is known by its name and by the tree it lies in.
tool() {
  mkdir -p "${1%/*}"
  cat >"$1" <<'TOOL'
#!/usr/bin/env bash
# Simulated Tungsten, for tests and demonstrations only.
# shellcheck source=client.sh
source "${TUNGSTEN_SIMULATOR_HOME:-/usr/lib/tungsten-simulator}/client.sh"
TOOL
  chmod 755 "$1"
}

# pack NAME TOOL…
pack() {
  local name=$1 path
  shift
  for path in "$@"; do
    if [[ -e $programs/${path##*/} ]]; then install -D -m 755 "$programs/${path##*/}" "$work/$name/$path"; else tool "$work/$name/$path"; fi
  done
  printf 'Simulated Tungsten, for tests and demonstrations only: %s\n' "$name" >"$work/$name/.manifest"
  tar --sort=name --owner=0 --group=0 --mtime=@0 -C "$work" -czf "$folder/$name.tar.gz" "$name"
  (cd "$folder" && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")
}

replication=(tools/tpm cluster-home/bin/{startall,stopall} tungsten-replicator/bin/{replicator,trepctl,thl,dsctl})
scripts=tungsten-replicator/scripts
for release in "$@"; do
  # Release 7 gave it another name and other options.
  provision=$scripts/tprovision
  ((${release%%.*} >= 7)) || provision=$scripts/tungsten_provision_slave
  pack "tungsten-replicator-$release" "${replication[@]}"
  pack "tungsten-clustering-$release" "${replication[@]}" \
    tungsten-manager/bin/{manager,cctrl} tungsten-connector/bin/connector \
    tools/tungsten_prep_upgrade $scripts/provisioning.sh "$provision"
done
