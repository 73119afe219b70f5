#!/usr/bin/env python3
"""Runs nodes as processes of their own, ends them in order and without, and looks at what the others say.
Usage: check.py <program>"""

import re
import signal
import subprocess
import sys
import threading

PROGRAM = sys.argv[1]
PATIENCE = 60


class Node:
    """A process, and the lines that it prints."""

    def __init__(self, node_id, *seeds):
        self.process = subprocess.Popen([PROGRAM, str(node_id), "127.0.0.1:0", *seeds], stdout=subprocess.PIPE,
                                        text=True)
        self.watchdog = threading.Timer(PATIENCE, self.process.kill)
        self.watchdog.start()

    def expect(self, pattern):
        said = ""
        for line in self.process.stdout:
            said += line
            if match := re.fullmatch(pattern, line.rstrip("\n")):
                return match
        raise SystemExit(f"{pattern!r} never came, but:\n{said}")

    def end(self, signal_number):
        self.process.send_signal(signal_number)
        self.process.wait(timeout=PATIENCE)
        return self.process.returncode

    def close(self):
        self.watchdog.cancel()
        self.process.kill()
        self.process.wait()


def main():
    nodes = []
    try:
        nodes.append(Node(1))
        nodes[0].expect(r"\* node 1 leads")
        seed = nodes[0].expect(r"node 1 listens at (\S+)")[1]
        for node_id in (2, 3, 4):
            nodes.append(Node(node_id, seed))
            nodes[-1].expect(rf"node {node_id} listens at \S+")
            nodes[0].expect(rf"\+ node {node_id} at \S+")

        if nodes[0].end(signal.SIGTERM) != 0:
            raise SystemExit("the leader did not end in order")
        for node in nodes[1:]:
            node.expect(r"\* node 2 leads")
        nodes[1].end(signal.SIGKILL)
        for node in nodes[2:]:
            node.expect(r"\* node 3 leads")
            node.expect(r"    3 \S+ healthy, leads")
    finally:
        for node in nodes:
            node.close()

    done = subprocess.run([PROGRAM, "1"], capture_output=True, text=True, timeout=PATIENCE)
    if done.returncode != 2 or not done.stderr.startswith("usage: "):
        raise SystemExit(f"wrong usage gave {done}")


if __name__ == "__main__":
    main()
