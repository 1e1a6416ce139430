# SPDX-License-Identifier: Apache-2.0
"""What a bench gives back, and what all of them need: options, medians, /proc."""
import dataclasses
import os
import pathlib
import statistics

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RUN = pathlib.Path(os.environ.get("B_DIR", ROOT / "bench-run"))


def option(name, default):
    """A whole number from the environment: make bench B_USERS=10000."""
    return int(os.environ.get(name) or default)


@dataclasses.dataclass
class Figure:
    """goal: (">=" or "<=", number), None where there is none."""

    what: str
    value: float
    unit: str
    goal: tuple = None

    @property
    def reached(self):
        if self.goal is None:
            return None
        sign, bound = self.goal
        return self.value >= bound if sign == ">=" else self.value <= bound


median = statistics.median


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def spread(values):
    return f"{min(values):.4g}..{max(values):.4g}"


def memory_kib(pid):
    """{"RssAnon": ..., "RssFile": ..., "RssShmem": ...} of a process."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: int(rest.split()[0]) for name, rest in
            (line.split(":", 1) for line in lines if line.startswith("Rss"))}


def own_memory_mb(pid):
    """What nobody else could use: not the mapped file."""
    m = memory_kib(pid)
    return (m["RssAnon"] + m["RssShmem"]) * 1024 / 1e6


def cpu_seconds(pid):
    """User and system time of a process and of its living children."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    total = 0.0
    for p in [pid, *children]:
        fields = pathlib.Path(f"/proc/{p}/stat").read_text().rsplit(")", 1)[1].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def busy_seconds():
    """Of all processors, since the machine started."""
    first = pathlib.Path("/proc/stat").read_text().splitlines()[0]
    user, nice, system, _, _, irq, softirq, steal = map(int, first.split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
