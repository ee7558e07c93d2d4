#!/bin/bash
# Prints a directory with etcd, kube-apiserver, kube-controller-manager and kubectl. Builds them if need be.
# KUBEBUILDER_ASSETS, the directory that controller-runtime's setup-envtest makes, takes their place; the controller
# manager may be absent from it (then nothing collects garbage, and namespaces stay when they are deleted).
set -euo pipefail
. "$(dirname "$0")/lib.sh"

kubernetes_version=$(sed -n 's/^\tk8s.io\/kubernetes \(v[0-9.]*\).*/\1/p' "$drover_root/testbed/controlplane/go.mod")

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
  local out=$1 command package flags="-s -w" minor=${kubernetes_version#v1.}
  find_go
  export CGO_ENABLED=0 GOFLAGS="-mod=readonly -trimpath -buildvcs=false"
  # The published modules carry no version of their own: without these the API server calls itself v0.0.0-master.
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags+=" -X $package.gitVersion=$kubernetes_version -X $package.gitMajor=1"
    flags+=" -X $package.gitMinor=${minor%%.*} -X $package.gitTreeState=clean"
  done
  cd "$drover_root/testbed/etcd"
  go build -ldflags "-s -w" -o "$out/etcd" go.etcd.io/etcd/server/v3
  cd "$drover_root/testbed/controlplane"
  for command in kube-apiserver kube-controller-manager kubectl; do
    say "  $command"
    go build -ldflags "$flags" -o "$out/" "k8s.io/kubernetes/cmd/$command"
  done
}

cd "$drover_root/testbed"
cached "controlplane-$kubernetes_version-$(recipe_hash {etcd,controlplane}/go.{mod,sum} "$(declare -f build)")" build
