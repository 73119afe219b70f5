#!/usr/bin/env bash
# Runs clang-tidy over the library's sources and the headers that they include; some minutes on two cores.
# Usage: tidy.sh [file.cpp]...   (no file: all of src/)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/install-deps.sh ci
cmake --preset clang >/dev/null
files=("$@")
[ $# -gt 0 ] || mapfile -t files < <(find src -name '*.cpp' | sort)
printf '%s\0' "${files[@]}" |
  xargs -0 -n 1 -P "$(nproc)" clang-tidy-19 -p build/clang --quiet --warnings-as-errors='*' 2>&1 |
  { grep -v ' warnings generated\.$\|^Suppressed \|^Use -header-filter' || true; }
