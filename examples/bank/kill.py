#!/usr/bin/env python3
"""Kills the bank with -9 again and again, and has what it left behind checked each time.

    kill.py <example_bank> [--kills N] [--pairs N] [--journal sqlite|redis] [--server-kills N]
            [--seed S] [--transfers FILE] [--keep DIRECTORY]

The moments are drawn from the seed, which is printed: most lie some acknowledgements ahead, so that
they are spread over the whole file, others some milliseconds after the start, while the accounts are
recovering. `--server-kills` kills the Redis server as well, while the bank goes on. `--pairs` starts
a second bank over the same journals while the first one still writes: either it is left to take them
over, and the first one must end for being shut out; or it is killed on the way. After the last
kill the bank runs to its end, and nothing may be missing then. A machine that is done with the file
before that begins again with journals of its own.
"""

import argparse
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

# With what a bank ends that was shut out: who is asked first may already have stopped for it, and an
# event may have been written before or not.
SHUT_OUT = ("Fenced", "Unknown", "InvalidRef", "ResultChannelClosed")

DEADLINE = 120  # seconds for one run of the bank, and for a check
POLL = 0.0005


def fail(why):
    raise SystemExit(f"kill.py: {why}")


class RedisServer:
    """A server of our own, which keeps what it acknowledges; on a socket, so it needs no port."""

    def __init__(self, directory):
        self.directory = directory
        self.socket = directory / "redis.sock"
        self.process = None
        self.start()

    def start(self):
        self.socket.unlink(missing_ok=True)
        with open(self.directory / "redis.log", "ab") as log:
            self.process = subprocess.Popen(
                ["redis-server", "--port", "0", "--unixsocket", self.socket, "--dir",
                 self.directory, "--appendonly", "yes", "--appendfsync", "always", "--save", "",
                 "--no-appendfsync-on-rewrite", "no", "--maxmemory-policy", "noeviction"],
                stdout=log, stderr=log)
        end = time.monotonic() + 30
        while subprocess.run(["redis-cli", "-s", self.socket, "ping"], capture_output=True,
                             timeout=30).stdout != b"PONG\n":
            if time.monotonic() > end or self.process.poll() is not None:
                fail(f"redis-server did not start: {(self.directory / 'redis.log').read_text()}")
            time.sleep(0.01)

    def restart(self):
        self.stop()
        self.start()

    def stop(self):
        self.process.kill()
        self.process.wait(30)

    @property
    def uri(self):
        return f"unix://{self.socket}"


class Bank:
    def __init__(self, program, journal, transfers, directory):
        self.common = ["--journal", journal, "--acks", directory / "acks", transfers]
        self.program = program
        self.acks = directory / "acks"
        self.output = directory / "output"
        self.second_output = directory / "output of the second"

    def start(self, output=None):
        with open(output or self.output, "wb") as output:
            return subprocess.Popen([self.program, "run", *self.common], stdout=output,
                                    stderr=output)

    def last_acknowledged(self):
        """The number in the last whole line of the acks."""
        if not self.acks.exists():
            return 0
        with open(self.acks, "rb") as acks:
            acks.seek(max(0, acks.seek(0, os.SEEK_END) - 64))
            lines = acks.read().split(b"\n")
        return int(lines[-2].split()[-1]) if len(lines) > 1 else 0

    def check(self, *options):
        done = subprocess.run([self.program, "check", *options, *self.common], timeout=DEADLINE,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            fail(f"the check says:\n{done.stdout}")
        return done.stdout


def wait_until(condition, process, what):
    """False if the bank ended before."""
    end = time.monotonic() + DEADLINE
    while not condition():
        if process.poll() is not None:
            return False
        if time.monotonic() > end:
            process.kill()
            fail(f"{what} did not come within {DEADLINE} s")
        time.sleep(POLL)
    return True


def draw_moment(draw, bank, victim, reached, last, kills_left):
    """A condition that is met when the victim is to be killed, and words for it. A bank that starts
    without its server ends at once, which is no fault; so the server is killed later."""
    target = reached + max(1, int((last - reached) / (kills_left + 1) * draw.uniform(0.2, 1.8)))
    if victim == "bank" and draw.random() < 0.25:
        end = time.monotonic() + draw.random() * 0.2
        return (lambda: time.monotonic() >= end or bank.last_acknowledged() >= target,
                f"some time after its start, or transfer {target}")
    return lambda: bank.last_acknowledged() >= target, f"transfer {target}"


def run_to_end(bank):
    process = bank.start()
    try:
        code = process.wait(DEADLINE)
    except subprocess.TimeoutExpired:
        process.kill()
        fail(f"the last run did not end within {DEADLINE} s:\n{bank.output.read_text()}")
    if code != 0:
        fail(f"the last run ended with {code}:\n{bank.output.read_text()}")


class TooEarly(Exception):
    """The bank has ended before it was killed."""


def wait_or_end(condition, bank, process, what):
    if wait_until(condition, process, what):
        return
    if process.returncode != 0:
        fail(f"the bank ended with {process.returncode}:\n{bank.output.read_text()}")
    raise TooEarly


def kill(bank, process):
    process.send_signal(signal.SIGKILL)
    if process.wait(30) == -signal.SIGKILL:
        bank.check()
    else:
        wait_or_end(lambda: False, bank, process, "")


def kill_server(bank, server, process):
    """The bank goes on with the server's next life."""
    size = bank.acks.stat().st_size
    server.restart()
    wait_or_end(lambda: bank.acks.stat().st_size > size, bank, process,
                "an acknowledgement after the server's death")


def take_over(bank, first, second):
    """The second bank has the journals for itself in the end."""
    try:
        code = first.wait(DEADLINE)
    except subprocess.TimeoutExpired:
        fail(f"the first of two banks did not end within {DEADLINE} s")
    if code == 0:
        raise TooEarly
    said = bank.output.read_text()
    if code != 1 or not any(why in said for why in SHUT_OUT):
        fail(f"the first of two banks ended with {code}:\n{said}")
    reached = bank.last_acknowledged()
    gone_on = wait_until(lambda: bank.last_acknowledged() > reached, second,
                         "an acknowledgement of the second bank")
    if not gone_on and second.returncode != 0:
        fail(f"the second bank ended with {second.returncode}:\n{bank.second_output.read_text()}")
    second.kill()
    second.wait(30)


def give_up(bank, draw, first, second):
    """The second bank is killed on its way to the journals, and the first one a little later."""
    for process in (second, first):
        time.sleep(draw.random() * 0.3)
        process.kill()
        process.wait(30)
    if first.returncode not in (0, 1, -signal.SIGKILL):
        fail(f"the first of two banks ended with {first.returncode}:\n{bank.output.read_text()}")


def pair(bank, draw, first):
    second = bank.start(bank.second_output)
    try:
        if draw.random() < 0.6:
            take_over(bank, first, second)
        else:
            give_up(bank, draw, first, second)
        bank.check()
    finally:
        second.kill()


def kill_one(bank, server, draw, victim, reached, last, kills_left):
    condition, when = draw_moment(draw, bank, victim, reached, last, kills_left)
    process = bank.start()
    try:
        wait_or_end(condition, bank, process, when)
        if victim == "pair":
            pair(bank, draw, process)
            return
        if victim == "server":
            kill_server(bank, server, process)
        kill(bank, process)
    finally:
        process.kill()


def kill_again_and_again(new_bank, server, draw, victims, last):
    """Kills in the order of `victims`. Gives the bank that has not come to its end, and the rounds."""
    rounds = 1
    bank = new_bank(rounds)
    reached = killed = killed_before = 0
    while killed < len(victims):
        try:
            kill_one(bank, server, draw, victims[killed], reached, last, len(victims) - killed)
            killed += 1
            reached = max(reached, bank.last_acknowledged())
        except TooEarly:
            bank.check("--all-settled")
            if killed == killed_before:
                fail("a whole round has passed without a kill")
            rounds += 1
            bank = new_bank(rounds)
            reached, killed_before = 0, killed
    return bank, rounds


def main():
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=0)
    parser.add_argument("--server-kills", type=int, default=0)
    parser.add_argument("--journal", choices=["sqlite", "redis"], default="sqlite")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--transfers", type=pathlib.Path, default=here / "transfers.txt")
    parser.add_argument("--keep", type=pathlib.Path, help="a new directory, which is not removed")
    options = parser.parse_args()
    if options.server_kills and options.journal != "redis":
        parser.error("--server-kills is for redis")
    if options.journal == "redis" and not shutil.which("redis-server"):
        print("kill.py: there is no redis-server")
        sys.exit(77)
    seed = options.seed if options.seed is not None else int.from_bytes(os.urandom(4), "little")
    print(f"{options.kills} kills, {options.pairs} pairs, {options.journal}, seed {seed}", flush=True)

    if options.keep:
        options.keep.mkdir(parents=True)
    directory = options.keep or pathlib.Path(tempfile.mkdtemp(prefix="coerce-bank-"))
    server = None
    try:
        server = RedisServer(directory) if options.journal == "redis" else None

        def new_bank(number):
            place = directory / f"round-{number}"
            place.mkdir()
            journal = f"{server.uri}?db={number}" if server else place / "bank.db"
            return Bank(options.program, journal, options.transfers, place)

        with open(options.transfers, encoding="utf-8") as transfers:
            last = max(int(line.split()[0]) for line in transfers if line[:1].isdigit())
        draw = random.Random(seed)
        victims = (["bank"] * options.kills + ["server"] * options.server_kills
                   + ["pair"] * options.pairs)
        draw.shuffle(victims)
        bank, rounds = kill_again_and_again(new_bank, server, draw, victims, last)
        run_to_end(bank)
        print(bank.check("--all-settled"), end="")
        print(f"killed {len(victims) - options.pairs} times, shared by {options.pairs} pairs, "
              f"in {rounds} rounds")
    finally:
        if server:
            server.stop()
        if not options.keep:
            shutil.rmtree(directory)


if __name__ == "__main__":
    main()
