# SPDX-License-Identifier: Apache-2.0
"""The public listener: a mail user says no by the link in a message."""
import unittest
from urllib.parse import urlsplit

from import_case import Bundle, ImportCase, user

FORM = "application/x-www-form-urlencoded"
ONE_CLICK = "List-Unsubscribe=One-Click"
ANNA, BOB = user(0), user(1)


class Unsubscribe(ImportCase):
    def setUp(self):
        super().setUp()
        for name in (ANNA, BOB):
            self.mimd.need(201, "PUT", self.path(f"users/{name}"), {
                "user": name, "consents": [{"purpose": "newsletter", "granted": True,
                                            "at": "2026-01-01T00:00:00Z"}]})
        self.succeed(Bundle())
        self.link = self.open_inbox(ANNA)["actions"][0]["unsubscribe"]
        self.assertTrue(self.link.startswith("https://mail.example.org/u/"))

    def open_inbox(self, name, **more):
        return self.mimd.need(200, "POST", "/api/dovecot/decisions", {
            "node": "n1", "user": name, "protocol": "imap", "uidValidity": 1,
            "uidNext": 1, "complete": True, "present": [], "events": [], **more})

    def public(self, method, path=None, body=None, kind=FORM):
        path = path or urlsplit(self.link).path
        headers = {"Content-Type": kind} if body is not None else {}
        status, headers, text = self.mimd.request(method, path, body, headers,
                                                  self.mimd.public_port)
        self.assertNotIn("Set-Cookie", headers)
        self.assertNotIn("Location", headers)
        return status, headers, text.decode()

    def opt_outs(self, name=ANNA):
        return self.mimd.need(200, "GET", self.path(f"users/{name}"))["optOuts"]

    def test_a_get_shows_a_page_and_changes_nothing(self):
        before = self.mimd.need(200, "GET", self.path(f"users/{ANNA}/export"))
        for method in ("GET", "HEAD", "GET"):
            status, headers, page = self.public(method)
            self.assertEqual(status, 200)
            self.assertEqual(headers["Content-Type"], "text/html; charset=utf-8")
            self.assertEqual(headers["Cache-Control"], "no-store")
            self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
        self.assertIn("News", page)
        self.assertIn('<form method="post">', page)
        after = self.mimd.need(200, "GET", self.path(f"users/{ANNA}/export"))
        self.assertEqual({**after, "exportedAt": 0}, {**before, "exportedAt": 0})

    def test_a_browser_with_many_cookies_sees_the_page(self):
        status, _, page = self.mimd.request(
            "GET", urlsplit(self.link).path, None, {"Cookie": "a=" + "c" * 8000},
            self.mimd.public_port)
        self.assertEqual(status, 200)
        self.assertIn(b'<form method="post">', page)

    def test_one_click_is_a_no_and_a_second_one_changes_nothing(self):
        status, _, page = self.public("POST", body=ONE_CLICK)
        self.assertEqual(status, 200)
        self.assertNotIn("<form", page)
        (out,) = self.opt_outs()
        self.assertEqual((out["purpose"], out["source"]),
                         ("newsletter", "unsubscribe link of spring"))
        for _ in range(3):
            self.assertEqual(self.public("POST", body=ONE_CLICK)[0], 200)
        self.assertEqual(self.opt_outs(), [out])
        self.assertEqual(self.opt_outs(BOB), [])
        self.assertEqual(
            self.mimd.need(200, "GET", self.path(f"users/{ANNA}/why"))["campaigns"][0][
                "gate"], "optOut")

    def test_clients_that_send_multipart_are_understood(self):
        body = ('--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\n'
                'One-Click\r\n--x--\r\n')
        self.assertEqual(
            self.public("POST", body=body, kind="multipart/form-data; boundary=x")[0],
            200)
        self.assertEqual(len(self.opt_outs()), 1)

    def test_any_other_post_is_refused(self):
        for body in ("", "List-Unsubscribe=yes", "a=b", ONE_CLICK + "&x=y"):
            self.assertEqual(self.public("POST", body=body)[0], 400, body)
        self.assertEqual(self.public("PUT", body=ONE_CLICK)[0], 405)
        self.assertEqual(self.public("DELETE")[0], 405)
        self.assertEqual(self.opt_outs(), [])

    def test_a_changed_link_is_nobodys(self):
        path = urlsplit(self.link).path
        middle = len(path) // 2
        for bad in (path[:-1], path + "A", path[:middle] + path[middle + 1:],
                    path[:-2] + ("AA" if path[-2:] != "AA" else "BB"), "/u/", "/u/x",
                    "/u/" + "A" * 3000, "/", "/u", "/c/" + path[3:]):
            for method, body in (("GET", None), ("POST", ONE_CLICK)):
                self.assertEqual(self.public(method, bad, body)[0], 404, bad)
        self.assertEqual(self.opt_outs(), [])

    def test_nothing_of_the_api_is_reached_through_it(self):
        for path in ("/api/tenants", "/health/live", "/health/ready", "/metrics"):
            headers = {"Authorization": f"Bearer {self.mimd.token}"}
            status, _, _ = self.mimd.request("GET", path, None, headers,
                                             self.mimd.public_port)
            self.assertEqual(status, 404, path)
        status, _, _ = self.mimd.request("GET", urlsplit(self.link).path)
        self.assertEqual(status, 401)

    def test_a_link_outlives_restart_campaign_and_tenant(self):
        self.mimd.need(200, "POST", self.path("campaigns/spring/cancel"))
        tenant = self.mimd.need(200, "GET", "/api/tenants/default")
        self.mimd.stop()
        self.mimd.start()
        self.assertEqual(self.public("GET")[0], 200)
        self.mimd.need(204, "DELETE", "/api/tenants/default")
        self.assertEqual(self.public("POST", body=ONE_CLICK)[0], 404)
        tenant["configuration"]["secretKey"] = "s3cret"
        tenant["dataSources"] = []
        del tenant["dataSources"]
        self.mimd.need(201, "POST", "/api/tenants", tenant)
        self.assertEqual(self.public("POST", body=ONE_CLICK)[0], 200)
        self.assertEqual(len(self.opt_outs()), 1)

    def test_an_erased_user_is_not_brought_back(self):
        self.mimd.need(204, "DELETE", self.path(f"users/{ANNA}"))
        self.assertEqual(self.public("POST", body=ONE_CLICK)[0], 200)
        self.mimd.need(404, "GET", self.path(f"users/{ANNA}"))

    def test_a_later_consent_lifts_it_and_a_later_click_counts_again(self):
        self.public("POST", body=ONE_CLICK)
        (out,) = self.opt_outs()
        self.mimd.need(200, "PATCH", self.path(f"users/{ANNA}"), {"consents": [
            {"purpose": "newsletter", "granted": True, "at": self.later(out["at"])}]})
        why = self.mimd.need(200, "GET", self.path(f"users/{ANNA}/why"))
        self.assertNotEqual(why["campaigns"][0].get("gate"), "optOut")

    @staticmethod
    def later(at):
        import datetime
        then = datetime.datetime.fromisoformat(at.replace("Z", "+00:00"))
        return (then + datetime.timedelta(milliseconds=1)).isoformat().replace(
            "+00:00", "Z")

    def test_names_do_not_stand_in_log_or_link(self):
        self.public("POST", body=ONE_CLICK)
        self.mimd.stop()
        self.assertNotIn(ANNA.split("@")[0], self.mimd.log())
        self.assertIn("unsubscribed  tenant=default campaign=spring", self.mimd.log())


class HashedUnsubscribe(ImportCase):
    tenant = {"configuration": {"secretKey": "pepper", "hashedEmailAddresses": True}}

    def test_the_chain_from_the_name_to_the_opt_out(self):
        import hashlib
        import hmac
        key = hmac.new(b"pepper", ANNA.encode(), hashlib.sha256).hexdigest()
        self.mimd.need(201, "PUT", self.path(f"users/{key}"), {
            "user": key, "consents": [{"purpose": "newsletter", "granted": True,
                                       "at": "2026-01-01T00:00:00Z"}]})
        self.succeed(Bundle(rows=[[key, "Anna", "https://example.org/"]]))
        (action,) = self.mimd.need(200, "POST", "/api/dovecot/decisions", {
            "node": "n1", "user": ANNA.upper(), "protocol": "imap", "uidValidity": 1,
            "uidNext": 1, "complete": True, "present": [], "events": []})["actions"]
        path = urlsplit(action["unsubscribe"]).path
        status, _, _ = self.mimd.request("POST", path, ONE_CLICK,
                                         {"Content-Type": FORM}, self.mimd.public_port)
        self.assertEqual(status, 200)
        out = self.mimd.need(200, "GET", self.path(f"users/{ANNA}"))["optOuts"]
        self.assertEqual(len(out), 1)
        self.mimd.stop()
        for folder in self.mimd.data.rglob("*.mdb"):
            self.assertNotIn(ANNA.encode(), folder.read_bytes())


if __name__ == "__main__":
    unittest.main()
