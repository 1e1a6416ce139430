# SPDX-License-Identifier: Apache-2.0
"""A unix socket between a plugin and an agent that counts what passes in either
direction and cuts a connection after so many bytes."""
import selectors
import socket
import threading

from services.unix_listener import UnixListener


class Cutter:
    """up, down: bytes that the next connections let pass to the agent and back; then
    both ends are closed. None: all. passed: (up, down) of each connection that ended."""

    def __init__(self, path, target):
        self.target = str(target)
        self.up = self.down = None
        self.passed = []
        self.changed = threading.Condition()
        self.listener = UnixListener(path, self._take)

    def _take(self, near):
        threading.Thread(target=self._serve, args=(near, self.up, self.down),
                         daemon=True).start()

    def _serve(self, near, up, down):
        far = socket.socket(socket.AF_UNIX)
        left = {near: up, far: down}
        count = {near: 0, far: 0}
        with near, far, selectors.DefaultSelector() as ready:
            try:
                far.connect(self.target)
                for s in near, far:
                    ready.register(s, selectors.EVENT_READ)
                while 0 not in left.values():
                    for key, _ in ready.select():
                        s, other = key.fileobj, far if key.fileobj is near else near
                        data = s.recv(65536 if left[s] is None else left[s])
                        if not data:
                            return
                        other.sendall(data)
                        count[s] += len(data)
                        if left[s] is not None:
                            left[s] -= len(data)
                        if left[s] == 0:
                            break
            except OSError:
                pass  # one end is gone, so the other one goes
            finally:
                with self.changed:
                    self.passed.append((count[near], count[far]))
                    self.changed.notify_all()

    def wait_passed(self, number):
        """What the number-th connection let pass, once it has ended."""
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.passed) > number, 20):
                raise TimeoutError(f"connection {number} does not end")
            return self.passed[number]

    def close(self):
        self.listener.close()
