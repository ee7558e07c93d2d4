#!/bin/bash
# Builds the image of the operator or of the node daemon from what Maven has built: build.sh operator|node-daemon.
# build.sh prepare OF-WHICH makes its lower layer only, the one thing for which Debian's packages are fetched.
# Prints the path of its archive; what it is called is in the chart. Needs root, and neither Docker nor a registry: the
# lower layer comes from Debian's packages, once, and is kept like the testbed's roots.
# Environment: VERSION, the image's tag (the chart's appVersion); FRESH=yes makes the lower layer anew.
set -euo pipefail
cd "$(dirname "$0")/.."
. testbed/bin/lib.sh

prepare=no
if [ "${1:-}" = prepare ]; then
  prepare=yes
  shift
fi
component=${1:-}
# What it is, what it loads beside Java's own libraries, and who it runs as.
case $component in
  operator) title="Drover operator" libraries="" user=65532:65532 ;;
  node-daemon) title="Drover node daemon" libraries="libvirt.so.0 libvirt-qemu.so.0" user=0:0 ;;
  *) die "build.sh knows operator and node-daemon, not '$component'" ;;
esac
packages=openjdk-25-jdk-headless,binutils,libvirt0
jars=$component/target/drover-$component
[ -d "$jars" ] || [ $prepare = yes ] || die "$component isn't built: there is no $jars (mvn package)"
version=${VERSION:-$(sed -n 's/^appVersion: *//p' helm/drover/Chart.yaml)}
# The time stamp of everything in an image, as of everything in the jars.
SOURCE_DATE_EPOCH=$(date -d "$(sed -n 's/.*<project.build.outputTimestamp>\(.*\)<.*/\1/p' pom.xml)" +%s)
export SOURCE_DATE_EPOCH

debian() {
  need mmdebstrap=mmdebstrap
  [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || need_packages debian-archive-keyring
  mmdebstrap --quiet --mode=root --variant=minbase --components=main \
    --keyring=/usr/share/keyrings/debian-archive-keyring.gpg --include="$packages" \
    --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --setup-hook='mkdir -p "$1"/usr/share/man/man1' --customize-hook='mkdir -p "$1"/images "$1"/out' \
    trixie "$1" http://deb.debian.org/debian
}

# in_debian DIRECTORY OPT COMMAND...: runs a command in the Debian of debian(), with two directories as /out and
# /opt/drover. It stays as it is: what else is written there goes away with the mounts.
in_debian() {
  unshare --mount --propagation private bash -euc '
    cd "$1"
    mount -t proc proc proc
    mount --rbind /dev dev
    mount -t tmpfs tmpfs tmp
    mount -t tmpfs tmpfs opt
    mkdir opt/drover
    mount --bind "$2" images
    mount --bind "$3" out
    mount --bind "$4" opt/drover
    exec chroot . "${@:5}"
  ' -- "$builder" "$drover_root/images" "$@"
}

runtime() {
  mkdir "$1/unused"
  in_debian "$1" "$1/unused" /images/runtime.sh /out/root $libraries
  rmdir "$1/unused"
  images/oci.sh layer "$1/root"
}

builder=$(cached "image-builder-$(recipe_hash "$packages" "$(declare -f debian)")" debian)
recipe=$(recipe_hash "${builder##*/}" images/runtime.sh images/oci.sh "$libraries" "$SOURCE_DATE_EPOCH")
if [ "${FRESH:-}" = yes ]; then
  fresh=$(mktemp -d)
  trap 'rm -rf "$fresh"' EXIT
  runtime "$fresh" >&2
  root=$fresh/root
else
  root=$(cached "image-runtime-$component-$recipe" runtime)/root
fi

[ $prepare = no ] || exit 0

# Two tests may want it at once.
exec 9>"$component/target/.image.lock"
flock 9
application=$component/target/image
rm -rf "$application"
mkdir -p "$application/opt/drover"
cp "$jars"/* "$application/opt/drover/"
chmod -R u=rwX,go=rX "$application"
in_debian "${root%/root}" "$PWD/$application/opt/drover" /images/application.sh /out/root/opt/java/bin/java

revision=$(git rev-parse HEAD 2>/dev/null || true)
labels=$(printf '"org.opencontainers.image.%s":"%s",' title "$title" version "$version" revision "$revision" \
  licenses Apache-2.0 base.name "debian:trixie" vendor Drover)
config='{"User":"'$user'","WorkingDir":"/","Env":["PATH=/opt/java/bin"],"Labels":{'${labels%,}'},"Entrypoint":'
config+='["/opt/java/bin/java","@/opt/drover/jvm.options","@/opt/drover/classes.options",'
case $component in
  operator) config+='"dev.drover.operator.OperatorMain"]}' ;;
  node-daemon) config+='"dev.drover.node.DaemonMain"]}' ;;
esac
archive=$PWD/$component/target/drover-$component-image.tar
images/oci.sh "$archive.new" "ghcr.io/drover/$component:$version" "$config" "$root" "$application" \
  >"$component/target/drover-$component-image.digest"
mv "$archive.new" "$archive"
printf '%s\n' "$archive"
