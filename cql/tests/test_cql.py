# SPDX-License-Identifier: Apache-2.0
"""The driver's C programs (built with ASan, or against another driver) on real servers.

Run by `make test-cql`; INLAY_BUILD is the build folder.
"""
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "tests"))

from services.cassandra import Cassandra
from services.dovecot import free_port, wait_until

PROGRAMS = pathlib.Path(os.environ["INLAY_BUILD"]).resolve() / "cql" / "tests"
ENVIRONMENT = {"ASAN_OPTIONS": "detect_leaks=1:exitcode=99",
               "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1:exitcode=99"}
LIMIT = 300  # seconds for one program


def environment(cassandra=None, **more):
    cluster = {} if cassandra is None else {
        "INLAY_CQL_HOSTS": cassandra.contact_points,
        "INLAY_CQL_DC": cassandra.datacenter}
    return {**os.environ, **ENVIRONMENT, **cluster,
            **{key: str(value) for key, value in more.items()}}


class Programs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="inlay-cql-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_program(self, name, env):
        done = subprocess.run([PROGRAMS / name], env=env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", timeout=LIMIT)
        self.assertEqual(done.returncode, 0, done.stdout[-6000:])
        return done.stdout

    def assert_tests_passed(self, output):
        passed = re.search(r"PASSED\s*\] (\d+) test", output)
        self.assertTrue(passed and int(passed[1]) > 0, output[-3000:])


class WithoutAServer(Programs):
    def test_what_needs_no_server(self):
        self.assert_tests_passed(self.run_program("test-offline", environment()))

    def test_sizes_offsets_and_numbers_are_those_of_the_API(self):
        want = (pathlib.Path(__file__).parent / "abi.txt").read_text()
        self.assertEqual(self.run_program("print-abi", environment()), want)


class OneNode(Programs):
    def test_values_and_requests(self):
        with Cassandra(self.folder / "c") as cassandra:
            for program in ("test-values", "test-requests"):
                output = self.run_program(program, environment(cassandra))
                self.assert_tests_passed(output)


class Certificates:
    """An authority, a server, a client, and others that are not theirs."""

    def __init__(self, folder, address):
        self.folder = folder
        folder.mkdir()
        for authority in ("ca", "other-ca"):
            self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                         "-subj", f"/CN={authority}", "-keyout", f"{authority}.key",
                         "-out", f"{authority}.pem")
        self.issue("server", f"IP:{address}")
        self.issue("elsewhere", "IP:127.0.0.99")
        self.issue("client", "DNS:client")
        self.openssl("pkcs8", "-topk8", "-in", "client.key", "-out", "client-encrypted.key",
                     "-passout", "pass:secret of the key")
        # as Cassandra reads it: key and certificate in one file
        both = (folder / "server.key").read_text() + (folder / "server.pem").read_text()
        (folder / "server-both.pem").write_text(both)

    def openssl(self, *args):
        subprocess.run(["openssl", *args], cwd=self.folder, check=True, capture_output=True)

    def issue(self, name, alternative):
        (self.folder / "names").write_text(f"subjectAltName={alternative}\n")
        self.openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
                     "-keyout", f"{name}.key", "-out", f"{name}.csr")
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey",
                     "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names",
                     "-out", f"{name}.pem")


class Login(Programs):
    def test_users_and_TLS(self):
        cassandra = Cassandra(self.folder / "c", password=True)
        pem = Certificates(self.folder / "pem", cassandra.nodes[0].address).folder
        cassandra.tls = {"server": pem / "server-both.pem", "ca": pem / "ca.pem",
                         "client": True}
        port = free_port()
        other = subprocess.Popen(
            ["openssl", "s_server", "-quiet", "-accept", f"127.0.0.1:{port}", "-cert",
             "elsewhere.pem", "-key", "elsewhere.key"], cwd=pem, stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(other.stdin.close)
        self.addCleanup(other.wait)
        self.addCleanup(other.kill)
        wait_until(lambda: self.listens(port), "openssl s_server listens")
        with cassandra:
            output = self.run_program("test-login", environment(
                cassandra, INLAY_CQL_PEM=pem, INLAY_CQL_OTHER_PORT=port))
        self.assert_tests_passed(output)

    @staticmethod
    def listens(port):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False


class Load:
    """steady-load, and the lines that it has printed so far."""

    LINE = re.compile(r"ok=(\d+) slow_ms=(\d+) errors=(\d+) code=(\w+)")

    def __init__(self, cassandra):
        self.lines = []
        self.process = subprocess.Popen(
            [PROGRAMS / "steady-load"], env=environment(cassandra), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def seconds(self):
        """(ok, slowest in ms, errors) of each second so far."""
        found = [self.LINE.search(line) for line in list(self.lines)]
        return [tuple(int(n) for n in m.groups()[:3]) for m in found if m]

    def more(self, condition, what, limit=60):
        """Waits until a second that is still to come fulfils it."""
        had = len(self.seconds())
        def met():
            if self.process.poll() is not None:
                raise RuntimeError("\n".join(self.lines[-30:]))
            return any(condition(*s) for s in self.seconds()[had:])
        try:
            wait_until(met, what, limit)
        except TimeoutError as e:
            raise AssertionError(f"{e}: {self.lines[-10:]}") from e

    def errors(self, since=0):
        return sum(errors for _, _, errors in self.seconds()[since:])

    def end(self):
        """The last line: what was lost."""
        if self.process.stdin and not self.process.stdin.closed:
            self.process.stdin.close()
        status = self.process.wait(120)
        self.reader.join()
        self.process.stdout.close()
        return status, self.lines[-1] if self.lines else ""

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.end()


class ThreeNodes(Programs):
    """Writes and reads at LOCAL_QUORUM of three replicas, while one node is in trouble."""

    def test_a_node_may_be_killed_or_hang_and_nothing_fails(self):
        with Cassandra(self.folder / "c", nodes=3) as cassandra:
            load = Load(cassandra)
            self.addCleanup(load.kill)
            load.more(lambda ok, slow, errors: ok >= 10, "the load runs", 120)
            settled = len(load.seconds())
            with self.subTest("killed"):
                cassandra.nodes[1].kill()
                self.goes_on(load, 8)
                self.assertEqual(load.errors(settled), 0, load.lines[settled:])
            with self.subTest("back"):
                cassandra.nodes[1].start()
                wait_until(lambda: self.connections(cassandra.nodes[1]) > 0,
                           "the driver connects again", 60)
                self.goes_on(load, 3)
                self.assertEqual(load.errors(settled), 0, load.lines[settled:])
            with self.subTest("hangs"):
                cassandra.nodes[2].freeze()
                self.goes_on(load, 8)
                cassandra.nodes[2].thaw()
                self.goes_on(load, 3)
                self.assertEqual(load.errors(settled), 0, load.lines[settled:])
            with self.subTest("two of three"):
                for node in cassandra.nodes[1:]:
                    node.kill()
                load.more(lambda ok, slow, errors: ok == 0 and errors > 0, "nothing works")
                for node in cassandra.nodes[1:]:
                    node.start()
                load.more(lambda ok, slow, errors: ok >= 10 and errors == 0, "it works again",
                          120)
            status, last = load.end()
        self.assertEqual((status, last), (0, "lost=0 never=0"), load.lines[-20:])

    @staticmethod
    def goes_on(load, seconds):
        had = len(load.seconds())
        wait_until(lambda: len(load.seconds()) >= had + seconds, "the load goes on",
                   10 * seconds + 60)

    @staticmethod
    def connections(node):
        """How many clients are connected to its CQL port, as the kernel knows it."""
        parts = [int(p) for p in node.address.split(".")]
        wanted = "".join(f"{p:02X}" for p in reversed(parts)) + f":{node.cassandra.port:04X}"
        with open("/proc/net/tcp") as table:
            rows = [row.split() for row in table.readlines()[1:]]
        return sum(1 for r in rows if r[2] == wanted and r[3] == "01")


if __name__ == "__main__":
    unittest.main(verbosity=2)
