# SPDX-License-Identifier: Apache-2.0
"""A scripted agent that speaks the frames of src/wire/wire.h. It is for what the
real agent cannot be made to do: to be silent, slow, to talk nonsense, to give the
same instance to twenty sessions. The tags and numbers are written down here a second
time on purpose: if the protocol changes by accident, these tests notice."""

import hashlib
import socket
import struct
import threading
import time

from services.unix_listener import UnixListener

VERSION = 1
(HELLO, READY, OPEN, KNOWN, INJECT, REINJECT, WITHDRAW, DONE, EVENT, ACK,
 OPEN_AGAIN) = range(1, 12)
TAGS = ("tenant user protocol address open nextCheck request uidValidity uidNext "
        "complete present guid uid seen newer proof own instance replaces position "
        "rank date dateOffset validFor message cause lazy number type time").split()
NUMBER_OF = {name: i + 1 for i, name in enumerate(TAGS)}
GROUPS = {"present", "own"}
LISTS = GROUPS | {"dateOffset"}
WIDTHS = {"open": 1, "seen": 1, "complete": 1, "lazy": 1, "position": 1, "cause": 1,
          "type": 1, "nextCheck": 4, "request": 4, "uidValidity": 4, "uidNext": 4,
          "uid": 4, "newer": 4, "rank": 4, "dateOffset": 4, "validFor": 4,
          "date": 8, "number": 8, "time": 8}
EVENTS = {1: "injected", 2: "reinjected", 3: "read", 4: "gone", 5: "refused",
          6: "uncertain"}
CAUSES = {0: None, 1: "expunged", 2: "moved", 3: "withdrawn", 4: "replaced",
          5: "unknown", 16: "unsupported", 17: "late", 18: "quota", 19: "ledger",
          20: "failed", 21: "invalid", 22: "excluded",
          23: "changed"}
TOP, RANK, DATE = 0, 1, 2


def encode_fields(fields):
    out = b""
    for name, value in fields.items():
        for one in value if name in LISTS else [value]:
            if name in GROUPS:
                data = encode_fields(one)
            elif name in WIDTHS:
                data = int(one).to_bytes(WIDTHS[name], "big", signed=False)
            else:
                data = one if isinstance(one, bytes) else one.encode()
            out += struct.pack(">BI", NUMBER_OF[name], len(data)) + data
    return out


def encode(kind, **fields):
    body = struct.pack(">BB", VERSION, kind) + encode_fields(fields)
    return struct.pack(">I", len(body)) + body


def decode_fields(data):
    fields = {name: [] for name in LISTS}
    while data:
        tag, n = struct.unpack(">BI", data[:5])
        value, data = data[5:5 + n], data[5 + n:]
        assert len(value) == n, "field longer than its frame"
        name = TAGS[tag - 1]
        if name in GROUPS:
            fields[name].append(decode_fields(value))
        elif name in LISTS:
            fields[name].append(int.from_bytes(value, "big"))
        elif name in WIDTHS:
            assert len(value) == WIDTHS[name], name
            fields[name] = int.from_bytes(value, "big")
        else:
            fields[name] = value.decode()
    return fields


def decode(body):
    assert body[0] == VERSION
    return body[1], decode_fields(body[2:])


def ids(name):
    """(instance, guid) for a test, as if computed by MIM."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    return digest[:32], digest[32:]


PLACEHOLDER = "Thu, 01 Jan 1970 00:00:00 +0000"


class Message:
    """An injectable message and how to send it."""

    def __init__(self, name, *, subject=None, position=TOP, date=None, valid_for=30,
                 size=0):
        self.instance, self.guid = ids(name)
        self.position, self.date, self.valid_for = position, date, valid_for
        text = (f"Received: by inlay.example; {PLACEHOLDER}\r\n"
                f"From: Shop <shop@example.org>\r\nTo: user@example.org\r\n"
                f"Date: {PLACEHOLDER}\r\nMessage-ID: <{self.instance}@example.org>\r\n"
                f"Subject: {subject or name}\r\n"
                f"X-Inlay-Instance: {self.instance}; {'0' * 64}\r\n"
                "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nHello.\r\n")
        text += ("x" * 70 + "\r\n") * (size // 72)
        self.offsets = []
        at = text.find(PLACEHOLDER)
        while at >= 0:
            self.offsets.append(at)
            at = text.find(PLACEHOLDER, at + 1)
        self.text = text

    def frame(self, request, kind=INJECT, **more):
        fields = {"request": request, "instance": self.instance, "guid": self.guid,
                  "position": self.position, "validFor": self.valid_for,
                  "message": self.text, "dateOffset": self.offsets, **more}
        if self.date is not None:
            fields["date"] = self.date
        return encode(kind, **fields)


class Connection:
    def __init__(self, agent, sock):
        self.agent, self.sock = agent, sock
        self.user = None
        self.left = agent.budget

    def send(self, data):
        try:
            if self.left is None:
                self.sock.sendall(data)
                return
            self.sock.sendall(data[:self.left])
            self.left -= min(len(data), self.left)
            if self.left == 0:
                self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def run(self):
        buffer = b""
        while True:
            try:
                data = self.sock.recv(65536)
            except OSError:
                return
            if not data:
                return
            buffer += data
            while len(buffer) >= 4:
                n = struct.unpack(">I", buffer[:4])[0]
                if len(buffer) < 4 + n:
                    break
                body, buffer = buffer[4:4 + n], buffer[4 + n:]
                self.agent.handle(self, *decode(body))


class FakeAgent:
    """Listens on a unix socket. What it does is in its attributes:

    open            READY's answer
    next_check      seconds, in READY and DONE
    messages        given to every OPEN of their user (all users by default) until
                    an `injected` for them came, or for ever with repeat
    withdraw        GUIDs to withdraw, in the answer to an OPEN
    mute            a set of frame types that it does not answer
    half            answers of OPEN come without their DONE
    delay           seconds before each answer
    budget          so many bytes it sends on each new connection, then it is closed
    refuse          an OPEN is refused for a second, as by a MIM with too much to do
    """

    def __init__(self, path, *, messages=(), opened=True, next_check=900):
        self.messages, self.open, self.next_check = list(messages), opened, next_check
        self.repeat = self.half = self.refuse = False
        self.withdraw, self.mute, self.delay = [], set(), 0
        self.budget = None
        self.known = {m.guid: m.instance for m in self.messages}
        self.raw_answer = None
        self.hellos, self.opens, self.events = [], [], []
        self.connections = []
        self.acking = True
        self.changed = threading.Condition()
        self.listener = UnixListener(path, self._take)

    def _take(self, sock):
        connection = Connection(self, sock)
        with self.changed:
            self.connections.append(connection)
        threading.Thread(target=connection.run, daemon=True).start()

    def handle(self, connection, kind, fields):
        answer = b""
        with self.changed:
            if kind == HELLO:
                connection.user = fields["user"]
                self.hellos.append(fields)
                if READY not in self.mute:
                    answer = encode(READY, open=self.open, nextCheck=self.next_check)
            elif kind == OPEN:
                self.opens.append({**fields, "user": connection.user})
                if self.refuse:
                    answer = encode(READY, open=False, nextCheck=1)
                elif DONE not in self.mute:
                    answer = self._decide(fields)
            elif kind == EVENT:
                self.events.append({**fields, "user": connection.user,
                                    "type": EVENTS[fields["type"]],
                                    "cause": CAUSES[fields.get("cause", 0)]})
                if self.acking:
                    answer = encode(ACK, number=fields["number"])
            else:
                raise AssertionError(f"frame {kind} from a plugin")
            self.changed.notify_all()
        if self.raw_answer is not None and kind in (HELLO, OPEN):
            answer = self.raw_answer
        if self.delay and answer:
            time.sleep(self.delay)  # the delay is what is tested
        if answer:
            connection.send(answer)

    def _decide(self, fields):
        request = fields["request"]
        there = {p["guid"] for p in fields["present"]}
        own = [{"guid": g, "instance": i} for g, i in self.known.items() if g in there]
        answer = encode(KNOWN, request=request, own=own)
        told = {e["instance"] for e in self.events if e["type"] == "injected"}
        for message in self.messages:
            if self.repeat or message.instance not in told:
                answer += message.frame(request)
        for guid in self.withdraw:
            answer += encode(WITHDRAW, guid=guid, cause=1, lazy=1)
        return answer if self.half else answer + self.done(request)

    def done(self, request):
        return encode(DONE, request=request, nextCheck=self.next_check)

    def push(self, data):
        with self.changed:
            for connection in self.connections:
                connection.send(data)

    def add(self, message):
        with self.changed:
            self.messages.append(message)
            self.known[message.guid] = message.instance
        return message

    def wait(self, condition, what, limit=10):
        with self.changed:
            if not self.changed.wait_for(lambda: condition(self), limit):
                raise TimeoutError(f"not within {limit} s: {what}; events: {self.events}")

    def wait_event(self, kind, count=1, **fields):
        """Waits for that many events; the last one."""
        def matching():
            return [e for e in self.events if e["type"] == kind and
                    all(e.get(k) == v for k, v in fields.items())]
        self.wait(lambda _: len(matching()) >= count, f"{count} x {kind} {fields}")
        return matching()[-1]

    def kinds(self):
        with self.changed:
            return [e["type"] for e in self.events]

    def close(self):
        self.listener.close()
        with self.changed:
            for connection in self.connections:
                try:
                    connection.sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                connection.sock.close()
