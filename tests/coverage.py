#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the tests of a coverage build (meson -Db_coverage=true, gcc) and prints which
share of the lines of src/ and dovecot/ they reached: a table per folder, the files that
are reached least, the total. A line counts as reached if any program reached it. Tests
themselves are not counted.

The plugin inside a real Dovecot runs as another user and leaves no counts: of dovecot/
only what its unit tests reach is seen.
"""
import argparse
import collections
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
WANTED = 85.0
WORST = 15


def run_tests(build, everything):
    for old in build.rglob("*.gcda"):
        old.unlink()
    words = [sys.executable, str(ROOT / "tests/run.py"), "--build", str(build)]
    if everything:
        # a plugin with counters cannot write them; the plain one is as good
        words += ["--plugin-build", str(ROOT / "build")]
    else:
        words += ["--no-integration"]
    return subprocess.run(words, stdout=sys.stderr).returncode


def is_ours(path):
    if path.parts[:1] not in (("src",), ("dovecot",)):
        return False
    return not (path.name.startswith(("test-", "conformance")) or path.name == "unit.h")


def gcov(build, counts):
    """One JSON document a line, for each count file; relative to the build folder."""
    done = subprocess.run(["gcov", "--json-format", "--stdout", *map(str, counts)],
                          cwd=build, check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL)
    for line in done.stdout.splitlines():
        if line.startswith(b"{"):
            yield json.loads(line)


def reached_lines(build):
    """{file: {line: was it reached}}"""
    files = collections.defaultdict(dict)
    # by notes, not by counts: of a file that no program ran there are no counts
    counts = sorted(build.rglob("*.gcno"))
    for i in range(0, len(counts), 50):
        for document in gcov(build, counts[i:i + 50]):
            for source in document["files"]:
                path = (build / source["file"]).resolve()
                if not path.is_relative_to(ROOT):
                    continue
                path = path.relative_to(ROOT)
                if not is_ours(path):
                    continue
                lines = files[path]
                for line in source["lines"]:
                    number = line["line_number"]
                    lines[number] = lines.get(number, False) or line["count"] > 0
    return files


def percent(reached, lines):
    return 100 * reached / lines if lines else 100.0


def print_table(files, build):
    folders = collections.defaultdict(lambda: [0, 0])
    sums = {}
    for path, lines in files.items():
        sums[path] = (sum(lines.values()), len(lines))
        for name in (str(path.parent), "total"):
            folders[name][0] += sums[path][0]
            folders[name][1] += sums[path][1]
    print(f"{'folder':24}{'lines':>8}{'reached':>9}")
    for name in sorted(folders, key=lambda n: (n == "total", n)):
        reached, lines = folders[name]
        print(f"{name:24}{lines:8,}{percent(reached, lines):8.1f} %")
    print("\nreached least, of files of 20 lines and more:")
    worst = sorted((percent(*s), p) for p, s in sums.items() if s[1] >= 20)
    for share, path in worst[:WORST]:
        print(f"  {str(path):40}{sums[path][1]:6,}{share:8.1f} %")
    report = build / "coverage.json"
    report.write_text(json.dumps({str(p): sorted(n for n, hit in lines.items() if not hit)
                                  for p, lines in sorted(files.items())}, indent=1))
    print(f"\nlines that are not reached: {report.relative_to(ROOT)}")
    return percent(*folders["total"])


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--build", default="build-coverage")
    p.add_argument("--all", action="store_true", help="integration tests as well")
    args = p.parse_args()
    build = (ROOT / args.build).resolve()
    status = run_tests(build, args.all)
    if status != 0:
        print("coverage: tests failed; the figures below are of what ran")
    total = print_table(reached_lines(build), build)
    print(f"total {total:.1f} %, wanted {WANTED:g} %")
    return status


if __name__ == "__main__":
    sys.exit(main())
