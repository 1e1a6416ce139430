# SPDX-License-Identifier: Apache-2.0
"""Everything at once: tenants come, change and go while their users are served. Of most
use in a sanitizer build (SAN=thread)."""
import threading
import unittest

from import_case import Bundle, ImportCase, user
from mimd_case import original

ROUNDS = 40


class AtOnce(ImportCase):
    def setUp(self):
        super().setUp()
        self.succeed(Bundle())
        self.wrong = []

    def repeat(self, name, work):
        def body():
            try:
                for i in range(ROUNDS):
                    work(i)
            except Exception as e:  # pylint: disable=broad-except
                self.wrong.append(f"{name}: {e!r}")
        return threading.Thread(target=body)

    def allow(self, statuses, *call):
        status, answer = self.mimd.call(*call)
        if status not in statuses:
            raise AssertionError(f"{call[:2]}: {status} {answer}")

    def test_no_call_disturbs_another(self):
        tenant = self.mimd.need(200, "GET", "/api/tenants/default")
        other = original(id="other", keyspaceName="mim_other")
        other["configuration"]["hashedEmailAddresses"] = False
        opening = {"node": "n1", "protocol": "imap", "uidValidity": 1, "uidNext": 1,
                   "complete": True, "present": [], "events": []}
        works = {
            "rename": lambda i: self.allow(
                (200,), "PUT", "/api/tenants/default", {**tenant, "name": f"n{i}"}),
            "come": lambda i: self.allow(
                (201, 409), "POST", "/api/tenants?createDB=true", other),
            "go": lambda i: self.allow(
                (204, 404), "DELETE", "/api/tenants/other"),
            "user of other": lambda i: self.allow(
                (200, 201, 404, 503), "PUT", f"/api/tenants/other/users/u{i}",
                {"user": f"u{i}"}),
            "hello": lambda i: self.allow(
                (200,), "POST", "/api/dovecot/hello",
                {"user": user(i % 10), "protocol": "imap"}),
            "open": lambda i: self.allow(
                (200,), "POST", "/api/dovecot/decisions",
                {**opening, "user": user(i % 10)}),
            "consent": lambda i: self.allow(
                (200, 201), "PUT", self.path(f"users/{user(i % 10)}"),
                {"user": user(i % 10), "consents": [
                    {"purpose": "newsletter", "granted": True,
                     "at": "2026-01-01T00:00:00Z"}]}),
            "pause": lambda i: self.allow(
                (200, 409), "POST",
                self.path(f"campaigns/spring/{'resume' if i % 2 else 'pause'}")),
            "look": lambda i: [self.allow((200,), "GET", p) for p in (
                "/api/tenants", "/health/ready", "/metrics", "/api/tokens")],
            "token": lambda i: self.allow((201,), "POST", "/api/tokens",
                                          {"scope": f"read:t{i}"}),
        }
        threads = [self.repeat(name, work) for name, work in works.items()]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(self.wrong, [])
        self.assertEqual(self.mimd.need(200, "GET", "/api/tenants/default")["name"],
                         f"n{ROUNDS - 1}")
        self.assertEqual(len(self.mimd.need(200, "GET", "/api/tokens")), ROUNDS + 1)


if __name__ == "__main__":
    unittest.main()
