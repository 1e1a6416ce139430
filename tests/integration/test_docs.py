# SPDX-License-Identifier: Apache-2.0
"""What the documents name is there."""
import json
import pathlib
import re
import unittest

from middleware import Middleware, campaign
from openapi import Contract

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"),
                    *ROOT.glob("examples/*.md")])


class TheDocuments(unittest.TestCase):
    def test_links_to_files_lead_somewhere(self):
        checked = 0
        for document in DOCUMENTS:
            for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text()):
                if "://" in target:
                    continue
                checked += 1
                with self.subTest(document=document.name, target=target):
                    self.assertTrue((document.parent / target).exists())
        self.assertGreater(checked, 10)

    def test_tests_that_are_named_as_evidence_exist(self):
        text = (ROOT / "docs/reliability.md").read_text()
        named = re.findall(r"`(\S+\.(?:py|c)): (\w+)`", text)
        self.assertGreater(len(named), 20)
        for name, test in named:
            with self.subTest(name=name, test=test):
                (path,) = [p for folder in ("tests", "src", "dovecot")
                           for p in (ROOT / folder).rglob(name)]
                self.assertTrue(re.search(rf"\b{test}\(", path.read_text()))

    def test_json_in_the_documents_can_be_read(self):
        checked = 0
        for document in DOCUMENTS:
            for block in re.findall(r"^```json\n(.*?)^```", document.read_text(),
                                    re.M | re.S):
                checked += 1
                with self.subTest(document=document.name, block=block[:60]):
                    json.loads(block)
        self.assertGreater(checked, 3)

    def test_the_campaign_of_the_bundle_format_is_as_described(self):
        text = (ROOT / "docs/bundle-format.md").read_text()
        section = text[text.index("\n## Campaign"):]
        document = json.loads(re.search(r"^```json\n(.*?)^```", section,
                                        re.M | re.S).group(1))
        contract = Contract()
        schema = {"$ref": "#/components/schemas/CampaignDefinition"}
        self.assertEqual(contract.complaints(schema, document), [])
        self.assertEqual(contract.complaints(schema, campaign()), [])

    def test_every_decision_is_in_the_list(self):
        folder = ROOT / "docs/decisions"
        text = (folder / "README.md").read_text()
        for record in folder.glob("0*.md"):
            self.assertIn(f"]({record.name})", text)


class TheGuide(unittest.TestCase):
    """docs/operators-guide.md, done as it says"""

    def test_its_documents_and_commands_lead_to_a_running_campaign(self):
        text = (ROOT / "docs/operators-guide.md").read_text()
        tenant, source = re.findall(r"^```json\n(.*?)^```", text, re.M | re.S)
        files = dict(re.findall(r"^\$ cat (\S+)\n(.*?)(?=^\$ )", text, re.M | re.S))
        users = re.search(r"^```\n(user,userId.*?)^```", text, re.M | re.S).group(1)
        with Middleware() as mim:
            def inlay(*words, stdin=None):
                done = mim.inlay(*words, stdin=stdin)
                self.assertEqual(done.returncode, 0, f"{words}: {done.stderr}")
                return done.stdout

            inlay("tenant", "create", "-", stdin=tenant)
            inlay("datasource", "set", "-", stdin=source)
            document = json.loads(inlay("--json", "tenant", "show"))
            document["publicUrl"] = "https://mail.example.org"
            inlay("tenant", "update", "-", stdin=json.dumps(document))
            inlay("purpose", "set", "-", stdin=files["purposes.json"])
            inlay("attribute", "set", "-", stdin=files["attributes.json"])
            mim.put_file("users/2026-05-01/users.csv", users)
            self.assertIn("3 rows accepted, 0 rejected",
                          inlay("user", "import", "users/2026-05-01/"))
            mim.put_bundle("spring-1", campaign())
            inlay("bundle", "check", str(mim.source / "spring-1"))
            inlay("import", "spring-1")
            outcomes = {user: re.search(r"(?m)^spring .*", inlay(
                "user", "why", f"{user}@example.org")).group()
                for user in ("alice", "bob", "carol")}
            self.assertIn("would inject", outcomes["alice"])
            self.assertIn("consent", outcomes["bob"])
            self.assertIn("revoked", outcomes["carol"])


if __name__ == "__main__":
    unittest.main()
