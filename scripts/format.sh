#!/usr/bin/env bash
# Checks that all C++ code is formatted as .clang-format says; with --fix, formats it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case ${1:-} in
  '') mode=(--dry-run --Werror) ;;
  --fix) mode=(-i) ;;
  *) echo "usage: format.sh [--fix]" >&2; exit 2 ;;
esac

directories=()
for directory in include src tests examples benchmarks; do
  [ -d "$directory" ] && directories+=("$directory")
done
find "${directories[@]}" \( -name '*.hpp' -o -name '*.cpp' \) -print0 |
  xargs -0 -r -n 16 -P "$(nproc)" clang-format-19 --style=file "${mode[@]}"
