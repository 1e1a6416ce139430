# SPDX-License-Identifier: Apache-2.0
"""Mail users beside a load on mimd: an agent and two real Dovecots over the same
mailboxes, one with the plugin and one without. Each user opens INBOX in both; what it
takes without the plugin says what the machine's part is."""
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
WORKERS = 16
STAY = 1  # seconds; a mail client does not leave at once, so late answers come as well
READER_EACH = 4  # to one of so many a message comes
PAUSES = (0, 0.02)  # between LOGIN and SELECT; over a network it is never 0
DEADLINE_MS = 50
WAITED = re.compile(r"imap\(([^)]*)\)<(\d+)>.*inlay: Waited (\d+) ms for the agent")
MISSED = re.compile(r"imap\(([^)]*)\)<\d+>.*inlay: No answer for this session: (.*)")
# a process of imap-login for each session would be more than half of what it costs
LOGIN = "service imap-login {\n  service_count = 0\n}\n"


class Visits:
    """What became of some sessions. Microseconds; waits are milliseconds."""

    def __init__(self):
        self.plain, self.ours, self.saved = [], [], []
        self.waits, self.errors = [], []
        self.readers = self.no_hello = self.no_open = 0

    @property
    def sessions(self):
        """With the plugin."""
        return len(self.ours) + len(self.saved)

    def figures(self, when, brief=False):
        waits = self._times("  the plugin's wait, part of it", self.waits, 1)
        # a clock of milliseconds, read twice
        waits[1].goal = waits[2].goal = ("<=", DEADLINE_MS + 1)
        late = Figure("  no answer in time", self.no_hello + self.no_open, "")
        came = Figure("  message to come: came at once",
                      100 * len(self.saved) / max(self.readers, 1), "%")
        errors = Figure("  IMAP errors", len(self.errors), "", ("<=", 0))
        times = [*self._times("  SELECT without plugin", self.plain, 1000),
                 *self._times("  SELECT with it, no message came", self.ours, 1000)]
        saving = Figure("  SELECT that saved a message, median",
                        median(self.saved or [0]) / 1000, "ms")
        first = Figure(f"mail users {when}: sessions", self.sessions, "")
        if brief:
            return [first, *times[:2], *times[3:5], saving, waits[2], late, came,
                    errors]
        return [first, *times, saving, *waits, late,
                Figure("    to HELLO, so that nothing was asked", self.no_hello, ""),
                Figure("    to OPEN, so that a message comes later", self.no_open, ""),
                came, errors]

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
        """(user, index of the pause, whether a message comes)"""
        self.came += 1
        which = self.came // READER_EACH % len(PAUSES)
        if self.came % READER_EACH == 0:
            return self.readers.pop(), which, True
        mine = self.others[which::len(PAUSES)]
        return mine[self.came % len(mine)], which, False

    @staticmethod
    def readers_of(seconds):
        """How many come in that time."""
        return -(-int(seconds * RATE) // READER_EACH) + 1


class _Stretch:
    def __init__(self, users, seconds):
        self.users, self.count = users, int(seconds * RATE)
        self.visits, self.lock = [Visits() for _ in PAUSES], threading.Lock()
        self.of = {}  # user: Visits
        self.log_before = len(users.with_it.log())
        self.begin = time.monotonic()
        self.taken = 0
        self.threads = [threading.Thread(target=self._work) for _ in range(WORKERS)]
        for t in self.threads:
            t.start()

    def result(self):
        """Visits for each of PAUSES."""
        for t in self.threads:
            t.join()
        # what a session said is in the log before this
        self._read_log(wait_until(self._whole_log, "all sessions are in the log"))
        return self.visits

    def _take(self):
        with self.lock:
            if self.taken == self.count:
                return None
            self.taken += 1
            name, which, reader = self.users.next()
            self.of[name] = self.visits[which]
            return self.taken - 1, name, which, reader

    def _work(self):
        while (job := self._take()) is not None:
            number, name, which, reader = job
            time.sleep(max(0, self.begin + number / RATE - time.monotonic()))
            # whoever comes second finds the caches warm
            turns = [self._plain, self._ours]
            for turn in turns if number // 8 % 2 else reversed(turns):
                try:
                    turn(self.visits[which], name, PAUSES[which], reader)
                except (OSError, RuntimeError) as e:
                    with self.lock:
                        self.visits[which].errors.append(f"{name}: {e}")

    def _plain(self, visits, name, pause, _):
        with Session(self.users.without.imap_port, name) as s:
            time.sleep(pause)
            took = s.say(b"SELECT INBOX")[0]
        with self.lock:
            visits.plain.append(took)

    def _ours(self, visits, name, pause, reader):
        with Session(self.users.with_it.imap_port, name) as s:
            time.sleep(pause)
            took, lines = s.say(b"SELECT INBOX")
            time.sleep(STAY)
        with self.lock:
            came = reader and exists(lines) > 0
            (visits.saved if came else visits.ours).append(took)
            visits.readers += reader

    def _whole_log(self):
        log = self.users.with_it.log()[self.log_before:]
        ended = sum(v.sessions for v in self.visits)
        return log if log.count("Logged out") >= ended else None

    def _read_log(self, log):
        sessions = collections.Counter()
        for name, pid, ms in WAITED.findall(log):
            sessions[name, pid] += int(ms)
        for (name, _), ms in sessions.items():
            self.of[name].waits.append(ms)
        for v in self.visits:  # who did not wait does not say so
            v.waits += [0] * (v.sessions - len(v.waits))
        for name, why in MISSED.findall(log):
            self.of[name].no_hello += "HELLO" in why
            self.of[name].no_open += "OPEN" in why
            if "HELLO" not in why and "OPEN" not in why:
                self.of[name].errors.append(f"{name}: {why}")
