# SPDX-License-Identifier: Apache-2.0
"""Import of a large recipients.csv.zst, and what decisions notice of it.

Empty: into a store without users, of a tenant that accepts unknown ones. Filled: the
same file into a store with users who have a row in each of ten campaigns; the file
names all of them, and others that nobody knows. Rows a second count from the order to
the moment when the campaign is active.

Decisions are asked for at a fixed rate, which a mail system of some 100,000 logins an
hour has: most have nothing to assign, some are given a message, durably. Once while
nothing else is done, and then from the order to the end of the import."""
import json
import os
import shutil
import signal
import subprocess

from figures import RUN, Figure, option, own_memory_mb
from population import (CAMPAIGNS, HEADER, MIX_EACH, load_users, new_tenant, question,
                        run_import, user, write_bundle)
from services.daemon import build_folder
from services.mimd import Mimd

FIRST = ["Annette", "Bo", "Carla", "Dietrich", "Eva", "Friedrich", "Gül", "Hans"]
LAST = ["Berg", "Conradi", "Dorn", "Eck", "Fuchs", "Graf", "Hartmann", "Iz", "Jung"]
PATH = "/api/tenants/default/dovecot/decisions"
CONNECTIONS = 16
IDLE_SECONDS = 10


def row(i):
    return f"{user(i)},{FIRST[i % len(FIRST)]},{LAST[i % len(LAST)]},A-{i}\n"


def recipients(rows):
    """The packed file, kept for the next time."""
    path = RUN / f"recipients-{rows}.csv.zst"
    if not path.exists():
        part = path.with_suffix(".part")
        with subprocess.Popen(["zstd", "-q", "-3", "-f", "-o", part],
                              stdin=subprocess.PIPE) as zstd:
            zstd.stdin.write(HEADER.encode())
            for i in range(0, rows, 1000):
                block = "".join(map(row, range(i, min(i + 1000, rows))))
                zstd.stdin.write(block.encode())
        if zstd.returncode:
            raise RuntimeError("zstd failed")
        part.rename(path)
    return path


class Asking:
    """Decisions at a fixed rate, of the users of a file."""

    def __init__(self, mimd, folder, name, users, rate):
        self.mimd, self.rate, self.word = mimd, rate, '"inject"'
        self.bodies, self.token = folder / name, folder / "token"
        self.next = 0
        with open(self.bodies, "w") as f:
            f.writelines(question(n) + "\n" for n in users)
        if not self.token.exists():
            self.token.write_text(mimd.make_token("dovecot:default"))

    def start(self, seconds):
        """To be ended with `end`."""
        return subprocess.Popen(
            [build_folder() / "tests/bench/bench-load", str(self.mimd.port), PATH,
             self.token, self.bodies, str(self.next), str(CONNECTIONS), str(seconds),
             self.word, str(self.rate)], stdout=subprocess.PIPE, text=True)

    def end(self, process, now=True):
        if now:
            process.send_signal(signal.SIGTERM)
        result = json.loads(process.communicate()[0])
        if result["bad"]:
            raise RuntimeError(f"answers that are not 200: {result}")
        self.next = result["next"]
        return result


class Watch:
    """The greatest memory of a mimd, and how long each phase of an import took."""

    def __init__(self, mimd):
        self.pid, self.memory, self.document = mimd.daemon.pid, 0, None
        self.phases = {}

    def look(self, document):
        self.memory = max(self.memory, own_memory_mb(self.pid))
        self.document = document
        self.phases.setdefault(document["phase"], 0)
        self.phases[document["phase"]] += 1

    def share(self, phase):
        return 100 * self.phases.get(phase, 0) / sum(self.phases.values())


def _measure(name, mimd, source, asked, goal):
    rows = option("B_ROWS", 10000000)
    write_bundle(source / "new", CAMPAIGNS, packed=recipients(rows))
    idle = [a.end(p, now=False) for a, p in
            [(a, a.start(IDLE_SECONDS)) for a in asked.values()]]
    watch = Watch(mimd)
    under_way = [(a, a.start(3600)) for a in asked.values()]
    seconds = run_import(mimd, "imports", "new", watch.look)
    meanwhile = [a.end(p) for a, p in under_way]
    if watch.document["rows"]["accepted"] != rows:
        raise RuntimeError(f"not all rows were taken: {watch.document}")
    figures = [
        Figure(f"{name}: {rows:,} rows", rows / seconds, "/s", (">=", goal)),
        Figure(f"{name}: RssAnon + RssShmem at most", watch.memory, "MB", ("<=", 200))]
    figures += [Figure(f"{name}:   time in \"{p}\"", watch.share(p), "%")
                for p in ("reading", "sorting", "loading", "activating")]
    for what, before, during in zip(asked, idle, meanwhile):
        figures += [
            Figure(f"{name}: {what}, idle, p99", before["p99"], "us"),
            Figure(f"{name}: {what}, meanwhile, p99", during["p99"], "us"),
            Figure(f"{name}: {what}, longest", during["max"], "us"),
            Figure(f"{name}: {what}, p99 to idle", during["p99"] / before["p99"], "",
                   ("<=", 3))]
    return figures


def _into_empty():
    folder = RUN / "import-empty"
    shutil.rmtree(folder, ignore_errors=True)
    with Mimd(folder, public=True) as mimd:
        source = new_tenant(mimd, unknownUsers="accept")
        nothing = Asking(mimd, folder, "nothing.jsonl", range(100000),
                         option("B_RATE", 1000))
        figures = _measure("empty", mimd, source, {"nothing to assign": nothing}, 400000)
        mimd.kill()  # the sweep of a store that is thrown away anyway
    shutil.rmtree(folder)
    return figures


def _fill(folder, users):
    """Users with a row in each of ten campaigns; every 20th consents."""
    with Mimd(folder, public=True) as mimd:
        source = new_tenant(mimd, unknownUsers="accept")
        load_users(mimd, source, users, MIX_EACH)
        packed = recipients(users)
        for i in range(CAMPAIGNS):
            write_bundle(source / f"c{i}", i, packed=packed)
            run_import(mimd, "imports", f"c{i}")
        shutil.rmtree(source)


def _into_filled():
    users = option("B_USERS", 1000000)
    kept, folder = RUN / f"filled-{users}", RUN / "import-filled"
    if not kept.exists():
        part = RUN / "filled.part"
        shutil.rmtree(part, ignore_errors=True)
        _fill(part, users)
        part.rename(kept)
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run(["cp", "-r", "--sparse=always", "--reflink=auto", kept, folder],
                   check=True)
    os.sync()
    rate = option("B_RATE", 1000)
    with Mimd(folder, public=True) as mimd:
        source = mimd.data / "datasource" / "default" / "bundles"
        source.mkdir()
        asked = {
            "nothing to assign": Asking(
                mimd, folder, "nothing.jsonl",
                (n for n in range(users) if n % MIX_EACH), rate),
            "an injection": Asking(
                mimd, folder, "injection.jsonl", range(0, users, MIX_EACH),
                max(rate // MIX_EACH, 1))}
        figures = _measure("filled", mimd, source, asked, 200000)
        mimd.kill()
    shutil.rmtree(folder)
    return figures


def large_file():
    return _into_empty() + _into_filled()
