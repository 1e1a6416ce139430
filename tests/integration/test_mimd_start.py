# SPDX-License-Identifier: Apache-2.0
"""mimd that cannot start, or whose log cannot be opened: it says why, and ends with the
code of the cause."""
import os
import pathlib
import signal
import socket
import tempfile
import unittest

from services.dovecot import wait_until
from services.mimd import Mimd

# exit codes of the kinds of errors (src/base/error.h)
USAGE, IO = 2, 74


class Start(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(
            tempfile.TemporaryDirectory(prefix="inlay-")))

    def mimd(self, **settings):
        return Mimd(self.folder / "mimd", {name.replace("__", "-").replace("_", "."): v
                                           for name, v in settings.items()})

    def refuses(self, code, *words, **settings):
        done = self.mimd(**settings).run()
        said = done.stdout + done.stderr
        self.assertEqual(done.returncode, code, said)
        for word in words:
            self.assertIn(word, said)

    def test_the_log_cannot_be_opened(self):
        self.refuses(USAGE, "/nonexistent/log", "cannot open the log file",
                     logging_file="/nonexistent/log")

    def test_the_folder_of_the_data_is_a_file(self):
        there = self.folder / "file"
        there.write_text("not a folder")
        self.refuses(IO, "cannot start: ", str(there), inlay_data_directory=there)
        self.assertEqual(there.read_text(), "not a folder")

    def test_the_port_is_taken(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            s.listen()
            port = s.getsockname()[1]
            self.refuses(IO, "cannot start: ", str(port), server_port=port)
            self.refuses(IO, "cannot start: ", str(port), inlay_public_port=port,
                         inlay_public_address="127.0.0.1")

    def test_a_path_that_is_too_long(self):
        self.refuses(USAGE, "a path is too long",
                     inlay_secrets_key__file="/" + "x" * 5000)

    def test_a_key_file_that_holds_no_key(self):
        path = self.folder / "key"
        for text in "", "short", "x" * 500:
            with self.subTest(text=text[:5]):
                path.write_text(text)
                os.chmod(path, 0o600)
                done = self.mimd(inlay_secrets_key__file=path).run()
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(str(path), done.stderr)
                self.assertEqual(path.read_text(), text)

    def test_the_first_token_cannot_be_written(self):
        self.refuses(IO, "cannot start: ", "/nonexistent/token",
                     inlay_tokens_first__file="/nonexistent/token")

    def test_the_first_error_is_also_on_the_terminal_when_there_is_a_log_file(self):
        log = self.folder / "log"
        self.refuses(USAGE, "a path is too long", logging_file=log,
                     inlay_secrets_key__file="/" + "x" * 5000)
        self.assertIn("a path is too long", log.read_text())

    def test_more_areas_of_the_log_than_there_may_be_are_said(self):
        settings = {f"logging_level_area{n}": "DEBUG" for n in range(100)}
        with self.mimd(**settings) as mimd:
            self.assertIn("too many or too long areas of logging.level", mimd.log())

    def test_a_log_that_cannot_be_reopened_goes_on_in_the_old_file(self):
        folder, away = self.folder / "logs", self.folder / "away"
        folder.mkdir()
        mimd = self.mimd(logging_file=folder / "log")
        mimd.daemon.ready = lambda: "Started MIMApplication" in (
            (folder / "log").read_text() if (folder / "log").exists() else "")
        with mimd:
            folder.rename(away)
            mimd.daemon.signal(signal.SIGHUP)
            wait_until(lambda: "cannot open the log file" in (away / "log").read_text(),
                       "the error in the old file")
            away.rename(folder)
            mimd.daemon.signal(signal.SIGHUP)
            wait_until(lambda: "log opened anew" in mimd.log(), "the reopened file")
        self.assertIn("stopping  signal=TERM", mimd.log())


if __name__ == "__main__":
    unittest.main()
