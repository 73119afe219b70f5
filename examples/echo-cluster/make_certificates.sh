#!/usr/bin/env bash
# Makes an authority and the certificates of nodes 1 to 3, for trying things out: ca.pem, node-1.pem, node-1.key, ...
# Usage: make_certificates.sh <directory>
set -euo pipefail
mkdir -p "$1"
cd "$1"
curve=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
{
  openssl req -x509 "${curve[@]}" -days 30 -subj "/CN=echo authority" -keyout ca.key -out ca.pem
  for id in 1 2 3; do
    openssl req "${curve[@]}" -subj "/CN=node $id" -keyout "node-$id.key" -out "node-$id.csr"
    # DNS:node-1 belongs to the node with id 1 alone.
    openssl x509 -req -in "node-$id.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -out "node-$id.pem" \
      -extfile <(echo "subjectAltName=DNS:node-$id")
  done
} >make_certificates.log 2>&1 || { cat make_certificates.log >&2; exit 1; }
