# SPDX-License-Identifier: Apache-2.0
"""The real inlay-agent when files, descriptors, peers or answers are not as they
should be: what it says, and that it goes on."""

import glob
import os
import resource
import shutil
import signal
import tempfile
import time
import unittest

import fake_agent as wire
from agent_case import LIMIT, AgentCase
from scripted_mim import inject
from services.agent import Agent


class Answers(AgentCase):
    def test_an_unusable_answer_to_hello_is_said_and_not_passed_on(self):
        self.mim.raw["hello"] = b'{"open":'
        p = self.plugin()
        p.hello()
        self.agent.wait_for_log("MIM's answer to HELLO is unusable")
        self.assertTrue(p.is_silent())
        self.mim.raw.clear()
        p.hello()
        self.assertEqual(p.read()[0], wire.READY)

    def test_a_template_that_mim_does_not_have_is_a_refusal(self):
        self.mim.actions = [inject("m1", "0" * 64)]
        p = self.greeted()
        for _ in range(2):
            p.open()
            self.assertEqual([f[0] for f in p.read_answer()], [wire.KNOWN, wire.DONE])
        self.agent.wait_for_log("a template cannot be fetched")
        self.wait_delivered((self.mim.actions[0]["instance"], "refused"))
        self.assertEqual(self.mim.events[0]["cause"], "failed")
        # it is not asked for again at every opening
        self.assertEqual(self.mim.count("templates"), 1)

    def test_a_template_outlives_the_session_that_wanted_it(self):
        self.mim.actions = [inject("m1", self.give_template())]
        self.mim.delay["templates"] = 0.5
        p = self.greeted()
        p.open()
        self.mim.wait(lambda: "templates" in self.mim.arrived, "the template")
        p.close()
        q = self.greeted(user="bert@example.org")
        q.open()
        self.assertEqual([f[0] for f in q.read_answer()],
                         [wire.KNOWN, wire.INJECT, wire.DONE])
        self.assertEqual(self.mim.count("templates"), 1)

    def test_sigterm_twice_waits_for_nothing(self):
        self.agent.stop()
        self.agent.settings["inlay.drain-timeout"] = "60s"
        self.agent.start()
        self.mim.actions = [inject("m1", self.give_template())]
        self.mim.delay["templates"] = 15
        p = self.greeted()
        p.open()
        self.mim.wait(lambda: "templates" in self.mim.arrived, "the template")
        began = time.monotonic()
        self.agent.signal(signal.SIGTERM)
        self.agent.wait_for_log("stopping")
        self.agent.signal(signal.SIGTERM)
        self.assertEqual(self.agent.process.wait(LIMIT), 0)
        self.agent.process = None
        self.assertLess(time.monotonic() - began, 10)

    def test_who_does_not_read_gets_all_of_it_once_it_reads(self):
        large = {"from": {"name": "Shop", "address": "news@example.org"},
                 "subject": "Hello", "html": f"<p>{'word ' * 30000}</p>"}
        digest = self.give_template(large)
        self.mim.actions = [inject(f"m{i}", digest) for i in range(8)]
        p = self.greeted()
        for request in 1, 2:
            p.open(request=request)
            self.mim.wait(lambda: self.mim.count("decisions") == request, "it")
            self.greeted(user=f"bert{request}@example.org").close()
        answered = set()  # both wait for the template: in whichever order
        for _ in 1, 2:
            frames = p.read_answer()
            self.assertEqual([f[0] for f in frames],
                             [wire.KNOWN] + [wire.INJECT] * 8 + [wire.DONE])
            answered.add(frames[-1][1]["request"])
            self.assertGreater(sum(len(f[1]["message"]) for f in frames[1:-1]), 10**6)
        self.assertEqual(answered, {1, 2})

    def test_who_never_reads_is_cut_off(self):
        large = {"from": {"name": "Shop", "address": "news@example.org"},
                 "subject": "Hello", "html": f"<p>{'word ' * 50000}</p>"}
        digest = self.give_template(large)
        self.mim.actions = [inject(f"m{i}", digest) for i in range(8)]
        p = self.greeted()
        for request in range(1, 12):
            try:
                p.open(request=request)
            except (BrokenPipeError, ConnectionResetError):
                break
            self.mim.wait(lambda: self.mim.count("decisions") == request, "it")
            self.greeted(user=f"bert{request}@example.org").close()
        self.agent.wait_for_log("cannot send  frame=INJECT")
        self.greeted()

    def test_who_says_nothing_is_cut_off(self):
        p = self.plugin()
        p.sock.settimeout(15)
        began = time.monotonic()
        self.assertTrue(p.is_closed())
        self.assertGreater(time.monotonic() - began, 8)


class SmallCache(AgentCase):
    settings = {"inlay.cache.memory": "1 MiB", "inlay.cache.max-size": "1 MiB"}

    def test_templates_that_do_not_fit_together_are_fetched_anew(self):
        digests = [self.give_template(
            {"from": {"name": f"Shop {n}", "address": "news@example.org"},
             "subject": f"Hello {n}", "html": f"<p>{'text ' * 50000}{n}</p>"})
            for n in range(5)]
        p = self.greeted()
        request = 0
        for _ in range(2):
            for n, digest in enumerate(digests):
                request += 1
                self.mim.actions = [inject(f"m{request}", digest)]
                p.open(request=request)
                frames = p.read_answer()
                self.assertIn(f"Subject: Hello {n}\r\n", frames[1][1]["message"])
        self.assertGreater(self.mim.count("templates"), len(digests))
        kept = glob.glob(self.agent.cache + "/default/*")
        self.assertLessEqual(sum(os.path.getsize(f) for f in kept), 1024 * 1024)
        self.assertGreater(len(kept), 0)


class Files(AgentCase):
    def inject_one(self):
        self.mim.actions = [inject("m1", self.give_template())]
        p = self.greeted()
        p.open()
        self.assertIn(wire.INJECT, [f[0] for f in p.read_answer()])

    def test_left_overs_in_the_cache_are_removed_and_strange_files_left(self):
        self.agent.stop()
        os.makedirs(self.agent.cache + "/default")
        rest = self.agent.cache + f"/default/{'a' * 64}.tmp"
        stranger = self.agent.cache + "/acme"
        for path in rest, stranger:
            with open(path, "w", encoding="ascii") as f:
                f.write("half a templ")
        self.agent.start()
        self.inject_one()
        self.assertFalse(os.path.exists(rest))
        self.assertTrue(os.path.exists(stranger))

    def test_a_cache_that_cannot_be_written_is_done_without(self):
        self.agent.stop()
        with open(self.agent.cache + "/default", "w", encoding="ascii"):
            pass
        self.agent.start()
        self.inject_one()
        self.agent.wait_for_log("a template cannot be kept on disk")

    def test_a_spool_that_is_gone_confirms_nothing_and_injects_nothing(self):
        self.mim.actions = [inject("m1", self.give_template())]
        shutil.rmtree(self.agent.spool)
        p = self.greeted()
        p.event("one")
        self.assertTrue(p.is_closed())
        self.agent.wait_for_log("an event was not taken")
        q = self.greeted()
        q.open()
        self.assertEqual([f[0] for f in q.read_answer()], [wire.KNOWN, wire.DONE])
        self.agent.wait_for_log("no event can be taken")
        os.mkdir(self.agent.spool)
        self.assertEqual(self.agent.stop(), 0)
        self.agent.start()
        self.inject_one()

    def test_a_refused_event_outlives_an_orderly_restart(self):
        self.mim.refuse_event = wire.ids("m1")[0]
        p = self.greeted()
        instances = [p.event(f"m{i}") for i in range(3)]
        p.read_ack(3)
        self.agent.wait_for_log("MIM refuses an event")
        self.wait_delivered(*((instances[i], "injected") for i in (0, 2)))
        self.assertEqual(self.agent.stop(), 0)
        self.mim.refuse_event = None
        self.agent.start()
        self.wait_delivered((instances[1], "injected"))

    def test_a_log_that_cannot_be_reopened_goes_on_in_the_old_file(self):
        self.agent.stop()
        folder = os.path.join(self.directory, "logs")
        os.mkdir(folder)
        self.agent.log = self.agent.settings["logging.file"] = folder + "/agent.log"
        self.agent.start()
        os.rename(folder, folder + ".away")
        self.agent.log = folder + ".away/agent.log"
        self.agent.signal(signal.SIGHUP)
        self.agent.wait_for_log("cannot reopen the log")
        os.rename(folder + ".away", folder)
        self.agent.log = folder + "/agent.log"

    def test_a_bad_token_at_sighup_leaves_the_old_one(self):
        self.greeted()
        self.agent.tokens["default"] = "two words"
        self.agent.write_tokens()
        self.agent.signal(signal.SIGHUP)
        self.agent.wait_for_log("the old token stays")
        self.greeted()
        self.assertEqual({c[3] for c in self.mim.calls}, {"Bearer secret-token"})


class Descriptors(AgentCase):
    def test_without_descriptors_it_pauses_and_goes_on(self):
        used = len(os.listdir(f"/proc/{self.agent.process.pid}/fd"))
        _, hard = resource.prlimit(self.agent.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(self.agent.process.pid, resource.RLIMIT_NOFILE,
                         (used + 4, hard))
        many = [self.plugin() for _ in range(8)]
        self.agent.wait_for_log("cannot accept  error=Too many open files")
        resource.prlimit(self.agent.process.pid, resource.RLIMIT_NOFILE, (hard, hard))
        for p in many:
            p.hello()
        for p in many:
            self.assertEqual(p.read()[0], wire.READY)


class Start(unittest.TestCase):
    """It does not start, says why in one line, and ends with the code of the cause."""

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="inlay-agent-")
        self.addCleanup(shutil.rmtree, self.directory, True)

    def refuses(self, want, code, *options, prepare=None, **settings):
        agent = Agent(self.directory, "http://127.0.0.1:9", settings={
            name.replace("_", "."): value for name, value in settings.items()})
        if prepare is not None:
            prepare(agent)
        got, _, text = agent.run(*options)
        self.assertIn(want, text + agent.log_text())
        self.assertEqual(got, code, text)

    def test_the_log_cannot_be_opened(self):
        self.refuses("/nonexistent/log", 74, logging_file="/nonexistent/log")

    def test_the_socket_cannot_be_made(self):
        self.refuses("must have 1 to 107 bytes", 65,
                     inlay_socket_path="/tmp/" + "x" * 120)
        self.refuses("cannot make the socket", 74,
                     inlay_socket_path="/nonexistent/agent.sock")
        there = os.path.join(self.directory, "file")
        with open(there, "w", encoding="ascii"):
            pass
        self.refuses("is there, and no socket", 75, inlay_socket_path=there)

    def test_folders_cannot_be_used(self):
        self.refuses("cannot open the cache", 74,
                     inlay_cache_directory="/nonexistent/cache")
        self.refuses("cannot open the spool", 74,
                     inlay_spool_directory="/nonexistent/spool")

    def test_the_lock_of_the_spool_cannot_be_opened(self):
        self.refuses("cannot lock the spool", 74,
                     prepare=lambda agent: os.mkdir(agent.spool + "/lock"))

    def test_a_folder_in_the_place_of_a_file_of_the_spool(self):
        self.refuses("cannot open 0000000000000007.spool", 74,
                     prepare=lambda agent: os.mkdir(
                         agent.spool + "/0000000000000007.spool"))

    def test_a_token_that_is_none(self):
        def write(text):
            def prepare(agent):
                with open(agent.token_file("default"), "w", encoding="ascii") as f:
                    f.write(text)
            return prepare
        for text in "", "two words\n", "x" * 5000:
            self.refuses("must hold one token", 65, prepare=write(text))

        def folder(agent):
            os.unlink(agent.token_file("default"))
            os.mkdir(agent.token_file("default"))
        self.refuses("cannot read the token file", 74, prepare=folder)

    def test_options_that_are_none(self):
        for options in (("--set",), ("--set", "nonsense"), ("--set=a.b=c",),
                        ("--set", "inlay.mim.timeout=never"), ("--configuration",),
                        ("--set", "inlay.node=a") * 65):
            with self.subTest(options[:2]):
                self.refuses("inlay-agent: ", 2, *options)

    def test_an_option_wins_over_the_file(self):
        agent = Agent(self.directory, "http://127.0.0.1:9")
        code, text, _ = agent.run("--set=inlay.node=other.example.org",
                                  "--print-config")
        self.assertEqual(code, 0)
        self.assertIn("inlay.node=other.example.org\n", text)

    def test_more_than_there_may_be(self):
        self.refuses("must have 1 to 8 entries", 2,
                     **{"inlay.mim.url": ",".join(["http://x"] * 9)})
        self.refuses("inlay.trusted-uids: more than 64 entries", 2,
                     **{"inlay.trusted-uids": ",".join(map(str, range(65)))})
        self.refuses("inlay.node: must have 1 to 255 bytes", 2, inlay_node="x" * 256)
        self.refuses("too many tenants", 2, **{
            f"inlay.tenant.t{n}.token-file": "/nonexistent" for n in range(256)})
        self.refuses("too many users", 2, **{
            f"inlay.user-map.{uid}": ",".join(f"u{n}" for n in range(600))
            for uid in range(7)})


if __name__ == "__main__":
    unittest.main()
