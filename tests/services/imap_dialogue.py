# SPDX-License-Identifier: Apache-2.0
"""A plain IMAP conversation (RFC 3501) that can be shown: every line that is said
and answered, long literals cut. For the demo and for tests that look at the exact
lines; what a library would hide is the point here."""
import re
import socket

LITERAL = re.compile(rb"\{(\d+)\}\r\n$")


class Dialogue:
    """say(...) sends a command and returns the whole answer as bytes."""

    def __init__(self, port, show=None, timeout=30):
        self.show = show or (lambda text: None)
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.stream = self.socket.makefile("rb")
        self.count = 0
        self._print("S", self.stream.readline())

    def _print(self, who, line):
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if len(text) > 120:
            text = text[:117] + "..."
        self.show(f"{who}: {text}")

    def _response(self):
        """One response with its literals; the literals are not shown."""
        whole = line = self.stream.readline()
        if not line:
            raise ConnectionError("the server closed the connection")
        self._print("S", line)
        while True:
            literal = LITERAL.search(line)
            if not literal:
                return whole
            size = int(literal.group(1))
            whole += self.stream.read(size)
            self.show(f"   [{size} bytes]")
            line = self.stream.readline()
            self._print("S", line)
            whole += line

    def send(self, *words, secret=None):
        """Sends a command without waiting; its tag."""
        self.count += 1
        tag = f"a{self.count}"
        line = " ".join((tag,) + words)
        self.socket.sendall(line.encode() + b"\r\n")
        self._print("C", (line.replace(f" {secret}", " ****") if secret else line)
                    .encode())
        return tag

    def finish(self, tag):
        """Reads to the tagged answer; everything up to it."""
        answer = b""
        while True:
            response = self._response()
            answer += response
            if response.startswith(tag.encode() + b" "):
                if not response.startswith(tag.encode() + b" OK"):
                    raise RuntimeError(response.decode("utf-8", "replace"))
                return answer

    def say(self, *words, secret=None):
        return self.finish(self.send(*words, secret=secret))

    def idle(self):
        """IDLE (RFC 2177), begun when this returns; to be ended with `done`."""
        tag = self.send("IDLE")
        while not self._response().startswith(b"+"):
            pass
        return tag

    def wait_for(self, response):
        """Reads until the server says this by itself (limit: the socket's)."""
        while self._response() != response:
            pass

    def done(self, tag):
        self.socket.sendall(b"DONE\r\n")
        self._print("C", b"DONE")
        return self.finish(tag)

    def fetch_message(self, number):
        """The whole message (sets \\Seen, as reading does)."""
        answer = self.say(f"FETCH {number} (BODY[])")
        start = re.search(rb"BODY\[\] \{(\d+)\}\r\n", answer)
        return answer[start.end():start.end() + int(start.group(1))]

    def close(self):
        self.stream.close()
        self.socket.close()
