#!/usr/bin/env bash
# How long the compiler takes for a file that includes coerce/actor.hpp, defines two actors and sends messages:
# user CPU time of 7 runs, as a table. Usage: run.sh   (CXX: another compiler than c++)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
compiler=${CXX:-c++}
runs=7

compile() { # file: prints the seconds
  TIMEFORMAT=%U
  { time "$compiler" -std=c++20 -O2 -DNDEBUG -Iinclude -c "$1" -o /dev/null; } 2>&1
}

compile benchmarks/compile/two_actors.cpp >/dev/null # reads the headers once
mapfile -t times < <(for ((i = 0; i < runs; i++)); do compile benchmarks/compile/two_actors.cpp; done | sort -n)
printf '## Compile time\n\n%s\n\n' "$("$compiler" --version | head -n 1), -O2; user CPU time."
echo '| figure | minimum | median | unit | target | met | runs |'
echo '| --- | --: | --: | --- | --- | --- | --: |'
median=${times[runs / 2]}
printf '| two_actors | %.2f | %.2f | s | ≤ 1.5 s | %s | %d |\n' "${times[0]}" "$median" \
  "$(awk -v least="${times[0]}" 'BEGIN { print least <= 1.5 ? "yes" : "**no**" }')" "$runs"
