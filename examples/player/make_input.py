#!/usr/bin/env python3
"""Writes points.txt, the input that this example ships with: the same bytes on every run.

    ./make_input.py > points.txt
"""

import random
import sys

LINES = 100_000
FIRST_NAMES = [
    "ada", "alan", "barbara", "brian", "carl", "donald", "edsger", "frances", "grace", "hedy",
    "jean", "joe", "john", "katherine", "ken", "leon", "leslie", "margaret", "niklaus", "tony",
]
PLAYERS = [f"{name}-{number:02}" for name in FIRST_NAMES for number in range(10)]

# One of each kind of line that the program refuses; the last two are more than it reads of a line.
BAD_LINES = [
    "leon-07",  # no points
    "grace-03 many",  # not a number
    "ada-01 12.5",
    "ken-09 0x1f",
    "tony-02 -5",  # negative
    "joe-04 18446744073709551616",  # does not fit into 64 bits
    "jean-08 2000000000",  # more than a line may score
    " 25",  # no name
    "hedy-06 10 20",  # too many fields
    "carl-00 " + "9" * 300,
]
BLANK_LINES = ["", "   ", "\t"]


def main():
    # Only random(): its sequence for a seed is the same in every version of Python.
    draw = random.Random(1815).random
    lines = []
    for _ in range(LINES):
        player = PLAYERS[int(draw() ** 1.3 * len(PLAYERS))]  # some play more than others
        lines.append(f"{player} {int(draw() * 100) + 1}")
    for bad in BAD_LINES * 4:
        lines[int(draw() * LINES)] = bad
    for blank in BLANK_LINES * 5:
        lines[int(draw() * LINES)] = blank
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
