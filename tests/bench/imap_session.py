# SPDX-License-Identifier: Apache-2.0
"""A bare IMAP client that measures, and folders that Dovecot may enter."""
import contextlib
import os
import socket
import tempfile
import time

NOTE = (b"From: friend@example.org\r\nTo: user@example.org\r\nSubject: a note\r\n"
        b"Date: Mon, 05 Jan 2026 10:00:00 +0000\r\n\r\nHello.\r\n")


@contextlib.contextmanager
def short_folder():
    """A folder that the mail processes, which run as another user, may enter; short, as
    sockets lie in it."""
    with tempfile.TemporaryDirectory(prefix="inlay-b-") as folder:
        os.chmod(folder, 0o755)
        yield folder


class Session:
    """A bare IMAP session; say() gives microseconds and the answer's lines."""

    def __init__(self, port, user):
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = self.socket.makefile("rb")
        self.stream.readline()
        self.say(b"LOGIN %s x" % user.encode())

    def say(self, command):
        began = time.perf_counter()
        self.socket.sendall(b"a " + command + b"\r\n")
        lines = []
        while not lines or not lines[-1].startswith(b"a "):
            line = self.stream.readline()
            if not line:
                raise ConnectionError("the server closed the connection")
            lines.append(line)
        if not lines[-1].startswith(b"a OK"):
            raise RuntimeError(lines[-1])
        return (time.perf_counter() - began) * 1e6, lines

    def append(self, message):
        return self.say(b"APPEND INBOX {%d+}\r\n%s" % (len(message), message))[0]

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        with contextlib.suppress(OSError, ConnectionError):
            self.say(b"LOGOUT")
        self.stream.close()
        self.socket.close()


def exists(lines):
    return next(int(line.split()[1]) for line in lines if line.endswith(b"EXISTS\r\n"))
