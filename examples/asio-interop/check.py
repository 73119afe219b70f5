#!/usr/bin/env python3
"""Starts the server, talks to it as its clients would, and ends it. Usage: check.py <program>"""

import re
import signal
import socket
import subprocess
import sys


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.lines = self.socket.makefile("r", newline="\n")

    def ask(self, line):
        """The answer, without its end; nothing if the server has ended the session."""
        try:
            self.socket.sendall(line.encode() + b"\n")
            return self.answer().rstrip("\n")
        except ConnectionResetError:  # it had not read all that was sent
            return ""

    def answer(self):
        return self.lines.readline()


def expect(said, expected):
    if said != expected:
        raise SystemExit(f"the server says {said!r} instead of {expected!r}")


def talk(port):
    ada, leon = Client(port), Client(port)
    expect(ada.ask("add 5"), "5 of 5")
    expect(leon.ask("add 10"), "10 of 15")  # a sum of its own, and a common one
    expect(ada.ask("add -2\r"), "3 of 13")
    expect(leon.ask("sums"), "10 of 13")
    expect(ada.ask("add many"), "error: say add <number>, sums or quit")
    expect(ada.ask("add 1000000001"), "error: say add <number>, sums or quit")
    expect(ada.ask("quit"), "")  # the end of the connection

    # Two lines at once are two questions.
    leon.socket.sendall(b"add 1\nadd 1\n")
    expect(leon.answer(), "11 of 14\n")
    expect(leon.answer(), "12 of 15\n")

    grace = Client(port)
    expect(grace.ask("x" * 2000), "")  # a line that is too long ends the session
    return leon  # open while the server ends


def main():
    server = subprocess.Popen([sys.argv[1]], stdout=subprocess.PIPE, text=True)
    try:
        greeting = server.stdout.readline()
        port = int(re.fullmatch(r"listening on port (\d+)\n", greeting)[1])
        leon = talk(port)
        server.send_signal(signal.SIGTERM)
        output, _ = server.communicate(timeout=30)
        expect(output.splitlines()[-1], "closed")  # after a line of the log
        expect(server.returncode, 0)
        expect(leon.answer(), "")
    finally:
        server.kill()


if __name__ == "__main__":
    main()
