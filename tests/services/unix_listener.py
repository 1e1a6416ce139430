# SPDX-License-Identifier: Apache-2.0
"""A unix socket that every user may connect to."""
import os
import socket
import threading


class UnixListener:
    """Each connection goes to `taken`, which must not wait."""

    def __init__(self, path, taken):
        self.path, self.taken = str(path), taken
        self.socket = socket.socket(socket.AF_UNIX)
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o666)
        self.socket.listen(64)
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.taken(connection)

    def close(self):
        if self.socket.fileno() < 0:
            return  # a test has closed it already
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join()
        if os.path.exists(self.path):
            os.unlink(self.path)
