# SPDX-License-Identifier: Apache-2.0
"""docs/openapi.yaml is sound in itself and says what mimd does."""

import json
import re
import subprocess
import unittest

import jsonschema

from middleware import (ATTRIBUTES, DIRECTORY, PURPOSES, TENANT, USERS, Middleware,
                        campaign)
from openapi import METHODS, Contract
from services.daemon import build_folder
from services.dovecot import wait_until

ROLES = {"none", "monitor", "dovecot", "read", "tenant", "admin"}


class TheDescription(unittest.TestCase):
    """needs no server"""

    @classmethod
    def setUpClass(cls):
        cls.contract = Contract()

    def test_every_reference_leads_somewhere(self):
        for ref in set(self.contract.references()):
            with self.subTest(ref=ref):
                self.contract.pointer(ref)

    def test_every_component_is_used(self):
        used = set(self.contract.references())
        for kind, items in self.contract.doc["components"].items():
            if kind == "securitySchemes":
                continue
            for name in items:
                self.assertIn(f"#/components/{kind}/{name}", used)

    def test_every_schema_is_a_schema(self):
        for name, schema in self.contract.doc["components"]["schemas"].items():
            with self.subTest(schema=name):
                jsonschema.Draft202012Validator.check_schema(schema)

    def test_every_operation_has_summary_tag_role_and_answers(self):
        tags = {tag["name"] for tag in self.contract.doc["tags"]}
        ids = []
        for method, path, operation, _ in self.contract.operations():
            with self.subTest(operation=f"{method} {path}"):
                self.assertTrue(operation["summary"])
                self.assertLessEqual(set(operation["tags"]), tags)
                self.assertIn(self.contract.role(operation), ROLES)
                self.assertTrue(any(str(code).startswith("2")
                                    for code in operation["responses"]))
                if "operationId" in operation:
                    ids.append(operation["operationId"])
        self.assertEqual(len(ids), len(set(ids)))

    def test_the_parameters_of_a_path_are_those_described(self):
        for method, path, _, parameters in self.contract.operations():
            with self.subTest(operation=f"{method} {path}"):
                named = re.findall(r"\{([^}]*)\}", path)
                described = [p["name"] for p in parameters if p["in"] == "path"]
                self.assertEqual(sorted(named), sorted(described))

    def examples(self, node):
        """Yields (schema, example) from below a node, not following references."""
        if isinstance(node, list):
            for item in node:
                yield from self.examples(item)
        elif isinstance(node, dict):
            if "example" in node:
                # in a schema the example stands beside what it must fit
                own = {k: v for k, v in node.items() if k != "example"}
                yield node.get("schema", own), node["example"]
            if "schema" in node:
                for example in node.get("examples", {}).values():
                    yield node["schema"], self.contract.resolve(example)["value"]
            for key, value in node.items():
                if key not in ("example", "examples"):
                    yield from self.examples(value)

    def test_every_example_fits_its_schema(self):
        examples = list(self.examples(self.contract.doc["paths"]))
        examples += self.examples({k: v for k, v
                                   in self.contract.doc["components"].items()
                                   if k != "examples"})
        self.assertGreater(len(examples), 20)
        for schema, example in examples:
            self.assertEqual(self.contract.complaints(schema, example), [])

    def test_only_known_methods_are_described(self):
        for path, item in self.contract.doc["paths"].items():
            item = self.contract.resolve(item)
            self.assertLessEqual(set(item), set(METHODS) | {"parameters"}, path)


T = "/api/tenants/default"
DOVECOT = "/api/dovecot"


class TheServer(unittest.TestCase):
    """a real mimd: what it serves, and how it answers"""

    @classmethod
    def setUpClass(cls):
        cls.contract = Contract()
        cls.mim = cls.enterClassContext(Middleware())
        cls.called = set()

    def send(self, method, path, body=None, token=None, public=False,
             content_type="application/json"):
        """(status, media type, bytes); token "": none."""
        headers = {} if token == "" else {
            "Authorization": f"Bearer {token or self.mim.token}"}
        if body is not None:
            headers["Content-Type"] = content_type
            body = body if isinstance(body, bytes) else json.dumps(body)
        status, got, raw = self.mim.request(
            method, path, body, headers, self.mim.public_port if public else None)
        return status, got.get("Content-Type"), raw

    def call(self, method, path, body=None, want=200, **how):
        """The answer, which must be as described (and the body, if it is taken)."""
        status, kind, raw = self.send(method, path, body, **how)
        document = raw.decode() or None
        if document is not None and (kind or "").split(";")[0].endswith("json"):
            document = json.loads(document)
        self.assertEqual(status, want, f"{method} {path}: {document}")
        template, operation = self.contract.operation(method, path)
        self.assertEqual(
            self.contract.check_answer(method, path, status, kind, document), [])
        if status < 300:
            self.called.add((method, template))
            if isinstance(body, (dict, list)):
                described = operation["requestBody"]
                described = self.contract.resolve(described)["content"]
                self.assertEqual(self.contract.complaints(
                    described["application/json"]["schema"], body), [], path)
        return document

    def finished(self, started):
        """An import after its end."""
        path = f"{T}/imports/{started['id']}"
        return wait_until(
            lambda: (lambda doc: doc if doc["phase"] in ("done", "failed") else None)(
                self.call("GET", path)), path)

    def test_it_serves_what_is_described_and_nothing_else(self):
        printed = subprocess.run([build_folder() / "src/mim/mimd", "--print-routes"],
                                 check=True, capture_output=True, text=True).stdout
        described = [f"{method} {path} {self.contract.role(operation)}"
                     for method, path, operation, _ in self.contract.operations()
                     if operation["tags"] != ["public"]]
        self.assertEqual(sorted(printed.splitlines()), sorted(described))

    def test_every_call_answers_as_described(self):
        with self.subTest("system"):
            self.system()
        self.tenant()
        self.tokens()
        self.users()
        self.campaigns()
        self.openings()
        self.ends()
        described = {(method, path) for method, path, _, _
                     in self.contract.operations()}
        self.assertEqual(described - self.called, set())

    def system(self):
        self.call("GET", "/health/live", token="")
        self.call("GET", "/health/ready")
        self.assertTrue(self.call("GET", "/metrics").endswith("# EOF\n"))

    def tenant(self):
        body = {**TENANT,
                "limits": {"liveUnread": 5, "minSpacing": "PT0S"}}
        made = self.call("POST", "/api/tenants/?createDB=true", body, want=201)
        self.assertEqual(made["configuration"]["secretKey"], "********")
        self.assertEqual([t["id"] for t in self.call("GET", "/api/tenants/")],
                         ["default"])
        tenant = self.call("GET", f"{T}/")
        self.assertEqual(tenant, made)
        self.assertEqual(self.call("PUT", T, tenant), made)
        self.call("GET", f"{T}/dataSources")
        self.call("PUT", f"{T}/dataSources", DIRECTORY)
        source = f"{T}/dataSources/{DIRECTORY[0]['id']}"
        for body in {}, {"prefix": "none"}, None:
            self.call("POST", f"{source}/test", body)
        self.call("POST", f"{source}/test", {"prefix": "/"}, want=400)
        self.call("GET", f"{source}/bundles?limit=2", want=404)  # no such directory
        self.mim.put_bundle("listed/1", campaign())
        self.call("GET", f"{source}/bundles?limit=2")
        self.call("GET", f"{T}/dataSources/nowhere/bundles", want=404)
        points = self.call("GET", f"{T}/conversionPoints")
        self.assertEqual(self.call("PUT", f"{T}/conversionPoints/", points), points)
        self.points([p["id"] for p in points])
        self.call("PUT", f"{T}/purposes", PURPOSES)
        self.call("GET", f"{T}/purposes")
        self.call("PUT", f"{T}/attributes", ATTRIBUTES)
        self.call("GET", f"{T}/attributes")
        self.call("POST", "/api/tenants/?createDB=true",
                  {**TENANT, "id": "acme", "keyspaceName": "mim_acme"}, want=201)
        self.assertEqual([t["id"] for t in self.call("GET", "/api/tenants?limit=1")],
                         ["acme"])
        self.assertEqual(
            [t["id"] for t in self.call("GET", "/api/tenants?limit=5&after=acme")],
            ["default"])
        self.call("DELETE", "/api/tenants/acme/", want=204)
        self.call("GET", "/api/tenants/acme", want=404)

    def points(self, ids):
        if not ids:
            ids = ["hook"]
            self.call("PUT", f"{T}/conversionPoints", [
                {"id": "hook", "type": "webhook", "eventType": "read",
                 "connectionInformation": {"url": "https://127.0.0.1:9/",
                                           "secret": "whsec_" + "A" * 32}}])
        one = f"{T}/conversionPoints/{ids[0]}"
        status = self.call("GET", f"{T}/conversionPoints/status")
        self.assertEqual([p["id"] for p in status], ids)
        self.assertEqual(self.call("GET", f"{one}/status"), status[0])
        self.assertEqual(self.call("GET", f"{one}/deadLetters?limit=5"), [])
        for word in ("replay", "discard"):
            told = self.call("POST", f"{one}/deadLetters/{word}", {"ids": ["0" * 16]})
            self.assertEqual(list(told.values()), [0, False])
            self.call("POST", f"{one}/deadLetters/{word}", {"ids": ["0"]}, want=400)
        self.call("GET", f"{T}/conversionPoints/nowhere/status", want=404)

    def tokens(self):
        made = self.call("POST", "/api/tokens",
                         {"scope": "read:default", "name": "a test"}, want=201)
        listed = self.call("GET", "/api/tokens")
        self.assertIn(made["id"], [t["id"] for t in listed])
        self.assertFalse(any("token" in t for t in listed))
        self.call("GET", T, token=made["token"])
        self.call("DELETE", T, token=made["token"], want=403)
        self.call("GET", "/api/tenants/other", token=made["token"], want=404)
        self.call("DELETE", f"/api/tokens/{made['id']}", want=204)
        self.call("GET", T, token=made["token"], want=401)
        self.call("GET", T, token="", want=401)

    def users(self):
        self.mim.put_file("users/users.csv", USERS)
        done = self.finished(self.call("POST", f"{T}/users/import",
                                       {"prefix": "users/"}, want=202))
        self.assertEqual((done["phase"], done["rows"]["accepted"]), ("done", 3), done)
        user = f"{T}/users/dora%40example.org"
        self.call("GET", user, want=404)
        body = {"user": "dora@example.org", "userId": "4", "aliases": ["d@example.org"],
                "attributes": {"plan": "free"},
                "consents": [{"purpose": "newsletter", "granted": True,
                              "at": "2026-01-01T00:00:00Z", "source": "form",
                              "wording": "1"}],
                "optOuts": [{"at": "2025-01-01T00:00:00Z", "source": "letter"}]}
        self.call("PUT", user, body, want=201)
        self.call("PUT", user, body)
        self.assertEqual(self.call("GET", user)["userId"], "4")
        changed = self.call("PATCH", user, {"attributes": {"plan": "plus"}})
        self.assertEqual(changed["attributes"], {"plan": "plus"})
        self.call("GET", f"{user}/export")
        self.call("DELETE", user, want=204)
        self.call("GET", user, want=404)

    def campaigns(self):
        self.mim.put_bundle("spring/1", campaign())
        started = self.call("POST", f"{T}/imports",
                            {"prefix": "spring/1", "activate": False}, want=202)
        done = self.finished(started)
        self.assertEqual((done["phase"], done["rows"]["accepted"]), ("done", 2), done)
        path = f"{T}/campaigns/spring"
        self.assertEqual(self.call("GET", path)["status"], "staged")
        self.assertEqual(self.call("POST", f"{path}/versions/1/activate")["status"],
                         "active")
        self.assertEqual(self.call("POST", f"{path}/pause")["status"], "paused")
        self.assertEqual(self.call("POST", f"{path}/resume", {})["status"], "active")
        self.assertEqual([c["id"] for c in self.call("GET", f"{T}/campaigns")],
                         ["spring"])
        self.mim.put_bundle("spring/bad", campaign(version=2),
                            "user,first_name\nnobody@example.org,N\n")
        failed = self.finished(self.call("POST", f"{T}/imports",
                                         {"prefix": "spring/bad"}, want=202))
        self.assertEqual(failed["phase"], "failed")
        self.assertEqual(failed["rowErrors"][0]["line"], 2)
        self.assertTrue(failed["problem"]["errors"])
        self.assertIn(failed["id"], [i["id"] for i in self.call("GET", f"{T}/imports")])
        self.call("GET", f"{T}/imports/nothing", want=404)

    def openings(self):
        asks = {"user": "alice@example.org", "protocol": "imap"}
        opens = {**asks, "node": "node1", "uidValidity": 7, "uidNext": 1,
                 "complete": True, "present": [], "events": []}
        self.assertTrue(self.call("POST", f"{DOVECOT}/hello", asks)["open"])
        self.call("POST", f"{T}/dovecot/hello", asks)
        answer = self.call("POST", f"{DOVECOT}/decisions", opens)
        (action,) = answer["actions"]
        self.assertEqual(action["op"], "inject")
        self.assertEqual(action["variables"], {"first_name": "Alice"})
        for base in (DOVECOT, f"{T}/dovecot"):
            template = self.call("GET", f"{base}/templates/{action['template']}")
            self.assertEqual(template["subject"], "Hello {{first_name}}")
            self.call("GET", f"{base}/templates/{'0' * 64}", want=404)
        event = {"user": asks["user"], "instance": action["instance"],
                 "type": "injected", "at": "2026-05-01T08:00:00Z"}
        done = self.call("POST", f"{DOVECOT}/events", {"events": [event]})
        self.assertEqual(done, {"stored": 1, "dropped": 0})
        unknown = {**event, "instance": "0" * 32}
        done = self.call("POST", f"{T}/dovecot/events", {"events": [unknown]})
        self.assertEqual(done, {"stored": 0, "dropped": 1})
        present = [{"guid": action["guid"], "uid": 1, "seen": True, "newer": 0}]
        opens = {**opens, "uidNext": 2, "present": present,
                 "events": [{**event, "type": "read"}]}
        answer = self.call("POST", f"{T}/dovecot/decisions", opens)
        self.assertEqual(answer["known"], [{"guid": action["guid"],
                                            "instance": action["instance"]}])
        for interval in ("hour", "day", "none"):
            statistics = self.call(
                "GET", f"{T}/campaigns/spring/statistics?interval={interval}")
            self.assertEqual(statistics["totals"]["injected"]["count"], 1)
            self.assertEqual("series" in statistics, interval != "none")
        self.call("GET", f"{T}/campaigns/spring/statistics?interval=week", want=400)
        why = self.call("GET", f"{T}/users/bob%40example.org/why")
        self.assertEqual(why["campaigns"][0]["gate"], "consent")
        self.assertEqual(len(self.call(
            "GET", f"{T}/users/alice%40example.org/export")["instances"]), 1)
        cursor = self.call("GET", f"{DOVECOT}/recalls")["cursor"]
        self.call("POST", f"{T}/campaigns/spring/recall", {"scope": "all"})
        news = self.call("GET", f"{T}/dovecot/recalls?since={cursor}&wait=1")
        self.assertEqual(news["entries"], [{"campaign": "spring"}])
        for base in (DOVECOT, f"{T}/dovecot"):
            back = self.call("POST", f"{base}/withdrawals", {"users": [asks["user"]]})
            self.assertEqual(back["users"][0]["actions"][0]["guid"], action["guid"])
        answer = self.call("POST", f"{DOVECOT}/decisions", {**opens, "events": []})
        self.assertEqual([a["op"] for a in answer["actions"]], ["withdraw"])
        self.unsubscribe(action["unsubscribe"])

    def unsubscribe(self, url):
        path = url.removeprefix("https://mail.example.org")
        form = {"content_type": "application/x-www-form-urlencoded", "token": "",
                "public": True}
        page = self.call("GET", path, token="", public=True)
        self.assertIn("<form", page)
        self.call("POST", path, b"something=else", want=400, **form)
        self.call("POST", path, b"List-Unsubscribe=One-Click", **form)
        self.call("POST", path, b"List-Unsubscribe=One-Click", **form)
        self.call("GET", "/u/forged", token="", public=True, want=404)
        user = self.call("GET", f"{T}/users/alice%40example.org")
        self.assertEqual([o["purpose"] for o in user["optOuts"]], ["newsletter"])

    def ends(self):
        path = f"{T}/campaigns/spring"
        self.assertEqual(self.call("POST", f"{path}/cancel")["status"], "cancelled")
        self.call("POST", f"{path}/resume", want=409)
        self.call("POST", f"{T}/campaigns/nothing/pause", want=404)
        self.assertEqual(self.call("GET", f"{T}/pause"), {"killSwitch": "none"})
        self.assertEqual(self.call("POST", f"{T}/pause", {"scope": "all"}),
                         {"killSwitch": "all"})
        self.call("POST", f"{T}/resume", {"scope": "nonService"}, want=409)
        self.assertEqual(self.call("POST", f"{T}/resume"), {"killSwitch": "none"})

    def test_what_is_wrong_is_told_as_described(self):
        """One for each kind of error that a caller can make."""
        self.call("POST", "/api/tenants", b"{", want=400)
        problem = self.call("POST", "/api/tenants",
                            {"id": "x y", "colour": "red"}, want=400)
        self.assertLessEqual({"/id", "/colour", "/name"},
                             {e["pointer"] for e in problem["errors"]})
        self.call("GET", "/api/tenants?limit=none", want=400)
        status, kind, raw = self.send("GET", "/api/nothing")
        problem = json.loads(raw)
        self.assertEqual((status, kind), (404, "application/problem+json"))
        status, kind, raw = self.send("DELETE", "/api/tenants")
        self.assertEqual((status, kind), (405, "application/problem+json"))
        schema = self.contract.doc["components"]["schemas"]["Problem"]
        self.assertEqual(self.contract.complaints(schema, problem), [])
        self.assertEqual(self.contract.complaints(schema, json.loads(raw)), [])


if __name__ == "__main__":
    unittest.main()
