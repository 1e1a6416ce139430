#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the tests of a coverage build (meson -Db_coverage=true, gcc), then names every
line of src/ and dovecot/ that they did not reach, with its function, and prints a table
per folder, the files that are reached least, and the total. Exits with 1 if a test
failed or if less was reached than is wanted.

A line counts as reached if any program reached it: unit tests, daemons, the plugin in
a real Dovecot. What is killed with SIGKILL leaves no counts. Tests are not counted.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
WANTED = 85.0
WORST = 15
BATCH = 40  # files for one gcov


class Source:
    """What was reached of a file."""

    def __init__(self):
        self.lines = {}  # line: was it reached
        self.functions = {}  # line: the function it belongs to

    @property
    def reached(self):
        return sum(self.lines.values())

    def unreached(self):
        """{function: [[first, last], ...]}; of what has code, nothing between first
        and last was reached."""
        found, before = {}, None
        for line, hit in sorted(self.lines.items()):
            function = self.functions.get(line, "")
            if not hit:
                ranges = found.setdefault(function, [])
                if before == (False, function):
                    ranges[-1][1] = line
                else:
                    ranges.append([line, line])
            before = (hit, function)
        return found


# running


def make_room(folder, build):
    """Counts are written into a copy of the build's tree of folders, where the mail
    user may write as well: the plugin inside Dovecot does."""
    folder.chmod(0o755)
    for note in build.rglob("*.gcno"):
        place = folder / note.relative_to(build)
        for parent in reversed(place.relative_to(folder).parents):
            (folder / parent).mkdir(exist_ok=True)
        if place.parent.name.endswith(".so.p"):
            place.parent.chmod(0o777)
            count = place.with_suffix(".gcda")
            count.touch()
            count.chmod(0o666)


def take_counts(folder, build):
    """Into the build, where those of Dovecot's lib-test are, which drops the variables
    of its environment."""
    for count in folder.rglob("*.gcda"):
        if count.stat().st_size > 0:
            shutil.copyfile(count, build / count.relative_to(folder))


def run_tests(build, words):
    for old in build.rglob("*.gcda"):
        old.unlink()
    with tempfile.TemporaryDirectory(prefix="inlay-counts-") as name:
        folder = pathlib.Path(name)
        make_room(folder, build)
        env = dict(os.environ, GCOV_PREFIX=name,
                   GCOV_PREFIX_STRIP=str(len(build.parts) - 1))
        done = subprocess.run([sys.executable, str(ROOT / "tests/run.py"), "--build",
                               str(build), *words], env=env)
        take_counts(folder, build)
    return done.returncode


# reading what was counted


def is_ours(path):
    if path.parts[:1] not in (("src",), ("dovecot",)):
        return False
    return not path.name.startswith(("test-", "conformance", "unit.h", "unit-"))


def gcov(build, notes):
    """Parsed, one document for each file of notes."""
    done = subprocess.run(["gcov", "--json-format", "--stdout", *map(str, notes)],
                          cwd=build, check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL)
    return [json.loads(line) for line in done.stdout.splitlines()
            if line.startswith(b"{")]


def add_file(source, found):
    names = {f["name"]: f["demangled_name"] for f in found["functions"]}
    for line in found["lines"]:
        number, name = line["line_number"], line.get("function_name")
        source.lines[number] = source.lines.get(number, False) or line["count"] > 0
        if name is not None:
            source.functions[number] = names.get(name, name)


def read_counts(build):
    """{path: Source}"""
    sources = collections.defaultdict(Source)
    # by notes, not by counts: of a file that no program ran there are no counts
    notes = sorted(build.rglob("*.gcno"))
    batches = [notes[i:i + BATCH] for i in range(0, len(notes), BATCH)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for documents in pool.map(lambda batch: gcov(build, batch), batches):
            for document in documents:
                for found in document["files"]:
                    path = (build / found["file"]).resolve()
                    if path.is_relative_to(ROOT) and is_ours(path.relative_to(ROOT)):
                        add_file(sources[path.relative_to(ROOT)], found)
    return dict(sorted(sources.items()))


# telling


def percent(reached, lines):
    return 100 * reached / lines if lines else 100.0


def print_unreached(sources):
    for path, source in sources.items():
        missing = source.unreached()
        if missing:
            print(f"{path}: {len(source.lines) - source.reached} of "
                  f"{len(source.lines)} lines not reached")
        for function, ranges in missing.items():
            text = ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)
            print(f"  {function}: {text}")


def print_tables(sources):
    """The total, in percent."""
    folders = collections.defaultdict(lambda: [0, 0])
    for path, source in sources.items():
        for name in (str(path.parent), "total"):
            folders[name][0] += source.reached
            folders[name][1] += len(source.lines)
    print("\nreached least, of files of 20 lines and more:")
    worst = sorted((percent(s.reached, len(s.lines)), p) for p, s in sources.items()
                   if len(s.lines) >= 20)
    for share, path in worst[:WORST]:
        print(f"  {str(path):40}{len(sources[path].lines):6,}{share:8.1f} %")
    print(f"\n{'folder':24}{'lines':>8}{'not':>8}{'reached':>9}")
    for name in sorted(folders, key=lambda n: (n == "total", n)):
        reached, lines = folders[name]
        print(f"{name:24}{lines:8,}{lines - reached:8,}{percent(reached, lines):9.1f} %")
    return percent(*folders["total"])


def write_report(sources, file):
    file.write_text(json.dumps({str(p): {
        "lines": len(s.lines), "reached": s.reached, "unreached": s.unreached()}
        for p, s in sources.items()}, indent=1) + "\n")


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--build", default="build-coverage")
    p.add_argument("--unit", action="store_true", help="unit tests only")
    p.add_argument("--no-run", action="store_true", help="tell of the run before")
    p.add_argument("only", nargs="?", help="only tests whose name contains it")
    args = p.parse_args()
    build = (ROOT / args.build).resolve()
    words = ["--no-integration"] if args.unit else []
    if args.only:
        words.append(args.only)
    failed = not args.no_run and run_tests(build, words) != 0
    sources = read_counts(build)
    print_unreached(sources)
    total = print_tables(sources)
    report = build / "coverage.json"
    write_report(sources, report)
    print(f"\nthe same for programs: {report.relative_to(ROOT)}")
    if failed:
        print("coverage: tests failed; the figures are of what ran")
    print(f"total {total:.1f} %, wanted {WANTED:g} %")
    # of some of the tests no total is wanted
    return 1 if failed or (total < WANTED and not words) else 0


if __name__ == "__main__":
    sys.exit(main())
