# SPDX-License-Identifier: Apache-2.0
"""A TCP port of 127.0.0.1 in front of a server, where something happens when so many
bytes have come back from it."""
import contextlib
import selectors
import socket
import threading


class Relay:
    """target: port of the server. after, then: what is done, once, when so many bytes
    have passed back; the connection goes on if it can."""

    def __init__(self, target, after, then):
        self.target, self.left, self.then = target, after, then
        self.passed = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):  # it was closed
            while True:
                near, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near):
        with near, contextlib.suppress(OSError), socket.create_connection(
                ("127.0.0.1", self.target)) as far, selectors.DefaultSelector() as ready:
            for s in near, far:
                ready.register(s, selectors.EVENT_READ)
            while True:
                for key, _ in ready.select():
                    s = key.fileobj
                    data = s.recv(65536)
                    if not data:
                        return
                    (far if s is near else near).sendall(data)
                    if s is far:
                        self._count(len(data))

    def _count(self, n):
        self.passed += n
        self.left -= n
        if self.left <= 0 and self.then is not None:
            then, self.then = self.then, None
            then()

    @staticmethod
    def cut():
        """For `then`: the connection ends."""
        raise ConnectionAbortedError

    def close(self):
        # a close alone does not wake who accepts
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
