#!/bin/bash
# Makes the lower layer of an image, a root file system with a Java runtime and nothing to log in with: no shell, no
# package tool, no program but java. runtime.sh DIRECTORY [LIBRARY...]
# Runs in a Debian trixie that has openjdk-25-jdk-headless, binutils and the packages of the libraries: in the first stage of a
# Dockerfile, or where build.sh makes one. LIBRARY is what the program loads by itself, such as libvirt.so.0.
set -euo pipefail
export LC_ALL=C
root=$1
shift

# What jdeps names for the jars, without java.desktop: only Jackson's look for java.beans reaches for it, and does
# without.
modules=java.base,java.logging,java.management,java.naming,java.sql,java.xml
modules+=,jdk.httpserver,jdk.management,jdk.unsupported

libraries=/usr/lib/x86_64-linux-gnu
mkdir -p "$root"/{etc,opt,proc,sys,dev,run,usr/lib64,"${libraries#/}",var/lib/dpkg/status.d,usr/share/doc}
mkdir -m 1777 "$root/tmp"
ln -s usr/lib "$root/lib"
ln -s usr/lib64 "$root/lib64"
ln -s /run "$root/var/run"

# Compressed, as what is loaded at each start comes from the archive of classes instead.
jlink --add-modules "$modules" --no-header-files --no-man-pages --strip-java-debug-attributes --compress zip-6 \
  --exclude-files "**.debuginfo" --output "$root/opt/java"

# Debian leaves the JVM its symbols, 5 MB of them, which only the JVM's report of its own crash would have.
strip --strip-unneeded "$root/opt/java/lib/server/libjvm.so"

# Of the security providers, those of these modules. Whoever asks for one that is missing has every other one on the class
# path made, to see whether it is that: Bouncy Castle's, which takes half a second and is never wanted as a provider.
security=$root/opt/java/conf/security/java.security
sed -i '/^security\.provider\.[0-9]*=/d' "$security"
number=0
for provider in SUN SunRsaSign SunEC SunJSSE SunJCE SunSASL JdkLDAP; do
  number=$((number + 1))
  printf 'security.provider.%d=%s\n' $number $provider >>"$security"
done

# The libraries that those and the runtime's own need, and which packages they are from: scanners look there.
wanted=()
for library in "$@"; do
  wanted+=("$libraries/$library")
done
find "$root/opt/java" -name '*.so' -print0 | xargs -0 ldd "${wanted[@]}" | sed -n 's/^.* => \(\/[^ ]*\) .*/\1/p' |
  sort -u >/tmp/needed
{ grep -v "^$root" /tmp/needed && printf '%s\n' "${wanted[@]}"; } | sort -u | while read -r library; do
  [ -n "$library" ] || continue
  file=$(readlink -f "$library")
  cp -a "$file" "$root$libraries/"
  [ "${library##*/}" = "${file##*/}" ] || ln -sf "${file##*/}" "$root$libraries/${library##*/}"
  dpkg -S "$file" | cut -d: -f1
done | sort -u >/tmp/packages
cp -a "$(readlink -f /lib64/ld-linux-x86-64.so.2)" "$root/usr/lib64/ld-linux-x86-64.so.2"
printf '%s\n' openjdk-25-jre-headless >>/tmp/packages
while read -r package; do
  # A package may be known by the name of its file or with its architecture.
  dpkg -s "$package" >"$root/var/lib/dpkg/status.d/$package" 2>/dev/null || dpkg -s "$package:amd64" >"$root/var/lib/dpkg/status.d/$package"
  mkdir -p "$root/usr/share/doc/$package"
  [ ! -f "/usr/share/doc/$package/copyright" ] || cp -L "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/"
done </tmp/packages

cp -L /etc/os-release "$root/etc/os-release"
printf 'root:x:0:0:root:/:/none\ndrover:x:65532:65532:drover:/:/none\n' >"$root/etc/passwd"
printf 'root:x:0:\ndrover:x:65532:\n' >"$root/etc/group"
printf 'passwd: files\ngroup: files\nhosts: files dns\n' >"$root/etc/nsswitch.conf"
# Whoever archives classes remembers the time stamp of the file that they came from (application.sh).
find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
