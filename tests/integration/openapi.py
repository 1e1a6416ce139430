# SPDX-License-Identifier: Apache-2.0
"""docs/openapi.yaml for tests: finds operations and validates documents.

Needs Debian's python3-yaml and python3-jsonschema.
"""

import os
import re

import jsonschema
import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATH = os.path.join(ROOT, "docs", "openapi.yaml")
METHODS = ("get", "put", "post", "delete", "patch")


class Contract:
    """The description, with references resolved on demand."""

    def __init__(self, path=PATH):
        with open(path, encoding="utf-8") as f:
            self.doc = yaml.load(f, Loader=yaml.CSafeLoader)

    def resolve(self, node):
        """Follows a $ref (and lays what stands beside it over the target)."""
        while isinstance(node, dict) and "$ref" in node:
            beside = {k: v for k, v in node.items() if k != "$ref"}
            target = self.pointer(node["$ref"])
            node = {**target, **beside}
        return node

    def pointer(self, ref):
        if not ref.startswith("#/"):
            raise KeyError(ref)
        node = self.doc
        for part in ref[2:].split("/"):
            node = node[part.replace("~1", "/").replace("~0", "~")]
        return node

    def references(self, node=None):
        node = self.doc if node is None else node
        if isinstance(node, dict):
            for key, value in node.items():
                if key == "$ref" and isinstance(value, str):
                    yield value
                else:
                    yield from self.references(value)
        elif isinstance(node, list):
            for value in node:
                yield from self.references(value)

    def operations(self):
        """Yields (method, path, operation, parameters)."""
        for path, item in self.doc["paths"].items():
            item = self.resolve(item)
            shared = item.get("parameters", [])
            for method in METHODS:
                if method in item:
                    operation = item[method]
                    parameters = [self.resolve(p)
                                  for p in shared + operation.get("parameters", [])]
                    yield method.upper(), path, operation, parameters

    def role(self, operation):
        """The least token that the operation asks for, "none" without one."""
        security = operation.get("security", self.doc["security"])
        return security[0]["token"][0] if security else "none"

    def operation(self, method, path):
        """The operation that serves a real path, with or without a final slash."""
        path = path.split("?")[0].rstrip("/")
        best = None
        for m, template, operation, _ in self.operations():
            pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(template))
            if m == method and re.fullmatch(pattern, path):
                # a literal segment goes before a parameter: users/import
                if best is None or template.count("{") < best[0].count("{"):
                    best = (template, operation)
        if best is None:
            raise KeyError(f"{method} {path} is not described")
        return best

    def validator(self, schema):
        # the whole document is the root, so that '#/components/...' resolves
        resolver = jsonschema.RefResolver("", self.doc)
        return jsonschema.Draft202012Validator(
            schema, resolver=resolver,
            format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)

    def complaints(self, schema, document):
        return [f"/{'/'.join(map(str, e.absolute_path))}: {e.message}"
                for e in self.validator(schema).iter_errors(document)]

    def response(self, method, path, status):
        """(media type -> schema) of the described answer."""
        template, operation = self.operation(method, path)
        responses = operation["responses"]
        response = responses.get(str(status), responses.get("default"))
        if response is None:
            raise KeyError(f"{method} {template}: {status} is not described")
        response = self.resolve(response)
        return {kind: body.get("schema") for kind, body
                in response.get("content", {}).items()}

    def check_answer(self, method, path, status, content_type, document):
        """Complaints about a real answer; document None: it had no body."""
        described = self.response(method, path, status)
        kind = (content_type or "").split(";")[0].strip()
        where = f"{method} {path} -> {status}"
        if not described:
            return [] if document is None else [f"{where}: a body is not described"]
        if kind not in described:
            return [f"{where}: {kind!r} is not described, but {sorted(described)}"]
        if kind.endswith("json"):
            return [f"{where}: {c}"
                    for c in self.complaints(described[kind], document)]
        return []
