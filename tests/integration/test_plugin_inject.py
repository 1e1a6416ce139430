# SPDX-License-Identifier: Apache-2.0
"""A message appears in the first SELECT, once, whatever the mailbox format."""

import datetime
import email
import email.utils
import glob
import os
import re
import threading
import time
import unittest

from fake_agent import DATE, Message, encode
from plugin_case import Client, PluginCase, message, wait_until


def internal_date(client, number="1"):
    line = client.fetch_one("(INTERNALDATE)", number).decode()
    text = re.search(r'INTERNALDATE "([^"]+)"', line).group(1)
    return datetime.datetime.strptime(text.strip(), "%d-%b-%Y %H:%M:%S %z")


class Injection:
    """Run for each format."""

    def test_the_first_select_says_one_exists(self):
        agent = self.start_agent(message(self))
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        self.assertEqual(list(client.guids()), [agent.messages[0].guid])
        line = client.fetch_one("(FLAGS)")
        self.assertIn(b"$Inlay", line)
        self.assertNotIn(b"\\Seen", line)
        event = agent.wait_event("injected")
        self.assertEqual(event["instance"], agent.messages[0].instance)
        self.assertEqual(event["guid"], agent.messages[0].guid)

    def test_all_dates_are_the_second_of_the_save(self):
        before = int(time.time())
        self.start_agent(message(self))
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        after = int(time.time())
        internal = internal_date(client).timestamp()
        self.assertTrue(before <= internal <= after, (before, internal, after))
        _, data = client.fetch("1", "(BODY.PEEK[])")
        parsed = email.message_from_bytes(data[0][1])
        date = email.utils.parsedate_to_datetime(parsed["Date"]).timestamp()
        received = email.utils.parsedate_to_datetime(
            parsed["Received"].split(";")[1].strip()).timestamp()
        self.assertEqual((date, received), (internal, internal))

    def test_a_given_date_is_kept_and_a_future_one_is_now(self):
        given = datetime.datetime(2026, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc)
        past = message(self, 1, position=DATE, date=int(given.timestamp() * 1000) + 999)
        future = message(self, 2, position=DATE,
                         date=int((time.time() + 86400) * 1000))
        self.start_agent(past, future)
        client = self.connect()
        self.assertEqual(client.exists(), 2)
        uids = client.guids()
        by_uid = {uid: guid for guid, uid in uids.items()}
        numbers = {by_uid[uid]: str(i + 1) for i, uid in enumerate(sorted(by_uid))}
        self.assertEqual(internal_date(client, numbers[past.guid]), given)
        self.assertLessEqual(internal_date(client, numbers[future.guid]).timestamp(),
                             time.time())

    def test_twenty_sessions_at_once_get_exactly_one_copy(self):
        agent = self.start_agent(message(self))
        agent.repeat = True  # as if twenty MIMs had all assigned it
        # Dovecot's own first creation of an INBOX is not safe against twenty at once
        self.deliver("first")
        counts, errors = [], []
        barrier = threading.Barrier(20)

        def session():
            try:
                client = Client(self.dovecot.imap_port, self.user)
                barrier.wait(20)
                client.exists()
                for _ in range(3):
                    client.noop()
                wait_until(lambda: client.exists() > 1, "the message is seen")
                counts.append(client.exists())
                client.logout()
            except Exception as e:  # noqa: BLE001 - counted below
                errors.append(e)

        threads = [threading.Thread(target=session) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assertEqual(errors, [])
        self.assertEqual(counts, [2] * 20)
        self.assertEqual(self.count(), 2)
        self.assertEqual({e["guid"] for e in agent.events},
                         {agent.messages[0].guid})

    def test_open_says_what_is_there_and_what_is_newer(self):
        agent = self.start_agent(message(self))
        client = self.connect()
        client.exists()
        self.logout(client)
        self.deliver("one", "two")
        client = self.connect()
        self.assertEqual(client.exists(), 3)
        agent.wait(lambda a: len(a.opens) >= 2, "second OPEN")
        last = agent.opens[-1]
        self.assertEqual(last["complete"], 1)
        self.assertEqual(last["uidNext"], 4)
        self.assertEqual([(p["guid"], p["uid"], p["seen"], p["newer"])
                          for p in last["present"]],
                         [(agent.messages[0].guid, 1, 0, 2)])

    def test_nothing_is_asked_before_the_next_check(self):
        agent = self.start_agent()
        client = self.connect()
        for _ in range(3):
            self.assertEqual(client.exists(), 0)
            client.noop()
        self.assertEqual(len(agent.opens), 1)

    def test_the_ledger_is_made_before_the_first_select(self):
        self.start_agent(message(self))
        self.deliver("friend")
        client = self.connect()
        wait_until(lambda: self.ledgers(1) == [4096], "its room is reserved")
        self.assertEqual(client.exists(), 2)
        self.assertEqual(self.ledgers(1), [4096])

    def test_a_login_makes_no_inbox(self):
        agent = self.start_agent(message(self))
        client = self.connect()
        agent.wait(lambda a: a.hellos, "HELLO")
        for _ in range(20):
            client.noop()
        self.assertEqual(self.ledgers(), [])
        self.assertEqual(client.exists(), 1)

    def ledgers(self, wanted=0):
        """Their sizes, when there are as many."""
        def found():
            return [os.path.getsize(os.path.join(folder, name))
                    for folder, _, names in os.walk(self.dovecot.home(self.user))
                    for name in names if name == "dovecot-inlay"]
        wait_until(lambda: len(found()) >= wanted, "the ledger")
        return found()

    def test_a_closed_hello_asks_nobody(self):
        agent = self.start_agent(message(self), opened=False)
        client = self.connect()
        self.assertEqual(client.exists(), 0)
        self.assertEqual(len(agent.hellos), 1)
        self.assertEqual(agent.opens, [])

    def test_open_again_is_heard_at_the_next_noop(self):
        agent = self.start_agent(opened=False)
        client = self.connect()
        self.assertEqual(client.exists(), 0)
        agent.add(message(self))
        agent.push(encode(11))
        # asked at one NOOP, put in at a later one: nothing waits any more
        wait_until(lambda: client.noop() and agent.kinds() == ["injected"],
                   "the message after OPEN-AGAIN")
        self.assertEqual(client.exists(), 1)

    def test_what_was_expunged_is_never_saved_again(self):
        agent = self.start_agent(message(self))
        agent.repeat = True
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        client.store("1", "+FLAGS.SILENT", "\\Deleted")
        client.expunge()
        self.logout(client)
        for _ in range(2):
            client = self.connect()
            self.assertEqual(client.exists(), 0)
            self.logout(client)
        agent.wait_event("gone")

    def test_deleted_indexes_bring_no_second_copy(self):
        agent = self.start_agent(message(self))
        agent.repeat = True
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        self.logout(client)
        home = self.dovecot.home(self.user)
        removed = [f for f in glob.glob(home + "/**/dovecot.*", recursive=True)
                   if ".index" in os.path.basename(f) or ".map.index" in f]
        self.assertTrue(removed)
        for name in removed:
            os.unlink(name)
        for _ in range(3):
            client = self.connect()
            self.assertLessEqual(client.exists(), 1)
            self.logout(client)
        # dbox shows an empty mailbox until it is told to look at its files
        self.dovecot.doveadm("force-resync", "-u", self.user, "INBOX")
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        self.assertEqual(self.count(), 1)
        # another uidvalidity tells nothing about what became of the message
        self.assertEqual(set(agent.kinds()), {"injected"})
        client.fetch("1", "(BODY[])")
        agent.wait_event("read")

    def test_a_large_message_arrives_whole(self):
        big = message(self, size=900 * 1024)
        self.start_agent(big)
        client = self.connect()
        wait_until(lambda: client.exists() == 1, "the large message")
        _, data = client.fetch("1", "(RFC822.SIZE)")
        self.assertIn(str(len(big.text)).encode(), data[0])


class MaildirInjection(Injection, PluginCase):
    mail = "maildir"

    def test_without_uidlist_and_ledger_the_proof_is_sent(self):
        agent = self.start_agent(message(self))
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        self.logout(client)
        maildir = self.dovecot.home(self.user) + "/Maildir/"
        for name in glob.glob(maildir + "dovecot*"):
            if not name.endswith("dovecot-keywords"):
                os.unlink(name)
        agent.messages.clear()
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        agent.wait(lambda a: len(a.opens) >= 2, "second OPEN")
        first, = Message(f"{self.id()}-1").instance,
        self.assertEqual([p["proof"] for p in agent.opens[-1]["present"]],
                         [f"{first}; {'0' * 64}"])


class SdboxInjection(Injection, PluginCase):
    mail = "sdbox"


class Mbox(PluginCase):
    """Cannot keep a GUID."""

    mail = "mbox"

    def test_nothing_is_put_into_an_mbox(self):
        self.start_agent(message(self))
        self.deliver("friend")
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        client.noop()
        self.assertEqual(self.agent.opens, [])
        self.assertEqual(self.count(), 1)


class MdboxInjection(Injection, PluginCase):
    mail = "mdbox"


if __name__ == "__main__":
    unittest.main()
