#!/bin/bash
# Process 1 of the server of network volumes: StorageServer starts it in mount and pid namespaces of its own, so that all
# it runs and mounts is gone when it is gone. It listens on an address of this machine's bridge.
# Not to be run by hand. Argument: the server's directory. Environment: ROOT ADDRESS KIND (iscsi|rbd) SIZE_MIB.
#   iscsi  tgt: target $TARGET, LUN 1
#   rbd    Ceph: one monitor, one object store, no manager, no authentication; pool rbd, image volume
set -euo pipefail
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
server=$1
TARGET=iqn.2026-01.dev.drover:volumes

exec 3>"$server/ready.new"
mount -t overlay overlay -o "lowerdir=$ROOT,upperdir=$server/upper,workdir=$server/work" "$server/root"
cd "$server/root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount --rbind /dev dev
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mkdir -p run/lock srv/volumes old
# Beside the overlay: O_DIRECT.
mount --bind "$server/volumes" srv/volumes
pivot_root . old
umount -l /old

# until_it_works COMMAND...: a daemon answers some time after its start.
until_it_works() {
  local tries
  for ((tries = 0; tries < 300; tries++)); do
    timeout 5 "$@" >/dev/null 2>&1 && return 0
    sleep 0.1
  done
  "$@"
}

iscsi() {
  mkdir -p /run/tgtd
  tgtd -f --iscsi "portal=$ADDRESS:3260" &
  until_it_works tgtadm --lld iscsi --op show --mode target
  truncate -s "${SIZE_MIB}M" /srv/volumes/lun1
  tgtadm --lld iscsi --op new --mode target --tid 1 -T "$TARGET"
  tgtadm --lld iscsi --op new --mode logicalunit --tid 1 --lun 1 -b /srv/volumes/lun1
  tgtadm --lld iscsi --op bind --mode target --tid 1 -I ALL
}

rbd_() {
  local d=/srv/volumes/ceph fsid osd addresses="[v2:$ADDRESS:3300,v1:$ADDRESS:6789]"
  fsid=$(cat /proc/sys/kernel/random/uuid) osd=$(cat /proc/sys/kernel/random/uuid)
  mkdir -p "$d"/{mon,osd,run}
  cat >/etc/ceph/ceph.conf <<CONF
[global]
fsid = $fsid
mon host = $addresses
public network = ${ADDRESS%.*}.0/24
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd crush chooseleaf type = 0
osd objectstore = bluestore
bluestore block size = 2147483648
osd memory target = 939524096
bluestore cache size = 33554432
run dir = $d/run
admin socket = $d/run/\$name.asok
log file = $d/\$name.log
mon data = $d/mon
osd data = $d/osd
mon allow pool size one = true
mon warn on pool no redundancy = false
rbd default features = 1
osd class dir = /usr/lib/x86_64-linux-gnu/rados-classes
CONF
  cd "$d"
  ceph-authtool --create-keyring mon.key --gen-key -n mon. --cap mon 'allow *'
  ceph-authtool --create-keyring admin.key --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *'
  ceph-authtool mon.key --import-keyring admin.key
  monmaptool --create --addv a "$addresses" --fsid "$fsid" monmap
  ceph-mon --mkfs -i a --monmap monmap --keyring mon.key
  ceph-mon -i a
  until_it_works ceph -k admin.key mon stat
  ceph -k admin.key osd new "$osd"
  ceph-osd -i 0 --mkfs --osd-uuid "$osd"
  ceph-osd -i 0
  ceph -k admin.key osd crush add osd.0 1 root=default host=x
  ceph -k admin.key osd pool create rbd 8
  timeout 60 rbd create volume --size "$SIZE_MIB" --pool rbd
}

case $KIND in
  iscsi) iscsi ;;
  rbd) rbd_ ;;
esac
echo ready >&3
exec 3>&-
trap '' HUP INT
while :; do
  sleep 3600 &
  wait $!
done
