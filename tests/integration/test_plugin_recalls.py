# SPDX-License-Identifier: Apache-2.0
"""What is taken back while a session is open goes at once, or as soon as it can, without
a command of the client."""

import contextlib
import os
import signal
import statistics
import subprocess
import sys
import time
import unittest

from plugin_case import PluginCase, message, plain_message, wait_until
from scripted_mim import ScriptedMim, inject, sha256, template_bytes
from services.agent import Agent
from test_plugin_storage import Storage

SOON = 2.0


OPENS_ALL = """
import ctypes, resource, sys
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
while ctypes.CDLL(None).inotify_init() >= 0:
    pass
print("all", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def without_inotify():
    """No process of the mail user gets an inotify instance (inotify(7), EMFILE)."""
    root = os.geteuid() == 0
    with subprocess.Popen([sys.executable, "-c", OPENS_ALL], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, user="mail" if root else None) as p:
        try:
            p.stdout.readline()
            yield
        finally:
            p.stdin.close()


class Idle(Storage):
    def injected_here(self, n=1):
        """A client that has n messages of ours selected."""
        self.start_agent(*[message(self, i) for i in range(n)])
        client = self.connect()
        self.assertEqual(client.exists(), n)
        self.agent.wait_event("injected", n)
        return client

    def take_back(self, *messages, **more):
        self.agent.push(b"".join(self.withdrawal(m.guid, **more) for m in messages))

    def test_several_at_once_reach_an_idling_client_soon(self):
        client = self.injected_here(5)
        client.idle()
        began = time.monotonic()
        self.take_back(*self.agent.messages)
        for _ in range(5):
            client.idle_until(b"EXPUNGE")
        self.assertLess(time.monotonic() - began, SOON)
        client.idle_done()
        self.agent.wait_event("gone", 5, cause="withdrawn")
        self.assertEqual(self.count(), 0)

    def test_one_after_the_other_reach_an_idling_client_soon(self):
        client = self.injected_here(5)
        client.idle()
        for m in self.agent.messages:
            began = time.monotonic()
            self.take_back(m)
            client.idle_until(b"EXPUNGE")
            self.assertLess(time.monotonic() - began, SOON)
        client.idle_done()

    def test_an_idling_client_without_inotify_hears_of_it(self):
        """Dovecot by itself looks every half a minute then."""
        with without_inotify():
            client = self.injected_here()
            client.idle()
            self.take_back(self.agent.messages[0])
            client.idle_until(b"EXPUNGE")
            client.idle_done()

    def test_while_another_has_the_lock_it_is_tried_again(self):
        client = self.injected_here()
        client.idle()
        with self.lock():
            self.take_back(self.agent.messages[0])
            client.sock.settimeout(1)
            with self.assertRaises(TimeoutError):
                client.sock.recv(1)
            client.sock.settimeout(20)
        began = time.monotonic()
        client.idle_until(b"EXPUNGE")
        self.assertLess(time.monotonic() - began, SOON)
        client.idle_done()

    def test_what_was_read_stays_though_the_middleware_does_not_know_yet(self):
        client = self.injected_here(2)
        first, second = self.agent.messages
        self.agent.acking = False
        client.uid("FETCH", str(client.guids()[first.guid]), "(BODY[])")
        self.take_back(first, second)
        self.agent.wait_event("gone", cause="withdrawn", instance=second.instance)
        self.agent.acking = True
        self.logout(client)
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        self.assertEqual(list(client.guids()), [first.guid])
        self.assertEqual([e["instance"] for e in self.agent.events
                          if e["type"] == "gone"], [second.instance] * 2)

    def test_what_another_program_marks_as_read_stays_and_is_told(self):
        client = self.injected_here(2)
        first, second = self.agent.messages
        self.dovecot.doveadm("flags", "add", "-u", self.user, "\\Seen", "mailbox",
                             "INBOX", "guid", first.guid)
        self.take_back(first, second)
        self.agent.wait_event("gone", cause="withdrawn", instance=second.instance)
        self.agent.wait_event("read", instance=first.instance)
        self.assertEqual(client.exists(), 1)
        self.logout(client)
        self.assertEqual(sorted(self.agent.kinds()), ["gone", "injected", "injected",
                                                      "read"])

    def test_a_recall_of_all_takes_what_was_read(self):
        client = self.injected_here()
        client.fetch("1", "(BODY[])")
        self.agent.wait_event("read")
        self.take_back(*self.agent.messages, seen=1)
        self.agent.wait_event("gone", cause="withdrawn")
        self.assertEqual(client.exists(), 0)

    def test_nobody_has_to_idle_for_that(self):
        client = self.injected_here()
        with self.lock():
            self.take_back(self.agent.messages[0])
            with self.assertRaises(TimeoutError):
                self.agent.wait(lambda a: "gone" in a.kinds(), "gone", 0.5)
        self.agent.wait_event("gone", cause="withdrawn")
        self.assertEqual(self.count(), 0)
        # the handle that the client looks through was not touched
        self.assertEqual(client.fetch("1", "(UID)")[0], "OK")

    def test_while_a_slow_reader_is_sent_a_message_it_is_tried_again(self):
        self.start_agent(message(self))
        subprocess.run(["doveadm", "-c", self.dovecot.config, "save", "-u", self.user],
                       input=plain_message("large") + b"x" * 70 + b"\r\n" +
                       (b"y" * 70 + b"\r\n") * 400_000, check=True)
        client = self.connect()
        self.assertEqual(client.exists(), 2)
        self.agent.wait_event("injected")
        client.send(b"slow FETCH 1 BODY.PEEK[]\r\n")
        client.readline()
        self.take_back(self.agent.messages[0])
        with self.assertRaises(TimeoutError):
            self.agent.wait(lambda a: "gone" in a.kinds(), "gone", 0.5)
        client.idle_until(b"slow OK")
        # and the client says nothing more
        self.agent.wait_event("gone", cause="withdrawn")
        self.assertEqual(client.noop()[0], "OK")
        self.assertEqual(client.exists(), 1)

    def test_a_message_that_waits_for_its_turn_is_not_saved_any_more(self):
        first = self.injected()
        second = self.agent.add(message(self, 2))
        held = self.hold_answers()
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        client.select("Other")
        self.agent.push(held[0] + self.withdrawal(second.guid))
        event = self.agent.wait_event("refused", instance=second.instance)
        self.assertEqual(event["cause"], "late")
        self.assertEqual(client.exists(), 1)
        self.assertEqual(list(client.guids()), [first.guid])
        self.assertNotIn(second.instance, self.states())
        self.logout(client)
        self.assertEqual(self.agent.kinds(), ["injected", "refused"])

    def test_a_message_that_comes_together_with_its_end_is_not_saved(self):
        self.start_agent(message(self))
        self.agent.withdraw = [self.agent.messages[0].guid]
        client = self.connect()
        self.assertEqual(client.exists(), 0)
        self.agent.wait_event("refused", cause="late")

    def test_an_idling_client_finds_an_agent_that_is_started_anew(self):
        client = self.injected_here()
        mine = self.agent.messages[0]
        self.agent.close()
        client.idle()
        self.start_agent()
        self.agent.known = {mine.guid: mine.instance}
        self.agent.withdraw = [mine.guid]
        # READY says that there is something, and IDLE is a trigger that lasts
        client.sock.settimeout(60)
        client.idle_until(b"EXPUNGE", 60)
        self.assertEqual(len(self.agent.hellos), 1)
        self.assertEqual(len(self.agent.opens), 1)
        client.idle_done()
        self.agent.wait_event("gone", cause="withdrawn")


class Telling(PluginCase):
    """The agent is found gone when something is told."""

    mail = "sdbox"
    server = {"extra": "mail_debug = yes\n"}

    def stop_session(self):
        """Its imap process stands still; the pid."""
        pid = self.process_of_session()
        os.kill(pid, signal.SIGSTOP)

        def stands():
            with open(f"/proc/{pid}/stat") as f:
                return f.read().rsplit(")", 1)[1].split()[0] == "T"
        wait_until(stands, "the process is stopped")
        return pid

    def test_an_agent_that_is_gone_is_noticed_without_another_command(self):
        self.start_agent(message(self))
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        self.agent.wait_event("injected")
        pid = self.stop_session()
        try:
            # it is there before the end of the connection, and so is done first
            client.send(b"S STORE 1 +FLAGS (\\Seen)\r\n")
            self.agent.close()
        finally:
            os.kill(pid, signal.SIGCONT)
        client.idle_until(b"S OK")
        # from here on the session looks for a new one
        wait_until(lambda: "inlay: No answer for this session: the agent has closed the "
                   "connection" in self.log(), "the loss is noticed")


class Chain(PluginCase):
    """With the real agent, on the way from MIM to the client."""

    mail = "sdbox"

    def setUp(self):
        super().setUp()
        self.mim = ScriptedMim()
        self.addCleanup(self.mim.stop)
        root = os.geteuid() == 0
        self.real = Agent(
            os.path.join(self.directory, self.user), self.mim.url,
            settings={"inlay.socket.path": self.socket,
                      "inlay.trusted-uids": "mail" if root else os.geteuid(),
                      "inlay.socket.group": "mail" if root else os.getegid()})
        self.real.start()
        self.addCleanup(self.real.stop)
        self.mim.templates[sha256(template_bytes())] = template_bytes()

    def test_a_recall_makes_it_vanish_from_a_client_that_idles(self):
        took = []
        for i in range(5):
            action = inject(f"{self.id()}-{i}", sha256(template_bytes()))
            self.mim.actions, self.mim.withdrawals = [action], {}
            client = self.connect()
            self.assertEqual(client.exists(), 1)
            self.mim.actions = []
            self.mim.wait_held()
            client.idle()
            self.mim.withdrawals = {self.user: [{
                "op": "withdraw", "guid": action["guid"], "cause": "recall",
                "lazy": True}]}
            began = time.monotonic()
            self.mim.tell({"campaign": "spring"})
            client.idle_until(b"* 1 EXPUNGE")
            took.append(time.monotonic() - began)
            client.idle_done()
            self.mim.wait(lambda: any(
                e["instance"] == action["instance"] and e["type"] == "gone" and
                e["cause"] == "withdrawn" for e in self.mim.events), "the event")
            self.logout(client)
        self.assertLess(statistics.median(took), SOON, took)


if __name__ == "__main__":
    unittest.main()
