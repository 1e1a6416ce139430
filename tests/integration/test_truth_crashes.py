# SPDX-License-Identifier: Apache-2.0
"""A process dies, or stands still, in the middle of a save: whatever was told by then, the
message is there once and counted once."""
import os
import signal
import unittest

from chain_case import wait_until
from truth_case import TruthCase


class Crashes:
    """Run for each format."""

    def finished_without_agent(self):
        """The save ends after the agent has died, so nobody hears of it; the client and
        its process."""
        client, pid = self.stopped_in_a_save()
        self.chain.agent.kill()
        os.kill(pid, signal.SIGCONT)
        self.assertEqual(self.finish_select(client), 2)
        return client, pid

    def killed_by_us(self):
        self.log_start = len(self.dovecot.log())

    def test_a_confirmation_lost_by_a_crash_is_made_up_for(self):
        client, pid = self.finished_without_agent()
        self.kill(client, pid)
        self.chain.start_agent()
        self.assertEqual(len(self.look()), 2)
        self.assert_counted(injected=self.quick + 1)
        self.assertEqual(len(self.look()), 2)
        self.assert_counted(injected=self.quick + 1)
        self.killed_by_us()

    def test_and_without_ledger_by_what_the_mailbox_shows(self):
        client, pid = self.finished_without_agent()
        self.kill(client, pid)
        self.chain.start_agent()
        self.lose("^dovecot-inlay$")
        for _ in range(2):
            self.assertEqual(len(self.look()), 2)
            self.assert_counted(injected=self.quick + 1)
        self.killed_by_us()

    def test_killed_in_the_middle_of_a_save_there_is_one(self):
        client, pid = self.stopped_in_a_save()
        self.kill(client, pid)
        # what nothing shows to have happened is given up, and another one is given
        for _ in range(3):
            self.assertEqual(len(self.look()), 2)
            self.assert_counted(but="uncertain", injected=self.quick + 1)
        self.killed_by_us()

    def test_expunged_before_its_confirmation_arrived(self):
        client, _ = self.finished_without_agent()
        client.select()
        client.store("2", "+FLAGS", "\\Deleted")
        client.expunge()
        self.end(client)
        self.chain.start_agent()
        for _ in range(2):
            self.assertEqual(len(self.look()), 1)
            self.assert_counted(injected=self.quick + 1, expungedUnread=1)

    def test_expunged_while_the_middleware_stands_still(self):
        client, pid = self.stopped_in_a_save()
        self.mimd.daemon.signal(signal.SIGSTOP)
        try:
            os.kill(pid, signal.SIGCONT)
            self.assertEqual(self.finish_select(client), 2)
            client.exists()
            client.fetch("2", "(BODY[])")
            self.expunge("2", client)
        finally:
            self.mimd.daemon.signal(signal.SIGCONT)
        for _ in range(2):
            self.assert_counted(injected=self.quick + 1, read=1, expungedRead=1)
            self.assertEqual(len(self.look()), 1)


class Maildir(Crashes, TruthCase):
    mail = "maildir"


class Sdbox(Crashes, TruthCase):
    mail = "sdbox"


class Mdbox(Crashes, TruthCase):
    mail = "mdbox"


class Lapse(TruthCase):
    mail = "sdbox"

    def is_good_moment(self, pid):
        """Before the commit; and Dovecot's own lock would hold up the other session for
        two minutes (proc(5); ours is of an open file, and names no process)."""
        with open("/proc/locks", encoding="ascii") as f:
            locked = [line.split()[4] for line in f if "->" not in line]
        return str(pid) not in locked and self.count() == 1

    def test_an_assignment_that_lapsed_while_its_copy_was_being_saved(self):
        client, pid = self.stopped_in_a_save()
        self.assertEqual(self.why()["outcome"], "stopped")
        wait_until(lambda: self.why()["outcome"] == "would inject", "the lapse", 90)
        # another session may have it now, but for the lock
        self.assertEqual(len(self.look()), 1)
        os.kill(pid, signal.SIGCONT)
        self.assertEqual(self.finish_select(client), 2)
        self.end(client)
        for _ in range(2):
            self.assertEqual(len(self.look()), 2)
            self.assert_counted(injected=self.quick + 1)
        self.assertEqual(self.why()["gate"], "repeat")


if __name__ == "__main__":
    unittest.main()
