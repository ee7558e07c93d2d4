#!/bin/bash
# Packs directories into the archive of an image: oci.sh ARCHIVE REFERENCE CONFIG LAYER...
# REFERENCE is its full name with a tag, CONFIG the "config" of the OCI image specification (JSON), and each LAYER a
# directory whose files all become root's. oci.sh layer DIRECTORY packs one beforehand, into files beside it, for
# several images or several times. What is written is an OCI image layout in a tar: what `ctr images import`,
# `skopeo copy oci-archive:` and `podman load` take. Prints the image's digest.
# The same directories give the same bytes, whoever packs them and when: every time stamp is SOURCE_DATE_EPOCH's.
# No Docker, no daemon, no registry: GNU tar, gzip and coreutils.
set -euo pipefail
export LC_ALL=C TZ=UTC

epoch=${SOURCE_DATE_EPOCH:-0}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/blobs/sha256"

packed() { tar -C "$1" --format=gnu --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner -cf - "${@:2}"; }
digest() { sha256sum "$1" | cut -d' ' -f1; }

# add FILE MEDIA-TYPE: moves a file among the blobs, and sets descriptor.
add() {
  local name size
  name=$(digest "$1")
  size=$(stat -c %s "$1")
  mv "$1" "$work/blobs/sha256/$name"
  descriptor="{\"mediaType\":\"$2\",\"digest\":\"sha256:$name\",\"size\":$size}"
}

# layer DIRECTORY TO: writes TO.tar.gz, and TO.id: what it is called when it isn't compressed.
layer() {
  packed "$1" . >"$2.tar"
  printf 'sha256:%s' "$(digest "$2.tar")" >"$2.id"
  gzip -nf "$2.tar"
}

if [ "$1" = layer ]; then
  layer "$2" "$2.layer"
  exit
fi
archive=$1 reference=$2 config=$3
shift 3

layers="" diff_ids=""
for directory in "$@"; do
  if [ -f "$directory.layer.id" ]; then
    cp "$directory.layer.tar.gz" "$work/layer.tar.gz"
    cp "$directory.layer.id" "$work/layer.id"
  else
    layer "$directory" "$work/layer"
  fi
  diff_ids+="${diff_ids:+,}\"$(cat "$work/layer.id")\""
  add "$work/layer.tar.gz" application/vnd.oci.image.layer.v1.tar+gzip
  layers+="${layers:+,}$descriptor"
done
printf '{"created":"%s","architecture":"amd64","os":"linux","config":%s,"rootfs":{"type":"layers","diff_ids":[%s]}}' \
  "$(date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ)" "$config" "$diff_ids" >"$work/config"
add "$work/config" application/vnd.oci.image.config.v1+json
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":%s,"layers":[%s]}' \
  "$descriptor" "$layers" >"$work/manifest"
image=sha256:$(digest "$work/manifest")
add "$work/manifest" application/vnd.oci.image.manifest.v1+json
# containerd takes the image's name from its own annotation, others from the tag.
printf '{"schemaVersion":2,"manifests":[%s,"annotations":{%s,%s}}]}' "${descriptor%\}}" \
  "\"io.containerd.image.name\":\"$reference\"" "\"org.opencontainers.image.ref.name\":\"${reference##*:}\"" \
  >"$work/index.json"
printf '{"imageLayoutVersion":"1.0.0"}' >"$work/oci-layout"
packed "$work" oci-layout index.json blobs >"$archive.new"
mv "$archive.new" "$archive"
printf '%s\n' "$image"
