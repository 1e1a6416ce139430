# SPDX-License-Identifier: Apache-2.0
"""The real inlay-agent, and a MIM whose answers come before they count."""

import unittest

import fake_agent as wire
from agent_case import AgentCase
from scripted_mim import inject


class EarlyAnswers(AgentCase):
    """MIM sends all but the last byte while its disk still works."""

    def setUp(self):
        super().setUp()
        self.mim.held_byte = "decisions"
        self.mim.actions = [inject("m1", self.give_template())]
        self.addCleanup(self.mim.counts.set)

    def test_the_message_comes_before_the_answer_counts_and_done_behind(self):
        p = self.greeted()
        p.open()
        self.assertEqual([p.read()[0], p.read()[0]], [wire.KNOWN, wire.INJECT])
        self.assertTrue(p.is_silent())
        self.assertTrue(self.mim.bodies("decisions")[0]["early"])
        self.mim.counts.set()
        self.assertEqual(p.read()[0], wire.DONE)
        # with the template at hand, and again on the same connection
        p.open(request=2)
        self.assertEqual([f[0] for f in p.read_answer()],
                         [wire.KNOWN, wire.INJECT, wire.DONE])

    def test_what_does_not_count_is_called_off(self):
        self.mim.cut = True
        p = self.greeted()
        p.open()
        self.assertEqual([p.read()[0], p.read()[0]], [wire.KNOWN, wire.INJECT])
        self.mim.counts.set()
        kind, fields = p.read()
        self.assertEqual((kind, fields["open"]), (wire.READY, 0))
        self.assertTrue(p.is_silent())

    def test_a_message_that_cannot_be_made_is_refused_when_it_counts(self):
        self.mim.actions = [inject("m1", self.give_template(), variables={})]
        p = self.greeted()
        p.open()
        self.assertEqual(p.read()[0], wire.KNOWN)
        self.assertTrue(p.is_silent())
        self.assertEqual(self.mim.events, [])
        self.mim.counts.set()
        self.assertEqual(p.read()[0], wire.DONE)
        self.wait_delivered((self.mim.actions[0]["instance"], "refused"))

    def test_a_session_that_ends_meanwhile(self):
        p = self.greeted()
        p.open()
        self.assertEqual(p.read()[0], wire.KNOWN)
        p.close()
        q = self.greeted(user="bo@example.org")
        self.mim.counts.set()
        q.open()
        self.assertEqual(q.read_answer()[-1][0], wire.DONE)

    def test_an_answer_that_is_no_json_is_none(self):
        self.mim.raw["decisions"] = b"{"
        p = self.greeted()
        p.open()
        self.assertTrue(p.is_silent())
        self.mim.counts.set()
        self.assertTrue(p.is_silent())
        del self.mim.raw["decisions"]
        p.open(request=2)
        self.assertEqual(p.read_answer()[-1][0], wire.DONE)


if __name__ == "__main__":
    unittest.main()
