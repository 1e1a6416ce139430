# SPDX-License-Identifier: Apache-2.0
"""A scripted MIM: the calls that an agent makes (contracts: MIM for the agents), with
answers that a test sets, and the faults that a real one cannot be made to have."""

import hashlib
import http.server
import json
import socket
import threading
import time
import urllib.parse

LIMIT = 20.0
TEMPLATE = {
    "from": {"name": "Shop", "address": "news@example.org"},
    "subject": "Hello {{name}}",
    "html": "<html><body><p>Dear {{name}},</p></body></html>",
}


def template_bytes(template=None):
    return json.dumps(template or TEMPLATE).encode()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def inject(name, template, **more):
    """An action as MIM gives it."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    return {"op": "inject", "campaign": "spring", "instance": digest[:32],
            "guid": digest[32:], "proof": "ab" * 32, "template": template,
            "variables": {"name": "Anna"}, "placement": {"position": "top"},
            "validFor": "PT30S", **more}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.mim.handle(self, None)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.mim.handle(self, json.loads(body))


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, request, client_address):
        """An agent that goes away in the middle is what some tests are about."""


class ScriptedMim:
    """What it answers is in its attributes:

    open, next_check  the answer to hello
    keys              None: hello says nothing of it; user -> what recalls call the user
    withdrawals       user -> what is to be taken back, or a function of the user
    refuse_user       a question for withdrawals that names this user is answered 422
    actions           of every decision
    known             of every decision
    templates         sha256 -> bytes
    status            name of a call -> status given instead of an answer
    retry_after       with status: what Retry-After says; None: it is not there
    delay             name of a call -> seconds before the answer
    half              names of calls of which half of the body is sent
    raw               name of a call -> bytes sent as the body
    held_byte         name of a call of which the last byte, a line's end, comes when
                      counts.set() is called, or never with cut
    refuse_event      instance: an events batch that holds it is answered 422
    rests             who was refused a question must rest: what it asks next on the
                      same connection waits until stop()
    """

    def __init__(self, port=0, tls=None):
        self.tls = tls     # an ssl.SSLContext: speak https
        self.open, self.next_check = True, "PT15M"
        self.actions, self.known = [], []
        self.templates = {}
        self.status, self.delay, self.raw, self.half = {}, {}, {}, set()
        self.held_byte, self.counts, self.cut = None, threading.Event(), False
        self.rests, self.resting = False, set()
        self.stopped = threading.Event()
        self.refuse_event = self.refuse_user = self.retry_after = None
        self.keys, self.withdrawals = {}, {}
        self.news, self.epoch = [], 0   # what there was to be told, since when
        self.polls = []    # (tenant, query, time) of the requests that wait
        self.held = 0      # how many of them wait now
        self.asked = []    # (tenant, users) of the questions for withdrawals
        self.arrived = []  # names of calls, before any delay
        self.calls = []    # (name, tenant, body, Authorization), answered
        self.events = []   # delivered
        self.changed = threading.Condition()
        self.server = None
        self.port = port
        self.start()

    def start(self):
        self.stopped.clear()
        self.sockets = set()
        self.stopping = False
        self.server = Server(("127.0.0.1", self.port), Handler)
        self.server.mim = self
        if self.tls:
            self.server.socket = self.tls.wrap_socket(self.server.socket,
                                                      server_side=True)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever,
                                       kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def stop(self):
        """No connection is taken any more, and those that are open are cut."""
        self.stopped.set()
        with self.changed:
            self.stopping = True
            self.changed.notify_all()
        self.server.shutdown()
        self.server.server_close()
        for s in list(self.sockets):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.thread.join()

    @property
    def url(self):
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    def count(self, name):
        with self.changed:
            return sum(1 for c in self.calls if c[0] == name)

    def bodies(self, name):
        with self.changed:
            return [c[2] for c in self.calls if c[0] == name]

    def wait(self, condition, what, limit=LIMIT):
        end = time.monotonic() + limit
        with self.changed:
            while not condition():
                if not self.changed.wait(max(0, end - time.monotonic())):
                    raise TimeoutError(f"not within {limit} s: {what}")

    def delivered(self):
        with self.changed:
            return [(e["instance"], e["type"]) for e in self.events]

    def tell(self, *entries):
        """News for those who wait."""
        with self.changed:
            self.news += entries
            self.changed.notify_all()

    def forget(self):
        """No cursor that was given is known any more."""
        with self.changed:
            self.epoch += 1
            self.changed.notify_all()

    def wait_held(self, count=1):
        self.wait(lambda: self.held == count, f"{count} requests that wait")

    def wait_asked(self, *users, count=1):
        """Waits until these have been asked for in one question."""
        self.wait(lambda: sum(sorted(a[1]) == sorted(users) for a in self.asked) >=
                  count, f"{count} x a question for {users}, not {self.asked}")

    def answer_recalls(self, query):
        """Waits for news behind the cursor, which is epoch/number."""
        def cursor():
            return f"{self.epoch}/{len(self.news)}"
        known = query.get("since", "").split("/")
        if known[0] != str(self.epoch):
            return 200, {"cursor": cursor(), "reset": True, "entries": []}
        self.held += 1
        self.changed.notify_all()
        self.changed.wait_for(lambda: self.stopping or known[0] != str(self.epoch) or
                              len(self.news) > int(known[1]), int(query["wait"]))
        self.held -= 1
        self.changed.notify_all()
        if known[0] != str(self.epoch):
            return 200, {"cursor": cursor(), "reset": True, "entries": []}
        return 200, {"cursor": cursor(), "reset": False,
                     "entries": self.news[int(known[1]):]}

    def answer_withdrawals(self, users):
        if self.refuse_user in users:
            return 422, {"title": "no"}
        of = self.withdrawals
        found = [(u, of(u) if callable(of) else of.get(u)) for u in users]
        return 200, {"users": [{"user": u, "actions": a} for u, a in found if a]}

    def answer_of(self, name, body, digest):
        if name == "hello":
            answer = {"open": self.open, "nextCheck": self.next_check}
            if self.keys is not None:
                answer["user"] = self.keys.get(body["user"], body["user"])
            return 200, answer
        if name == "decisions":
            return 200, {"known": self.known, "actions": self.actions,
                         "nextCheck": self.next_check}
        if name == "events":
            if any(e["instance"] == self.refuse_event for e in body["events"]):
                return 422, {"title": "no"}
            self.events += body["events"]
            return 200, {"stored": len(body["events"]), "dropped": 0}
        if name == "templates" and digest in self.templates:
            return 200, self.templates[digest]
        return 404, {"title": "not found"}

    def handle(self, request, body):
        parts = request.path.split("/")  # "", api, tenants, t, dovecot, name, digest
        self.sockets.add(request.connection)
        tenant, (name, _, query) = parts[3], parts[5].partition("?")
        query = dict(urllib.parse.parse_qsl(query))
        with self.changed:
            self.arrived.append(name)
            self.changed.notify_all()
        time.sleep(self.delay.get(name, 0))
        if name in ("hello", "decisions") and request.connection in self.resting:
            self.stopped.wait(LIMIT)
        with self.changed:
            if name == "recalls":
                self.polls.append((tenant, query, time.monotonic()))
            elif name == "withdrawals":
                self.asked.append((tenant, body["users"]))
            if name in self.status:
                status, answer = self.status[name], {"title": "as scripted"}
                if self.rests and status == 503:
                    self.resting.add(request.connection)
            elif name == "recalls":
                status, answer = self.answer_recalls(query)
            elif name == "withdrawals":
                status, answer = self.answer_withdrawals(body["users"])
            else:
                status, answer = self.answer_of(name, body, parts[-1])
            if name not in ("recalls", "withdrawals"):
                self.calls.append((name, tenant, body,
                                   request.headers["Authorization"]))
            self.changed.notify_all()
        data = self.raw.get(name)
        if data is None:
            data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        more = ""
        if name in self.status and self.retry_after is not None:
            more = f"Retry-After: {self.retry_after}\r\n"
        if name == self.held_byte:
            data += b"\n"
        head = (f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{more}"
                f"Content-Length: {len(data)}\r\n\r\n").encode()
        if name in self.half:
            data = data[:len(data) // 2]
            request.close_connection = True
        try:
            if name == self.held_byte:
                request.wfile.write(head + data[:-1])
                self.counts.wait(20)
                head, data = b"", b"" if self.cut else data[-1:]
                request.close_connection = self.cut
            request.wfile.write(head + data)
        except OSError:
            request.close_connection = True
