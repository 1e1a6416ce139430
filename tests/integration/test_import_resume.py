# SPDX-License-Identifier: Apache-2.0
"""Imports that are interrupted, staged, replaced: what can be seen is always one
version, whole; what is left of others is swept."""
import re
import unittest

from import_case import Bundle, ImportCase, people, user
from services.daemon import wait_until  # noqa: E402

MANY = 200000


def service_bundle(rows, **changes):
    """Goes to everybody in the file, consent or not: so a decision shows its rows."""
    bundle = Bundle(rows, type="service_alert", legalClass="service", **changes)
    del bundle.campaign["purpose"]
    return bundle


class LoadCase(ImportCase):
    def setUp(self):
        super().setUp()
        self.service = self.mimd.make_token("tenant:default", service=True)

    def decide(self, name):
        """What a session of this user gets, by campaign."""
        answer = self.mimd.need(200, "POST", self.path("dovecot/decisions"), {
            "node": "n", "user": name, "protocol": "imap", "uidValidity": 1,
            "uidNext": 1, "complete": True, "present": [], "events": []})
        return {a["campaign"]: a for a in answer["actions"]}

    def check_rows(self, numbers, last):
        for n in numbers:
            action = self.decide(user(n))["spring"]
            self.assertEqual(action["variables"], {
                "name": f"Name {n}", "link": f"https://example.org/{n}"})
        self.assertEqual(self.decide(user(last)), {})

    def swept(self):
        """[(loads, rows)] of every sweep that found something."""
        return [(int(a), int(b)) for a, b in
                re.findall(r"swept  tenant=default loads=(\d+) rows=(\d+)",
                           self.mimd.log())]


class Interrupted(LoadCase):
    def interrupt(self, stop):
        import_id = self.send(service_bundle(people(MANY)), token=self.service)
        at = self.wait(import_id, 120, lambda i: i["phase"] in ("done", "failed") or
                       i["rows"].get("loaded", 0) > MANY // 10)
        self.assertEqual(at["phase"], "loading", at)
        self.assertEqual(self.decide(user(1)), {})  # nothing can be seen yet
        stop()
        self.mimd.start()
        done = self.wait(import_id, 120)
        self.assertEqual(done["phase"], "done", done)
        self.assertEqual(done["rows"], {"read": MANY, "accepted": MANY, "rejected": 0,
                                        "loaded": MANY, "total": MANY})
        self.check_rows([0, 1, 77777, MANY - 1], MANY)
        wait_until(self.swept, "the rows of the first attempt are swept", 60)
        loads, rows = self.swept()[0]
        self.assertEqual(loads, 1)
        self.assertGreaterEqual(rows, MANY // 10)
        self.assertLess(rows, MANY)

    def test_a_load_that_was_killed_is_complete_and_exact_after_the_next_start(self):
        self.interrupt(self.mimd.kill)

    def test_a_load_that_a_stop_interrupted_goes_on_at_the_next_start(self):
        self.interrupt(lambda: self.assertEqual(self.mimd.stop(), 0))


class Staged(LoadCase):
    def activate(self, status, version, token=None):
        return self.mimd.need(status, "POST", self.path(
            f"campaigns/spring/versions/{version}/activate"), None,
            token or self.service)

    def campaign(self):
        return self.mimd.need(200, "GET", self.path("campaigns/spring"))

    def stage(self, version, rows, activate=False):
        return self.succeed(service_bundle(rows, version=version), token=self.service,
                            activate=activate)

    def test_a_staged_version_is_seen_once_it_is_activated(self):
        self.stage(1, people(10))
        self.assertEqual(self.campaign()["status"], "staged")
        self.assertEqual(self.decide(user(1)), {})
        shown = self.activate(200, 1)
        self.assertEqual((shown["status"], shown["activeVersion"]), ("active", 1))
        self.check_rows([1], 10)

    def test_the_active_version_stays_until_the_flip(self):
        self.stage(1, people(5), True)
        self.stage(2, people(5, 5))
        self.assertEqual(self.campaign()["activeVersion"], 1)
        self.check_rows([1], 7)
        self.activate(200, 2)
        self.check_rows([7], 2)

    def test_an_import_of_what_is_staged_activates_it(self):
        self.stage(1, people(5))
        done = self.load(None, token=self.service)
        self.assertEqual(done["phase"], "done")
        self.assertNotIn("unchanged", done)
        self.check_rows([1], 7)

    def test_what_cannot_be_activated(self):
        self.activate(404, 1)
        self.stage(1, people(5))
        self.activate(404, 2)
        self.activate(403, 1, self.mimd.make_token("tenant:default"))
        self.stage(2, people(5), True)
        self.activate(409, 1)
        self.activate(200, 2)
        self.mimd.need(200, "POST", self.path("campaigns/spring/cancel"))
        self.assertIn("cancelled", self.messages(self.refuse(
            service_bundle(people(5), version=3), token=self.service)))

    def test_a_pause_outlives_a_new_version(self):
        self.stage(1, people(5), True)
        self.mimd.need(200, "POST", self.path("campaigns/spring/pause"))
        self.stage(2, people(5, 5), True)
        self.assertEqual(self.campaign()["status"], "paused")
        self.assertEqual(self.decide(user(6)), {})

    def test_versions_and_counts_are_those_of_the_files(self):
        self.stage(1, people(5), True)
        self.stage(2, people(7))
        shown = self.campaign()
        self.assertEqual([(v["version"], v["recipients"], v["active"])
                          for v in shown["versions"]], [(1, 5, True), (2, 7, False)])
        self.assertEqual(shown["definition"]["version"], 1)


class Swept(LoadCase):
    def test_the_rows_of_the_version_before_go(self):
        for version, rows in enumerate((people(3000), people(10), people(20)), 1):
            self.succeed(service_bundle(rows, version=version), token=self.service)
        wait_until(lambda: len(self.swept()) == 2, "both are swept", 30)
        self.assertEqual(self.swept(), [(1, 3000), (1, 10)])
        self.check_rows([1, 19], 20)

    def test_rows_of_what_is_staged_stay(self):
        self.succeed(service_bundle(people(10)), token=self.service)
        self.succeed(service_bundle(people(20), version=2), token=self.service,
                     activate=False)
        self.succeed(service_bundle(people(30), version=3), token=self.service)
        # version 1 was replaced, and 2 can never be activated any more
        wait_until(lambda: sum(r for _, r in self.swept()) == 30, "both are swept", 30)
        self.check_rows([29], 30)


class SideBySide(LoadCase):
    settings = {"inlay.import.threads": 4, "inlay.import.memory": "1MiB"}

    def test_imports_of_several_campaigns_do_not_disturb_each_other(self):
        ids = [self.send(service_bundle(people(5000, 5000 * n), id=f"c{n}"),
                         f"campaigns/{n}", token=self.service) for n in range(8)]
        for n, import_id in enumerate(ids):
            done = self.wait(import_id)
            self.assertEqual(done["phase"], "done", done)
            self.assertEqual(done["rows"]["accepted"], 5000)
        for n in range(8):
            self.assertEqual(list(self.decide(user(5000 * n + 7))), [f"c{n}"])

    def test_of_imports_of_one_campaign_at_once_the_last_word_is_one_version(self):
        ids = [self.send(service_bundle(people(3000, 3000 * v), version=v),
                         f"versions/{v}", token=self.service) for v in range(1, 7)]
        over = [self.wait(i) for i in ids]
        done = [i["version"] for i in over if i["phase"] == "done"]
        for failed in (i for i in over if i["phase"] == "failed"):
            self.assertEqual(failed["problem"]["status"], 409, failed)
        self.assertTrue(done, over)
        shown = self.mimd.need(200, "GET", self.path("campaigns/spring"))
        active = shown["activeVersion"]
        self.assertEqual(active, max(done))
        for v in range(1, 7):
            actions = self.decide(user(3000 * v + 5))
            self.assertEqual("spring" in actions, v == active, v)


if __name__ == "__main__":
    unittest.main()
