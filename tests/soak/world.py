# SPDX-License-Identifier: Apache-2.0
"""The services of a soak: mimd, inlay-agent and a Dovecot whose users have mailboxes of
three formats; what the operator does with them; who is killed and started again."""
import contextlib
import csv
import datetime
import hashlib
import http.client
import io
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "integration")]

from plan import FORMATS  # noqa: E402
from receiver import SECRET, Receiver, events_of, signature_of  # noqa: E402,F401
from services.chain import Chain  # noqa: E402
from services.dovecot import free_port, wait_until  # noqa: E402

EVENTS = ("injected", "reinjected", "read", "expunged")
SPOOL_SIZE = 8 << 20
API = "/api/tenants/default"

# Each of these a user gets again and again, as soon as the copy before has ended.
CAMPAIGNS = {
    "steady": {},
    "again": {"reinjection": {"after": "PT2S", "maxTimes": 5}},
    "top": {"placement": {"position": "top", "keepOnTop": {
        "whileUnread": True, "afterNewer": 2, "maxTimes": 3}}},
    "rank": {"placement": {"position": "rank", "rank": 2}},
    "alert": {"type": "service_alert", "legalClass": "service", "purpose": None},
}
REPEAT = 150  # an injection that is counted twice would be one too many sooner


def now():
    return datetime.datetime.now(datetime.UTC).isoformat(
        timespec="milliseconds").replace("+00:00", "Z")


class World:
    def __init__(self, folder, report, users_each=5):
        self.report = report
        self.users = [f"u{n}@{f}" for f in FORMATS for n in range(users_each)]
        self.chain = Chain(
            folder, mail="%d:~/%d",  # the format is the name's domain
            settings={"inlay_deadline": 200, "inlay_triggers": "select noop pop3"},
            mimd_settings={"server.port": free_port(), "inlay.points.timeout": "PT2S",
                           "logging.level.root": "INFO"},
            agent_settings={"logging.level.root": "info", "inlay.mim.timeout": "PT3S"},
            pop3_port=0, namespaces=NAMESPACE,
            # a dotlock of one that was killed: see test_plugin_events.py
            extra="dotlock_use_excl = no\nlogin_log_format_elements = "
                  "user=<%u> method=%m mpid=%e rport=<%b>\nlog_debug = category=inlay\n")
        self.points = Points(report)
        self.lock = {"mimd": threading.RLock(), "agent": threading.RLock()}
        self.memory = {"mimd": 0, "agent": 0}
        self.versions = {}
        self.springs = {}  # campaign: recalled?
        self.repeats = {}
        self.consent = dict.fromkeys(self.users, True)
        self.withdrawn = set()  # who ever revoked: what is unread may go
        self.killed_imap = {}  # pid: when
        self.kills = dict.fromkeys(("mimd", "agent", "imap"), 0)

    # start and end

    def start(self):
        spool = self.chain.folder / "agent" / "spool"
        spool.mkdir(parents=True, exist_ok=True)
        self.mounted = os.geteuid() == 0 and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={SPOOL_SIZE}", "soak", spool],
            check=False).returncode == 0
        self.spool = spool
        if not self.mounted:
            self.report.note("no tmpfs could be mounted: the spool is not filled")
        self.chain.start()
        self.mimd, self.agent = self.chain.mimd, self.chain.agent
        self.dovecot = self.chain.dovecot
        self._make_tenant()
        self.alerts = self.mimd.make_token("tenant:default", service=True)
        for user in self.users:
            self.api("PUT", f"/users/{user}", {"user": user, "consents": [
                self._consent(True)]}, want=(201,))
        for name in CAMPAIGNS:
            self.publish(name)

    def stop(self):
        try:
            self.chain.stop()
        except RuntimeError as e:
            self.report.wrong("a process of ours did not end well", str(e)[-3000:])
        self.points.close()
        if self.mounted:
            subprocess.run(["umount", self.spool], check=False)

    def _make_tenant(self):
        self.mimd.need(201, "POST", "/api/tenants/?createDB=true", {
            "id": "default", "name": "default", "keyspaceName": "mim_default",
            "configuration": {"secretKey": "soak", "hashedEmailAddresses": False},
            "dataSources": [{"id": "default", "type": "directory",
                             "defaultDataSource": True, "awsConnectionInformation": {
                                 "authorizationType": "directory",
                                 "endpoint": "campaigns"}}],
            "conversionPoints": self.points.definitions(),
            "brand": "Acme", "publicUrl": self.chain.public_url,
            "limits": {"maxPerDecision": 2, "minSpacing": "PT0S", "liveUnread": 5,
                       "servicePerDecision": 2}})
        self.api("PUT", "/purposes", [
            {"id": "newsletter", "names": {"en": "News"}, "legalBasis": "consent"}])

    # what the operator does: tried again until mimd is there to say yes

    def api(self, method, path, body=None, want=(200,), token=None, limit=90):
        end = time.monotonic() + limit
        while True:
            why = None
            try:
                status, answer = self.mimd.call(method, API + path, body, token)
                if status in want:
                    return answer
                why = f"{status}: {answer}"
                if status < 500:
                    raise RuntimeError(f"{method} {path}: {why}")
            except (OSError, http.client.HTTPException, ValueError) as e:
                why = repr(e)
            if time.monotonic() > end:
                raise RuntimeError(f"{method} {path}: not within {limit} s: {why}")
            time.sleep(0.05)

    def publish(self, name, **fields):
        """A new version of a campaign, imported until that has worked."""
        version = self.versions[name] = self.versions.get(name, 0) + 1
        kind = CAMPAIGNS.get(name, {})
        self.repeats[name] = fields.get("repeat", {}).get("max", REPEAT)
        prefix = self._bundle({
            "id": name, "version": version, "name": name, "type": "newsletter",
            "legalClass": "own_marketing", "purpose": "newsletter",
            "audience": {"from": "recipients"},
            "schedule": {"start": "2020-01-01T00:00:00Z", "end": "2099-01-01T00:00:00Z"},
            "variants": [{"id": "a", "templates": {"en": "t"}, "fallback": "en"}],
            "repeat": {"max": REPEAT, "after": ["read", "gone", "expired"]},
            **kind, **fields})
        token = self.alerts if name == "alert" else None
        end = time.monotonic() + 120
        while time.monotonic() < end:
            # the same bundle again does nothing, so it may be asked for twice
            job = self.api("POST", "/imports", {"prefix": prefix, "activate": True},
                           want=(202,), token=token)
            while True:
                state = self.api("GET", f"/imports/{job['id']}", want=(200, 404))
                if state is None or state.get("phase") in ("done", "failed", None):
                    break
                time.sleep(0.05)
            if state and state.get("phase") == "done":
                return
            time.sleep(0.1)
        raise RuntimeError(f"{name} {version} cannot be imported: {state}")

    def _bundle(self, campaign):
        campaign = {k: v for k, v in campaign.items() if v is not None}
        name, version = campaign["id"], campaign["version"]
        prefix = f"campaigns/{name}/{version}/"
        folder = self.chain.data_source_folder("default", "campaigns/" + prefix)
        rows = io.StringIO()
        csv.writer(rows, lineterminator="\n").writerows(
            [("user", "name"), *((u, f"{u} of {version}") for u in self.users)])
        files = {"recipients.csv": rows.getvalue().encode(),
                 "templates/t.json": json.dumps({
                     "from": {"name": "Acme", "address": "news@acme.example"},
                     "subject": f"{name} {version} for {{{{name}}}}",
                     "html": "<p>Dear {{name}}, " + "there is news. " * 50 + "</p>",
                     "headers": {"X-Campaign": name}}).encode()}
        for file, data in files.items():
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_bytes(data)
        (folder / "bundle.json").write_text(json.dumps({
            "schema": "inlay.bundle/1", "campaign": campaign,
            "files": [{"name": n, "sha256": hashlib.sha256(d).hexdigest(),
                       "bytes": len(d)} for n, d in files.items()]}))
        return prefix

    def order(self, campaign, what, **body):
        self.api("POST", f"/campaigns/{campaign}/{what}", body or None)

    def recall(self, campaign):
        """For good: cancelled first, so that nobody gets it behind the recall."""
        self.springs[campaign] = True  # from now on it may go
        self.order(campaign, "cancel")
        self.order(campaign, "recall")

    @staticmethod
    def _consent(granted):
        return {"purpose": "newsletter", "granted": granted, "at": now(),
                "source": "soak"}

    def revoke(self, user, how):
        self.withdrawn.add(user)
        self.api("PATCH", f"/users/{user}", {"optOuts": [{"at": now()}]}
                 if how == "optOut" else {"consents": [self._consent(False)]})
        self.consent[user] = False

    def grant(self, user):
        self.consent[user] = True
        self.api("PATCH", f"/users/{user}", {"consents": [self._consent(True)]})

    # who is killed, stopped and started

    def _process(self, name):
        daemon = self.mimd.daemon if name == "mimd" else self.agent
        return daemon.process

    def kill(self, name, pause):
        with self.lock[name]:
            process = self._process(name)
            if process.poll() is not None:
                self.report.wrong(f"{name} ended by itself",
                                  f"status {process.returncode}")
            (self.mimd if name == "mimd" else self.agent).kill()
            self.kills[name] += 1
            time.sleep(pause)
            if name == "mimd":
                self.mimd.start()
            else:
                self.agent.start()

    def freeze(self, name, seconds):
        with self.lock[name]:
            self._process(name).send_signal(signal.SIGSTOP)
            time.sleep(seconds)
            self._process(name).send_signal(signal.SIGCONT)

    def imap_processes(self):
        """Pids of the sessions that there are."""
        master, found = self.dovecot.process.pid, []
        with contextlib.suppress(FileNotFoundError):
            for task in pathlib.Path(f"/proc/{master}/task").iterdir():
                for pid in (task / "children").read_text().split():
                    with contextlib.suppress(OSError):
                        if pathlib.Path(f"/proc/{pid}/comm").read_text() == "imap\n":
                            found.append(int(pid))
        return sorted(found)

    def measure(self):
        for name in self.memory:
            # a process that was just killed has none
            with contextlib.suppress(OSError, AttributeError, IndexError):
                status = pathlib.Path(f"/proc/{self._process(name).pid}/status").read_text()
                anon = int(status.split("RssAnon:")[1].split()[0])
                self.memory[name] = max(self.memory[name], anon)

    # the end

    def spool_is_empty(self):
        return not any(f.stat().st_size for f in self.spool.glob("*.spool"))

    def wait(self, condition, what, limit):
        try:
            return wait_until(condition, what, limit)
        except TimeoutError as e:
            self.report.wrong("the end does not come", str(e))
            return None

    def drain(self):
        self.wait(self.spool_is_empty, "the agent's spool is empty", 120)


NAMESPACE = """namespace inbox {
  inbox = yes
  mailbox Trash {
    auto = create
  }
  mailbox Archive {
    auto = create
  }
}"""


class Points:
    """The receiver behind the conversion points, and how it feels."""

    def __init__(self, report):
        self.report = report
        self.mood = "well"
        self.receiver = Receiver(self._answer)
        self.hold = threading.Event()
        self.one = threading.Lock()  # trouble at a time

    def definitions(self):
        def point(name, kind, event):
            info = {"url": self.receiver.url(f"/{name}")}
            if kind == "webhook":
                info["secret"] = SECRET
            return {"id": name, "type": kind, "eventType": event,
                    "connectionInformation": info}
        return ([point(e, "webhook", e) for e in EVENTS] +
                [point(f"{e}-get", "ongage", e) for e in EVENTS])

    def names(self):
        return [p["id"] for p in self.definitions()]

    def _answer(self, number, request):
        mood = self.mood
        if mood == "500":
            return 500, {}, b"not today"
        if mood == "hang":
            self.hold.wait(4)
            return 200, {}, b""
        if mood == "down":
            raise ConnectionAbortedError
        return 200, {}, b""

    def feel(self, mood, seconds):
        with self.one:
            self.mood = mood
            if mood == "down":
                self.receiver.close()
            time.sleep(seconds)
            if mood == "down":
                self._open()
            self.mood = "well"
            self.hold.set()
            self.hold = threading.Event()

    def _open(self):
        """A connection of somebody else may have its port for a moment."""
        end = time.monotonic() + 60
        while True:
            try:
                self.receiver.open()
                return
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def close(self):
        self.receiver.close()
