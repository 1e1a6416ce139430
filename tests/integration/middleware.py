# SPDX-License-Identifier: Apache-2.0
"""A mimd of one's own, without agent and Dovecot, and what a test loads into it."""
import json
import pathlib
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request

from services.chain import Chain

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

TENANT = {
    "id": "default", "name": "default", "keyspaceName": "mim_default",
    "configuration": {"secretKey": "a secret", "hashedEmailAddresses": False},
    "conversionPoints": [
        {"id": kind, "type": "ongage", "eventType": event,
         "description": f"Dovecot {kind}",
         "connectionInformation": {"url": f"https://tracking.example.com/{event}"}}
        for kind, event in (("injection", "injected"), ("reinjection", "reinjected"),
                            ("read", "read"), ("expunged", "expunged"))],
    "dataSources": [
        {"id": "default", "type": "ongage", "defaultDataSource": True,
         "deleteTemporaryImportFiles": False,
         "awsConnectionInformation": {
             "authorizationType": "rados", "accessKey": "AKEXAMPLE",
             "secretKey": "sekret", "endpoint": "https://objects.example.com",
             "bucket": "engage"}}],
}
DIRECTORY = [
    {"id": "default", "type": "directory", "defaultDataSource": True,
     "deleteTemporaryImportFiles": False,
     "awsConnectionInformation": {"authorizationType": "directory",
                                  "endpoint": "bundles"}}]
PURPOSES = [{"id": "newsletter", "names": {"en": "Newsletter"},
             "legalBasis": "consent",
             "wordings": [{"version": "1", "text": "Yes, in my inbox.",
                           "namesInboxPlacement": True}]}]
ATTRIBUTES = [{"name": "plan", "type": "string", "label": "Tariff",
               "allowed": ["free", "plus"], "sensitive": False}]
USERS = """\
user,userId,email,attr.plan,consent.newsletter,optOut
alice@example.org,1,alice@example.org,free,2026-01-01T00:00:00Z,
bob@example.org,2,bob@example.org,,,
carol@example.org,3,,plus,2026-01-01T00:00:00Z,
"""
RECIPIENTS = """\
user,first_name
alice@example.org,Alice
bob@example.org,Bob
"""


def campaign(name="spring", version=1, **more):
    return {"id": name, "version": version, "name": "Spring", "type": "newsletter",
            "legalClass": "own_marketing", "purpose": "newsletter",
            "label": {"text": "Ad"}, "audience": {"from": "recipients"},
            "schedule": {"start": "2020-01-01T00:00:00Z",
                         "end": "2099-01-01T00:00:00Z"},
            "variants": [{"id": "a", "templates": {"en": "letter"},
                          "fallback": "en"}], **more}


LETTER = {"from": {"name": "Larch", "address": "news@example.org"},
          "subject": "Hello {{first_name}}", "html": "<p>Hello {{first_name}}</p>"}


class Middleware:
    """with Middleware() as m: m.call("GET", "/health/ready")"""

    def __init__(self, **settings):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="inlay-"))
        self.chain = Chain(self.folder, mimd_settings=settings)
        self.inlay = self.chain.build / "src/cli/inlay"

    def __enter__(self):
        try:
            self.chain.start_mimd()
        except BaseException:
            shutil.rmtree(self.folder)
            raise
        return self

    def __exit__(self, *_):
        try:
            status = self.chain.mimd.stop()
            if status not in (0, None):
                raise RuntimeError(f"mimd ended with status {status}\n"
                                   f"{self.chain.mimd.log()}")
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def source(self):
        """The directory of the tenant's data source."""
        return self.chain.data_source_folder("default", "bundles")

    def request(self, method, path, body=None, *, token=None, public=False,
                content_type="application/json"):
        """(status, media type, bytes); body: a document, or bytes as they are."""
        data = body if body is None or isinstance(body, bytes) else \
            json.dumps(body).encode()
        base = self.chain.public_url if public else self.chain.url
        request = urllib.request.Request(base + path, data, method=method)
        if token is None:
            token = self.chain.token
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        if data is not None:
            request.add_header("Content-Type", content_type)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.headers.get("Content-Type"), answer.read()
        except urllib.error.HTTPError as e:
            with e:
                return e.code, e.headers.get("Content-Type"), e.read()

    def run(self, *words, stdin=None, **variables):
        """The command inlay; everything of its end."""
        environment = {**self.chain.cli_environment(), **variables}
        return subprocess.run([self.inlay, *words], env=environment, text=True,
                              input=stdin, capture_output=True, timeout=120)

    def put_file(self, name, text):
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def put_bundle(self, prefix, definition, recipients=RECIPIENTS):
        """Writes a bundle into the data source, by inlay bundle build."""
        folder = self.source / prefix
        (folder / "templates").mkdir(parents=True, exist_ok=True)
        (folder / "campaign.json").write_text(json.dumps(definition))
        (folder / "templates/letter.json").write_text(json.dumps(LETTER))
        (folder / "recipients.csv").write_text(recipients)
        done = self.run("bundle", "build", str(folder))
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return folder
