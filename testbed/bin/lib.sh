# Sourced by the scripts of the testbed, never run by itself.
# What is printed for people goes to stderr: stdout is a script's answer (a path).

drover_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
drover_cache=${DROVER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/drover}

say() { printf '==> %s\n' "$*" >&2; }
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# recipe_hash TEXT|FILE...: a short name for what an entry of the cache is made from.
recipe_hash() {
  local part
  for part in "$@"; do
    if [ -f "$part" ]; then cat "$part"; else printf '%s\n' "$part"; fi
  done | sha256sum | cut -c1-12
}

# cached NAME FUNCTION: prints the directory of a cache entry. When it is missing, FUNCTION DIR fills a temporary
# directory, which is renamed once it is complete: an entry that exists is whole, also after a kill -9.
# A lock keeps two runs from building the same entry; the one that waited finds it built.
# Call it as a plain command: behind "if", "||" or "&&" bash would go on after a step of FUNCTION that failed.
cached() {
  local name=$1 build=$2 entry=$drover_cache/$1 building=$drover_cache/.building-$1
  if [ ! -d "$entry" ]; then
    mkdir -p "$drover_cache"
    (
      flock 9
      [ ! -d "$entry" ] || exit 0
      rm -rf "$building"
      mkdir -p "$building"
      say "building $name (once; kept in $drover_cache)"
      started=$SECONDS
      (
        trap '[ $? = 0 ] || { rm -rf "$building"; say "could not build $name"; }' EXIT
        "$build" "$building"
      ) 9>&- >&2
      mv "$building" "$entry"
      say "built $name in $((SECONDS - started)) s"
    ) 9>"$drover_cache/.lock-$name"
  fi
  printf '%s\n' "$entry"
}

# need COMMAND=PACKAGE...: installs the Debian packages of the commands that are missing, and names them first.
need() {
  local pair missing=()
  for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null 2>&1 || missing+=("${pair#*=}")
  done
  need_packages "${missing[@]}"
}

need_packages() {
  [ $# -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] || die "missing Debian packages: $*. Install them, or run as root: sudo apt-get install $*"
  command -v apt-get >/dev/null || die "missing: $*. This is not a Debian machine: install them by hand."
  say "installing Debian packages: $*"
  export DEBIAN_FRONTEND=noninteractive
  {
    apt-get -qq install -y --no-install-recommends "$@" ||
      { apt-get -qq update && apt-get -qq install -y --no-install-recommends "$@"; }
  } >&2 || die "apt-get could not install $*"
  hash -r
}

# find_jdk: exports JAVA_HOME to a JDK 25, and puts it first in PATH.
find_jdk() {
  local home
  for home in "${JAVA_HOME:-}" /usr/lib/jvm/*25* /opt/*jdk*25* "$HOME"/.sdkman/candidates/java/25*; do
    [ -x "$home/bin/javac" ] || continue
    case $("$home/bin/javac" -version 2>/dev/null) in
      # It may be preceded by a warning of the JVM, which goes to stdout.
      *"javac 25"*)
        export JAVA_HOME=$home PATH=$home/bin:$PATH
        return 0
        ;;
    esac
  done
  if [ "$(id -u)" = 0 ] && apt-cache show openjdk-25-jdk-headless >/dev/null 2>&1; then
    need_packages openjdk-25-jdk-headless
    for home in /usr/lib/jvm/java-25-openjdk-*; do
      export JAVA_HOME=$home PATH=$home/bin:$PATH
      return 0
    done
  fi
  die "no JDK 25 found. Install one (openjdk-25-jdk-headless, or https://adoptium.net) and set JAVA_HOME to it."
}

# find_go: puts a Go that can build the control plane (1.24 or newer; it fetches a newer one by itself) into PATH.
find_go() {
  local go version
  for go in "$(command -v go || true)" /usr/local/go/bin/go /usr/lib/go-*/bin/go "$HOME"/go/bin/go; do
    [ -x "$go" ] || continue
    version=$(GOTOOLCHAIN=local "$go" env GOVERSION 2>/dev/null) || continue
    version=${version#go1.}
    [ "${version%%[!0-9]*}" -ge 24 ] 2>/dev/null || continue
    export PATH=${go%/*}:$PATH GOTOOLCHAIN=auto
    return 0
  done
  local candidate
  for candidate in golang-1.26-go golang-1.25-go golang-1.24-go; do
    if apt-cache show "$candidate" >/dev/null 2>&1; then
      need_packages "$candidate"
      find_go
      return
    fi
  done
  die "no Go 1.24 or newer found, and none in this machine's package sources (bookworm: add bookworm-backports).
Install one from https://go.dev/dl, or set KUBEBUILDER_ASSETS to a directory with etcd, kube-apiserver and kubectl."
}

# kubernetes_version: the one that the testbed's control plane and nodes are built from.
kubernetes_version() { sed -n 's/^\tk8s.io\/kubernetes \(v[0-9.]*\).*/\1/p' "$drover_root/testbed/controlplane/go.mod"; }

# kubernetes_build OUT COMMAND...: builds commands of Kubernetes into a directory.
kubernetes_build() {
  local out=$1 command package flags="-s -w" version minor
  shift
  version=$(kubernetes_version)
  minor=${version#v1.}
  find_go
  export CGO_ENABLED=0 GOFLAGS="-mod=readonly -trimpath -buildvcs=false"
  # The published modules carry no version of their own: without these the API server calls itself v0.0.0-master.
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags+=" -X $package.gitVersion=$version -X $package.gitMajor=1"
    flags+=" -X $package.gitMinor=${minor%%.*} -X $package.gitTreeState=clean"
  done
  cd "$drover_root/testbed/controlplane"
  for command in "$@"; do
    say "  $command"
    go build -ldflags "$flags" -o "$out/" "k8s.io/kubernetes/cmd/$command"
  done
}

# prepare_testbed GROUPS|nodes: all that has to be there before a testbed starts, with the progress of what takes minutes.
prepare_testbed() {
  need openssl=openssl
  "$drover_root/testbed/bin/controlplane.sh" >/dev/null
  [ "$1" != api ] || return 0
  need ip=iproute2 nsenter=util-linux kill=procps mmdebstrap=mmdebstrap cpio=cpio gcc=gcc
  "$drover_root/testbed/bin/guest.sh" >/dev/null
  "$drover_root/testbed/bin/clock.sh" >/dev/null
  if [ "$1" = nodes ]; then prepare_nodes; else "$drover_root/testbed/bin/root.sh" trixie >/dev/null; fi
}

# nodes_possible: whether this machine's hosts can be nodes: KubernetesNode.possible has the same words.
nodes_possible() { grep -q ':memory:' /proc/self/cgroup; }

# prepare_nodes: what hosts need that are nodes of a cluster, too, and the lower layers of the images that they run.
prepare_nodes() {
  "$drover_root/testbed/bin/nodes.sh" >/dev/null
  "$drover_root/testbed/bin/root.sh" node >/dev/null
  "$drover_root/images/build.sh" prepare operator
  "$drover_root/images/build.sh" prepare node-daemon
}

# prepare_tests: what only tests need beside a testbed: the old host, the servers of network volumes, helm, cert-manager,
# the Drover before this one.
prepare_tests() {
  ! nodes_possible || "$drover_root/testbed/bin/previous.sh" >/dev/null
  "$drover_root/testbed/bin/helm.sh" >/dev/null
  "$drover_root/testbed/bin/certmanager.sh" >/dev/null
  "$drover_root/testbed/bin/root.sh" bookworm >/dev/null
  "$drover_root/testbed/bin/root.sh" storage >/dev/null
}
