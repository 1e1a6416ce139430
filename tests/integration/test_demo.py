# SPDX-License-Identifier: Apache-2.0
"""`make demo`: what a newcomer sees first, in folders as newcomers have them."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

from services.daemon import ROOT, build_folder
from services.dovecot import wait_until


def processes_below(folder):
    """The command lines that name something in it."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line and "demo.py" not in line:
            found.append(line)
    return found


def as_in_a_terminal():
    """Whoever runs the tests in the background may have had these ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


class TheDemo(unittest.TestCase):
    def setUp(self):
        self.temporary = pathlib.Path(tempfile.mkdtemp(prefix="inlay-d-"))
        self.addCleanup(shutil.rmtree, self.temporary)
        self.temporary.chmod(0o755)
        self.folder = self.temporary / "with a blank"

    def demo(self, **more):
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "examples/demo.py"), "--build",
             str(build_folder()), "--directory", str(self.folder)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, start_new_session=True, preexec_fn=as_in_a_terminal,
            env={**os.environ, **more})
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        return process

    def test_a_second_one_in_the_same_folder_leaves_the_first_alone(self):
        first = self.demo()
        wait_until(lambda: "Ctrl-C" in first.stdout.readline(), "the first is there", 60)
        second = self.demo()
        text = second.stdout.read()
        self.assertEqual(second.wait(), 1, text)
        self.assertIn("one is running in", text)
        self.assertIsNone(first.poll())
        first.send_signal(signal.SIGINT)
        first.stdout.read()
        self.assertEqual(first.wait(), 0)

    def test_all_is_as_it_should_be_below_a_folder_with_a_blank(self):
        process = self.demo(DEMO_EXIT="1")
        text = process.stdout.read()
        self.assertEqual(process.wait(), 0, text)
        self.assertEqual(os.listdir(self.temporary), [self.folder.name])
        self.assertEqual(processes_below(self.folder), [])

    def test_nothing_is_left_running_when_it_is_stopped_or_its_terminal_closed(self):
        for number in (signal.SIGINT, signal.SIGHUP):
            with self.subTest(signal=number):
                process = self.demo(DEMO_EXIT="")
                for line in process.stdout:
                    if "Ctrl-C stops everything" in line:
                        break
                self.assertNotEqual(processes_below(self.folder), [])
                os.killpg(process.pid, number)
                process.stdout.read()
                process.wait()
                wait_until(lambda: not processes_below(self.folder), "all has ended")

    def test_a_folder_of_somebody_else_is_not_emptied(self):
        self.folder.mkdir()
        (self.folder / "thesis.txt").write_text("years of work")
        process = self.demo(DEMO_EXIT="1")
        self.assertIn("is not emptied", process.stdout.read())
        self.assertEqual(process.wait(), 1)
        self.assertEqual(os.listdir(self.folder), ["thesis.txt"])

    @unittest.skipUnless(os.geteuid() == 0, "the mailboxes are our own")
    def test_a_folder_that_the_user_mail_may_not_enter_is_said_at_once(self):
        self.temporary.chmod(0o700)
        process = self.demo(DEMO_EXIT="1")
        self.assertIn(f"may not enter {self.temporary}", process.stdout.read())
        self.assertEqual(process.wait(), 1)


if __name__ == "__main__":
    unittest.main()
