# SPDX-License-Identifier: Apache-2.0
"""A recall reaches the sessions that are open: MIM -> agent -> WITHDRAW."""

import os
import signal
import time
import unittest

import fake_agent as wire
from agent_case import LIMIT, SILENCE, AgentCase
from scripted_mim import inject
from services.dovecot import wait_until


def withdraw(name, cause="recall", lazy=True, **more):
    return {"op": "withdraw", "guid": wire.ids(name)[1], "cause": cause, "lazy": lazy,
            **more}


class RecallCase(AgentCase):
    def waiting(self, *users, tenant="default"):
        """Sessions of these users, of whom MIM has been asked once; a request waits."""
        plugins = [self.greeted(user=u, tenant=tenant) for u in users]
        self.mim.wait(lambda: self.mim.held > 0, "a request that waits")
        self.mim.wait(lambda: self.mim.asked, "the question after the first answer")
        return plugins

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.agent.process.pid}/fd"))

    def assert_withdrawn(self, p, name):
        kind, fields = p.read()
        self.assertEqual((kind, fields["guid"], fields["cause"], fields["lazy"]),
                         (wire.WITHDRAW, wire.ids(name)[1], 1, 1))
        self.assertFalse(fields.get("seen"))


class Pushes(RecallCase):
    def test_a_recall_of_a_campaign_reaches_an_open_session(self):
        p, = self.waiting("anna")
        self.mim.withdrawals = {"anna": [withdraw("m1"),
                                         withdraw("m2", "expired", False, read=True),
                                         {"op": "dance"}]}
        began = time.monotonic()
        self.mim.tell({"campaign": "spring"})
        self.assert_withdrawn(p, "m1")
        self.assertLess(time.monotonic() - began, 2)
        kind, fields = p.read()
        self.assertEqual((kind, fields["cause"], fields.get("lazy", 0), fields["seen"]),
                         (wire.WITHDRAW, 2, 0, 1))
        self.assertTrue(p.is_silent())
        self.mim.wait_held()
        self.assertEqual(self.mim.asked, [("default", ["anna"])] * 2)
        tenant, query, _ = self.mim.polls[-1]
        self.assertEqual((tenant, query), ("default", {"since": "0/1", "wait": "20"}))

    def test_without_a_session_nobody_waits(self):
        self.assertTrue(self.mim.polls == [])
        p, = self.waiting("anna")
        before = self.descriptors()
        p.close()
        wait_until(lambda: self.descriptors() == before - 1, "the end of the session")
        before = len(self.mim.polls)
        # the request that is under way ends, and no other follows
        self.mim.tell({"campaign": "spring"})
        self.mim.wait_held(0)
        with self.assertRaises(TimeoutError):
            self.mim.wait(lambda: len(self.mim.polls) > before, "another", SILENCE * 2)
        # the next session goes on where the news ended
        self.mim.tell({"user": "berta"})
        q = self.greeted(user="berta")
        self.mim.wait_asked("berta")
        self.assertEqual(self.mim.polls[before][1]["since"], "0/1")
        self.assertTrue(q.is_silent())

    def test_news_of_a_user_concern_that_user_alone(self):
        self.mim.keys = {"anna": "a" * 64, "bert": "b" * 64}
        anna, bert = self.waiting("anna", "bert")
        self.mim.withdrawals = {"anna": [withdraw("m1")], "bert": [withdraw("m2")]}
        self.mim.tell({"user": "b" * 64}, {"user": "c" * 64})
        self.assert_withdrawn(bert, "m2")
        self.assertEqual(self.mim.asked[-1], ("default", ["bert"]))
        self.mim.tell({"user": "c" * 64})
        self.assertTrue(anna.is_silent())
        self.assertEqual(self.mim.asked[-1], ("default", ["bert"]))

    def test_news_of_a_kind_that_is_not_known_concern_all(self):
        self.waiting("anna", "bert")
        self.mim.tell({"purpose": "newsletter"})
        self.mim.wait_asked("anna", "bert")

    def test_where_mim_names_no_user_news_of_any_user_concern_the_session(self):
        self.mim.keys = None
        p, = self.waiting("anna")
        self.mim.withdrawals = {"anna": [withdraw("m1")]}
        self.mim.tell({"user": "b" * 64})
        self.assert_withdrawn(p, "m1")

    def test_a_session_whose_hello_has_no_answer_gets_it_too(self):
        self.mim.status["hello"] = 500
        p = self.plugin()
        p.hello(user="anna")
        self.mim.wait_held()
        self.mim.withdrawals = {"anna": [withdraw("m1")]}
        self.mim.tell({"user": "x"})
        self.assert_withdrawn(p, "m1")

    def test_each_session_of_a_user_gets_it_and_mim_is_asked_once(self):
        one, two, other = self.waiting("anna", "anna", "bert")
        self.mim.withdrawals = {"anna": [withdraw("m1")]}
        self.mim.tell({"campaign": "spring"})
        self.assert_withdrawn(one, "m1")
        self.assert_withdrawn(two, "m1")
        self.assertTrue(other.is_silent())
        self.assertEqual(sorted(self.mim.asked[-1][1]), ["anna", "bert"])

    def test_after_a_reset_all_are_asked_for(self):
        p, _ = self.waiting("anna", "bert")
        self.mim.withdrawals = {"anna": [withdraw("m1")]}
        self.mim.forget()
        self.assert_withdrawn(p, "m1")
        self.mim.wait_held()
        self.assertEqual(sorted(self.mim.asked[-1][1]), ["anna", "bert"])

    def test_more_than_an_answer_holds_comes_with_the_next_opening(self):
        p, = self.waiting("anna")
        self.mim.withdrawals = {"anna": [withdraw(f"m{i}") for i in range(10)]}
        self.mim.tell({"campaign": "spring"})
        for i in range(8):
            self.assert_withdrawn(p, f"m{i}")
        self.assertEqual(p.read()[0], wire.OPEN_AGAIN)

    def test_thousands_are_asked_for_in_batches(self):
        users = [f"user{i:04}" for i in range(2100)]
        self.mim.keys = {u: u[4:] for u in users}
        self.waiting("anna")
        plugins = []
        for at in range(0, len(users), 300):  # a backlog is 1024 long
            some = [self.plugin() for _ in users[at:at + 300]]
            for p, user in zip(some, users[at:]):
                p.hello(user=user)
            for p in some:
                self.assertEqual(p.read()[0], wire.READY)
            plugins += some
        self.mim.withdrawals = lambda user: [withdraw(user)]
        self.mim.tell({"campaign": "spring"})
        for p, user in zip(plugins, users):
            self.assert_withdrawn(p, user)
        batches = [a[1] for a in self.mim.asked[1:]]
        self.assertEqual([len(b) for b in batches], [1000, 1000, 101])
        self.assertEqual(sorted(sum(batches, [])), ["anna", *users])


class Races(RecallCase):
    """The answer to OPEN was made before the recall."""

    def recall(self):
        self.mim.tell({"campaign": "spring"})

    def test_a_message_that_is_being_assigned_is_taken_back_behind_it(self):
        self.mim.actions = [inject("m1", self.give_template())]
        p, = self.waiting("anna")
        self.mim.delay["decisions"] = 0.5
        self.mim.withdrawals = lambda user: (
            [withdraw("m1")] if self.mim.count("decisions") else [])
        p.open()
        self.mim.wait(lambda: "decisions" in self.mim.arrived, "the question")
        self.recall()
        self.mim.wait_asked("anna", count=2)
        self.assertEqual([f[0] for f in p.read_answer()],
                         [wire.KNOWN, wire.INJECT, wire.DONE])
        self.assert_withdrawn(p, "m1")

    def test_a_message_whose_confirmation_waits_is_taken_back_after_it(self):
        self.mim.actions = [inject("m1", self.give_template())]
        p, = self.waiting("anna")
        p.open()
        p.read_answer()
        self.mim.wait_asked("anna", count=2)
        self.mim.withdrawals = lambda user: (
            [withdraw("m1")] if self.mim.events else [])
        self.mim.status["events"] = 503
        self.mim.retry_after = 1
        p.event("m1")
        p.read_ack(1)
        self.recall()
        self.mim.wait_asked("anna", count=3)
        self.assertTrue(p.is_silent())
        self.mim.status.clear()
        self.assert_withdrawn(p, "m1")

    def test_a_confirmation_of_an_earlier_session_counts_for_the_next(self):
        one, _ = self.waiting("anna", "bert")
        self.mim.status["events"] = 503
        self.recall()
        self.mim.wait_asked("anna", "bert")
        one.event("m1")
        one.read_ack(1)
        one.close()
        two = self.greeted(user="anna")
        self.mim.withdrawals = lambda user: (
            [withdraw("m1")] if self.mim.events else [])
        self.mim.status.clear()
        self.assert_withdrawn(two, "m1")

    def test_without_a_recall_a_confirmation_asks_nothing(self):
        self.waiting("bert")
        p = self.greeted(user="anna")
        asked = len(self.mim.asked)
        instance = p.event("m1")
        self.wait_delivered((instance, "injected"))
        p.read_ack(1)
        self.assertTrue(p.is_silent())
        self.assertEqual(len(self.mim.asked), asked)


class Troubles(RecallCase):
    def wait_polls(self, n):
        self.mim.wait(lambda: len(self.mim.polls) >= n, f"{n} requests")

    def gaps(self):
        times = [p[2] for p in self.mim.polls]
        return [b - a for a, b in zip(times, times[1:])]

    def test_a_failing_mim_is_asked_less_and_less_often_and_said_once(self):
        self.mim.status["recalls"] = 500
        self.greeted(user="anna")
        self.wait_polls(4)
        for gap, least in zip(self.gaps(), (0.5, 1, 2)):
            self.assertGreater(gap, least * 0.95)
        self.assertEqual(self.agent.log_text().count("no news of recalls"), 1)
        self.mim.status.clear()
        self.agent.wait_for_log("MIM tells of recalls again")
        self.mim.wait_asked("anna")

    def test_retry_after_is_respected(self):
        self.mim.status["recalls"] = 503
        self.mim.retry_after = 3
        self.greeted(user="anna")
        self.wait_polls(2)
        self.assertGreater(self.gaps()[0], 2.9)

    def test_a_mim_without_such_a_call_is_left_alone(self):
        self.mim.status["recalls"] = 404
        p = self.greeted(user="anna")
        self.agent.wait_for_log("this MIM does not tell of recalls")
        self.greeted(user="bert")
        p.open()
        self.assertEqual(p.read_answer()[-1][0], wire.DONE)
        self.assertTrue(p.is_silent(1.5))  # longer than a back-off would be
        self.assertEqual(len(self.mim.polls), 1)

    def test_an_unusable_answer_is_no_answer(self):
        for n, answer in enumerate((b"", b"[]", b'{"cursor":"","entries":[]}',
                                    b'{"cursor":"1"}')):
            with self.subTest(answer):
                self.agent.kill()
                self.agent.start()
                self.mim.raw["recalls"] = answer
                self.greeted(user="anna")
                self.agent.wait_for_log("no news of recalls")
                self.assertEqual(len(self.mim.asked), n)
                del self.mim.raw["recalls"]
                self.mim.wait(lambda: len(self.mim.asked) > n, "the question")

    def test_a_mim_that_forgets_each_time_does_not_make_it_run_wild(self):
        self.mim.raw["recalls"] = b'{"cursor":"1","reset":true,"entries":[]}'
        self.greeted(user="anna")
        self.wait_polls(4)
        self.assertGreater(self.gaps()[1], 0.95)
        self.assertGreater(self.gaps()[2], 1.9)

    def test_a_mim_that_does_not_wait_is_not_asked_without_end(self):
        self.mim.raw["recalls"] = b'{"cursor":"1","entries":[]}'
        self.greeted(user="anna")
        self.wait_polls(3)
        for gap in self.gaps():
            self.assertGreater(gap, 0.95)

    def test_a_question_that_fails_is_asked_again(self):
        p, = self.waiting("anna")
        self.mim.status["withdrawals"] = 500
        self.mim.withdrawals = {"anna": [withdraw("m1")]}
        self.mim.tell({"campaign": "spring"})
        self.agent.wait_for_log("cannot be asked")
        self.mim.status.clear()
        self.assert_withdrawn(p, "m1")

    def test_one_user_that_mim_refuses_does_not_stand_in_the_way(self):
        users = ["anna", "bert", "carla", "dora", "emil"]
        plugins = self.waiting(*users)
        # two sessions of the one, too
        self.greeted(user="carla")
        self.mim.refuse_user = "carla"
        self.mim.withdrawals = lambda user: [withdraw(user)]
        self.mim.tell({"campaign": "spring"})
        for user, p in zip(users, plugins):
            if user != "carla":
                self.assert_withdrawn(p, user)
        self.agent.wait_for_log("MIM refuses to say what is to be taken back")

    def test_mim_away_and_back_is_asked_for_what_has_happened(self):
        p, = self.waiting("anna")
        self.mim.stop()
        self.agent.wait_for_log("no news of recalls")
        self.mim.withdrawals = {"anna": [withdraw("m1")]}
        self.mim.news.append({"campaign": "spring"})
        self.mim.start()
        self.assert_withdrawn(p, "m1")

    def test_sigterm_does_not_wait_for_news(self):
        self.waiting("anna")
        began = time.monotonic()
        self.agent.signal(signal.SIGTERM)
        self.assertEqual(self.agent.process.wait(LIMIT), 0)
        self.agent.process = None
        self.assertLess(time.monotonic() - began, 5)


class ManyTenants(RecallCase):
    """As many requests wait as there are tenants; nothing else waits for them."""

    settings = {"inlay.mim.connections": "1"}
    N = 50

    def setUp(self):
        super().setUp()
        self.agent.stop()
        self.agent.tokens = {f"t{i}": f"token-{i}" for i in range(self.N)}
        self.agent.write_tokens()
        for tenant in self.agent.tokens:
            self.agent.settings[f"inlay.tenant.{tenant}.token-file"] = (
                self.agent.token_file(tenant))
        self.agent.start()

    def test_one_request_of_each_tenant_waits(self):
        plugins = {t: self.greeted(user="anna", tenant=t) for t in self.agent.tokens}
        self.mim.wait_held(self.N)
        self.mim.wait(lambda: {a[0] for a in self.mim.asked} == set(plugins),
                      "the first questions")
        p = plugins["t7"]
        p.open()
        self.assertEqual(p.read_answer()[-1][0], wire.DONE)
        self.mim.withdrawals = {"anna": [withdraw("m1")]}
        self.mim.tell({"campaign": "spring"})
        for p in plugins.values():
            self.assert_withdrawn(p, "m1")


if __name__ == "__main__":
    unittest.main()
