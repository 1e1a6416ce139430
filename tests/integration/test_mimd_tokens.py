# SPDX-License-Identifier: Apache-2.0
"""Who may call what."""
import unittest

from mimd_case import CONTRACT, MimdCase

class Tokens(MimdCase):
    def setUp(self):
        super().setUp()
        self.mimd.make_tenant("one")
        self.mimd.make_tenant("two")

    def status(self, token, method, path, body=None):
        return self.mimd.call(method, path, body, token=token)[0]

    def test_a_token_is_shown_once_and_only_its_hash_is_kept(self):
        made = self.mimd.need(201, "POST", "/api/tokens",
                              {"scope": "read:one", "name": "dashboard"})
        self.assertTrue(made["token"].startswith("inlay_"))
        listed = {t["id"]: t for t in self.mimd.need(200, "GET", "/api/tokens")}
        self.assertNotIn("token", listed[made["id"]])
        self.assertEqual(listed[made["id"]]["name"], "dashboard")
        self.mimd.stop()
        for path in self.mimd.data.rglob("*.mdb"):
            self.assertNotIn(made["token"].encode(), path.read_bytes())
        self.assertNotIn(made["token"], self.mimd.log())

    def test_a_token_works_after_a_restart_and_not_after_its_end(self):
        made = self.mimd.need(201, "POST", "/api/tokens", {"scope": "read:one"})
        self.mimd.stop()
        self.mimd.start()
        self.assertEqual(self.status(made["token"], "GET", "/api/tenants/one"), 200)
        self.mimd.need(204, "DELETE", "/api/tokens/" + made["id"])
        self.assertEqual(self.status(made["token"], "GET", "/api/tenants/one"), 401)
        self.mimd.need(404, "DELETE", "/api/tokens/" + made["id"])
        self.mimd.stop()
        self.mimd.start()
        self.assertEqual(self.status(made["token"], "GET", "/api/tenants/one"), 401)

    def test_a_wrong_token_is_wrong_whatever_right_one_came_before(self):
        right = self.mimd.make_token("read:one")
        for n in range(2000):
            if n % 500 == 0:
                self.assertEqual(self.status(right, "GET", "/api/tenants/one"), 200)
            wrong = f"{right[:-4]}{n:04}" if n % 2 else f"inlay_{n:0{len(right) - 6}}"
            for _ in range(1 + (n % 500 == 1)):
                self.assertEqual(self.status(wrong, "GET", "/api/tenants/one"), 401)
        self.assertEqual(self.status(right, "GET", "/api/tenants/one"), 200)

    def test_the_last_admin_token_stays(self):
        admin = self.mimd.need(200, "GET", "/api/tokens")[0]
        self.mimd.need(409, "DELETE", "/api/tokens/" + admin["id"])
        second = self.mimd.make_token("admin")
        self.assertEqual(
            self.status(second, "DELETE", "/api/tokens/" + admin["id"]), 204)
        self.assertEqual(self.status(self.mimd.token, "GET", "/api/tokens"), 401)

    def test_what_is_no_scope_is_refused(self):
        for scope in ("root", "tenant", "tenant:", "admin:one", "read:a/b", ""):
            self.mimd.need(400, "POST", "/api/tokens", {"scope": scope})
        answer = self.mimd.need(400, "POST", "/api/tokens", {"scope": "x", "y": 1})
        self.assertEqual(set(self.pointers(answer)), {"/scope", "/y"})

    def test_a_tenants_token_sees_its_tenant_only(self):
        for scope in ("tenant:one", "read:one", "dovecot:one"):
            token = self.mimd.make_token(scope)
            # another tenant is as one that is not there
            for path in ("/api/tenants/two", "/api/tenants/none",
                         "/api/tenants/two/users/anna", "/api/tenants/two/dataSources"):
                self.assertEqual(self.status(token, "GET", path), 404, (scope, path))
            for path in ("/api/tenants", "/api/tokens"):
                self.assertEqual(self.status(token, "GET", path), 403, (scope, path))

    def test_read_may_not_write_and_dovecot_may_not_read(self):
        read, dovecot = (self.mimd.make_token(s) for s in ("read:one", "dovecot:one"))
        user = "/api/tenants/one/users/anna"
        self.assertEqual(self.status(read, "GET", "/api/tenants/one"), 200)
        self.assertEqual(self.status(read, "PUT", user, {"user": "anna"}), 403)
        self.assertEqual(self.status(read, "DELETE", user), 403)
        self.assertEqual(self.status(dovecot, "GET", "/api/tenants/one"), 403)
        hello = {"user": "anna", "protocol": "imap"}
        path = "/api/tenants/one/dovecot/hello"
        self.assertEqual(self.status(dovecot, "POST", path, hello), 200)
        self.assertEqual(self.status(read, "POST", path, hello), 403)

    def test_monitor_may_ask_for_health_and_metrics_only(self):
        token = self.mimd.make_token("monitor")
        self.assertEqual(self.status(token, "GET", "/health/ready"), 200)
        self.assertEqual(self.status(token, "GET", "/metrics"), 200)
        self.assertEqual(self.status(token, "GET", "/api/tenants/one"), 403)
        self.assertEqual(self.status(token, "GET", "/api/tenants"), 403)

    def test_what_is_nearly_a_token_is_none(self):
        good = self.mimd.token
        for bad in (good[:-1], good + "A", good.upper(), good[6:], "x" * 5000):
            self.assertEqual(self.status(bad, "GET", "/api/tokens"), 401)
        for header in (good, f"Basic {good}", "Bearer", f"Bearer{good}"):
            self.assertEqual(self.mimd.request(
                "GET", "/api/tokens", headers={"Authorization": header})[0], 401)
        self.assertEqual(self.mimd.request(
            "GET", "/api/tokens", headers={"Authorization": f"bearer {good}"})[0], 200)

    def test_every_described_call_asks_for_the_role_that_is_described(self):
        tokens = {scope: self.mimd.make_token(scope + tenant) for scope, tenant in (
            ("monitor", ""), ("read", ":one"), ("dovecot", ":one"), ("tenant", ":one"))}
        allowed = {"monitor": set(tokens), "read": {"read", "tenant"},
                   "dovecot": {"dovecot", "tenant"}, "tenant": {"tenant"},
                   "admin": set(), "none": set(tokens)}
        served = self.mimd.run("--print-routes").stdout.split("\n")
        for method, path, operation, _ in CONTRACT.operations():
            # what is not served at all is the matter of test_openapi.py
            if f"{method} {path} {CONTRACT.role(operation)}" not in served or \
                    path.startswith("/api/dovecot"):
                continue
            real = path.replace("{tenantId}", "one").replace("{user}", "nobody")
            real = real.replace("{", "").replace("}", "")
            role = CONTRACT.role(operation)
            for scope, token in tokens.items():
                # an empty body, so that nothing is changed
                status, _, _ = self.mimd.request(
                    method, real, "", {"Authorization": f"Bearer {token}"})
                with self.subTest(call=f"{method} {path}", scope=scope):
                    if scope in allowed[role]:
                        self.assertNotIn(status, (401, 403, 405))
                    else:
                        self.assertEqual(status, 403)


if __name__ == "__main__":
    unittest.main()
