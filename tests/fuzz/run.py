#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the libFuzzer programs of a build, so many seconds each and as many at once as
there are cores, on the seeds and on what earlier runs found. Ends at the first finding,
which it shows and keeps.

    run.py --build build-fuzz [--seconds 60] [--runs N] [--jobs N] [NAME...]

With --runs a target ends at that many executions, if that is before its seconds.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent

# target -> dictionary, longest input in bytes: what it takes to reach its limits, or
# else what a mutation of makes sense, for time grows with it
TARGETS = {
    "agent-settings": ("settings", 1024),
    "answers": ("json", 4096),
    "bundle": ("json", 4096),
    "cache": ("mustache", 4096),
    "campaign": ("json", 4096),
    "csv": ("csv", 1024),
    "delivery": ("delivery", 512),
    "documents": ("json", 4096),
    "head": ("head", 1024),
    "html": ("html", 1024),
    "json": ("json", 1024),
    "ledger": (None, 2048),
    "mim-settings": ("settings", 1024),
    "mustache": ("mustache", 1024),
    "properties": ("properties", 1024),
    "reply": ("json", 2048),
    "requests": ("json", 4096),
    "spool": (None, 2048),
    "s3-answer": ("s3", 2048),
    "store": (None, 1024),
    "template": ("mustache", 4096),
    "tenant": ("json", 4096),
    "texts": ("texts", 256),
    "token-file": (None, 1024),
    "unpack": (None, 2048),
    "unsubscribe": ("unsubscribe", 512),
    "user": ("json", 4096),
    "users-csv": ("csv", 1024),
    "wire": ("wire", 4096),
}

# seconds for one input: of the wall clock, and the machine may have other work
HANGS = 60
# A finding ends the process. Quarantine and kept memory are small: each input starts
# anew, and pages that stay in the cache are worth more than a long memory.
ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_leaks=1:quarantine_size_mb=16:malloc_context_size=8:"
                    "allocator_release_to_os_interval_ms=-1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
}


def build_them(build, names):
    subprocess.run(["ninja", "-C", str(build), "--quiet",
                    *(f"tests/fuzz/fuzz-{name}" for name in names)], check=True)


def command(build, name, seconds, runs):
    dictionary, longest = TARGETS[name]
    corpus, findings = build / "corpus" / name, build / "findings"
    for folder in (corpus, findings):
        folder.mkdir(parents=True, exist_ok=True)
    words = [build / "tests/fuzz" / f"fuzz-{name}", corpus, HERE / "seeds" / name,
             f"-max_total_time={seconds}", f"-runs={runs or -1}",
             f"-max_len={longest}", f"-timeout={HANGS}", "-rss_limit_mb=2048",
             "-print_final_stats=1", "-close_fd_mask=1",
             f"-artifact_prefix={findings}/{name}-"]
    if dictionary is not None:
        words.append(f"-dict={HERE}/dictionaries/{dictionary}.dict")
    return list(map(str, words))


class Result:
    """What one program said."""

    def __init__(self, name, code, text, seconds):
        runs = re.search(r"stat::number_of_executed_units:\s*(\d+)", text)
        edges = re.findall(r"\bcov: (\d+)", text)
        self.name = name
        self.runs = int(runs.group(1)) if runs else 0
        self.edges = int(edges[-1]) if edges else 0
        self.seconds = seconds
        self.found = code != 0
        self.idle = self.runs == 0 or self.edges < 10
        self.text = text

    def line(self):
        return (f"{self.name:14}{self.runs:12,}{self.runs / self.seconds:10,.0f}"
                f"{self.edges:8,}")

    def why(self):
        """The part of the output that tells of the finding."""
        lines = self.text.splitlines()
        first = next((i for i, line in enumerate(lines)
                      if "ERROR" in line or "runtime error" in line), len(lines) - 60)
        return "\n".join(lines[max(first, 0):][:60])


class Fuzzing:
    """Programs that run side by side, until one of them has a finding."""

    def __init__(self, build, seconds, runs):
        self.build, self.seconds, self.runs = build, seconds, runs
        self.lock = threading.Lock()
        self.running = set()
        self.ended = False

    def start(self, name, log):
        with self.lock:
            if self.ended:
                return None
            process = subprocess.Popen(
                command(self.build, name, self.seconds, self.runs), stderr=log,
                env={**os.environ, **ENVIRONMENT}, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL)
            self.running.add(process)
            return process

    def run(self, name):
        """A result, or None if another target's finding was first."""
        path = self.build / f"fuzz-{name}.log"
        began = time.monotonic()
        with path.open("wb") as log:
            process = self.start(name, log)
            if process is None:
                return None
            code = process.wait()
        with self.lock:
            self.running.discard(process)
            if self.ended:
                return None
            result = Result(name, code, path.read_text(errors="replace"),
                            time.monotonic() - began)
            if result.found or result.idle:
                self.end()
            return result

    def end(self):
        self.ended = True
        for process in self.running:
            process.terminate()

    def stop(self):
        with self.lock:
            self.end()


def report(results, build):
    """A line for each as it comes; the executions of all, or None after a finding."""
    total, bad = 0, False
    for done in concurrent.futures.as_completed(results):
        result = done.result()
        if result is None:
            continue
        if result.found:
            print(f"{result.why()}\nfuzz: {result.name} has a finding after "
                  f"{result.runs:,} executions; the input is in "
                  f"{os.path.relpath(build / 'findings')}", flush=True)
        elif result.idle:
            print(f"fuzz: {result.name} was not exercised: {result.line()}", flush=True)
        else:
            print(result.line(), flush=True)
        bad = bad or result.found or result.idle
        total += result.runs
    return None if bad else total


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--build", default="build-fuzz", type=pathlib.Path)
    p.add_argument("--seconds", default=60, type=int)
    p.add_argument("--runs", default=0, type=int, help="most executions of a target")
    p.add_argument("--jobs", default=len(os.sched_getaffinity(0)), type=int)
    p.add_argument("names", nargs="*", metavar="NAME")
    args = p.parse_args()
    files = {f.stem.removeprefix("fuzz-") for f in HERE.glob("fuzz-*.c")}
    if files != set(TARGETS):
        p.error(f"files and table differ: {', '.join(sorted(files ^ set(TARGETS)))}")
    unknown = set(args.names) - files
    if unknown:
        p.error(f"no target {', '.join(sorted(unknown))}; there are "
                + ", ".join(TARGETS))
    return args


def main():
    args = arguments()
    names = args.names or list(TARGETS)
    build = args.build.resolve()
    build_them(build, names)
    print(f"{'target':14}{'executions':>12}{'a second':>10}{'edges':>8}", flush=True)
    fuzzing = Fuzzing(build, args.seconds, args.runs)
    with concurrent.futures.ThreadPoolExecutor(max(1, args.jobs)) as pool:
        results = [pool.submit(fuzzing.run, name) for name in names]
        try:
            total = report(results, build)
        except KeyboardInterrupt:
            fuzzing.stop()
            raise
    if total is None:
        return 1
    print(f"{len(names)} targets, {total:,} executions, no finding")
    return 0


if __name__ == "__main__":
    sys.exit(main())
