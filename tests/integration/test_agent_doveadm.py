# SPDX-License-Identifier: Apache-2.0
"""Recalls reach sessions that hibernate: a real imap-hibernate, woken through the real
doveadm HTTP API; and what happens when that API is away, slow, or wants another key."""

import http.server
import json
import os
import signal
import threading
import time
import unittest

import fake_agent as wire
from agent_case import LIMIT
from chain_case import ChainCase, wait_until
from services.dovecot import free_port
from test_agent_recalls import RecallCase, withdraw

KEY = "a-key-of-doveadm"
PORT = free_port()
HIBERNATING = f"""
imap_hibernate_timeout = 1s
doveadm_api_key = {KEY}
service imap {{
  unix_listener imap-master {{
    user = $default_internal_user
  }}
}}
service imap-hibernate {{
  unix_listener imap-hibernate {{
    mode = 0666
  }}
}}
service doveadm {{
  inet_listener http {{
    address = 127.0.0.1
    port = {PORT}
  }}
}}
"""


class HibernatingCase(ChainCase):
    chain_options = {"extra": HIBERNATING}
    key = KEY

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.set_key(cls.key)
        cls.chain.agent.stop()
        cls.chain.agent.settings.update({
            "inlay.recall.doveadm": f"http://127.0.0.1:{PORT}/",
            "inlay.recall.doveadm-key-file": cls.key_file()})
        cls.chain.agent.start()

    @classmethod
    def key_file(cls):
        return os.path.join(cls.chain.agent.directory, "doveadm-key")

    @classmethod
    def set_key(cls, key):
        with open(cls.key_file(), "w", encoding="ascii") as f:
            f.write(key + "\n")

    def processes(self, name):
        """Of this Dovecot, by what it calls them."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", encoding="utf-8") as f:
                    title = f.read().split("\0")[0].split(" ")[0]
                with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
                    parent = int(f.read().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == self.chain.dovecot.process.pid and title.endswith("/" + name):
                found.append(int(pid))
        return found

    def wait_hibernated(self):
        wait_until(lambda: not self.processes("imap"), "all sessions hibernate")
        self.assertTrue(self.processes("imap-hibernate"))

    def recall(self):
        self.need(200, "POST", f"/campaigns/{self.campaign}/pause")
        self.need(200, "POST", f"/campaigns/{self.campaign}/recall")

    def idling(self, *users):
        """Clients whose sessions hibernate, with one message of ours each."""
        clients = [self.connect(u) for u in users]
        for c in clients:
            self.assertEqual(c.exists(), 1)
            c.idle()
        self.wait_hibernated()
        return clients


class Hibernated:
    def test_a_recall_reaches_a_session_that_hibernates_and_what_was_read_stays(self):
        reader = f"r-{self.user}"
        for user in (self.user, reader):
            self.put_user(user)
        self.publish([(self.user, "Ada"), (reader, "Bo")])
        self.assertEqual(self.open(), 1)
        self.assertEqual(self.open(reader), 1)
        self.read(reader)
        self.wait_counted(injected=2, read=1)
        idler, other = self.idling(self.user, reader)
        self.recall()
        idler.idle_until(b"* 1 EXPUNGE")
        self.wait_counted(injected=2, read=1, recalled=1)
        copies = self.need(200, "GET", f"/campaigns/{self.campaign}")["copies"]
        self.assertEqual(copies, {"out": 2, "takenBack": 1, "kept": 1, "gone": 0,
                                  "stillOut": 0})
        idler.idle_done()
        self.assertNotIn(b"EXPUNGE", b"".join(other.idle_done()))
        self.assertEqual(other.exists(), 1)

    def test_who_opts_out_while_the_session_hibernates_loses_it_at_once(self):
        self.put_user()
        self.publish()
        self.assertEqual(self.open(), 1)
        self.wait_counted(injected=1)
        (client,) = self.idling(self.user)
        self.need(200, "PATCH", f"/users/{self.user}",
                  {"optOuts": [{"at": "2026-02-01T10:00:00Z"}]})
        client.idle_until(b"* 1 EXPUNGE")
        client.idle_done()
        self.wait_counted(injected=1, recalled=1)

    def test_a_session_that_hibernates_again_and_again_is_reached(self):
        self.put_user()
        self.publish()
        self.assertEqual(self.open(), 1)
        self.wait_counted(injected=1)
        (client,) = self.idling(self.user)
        for i in range(2):
            # a stranger's message wakes it
            self.chain.dovecot.doveadm("flags", "add", "-u", self.user, f"x{i}",
                                       "mailbox", "INBOX", "all")
            client.idle_until(b"FLAGS")
            self.wait_hibernated()
        self.recall()
        client.idle_until(b"* 1 EXPUNGE")
        client.idle_done()


class WrongKey(HibernatingCase):
    mail = "sdbox"
    key = "another-key"

    def test_with_the_right_key_it_is_made_up_for(self):
        self.put_user()
        self.publish()
        self.assertEqual(self.open(), 1)
        self.wait_counted(injected=1)
        (client,) = self.idling(self.user)
        self.recall()
        self.chain.agent.wait_for_log("doveadm wakes nobody")
        self.assertIn("status=401", self.chain.agent.log_text())
        self.set_key("two words")
        self.chain.agent.signal(signal.SIGHUP)
        self.chain.agent.wait_for_log("the old key stays")
        self.set_key(KEY)
        self.chain.agent.signal(signal.SIGHUP)
        client.idle_until(b"* 1 EXPUNGE")
        client.idle_done()
        self.chain.agent.wait_for_log("doveadm wakes sessions again")
        self.assertEqual(self.chain.agent.log_text().count("doveadm wakes nobody"), 1)


class Doveadm:
    """The HTTP API, for faults that the real one cannot be made to have. `hangs`: it
    takes connections, and says nothing."""

    def __init__(self, port, hangs=False):
        self.requests = []
        self.changed = threading.Condition()
        doveadm = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with doveadm.changed:
                    doveadm.requests.append(body)
                    doveadm.changed.notify_all()
                    if hangs:
                        doveadm.changed.wait_for(lambda: doveadm.ended)
                data = json.dumps([["doveadmResponse", [], c[2]] for c in body]).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                """The agent does not wait for ever."""

        self.ended = False
        self.server = Server(("127.0.0.1", port), Handler)
        threading.Thread(target=self.server.serve_forever,
                         kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self):
        with self.changed:
            self.ended = True
            self.changed.notify_all()
        self.server.shutdown()
        self.server.server_close()

    def wait(self, count, limit=LIMIT):
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.requests) >= count, limit):
                raise TimeoutError(f"{count} requests; {self.requests}")


class Faults(RecallCase):
    """Anna's session is gone, and MIM would take something back; Bert's is there."""

    def setUp(self):
        super().setUp()
        self.agent.stop()
        self.port = free_port()
        key = os.path.join(self.directory, "doveadm-key")
        with open(key, "w", encoding="ascii") as f:
            f.write(KEY + "\n")
        self.agent.settings.update({
            "inlay.recall.doveadm": f"http://127.0.0.1:{self.port}",
            "inlay.recall.doveadm-key-file": key})
        self.agent.start()
        anna, self.bert = self.waiting("anna", "bert")
        anna.close()
        self.mim.withdrawals = {"anna": [withdraw("m1")], "bert": [withdraw("m2")]}

    def doveadm(self, **how):
        d = Doveadm(self.port, **how)
        self.addCleanup(d.stop)
        return d

    def commands(self, user, name):
        arguments = {"user": user, "flag": ["$Inlay"],
                     "query": ["mailbox", "INBOX", "(", "GUID", wire.ids(name)[1], ")"]}
        return [["flagsRemove", arguments, "inlay"], ["flagsAdd", arguments, "inlay"]]

    def recall(self):
        self.mim.tell({"campaign": "spring"})
        self.assert_withdrawn(self.bert, "m2")

    def test_where_nobody_listens_others_are_told_and_it_is_made_up_for(self):
        self.recall()
        self.agent.wait_for_log("doveadm wakes nobody")
        self.recall()
        doveadm = self.doveadm()
        doveadm.wait(1)
        self.assertEqual(doveadm.requests[0], self.commands("anna", "m1"))
        self.agent.wait_for_log("doveadm wakes sessions again")
        self.assertEqual(self.agent.log_text().count("doveadm wakes nobody"), 1)

    def test_while_it_hangs_others_are_told(self):
        doveadm = self.doveadm(hangs=True)
        self.recall()
        doveadm.wait(1)
        began = time.monotonic()
        self.recall()
        self.greeted(user="carla")
        self.assertLess(time.monotonic() - began, 5)
        # and nobody is asked meanwhile
        self.assertEqual(len(doveadm.requests), 1)

    def test_who_is_not_there_is_tried_a_few_times(self):
        doveadm = self.doveadm()
        self.recall()
        doveadm.wait(3, 60)
        asked = len(self.mim.asked)
        self.mim.wait(lambda: len(self.mim.asked) > asked, "the last question")
        self.recall()
        doveadm.wait(4)
        self.assertEqual(doveadm.requests, [self.commands("anna", "m1")] * 4)

    def test_what_has_gone_meanwhile_is_not_tried_again(self):
        doveadm = self.doveadm()
        self.recall()
        doveadm.wait(1)
        asked = len(self.mim.asked)
        self.mim.withdrawals = {}
        self.mim.wait(lambda: ["anna"] in [a[1] for a in self.mim.asked[asked:]],
                      "the question whether it went")
        self.assertEqual(len(doveadm.requests), 1)

    def test_a_session_that_comes_back_is_told_at_once(self):
        self.recall()
        self.agent.wait_for_log("doveadm wakes nobody")
        self.assert_withdrawn(self.greeted(user="anna"), "m1")

    def test_sigterm_does_not_wait_for_it(self):
        doveadm = self.doveadm(hangs=True)
        self.recall()
        doveadm.wait(1)
        began = time.monotonic()
        self.assertEqual(self.agent.stop(), 0)
        self.assertLess(time.monotonic() - began, 5)


class Sdbox(Hibernated, HibernatingCase):
    mail = "sdbox"


class Maildir(Hibernated, HibernatingCase):
    mail = "maildir"


del Hibernated, HibernatingCase, RecallCase

if __name__ == "__main__":
    unittest.main()
