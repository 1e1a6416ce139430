# SPDX-License-Identifier: Apache-2.0
"""Imports of campaigns: what is taken, what is refused and why, what stays."""
import unittest

from import_case import Bundle, ENDED, ImportCase, TEMPLATE, csv_of, people, user


class WhatIsTaken(ImportCase):
    def test_a_bundle_becomes_a_version(self):
        done = self.succeed(Bundle(people(10)))
        self.assertEqual((done["campaign"], done["version"]), ("spring", 1))
        self.assertEqual(done["rows"], {"read": 10, "accepted": 10, "rejected": 0,
                                        "loaded": 10, "total": 10})
        self.assertEqual(done["bytes"]["read"], len(csv_of(people(10))))

    def test_recipients_may_be_packed(self):
        for version, name in enumerate(("recipients.csv", "recipients.csv.gz",
                                        "recipients.csv.zst"), 1):
            done = self.succeed(Bundle(people(3000), name, version=version))
            self.assertEqual(done["rows"]["accepted"], 3000, name)

    def test_everyone_needs_no_recipients(self):
        done = self.succeed(Bundle(audience={"from": "everyone"},
                                   template={**TEMPLATE, "html": "x",
                                             "subject": "y"}))
        self.assertEqual(done["rows"]["read"], 0)

    def test_the_same_bundle_again_does_nothing(self):
        self.succeed(Bundle())
        again = self.succeed(None)
        self.assertTrue(again["unchanged"])
        self.assertEqual(again["rows"]["loaded"], 0)

    def test_the_same_rows_are_not_loaded_again_for_the_next_version(self):
        self.assertEqual(self.succeed(Bundle())["rows"]["loaded"], 10)
        self.assertEqual(self.succeed(Bundle(version=2))["rows"]["loaded"], 0)
        # other rows are
        self.assertEqual(
            self.succeed(Bundle(people(9), version=3))["rows"]["loaded"], 9)

    def test_imports_are_listed(self):
        self.succeed(Bundle())
        self.refuse(Bundle(slot="x"))
        listed = self.mimd.need(200, "GET", self.path("imports"))
        self.assertEqual(sorted(i["phase"] for i in listed), ["done", "failed"])
        page = self.mimd.need(200, "GET", self.path("imports?limit=1"))
        rest = self.mimd.need(200, "GET", self.path(f"imports?after={page[0]['id']}"))
        self.assertEqual([*page, *rest], listed)
        self.mimd.need(404, "GET", self.path("imports/20260101T000000-000000"))


class WhatIsRejected(ImportCase):
    settings = {"inlay.import.max-rejected-percent": 60}

    def rejected(self, rows, **changes):
        done = self.succeed(Bundle([*people(3), *rows], **changes))
        self.assertEqual(done["rows"]["accepted"], 3, done)
        self.assertEqual(done["rows"]["rejected"], len(rows))
        return [(e["file"], e["line"]) for e in done["rowErrors"]]

    def test_rows_that_cannot_be_rendered(self):
        lines = self.rejected([[user(8), "", "https://example.org/"],
                               [user(9), "Nine", "javascript:alert(1)"],
                               [user(10), "Ten"]])
        self.assertEqual(lines, [("recipients.csv", 5), ("recipients.csv", 6),
                                 ("recipients.csv", 7)])

    def test_a_row_that_its_user_has_no_room_for(self):
        # seven campaigns bring 15 KB each for one user: more than a user may have
        rows = [[user(1), "One", "https://example.org/", "x" * 15000],
                *([*r, "y"] for r in people(3, 10))]
        data = csv_of(rows, ("user", "name", "link", "more"))
        template = {**TEMPLATE, "html": TEMPLATE["html"] + "{{#more}}!{{/more}}"}
        for n in range(7):
            done = self.succeed(Bundle(data=data, template=template, id=f"c{n}"))
            self.assertEqual(done["rows"]["accepted"], 4 if n < 6 else 3)
        self.assertEqual(done["rows"]["loaded"], 3)
        self.assertEqual([(e["file"], e["line"]) for e in done["rowErrors"]],
                         [("recipients.csv", 2)])
        # the file was not loaded whole, so the next version loads it again
        again = self.succeed(Bundle(data=data, template=template, id="c6", version=2))
        self.assertEqual(again["rows"]["loaded"], 3)

    def test_second_rows_of_a_user(self):
        lines = self.rejected([[user(1), "Again", "https://example.org/"],
                               [user(1).upper(), "Again", "https://example.org/"]])
        self.assertEqual(sorted(lines), [("recipients.csv", 5), ("recipients.csv", 6)])

    def test_all_names_of_a_user_are_the_same_user(self):
        status, _ = self.mimd.call("PUT", self.path(f"users/{user(1)}"), {
            "user": user(1), "userId": "c1", "email": "One@example.com",
            "aliases": ["uno@example.com"]})
        self.assertIn(status, (200, 201))
        lines = self.rejected([["c1", "Id", "https://example.org/"],
                               ["one@EXAMPLE.com", "Mail", "https://example.org/"],
                               ["uno@example.com", "Alias", "https://example.org/"]])
        self.assertEqual(len(lines), 3)


class UnknownUsers(ImportCase):
    tenant = {"unknownUsers": "reject"}
    settings = {"inlay.import.max-rejected-percent": 50}

    def test_are_rejected_unless_the_tenant_takes_them(self):
        for n in range(2):
            self.mimd.call("PUT", self.path(f"users/{user(n)}"), {"user": user(n)})
        done = self.succeed(Bundle(people(4)))
        self.assertEqual(done["rows"]["accepted"], 2)
        self.assertEqual([e["line"] for e in done["rowErrors"]], [4, 5])

    def test_an_erased_user_is_rejected(self):
        for n in range(2):
            self.mimd.call("PUT", self.path(f"users/{user(n)}"), {"user": user(n)})
        self.mimd.call("DELETE", self.path(f"users/{user(1)}"))
        self.assertEqual(self.succeed(Bundle(people(2)))["rows"]["accepted"], 1)


class ErasedUsers(ImportCase):
    settings = {"inlay.import.max-rejected-percent": 50}

    def test_do_not_come_back_by_an_import(self):
        self.mimd.call("PUT", self.path(f"users/{user(1)}"), {"user": user(1)})
        self.mimd.call("DELETE", self.path(f"users/{user(1)}"))
        done = self.succeed(Bundle(people(3)))
        self.assertEqual([e["line"] for e in done["rowErrors"]], [3])


class ErasedMeanwhile(ImportCase):
    settings = {"inlay.import.max-rejected-percent": 50}
    erased = range(30)

    def erase(self):
        for n in self.erased:
            self.mimd.need(204, "DELETE", self.path(f"users/{user(n)}"))

    def put(self):
        for n in self.erased:
            self.mimd.need(201, "PUT", self.path(f"users/{user(n)}"), {"user": user(n)})

    def test_a_user_does_not_come_back_by_an_import_of_recipients_under_way(self):
        self.put()
        job = self.send(Bundle(people(60000)))
        self.wait(job, until=lambda i: i["phase"] != "waiting")
        self.erase()
        self.assertEqual(self.wait(job)["phase"], "done")
        for n in self.erased:
            self.mimd.need(404, "GET", self.path(f"users/{user(n)}"))

    def test_a_user_does_not_come_back_by_an_import_of_users_under_way(self):
        self.put()
        folder = self.source / "people"
        folder.mkdir()
        (folder / "users.csv").write_text(
            "user,userId\n" + "".join(f"{user(n)},id{n}\n" for n in range(60000)))
        job = self.mimd.need(202, "POST", self.path("users/import"),
                             {"prefix": "people"})["id"]
        self.wait(job, until=lambda i: i["phase"] != "waiting")
        self.erase()
        self.assertEqual(self.wait(job)["phase"], "done")
        for n in self.erased:
            self.mimd.need(404, "GET", self.path(f"users/{user(n)}"))

    def test_rows_of_a_user_who_is_known_again_are_loaded_again(self):
        self.put()
        self.succeed(Bundle())
        self.erase()
        self.put()
        self.assertEqual(self.succeed(Bundle(version=2))["rows"]["loaded"], 10)
        export = self.mimd.need(200, "GET", self.path(f"users/{user(1)}/export"))
        self.assertEqual(len(export["recipientRows"]), 1)


class WhatIsRefused(ImportCase):
    """Each leaves the campaign as it was: the next good version is taken."""

    def pointer(self, bundle, pointer, kind=None):
        problem = self.refuse(bundle)
        self.assertIn(pointer, [e["pointer"] for e in problem["errors"]], problem)
        if kind is not None:
            self.assertTrue(problem["type"].endswith(kind), problem)

    def says(self, bundle, *words):
        text = self.messages(self.refuse(bundle))
        for word in words:
            self.assertIn(word, text)

    def test_what_is_not_built(self):
        for field, value in {"slot": "top", "caps": [], "clicks": False,
                             "goal": {}, "recall": {}}.items():
            self.pointer(Bundle(**{field: value}), f"/campaign/{field}",
                         "not-built-in")

    def test_unknown_fields(self):
        self.pointer(Bundle(nmae="x"), "/campaign/nmae", "unknown-field")

    def test_all_errors_come_at_once(self):
        problem = self.refuse(Bundle(id="!", slot="x", type="spam"))
        self.assertEqual({e["pointer"] for e in problem["errors"]},
                         {"/campaign/id", "/campaign/slot", "/campaign/type"})

    def test_what_the_tenant_does_not_know(self):
        self.pointer(Bundle(purpose="parties"), "/campaign/purpose")
        self.pointer(Bundle(audience={"from": "recipients",
                                      "excludeCampaigns": ["autumn"]}),
                     "/campaign/audience/excludeCampaigns/0")
        self.succeed(Bundle(id="autumn"), "campaigns/autumn/1")
        self.succeed(Bundle(audience={"from": "recipients",
                                      "excludeCampaigns": ["autumn"]}))

    def test_missing_and_other_files(self):
        for name in ("templates/t.json", "recipients.csv"):
            bundle = Bundle()
            bundle.write(self.source / "campaigns/spring/1")
            (self.source / "campaigns/spring/1" / name).unlink()
            self.assertIn(f"{name}: is missing", self.messages(self.refuse(None)))
            bundle.write(self.source / "campaigns/spring/1")
            (self.source / "campaigns/spring/1" / name).write_bytes(
                bundle.files[name].replace(b"a", b"b", 1))
            self.assertIn(f"{name}: is not what", self.messages(self.refuse(None)))
        self.assertIn("bundle.json: is missing",
                      self.messages(self.refuse(None, "campaigns/none/1")))

    def test_files_that_cannot_be_read(self):
        good = csv_of(people(2))
        self.says(Bundle(data=good + b"\"x\n"), "recipients.csv:4")
        self.says(Bundle(data=good + b"x,\xff,y\n"), "recipients.csv:4", "UTF-8")
        self.says(Bundle(data=csv_of(people(2), ("user", "name", "name"))),
                  "recipients.csv:1", "twice")
        self.says(Bundle(data=csv_of([["a", "b", "c", "d"]],
                                     ("user", "name", "link", "lnk"))),
                  "recipients.csv:1", "\"lnk\"")
        self.says(Bundle(data=csv_of([["a", "b"]], ("user", "name"))),
                  "recipients.csv:1", "\"link\"")
        self.says(Bundle(data=csv_of([["a", "b"]], ("name", "user"))),
                  "recipients.csv:1")
        bundle = Bundle(recipients="recipients.csv.gz")
        bundle.files["recipients.csv.gz"] = bundle.files["recipients.csv.gz"][:-5]
        self.says(bundle, "recipients.csv.gz", "ends in the middle")

    def test_templates_with_errors(self):
        self.says(Bundle(template={**TEMPLATE, "subject": "{{name"}),
                  "templates/t.json#/subject")
        self.says(Bundle(template={**TEMPLATE, "html": "{{{name}}}"}),
                  "templates/t.json#/html")

    def test_too_many_rejected_rows(self):
        rows = people(100)
        rows[50][1] = ""
        self.assertEqual(self.succeed(Bundle(rows))["rows"]["rejected"], 1)
        rows[51][1] = ""
        over = self.load(Bundle(rows, version=2))
        self.assertEqual(over["phase"], "failed")
        self.assertEqual([e["line"] for e in over["rowErrors"]], [52, 53])
        self.assertIn("2 of 100 rows", self.messages(over["problem"]))
        # second rows of a user count, too
        rows = people(100) + people(2)
        over = self.load(Bundle(rows, version=2))
        self.assertIn("2 of 102 rows", self.messages(over["problem"]))

    def test_versions_only_rise(self):
        self.succeed(Bundle(version=5))
        self.pointer(Bundle(version=5, name="Other"), "/campaign/version", "conflict")
        self.pointer(Bundle(version=4), "/campaign/version", "conflict")
        self.succeed(Bundle(version=6))

    def test_a_service_message_needs_the_right(self):
        alert = {"type": "service_alert", "legalClass": "service", "purpose": None}
        bundle = Bundle(**alert)
        del bundle.campaign["purpose"]
        token = self.mimd.make_token("tenant:default")
        over = self.load(bundle, token=token)
        self.assertEqual(over["phase"], "failed")
        self.assertEqual(over["problem"]["errors"][0]["pointer"],
                         "/campaign/legalClass")
        self.assertEqual(over["problem"]["status"], 403)
        token = self.mimd.make_token("tenant:default", service=True)
        self.assertEqual(self.load(bundle, token=token)["phase"], "done")

    def test_a_staged_service_message_needs_the_right_to_become_active(self):
        bundle = Bundle(type="service_alert", legalClass="service")
        del bundle.campaign["purpose"]
        alerts = self.mimd.make_token("tenant:default", service=True)
        other = self.mimd.make_token("tenant:default")
        staged = self.load(bundle, token=alerts, activate=False)
        self.assertEqual(staged["phase"], "done", staged)
        for _ in range(2):
            over = self.load(None, token=other)
            self.assertEqual(over["phase"], "failed", over)
            self.assertEqual(over["problem"]["status"], 403)
        self.mimd.need(403, "POST", self.path("campaigns/spring/versions/1/activate"),
                       None, other)
        self.assertEqual(self.mimd.need(200, "GET", self.path("campaigns/spring"))
                         ["status"], "staged")
        self.assertEqual(self.load(None, token=alerts)["phase"], "done")

    def test_a_failed_import_leaves_everything_as_it_was(self):
        self.refuse(Bundle(slot="x"))
        self.succeed(Bundle())
        self.refuse(Bundle(version=2, slot="x"))
        self.refuse(Bundle(people(1) * 3, version=2))
        self.assertTrue(self.succeed(Bundle())["unchanged"])
        self.succeed(Bundle(version=2))


class ImportsAtOnce(ImportCase):
    """Which one is first is up to the machine; test-import-publish.c has each order."""

    settings = {"inlay.import.threads": 2}
    claimed = ("sorting", "loading", "activating")

    def slow(self, version, *phases):
        """An import that takes its time, in one of these phases."""
        slow = self.send(Bundle(people(120000), version=version),
                         f"campaigns/spring/{version}")
        self.wait(slow, until=lambda i: i["phase"] in (*phases, *ENDED))
        return slow

    def check(self, import_id, *ends):
        over = self.wait(import_id)
        self.assertIn((over["phase"], over.get("problem", {}).get("status")), ends,
                      over)

    def check_active(self, version):
        shown = self.mimd.need(200, "GET", self.path("campaigns/spring"))
        self.assertEqual(shown["activeVersion"], version)

    def test_a_slow_one_does_not_bring_an_old_version_back(self):
        for version, phases in ((2, ("reading",)), (4, self.claimed)):
            slow = self.slow(version, *phases)
            self.succeed(Bundle(version=version + 1), "campaigns/spring/higher")
            # or it was done before the higher one came
            self.check(slow, ("failed", 409), ("done", None))
            self.check_active(version + 1)

    def test_a_lower_version_does_not_disturb_a_slow_higher_one(self):
        slow = self.slow(3, *self.claimed)
        for version in (2, 3):
            problem = self.refuse(Bundle(version=version), "campaigns/spring/other")
            self.assertEqual(problem["status"], 409)
        self.check(slow, ("done", None))
        self.check_active(3)


class TheTenantSRules(ImportCase):
    tenant = {"publicUrl": None, "brand": "Acme",
              "senders": [{"address": "@example.com", "company": "Acme Ltd"}]}

    def make_tenant(self):
        self.tenant = {k: v for k, v in self.tenant.items() if v is not None}
        super().make_tenant()

    def test_senders_and_brand(self):
        text = self.messages(self.refuse(Bundle()))
        self.assertIn("templates/t.json#/from/address", text)
        bundle = Bundle(template={**TEMPLATE, "from": {"name": "Acme News",
                                                       "address": "a@example.com"}})
        del bundle.campaign["label"]
        self.succeed(bundle)
        bundle = Bundle(version=2, template={
            **TEMPLATE, "from": {"name": "News", "address": "a@example.com"}})
        del bundle.campaign["label"]
        self.assertEqual([e["pointer"] for e in self.refuse(bundle)["errors"]],
                         ["/campaign/label"])


class Orders(ImportCase):
    def post(self, status, body):
        return self.mimd.need(status, "POST", self.path("imports"), body)

    def test_are_checked_at_once(self):
        self.assertEqual(self.pointers(self.post(400, {})), ["/prefix"])
        self.assertEqual(self.pointers(self.post(400, {"prefix": "a", "x": 1})),
                         ["/x"])
        for prefix in ("../a", "/etc", "a//b", "a/../../b", ""):
            self.assertEqual(self.pointers(self.post(400, {"prefix": prefix})),
                             ["/prefix"], prefix)
        self.assertEqual(self.pointers(
            self.post(422, {"prefix": "a", "dataSource": "none"})), ["/dataSource"])

    def test_links_that_lead_out_are_not_followed(self):
        (self.mimd.data / "datasource" / "other").mkdir()
        Bundle().write(self.mimd.data / "datasource" / "other" / "x")
        (self.source / "out").symlink_to(self.mimd.data / "datasource" / "other")
        self.assertIn("leads out", self.messages(self.refuse(None, "out/x")))


if __name__ == "__main__":
    unittest.main()
