# SPDX-License-Identifier: Apache-2.0
"""The main job on real parts: a row in a file becomes a message in an inbox."""
import email
import email.policy
import glob
import hashlib
import hmac
import os
import signal
import threading
import unittest
import urllib.request

from chain_case import CONSENT, ChainCase, template, wait_until


class Injection:
    """The same on every mailbox format."""

    def test_the_first_select_shows_it_and_the_next_brings_no_second(self):
        self.put_user()
        self.publish()
        self.assertEqual(self.open(), 1)
        self.assertEqual(self.open(), 1)
        self.wait_counted(injected=1)

    def test_twenty_sessions_at_once_end_with_one_copy(self):
        # The mailbox is there before: when twenty sessions create a fresh dbox INBOX
        # at once, Dovecot 2.3.19 itself panics now and then (EDEADLK in
        # mailbox_create), with or without the plugin.
        self.assertEqual(self.open(), 0)
        self.put_user()
        self.publish()
        clients = [self.connect() for _ in range(20)]
        start = threading.Barrier(len(clients))
        failed = []

        def select(client):
            start.wait(30)
            try:
                client.exists()
            except Exception as e:  # noqa: BLE001: any is a failure
                failed.append(e)
        threads = [threading.Thread(target=select, args=(c,)) for c in clients]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
        self.assertEqual(failed, [])
        for client in clients:
            client.logout()
        self.assertEqual(self.open(), 1)
        # one may have been refused: who was given it found the lock taken, gave it
        # back, and another session got it
        self.wait_counted(but="refused", injected=1)

    def test_lost_index_files_bring_no_second_copy(self):
        self.put_user()
        self.publish()
        self.assertEqual(self.open(), 1)
        home = self.chain.dovecot.home(self.user)
        lost = glob.glob(os.path.join(home, "**/dovecot*index*"), recursive=True)
        self.assertTrue(lost)
        for path in lost:
            os.unlink(path)
        self.open()
        # dbox shows an empty mailbox until it is told to rebuild its index
        self.chain.dovecot.doveadm("force-resync", "-u", self.user, "INBOX")
        self.assertEqual(self.open(), 1)
        client = self.connect()
        client.exists()
        self.assertEqual(len(client.guids()), 1)
        client.logout()
        self.wait_counted(injected=1)

    def test_reading_and_expunging_are_counted_once(self):
        self.put_user()
        self.publish()
        self.assertEqual(self.open(), 1)
        self.read()
        self.read()
        self.wait_counted(injected=1, read=1)
        self.expunge()
        self.wait_counted(injected=1, read=1, expungedRead=1)
        self.assertEqual(self.open(), 0)

    def test_recall_takes_back_what_is_unread_only(self):
        reader = f"r-{self.user}"
        self.put_user()
        self.put_user(reader)
        self.publish([(self.user, "Ada"), (reader, "Bo")])
        self.assertEqual(self.open(), 1)
        self.assertEqual(self.open(reader), 1)
        self.read(reader)
        self.wait_counted(injected=2, read=1)
        self.need(200, "POST", f"/campaigns/{self.campaign}/pause")
        self.need(200, "POST", f"/campaigns/{self.campaign}/recall")
        self.assertEqual(self.open(), 0)
        self.assertEqual(self.open(reader), 1)
        self.wait_counted(injected=2, read=1, recalled=1)


    def test_a_recall_reaches_a_client_in_idle(self):
        reader = f"r-{self.user}"
        for user in (self.user, reader):
            self.put_user(user)
        self.publish([(self.user, "Ada"), (reader, "Bo")])
        idler, other = self.connect(), self.connect(reader)
        self.assertEqual((idler.exists(), other.exists()), (1, 1))
        other.fetch("1", "(BODY[])")
        self.wait_counted(injected=2, read=1)
        idler.idle()
        other.idle()
        self.need(200, "POST", f"/campaigns/{self.campaign}/pause")
        self.need(200, "POST", f"/campaigns/{self.campaign}/recall")
        idler.idle_until(b"* 1 EXPUNGE")
        idler.idle_done()
        self.wait_counted(injected=2, read=1, recalled=1)
        copies = self.need(200, "GET", f"/campaigns/{self.campaign}")["copies"]
        self.assertEqual(copies, {"out": 2, "takenBack": 1, "kept": 1, "gone": 0,
                                  "stillOut": 0})
        self.assertNotIn(b"EXPUNGE", b"".join(other.idle_done()))
        self.assertEqual(other.exists(), 1)

    def test_who_opts_out_while_idling_loses_it_at_once(self):
        self.put_user()
        self.publish()
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        self.wait_counted(injected=1)
        client.idle()
        self.need(200, "PATCH", f"/users/{self.user}",
                  {"optOuts": [{"at": "2026-02-01T10:00:00Z"}]})
        client.idle_until(b"* 1 EXPUNGE")
        client.idle_done()
        self.wait_counted(injected=1, recalled=1)


class Maildir(Injection, ChainCase):
    mail = "maildir"


class Sdbox(Injection, ChainCase):
    mail = "sdbox"


class Mdbox(Injection, ChainCase):
    mail = "mdbox"


class WhoGetsIt(ChainCase):
    def test_it_is_personal_and_complete(self):
        self.put_user()
        self.publish([(self.user, "Zoë <b>& Söhne</b>")])
        self.assertEqual(self.open(), 1)
        raw = self.read()
        self.assertNotIn(b"\n", raw.replace(b"\r\n", b""))
        message = email.message_from_bytes(raw, policy=email.policy.default)
        self.assertEqual(message["Subject"], "Hello Zoë <b>& Söhne</b>")
        self.assertEqual(message["To"], self.user)
        self.assertEqual(message["From"], "Acme <news@acme.example>")
        self.assertEqual(message["List-Unsubscribe-Post"], "List-Unsubscribe=One-Click")
        self.assertEqual(message["Auto-Submitted"], "auto-generated")
        html = message.get_body(("html",)).get_content()
        self.assertIn("Zoë &lt;b&gt;&amp; Söhne&lt;", html)
        self.assertIn("the offer is a book", html)
        self.assertIn("the offer is a book", message.get_body(("plain",)).get_content())
        # first header of all: a Received with the same date as Date
        self.assertEqual(message.keys()[0], "Received")
        self.assertTrue(message["Received"].endswith(message["Date"]))

    def test_who_gave_no_consent_gets_nothing_and_can_ask_why(self):
        self.put_user(consents=[])
        self.publish()
        self.assertEqual(self.open(), 0)
        self.assertEqual(self.why()["gate"], "consent")

    def test_who_revoked_it_gets_nothing(self):
        self.put_user(consents=[CONSENT, {**CONSENT, "granted": False,
                                          "at": "2026-02-01T00:00:00Z"}])
        self.publish()
        self.assertEqual(self.open(), 0)
        self.assertEqual(self.why()["gate"], "consent")

    def test_who_is_no_recipient_gets_nothing(self):
        other = f"o-{self.user}"
        self.put_user(other)
        self.put_user()
        self.publish()
        self.assertEqual(self.open(other), 0)
        self.assertEqual(self.why(other)["gate"], "audience")

    def test_everyone_with_consent_gets_a_campaign_for_everyone(self):
        self.put_user()
        self.publish(audience={"from": "everyone"},
                     templates=template(subject="Hello all", html="<p>Hello</p>",
                                        defaults={}))
        self.assertEqual(self.open(), 1)

    def test_outside_its_window_nobody_gets_it(self):
        self.put_user()
        self.publish(schedule={"start": "2098-01-01T00:00:00Z",
                               "end": "2099-01-01T00:00:00Z"})
        self.assertEqual(self.open(), 0)
        self.assertEqual(self.why()["gate"], "window")

    def test_pause_and_resume_act_at_the_next_opening(self):
        self.put_user()
        self.publish()
        self.need(200, "POST", f"/campaigns/{self.campaign}/pause")
        self.assertEqual(self.open(), 0)
        self.need(200, "POST", f"/campaigns/{self.campaign}/resume")
        self.assertEqual(self.open(), 1)

    def test_the_kill_switch_of_the_tenant(self):
        self.put_user()
        self.publish()
        self.need(200, "POST", "/pause", {"scope": "all"})
        try:
            self.assertEqual(self.open(), 0)
            self.assertEqual(self.why()["gate"], "killSwitch")
        finally:
            self.need(200, "POST", "/resume", {"scope": "all"})
        self.assertEqual(self.open(), 1)

    def test_a_staged_version_is_seen_only_once_it_is_activated(self):
        self.put_user()
        self.assertEqual(self.load(self.bundle(), activate=False)["phase"], "done")
        self.assertEqual(self.open(), 0)
        self.need(200, "POST", f"/campaigns/{self.campaign}/versions/1/activate")
        self.assertEqual(self.open(), 1)

    def test_one_click_unsubscribes_from_the_purpose(self):
        self.put_user()
        self.publish()
        self.assertEqual(self.open(), 1)
        message = email.message_from_bytes(self.read(), policy=email.policy.default)
        link = message["List-Unsubscribe"].strip("<>")
        self.assertTrue(link.startswith(self.chain.public_url + "/u/"), link)
        with urllib.request.urlopen(link, timeout=30) as page:  # changes nothing
            self.assertEqual(page.status, 200)
        second = f"second{self.campaign}"[:60]
        self.addCleanup(self.mimd.call, "POST",
                        f"/api/tenants/default/campaigns/{second}/cancel")
        with urllib.request.urlopen(link, b"List-Unsubscribe=One-Click",
                                    timeout=30) as answer:
            self.assertEqual(answer.status, 200)
        first, self.campaign = self.campaign, second
        try:
            self.publish()
            self.assertEqual(self.open(), 1)
            self.assertEqual(self.why()["gate"], "optOut")
        finally:
            self.campaign = first

    def test_a_service_message_needs_no_consent_but_a_right(self):
        self.put_user(consents=[])
        prefix = self.bundle(type="service_alert", legalClass="service", purpose=None)
        token = self.mimd.make_token("tenant:default")
        status, problem = self.mimd.call("POST", "/api/tenants/default/imports",
                                         {"prefix": prefix}, token=token)
        if status == 202:
            done = wait_until(lambda: self.ended(problem["id"]), "the import ends", 60)
            self.assertEqual(done["phase"], "failed", done)
        else:
            self.assertEqual(status, 403)
        self.assertEqual(self.open(), 0)
        token = self.mimd.make_token("tenant:default", service=True)
        status, job = self.mimd.call("POST", "/api/tenants/default/imports",
                                     {"prefix": prefix}, token=token)
        self.assertEqual(status, 202)
        done = wait_until(lambda: self.ended(job["id"]), "the import ends", 60)
        self.assertEqual(done["phase"], "done", done)
        self.assertEqual(self.open(), 1)
        message = email.message_from_bytes(self.read(), policy=email.policy.default)
        self.assertNotIn("List-Unsubscribe", message)

    def ended(self, job):
        now = self.need(200, "GET", f"/imports/{job}")
        return now if now["phase"] in ("done", "failed") else None

    def test_a_date_places_it_among_older_messages(self):
        self.put_user()
        self.publish(placement={"position": "date", "date": "2026-05-01T08:00:00Z"})
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        data = client.fetch_one("(INTERNALDATE)")
        self.assertIn(b'"01-May-2026 08:00:00 +0000"', data)

    def test_erased_means_nothing_is_left_and_nothing_comes(self):
        self.put_user(email=f"mail-{self.user}")
        self.publish()
        self.need(204, "DELETE", f"/users/{self.user}")
        self.assertEqual(self.open(), 0)
        self.need(404, "GET", f"/users/{self.user}")


class Faults(ChainCase):
    """INBOX opens as without us, and afterwards all is as before."""

    chain_options = {"settings": {"inlay_deadline": 200}}

    def test_mimd_stopped_and_continued(self):
        self.put_user()
        self.publish()
        self.mimd.daemon.signal(signal.SIGSTOP)
        try:
            self.assertEqual(self.open(), 0)
        finally:
            self.mimd.daemon.signal(signal.SIGCONT)

        # the process that missed asks nobody for 30 s; another does
        wait_until(lambda: self.open() == 1, "it comes when mimd goes on", 60)

    def test_mimd_killed_and_started_again(self):
        self.put_user()
        self.publish()
        self.assertEqual(self.open(), 1)
        self.mimd.kill()
        self.read()
        port = self.mimd.port
        self.mimd.settings["server.port"] = port
        self.mimd.start()
        self.wait_counted(injected=1, read=1)

    def test_agent_killed_with_a_session_open(self):
        self.put_user()
        self.publish()
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        self.chain.agent.kill()
        client.fetch("1", "(BODY[])")
        client.noop()
        self.chain.start_agent()
        client.noop()
        client.logout()
        self.open()
        self.wait_counted(injected=1, read=1)


class Hashed(ChainCase):
    """A tenant that knows its users by HMAC only: the same chain."""

    hashed = True

    def key(self, user):
        return hmac.new(self.secret.encode(), user.lower().encode(),
                        hashlib.sha256).hexdigest()

    def test_the_same_chain_without_a_name(self):
        user = self.user
        self.put_user(self.key(user))
        self.publish([(self.key(user), "Ada")])
        self.assertEqual(self.open(user), 1)
        self.read(user)
        self.wait_counted(injected=1, read=1)
        self.assertEqual(self.why(user)["gate"], "repeat")
        # the plain name is in no file of the middleware's
        for folder, _, files in os.walk(self.mimd.folder):
            for name in files:
                with open(os.path.join(folder, name), "rb") as f:
                    self.assertNotIn(user.encode(), f.read(), name)


if __name__ == "__main__":
    unittest.main()
