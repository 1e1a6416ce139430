# SPDX-License-Identifier: Apache-2.0
"""Who moves a message while another process has the lock is the only one that knows
where it went, and tells of it as soon as it can."""
import unittest

import ledger_file
from fake_agent import ACK, OPEN_AGAIN, encode
from ledger_file import GONE, TOLD_GONE
from plugin_case import message, wait_until
from test_plugin_storage import Storage

MOVED, UNKNOWN = 2, 5  # causes


class Untold(Storage):
    def injected_here(self):
        """A client that has a message of ours selected."""
        self.start_agent(message(self))
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        self.agent.wait_event("injected")
        return client

    def test_a_client_that_says_nothing_more_need_not_do_so(self):
        client = self.injected_here()
        with self.lock():
            client.xatom("MOVE", "1", "Other")
        self.agent.wait_event("gone", cause="moved")
        self.logout(client)
        self.assertEqual(self.agent.kinds(), ["injected", "gone"])

    def test_a_logout_waits_for_the_lock(self):
        client = self.injected_here()
        with self.lock():
            client.xatom("MOVE", "1", "Other")
            client.send(b"bye LOGOUT\r\n")
            # the connection is closed before the session lets go of the mailbox
            while client.readline():
                pass
        self.agent.wait_event("gone", cause="moved")
        self.assertEqual(self.agent.kinds(), ["injected", "gone"])

    def test_what_another_session_told_meanwhile_is_corrected(self):
        client = self.injected_here()
        first = self.agent.messages[0]
        self.agent.add(message(self, 2))
        self.agent.push(encode(OPEN_AGAIN))
        with self.lock():
            client.xatom("MOVE", "1", "Other")
            there = ledger_file.last(self.path())[first.instance]
            ledger_file.append(self.path(), there.changed(
                state=GONE, cause=UNKNOWN, due=there.due | TOLD_GONE))
            wait_until(lambda: client.noop() and len(self.agent.opens) == 2, "an OPEN")
        # putting the second message in begins with a look into the ledger
        wait_until(lambda: client.noop() and self.agent.kinds().count("injected") == 2,
                   "the second message")
        self.agent.wait_event("gone", cause="moved")

    def test_a_word_for_what_another_session_told_does_not_stand_for_the_correction(self):
        client = self.injected_here()
        first = self.agent.messages[0]
        self.agent.acking = False
        self.dovecot.doveadm("expunge", "-u", self.user, "mailbox", "INBOX", "all")
        client.noop()
        told = self.agent.wait_event("gone", cause="unknown")
        # a session without an agent knows why
        there = ledger_file.last(self.path())[first.instance]
        ledger_file.append(self.path(), there.changed(
            cause=MOVED, acked=there.acked & ~TOLD_GONE))
        self.agent.acking = True
        self.agent.push(encode(ACK, number=told["number"]))
        self.logout(client)
        self.logout(self.connect_and_select())
        self.agent.wait_event("gone", cause="moved")

    def connect_and_select(self):
        client = self.connect()
        client.exists()
        return client


if __name__ == "__main__":
    unittest.main()
