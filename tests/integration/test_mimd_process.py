# SPDX-License-Identifier: Apache-2.0
"""mimd as a process: settings, start, signals, end, the master key."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import time
import unittest

from mimd_case import MimdCase, original
from services.dovecot import wait_until
from services.mimd import Mimd

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Settings(MimdCase):
    running = False

    def check(self, text, *arguments):
        self.mimd.config.write_text(text)
        done = self.mimd.run_as_is("--check-config", *arguments)
        return done.returncode, done.stdout + done.stderr

    def assert_refused(self, text, *words):
        code, said = self.check(text)
        self.assertEqual(code, 2, said)
        lines = [line for line in said.splitlines() if line]
        self.assertEqual(len(lines), 1, said)
        for word in words:
            self.assertIn(word, lines[0])

    def test_an_almost_empty_file_is_fine(self):
        code, said = self.check("# nothing\n")
        self.assertEqual(code, 0, said)

    def test_an_unknown_key_is_named_with_file_and_line(self):
        self.assert_refused("# a\n\ninlay.sotre=lmdb\n", f"{self.mimd.config}:3",
                            "inlay.sotre")

    def test_a_bad_value_says_what_is_allowed(self):
        self.assert_refused("server.port=eighty\n", f"{self.mimd.config}:1",
                            "server.port", "0 to 65535")
        self.assert_refused("inlay.store=sqlite\n", "lmdb", "cassandra")
        self.assert_refused("inlay.http.request-timeout=soon\n", ":1",
                            "inlay.http.request-timeout")

    def test_all_errors_come_at_once(self):
        code, said = self.check("a=1\nserver.port=x\nb=2\n")
        self.assertEqual(code, 2)
        self.assertEqual([int(n) for n in re.findall(r"properties:(\d+):", said)],
                         [1, 2, 3])

    def test_the_originals_settings_are_taken_with_a_warning(self):
        names = ("cluster-name compression connect-timeout-millis consistency-level "
                 "fetch-size keyspace-name load-balancing-policy password port "
                 "read-timeout-millis reconnection-policy repositories.enabled "
                 "retry-policy schema-action serial-consistency-level ssl username")
        text = "inlay.store=lmdb\nspring.data.cassandra.contactPoints=a,b\n" + "".join(
            f"spring.data.cassandra.{name}=x\n" for name in names.split())
        code, said = self.check(text + "logging.level.root=WARN\nserver.address=::1\n")
        self.assertEqual(code, 0, said)
        for name in names.split() + ["contact-points"]:
            self.assertEqual(len(re.findall(rf"cassandra\.{name} has no effect", said)),
                             1, name)

    def test_cassandra_is_never_replaced_silently(self):
        self.assert_refused("spring.data.cassandra.contact-points=db1\n", ":1",
                            "Cassandra is not built")
        self.assert_refused("inlay.store=cassandra\n", ":1", "Cassandra is not built")
        code, said = self.check("", "--set", "inlay.store=cassandra")
        self.assertEqual(code, 2, said)

    def test_set_wins_over_the_file_and_print_config_shows_both(self):
        self.mimd.config.write_text("server.port=1\ninlay.public.port=2\n")
        done = self.mimd.run_as_is("--print-config", "--set", "server.port=3")
        self.assertEqual(done.returncode, 0)
        self.assertIn("server.port=3", done.stdout)
        self.assertIn("inlay.public.port=2", done.stdout)

    def test_what_is_printed_can_be_read_again(self):
        self.mimd.config.write_text("server.port=1\nlogging.level.http=DEBUG\n")
        printed = self.mimd.run_as_is("--print-config").stdout
        self.mimd.config.write_text(printed)
        self.assertEqual(self.mimd.run_as_is("--print-config").stdout.count("\n"),
                         printed.count("\n"))

    def test_help_names_every_setting_and_version_the_version(self):
        done = self.mimd.run("--help")
        self.assertEqual(done.returncode, 0)
        for name in ("inlay.store", "server.port", "logging.file",
                     "spring.data.cassandra.contact-points"):
            self.assertIn(name, done.stdout)
        self.assertRegex(self.mimd.run("--version").stdout, r"^mimd \(Inlay\) \d+\.\d+")

    def test_the_manual_page_names_every_setting(self):
        page = (ROOT / "docs/man/mimd.8").read_text()
        named = re.findall(r"^    ([a-z][a-z.*-]+)$", self.mimd.run("--help").stdout,
                           re.M)
        self.assertGreater(len(named), 30)
        for name in named:
            self.assertIn(name.removeprefix("spring.data.cassandra."), page)

    def test_the_packaged_settings_are_fine(self):
        shutil.copy(ROOT / "packaging/application.properties", self.mimd.config)
        done = self.mimd.run_as_is("--check-config")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        # what is commented out is right, too
        lines = self.mimd.config.read_text().splitlines()
        self.mimd.config.write_text("\n".join(
            re.sub(r"^#(?=[a-z.-]+=)", "", line) for line in lines))
        done = self.mimd.run_as_is("--check-config")
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_unknown_options_and_missing_files_end_with_2(self):
        self.assertEqual(self.mimd.run("--frobnicate").returncode, 2)
        self.assertEqual(self.mimd.run("stray").returncode, 2)
        self.mimd.config.unlink(missing_ok=True)
        done = self.mimd.run_as_is("--check-config")
        self.assertEqual(done.returncode, 2)
        self.assertIn(str(self.mimd.config), done.stderr)


class TheProcess(MimdCase):
    def test_the_log_says_when_it_started(self):
        self.assertRegex(
            self.mimd.log(),
            r"INFO +mim +Started MIMApplication in \d+\.\d{3} seconds "
            r"\(process running for \d+\.\d{3}\)\n")

    def test_it_listens_on_loopback_unless_told_otherwise(self):
        self.assertIn("listening  address=127.0.0.1 port=", self.mimd.log())

    def test_sigterm_ends_it_clean(self):
        self.assertEqual(self.mimd.stop(), 0)
        self.assertIn("ended", self.mimd.log().splitlines()[-1])
        self.assertNotIn("ERROR", self.mimd.log())

    def test_an_idle_connection_does_not_delay_the_end(self):
        with socket.create_connection(("127.0.0.1", self.mimd.port)):
            began = time.monotonic()
            self.assertEqual(self.mimd.stop(), 0)
            self.assertLess(time.monotonic() - began, 10)

    def test_a_request_under_way_is_answered_before_the_end(self):
        body = json.dumps(original()).encode()
        with socket.create_connection(("127.0.0.1", self.mimd.port)) as s:
            s.sendall(b"POST /api/tenants HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
                      + self.mimd.token.encode() + b"\r\nContent-Length: "
                      + str(len(body)).encode() + b"\r\n\r\n" + body[:10])
            # by the time that a second request is answered, the first was accepted
            self.mimd.need(200, "GET", "/health/ready")
            self.mimd.daemon.signal(signal.SIGTERM)
            wait_until(lambda: "stopping" in self.mimd.log(), "SIGTERM is seen")
            s.sendall(body[10:])
            answer = s.makefile("rb").read()
        self.assertIn(answer.split(b" ")[1], (b"201", b"503"), answer)
        self.assertEqual(self.mimd.stop(), 0)

    def test_a_second_mimd_on_the_same_data_is_refused(self):
        done = self.mimd.run()
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("cannot start", done.stderr)
        self.mimd.need(200, "GET", "/health/ready")

    def test_live_needs_no_token_and_all_else_does(self):
        self.assertEqual(self.mimd.call("GET", "/health/live", token=""),
                         (200, {"status": "live"}))
        for path in ("/health/ready", "/metrics", "/api/tenants", "/", "/nowhere"):
            status, headers, _ = self.mimd.request("GET", path)
            self.assertEqual(status, 401, path)
            self.assertEqual(headers["WWW-Authenticate"], "Bearer")

    def test_ready_says_what_is_not(self):
        self.assertEqual(self.mimd.need(200, "GET", "/health/ready")["status"], "ready")
        self.mimd.need(201, "POST", "/api/tenants", original())
        checks = {c["name"]: c for c in
                  self.mimd.need(200, "GET", "/health/ready")["checks"]}
        self.assertEqual(checks["tenants"]["status"], "warn")
        self.assertIn("1 of 1", checks["tenants"]["message"])

    def test_metrics_are_openmetrics(self):
        self.mimd.need(200, "GET", "/api/tenants")
        status, headers, text = self.mimd.request(
            "GET", "/metrics", headers={"Authorization": f"Bearer {self.mimd.token}"})
        self.assertEqual(status, 200)
        self.assertTrue(headers["Content-Type"].startswith("application/openmetrics-text"))
        text = text.decode()
        self.assertTrue(text.endswith("# EOF\n"))
        self.assertIn('inlay_mim_requests_total{method="GET",route="/api/tenants",'
                      'status="2xx"} 1\n', text)
        families = re.findall(r"^# TYPE (\S+) ", text, re.M)
        self.assertEqual(len(families), len(set(families)))
        for line in text.splitlines()[:-1]:
            self.assertRegex(line, r"^(# (TYPE|HELP|UNIT) \S+ .+|\S+(\{.*\})? \S+)$")
        sampled = {re.sub(r"(_total|_bucket|_sum|_count)$", "", re.split(r"[ {]", x)[0])
                   for x in text.splitlines() if not x.startswith("#")}
        self.assertLessEqual(sampled, set(families))

    def test_a_wrong_method_says_which_are_allowed(self):
        status, headers, _ = self.mimd.request(
            "PATCH", "/api/tokens",
            headers={"Authorization": f"Bearer {self.mimd.token}"})
        self.assertEqual(status, 405)
        self.assertEqual(set(headers["Allow"].split(", ")), {"GET", "POST"})

    def test_a_body_over_its_limit_is_refused(self):
        status, _, _ = self.mimd.request("POST", "/api/tenants", headers={
            "Authorization": f"Bearer {self.mimd.token}",
            "Content-Length": str((1 << 20) + 1)})
        self.assertEqual(status, 413)

    def test_a_user_name_never_stands_in_the_log(self):
        body = original()
        body["configuration"]["hashedEmailAddresses"] = False
        self.mimd.need(201, "POST", "/api/tenants?createDB=true", body)
        path = "/api/tenants/default/users/somebody.special@example.org"
        self.mimd.need(201, "PUT", path, {"user": "somebody.special@example.org"})
        self.mimd.need(200, "GET", path + "/export")
        self.mimd.need(204, "DELETE", path)
        self.mimd.stop()
        self.assertNotIn("special", self.mimd.log())


class TheLogFile(MimdCase):
    running = False

    def test_sighup_opens_it_anew(self):
        log = pathlib.Path(self.folder.name) / "mimd-own.log"
        self.mimd.settings["logging.file"] = log
        self.mimd._is_ready = lambda: log.exists() and "Started" in log.read_text()
        self.mimd.daemon.ready = self.mimd._is_ready
        self.mimd.start()
        old = log.rename(log.with_suffix(".1"))
        self.mimd.daemon.signal(signal.SIGHUP)
        wait_until(lambda: log.exists() and "log opened anew" in log.read_text(),
                   "the new log")
        self.assertNotIn("opened anew", old.read_text())
        self.assertEqual(self.mimd.stop(), 0)
        self.assertIn("ended", log.read_text())


class TheMasterKey(MimdCase):
    running = False

    def key(self):
        return self.mimd.data / "master.key"

    def assert_refused(self, *words):
        done = self.mimd.run()
        self.assertEqual(done.returncode, 2, done.stderr)
        for word in (str(self.key()), *words):
            self.assertIn(word, done.stderr)

    def test_it_is_made_once_for_its_owner_only(self):
        self.mimd.start()
        self.mimd.need(201, "POST", "/api/tenants?createDB=true", original())
        self.mimd.stop()
        first = self.key().read_text()
        self.assertEqual(self.key().stat().st_mode & 0o777, 0o600)
        token = self.mimd.data / "admin-token"
        self.assertEqual(token.stat().st_mode & 0o777, 0o600)
        self.mimd.start()
        self.mimd.need(200, "GET", "/api/tenants/default")
        self.assertEqual(self.key().read_text(), first)

    def test_a_lost_key_is_not_replaced(self):
        self.mimd.start()
        self.mimd.stop()
        self.key().unlink()
        self.assert_refused("copy the file")
        self.assertFalse(self.key().exists())

    def test_another_key_is_refused(self):
        self.mimd.start()
        self.mimd.stop()
        self.key().write_text("0" * 64 + "\n")
        self.assert_refused("not the master key of this store")

    def test_a_key_that_others_may_read_is_refused(self):
        self.mimd.start()
        self.mimd.stop()
        self.key().chmod(0o640)
        self.assert_refused("chmod 600")

    def test_a_key_that_was_brought_along_is_taken_by_an_empty_store(self):
        self.mimd.data.mkdir(mode=0o700)
        self.key().write_text("ab" * 32 + "\n")
        self.key().chmod(0o600)
        self.mimd.start()
        self.mimd.stop()
        self.assertEqual(self.key().read_text(), "ab" * 32 + "\n")

    def test_a_store_that_was_moved_with_its_key_opens(self):
        self.mimd.start()
        self.mimd.need(201, "POST", "/api/tenants?createDB=true", original())
        self.mimd.stop()
        moved = Mimd(os.path.join(self.folder.name, "moved"))
        shutil.copytree(self.mimd.data, moved.data)
        with moved:
            sources = moved.need(200, "GET", "/api/tenants/default/dataSources")
            moved.need(200, "PUT", "/api/tenants/default/dataSources", sources)


if __name__ == "__main__":
    unittest.main()
