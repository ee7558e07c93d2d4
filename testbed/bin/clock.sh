#!/bin/bash
# Prints a directory with clock.so: the wall clock of a host's processes, which a test can step (src/main/clock/clock.c).
set -euo pipefail
. "$(dirname "$0")/lib.sh"

source=$drover_root/testbed/src/main/clock/clock.c

build() {
  need gcc=gcc
  [ -e /usr/include/stdio.h ] || need_packages libc6-dev
  gcc -O2 -Wall -Wextra -shared -fPIC -o "$1/clock.so" "$source" -ldl
}

cached "clock-$(recipe_hash "$source" "$(declare -f build)")" build
