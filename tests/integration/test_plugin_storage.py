# SPDX-License-Identifier: Apache-2.0
"""When the ledger, its lock or the mailbox itself cannot be used: INBOX opens, nothing
is saved twice, and what was not possible is made up for later."""

import contextlib
import fcntl
import os
import re
import struct
import time
import unittest

import ledger_file
from fake_agent import WITHDRAW, encode
from ledger_file import PREPARED, SAVED, TOLD_GONE, VOID
from plugin_case import PluginCase, message, wait_until

F_OFD_SETLK, F_OFD_SETLKW = 37, 38  # fcntl(2); Python has no name for them


class Storage(PluginCase):
    """What the classes below share."""

    mail = "sdbox"
    folder = "sdbox/mailboxes/INBOX/dbox-Mails"  # of ledger and lock
    server = {"namespaces": "namespace inbox {\n  inbox = yes\n"
              "  mailbox Other {\n    auto = create\n  }\n}"}

    def path(self, name="dovecot-inlay"):
        return os.path.join(self.dovecot.home(self.user), self.folder, name)

    def injected(self):
        """After a session in which the message was put in."""
        self.start_agent(message(self))
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        self.agent.wait_event("injected")
        self.logout(client)
        return self.agent.messages[0]

    def withdrawal(self, guid, lazy=0, **more):
        return encode(WITHDRAW, guid=guid, cause=1, lazy=lazy, **more)

    def lock(self):
        """What another process holds as long as the file is open."""
        f = open(self.path(), "r+b")
        self.addCleanup(f.close)
        # waits: the session notes in the ledger what was acknowledged just now
        fcntl.fcntl(f, F_OFD_SETLKW, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
        return f

    def logged(self, text):
        wait_until(lambda: text in self.log(), f"{text!r} in the log")


class Ledger(Storage):
    def test_a_lost_ledger_is_written_anew_from_what_the_middleware_knows(self):
        first = self.injected()
        os.unlink(self.path())
        self.agent.repeat = True
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        self.assertEqual(list(client.guids()), [first.guid])
        self.logout(client)
        self.assertEqual(self.states(), {first.instance: SAVED})

    def test_what_neither_ledger_nor_middleware_knows_is_not_saved_twice(self):
        first = self.injected()
        os.unlink(self.path())
        self.agent.repeat, self.agent.known = True, {}
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        self.agent.wait_event("injected", 2)
        self.logout(client)
        self.assertEqual(self.states(), {first.instance: SAVED})
        self.assertEqual(self.count(), 1)

    def test_a_withdrawal_needs_no_ledger(self):
        first = self.injected()
        os.unlink(self.path())
        self.agent.withdraw = [first.guid]
        client = self.connect()
        self.assertEqual(client.exists(), 0)
        self.agent.wait_event("gone", cause="withdrawn", instance=first.instance)

    def test_a_file_that_is_too_long_for_a_ledger_is_left_alone(self):
        first = self.injected()
        os.truncate(self.path(), 0x40000 + 64)
        self.agent.add(message(self, 2))
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        self.logged("262208 bytes long: not a ledger")
        self.logout(client)
        self.assertEqual(os.path.getsize(self.path()), 0x40000 + 64)
        os.truncate(self.path(), 128)
        client = self.connect()
        self.assertEqual(client.exists(), 2)
        self.assertIn(first.guid, client.guids())

    def test_a_damaged_record_is_said_and_costs_nothing_but_itself(self):
        first = self.injected()
        ledger_file.damage(self.path(), *range(len(ledger_file.read(self.path()))))
        self.agent.repeat = True
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        said = r"dovecot-inlay: \d damaged records are left out"
        wait_until(lambda: re.search(said, self.log()), "the damage in the log")
        self.logout(client)
        self.assertEqual(self.states()[first.instance], SAVED)

    def test_of_a_damaged_ledger_one_session_speaks_and_mends_it(self):
        first = self.injected()
        second = self.agent.add(message(self, 2))
        client = self.connect()
        self.assertEqual(client.exists(), 2)
        self.agent.wait_event("injected", instance=second.instance)
        self.logout(client)
        ledger_file.damage(self.path(), 0)
        for _ in range(3):
            client = self.connect()
            self.assertEqual(client.exists(), 2)
            self.logout(client)
        said = "dovecot-inlay: 1 damaged records are left out"
        self.logged(said)
        wait_until(lambda: self.log().count("Disconnected: Logged out") == 5,
                   "the end of the last session")
        self.assertEqual(self.log().count(said), 1)
        self.assertEqual(self.states(), {first.instance: SAVED,
                                         second.instance: SAVED})

    def test_a_message_whose_record_is_not_durable_is_not_saved(self):
        # it can be written to, but there is no disk that it could be on
        self.start_agent(message(self))
        self.deliver("friend")
        os.makedirs(os.path.dirname(self.path()), exist_ok=True)
        os.symlink("/dev/null", self.path())
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        self.agent.wait_event("refused", cause="failed")
        self.logout(client)
        self.logged("fdatasync(")
        self.assertEqual(self.count(), 1)
        os.unlink(self.path())
        client = self.connect()
        self.assertEqual(client.exists(), 2)
        self.agent.wait_event("injected")

    def test_what_another_process_has_begun_is_not_saved_beside_it(self):
        first = self.injected()
        second = self.agent.add(message(self, 2))
        held = self.hold_answers()
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        ledger_file.append(self.path(), ledger_file.read(self.path())[0].prepared(
            instance=second.instance, guid=second.guid))
        # the withdrawal is carried out at once, the message is for the next command
        self.agent.push(held[0] + self.withdrawal(first.guid))
        self.agent.wait_event("gone", cause="withdrawn")
        self.assertEqual(client.exists(), 0)
        self.logout(client)
        self.answer_again()
        self.assertEqual(self.states()[second.instance], PREPARED)
        client = self.connect()
        self.assertEqual(client.exists(), 0)
        self.agent.wait_event("uncertain", instance=second.instance)
        self.assertEqual(self.agent.kinds().count("injected"), 1)


class Lock(Storage):
    def test_while_another_holds_the_lock_nothing_is_done_and_nobody_waits(self):
        self.injected()
        second = self.agent.add(message(self, 2))
        with open(self.path(), "r+b") as f:
            fcntl.fcntl(f, F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
            client = self.connect()
            self.assertEqual(client.exists(), 1)
            client.fetch("1", "(BODY[])")
            client.noop()
            self.assertNotIn("read", self.agent.kinds())
            self.assertNotIn(second.instance, self.states())
        wait_until(lambda: client.noop() and "read" in self.agent.kinds(), "read")
        self.assertEqual(client.exists(), 2)
        self.agent.wait_event("injected", instance=second.instance)

    def test_a_ledger_that_cannot_be_locked_is_said(self):
        self.injected()
        self.agent.add(message(self, 2))
        os.rename(self.path(), self.path("aside"))
        os.mkdir(self.path())
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        self.logged("dovecot-inlay) failed: Is a directory")
        client.fetch("1", "(BODY[])")
        client.noop()
        self.logout(client)
        os.rmdir(self.path())
        os.rename(self.path("aside"), self.path())
        client = self.connect()
        self.assertEqual(client.exists(), 2)
        self.agent.wait_event("read")


class Withdrawals(Storage):
    def test_what_was_read_elsewhere_is_told_before_it_goes(self):
        first = self.injected()
        client = self.connect()
        client.select("Other")
        self.agent.wait(lambda a: len(a.hellos) == 2, "the second session")
        self.dovecot.doveadm("flags", "add", "-u", self.user, "\\Seen",
                             "mailbox", "INBOX", "all")
        self.agent.push(self.withdrawal(first.guid, seen=1))
        self.agent.wait_event("gone", cause="withdrawn", seen=1)
        self.assertEqual(self.agent.kinds(), ["injected", "read", "gone"])
        self.assertEqual(self.count(), 0)

    def test_what_is_gone_already_is_told_as_gone_for_another_reason(self):
        first = self.injected()
        client = self.connect()
        client.select("Other")
        self.agent.wait(lambda a: len(a.hellos) == 2, "the second session")
        self.dovecot.doveadm("expunge", "-u", self.user, "mailbox", "INBOX", "all")
        self.agent.push(self.withdrawal(first.guid))
        self.agent.wait_event("gone", cause="unknown", seen=0)
        wait_until(lambda: ledger_file.last(self.path())[first.instance].acked &
                   TOLD_GONE, "the acknowledgement in the ledger")
        # asked for again, it is told again, also what was acknowledged
        self.agent.push(self.withdrawal(first.guid))
        self.agent.wait_event("gone", 2, cause="unknown", seen=0)

    def test_with_another_folder_selected_a_message_waits_for_its_turn(self):
        first = self.injected()
        second = self.agent.add(message(self, 2))
        held = self.hold_answers()
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        client.select("Other")
        self.agent.push(held[0] + self.withdrawal(first.guid))
        self.agent.wait_event("gone", cause="withdrawn")
        self.assertEqual(self.count(), 0)
        self.assertEqual(client.exists(), 1)
        self.assertEqual(list(client.guids()), [second.guid])
        self.agent.wait_event("injected", instance=second.instance)


class Mailbox(Storage):
    """Folders of a Maildir into which nothing can be written, for a while."""

    mail = "maildir"
    folder = "Maildir"

    @contextlib.contextmanager
    def closed(self, *names, mode=0o500):
        for name in names:
            os.chmod(self.path(name), mode)
        try:
            yield
        finally:
            for name in names:
                os.chmod(self.path(name), 0o700)

    def test_a_message_that_cannot_be_saved_is_refused_and_saved_later(self):
        self.injected()
        second = self.agent.add(message(self, 2))
        with self.closed("tmp"):
            client = self.connect()
            self.assertEqual(client.exists(), 1)
            self.agent.wait_event("refused", instance=second.instance, cause="failed")
            self.wait_log("a message cannot be saved: ")
            self.assertEqual(self.states()[second.instance], VOID)
            self.logout(client)
        client = self.connect()
        self.assertEqual(client.exists(), 2)
        self.agent.wait_event("injected", instance=second.instance)

    def test_what_came_in_time_may_be_late_once_it_is_its_turn(self):
        self.start_agent()
        two = [self.agent.add(message(self, n, valid_for=4)) for n in range(2)]
        held = self.hold_answers()
        client = self.connect()
        self.assertEqual(client.exists(), 0)
        end = time.monotonic() + 4.1  # the time runs from the question on
        client.idle()
        # the first one waits for who is at the list of UIDs
        with open(self.path("dovecot-uidlist.lock"), "x", encoding="ascii") as lock:
            self.agent.push(held[0])
            wait_until(lambda: time.monotonic() > end, "the end of its time")
            os.unlink(lock.name)
        self.agent.wait_event("injected", instance=two[0].instance)
        self.agent.wait_event("refused", instance=two[1].instance, cause="late")
        client.idle_done()
        self.assertEqual(self.count(), 1)

    def test_a_mailbox_that_cannot_be_read_is_said_and_read_later(self):
        first = self.injected()
        client = self.connect()
        client.select("Other")
        self.agent.wait(lambda a: len(a.hellos) == 2, "the second session")
        with self.closed("new", "cur", mode=0):
            self.agent.push(self.withdrawal(first.guid))
            self.logged("INBOX cannot be synchronised: ")
        self.agent.push(self.withdrawal(first.guid))
        self.agent.wait_event("gone", cause="withdrawn")
        self.assertEqual(self.count(), 0)


if __name__ == "__main__":
    unittest.main()
