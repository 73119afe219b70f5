#!/usr/bin/env python3
"""Runs the peer benchmarks side by side and prints one table. README.md says what is measured.

Every repetition runs each benchmark on all peers, one right after the other and in changing order,
with `limit` among them, so that a slow minute of the machine hits all of them alike.
"""

import argparse
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
from datetime import date
from pathlib import Path

BENCHES = ["pingpong", "ring", "one_way", "fan_in_2", "fan_in_8", "ask", "all_to_all", "create", "skynet", "memory"]
PEERS = ["coerce", "caf", "erlang"]
OURS = "coerce"
LIMIT_RUNS = 5
RESULTS = Path(__file__).resolve().parent.parent / "results"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=Path("build"), help="where the programs were built (default: build)")
    parser.add_argument("--reps", type=int, default=7, help="repetitions (default: 7)")
    parser.add_argument("--workers", default="1,2", help="numbers of workers (default: 1,2)")
    parser.add_argument("--bench", default=",".join(BENCHES), help="benchmarks (default: all)")
    parser.add_argument("--peers", default=",".join(PEERS), help="peers (default: all)")
    parser.add_argument("--scale", type=float, default=1.0, help="size of each benchmark (default: 1)")
    parser.add_argument("--timeout", type=float, default=120, help="seconds a program may take (default: 120)")
    parser.add_argument("--out", metavar="NAME", help="also write benchmarks/results/NAME.md")
    args = parser.parse_args()
    args.workers = [int(n) for n in args.workers.split(",")]
    args.bench = args.bench.split(",")
    args.peers = args.peers.split(",")
    for given, known in ((args.bench, BENCHES), (args.peers, PEERS)):
        if unknown := set(given) - set(known):
            parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    if args.reps < 1:
        parser.error("--reps must be at least 1")
    if args.out and (Path(args.out).name != args.out or args.out.startswith(".")):
        parser.error("--out takes a plain file name")
    return args


def find_programs(build, names):
    """The executables of these names anywhere under the build directory."""
    found = {}
    for directory, _, files in sorted(os.walk(build)):
        for name in names:
            path = Path(directory, name)
            if name in files and name not in found and os.access(path, os.X_OK):
                found[name] = path.resolve()
    return found


def run(command, timeout):
    """The object that the program prints, or a text that says why there is none."""
    try:
        program = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    except OSError as error:
        return f"could not be started: {error.strerror}"
    try:
        output, _ = program.communicate(timeout=timeout)
    except BaseException as error:
        os.killpg(program.pid, signal.SIGKILL)  # the program and what it started
        program.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            return f"took longer than {timeout:g} s"
        raise
    if program.returncode != 0:
        return f"ended with {program.returncode}"
    try:
        return dict(json.loads(output.strip().splitlines()[-1]))
    except (IndexError, TypeError, ValueError):
        return "printed no JSON"


class Samples:
    """What was measured: figure -> one number a repetition; a figure is (bench, workers, peer, key)."""

    def __init__(self):
        self.numbers = {}
        self.failures = {}

    def add(self, bench, workers, peer, result):
        if isinstance(result, str):
            self.failures.setdefault(f"{peer} {bench}, {workers} workers: {result}", None)
            return
        for key, value in result.items():
            if isinstance(value, (int, float)):
                self.numbers.setdefault((bench, workers, peer, key), []).append(value)

    def median(self, *figure):
        numbers = self.numbers.get(figure)
        return statistics.median(numbers) if numbers else None

    def minimum(self, *figure):
        numbers = self.numbers.get(figure)
        return min(numbers) if numbers else None


def measure(args, programs):
    samples = Samples()
    for repetition in range(args.reps):
        turn = repetition % len(args.peers)
        order = args.peers[turn:] + args.peers[:turn]
        for workers in args.workers:
            for bench in args.bench:
                print(f"repetition {repetition + 1}/{args.reps}: {bench}, {workers} workers", file=sys.stderr)
                if "limit" in programs:
                    samples.add(bench, workers, "limit", run([programs["limit"], "--runs", str(LIMIT_RUNS)], args.timeout))
                for peer in order:
                    if f"peer_{peer}" in programs:
                        command = [programs[f"peer_{peer}"], "--bench", bench, "--workers", str(workers)]
                        samples.add(bench, workers, peer, run(command + ["--scale", str(args.scale)], args.timeout))
    return samples


def output_of(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def package(name):
    return output_of("dpkg-query", "-W", "-f", "${Version}", name)


def cache_entry(build, name):
    cache = build / "CMakeCache.txt"
    if cache.is_file():
        for line in cache.read_text().splitlines():
            if line.startswith(f"{name}:"):
                return line.split("=", 1)[1]
    return ""


def versions(build):
    compiler = output_of(cache_entry(build, "CMAKE_CXX_COMPILER") or "c++", "--version").splitlines()
    otp = output_of("erl", "-noshell", "-eval", 'io:format("~s, erts ~s", [erlang:system_info(otp_release), '
                    "erlang:system_info(version)]), halt().")
    return [
        f"CAF {package('libcaf-dev') or 'not installed as a package'}",
        f"Erlang/OTP {otp or 'not installed'}" + (f" ({package('erlang-base')})" if package("erlang-base") else ""),
        f"compiler {compiler[0] if compiler else 'unknown'}, {cache_entry(build, 'CMAKE_BUILD_TYPE') or 'no'} build type",
    ]


def machine():
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    linux = ".".join(platform.release().split(".")[:2])
    return f"{len(os.sched_getaffinity(0))} CPUs, {model}, Linux {linux}"


def number(value):
    if value is None:
        return "–"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def cell(samples, *figure):
    if samples.median(*figure) is None:
        return "–"
    return f"{number(samples.median(*figure))} [{number(samples.minimum(*figure))}]"


def ratio(numerator, denominator):
    return f"{numerator / denominator:.2f}" if numerator is not None and denominator else "–"


def row(samples, label, bench, workers, peers, keys):
    """One line of the table: `keys` are the figures for the wall and the CPU column."""
    limit = samples.median(bench, workers, "limit", "median_ns")
    cells = [label, str(workers)]
    for peer in peers:
        cells += [cell(samples, bench, workers, peer, key) if key else "" for key in keys]
    for peer in peers:
        if peer != OURS:
            cells += [ratio(samples.median(bench, workers, peer, key), samples.median(bench, workers, OURS, key))
                      if key else "" for key in keys]
    cells += [number(limit), ratio(samples.median(bench, workers, OURS, "wall_ns_per_op"), limit) if keys[1] else ""]
    return cells


def table(samples, args):
    head = ["bench", "workers"]
    for peer in args.peers:
        head += [f"{peer} wall", f"{peer} CPU"]
    for peer in args.peers:
        if peer != OURS:
            head += [f"{peer}/{OURS} wall", f"{peer}/{OURS} CPU"]
    head += ["L", f"{OURS}/L"]
    rows = [head, ["---"] + ["--:"] * (len(head) - 1)]
    for bench in args.bench:
        for workers in args.workers:
            rows.append(row(samples, bench, bench, workers, args.peers, ("wall_ns_per_op", "cpu_ns_per_op")))
            if bench == "memory":
                rows.append(row(samples, "memory, bytes", bench, workers, args.peers, ("bytes_per_actor", None)))
    return "\n".join("| " + " | ".join(cells) + " |" for cells in rows)


def report(samples, args, missing, load_before):
    load_after = os.getloadavg()[0]
    limits = [n for (_, _, peer, key), ns in samples.numbers.items() if (peer, key) == ("limit", "median_ns") for n in ns]
    minima = [n for (_, _, peer, key), ns in samples.numbers.items() if (peer, key) == ("limit", "min_ns") for n in ns]
    lines = [
        f"# Peers, {date.today().isoformat()}",
        "",
        f"{machine()}; load average {load_before:.1f} before, {load_after:.1f} after.",
        "; ".join(versions(args.build)) + ".",
        f"Repetitions: {args.reps}, interleaved, at scale {args.scale:g}. Cells: median [minimum] over the repetitions, in ns "
        "per operation (`memory, bytes`: bytes per actor). Ratios are of medians; above 1: coerce is cheaper.",
    ]
    if limits:
        lines.append(f"L = {min(minima):.1f} ns undisturbed, {statistics.median(limits):.1f} ns median; each row has the "
                     "L that was measured beside it.")
    lines += ["", table(samples, args)]
    notes = [f"{name}: program not found, left out" for name in missing] + list(samples.failures)
    if notes:
        lines += ["", "Missing or failed:", ""] + [f"- {note}" for note in notes]
    return "\n".join(lines) + "\n"


def main():
    args = arguments()
    names = [f"peer_{peer}" for peer in args.peers] + ["limit"]
    programs = find_programs(args.build, names)
    missing = [name for name in names if name not in programs]
    for name in missing:
        print(f"{name}: not found under the build directory, going on without it", file=sys.stderr)
    if not any(name.startswith("peer_") for name in programs):
        sys.exit("no peer program found: give the build directory with --build")

    load_before = os.getloadavg()[0]
    samples = measure(args, programs)
    text = report(samples, args, missing, load_before)
    print(text, end="")
    if args.out:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / args.out).with_suffix(".md").write_text(text)


if __name__ == "__main__":
    main()
