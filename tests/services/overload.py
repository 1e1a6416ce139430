# SPDX-License-Identifier: Apache-2.0
"""What weighs on a server without asking much, and load above what it can answer; for
the tests and for make bench B=o."""
import contextlib
import json
import os
import pathlib
import resource
import socket
import subprocess

from services.daemon import build_folder


def raise_descriptors():
    """To the hard limit, which is returned; children have it, too."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def own_memory(pid):
    """Bytes of RssAnon and RssShmem: what nobody else could use."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines
               if line.startswith(("RssAnon:", "RssShmem:")))


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class Crowd:
    """Many connections to an address ((host, port), or a path of a unix socket)."""

    def __init__(self, address, count, say=b""):
        self.sockets = []
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        for _ in range(count):
            s = socket.socket(family)
            self.sockets.append(s)
            s.connect(address)  # waits while the other side's queue is full
            s.setblocking(False)
            self._send(s, say)

    @staticmethod
    def _send(s, data):
        with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
            s.send(data)

    def drip(self, data=b"x"):
        """The same few bytes on each."""
        for s in self.sockets:
            self._send(s, data)

    def open(self):
        """How many the other side has not ended; of those that it has are let go."""
        kept = []
        for s in self.sockets:
            try:
                ended = s.recv(4096) == b""
            except BlockingIOError:
                ended = False
            except ConnectionResetError:
                ended = True
            if ended:
                s.close()
            else:
                kept.append(s)
        self.sockets = kept
        return len(kept)

    def close(self):
        for s in self.sockets:
            s.close()
        self.sockets = []

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()


class Load:
    """bench-overload in the background; result() waits for its end."""

    def __init__(self, port, path, token_file, bodies, *, connections, rate, seconds,
                 give_up_ms, obey=False):
        self.process = subprocess.Popen(
            [str(x) for x in (build_folder() / "tests/bench/bench-overload", port, path,
                              token_file, bodies, connections, int(rate),
                              int(seconds * 1000), give_up_ms)] +
            (["obey"] if obey else []), stdout=subprocess.PIPE, text=True)

    def is_running(self):
        return self.process.poll() is None

    def result(self):
        text = self.process.communicate()[0]
        if self.process.returncode != 0:
            raise RuntimeError(f"bench-overload ended with {self.process.returncode}")
        return json.loads(text)

    def stop(self):
        if self.is_running():
            self.process.kill()
            self.process.communicate()
