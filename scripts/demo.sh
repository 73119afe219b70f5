#!/usr/bin/env bash
# From a clean clone to a running program: builds the player example and runs it on its bundled input.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
input=examples/player/points.txt

echo "== 1/3 Packages that the build needs"
scripts/install-deps.sh build

echo "== 2/3 Building the example (build/release, optimised)"
if [ ! -f build/release/build.ninja ]; then
  # A first build leaves out what the demo does not need; scripts/test.sh adds the tests later.
  cmake --preset release -DCOERCE_BUILD_TESTS=OFF -DCOERCE_BUILD_BENCHMARKS=OFF
fi
cmake --build --preset release --target example_player

echo "== 3/3 Running it on $input"
build/release/examples/player/example_player "$input"
