# SPDX-License-Identifier: Apache-2.0
"""What mimd tells agents, over HTTP: hello, decisions, events, templates; and what
operators do and see: pause, recall, kill switch, statistics, why."""
import hashlib
import hmac
import json
import socket
import threading
import time
import unittest

from import_case import Bundle, ImportCase, TEMPLATE, people, user

ANNA = user(0)


def now(seconds=0):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


class DecisionCase(ImportCase):
    secret = "s3cret"
    hashed = False

    def setUp(self):
        super().setUp()
        self.agent = self.mimd.make_token("dovecot:default", name="agent")

    def consent(self, name=ANNA, granted=True, at=None):
        key = self.key(name)
        status, _ = self.mimd.call("PUT", self.path(f"users/{key}"), {
            "user": key, "consents": [{"purpose": "newsletter", "granted": granted,
                                       "at": at or "2026-01-05T10:00:00Z"}]})
        self.assertIn(status, (200, 201))

    def key(self, name):
        if not self.hashed:
            return name
        return hmac.new(self.secret.encode(), name.lower().encode(),
                        hashlib.sha256).hexdigest()

    def dovecot(self, call, body, status=200):
        return self.mimd.need(status, "POST", f"/api/dovecot/{call}", body, self.agent)

    def hello(self, name=ANNA):
        return self.dovecot("hello", {"user": name, "protocol": "imap"})["open"]

    def open(self, name=ANNA, present=(), events=(), **more):
        return self.dovecot("decisions", {
            "node": "mail1", "user": name, "protocol": "imap", "uidValidity": 7,
            "uidNext": 100, "complete": True, "present": list(present),
            "events": list(events), **more})

    def injected(self, name=ANNA):
        """The one action of an opening, confirmed."""
        action, = self.open(name)["actions"]
        self.happens(name, action["instance"], "injected")
        return action

    def happens(self, name, instance, kind, **more):
        return self.dovecot("events", {"events": [
            {"user": name, "instance": instance, "type": kind, "at": now(), **more}]})

    def why(self, name=ANNA, campaign="spring"):
        told = self.mimd.need(200, "GET", self.path(f"users/{name}/why"))
        return next(c for c in told["campaigns"] if c["campaign"] == campaign)

    def order(self, word, body=None, status=200, campaign="spring"):
        return self.mimd.need(status, "POST",
                              self.path(f"campaigns/{campaign}/{word}"), body)

    def counts(self, campaign="spring"):
        answer = self.mimd.need(200, "GET",
                                self.path(f"campaigns/{campaign}/statistics"))
        return {k: v["count"] for k, v in answer["totals"].items() if v["count"]}


class WhatIsGiven(DecisionCase):
    def test_a_row_becomes_an_action(self):
        self.succeed(Bundle(people(3)))
        self.consent()
        self.assertTrue(self.hello("USER0@example.org"))
        self.assertEqual(self.why()["outcome"], "would inject")
        action, = self.open("USER0@example.org")["actions"]
        self.assertEqual(action["variables"], {"name": "Name 0",
                                               "link": "https://example.org/0"})
        self.assertEqual(action["placement"], {"position": "top"})
        self.assertEqual(action["label"], "Ad")
        self.assertTrue(action["unsubscribe"].startswith("https://mail.example.org/u/"))
        self.assertFalse(self.hello())
        self.assertEqual(self.open()["actions"], [])
        self.assertEqual(self.why()["facts"]["state"], "pending")

    def test_the_template_is_given_as_it_lay_in_the_bundle(self):
        bundle = Bundle()
        self.succeed(bundle)
        self.consent()
        digest = self.open()["actions"][0]["template"]
        status, headers, text = self.mimd.request(
            "GET", f"/api/dovecot/templates/{digest}", None,
            {"Authorization": f"Bearer {self.agent}"})
        self.assertEqual(status, 200)
        self.assertEqual(text, bundle.files["templates/t.json"])
        self.assertEqual(hashlib.sha256(text).hexdigest(), digest)
        self.assertIn("immutable", headers["Cache-Control"])
        self.mimd.need(404, "GET", f"/api/dovecot/templates/{'0' * 64}", None, self.agent)

    def test_without_consent_there_is_nothing(self):
        self.succeed(Bundle())
        self.assertFalse(self.hello())
        self.assertEqual(self.open()["actions"], [])
        self.assertEqual(self.why()["gate"], "consent")
        self.consent(granted=False)
        self.assertEqual(self.open()["actions"], [])
        self.consent(at=now(-1))
        self.assertEqual(len(self.open()["actions"]), 1)

    def test_who_is_no_recipient_gets_nothing(self):
        self.succeed(Bundle(people(3)))
        self.consent("stranger@example.org")
        self.assertEqual(self.open("stranger@example.org")["actions"], [])
        self.assertEqual(self.why("stranger@example.org")["gate"], "audience")

    def test_a_service_message_for_everyone_needs_no_consent(self):
        alert = Bundle(type="service_alert", legalClass="service",
                       audience={"from": "everyone"},
                       template={**TEMPLATE, "html": "x", "subject": "y"})
        del alert.campaign["purpose"], alert.campaign["label"]
        self.succeed(alert, token=self.mimd.make_token("tenant:default", name="alerts",
                                                       service=True))
        action, = self.open("stranger@example.org")["actions"]
        self.assertNotIn("unsubscribe", action)
        self.assertNotIn("label", action)

    def test_spacing_and_live_limit_hold_over_campaigns(self):
        for n in range(4):
            self.succeed(Bundle(id=f"c{n}"), prefix=f"campaigns/c{n}/1")
        self.consent()
        self.injected()
        self.assertEqual(self.open()["actions"], [])
        gates = {self.why(campaign=f"c{n}")["gate"] for n in range(4)}
        self.assertEqual(gates, {"repeat", "spacing"})

    def test_twenty_openings_at_once_give_one(self):
        self.succeed(Bundle())
        self.consent()
        actions = []
        start = threading.Barrier(20)

        def session():
            start.wait(30)
            actions.extend(self.open()["actions"])
        threads = [threading.Thread(target=session) for _ in range(20)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
        self.assertEqual(len(actions), 1)


class InTwoSteps(DecisionCase):
    """All of the answer but its last byte, while the disk works."""

    settings = {"inlay.http.threads": 2}

    def setUp(self):
        super().setUp()
        self.succeed(Bundle())
        self.consent()

    def ask(self, name=ANNA, **more):
        """The pieces in which the answer came, the head in front of the first."""
        body = json.dumps({"node": "m", "user": name, "protocol": "imap",
                           "uidValidity": 7, "uidNext": 100, "complete": True,
                           "present": [], "events": [], **more})
        with socket.create_connection(("127.0.0.1", self.mimd.port), 30) as s:
            s.sendall((f"POST /api/dovecot/decisions HTTP/1.1\r\nHost: x\r\n"
                       f"Authorization: Bearer {self.agent}\r\nConnection: close\r\n"
                       f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
            pieces = []
            while data := s.recv(1 << 20):
                pieces.append(data)
        return pieces

    def test_who_asks_for_it_gets_the_last_byte_when_it_is_durable(self):
        for i in range(10):
            self.consent(user(i))
            pieces = self.ask(user(i), early=True)
            head, _, text = b"".join(pieces).partition(b"\r\n\r\n")
            self.assertIn(b"HTTP/1.1 200 ", head)
            self.assertRegex(head, b"(?m)^Content-Length: %d\r?$" % len(text))
            self.assertEqual(text[-2:], b"}\n")
            self.assertEqual(len(json.loads(text)["actions"]), 1)
            # where this process does not come to read in time, they are one
            if len(pieces) > 1:
                break
        self.assertGreater(len(pieces), 1)
        self.assertEqual(pieces[-1], b"\n")
        # with a kill behind it, it is there
        self.mimd.kill()
        self.mimd.start()
        # nothing to write
        self.assertEqual(self.ask(user(i), early=True)[-1][-1:], b"}")

    def test_who_does_not_ask_for_it_gets_it_whole(self):
        text = b"".join(self.ask()).partition(b"\r\n\r\n")[2]
        self.assertEqual(text[-1:], b"}")
        self.assertEqual(len(json.loads(text)["actions"]), 1)


class WhatHappens(DecisionCase):
    def setUp(self):
        super().setUp()
        self.succeed(Bundle())
        self.consent()

    def test_each_event_counts_once_with_every_repeat_and_order(self):
        instance = self.open()["actions"][0]["instance"]
        for kind, more in (("read", {}), ("gone", {"cause": "expunged"}),
                           ("injected", {}), ("read", {}),
                           ("gone", {"cause": "unknown"})):
            self.assertEqual(self.happens(ANNA, instance, kind, **more),
                             {"stored": 1, "dropped": 0})
        self.assertEqual(self.counts(), {"injected": 1, "read": 1, "expungedRead": 1})

    def test_a_surer_cause_moves_the_count(self):
        instance = self.injected()["instance"]
        for cause, counted in (("unknown", "gonePending"), ("expunged", "expungedUnread"),
                               ("moved", "moved"), ("unknown", "moved"),
                               ("withdrawn", "recalled")):
            self.happens(ANNA, instance, "gone", cause=cause, seen=False)
            self.assertEqual(self.counts(), {"injected": 1, counted: 1})

    def test_what_is_not_known_is_dropped(self):
        self.assertEqual(self.happens(ANNA, "0" * 32, "read"),
                         {"stored": 0, "dropped": 1})
        instance = self.injected()["instance"]
        self.assertEqual(self.happens(user(1), instance, "read"),
                         {"stored": 0, "dropped": 1})
        self.assertEqual(self.counts(), {"injected": 1})

    def test_a_refusal_frees_it_for_the_same_opening(self):
        first = self.open()["actions"][0]
        again, = self.open(events=[{"instance": first["instance"], "type": "refused",
                                    "at": now(), "cause": "late"}])["actions"]
        self.assertEqual(again["instance"], first["instance"])
        self.assertEqual(again["guid"], first["guid"])

    def test_the_mailbox_confirms_and_ends(self):
        action = self.open()["actions"][0]
        here = {"guid": action["guid"], "uid": 12, "seen": True, "newer": 0}
        answer = self.open(present=[here, {**here, "guid": "f" * 32}])
        self.assertEqual(answer["known"], [{"guid": action["guid"],
                                            "instance": action["instance"]}])
        self.assertEqual(self.counts(), {"injected": 1, "read": 1})
        self.open(complete=False)
        self.assertEqual(self.counts(), {"injected": 1, "read": 1})
        # it may have been restored from a backup: only an event counts its end
        self.open()
        self.assertEqual(self.counts(), {"injected": 1, "read": 1})
        self.happens(ANNA, action["instance"], "gone", cause="expunged", seen=True)
        self.assertEqual(self.counts(), {"injected": 1, "read": 1, "expungedRead": 1})

    def test_the_headers_proof_makes_it_known(self):
        action = self.injected()
        lost = {"guid": "1" * 32, "uid": 3, "seen": False, "newer": 0}
        proof = f"{action['instance']}; {action['proof']}"
        self.assertEqual(self.open(present=[{**lost, "proof": proof}])["known"],
                         [{"guid": "1" * 32, "instance": action["instance"]}])
        forged = f"{action['instance']}; {action['proof'][::-1]}"
        self.assertEqual(self.open(present=[{**lost, "proof": forged}])["known"], [])

    def test_after_a_kill_everything_that_was_answered_is_there(self):
        instance = self.injected()["instance"]
        self.mimd.kill()
        self.mimd.start()
        self.assertEqual(self.open()["actions"], [])
        self.assertEqual(self.happens(ANNA, instance, "read")["stored"], 1)
        self.assertEqual(self.counts(), {"injected": 1, "read": 1})

    def test_revoked_consent_takes_back_what_is_unread(self):
        action = self.injected()
        self.consent(granted=False, at=now(-1))
        self.assertTrue(self.hello())
        here = {"guid": action["guid"], "uid": 3, "seen": False, "newer": 0}
        back, = self.open(present=[here])["actions"]
        self.assertEqual((back["op"], back["guid"]), ("withdraw", action["guid"]))

    def test_bad_requests_name_what_is_bad(self):
        good = {"node": "m", "user": "a", "protocol": "imap", "uidValidity": 1,
                "uidNext": 2, "complete": True, "present": [], "events": []}
        for change, pointer in (({"protocol": "lmtp"}, "/protocol"),
                                ({"extra": 1}, "/extra"),
                                ({"uidNext": -1}, "/uidNext"),
                                ({"present": [{"guid": "x"}]}, "/present/0/guid"),
                                ({"events": [{"instance": "0" * 32, "type": "eaten",
                                              "at": now()}]}, "/events/0/type")):
            answer = self.dovecot("decisions", {**good, **change}, 400)
            self.assertEqual(self.pointers(answer), [pointer])
        for body in (b"", b"[]", b"{", b'{"user":"\xff","protocol":"imap"}'):
            status, _ = self.mimd.call("POST", "/api/dovecot/hello", body, self.agent)
            self.assertEqual(status, 400, body)


class WhatOperatorsDo(DecisionCase):
    def setUp(self):
        super().setUp()
        self.succeed(Bundle())
        self.consent()

    def test_pause_and_resume(self):
        self.assertEqual(self.order("pause")["status"], "paused")
        self.assertFalse(self.hello())
        self.assertEqual(self.why()["facts"], {"status": "paused"})
        self.order("resume")
        self.assertTrue(self.hello())

    def test_cancel_is_for_good(self):
        self.assertEqual(self.order("cancel")["status"], "cancelled")
        self.order("resume", status=409)
        self.assertEqual(self.open()["actions"], [])

    def test_recall_takes_back_what_was_given_before(self):
        action = self.injected()
        given = time.time()
        while time.time() < given + 0.002:
            pass  # "before this call" is told apart by the millisecond
        self.order("pause")
        self.assertEqual(self.order("recall")["recall"], "unread")
        here = {"guid": action["guid"], "uid": 3, "seen": False, "newer": 0}
        back, = self.open(present=[here])["actions"]
        self.assertEqual((back["op"], back["cause"], back["lazy"], back["read"]),
                         ("withdraw", "recall", True, False))
        self.happens(ANNA, action["instance"], "gone", cause="withdrawn", seen=False)
        self.assertEqual(self.counts(), {"injected": 1, "recalled": 1})
        self.assertEqual(self.open()["actions"], [])

    def test_the_kill_switch(self):
        for scope in ("all", "nonService"):
            self.mimd.need(200, "POST", self.path("pause"), {"scope": scope})
            self.assertFalse(self.hello())
            self.assertEqual(self.why()["gate"], "killSwitch")
        self.mimd.need(200, "POST", self.path("resume"))
        self.assertTrue(self.hello())

    def test_it_survives_a_restart(self):
        self.order("pause")
        self.mimd.need(200, "POST", self.path("pause"), {"scope": "nonService"})
        self.mimd.stop()
        self.mimd.start()
        self.assertEqual(self.mimd.need(200, "GET", self.path("pause"))["killSwitch"],
                         "nonService")
        shown = self.mimd.need(200, "GET", self.path("campaigns/spring"))
        self.assertEqual(shown["status"], "paused")

    def test_statistics_by_hour_and_day(self):
        self.injected()
        for interval in ("hour", "day"):
            answer = self.mimd.need(200, "GET", self.path(
                f"campaigns/spring/statistics?interval={interval}"))
            point, = answer["series"]
            self.assertEqual(point["values"]["injected"], {"count": 1, "unique": 1})
            self.assertEqual(answer["totals"]["injected"], {"count": 1, "unique": 1})
        empty = self.mimd.need(200, "GET", self.path(
            "campaigns/spring/statistics?to=2020-01-01T00:00:00Z"))
        self.assertEqual(empty["series"], [])
        self.mimd.need(400, "GET", self.path("campaigns/spring/statistics?from=x"))

    def test_campaigns_are_listed_page_by_page(self):
        self.succeed(Bundle(id="autumn"), prefix="campaigns/autumn/1")
        page = self.mimd.need(200, "GET", self.path("campaigns?limit=1"))
        self.assertEqual([c["id"] for c in page], ["autumn"])
        page = self.mimd.need(200, "GET", self.path("campaigns?after=autumn"))
        self.assertEqual([c["id"] for c in page], ["spring"])


class HashedTenants(DecisionCase):
    hashed = True
    tenant = {"configuration": {"secretKey": "s3cret", "hashedEmailAddresses": True}}

    def test_the_plain_name_is_never_stored(self):
        name = "Zora.Unmistakable@example.org"
        self.consent(name)
        self.succeed(Bundle([[self.key(name), "Zora", "https://example.org/"]]))
        instance = self.injected(name)["instance"]
        self.happens(name, instance, "read")
        self.assertEqual(self.counts(), {"injected": 1, "read": 1})
        self.assertEqual(self.why(name)["gate"], "repeat")
        self.assertEqual(self.mimd.stop(), 0)
        self.assertNotIn("unmistakable", self.mimd.log().lower())
        for path in self.mimd.data.rglob("*"):
            if path.is_file():
                self.assertNotIn(b"unmistakable", path.read_bytes().lower(), path)
        self.mimd.start()


if __name__ == "__main__":
    unittest.main()
