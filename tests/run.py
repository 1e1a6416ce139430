#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every test and ends with a line "N passed, N failed".

Unit tests are those that meson knows (cmocka, Dovecot's lib-test, the corpora of the
fuzz targets); integration tests are the unittest files in tests/integration, each in
a process of its own, on real services. A word behind the options runs only the tests
whose name contains it.
"""
import argparse
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
FILE_LIMIT = 600  # seconds for one integration file
FAULTS_LIMIT = 3600  # with every fault at every place


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--build", default="build", help="build folder under test")
    p.add_argument("--plugin-build", help="where the plugin for Dovecot was built "
                   "(a stock Dovecot cannot load a sanitizer build)")
    p.add_argument("--sanitizer", choices=["address", "thread"])
    p.add_argument("--no-unit", action="store_true")
    p.add_argument("--no-integration", action="store_true")
    p.add_argument("--faults", action="store_true", help="the integration tests that "
                   "docs/reliability.md names, each fault at every place it may have")
    p.add_argument("only", nargs="?", default="")
    return p.parse_args()


def environment(args):
    env = dict(os.environ)
    env["INLAY_BUILD"] = str((ROOT / args.build).resolve())
    env["INLAY_PLUGIN_BUILD"] = str((ROOT / (args.plugin_build or args.build)).resolve())
    env["PYTHONPATH"] = str(ROOT / "tests")
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    # a finding must end the process, or nobody sees it
    env["ASAN_OPTIONS"] = "detect_leaks=1:abort_on_error=0:exitcode=99"
    env["UBSAN_OPTIONS"] = "halt_on_error=1:print_stacktrace=1:exitcode=99"
    env["TSAN_OPTIONS"] = ("halt_on_error=0:exitcode=99:suppressions="
                           + str(ROOT / "tests/tsan.supp"))
    if args.sanitizer:
        env["INLAY_SANITIZER"] = args.sanitizer
    if args.faults:
        env["FAULT_ROUNDS"] = "full"
    return env


def integration_files(args):
    files = sorted((ROOT / "tests/integration").glob("test_*.py"))
    if args.faults:
        named = set(re.findall(r"`(test_\w+\.py): ",
                               (ROOT / "docs/reliability.md").read_text()))
        files = [f for f in files if f.name in named]
    return [f for f in files if args.only in f.name]


def run_unit(args, env):
    """All unit tests through meson; returns (passed, failures)."""
    build = ROOT / args.build
    command = ["meson", "test", "-C", str(build), "--no-rebuild", "--quiet",
               "--print-errorlogs", "--timeout-multiplier",
               "10" if args.sanitizer else "2"]
    listed = json.loads(subprocess.run(
        ["meson", "introspect", "--tests", str(build)], check=True,
        capture_output=True, text=True).stdout)
    # benches and libcsv-like oracles are not slower than the rest; one word selects
    names = [t["name"] for t in listed if args.only in t["name"]]
    if not names:
        return 0, []
    if args.only:
        command += names
    log = build / "meson-logs" / "testlog.json"
    log.unlink(missing_ok=True)
    subprocess.run(command, env=env)
    passed, failures = 0, []
    if log.exists():
        for line in log.read_text().splitlines():
            result = json.loads(line)
            if result["result"] in ("OK", "EXPECTEDFAIL"):
                passed += 1
            else:
                failures.append(f"{result['name']}: {result['result']}")
    if passed + len(failures) < len(names):
        failures.append(f"{len(names) - passed - len(failures)} unit tests did not run")
    return passed, failures


SUMMARY = re.compile(r"^Ran (\d+) tests? in", re.M)


def run_file(path, env, limit):
    """One integration file; returns (passed, failures)."""
    began = time.monotonic()
    process = subprocess.Popen(
        ["/usr/bin/python3", "-m", "unittest", "-v", path.stem], cwd=path.parent,
        env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        output, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        # everything it started is in its session
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        print(output)
        return 0, [f"{path.name}: not done after {limit} s"]
    ran = SUMMARY.search(output)
    bad = re.findall(r"^(?:FAIL|ERROR): (.*)$", output, re.M)
    count = int(ran.group(1)) if ran else 0
    if process.returncode != 0 or count == 0 or bad:
        print(output)
        if not bad:
            bad = [f"exit {process.returncode}, {count} tests ran"]
    skipped = re.findall(r"skipped '(.*)'", output)
    if skipped:
        bad.append(f"skipped: {skipped[0]}")
    print(f"{path.name:38} {count - min(len(bad), count):3} passed"
          f"  {time.monotonic() - began:6.1f} s", flush=True)
    return max(count - len(bad), 0), [f"{path.name}: {b}" for b in bad]


def main():
    args = arguments()
    env = environment(args)
    passed, failures = 0, []
    if not args.no_unit and not args.faults:
        n, bad = run_unit(args, env)
        passed += n
        failures += bad
        print(f"unit tests: {n} passed", flush=True)
    if not args.no_integration:
        for path in integration_files(args):
            n, bad = run_file(path, env, FAULTS_LIMIT if args.faults else FILE_LIMIT)
            passed += n
            failures += bad
    for f in failures:
        print(f"failed: {f}")
    print(f"{passed} passed, {len(failures)} failed")
    return 1 if failures or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
