# SPDX-License-Identifier: Apache-2.0
"""The whole way of a reinjection: a campaign says that an unread message comes back,
MIM hands it out, the agent composes it, the mailbox shows one for the other."""

import email
import unittest

from chain_case import ChainCase, wait_until
from plugin_case import plain_message
from test_plugin_inject import internal_date

SOON = {"after": "PT1S", "maxTimes": 2}


class Reinjection:
    """The same on every mailbox format."""

    def look(self):
        """{GUID: UID} of INBOX after an opening."""
        client = self.connect()
        client.exists()
        found = client.guids()
        client.logout()
        return found

    def append(self, *subjects):
        client = self.connect()
        client.exists()
        for subject in subjects:
            self.assertEqual(client.append("INBOX", None, None,
                                           plain_message(subject))[0], "OK")
        client.logout()

    def until_new(self, before):
        """Openings until the mailbox shows another copy; its GUIDs then."""
        def other():
            found = self.look()
            self.assertEqual(len(found), len(before))
            return found if set(found) != set(before) else None
        return wait_until(other, "a reinjection")

    def message_id(self):
        return email.message_from_bytes(self.raw())["Message-ID"]

    def raw(self):
        client = self.connect()
        client.exists()
        data = client.fetch("1", "(BODY.PEEK[])")[1][0][1]
        client.logout()
        return data

    def test_what_stays_unread_comes_back_as_often_as_the_campaign_says(self):
        self.put_user()
        self.publish(reinjection=SOON)
        first = self.look()
        self.assertEqual(len(first), 1)
        ids = {self.message_id()}
        second = self.until_new(first)
        self.assertGreater(max(second.values()), max(first.values()))
        ids.add(self.message_id())
        third = self.until_new(second)
        ids.add(self.message_id())
        self.assertEqual(len(ids), 3)
        self.wait_counted(injected=1, reinjected=2)
        why = self.why()
        self.assertEqual(why["outcome"], "stopped")
        self.assertEqual(why["gate"], "repeat")
        self.assertEqual((why["facts"]["reinjection"]["gate"],
                          why["facts"]["reinjection"]["times"]), ("due", 2))
        self.assertEqual(self.look(), third)
        self.wait_counted(injected=1, reinjected=2)

    def test_the_reader_of_the_last_copy_is_counted_once(self):
        self.put_user()
        self.publish(reinjection={"after": "PT1S", "maxTimes": 9})
        self.until_new(self.look())
        self.read()
        self.wait_counted(injected=1, reinjected=1, read=1)
        found = self.look()
        self.assertEqual(self.look(), found)
        self.wait_counted(injected=1, reinjected=1, read=1)

    def test_what_the_user_expunges_does_not_come_back(self):
        self.put_user()
        self.publish(reinjection={"after": "PT1S", "maxTimes": 9})
        self.until_new(self.look())
        self.expunge()
        self.wait_counted(injected=1, reinjected=1, expungedUnread=1)
        self.assertEqual(self.look(), {})
        self.wait_counted(injected=1, reinjected=1, expungedUnread=1)

    def test_it_is_kept_above_what_came_in_since(self):
        self.put_user()
        self.publish(placement={"position": "top", "keepOnTop": {
            "whileUnread": True, "afterNewer": 2, "maxTimes": 3}})
        old, = self.look()
        self.wait_counted(injected=1)
        self.append("one")
        self.assertEqual(self.why()["outcome"], "would reinject")
        self.assertIn(old, self.look())
        self.append("two")
        before = self.look_until_gone(old)
        new = max(before, key=before.get)
        self.assertEqual(len(before), 3)
        self.wait_counted(injected=1, reinjected=1)
        # once a day at most, whatever comes in
        self.append("three", "four", "five")
        self.assertIn(new, self.look())
        self.wait_counted(injected=1, reinjected=1)

    def look_until_gone(self, guid):
        def gone():
            found = self.look()
            return found if guid not in found else None
        return wait_until(gone, "the old copy goes")

    def test_a_paused_campaign_lets_it_lie(self):
        self.put_user()
        self.publish(reinjection={"after": "PT1S", "maxTimes": 9})
        first = self.until_new(self.look())
        self.need(200, "POST", f"/campaigns/{self.campaign}/pause")
        self.assertEqual(self.look(), first)
        self.assertEqual(self.why()["facts"]["reinjection"]["gate"], "status")
        self.need(200, "POST", f"/campaigns/{self.campaign}/resume")
        self.until_new(first)

    def test_a_rank_puts_it_below_the_newest(self):
        self.put_user()
        self.append("one", "two")
        self.publish(placement={"position": "rank", "rank": 2})
        client = self.connect()
        self.assertEqual(client.exists(), 3)
        dates = [internal_date(client, str(n)).timestamp() for n in (1, 2, 3)]
        self.assertEqual(dates[2], max(dates[:2]) - 1)
        client.logout()
        self.wait_counted(injected=1)


class Maildir(Reinjection, ChainCase):
    mail = "maildir"


class Sdbox(Reinjection, ChainCase):
    mail = "sdbox"


class Mdbox(Reinjection, ChainCase):
    mail = "mdbox"


class Import(ChainCase):
    def test_a_rank_among_private_mails_is_refused_for_an_advertisement(self):
        self.put_user()
        done = self.load(self.bundle(
            type="third_party", legalClass="third_party_ad", label={"text": "Anzeige"},
            placement={"position": "rank", "rank": 3}))
        self.assertEqual(done["phase"], "failed")
        self.assertIn("allowInterleavedAds", str(done))


if __name__ == "__main__":
    unittest.main()
