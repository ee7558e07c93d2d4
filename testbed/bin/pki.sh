#!/bin/bash
# Makes the keys of a control plane: pki.sh DIRECTORY ADDRESS. Writes ca.crt, apiserver.{crt,key}, sa.{key,pub}.
set -euo pipefail
cd "$1"
address=$2
new_key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
openssl req -x509 "${new_key[@]}" -days 30 -keyout ca.key -out ca.crt -subj /CN=drover-testbed-ca \
  -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,digitalSignature 2>/dev/null
openssl req "${new_key[@]}" -keyout apiserver.key -out apiserver.csr -subj /CN=kube-apiserver 2>/dev/null
cat >apiserver.ext <<EXT
extendedKeyUsage=serverAuth
keyUsage=digitalSignature
subjectAltName=DNS:localhost,DNS:kubernetes,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:$address
EXT
openssl x509 -req -in apiserver.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile apiserver.ext \
  -out apiserver.crt 2>/dev/null
openssl ecparam -name prime256v1 -genkey -noout -out sa.key
openssl ec -in sa.key -pubout -out sa.pub 2>/dev/null
