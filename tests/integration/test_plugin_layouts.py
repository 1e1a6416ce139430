# SPDX-License-Identifier: Apache-2.0
"""Where a mailbox may lie, and what its files may hold: separate control directories,
prefixes, mailboxes that may not be written, ledgers of a long life."""

import contextlib
import imaplib
import os
import re
import subprocess
import time
import unittest

import fake_agent as wire
import ledger_file
from ledger_file import TOLD_INJECTED
from plugin_case import DEADLINE, PluginCase, message, wait_until

PRESENT_MAX = 512  # of one OPEN


class ControlDirectory(PluginCase):
    """Dovecot makes it when it needs it; in the first SELECT it is not there."""

    mail = "maildir:~/Maildir:CONTROL=~/control:INDEX=~/index"

    def test_the_first_select_has_it(self):
        self.start_agent(message(self))
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        self.logout(client)
        self.assertEqual(self.connect().exists(), 1)
        found = [folder for folder, _, files in os.walk(self.dovecot.home(self.user))
                 if "dovecot-inlay" in files]
        self.assertEqual(len(found), 1)
        self.assertIn("/control/", found[0] + "/")
        self.assertNotIn("Error", self.log())


class ControlDirectoryOfSdbox(ControlDirectory):
    mail = "sdbox:~/sdbox:CONTROL=~/control:INDEX=~/index"


class ControlDirectoryOfMdbox(ControlDirectory):
    mail = "mdbox:~/mdbox:CONTROL=~/control"


class Prefix(PluginCase):
    server = {"namespaces": "namespace inbox {\n  inbox = yes\n  prefix = INBOX.\n"
                            "  separator = .\n}"}

    def test_inbox_of_a_namespace_with_a_prefix(self):
        self.start_agent(message(self))
        client = self.connect()
        self.assertEqual(client.exists("inbox"), 1)
        self.agent.wait_event("injected")


class Ledger(PluginCase):
    def write(self, uid_validity, n):
        """Saved, told and acknowledged instances, all of them as UID 1."""
        path = os.path.join(self.dovecot.home(self.user), "Maildir", ledger_file.NAME)
        ledger_file.write(path, [
            ledger_file.Record(*wire.ids(f"{self.id()}-old-{i}"), due=TOLD_INJECTED,
                               acked=TOLD_INJECTED, uid_validity=uid_validity, uid=1)
            for i in range(n)])
        os.chmod(path, 0o666)

    def test_more_messages_of_ours_than_a_question_can_hold(self):
        self.start_agent(message(self, 0))
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        self.agent.wait_event("injected")
        _, data = client.status("INBOX", "(UIDVALIDITY)")
        self.logout(client)
        self.write(int(re.search(rb"UIDVALIDITY (\d+)", data[0]).group(1)),
                   PRESENT_MAX + 100)
        self.agent.add(message(self))
        client = self.connect()
        self.assertEqual(client.exists(), 2)
        self.assertEqual(len(self.agent.opens[-1]["present"]), PRESENT_MAX)
        self.assertEqual(self.agent.opens[-1]["complete"], 0)
        self.logout(client)


@unittest.skipUnless(os.geteuid() == 0, "who is not root owns the mailboxes")
class ReadOnly(PluginCase):
    def test_a_mailbox_that_may_not_be_written_opens_all_the_same(self):
        self.start_agent()
        client = self.connect()
        client.exists()
        self.logout(client)
        self.agent.add(message(self))
        subprocess.run(["find", self.dovecot.home(self.user), "-type", "d", "-exec",
                        "chmod", "0500", "{}", "+"], check=True)
        client = self.connect()
        with contextlib.suppress(client.readonly):
            client.exists()
        self.assertEqual(client.untagged_responses["EXISTS"], [b"0"])
        client.is_readonly = True
        with contextlib.suppress(imaplib.IMAP4.readonly):
            client.noop()
        self.assertNotIn("injected", self.agent.kinds())


class OneProcess(PluginCase):
    """All sessions in one process: nobody waits for another's agent."""

    server = {"extra": "service imap {\n  service_count = 50\n  client_limit = 10\n"
                       "  process_limit = 1\n}"}

    def test_a_logout_without_its_acknowledgements_holds_nobody_up(self):
        own = message(self)
        self.start_agent(own)
        client = self.connect()
        wait_until(lambda: int(client.noop() and client.select()[1][0]) == 1,
                   "the message")
        self.agent.wait_event("injected")
        self.agent.acking = False
        client.store("1", "+FLAGS", "\\Seen")
        self.agent.wait_event("read")
        other = self.connect(self.user + "2")
        self.logout(client)
        start = time.monotonic()
        other.noop()
        self.assertLess(time.monotonic() - start, DEADLINE / 2)


if __name__ == "__main__":
    unittest.main()
