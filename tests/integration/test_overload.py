# SPDX-License-Identifier: Apache-2.0
"""More than the daemons can do: memory stays bounded, what is refused is told so, good
clients and mail users go on, and afterwards all is as before. Times are measured by
make bench B=o; here it is looked at what happens."""
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import time
import unittest

import fake_agent as wire
from agent_case import AgentCase
from chain_case import ChainCase
from mimd_case import MimdCase
from services.dovecot import wait_until
from services.overload import Crowd, Load, open_files, own_memory, raise_descriptors

ROOT = pathlib.Path(__file__).resolve().parents[2]
MB = 1_000_000
# what one connection takes: 16 KiB of the library's and its record
CONNECTION = 20_000
# for what is under way, and what the allocator holds
SPARE = 48 * MB * (10 if os.environ.get("INLAY_SANITIZER") else 1)
DOVECOT = "/api/tenants/default/dovecot"
DECISIONS = DOVECOT + "/decisions"
# a connection that was refused rests for at least so long
PAUSE = 0.5


def question(user):
    return json.dumps({"node": "n", "user": user, "protocol": "imap", "uidValidity": 7,
                       "uidNext": 12, "complete": True, "present": [], "events": []})


class OverloadCase(MimdCase):
    """A mimd with a tenant, and what an agent has."""

    def setUp(self):
        self.files = raise_descriptors()
        super().setUp()
        self.mimd.make_tenant()
        self.token = self.mimd.make_token("dovecot:default")
        self.token_file = self.mimd.folder / "agent-token"
        self.token_file.write_text(self.token)
        self.questions = self.mimd.folder / "questions"
        self.questions.write_text("".join(question(f"u{i}") + "\n" for i in range(500)))
        self.address = ("127.0.0.1", self.mimd.port)
        self.pid = self.mimd.daemon.pid
        self.agent = self.connection()
        self.assertEqual(self.ask(self.agent), 200)
        self.before = own_memory(self.pid), open_files(self.pid)

    def connection(self):
        c = http.client.HTTPConnection("127.0.0.1", self.mimd.port, timeout=30)
        self.addCleanup(c.close)
        return c

    def ask(self, connection):
        """The status of a decision."""
        connection.request("POST", DECISIONS, question("u1"),
                           {"Authorization": f"Bearer {self.token}",
                            "Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return answer.status

    def metric(self, name):
        status, _, text = self.mimd.request("GET", "/metrics", headers={
            "Authorization": f"Bearer {self.mimd.token}"})
        text = text.decode()
        self.assertEqual(status, 200, text)
        return next(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                    if line.startswith(f"inlay_mim_{name} "))

    def assert_as_before(self):
        memory, files = self.before
        wait_until(lambda: self.metric("http_connections") <= 3, "connections are gone")
        wait_until(lambda: open_files(self.pid) <= files + 8, "files are closed")
        # a sanitizer keeps what is freed for a while, to see who uses it still
        if "INLAY_SANITIZER" not in os.environ:
            wait_until(lambda: own_memory(self.pid) <= memory + SPARE / 2,
                       "memory is given back")
        self.assertEqual(self.metric('under_way{kind="decision"}'), 0)
        self.assertEqual(self.ask(self.connection()), 200)

    def load(self, **options):
        load = Load(self.mimd.port, DECISIONS, self.token_file, self.questions, **options)
        self.addCleanup(load.stop)
        return load


class Connections(OverloadCase):
    def test_idle_ones_shut_out_nobody(self):
        many = min(10_000, self.files - 500)
        with Crowd(self.address, many) as crowd:
            wait_until(lambda: self.metric("http_accepted_total") > many, "all came")
            self.assertEqual(self.ask(self.agent), 200)  # on the connection it had
            self.assertEqual(self.ask(self.connection()), 200)
            self.assertLessEqual(self.metric("http_connections"), 4096 + 600)
            self.assertLess(own_memory(self.pid),
                            self.before[0] + 4700 * CONNECTION + SPARE)
            if many > 5000:
                self.assertGreater(self.metric("http_shed_total"), many - 5000)
            self.assertLessEqual(crowd.open(), 4096 + 600)
        self.assert_as_before()


class Heads(OverloadCase):
    public = True

    def head(self, size, first, *fields):
        """Of so many bytes, with what fills it in 40 more fields."""
        lines = [first, "Host: x", *fields]
        left = size - sum(len(line) + 2 for line in lines) - 2
        lines += [f"X-{i}: ".ljust(left // 40 - 2, "x") for i in range(39)]
        lines.append("X-39: ".ljust(left - 39 * (left // 40) - 2, "x"))
        head = "".join(line + "\r\n" for line in lines) + "\r\n"
        self.assertEqual(len(head), size)
        return head

    def status(self, port, request):
        with socket.create_connection(("127.0.0.1", port), 30) as s:
            s.sendall(request.encode())
            return int(s.recv(12).split()[1])

    def test_heads_may_be_as_long_as_the_manual_says(self):
        manual = (ROOT / "docs/man/mimd.8").read_text()
        api, public = map(int, re.search(
            r"fields of a request may take (\d+) KiB, on the public listener\n(\d+) KiB; "
            r"longer ones are answered with 431", manual).groups())
        body = question("u1")
        ask = (f"POST {DECISIONS} HTTP/1.1", f"Authorization: Bearer {self.token}",
               "Content-Type: application/json", f"Content-Length: {len(body)}")
        page = ("GET /u/nobody HTTP/1.1",)
        for port, size, what, more, status in (
                (self.mimd.port, api, ask, body, 200),
                (self.mimd.public_port, public, page, "", 404)):
            with self.subTest(size):
                for _ in range(3):
                    self.assertEqual(self.status(port, self.head(size * 1024, *what) +
                                                 more), status)
                    # a part of it is for what the library keeps
                    self.assertEqual(self.status(port, self.head((size + 4) * 1024,
                                                                 *what)), 431)
        self.assert_as_before()


class FewConnections(OverloadCase):
    settings = {"inlay.http.max-connections": 64, "inlay.http.request-timeout": "PT2S"}

    def test_who_drips_holds_up_nobody(self):
        head = f"POST {DECISIONS} HTTP/1.1\r\nHost: x\r\n".encode()
        body = head + (f"Authorization: Bearer {self.token}\r\n"
                       "Content-Length: 9999\r\n\r\n").encode()
        with Crowd(self.address, 100, head + b"X: ") as heads, \
                Crowd(self.address, 20, body) as bodies:
            fresh = []

            def all_are_ended():
                heads.drip()
                bodies.drip()
                self.assertEqual(self.ask(self.agent), 200)
                new = self.connection()
                fresh.append(self.ask(new))
                new.close()
                return heads.open() + bodies.open() == 0
            wait_until(all_are_ended, "those that drip are ended", 40)
        # the first may be told to come again: all the others might be in earnest
        self.assertLessEqual(set(fresh), {200, 503})
        self.assertEqual(set(fresh[-10:]), {200})
        self.assertGreater(self.metric("http_cut_total") +
                           self.metric("http_shed_total"), 60)
        self.assert_as_before()


class MoreThanItCan(OverloadCase):
    # so that it is sure to be too much, on any machine
    settings = {"inlay.overload.max-wait": "8ms"}

    def test_what_is_refused_is_told_when_to_come_again(self):
        crowd = self.load(connections=2000, rate=1_000_000, seconds=4, give_up_ms=10_000)
        good = self.load(connections=4, rate=20, seconds=4, give_up_ms=30_000, obey=True)
        most = 0
        while crowd.is_running():
            most = max(most, own_memory(self.pid))
            # who administrates is not in the same queue
            self.assertEqual(self.mimd.call("GET", "/api/tenants/default")[0], 200)
        crowd, good = crowd.result(), good.result()
        self.assertGreater(crowd["refused"], 0, crowd)
        self.assertEqual(crowd["retryAfter"], crowd["refused"], crowd)
        # those that were refused wait, so that most of what is done is answers
        self.assertGreater(crowd["ok"], max(1000, crowd["refused"]), crowd)
        self.assertEqual(crowd["other"], 0, crowd)
        self.assertGreater(good["ok"], 0, good)
        self.assertEqual(good["retryAfter"], good["refused"], good)
        self.assertEqual((good["other"], good["lost"], good["givenUp"]), (0, 0, 0), good)
        self.assertLess(most, self.before[0] + 2100 * CONNECTION + SPARE)
        # what the good client was refused counts as well
        self.assertEqual(self.metric('overload_refused_total{kind="decision"}'),
                         crowd["refused"] + good["refused"])
        self.assert_as_before()


class OneAtATime(OverloadCase):
    # whoever comes while another is answered must rest
    settings = {"inlay.overload.decisions": 1, "inlay.overload.max-wait": "60s"}

    def call(self, connection, method, path, body=None):
        connection.request(method, path, body,
                           {"Authorization": f"Bearer {self.token}",
                            "Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return answer.status

    def test_a_connection_that_must_rest_still_serves_all_but_questions(self):
        load = self.load(connections=1000, rate=1_000_000, seconds=30, give_up_ms=10_000)
        paused = self.connection()
        # what was held in a pause may be refused again: the next one begins then
        wait_until(lambda: self.ask(paused) == 503, "a question is refused")
        began = time.monotonic()
        load.stop()
        events = json.dumps({"events": [{"user": "u1", "instance": 32 * "0",
                                         "type": "injected",
                                         "at": "2026-05-01T08:00:00Z"}]})
        for _ in range(20):
            self.assertEqual(self.call(paused, "GET", "/health/live"), 200)
            self.assertEqual(self.call(paused, "GET", DOVECOT + "/templates/" + 64 * "0"),
                             404)
            self.assertEqual(self.call(paused, "POST", DOVECOT + "/events", events), 200)
        self.assertLess(time.monotonic() - began, PAUSE)
        self.assertEqual(self.ask(paused), 200)
        self.assertGreaterEqual(time.monotonic() - began, PAUSE)
        self.assert_as_before()


class MailUsers(ChainCase):
    """The real chain, with the deadline as it is by default."""

    chain_options = {"settings": {"inlay_deadline": 50}}

    def test_inboxes_open_while_the_middleware_has_too_much_to_do(self):
        token_file = self.mimd.folder / "load-token"
        token_file.write_text(self.mimd.make_token("dovecot:default"))
        questions = self.mimd.folder / "questions"
        questions.write_text("".join(question(f"u{i}") + "\n" for i in range(500)))
        raise_descriptors()
        load = Load(self.mimd.port, DECISIONS, token_file, questions, connections=1000,
                    rate=1_000_000, seconds=5, give_up_ms=10_000)
        self.addCleanup(load.stop)
        opened = 0
        while load.is_running():
            self.assertEqual(self.open(f"{opened}.{self.user}"), 0)
            opened += 1
        self.assertGreater(opened, 3)
        self.assertGreater(load.result()["ok"], 0)
        # and afterwards it injects
        self.put_user()
        self.publish()
        wait_until(lambda: self.open() == 1, "the message is there", 40)

    def test_inboxes_open_while_the_middleware_stands_still(self):
        self.mimd.daemon.signal(signal.SIGSTOP)
        self.addCleanup(self.mimd.daemon.signal, signal.SIGCONT)
        agent = self.chain.agent.process.pid
        before = own_memory(agent)
        for i in range(40):
            self.assertEqual(self.open(f"{i}.{self.user}"), 0)
        self.assertLess(own_memory(agent), before + SPARE)
        self.mimd.daemon.signal(signal.SIGCONT)
        self.put_user()
        self.publish()
        wait_until(lambda: self.open() == 1, "the message is there", 40)


class AgentSessions(AgentCase):
    """The agent's own socket. The tests' user is trusted."""

    def setUp(self):
        self.files = raise_descriptors()
        super().setUp()

    def test_ten_thousand_idle_ones_do_not_disturb(self):
        many = min(10_000, self.files - 500)
        pid = self.agent.process.pid
        self.greeted().close()
        before, files = own_memory(pid), open_files(pid)
        with Crowd(self.agent.socket, many) as crowd:
            self.greeted()
            self.assertEqual(crowd.open(), many)
            self.assertLess(own_memory(pid), before + many * 2000 + SPARE / 4)
            # who does not say hello is sent away
            wait_until(lambda: crowd.open() == 0, "nobody stays without HELLO", 40)
        wait_until(lambda: open_files(pid) <= files + 2, "files are closed")
        self.greeted()

    def test_a_connection_that_must_rest_holds_up_nobody(self):
        self.mim.rests = True  # until the end of the test
        self.mim.status["decisions"] = 503
        anna = self.greeted()
        anna.open()
        self.agent.wait_for_log("MIM does not decide  status=503")
        self.mim.status.clear()
        # the agent asks for all others, and for her, on another connection
        for i in range(20):
            p = self.greeted(user=f"u{i}@example.org")
            p.open()
            self.assertEqual(p.read_answer()[-1][0], wire.DONE)
        instance = anna.event("e1")
        self.mim.wait(lambda: (instance, "injected") in self.mim.delivered(), "an event")
        anna.open(request=2)
        self.assertEqual(anna.read_answer()[-1][1]["request"], 2)
        self.assertNotIn("MIM does not answer", self.agent.log_text())

    def test_five_hundred_ask_a_middleware_that_does_not_answer(self):
        pid = self.agent.process.pid
        self.greeted().close()
        before = own_memory(pid)
        self.mim.delay["hello"] = 5  # seconds; each of a few connections
        plugins = [self.plugin() for _ in range(500)]
        for i, p in enumerate(plugins):
            p.hello(user=f"u{i}@example.org")
        # none of them is in the way of an event
        p = self.plugin()
        p.hello()
        p.event("e1")
        p.read_ack(1)
        self.assertLess(own_memory(pid), before + 500 * 60_000 + SPARE / 4)
        for p in plugins:
            p.close()
        self.mim.delay.clear()
        self.greeted()


if __name__ == "__main__":
    unittest.main()
