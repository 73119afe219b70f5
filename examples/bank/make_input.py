#!/usr/bin/env python3
"""Writes transfers.txt, the input that this example ships with: the same bytes on every run.

    ./make_input.py > transfers.txt
"""

import random
import sys

LINES = 50_000
FIRST_NAMES = [
    "ada", "alan", "barbara", "brian", "carl", "donald", "edsger", "frances", "grace", "hedy",
    "jean", "joe", "john", "katherine", "ken", "leon", "leslie", "margaret", "niklaus", "tony",
]
ACCOUNTS = [f"{name}-{number:02}" for name in FIRST_NAMES for number in range(25)]

# One of each kind of line that the program refuses; {} is the number that a good line would have.
BAD_LINES = [
    "refund {} ada-01 leon-02",  # an unknown word
    "{} ada-01 leon-02",  # too few fields
    "{} ada-01 leon-02 10 twice",  # too many
    "{} ada-01 leon-02 many",  # not a number
    "{} grace-03 ken-04 -5",  # negative
    "{} grace-03 ken-04 0",
    "{} jean-08 tony-02 9223372036854775808",  # does not fit into 64 bits
    "{} jean-08 tony-02 2000000000",  # more than a transfer may be
    "{} joe-07 joe-07 10",  # to oneself
    "1 ada-01 leon-02 10",  # a number that has been
]


def main():
    # Only random(): its sequence for a seed is the same in every version of Python.
    draw = random.Random(1815).random
    lines = []
    for number in range(1, LINES + 1):
        source = int(draw() * len(ACCOUNTS))
        target = int(draw() ** 1.2 * len(ACCOUNTS))  # some get more than others, and cannot run dry
        if target == source:
            target = (target + 1) % len(ACCOUNTS)
        lines.append(f"{number} {ACCOUNTS[source]} {ACCOUNTS[target]} {int(draw() * 300) + 1}")
    for bad in BAD_LINES * 4:
        place = 1 + int(draw() * (LINES - 1))
        lines[place] = bad.format(place + 1)
    sys.stdout.write("# number from to amount\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
