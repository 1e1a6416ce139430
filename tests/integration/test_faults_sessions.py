# SPDX-License-Identifier: Apache-2.0
"""Real sessions while a process of ours, or one of Dovecot's, is killed, stopped or
started anew: INBOX opens, who waits waits once, and at the end every copy is there once
and is counted once."""
import concurrent.futures
import contextlib
import os
import pathlib
import random
import re
import signal
import threading
import time
import unittest

from fault_case import FaultCase, rounds, wait_until
from test_plugin_stopped import LOG_WAITS, SLACK_MS, WAITED

MANY = rounds(30, 500)
AT_ONCE = 8


def at_once(function, items):
    """For all of them, several at a time; the results in their order."""
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(function, items))


class Many(FaultCase):
    mail = "sdbox"
    chain_options = {"settings": {"inlay_deadline": 50},
                     "extra": LOG_WAITS + "service imap {\n  process_limit = 1100\n}\n"}

    def assert_waited_once(self):
        """Each process, for the deadline in all."""
        waited = {}
        for pid, ms in WAITED.findall(self.log()):
            waited[pid] = waited.get(pid, 0) + int(ms)
        self.assertLessEqual(max(waited.values(), default=0), 50 + SLACK_MS)
        return waited

    def sessions(self, users):
        return dict(zip(users, at_once(self.connect, users)))

    def until_one(self, user, client):
        """An answer that comes late is used at a later command; one that comes too late
        for the session, in another one a minute later."""
        wait_until(lambda: client.exists() == 1 or self.open(user) == 1, "the message",
                   150)

    def test_the_agent_stops_under_all_of_them(self):
        users = self.put_users(MANY)
        self.publish_for(users)
        clients = self.sessions(users)
        agent = self.chain.agent
        agent.signal(signal.SIGSTOP)
        self.addCleanup(agent.signal, signal.SIGCONT)
        for _ in range(2):
            self.assertEqual(set(at_once(lambda c: c.exists(), clients.values())), {0})
        for client in clients.values():
            client.noop()
        agent.signal(signal.SIGCONT)
        # what was asked is answered now
        for user, client in clients.items():
            self.until_one(user, client)
        at_once(lambda c: c.logout(), clients.values())
        wait_until(lambda: self.log().count("Disconnected: Logged out") >= MANY,
                   "the end of the sessions")
        self.assert_waited_once()
        self.assertEqual(set(at_once(self.open, users)), {1})
        self.wait_counted(but="refused", injected=MANY)
        self.assert_no_error_of_ours()

    def test_the_agent_dies_under_all_of_them_and_comes_back(self):
        users = self.put_users(MANY)
        self.publish_for(users)

        clients = self.sessions(users)
        for user, client in clients.items():
            self.until_one(user, client)
        self.chain.agent.kill()

        def work(client):
            client.noop()
            client.fetch("1", "(BODY[])")
            return client.exists()
        began = time.monotonic()
        self.assertEqual(set(at_once(work, clients.values())), {1})
        # who comes now does not wait for what is not there
        self.assertEqual(self.open(users[0]), 1)
        self.chain.start_agent()
        self.assertEqual(set(at_once(lambda c: c.exists(), clients.values())), {1})
        at_once(lambda c: c.logout(), clients.values())
        self.assertLess(time.monotonic() - began, 120)
        self.assert_waited_once()
        self.assertEqual(set(at_once(self.open, users)), {1})
        self.wait_counted(but="refused", injected=MANY, read=MANY)
        self.assert_no_error_of_ours()


class OneProcess(FaultCase):
    """It serves a hundred sessions, one after the other."""

    mail = "sdbox"
    chain_options = {
        "settings": {"inlay_deadline": 2000},
        "extra": "service imap {\n  service_count = 100\n  process_limit = 1\n}\n"}

    def test_each_session_is_its_own_users_and_nothing_is_left_of_the_last(self):
        users = self.put_users(30)
        self.publish([(user, f"Ada{i}") for i, user in enumerate(users)])
        pids, files = set(), []
        for i, user in enumerate(users):
            if i == 10:
                self.chain.agent.kill()
                self.chain.start_agent()
            if i == 20:
                self.mimd.kill()
                self.mimd.settings["server.port"] = self.mimd.port
                self.mimd.start()
            client = self.connect(user)
            wait_until(lambda: client.exists() == 1, "the message")
            text = client.fetch("1", "(BODY[])")[1][0][1]
            self.assertIn(f"Hello Ada{i}\r\n".encode(), text)
            pids.add(re.findall(r"mpid=(\d+)", self.log())[-1])
            pid, = pids
            # while the session is there: when it has logged out, its files go one by one
            files.append(len(os.listdir(f"/proc/{pid}/fd")))
            client.logout()
        self.assertLessEqual(max(files[2:]), files[2] + 3, files)
        # what was not confirmed when the agent was killed the next session tells
        for user in users:
            self.assertEqual(self.open(user), 1)
        self.wait_counted(but="refused", injected=30, read=30)
        self.assert_no_error_of_ours()


class Stopped(FaultCase):
    def test_an_imap_process_that_is_stopped_holds_up_no_other(self):
        self.put_user()
        self.publish()
        first = self.connect()
        self.assertEqual(first.exists(), 1)
        self.wait_counted(injected=1)
        pid = int(re.findall(r"mpid=(\d+)", self.log())[-1])
        first.idle()
        os.kill(pid, signal.SIGSTOP)
        try:
            second = self.connect()
            self.assertEqual(second.exists(), 1)
            self.need(200, "POST", f"/campaigns/{self.campaign}/recall")
            wait_until(lambda: second.noop() and second.exists() == 0, "the recall")
            second.logout()
            # its agent does not wait for it, either
            other, = self.put_users(1)
            self.assertEqual(self.open(other), 0)
        finally:
            os.kill(pid, signal.SIGCONT)
        first.idle_until(b"EXPUNGE")
        first.idle_done()
        first.logout()
        self.wait_counted(injected=1, recalled=1)


class Killed(FaultCase):
    """A few kills; thousands are what the soak is for."""

    mail = "sdbox"

    def setUp(self):
        super().setUp()
        self.ended = threading.Event()
        self.problems = []

    def work(self, users):
        while not self.ended.is_set():
            user = random.choice(users)
            try:
                client = self.connect(user)
                count = client.exists()
                if count > 1:
                    self.problems.append(f"{user} has {count}")
                if count:
                    client.fetch("1", "(BODY[])")
                client.noop()
                client.logout()
            except Exception as e:  # noqa: BLE001 - the session was killed, or else
                if "BYE" not in str(e) and not isinstance(e, (OSError, EOFError)) and \
                        "EOF" not in str(e):
                    self.problems.append(f"{user}: {e!r}")

    def kill_imap(self):
        for pid in reversed(re.findall(r"mpid=(\d+)", self.log())[-5:]):
            with contextlib.suppress(OSError):
                if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == "imap":
                    os.kill(int(pid), signal.SIGKILL)
                    return

    def kill_mimd(self):
        self.mimd.kill()
        self.mimd.settings["server.port"] = self.mimd.port
        self.mimd.start()

    def kill_agent(self):
        self.chain.agent.kill()
        self.chain.start_agent()

    def test_killed_at_random_under_load_every_copy_is_there_and_counted_once(self):
        users = self.put_users(rounds(60, 600))
        # each has a mailbox: who is killed while Dovecot makes the first index of one
        # leaves a dovecot.list.index.log.newlock, for which Dovecot lets all others wait
        # for minutes, with a plugin and without
        at_once(self.open, users)
        self.publish_for(users)
        threads = [threading.Thread(target=self.work, args=(users,)) for _ in range(3)]
        for t in threads:
            t.start()
        pause = threading.Event()
        for i in range(rounds(9, 120)):
            pause.wait(random.uniform(0, 0.4))
            (self.kill_imap, self.kill_agent, self.kill_mimd)[i % 3]()
        self.ended.set()
        for t in threads:
            t.join(60)
        self.assertEqual(self.problems, [])
        self.assertGreater(sum(at_once(self.open, users)), 0)
        told = self.statistics()
        for count in at_once(self.count, users):
            self.assertLessEqual(count, 1)
        self.wait_all(users)
        for line in self.log().splitlines():
            self.assertNotIn("Panic", line)
        self.log_start = len(self.chain.dovecot.log())  # kills are in it
        self.assertGreaterEqual(self.statistics()["injected"]["count"],
                                told["injected"]["count"])

    def wait_all(self, users):
        """As many are counted as there are, each once, when all have looked again: in
        sdbox any look, doveadm's too, may bring to light what a killed one has left."""
        def so():
            self.copies = at_once(self.open, users)
            told = self.statistics()
            return (told["injected"]["count"], told["expungedUnread"]["count"],
                    told["expungedRead"]["count"]) == (sum(self.copies), 0, 0)
        try:
            wait_until(so, "counted", 60)
        except TimeoutError:
            self.fail(f"{sum(self.copies)} copies, counted {self.statistics()}")
        self.assertLessEqual(max(self.copies), 1)


if __name__ == "__main__":
    unittest.main()
