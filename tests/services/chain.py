# SPDX-License-Identifier: Apache-2.0
"""The whole chain below one folder: mimd, inlay-agent, a private Dovecot.

    with Chain(folder, mail="sdbox") as chain:
        chain.mimd.call("GET", "/api/tenants/")
        imaplib.IMAP4("127.0.0.1", chain.dovecot.imap_port)

For the tests of the main job and for the demo.
"""
import os
import pathlib
import shutil
import subprocess

from services.agent import Agent
from services.dovecot import PLUGIN, Dovecot, wait_until
from services.mimd import Mimd


ELSEWHERE = "use a folder elsewhere (for the demo: make demo DEMO_DIR=/tmp/inlay-demo)"


def check_folder(folder):
    """Says at once what would make Dovecot fail later, and less clearly."""
    if len(os.fsencode(folder)) > 80:
        raise SystemExit(f"{folder}: too long a path for unix sockets (80 bytes); "
                         f"{ELSEWHERE}")
    if os.geteuid() != 0:
        return  # the mailboxes are our own
    for parent in reversed(folder.parents):
        entered = subprocess.run(["test", "!", "-e", parent, "-o", "-x", parent],
                                 user="mail", group="mail", extra_groups=[])
        if entered.returncode != 0:
            raise SystemExit(f"{folder}: the user mail, who owns the mailboxes, may not "
                             f"enter {parent}; {ELSEWHERE}")


class Chain:
    """folder: made; fresh: emptied first. settings: more of the plugin's."""

    def __init__(self, folder, *, fresh=False, mail="maildir", settings=None,
                 mimd_settings=None, agent_settings=None, **dovecot):
        self.folder = pathlib.Path(folder).resolve()
        check_folder(self.folder)
        if fresh and self.folder.exists():
            if any(self.folder.iterdir()) and not (self.folder / "mimd").is_dir():
                raise SystemExit(f"{self.folder}: is not from an earlier run, so it is "
                                 "not emptied")
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.datasource = self.folder / "datasource"
        self.datasource.mkdir(exist_ok=True)
        self.environment = {}  # of mimd and the agent, beside ours
        self.mimd = Mimd(self.folder / "mimd", {
            "inlay.datasource.root": self.datasource, **(mimd_settings or {})},
            public=True, environment=self.environment)
        self.agent_settings = dict(agent_settings or {})
        self.agent = None
        folder = self.folder / "agent"
        folder.mkdir(exist_ok=True)
        self.socket = folder / "agent.sock"
        plugin = os.environ.get("INLAY_PLUGIN_BUILD", os.environ.get("INLAY_BUILD", "build"))
        self.dovecot = Dovecot(
            str(self.folder / "dovecot"), mail=mail,
            plugin=os.path.abspath(os.path.join(plugin, "dovecot", PLUGIN)),
            settings={"inlay_socket": self.socket, **(settings or {})}, **dovecot)

    wait_until = staticmethod(wait_until)

    # start and stop

    def start(self):
        self.mimd.start()
        self.start_agent()
        self.dovecot.start()
        return self

    def start_agent(self):
        """Again after a stop of mimd or agent, too."""
        if self.agent is None:
            root = os.geteuid() == 0
            self.agent = Agent(
                str(self.folder / "agent"), f"http://127.0.0.1:{self.mimd.port}",
                tokens={"default": self.mimd.make_token("dovecot:default", name="agent")},
                settings={"inlay.trusted-uids": "mail" if root else os.geteuid(),
                          "inlay.socket.group": "mail" if root else os.getegid(),
                          "inlay.message-id-domain": "mail.example.org",
                          **self.agent_settings},
                environment=self.environment)
        self.agent.start()

    def stop(self):
        """Everything; raises if one of ours did not end clean."""
        self.dovecot.stop()
        bad = []
        if self.agent is not None and (code := self.agent.stop()) != 0:
            bad.append(f"inlay-agent ended with {code}\n{self.agent.log_text()}")
        if (code := self.mimd.stop()) not in (0, None):
            bad.append(f"mimd ended with {code}\n{self.mimd.log()}")
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

    # the middleware

    @property
    def public_url(self):
        return f"http://127.0.0.1:{self.mimd.public_port}"

    def data_source_folder(self, tenant, endpoint):
        folder = self.datasource / tenant / endpoint
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def cli_variables(self):
        return {"INLAY_URL": f"http://127.0.0.1:{self.mimd.port}",
                "INLAY_TENANT": "default",
                "INLAY_TOKEN_FILE": str(self.mimd.data / "admin-token")}
