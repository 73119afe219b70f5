#!/usr/bin/env python3
"""Runs the bank on small files and checks what it prints and leaves behind. Usage: check.py <program>"""

import pathlib
import subprocess
import sys
import tempfile
import time

SMALL = """\
# number from to amount
1 ada leon 400
refund 2 ada leon
3 ada leon 700
4 leon leon 5
5 leon grace 1400
6 leon grace -1
7 leon grace 9223372036854775808
8 leon grace 1000000001
9 leon grace
10 leon grace 1 2
11 leon grace some
12 Leon grace 1
5 leon grace 1

14 grace ada 9%s
15 grace ada 2400\r
""" % ("9" * 300)

BAD_LINES = """\
line 3: it does not begin with the number of a transfer
line 5: both accounts are the same
line 7: the amount is not above zero
line 8: the amount is too large
line 9: the amount is too large
line 10: there are less than four fields
line 11: there are more than four fields
line 12: the amount is not a whole number
line 13: an account's name is of small letters, digits and hyphens
line 14: its number is not above that of the transfer before
line 16: the line is too long
"""


class Program:
    def __init__(self, path, directory):
        self.path = path
        self.directory = directory

    def run(self, *arguments):
        return subprocess.run([self.path, *arguments], cwd=self.directory, timeout=60, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def expect(self, code, *parts, arguments):
        done = self.run(*arguments)
        said = done.stdout + done.stderr
        for part in parts:
            if part not in said:
                raise SystemExit(f"{arguments}: '{part}' is missing in:\n{said}")
        if done.returncode != code:
            raise SystemExit(f"{arguments}: exit code {done.returncode}, not {code}:\n{said}")
        return done


def check_small_file(program):
    small = program.directory / "small.txt"
    small.write_bytes(SMALL.encode())
    # One after the other, so that it is known which are refused.
    one = ["run", "--in-flight", "1", "small.txt"]
    first = program.expect(0, "3 accounts, 0 of 4 transfers settled before\n",
                           "3 transfers carried out, 1 refused, 0 settled before, 11 bad lines skipped\n",
                           "3 accounts hold 3000 in all", arguments=one)
    if first.stderr != BAD_LINES:
        raise SystemExit(f"the bad lines are reported as:\n{first.stderr}")
    acks = program.directory / "bank.acks"
    if acks.read_text() != "ok 1\nrefused 3\nok 5\nok 15\n":
        raise SystemExit(f"the acks are:\n{acks.read_text()}")
    program.expect(0, "3 accounts with 10 events\n",
                   "4 transfers: 3 carried out, 1 refused, 0 on their way, 0 not begun\n",
                   "4 of them acknowledged, the mark is at 15\n", "the journals are sound\n",
                   arguments=["check", "--all-settled", "small.txt"])

    # Again there is nothing to do, and further transfers go on where these ended.
    program.expect(0, "4 of 4 transfers settled before\n", "0 transfers carried out, 0 refused",
                   arguments=one)
    small.write_bytes(SMALL.encode() + b"16 ada new 5\n")
    program.expect(0, "4 accounts, 4 of 5 transfers settled before\n",
                   "1 transfers carried out, 0 refused", "4 accounts hold 4000", arguments=one)
    program.expect(0, "the journals are sound\n", arguments=["check", "--all-settled", "small.txt"])

    # A line that was cut short is no acknowledgement, and goes when the bank starts.
    with open(acks, "a", encoding="ascii") as file:
        file.write("ok 1")
    program.expect(0, "the journals are sound\n", arguments=["check", "--all-settled", "small.txt"])
    program.expect(0, arguments=one)
    if not acks.read_text().endswith("ok 16\n"):
        raise SystemExit(f"the acks end with:\n{acks.read_text()}")


def check_faults(program):
    acks = program.directory / "bank.acks"
    sound = acks.read_text()
    check = ["check", "small.txt"]
    acks.write_text(sound.replace("refused 3", "ok 3"))
    program.expect(1, "transfer 3 from ada to leon is acknowledged, and not carried out\n",
                   "1 FAULTS\n", arguments=check)
    acks.write_text(sound.replace("ok 5\n", ""))
    program.expect(1, "transfer 5 from leon to grace is before the mark, and not acknowledged\n",
                   arguments=check)
    acks.write_text(sound + "refused 5\n")
    program.expect(1, "transfer 5 is answered in two ways\n", arguments=check)
    acks.unlink()
    program.expect(1, "transfer 1 from ada to leon is before the mark, and not acknowledged\n",
                   "5 FAULTS\n", arguments=check)
    acks.write_text("ok many\n")
    program.expect(1, "line 1 is 'ok many'\n", arguments=check)
    acks.write_text(sound)
    small = program.directory / "small.txt"
    small.write_bytes(SMALL.replace("1 ada leon 400", "1 ada leon 401").encode())
    program.expect(1, "ada: Withdrawn 400 of transfer 1, which the file has as 401",
                   "ada: Withdrawn 5 of transfer 16, which is not in the file", arguments=check)


def check_bundled_file(program, transfers):
    program.expect(0, "500 accounts, 0 of 49960 transfers settled before\n",
                   "0 settled before, 40 bad lines skipped\n", "and 20 more bad lines\n",
                   "500 accounts hold 500000 in all", "the journals are sound\n",
                   arguments=["run", "--journal", "memory", "--acks", "bundled.acks", "--check",
                              transfers])


def check_takeover(program, transfers):
    """A second bank takes the journals over from one that runs, and the first one notices."""
    options = ["--journal", "two.db", "--acks", "two.acks", transfers]
    first = subprocess.Popen([program.path, "run", *options], cwd=program.directory, text=True,
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        acks = program.directory / "two.acks"
        end = time.monotonic() + 60
        while not acks.exists() or acks.stat().st_size == 0:
            if time.monotonic() > end or first.poll() is not None:
                raise SystemExit(f"the first bank ({first.poll()}) acknowledges nothing")
            time.sleep(0.001)
        program.expect(0, "500 accounts hold 500000 in all", arguments=["run", *options])
        said = first.communicate(timeout=60)[1]
    finally:
        first.kill()
    # Who is asked first may already have stopped for being fenced.
    if first.returncode != 1 or not any(why in said for why in ("Fenced", "InvalidRef", "ResultChannelClosed")):
        raise SystemExit(f"the first bank ended with {first.returncode}:\n{said}")
    program.expect(0, "the journals are sound\n", arguments=["check", "--all-settled", *options])


def check_usage(program):
    for arguments, why in [
            ([], "say run or check"),
            (["walk", "small.txt"], "say run or check"),
            (["run"], "the file of transfers is missing"),
            (["run", "a.txt", "b.txt"], "more than one file"),
            (["run", "--fast", "small.txt"], "unknown option --fast"),
            (["run", "small.txt", "--journal"], "--journal takes a value"),
            (["run", "--in-flight", "0", "small.txt"], "--in-flight is 1 to 4096"),
            (["run", "--in-flight", "4097", "small.txt"], "--in-flight is 1 to 4096"),
            (["check", "--journal", "memory", "small.txt"], "a journal in memory ends")]:
        program.expect(2, why, "usage: example_bank", arguments=arguments)
    program.expect(0, "usage: example_bank", arguments=["--help"])
    program.expect(1, "cannot open none.txt", arguments=["run", "none.txt"])
    program.expect(1, "no/bank.db", arguments=["run", "--journal", "no/bank.db", "small.txt"])
    program.expect(1, "cannot open no/acks", arguments=["run", "--acks", "no/acks", "small.txt"])


def main():
    here = pathlib.Path(__file__).resolve().parent
    with tempfile.TemporaryDirectory(prefix="coerce-bank-") as directory:
        program = Program(sys.argv[1], pathlib.Path(directory))
        check_small_file(program)
        check_faults(program)
        check_bundled_file(program, here / "transfers.txt")
        check_takeover(program, here / "transfers.txt")
        check_usage(program)


if __name__ == "__main__":
    main()
