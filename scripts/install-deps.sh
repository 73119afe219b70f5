#!/usr/bin/env bash
# Installs what coerce needs from Debian's packages. Usage: install-deps.sh [build|test|ci|bench]...
#   build  the library and its examples      test   build, and the tests (default)
#   ci     test, and every other check        bench  build, and what the benchmarks compare with
# Packages that are there already are left alone; when none is missing, nothing is run.
set -euo pipefail

build=(g++ cmake ninja-build pkg-config ccache libasio-dev libfmt-dev libspdlog-dev libexpected-dev
  libsqlite3-dev libhiredis-dev nlohmann-json3-dev libprotobuf-dev protobuf-compiler libssl-dev)
test=(catch2 redis-server openssl python3 libcpp-jwt-dev)
# llvm-19 has the symbolizer that ThreadSanitizer reports need.
ci=(clang-19 clang-format-19 clang-tidy-19 libclang-rt-19-dev llvm-19 valgrind python3)
bench=(libcaf-dev erlang-base)

wanted=()
for group in "${@:-test}"; do
  case $group in
    build) wanted+=("${build[@]}") ;;
    test) wanted+=("${build[@]}" "${test[@]}") ;;
    ci) wanted+=("${build[@]}" "${test[@]}" "${ci[@]}") ;;
    bench) wanted+=("${build[@]}" "${bench[@]}") ;;
    *) sed -n '2,5s/^# //p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
  esac
done

missing=()
for package in $(printf '%s\n' "${wanted[@]}" | sort -u); do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "install-deps: everything is installed"
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "install-deps: need root or sudo to install ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "install-deps: installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends "${missing[@]}"
