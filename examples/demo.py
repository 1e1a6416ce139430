#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The main job, end to end, on this machine and below one folder.

Starts mimd, inlay-agent and a private Dovecot, makes the tenant `default`, loads
users and the campaign in examples/spring, and logs in. Everything that is shown is
checked; with --exit (DEMO_EXIT=1) the exit status says whether all of it was so.
"""
import argparse
import email
import email.policy
import hashlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from services.chain import Chain            # noqa: E402
from services.imap_dialogue import Dialogue  # noqa: E402
from services.rgw import ACCESS_KEY, SECRET_KEY, Gateway  # noqa: E402
from services.s3 import put_object  # noqa: E402

READER = "alice@example.org"
STRANGER = "bob@example.org"      # is known, but gave no consent
WAITING = "nadia.weber@example.org"      # has not read it when it is recalled
VISITOR = "quentin.becker@example.org"   # for the mail client of who looks on
PASSWORD = "demo"
DEADLINE_MS = 1000

# The original's body of POST /api/tenants/, with values for its placeholders.
TENANT = {
    "id": "default", "name": "default", "keyspaceName": "mim_default",
    "configuration": {"secretKey": "demo-secret-key", "hashedEmailAddresses": False},
    "conversionPoints": [
        {"id": name, "type": "ongage", "eventType": event,
         "description": f"Dovecot {title} Tracking",
         "connectionInformation": {"url": f"http://127.0.0.1:9/{name}"}}
        for name, event, title in [
            ("injection", "injected", "Injection"),
            ("reinjection", "reinjected", "Re-Injection"),
            ("read", "read", "Read"),
            ("expunged", "expunged", "Expunged")]],
    "dataSources": [
        {"id": "default", "type": "ongage", "defaultDataSource": True,
         "deleteTemporaryImportFiles": False,
         "awsConnectionInformation": {
             "authorizationType": "rados", "accessKey": "access", "secretKey": "secret",
             "endpoint": "http://127.0.0.1:9", "bucket": "campaigns"}}],
}


class Show:
    """What is printed, and what of it was as it should be."""

    def __init__(self):
        self.colour = sys.stdout.isatty()
        self.failed = []
        self.step = 0

    def title(self, text):
        self.step += 1
        line = f"{self.step}. {text}"
        print(f"\n\033[1m{line}\033[0m" if self.colour else f"\n{line}", flush=True)

    def text(self, text):
        for line in text.splitlines() or [""]:
            print(f"   {line}", flush=True)

    def check(self, what, so):
        mark = "ok" if so else "NOT SO"
        print(f"   [{mark}] {what}", flush=True)
        if not so:
            self.failed.append(what)


def program(name):
    return os.path.join(os.environ["INLAY_BUILD"], name)


def cli(chain, *words, show=None, check=True):
    """Runs the operator's command, as a person would."""
    command = [program("src/cli/inlay"), *words]
    if show:
        show.text("$ inlay " + " ".join(words))
    done = subprocess.run(command, env={**os.environ, **chain.cli_variables()}, text=True,
                          capture_output=True)
    if show and done.stdout:
        show.text(done.stdout.rstrip())
    if check and done.returncode != 0:
        raise SystemExit(f"inlay {' '.join(words)} failed ({done.returncode}):\n"
                         f"{done.stderr or done.stdout}")
    return done.stdout


class Folder:
    """Campaigns come from a folder."""

    name = "a folder"

    def __init__(self, chain):
        self.root = chain.data_source_folder("default", "campaigns")

    def data_source(self, before):
        return {**before, "type": "directory", "awsConnectionInformation": {
            "authorizationType": "directory", "endpoint": "campaigns"}}

    def put_users(self):
        (self.root / "users").mkdir(parents=True)
        shutil.copy(ROOT / "examples/users.csv", self.root / "users/users.csv")

    def put_bundle(self, chain, show, bundle, prefix):
        shutil.copytree(bundle, self.root / prefix)

    def stop(self):
        pass


class Bucket:
    """Campaigns come from a bucket of a Ceph RADOS Gateway of its own."""

    name = "a bucket of a Ceph RADOS Gateway"
    bucket = "campaigns"

    def __init__(self, chain):
        self.folder = chain.folder
        self.gateway = Gateway(self.folder / "rgw").start()
        self.put("", b"")

    def put(self, key, data):
        put_object(self.gateway.port, self.bucket, key, data, ACCESS_KEY, SECRET_KEY)

    def data_source(self, before):
        made = {**before, "awsConnectionInformation": {
            "authorizationType": "rados", "accessKey": ACCESS_KEY,
            "secretKey": SECRET_KEY, "endpoint": self.gateway.url,
            "bucket": self.bucket}}
        (self.folder / "sources.json").write_text(json.dumps([made]))
        return made

    def put_users(self):
        self.put("users/users.csv", (ROOT / "examples/users.csv").read_bytes())

    def put_bundle(self, chain, show, bundle, prefix):
        cli(chain, "bundle", "put", str(bundle), prefix,
            str(self.folder / "sources.json"), show=show)

    def stop(self):
        self.gateway.stop()


SOURCES = {"directory": Folder, "s3": Bucket}


def make_tenant(chain, source, show):
    show.title(f"The tenant: the original's call, its data source replaced by {source.name}")
    status, answer = chain.mimd.call("POST", "/api/tenants/?createDB=true", TENANT)
    show.check(f"POST /api/tenants/?createDB=true: {status}", status == 201)
    status, sources = chain.mimd.call("GET", "/api/tenants/default/dataSources")
    sources[0] = source.data_source(sources[0])
    status, _ = chain.mimd.call("PUT", "/api/tenants/default/dataSources", sources)
    show.check(f"PUT /api/tenants/default/dataSources: {status}", status == 200)
    status, tenant = chain.mimd.call("GET", "/api/tenants/default/")
    tenant["publicUrl"] = chain.public_url
    tenant["brand"] = "Birchmail"
    status, answer = chain.mimd.call("PUT", "/api/tenants/default/", tenant)
    show.check(f"PUT /api/tenants/default/ (publicUrl): {status}", status == 200)
    status, answer = chain.mimd.call("PUT", "/api/tenants/default/purposes", [
        {"id": "newsletter", "names": {"en": "Newsletter in the inbox"},
         "legalBasis": "consent"}])
    show.check(f"PUT /api/tenants/default/purposes: {status}", status == 200)


def load(chain, source, show):
    show.title("Users with their consents, then the campaign for 1,000 recipients")
    bundle = chain.folder / "spring"
    source.put_users()
    cli(chain, "datasource", "test", show=show)
    cli(chain, "user", "import", "users/", show=show)
    shutil.copytree(ROOT / "examples/spring", bundle)
    cli(chain, "bundle", "build", str(bundle))
    cli(chain, "bundle", "check", str(bundle))
    source.put_bundle(chain, show, bundle, "campaigns/spring/1")
    cli(chain, "import", "campaigns/spring/1/", show=show)
    cli(chain, "campaign", "list", show=show)


def first_text(message):
    """The first lines of the plain text part."""
    part = message.get_body(("plain",))
    lines = [line for line in part.get_content().splitlines() if line.strip()]
    return "\n".join(lines[:8])


def reader_opens(chain, show):
    show.title(f"{READER} opens the inbox")
    mailbox = chain.dovecot.home(READER)
    show.check(f"before the login there is no mailbox at all ({mailbox})",
               not os.path.exists(mailbox))
    talk = Dialogue(chain.dovecot.imap_port, show.text)
    talk.say("LOGIN", READER, PASSWORD, secret=PASSWORD)
    status = talk.say('STATUS INBOX (MESSAGES)')
    show.check("the mailbox is empty", b"(MESSAGES 0)" in status)
    began = time.perf_counter()
    select = talk.say("SELECT INBOX")
    took = (time.perf_counter() - began) * 1000
    show.check(f"the first SELECT says 1 EXISTS ({took:.0f} ms; "
               f"it would wait {DEADLINE_MS} ms here, 50 by default)",
               b"* 1 EXISTS\r\n" in select)
    raw = talk.fetch_message(1)
    talk.say("LOGOUT")
    message = email.message_from_bytes(raw, policy=email.policy.default)
    show.text("")
    for name in ("Received", "From", "To", "Date", "Message-ID", "Subject",
                 "List-Unsubscribe", "List-Unsubscribe-Post", "Auto-Submitted",
                 "X-Inlay-Instance", "Content-Type"):
        if message[name]:
            show.text(f"{name}: {message[name]}"[:110])
    show.text("")
    show.text(first_text(message))
    text = message.get_body(("plain",)).get_content()
    show.check("it is personal: it calls the reader by name", "Alice" in text)
    show.check("it can be unsubscribed with one click (RFC 8058)",
               message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click")


def stranger_opens(chain, show):
    show.title(f"{STRANGER}, who gave no consent, opens the inbox")
    talk = Dialogue(chain.dovecot.imap_port, show.text)
    talk.say("LOGIN", STRANGER, PASSWORD, secret=PASSWORD)
    select = talk.say("SELECT INBOX")
    talk.say("LOGOUT")
    show.check("nothing: 0 EXISTS", b"* 0 EXISTS\r\n" in select)
    cli(chain, "user", "why", STRANGER, show=show)
    why = json.loads(cli(chain, "--json", "user", "why", STRANGER))
    gate = [c["gate"] for c in why["campaigns"] if c["campaign"] == "spring"]
    show.check(f"stopped by the gate {gate}", gate == ["consent"])


def counted(chain, show, **counts):
    """Waits until the campaign's statistics say so; False if they do not."""
    def so():
        stats = json.loads(cli(chain, "--json", "campaign", "stats", "spring"))
        return all(stats["totals"][what]["count"] == n for what, n in counts.items())

    try:
        chain.wait_until(so, f"it counts {counts}")
    except TimeoutError as e:
        show.text(str(e))
        return False
    return True


def statistics(chain, show):
    show.title("What the campaign did")

    so = counted(chain, show, injected=1, read=1)
    cli(chain, "campaign", "stats", "spring", show=show)
    show.check("one injected, one read", so)


def recalled(chain, show):
    show.title(f"{WAITING} sits before the unread message; the campaign is recalled")
    talk = Dialogue(chain.dovecot.imap_port, show.text)
    talk.say("LOGIN", WAITING, PASSWORD, secret=PASSWORD)
    select = talk.say("SELECT INBOX")
    show.check("the first SELECT says 1 EXISTS", b"* 1 EXISTS\r\n" in select)
    # what is recalled before it is known to be there goes as well, but says less here
    show.check("mimd knows that it is there", counted(chain, show, injected=2))
    tag = talk.idle()
    began = time.perf_counter()
    cli(chain, "--yes", "campaign", "recall", "spring", show=show)
    talk.wait_for(b"* 1 EXPUNGE\r\n")
    took = time.perf_counter() - began
    talk.done(tag)
    talk.say("LOGOUT")
    show.check(f"it vanished from the mail client in IDLE ({took:.1f} s, the command "
               "included)", True)
    talk = Dialogue(chain.dovecot.imap_port, show.text)
    talk.say("LOGIN", READER, PASSWORD, secret=PASSWORD)
    select = talk.say("SELECT INBOX")
    talk.say("LOGOUT")
    show.check(f"{READER} has read it, and keeps it: 1 EXISTS",
               b"* 1 EXISTS\r\n" in select)


def invite(chain, show):
    show.title("Look at it with your own mail client")
    show.text(f"""\
IMAP server  127.0.0.1, port {chain.dovecot.imap_port}, no encryption
user         any user of examples/users.csv, such as {VISITOR}
password     {PASSWORD}

for example: mutt -f 'imap://{VISITOR.replace('@', '%40')}@127.0.0.1:{chain.dovecot.imap_port}/'

the command line of the operator (the conversion points of this demo lead nowhere):
  export {' '.join(f'{k}={v}' for k, v in chain.cli_variables().items())}
  {program('src/cli/inlay')} campaign stats spring
and, while a mail client sits in IDLE before a message that it has not read:
  {program('src/cli/inlay')} campaign recall spring

Ctrl-C stops everything.""")


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--build", default="build")
    p.add_argument("--directory",
                   default=os.environ.get("DEMO_DIR") or str(ROOT / "demo-run"))
    p.add_argument("--exit", action="store_true",
                   default=os.environ.get("DEMO_EXIT") == "1")
    p.add_argument("--data", choices=SOURCES, default="directory",
                   help="where campaigns come from")
    return p.parse_args()


def lock(directory):
    """Held until the process ends; None: another demo has it. A name of the kernel's, so
    that no file stays."""
    name = hashlib.sha256(os.path.realpath(directory).encode()).hexdigest()
    held = socket.socket(socket.AF_UNIX)
    try:
        held.bind("\0inlay-demo-" + name)
    except OSError:
        held.close()
        return None
    return held


def main():
    args = arguments()
    held = lock(args.directory)
    if held is None:
        print(f"demo: one is running in {args.directory}: end it first, or say "
              "DEMO_DIR=FOLDER", file=sys.stderr)
        return 1
    show = Show()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda n, _: sys.exit(128 + n))
    os.environ["INLAY_BUILD"] = os.path.abspath(args.build)
    # a slow disk must not spoil what is shown: the default is 50 ms
    chain = Chain(args.directory, fresh=True,
                  settings={"inlay_deadline": DEADLINE_MS})
    source = None
    try:
        show.title("Starting mimd, inlay-agent and a private Dovecot in "
                   + os.path.relpath(args.directory))
        chain.start()
        show.text(f"""\
mimd         http://127.0.0.1:{chain.mimd.port} (the public listener: {chain.public_url})
inlay-agent  {os.path.relpath(chain.socket)}
Dovecot      127.0.0.1, port {chain.dovecot.imap_port}""")
        source = SOURCES[args.data](chain)
        make_tenant(chain, source, show)
        load(chain, source, show)
        reader_opens(chain, show)
        stranger_opens(chain, show)
        statistics(chain, show)
        recalled(chain, show)
        if show.failed:
            print("\nnot as it should be:\n  " + "\n  ".join(show.failed))
        if not args.exit:
            invite(chain, show)
            signal.pause()
    except KeyboardInterrupt:
        print()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        chain.stop()
        if source is not None:
            source.stop()
    return 1 if show.failed else 0


if __name__ == "__main__":
    sys.exit(main())
