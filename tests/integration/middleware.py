# SPDX-License-Identifier: Apache-2.0
"""A mimd with the command inlay beside it, and what a test loads into it."""
import json
import os
import subprocess
import tempfile

from mimd_case import original
from services.daemon import build_folder
from services.mimd import Mimd

TENANT = original(publicUrl="https://mail.example.org")
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


class Middleware(Mimd):
    """with Middleware() as m: m.inlay("health")"""

    def __init__(self, **settings):
        self.temporary = tempfile.TemporaryDirectory(prefix="inlay-")
        super().__init__(self.temporary.name, settings, public=True)
        # below the tenant's folder, as the endpoint of DIRECTORY says
        self.source = self.data / "datasource/default/bundles"

    def __exit__(self, kind, value, trace):
        try:
            super().__exit__(kind, value, trace)
        finally:
            self.temporary.cleanup()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def environment(self):
        return {**os.environ, "INLAY_URL": self.url, "INLAY_TENANT": "default",
                "INLAY_TOKEN_FILE": str(self.data / "admin-token")}

    @staticmethod
    def inlay_command(*words):
        return [str(build_folder() / "src/cli/inlay"), *words]

    def inlay(self, *words, stdin=None, **variables):
        """The command, to its end."""
        return subprocess.run(self.inlay_command(*words), input=stdin, text=True,
                              env={**self.environment(), **variables},
                              capture_output=True, timeout=120, check=False)

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
        done = self.inlay("bundle", "build", str(folder))
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return folder
