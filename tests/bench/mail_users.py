# SPDX-License-Identifier: Apache-2.0
"""Mail users beside a load on mimd: an agent and two real Dovecots over the same
mailboxes, one with the plugin and one without. Each user opens INBOX in both, right after
LOGIN; what it takes without the plugin says what the machine's part is."""
import collections
import contextlib
import os
import re
import threading
import time

from figures import Figure, median, percentile
from imap_session import Session, exists, short_folder
from services.agent import Agent
from services.dovecot import Dovecot, wait_until

RATE = 6  # pairs of sessions a second; Dovecot's own work is to be no load
WORKERS = 6
READER_EACH = 4  # to one of so many a message comes
DEADLINE_MS = 50
WAITED = re.compile(r"imap\(([^)]*)\)<(\d+)>.*inlay: Waited (\d+) ms for the agent")
MISSED = re.compile(r"imap\(([^)]*)\)<(\d+)>.*inlay: No answer for this session: (.*)")
# a process of imap-login for each session would be more than half of what it costs
LOGIN = "service imap-login {\n  service_count = 0\n}\n"


class Visits:
    """What became of the sessions of one stretch of time. Microseconds."""

    def __init__(self):
        self.plain, self.ours = [], []
        self.errors = []
        self.injected, self.readers = 0, 0
        self.waits = []  # milliseconds, one for each session with the plugin
        self.missed = collections.Counter()  # what the plugin says of those without answer

    def figures(self, when):
        """Of sessions without error, of which there must be some."""
        late = sum(self.missed.values())
        return [
            Figure(f"mail user {when}: sessions with the plugin", len(self.ours), ""),
            *self._times("  SELECT without plugin", self.plain, 1000),
            *self._times("  SELECT with it", self.ours, 1000),
            *self._times("  of it, the plugin waited", self.waits, 1),
            Figure("  answered in time", 100 * (1 - late / len(self.ours)), "%"),
            Figure("  no answer in time", late, ""),
            Figure("  message to come, and it came in time",
                   100 * self.injected / max(self.readers, 1), "%"),
            Figure("  IMAP errors", len(self.errors), "", ("<=", 0)),
        ]

    @staticmethod
    def _times(what, values, divisor):
        return [Figure(f"{what}, {name}", measure(values) / divisor, "ms")
                for name, measure in (("median", median), ("p99", _p99), ("longest", max))]


def _p99(values):
    return percentile(values, 0.99)


class MailUsers:
    """others: users that nothing is assigned to, who come again and again; readers: to
    each of them a message comes, once."""

    def __init__(self, mimd, token_file, others, readers):
        self.others, self.readers = others, readers
        self.came = 0
        self._stack = contextlib.ExitStack()
        folder = self._stack.enter_context(short_folder())
        agent = f"{folder}/a"
        os.mkdir(agent)
        root = os.geteuid() == 0
        self.agent = Agent(agent, f"http://127.0.0.1:{mimd.port}",
                           tokens={"default": token_file.read_text()},
                           settings={
                               "inlay.trusted-uids": "mail" if root else os.geteuid(),
                               "inlay.socket.group": "mail" if root else os.getegid(),
                               "inlay.message-id-domain": "mail.example.org",
                               "logging.level.root": "info"})
        self.with_it = Dovecot(f"{folder}/d", mail="sdbox",
                               extra=f"{LOGIN}log_debug = event=inlay_waited\n",
                               settings={"inlay_socket": self.agent.socket,
                                         "inlay_deadline": DEADLINE_MS})
        self.without = Dovecot(f"{folder}/e", mail="sdbox", plugin=None, extra=(
            f"{LOGIN}mail_home = {self.with_it.home('%u')}\n"))

    def __enter__(self):
        with self._stack:
            self.agent.start()
            self._stack.callback(self.agent.stop)
            for server in (self.with_it, self.without):
                self._stack.enter_context(server)
            for name in self.others + self.readers:  # an INBOX is made once
                with Session(self.without.imap_port, name) as s:
                    s.say(b"SELECT INBOX")
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *unused):
        self._stack.close()

    def start(self, seconds):
        """In the background, for so long; result() waits for its end."""
        return _Stretch(self, seconds)

    def next(self):
        """(user, whether a message comes)"""
        self.came += 1
        if self.came % READER_EACH == 0:
            return self.readers.pop(), True
        return self.others[self.came % len(self.others)], False

    @staticmethod
    def readers_of(seconds):
        """How many come in that time."""
        return -(-int(seconds * RATE) // READER_EACH) + 1


class _Stretch:
    def __init__(self, users, seconds):
        self.users, self.count = users, int(seconds * RATE)
        self.visits, self.lock = Visits(), threading.Lock()
        self.log_before = len(users.with_it.log())
        self.begin = time.monotonic()
        self.taken = 0
        self.threads = [threading.Thread(target=self._work) for _ in range(WORKERS)]
        for t in self.threads:
            t.start()

    def result(self):
        for t in self.threads:
            t.join()
        self._read_log()
        return self.visits

    def _take(self):
        with self.lock:
            if self.taken == self.count:
                return None
            self.taken += 1
            return (self.taken - 1, *self.users.next())

    def _work(self):
        while (job := self._take()) is not None:
            number, name, reader = job
            time.sleep(max(0, self.begin + number / RATE - time.monotonic()))
            # whoever comes second finds the caches warm
            turns = [self._plain, self._ours]
            for turn in turns if number % 2 else reversed(turns):
                try:
                    turn(name, reader)
                except (OSError, RuntimeError) as e:
                    with self.lock:
                        self.visits.errors.append(f"{name}: {e}")

    def _plain(self, name, _):
        with Session(self.users.without.imap_port, name) as s:
            took = s.say(b"SELECT INBOX")[0]
        with self.lock:
            self.visits.plain.append(took)

    def _ours(self, name, reader):
        with Session(self.users.with_it.imap_port, name) as s:
            took, lines = s.say(b"SELECT INBOX")
        with self.lock:
            self.visits.ours.append(took)
            self.visits.readers += reader
            self.visits.injected += reader and exists(lines) > 0

    def _whole_log(self):
        log = self.users.with_it.log()[self.log_before:]
        return log if log.count("Logged out") >= len(self.visits.ours) else None

    def _read_log(self):
        # what a session said is in the log before this
        log = wait_until(self._whole_log, "all sessions are in the log")
        sessions = collections.Counter()
        for user, pid, ms in WAITED.findall(log):
            sessions[user, pid] += int(ms)
        waits = list(sessions.values())
        self.visits.waits = waits + [0] * (len(self.visits.ours) - len(waits))
        self.visits.missed.update(why for _, _, why in MISSED.findall(log))
