# SPDX-License-Identifier: Apache-2.0
"""The real inlay-agent and the events that it keeps until MIM has them."""

import glob
import os
import time
import unittest

import fake_agent as wire
from agent_case import AgentCase
from scripted_mim import inject
from services.dovecot import wait_until


class Spool(AgentCase):
    def segments(self):
        return sorted(glob.glob(self.agent.spool + "/*.spool"))

    def test_events_are_delivered_as_they_were(self):
        p = self.greeted()
        one = p.event("m1")
        two = p.event("m2", kind=4, cause=2, seen=1)
        p.read_ack(2)
        self.wait_delivered((one, "injected"), (two, "gone"))
        self.assertEqual(self.mim.events[0],
                         {"user": "anna@example.org", "instance": one,
                          "type": "injected", "at": "2026-05-01T08:00:00Z"})
        self.assertEqual(self.mim.events[1],
                         {"user": "anna@example.org", "instance": two, "type": "gone",
                          "at": "2026-05-01T08:00:00Z", "seen": True,
                          "cause": "moved"})
        wait_until(lambda: not any(os.path.getsize(s) for s in self.segments()),
                   "the spool is empty")

    def test_events_go_with_open_until_they_are_delivered(self):
        self.mim.status["events"] = 503
        p = self.greeted()
        one = p.event("m1")
        other = self.greeted(user="bert@example.org")
        other.event("m2")
        p.read_ack(1)
        other.read_ack(1)
        p.open()
        p.read_answer()
        self.assertEqual(self.mim.bodies("decisions")[0]["events"],
                         [{"instance": one, "type": "injected",
                           "at": "2026-05-01T08:00:00Z"}])
        self.mim.status.clear()
        self.wait_delivered((one, "injected"))

    def test_hello_says_open_while_mim_has_not_heard_of_a_refusal(self):
        self.mim.open = False
        self.mim.status["events"] = 503
        p = self.greeted()
        instance = p.event("one", kind=5, cause=17)
        p.read_ack(1)
        p.hello()
        self.assertEqual(p.read()[1]["open"], 1)
        del self.mim.status["events"]
        self.wait_delivered((instance, "refused"))
        p.hello()
        self.assertEqual(p.read()[1]["open"], 0)

    def test_kill_loses_no_confirmed_event(self):
        self.mim.status["events"] = 503
        confirmed = []
        for round_ in range(3):
            p = self.greeted()
            for i in range(50):
                confirmed.append((p.event(f"m{round_}-{i}"), "injected"))
            p.read_ack(50)
            self.agent.kill()
            if round_ < 2:
                self.agent.start()
        self.mim.status.clear()
        self.agent.start()
        self.wait_delivered(*confirmed)
        self.assertEqual(len(self.mim.events), len(confirmed))

    def test_a_torn_tail_is_cut_off(self):
        self.mim.status["events"] = 503
        p = self.greeted()
        one, two = p.event("m1"), p.event("m2")
        p.read_ack(2)
        self.agent.kill()
        (segment,) = self.segments()
        os.truncate(segment, os.path.getsize(segment) - 3)
        self.mim.status.clear()
        self.agent.start()
        self.agent.wait_for_log("was cut off")
        self.wait_delivered((one, "injected"))
        self.assertNotIn((two, "injected"), self.mim.delivered())

    def test_a_damaged_file_gives_its_good_part_and_is_kept(self):
        self.mim.status["events"] = 503
        p = self.greeted()
        one = p.event("m1")
        p.event("m2")
        p.read_ack(2)
        self.agent.kill()
        (segment,) = self.segments()
        with open(segment, "r+b") as f:
            f.seek(os.path.getsize(segment) - 5)
            f.write(b"\xff\xff")
        self.mim.status.clear()
        self.agent.start()
        self.agent.wait_for_log("damaged file")
        self.wait_delivered((one, "injected"))
        wait_until(lambda: os.path.exists(segment + ".damaged"), "the file put aside")

    def test_an_event_that_mim_refuses_does_not_hold_up_the_others(self):
        p = self.greeted()
        self.mim.refuse_event = wire.ids("m3")[0]
        instances = [p.event(f"m{i}") for i in range(8)]
        p.read_ack(8)
        self.wait_delivered(*[(i, "injected") for i in instances
                              if i != self.mim.refuse_event])
        self.agent.wait_for_log("MIM refuses an event")

        def nothing_goes_along():
            p.open()
            p.read_answer()
            return self.mim.bodies("decisions")[-1]["events"] == []
        wait_until(nothing_goes_along, "an OPEN without events")
        # it is still there, for a MIM that knows better
        self.agent.kill()
        refused, self.mim.refuse_event = self.mim.refuse_event, None
        self.agent.start()
        self.wait_delivered((refused, "injected"))

    def test_retry_after_is_respected(self):
        self.mim.status["events"] = 503
        self.mim.retry_after = 3
        self.greeted().event("m1")
        self.mim.wait(lambda: self.mim.count("events") == 1, "a refusal")
        began = time.monotonic()
        self.mim.status.clear()
        self.mim.wait(lambda: self.mim.count("events") == 2, "the next try")
        self.assertGreater(time.monotonic() - began, 2.9)

    def test_one_spool_one_process(self):
        self.assert_no_second({"inlay.spool.directory": self.agent.spool},
                              "another process uses this spool")


class FullSpool(AgentCase):
    settings = {"inlay.spool.max-size": "1 MiB"}

    def test_a_full_spool_injects_nothing_and_still_withdraws(self):
        self.mim.status["events"] = 503
        instance, guid = wire.ids("old")
        self.mim.actions = [
            inject("m1", self.give_template()),
            {"op": "withdraw", "guid": guid, "cause": "recall", "lazy": False}]
        p = self.greeted()
        p.open()
        self.assertEqual([f[0] for f in p.read_answer()],
                         [wire.KNOWN, wire.INJECT, wire.WITHDRAW, wire.DONE])
        long_name = "x" * 990
        confirmed = []
        for user in range(3):
            q = self.greeted(user=f"{long_name}{user}@example.org")
            for burst in range(20):
                names = [f"{user}-{burst}-{i}" for i in range(30)]
                try:
                    sent = [q.event(n) for n in names]
                    q.read_ack(q.number)
                except (AssertionError, ConnectionResetError, BrokenPipeError):
                    break
                confirmed += [(i, "injected") for i in sent]
        used = self.agent.spooled()
        self.assertLessEqual(used, 1024 * 1024)
        self.assertGreater(used, 900 * 1024)
        p.open()
        self.assertEqual([f[0] for f in p.read_answer()],
                         [wire.KNOWN, wire.WITHDRAW, wire.DONE])
        self.agent.wait_for_log("no event can be taken")
        self.mim.status.clear()
        self.wait_delivered(*confirmed)

        def injects():
            p.open()
            return wire.INJECT in [f[0] for f in p.read_answer()]
        wait_until(injects, "an injection after the delivery")


if __name__ == "__main__":
    unittest.main()
