# SPDX-License-Identifier: Apache-2.0
"""The real inlay-agent between frames on its socket and a scripted MIM: what it answers,
and what it does when something is wrong."""

import email
import email.policy
import glob
import os
import ssl
import struct
import subprocess
import time
import unittest
import unittest.mock

import fake_agent as wire
from agent_case import SILENCE, AgentCase
from scripted_mim import ScriptedMim, inject, template_bytes


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


if __name__ == "__main__":
    unittest.main()
