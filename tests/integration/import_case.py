# SPDX-License-Identifier: Apache-2.0
"""What the tests of imports share: a tenant with a directory as its data source, a
bundle as an object that can be written, spoilt and sent."""
import copy
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import time

from mimd_case import MimdCase
from services.daemon import build_folder

ENDED = ("done", "failed")

CAMPAIGN = {
    "id": "spring", "version": 1, "name": "Spring", "type": "newsletter",
    "legalClass": "own_marketing", "purpose": "newsletter", "label": {"text": "Ad"},
    "audience": {"from": "recipients"},
    "schedule": {"start": "2020-01-01T00:00:00Z", "end": "2099-01-01T00:00:00Z"},
    "variants": [{"id": "a", "templates": {"en": "t"}}],
}
TEMPLATE = {
    "from": {"name": "Acme", "address": "news@example.org"},
    "subject": "Hello {{name}}",
    "html": "<p>Dear {{name}}, <a href=\"{{link}}\">here</a></p>",
}


def user(n):
    return f"user{n}@example.org"


def people(n, first=0):
    """Rows of recipients.csv for TEMPLATE."""
    return [[user(i), f"Name {i}", f"https://example.org/{i}"]
            for i in range(first, first + n)]


def csv_of(rows, header=("user", "name", "link")):
    return "".join(",".join(row) + "\n" for row in [list(header), *rows]).encode()


def pack(name, data):
    if name.endswith(".gz"):
        return gzip.compress(data)
    if name.endswith(".zst"):
        return subprocess.run(["zstd", "-qc"], input=data, capture_output=True,
                              check=True).stdout
    return data


class Bundle:
    """Files under a prefix; `changes` go into the campaign."""

    def __init__(self, rows=None, recipients="recipients.csv", template=None,
                 data=None, **changes):
        self.campaign = {**copy.deepcopy(CAMPAIGN), **changes}
        self.files = {"templates/t.json": json.dumps(template or TEMPLATE).encode()}
        self.rows = rows
        if self.campaign["audience"]["from"] == "recipients":
            if data is None:
                data = csv_of(people(10) if rows is None else rows)
            self.files[recipients] = pack(recipients, data)
        self.manifest = None  # made when it is written, if nobody set one

    def list_files(self):
        return [{"name": n, "sha256": hashlib.sha256(d).hexdigest(), "bytes": len(d)}
                for n, d in sorted(self.files.items())]

    def write(self, folder):
        shutil.rmtree(folder, ignore_errors=True)
        for name, data in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        manifest = self.manifest or {"schema": "inlay.bundle/1",
                                     "campaign": self.campaign,
                                     "files": self.list_files()}
        (folder / "bundle.json").write_text(json.dumps(manifest))


class ImportCase(MimdCase):
    public = True
    tenant = {}  # what the tenant has beside the usual

    def setUp(self):
        super().setUp()
        if self.running:
            self.make_tenant()

    def make_tenant(self):
        self.mimd.make_tenant(**{
            "publicUrl": "https://mail.example.org", "dataSources": [{
                "id": "default", "type": "directory", "defaultDataSource": True,
                "awsConnectionInformation": {"authorizationType": "directory",
                                             "endpoint": "bundles"}}],
            "unknownUsers": "accept", **self.tenant})
        self.mimd.need(200, "PUT", self.path("purposes"),
                       [{"id": "newsletter", "names": {"en": "News"}}])
        self.source.mkdir(parents=True)

    def path(self, rest):
        return f"/api/tenants/default/{rest}"

    @property
    def source(self):
        return self.mimd.data / "datasource" / "default" / "bundles"

    def send(self, bundle=None, prefix="campaigns/spring/1", token=None, **order):
        """Writes the bundle and posts the import; its id."""
        if bundle is not None:
            bundle.write(self.source / prefix)
        return self.mimd.need(202, "POST", self.path("imports"),
                              {"prefix": prefix, **order}, token)["id"]

    def show(self, import_id):
        return self.mimd.need(200, "GET", self.path(f"imports/{import_id}"))

    def wait(self, import_id, seconds=60, until=lambda i: i["phase"] in ENDED):
        end = time.monotonic() + seconds
        while True:
            now = self.show(import_id)
            if until(now):
                return now
            if time.monotonic() > end:
                self.fail(f"not there after {seconds} s: {now}")
            time.sleep(0.01)

    def load(self, bundle=None, prefix="campaigns/spring/1", token=None, **order):
        """The import when it is over."""
        return self.wait(self.send(bundle, prefix, token, **order))

    def succeed(self, *args, **order):
        done = self.load(*args, **order)
        self.assertEqual(done["phase"], "done", done)
        return done

    def refuse(self, *args, **order):
        """The problem of an import that must fail."""
        over = self.load(*args, **order)
        self.assertEqual(over["phase"], "failed", over)
        return over["problem"]

    def messages(self, problem):
        return "\n".join(f"{e['pointer']} {e['message']}" for e in problem["errors"])

    def inlay(self, *words):
        """The command, to its end."""
        return subprocess.run(
            [build_folder() / "src/cli/inlay", *words], capture_output=True, text=True,
            timeout=120, check=False, env={
                **os.environ, "INLAY_URL": f"http://127.0.0.1:{self.mimd.port}",
                "INLAY_TENANT": "default",
                "INLAY_TOKEN_FILE": str(self.mimd.data / "admin-token")})
