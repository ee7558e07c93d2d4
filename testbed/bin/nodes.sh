#!/bin/bash
# Prints a directory with what makes nodes of hosts: kubelet and kube-scheduler, and the archives of two images, pause
# and kubectl (for `helm test`). Of the control plane's version, and built like it.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

build() {
  local out=$1 root=$1/pause version
  version=$(kubernetes_version)
  need gcc=gcc
  [ -e /usr/include/stdio.h ] || need_packages libc6-dev
  kubernetes_build "$out" kubelet kube-scheduler
  # The process that holds the namespaces of a pod: Kubernetes' own.
  mkdir -p "$root"
  gcc -Os -static -s -DVERSION="$version" -o "$root/pause" \
    "$(go list -m -f '{{.Dir}}' k8s.io/kubernetes)/build/pause/linux/pause.c"
  "$drover_root/images/oci.sh" "$out/pause.tar" "drover.dev/testbed/pause:kept" \
    '{"Entrypoint":["/pause"],"User":"65535:65535"}' "$root"
  mkdir -p "$root/bin"
  rm "$root/pause"
  cp "$("$drover_root/testbed/bin/controlplane.sh")/kubectl" "$root/bin/"
  "$drover_root/images/oci.sh" "$out/kubectl.tar" "registry.k8s.io/kubectl:$version" \
    '{"Entrypoint":["/bin/kubectl"],"User":"65532:65532"}' "$root"
  rm -r "$root"
}

cd "$drover_root/testbed"
recipe=$(recipe_hash controlplane/go.{mod,sum} "$(declare -f build kubernetes_build)")
cached "nodes-$(kubernetes_version)-$recipe" build
