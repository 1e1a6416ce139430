# SPDX-License-Identifier: Apache-2.0
"""The command inlay against a real mimd."""
import json
import os
import pty
import select
import subprocess
import time
import unittest

from middleware import (ATTRIBUTES, DIRECTORY, PURPOSES, TENANT, USERS, Middleware,
                        campaign)
from services.dovecot import free_port

# exit codes of the kinds of errors (src/base/error.h)
USAGE, DATA, MISSING, UNAVAILABLE, CONFLICT, DENIED = 2, 65, 66, 69, 75, 77


class Cli(unittest.TestCase):
    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.mim = cls.enterClassContext(Middleware(**cls.settings))

    def inlay(self, *words, want=0, **how):
        done = self.mim.inlay(*words, **how)
        self.assertEqual(done.returncode, want,
                         f"inlay {words}: {done.stdout}{done.stderr}")
        return done

    def json(self, *words):
        return json.loads(self.inlay("--json", *words).stdout)

    def file(self, name, document):
        path = self.mim.folder / name
        path.write_text(document if isinstance(document, str)
                        else json.dumps(document))
        return str(path)


class FirstSteps(Cli):
    """what goes wrong before anything has gone right"""

    def test_without_a_server_it_says_what_to_look_at(self):
        url = f"http://127.0.0.1:{free_port()}"
        done = self.inlay("--url", url, "campaign", "list", want=UNAVAILABLE)
        self.assertIn(f"cannot connect to {url}", done.stderr)
        self.assertIn("is mimd running?", done.stderr)

    def test_a_missing_or_unknown_token_is_explained(self):
        missing = str(self.mim.folder / "no-such-file")
        done = self.inlay("health", want=DENIED, INLAY_TOKEN_FILE=missing)
        self.assertIn(missing, done.stderr)
        self.assertIn("--token-file", done.stderr)
        wrong = self.file("wrong-token", "inlay_not_known\n")
        os.chmod(wrong, 0o600)
        done = self.inlay("--token-file", wrong, "health", want=DENIED)
        self.assertIn(wrong, done.stderr)

    def test_a_token_that_others_can_read_is_warned_about(self):
        path = self.file("open-token", self.mim.token)
        os.chmod(path, 0o644)
        self.assertIn("chmod 600", self.inlay("--token-file", path, "health").stderr)

    def test_a_token_that_would_go_in_plain_text_is_warned_about(self):
        # names of RFC 2606 lead nowhere
        done = self.inlay("--url", "http://mim.invalid:8080", "health",
                          want=UNAVAILABLE)
        self.assertIn("unencrypted", done.stderr)
        self.assertNotIn("unencrypted", self.inlay("health").stderr)

    def test_a_server_that_is_no_mimd_is_told_apart(self):
        # the public listener answers, but not as the API does
        url = f"http://127.0.0.1:{self.mim.public_port}"
        done = self.mim.inlay("--url", url, "campaign", "list")
        self.assertEqual(done.returncode, MISSING, done.stderr)
        self.assertIn("is it mimd that listens there?", done.stderr)

    def test_slips_in_the_words(self):
        self.assertIn("is \"campaign list\" meant?",
                      self.inlay("campaign", "lits", want=USAGE).stderr)
        self.inlay("campaign", "show", want=USAGE)
        self.inlay("campaign", "show", "", want=USAGE)
        self.inlay("--tenant", "../x", "campaign", "list", want=USAGE)
        self.inlay("follow", "..", want=MISSING)
        self.inlay(want=USAGE)
        self.assertIn("campaign recall", self.inlay("--help").stdout)
        self.assertIn("usage:", self.inlay("help", "campaign", "recall").stdout)

    def test_health_is_a_table_and_json(self):
        self.assertRegex(self.inlay("health").stdout, r"(?m)^store +ok")
        self.assertEqual(self.json("health")["status"], "ready")

    def test_an_error_is_a_problem_document_for_programs(self):
        done = self.inlay("--json", "tenant", "show", "nobody", want=MISSING)
        self.assertEqual(done.stdout, "")
        problem = json.loads(done.stderr)
        self.assertEqual(problem["type"], "urn:inlay:problem:not-found")
        self.assertEqual(problem["status"], 404)

    def test_a_full_disk_under_the_output_is_an_error(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run(self.mim.inlay_command("health"), stdout=full,
                                  stderr=subprocess.PIPE, text=True, timeout=60,
                                  env=self.mim.environment(), check=False)
        self.assertEqual(done.returncode, 74)
        self.assertIn("No space left", done.stderr)


class Work(Cli):
    """a tenant with users and a campaign, all of it by inlay"""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        self = cls("test_lists_are_tables_for_people_and_arrays_for_programs")
        self.inlay("tenant", "create", "-", stdin=json.dumps(TENANT))
        for what, document in (("datasource", DIRECTORY), ("purpose", PURPOSES),
                               ("attribute", ATTRIBUTES)):
            self.inlay(what, "set", self.file(f"{what}.json", document))
        self.mim.put_file("users/users.csv", USERS)
        self.inlay("user", "import", "users")
        self.mim.put_bundle("spring/1", campaign())
        cls.imported = self.inlay("import", "spring/1/")

    def test_lists_are_tables_for_people_and_arrays_for_programs(self):
        self.assertRegex(self.inlay("tenant", "list").stdout,
                         r"(?m)^ID +NAME +KEYSPACE.*\ndefault +default +mim_default")
        for words in (("tenant", "list"), ("datasource", "list"),
                      ("conversionpoint", "list"), ("attribute", "list"),
                      ("purpose", "list"), ("token", "list"), ("campaign", "list"),
                      ("imports",)):
            with self.subTest(words=words):
                self.assertGreater(len(self.json(*words)), 0)
                self.assertGreater(len(self.inlay(*words).stdout.splitlines()), 1)

    def test_an_import_tells_its_phases_and_its_result(self):
        self.assertIn("campaign spring version 1: 2 rows accepted, 0 rejected",
                      self.imported.stdout)
        self.assertRegex(self.imported.stderr, r"import \S+ started")
        self.assertIn("done", self.imported.stderr.splitlines())

    def test_the_same_import_again_changes_nothing(self):
        self.assertIn("loaded already", self.inlay("import", "spring/1/").stdout)

    def test_a_failed_import_says_why_and_what_code(self):
        self.mim.put_bundle("spring/bad", campaign(version=9),
                            "user,first_name\nnobody@example.org,N\n")
        done = self.inlay("import", "spring/bad", want=DATA)
        self.assertIn("row rejected: recipients.csv:2:", done.stderr)
        self.assertRegex(done.stderr, r"(?m)^inlay: ")
        self.inlay("import", "no/such/prefix", want=MISSING)
        done = self.inlay("import", "spring/1", "--data-source", "none", want=DATA)
        self.assertIn("no such data source", done.stderr)

    def test_an_import_can_be_started_only_and_followed_later(self):
        self.mim.put_bundle("later/1", campaign("later"))
        started = json.loads(self.inlay("--json", "import", "later/1", "--no-wait",
                                        "--no-activate").stdout)
        ended = self.json("follow", started["id"])
        self.assertEqual((ended["phase"], ended["activate"]), ("done", False))
        self.assertEqual(self.json("campaign", "show", "later")["status"], "staged")
        self.assertIn("campaign later is active",
                      self.inlay("campaign", "activate", "later", "1").stdout)
        self.inlay("campaign", "activate", "later", "0", want=USAGE)
        self.inlay("campaign", "activate", "later", "7", want=MISSING)

    def test_a_campaign_is_paused_resumed_recalled_cancelled(self):
        self.mim.put_bundle("brief/1", campaign("brief"))
        self.inlay("import", "brief/1")
        for words, status in ((("pause",), "paused"), (("resume",), "active"),
                              (("recall", "--yes", "--scope", "all"), "active"),
                              (("cancel", "--yes"), "cancelled")):
            done = self.inlay("campaign", words[0], "brief", *words[1:])
            self.assertIn(f"campaign brief is {status}", done.stdout)
        self.inlay("campaign", "resume", "brief", want=CONFLICT)
        self.inlay("campaign", "pause", "nothing", want=MISSING)
        self.inlay("campaign", "recall", "brief", "--scope", "some", want=USAGE)
        shown = self.inlay("campaign", "show", "brief").stdout
        self.assertRegex(shown, r"(?m)^recall +all$")
        self.assertRegex(shown, r"(?m)^ +1 +yes +2 ")

    def test_statistics_are_totals_and_a_series(self):
        self.assertRegex(self.inlay("campaign", "stats", "spring").stdout,
                         r"(?m)^injected +\d+ +\d+$")
        self.assertIn("series", self.json("campaign", "stats", "spring",
                                          "--interval", "hour"))
        self.inlay("campaign", "stats", "spring", "--from", "yesterday", want=USAGE)

    def test_the_kill_switch(self):
        self.assertIn("is off", self.inlay("kill", "show").stdout)
        self.assertIn("nothing but service", self.inlay("kill", "on", "--scope",
                                                         "nonService").stdout)
        self.assertEqual(self.json("kill", "on"), {"killSwitch": "all"})
        self.assertIn("is off", self.inlay("kill", "off").stdout)

    def test_a_user_from_set_to_erase(self):
        name = "dora+x/y@example.org"
        profile = self.file("dora.json", {
            "user": name, "attributes": {"plan": "free"},
            "consents": [{"purpose": "newsletter", "granted": True,
                          "at": "2026-01-01T00:00:00Z"}]})
        self.inlay("user", "set", name, profile)
        self.inlay("user", "set", "--patch", name,
                   self.file("patch.json", {"attributes": {"plan": "plus"}}))
        shown = self.inlay("user", "show", name).stdout
        self.assertIn("plan=plus", shown)
        self.assertRegex(shown, r"(?m)^newsletter +yes +2026-01-01T00:00:00Z")
        self.assertEqual(json.loads(self.inlay("user", "export", name).stdout)
                         ["user"]["user"], name)
        self.inlay("user", "set", name, self.file("bad.json", "{"), want=DATA)
        done = self.inlay("user", "erase", name, want=USAGE)
        self.assertIn("--yes", done.stderr)
        self.inlay("user", "show", name)
        self.inlay("user", "erase", "--yes", name)
        self.inlay("user", "show", name, want=MISSING)

    def test_why_names_the_gate(self):
        self.assertRegex(self.inlay("user", "why", "bob@example.org").stdout,
                         r"(?m)^spring +1 +.*consent")
        self.assertRegex(self.inlay("user", "why", "alice@example.org").stdout,
                         r"(?m)^spring ")

    def test_the_originals_list_of_data_sources_goes_there_and_back(self):
        made = {**TENANT, "id": "acme", "keyspaceName": "mim_acme"}
        self.inlay("tenant", "create", self.file("acme.json", made))
        listed = self.json("--tenant", "acme", "datasource", "list")
        where = listed[0]["awsConnectionInformation"]
        self.assertEqual(where["secretKey"], "********")
        where["bucket"] = "another"
        path = self.file("listed.json", listed)
        self.inlay("--tenant", "acme", "datasource", "set", path)
        where["endpoint"] = "https://elsewhere.example.com"
        done = self.inlay("--tenant", "acme", "datasource", "set",
                          self.file("listed.json", listed), want=DATA)
        self.assertIn("send the secret again", done.stderr)
        tenant = self.json("tenant", "show", "acme")
        tenant["brand"] = "Acme"
        self.inlay("tenant", "update", self.file("acme.json", tenant))
        self.assertIn("Acme", self.inlay("tenant", "show", "acme").stdout)
        done = self.inlay("tenant", "delete", "acme", want=USAGE)
        self.inlay("tenant", "delete", "acme", "--yes")
        self.inlay("tenant", "show", "acme", want=MISSING)

    def test_a_token_goes_to_standard_output_alone(self):
        done = self.inlay("token", "create", "read:default", "--name", "test")
        token = done.stdout.strip()
        self.assertEqual(len(done.stdout.splitlines()), 1)
        path = self.file("token", token)
        os.chmod(path, 0o600)
        self.inlay("--token-file", path, "campaign", "list")
        done = self.inlay("--token-file", path, "kill", "on", want=DENIED)
        self.assertIn("inlay token create", done.stderr)
        (made,) = [t for t in self.json("token", "list") if t.get("name") == "test"]
        self.inlay("token", "revoke", made["id"], "--yes")
        self.inlay("--token-file", path, "campaign", "list", want=DENIED)
        self.inlay("token", "create", "nonsense", want=DATA)

    def test_a_destructive_command_asks_on_a_terminal(self):
        code, screen = self.on_terminal("user", "erase", "bob@example.org",
                                        answer="n\n")
        self.assertEqual(code, USAGE)
        self.assertIn("[y/N]", screen)
        self.inlay("user", "show", "bob@example.org")

    def test_progress_renews_its_line_on_a_terminal(self):
        self.mim.put_bundle("bar/1", campaign("bar"))
        code, screen = self.on_terminal("import", "bar/1")
        self.assertEqual(code, 0, screen)
        self.assertIn("\r\x1b[K", screen)
        self.assertRegex(screen, r"\[#+\] 100 %  2")
        self.assertIn("campaign bar version 1: 2 rows accepted", screen)

    def on_terminal(self, *words, answer=""):
        """(exit code, what the terminal showed)"""
        leader, follower = pty.openpty()
        process = subprocess.Popen(self.mim.inlay_command(*words), stdin=follower,
                                   stdout=follower, stderr=follower,
                                   env=self.mim.environment())
        os.close(follower)
        os.write(leader, answer.encode())
        shown, limit = b"", time.monotonic() + 60
        while time.monotonic() < limit:
            if not select.select([leader], [], [], 1)[0]:
                continue
            try:
                piece = os.read(leader, 4096)
            except OSError:  # EIO: the other end is closed
                break
            if not piece:
                break
            shown += piece
        os.close(leader)
        return process.wait(60), shown.decode()


class Restart(Cli):
    settings = {"server.port": free_port()}

    def test_following_outlasts_a_restart_of_mimd(self):
        self.inlay("tenant", "create", "-", stdin=json.dumps(TENANT))
        self.inlay("datasource", "set", self.file("d.json", DIRECTORY))
        self.inlay("purpose", "set", self.file("p.json", PURPOSES))
        many = "".join(f"user{i}@example.org,{i}\n" for i in range(200_000))
        self.mim.put_file("users/users.csv", "user,userId\n" + many)
        process = subprocess.Popen(
            self.mim.inlay_command("user", "import", "users"), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=self.mim.environment())
        self.assertIn("started", process.stderr.readline())
        self.mim.kill()
        self.mim.start()
        out, err = process.communicate(timeout=300)
        self.assertEqual(process.returncode, 0, err)
        self.assertIn("200000 rows accepted", out)


if __name__ == "__main__":
    unittest.main()
