# SPDX-License-Identifier: Apache-2.0
"""What a mail user waits: SELECT with and without the plugin, and SELECT that injects
beside APPEND of the same message. Real Dovecots, sessions in turn."""
import contextlib
import hashlib
import json
import os
import socket
import tempfile
import time

from figures import Figure, median, option, percentile
from population import CAMPAIGN
from services.chain import Chain
from services.dovecot import Dovecot

FORMATS = ("sdbox", "mdbox", "maildir")
LETTER = 20000
NOTE = (b"From: friend@example.org\r\nTo: user@example.org\r\nSubject: a note\r\n"
        b"Date: Mon, 05 Jan 2026 10:00:00 +0000\r\n\r\nHello.\r\n")


@contextlib.contextmanager
def short_folder():
    """A folder that the mail processes, which run as another user, may enter; short, as
    sockets lie in it."""
    with tempfile.TemporaryDirectory(prefix="inlay-b-") as folder:
        os.chmod(folder, 0o755)
        yield folder


class Session:
    """A bare IMAP session; say() gives microseconds and the answer's lines."""

    def __init__(self, port, user):
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = self.socket.makefile("rb")
        self.stream.readline()
        self.say(b"LOGIN %s x" % user.encode())

    def say(self, command):
        began = time.perf_counter()
        self.socket.sendall(b"a " + command + b"\r\n")
        lines = []
        while not lines or not lines[-1].startswith(b"a "):
            line = self.stream.readline()
            if not line:
                raise ConnectionError("the server closed the connection")
            lines.append(line)
        if not lines[-1].startswith(b"a OK"):
            raise RuntimeError(lines[-1])
        return (time.perf_counter() - began) * 1e6, lines

    def append(self, message):
        return self.say(b"APPEND INBOX {%d+}\r\n%s" % (len(message), message))[0]

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        with contextlib.suppress(OSError, ConnectionError):
            self.say(b"LOGOUT")
        self.stream.close()
        self.socket.close()


def exists(lines):
    return next(int(line.split()[1]) for line in lines if line.endswith(b"EXISTS\r\n"))


# (b)

def _fill(port, user, count):
    with Session(port, user) as s:
        for _ in range(10):
            s.append(NOTE)
        have = exists(s.say(b"SELECT INBOX")[1])
        while have < count:
            more = min(have, count - have)
            have = exists(s.say(b"COPY 1:%d INBOX" % more)[1])
        if have != count:
            raise RuntimeError(f"{have} messages, want {count}")


def _select(port, user, pause):
    with Session(port, user) as s:
        time.sleep(pause)
        return s.say(b"SELECT INBOX")[0]


def _compare(chain, plain, user, pause, sessions):
    """(with, without), microseconds of each SELECT, in turn."""
    times = ([], [])
    for i in range(sessions + 3):
        for kept, port in zip(times, (chain.dovecot.imap_port, plain.imap_port)):
            took = _select(port, user, pause)
            if i >= 3:
                kept.append(took)
    return times


def nothing_to_do():
    sessions, many = option("B_SESSIONS", 200), option("B_MESSAGES", 100000)
    figures = []
    with short_folder() as folder, \
            Chain(f"{folder}/c", mail="sdbox") as chain, \
            Dovecot(f"{folder}/d", mail="sdbox", plugin=None) as plain:
        chain.mimd.make_tenant()
        for count in (10, many):
            for port in (chain.dovecot.imap_port, plain.imap_port):
                _fill(port, f"has{count}", count)
            for pause in (0.0, 0.02):
                ours, theirs = _compare(chain, plain, f"has{count}", pause, sessions)
                what = f"{count:,} messages, pause {pause * 1000:.0f} ms: "
                figures += [
                    Figure(what + "SELECT without plugin", median(theirs), "us"),
                    Figure(what + "more with it, median", median(ours) - median(theirs),
                           "us", ("<=", 10 if pause else 250)),
                    Figure(what + "more with it, p99",
                           percentile(ours, .99) - percentile(theirs, .99), "us",
                           ("<=", 50) if pause else None)]
    return figures


# (c)

def _load_campaign(chain, users):
    mimd, api = chain.mimd, "/api/tenants/default"
    mimd.make_tenant(publicUrl="https://mail.example.org", unknownUsers="accept",
                     dataSources=[{
                         "id": "default", "type": "directory", "defaultDataSource": True,
                         "awsConnectionInformation": {
                             "authorizationType": "directory", "endpoint": "b"}}])
    mimd.need(200, "PUT", api + "/purposes",
              [{"id": "newsletter", "names": {"en": "News"}}])
    source = chain.data_source_folder("default", "b")
    sentence = "<p>The days grow longer, {{name}}, and the garden wants its due.</p>\n"
    files = {
        "templates/t.json": json.dumps({
            "from": {"name": "Acme", "address": "news@example.org"},
            "subject": "Hello {{name}}", "text": "Hello {{name}}.",
            "html": sentence * (LETTER // len(sentence))}),
        "recipients.csv": "user,name\n" + "".join(f"{u},Annette\n" for u in users)}
    (source / "users").mkdir()
    (source / "users/users.csv").write_text("user,consent.newsletter\n" + "".join(
        f"{u},2025-01-01T00:00:00Z\n" for u in users))
    (source / "c/templates").mkdir(parents=True)
    for name, text in files.items():
        (source / "c" / name).write_text(text)
    (source / "c/bundle.json").write_text(json.dumps({
        "schema": "inlay.bundle/1", "campaign": {**CAMPAIGN, "id": "c", "name": "C"},
        "files": [{"name": n, "bytes": len(t),
                   "sha256": hashlib.sha256(t.encode()).hexdigest()}
                  for n, t in files.items()]}))
    for call, prefix in (("users/import", "users"), ("imports", "c")):
        order = mimd.need(202, "POST", f"{api}/{call}", {"prefix": prefix})["id"]
        end = time.monotonic() + 30
        while (now := mimd.need(200, "GET", f"{api}/imports/{order}"))["phase"] != "done":
            if now["phase"] == "failed" or time.monotonic() > end:
                raise RuntimeError(now)
            time.sleep(0.02)


def _fetch(session):
    """The message that was put in."""
    lines = session.say(b"FETCH 3 BODY.PEEK[]")[1]
    return b"".join(lines[1:-2]) if len(lines) > 3 else b""


def _one(port, user, letter):
    """(append, select, injected?, the message); the mailbox is there before."""
    with Session(port, user) as s:
        s.append(letter)
        append = s.append(letter)
    with Session(port, user) as s:
        time.sleep(0.02)
        select, lines = s.say(b"SELECT INBOX")
        injected = exists(lines) == 3
        return append, select, injected, _fetch(s) if injected else letter


def injection_beside_append():
    sessions = option("B_INJECTIONS", 40)
    users = [f"u{i}" for i in range(sessions + 1)]
    figures = []
    for mail in FORMATS:
        with short_folder() as folder, \
                Chain(f"{folder}/c", mail=mail) as chain:
            _load_campaign(chain, users)
            letter, runs = NOTE, []
            for user in users:  # the first shows how long the message is
                *run, letter = _one(chain.dovecot.imap_port, user, letter)
                runs.append(run)
        runs = runs[1:]
        done = [r for r in runs if r[2]]
        if not done:
            raise RuntimeError(f"{mail}: nothing was injected in time")
        append, select = median(r[0] for r in runs), median(r[1] for r in done)
        figures += [
            Figure(f"{mail}: APPEND of {len(letter):,} bytes", append, "us"),
            Figure(f"{mail}: SELECT that injects as much", select, "us"),
            Figure(f"{mail}: ratio", select / append, "",
                   ("<=", 1.6) if mail == "sdbox" else None),
            Figure(f"{mail}: injected within the deadline",
                   100 * len(done) / len(runs), "%")]
    return figures
