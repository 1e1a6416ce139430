# SPDX-License-Identifier: Apache-2.0
"""What the tests of the plugin share: a private Dovecot for a test class, a fake agent
and a fresh user for a test."""

import contextlib
import imaplib
import os
import pathlib
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import ledger_file  # noqa: E402
from fake_agent import FakeAgent, Message  # noqa: E402
from services.dovecot import Dovecot, wait_until  # noqa: E402,F401

DEADLINE = 2.0  # seconds; the default is 0.05, but the machine may be busy
FORMATS = ("maildir", "sdbox", "mdbox")


def plain_message(subject):
    return (f"From: friend@example.org\r\nTo: user@example.org\r\nSubject: {subject}\r\n"
            "Date: Mon, 05 Jan 2026 10:00:00 +0000\r\n\r\nHello.\r\n").encode()


class Client(imaplib.IMAP4):
    """imaplib with what it lacks."""

    def __init__(self, port, user, password="secret"):
        super().__init__("127.0.0.1", port, timeout=20)
        self.login(user, password)

    def exists(self, mailbox="INBOX", readonly=False):
        """SELECT; the number of messages it says."""
        status, data = self.select(mailbox, readonly=readonly)
        assert status == "OK", data
        return int(data[0])

    def guids(self):
        """{GUID: UID} of the selected mailbox."""
        _, data = self.uid("FETCH", "1:*", "(X-GUID)")
        found = {}
        for line in data:
            if line:
                m = re.search(rb"UID (\d+) X-GUID (\S+)\)", line)
                found[m.group(2).decode()] = int(m.group(1))
        return found

    def fetch_one(self, items, number="1"):
        status, data = self.fetch(number, items)
        assert status == "OK", data
        return b" ".join(part if isinstance(part, bytes) else b"\r\n".join(part)
                         for part in data if part)

    def idle(self):
        """Starts IDLE; returns when the server says it idles."""
        self.idle_tag = self._new_tag()
        self.send(self.idle_tag + b" IDLE\r\n")
        self.idle_until(b"+ ")

    def idle_until(self, text, limit=15):
        """Reads lines until one holds the text; all lines read."""
        lines, end = [], time.monotonic() + limit
        while time.monotonic() < end:
            line = self.readline()
            lines.append(line)
            if text in line:
                return lines
            if not line:
                break
        raise AssertionError(f"no {text!r} in {lines}")

    def idle_done(self):
        self.send(b"DONE\r\n")
        return self.idle_until(self.idle_tag)


class PluginCase(unittest.TestCase):
    """Class attributes that a test class may set: mail, server (further arguments of
    Dovecot), settings (of the plugin)."""

    mail = "maildir"
    server = {}
    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="inlay-")
        os.chmod(cls.directory, 0o755)
        cls.socket = os.path.join(cls.directory, "agent.sock")
        settings = {"inlay_socket": cls.socket,
                    "inlay_deadline": int(DEADLINE * 1000), **cls.settings}
        cls.dovecot = Dovecot(os.path.join(cls.directory, "d"), mail=cls.mail,
                              settings=settings, **cls.server)
        try:
            cls.dovecot.start()
        except BaseException:
            shutil.rmtree(cls.directory)
            raise

    @classmethod
    def tearDownClass(cls):
        cls.dovecot.stop()
        shutil.rmtree(cls.directory)

    def setUp(self):
        self.user = re.sub(r"[^a-z0-9]", "", self._testMethodName.lower())[-40:]
        self.clients, self.logins = [], 0
        self.agent = None
        self.log_start = len(self.dovecot.log())

    def tearDown(self):
        for client in self.clients:
            try:
                client.shutdown()
            except OSError:
                pass
        if self.agent:
            self.agent.close()
        log = self.log()
        for word in ("Panic", "Fatal", "killed with signal"):
            self.assertNotIn(word, log)

    def log(self):
        """What Dovecot has logged since the test began."""
        return self.dovecot.log()[self.log_start:]

    def wait_log(self, text):
        """Dovecot's log process writes it a moment after the command was answered."""
        wait_until(lambda: text in self.log(), f"\"{text}\" in the log")

    def start_agent(self, *messages, **options):
        self.agent = FakeAgent(self.socket, messages=messages, **options)
        return self.agent

    def process_of_session(self):
        """The imap process of the newest login of the test's user."""
        pattern = f"imap-login: Info: Login: user=<{self.user}>.*mpid=(\\d+)"
        return int(wait_until(lambda: re.findall(pattern, self.log())[self.logins - 1:],
                              "the login is logged")[0])

    def connect(self, user=None):
        client = Client(self.dovecot.imap_port, user or self.user)
        self.clients.append(client)
        self.logins += user in (None, self.user)
        return client

    def killed_in_select(self, delay):
        """A session whose process is killed so many seconds after SELECT was sent."""
        client = self.connect()
        pid = self.process_of_session()
        client.send(b"K SELECT INBOX\r\n")
        threading.Event().wait(delay)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            while client.readline():  # to the end of the connection
                pass
        client.shutdown()
        self.clients.remove(client)

    def hold_answers(self, count=None):
        """The answers to so many OPENs (None: to all) are kept back; the list of them.
        answer_again() ends it."""
        real, held = self.agent._decide, []

        def hold(fields):
            if len(held) == count:
                return real(fields)
            held.append(real(fields))
            return b""
        self.agent._decide = hold
        self.answer_again = lambda: setattr(self.agent, "_decide", real)
        return held

    def ledger(self):
        """Path of the user's ledger, which must be there."""
        return ledger_file.path(self.dovecot.home(self.user))

    def states(self):
        """{instance: state} in the ledger."""
        return ledger_file.states(self.ledger())

    def logout(self, client):
        client.logout()
        self.clients.remove(client)

    def deliver(self, *subjects, mailbox="INBOX", user=None):
        """Puts messages in as another program would."""
        for subject in subjects:
            import subprocess
            subprocess.run(
                ["doveadm", "-c", self.dovecot.config, "save", "-u",
                 user or self.user, "-m", mailbox],
                input=plain_message(subject), check=True)

    def count(self, mailbox="INBOX"):
        """Messages as doveadm sees them, where the plugin does nothing."""
        out = self.dovecot.doveadm("mailbox", "status", "-u", self.user, "messages",
                                   mailbox)
        return int(out.strip().rsplit("=", 1)[1])


def message(test, n=1, **options):
    """A message of its own for a test."""
    return Message(f"{test.id()}-{n}", **options)
