# SPDX-License-Identifier: Apache-2.0
"""Who moves a message while another process has the lock is the only one that knows
where it went, and tells of it as soon as it can."""
import threading
import unittest

import ledger_file
from fake_agent import ACK, OPEN_AGAIN, encode
from ledger_file import GONE, SAVED, TOLD_GONE
from plugin_case import message, plain_message, wait_until
from test_plugin_storage import Storage

EXPUNGED, MOVED, UNKNOWN = 1, 2, 5  # causes


class UntoldCase(Storage):
    def injected_here(self):
        """A client that has a message of ours selected."""
        self.start_agent(message(self))
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        self.agent.wait_event("injected")
        return client

    def connect_and_select(self):
        client = self.connect()
        client.exists()
        return client

    def read_and_expunge(self, client):
        client.fetch("1", "(BODY[])")
        # its flags do not say any more that it was read
        client.store("1", "+FLAGS", "\\Deleted")
        client.expunge()


class Untold(UntoldCase):
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

    def left_and_read(self):
        """A process was killed before it noted its message, and somebody who logs out
        while another has the lock has read it; that message."""
        first = self.injected()
        there = wait_until(self.acknowledged, "the session is over")
        ledger_file.write(self.path(), [there.prepared(uid=there.uid)])
        self.agent.events.clear()
        client = self.connect()
        with self.lock():
            self.assertEqual(client.exists(), 1)
            client.fetch("1", "(BODY[])")
            client.send(b"bye LOGOUT\r\n")
            while client.readline():  # to the end of the connection
                pass
        self.agent.wait_event("read", instance=first.instance)
        wait_until(self.acknowledged, "the session is over")
        return first

    def test_what_was_read_of_what_a_killed_process_has_left_is_told(self):
        first = self.left_and_read()
        self.logout(self.connect_and_select())
        self.agent.wait_event("injected")
        self.assertEqual(self.agent.kinds(), ["read", "injected"])
        self.assertEqual(self.states(), {first.instance: SAVED})

    def test_and_that_it_was_there_though_it_is_gone(self):
        first = self.left_and_read()
        self.dovecot.doveadm("expunge", "-u", self.user, "mailbox", "INBOX", "all")
        self.logout(self.connect_and_select())
        self.agent.wait_event("gone", cause="unknown", seen=1)
        self.assertEqual(self.agent.kinds(), ["read", "injected", "gone"])
        self.assertEqual(self.states(), {first.instance: GONE})

    def acknowledged(self):
        record = ledger_file.last(self.path())[self.agent.messages[0].instance]
        return record if record.acked == record.due else None

    def test_what_was_read_and_expunged_is_told_as_both(self):
        client = self.injected_here()
        with self.lock():
            self.read_and_expunge(client)
        self.agent.wait_event("gone", cause="expunged", seen=1)
        self.logout(client)
        self.assertEqual(self.agent.kinds(), ["injected", "read", "gone"])

    def test_though_the_mailbox_was_opened_anew_meanwhile(self):
        client = self.injected_here()
        with self.lock():
            self.read_and_expunge(client)
            self.assertEqual(client.exists(), 0)
        self.agent.wait_event("gone", cause="expunged", seen=1)
        self.logout(client)
        # that it was put in is told again, if the ledger does not say yet that it was
        self.assertEqual([k for k in self.agent.kinds() if k != "injected"],
                         ["read", "gone"])

    def test_what_was_read_is_told_though_it_is_to_be_looked_for(self):
        client = self.injected_here()
        with self.lock():
            client.fetch("1", "(BODY[])")
            client.store("1", "+FLAGS", "\\Deleted")
            client.append("INBOX", "($Inlay)", None, plain_message("a stranger's"))
            client.noop()
            self.agent.push(encode(OPEN_AGAIN))
        wait_until(lambda: client.noop() and "read" in self.agent.kinds(), "read")
        client.expunge()
        self.agent.wait_event("gone", cause="expunged", seen=1)
        self.logout(client)
        self.assertEqual(self.agent.kinds(), ["injected", "read", "gone"])


class Deadline(UntoldCase):
    """Who may not wait so long tells the agent, or if there is none waits all the same."""

    settings = {"inlay_deadline": 500}

    def test_who_cannot_wait_tells_the_agent(self):
        client = self.injected_here()
        with self.lock():
            self.read_and_expunge(client)
            client.logout()
            self.agent.wait_event("gone", cause="expunged", seen=1)
        self.assertEqual(self.agent.kinds(), ["injected", "read", "gone"])

    def test_who_has_no_agent_waits_for_the_lock(self):
        client = self.injected_here()
        first = self.agent.messages[0]
        self.agent.close()
        self.agent = None
        with self.lock():
            self.read_and_expunge(client)
            client.logout()
            threading.Event().wait(1)  # twice the deadline
        wait_until(lambda: self.states()[first.instance] == GONE, "a record")
        record = ledger_file.last(self.path())[first.instance]
        self.assertEqual((record.cause, record.seen), (EXPUNGED, 1))


if __name__ == "__main__":
    unittest.main()
