#!/bin/bash
# Prints a directory with vmlinux and initrd.gz: what every guest of the testbed boots.
# The kernel is Debian's for clouds, unpacked and not installed; the whole user space is src/main/guest/guest.c.
# An emulated guest takes a fifth of its boot to unpack its own kernel, so it gets it unpacked (QEMU enters it by PVH).
set -euo pipefail
. "$(dirname "$0")/lib.sh"

source=$drover_root/testbed/src/main/guest/guest.c
# In the order of their dependencies; those that are built into the kernel are passed over.
modules="virtio virtio_ring virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk virtio_console virtio_balloon failover net_failover virtio_net evdev button"

# unpack BZIMAGE OUT: as the kernel's scripts/extract-vmlinux does it.
unpack() {
  local offset
  for offset in $(LC_ALL=C grep -aboP '\x28\xb5\x2f\xfd' "$1" | cut -d: -f1); do
    # It complains of what lies behind the kernel.
    tail -c "+$((offset + 1))" "$1" | zstd -dcq >"$2" 2>/dev/null || true
    ! head -c 4 "$2" | grep -q ELF || return 0
  done
  die "$1 has no kernel in it that is packed by zstd"
}

build() {
  local out=$1 module file root=$1/initrd kernel=$1/kernel
  need mmdebstrap=mmdebstrap gcc=gcc cpio=cpio xz=xz-utils zstd=zstd
  [ -e /usr/include/stdio.h ] || need_packages libc6-dev
  mmdebstrap --quiet --mode=root --variant=extract --components=main \
    --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
    --include=linux-image-cloud-amd64 --aptopt='APT::Install-Recommends "false"' \
    trixie "$kernel" http://deb.debian.org/debian
  unpack "$kernel"/boot/vmlinuz-* "$out/vmlinux"
  mkdir -p "$root"/{lib,proc,sys,dev}
  for module in $modules; do
    file=$(find "$kernel/" -name "$module.ko*" | head -n 1)
    [ -n "$file" ] || continue
    case $file in
      *.xz) xz -dc "$file" >"$root/lib/$module.ko" ;;
      *) cp "$file" "$root/lib/$module.ko" ;;
    esac
    echo "$module" >>"$root/lib/order"
  done
  # The kernel opens it for its first process; devtmpfs is not mounted by then.
  mknod -m 600 "$root/dev/console" c 5 1
  gcc -O2 -Wall -Wextra -static -pthread -o "$root/init" "$source"
  (cd "$root" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 | gzip -1n) >"$out/initrd.gz"
  rm -rf "$kernel" "$root"
}

cached "guest-$(recipe_hash "$source" "$modules" "$(declare -f build unpack)")" build
