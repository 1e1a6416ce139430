# SPDX-License-Identifier: Apache-2.0
"""A middleware with N users and 10 campaigns, kept between runs, as loading takes long.

Every user is known and consents. Every 8th (a "reader") is a recipient of the first
campaign, and the first thousand of them of the others. Nobody else is in any list, so a
decision for one of the others reads the partition and walks the gates of 10 campaigns
as far as the audience. A reader is given a message once, so readers are used up: the
population keeps count, and is made anew when too few are left."""
import hashlib
import json
import os
import random
import shutil
import time

from figures import RUN
from services.mimd import Mimd

CAMPAIGNS = 10
READER_EACH = 8
MIX_EACH = 20  # one of so many questions is a reader's
CAMPAIGN = {
    "version": 1, "type": "newsletter", "legalClass": "own_marketing",
    "purpose": "newsletter", "label": {"text": "Ad"},
    "audience": {"from": "recipients"},
    "schedule": {"start": "2020-01-01T00:00:00Z", "end": "2099-01-01T00:00:00Z"},
    "variants": [{"id": "a", "templates": {"en": "t"}}],
}
TEMPLATE = {
    "from": {"name": "Acme", "address": "news@example.org"},
    "subject": "Hello {{first_name}}",
    "html": "<p>Dear {{first_name}} {{last_name}}, your number is {{number}}</p>",
}
HEADER = "user,first_name,last_name,number\n"


def user(n):
    return f"user{n:07}@mail.example"


def question(n):
    return json.dumps({
        "node": "bench", "user": user(n), "protocol": "imap", "uidValidity": 7,
        "uidNext": 12, "complete": True, "present": [], "events": []},
        separators=(",", ":"))


class Population:
    """With it: self.mimd runs. It is made anew if it has not so many readers left.
    each: every so-many-th user is a reader."""

    def __init__(self, n_users, readers=0, each=READER_EACH):
        self.n, self.each = n_users, each
        self.readers = min(readers, n_users // each)
        self.folder = RUN / (f"mimd-{n_users}" + (f"-{each}" if each != READER_EACH
                                                  else ""))
        self.state_file = self.folder / "state.json"
        self.mimd = None
        self.state = None
        self.offered = 0

    def __enter__(self):
        if not self._is_fit():
            self._make()
        self.state = json.loads(self.state_file.read_text())
        self.mimd = self._mimd().start()
        return self

    def __exit__(self, *unused):
        self.state_file.write_text(json.dumps(self.state))
        self.mimd.stop()

    def _is_fit(self):
        if not self.state_file.exists():
            return False
        self.state = json.loads(self.state_file.read_text())
        return (self.state.get("readerEach") == self.each and
                self.readers_left() >= self.readers)

    def command(self):
        """As it runs, once it was started before."""
        return self._mimd().command

    def _mimd(self):
        return Mimd(self.folder, public=True)

    # asking

    path = "/api/tenants/default/dovecot/decisions"

    @property
    def token_file(self):
        return self.folder / "agent-token"

    def ask_others(self, name, count):
        """A file of questions for users that nothing is assigned to."""
        draw = random.Random(1)
        path = self.folder / name
        with open(path, "w") as f:
            for _ in range(count):
                n = draw.randrange(self.n)
                f.write(question(n + (n % self.each == 0)) + "\n")
        return path

    def ask_mixed(self, name, count):
        """Likewise, but one in 20 is a reader who had nothing yet."""
        if count < MIX_EACH or self.readers_left() * MIX_EACH < count:
            raise RuntimeError(f"{self.n} users have too few readers for that")
        self.offered = count
        draw, path, reader = random.Random(2), self.folder / name, self.state["used"]
        with open(path, "w") as f:
            for i in range(count):
                n = draw.randrange(self.n)
                if i % MIX_EACH == 0:
                    f.write(question(self._reader(reader)) + "\n")
                    reader += 1
                else:
                    f.write(question(n + (n % self.each == 0)) + "\n")
        return path

    def reader_numbers(self, count):
        """So many, who are used up with it."""
        first = self.state["used"]
        if self.readers_left() < count:
            raise RuntimeError(f"{self.n} users have too few readers for that")
        self.state["used"] += count
        return [self._reader(first + i) for i in range(count)]

    def ask_readers(self, name, count):
        """A file of questions for them."""
        path = self.folder / name
        with open(path, "w") as f:
            f.writelines(question(n) + "\n" for n in self.reader_numbers(count))
        return path

    def readers_left(self):
        return self.n // self.each - self.state["used"]

    def take_readers(self, count):
        """The names of so many, who are used up with it."""
        return [user(n) for n in self.reader_numbers(count)]

    def others(self, count):
        """The names of so many that nothing is assigned to."""
        return [user(i * self.each + 1) for i in range(count)]

    def use(self, asked):
        """So many of the last file of mixed questions were asked."""
        self.state["used"] += -(-min(asked, self.offered) // MIX_EACH)

    def _reader(self, i):
        """Not in the order of their names, which a store might like."""
        n = self.n // self.each
        return i * 7919 % n * self.each

    # making

    def _make(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        with self._mimd() as mimd:
            source = new_tenant(mimd)
            seconds = load_users(mimd, source, self.n)
            readers = self.n // self.each
            for i in range(CAMPAIGNS):
                write_bundle(source / f"c{i}", i, (
                    f"{user(k * self.each)},Annette,Berg,A-{k}\n"
                    for k in range(readers if i == 0 else min(readers, 1000))))
                run_import(mimd, "imports", f"c{i}")
            self.token_file.write_text(mimd.make_token("dovecot:default"))
        shutil.rmtree(source)
        self.state_file.write_text(json.dumps({
            "used": 0, "readerEach": self.each, "usersSeconds": seconds}))


def new_tenant(mimd, **more):
    """Makes it with the purpose of CAMPAIGN; the folder where bundles go."""
    mimd.make_tenant(publicUrl="https://mail.example.org", dataSources=[{
        "id": "default", "type": "directory", "defaultDataSource": True,
        "awsConnectionInformation": {"authorizationType": "directory",
                                     "endpoint": "bundles"}}], **more)
    mimd.need(200, "PUT", "/api/tenants/default/purposes",
              [{"id": "newsletter", "names": {"en": "News"}}])
    source = mimd.data / "datasource" / "default" / "bundles"
    source.mkdir(parents=True)
    return source


def load_users(mimd, source, count, consent_each=1):
    """Users, each so-many-th of whom consents; seconds that it took."""
    (source / "users").mkdir()
    with open(source / "users/users.csv", "w") as f:
        f.write("user,consent.newsletter\n")
        for i in range(count):
            at = "2025-01-01T00:00:00Z" if i % consent_each == 0 else ""
            f.write(f"{user(i)},{at}\n")
    return run_import(mimd, "users/import", "users")


def write_bundle(folder, number, rows=None, packed=None, campaign=None):
    """rows: lines; or packed: a recipients.csv.zst that is there, linked to."""
    (folder / "templates").mkdir(parents=True)
    (folder / "templates/t.json").write_text(json.dumps(TEMPLATE))
    if packed is None:
        with open(folder / "recipients.csv", "w") as f:
            f.write(HEADER)
            f.writelines(rows)
    else:
        os.link(packed, folder / "recipients.csv.zst")
    names = ["templates/t.json", "recipients.csv" + (".zst" if packed else "")]
    (folder / "bundle.json").write_text(json.dumps({
        "schema": "inlay.bundle/1",
        "campaign": {**CAMPAIGN, "id": f"c{number}", "name": f"Campaign {number}",
                     "priority": {"tier": min(number + 1, 9), "weight": 100},
                     **(campaign or {})},
        "files": [{"name": n, "bytes": (folder / n).stat().st_size,
                   "sha256": sha256_of(folder / n)} for n in names]}))


def sha256_of(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def run_import(mimd, call, prefix, look=lambda document: None):
    """Seconds from the order to its end; look sees its document now and then."""
    began = time.monotonic()
    order = mimd.need(202, "POST", f"/api/tenants/default/{call}",
                      {"prefix": prefix})["id"]
    while True:
        now = mimd.need(200, "GET", f"/api/tenants/default/imports/{order}")
        look(now)
        if now["phase"] == "done":
            return time.monotonic() - began
        if now["phase"] == "failed":
            raise RuntimeError(f"{prefix}: {now}")
        time.sleep(0.05)
