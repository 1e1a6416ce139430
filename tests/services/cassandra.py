# SPDX-License-Identifier: Apache-2.0
"""A private Apache Cassandra of one or three nodes in a directory of its own, for tests.

    from services.cassandra import Cassandra
    with Cassandra("/some/dir", nodes=3) as c:
        connect(c.contact_points, c.port)
        c.nodes[1].kill()

or from a shell:

    cassandra.py start DIR [--nodes 3] [--password] [--heap 512m]
    cassandra.py stop DIR

Its jars come from `packaging/install-deps cassandra`. The nodes listen on addresses of
127.0.0.0/8 that nobody uses, three at the same port; nothing is written outside DIR; each
is ended by its pid. What a write was told to be stored survives a kill -9 of the node:
the commit log is synced by groups.
"""
import argparse
import contextlib
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys

if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from services.dovecot import _end_with_parent, wait_until

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
JARS = pathlib.Path(os.environ.get("INLAY_CASSANDRA_JARS", ROOT / "build-jars"))
PORT = 9042
STORAGE_PORT = 7000
START_LIMIT = 180.0  # seconds, on a machine that has other work
STOP_LIMIT = 60.0
DATACENTER = "datacenter1"  # as SimpleSnitch calls it

# What Cassandra 5 opens to itself in JDK 17.
OPENED = """
    java.io java.lang java.lang.ref java.lang.reflect java.math java.net java.nio
    java.nio.charset java.util java.util.concurrent java.util.concurrent.atomic
    java.util.concurrent.locks java.util.zip sun.nio.ch sun.nio.fs jdk.internal.misc
    jdk.internal.ref jdk.internal.math jdk.internal.module jdk.internal.util.jar
    jdk.internal.access jdk.internal.vm.annotation""".split()
EXPORTED = """
    java.management.rmi/com.sun.jmx.remote.internal.rmi java.rmi/sun.rmi.registry
    java.rmi/sun.rmi.server java.rmi/sun.rmi.transport.tcp java.sql/java.sql
    jdk.unsupported/sun.misc""".split()


def java():
    """A Java 17: Cassandra 5.0 runs on 11 and 17 alone."""
    places = [os.environ.get("JAVA17", ""),
              *map(str, sorted(pathlib.Path("/usr/lib/jvm").glob("java-*17*/bin/java")))]
    for place in places:
        if place and os.access(place, os.X_OK):
            return place
    raise RuntimeError("no Java 17: packaging/install-deps cassandra")


def free_network():
    """Three bytes of an address whose first host has Cassandra's ports free."""
    for _ in range(100):
        network = f"127.{random.randint(64, 250)}.{random.randint(0, 250)}"
        with contextlib.ExitStack() as stack:
            try:
                for port in (PORT, STORAGE_PORT):
                    s = stack.enter_context(socket.socket())
                    s.bind((f"{network}.1", port))
            except OSError:
                continue
            return network
    raise RuntimeError("no free address in 127.0.0.0/8")


class Node:
    """One node of a Cassandra."""

    def __init__(self, cassandra, number):
        self.cassandra = cassandra
        self.number = number
        self.address = f"{cassandra.network}.{number}"
        self.directory = cassandra.directory / f"node{number}"
        self.process = None

    @property
    def log_file(self):
        return self.directory / "system.log"

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def start(self, stay=False):
        """Waits until it takes connections; stay=True: it outlives this process."""
        conf = self.directory / "conf"
        conf.mkdir(parents=True, exist_ok=True)
        (conf / "cassandra.yaml").write_text(self._configuration())
        (conf / "logback.xml").write_text(self._logback())
        with open(self.directory / "out", "ab") as out:
            self.process = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True, preexec_fn=None if stay else _end_with_parent)
        (self.directory / "pid").write_text(str(self.process.pid))
        try:
            wait_until(self._is_ready, f"{self.address} takes connections", START_LIMIT)
        except (TimeoutError, RuntimeError) as e:
            self.kill()
            out = (self.directory / "out").read_text(errors="replace")
            raise RuntimeError(f"Cassandra does not start: {e}\n{out[-2000:]}"
                               f"{self.log()[-4000:]}") from e
        return self

    def _is_ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"it ended with status {self.process.returncode}")
        try:
            socket.create_connection((self.address, PORT), 1).close()
        except OSError:
            return False
        # the first user is made in the background
        return (not self.cassandra.password or self.number != 1
                or "Created default superuser role" in self.log())

    def sees(self, other):
        """Whether it knows that the other one is up."""
        return f"/{other.address}:{STORAGE_PORT} is now UP" in self.log()

    def stop(self):
        """SIGTERM: it writes its memory to disk and ends."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        try:
            self.process.wait(STOP_LIMIT)
            self.process = None
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        """SIGKILL, as a crash."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            self.process.wait()
            self.process = None

    def freeze(self):
        """It keeps its connections and says nothing more, until thaw()."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def _command(self):
        flags = []
        for package in OPENED:
            flags += ["--add-opens", f"java.base/{package}=ALL-UNNAMED",
                      "--add-exports", f"java.base/{package}=ALL-UNNAMED"]
        for package in EXPORTED:
            flags += ["--add-exports", f"{package}=ALL-UNNAMED"]
        flags += ["--add-opens", "jdk.management/com.sun.management.internal=ALL-UNNAMED"]
        agents = sorted(JARS.glob("jamm-*.jar"))
        if not agents:
            raise RuntimeError(f"{JARS}: no jars: packaging/install-deps cassandra")
        heap = self.cassandra.heap
        return [
            java(), f"-Xms{heap}", f"-Xmx{heap}", "-Xmn128m", "-XX:+UseSerialGC",
            "-XX:-UsePerfData",
            f"-javaagent:{agents[0]}", *flags,
            "-Djdk.attach.allowAttachSelf=true",
            "-Dio.netty.tryReflectionSetAccessible=true",
            f"-Dcassandra.config=file://{self.directory}/conf/cassandra.yaml",
            f"-Dcassandra.storagedir={self.directory}",
            f"-Dlogback.configurationFile={self.directory}/conf/logback.xml",
            "-Dcassandra.ring_delay_ms=1000",
            "-Dcassandra.skip_wait_for_gossip_to_settle=0",
            "-Dcassandra.superuser_setup_delay_ms=0",
            "-Dcassandra-foreground=yes",
            "-cp", f"{self.directory}/conf:{JARS}/*",
            "org.apache.cassandra.service.CassandraDaemon",
        ]

    def _logback(self):
        return (f'<configuration><appender name="F" class="ch.qos.logback.core.FileAppender">'
                f"<file>{self.log_file}</file><encoder><pattern>"
                "%d{HH:mm:ss.SSS} %-5level %logger{0} - %msg%n</pattern></encoder></appender>"
                '<root level="INFO"><appender-ref ref="F"/></root></configuration>\n')

    def _configuration(self):
        c = self.cassandra
        settings = {
            "cluster_name": "inlay",
            "num_tokens": 8,
            "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
            "seed_provider": [{
                "class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
                "parameters": [{"seeds": c.nodes[0].address}]}],
            "listen_address": self.address,
            "rpc_address": self.address,
            "native_transport_port": PORT,
            "storage_port": STORAGE_PORT,
            "endpoint_snitch": "SimpleSnitch",
            # a write is answered when it is on disk
            "commitlog_sync": "group",
            "commitlog_sync_group_window": "10ms",
            "commitlog_directory": f"{self.directory}/commitlog",
            "data_file_directories": [f"{self.directory}/data"],
            "saved_caches_directory": f"{self.directory}/saved",
            "hints_directory": f"{self.directory}/hints",
            "cdc_raw_directory": f"{self.directory}/cdc",
            "auto_snapshot": False,
            "auto_bootstrap": False,
            "memtable_heap_space": "64MiB",
            "memtable_offheap_space": "64MiB",
            "networking_cache_size": "32MiB",
            "file_cache_size": "32MiB",
            "key_cache_size": "4MiB",
        }
        if c.password:
            settings["authenticator"] = "PasswordAuthenticator"
            settings["authorizer"] = "CassandraAuthorizer"
        if c.tls:
            settings["client_encryption_options"] = {
                "enabled": True,
                "optional": False,
                "require_client_auth": c.tls.get("client", False),
                "ssl_context_factory": {
                    "class_name": "org.apache.cassandra.security.PEMBasedSslContextFactory"},
                "keystore": str(c.tls["server"]),
                "truststore": str(c.tls["ca"]),
            }
        settings.update(c.settings)
        # JSON is YAML
        return json.dumps(settings, indent=1) + "\n"


class Cassandra:
    """One private cluster.

    directory   is made; absolute or relative
    nodes       how many; they are in .nodes, the first is the seed
    password    True: users have passwords; the first is cassandra, cassandra
    tls         {"server": PEM file of key and certificate, "ca": PEM file,
                "client": True: clients must show a certificate}
    heap        of each node
    settings    for cassandra.yaml, over the default ones
    """

    port = PORT
    datacenter = DATACENTER

    def __init__(self, directory, *, nodes=1, password=False, tls=None, heap="512m",
                 settings=None):
        self.directory = pathlib.Path(directory).resolve()
        self.password = password
        self.tls = tls
        self.heap = heap
        self.settings = dict(settings or {})
        self.network = free_network()
        self.nodes = [Node(self, number) for number in range(1, nodes + 1)]

    @property
    def contact_points(self):
        return ",".join(node.address for node in self.nodes)

    def start(self, stay=False):
        """Waits until every node takes connections and knows of the others."""
        try:
            for node in self.nodes:
                node.start(stay)
            first = self.nodes[0]
            for node in self.nodes[1:]:
                wait_until(lambda n=node: first.sees(n) and n.sees(first),
                           f"{node.address} is in the cluster", START_LIMIT)
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self):
        for node in reversed(self.nodes):
            node.stop()

    def kill(self):
        """Ends all at once: what is in the directory is no longer needed."""
        for node in self.nodes:
            node.kill()

    def __enter__(self):
        return self.start()

    def __exit__(self, *unused):
        self.kill()


def stop_directory(directory):
    """Ends what `start` left in that directory, by the pids that it wrote."""
    pids = []
    for file in sorted(pathlib.Path(directory).resolve().glob("node*/pid")):
        pid = int(file.read_text())
        command = pathlib.Path(f"/proc/{pid}/cmdline")
        # the pid may be another process's by now
        if command.exists() and str(file.parent).encode() in command.read_bytes():
            os.kill(pid, signal.SIGTERM)
            pids.append(pid)
    for pid in pids:
        wait_until(lambda p=pid: not os.path.exists(f"/proc/{p}"), f"{pid} ends", STOP_LIMIT)


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("start")
    start.add_argument("directory")
    start.add_argument("--nodes", type=int, default=1)
    start.add_argument("--password", action="store_true")
    start.add_argument("--heap", default="512m")
    stop = commands.add_parser("stop")
    stop.add_argument("directory")
    args = parser.parse_args(argv)
    if args.command == "stop":
        stop_directory(args.directory)
        return 0
    cluster = Cassandra(args.directory, nodes=args.nodes, password=args.password,
                        heap=args.heap).start(stay=True)
    print(json.dumps({"contactPoints": cluster.contact_points, "port": cluster.port,
                      "datacenter": cluster.datacenter,
                      "pids": [node.process.pid for node in cluster.nodes]}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
