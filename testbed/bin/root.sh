#!/bin/bash
# Prints the directory of a Debian root file system: root.sh [trixie|bookworm|node|storage].
# It is the lower layer of every host's overlay, and is never written to. The machine itself gets no hypervisor package.
#   trixie    libvirt 11.3, QEMU 10.0, a Java 25 runtime: what Drover recommends
#   bookworm  libvirt 9.0, QEMU 7.2, no Java: the old host of the compatibility tests
#   node      trixie, and what a kubelet needs: containerd, runc and the plugins of its pods' network
#   storage   no host: the servers of network volumes, iSCSI (tgt) and Ceph RBD
set -euo pipefail
. "$(dirname "$0")/lib.sh"

suite=${1:-trixie}
name=$suite
packages=libvirt-daemon-system,libvirt-daemon,libvirt-daemon-driver-qemu,libvirt-clients
packages+=,qemu-system-x86,qemu-utils,qemu-block-extra,bindfs,iproute2,iptables,procps,util-linux,gnutls-bin
trixie=openjdk-25-jre-headless,libvirt-daemon-driver-storage
case $suite in
  trixie) packages+=,$trixie ;;
  node)
    suite=trixie
    packages+=,$trixie,containerd,runc,containernetworking-plugins
    ;;
  bookworm) ;;
  storage)
    suite=trixie
    packages=tgt,ceph-mon,ceph-osd,ceph-common,procps,util-linux,iproute2
    ;;
  *) die "root.sh knows trixie, bookworm, node and storage, not '$suite'" ;;
esac

build() {
  need mmdebstrap=mmdebstrap
  [ -e "/usr/share/debootstrap/scripts/$suite" ] || [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] ||
    need_packages debian-archive-keyring
  # The Java packages' scripts want the directory of the manual pages that are left out.
  mmdebstrap --quiet --mode=root --variant=minbase --components=main \
    --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
    --include="$packages" \
    --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --setup-hook='mkdir -p "$1"/usr/share/man/man1' \
    --customize-hook='mkdir -p "$1"/boot/guest "$1"/opt/drover/node-daemon "$1"/opt/jdk "$1"/etc/drover "$1"/mnt/shared "$1"/srv/shared "$1"/var/lib/drover-tiny "$1"/old' \
    "$suite" "$1" http://deb.debian.org/debian
}

cached "root-$name-$(recipe_hash "$packages" "$(declare -f build)")" build
