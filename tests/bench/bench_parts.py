# SPDX-License-Identifier: Apache-2.0
"""Each step of the hot path alone, and what the store costs, so that the figures of the
whole can be explained. No goals: nothing here is what anybody waits for."""
import re
import shutil
import subprocess

from figures import RUN, Figure, option
from services.daemon import build_folder

# a step and its time; what follows the unit is left out
STEP = re.compile(r"(\S.*?)\s{2,}([\d.]+) (ns|us median|rows/s|users/s|reads/s|/s|bytes)")


def _lines(*command):
    done = subprocess.run(list(map(str, command)), check=True, text=True,
                          stdout=subprocess.PIPE)
    return done.stdout.splitlines()


def _figures(lines):
    found = [STEP.match(line.strip()) for line in lines]
    return [Figure(m.group(1), float(m.group(2)), m.group(3)) for m in found if m]


def steps():
    """Of the decision and of the message: what the processor does."""
    return _figures(_lines(build_folder() / "tests/bench/bench-parts"))


def store():
    """Reads, durable commits and loads, without HTTP."""
    folder = RUN / "store"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        return _figures(_lines(build_folder() / "tests/bench/bench-store", folder,
                               option("B_USERS", 1000000)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
