#!/usr/bin/env bash
# Makes the certificates of the TLS tests. Usage: certificates.sh <directory>
# Each <name>.pem has its key in <name>.key; `other` is signed by an authority that nobody trusts.
set -euo pipefail
cd "$1"

authority() { # name
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
    -subj "/CN=$1" -keyout "$1.key" -out "$1.pem"
}
certificate() { # name, authority, subject alternative names, further options of x509
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" \
    -keyout "$1.key" -out "$1.csr"
  openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -out "$1.pem" \
    -extfile <(printf 'subjectAltName=%s\n' "$3") "${@:4}"
}

{
  authority ca
  authority stranger
  certificate local ca DNS:localhost,IP:127.0.0.1 -days 30
  certificate node1 ca DNS:node-1 -days 30
  certificate node2 ca DNS:node-2,DNS:two.example.org -days 30
  certificate elsewhere ca DNS:elsewhere.example.org -days 30
  certificate other stranger DNS:localhost,IP:127.0.0.1 -days 30
  certificate expired ca DNS:localhost,IP:127.0.0.1 -days -1
  cat ca.pem >>node1.pem
  openssl ec -in local.key -aes256 -passout pass:secret -out locked.key
} >certificates.log 2>&1 || { cat certificates.log >&2; exit 1; }
