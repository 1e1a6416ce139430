# SPDX-License-Identifier: Apache-2.0
"""Whose message it is: what a user or a stranger has put into a mailbox is neither counted
nor taken back, whatever header, keyword or contents it has."""
import unittest

from truth_case import TruthCase


class Whose:
    """Run for each format."""

    def injected(self):
        """A mailbox with a friend's message and ours, as number 2; ours has that GUID."""
        self.deliver("friend")
        self.put_user()
        self.publish()
        found = self.look()
        self.assertEqual(len(found), 2)
        self.assert_counted(injected=1)
        return max(found, key=found.get)

    def opened(self):
        client = self.connect()
        client.exists()
        return client

    def raw(self):
        """Ours, as it is in the mailbox."""
        client = self.opened()
        data = client.fetch("2", "(BODY.PEEK[])")[1][0][1]
        self.end(client)
        return data

    def recall(self):
        """Of all copies, read ones, too."""
        self.need(200, "POST", f"/campaigns/{self.campaign}/pause")
        self.need(200, "POST", f"/campaigns/{self.campaign}/recall", {"scope": "all"})

    def always(self, messages, guid=None, **counts):
        """Whenever one looks: so many messages, this one among them, so counted."""
        for _ in range(2):
            found = self.look()
            self.assertEqual(len(found), messages)
            if guid is not None:
                self.assertIn(guid, found)
            self.assert_counted(**counts)

    def read_all(self, client=None):
        client = client or self.opened()
        client.store("1:*", "+FLAGS", "\\Seen")
        self.end(client)

    def test_strangers_mail_with_our_header(self):
        guid = self.injected()
        mail = self.raw()
        self.assertIn(b"X-Inlay-Instance: ", mail)
        # the very message, sent to its user once more, and to another one
        self.deliver(mail)
        first, self.user = self.user, f"o-{self.user}"
        self.put_user()
        self.deliver(mail)
        self.assertEqual(len(self.look()), 1)
        self.read_all()
        self.user = first
        client = self.opened()
        client.store("3", "+FLAGS", "\\Seen")
        self.end(client)
        self.always(3, guid, injected=1)
        self.recall()
        self.always(2, injected=1, recalled=1)

    def test_what_a_user_appends_with_our_keyword(self):
        guid = self.injected()
        mail = self.raw()
        client = self.opened()
        client.append("INBOX", "($Inlay)", None, mail)
        client.append("INBOX", "($Inlay \\Seen)", None, b"From: me\r\n\r\nMine.\r\n")
        self.end(client)
        self.always(4, guid, injected=1)
        self.expunge("2")
        self.always(3, injected=1, expungedUnread=1)
        self.read_all()
        self.always(3, injected=1, expungedUnread=1)
        self.recall()
        self.always(3, injected=1, expungedUnread=1)

    def test_what_a_user_marks_with_our_keyword(self):
        guid = self.injected()
        client = self.opened()
        client.store("1", "+FLAGS", "($Inlay)")
        client.store("1", "+FLAGS", "\\Seen")
        client.noop()
        self.end(client)
        self.always(2, guid, injected=1)
        self.recall()
        self.always(1, injected=1, recalled=1)
        self.expunge("1")
        self.always(0, injected=1, recalled=1)

    def test_ours_without_our_keyword_is_ours(self):
        guid = self.injected()
        client = self.opened()
        client.store("2", "-FLAGS", "($Inlay)")
        self.end(client)
        self.always(2, guid, injected=1)
        self.read_all()
        self.always(2, guid, injected=1, read=1)
        self.recall()
        self.always(1, injected=1, read=1, recalled=1)

    def test_a_copy_inside_inbox_is_the_users(self):
        guid = self.injected()
        client = self.opened()
        client.copy("2", "INBOX")
        client.noop()
        client.store("3", "+FLAGS", "\\Seen")
        self.end(client)
        for _ in range(2):
            client = self.opened()
            self.assertEqual(int(client.untagged_responses["EXISTS"][-1]), 3)
            self.end(client)
            self.assert_counted(injected=1)
        self.recall()
        client = self.opened()
        self.assertEqual(int(client.untagged_responses["EXISTS"][-1]), 2)
        self.assertEqual(client.guids().get(guid), 3)
        self.end(client)
        self.assert_counted(injected=1, recalled=1)

    def test_of_two_copies_the_first_one_is_expunged(self):
        self.injected()
        client = self.opened()
        client.copy("2", "INBOX")
        client.store("2", "+FLAGS", "\\Deleted")
        client.expunge()
        self.end(client)
        self.always(2, injected=1, expungedUnread=1)
        self.read_all()
        self.always(2, injected=1, expungedUnread=1)

    def test_a_copy_in_another_folder_is_the_users(self):
        self.injected()
        client = self.opened()
        client.copy("2", "Other")
        self.end(client)
        self.always(2, injected=1)
        self.recall()
        self.always(1, injected=1, recalled=1)
        self.assertEqual(self.count("Other"), 1)

    def test_moved_out_and_back_it_is_the_same_one(self):
        guid = self.injected()
        client = self.opened()
        client.xatom("MOVE", "2", "Other")
        self.end(client)
        self.always(1, injected=1, moved=1)
        client = self.connect()
        client.exists("Other")
        client.xatom("MOVE", "1", "INBOX")
        self.end(client)
        self.always(2, guid, injected=1, moved=1)
        self.assertEqual(self.count("Other"), 0)

    def test_with_all_keywords_of_a_maildir_taken_it_is_known(self):
        self.deliver("friend")
        client = self.opened()
        for letter in "abcdefghijklmnopqrstuvwxyz":
            client.store("1", "+FLAGS", f"(my-{letter})")
        self.end(client)
        self.put_user()
        self.publish()
        found = self.look()
        guid = max(found, key=found.get)
        self.always(2, guid, injected=1)
        # of the 27th Maildir has nothing but what is in the index
        self.lose(r"\.index")
        self.look()
        self.settle()
        self.doveadm("force-resync", "INBOX")
        self.always(2, guid, injected=1)
        client = self.opened()
        client.store("2", "+FLAGS", "\\Seen")
        self.end(client)
        self.always(2, guid, injected=1, read=1)
        self.recall()
        self.always(1, injected=1, read=1, recalled=1)


class Maildir(Whose, TruthCase):
    mail = "maildir"


class Sdbox(Whose, TruthCase):
    mail = "sdbox"


class Mdbox(Whose, TruthCase):
    mail = "mdbox"


if __name__ == "__main__":
    unittest.main()
