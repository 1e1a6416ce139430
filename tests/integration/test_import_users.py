# SPDX-License-Identifier: Apache-2.0
"""Imports of users: profiles and consents from users.csv."""
import hashlib
import hmac
import unittest

from import_case import Bundle, ImportCase, csv_of, pack, user

CONSENT = "2024-03-01T10:00:00Z"
LATER = "2024-04-01T10:00:00Z"
HEADER = ("user", "userId", "email", "alias", "attr.points", "consent.newsletter",
          "optOut")


def row(n, user_id="", email="", alias="", points="", consent="", opt_out=""):
    return [user(n), user_id, email, alias, points, consent, opt_out]


class UserImportCase(ImportCase):
    def setUp(self):
        super().setUp()
        self.mimd.need(200, "PUT", self.path("attributes"),
                       [{"name": "points", "type": "number"}])

    def load_users(self, rows, header=HEADER, name="users.csv", data=None):
        folder = self.source / "users/1"
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        (folder / name).write_bytes(pack(name, data or csv_of(rows, header)))
        order = self.mimd.need(202, "POST", self.path("users/import"),
                               {"prefix": "users/1"})
        self.assertEqual(order["kind"], "users")
        return self.wait(order["id"])

    def succeed_users(self, rows, **more):
        done = self.load_users(rows, **more)
        self.assertEqual(done["phase"], "done", done)
        return done

    def known(self, name):
        return self.mimd.need(200, "GET", self.path(f"users/{name}"))


class WhatIsTaken(UserImportCase):
    settings = {"inlay.import.max-rejected-percent": 60}

    def test_rows_become_users(self):
        done = self.succeed_users([
            row(1, "c1", "one@example.com", "uno@example.com", "12", CONSENT),
            row(2, consent=f"revoked:{CONSENT}", opt_out=LATER)])
        self.assertEqual(done["rows"], {"read": 2, "accepted": 2, "rejected": 0,
                                        "loaded": 2, "total": 2})
        one = self.known(user(1))
        self.assertEqual(one["userId"], "c1")
        self.assertEqual(one["aliases"], ["uno@example.com"])
        self.assertEqual(one["attributes"], {"points": 12})
        self.assertEqual([(c["purpose"], c["granted"], c["at"]) for c in
                          one["consents"]], [("newsletter", True, CONSENT)])
        self.assertEqual(one["consents"][0]["source"], done["id"])
        self.assertEqual(self.known("c1")["user"], user(1))
        two = self.known(user(2))
        self.assertFalse(two["consents"][0]["granted"])
        self.assertEqual([o["at"] for o in two["optOuts"]], [LATER])

    def test_the_same_file_again_changes_nothing(self):
        rows = [row(n, f"c{n}", f"u{n}@example.com", f"a{n}", str(n), CONSENT)
                for n in range(700)]
        self.succeed_users(rows)
        before = self.known(user(699))
        self.assertEqual(self.succeed_users(rows)["rows"]["loaded"], 700)
        self.assertEqual(self.known(user(699)), before)

    def test_what_is_known_is_added_to(self):
        self.succeed_users([row(1, "c1", alias="a", points="1", consent=CONSENT)])
        self.succeed_users([row(1, alias="b", consent=f"revoked:{LATER}")])
        one = self.known(user(1))
        self.assertEqual(one["userId"], "c1")
        self.assertEqual(sorted(one["aliases"]), ["a", "b"])
        self.assertEqual(one["attributes"], {"points": 1})
        self.assertEqual(sorted(c["at"] for c in one["consents"]), [CONSENT, LATER])

    def test_packed_files(self):
        for name in ("users.csv.gz", "users.csv.zst"):
            self.succeed_users([row(1, "c1"), row(2, "c2")], name=name)
        self.assertEqual(self.known("c2")["user"], user(2))

    def test_bad_rows_are_rejected_with_their_line(self):
        done = self.succeed_users([
            row(1, "c1"), row(2, points="many"), row(3, consent="soon"),
            row(4, consent="2999-01-01T00:00:00Z"), row(5, opt_out="yes"),
            row(6), row(7), row(8)])
        self.assertEqual([e["line"] for e in done["rowErrors"]], [3, 4, 5, 6])
        self.assertEqual(done["rows"]["loaded"], 4)

    def test_a_name_that_another_user_has_is_rejected(self):
        self.succeed_users([row(1, "c1", "one@example.com")])
        done = self.succeed_users([row(2, "c1"), row(3, "c3"), row(4, "c4")])
        self.assertEqual([e["line"] for e in done["rowErrors"]], [2])
        self.assertEqual(done["rows"]["accepted"], 2)
        self.mimd.need(404, "GET", self.path(f"users/{user(2)}"))

    def test_second_rows_of_a_user_are_rejected(self):
        done = self.succeed_users([row(1, "c1"), row(2), [user(1).upper(), "c9", *[""] * 5]])
        self.assertEqual([e["line"] for e in done["rowErrors"]], [4])
        self.assertEqual(self.known(user(1))["userId"], "c1")

    def test_an_erased_user_stays_erased(self):
        self.succeed_users([row(1, "c1"), row(2), row(3)])
        self.mimd.call("DELETE", self.path(f"users/{user(1)}"))
        done = self.succeed_users([row(1, "c1"), row(2), row(3)])
        self.assertEqual([e["line"] for e in done["rowErrors"]], [2])
        self.mimd.need(404, "GET", self.path(f"users/{user(1)}"))


class WhatIsRefused(UserImportCase):
    def fails(self, *words, **file):
        over = self.load_users([], **file)
        self.assertEqual(over["phase"], "failed", over)
        text = self.messages(over["problem"])
        for word in words:
            self.assertIn(word, text)

    def test_columns_that_nobody_declared(self):
        self.fails("attribute \"size\"", "purpose \"ads\"", "\"e-mail\"",
                   "users.csv:1",
                   header=("user", "attr.size", "consent.ads", "e-mail"))

    def test_no_file_and_no_csv(self):
        self.fails("users.csv: is missing", name="people.csv", data=b"user\n")
        self.fails("users.csv:1", data=b"name\n")
        self.fails("users.csv:3", data=b"user\na@example.org\n\"b\n")

    def test_nothing_is_written_if_too_many_rows_are_bad(self):
        over = self.load_users([row(1, "c1"), row(2, points="many")])
        self.assertEqual(over["phase"], "failed")
        self.mimd.need(404, "GET", self.path(f"users/{user(1)}"))


class HashedTenant(UserImportCase):
    tenant = {"configuration": {"secretKey": "s3cret", "hashedEmailAddresses": True},
              "unknownUsers": "reject"}
    settings = {"inlay.import.max-rejected-percent": 50}

    def hash(self, n):
        return hmac.new(b"s3cret", user(n).encode(), hashlib.sha256).hexdigest()

    def test_users_and_recipients_are_64_hex_digits(self):
        header = ("user", "userId", "consent.newsletter")
        done = self.succeed_users([[self.hash(1), "c1", CONSENT],
                                   [self.hash(2), "c2", CONSENT],
                                   [user(3), "c3", CONSENT]], header=header)
        self.assertEqual([e["line"] for e in done["rowErrors"]], [4])
        done = self.succeed(Bundle([[self.hash(1), "One", "https://example.org/"],
                                    [self.hash(2), "Two", "https://x/"],
                                    [user(1), "Three", "https://example.org/"],
                                    ["c2", "Four", "https://example.org/"]]))
        self.assertEqual([e["line"] for e in done["rowErrors"]], [4, 5])
        self.assertEqual(self.known(user(1))["userId"], "c1")

    def test_addresses_are_refused(self):
        over = self.load_users([[self.hash(1), "a@b"]], header=("user", "email"))
        self.assertEqual(over["phase"], "failed")


if __name__ == "__main__":
    unittest.main()
