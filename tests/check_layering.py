#!/usr/bin/env python3
"""Checks the laws of the source tree: which module may include which, no include cycles, no heavy
dependency in a public header, and no time, randomness or thread taken past the runtime.

Usage: check_layering.py [source root]. Prints one line per violation and exits with 1 if there is any.
"""

import re
import sys
from pathlib import Path

# What each module may include besides itself. Modules side by side do not see each other, but sharding
# may use singleton: its coordinator is one. pubsub and singleton are built without persistence.
CORE = {"runtime", "actor"}
CLUSTERED = CORE | {"coordination", "codec", "remote", "cluster"}
EVERYTHING_BELOW = CLUSTERED | {"persistence", "pubsub", "singleton", "sharding"}
MAY_INCLUDE = {
    "runtime": set(),
    "actor": {"runtime"},
    "coordination": CORE,
    "codec": CORE,
    "persistence": CORE | {"coordination", "codec"},
    "remote": CORE | {"coordination", "codec"},
    "jwt": CORE | {"coordination", "codec", "remote"},
    "cluster": CLUSTERED,
    "pubsub": CLUSTERED,
    "singleton": CLUSTERED,
    "sharding": CLUSTERED | {"persistence", "singleton"},
    "metrics": EVERYTHING_BELOW,
    "tracing": EVERYTHING_BELOW,
    "api": EVERYTHING_BELOW,
    "gateway": EVERYTHING_BELOW,
    "testkit": EVERYTHING_BELOW,
}

# An umbrella for a component of several modules includes them all; no other header may include it.
COMPONENT_UMBRELLAS = {"coerce/remote.hpp": {"cluster", "pubsub", "singleton"}}

# Public headers stay light; these are the ones that a user asks for by name.
OPT_IN = {
    "coerce/runtime/asio.hpp",
    "coerce/actor/asio.hpp",
    "coerce/codec/json.hpp",
    "coerce/codec/protobuf.hpp",
    "coerce/testkit/catch2.hpp",
}
HEAVY = re.compile(r"^(asio\.hpp|asio/|spdlog/|nlohmann/|grpcpp/|grpc/|openssl/|google/protobuf/|.*\.pb\.h$)")

FROM_THE_SYSTEM_ONLY = re.compile(
    r"\b(?:system|steady|high_resolution)_clock::now\b"
    r"|\brandom_device\b"
    r"|\bstd::j?thread\b(?!::)"
    r"|\bstd::async\b|\bpthread_create\b"
    r"|\bthis_thread::sleep_(?:for|until)\b|\b(?:u|nano)?sleep\s*\("
    r"|\b(?:clock_gettime|gettimeofday)\s*\("
)

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
COMMENT_OR_LITERAL = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<!\w)\'(?:\\.|[^\'\\\n])+\'', re.DOTALL
)


def blank(match):
    """Replaces a comment or literal by as many lines as it had."""
    return " " + "\n" * match.group().count("\n")


def line_of(text, position):
    return text.count("\n", 0, position) + 1


class Tree:
    def __init__(self, root):
        self.root = root
        self.include = root / "include"
        self.src = root / "src"
        self.problems = []
        files = [*self.include.rglob("*.hpp"), *self.src.rglob("*.hpp"), *self.src.rglob("*.cpp")]
        self.files = sorted(files)
        self.graph = {}

    def report(self, file, line, text):
        self.problems.append(f"{file.relative_to(self.root)}:{line}: {text}")

    def public_name(self, file):
        return file.relative_to(self.include).as_posix() if self.include in file.parents else None

    def module_of(self, file):
        base = self.include / "coerce" if self.include in file.parents else self.src
        return file.relative_to(base).parts[0].removesuffix(".hpp")

    def resolve(self, file, style, name):
        """The file of this tree that an include means, or None if it is not ours."""
        places = [self.include] if style == "<" else [file.parent, self.src, self.include]
        return next(((p / name).resolve() for p in places if (p / name).is_file()), None)

    def is_generated(self, name):
        """Does protoc write this header?"""
        return name.endswith(".pb.h") and (self.root / "proto" / name).with_suffix("").with_suffix(".proto").is_file()

    def check_file(self, file):
        module = self.module_of(file)
        if module not in MAY_INCLUDE:
            self.report(file, 1, f"module '{module}' is not in the table of this check")
            return
        text = file.read_text(encoding="utf-8")
        public = self.public_name(file)
        targets = self.graph[file] = []
        for match in INCLUDE.finditer(text):
            style, name = match.groups()
            line = line_of(text, match.start())
            target = self.resolve(file, style, name)
            if public and public not in OPT_IN and (HEAVY.match(name) or name in OPT_IN):
                self.report(file, line, f"a public header must not include {name}")
            if target is None:
                if name.startswith("coerce/") and not self.is_generated(name):
                    self.report(file, line, f"{name} does not exist")
                continue
            targets.append(target)
            other = self.module_of(target)
            allowed = MAY_INCLUDE[module] | COMPONENT_UMBRELLAS.get(public, set())
            if other != module and other not in allowed:
                self.report(file, line, f"module '{module}' must not include '{other}' ({name})")
            if name in COMPONENT_UMBRELLAS and (public or self.src in file.parents):
                self.report(file, line, f"{name} is for users")
            if public and self.src in target.parents:
                self.report(file, line, f"a public header must not include the private {name}")

        if "runtime" not in file.relative_to(self.root).parts[:-1]:
            code = COMMENT_OR_LITERAL.sub(blank, text)
            for match in FROM_THE_SYSTEM_ONLY.finditer(code):
                self.report(file, line_of(code, match.start()),
                            f"'{match.group()}': time, randomness and threads come from the system only")

    def check_cycles(self):
        done, path = set(), []

        def visit(file):
            if file in path:
                cycle = [*path[path.index(file):], file]
                names = " -> ".join(f.relative_to(self.root).as_posix() for f in cycle)
                self.report(file, 1, f"include cycle: {names}")
            elif file not in done:
                path.append(file)
                for target in self.graph.get(file, []):
                    visit(target)
                path.pop()
                done.add(file)

        for file in self.files:
            visit(file)

    def check(self):
        for file in self.files:
            self.check_file(file)
        self.check_cycles()
        return self.problems


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1]).resolve()
    tree = Tree(root)
    problems = tree.check()
    print("\n".join(problems) or f"{len(tree.files)} files keep the layering")
    if not tree.files:
        sys.exit(f"no sources under {root}")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
