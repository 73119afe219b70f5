#!/usr/bin/env bash
# Builds the release preset, runs every benchmark (a quarter of an hour on two cores) and prints the tables: the
# library's own figures beside L and their targets, journals beside plain SQLite, messages between processes beside plain
# Asio and CAF, the time that it takes to compile, then the same work on CAF and Erlang where they are installed.
# Usage: bench.sh [--out FILE] [--build DIRECTORY] [--quick]
#   --out FILE  writes them to FILE as well, such as docs/benchmarks.md
#   --build     another build directory than build/release
#   --quick     smaller and fewer: shows that all of it runs, and roughly what comes out
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

out=
build=build/release
suite=(--workers "1,2")
journals=()
remote=()
peers=()
while [ $# -gt 0 ]; do
  case $1 in
    --out) out=${2:?--out takes a file}; shift ;;
    --build) build=${2:?--build takes a directory}; shift ;;
    --quick)
      suite+=(--runs 4 --scale 0.2); journals+=(--runs 2 --scale 0.1)
      remote+=(--rounds 1 --scale 0.2); peers+=(--reps 3 --scale 0.1) ;;
    *) sed -n '5,8s/^# //p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
  esac
  shift
done

{
  cmake --preset release -B "$build" -DCOERCE_BUILD_BENCHMARKS=ON
  cmake --build "$build" --target benchmarks
} >&2

failed=0
report=$(mktemp)
trap 'rm -f "$report"' EXIT
{
  echo "# Benchmarks"
  echo
  echo "Made by \`scripts/bench.sh\`. L is what a message costs without any library (\`benchmarks/limit\`), measured beside"
  echo "each figure; minimum and CPU are the least of all runs, per operation. CPU is the time of all threads: with one"
  echo "worker, the wall time of a run that nobody disturbed. Targets in L are for one worker and judged by it."
  echo
  "$build/benchmarks/suite/coerce_bench" "${suite[@]}" | grep '^|' || failed=1
  echo
  echo "## Journals"
  echo
  "$build/benchmarks/persistence/coerce_persistence_bench" "${journals[@]}" || failed=1
  echo
  if [ -x "$build/benchmarks/remote/coerce_remote_bench" ]; then
    echo "## Remote"
    echo
    "$build/benchmarks/remote/coerce_remote_bench" "${remote[@]}" || failed=1
    echo
  fi
  benchmarks/compile/run.sh || failed=1
  echo
  benchmarks/peers/run.py --build "$build" "${peers[@]}" | sed 's/^# /## /' || failed=1
} > "$report"

cat "$report"
if [ -n "$out" ]; then
  mkdir -p "$(dirname "$out")"
  cp "$report" "$out"
fi
exit $failed
