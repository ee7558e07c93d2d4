#!/bin/bash
# Makes the keys of a control plane: pki.sh DIRECTORY ADDRESS. Writes ca.crt, apiserver.{crt,key}, sa.{key,pub}, and
# kubelet-client.{crt,key}, by which the API server shows itself to kubelets.
# And those of a node: pki.sh DIRECTORY ADDRESS NODE. Writes NODE.{crt,key}, for the kubelet as a client and as a server.
set -euo pipefail
cd "$1"
address=$2 node=${3:-}
new_key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)

# signed NAME SUBJECT USAGES ALTERNATIVE-NAMES
signed() {
  openssl req "${new_key[@]}" -keyout "$1.key" -out "$1.csr" -subj "$2" 2>/dev/null
  {
    printf 'extendedKeyUsage=%s\nkeyUsage=digitalSignature\n' "$3"
    [ -z "$4" ] || printf 'subjectAltName=%s\n' "$4"
  } >"$1.ext"
  # Numbers at random, not counted in a file: hosts boot at the same time.
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -set_serial "0x$(openssl rand -hex 16)" -days 30 \
    -extfile "$1.ext" -out "$1.crt" 2>/dev/null
}

if [ -n "$node" ]; then
  signed "$node" "/O=system:nodes/CN=system:node:$node" clientAuth,serverAuth "DNS:$node,IP:$address"
  exit
fi
openssl req -x509 "${new_key[@]}" -days 30 -keyout ca.key -out ca.crt -subj /CN=drover-testbed-ca \
  -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,digitalSignature 2>/dev/null
# 10.96.0.1: the address that pods know the API server by.
signed apiserver /CN=kube-apiserver serverAuth \
  "DNS:localhost,DNS:kubernetes,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:10.96.0.1,IP:$address"
signed kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client clientAuth ""
openssl ecparam -name prime256v1 -genkey -noout -out sa.key
openssl ec -in sa.key -pubout -out sa.pub 2>/dev/null
