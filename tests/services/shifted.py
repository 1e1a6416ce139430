# SPDX-License-Identifier: Apache-2.0
"""Processes whose wall clock is set while they run (shift-clock.c)."""
import mmap
import os
import struct

from services.daemon import build_folder


class Clock:
    """Those that have its environment see the time that it is plus what step() was
    told last."""

    def __init__(self, path):
        self.path = str(path)
        with open(self.path, "wb") as f:
            f.write(bytes(mmap.PAGESIZE))
        os.chmod(self.path, 0o644)
        with open(self.path, "r+b") as f:
            self.memory = mmap.mmap(f.fileno(), mmap.PAGESIZE)

    @property
    def environment(self):
        plain = os.environ.get("INLAY_PLUGIN_BUILD", str(build_folder()))
        return {"LD_PRELOAD": os.path.join(plain, "tests/shift-clock.so"),
                "SHIFT_CLOCK_FILE": self.path,
                # a sanitizer wants to be the first of the libraries
                "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") +
                ":verify_asan_link_order=0"}

    def dovecot_settings(self):
        """For what Dovecot's master starts. The master itself has the true time: after
        a step back it starts nothing for three minutes."""
        return "import_environment = $import_environment " + " ".join(
            f"{k}={v}" for k, v in self.environment.items() if "ASAN" not in k) + "\n"

    def step(self, seconds):
        self.memory[:8] = struct.pack("=q", int(seconds * 1_000_000))
