#!/bin/bash
# Writes the lists of the classes that Drover's programs load from their start until a guest has moved, into their
# src/main/dist/classes.lst. The images bring those along as the JVM has them in memory (application.sh).
# A training run: the images' pods in the testbed, whose JVMs write down what they load. Kept in the source tree, as a run
# is never quite like another, and images are to be the same each time. Renew them when dependencies change; a class that
# is missing is only loaded more slowly.
set -euo pipefail
cd "$(dirname "$0")/.."

lists=$(mktemp -d)
trap './demo down >/dev/null; rm -rf "$lists"' EXIT
./demo --keep >&2
. /var/tmp/drover-testbed/main/scratch/shell/env.sh
kubectl -n drover-system set env deployment/drover-operator daemonset/drover-node-daemon \
  JDK_JAVA_OPTIONS=-XX:DumpLoadedClassList=/tmp/classes >&2
kubectl -n drover-system rollout status deployment/drover-operator daemonset/drover-node-daemon --timeout=3m >&2
kubectl delete lmig --all >&2
for sample in block back; do
  kubectl apply -f config/samples/livemigration-$sample.yaml >&2
  kubectl wait --for=condition=Succeeded --timeout=3m -f config/samples/livemigration-$sample.yaml >&2
done

# The program's own words only: what the JVM makes up for lambdas would differ each time.
for component in operator node-daemon; do
  for pod in $(kubectl -n drover-system get pods -l "app.kubernetes.io/name=drover-$component" -o name); do
    uid=$(kubectl -n drover-system get "$pod" -o jsonpath='{.metadata.uid}')
    node=$(kubectl -n drover-system get "$pod" -o jsonpath='{.spec.nodeName}')
    "$node" cat "/var/lib/kubelet/pods/$uid/volumes/kubernetes.io~empty-dir/tmp/classes"
  done | sed -e '/^[#@]/d' -e 's/ .*//' | LC_ALL=C sort -u >"$lists/$component"
  [ -s "$lists/$component" ]
  cp "$lists/$component" $component/src/main/dist/classes.lst
  wc -l $component/src/main/dist/classes.lst
done
