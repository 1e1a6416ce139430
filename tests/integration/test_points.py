# SPDX-License-Identifier: Apache-2.0
"""Events reach the conversion points: a real mimd, real receivers."""
import email.utils
import pathlib
import subprocess
import time
import unittest

from fault_case import rounds
from import_case import user
from point_case import PointCase
from receiver import events_of, signature_of
from services.dovecot import wait_until
from test_mimd_decisions import ANNA, DecisionCase


class WhatIsSent(PointCase):
    def test_ongage_is_a_get_with_the_event_in_its_url(self):
        r = self.receiver()
        self.set_points(
            self.point("plain", r, rest="/a?k=v"),
            self.point("named", r, rest="/b/{campaignId}/{eventType}?u={userId}&"
                                        "t={timestamp}&i={instanceId}"))
        self.load_campaign()
        instance, = self.confirm(0)
        self.wait_sent("plain", 1)
        self.wait_sent("named", 1)
        plain, = (q for q in r.taken() if q["path"].startswith("/a"))
        named, = (q for q in r.taken() if q["path"].startswith("/b"))
        self.assertEqual(plain["method"], "GET")
        event, = events_of(plain)
        self.assertEqual(event["k"], "v")
        self.assertEqual(event["campaignId"], "spring")
        self.assertEqual(event["eventType"], "injected")
        self.assertEqual(event["instanceId"], instance)
        self.assertRegex(event["timestamp"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d")
        self.assertRegex(event["id"], "^[0-9a-f]{32}$")
        self.assertTrue(named["path"].startswith("/b/spring/injected?u="), named["path"])
        other, = events_of(named)
        self.assertEqual(other["i"], instance)
        self.assertNotIn("userId", other)
        # a pseudonym, and of each point another; ids, too
        self.assertRegex(event["userId"], "^[0-9a-f]{32}$")
        self.assertNotEqual(event["userId"], other["u"])
        self.assertNotEqual(event["id"], other["id"])
        self.assertNotIn("example", plain["path"] + named["path"])

    def test_webhook_is_a_signed_batch(self):
        gate = {"open": False}
        r = self.receiver(lambda n, q: (200 if gate["open"] else 503, {}, b""))
        self.set_points(self.point("hook", r, "webhook"))
        self.load_campaign(20)
        self.confirm(*range(20))
        gate["open"] = True
        self.wait_sent("hook", 20)
        for request in r.taken():
            headers = {k.lower(): v for k, v in request["headers"].items()}
            self.assertEqual(headers["content-type"], "application/json")
            self.assertEqual(headers["webhook-signature"], signature_of(request))
            self.assertLess(abs(int(headers["webhook-timestamp"]) - time.time()), 60)
        events = {e["id"] for q in r.taken() for e in events_of(q)}
        self.assertEqual(len(events), 20)
        # the same batch keeps its id
        ids = {}
        for request in r.taken():
            key = tuple(e["id"] for e in events_of(request))
            ids.setdefault(key, set()).add(request["headers"]["webhook-id"])
        self.assertTrue(all(len(i) == 1 for i in ids.values()), ids)

    def test_only_the_type_asked_for_and_each_once(self):
        r = self.receiver()
        self.set_points(self.point("read", r, event="read"))
        self.load_campaign()
        instance, = self.confirm(0, kinds=("injected", "read", "read"))
        self.happens(user(0), instance, "read")
        self.wait_sent("read", 1)
        self.assertEqual(self.status("read")["waiting"], 0)
        event, = events_of(r.taken()[0])
        self.assertEqual(event["eventType"], "read")

    def test_an_erased_user_is_sent_to_nobody(self):
        gate = {"open": False}
        r = self.receiver(lambda n, q: (200 if gate["open"] else 500, {}, b""))
        self.set_points(self.point("p", r))
        self.load_campaign()
        self.confirm(0, 1)
        self.wait_status("p", lambda s: s["failures"] > 1, "it fails")
        self.mimd.need(204, "DELETE", self.path(f"users/{user(0)}"))
        gate["open"] = True
        done = self.wait_status("p", lambda s: s["waiting"] == 0, "all done")
        self.assertEqual((done["sent"], done["erased"]), (1, 1))


class PerUser(PointCase):
    tenant = {"engagement": "perUser"}

    def test_the_users_id_goes_out_with_their_consent_only(self):
        r = self.receiver()
        self.set_points(self.point("p", r))
        self.mimd.need(200, "PUT", self.path("purposes"), [
            {"id": p, "names": {"en": p}} for p in ("newsletter", "tracking")])
        self.load_campaign()
        self.mimd.need(201, "PUT", self.path(f"users/{ANNA}"), {
            "user": ANNA, "userId": "C-1&x", "consents": [
                {"purpose": p, "granted": True, "at": "2026-01-05T10:00:00Z"}
                for p in ("newsletter", "tracking")]})
        self.confirm(0, consent=False)
        self.confirm(1)
        self.wait_sent("p", 2)
        users = {e["userId"] for q in r.taken() for e in events_of(q)}
        self.assertIn("C-1&x", users)
        self.assertEqual(len(users), 2)
        self.assertNotIn(user(1), users)


class Troubles(PointCase):
    settings = {"inlay.points.timeout": "PT2S", "inlay.points.warn-after": "PT1S"}

    def test_500_is_tried_again(self):
        r = self.receiver(lambda n, q: (500 if n < 2 else 200, {}, b""))
        self.set_points(self.point("p", r))
        self.load_campaign()
        self.confirm(0)
        done = self.wait_sent("p", 1)
        self.assertEqual(len(r.taken()), 3)
        self.assertEqual(len({events_of(q)[0]["id"] for q in r.taken()}), 1)
        self.assertEqual(done["lastError"], "HTTP 500")
        self.assertNotIn("failingSince", done)
        self.assertEqual((done["waiting"], done["failures"]), (0, 0))

    def test_retry_after_is_respected(self):
        for number, (word, least) in enumerate((
                (lambda: "2", 1.9),
                (lambda: email.utils.formatdate(time.time() + 4, usegmt=True), 2.5))):
            times = []

            def answer(n, q, word=word, times=times):
                times.append(time.monotonic())
                return (429, {"Retry-After": word()}, b"") if n == 0 else (200, {}, b"")
            r = self.receiver(answer)
            if number == 0:
                self.load_campaign()
            self.set_points(self.point(f"p{number}", r))
            self.confirm(number)
            self.wait_sent(f"p{number}", 1)
            self.assertGreaterEqual(times[1] - times[0], least)

    def test_a_slow_point_does_not_delay_a_quick_one(self):
        slow, quick = self.receiver(lambda n, q: None), self.receiver()
        self.set_points(self.point("slow", slow), self.point("quick", quick),
                        self.point("gone", slow, url="http://127.0.0.1:9/"))
        self.load_campaign(40)
        self.confirm(0)
        wait_until(lambda: slow.taken(), "the slow one has a call", 30)
        began = time.monotonic()
        self.confirm(*range(1, 40))
        self.wait_sent("quick", 40)
        took = time.monotonic() - began
        self.assertEqual(self.status("slow")["sent"], 0)
        self.assertLessEqual(slow.most_under_way, 5)
        latest = self.status("quick")
        self.assertEqual(latest["failures"], 0)
        self.assertLess(took, 30)
        self.wait_status("slow", lambda s: "imed out" in s.get("lastError", ""),
                         "it says why")
        self.wait_status("gone", lambda s: "onnect" in s.get("lastError", ""),
                         "it says why")
        # who is at fault is asked seldom
        self.assertLess(len(slow.taken()), 15)

    def test_a_redirect_is_not_followed(self):
        other = self.receiver()
        r = self.receiver(lambda n, q: (302, {"Location": other.url("/x")}, b""))
        self.set_points(self.point("p", r))
        self.load_campaign()
        self.confirm(0)
        told = self.wait_status("p", lambda s: s["failures"] > 1, "it fails")
        self.assertEqual(told["lastError"], "HTTP 302: redirects are not followed")
        self.assertEqual((told["sent"], told["waiting"]), (0, 1))
        self.assertEqual(other.taken(), [])

    def test_a_huge_answer_is_cut_and_counts_by_its_status(self):
        huge = b"x" * (32 << 20)
        r = self.receiver(lambda n, q: (200 if n else 500, {}, huge))
        self.set_points(self.point("p", r))
        self.load_campaign()
        before = self.memory()
        self.confirm(0)
        done = self.wait_sent("p", 1)
        self.assertEqual(done["lastError"], "HTTP 500")
        self.assertEqual(len(r.taken()), 2)
        self.assertLess(self.memory() - before, 16 << 20)

    def memory(self):
        status = pathlib.Path(f"/proc/{self.mimd.daemon.pid}/status").read_text()
        return 1024 * int(status.split("VmRSS:")[1].split()[0])

    def test_a_point_that_fails_for_long_warns_and_is_counted(self):
        gate = {"open": False}
        r = self.receiver(lambda n, q: (200 if gate["open"] else 500, {}, b""))
        self.set_points(self.point("p", r))
        self.load_campaign()
        self.confirm(0)

        def check():
            told = self.mimd.need(200, "GET", "/health/ready")
            return next(c for c in told["checks"] if c["name"] == "conversionPoints")
        wait_until(lambda: check()["status"] == "warn", "it warns", 30)
        self.assertIn("1 of 1 conversion points", check()["message"])
        _, text = self.mimd.call("GET", "/metrics")
        self.assertIn(b"inlay_mim_points_failing 1\n", text)
        self.assertIn(b"inlay_mim_outbox_rows 1\n", text)
        gate["open"] = True
        self.wait_sent("p", 1)
        wait_until(lambda: check()["status"] == "ok", "it is fine", 30)
        _, text = self.mimd.call("GET", "/metrics")
        self.assertIn(b'inlay_mim_deliveries_total{outcome="sent"} 1\n', text)


class Tls(PointCase):
    running = False

    def certificate(self, name):
        files = [str(self.mimd.folder / f"{name}.{end}") for end in ("crt", "key")]
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
             "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
             "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
        return files

    def test_who_cannot_prove_its_name_gets_nothing(self):
        good, wrong = self.certificate("localhost"), self.certificate("other.example")
        both = self.mimd.folder / "ca.pem"
        both.write_text(pathlib.Path(good[0]).read_text()
                        + pathlib.Path(wrong[0]).read_text())
        self.mimd.settings["inlay.points.ca-file"] = both
        self.mimd.start()
        self.make_tenant()
        self.agent = self.mimd.make_token("dovecot:default", name="agent")
        named = self.receiver(tls=good)
        other = self.receiver(tls=wrong)  # trusted, but of another name
        self.mimd_points = [
            self.point("good", named, url=named.url("/", "localhost", "https")),
            self.point("wrong", other, url=other.url("/", "localhost", "https"))]
        self.set_points(*self.mimd_points)
        self.load_campaign()
        self.confirm(0)
        self.wait_sent("good", 1)
        told = self.wait_status("wrong", lambda s: s["failures"] > 1, "it fails")
        self.assertRegex(told["lastError"], "(?i)certificate|SSL")
        self.assertEqual(other.taken(), [])

    def test_who_is_signed_by_nobody_known_gets_nothing(self):
        self.mimd.start()
        self.make_tenant()
        self.agent = self.mimd.make_token("dovecot:default", name="agent")
        r = self.receiver(tls=self.certificate("localhost"))
        self.set_points(self.point("p", r, url=r.url("/", "localhost", "https")))
        self.load_campaign()
        self.confirm(0)
        told = self.wait_status("p", lambda s: s["failures"] > 1, "it fails")
        self.assertRegex(told["lastError"], "(?i)certificate|SSL")
        self.assertEqual(r.taken(), [])

    def setUp(self):
        super(DecisionCase, self).setUp()


class Addresses(PointCase):
    def test_a_tenants_token_reaches_public_addresses_only(self):
        r = self.receiver()
        theirs = self.mimd.make_token("tenant:default", name="theirs")
        # the connection that an administrator's point keeps open is not used, either
        self.set_points(self.point("ours", r))
        self.load_campaign()
        self.confirm(0)
        self.wait_sent("ours", 1)
        self.set_points(self.point("ours", r), self.point("theirs", r, rest="/theirs"),
                        self.point("name", r, url=r.url("/name", "localhost")),
                        token=theirs)
        self.confirm(1)
        for name in ("theirs", "name"):
            told = self.wait_status(name, lambda s: s["failures"] > 0, "it fails")
            self.assertEqual(told["lastError"], "the host has no address that is public "
                             "or in inlay.net.allow")
        self.wait_sent("ours", 2)
        self.assertEqual({q["path"][:3] for q in r.taken()}, {"/p?"})


class Allowed(PointCase):
    settings = {"inlay.net.allow": "192.0.2.0/24,127.0.0.0/8"}

    def test_an_allowed_network_is_reached(self):
        r = self.receiver()
        theirs = self.mimd.make_token("tenant:default", name="theirs")
        self.set_points(self.point("theirs", r), token=theirs)
        self.load_campaign()
        self.confirm(0)
        self.wait_sent("theirs", 1)


class Killed(PointCase):
    EVENTS, KILLS = rounds((1000, 3), (10000, 10))

    def test_each_event_arrives_though_mimd_is_killed_again_and_again(self):
        def answer(number, request):
            time.sleep(0.002)
            return (500 if number % 29 == 7 else 200, {}, b"")
        r, hook = self.receiver(answer), self.receiver(answer)
        self.set_points(self.point("p", r), self.point("hook", hook, "webhook", "read"))
        half = self.EVENTS // 2
        self.load_campaign(half)
        share = half // (self.KILLS + 1)
        for first in range(0, half, share):
            self.confirm(*range(first, min(first + share, half)),
                         kinds=("injected", "read"))
            if first + share < half:
                wait_until(lambda n=len(r.taken()): len(r.taken()) > n,
                           "something is under way", 30)
                self.mimd.kill()
                self.mimd.start()
        self.wait_status("p", lambda s: s["waiting"] == 0 and s["sent"] >= half, "all")
        self.wait_status("hook", lambda s: s["waiting"] == 0 and s["sent"] >= half, "all")
        ids = {e["id"] for q in r.taken() + hook.taken() for e in events_of(q)}
        self.assertEqual(len(ids), self.EVENTS)
        self.assertEqual(self.status("p")["sent"] + self.status("hook")["sent"],
                         self.EVENTS)
        for request in hook.taken():
            self.assertEqual(request["headers"]["webhook-signature"],
                             signature_of(request))
        self.assertEqual(self.status("p")["dead"], 0)


if __name__ == "__main__":
    unittest.main()
