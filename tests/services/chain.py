# SPDX-License-Identifier: Apache-2.0
"""The whole chain below one folder: mimd, inlay-agent, a private Dovecot.

    with Chain(folder, mail="sdbox") as chain:
        chain.call("GET", "/api/tenants/")
        imaplib.IMAP4("127.0.0.1", chain.dovecot.imap_port)

For the tests of the main job and for the demo.
"""
import json
import os
import pathlib
import shutil
import urllib.error
import urllib.request

from services.daemon import Daemon, build_folder
from services.dovecot import PLUGIN, Dovecot, free_port, wait_until


class Chain:
    """folder: made; fresh: emptied first. settings: more of the plugin's."""

    def __init__(self, folder, *, build=None, fresh=False, mail="maildir",
                 settings=None, dovecot_options=None, mimd_settings=None,
                 agent_settings=None):
        self.folder = pathlib.Path(folder).resolve()
        self.build = pathlib.Path(build).resolve() if build else build_folder()
        if len(str(self.folder)) > 80:
            raise SystemExit(f"{self.folder}: too long a path for unix sockets "
                             "(80 bytes); use a shorter folder")
        if fresh and self.folder.exists():
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port, self.public_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.public_url = f"http://127.0.0.1:{self.public_port}"
        self.socket = self.folder / "agent.sock"
        self.mimd_settings = dict(mimd_settings or {})
        self.agent_settings = dict(agent_settings or {})
        self.mimd = Daemon("mimd", [self.build / "src/mim/mimd", "--config",
                                    self.folder / "application.properties"],
                           self.folder, self._mimd_ready)
        self.agent = Daemon("inlay-agent",
                            [self.build / "src/agent/inlay-agent", "--config",
                             self.folder / "inlay-agent.properties"],
                            self.folder, self.socket.exists)
        plugin = pathlib.Path(os.environ.get("INLAY_PLUGIN_BUILD", self.build))
        self.dovecot = Dovecot(
            str(self.folder / "dovecot"), mail=mail,
            plugin=str(plugin / "dovecot" / PLUGIN),
            settings={"inlay_socket": self.socket, **(settings or {})},
            **(dovecot_options or {}))

    wait_until = staticmethod(wait_until)

    # start and stop

    def start(self):
        self.start_mimd()
        self.start_agent()
        self.dovecot.start()
        return self

    def start_mimd(self):
        self._write("application.properties", {
            "server.address": "127.0.0.1",
            "server.port": self.port,
            "inlay.data.directory": self.folder / "mimd",
            "inlay.datasource.root": self.folder / "datasource",
            "inlay.public.address": "127.0.0.1",
            "inlay.public.port": self.public_port,
            **self.mimd_settings})
        (self.folder / "datasource").mkdir(exist_ok=True)
        self.mimd.start()

    def start_agent(self):
        token = self.folder / "agent-token"
        if not token.exists():
            status, made = self.call("POST", "/api/tokens", {
                "scope": "dovecot:default", "name": "agent"})
            if status != 201:
                raise RuntimeError(f"no token for the agent: {status} {made}")
            token.touch(0o600)
            token.write_text(made["token"] + "\n")
        for name in ("cache", "spool"):
            (self.folder / name).mkdir(exist_ok=True)
        self._write("inlay-agent.properties", {
            "inlay.socket.path": self.socket,
            "inlay.socket.group": "mail" if os.geteuid() == 0 else os.getegid(),
            "inlay.trusted-uids": "mail" if os.geteuid() == 0 else os.geteuid(),
            "inlay.node": "node1",
            "inlay.mim.url": self.url,
            "inlay.tenant.default.token-file": token,
            "inlay.cache.directory": self.folder / "cache",
            "inlay.spool.directory": self.folder / "spool",
            "inlay.message-id-domain": "mail.example.org",
            **self.agent_settings})
        self.agent.start()

    def stop(self):
        """Everything; raises if one of ours did not end clean."""
        self.dovecot.stop()
        bad = []
        for daemon in (self.agent, self.mimd):
            status = daemon.stop()
            if status not in (0, None):
                bad.append(f"{daemon.name} ended with status {status}\n{daemon.log()}")
        if bad:
            raise RuntimeError("\n".join(bad))

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, kind, value, trace):
        self.stop()

    def describe(self):
        return (f"mimd {self.url} (pid {self.mimd.pid}), "
                f"inlay-agent {self.socket.name} (pid {self.agent.pid}), "
                f"Dovecot 127.0.0.1:{self.dovecot.imap_port}")

    # the middleware

    @property
    def token(self):
        return (self.folder / "mimd/admin-token").read_text().strip()

    def call(self, method, path, body=None, token=None, raw=False):
        """(status, answer): the answer parsed if it is JSON."""
        data = body if raw or body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        request.add_header("Authorization", f"Bearer {token or self.token}")
        if body is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as e:
            with e:
                status, text = e.code, e.read()
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text

    def data_source_folder(self, tenant, endpoint):
        folder = self.folder / "datasource" / tenant / endpoint
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def cli_variables(self):
        return {"INLAY_URL": self.url, "INLAY_TENANT": "default",
                "INLAY_TOKEN_FILE": str(self.folder / "mimd/admin-token")}

    def cli_environment(self):
        return {**os.environ, **self.cli_variables()}

    # details

    def _mimd_ready(self):
        try:
            with urllib.request.urlopen(self.url + "/health/live", timeout=5) as answer:
                if answer.status != 200:
                    return False
        except OSError:
            return False
        try:
            status, _ = self.call("GET", "/health/ready")
        except (OSError, FileNotFoundError):
            return False
        return status == 200

    def _write(self, name, settings):
        text = "".join(f"{k}={v}\n" for k, v in settings.items())
        (self.folder / name).write_text(text)
