#!/bin/bash
# The cgroups of a host that is a node: one in each of the machine's hierarchies, the host's root once it is in a cgroup
# namespace of its own. The machine must have cgroup v1 (or both): a machine with v2 alone has not been tried, and is
# refused. Sourced by host-init.sh; by itself: cgroups.sh remove NAME, when all of the host's processes are gone.

# hierarchies: "name type options" of each. The machine's own mounts aren't asked: they may be hidden by a newer /sys.
hierarchies() {
  local controllers
  while IFS=: read -r _ controllers _; do
    case $controllers in
      "") echo "unified cgroup2 rw" ;;
      name=*) echo "${controllers#name=} cgroup none,$controllers" ;;
      *) echo "$controllers cgroup $controllers" ;;
    esac
  done </proc/self/cgroup
}

# mount_hierarchies DIRECTORY: as they look from here, which must be a mount namespace of one's own.
mount_hierarchies() {
  local name type options
  grep -q ':memory:' /proc/self/cgroup || {
    echo "no hierarchy of cgroup v1 with the memory controller: hosts can't be nodes on this machine" >&2
    return 1
  }
  mount -t tmpfs -o mode=755 tmpfs "$1"
  while read -r name type options; do
    mkdir -p "$1/$name"
    mount -t "$type" -o "$options" "$type" "$1/$name"
  done < <(hierarchies)
}

# join_cgroups DIRECTORY NAME PROCESS: DIRECTORY is what mount_hierarchies filled.
join_cgroups() {
  local hierarchy setting
  for hierarchy in "$1"/*/; do
    mkdir -p "$hierarchy$2"
    for setting in cpuset.cpus cpuset.mems; do
      [ ! -f "$hierarchy$setting" ] || cat "$hierarchy$setting" >"$hierarchy$2/$setting"
    done
    echo "$3" >"$hierarchy$2/cgroup.procs"
  done
}

remove_cgroups() {
  local place hierarchy try
  place=$(mktemp -d)
  mount_hierarchies "$place"
  for hierarchy in "$place"/*/; do
    # The kernel lets go of a cgroup a moment after its last process.
    for try in {1..100}; do
      [ -d "$hierarchy$1" ] || break
      find "$hierarchy$1" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1
    done
    [ ! -d "$hierarchy$1" ] || echo "could not remove the cgroup $1 of ${hierarchy#"$place"}" >&2
  done
  umount -R "$place"
  rmdir "$place"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  set -euo pipefail
  case ${1:-} in
    remove) exec unshare --mount --propagation private "$0" remove-here "$2" ;;
    remove-here) remove_cgroups "$2" ;;
    *)
      sed -n '2,/^$/p' "$0" >&2
      exit 2
      ;;
  esac
fi
