#!/bin/bash
# lane.sh NAME COMMAND...: runs a command whose testbed is beside others on this machine: in network, process and mount
# namespaces of its own. It reaches no other network, so that Maven has to do without (-o), and what is built once has to
# be there. Each lane in a source tree of its own (git worktree), as builds write into it:
#   git worktree add --detach ../lane-2 && cd ../lane-2
#   testbed/bin/lane.sh 2 ./test faults --resume --cells '^HandOver/' -o
set -euo pipefail
[ $# -ge 2 ] || {
  sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
  exit 2
}
[ "$(id -u)" = 0 ] || {
  echo "error: namespaces need root" >&2
  exit 1
}
export LANE=/var/tmp/drover-lanes/$1
shift
mkdir -p "$LANE"/{run,data,cgroup,perf} /run/drover-testbed /var/tmp/drover-testbed /tmp/hsperfdata_root
# Whoever looks at all processes, as the observer does, sees this lane's only; they end with it.
exec unshare --net --pid --fork --kill-child --mount-proc --propagation private bash -c '
  mount --bind "$LANE/run" /run/drover-testbed
  mount --bind "$LANE/data" /var/tmp/drover-testbed
  # A JVM complains, to stdout, of the file of one of the same number elsewhere.
  mount --bind "$LANE/perf" /tmp/hsperfdata_root
  # Of its own network; what was mounted in it comes along, for hosts that are nodes.
  mount --rbind /sys/fs/cgroup "$LANE/cgroup"
  mount -t sysfs sysfs /sys
  mount --rbind "$LANE/cgroup" /sys/fs/cgroup
  ip link set lo up
  # Not in place of this shell: somebody has to be there for processes that lose their parent.
  "$@"
  exit $?' lane "$@"
