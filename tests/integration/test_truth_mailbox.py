# SPDX-License-Identifier: Apache-2.0
"""What happens to a mailbox behind everybody's back: restored, lost, made anew, changed by
others. There is never a second copy, and never a false count."""
import os
import re
import shutil
import unittest

import ledger_file
from truth_case import TruthCase


class Mailbox:
    """Run for each format."""

    def injected(self, *friends):
        """A mailbox with a friend's message and ours, as number 2; ours has that GUID."""
        self.deliver("friend", *friends)
        self.put_user()
        self.publish()
        found = self.look()
        self.assertEqual(len(found), 2 + len(friends))
        self.assert_counted(injected=1)
        return max(found, key=found.get)

    def always(self, messages, guid=None, **counts):
        """Whenever one looks: so many messages, ours among them or not, so counted."""
        for _ in range(2):
            found = self.look()
            self.assertEqual(len(found), messages)
            self.assertEqual(guid in found, guid is not None)
            self.assert_counted(**counts)

    def resync(self):
        self.settle()
        self.doveadm("force-resync", "INBOX")

    def recall_all(self):
        self.need(200, "POST", f"/campaigns/{self.campaign}/pause")
        self.need(200, "POST", f"/campaigns/{self.campaign}/recall", {"scope": "all"})

    # backups

    def restored_to_before(self, **how):
        """Ours was put in; then a backup is restored that was made before."""
        self.deliver("friend")
        self.assertEqual(len(self.look()), 1)
        backup = self.back_up()
        self.put_user()
        self.publish()
        self.assertEqual(len(self.look()), 2)
        self.assertEqual(len(self.look()), 2)
        self.assert_counted(injected=1)
        self.restore(backup, **how)

    def test_restored_from_an_older_backup_it_is_not_put_in_again(self):
        self.restored_to_before()
        self.always(1, injected=1)
        # another message has its UID now, and is read
        self.deliver("later")
        self.doveadm("flags add", "\\Seen", "mailbox", "INBOX", "all")
        self.always(2, injected=1)

    def test_and_what_has_its_uid_is_not_taken_for_it_by_a_newer_ledger(self):
        self.restored_to_before(keep_ledger=True)
        self.deliver("later")
        self.doveadm("flags add", "\\Seen", "mailbox", "INBOX", "all")
        self.always(2, injected=1)
        self.expunge("1:*")
        self.always(0, injected=1)

    def test_restored_from_a_backup_in_which_it_is_unread_it_is_read_once(self):
        guid = self.injected()
        backup = self.back_up()
        self.read_ours()
        self.assert_counted(injected=1, read=1)
        self.restore(backup)
        self.always(2, guid, injected=1, read=1)
        self.read_ours()
        self.always(2, guid, injected=1, read=1)

    def test_restored_from_a_newer_backup_it_is_counted_no_second_time(self):
        guid = self.injected()
        backup = self.back_up()
        self.expunge("2")
        self.always(1, injected=1, expungedUnread=1)
        self.restore(backup)
        self.always(2, guid, injected=1, expungedUnread=1)
        self.expunge("2")
        self.always(1, injected=1, expungedUnread=1)

    def test_and_so_with_the_ledger_that_knows_that_it_was_expunged(self):
        guid = self.injected()
        backup = self.back_up()
        self.expunge("2")
        self.assert_counted(injected=1, expungedUnread=1)
        self.restore(backup, keep_ledger=True)
        self.always(2, guid, injected=1, expungedUnread=1)
        self.read_ours()
        self.always(2, guid, injected=1, expungedUnread=1)
        self.expunge("2")
        self.always(1, injected=1, expungedUnread=1)

    def read_ours(self):
        client = self.connect()
        client.exists()
        client.fetch("2", "(BODY[])")
        self.end(client)

    # lost files

    def test_force_resync_changes_nothing(self):
        guid = self.injected()
        self.resync()
        self.always(2, guid, injected=1)
        self.read_ours()
        self.resync()
        self.always(2, guid, injected=1, read=1)
        self.expunge("2")
        self.resync()
        self.always(1, injected=1, read=1, expungedRead=1)

    def test_without_index_files_it_is_read_once_and_taken_back(self):
        guid = self.injected()
        self.read_ours()
        self.assert_counted(injected=1, read=1)
        self.lose(r"\.index")
        self.look()
        self.resync()  # dbox shows an empty mailbox until then
        self.always(2, guid, injected=1, read=1)
        self.read_ours()
        self.always(2, guid, injected=1, read=1)
        self.recall_all()
        self.always(1, injected=1, read=1, recalled=1)

    def test_without_ledger_it_is_read_once_and_taken_back(self):
        guid = self.injected()
        self.read_ours()
        self.assert_counted(injected=1, read=1)
        self.lose("^dovecot-inlay$")
        self.always(2, guid, injected=1, read=1)
        self.lose("^dovecot-inlay$")
        self.recall_all()
        self.always(1, injected=1, read=1, recalled=1)

    def test_without_ledger_what_was_expunged_does_not_come_back(self):
        self.injected()
        self.expunge("2")
        self.assert_counted(injected=1, expungedUnread=1)
        self.lose("^dovecot-inlay$")
        self.always(1, injected=1, expungedUnread=1)

    # of dbox nothing is left then by which it could be known before MIM asks
    is_known_again = {"injected": 1}

    def test_without_ledger_and_index_it_is_not_put_in_again(self):
        guid = self.injected()
        self.settle()
        self.lose(r"\.index|^dovecot-inlay$")
        self.look()
        self.resync()
        self.always(2, guid, injected=1)
        self.read_ours()
        self.always(2, guid, **self.is_known_again)

    def test_deleted_and_made_anew_it_stays_away(self):
        self.injected()
        self.settle()
        shutil.rmtree(self.home)
        self.always(0, injected=1)
        self.deliver("new", "newer")
        self.doveadm("flags add", "\\Seen", "mailbox", "INBOX", "all")
        self.always(2, injected=1)

    def test_made_anew_under_its_old_ledger_it_stays_away(self):
        self.injected()
        self.settle()
        with open(self.ledger, "rb") as f:
            ledger = f.read()
        shutil.rmtree(self.home)
        self.deliver("new", "newer")
        with open(self.ledger, "wb") as f:
            f.write(ledger)
        shutil.chown(self.ledger, os.stat(self.home).st_uid, os.stat(self.home).st_gid)
        self.doveadm("flags add", "\\Seen", "mailbox", "INBOX", "all")
        self.always(2, injected=1)

    # others

    def test_flags_that_another_process_sets_and_takes_are_read_once(self):
        guid = self.injected()
        self.settle()
        for _ in range(2):
            self.doveadm("flags add", "\\Seen", "mailbox", "INBOX", "all")
            self.always(2, guid, injected=1, read=1)
            self.doveadm("flags remove", "\\Seen", "mailbox", "INBOX", "all")
            self.always(2, guid, injected=1, read=1)

    def test_what_another_process_expunges_is_gone_once(self):
        self.injected()
        self.settle()
        self.doveadm("expunge", "mailbox", "INBOX", "keyword", "$Inlay")
        self.always(1, injected=1, gonePending=1)


class Maildir(Mailbox, TruthCase):
    mail = "maildir"
    is_known_again = {"injected": 1, "read": 1}

    def stays_the_same_one(self, but=None):
        """Known by its header at first, and from then on by what was said of it."""
        found = self.look()
        guid = max(found, key=found.get)
        self.always(2, guid, but=but, injected=1)
        self.read_ours()
        self.always(2, guid, but=but, injected=1, read=1)
        self.recall_all()
        self.always(1, but=but, injected=1, read=1, recalled=1)

    def lose_guids(self):
        uidlist = os.path.join(self.home, "Maildir/dovecot-uidlist")
        with open(uidlist, "r+", encoding="ascii") as f:
            head, *lines = f.read().splitlines(keepends=True)
            without = [re.sub(" G[0-9a-f]{32} ", " ", line) for line in lines]
            self.assertNotEqual(lines, without)
            f.seek(0)
            f.truncate()
            f.writelines([head, *without])

    def test_without_a_guid_it_stays_the_same_one(self):
        """As when a writer is killed before it has written the uidlist."""
        self.injected()
        self.lose(r"\.index|^dovecot-inlay$")
        self.lose_guids()
        self.stays_the_same_one()

    def killed_in_its_save(self, lost):
        self.injected()
        self.lose(lost)
        self.lose_guids()
        record, = ledger_file.last(self.ledger).values()
        ledger_file.write(self.ledger, [record.prepared(
            uid=record.uid, uid_validity=record.uid_validity)])
        self.stays_the_same_one(but="uncertain")

    def test_without_a_guid_and_unsaved_by_its_ledger_it_stays_the_same_one(self):
        self.killed_in_its_save(r"\.index")

    def test_without_a_guid_and_our_keyword_it_stays_the_same_one(self):
        """The first message of ours in this mailbox: the keyword was not written yet."""
        self.killed_in_its_save(r"\.index|^dovecot-keywords$")

    def test_without_the_uidlist_it_stays_the_same_one(self):
        self.injected()
        self.lose(r"\.index|^dovecot-inlay$|^dovecot-uidlist$")
        self.stays_the_same_one()


class Sdbox(Mailbox, TruthCase):
    mail = "sdbox"


class Mdbox(Mailbox, TruthCase):
    mail = "mdbox"


if __name__ == "__main__":
    unittest.main()
