#!/usr/bin/env bash
# Builds and runs the consumer projects and the examples as a user would: against an installed coerce, and
# with its sources inside their own build. Usage: run.sh [build directory with a built coerce]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${1:-$root/build/release}
work=$root/build/consumer
prefix=$work/prefix

rm -rf "$work"
cmake --install "$build" --prefix "$prefix" >/dev/null

options=(-G Ninja -DCMAKE_BUILD_TYPE=Debug "-DCMAKE_PREFIX_PATH=$prefix")
if command -v ccache >/dev/null; then options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi

configure() { # source directory, name, further options
  cmake -S "$1" -B "$work/$2" "${options[@]}" "${@:3}" >"$work/$2.log" 2>&1 || { cat "$work/$2.log"; return 1; }
}

for consumer in find_package testkit add_subdirectory fetch_content; do
  echo "--- $consumer"
  source_tree=()
  [ "$consumer" = find_package ] || [ "$consumer" = testkit ] || source_tree=("-DCOERCE_CHECKOUT=$root")
  configure "$root/tests/consumer/$consumer" "$consumer" "${source_tree[@]}"
  cmake --build "$work/$consumer" --target consumer
  "$work/$consumer/consumer"
done

# What an installed coerce has, a stranger can use: messages between two nodes, with nothing else than the component.
if [ -f "$prefix/include/coerce/remote.hpp" ]; then
  echo "--- remote, installed"
  configure "$root/tests/consumer/remote" remote
  cmake --build "$work/remote" --target consumer
  "$work/remote/consumer"
  echo "--- remote, as a part of the source tree, without persistence"
  configure "$root/tests/consumer/remote" remote_sources "-DCOERCE_CHECKOUT=$root"
  cmake --build "$work/remote_sources" --target consumer
  "$work/remote_sources/consumer"
  if find "$prefix/include" -name '*.pb.h' | grep .; then
    echo "headers that protoc has written are installed" >&2
    exit 1
  fi
fi

echo "--- unknown_component"
configure "$root/tests/consumer/unknown_component" unknown_component

echo "--- examples against the installed package"
configure "$root/examples" examples
cmake --build "$work/examples"
ctest --test-dir "$work/examples" --output-on-failure
