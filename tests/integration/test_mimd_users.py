# SPDX-License-Identifier: Apache-2.0
"""Users (the MDB), what is declared about them, consents, erase, hashed tenants."""
import hashlib
import hmac
import json
import unittest
from urllib.parse import quote

from import_case import Bundle, ImportCase, user
from mimd_case import MimdCase

TENANT = "/api/tenants/default"
USERS = TENANT + "/users/"
ATTRIBUTES = [{"name": "firstName", "type": "string"},
              {"name": "plan", "type": "string", "allowed": ["free", "pro"]},
              {"name": "age", "type": "number"},
              {"name": "vip", "type": "boolean", "sensitive": True},
              {"name": "born", "type": "date"}]
PURPOSES = [{"id": "newsletter", "names": {"en": "Newsletter", "de": "Rundbrief"},
             "wordings": [{"version": "2026-01", "text": "Yes, into my inbox.",
                           "namesInboxPlacement": True}]}]
ANNA = {"user": "anna@example.org", "userId": "47", "email": "Anna@Example.com",
        "aliases": ["a@example.org", "b@example.org"],
        "attributes": {"firstName": "Änna", "plan": "pro", "age": 40.5, "vip": True,
                       "born": "1986-02-28"},
        "consents": [{"purpose": "newsletter", "granted": True,
                      "at": "2026-01-15T10:00:00Z", "source": "web form",
                      "wording": "2026-01"}],
        "optOuts": []}


class Users(MimdCase):
    def setUp(self):
        super().setUp()
        self.mimd.make_tenant()
        self.declare()

    def declare(self):
        self.mimd.need(200, "PUT", TENANT + "/attributes", ATTRIBUTES)
        self.mimd.need(200, "PUT", TENANT + "/purposes", PURPOSES)

    def put(self, status=201, user=None, **changes):
        body = {**ANNA, **changes}
        return self.mimd.need(status, "PUT", USERS + quote(user or body["user"]), body)

    def get(self, user, status=200):
        return self.mimd.need(status, "GET", USERS + quote(user, safe=""))

    def test_a_user_comes_back_as_put(self):
        self.assertEqual(self.put(), ANNA)
        self.assertEqual(self.get("anna@example.org"), ANNA)
        self.assertEqual(self.put(200), ANNA)  # again, nothing is there twice

    def test_a_user_is_found_by_any_of_four_names(self):
        self.put()
        for name in ("anna@example.org", "ANNA@Example.org", "47", "anna@example.com",
                     "Anna@Example.COM", "a@example.org", "b@example.org"):
            self.assertEqual(self.get(name)["user"], "anna@example.org", name)
        for name in ("48", "A@example.org", "nobody"):
            self.get(name, 404)

    def test_names_with_slashes_and_blanks_are_names(self):
        for name in ("a/b c?d#e%f", "über", ".."):
            self.put_raw(quote(name, safe=""), {"user": name}, 201)
            self.assertEqual(self.get(name)["user"], name)

    def put_raw(self, path, body, status):
        return self.mimd.need(status, "PUT", USERS + path, body)

    def test_names_are_unique_in_a_tenant(self):
        self.put()
        for field, value in (("userId", "47"), ("email", "anna@EXAMPLE.com"),
                             ("aliases", ["b@example.org"])):
            answer = self.put_raw("bob", {"user": "bob", field: value}, 409)
            self.assertEqual(self.pointers(answer), ["/" + field])
        self.get("bob", 404)
        # in another tenant they are free
        self.mimd.make_tenant("other")
        self.mimd.need(201, "PUT", "/api/tenants/other/users/bob",
                       {"user": "bob", "userId": "47"})
        # given up, they are free here
        self.put(200, userId="48")
        self.put_raw("bob", {"user": "bob", "userId": "47"}, 201)

    def test_put_replaces_the_profile_and_appends_consents(self):
        self.put()
        revoked = {"purpose": "newsletter", "granted": False,
                   "at": "2026-03-01T00:00:00Z"}
        got = self.mimd.need(200, "PUT", USERS + "47", {
            "user": "anna@example.org", "attributes": {"age": 41},
            "consents": [revoked]})
        self.assertNotIn("userId", got)
        self.assertNotIn("email", got)
        self.assertEqual(got["aliases"], [])
        self.assertEqual(got["attributes"], {"age": 41})
        self.assertEqual(got["consents"], ANNA["consents"] + [revoked])

    def test_patch_changes_what_it_names(self):
        self.put()
        out = {"purpose": "newsletter", "at": "2026-04-01T00:00:00Z"}
        got = self.mimd.need(200, "PATCH", USERS + "anna@example.org", {
            "email": None, "attributes": {"plan": "free", "vip": None},
            "optOuts": [out]})
        self.assertEqual(got["attributes"], {"firstName": "Änna", "plan": "free",
                                             "age": 40.5, "born": "1986-02-28"})
        self.assertNotIn("email", got)
        self.assertEqual((got["userId"], got["optOuts"]), ("47", [out]))
        self.mimd.need(404, "PATCH", USERS + "nobody", {})
        self.mimd.need(400, "PATCH", USERS + "47", {"user": "anna@example.org"})

    def test_what_is_not_declared_is_an_error(self):
        answer = self.put(400, attributes={"shoe": "42", "plan": "gold", "age": "40",
                                           "born": "28.2.1986"},
                          consents=[{"purpose": "ads", "granted": True,
                                     "at": "2026-01-01T00:00:00Z"},
                                    {"purpose": "newsletter", "granted": True,
                                     "at": "2999-01-01T00:00:00Z", "wording": "x"}],
                          colour="red")
        self.assertEqual(set(self.pointers(answer)), {
            "/attributes/shoe", "/attributes/plan", "/attributes/age",
            "/attributes/born", "/consents/0/purpose", "/consents/1/at",
            "/consents/1/wording", "/colour"})
        self.get("anna@example.org", 404)

    def test_the_body_names_the_user_of_the_path(self):
        self.put()
        answer = self.put_raw("47", {"user": "bob"}, 400)
        self.assertEqual(self.pointers(answer), ["/user"])
        # a user that is not there is made under the user name only
        answer = self.put_raw("99", {"user": "bob", "userId": "99"}, 400)
        self.assertEqual(self.pointers(answer), ["/user"])

    def test_erase_takes_everything_and_a_new_put_begins_anew(self):
        self.put()
        self.mimd.need(204, "DELETE", USERS + "47")
        for name in ("anna@example.org", "47", "a@example.org"):
            self.get(name, 404)
        self.mimd.need(404, "DELETE", USERS + "47")
        self.mimd.need(404, "GET", USERS + "anna@example.org/export")
        got = self.put_raw("anna@example.org", {"user": "anna@example.org"}, 201)
        self.assertEqual(got["consents"], [])

    def test_erase_leaves_no_name_in_the_store(self):
        name = "needle.xyzzy@example.org"
        self.put_raw(name, {"user": name, "userId": "needle-id"}, 201)
        self.mimd.need(204, "DELETE", USERS + name)
        # pages that were given back are used by what comes next
        for i in range(100):
            self.put_raw(f"u{i}", {"user": f"u{i}", "userId": f"n{i}"}, 201)
        self.mimd.stop()
        for path in self.mimd.data.rglob("*.mdb"):
            self.assertNotIn(b"needle", path.read_bytes(), path)

    def test_the_export_holds_all_that_is_known(self):
        self.put()
        export = self.mimd.need(200, "GET", USERS + "47/export")
        self.assertEqual(export["user"], ANNA)
        self.assertEqual((export["recipientRows"], export["instances"]), ([], []))

    def test_users_are_there_after_a_crash(self):
        self.put()
        self.mimd.kill()
        self.mimd.start()
        self.assertEqual(self.get("47"), ANNA)

    def test_many_writers_of_one_user_lose_nothing(self):
        import threading
        self.put()
        failed = []

        def add(i):
            status, answer = self.mimd.call("PATCH", USERS + "47", {"optOuts": [
                {"purpose": "newsletter", "at": f"2026-02-{i:02}T00:00:00Z"}]})
            if status != 200:
                failed.append(answer)

        threads = [threading.Thread(target=add, args=(i,)) for i in range(1, 21)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(failed, [])
        self.assertEqual(len(self.get("47")["optOuts"]), 20)


class TheSchema(MimdCase):
    def setUp(self):
        super().setUp()
        self.mimd.make_tenant()

    def test_lists_come_back_as_put(self):
        for name, items in (("attributes", ATTRIBUTES), ("purposes", PURPOSES)):
            path = f"{TENANT}/{name}"
            self.assertEqual(self.mimd.need(200, "GET", path), [])
            put = self.mimd.need(200, "PUT", path, items)
            self.assertEqual(self.mimd.need(200, "GET", path + "/"), put)
            for got, want in zip(put, items):
                self.assertLessEqual(set(want), set(got))
            self.assertEqual(self.mimd.need(200, "PUT", path, put), put)
        wording = self.mimd.need(200, "GET", TENANT + "/purposes")[0]["wordings"][0]
        self.assertEqual(wording["hash"],
                         hashlib.sha256(b"Yes, into my inbox.").hexdigest())

    def test_what_is_wrong_is_named(self):
        answer = self.mimd.need(400, "PUT", TENANT + "/attributes", [
            {"name": "a b", "type": "string"}, {"name": "x", "type": "text"},
            {"name": "y", "type": "number", "allowed": ["one"]},
            {"name": "y", "type": "number", "colour": 1}])
        self.assertEqual(set(self.pointers(answer)), {
            "/0/name", "/1/type", "/2/allowed/0", "/3/name", "/3/colour"})
        status, answer = self.mimd.call("PUT", TENANT + "/purposes", [
            {"id": "a", "names": {"en": "A"}, "legalBasis": "existingCustomer"}])
        self.assertEqual((status, self.pointers(answer)), (422, ["/0/legalBasis"]))
        self.mimd.need(400, "PUT", TENANT + "/purposes", {"id": "a"})


class HashedTenants(MimdCase):
    """users are known by their hashes alone"""

    def setUp(self):
        super().setUp()
        self.mimd.make_tenant(configuration={"secretKey": "pepper",
                                             "hashedEmailAddresses": True})

    @staticmethod
    def hash(name):
        return hmac.new(b"pepper", name.lower().encode(), hashlib.sha256).hexdigest()

    def test_the_path_takes_the_hash_or_the_user_name(self):
        key = self.hash("anna@example.org")
        made = self.mimd.need(201, "PUT", USERS + key, {"user": key, "userId": "47"})
        self.assertEqual(made["user"], key)
        for name in (key, "anna@example.org", "Anna@Example.ORG", "47"):
            self.assertEqual(
                self.mimd.need(200, "GET", USERS + name)["user"], key, name)

    def test_a_plain_name_is_hashed_and_never_kept(self):
        got = self.mimd.need(201, "PUT", USERS + "needle.name@example.org",
                             {"user": "Needle.Name@example.org"})
        self.assertEqual(got["user"], self.hash("needle.name@example.org"))
        self.mimd.stop()
        for path in self.mimd.data.rglob("*.mdb"):
            self.assertNotIn(b"needle.name", path.read_bytes().lower(), path)
        self.assertNotIn("needle", self.mimd.log().lower())

    def test_addresses_are_refused(self):
        key = self.hash("anna@example.org")
        answer = self.mimd.need(400, "PUT", USERS + key, {
            "user": key, "email": "anna@example.org", "aliases": ["a@example.org"]})
        self.assertEqual(set(self.pointers(answer)), {"/email", "/aliases/0"})
        self.assertNotIn("anna", json.dumps(answer))

    def test_erase_by_the_user_name(self):
        key = self.hash("anna@example.org")
        self.mimd.need(201, "PUT", USERS + key, {"user": key})
        self.mimd.need(204, "DELETE", USERS + "anna@example.org")
        self.mimd.need(404, "GET", USERS + key)


class WhatCampaignsLeave(ImportCase):
    """rows and instances of a user: exported, and gone after an erase"""

    def setUp(self):
        super().setUp()
        self.name = user(3)
        self.mimd.need(201, "PUT", self.path(f"users/{self.name}"), {
            "user": self.name, "consents": [{"purpose": "newsletter", "granted": True,
                                             "at": "2026-01-01T00:00:00Z"}]})
        self.succeed(Bundle())

    def open_inbox(self):
        return self.mimd.need(200, "POST", "/api/dovecot/decisions", {
            "node": "n1", "user": self.name, "protocol": "imap", "uidValidity": 1,
            "uidNext": 1, "complete": True, "present": [], "events": []})["actions"]

    def test_the_export_shows_rows_and_instances(self):
        (action,) = self.open_inbox()
        export = self.mimd.need(200, "GET", self.path(f"users/{self.name}/export"))
        self.assertEqual(export["recipientRows"], [{
            "campaign": "spring",
            "variables": {"name": "Name 3", "link": "https://example.org/3"}}])
        (instance,) = export["instances"]
        self.assertEqual(
            (instance["instance"], instance["campaign"], instance["state"]),
            (action["instance"], "spring", "pending"))

    def test_an_erased_user_gets_nothing_until_put_again(self):
        (action,) = self.open_inbox()
        event = {"user": self.name, "instance": action["instance"], "type": "injected",
                 "at": "2026-01-01T00:00:00Z"}
        self.mimd.need(200, "POST", "/api/dovecot/events", {"events": [event]})
        self.mimd.need(204, "DELETE", self.path(f"users/{self.name}"))
        self.mimd.need(404, "GET", self.path(f"users/{self.name}/export"))
        self.assertEqual(self.open_inbox(), [])
        late = self.mimd.need(200, "POST", "/api/dovecot/events",
                              {"events": [{**event, "type": "read"}]})
        self.assertEqual(late, {"stored": 0, "dropped": 1})
        self.mimd.need(404, "GET", self.path(f"users/{self.name}"))
        totals = self.mimd.need(
            200, "GET", self.path("campaigns/spring/statistics"))["totals"]
        self.assertEqual(totals["injected"]["count"], 1)  # it names nobody
        self.mimd.need(201, "PUT", self.path(f"users/{self.name}"),
                       {"user": self.name})
        self.assertEqual(self.open_inbox(), [])  # the consent is gone, too


if __name__ == "__main__":
    unittest.main()
