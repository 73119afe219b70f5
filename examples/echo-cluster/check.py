#!/usr/bin/env python3
"""Runs hosts and askers as processes of their own, and looks at what they say. Usage: check.py <program>"""

import contextlib
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

PROGRAM = sys.argv[1]


def expect(said, expected):
    if said != expected:
        raise SystemExit(f"{said!r} instead of {expected!r}")


def lines_of(output):
    """What the program prints itself, without lines of the log."""
    return [line for line in output.splitlines() if not re.match(r"\[\d{4}-", line)]


@contextlib.contextmanager
def host(*options, signal_at_end=signal.SIGTERM):
    """A host, and the address that it listens at. It must end in order when it is told to."""
    process = subprocess.Popen([PROGRAM, "host", "--id", "1", *options], stdout=subprocess.PIPE, text=True)
    try:
        said = ""
        for said in process.stdout:
            if lines_of(said):
                break
        match = re.fullmatch(r"echo-actor is on node 1, which listens at (\S+)\n", said)
        if not match:
            raise SystemExit(f"the host says {said!r}")
        yield match[1]
        process.send_signal(signal_at_end)
        process.communicate(timeout=30)
        expect(process.returncode, 0)
    finally:
        process.kill()
        process.wait()


def ask(*words):
    """Exit code, lines, and the text of the errors."""
    done = subprocess.run([PROGRAM, "ask", *words], capture_output=True, text=True, timeout=60)
    return done.returncode, lines_of(done.stdout), done.stderr


def answers():
    with host() as address:
        expect(ask("--seed", address, "hello", "--", "--world", ""),
               (0, ["echo-actor is on node 1", "hello", "--world", ""], ""))
        for _ in range(3):  # they come and go
            expect(ask("--seed", address, "again")[1], ["echo-actor is on node 1", "again"])


def nobody_there():
    with host(signal_at_end=signal.SIGINT) as address:
        pass
    code, lines, errors = ask("--seed", address, "--patience", "1", "hello")
    expect((code, lines), (1, []))
    expect("cannot join" in errors, True)


def wrong_usage():
    for words in [["hello"], ["--seed", "127.0.0.1:1"], ["--seed", "nowhere", "hello"], ["--id", "0", "hello"],
                  ["--seed", "127.0.0.1:1", "--tls", "none.pem", "none.key", "none.pem", "hello"]]:
        code, lines, errors = ask(*words)
        expect((code, lines), (2, []))
        expect(errors.startswith("example_echo_cluster: "), True)


def over_tls(directory):
    script = pathlib.Path(__file__).with_name("make_certificates.sh")
    subprocess.run([script, directory], check=True)

    def tls(node, ca="ca"):
        return ["--tls", *(f"{directory}/{name}" for name in (f"{node}.pem", f"{node}.key", f"{ca}.pem"))]

    with host(*tls("node-1")) as address:
        expect(ask("--seed", address, "--id", "2", *tls("node-2"), "secret")[:2],
               (0, ["echo-actor is on node 1", "secret"]))
        # Without TLS, with the certificate of another node, and with an authority that did not sign the host's.
        for words in [["--id", "2"], ["--id", "3", *tls("node-2")], ["--id", "2", *tls("node-2", "node-3")]]:
            code, lines, _ = ask("--seed", address, "--patience", "2", *words, "secret")
            expect((code, lines), (1, []))


def main():
    answers()
    nobody_there()
    wrong_usage()
    if shutil.which("openssl"):
        with tempfile.TemporaryDirectory() as directory:
            over_tls(directory)


if __name__ == "__main__":
    main()
