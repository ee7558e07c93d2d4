#!/bin/bash
# Prints a directory with helm, built if need be. What helm-java can't do is done by it: a rollback.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

build() {
  find_go
  export CGO_ENABLED=0 GOFLAGS="-mod=readonly -trimpath -buildvcs=false"
  cd "$drover_root/testbed/helm"
  go build -ldflags "-s -w" -o "$1/helm" helm.sh/helm/v4/cmd/helm
}

cd "$drover_root/testbed"
cached "helm-$(recipe_hash helm/go.{mod,sum} "$(declare -f build)")" build
