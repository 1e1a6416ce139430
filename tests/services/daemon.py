# SPDX-License-Identifier: Apache-2.0
"""A process of ours: started in the foreground, watched, ended by its pid."""
import contextlib
import os
import pathlib
import signal
import subprocess

from services.dovecot import wait_until

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
STOP_LIMIT = 30.0  # seconds; a sanitizer build takes its time


def build_folder():
    """Where the daemons under test were built."""
    return pathlib.Path(os.environ.get("INLAY_BUILD", ROOT / "build")).resolve()


class Daemon:
    """command, a folder for its log, and how to see that it is ready; what its
    environment has beside ours."""

    def __init__(self, name, command, folder, ready, environment=None):
        self.name = name
        self.command = [str(c) for c in command]
        self.log_path = pathlib.Path(folder) / f"{name}.log"
        self.ready = ready
        self.environment = environment if environment is not None else {}
        self.process = None

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, env={**os.environ, **self.environment})
        try:
            wait_until(self._is_ready, f"{self.name} is ready", 60)
        except (TimeoutError, RuntimeError) as e:
            self.kill()
            raise RuntimeError(f"{self.name} does not start: {e}\n{self.log()}") from e
        return self

    def _is_ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"it ended with status {self.process.returncode}")
        return self.ready()

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """SIGTERM; the exit status, None if it was not running. A sanitizer's finding
        shows as its exit code."""
        if self.process is None:
            return None
        process, self.process = self.process, None
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGTERM)
        try:
            return process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise RuntimeError(f"{self.name} did not end on SIGTERM\n{self.log()}")

    def kill(self):
        """SIGKILL, as a crash."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            self.process.wait()
            self.process = None
