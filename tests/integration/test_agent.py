# SPDX-License-Identifier: Apache-2.0
"""The real inlay-agent between frames on its socket and a scripted MIM."""

import email
import email.policy
import glob
import os
import pwd
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import time
import unittest
import unittest.mock

import fake_agent as wire
from scripted_mim import ScriptedMim, inject, sha256, template_bytes
from services.agent import Agent
from services.dovecot import wait_until

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


class EarlyAnswers(AgentCase):
    """MIM sends all but the last byte while its disk still works."""

    def setUp(self):
        super().setUp()
        self.mim.held_byte = "decisions"
        self.mim.actions = [inject("m1", self.give_template())]
        self.addCleanup(self.mim.counts.set)

    def test_the_message_comes_before_the_answer_counts_and_done_behind(self):
        p = self.greeted()
        p.open()
        self.assertEqual([p.read()[0], p.read()[0]], [wire.KNOWN, wire.INJECT])
        self.assertTrue(p.is_silent())
        self.assertTrue(self.mim.bodies("decisions")[0]["early"])
        self.mim.counts.set()
        self.assertEqual(p.read()[0], wire.DONE)
        # with the template at hand, and again on the same connection
        p.open(request=2)
        self.assertEqual([f[0] for f in p.read_answer()],
                         [wire.KNOWN, wire.INJECT, wire.DONE])

    def test_what_does_not_count_is_called_off(self):
        self.mim.cut = True
        p = self.greeted()
        p.open()
        self.assertEqual([p.read()[0], p.read()[0]], [wire.KNOWN, wire.INJECT])
        self.mim.counts.set()
        kind, fields = p.read()
        self.assertEqual((kind, fields["open"]), (wire.READY, 0))
        self.assertTrue(p.is_silent())

    def test_a_message_that_cannot_be_made_is_refused_when_it_counts(self):
        self.mim.actions = [inject("m1", self.give_template(), variables={})]
        p = self.greeted()
        p.open()
        self.assertEqual(p.read()[0], wire.KNOWN)
        self.assertTrue(p.is_silent())
        self.assertEqual(self.mim.events, [])
        self.mim.counts.set()
        self.assertEqual(p.read()[0], wire.DONE)
        self.wait_delivered((self.mim.actions[0]["instance"], "refused"))

    def test_a_session_that_ends_meanwhile(self):
        p = self.greeted()
        p.open()
        self.assertEqual(p.read()[0], wire.KNOWN)
        p.close()
        q = self.greeted(user="bo@example.org")
        self.mim.counts.set()
        q.open()
        self.assertEqual(q.read_answer()[-1][0], wire.DONE)

    def test_an_answer_that_is_no_json_is_none(self):
        self.mim.raw["decisions"] = b"{"
        p = self.greeted()
        p.open()
        self.assertTrue(p.is_silent())
        self.mim.counts.set()
        self.assertTrue(p.is_silent())
        del self.mim.raw["decisions"]
        p.open(request=2)
        self.assertEqual(p.read_answer()[-1][0], wire.DONE)


class Answers(AgentCase):
    def test_hello_is_answered_by_ready(self):
        p = self.plugin()
        self.mim.open, self.mim.next_check = True, "PT2M"
        p.hello()
        kind, fields = p.read()
        self.assertEqual((kind, fields["open"], fields["nextCheck"]),
                         (wire.READY, 1, 120))
        self.mim.open = False
        p.hello()
        self.assertEqual(p.read()[1]["open"], 0)
        name, tenant, body, authorization = self.mim.calls[0]
        self.assertEqual((name, tenant), ("hello", "default"))
        self.assertEqual(body, {"user": "anna@example.org", "protocol": "imap"})
        self.assertEqual(authorization, "Bearer secret-token")

    def test_open_is_answered_by_a_finished_message(self):
        self.mim.actions = [inject("m1", self.give_template(), label="Anzeige",
                                   unsubscribe="https://u.example.org/u/x",
                                   placement={"position": "date",
                                              "date": "2026-05-01T08:00:00Z"})]
        p = self.greeted(user="anna")
        instance, guid = wire.ids("known")
        self.mim.known = [{"guid": guid, "instance": instance}]
        p.open(request=7, present=[{"guid": guid, "uid": 2, "seen": 1, "newer": 4,
                                    "proof": "x; y"}])
        known, message, done = p.read_answer()
        self.assertEqual(known[0], wire.KNOWN)
        self.assertEqual(known[1]["own"], [{"guid": guid, "instance": instance,
                                            "present": [], "own": [],
                                            "dateOffset": []}])
        self.assertEqual(done[1]["request"], 7)
        self.assertEqual(done[1]["nextCheck"], 900)
        kind, f = message
        self.assertEqual(kind, wire.INJECT)
        self.assertEqual((f["request"], f["instance"], f["guid"]),
                         (7, self.mim.actions[0]["instance"],
                          self.mim.actions[0]["guid"]))
        self.assertEqual((f["position"], f["date"], f["validFor"]),
                         (wire.DATE, 1_777_622_400_000, 30))
        text = f["message"]
        self.assertEqual(len(f["dateOffset"]), 2)
        for at in f["dateOffset"]:
            self.assertRegex(text[at:at + 31],
                             r"^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} "
                             r"\d\d:\d\d:\d\d \+0000$")
        self.assertEqual(text.replace("\r\n", "").count("\n"), 0)
        m = email.message_from_string(text, policy=email.policy.default)
        self.assertEqual(m["To"], "anna@example.org")
        self.assertEqual(m["Subject"], "[Anzeige] Hello Anna")
        self.assertEqual(m["Message-ID"], f"<{f['instance']}@imap1.example.org>")
        self.assertEqual(m["X-Inlay-Instance"], f"{f['instance']}; {'ab' * 32}")
        self.assertEqual(m["List-Unsubscribe"], "<https://u.example.org/u/x>")
        self.assertIn("Dear Anna,", m.get_body(("plain",)).get_content())
        self.assertIn("<p>Dear Anna,</p>", m.get_body(("html",)).get_content())
        question = self.mim.bodies("decisions")[0]
        self.assertEqual(question, {
            "node": "imap1.example.org", "user": "anna", "protocol": "imap",
            "uidValidity": 17, "uidNext": 3, "complete": True,
            "present": [{"guid": guid, "uid": 2, "seen": True, "newer": 4,
                         "proof": "x; y"}], "events": [], "early": True})

    def test_templates_are_fetched_once_and_survive_a_restart(self):
        self.mim.actions = [inject("m1", self.give_template()),
                            inject("m2", self.give_template())]
        p = self.greeted()
        for request in (1, 2):
            p.open(request)
            self.assertEqual([f[0] for f in p.read_answer()],
                             [wire.KNOWN, wire.INJECT, wire.INJECT, wire.DONE])
        self.assertEqual(self.mim.count("templates"), 1)
        self.agent.stop()
        self.agent.start()
        p = self.greeted()
        p.open()
        self.assertEqual(len(p.read_answer()), 4)
        self.assertEqual(self.mim.count("templates"), 1)

    def test_a_template_damaged_on_disk_is_fetched_anew(self):
        digest = self.give_template()
        self.mim.actions = [inject("m1", digest)]
        p = self.greeted()
        p.open()
        p.read_answer()
        self.agent.stop()
        with open(os.path.join(self.agent.cache, "default", digest), "ab") as f:
            f.write(b" ")
        self.agent.start()
        p = self.greeted()
        p.open()
        self.assertEqual(p.read_answer()[1][0], wire.INJECT)
        self.assertEqual(self.mim.count("templates"), 2)

    def test_reinject_and_withdraw(self):
        instance, guid = wire.ids("old")
        self.mim.actions = [
            inject("m1", self.give_template(), op="reinject", replaces=guid),
            {"op": "withdraw", "guid": guid, "cause": "expired", "lazy": True},
            {"op": "juggle", "balls": [1, 2, 3]}]
        p = self.greeted()
        p.open()
        known, again, withdraw, done = p.read_answer()
        self.assertEqual((again[0], again[1]["replaces"]), (wire.REINJECT, guid))
        self.assertEqual((withdraw[0], withdraw[1]["guid"], withdraw[1]["cause"],
                          withdraw[1]["lazy"]), (wire.WITHDRAW, guid, 2, 1))

    def test_the_newest_open_is_answered(self):
        p = self.greeted()
        self.mim.delay["decisions"] = 0.2
        p.open(request=1)
        p.open(request=2)
        self.assertEqual([f[1]["request"] for f in p.read_answer()], [2, 2])
        self.assertTrue(p.is_silent())

    def test_many_sessions_at_once(self):
        self.mim.actions = [inject("m1", self.give_template())]
        sessions = []
        for i in range(200):
            p = self.plugin()
            p.hello(user=f"user{i}@example.org")
            p.open()
            sessions.append(p)
        for p in sessions:
            kinds = {p.read()[0] for _ in range(4)}
            self.assertEqual(kinds, {wire.READY, wire.KNOWN, wire.INJECT, wire.DONE})
        self.assertEqual(self.mim.count("templates"), 1)


class Faults(AgentCase):
    settings = {"inlay.mim.timeout": "2s"}

    def test_without_an_answer_nothing_is_sent(self):
        """MIM slow, failing, half an answer, nonsense: and then well again."""
        p = self.greeted()
        for name, break_it, mend in (
                ("status", lambda: self.mim.status.update(decisions=500),
                 self.mim.status.clear),
                ("half", lambda: self.mim.half.add("decisions"),
                 self.mim.half.clear),
                ("garbage", lambda: self.mim.raw.update(decisions=b"{\"known\":[}"),
                 self.mim.raw.clear),
                ("another kind", lambda: self.mim.raw.update(
                    decisions=b'{"known":[],"actions":[{"op":"inject"}],'
                              b'"nextCheck":"PT1M"}'), self.mim.raw.clear),
                ("too long", lambda: self.mim.raw.update(decisions=b" " * 2_000_000),
                 self.mim.raw.clear),
                ("slow", lambda: self.mim.delay.update(decisions=2.5),
                 self.mim.delay.clear)):
            with self.subTest(name):
                break_it()
                p.open(request=1)
                self.assertTrue(p.is_silent(2.6 if name == "slow" else SILENCE))
                mend()
                p.open(request=2)
                self.assertEqual(p.read_answer()[-1][1]["request"], 2)

    def test_a_late_answer_within_the_deadline_still_comes(self):
        p = self.greeted()
        self.mim.delay["decisions"] = 0.5
        p.open()
        self.assertTrue(p.is_silent(0.2))
        self.assertEqual(p.read_answer()[-1][0], wire.DONE)

    def test_hello_that_is_refused_is_answered_at_once(self):
        self.mim.status["hello"] = 503
        for said, told in (("7", 7), ("soon", 1), ("0", 1), ("99999999", 900), (None, 1)):
            self.mim.retry_after = said
            p = self.plugin()
            p.hello()
            kind, fields = p.read()
            self.assertEqual((kind, fields["open"], fields["nextCheck"]),
                             (wire.READY, 0, told), said)
        self.mim.status.clear()
        p.hello()
        self.assertEqual(p.read()[1]["open"], 1)

    def test_an_open_that_is_refused_is_answered_at_once(self):
        p = self.greeted()
        self.mim.status["decisions"], self.mim.retry_after = 503, 7
        p.open(request=1)
        kind, fields = p.read()
        self.assertEqual((kind, fields["open"], fields["nextCheck"]), (wire.READY, 0, 7))
        self.mim.status.clear()
        p.open(request=2)
        self.assertEqual(p.read_answer()[-1][1]["request"], 2)

    def test_a_connection_that_was_refused_is_not_used_again(self):
        """MIM lets it rest, and the next mail user would wait for that."""
        alone = {"recalls": 404}  # no other questions
        self.mim.status = alone
        self.greeted()
        self.mim.wait(lambda: self.mim.polls, "the other question")
        for status, more in ((200, 0), (503, 1), (200, 0)):
            before = len(self.mim.sockets)
            self.mim.status = alone if status == 200 else {**alone, "hello": status}
            self.greeted()  # READY is the answer to both
            self.mim.status = alone
            self.greeted()
            self.assertEqual(len(self.mim.sockets), before + more, status)

    def test_hello_without_an_answer(self):
        self.mim.status["hello"] = 500
        p = self.plugin()
        p.hello()
        self.assertTrue(p.is_silent())
        self.mim.status.clear()
        p.open()  # a session may still ask
        self.assertEqual(p.read_answer()[-1][0], wire.DONE)

    def test_a_template_of_the_wrong_hash_is_never_used(self):
        digest = self.give_template()
        self.mim.templates[digest] = template_bytes() + b" "
        self.mim.actions = [inject("m1", digest)]
        p = self.greeted()
        p.open()
        self.assertEqual([f[0] for f in p.read_answer()], [wire.KNOWN, wire.DONE])
        self.wait_delivered((self.mim.actions[0]["instance"], "refused"))
        self.assertEqual(self.mim.events[0]["cause"], "failed")
        self.assertEqual(glob.glob(self.agent.cache + "/default/*"), [])

    def test_a_value_that_looks_like_an_encoded_word_stays_text(self):
        word = "=?utf-8?q?a=0d=0aBcc:_x?="
        template = {"from": {"name": "{{name}}", "address": "news@example.org"},
                    "subject": "{{name}}", "headers": {"X-Foo": "{{name}}"},
                    "html": "<p>x</p>"}
        self.mim.actions = [inject("m1", self.give_template(template),
                                   variables={"name": word})]
        p = self.greeted(user="=?utf-8?q?x?=@example.org")
        p.open()
        text = p.read_answer()[1][1]["message"]
        m = email.message_from_string(text, policy=email.policy.default)
        shown = word.replace("=?", "= ?", 1)
        self.assertEqual(m["Subject"], shown)
        self.assertEqual(m["X-Foo"], shown)
        self.assertEqual(m["From"].addresses[0].display_name, shown)
        self.assertIn('\r\nTo: "=?utf-8?q?x?="@example.org\r\n', text)

    def test_a_message_that_cannot_be_made_is_refused(self):
        self.mim.actions = [inject("m1", self.give_template(), variables={}),
                            inject("m2", self.give_template())]
        p = self.greeted()
        p.open()
        frames = p.read_answer()
        self.assertEqual([f[0] for f in frames], [wire.KNOWN, wire.INJECT, wire.DONE])
        self.assertEqual(frames[1][1]["instance"], self.mim.actions[1]["instance"])
        self.wait_delivered((self.mim.actions[0]["instance"], "refused"))
        self.assertEqual(self.mim.events[0]["cause"], "invalid")

    def test_mim_away_and_back(self):
        p = self.greeted()
        self.mim.stop()
        p.open(request=1)
        self.assertTrue(p.is_silent())
        instance = p.event("m1")
        self.assertEqual(p.read_ack(1), 1)
        self.mim.start()
        p.open(request=2)
        self.assertEqual(p.read_answer()[-1][1]["request"], 2)
        self.wait_delivered((instance, "injected"))

    def test_the_next_mim_is_used_when_one_is_away(self):
        other = ScriptedMim()
        self.addCleanup(other.stop)
        self.agent.stop()
        self.agent.settings["inlay.mim.url"] = f"{self.mim.url}, {other.url}/"
        self.agent.start()
        self.greeted()
        self.assertEqual(other.count("hello"), 0)
        self.mim.stop()
        p = self.plugin()
        p.hello()
        self.assertTrue(p.is_silent())
        p.hello()
        self.assertEqual(p.read()[0], wire.READY)
        self.assertEqual(other.count("hello"), 1)
        self.mim.start()

    def test_https_with_an_own_authority_and_only_with_it(self):
        key, certificate = (os.path.join(self.directory, n) for n in ("key", "crt"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj",
                        "/CN=mim", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                        key, "-out", certificate], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        secure = ScriptedMim(tls=context)
        self.addCleanup(secure.stop)
        for ca, answered in ((certificate, True), (None, False)):
            self.agent.stop()
            self.agent.settings.update({"inlay.mim.url": secure.url,
                                        "inlay.mim.ca-file": ca})
            self.agent.start()
            p = self.plugin()
            p.hello()
            if answered:
                self.assertEqual(p.read()[0], wire.READY)
            else:
                self.agent.wait_for_log("MIM does not answer")
                self.assertTrue(p.is_silent())
        self.assertEqual(secure.count("hello"), 1)

    def test_a_proxy_of_the_environment_is_not_used(self):
        self.agent.stop()
        with unittest.mock.patch.dict(os.environ, http_proxy="http://127.0.0.1:9",
                                      ALL_PROXY="http://127.0.0.1:9"):
            self.agent.start()
        self.greeted()

    def test_a_flood_of_faults_does_not_flood_the_log(self):
        plugins = [self.plugin() for _ in range(400)]
        began = time.monotonic()
        for p in plugins:
            p.sock.sendall(b"\xff" * 8)
        for p in plugins:
            self.assertTrue(p.is_closed())
        lines = self.agent.log_text().count("a bad frame")
        self.assertGreater(lines, 0)
        self.assertLessEqual(lines, 20 * (2 + time.monotonic() - began))

    def test_a_bad_frame_ends_only_its_connection(self):
        good = self.greeted()
        hello = wire.encode(wire.HELLO, tenant="default", user="u", protocol="imap")
        for bad in (b"\xff" * 20, b"\0\0\0\2\2\1", b"\0\0\0\1\1",
                    struct.pack(">IBB", 900_000, 1, wire.INJECT),
                    wire.encode(wire.READY, open=1, nextCheck=1),
                    wire.encode(wire.OPEN, request=1, uidValidity=1, uidNext=1,
                                complete=1),
                    hello[:-1] + b"\xff"):
            p = self.plugin()
            p.sock.sendall(bad)
            self.assertTrue(p.is_closed(), bad)
        # of a future version: skipped
        p = self.plugin()
        p.sock.sendall(struct.pack(">IBB", 2, 1, 99) + hello)
        self.assertEqual(p.read()[0], wire.READY)
        # byte by byte
        p = self.plugin()
        for byte in hello:
            p.sock.sendall(bytes([byte]))
        self.assertEqual(p.read()[0], wire.READY)
        good.open()
        self.assertEqual(good.read_answer()[-1][0], wire.DONE)

    def test_events_that_do_not_ascend_end_the_connection(self):
        p = self.greeted()
        p.event("m1")
        p.read_ack(1)
        p.number = 0
        p.event("m2")
        self.assertTrue(p.is_closed())


    def test_an_event_of_an_impossible_time_ends_only_its_connection(self):
        for when in (2 ** 64 - 1, 253_402_300_800_000, 2 ** 63 - 1, 2 ** 63):
            bad = self.greeted()
            bad.event("m1", when=when)
            self.assertTrue(bad.is_closed(), when)
        good = self.greeted()
        one = good.event("m2")
        good.read_ack(1)
        self.wait_delivered((one, "injected"))


class Spool(AgentCase):
    def segments(self):
        return sorted(glob.glob(self.agent.spool + "/*.spool"))

    def test_events_are_delivered_as_they_were(self):
        p = self.greeted()
        one = p.event("m1")
        two = p.event("m2", kind=4, cause=2, seen=1)
        p.read_ack(2)
        self.wait_delivered((one, "injected"), (two, "gone"))
        self.assertEqual(self.mim.events[0],
                         {"user": "anna@example.org", "instance": one,
                          "type": "injected", "at": "2026-05-01T08:00:00Z"})
        self.assertEqual(self.mim.events[1],
                         {"user": "anna@example.org", "instance": two, "type": "gone",
                          "at": "2026-05-01T08:00:00Z", "seen": True,
                          "cause": "moved"})
        wait_until(lambda: not any(os.path.getsize(s) for s in self.segments()),
                   "the spool is empty")

    def test_events_go_with_open_until_they_are_delivered(self):
        self.mim.status["events"] = 503
        p = self.greeted()
        one = p.event("m1")
        other = self.greeted(user="bert@example.org")
        other.event("m2")
        p.read_ack(1)
        other.read_ack(1)
        p.open()
        p.read_answer()
        self.assertEqual(self.mim.bodies("decisions")[0]["events"],
                         [{"instance": one, "type": "injected",
                           "at": "2026-05-01T08:00:00Z"}])
        self.mim.status.clear()
        self.wait_delivered((one, "injected"))

    def test_hello_says_open_while_mim_has_not_heard_of_a_refusal(self):
        self.mim.open = False
        self.mim.status["events"] = 503
        p = self.greeted()
        instance = p.event("one", kind=5, cause=17)
        p.read_ack(1)
        p.hello()
        self.assertEqual(p.read()[1]["open"], 1)
        del self.mim.status["events"]
        self.wait_delivered((instance, "refused"))
        p.hello()
        self.assertEqual(p.read()[1]["open"], 0)

    def test_kill_loses_no_confirmed_event(self):
        self.mim.status["events"] = 503
        confirmed = []
        for round_ in range(3):
            p = self.greeted()
            for i in range(50):
                confirmed.append((p.event(f"m{round_}-{i}"), "injected"))
            p.read_ack(50)
            self.agent.kill()
            if round_ < 2:
                self.agent.start()
        self.mim.status.clear()
        self.agent.start()
        self.wait_delivered(*confirmed)
        self.assertEqual(len(self.mim.events), len(confirmed))

    def test_a_torn_tail_is_cut_off(self):
        self.mim.status["events"] = 503
        p = self.greeted()
        one, two = p.event("m1"), p.event("m2")
        p.read_ack(2)
        self.agent.kill()
        (segment,) = self.segments()
        os.truncate(segment, os.path.getsize(segment) - 3)
        self.mim.status.clear()
        self.agent.start()
        self.agent.wait_for_log("was cut off")
        self.wait_delivered((one, "injected"))
        self.assertNotIn((two, "injected"), self.mim.delivered())

    def test_a_damaged_file_gives_its_good_part_and_is_kept(self):
        self.mim.status["events"] = 503
        p = self.greeted()
        one = p.event("m1")
        p.event("m2")
        p.read_ack(2)
        self.agent.kill()
        (segment,) = self.segments()
        with open(segment, "r+b") as f:
            f.seek(os.path.getsize(segment) - 5)
            f.write(b"\xff\xff")
        self.mim.status.clear()
        self.agent.start()
        self.agent.wait_for_log("damaged file")
        self.wait_delivered((one, "injected"))
        wait_until(lambda: os.path.exists(segment + ".damaged"), "the file put aside")

    def test_an_event_that_mim_refuses_does_not_hold_up_the_others(self):
        p = self.greeted()
        self.mim.refuse_event = wire.ids("m3")[0]
        instances = [p.event(f"m{i}") for i in range(8)]
        p.read_ack(8)
        self.wait_delivered(*[(i, "injected") for i in instances
                              if i != self.mim.refuse_event])
        self.agent.wait_for_log("MIM refuses an event")

        def nothing_goes_along():
            p.open()
            p.read_answer()
            return self.mim.bodies("decisions")[-1]["events"] == []
        wait_until(nothing_goes_along, "an OPEN without events")
        # it is still there, for a MIM that knows better
        self.agent.kill()
        refused, self.mim.refuse_event = self.mim.refuse_event, None
        self.agent.start()
        self.wait_delivered((refused, "injected"))

    def test_one_spool_one_process(self):
        second = os.path.join(self.directory, "second")
        os.mkdir(second)
        other = Agent(second, self.mim.url,
                      settings={"inlay.spool.directory": self.agent.spool})
        code, _, text = other.run()
        self.assertEqual(code, 75)
        self.assertIn("another process uses this spool", text + other.log_text())


class FullSpool(AgentCase):
    settings = {"inlay.spool.max-size": "1 MiB"}

    def test_a_full_spool_injects_nothing_and_still_withdraws(self):
        self.mim.status["events"] = 503
        instance, guid = wire.ids("old")
        self.mim.actions = [
            inject("m1", self.give_template()),
            {"op": "withdraw", "guid": guid, "cause": "recall", "lazy": False}]
        p = self.greeted()
        p.open()
        self.assertEqual([f[0] for f in p.read_answer()],
                         [wire.KNOWN, wire.INJECT, wire.WITHDRAW, wire.DONE])
        long_name = "x" * 990
        confirmed = []
        for user in range(3):
            q = self.greeted(user=f"{long_name}{user}@example.org")
            for burst in range(20):
                names = [f"{user}-{burst}-{i}" for i in range(30)]
                try:
                    sent = [q.event(n) for n in names]
                    q.read_ack(q.number)
                except (AssertionError, ConnectionResetError, BrokenPipeError):
                    break
                confirmed += [(i, "injected") for i in sent]
        used = sum(os.path.getsize(f) for f in glob.glob(self.agent.spool + "/*.spool"))
        self.assertLessEqual(used, 1024 * 1024)
        self.assertGreater(used, 900 * 1024)
        p.open()
        self.assertEqual([f[0] for f in p.read_answer()],
                         [wire.KNOWN, wire.WITHDRAW, wire.DONE])
        self.agent.wait_for_log("no event can be taken")
        self.mim.status.clear()
        self.wait_delivered(*confirmed)

        def injects():
            p.open()
            return wire.INJECT in [f[0] for f in p.read_answer()]
        wait_until(injects, "an injection after the delivery")


class Peers(AgentCase):
    settings = {"inlay.trusted-uids": "54321",
                "inlay.user-map." + str(os.getuid()): "anna@example.org, bert",
                "inlay.limits.connections-per-uid": "4",
                "inlay.limits.requests-per-minute": "6"}

    def test_an_untrusted_uid_speaks_for_its_own_users_only(self):
        own = pwd.getpwuid(os.getuid()).pw_name
        for user in ("anna@example.org", "bert", own):
            p = self.greeted(user=user)
            p.close()
        p = self.plugin()
        p.hello(user="carla@example.org")
        self.assertTrue(p.is_closed())
        self.assertEqual(self.mim.count("hello"), 3)

    def test_a_connection_belongs_to_the_first_user_it_names(self):
        p = self.greeted(user="anna@example.org")
        p.hello(user="bert")
        self.assertTrue(p.is_closed())

    def test_an_unknown_tenant_is_turned_away(self):
        p = self.plugin()
        p.hello(user="bert", tenant="other")
        self.assertTrue(p.is_closed())

    def test_too_many_connections_and_requests(self):
        open_ones = [self.greeted(user="bert") for _ in range(4)]
        self.assertTrue(self.plugin().is_closed())
        open_ones.pop().close()

        def let_in():
            q = self.plugin()
            try:
                q.hello(user="bert")
                return q if q.read() is not None else None
            except (ConnectionResetError, BrokenPipeError):
                return None
        p = wait_until(let_in, "the place of one that left")
        p.open()  # the sixth request
        self.assertEqual(p.read_answer()[-1][0], wire.DONE)
        p.open()
        self.assertTrue(p.is_silent())


class Process(AgentCase):
    def test_sigterm_ends_it_well(self):
        self.mim.status["events"] = 503
        p = self.greeted()
        instance = p.event("m1")
        p.read_ack(1)
        self.assertEqual(self.agent.stop(), 0)
        self.assertFalse(os.path.exists(self.agent.socket))
        self.assertTrue(p.is_closed())
        self.mim.status.clear()
        self.agent.start()
        self.wait_delivered((instance, "injected"))

    def test_sigterm_lets_an_answer_out(self):
        self.mim.delay["decisions"] = 0.3
        p = self.greeted()
        p.open()
        self.mim.wait(lambda: "decisions" in self.mim.arrived, "the question")
        self.agent.signal(signal.SIGTERM)
        self.assertEqual(p.read_answer()[-1][0], wire.DONE)
        self.assertTrue(p.is_closed())
        self.assertEqual(self.agent.process.wait(LIMIT), 0)
        self.agent.process = None

    def test_sighup_reopens_the_log_and_reads_the_tokens(self):
        self.greeted()
        os.rename(self.agent.log, self.agent.log + ".1")
        self.agent.log_before = 0
        self.agent.tokens["default"] = "another-token"
        self.agent.write_tokens()
        self.agent.signal(signal.SIGHUP)
        self.agent.wait_for_log("log reopened")
        self.greeted()
        self.assertEqual([c[3] for c in self.mim.calls],
                         ["Bearer secret-token", "Bearer another-token"])

    def test_the_log_tells_nobodys_name(self):
        self.mim.actions = [inject("m1", self.give_template(), variables={})]
        p = self.greeted(user="very-private-name@example.org")
        p.open()
        p.read_answer()
        self.agent.wait_for_log("a message cannot be made")
        self.assertNotIn("very-private-name", self.agent.log_text())
        self.assertNotIn("secret-token", self.agent.log_text())

    def test_a_socket_left_by_a_crash_is_replaced(self):
        self.agent.kill()
        self.assertTrue(os.path.exists(self.agent.socket))
        self.agent.start()
        self.greeted()
        second = os.path.join(self.directory, "second")
        os.mkdir(second)
        other = Agent(second, self.mim.url,
                      settings={"inlay.socket.path": self.agent.socket})
        code, _, text = other.run()
        self.assertEqual(code, 75)
        self.assertIn("another process listens there", text + other.log_text())
        self.greeted()

    def test_the_socket_has_its_mode(self):
        self.assertEqual(os.stat(self.agent.socket).st_mode & 0o777, 0o660)
        self.agent.stop()
        self.agent.settings["inlay.socket.mode"] = "0600"
        self.agent.start()
        self.assertEqual(os.stat(self.agent.socket).st_mode & 0o777, 0o600)


class Configuration(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="inlay-agent-")
        self.addCleanup(shutil.rmtree, self.directory, True)
        self.agent = Agent(self.directory, "http://127.0.0.1:9")

    def test_what_is_wrong_is_said_in_one_line_each(self):
        for name, value, want in (
                ("inlay.trusted-uids", None, "inlay.trusted-uids: must be set"),
                ("inlay.trusted-uids", "no-such-user", "there is no such user"),
                ("inlay.unknown", "1", "inlay.unknown"),
                ("inlay.socket.mode", "9", "octal"),
                ("inlay.socket.group", "no-such-group", "there is no such group"),
                ("inlay.mim.url", "ftp://x", "http://"),
                ("inlay.mim.timeout", "5 parsecs", "inlay.mim.timeout"),
                # it would take a middleware for dead that lets it wait
                ("inlay.mim.timeout", "1900ms",
                 'inlay.mim.timeout: "1900ms" is not allowed'),
                ("inlay.address-domain", "a b", "host name"),
                ("inlay.message-id-domain", "a>b", "host name"),
                ("inlay.tenant.a/b.token-file", "/x", "<id>.token-file"),
                ("inlay.user-map.x", "y", "is no uid")):
            with self.subTest(name):
                agent = Agent(self.directory, "http://127.0.0.1:9",
                              settings={name: value})
                code, _, text = agent.run("--check-config")
                self.assertEqual(code, 2, text)
                self.assertIn(want, text)
                self.assertEqual(len(text.splitlines()), 1, text)

    def test_check_print_help_version(self):
        self.assertEqual(self.agent.run("--check-config")[:2],
                         (0, "the settings are fine\n"))
        code, text, _ = self.agent.run("--print-config",
                                       "--set", "inlay.mim.timeout=3s")
        self.assertEqual(code, 0)
        self.assertIn("inlay.mim.timeout=3s", text)
        code, text, _ = self.agent.run("--help")
        self.assertEqual(code, 0)
        self.assertIn("inlay.spool.max-size", text)
        self.assertRegex(self.agent.run("--version")[1], r"^inlay-agent \d")
        code, _, text = self.agent.run("--nonsense")
        self.assertEqual(code, 2)
        self.assertIn("--nonsense", text)

    def test_manual_and_sample_speak_of_the_settings_there_are(self):
        known = set(re.findall(r"^#?([a-z][a-z.-]*[a-z]|[a-z.-]+\.\*)(?==)",
                               self.agent.run("--print-config")[1], re.M))
        names = set(re.findall(r"^    ([a-z]\S*)$", self.agent.run("--help")[1], re.M))
        self.assertGreater(len(names), 20)
        with open(os.path.join(ROOT, "docs/man/inlay-agent.8"), encoding="utf-8") as f:
            manual = set(re.findall(r"^\.It Va (\S+)$", f.read(), re.M))
        self.assertEqual(manual, names)
        self.assertTrue(known - {"inlay.tenant.default.token-file"} <= names, known)
        sample = os.path.join(ROOT, "packaging/inlay-agent.properties")
        with open(sample, encoding="utf-8") as f:
            lines = f.read()
        for name in re.findall(r"^#?([a-z.-]+[a-z])=", lines, re.M):
            self.assertTrue(name in names or name.startswith("inlay.tenant."), name)
        done = self.agent.run("--config", sample, "--check-config",
                              "--set", "inlay.trusted-uids=",
                              "--set", "inlay.socket.group=")
        self.assertEqual(done[0], 0, done)

    def test_a_missing_token_file_or_folder_is_said(self):
        os.unlink(self.agent.token_file("default"))
        code, _, text = self.agent.run()
        self.assertNotEqual(code, 0)
        self.assertIn("token-default", text)
        self.agent.write_tokens()
        shutil.rmtree(self.agent.spool)
        code, _, text = self.agent.run()
        self.assertNotEqual(code, 0)
        self.assertIn("cannot open the spool", text)


if __name__ == "__main__":
    unittest.main()
