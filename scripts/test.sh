#!/usr/bin/env bash
# From a clean clone to tested: installs what is missing, builds the release preset, runs every test.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/install-deps.sh test
cmake --preset release -DCOERCE_BUILD_TESTS=ON -DCOERCE_BUILD_EXAMPLES=ON -DCOERCE_BUILD_BENCHMARKS=ON
cmake --build --preset release
ctest --preset release --parallel 2 --output-on-failure
