# SPDX-License-Identifier: Apache-2.0
"""What the tests of the agent share: the real one between frames on its socket and a
scripted MIM."""

import os
import shutil
import socket
import struct
import tempfile
import unittest

import fake_agent as wire
from scripted_mim import ScriptedMim, sha256, template_bytes
from services.agent import Agent

LIMIT = 20.0
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SILENCE = 0.3  # how long "nothing is sent" is looked at


class Plugin:
    """The other end: what Dovecot's plugin does."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(LIMIT)
        self.sock.connect(path)
        self.buffer = b""
        self.number = 0

    def close(self):
        self.sock.close()

    def send(self, kind, **fields):
        self.sock.sendall(wire.encode(kind, **fields))

    def hello(self, user="anna@example.org", tenant="default", protocol="imap"):
        self.send(wire.HELLO, tenant=tenant, user=user, protocol=protocol)

    def open(self, request=1, present=(), complete=1):
        self.send(wire.OPEN, request=request, uidValidity=17, uidNext=3,
                  complete=complete, present=present)

    def event(self, name, kind=1, cause=0, seen=0, when=1_777_622_400_000):
        instance, guid = wire.ids(name)
        self.number += 1
        fields = {"number": self.number, "instance": instance, "guid": guid,
                  "type": kind, "seen": seen, "time": when}
        if cause:
            fields["cause"] = cause
        self.send(wire.EVENT, **fields)
        return instance

    def read(self):
        """The next frame as (type, fields); None at the end."""
        while True:
            if len(self.buffer) >= 4:
                n = struct.unpack(">I", self.buffer[:4])[0]
                if len(self.buffer) >= 4 + n:
                    body = self.buffer[4:4 + n]
                    self.buffer = self.buffer[4 + n:]
                    return wire.decode(body)
            data = self.sock.recv(65536)
            if not data:
                return None
            self.buffer += data

    def read_answer(self):
        """KNOWN, the actions, DONE of an OPEN."""
        frames = []
        while True:
            frame = self.read()
            assert frame is not None, f"closed after {frames}"
            if frame[0] == wire.ACK:
                continue
            frames.append(frame)
            if frame[0] == wire.DONE:
                return frames

    def read_ack(self, number):
        """Waits until this event is confirmed."""
        while True:
            frame = self.read()
            assert frame is not None, "closed before the ACK"
            if frame[0] == wire.ACK and frame[1]["number"] >= number:
                return frame[1]["number"]

    def is_silent(self, seconds=SILENCE):
        self.sock.settimeout(seconds)
        try:
            return self.sock.recv(1) is None
        except socket.timeout:
            return True
        finally:
            self.sock.settimeout(LIMIT)

    def is_closed(self):
        try:
            return self.sock.recv(1) == b""
        except ConnectionResetError:
            return True


class AgentCase(unittest.TestCase):
    settings = {}

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="inlay-agent-")
        self.addCleanup(shutil.rmtree, self.directory, True)
        self.mim = ScriptedMim()
        self.addCleanup(self.mim.stop)
        self.agent = Agent(self.directory, self.mim.url, settings=self.settings)
        self.addCleanup(self.end)
        self.agent.start()

    def end(self):
        """Every test ends with an agent that ends well (and tells of no leak)."""
        if self.agent.process is not None:
            self.assertEqual(self.agent.stop(), 0)

    def assert_no_second(self, settings, why):
        """Another agent with these settings does not start beside ours."""
        second = os.path.join(self.directory, "second")
        os.mkdir(second)
        other = Agent(second, self.mim.url, settings=settings)
        code, _, text = other.run()
        self.assertEqual(code, 75)
        self.assertIn(why, text + other.log_text())

    def plugin(self):
        p = Plugin(self.agent.socket)
        self.addCleanup(p.close)
        return p

    def greeted(self, **who):
        p = self.plugin()
        p.hello(**who)
        self.assertEqual(p.read()[0], wire.READY)
        return p

    def give_template(self, template=None):
        data = template_bytes(template)
        self.mim.templates[sha256(data)] = data
        return sha256(data)

    def wait_delivered(self, *want):
        self.mim.wait(lambda: set(want) <= set((e["instance"], e["type"])
                                               for e in self.mim.events),
                      f"delivery of {want}")
