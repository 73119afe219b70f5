#!/usr/bin/env bash
# From a clean clone to running programs: builds three examples, runs the player on its bundled input, has two processes
# talk to each other as a cluster, then kills the bank in the middle of its work, starts it again, and has it proven that
# nothing was lost or done twice.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
points=examples/player/points.txt
transfers=examples/bank/transfers.txt
kill_at=15000 # acknowledgements

echo "== 1/5 Packages that the build needs"
scripts/install-deps.sh build

echo "== 2/5 Building the examples (build/release, optimised)"
if [ ! -f build/release/build.ninja ]; then
  # A first build leaves out what the demo does not need; scripts/test.sh adds the tests later.
  cmake --preset release -DCOERCE_REMOTE=ON -DCOERCE_BUILD_TESTS=OFF -DCOERCE_BUILD_BENCHMARKS=OFF
elif ! grep -q '^COERCE_REMOTE:.*=ON' build/release/CMakeCache.txt; then
  cmake --preset release -DCOERCE_REMOTE=ON
fi
cmake --build --preset release --target example_player example_bank example_echo_cluster

echo "== 3/5 The player on $points"
build/release/examples/player/example_player "$points"

scratch=$(mktemp -d)
running=
trap '[ -z "$running" ] || kill -9 "$running"; rm -rf "$scratch"' EXIT

echo "== 4/5 Two processes that are one cluster: one hosts an actor, the other finds it and asks"
cluster=build/release/examples/echo-cluster/example_echo_cluster
mkfifo "$scratch/said"
"$cluster" host --id 1 >"$scratch/said" &
running=$!
exec 3<"$scratch/said"
address=
while [ -z "$address" ] && read -r line <&3; do
  echo "$line"
  address=$(sed -n 's/^echo-actor is on node 1, which listens at //p' <<<"$line")
done
[ -n "$address" ] || { echo "demo: the host does not say where it listens" >&2 && exit 1; }
"$cluster" ask --id 2 --seed "$address" "Hello from another process" "and once more"
kill -TERM "$running"
cat <&3
wait "$running"
running=
exec 3<&-

bank=build/release/examples/bank/example_bank
kept=(--journal "$scratch/bank.db" --acks "$scratch/bank.acks" "$transfers")

acknowledged() { wc -l 2>/dev/null <"$scratch/bank.acks" || echo 0; }

echo "== 5/5 The bank on $transfers, killed with -9 when it has acknowledged $kill_at of its transfers"
"$bank" run "${kept[@]}" &
running=$!
end=$((SECONDS + 120))
until [ "$(acknowledged)" -ge "$kill_at" ]; do
  kill -0 "$running" 2>/dev/null || { running= && echo "demo: the bank ended before it was killed" >&2 && exit 1; }
  [ $SECONDS -lt $end ] || { echo "demo: the bank takes more than 120 s" >&2 && exit 1; }
  sleep 0.05
done
kill -9 "$running"
wait "$running" 2>/dev/null || true
running=

echo "-- killed; what it has left behind:"
"$bank" check "${kept[@]}"
echo "-- started again:"
"$bank" run "${kept[@]}" 2>/dev/null
echo "-- at the end:"
"$bank" check --all-settled "${kept[@]}"
