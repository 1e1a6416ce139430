# SPDX-License-Identifier: Apache-2.0
"""What a hundred times as many users change: the cost of a decision; and how many bytes
on the disk a user and a recipient's row take.

A decision is measured by the CPU time of mimd for one that has nothing to assign, the
small and the large population in turn. For the sizes a store is filled step by step:
users (key, userId and a consent), then a row with 3 variables for each of them in each of ten
campaigns. Rows of later ones come between those of the first."""
import shutil

from bench_import import recipients, row
from figures import RUN, Figure, median, option, spread
from load import load
from population import CAMPAIGNS, Population, new_tenant, run_import, user, write_bundle
from services.mimd import Mimd


def _warm(population):
    """Into memory: what the disk costs is not asked here."""
    for path in population.folder.glob("data/*/data.mdb"):
        with open(path, "rb", buffering=0) as f:
            while f.read(1 << 24):
                pass


def _cost(small, large):
    seconds, rounds = option("B_SECONDS", 3), option("B_ROUNDS", 5)
    with Population(small) as a, Population(large) as b:
        asked = [(p, p.ask_others("others.jsonl", 200000)) for p in (a, b)]
        results = []
        for p in (a, b):
            _warm(p)
        for i in range(rounds + 1):
            pair = [load(p.mimd.port, p.path, p.token_file, bodies, 0,
                         seconds if i else 1, "", p.mimd.daemon.pid)
                    for p, bodies in asked]
            if any(r["bad"] for r in pair):
                raise RuntimeError(f"answers that are not 200: {pair}")
            results += [pair] if i else []
    ratios = [y["cpuMicroseconds"] / x["cpuMicroseconds"] for x, y in results]
    figures = []
    for n, side in ((small, 0), (large, 1)):
        runs = [r[side] for r in results]
        figures += [
            Figure(f"{n:,} users: CPU time a decision",
                   median(r["cpuMicroseconds"] for r in runs), "us"),
            Figure(f"{n:,} users: decisions a second",
                   median(r["perSecond"] for r in runs), "/s")]
    return figures + [Figure(f"CPU time, {large:,} to {small:,} "
                             f"(rounds: {spread(ratios)})", median(ratios), "",
                             ("<=", 1.2))]


def _sizes(users):
    """Bytes a user, and a row beside its variables."""
    folder = RUN / "sizes"
    shutil.rmtree(folder, ignore_errors=True)
    used = []
    with Mimd(folder) as mimd:
        source = new_tenant(mimd)
        database = mimd.data / "mim_default" / "data.mdb"

        def step(call, name):
            run_import(mimd, call, name)
            used.append(database.stat().st_size)
        used.append(database.stat().st_size)
        (source / "users").mkdir()
        with open(source / "users/users.csv", "w") as f:
            f.write("user,userId,consent.newsletter\n")
            f.writelines(f"{user(i)},{i},2025-01-01T00:00:00Z\n" for i in range(users))
        step("users/import", "users")
        for i in range(CAMPAIGNS):
            write_bundle(source / f"c{i}", i, packed=recipients(users))
            step("imports", f"c{i}")
    shutil.rmtree(folder)
    variables = sum(len(row(i)) - len(user(i)) - 4 for i in range(users)) / users
    a_row = (used[-1] - used[1]) / users / CAMPAIGNS
    return [
        Figure("bytes a user, with userId and a consent", (used[1] - used[0]) / users,
               "B", ("<=", 200)),
        Figure(f"bytes a row beside {variables:.0f} of variables", a_row - variables,
               "B", ("<=", 120)),
        Figure("  of the first load", (used[2] - used[1]) / users - variables, "B")]


def growth():
    return _cost(100000, option("B_MANY_USERS", 10000000)) + \
        _sizes(option("B_USERS", 1000000))
