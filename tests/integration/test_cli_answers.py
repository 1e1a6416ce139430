# SPDX-License-Identifier: Apache-2.0
"""The command inlay against servers that are no mimd, or not as one should be, and on
files that are not as they should be."""
import contextlib
import http.server
import json
import os
import pathlib
import subprocess
import tempfile
import threading
import unittest

from middleware import LETTER, campaign
from services.daemon import build_folder

# exit codes of the kinds of errors (src/base/error.h)
USAGE, DATA, MISSING, UNAVAILABLE, INTERNAL, IO = 2, 65, 66, 69, 70, 74
PROBLEM = "application/problem+json"


class Server(http.server.ThreadingHTTPServer):
    """Answers every call by .answer(path): (status, type, bytes); keeps the calls."""

    daemon_threads = True

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def any(self):
            n = int(self.headers.get("Content-Length") or 0)
            self.server.calls.append((self.command, self.path, self.rfile.read(n)))
            status, kind, body = self.server.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = any

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.calls, self.answer = [], None
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02},
                         daemon=True).start()

    def handle_error(self, request, client_address):
        """A client that goes away, or talks TLS, is what some tests are about."""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(
            tempfile.TemporaryDirectory(prefix="inlay-")))
        self.token = self.file("token", "inlay_secret\n")
        os.chmod(self.token, 0o600)
        self.server = Server()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def file(self, name, text):
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    def inlay(self, *words, want=0, url=None, token=None, **how):
        done = subprocess.run(
            [str(build_folder() / "src/cli/inlay"), "--url", url or self.server.url,
             "--token-file", token or self.token, *words],
            capture_output=True, timeout=60, check=False,
            **{"stdin": subprocess.DEVNULL, **how})
        done.stdout, done.stderr = (b.decode("utf-8", "replace")
                                    for b in (done.stdout, done.stderr))
        self.assertEqual(done.returncode, want, f"{words}: {done.stdout}{done.stderr}")
        return done

    def answers(self, status, body, kind="application/json"):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.server.answer = lambda path: (status, kind, data)


class Answers(Case):
    """What a server may answer."""

    def test_a_page_instead_of_an_answer_is_never_a_success(self):
        self.answers(200, b"<p>Welcome to the hotel's network</p>", "text/html")
        for words in (("campaign", "list"), ("campaign", "pause", "x"), ("kill", "on"),
                      ("kill", "show"), ("health",), ("tenant", "show"), ("imports",),
                      ("token", "create", "admin"), ("import", "p", "--no-wait"),
                      ("campaign", "stats", "x"), ("user", "show", "a"),
                      ("user", "why", "a"), ("user", "erase", "a", "--yes")):
            with self.subTest(words=words):
                done = self.inlay(*words, want=INTERNAL)
                self.assertIn("is it mimd that listens there?", done.stderr)
                self.assertEqual(done.stdout, "")

    def test_json_that_lacks_what_was_asked_for_is_said(self):
        for words, body, want in (
                (("campaign", "list"), {}, "answered without a list"),
                (("health",), {"status": "ready"}, "answered without checks"),
                (("token", "create", "admin"), {"id": "x"}, "answered without a token"),
                (("kill", "on"), {}, "answered without the kill switch"),
                (("import", "p"), {}, "answered without the import's id")):
            with self.subTest(words=words):
                self.answers(200, body)
                self.assertIn(want, self.inlay(*words, want=INTERNAL).stderr)

    def test_json_that_cannot_be_read_is_said(self):
        for body in b'{"a":', b'{"a":1,"a":2}', b"":
            self.answers(200, body)
            self.assertIn("JSON that cannot be read",
                          self.inlay("tenant", "show", want=INTERNAL).stderr)

    def test_a_refusal_without_a_document_goes_by_its_status(self):
        for status, code in (404, MISSING), (409, 75), (500, IO), (502, UNAVAILABLE), (
                503, 71), (504, 75), (418, USAGE), (301, USAGE):
            with self.subTest(status=status):
                self.answers(status, b"sorry", "text/plain")
                done = self.inlay("campaign", "list", want=code)
                self.assertIn(f"status {status} and no problem document", done.stderr)

    def test_a_problem_without_a_text_is_told_by_its_kind(self):
        self.answers(409, {"type": "urn:inlay:problem:conflict"}, PROBLEM)
        self.assertRegex(self.inlay("campaign", "list", want=75).stderr,
                         r"^inlay: \w+")
        self.answers(400, {"title": "Bad thing"}, PROBLEM)
        self.assertIn("Bad thing", self.inlay("campaign", "list", want=USAGE).stderr)

    def test_all_errors_of_a_problem_are_listed_and_counted(self):
        self.answers(400, {"status": 400, "errors": [
            {"pointer": f"/rows/{n}", "message": f"bad\x1b[2J {n}"}
            for n in range(1500)]}, PROBLEM)
        done = self.inlay("campaign", "list", want=USAGE)
        self.assertIn("inlay: /rows/0: bad", done.stderr)
        self.assertNotIn("\x1b", done.stderr)
        self.assertIn("\ninlay: and 500 errors more\n", done.stderr)

    def test_a_long_list_is_read_page_by_page(self):
        def answer(path):
            first = 1000 if "after=c0999" in path else 0
            page = [{"id": f"c{n:04}", "status": "active"}
                    for n in range(first, min(first + 1000, 1500))]
            return 200, "application/json", json.dumps(page).encode()
        self.server.answer = answer
        listed = json.loads(self.inlay("--json", "campaign", "list").stdout)
        self.assertEqual([c["id"] for c in listed], [f"c{n:04}" for n in range(1500)])
        self.assertEqual(len(self.server.calls), 2)

    def test_an_answer_without_an_end_is_cut_off(self):
        self.answers(200, b'["' + b"x" * (65 << 20) + b'"]')
        self.assertIn("larger than 64 MiB",
                      self.inlay("campaign", "list", want=DATA).stderr)

    def test_a_connection_that_breaks_is_an_error(self):
        def answer(path):
            raise ConnectionAbortedError
        self.server.answer = answer
        self.assertIn("the call of", self.inlay("campaign", "list", want=IO).stderr)

    def test_many_rejected_rows_are_shown_in_part(self):
        rows = [{"file": "users.csv", "line": n, "message": "bad"} for n in range(100)]
        self.answers(200, {"id": "i", "phase": "done", "rowErrors": rows})
        shown = self.inlay("follow", "i").stderr
        self.assertRegex(shown, r"(?m)^and \d+ more; inlay --json follow shows")
        self.assertLess(shown.count("row rejected"), 100)


class Words(Case):
    """What may stand on the command line, and what is sent of it."""

    def test_urls_that_cannot_be_called(self):
        self.assertIn("must begin with http://",
                      self.inlay("health", url="ftp://127.0.0.1", want=USAGE).stderr)
        self.assertIn("is not a URL",
                      self.inlay("health", url="http://[::1", want=USAGE).stderr)
        tls = self.server.url.replace("http:", "https:")
        self.assertIn("no trusted TLS connection",
                      self.inlay("health", url=tls, want=UNAVAILABLE).stderr)

    def test_a_slash_behind_the_url_does_no_harm(self):
        self.answers(200, [])
        self.inlay("campaign", "list", url=self.server.url + "//")
        self.assertEqual(self.server.calls[0][1].split("?")[0],
                         "/api/tenants/default/campaigns")

    def test_token_files_that_hold_no_token(self):
        for text in "", "   \n", "x" * 600, "two words\n", "b\xe4d\n":
            path = self.file("bad", text)
            os.chmod(path, 0o600)
            with self.subTest(text=text[:10]):
                self.inlay("health", token=path, want=USAGE)
        self.assertIn("is not a file",
                      self.inlay("health", token=str(self.folder), want=USAGE).stderr)
        self.assertEqual(self.server.calls, [])

    def test_documents_that_are_not_sent(self):
        loop = str(self.folder / "loop")
        os.symlink(loop, loop)
        for path, code, want in (
                (str(self.folder / "none"), MISSING, "there is no file"),
                (str(self.folder), IO, "cannot read"),
                (loop, IO, "cannot open"),
                (self.file("big", b"[" + b" " * (17 << 20) + b"]"), DATA,
                 "larger than 16 MiB"),
                (self.file("half", "{"), DATA, "is not JSON: line 1")):
            with self.subTest(path=path):
                self.assertIn(want, self.inlay("purpose", "set", path, want=code).stderr)
        self.assertEqual(self.server.calls, [])

    def test_a_tenant_without_an_id_is_not_sent(self):
        for text in "{}", '{"id":""}', '{"id":7}', "[]":
            for command in "create", "update":
                with self.subTest(text=text, command=command):
                    done = self.inlay("tenant", command, self.file("t", text), want=DATA)
                    self.assertIn("has no id", done.stderr)
                    self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertEqual(self.server.calls, [])

    def test_words_that_cannot_be_sent(self):
        long = "x" * 100_000
        for words, code in (
                (("tenant", "show", ""), USAGE), (("tenant", "show", long), DATA),
                (("tenant", "delete", "../x", "--yes"), USAGE),
                (("token", "revoke", "../x", "--yes"), USAGE),
                (("campaign", "show", long), DATA), (("campaign", "stats", ""), USAGE),
                (("campaign", "stats", long), DATA), (("user", "why", ""), USAGE),
                (("kill", "on", "--scope", "some"), USAGE),
                (("import", b"\xff"), USAGE), (("token", "create", b"\xff"), USAGE)):
            with self.subTest(words=words):
                self.inlay(*words, want=code)
        self.assertEqual(self.server.calls, [])

    def test_what_needs_a_yes_is_not_done_without_a_terminal(self):
        for words in (("campaign", "cancel", "x"), ("campaign", "recall", "x"),
                      ("token", "revoke", "x"), ("tenant", "delete", "x")):
            self.assertIn("--yes", self.inlay(*words, want=USAGE).stderr)
        self.assertEqual(self.server.calls, [])

    def test_a_token_as_json_holds_all_of_the_answer(self):
        made = {"id": "t1", "token": "inlay_x", "scope": "admin", "name": "n"}
        self.answers(201, made)
        done = self.inlay("--json", "token", "create", "admin", "--name", "n",
                          "--service")
        self.assertEqual(json.loads(done.stdout), made)
        self.assertEqual(json.loads(self.server.calls[0][2]),
                         {"scope": "admin", "service": True, "name": "n"})

    def test_help_of_everything(self):
        self.assertIn("usage: inlay", self.inlay("help").stdout)
        self.assertIn("campaign recall", self.inlay("help", "campaign").stdout)
        self.assertIn("campaign recall", self.inlay("campaign", "--help").stdout)
        self.assertIn("--scope", self.inlay("campaign", "recall", "--help").stdout)
        self.assertRegex(self.inlay("--version").stdout, r"^inlay \d")
        for words in ("nonsense",), ("campaign", "nonsense"), ("health", "nonsense"):
            self.assertIn("there is no command",
                          self.inlay("help", *words, want=USAGE).stderr)


class Bundles(Case):
    """bundle build and check need no server."""

    def bundle(self, recipients="user,first_name\nanna,Anna\n", **more):
        folder = self.folder / "b"
        (folder / "templates").mkdir(parents=True, exist_ok=True)
        (folder / "campaign.json").write_text(json.dumps({**campaign(), **more}))
        (folder / "templates/letter.json").write_text(json.dumps(LETTER))
        (folder / "recipients.csv").write_text(recipients)
        return folder

    def built(self, **how):
        folder = self.bundle(**how)
        self.inlay("bundle", "build", str(folder))
        return folder

    def test_a_good_one_is_counted(self):
        folder = self.built()
        self.assertEqual(self.inlay("bundle", "check", str(folder)).stdout,
                         "campaign spring version 1: 1 rows, 0 rejected\n")
        self.assertEqual(
            json.loads(self.inlay("--json", "bundle", "check", str(folder)).stdout),
            {"campaign": "spring", "version": 1, "rows": {"read": 1, "rejected": 0}})

    def test_rejected_rows_are_shown_and_counted(self):
        good = "".join(f"user{n},Anna\n" for n in range(1000))
        folder = self.built(recipients="user,first_name\n" + good + "anna\n,x\n")
        done = self.inlay("bundle", "check", str(folder))
        self.assertIn("1002 rows, 2 rejected", done.stdout)
        self.assertRegex(done.stderr, r"row rejected: recipients.csv:1002: ")
        folder = self.built(recipients="user,first_name\n" + "anna\n" * 200)
        done = self.inlay("bundle", "check", str(folder), want=DATA)
        self.assertRegex(done.stderr, r"(?m)^and \d+ rejected rows more$")

    def test_with_more_than_one_rejected_row_of_a_hundred_it_fails_as_an_import_does(self):
        for good, rejected, code in (99, 1, 0), (98, 1, DATA), (0, 1, DATA), (0, 0, 0):
            with self.subTest(good=good, rejected=rejected):
                folder = self.built(recipients="user,first_name\n" +
                                    "".join(f"user{n},Anna\n" for n in range(good)) +
                                    "anna\n" * rejected)
                done = self.inlay("bundle", "check", str(folder), want=code)
                self.assertIn(f"{good + rejected} rows, {rejected} rejected\n",
                              done.stdout)
                self.assertEqual("rows were rejected, more than 1 %" in done.stderr,
                                 code == DATA, done.stderr)

    def test_what_was_changed_after_the_build_is_found(self):
        folder = self.built()
        with open(folder / "recipients.csv", "a", encoding="ascii") as f:
            f.write("bert,Bert\n")
        self.assertIn("recipients.csv",
                      self.inlay("bundle", "check", str(folder), want=DATA).stderr)

    def test_folders_that_are_none(self):
        for command in "build", "check":
            for path in self.folder / "none", self.file("plain", ""):
                self.assertIn("there is no directory", self.inlay(
                    "bundle", command, str(path), want=MISSING).stderr)

    def test_files_that_are_none(self):
        folder = self.built()
        (folder / "recipients.csv").unlink()
        self.assertIn("recipients.csv: is missing",
                      self.inlay("bundle", "check", str(folder), want=MISSING).stderr)
        os.mkfifo(folder / "recipients.csv")
        self.assertIn("is not a file",
                      self.inlay("bundle", "check", str(folder), want=DATA).stderr)
        (folder / "recipients.csv").unlink()
        os.symlink("recipients.csv", folder / "recipients.csv")
        self.assertIn("cannot be opened",
                      self.inlay("bundle", "check", str(folder), want=IO).stderr)

    def test_a_manifest_that_cannot_be_written(self):
        folder = self.bundle()
        (folder / "bundle.json").mkdir()
        self.assertIn("bundle.json: cannot be written",
                      self.inlay("bundle", "build", str(folder), want=IO).stderr)
        self.assertEqual([n for n in os.listdir(folder) if n.endswith(".new")], [])
        (folder / ".bundle.json.new").mkdir()
        self.assertIn("bundle.json: cannot be written",
                      self.inlay("bundle", "build", str(folder), want=IO).stderr)


if __name__ == "__main__":
    unittest.main()
