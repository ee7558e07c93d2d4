#!/bin/bash
# Prints a directory with those of cert-manager's controllers that sign CertificateSigningRequests (certmanager), and its
# CRDs (crds/). Built if need be.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

build() {
  find_go
  export CGO_ENABLED=0 GOFLAGS="-mod=readonly -trimpath -buildvcs=false"
  cd "$drover_root/testbed/certmanager"
  go build -ldflags "-s -w" -o "$1/certmanager" .
  mkdir "$1/crds"
  cp "$(go list -m -f '{{.Dir}}' github.com/cert-manager/cert-manager)"/deploy/crds/cert-manager.io_*issuers.yaml "$1/crds/"
}

cd "$drover_root/testbed"
cached "certmanager-$(recipe_hash certmanager/{go.mod,go.sum,main.go} "$(declare -f build)")" build
