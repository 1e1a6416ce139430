# SPDX-License-Identifier: Apache-2.0
"""Starts the real inlay-agent in a folder of its own, for tests and the demo."""

import contextlib
import glob
import os
import pwd
import signal
import subprocess
import time

LIMIT = 20.0  # seconds for a start or a stop


def program():
    return os.path.abspath(os.path.join(os.environ.get("INLAY_BUILD", "build"),
                                        "src/agent/inlay-agent"))


class Agent:
    """One agent. `tokens`: tenant -> token; `settings`: more, or others; so
    `environment`."""

    def __init__(self, directory, mim_url, *, tokens=None, settings=None,
                 environment=None):
        self.environment = environment or {}
        self.directory = directory
        self.socket = os.path.join(directory, "agent.sock")
        self.spool = os.path.join(directory, "spool")
        self.cache = os.path.join(directory, "cache")
        self.log = os.path.join(directory, "agent.log")
        self.config = os.path.join(directory, "inlay-agent.properties")
        self.tokens = {"default": "secret-token"} if tokens is None else tokens
        self.process = None
        for folder in (self.spool, self.cache):
            os.makedirs(folder, exist_ok=True)
        self.settings = {
            "inlay.socket.path": self.socket,
            "inlay.trusted-uids": pwd.getpwuid(os.getuid()).pw_name,
            "inlay.mim.url": mim_url,
            "inlay.node": "imap1.example.org",
            "inlay.address-domain": "example.org",
            "inlay.spool.directory": self.spool,
            "inlay.cache.directory": self.cache,
            "logging.file": self.log,
            "logging.level.root": "debug",
        }
        for tenant in self.tokens:
            self.settings[f"inlay.tenant.{tenant}.token-file"] = self.token_file(tenant)
        self.settings.update(settings or {})
        self.write_tokens()

    def token_file(self, tenant):
        return os.path.join(self.directory, f"token-{tenant}")

    def write_tokens(self):
        for tenant, token in self.tokens.items():
            with open(self.token_file(tenant), "w", encoding="ascii") as f:
                f.write(token + "\n")
            os.chmod(self.token_file(tenant), 0o600)

    def write_config(self):
        with open(self.config, "w", encoding="utf-8") as f:
            for name, value in self.settings.items():
                if value is not None:
                    f.write(f"{name}={value}\n")

    def run(self, *options):
        """Runs it to its end: (exit code, standard output, standard error)."""
        self.write_config()
        done = subprocess.run([program(), "--config", self.config, *options],
                              capture_output=True, text=True, timeout=LIMIT)
        return done.returncode, done.stdout, done.stderr

    def start(self):
        self.write_config()
        self.log_before = len(self.log_text())
        self.process = subprocess.Popen([program(), "--config", self.config],
                                        stdin=subprocess.DEVNULL,
                                        env={**os.environ, **self.environment})
        self.wait_for_log("Started inlay-agent")
        return self

    def log_text(self):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def wait_for_log(self, text, limit=LIMIT):
        """Waits until this run has logged it."""
        end = time.monotonic() + limit
        while text not in self.log_text()[self.log_before:]:
            if self.process.poll() is not None:
                raise RuntimeError(f"the agent ended with {self.process.returncode}:\n"
                                   + self.log_text()[self.log_before:])
            if time.monotonic() > end:
                raise TimeoutError(f"not logged within {limit} s: {text}\n"
                                   + self.log_text()[self.log_before:])
            time.sleep(0.01)

    def signal(self, number):
        self.process.send_signal(number)

    def spooled(self):
        """Bytes of events that wait, as far as the files show."""
        total = 0
        for path in glob.glob(self.spool + "/*.spool"):
            with contextlib.suppress(FileNotFoundError):  # it goes when it was told
                total += os.path.getsize(path)
        return total

    def kill(self):
        """As a crash would."""
        self.process.kill()
        self.process.wait(LIMIT)
        self.process = None

    def stop(self):
        """In good order; the exit code."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(LIMIT)
        self.process = None
        return code
