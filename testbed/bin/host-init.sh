#!/bin/bash
# Process 1 of a simulated hypervisor host: HypervisorHost starts it in mount, net, uts, ipc and pid namespaces of its
# own, with private mount propagation, so that all it mounts is gone when it is gone.
# Not to be run by hand. Argument: the host's directory. Environment: HOST_NAME ROOT GUEST SHARED APP JDK
# DEFAULT_POOL_MIB (0: a directory on disk) TINY_POOL_MIB CGROUP (not empty: the host is a node, too) KUBERNETES.
# It must reap, and must not be libvirtd: libvirtd can then be killed alone, and a killed QEMU doesn't stay a zombie
# (libvirt's kill loop would wait 10 s for one).
set -euo pipefail
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
host=$1
. "$(dirname "$0")/cgroups.sh"

# First into cgroups of its own, then into a namespace whose root they are: a kubelet needs no other settings then.
if [ -n "$CGROUP" ] && [ -z "${IN_CGROUP:-}" ]; then
  mkdir -p "$host/cgroup"
  mount_hierarchies "$host/cgroup"
  join_cgroups "$host/cgroup" "$CGROUP" $$
  umount -R "$host/cgroup"
  export IN_CGROUP=yes
  exec unshare --cgroup "$0" "$host"
fi

exec 3>"$host/ready.new"
cd -P /proc/self # still the machine's /proc: so this is the pid that the machine knows
outer_pid=${PWD#/proc/}
cd /

printf '%s\n' "$HOST_NAME" >/proc/sys/kernel/hostname
mount -t overlay overlay -o "lowerdir=$ROOT,upperdir=$host/upper,workdir=$host/work" "$host/root"
cd "$host/root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount --rbind /dev dev
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mkdir -p run/libvirt run/lock boot/guest opt/drover/node-daemon opt/jdk etc/drover mnt/shared srv/shared var/lib/drover-tiny old
mkdir -p var/lib/libvirt/images var/log/libvirt/qemu
mount --bind "$GUEST" boot/guest
mount --bind "$SHARED" srv/shared
mount --bind "$host/etc" etc/drover
mount --bind "$host/log" var/log/libvirt
mkdir -p var/log/libvirt/qemu
if [ -n "$APP" ]; then
  mount --bind "$APP" opt/drover/node-daemon
  mount -o remount,bind,ro opt/drover/node-daemon
fi
[ -z "$JDK" ] || mount --bind "$JDK" opt/jdk
# Beside the overlay: disk images are to be as fast as the machine's disk, and open with O_DIRECT.
if [ "$DEFAULT_POOL_MIB" = 0 ]; then
  mount --bind "$host/images" var/lib/libvirt/images
else
  mount -t tmpfs -o "size=${DEFAULT_POOL_MIB}m" tmpfs var/lib/libvirt/images
fi
mount -t tmpfs -o "size=${TINY_POOL_MIB}m" tmpfs var/lib/drover-tiny
if [ -n "$CGROUP" ]; then
  mount_hierarchies sys/fs/cgroup
  mkdir -p opt/kubernetes var/lib/containerd var/log/pods
  mount --bind "$KUBERNETES" opt/kubernetes
  # On the machine's own file system: an overlay can't be the layer of another one.
  mount --bind "$host/containerd" var/lib/containerd
  mount --bind "$host/log/pods" var/log/pods
  # The kubelet insists on settings that would be the whole machine's: it finds them as it wants them.
  mkdir -p run/sysctl
  for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1; do
    mask=run/sysctl/${setting//[\/=]/-}
    echo "${setting#*=}" >"$mask"
    mount --bind "$mask" "proc/sys/${setting%=*}"
  done
fi
cp "$host/hosts" etc/hosts
cp "$host/libvirtd.conf" etc/libvirt/libvirtd.conf
cp "$host/qemu.conf" etc/libvirt/qemu.conf
cp "$host/machine-id" etc/machine-id
printf '%s\n' "$HOST_NAME" >etc/hostname
printf 'hosts: files\npasswd: files\ngroup: files\nshadow: files\n' >etc/nsswitch.conf
# libvirt's own network and filters want dnsmasq and nftables; the guests have no network cards.
rm -rf etc/libvirt/qemu/networks/autostart etc/libvirt/nwfilter
pivot_root . old
umount -l /old
# What a pod mounts may be meant for the host, too.
[ -z "$CGROUP" ] || mount --make-rshared /
# What both hosts see under one path. To libvirt, only the name of the file system tells that it is shared.
# Attributes aren't cached: the other host may have changed the file.
bindfs -o subtype=glusterfs,attr_timeout=0,entry_timeout=0,negative_timeout=0 /srv/shared /mnt/shared

printf '%s\n' "$outer_pid" >&3
exec 3>&- </dev/null >/dev/null 2>&1
trap '' HUP INT
while :; do
  sleep 3600 &
  wait $!
done
