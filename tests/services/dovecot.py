# SPDX-License-Identifier: Apache-2.0
"""A private Dovecot 2.3 in a directory of its own, for tests and the demo.

    from services.dovecot import Dovecot
    with Dovecot("/some/dir", mail="sdbox", settings={"inlay_socket": "..."}) as d:
        imaplib.IMAP4("127.0.0.1", d.imap_port)

or from a shell:

    dovecot.py start DIR [--mail maildir] [--port 0] [--setting KEY=VALUE]...
    dovecot.py stop DIR

It listens on 127.0.0.1 only, writes nothing outside DIR, adds no user or group
(the mailboxes belong to the packages' own user `mail`) and is ended by its pid.
Every user name is let in with any password, unless `users` is given.
"""

import argparse
import contextlib
import ctypes
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time

SYSTEM_MODULES = "/usr/lib/dovecot/modules"
PLUGIN = "lib99_inlay_plugin.so"
LOCATIONS = {
    "maildir": "maildir:~/Maildir",
    "sdbox": "sdbox:~/sdbox",
    "mdbox": "mdbox:~/mdbox",
    "mbox": "mbox:~/mail:INBOX=~/mail/inbox",
}
LIMIT = 20.0  # seconds for a start or a stop


def free_port():
    """A port of 127.0.0.1 that nobody uses now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def plugin_file():
    """The plugin as built: under $INLAY_PLUGIN_BUILD, else $INLAY_BUILD, else ./build."""
    build = (os.environ.get("INLAY_PLUGIN_BUILD") or
             os.environ.get("INLAY_BUILD") or "build")
    return os.path.abspath(os.path.join(build, "dovecot", PLUGIN))


def wait_until(condition, what, limit=LIMIT):
    """Polls until condition() is true; its value. TimeoutError names `what`."""
    end = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"not within {limit} s: {what}")
        time.sleep(0.02)


def _end_with_parent():
    """In the child: SIGTERM when the parent is gone, even if that was killed."""
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Dovecot:
    """One private Dovecot.

    directory        is made; must be short (unix sockets lie in it)
    mail             maildir, sdbox, mdbox, mbox, or a whole mail_location
    imap_port        0: any free one, then to be read from .imap_port; so pop3_port
                     (None: no POP3)
    plugins          mail_plugins; {imap,pop3}_plugins are added in those protocols
    plugin           file of the Inlay plugin; None: run without it
    settings         of the plugin {} section
    users            {name: password}; None: everybody with any password
    extra            text appended to the configuration
    namespaces       text in place of the default inbox namespace
    modules          files of further plugins that `plugins` may name
    """

    def __init__(self, directory, *, mail="maildir", imap_port=0, pop3_port=None,
                 plugins="inlay", imap_plugins="", pop3_plugins="",
                 plugin="build", settings=None, users=None, extra="",
                 namespaces=None, modules=()):
        self.directory = os.path.abspath(directory)
        self.mail_location = LOCATIONS.get(mail, mail)
        self.imap_port = imap_port or free_port()
        self.pop3_port = free_port() if pop3_port == 0 else pop3_port
        self.plugin = plugin_file() if plugin == "build" else plugin
        self.plugins = plugins if self.plugin else plugins.replace("inlay", "")
        self.imap_plugins = imap_plugins
        self.pop3_plugins = pop3_plugins
        self.settings = dict(settings or {})
        self.users = users
        self.extra = extra
        self.namespaces = namespaces
        self.modules = list(modules)
        self.process = None

    # where things are

    @property
    def base(self):
        return os.path.join(self.directory, "run")

    @property
    def config(self):
        return os.path.join(self.directory, "dovecot.conf")

    @property
    def log_file(self):
        return os.path.join(self.directory, "dovecot.log")

    def home(self, user):
        return os.path.join(self.directory, "mail", user)

    def log(self):
        """All that was logged since the directory was made."""
        try:
            with open(self.log_file, encoding="utf-8", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    # start and stop

    def start(self, stay=False):
        """Starts it. It ends with the thread that started it, unless it is to stay."""
        for part in ("", "run", "mail", "modules"):
            os.makedirs(os.path.join(self.directory, part), exist_ok=True)
        if os.geteuid() == 0:
            mail = pwd.getpwnam("mail")
            os.chown(os.path.join(self.directory, "mail"), mail.pw_uid, mail.pw_gid)
        self._link_modules()
        if self.users is not None:
            with open(os.path.join(self.directory, "users"), "w") as f:
                for name, password in self.users.items():
                    f.write(f"{name}:{{PLAIN}}{password}\n")
        with open(self.config, "w") as f:
            f.write(self._configuration())
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                ["dovecot", "-F", "-c", self.config], stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=log, start_new_session=True,
                preexec_fn=None if stay else _end_with_parent)
        try:
            wait_until(self._answers, "Dovecot answers")
        except (TimeoutError, RuntimeError) as e:
            self.stop()
            raise RuntimeError(f"Dovecot does not start: {e}\n{self.log()}") from e
        return self

    def stop(self):
        """Ends it, with every process it has; no error if it does not run."""
        pid = self.process.pid if self.process else self._pid_of_file()
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        if self.process:
            try:
                self.process.wait(LIMIT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None
        else:
            wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "Dovecot ends")

    def restart(self):
        self.stop()
        return self.start()

    def __enter__(self):
        return self.start()

    def __exit__(self, *unused):
        self.stop()

    def doveadm(self, *args, check=True):
        """Runs doveadm on this instance; what it printed."""
        done = subprocess.run(["doveadm", "-c", self.config, *args],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        if check and done.returncode != 0:
            raise RuntimeError(f"doveadm {' '.join(args)}: {done.stdout}")
        return done.stdout

    # details

    def _pid_of_file(self):
        try:
            with open(os.path.join(self.base, "master.pid")) as f:
                return int(f.read())
        except (FileNotFoundError, ValueError):
            return None

    def _answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"exit status {self.process.returncode}")
        try:
            with socket.create_connection(("127.0.0.1", self.imap_port), 1) as s:
                return s.recv(100).startswith(b"* OK")
        except OSError:
            return False

    def _link_modules(self):
        """The system's modules and ours in one directory, as Dovecot knows one."""
        modules = os.path.join(self.directory, "modules")
        for name in os.listdir(SYSTEM_MODULES):
            link = os.path.join(modules, name)
            if name != PLUGIN and not os.path.lexists(link):
                os.symlink(os.path.join(SYSTEM_MODULES, name), link)
        # copies: the build may lie where the user `mail` cannot read
        for file in [self.plugin, *self.modules] if self.plugin else self.modules:
            there = os.path.join(modules, os.path.basename(file))
            shutil.copyfile(file, there + ".new")
            os.chmod(there + ".new", 0o755)
            os.replace(there + ".new", there)

    def _configuration(self):
        me = pwd.getpwuid(os.geteuid()).pw_name
        root = os.geteuid() == 0
        mail = "mail" if root else me
        protocols = "imap" if self.pop3_port is None else "imap pop3"
        passdb = ("driver = static\n  args = nopassword=y" if self.users is None else
                  "driver = passwd-file\n  args = username_format=%u "
                  f"{self.directory}/users")
        settings = "\n".join(f"  {k} = {v}" for k, v in self.settings.items())
        namespaces = self.namespaces or "namespace inbox {\n  inbox = yes\n}"
        rootless = "" if root else (
            f"default_internal_user = {me}\ndefault_login_user = {me}\n"
            f"default_internal_group = {me}\n"
            "service anvil {\n  chroot =\n}\n"
            "service imap-login {\n  chroot =\n}\n"
            "service pop3-login {\n  chroot =\n}\n")
        return f"""\
base_dir = {self.base}
state_dir = {self.base}
instance_name = inlay-{os.path.basename(self.directory)}
# where a plugin of a coverage build writes its counts (tests/coverage.py)
import_environment = $import_environment GCOV_PREFIX GCOV_PREFIX_STRIP
log_path = {self.log_file}
protocols = {protocols}
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_location = {self.mail_location}
mail_home = {self.directory}/mail/%u
mail_uid = {mail}
mail_gid = {mail}
first_valid_uid = 8
mail_plugin_dir = {self.directory}/modules
mail_plugins = {self.plugins}
protocol imap {{
  mail_plugins = $mail_plugins {self.imap_plugins}
  mail_max_userip_connections = 100
}}
protocol pop3 {{
  mail_plugins = $mail_plugins {self.pop3_plugins}
}}
{rootless}
service imap-login {{
  inet_listener imap {{
    port = {self.imap_port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {self.pop3_port or 0}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
passdb {{
  {passdb}
}}
userdb {{
  driver = static
  args = uid={mail} gid={mail}
}}
plugin {{
{settings}
}}
{namespaces}
{self.extra}
"""


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("start")
    start.add_argument("directory")
    start.add_argument("--mail", default="maildir")
    start.add_argument("--port", type=int, default=0)
    start.add_argument("--plugin", default="build")
    start.add_argument("--setting", action="append", default=[])
    stop = commands.add_parser("stop")
    stop.add_argument("directory")
    args = parser.parse_args(argv)
    if args.command == "stop":
        Dovecot(args.directory).stop()
        return 0
    settings = dict(s.split("=", 1) for s in args.setting)
    server = Dovecot(args.directory, mail=args.mail, imap_port=args.port,
                     plugin=args.plugin, settings=settings).start(stay=True)
    print(json.dumps({"pid": server.process.pid, "imapPort": server.imap_port}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
