# SPDX-License-Identifier: Apache-2.0
"""A mail client that shows everything: what was answered, what was refused, and when
the connection was lost. Nothing is retried here."""
import contextlib
import re
import select
import socket

LITERAL = re.compile(rb"\{(\d+)\}\r\n$")
LOOK = ("(UID FLAGS X-GUID BODY.PEEK[HEADER.FIELDS "
        "(X-INLAY-INSTANCE X-CAMPAIGN X-SOAK)])")
PATIENCE = 90  # seconds; nothing that the soak does stops a process for so long


class Lost(Exception):
    """The connection ended, and not because we ended it."""


class Refused(Exception):
    """NO or BAD."""


class Stuck(Exception):
    """No answer for PATIENCE seconds."""


class Message:
    """One line of a look."""

    def __init__(self, response):
        def find(pattern):
            m = re.search(pattern, response)
            return m.group(1).decode() if m else None
        self.uid = int(find(rb"UID (\d+)"))
        self.guid = find(rb"X-GUID (\S+)[ )]")
        flags = (find(rb"FLAGS \(([^)]*)\)") or "").split()
        self.seen = "\\Seen" in flags
        self.deleted = "\\Deleted" in flags
        self.instance = find(rb"(?i)\r\nX-Inlay-Instance: ([0-9a-f]{32})")
        self.campaign = find(rb"(?i)\r\nX-Campaign: (\S+)")
        self.foreign = find(rb"(?i)\r\nX-Soak: (\S+)")


class Connection:
    def __init__(self, port, session):
        try:
            self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        except OSError as e:
            raise Lost(f"connect: {e}") from e
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if session is not None:
            session.port = self.socket.getsockname()[1]
        self.stream = self.socket.makefile("rb")
        self.last = b""

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError as e:
            raise Lost(f"{e} (last: {self.last[:200]!r})") from e

    def line(self):
        try:
            line = self.stream.readline()
        except TimeoutError as e:
            raise Stuck(f"no answer for {PATIENCE} s") from e
        except OSError as e:
            raise Lost(f"{e} (last: {self.last[:200]!r})") from e
        if not line.endswith(b"\n"):
            raise Lost(f"end of file (last: {self.last[:200]!r})")
        self.last = line
        return line

    def read(self, n):
        try:
            data = self.stream.read(n)
        except TimeoutError as e:
            raise Stuck(f"no answer for {PATIENCE} s") from e
        except OSError as e:
            raise Lost(str(e)) from e
        if len(data) < n:
            raise Lost("end of file in a literal")
        return data

    def close(self):
        with contextlib.suppress(OSError):
            self.stream.close()
            self.socket.close()


class Imap(Connection):
    def __init__(self, port, user, session=None):
        super().__init__(port, session)
        self.count = 0
        self.line()
        self.say(f"LOGIN {user} x")

    def response(self):
        """With its literals."""
        whole = line = self.line()
        while (literal := LITERAL.search(line)):
            whole += self.read(int(literal.group(1)))
            line = self.line()
            whole += line
        return whole

    def begin(self, command, literal=b""):
        self.count += 1
        tag = b"a%d" % self.count
        self.send(tag + b" " + command.encode() + literal + b"\r\n")
        return tag

    def finish(self, tag):
        lines = []
        while True:
            line = self.response()
            lines.append(line)
            if line.startswith(tag + b" "):
                if not line.startswith(tag + b" OK"):
                    raise Refused(line.decode("utf-8", "replace").strip())
                return lines

    def say(self, command, literal=b""):
        """All responses; the last is the tagged OK."""
        return self.finish(self.begin(command, literal))

    def select(self, mailbox="INBOX"):
        self.say(f"SELECT {mailbox}")

    def look(self):
        """[Message] of the selected mailbox."""
        tag = self.begin(f"UID FETCH 1:* {LOOK}")
        lines = []
        try:
            while True:
                line = self.response()
                if line.startswith(tag + b" "):
                    if not (line.startswith(tag + b" OK") or b"EXPUNGEISSUED" in line):
                        raise Refused(line.decode("utf-8", "replace").strip())
                    break
                lines.append(line)
        except (ValueError, AttributeError) as e:
            raise Refused(f"unreadable: {e}: {lines[-1:]}") from e
        # FETCH without X-GUID only tells of flags
        return [Message(x) for x in lines if b" FETCH (" in x and b"X-GUID" in x]

    def idle(self, seconds):
        """Sits in IDLE for so long; what came."""
        tag = self.begin("IDLE")
        lines = [self.response()]
        while not lines[-1].startswith(b"+"):
            if lines[-1].startswith(tag):
                raise Refused(lines[-1].decode("utf-8", "replace").strip())
            lines.append(self.response())
        select.select([self.socket], [], [], seconds)
        self.send(b"DONE\r\n")
        return lines + self.finish(tag)

    def append(self, message, mailbox="INBOX"):
        return self.say(f"APPEND {mailbox} {{{len(message)}+}}\r\n", message)

    def logout(self):
        self.say("LOGOUT")
        self.close()


class Pop3(Connection):
    def __init__(self, port, user, session=None):
        super().__init__(port, session)
        self._ok()
        self.say(f"USER {user}")
        self.say("PASS x")

    def _ok(self):
        line = self.line()
        if not line.startswith(b"+OK"):
            raise Refused(line.decode("utf-8", "replace").strip())
        return line

    def say(self, command):
        self.send(command.encode() + b"\r\n")
        return self._ok()

    def text(self, command):
        """The lines of a multi-line answer."""
        self.say(command)
        lines = []
        while (line := self.line()) != b".\r\n":
            lines.append(line)
        return b"".join(lines)

    def count(self):
        return int(self.say("STAT").split()[1])

    def quit(self):
        self.say("QUIT")
        self.close()
