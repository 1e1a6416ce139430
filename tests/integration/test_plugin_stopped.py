# SPDX-License-Identifier: Apache-2.0
"""A real agent that is stopped in the middle of its work (SIGSTOP): what that costs is
paid once, not at every command, and not again by the next session of the process."""
import os
import re
import signal
import unittest

from fake_agent import DONE, OPEN_AGAIN, encode
from plugin_case import PluginCase, wait_until
from scripted_mim import ScriptedMim
from services.agent import Agent

SLACK_MS = 300  # until a process that has waited long enough gets its turn
WAITED = re.compile(r"imap\([^)]*\)<(\d+)>.*inlay: Waited (\d+) ms for the agent")


# the plugin's own word for a wait goes to the log
LOG_WAITS = "log_debug = event=inlay_waited\n"


class Stopped(PluginCase):
    """What the classes below share."""

    settings = {"inlay_deadline": 50}

    def setUp(self):
        super().setUp()
        self.mim = ScriptedMim()
        root = os.geteuid() == 0
        self.real = Agent(
            os.path.join(self.directory, self.user), self.mim.url,
            settings={"inlay.socket.path": self.socket,
                      "inlay.trusted-uids": "mail" if root else os.geteuid(),
                      "inlay.socket.group": "mail" if root else os.getegid()})
        self.real.start()
        self.deliver("friend")

    def tearDown(self):
        self.real.signal(signal.SIGCONT)
        super().tearDown()
        self.real.stop()
        self.mim.stop()

    def waits(self):
        """[(process, ms)] since the test began."""
        return [(int(pid), int(ms)) for pid, ms in WAITED.findall(self.log())]

    def logged(self, text, count):
        """What came before it in the same process is logged as well then."""
        wait_until(lambda: self.log().count(text) >= count, f"{text!r} in the log")

    def opened(self):
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        return client


class Process(Stopped):
    # one serves all sessions
    server = {"extra": LOG_WAITS +
              "service imap {\n  service_count = 100\n  process_limit = 1\n}\n"}

    def test_it_costs_one_wait_a_session_and_none_in_the_next(self):
        self.real.signal(signal.SIGSTOP)
        client = self.opened()
        for _ in range(20):
            self.assertEqual(client.exists(), 1)
            client.noop()
            client.check()
        self.logout(client)
        for _ in range(5):
            client = self.opened()
            client.noop()
            self.logout(client)
        self.logged("Info: Disconnected: Logged out", 6)
        logins = re.findall(r"Info: Login: .* mpid=(\d+)", self.log())
        self.assertEqual(len(logins), 6)
        self.assertEqual(len(set(logins)), 1)  # else the next were no next ones
        self.assertEqual([pid for pid, _ in self.waits()], [int(logins[0])])
        self.assertLessEqual(self.waits()[0][1], 50 + SLACK_MS)
        self.assertEqual(self.log().count("does not answer HELLO in time"), 1)
        self.assertEqual(self.mim.arrived, [])


class Question(Stopped):
    settings = {"inlay_deadline": 1000}  # HELLO is to be answered
    server = {"extra": LOG_WAITS}

    def test_stopped_after_the_question_it_costs_one_wait(self):
        answer = self.mim.answer_of

        def stop_and_answer(name, *rest):
            if name == "decisions":
                self.real.signal(signal.SIGSTOP)
            return answer(name, *rest)
        self.mim.answer_of = stop_and_answer
        client = self.opened()
        for _ in range(20):
            self.assertEqual(client.exists(), 1)
            client.noop()
        self.assertIn("decisions", self.mim.arrived)
        self.logout(client)
        self.logged("Info: Disconnected: Logged out", 1)
        waits = [ms for _, ms in self.waits() if ms > 0]
        self.assertIn(len(waits), (1, 2))  # for HELLO's answer, too, if it was not there
        self.assertLessEqual(sum(waits), 1000 + SLACK_MS)
        self.assertEqual(self.log().count("does not answer OPEN in time"), 1)


class Budget(PluginCase):
    """What a session may wait is given once, not to every question."""

    settings = {"inlay_deadline": 1000}
    server = {"extra": LOG_WAITS}

    def waits(self):
        wait_until(lambda: "Info: Disconnected: Logged out" in self.log(), "the end")
        return [int(ms) for _, ms in WAITED.findall(self.log())]

    def test_what_hello_took_is_not_there_for_the_question(self):
        agent = self.start_agent()
        agent.delay, agent.mute = 0.7, {DONE}
        client = self.connect()
        client.exists()
        self.assertEqual(len(agent.opens), 1)
        self.logout(client)
        self.assertLessEqual(sum(self.waits()), 1000 + SLACK_MS)

    def test_what_the_first_command_left_is_not_there_for_the_next(self):
        agent = self.start_agent(opened=False)
        agent.mute = {DONE}
        client = self.connect()
        client.exists()
        agent.push(encode(OPEN_AGAIN))
        wait_until(lambda: client.noop() and agent.opens, "the question")
        client.noop()
        self.logout(client)
        self.assertLess(sum(self.waits()), 1000)
        self.assertNotIn("does not answer OPEN in time", self.log())


if __name__ == "__main__":
    unittest.main()
