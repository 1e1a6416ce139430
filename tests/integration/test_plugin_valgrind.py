# SPDX-License-Identifier: Apache-2.0
"""A real imap process under valgrind, with the plugin at work in it: no wrong access to
memory anywhere, nothing of ours leaked. What Dovecot itself leaks at its end is its own.
"""
import os
import shlex
import shutil
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

from fake_agent import WITHDRAW, encode
from plugin_case import PluginCase, message, wait_until

IMAP = "/usr/lib/dovecot/imap"
# A session under valgrind is some thirty times slower; the deadline is not what is
# tested here.
DEADLINE_MS = 10000
FAULTY = """
#include <stdlib.h>
void faulty_plugin_init(void *module);
void faulty_plugin_deinit(void);
static volatile int sink;
void faulty_plugin_init(void *module)
{
	int *leaked = malloc(sizeof *leaked);
	(void)module;
	if (*leaked == 42)
		sink = 1;
}
void faulty_plugin_deinit(void) {}
"""


class Valgrind(PluginCase):
    """imap is started through a script that puts valgrind before it."""

    settings = {"inlay_deadline": DEADLINE_MS}

    @classmethod
    def setUpClass(cls):
        cls.reports = tempfile.mkdtemp(prefix="inlay-vg-")
        os.chmod(cls.reports, 0o755)
        script = os.path.join(cls.reports, "imap")
        command = ["valgrind", "--command-line-only=yes", "--leak-check=full",
                   "--show-leak-kinds=definite", "--num-callers=40",
                   # of plugins that are unloaded before the end
                   "--keep-debuginfo=yes", "--xml=yes",
                   f"--xml-file={cls.reports}/%p.xml", IMAP]
        with open(script, "w") as f:
            f.write(f'#!/bin/sh\nexec /usr/bin/{shlex.join(command)} "$@"\n')
        os.chmod(script, 0o755)
        cls.server = {**cls.server, "extra": f"service imap {{\n  executable = {script}\n"
                                             "  vsz_limit = 0\n}\n"}
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        shutil.rmtree(cls.reports)

    def finished(self):
        """The reports of all processes that there were, when they have ended."""
        names = [n for n in os.listdir(self.reports) if n.endswith(".xml")]
        texts = []
        for name in names:
            with open(os.path.join(self.reports, name)) as f:
                texts.append(f.read())
        return texts if all("</valgrindoutput>" in t for t in texts) else None

    def findings(self, sessions, plugin="lib99_inlay_plugin.so"):
        """[(kind, stacks as text)] of wrong accesses, and of leaks through the plugin."""
        found = []
        texts = wait_until(self.finished, "valgrind's reports", 60)
        self.assertEqual(len(texts), sessions)
        for text in texts:
            for error in ElementTree.fromstring(text).iter("error"):
                kind = error.findtext("kind")
                frames = list(error.iter("frame"))
                ours = any((f.findtext("obj") or "").endswith(plugin) for f in frames)
                if ours or not kind.startswith("Leak_"):
                    found.append((kind, "\n".join(
                        f"{f.findtext('fn')} {f.findtext('file')}:{f.findtext('line')}"
                        f" {f.findtext('obj')}" for f in frames)))
        return found


class Life(Valgrind):
    """All that happens to messages of ours, in three sessions."""

    mail = "sdbox"

    def read_and_expunge(self):
        client = self.connect()
        self.assertEqual(client.exists(), 2)
        self.agent.wait_event("injected")
        client.fetch("2", "(BODY[])")
        self.agent.wait_event("read")
        client.store("2", "+FLAGS", "\\Deleted")
        client.expunge()
        self.agent.wait_event("gone", cause="expunged")
        self.logout(client)

    def have_one_withdrawn(self):
        second = self.agent.add(message(self, 2, size=20000))
        client = self.connect()
        self.assertEqual(client.exists(), 2)
        self.agent.wait_event("injected", instance=second.instance)
        client.create("Kept")
        client.copy("2", "Kept")
        client.idle()
        self.agent.push(encode(WITHDRAW, guid=second.guid, cause=1, lazy=0))
        self.agent.wait_event("gone", cause="withdrawn")
        client.idle_done()
        client.noop()
        self.logout(client)

    def lose_the_agent(self):
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        self.agent.push(b"no frame at all")
        client.noop()
        self.agent.close()
        self.agent = None
        client.noop()
        self.logout(client)

    def meet_no_agent(self):
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        self.logout(client)

    def test_no_wrong_access_and_no_leak_of_ours(self):
        self.deliver("friend")
        self.start_agent(message(self))
        self.read_and_expunge()
        self.have_one_withdrawn()
        self.lose_the_agent()
        self.meet_no_agent()
        self.assertEqual(self.findings(sessions=4), [])


class LifeInMaildir(Life):
    mail = "maildir"


class Faulty(Valgrind):
    """The tests above would see what is wrong."""

    server = {"plugin": None, "plugins": "faulty"}

    @classmethod
    def setUpClass(cls):
        modules = cls.enterClassContext(tempfile.TemporaryDirectory())
        library = os.path.join(modules, "lib98_faulty_plugin.so")
        subprocess.run(["cc", "-g", "-O0", "-shared", "-fPIC", "-x", "c", "-", "-o",
                        library], input=FAULTY, text=True, check=True)
        cls.server = {**cls.server, "modules": [library]}
        super().setUpClass()

    def test_a_faulty_plugin_is_found(self):
        self.logout(self.connect())
        kinds = [kind for kind, stack in
                 self.findings(sessions=1, plugin="lib98_faulty_plugin.so")]
        self.assertEqual(sorted(kinds), ["Leak_DefinitelyLost", "UninitCondition"])


if __name__ == "__main__":
    unittest.main()
