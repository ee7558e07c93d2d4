#!/bin/bash
# Prints a directory with an earlier Drover, for tests of upgrades: its chart/, and its images as operator.tar and
# node-daemon.tar. Built from this repository's history, by that commit's own recipes; it calls itself 0.1.0-COMMIT.
# Prints nothing if the history is not here.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# The last one whose hosts had to bring their own certificates. Once there are releases, it is the one before this.
commit=50b17f8b

build() {
  local tree=$1/tree component
  find_jdk
  need mvn=maven
  mkdir "$tree"
  git -C "$drover_root" archive "$commit" | tar -x -C "$tree"
  cd "$tree"
  export VERSION=0.1.0-$commit
  sed -i "s/^\(version\|appVersion\):.*/\1: $VERSION/" helm/drover/Chart.yaml
  mvn --batch-mode --no-transfer-progress -q -DskipTests package -pl operator,node-daemon -am
  mv helm/drover "$1/chart"
  for component in operator node-daemon; do
    mv "$(images/build.sh "$component")" "$1/$component.tar"
  done
  cd /
  rm -r "$tree"
}

if ! git -C "$drover_root" cat-file -e "$commit^{commit}" 2>/dev/null; then
  say "the history up to $commit is not here: git fetch --unshallow"
  exit
fi
cached "previous-$commit" build
