#!/bin/bash
# Prints a directory with etcd, kube-apiserver, kube-controller-manager and kubectl. Builds them if need be.
# KUBEBUILDER_ASSETS, the directory that controller-runtime's setup-envtest makes, takes their place; the controller
# manager may be absent from it (then nothing collects garbage, and namespaces stay when they are deleted).
set -euo pipefail
. "$(dirname "$0")/lib.sh"

complete() {
  local binary
  for binary in etcd kube-apiserver kubectl; do
    [ -x "$1/$binary" ] || return 1
  done
}

if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
  if complete "$KUBEBUILDER_ASSETS"; then
    printf '%s\n' "$KUBEBUILDER_ASSETS"
    exit 0
  fi
  say "KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS is not complete (etcd, kube-apiserver, kubectl): not used"
fi

build() {
  find_go
  export CGO_ENABLED=0 GOFLAGS="-mod=readonly -trimpath -buildvcs=false"
  cd "$drover_root/testbed/etcd"
  go build -ldflags "-s -w" -o "$1/etcd" go.etcd.io/etcd/server/v3
  kubernetes_build "$1" kube-apiserver kube-controller-manager kubectl
}

cd "$drover_root/testbed"
cached "controlplane-$(kubernetes_version)-$(recipe_hash {etcd,controlplane}/go.{mod,sum} "$(declare -f build kubernetes_build)")" build
