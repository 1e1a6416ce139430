#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the benches, or those that are named; prints one table and writes the same as
JSON into bench-run/.

What a run leaves (populations, which take long to make, and results) is in bench-run/
too. Environment: B_USERS (default 1,000,000), B_SECONDS of a run (3), B_ROUNDS (5);
B_SESSIONS (200), B_MESSAGES (100,000) and B_PAUSE (ms; both) of b, B_INJECTIONS (40)
of c, B_ROWS (10,000,000) and B_RATE (1,000 decisions a second) of d, B_MANY_USERS
(10,000,000) of f, B_BYTES (5 GiB) of t, B_IDLE (200) of r, B_EVENTS (1,000,000) of w
with B_RATE, B_OVERLOAD (60 s) of o, whose B_USERS is 100,000.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "integration")]

import bench_decisions  # noqa: E402
import bench_drain      # noqa: E402
import bench_growth     # noqa: E402
import bench_idle       # noqa: E402
import bench_import     # noqa: E402
import bench_inject     # noqa: E402
import bench_overload   # noqa: E402
import bench_parts      # noqa: E402
import bench_recall     # noqa: E402
import bench_s3         # noqa: E402
import bench_select     # noqa: E402
from figures import RUN, option  # noqa: E402

BENCHES = [
    ("a1", "decisions, nothing to assign, 10 campaigns", bench_decisions.nothing_to_assign),
    ("a2", "decisions, one in twenty an injection", bench_decisions.one_in_twenty),
    ("b", "the first SELECT, nothing to do", bench_select.nothing_to_do),
    ("c", "SELECT that injects, beside APPEND",
     bench_inject.injection_beside_append),
    ("h", "SELECT while the agent hangs", bench_select.hung_agent),
    ("d", "import of a large file, and decisions meanwhile", bench_import.large_file),
    ("w", "events that waited through an outage, and decisions meanwhile",
     bench_drain.waiting_events),
    ("e", "memory when idle, time to ready", bench_idle.memory_and_start),
    ("o", "ten times the load, idle connections, what is left of it",
     bench_overload.overload),
    ("f", "from 100,000 to 10,000,000 users", bench_growth.growth),
    ("r", "a recall of what lies before clients in IDLE", bench_recall.in_idle),
    ("t", "from an S3 store", bench_s3.download),
    ("p", "the steps of a decision and of a message", bench_parts.steps),
    ("s", "the store alone", bench_parts.store),
]


def machine():
    model = "unknown"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(),
            "load": [round(x, 2) for x in os.getloadavg()]}


def number(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def show(name, title, figures):
    print(f"\n{name}  {title}")
    for f in figures:
        goal = "" if f.goal is None else (
            f"{f.goal[0]} {f.goal[1]:g}  " + ("ok" if f.reached else "MISSED"))
        print(f"  {f.what:52} {number(f.value):>10} {f.unit:4} {goal}".rstrip())
    sys.stdout.flush()


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--build", default="build")
    p.add_argument("names", nargs="*", metavar="NAME",
                   help=", ".join(f"{n} ({t})" for n, t, _ in BENCHES))
    args = p.parse_args()
    unknown = set(args.names) - {n for n, _, _ in BENCHES}
    if unknown:
        p.error(f"no bench {', '.join(sorted(unknown))}; there are "
                + ", ".join(n for n, _, _ in BENCHES))
    os.environ["INLAY_BUILD"] = os.environ["INLAY_PLUGIN_BUILD"] = \
        os.path.abspath(args.build)
    RUN.mkdir(parents=True, exist_ok=True)
    at = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    report = {"at": at, "machine": machine(), "users": option("B_USERS", 1000000),
              "benches": {}}
    print(f"{report['machine']['cpu']}, {report['machine']['cores']} cores, load "
          f"{report['machine']['load'][0]}, {at}", flush=True)
    for name, title, bench in BENCHES:
        if args.names and name not in args.names:
            continue
        figures = bench()
        show(name, title, figures)
        report["benches"][name] = [
            {"what": f.what, "value": f.value, "unit": f.unit, "goal": f.goal,
             "reached": f.reached} for f in figures]
        path = RUN / f"results-{'-'.join(args.names) or 'all'}.json"
        path.write_text(json.dumps(report, indent=1) + "\n")
    print(f"\nas JSON: {os.path.relpath(path)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
