# SPDX-License-Identifier: Apache-2.0
"""The file of a save that was killed before it was in the index: sdbox makes a message of
it when it builds its index anew, whoever makes it do that."""

import contextlib
import os
import re
import shutil
import subprocess
import unittest

import ledger_file
from fake_agent import DONE, encode
from plugin_case import message, plain_message, wait_until
from test_plugin_reinject import Again

REBUILDS = b"already exists, rebuilding index"


class Lost(Again):
    mail = "sdbox"

    def files(self, user):
        return os.path.join(self.dovecot.home(user), "sdbox/mailboxes/INBOX/dbox-Mails")

    def status(self):
        """{item: number} of INBOX, as doveadm sees it."""
        told = self.dovecot.doveadm("mailbox", "status", "-u", self.user,
                                    "uidvalidity uidnext", "INBOX")
        return {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", told)}

    def leave(self, lost, **fields):
        """What the killed process has left: the file, which is that of another user's
        copy, and a record of these fields in a ledger that is there or not."""
        other = f"o-{self.user}"
        self.agent.messages[:] = [lost]
        client = self.connect(other)
        self.assertEqual(client.exists(), 1)
        self.logout(client)
        self.agent.wait_event("injected", instance=lost.instance)
        self.agent.messages.clear()
        self.agent.known[lost.guid] = lost.instance
        status = self.status()
        ledger = os.path.join(self.files(self.user), ledger_file.NAME)
        record = ledger_file.last(os.path.join(self.files(other), ledger_file.NAME))[
            lost.instance].prepared(**{"uid_validity": status["uidvalidity"],
                                       "uid": status["uidnext"], **fields})
        file = os.path.join(self.files(self.user), f"u.{status['uidnext']}")
        shutil.copy(os.path.join(self.files(other), "u.1"), file)
        if os.path.exists(ledger):
            ledger_file.append(ledger, record)
        else:
            ledger_file.write(ledger, [record])
        owner = os.stat(self.files(self.user))
        for made in file, ledger:
            os.chown(made, owner.st_uid, owner.st_gid)
        self.agent.events.clear()

    def save(self, subject):
        """As a delivery that is tried again: the first time Dovecot finds the file."""
        command = ["doveadm", "-c", self.dovecot.config, "save", "-u", self.user]
        first = subprocess.run(command, input=plain_message(subject), check=False,
                               stderr=subprocess.PIPE)
        self.assertNotEqual(first.returncode, 0)
        self.assertIn(REBUILDS, first.stderr)
        self.deliver(subject)

    def one_copy_of(self, *messages):
        client = self.connect()
        client.exists()
        there = self.guids(client)
        self.logout(client)
        return there if len(there & {m.guid for m in messages}) == 1 else None

    def test_a_reinjection_makes_dovecot_find_it(self):
        old = self.injected()
        lost = message(self, 2, subject="lost")
        client = self.connect()
        uids = client.guids() if client.exists() else {}
        self.logout(client)
        self.leave(lost, again=1, uid=uids[old.guid])
        new = self.offer(message(self, 3, subject="new"), old)
        client = self.connect()
        client.exists()
        self.agent.wait_event("uncertain", instance=lost.instance)
        self.agent.wait_event("refused", instance=new.instance, cause="failed")
        with contextlib.suppress(Exception):  # Dovecot may end this session
            client.noop()
        self.logout(client)
        there = wait_until(lambda: self.one_copy_of(old, lost, new), "one copy")
        self.assertIn(lost.guid, there)
        self.agent.wait_event("reinjected", instance=lost.instance)
        self.wait_log(REBUILDS.decode())

    def test_a_delivery_does_so_before_anybody_looks(self):
        self.deliver("friend")
        self.start_agent()
        lost = message(self, 2)
        self.leave(lost)
        self.save("later")
        self.assertEqual(self.count(), 3)
        client = self.connect()
        self.assertEqual(client.exists(), 3)
        self.agent.wait_event("injected", instance=lost.instance)
        self.logout(client)
        self.assertEqual(self.agent.kinds(), ["injected"])
        self.assertEqual(self.states(), {lost.instance: ledger_file.SAVED})

    def test_a_delivery_does_so_when_it_was_given_up(self):
        self.deliver("friend")
        self.start_agent()
        lost = message(self, 2)
        self.leave(lost)
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        self.agent.wait_event("uncertain", instance=lost.instance)
        self.logout(client)
        self.save("later")
        client = self.connect()
        self.assertEqual(client.exists(), 3)
        self.agent.wait_event("injected", instance=lost.instance)
        self.logout(client)
        self.assertEqual(self.agent.kinds(), ["uncertain", "injected"])
        self.assertEqual(self.states(), {lost.instance: ledger_file.SAVED})


if __name__ == "__main__":
    unittest.main()
