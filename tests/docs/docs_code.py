#!/usr/bin/env python3
"""The code of a documentation page.

  docs_code.py PAGE --out FILE   joins the cpp blocks of PAGE, in their order, into one C++ file
  docs_code.py PAGE... --fix     refreshes the blocks that are cut from other files

A block that follows a line

    <!-- cut from examples/timers/main.cpp: ticking -->

is not joined: it repeats the lines of that file between `// region: ticking` and `// endregion`,
and it is an error if it does not. Paths begin at the root of the repository.
"""

import argparse
import pathlib
import re
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parents[2]
CUT = re.compile(r"<!-- cut from (\S+): (\S+) -->\s*$")


class Mistake(Exception):
    pass


def region(path, name):
    """The lines of a region, moved to the left margin, without other regions' marks."""
    found, inside = [], False
    for line in (ROOT / path).read_text().splitlines():
        mark = re.match(r"\s*// (region: (\S+)|endregion)$", line)
        if mark and mark.group(2) == name:
            inside = True
        elif mark and mark.group(1) == "endregion":
            inside = False
        elif inside and not mark:
            found.append(line)
    if not found:
        raise Mistake(f"{path} has no region {name}")
    return textwrap.dedent("\n".join(found)).splitlines()


def blocks(lines):
    """(index of the first line, index after the last line, cut mark or None) of each cpp block."""
    begin = cut = None
    for index, line in enumerate(lines):
        if begin is not None:
            if line.startswith("```"):
                yield begin, index, cut
                begin = cut = None
        elif line.startswith("```cpp"):
            begin = index + 1
        elif mark := CUT.match(line):
            cut = mark
        elif line.strip():
            cut = None


def join(page, lines):
    """One C++ file, whose errors name the lines of the page."""
    code = []
    for begin, end, cut in blocks(lines):
        if cut is None:
            code += [f'#line {begin + 1} "{page}"', *lines[begin:end]]
        elif lines[begin:end] != region(*cut.groups()):
            raise Mistake(f"{page}:{begin + 1}: not what {cut[1]} says in {cut[2]}; "
                          f"{pathlib.Path(__file__).name} --fix refreshes it")
    if not any(re.match(r"int main\(|TEST_CASE\(", line) for line in code):
        code += ["#line 1 \"end of page\"", "int main() {}"]
    return code


def refresh(lines):
    for begin, end, cut in reversed(list(blocks(lines))):
        if cut is not None:
            lines[begin:end] = region(*cut.groups())
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="+", type=pathlib.Path)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--out", type=pathlib.Path)
    action.add_argument("--fix", action="store_true")
    options = parser.parse_args()
    try:
        for page in options.pages:
            lines = page.read_text().splitlines()
            if options.fix:
                page.write_text("\n".join(refresh(lines)) + "\n")
            else:
                options.out.write_text("\n".join(join(page, lines)) + "\n")
    except Mistake as mistake:
        sys.exit(str(mistake))


if __name__ == "__main__":
    main()
