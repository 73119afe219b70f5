#!/usr/bin/env bash
# Runs the long tests at full count and writes what came out to docs/soak/<date>.md.
# Usage: soak.sh [--rounds <n>] [--seeds "<seed> <seed> ..."]
#   --rounds  rounds of each program (default: COERCE_STRESS_ROUNDS, else 3000)
#   --seeds   one run per seed (default: COERCE_SEED, else three random ones)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

rounds=${COERCE_STRESS_ROUNDS:-3000}
seeds=${COERCE_SEED:-"$(od -An -N12 -tu4 /dev/urandom)"}
while [ $# -gt 0 ]; do
  case $1 in
    --rounds) rounds=${2:?}; shift 2 ;;
    --seeds) seeds=${2:?}; shift 2 ;;
    *) sed -n '3,5s/^# //p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
  esac
done

# Each stage is a function soak_<stage> that calls `measure` for every program it runs.
stages=(stress)

soak_stress() {
  local program
  for program in build/release/tests/stress/coerce_stress_*; do
    [ -x "$program" ] && [ -f "$program" ] || continue
    for seed in $seeds; do
      COERCE_STRESS_ROUNDS=$rounds COERCE_SEED=$seed measure "$(basename "$program")" "$seed" "$program"
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
  outputs+=$'\n'"### $name, seed $seed"$'\n\n```\n'"$(tail -n 40 "$log")"$'\n```\n'
  rm -f "$log"
}

scripts/install-deps.sh test
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
