#!/usr/bin/env bash
# Runs the long tests at full count and writes what came out to docs/soak/<date>.md.
# Usage: soak.sh [--rounds <n>] [--seeds "<seed> <seed> ..."] [--stages "<stage> <stage> ..."]
#   --rounds  rounds of each program (default: COERCE_STRESS_ROUNDS, else 3000); under the sanitizers a third of them
#   --seeds   one run per seed (default: COERCE_SEED, else three random ones); under the sanitizers the first
#   --stages  a choice of: stress conformance power_cut processes bank fuzz sanitizers (default: all)
# Seeds that are pinned in tests/stress/pinned-seeds.txt run besides.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Each stage is a function soak_<stage> that calls `measure` for every program it runs.
stages=(stress storms conformance power_cut processes bank fuzz sanitizers)
chosen=${stages[*]}

rounds=${COERCE_STRESS_ROUNDS:-3000}
seeds=${COERCE_SEED:-"$(od -An -N12 -tu4 /dev/urandom)"}
while [ $# -gt 0 ]; do
  case $1 in
    --rounds) rounds=${2:?}; shift 2 ;;
    --seeds) seeds=${2:?}; shift 2 ;;
    --stages) chosen=${2:?}; shift 2 ;;
    *) sed -n '3,7s/^# //p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
  esac
done

programs=()
for source in tests/stress/*.cpp; do programs+=("$(basename "$source" .cpp)"); done

run_stress() { # preset, rounds, program, seed
  COERCE_STRESS_ROUNDS=$2 COERCE_SEED=$4 measure "$3, $1, $2 rounds" "$4" "build/$1/tests/stress/coerce_stress_$3"
}

soak_stress() {
  local program seed
  for program in "${programs[@]}"; do
    for seed in $seeds; do run_stress release "$rounds" "$program" "$seed"; done
  done
  while read -r program seed; do
    run_stress release "$rounds" "$program" "$seed"
  done < <(grep -E '^[a-z]' tests/stress/pinned-seeds.txt)
}

storm_seeds=1000 # each storm that nodes have to weather in the simulator

soak_storms() {
  COERCE_STORM_SEEDS=$storm_seeds measure "storms between nodes, release, $storm_seeds seeds" 1 \
    build/release/tests/coerce_remote_tests '[storm]'
}

# How many seeds each randomised promise is tried under, by the tags of the tests of a store: a seed of journals in
# memory takes 5 ms, one on Redis 100 ms, and one of leases, which have to run out, 300 ms.
conformance_seeds=("2000 ~[sqlite]~[redis]" "1000 [sqlite]" "1000 [redis]")

# Every test in a process of its own, all beside each other: leases mostly wait. Files lie in memory, since these
# promises do not depend on a disk, and the stages power_cut, processes and bank are about those that do.
run_conformance() {
  local program=build/release/tests/coerce_conformance_tests seeds tags name files code=0 running=() names
  files=$(mktemp -d -p "$([ -d /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")")
  for store in "${conformance_seeds[@]}"; do
    read -r seeds tags <<<"$store"
    mapfile -t names < <("$program" "$tags" --list-test-names-only)
    [ "${#names[@]}" -gt 0 ] || { echo "there is no test of $tags"; code=1; }
    for name in "${names[@]}"; do
      TMPDIR=$files COERCE_CONFORMANCE_SEEDS=$seeds "$program" "${name//,/\\,}" --durations yes \
        >"$files/${#running[@]}" 2>&1 &
      running+=($!)
    done
  done
  for i in "${!running[@]}"; do
    wait "${running[$i]}" || code=1
    grep -v '^$\|^====\|^\[20' "$files/$i"
  done
  rm -rf "$files"
  return "$code"
}

soak_conformance() {
  measure "conformance, release, seeds: ${conformance_seeds[*]}" 1 run_conformance
}

soak_power_cut() {
  measure "power cuts under SQLite, release, 1000 seeds" 1 build/release/tests/coerce_persistence_tests '[power_cut]'
}

soak_processes() {
  measure "4 processes on one SQLite file, release, 60 s" - \
    build/release/tests/persistence/sqlite_processes/coerce_sqlite_processes 4 60
}

# How often the bank is killed, and how often two of them run at once; and on Redis, how often its server is killed.
sqlite_kills=200 sqlite_pairs=40 redis_kills=50 redis_pairs=10 server_kills=10

soak_bank() {
  local seed=${seeds%% *} kill=(examples/bank/kill.py build/release/examples/bank/example_bank)
  measure "bank, SQLite, $sqlite_kills kills, $sqlite_pairs pairs" "$seed" \
    "${kill[@]}" --kills "$sqlite_kills" --pairs "$sqlite_pairs" --seed "$seed"
  measure "bank, Redis, $redis_kills kills, $redis_pairs pairs, $server_kills kills of the server" "$seed" \
    "${kill[@]}" --journal redis --kills "$redis_kills" --pairs "$redis_pairs" --server-kills "$server_kills" \
    --seed "$seed"
}

fuzz_seconds=300 # each target

soak_fuzz() {
  local source target seed=${seeds%% *} inputs
  cmake --preset clang -DCOERCE_BUILD_TESTS=ON -DCOERCE_PERSISTENCE=ON -DCOERCE_REMOTE=ON -DCOERCE_CLIENT_AUTH_JWT=ON
  for source in tests/fuzz/corpus/*/; do
    target=$(basename "$source")
    cmake --build build/clang --target "coerce_fuzz_$target"
    inputs=build/fuzz/$target # what it finds is kept for the next time, and may be made part of the corpus
    mkdir -p "$inputs"
    measure "fuzz $target, $fuzz_seconds s" "$seed" "build/clang/tests/fuzz/coerce_fuzz_$target" \
      -seed="$((seed % 2147483647))" -max_total_time="$fuzz_seconds" -print_final_stats=1 \
      -artifact_prefix="${TMPDIR:-/tmp}/fuzz-$target-" "$inputs" "$source"
  done
}

soak_sanitizers() {
  local preset program
  export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1 \
    TSAN_OPTIONS="halt_on_error=1:suppressions=$PWD/tests/tsan-suppressions.txt"
  for preset in asan tsan; do
    cmake --preset "$preset"
    cmake --build --preset "$preset" --target "${programs[@]/#/coerce_stress_}"
    for program in "${programs[@]}"; do
      run_stress "$preset" "$(((rounds + 2) / 3))" "$program" "${seeds%% *}"
    done
  done
}

table='' outputs='' failures=0 runs=0

measure() { # name, seed, command...
  local name=$1 seed=$2 begin=$SECONDS verdict=passed log
  shift 2
  log=$(mktemp)
  echo "== $name, seed $seed"
  if ! "$@" 2>&1 | tee "$log"; then
    verdict=FAILED
    failures=$((failures + 1))
  fi
  runs=$((runs + 1))
  table+="| $name | $seed | $((SECONDS - begin)) s | $verdict |"$'\n'
  outputs+=$'\n'"### $name, seed $seed"$'\n\n```\n'"$(sed '/\[warning\]/d' "$log" | tail -n 40)"$'\n```\n'
  rm -f "$log"
}

seeds=$(echo $seeds) # in one line
for stage in $chosen; do
  [[ " ${stages[*]} " == *" $stage "* ]] || { echo "soak: there is no stage '$stage'" >&2; exit 2; }
done
scripts/install-deps.sh ci
cmake --preset release -DCOERCE_BUILD_TESTS=ON -DCOERCE_PERSISTENCE=ON
cmake --build --preset release

for stage in $chosen; do "soak_$stage"; done
[ "$runs" -gt 0 ] || { echo "soak: there is nothing to run" >&2; exit 1; }

commit=$(git rev-parse HEAD 2>/dev/null || echo unknown)
[ -z "$(git status --porcelain 2>/dev/null)" ] || commit+=" with local changes"
mkdir -p docs/soak
report=docs/soak/$(date -u +%Y-%m-%d).md
cat >"$report" <<REPORT
# Soak of $(date -u '+%Y-%m-%d %H:%M') UTC

- Commit: $commit
- Compiler: $(c++ --version | head -n 1), release preset
- Machine: $(nproc) cores, $(uname -sm)
- Rounds: $rounds
- Result: $((runs - failures)) passed, $failures failed

| program | seed | took | result |
|---|---|---|---|
$table
## Output
$outputs
REPORT
echo "wrote $report"
[ "$failures" -eq 0 ]
