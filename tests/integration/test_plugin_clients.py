# SPDX-License-Identifier: Apache-2.0
"""Mail programs that others wrote see the message as any other."""

import glob
import os
import shutil
import subprocess
import tempfile
import unittest

from plugin_case import PluginCase, message


class Clients(PluginCase):
    server = {"pop3_port": 0}

    def setUp(self):
        super().setUp()
        self.home = tempfile.mkdtemp(prefix="inlay-c-")
        self.addCleanup(shutil.rmtree, self.home)
        self.start_agent(message(self, subject="Spring offer"))

    def run_client(self, *command, **more):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=60,
                              env={**os.environ, "HOME": self.home, **more})
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def file(self, name, text):
        path = os.path.join(self.home, name)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, 0o600)
        return path

    def test_mbsync_fetches_it_once_and_reports_reading(self):
        maildir = os.path.join(self.home, "mail")
        config = self.file("mbsyncrc", f"""
IMAPAccount a
Host 127.0.0.1
Port {self.dovecot.imap_port}
User {self.user}
Pass secret
SSLType None
AuthMechs LOGIN

IMAPStore far
Account a

MaildirStore near
Inbox {maildir}
Path {self.home}/

Channel c
Far :far:
Near :near:
Patterns INBOX
Create Near
SyncState {self.home}/state
""")
        for _ in range(3):
            self.run_client("mbsync", "-c", config, "c")
        found = glob.glob(maildir + "/*/*")
        self.assertEqual(len(found), 1, found)
        with open(found[0]) as f:
            self.assertIn("Subject: Spring offer", f.read())
        # read it here; mbsync takes the flag to the server
        base = os.path.basename(found[0])
        os.rename(found[0], f"{maildir}/cur/{base.split(':')[0]}:2,S")
        self.run_client("mbsync", "-c", config, "c")
        self.agent.wait_event("read")
        self.assertEqual(self.agent.kinds(), ["injected", "read"])

    def test_mutt_shows_and_deletes_it(self):
        config = self.file("muttrc", f"""
set ssl_starttls=no ssl_force_tls=no
set imap_user="{self.user}" imap_pass="secret"
set folder="imap://127.0.0.1:{self.dovecot.imap_port}/"
set spoolfile="+INBOX"
set header_cache="" delete=yes quit=yes wait_key=no
set mbox_type=Maildir timeout=1
push "<pipe-message>cat > {self.home}/shown<enter><delete-message><sync-mailbox><quit>"
""")
        self.run_client("script", "-qec", f"mutt -F {config}", "/dev/null", TERM="vt100")
        with open(os.path.join(self.home, "shown")) as f:
            self.assertIn("Subject: Spring offer", f.read())
        self.agent.wait_event("gone", cause="expunged")
        self.assertEqual(self.count(), 0)

    def fetchmail(self, protocol, port, keep="keep"):
        out = os.path.join(self.home, "got")
        config = self.file("fetchmailrc", f"""
poll 127.0.0.1 protocol {protocol} port {port} auth password
  user "{self.user}" password "secret" {keep} sslproto ""
  mda "/bin/sh -c 'cat >> {out}'"
""")
        self.run_client("fetchmail", "-f", config, "--nosyslog", "--nodetach",
                        "--idfile", self.home + "/ids", "--pidfile",
                        self.home + "/pid")
        try:
            with open(out) as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def test_fetchmail_takes_it_by_imap(self):
        text = self.fetchmail("imap", self.dovecot.imap_port, "nokeep")
        self.assertEqual(text.count("Subject: Spring offer"), 1)
        self.agent.wait_event("gone")
        self.assertEqual(self.count(), 0)

    def test_fetchmail_by_pop3_gets_none_as_pop3_is_not_set(self):
        self.deliver("friend")
        text = self.fetchmail("pop3", self.dovecot.pop3_port)
        self.assertEqual(text.count("Subject: friend"), 1)
        self.assertEqual(self.agent.hellos, [])


class Pop3(Clients):
    """POP3 set as a trigger."""

    settings = {"inlay_triggers": "select noop check idle pop3"}

    def test_fetchmail_by_pop3_gets_none_as_pop3_is_not_set(self):
        text = self.fetchmail("pop3", self.dovecot.pop3_port)
        self.assertEqual(text.count("Subject: Spring offer"), 1)
        self.assertEqual([h["protocol"] for h in self.agent.hellos], ["pop3"])
        self.agent.wait_event("read")

    def test_poplib_sees_it_in_the_first_stat(self):
        import poplib
        self.deliver("friend")
        client = poplib.POP3("127.0.0.1", self.dovecot.pop3_port, timeout=20)
        client.user(self.user)
        client.pass_("secret")
        self.assertEqual(client.stat()[0], 2)
        self.assertEqual(len(self.agent.opens), 1)
        client.retr(2)
        client.dele(2)
        client.quit()
        event = self.agent.wait_event("gone")
        self.assertEqual((event["cause"], event["seen"]), ("expunged", 1))
        self.assertEqual(self.agent.kinds(), ["injected", "read", "gone"])

    def test_poplib_deleting_unread_is_not_read(self):
        import poplib
        client = poplib.POP3("127.0.0.1", self.dovecot.pop3_port, timeout=20)
        client.user(self.user)
        client.pass_("secret")
        self.assertEqual(client.stat()[0], 1)
        client.dele(1)
        client.quit()
        self.assertEqual(self.agent.wait_event("gone")["seen"], 0)
        self.assertEqual(self.agent.kinds(), ["injected", "gone"])


if __name__ == "__main__":
    unittest.main()
