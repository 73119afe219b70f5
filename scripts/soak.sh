#!/usr/bin/env bash
# Runs the long tests at full count and writes what came out to docs/soak/<date>.md.
# Usage: soak.sh [--rounds <n>] [--seeds "<seed> <seed> ..."]
#   --rounds  rounds of each program (default: COERCE_STRESS_ROUNDS, else 3000); under the sanitizers a third of them
#   --seeds   one run per seed (default: COERCE_SEED, else three random ones); under the sanitizers the first
# Seeds that are pinned in tests/stress/pinned-seeds.txt run besides.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

rounds=${COERCE_STRESS_ROUNDS:-3000}
seeds=${COERCE_SEED:-"$(od -An -N12 -tu4 /dev/urandom)"}
while [ $# -gt 0 ]; do
  case $1 in
    --rounds) rounds=${2:?}; shift 2 ;;
    --seeds) seeds=${2:?}; shift 2 ;;
    *) sed -n '3,6s/^# //p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
  esac
done

# Each stage is a function soak_<stage> that calls `measure` for every program it runs.
stages=(stress conformance bank sanitizers)

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

soak_conformance() {
  COERCE_CONFORMANCE_SEEDS=$rounds measure "conformance, release, $rounds seeds" 1 \
    build/release/tests/coerce_conformance_tests
}

# How often the bank is killed; and on Redis, how often its server.
sqlite_kills=200 redis_kills=50 server_kills=10

soak_bank() {
  local seed=${seeds%% *} kill=(examples/bank/kill.py build/release/examples/bank/example_bank)
  measure "bank, SQLite, $sqlite_kills kills" "$seed" "${kill[@]}" --kills "$sqlite_kills" --seed "$seed"
  measure "bank, Redis, $redis_kills kills and $server_kills of the server" "$seed" \
    "${kill[@]}" --journal redis --kills "$redis_kills" --server-kills "$server_kills" --seed "$seed"
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
scripts/install-deps.sh ci
cmake --preset release -DCOERCE_BUILD_TESTS=ON
cmake --build --preset release

for stage in "${stages[@]}"; do "soak_$stage"; done
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
