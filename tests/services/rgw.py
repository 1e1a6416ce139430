# SPDX-License-Identifier: Apache-2.0
"""A private Ceph RADOS Gateway in a directory of its own: a real S3 store for tests.

    from services.rgw import Gateway
    with Gateway("/some/dir") as g:
        http.client.HTTPConnection("127.0.0.1", g.port)

One monitor, one OSD that keeps its data in memory, one gateway; all on 127.0.0.1, and
nothing is written outside the directory. Each is ended by its pid. Without cephx: what
is asked here is S3's signatures, which the gateway checks whatever Ceph does inside.
"""
import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import uuid

from services.dovecot import free_port, wait_until

ACCESS_KEY = "testaccesskey0000001"
SECRET_KEY = "testsecret/with+odd=chars0000000000000001"
PROGRAMS = ("mon", "osd", "rgw")  # in the order of their start
START_LIMIT = 120.0  # seconds; a machine that has other work takes its time
STOP_LIMIT = 30.0
HOST = "s3.localhost"  # which resolves as localhost does, with all below it

CONFIGURATION = """\
[global]
fsid = {fsid}
mon_host = v2:127.0.0.1:{mon_port}
mon_initial_members = a
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_ipv6 = false
ms_bind_msgr1 = false
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
# the gateway's own default, secure, needs cephx
ms_mon_client_mode = crc
run_dir = {run}
admin_socket = {run}/$name.$pid.asok
log_file = {log}/$name.log
crash_dir = {run}
mon_cluster_log_file = {log}/cluster.log
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
[mon]
mon_data = {directory}/mon
mon_data_avail_crit = 1
mon_data_avail_warn = 1
paxos_propose_interval = 0.02
paxos_min_wait = 0.01
mon_osd_crush_smoke_test = false
[osd]
osd_data = {directory}/osd
osd_objectstore = memstore
osd_mon_shutdown_timeout = 0.1
memstore_device_bytes = {memory}
[client]
keyring = {directory}/none
[client.rgw]
rgw_data = {run}
rgw_frontends = beast endpoint=127.0.0.1:{port}
# buckets stand before it, where a client has them in the host
rgw_dns_name = {host}
rgw_thread_pool_size = 32
rgw_override_bucket_index_max_shards = 1
rgw_enable_usage_log = false
rgw_run_sync_thread = false
"""


class Gateway:
    """directory: is made. memory: bytes that all objects together may take."""

    def __init__(self, directory, memory=1 << 30):
        self.directory = pathlib.Path(directory).resolve()
        self.memory = memory
        self.port, self.mon_port = free_port(), free_port()
        self.processes = {}

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def config(self):
        return self.directory / "ceph.conf"

    def log(self):
        return "\n".join(p.read_text(errors="replace")
                         for p in sorted((self.directory / "log").glob("*.out")))

    def start(self):
        for part in ("mon", "osd", "run", "log"):
            (self.directory / part).mkdir(parents=True, exist_ok=True)
        fsid = str(uuid.uuid4())
        self.config.write_text(CONFIGURATION.format(
            fsid=fsid, directory=self.directory, run=self.directory / "run",
            log=self.directory / "log", host=HOST, port=self.port, mon_port=self.mon_port,
            memory=self.memory))
        try:
            self._start_cluster(fsid)
            self.make_user("test", ACCESS_KEY, SECRET_KEY)
            self.start_program("rgw")
        except Exception as e:
            log = self.log()
            self.stop()
            raise RuntimeError(f"the gateway does not start: {e}\n{log}") from e
        return self

    def _start_cluster(self, fsid):
        osd = str(uuid.uuid4())
        monmap = self.directory / "monmap"
        self._run("monmaptool", "--create", "--fsid", fsid, "--addv", "a",
                  f"[v2:127.0.0.1:{self.mon_port}]", monmap)
        self._run("ceph-mon", "-c", self.config, "--mkfs", "-i", "a",
                  "--monmap", monmap)
        self.start_program("mon")
        self._run("ceph", "-c", self.config, "osd", "new", osd)
        self._run("ceph-osd", "-c", self.config, "-i", "0", "--mkfs",
                  "--osd-uuid", osd)
        self.start_program("osd")

    def make_user(self, name, access, secret):
        """Who has nothing yet."""
        self._run("radosgw-admin", "-c", self.config, "-n", "client.rgw", "user",
                  "create", f"--uid={name}", "--display-name=Test",
                  f"--access-key={access}", f"--secret-key={secret}")

    def _run(self, *command):
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True,
                              timeout=START_LIMIT, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{command[0]}: {done.stdout}{done.stderr}")
        return done.stdout

    def start_program(self, name):
        """One of PROGRAMS; returns when it can be used."""
        command, ready = {
            "mon": (["ceph-mon", "-i", "a"], lambda: self._listens(self.mon_port)),
            "osd": (["ceph-osd", "-i", "0"], self._osd_is_up),
            "rgw": (["radosgw", "-n", "client.rgw"], lambda: self._listens(self.port)),
        }[name]
        with open(self.directory / "log" / f"{name}.out", "ab") as log:
            process = subprocess.Popen(
                [*command, "-c", str(self.config), "-f"], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True)
        self.processes[name] = process

        def is_ready():
            if process.poll() is not None:
                raise RuntimeError(f"{name} ended with status {process.returncode}")
            return ready()
        wait_until(is_ready, f"{name} is ready", START_LIMIT)

    @staticmethod
    def _listens(port):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0

    def _osd_is_up(self):
        return " 1 up" in self._run("ceph", "-c", self.config, "osd", "stat")

    def kill_program(self, name):
        """SIGKILL, as a crash."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def stop(self):
        """In the order that lets each take leave of the one behind it."""
        for name in reversed(PROGRAMS):
            process = self.processes.pop(name, None)
            if process is None:
                continue
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGTERM)
            try:
                process.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    @classmethod
    def of(cls, case):
        """One for a class of tests, that ends with it."""
        folder = tempfile.TemporaryDirectory(prefix="inlay-rgw-")
        case.addClassCleanup(folder.cleanup)
        gateway = cls(folder.name)
        gateway.start()
        case.addClassCleanup(gateway.stop)
        return gateway

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        self.stop()
