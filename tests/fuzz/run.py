#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the libFuzzer programs of a build in turn, so many seconds each, on the seeds
and on what earlier runs found. Ends at the first finding, which it shows and keeps.

    run.py --build build-fuzz --seconds 60 [NAME...]
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent

# target -> dictionary, where it is not of the target's own name
DICTIONARIES = {
    "answers": "json", "bundle": "json", "campaign": "json", "reply": "json",
    "requests": "json", "tenant": "json", "user": "json", "template": "mustache",
    "users-csv": "csv",
}
LONGEST = 65536  # bytes of an input


def targets():
    return sorted(p.stem.removeprefix("fuzz-") for p in HERE.glob("fuzz-*.c"))


def program(build, name):
    return build / "tests/fuzz" / f"fuzz-{name}"


def build_them(build, names):
    subprocess.run(["ninja", "-C", str(build), "--quiet",
                    *(f"tests/fuzz/fuzz-{name}" for name in names)], check=True)


def command(build, name, seconds):
    corpus, seeds = build / "corpus" / name, HERE / "seeds" / name
    findings = build / "findings"
    for folder in (corpus, findings):
        folder.mkdir(parents=True, exist_ok=True)
    words = [program(build, name), corpus, *([seeds] if seeds.exists() else []),
             f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-timeout=10",
             "-rss_limit_mb=2048", "-print_final_stats=1", "-close_fd_mask=1",
             f"-artifact_prefix={findings}/{name}-"]
    dictionary = HERE / "dictionaries" / f"{DICTIONARIES.get(name, name)}.dict"
    if dictionary.exists():
        words.append(f"-dict={dictionary}")
    return list(map(str, words))


def fuzz(build, name, seconds):
    """(executions, edges) or None after a finding, which it has shown."""
    env = {**os.environ, "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
           "ASAN_OPTIONS": "detect_leaks=1"}
    done = subprocess.run(command(build, name, seconds), env=env, text=True,
                          errors="replace", stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode != 0:
        lines = done.stderr.splitlines()
        first = next((i for i, line in enumerate(lines)
                      if "ERROR" in line or "runtime error" in line), 0)
        print("\n".join(lines[first:first + 60] if first else lines[-60:]))
        return None
    runs = re.search(r"stat::number_of_executed_units:\s*(\d+)", done.stderr)
    edges = re.findall(r"\bcov: (\d+)", done.stderr)
    return int(runs.group(1)) if runs else 0, int(edges[-1]) if edges else 0


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--build", default="build-fuzz", type=pathlib.Path)
    p.add_argument("--seconds", default=60, type=int)
    p.add_argument("names", nargs="*", metavar="NAME")
    args = p.parse_args()
    names = args.names or targets()
    unknown = set(names) - set(targets())
    if unknown:
        p.error(f"no target {', '.join(sorted(unknown))}; there are "
                + ", ".join(targets()))
    build = args.build.resolve()
    build_them(build, names)
    total = 0
    print(f"{'target':14}{'executions':>12}{'edges':>8}", flush=True)
    for name in names:
        result = fuzz(build, name, args.seconds)
        if result is None:
            print(f"fuzz: {name} has a finding; the input is in "
                  f"{os.path.relpath(build / 'findings')}")
            return 1
        if result[0] == 0 or result[1] < 10:
            print(f"fuzz: {name} was not exercised: {result}")
            return 1
        total += result[0]
        print(f"{name:14}{result[0]:12,}{result[1]:8,}", flush=True)
    print(f"{len(names)} targets, {total:,} executions, no finding")
    return 0


if __name__ == "__main__":
    sys.exit(main())
