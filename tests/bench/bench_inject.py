# SPDX-License-Identifier: Apache-2.0
"""SELECT that injects beside APPEND of the same message: each is the first command of a
session, 20 ms after LOGIN, in an INBOX that is there. Who appends has no message to
come: for who has, the plugin makes INBOX ready after LOGIN, and an APPEND gains by it."""
import hashlib
import json
import time

from figures import Figure, median, option
from imap_session import NOTE, Session, exists, short_folder
from population import CAMPAIGN
from services.chain import Chain

FORMATS = ("sdbox", "mdbox", "maildir")
LETTER = 20000
PAUSE = 0.02
BEFORE = 3  # messages that an INBOX holds


def load_campaign(chain, users):
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
    lines = session.say(b"FETCH %d BODY.PEEK[]" % (BEFORE + 1))[1]
    return b"".join(lines[1:-2]) if len(lines) > 3 else b""


def _first(port, user, command):
    """What the first command of a session takes; then the session goes on in
    command(session)."""
    with Session(port, user) as s:
        time.sleep(PAUSE)
        return command(s)


def _one(port, user, letter):
    """(append, append again, select, injected?, the message)"""
    def append(s):
        return s.append(letter), s.append(letter)

    def select(s):
        took, lines = s.say(b"SELECT INBOX")
        injected = exists(lines) == BEFORE + 1
        return took, injected, _fetch(s) if injected else letter

    for who in (f"plain-{user}", user):
        with Session(port, who) as s:
            for _ in range(BEFORE):
                s.append(letter)  # the first makes the mailbox
    return *_first(port, f"plain-{user}", append), *_first(port, user, select)


def _figures(mail, runs, size):
    done = [r for r in runs if r[3]]
    if not done:
        raise RuntimeError(f"{mail}: nothing was injected in time")
    append, again = (median(r[i] for r in runs) for i in (0, 1))
    select = median(r[2] for r in done)
    return [
        Figure(f"{mail}: APPEND of {size:,} bytes", append, "us"),
        Figure(f"{mail}: a second APPEND in the same session", again, "us"),
        Figure(f"{mail}: SELECT that injects as much", select, "us"),
        Figure(f"{mail}: ratio to the first APPEND", select / append, "",
               ("<=", 1.6) if mail == "sdbox" else None),
        Figure(f"{mail}: injected within the deadline", 100 * len(done) / len(runs), "%")]


def injection_beside_append():
    sessions = option("B_INJECTIONS", 40)
    users = [f"u{i}" for i in range(sessions + 1)]
    figures = []
    for mail in FORMATS:
        with short_folder() as folder, Chain(f"{folder}/c", mail=mail) as chain:
            load_campaign(chain, users)
            letter, runs = NOTE, []
            for user in users:  # the first shows how long the message is
                *run, letter = _one(chain.dovecot.imap_port, user, letter)
                runs.append(run)
        figures += _figures(mail, runs[1:], len(letter))
    return figures
