#!/usr/bin/env bash
# Holds the cost of a message by counting, which no load of the machine disturbs: the instructions of a hop of a
# ping-pong, and no heap allocation for a message in the steady state. Each is the difference between a
# run of N and one of 2N on a system without threads, so that start and end cancel out.
# Usage: check-instructions.sh [build directory]   (default: build/release)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The goal is 140. The gate holds what is reached, so that it does not get worse unseen.
most_instructions=140
build=${1:-build/release}

if [ ! -f "$build/CMakeCache.txt" ]; then
  cmake --preset release -B "$build" -DCOERCE_BUILD_TESTS=OFF -DCOERCE_BUILD_BENCHMARKS=ON
fi
cmake --build "$build" --target coerce_bench
bench=$build/benchmarks/suite/coerce_bench
output=$(mktemp -d)
trap 'rm -rf "$output"' EXIT

# field NAME: the number of that name in a line of JSON
field() { sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"; }

# per_op A1 A2 OPS1 OPS2: what one operation adds
per_op() { awk -v a="$1" -v b="$2" -v n="$3" -v m="$4" 'BEGIN { printf "%.2f\n", (b - a) / (m - n) }'; }

# count_instructions BENCH SCALE: "<instructions> <operations>"
count_instructions() {
  valgrind --tool=callgrind --callgrind-out-file=/dev/null --log-file="$output/log" \
    "$bench" --once --bench "$1" --workers 0 --scale "$2" > "$output/line"
  echo "$(sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$output/log") $(field ops < "$output/line")"
}

# count_allocations BENCH SCALE: "<allocations> <operations>"
count_allocations() {
  "$bench" --once --bench "$1" --workers 0 --scale "$2" > "$output/line"
  echo "$(field allocations < "$output/line") $(field ops < "$output/line")"
}

failed=0

read -r few few_ops <<< "$(count_instructions pingpong 0.05)"
read -r many many_ops <<< "$(count_instructions pingpong 0.1)"
hop=$(per_op "$few" "$many" "$few_ops" "$many_ops")
echo "pingpong: $hop instructions a hop (at most $most_instructions)"
awk -v hop="$hop" -v most="$most_instructions" 'BEGIN { exit !(hop > 0 && hop <= most) }' || failed=1

for name in notify_batched pingpong send send_coroutine; do
  read -r few few_ops <<< "$(count_allocations "$name" 0.5)"
  read -r many many_ops <<< "$(count_allocations "$name" 1)"
  echo "$name: $(per_op "$few" "$many" "$few_ops" "$many_ops") allocations an operation (none)"
  [ "$few" -gt 0 ] && [ "$few" -eq "$many" ] || failed=1
done

if [ $failed -ne 0 ]; then
  echo "check-instructions: FAILED"
  exit 1
fi
echo "check-instructions: ok"
