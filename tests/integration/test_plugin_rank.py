# SPDX-License-Identifier: Apache-2.0
"""A message goes to its rank: a second below those that are to stand above it."""

import unittest

from fake_agent import DONE, RANK, encode
from plugin_case import message, plain_message
from test_plugin_inject import internal_date
from test_plugin_reinject import Again


class Rank:
    """Run for each format."""

    def ranked(self, rank, *days):
        """INTERNALDATE of a message put in with that rank."""
        client = self.connect()
        client.exists()
        for day in days:
            status, data = client.append(
                "INBOX", None, f'"{day:02}-Mar-2026 12:00:00 +0000"',
                plain_message(f"day {day}"))
            self.assertEqual(status, "OK", data)
        self.logout(client)
        agent = self.start_agent(message(self, position=RANK))
        ranked = agent.messages[0]
        agent._decide = lambda fields: (
            ranked.frame(fields["request"], rank=rank) +
            encode(DONE, request=fields["request"], nextCheck=900))
        client = self.connect()
        count = client.exists()
        uids = sorted(client.guids().values())
        return agent, client, internal_date(client, str(uids.index(
            client.guids()[ranked.guid]) + 1)) if count > len(days) else None

    def test_a_rank_is_a_second_older_than_those_above_it(self):
        _, client, date = self.ranked(3, 5, 9, 7)
        # above it stand the 9th and the 7th
        self.assertEqual(date.strftime("%d %H:%M:%S"), "07 11:59:59")
        line = client.fetch_one("(BODY.PEEK[HEADER.FIELDS (DATE)])", "4")
        self.assertIn(b"07 Mar 2026 11:59:59 +0000", line)

    def test_with_fewer_messages_than_the_rank_it_is_on_top(self):
        _, _, date = self.ranked(4, 5, 9)
        self.assertGreater(date.year * 100 + date.month, 202603)

    def test_a_rank_that_no_campaign_has_is_refused(self):
        agent, _, date = self.ranked(101, 5)
        self.assertIsNone(date)
        agent.wait_event("refused", cause="invalid")

    def test_a_reinjection_does_not_count_the_copy_that_goes(self):
        old = self.injected()
        new = self.offer(message(self, 2, position=RANK), old, rank=2)
        client = self.connect()
        self.assertEqual(client.exists(), 2)
        self.replaced(old, new)
        friend = internal_date(client, "1").timestamp()
        self.assertEqual(internal_date(client, "2").timestamp(), friend - 1)


class MaildirRank(Rank, Again):
    mail = "maildir"


class SdboxRank(Rank, Again):
    mail = "sdbox"


class MdboxRank(Rank, Again):
    mail = "mdbox"


if __name__ == "__main__":
    unittest.main()
