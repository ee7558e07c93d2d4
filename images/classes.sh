#!/bin/bash
# Writes the list of the classes that a program loads until it waits for its API server: classes.sh operator|node-daemon,
# into its src/main/dist/classes.lst. An image brings those along as the JVM has them in memory (application.sh).
# Kept in the source tree, as a run is never quite like another, and images are to be the same each time. Renew it when
# dependencies change; a class that is missing is only loaded more slowly. Needs root, and the image (build.sh).
set -euo pipefail
cd "$(dirname "$0")/.."
component=$1
archive=$(images/build.sh "$component")
# Its settings; at the API server's address nobody answers.
export KUBERNETES_SERVICE_HOST=127.0.0.1 KUBERNETES_SERVICE_PORT=1 DROVER_NAMESPACE=x DROVER_POD_UID=x
case $component in
  operator)
    main=dev.drover.operator.OperatorMain
    export DROVER_CERTIFICATE_SIGNER=drover.dev/host DROVER_CA_DIRECTORY=/etc/drover/ca
    ;;
  node-daemon)
    main=dev.drover.node.DaemonMain
    export DROVER_NODE_NAME=x DROVER_MIGRATION_ADDRESS=127.0.0.1
    export DROVER_PEER_TRANSPORT=tls DROVER_CERTIFICATES=Managed
    ;;
esac
export component archive main
list=$(mktemp)
unshare --mount --pid --fork --propagation private bash -euo pipefail -s >"$list" <<'INNER'
root=$(mktemp -d)
mount -t tmpfs tmpfs "$root"
tar -xf "$archive" -C "$root"
mkdir "$root/image"
for layer in $(grep -o '"layers":.*' "$root"/blobs/sha256/"$(grep -o 'sha256:[0-9a-f]*' "$root/index.json" | cut -d: -f2)" |
  grep -o 'sha256:[0-9a-f]*' | cut -d: -f2); do
  tar -xzf "$root/blobs/sha256/$layer" -C "$root/image"
done
mount -t proc proc "$root/image/proc"
mount --rbind /dev "$root/image/dev"
timeout --preserve-status 15 chroot "$root/image" /opt/java/bin/java -XX:DumpLoadedClassList=/tmp/classes \
  @/opt/drover/jvm.options -cp '/opt/drover/*' "$main" >&2 || true
# The program's own words only: what the JVM makes up for lambdas would differ each time.
sed -e '/^[#@]/d' -e 's/ .*//' "$root/image/tmp/classes" | LC_ALL=C sort -u
INNER
mv "$list" "$component/src/main/dist/classes.lst"
wc -l "$component/src/main/dist/classes.lst"
