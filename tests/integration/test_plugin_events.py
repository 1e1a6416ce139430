# SPDX-License-Identifier: Apache-2.0
"""What becomes of a message is told once: read, gone, moved, withdrawn."""

import itertools
import os
import unittest

import ledger_file
from fake_agent import OPEN_AGAIN, WITHDRAW, encode
from ledger_file import GONE, SAVED
from plugin_case import DEADLINE, PluginCase, message, wait_until


WITHDRAWN = 3  # as the ledger has it


class Events(PluginCase):
    mail = "maildir"
    kills = 4  # each leaves a dotlock behind, over which Dovecot waits for seconds
    # ... and minutes, if the dotlock is made before the pid is written into it
    server = {"extra": "dotlock_use_excl = no\n", "namespaces": "namespace inbox {\n  inbox = yes\n"
              "  mailbox Trash {\n    auto = create\n  }\n"
              "  mailbox Other {\n    auto = create\n  }\n}"}

    def injected(self):
        """A client that has the message selected."""
        self.start_agent(message(self))
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        self.agent.wait_event("injected")
        return client

    def told(self, *kinds):
        """Exactly these, after the session that told them has ended."""
        for kind in kinds:
            self.agent.wait_event(kind)
        for client in list(self.clients):
            self.logout(client)
        again = self.connect()
        again.exists()
        again.noop()
        self.logout(again)
        self.assertEqual(self.agent.kinds(), list(kinds))

    def test_reading_is_told_once(self):
        client = self.injected()
        client.fetch("1", "(BODY[])")
        client.noop()
        client.fetch("1", "(BODY[])")
        client.store("1", "-FLAGS", "\\Seen")
        client.store("1", "+FLAGS", "\\Seen")
        self.told("injected", "read")

    def test_an_expunge_after_reading_is_gone_and_seen(self):
        client = self.injected()
        client.fetch("1", "(BODY[])")
        client.store("1", "+FLAGS", "\\Deleted")
        client.expunge()
        event = self.agent.wait_event("gone", cause="expunged")
        self.assertEqual(event["seen"], 1)
        self.told("injected", "read", "gone")

    def test_an_expunge_unread_is_gone_and_not_seen(self):
        client = self.injected()
        client.store("1", "+FLAGS", "\\Deleted")
        client.expunge()
        event = self.agent.wait_event("gone", cause="expunged")
        self.assertEqual(event["seen"], 0)
        self.told("injected", "gone")

    def test_seen_and_deleted_at_once_is_not_read(self):
        client = self.injected()
        client.store("1", "+FLAGS", "(\\Seen \\Deleted)")
        client.expunge()
        self.assertEqual(self.agent.wait_event("gone")["seen"], 0)
        self.told("injected", "gone")

    def test_move_is_moved(self):
        client = self.injected()
        client.xatom("MOVE", "1", "Trash")
        self.agent.wait_event("gone", cause="moved")
        self.told("injected", "gone")
        self.assertEqual(self.count("Trash"), 1)

    def test_copy_and_expunge_is_moved(self):
        client = self.injected()
        client.copy("1", "Other")
        client.store("1", "+FLAGS", "\\Deleted")
        client.expunge()
        self.agent.wait_event("gone", cause="moved")
        self.told("injected", "gone")

    def test_close_is_an_expunge(self):
        client = self.injected()
        client.store("1", "+FLAGS", "\\Deleted")
        client.close()
        self.agent.wait_event("gone", cause="expunged")
        self.told("injected", "gone")

    def test_what_another_program_did_is_seen_in_the_session(self):
        client = self.injected()
        self.dovecot.doveadm("flags", "add", "-u", self.user, "\\Seen",
                             "mailbox", "INBOX", "all")
        client.noop()
        self.agent.wait_event("read")
        self.dovecot.doveadm("expunge", "-u", self.user, "mailbox", "INBOX", "all")
        client.noop()
        self.agent.wait_event("gone", cause="unknown", seen=1)
        self.told("injected", "read", "gone")

    def test_what_happened_between_sessions_is_told_at_the_next(self):
        client = self.injected()
        self.logout(client)
        self.agent.open = False
        self.dovecot.doveadm("flags", "add", "-u", self.user, "\\Seen",
                             "mailbox", "INBOX", "all")
        client = self.connect()
        client.exists()
        self.agent.wait_event("read")
        self.logout(client)
        self.dovecot.doveadm("expunge", "-u", self.user, "mailbox", "INBOX", "all")
        client = self.connect()
        client.exists()
        self.agent.wait_event("gone", cause="unknown", seen=1)
        self.told("injected", "read", "gone")

    def test_unacknowledged_events_are_told_again_by_the_next_session(self):
        self.start_agent(message(self))
        self.agent.acking = False
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        client.fetch("1", "(BODY[])")
        self.agent.wait_event("read")
        self.logout(client)
        self.agent.acking = True
        client = self.connect()
        client.exists()
        self.agent.wait_event("injected", 2)
        self.agent.wait_event("read", 2)
        self.logout(client)
        client = self.connect()
        client.exists()
        client.noop()
        self.logout(client)
        self.assertEqual(sorted(self.agent.kinds()),
                         ["injected", "injected", "read", "read"])

    def test_two_sessions_that_both_see_it_tell_it_once(self):
        client = self.injected()
        other = self.connect()
        self.assertEqual(other.exists(), 1)
        client.fetch("1", "(BODY[])")
        self.agent.wait_event("read")
        other.noop()
        client.store("1", "+FLAGS", "\\Deleted")
        client.expunge()
        self.agent.wait_event("gone")
        other.noop()
        self.told("injected", "read", "gone")

    # withdrawals

    def test_a_withdrawal_is_carried_out_at_the_next_opening(self):
        client = self.injected()
        self.logout(client)
        self.deliver("friend")
        self.agent.withdraw = [self.agent.messages[0].guid]
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        self.assertNotIn(self.agent.messages[0].guid, client.guids())
        self.assertEqual(self.agent.wait_event("gone", cause="withdrawn")["seen"], 0)
        self.agent.withdraw = []
        self.told("injected", "gone")

    def test_killed_when_it_is_withdrawn_and_not_noted_it_is_known_why_it_went(self):
        client = self.injected()
        self.logout(client)
        self.agent.withdraw = [self.agent.messages[0].guid]
        client = self.connect()
        self.assertEqual(client.exists(), 0)
        self.agent.wait_event("gone", cause="withdrawn")
        self.logout(client)
        # what it wrote before the message went is what a kill would have left
        before = list(itertools.takewhile(lambda r: r.state != GONE,
                                          ledger_file.read(self.ledger())))
        self.assertEqual(before[-1].state, SAVED)
        ledger_file.write(self.ledger(), before)
        self.agent.withdraw = []
        told = len(self.agent.events)
        client = self.connect()
        self.assertEqual(client.exists(), 0)
        self.agent.wait(lambda a: len(a.events) > told, "the event")
        self.logout(client)
        self.assertEqual({e["cause"] for e in self.agent.events[told:]
                          if e["type"] == "gone"}, {"withdrawn"})

    def test_what_was_about_to_go_and_stays_is_the_users_again(self):
        client = self.injected()
        client.fetch("1", "(BODY[])")
        self.agent.wait_event("read")
        self.logout(client)
        # as one would leave it that was killed before the message went
        instance = self.agent.messages[0].instance
        record = ledger_file.last(self.ledger())[instance]
        self.assertEqual((record.state, record.cause), (SAVED, 0))
        ledger_file.append(self.ledger(), record.changed(cause=WITHDRAWN))
        self.agent.withdraw = [self.agent.messages[0].guid]
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        self.logout(client)
        record = ledger_file.last(self.ledger())[instance]
        self.assertEqual((record.state, record.cause), (SAVED, 0))
        self.told("injected", "read")

    def test_a_pushed_withdrawal_reaches_an_idling_client(self):
        client = self.injected()
        client.idle()
        self.agent.push(encode(WITHDRAW, guid=self.agent.messages[0].guid, cause=1,
                               lazy=1))
        client.idle_until(b"* 1 EXPUNGE")
        client.idle_done()
        self.agent.wait_event("gone", cause="withdrawn")
        self.told("injected", "gone")

    def test_a_withdrawal_of_a_strangers_message_does_nothing(self):
        client = self.injected()
        self.deliver("friend")
        client.noop()
        friend, = set(client.guids()) - {self.agent.messages[0].guid}
        # Maildir's own GUIDs are no 32 digits: no frame can even name them
        self.assertNotRegex(friend, "^[0-9a-f]{32}$")
        self.agent.push(encode(WITHDRAW, guid="f" * 32, cause=1, lazy=0))
        client.noop()
        self.logout(client)
        self.assertEqual(self.count(), 2)

    def test_a_pushed_withdrawal_is_carried_out_with_another_folder_selected(self):
        client = self.injected()
        self.logout(client)
        client = self.connect()
        client.exists("Other")
        self.agent.wait(lambda a: len(a.hellos) == 2, "the second session")
        self.agent.push(encode(WITHDRAW, guid=self.agent.messages[0].guid, cause=1,
                               lazy=1))
        self.agent.wait_event("gone", cause="withdrawn")
        self.assertEqual(self.count(), 0)

    def test_an_idling_client_gets_what_open_again_announces(self):
        self.start_agent()
        client = self.connect()
        self.assertEqual(client.exists(), 0)
        client.idle()
        self.agent.add(message(self))
        self.agent.push(encode(OPEN_AGAIN))
        client.idle_until(b"* 1 EXISTS")
        client.idle_done()
        self.agent.wait_event("injected")

    def test_what_one_session_saves_another_does_not_forget(self):
        first = message(self, 1)
        self.start_agent(first)
        one = self.connect()
        self.assertEqual(one.exists(), 1)
        self.agent.wait_event("injected")
        second = self.agent.add(message(self, 2))
        two = self.connect()
        self.assertEqual(two.exists(), 2)
        self.agent.wait_event("injected", 2)
        self.agent.push(encode(WITHDRAW, guid=first.guid, cause=1, lazy=1))
        self.agent.wait_event("gone", cause="withdrawn")
        three = self.connect()
        self.assertEqual(three.exists(), 1)
        self.agent.wait(lambda a: a.opens[-1]["present"] and
                        [p["guid"] for p in a.opens[-1]["present"]] == [second.guid],
                        "an OPEN with the second message only")

    # late and invalid answers

    def test_an_answer_that_comes_late_is_used_at_the_next_noop(self):
        self.start_agent(message(self))
        held = self.hold_answers()
        client = self.connect()
        self.assertEqual(client.exists(), 0)
        self.agent.push(held[0])
        wait_until(lambda: client.noop() and self.agent.kinds() == ["injected"],
                   "the late message")
        self.assertEqual(client.exists(), 1)

    def test_an_answer_that_is_no_longer_valid_is_refused(self):
        self.start_agent(message(self, valid_for=0))
        held = self.hold_answers()
        client = self.connect()
        self.assertEqual(client.exists(), 0)
        self.agent.push(held[0])
        wait_until(lambda: client.noop() and self.agent.kinds() == ["refused"],
                   "the refusal")
        self.agent.wait_event("refused", cause="late")
        self.assertEqual(client.exists(), 0)

    # crashes

    folder = "Maildir"

    def place_of_ledger(self):
        return os.path.join(self.dovecot.home(self.user), self.folder, ledger_file.NAME)

    def forget_the_commit(self):
        """A ledger as a process killed before or after the commit leaves it."""
        first = ledger_file.read(self.ledger())[0]
        self.assertTrue(first.is_whole)
        self.assertEqual(first.state, ledger_file.PREPARED)
        ledger_file.write(self.ledger(), [first])
        self.agent.events.clear()

    def test_killed_after_the_commit_it_is_found_and_told_as_injected(self):
        client = self.injected()
        self.logout(client)
        self.forget_the_commit()

        def found():
            client = self.connect()
            self.assertEqual(client.exists(), 1)
            self.logout(client)
            return "injected" in self.agent.kinds()
        wait_until(found, "a session that finds it")  # not one that waits in vain
        self.told("injected")

    def test_killed_before_the_commit_it_is_uncertain_and_never_saved(self):
        client = self.injected()
        self.logout(client)
        self.dovecot.doveadm("expunge", "-u", self.user, "mailbox", "INBOX", "all")
        self.forget_the_commit()
        client = self.connect()
        self.assertEqual(client.exists(), 0)
        self.agent.wait_event("uncertain")
        self.logout(client)
        self.assertEqual(set(self.agent.kinds()), {"uncertain"})

    def test_a_torn_record_at_the_end_is_written_over(self):
        client = self.injected()
        self.logout(client)
        whole = len(ledger_file.read(self.ledger()))
        with open(self.ledger(), "r+b") as f:
            f.seek(whole * ledger_file.SIZE)
            f.write(b"INL1 half of a rec")
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        client.fetch("1", "(BODY[])")
        self.agent.wait_event("read")
        self.logout(client)
        with open(self.ledger(), "rb") as f:
            self.assertNotIn(b"half", f.read())
        self.told("injected", "read")

    def test_without_a_readable_ledger_nothing_is_saved(self):
        self.start_agent(message(self))
        client = self.connect()
        folder = os.path.dirname(self.place_of_ledger())
        os.makedirs(folder, exist_ok=True)
        if os.geteuid() == 0:
            for made in (folder, self.dovecot.home(self.user)):
                os.chown(made, 8, 8)
        os.mkdir(self.place_of_ledger())
        self.assertEqual(client.exists(), 0)
        self.wait_log("inlay")

    def test_kill_9_of_imap_at_any_moment_never_gives_two_copies(self):
        self.deliver("friend")
        self.start_agent(message(self))
        self.agent.repeat = True
        for round_number in range(self.kills):
            self.killed_in_select(0.008 * round_number / self.kills)
        client = self.connect()
        self.assertIn(client.exists(), (1, 2))
        self.assertIn(self.count(), (1, 2))
        kinds = set(self.agent.kinds())
        self.assertTrue(kinds <= {"injected", "uncertain"}, kinds)
        # killed by us, not by itself
        self.log_start = len(self.dovecot.log())


class SdboxEvents(Events):
    mail = "sdbox"
    kills = 20
    folder = "sdbox/mailboxes/INBOX/dbox-Mails"

    def test_a_withdrawal_of_a_strangers_message_does_nothing(self):
        client = self.injected()
        self.deliver("friend")
        client.noop()
        friend, = set(client.guids()) - {self.agent.messages[0].guid}
        self.agent.push(encode(WITHDRAW, guid=friend, cause=1, lazy=0))
        client.noop()
        self.logout(client)
        self.assertEqual(self.count(), 2)

    def test_without_a_readable_ledger_nothing_is_saved(self):
        self.deliver("friend")
        self.start_agent(message(self))
        client = self.connect()
        place = self.place_of_ledger()
        wait_until(lambda: os.path.exists(place), "the ledger of the login")
        os.unlink(place)
        os.mkdir(place)
        self.assertEqual(client.exists(), 1)
        self.wait_log("inlay")


class LogoutWait(PluginCase):
    def test_logout_waits_no_longer_than_the_deadline(self):
        import time
        self.start_agent(message(self))
        self.agent.acking = False
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        start = time.monotonic()
        self.logout(client)
        self.assertLess(time.monotonic() - start, DEADLINE + 2)


if __name__ == "__main__":
    unittest.main()
