#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Hours of a mail system in minutes: a real Dovecot (sdbox, mdbox, Maildir) with the
plugin, a real inlay-agent, a real mimd, a real receiver behind the conversion points.
Mail clients work on their inboxes, an operator on the campaigns, and things break as a
seed says. At the end every mailbox, every count and every delivery is compared.

    soak.py --seconds 600 --seed 7       exit status 1 if anything differs
    soak.py --kills 1000 --seed 7        kill -9 alone, so often
"""
import argparse
import collections
import os
import random
import shutil
import sys
import tempfile
import threading
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from compare import Comparison  # noqa: E402
from faults import Runner  # noqa: E402
from mail_client import Imap  # noqa: E402
from plan import Plan  # noqa: E402
from users import Clients  # noqa: E402
from world import World  # noqa: E402

MEMORY = {"mimd": 160 << 10, "agent": 30 << 10}  # KiB that they may take
SHOWN = 40  # of each kind of difference


class Report:
    def __init__(self):
        self.lock = threading.Lock()
        self.wrongs = collections.OrderedDict()
        self.remarks = collections.Counter()
        self.began = time.monotonic()

    def note(self, text):
        print(f"{time.monotonic() - self.began:8.1f}  {text}", flush=True)

    def wrong(self, what, detail, trace=False):
        if trace:
            detail += "\n" + traceback.format_exc()
        with self.lock:
            found = self.wrongs.setdefault(what, [])
            found.append(detail)
            if len(found) <= 3:
                self.note(f"WRONG: {what}: {detail}")

    def remark(self, line):
        """Lines of logs: expected when things break, shown by their kind."""
        text = line.split(": ", 2)[-1] if ": " in line else line
        self.remarks["".join("N" if c.isdigit() else c for c in text)[:100]] += 1

    def print(self):
        if self.wrongs:
            print("\nWhat differs:")
        for what, details in self.wrongs.items():
            print(f"  {what}: {len(details)}")
            for d in details[:SHOWN]:
                print(f"    {d}")


def arguments():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", default=os.environ.get("INLAY_BUILD", "build"),
                   help="where mimd and inlay-agent were built")
    p.add_argument("--seconds", type=float, default=600)
    p.add_argument("--seed", default=str(random.SystemRandom().randrange(10**6)))
    p.add_argument("--kills", type=int, default=0)
    p.add_argument("--clients", type=int, default=6)
    p.add_argument("--users", type=int, default=5, help="of each mailbox format")
    p.add_argument("--no-faults", action="store_true")
    p.add_argument("--not-final", action="store_true",
                   help="do not wait for the minute after which a cause is final")
    p.add_argument("--plan", action="store_true", help="print the plan, and end")
    p.add_argument("--keep", metavar="DIR", help="work there, and leave it")
    return p.parse_args()


def wait_with_progress(report, world, clients, runner, plan):
    last = time.monotonic()
    while any(t.is_alive() for t in runner.threads) or (
            time.monotonic() - runner.began < plan.seconds):
        time.sleep(1)
        world.measure()
        if time.monotonic() - last > 20:
            last = time.monotonic()
            copies = sum(len(u.copies) for u in clients.users.values())
            report.note(f"{len(clients.sessions)} sessions, {copies} messages, "
                        f"{sum(world.kills.values())} kills, "
                        f"memory (KiB) {world.memory}")


def last_orders(world):
    """Nothing new comes; something is to be taken back from everybody."""
    world.api("POST", "/pause", {"scope": "all"})
    for user in world.users[::5]:
        world.revoke(user, "consent")
    world.recall("rank")


def last_sessions(world, clients):
    """Everybody looks once more, until all is told and what is to go has gone."""
    rng = random.Random(0)
    for _ in range(3):
        for user in clients.users.values():
            clients.visit(user, "imap", rng, ("noop", "look"))
        world.drain()
    for user in clients.users.values():
        for box in ("INBOX", "Trash", "Archive"):
            imap = Imap(world.dovecot.imap_port, user.name)
            imap.select(box)
            user.last[box] = imap.look()
            imap.logout()
        user.seen(user.last["INBOX"], "at the end")
    world.drain()


def wait_for_deliveries(world, final):
    """What is counted has been delivered; final: and no cause is pending any more."""
    def all_done():
        totals = [world.api("GET", f"/campaigns/{c}/statistics")["totals"]
                  for c in world.versions]
        counted = {name: sum(t[name]["count"] for t in totals) for name in totals[0]}
        if final and counted["gonePending"]:
            return False
        counted["expunged"] = counted["expungedRead"] + counted["expungedUnread"]
        points = [world.api("GET", f"/conversionPoints/{p}/status")
                  for p in world.points.names()]
        return all(p["waiting"] == 0 and p["sent"] == counted[p["eventType"]]
                   for p in points)
    world.wait(all_done, "all causes are final, and all events delivered", 200)


def summary(report, world, clients, runner, comparison):
    figures = dict(sorted(comparison.figures.items()))
    print("\nWhat broke:")
    for key, n in sorted(runner.done.items()):
        print(f"  {key:42} {n:8}")
    print("What the clients did:")
    for key, n in sorted(clients.done.items()):
        print(f"  {key:42} {n:8}")
    print("What was compared:")
    for key, n in figures.items():
        print(f"  {key:42} {n:8}")
    print("Logged meanwhile:")
    for line, n in report.remarks.most_common(12):
        print(f"  {n:6}  {line}")
    print(f"Most memory (KiB): {world.memory}")
    kills = ", ".join(f"{n} of {name}" for name, n in world.kills.items())
    print(f"Kills: {sum(world.kills.values())} ({kills})")


def run(args, report, folder):
    plan = Plan(args.seed, args.seconds, args.kills, not args.no_faults)
    world = World(os.path.join(folder, "s"), report, args.users)
    clients = Clients(world, report, plan, args.clients)
    runner = Runner(world, clients, plan, report)
    comparison = Comparison(world, clients, report, not args.not_final)
    try:
        world.start()
        clients.start()
        runner.start()
        wait_with_progress(report, world, clients, runner, plan)
        runner.finish()
        clients.finish()
        report.note("all that breaks is over; last sessions")
        last_orders(world)
        last_sessions(world, clients)
        wait_for_deliveries(world, not args.not_final)
        comparison.run()
        for name, most in MEMORY.items():
            if world.memory[name] > most and "build-" not in args.build:
                report.wrong("memory", f"{name}: {world.memory[name]} KiB, more than "
                             f"{most}")
    except Exception as e:  # noqa: BLE001
        report.wrong("the soak itself failed", repr(e), trace=True)
    finally:
        world.stop()
    report.print()
    summary(report, world, clients, runner, comparison)


def main():
    args = arguments()
    print(f"seed {args.seed}", flush=True)
    if args.plan:
        print(Plan(args.seed, args.seconds, args.kills).text())
        return 0
    os.environ["INLAY_BUILD"] = os.path.abspath(args.build)
    # a finding must end the process, or nobody sees it
    os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0:exitcode=99")
    os.environ.setdefault("UBSAN_OPTIONS",
                          "halt_on_error=1:print_stacktrace=1:exitcode=99")
    report = Report()
    folder = args.keep or tempfile.mkdtemp(prefix="inlay-s-")
    os.makedirs(folder, exist_ok=True)
    os.chmod(folder, 0o755)
    try:
        run(args, report, folder)
    finally:
        if not args.keep and not report.wrongs:
            shutil.rmtree(folder)
    if report.wrongs:
        print(f"what it left lies in {folder}")
    wrong = sum(len(d) for d in report.wrongs.values())
    print(f"{wrong} differences; seed {args.seed}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
