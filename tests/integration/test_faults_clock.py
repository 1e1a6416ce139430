# SPDX-License-Identifier: Apache-2.0
"""The wall clock of mimd, the agent and Dovecot is set an hour back or a day forward
while they work, and set right again: no copy comes twice, nothing is counted twice, no
event is lost or held up, and no session ends."""
import contextlib
import datetime
import imaplib
import os
import tempfile
import time
import unittest

from fault_case import FaultCase, full_only, wait_until
from receiver import events_of
from services.shifted import Clock
from test_mimd_decisions import DecisionCase
from test_points import PointCase

BACK, FORWARD = -3600, 86400


class Steps(FaultCase):
    """clock: that of mimd and the agent; mail_clock: that of Dovecot's processes. (Its
    master has the true time: by itself it starts nothing for three minutes after a
    step back.)"""

    mail = "sdbox"
    chain_options = {"settings": {"inlay_deadline": 2000}}

    @classmethod
    def prepare(cls):
        cls.clock = Clock(cls.chain.folder / "clock")
        cls.chain.environment.update(cls.clock.environment)
        cls.mail_clock = Clock(cls.chain.folder / "mail-clock")
        cls.chain.dovecot.extra = cls.mail_clock.dovecot_settings()

    def setUp(self):
        super().setUp()
        self.addCleanup(self.step_all, 0)

    def step_all(self, seconds):
        self.clock.step(seconds)
        self.mail_clock.step(seconds)

    def assert_off(self, seconds, text):
        """The processes see the time that they are to see."""
        moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
        off = moment.timestamp() - time.time() - seconds
        self.assertLess(abs(off), 120, text)

    def said(self, line):
        """When a line of Dovecot's log was written."""
        text = f"{time.strftime('%Y')} {line[:15]}"
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.mktime(
            time.strptime(text, "%Y %b %d %H:%M:%S"))))

    def step_with_sessions_open(self, step):
        before, during, after, idle = users = self.put_users(4)
        self.publish_for(users)
        client = self.connect(before)
        self.assertEqual(client.exists(), 1)
        idler = self.connect(idle)
        self.assertEqual(idler.exists(), 1)
        self.wait_counted(injected=2)
        self.clock.step(step)
        # who was there before goes on, who comes now is served
        client.noop()
        client.fetch("1", "(BODY[])")
        self.assertEqual(client.exists(), 1)
        client.logout()
        self.assertEqual(self.open(during), 1)
        self.assertEqual(self.open(before), 1)
        self.wait_counted(injected=3, read=1)
        self.clock.step(0)
        for user in before, during, after:
            self.assertEqual(self.open(user), 1)
        self.read(during)
        self.wait_counted(injected=4, read=2)
        idler.idle()
        self.need(200, "POST", f"/campaigns/{self.campaign}/recall")
        idler.idle_until(b"EXPUNGE")
        idler.idle_done()
        idler.logout()
        for user in users:
            self.assertEqual(self.open(user), int(user in (before, during)))
        self.wait_counted(injected=4, read=2, recalled=2)
        self.assert_no_error_of_ours()

    def test_an_hour_back_with_sessions_open(self):
        self.step_with_sessions_open(BACK)

    def test_a_day_forward_with_sessions_open(self):
        self.step_with_sessions_open(FORWARD)

    def step_under_all(self, step):
        """Dovecot, too; what is open at a step back it may end by itself."""
        before, during, after = users = self.put_users(3)
        self.publish_for(users)
        client = self.connect(before)
        self.assertEqual(client.exists(), 1)
        if step > 0:  # it would end it as idle for a day
            client.logout()
        self.step_all(step)
        if step < 0:
            # an imap process that notices the step ends itself
            with contextlib.suppress(OSError, imaplib.IMAP4.abort):
                client.noop()
            client.shutdown()
            self.log_start = len(self.chain.dovecot.log())
        self.assertEqual((self.open(before), self.open(during)), (1, 1))
        self.assert_off(step, self.said(self.log().splitlines()[-1]))
        self.read(before)
        self.wait_counted(injected=2, read=1)
        self.step_all(0)
        for user in users:
            self.assertEqual(self.open(user), 1)
            self.assertEqual(self.count(user), 1)
        self.wait_counted(injected=3, read=1)
        self.assert_no_error_of_ours()

    def test_an_hour_back_under_dovecot_too(self):
        self.step_under_all(BACK)

    @full_only
    def test_a_day_forward_under_dovecot_too(self):
        self.step_under_all(FORWARD)

    def step_while_all_are_killed(self, step):
        before, after = users = self.put_users(2)
        self.publish_for(users)
        agent = self.chain.agent
        self.assertEqual(self.open(before), 1)
        wait_until(lambda: not agent.spooled(), "all is told")
        self.mimd.kill()
        self.read(before)
        wait_until(agent.spooled, "it waits in the agent's spool")
        agent.kill()
        self.clock.step(step)
        self.mimd.settings["server.port"] = self.mimd.port
        self.mimd.start()
        self.chain.start_agent()
        self.wait_counted(injected=1, read=1)
        self.assertEqual((self.open(before), self.open(after)), (1, 1))
        # what is made at another time has another id
        self.campaign += "2"
        self.assert_off(step, self.publish_for(users)["createdAt"])
        self.assert_off(step, self.chain.agent.log_text().splitlines()[-1].split()[0])
        self.assertEqual((self.open(before), self.open(after)), (2, 2))
        self.clock.step(0)
        self.chain.agent.kill()
        self.mimd.kill()
        self.mimd.start()
        self.chain.start_agent()
        self.assertEqual((self.open(before), self.open(after)), (2, 2))
        self.wait_counted(injected=2)
        self.campaign = self.campaign[:-1]
        self.wait_counted(injected=2, read=1)

    def test_killed_and_started_again_an_hour_earlier(self):
        self.step_while_all_are_killed(BACK)

    @full_only
    def test_killed_and_started_again_a_day_later(self):
        self.step_while_all_are_killed(FORWARD)

    def test_an_agent_that_waits_for_mimd_finds_it_whatever_the_time(self):
        user, = self.put_users(1)
        self.publish_for([user])
        self.assertEqual(self.open(user), 1)
        self.mimd.kill()
        self.read(user)
        self.chain.agent.wait_for_log("MIM")
        self.clock.step(BACK)
        self.mimd.settings["server.port"] = self.mimd.port
        self.mimd.start()
        self.wait_counted(injected=1, read=1)


class Points(PointCase):
    """Events on their way to a conversion point."""

    running = False

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="inlay-clock-")
        self.addCleanup(folder.cleanup)
        self.clock = Clock(os.path.join(folder.name, "clock"))
        super(DecisionCase, self).setUp()
        self.mimd.daemon.environment.update(self.clock.environment)
        self.mimd.start()
        self.make_tenant()
        self.agent = self.mimd.make_token("dovecot:default", name="agent")

    def test_each_event_goes_out_once_whatever_the_clock_does(self):
        r = self.receiver()
        self.set_points(self.point("p", r))
        self.load_campaign(40)
        for i, step in enumerate((0, BACK, 0, FORWARD, 0, BACK, FORWARD, 0)):
            self.clock.step(step)
            self.confirm(*range(5 * i, 5 * i + 5))
            self.wait_sent("p", 5 * i + 5)
        ids = [e["id"] for q in r.taken() for e in events_of(q)]
        self.assertEqual((len(ids), len(set(ids))), (40, 40))

    def failing(self, before, after):
        """A point that fails for a while with the clock off by `before`, and takes
        again what it is given once it is off by `after`."""
        broken = [True]
        r = self.receiver(lambda number, request: (500 if broken else 200, {}, b""))
        self.set_points(self.point("p", r))
        self.load_campaign()
        self.clock.step(before)
        self.confirm(*range(3))
        self.wait_status("p", lambda s: s["failures"] > 1, "it fails")
        self.clock.step(after)
        broken.clear()
        self.confirm(*range(3, 6))
        self.wait_sent("p", 6)
        self.assertEqual(self.status("p")["dead"], 0)

    def test_a_step_back_does_not_hold_up_what_is_tried_again(self):
        self.failing(0, BACK)

    @full_only
    def test_a_clock_that_was_a_day_ahead_does_not_hold_it_up_either(self):
        self.failing(FORWARD, 0)

    def test_one_that_was_days_ahead_does_not_even_after_a_restart(self):
        broken = [True]
        r = self.receiver(lambda number, request: (500 if broken else 200, {}, b""))
        self.set_points(self.point("p", r))
        self.load_campaign()
        self.clock.step(3 * FORWARD)
        self.confirm(*range(3))
        self.wait_status("p", lambda s: s["failures"] > 1, "it fails")
        self.mimd.kill()
        self.clock.step(0)
        broken.clear()
        self.mimd.start()
        self.wait_sent("p", 3)


if __name__ == "__main__":
    unittest.main()
