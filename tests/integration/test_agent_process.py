# SPDX-License-Identifier: Apache-2.0
"""The real inlay-agent as a process: who may speak to it, signals, settings."""

import os
import pwd
import re
import shutil
import signal
import tempfile
import unittest

import fake_agent as wire
from agent_case import LIMIT, ROOT, AgentCase
from scripted_mim import inject
from services.agent import Agent
from services.dovecot import wait_until


class Peers(AgentCase):
    settings = {"inlay.trusted-uids": "54321",
                "inlay.user-map." + str(os.getuid()): "anna@example.org, bert",
                "inlay.limits.connections-per-uid": "4",
                "inlay.limits.requests-per-minute": "6"}

    def test_an_untrusted_uid_speaks_for_its_own_users_only(self):
        own = pwd.getpwuid(os.getuid()).pw_name
        for user in ("anna@example.org", "bert", own):
            p = self.greeted(user=user)
            p.close()
        p = self.plugin()
        p.hello(user="carla@example.org")
        self.assertTrue(p.is_closed())
        self.assertEqual(self.mim.count("hello"), 3)

    def test_a_connection_belongs_to_the_first_user_it_names(self):
        p = self.greeted(user="anna@example.org")
        p.hello(user="bert")
        self.assertTrue(p.is_closed())

    def test_an_unknown_tenant_is_turned_away(self):
        p = self.plugin()
        p.hello(user="bert", tenant="other")
        self.assertTrue(p.is_closed())

    def test_too_many_connections_and_requests(self):
        open_ones = [self.greeted(user="bert") for _ in range(4)]
        self.assertTrue(self.plugin().is_closed())
        open_ones.pop().close()

        def let_in():
            q = self.plugin()
            try:
                q.hello(user="bert")
                return q if q.read() is not None else None
            except (ConnectionResetError, BrokenPipeError):
                return None
        p = wait_until(let_in, "the place of one that left")
        p.open()  # the sixth request
        self.assertEqual(p.read_answer()[-1][0], wire.DONE)
        p.open()
        self.assertTrue(p.is_silent())


class Process(AgentCase):
    def test_sigterm_ends_it_well(self):
        self.mim.status["events"] = 503
        p = self.greeted()
        instance = p.event("m1")
        p.read_ack(1)
        self.assertEqual(self.agent.stop(), 0)
        self.assertFalse(os.path.exists(self.agent.socket))
        self.assertTrue(p.is_closed())
        self.mim.status.clear()
        self.agent.start()
        self.wait_delivered((instance, "injected"))

    def test_sigterm_lets_an_answer_out(self):
        self.mim.delay["decisions"] = 0.3
        p = self.greeted()
        p.open()
        self.mim.wait(lambda: "decisions" in self.mim.arrived, "the question")
        self.agent.signal(signal.SIGTERM)
        self.assertEqual(p.read_answer()[-1][0], wire.DONE)
        self.assertTrue(p.is_closed())
        self.assertEqual(self.agent.process.wait(LIMIT), 0)
        self.agent.process = None

    def test_sighup_reopens_the_log_and_reads_the_tokens(self):
        self.greeted()
        os.rename(self.agent.log, self.agent.log + ".1")
        self.agent.log_before = 0
        self.agent.tokens["default"] = "another-token"
        self.agent.write_tokens()
        self.agent.signal(signal.SIGHUP)
        self.agent.wait_for_log("log reopened")
        self.greeted()
        self.assertEqual([c[3] for c in self.mim.calls],
                         ["Bearer secret-token", "Bearer another-token"])

    def test_the_log_tells_nobodys_name(self):
        self.mim.actions = [inject("m1", self.give_template(), variables={})]
        p = self.greeted(user="very-private-name@example.org")
        p.open()
        p.read_answer()
        self.agent.wait_for_log("a message cannot be made")
        self.assertNotIn("very-private-name", self.agent.log_text())
        self.assertNotIn("secret-token", self.agent.log_text())

    def test_a_socket_left_by_a_crash_is_replaced(self):
        self.agent.kill()
        self.assertTrue(os.path.exists(self.agent.socket))
        self.agent.start()
        self.greeted()
        self.assert_no_second({"inlay.socket.path": self.agent.socket},
                              "another process listens there")
        self.greeted()

    def test_the_socket_has_its_mode(self):
        self.assertEqual(os.stat(self.agent.socket).st_mode & 0o777, 0o660)
        self.agent.stop()
        self.agent.settings["inlay.socket.mode"] = "0600"
        self.agent.start()
        self.assertEqual(os.stat(self.agent.socket).st_mode & 0o777, 0o600)


class Configuration(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="inlay-agent-")
        self.addCleanup(shutil.rmtree, self.directory, True)
        self.agent = Agent(self.directory, "http://127.0.0.1:9")

    def test_what_is_wrong_is_said_in_one_line_each(self):
        for name, value, want in (
                ("inlay.trusted-uids", None, "inlay.trusted-uids: must be set"),
                ("inlay.trusted-uids", "no-such-user", "there is no such user"),
                ("inlay.unknown", "1", "inlay.unknown"),
                ("inlay.socket.mode", "9", "octal"),
                ("inlay.socket.group", "no-such-group", "there is no such group"),
                ("inlay.mim.url", "ftp://x", "http://"),
                ("inlay.mim.timeout", "5 parsecs", "inlay.mim.timeout"),
                # it would take a middleware for dead that lets it wait
                ("inlay.mim.timeout", "1900ms",
                 'inlay.mim.timeout: "1900ms" is not allowed'),
                ("inlay.address-domain", "a b", "host name"),
                ("inlay.message-id-domain", "a>b", "host name"),
                ("inlay.tenant.a/b.token-file", "/x", "<id>.token-file"),
                ("inlay.user-map.x", "y", "is no uid")):
            with self.subTest(name):
                agent = Agent(self.directory, "http://127.0.0.1:9",
                              settings={name: value})
                code, _, text = agent.run("--check-config")
                self.assertEqual(code, 2, text)
                self.assertIn(want, text)
                self.assertEqual(len(text.splitlines()), 1, text)

    def test_check_print_help_version(self):
        self.assertEqual(self.agent.run("--check-config")[:2],
                         (0, "the settings are fine\n"))
        code, text, _ = self.agent.run("--print-config",
                                       "--set", "inlay.mim.timeout=3s")
        self.assertEqual(code, 0)
        self.assertIn("inlay.mim.timeout=3s", text)
        code, text, _ = self.agent.run("--help")
        self.assertEqual(code, 0)
        self.assertIn("inlay.spool.max-size", text)
        self.assertRegex(self.agent.run("--version")[1], r"^inlay-agent \d")
        code, _, text = self.agent.run("--nonsense")
        self.assertEqual(code, 2)
        self.assertIn("--nonsense", text)

    def test_manual_and_sample_speak_of_the_settings_there_are(self):
        known = set(re.findall(r"^#?([a-z][a-z.-]*[a-z]|[a-z.-]+\.\*)(?==)",
                               self.agent.run("--print-config")[1], re.M))
        names = set(re.findall(r"^    ([a-z]\S*)$", self.agent.run("--help")[1], re.M))
        self.assertGreater(len(names), 20)
        with open(os.path.join(ROOT, "docs/man/inlay-agent.8"), encoding="utf-8") as f:
            manual = set(re.findall(r"^\.It Va (\S+)$", f.read(), re.M))
        self.assertEqual(manual, names)
        self.assertTrue(known - {"inlay.tenant.default.token-file"} <= names, known)
        sample = os.path.join(ROOT, "packaging/inlay-agent.properties")
        with open(sample, encoding="utf-8") as f:
            lines = f.read()
        for name in re.findall(r"^#?([a-z.-]+[a-z])=", lines, re.M):
            self.assertTrue(name in names or name.startswith("inlay.tenant."), name)
        done = self.agent.run("--config", sample, "--check-config",
                              "--set", "inlay.trusted-uids=",
                              "--set", "inlay.socket.group=")
        self.assertEqual(done[0], 0, done)

    def test_a_missing_token_file_or_folder_is_said(self):
        os.unlink(self.agent.token_file("default"))
        code, _, text = self.agent.run()
        self.assertNotEqual(code, 0)
        self.assertIn("token-default", text)
        self.agent.write_tokens()
        shutil.rmtree(self.agent.spool)
        code, _, text = self.agent.run()
        self.assertNotEqual(code, 0)
        self.assertIn("cannot open the spool", text)


if __name__ == "__main__":
    unittest.main()
