# SPDX-License-Identifier: Apache-2.0
"""docs/openapi.yaml is sound in itself and says what mimd does."""

import re
import unittest

import jsonschema

from openapi import METHODS, Contract

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


if __name__ == "__main__":
    unittest.main()
