# SPDX-License-Identifier: Apache-2.0
"""What the tests of the whole chain share: mimd, inlay-agent and Dovecot for a test
class, a campaign and users of its own for a test."""
import csv
import hashlib
import imaplib
import io
import json
import os
import re
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from plugin_case import Client  # noqa: E402
from services.chain import Chain  # noqa: E402
from services.dovecot import wait_until  # noqa: E402

# Ten times the default and more: the machine may be busy, a build instrumented. What
# the deadline does is tested in test_plugin_faults.py.
DEADLINE_MS = 5000

CONSENT = {"purpose": "newsletter", "granted": True, "at": "2026-01-05T10:00:00Z",
           "source": "web"}


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def template(**changes):
    return {"from": {"name": "Acme", "address": "news@acme.example"},
            "subject": "Hello {{name}}",
            "html": "<p>Dear {{name}}, the offer is {{offer}}.</p>",
            "defaults": {"offer": "a book"}, **changes}


class ChainCase(unittest.TestCase):
    """Class attributes that a test class may set: mail, hashed, chain_options."""

    mail = "maildir"
    hashed = False
    secret = "chain-secret"
    chain_options = {}
    tenant_fields = {}

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="inlay-c-")
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        os.chmod(cls.directory, 0o755)
        options = dict(cls.chain_options)
        settings = {"inlay_deadline": DEADLINE_MS, **options.pop("settings", {})}
        cls.chain = Chain(os.path.join(cls.directory, "c"), mail=cls.mail,
                          settings=settings, **options)
        cls.prepare()
        cls.addClassCleanup(cls.chain.stop)
        cls.chain.start()
        cls.mimd = cls.chain.mimd
        cls.make_tenant()

    @classmethod
    def prepare(cls):
        """Before anything is started; what it made is undone by a class cleanup."""

    @classmethod
    def make_tenant(cls):
        cls.mimd.need(201, "POST", "/api/tenants/?createDB=true", {
            "id": "default", "name": "default", "keyspaceName": "mim_default",
            "configuration": {"secretKey": cls.secret,
                              "hashedEmailAddresses": cls.hashed},
            "dataSources": [{"id": "default", "type": "directory",
                             "defaultDataSource": True,
                             "awsConnectionInformation": {
                                 "authorizationType": "directory",
                                 "endpoint": "campaigns"}}],
            "brand": "Acme", "publicUrl": cls.chain.public_url,
            # tests make several openings of one mailbox within minutes
            "limits": {"maxPerDecision": 1, "minSpacing": "PT0S", "liveUnread": 50,
                       "servicePerDecision": 2},
            **cls.tenant_fields})
        cls.mimd.need(200, "PUT", "/api/tenants/default/purposes", [
            {"id": "newsletter", "names": {"en": "Newsletter"}, "legalBasis": "consent"}])

    def setUp(self):
        self.campaign = re.sub(r"[^a-z0-9]", "", self._testMethodName.lower())[-50:]
        self.user = f"{self.campaign}@example.org"
        self.clients = []
        self.log_start = len(self.chain.dovecot.log())

    def tearDown(self):
        for client in self.clients:
            try:
                client.shutdown()
            except OSError:
                pass
        log = self.chain.dovecot.log()[self.log_start:]
        for word in ("Panic", "Fatal", "killed with signal"):
            self.assertNotIn(word, log)
        # no campaign of this test reaches the next one's users
        self.mimd.call("POST", f"/api/tenants/default/campaigns/{self.campaign}/cancel")

    # the middleware

    def need(self, status, method, path, body=None):
        return self.mimd.need(status, method, "/api/tenants/default" + path, body)

    def put_user(self, user=None, consents=(CONSENT,), **fields):
        user = user or self.user
        return self.need(201, "PUT", f"/users/{user}",
                         {"user": user, "consents": list(consents), **fields})

    def bundle(self, recipients=None, version=1, templates=None, **fields):
        """Writes a bundle of this test's campaign; its prefix."""
        prefix = f"campaigns/{self.campaign}/{version}/"
        folder = self.chain.data_source_folder("default", "campaigns/" + prefix)
        campaign = {
            "id": self.campaign, "version": version, "name": self.campaign,
            "type": "newsletter", "legalClass": "own_marketing",
            "purpose": "newsletter", "audience": {"from": "recipients"},
            "schedule": {"start": "2026-01-01T00:00:00Z", "end": "2099-01-01T00:00:00Z"},
            "variants": [{"id": "a", "templates": {"en": "t"}, "fallback": "en"}],
            **fields}
        campaign = {k: v for k, v in campaign.items() if v is not None}
        files = {"templates/t.json": json.dumps(templates or template()).encode()}
        if campaign["audience"]["from"] == "recipients":
            text = io.StringIO()
            rows = csv.writer(text, lineterminator="\n")
            rows.writerow(["user", "name"])
            rows.writerows(recipients or [(self.user, "Ada")])
            files["recipients.csv"] = text.getvalue().encode()
        for name, data in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(data)
        (folder / "bundle.json").write_text(json.dumps({
            "schema": "inlay.bundle/1", "campaign": campaign,
            "files": [{"name": n, "sha256": sha256(d), "bytes": len(d)}
                      for n, d in files.items()]}))
        return prefix

    def load(self, prefix, activate=True):
        """Imports it and waits for the end; the import."""
        job = self.need(202, "POST", "/imports", {"prefix": prefix, "activate": activate})

        def ended():
            now = self.need(200, "GET", f"/imports/{job['id']}")
            return now if now["phase"] in ("done", "failed") else None
        return wait_until(ended, "the import ends", 60)

    def publish(self, *args, **fields):
        done = self.load(self.bundle(*args, **fields))
        self.assertEqual(done["phase"], "done", done)
        return done

    def statistics(self):
        return self.need(200, "GET", f"/campaigns/{self.campaign}/statistics")["totals"]

    def wait_counted(self, but=None, **wanted):
        """Until exactly these are counted (events), and all others but `but` are 0."""
        def so():
            got = {k: v["count"] for k, v in self.statistics().items()
                   if v["count"] and k != but}
            return got == wanted

        try:
            wait_until(so, "counted", 30)
        except TimeoutError:
            self.fail(f"counted {self.statistics()}, want {wanted}")

    # the mailbox

    def connect(self, user=None):
        client = Client(self.chain.dovecot.imap_port, user or self.user)
        self.clients.append(client)
        return client

    def open(self, user=None):
        """Logs in, SELECTs INBOX, logs out; how many messages there are."""
        client = self.connect(user)
        count = client.exists()
        client.logout()
        return count

    def read(self, user=None):
        """The first message of INBOX, fetched as a reader does."""
        client = self.connect(user)
        client.exists()
        data = client.fetch("1", "(BODY[])")[1][0][1]
        client.logout()
        return data

    def expunge(self, number="1", client=None):
        """A message of INBOX, as a client does that deletes it."""
        client = client or self.connect()
        client.exists()
        client.store(number, "+FLAGS", "\\Deleted")
        client.expunge()
        client.logout()

    def why(self, user=None):
        answer = self.need(200, "GET", f"/users/{user or self.user}/why")
        return next(c for c in answer["campaigns"] if c["campaign"] == self.campaign)


__all__ = ["CONSENT", "ChainCase", "Client", "imaplib", "template", "wait_until"]
