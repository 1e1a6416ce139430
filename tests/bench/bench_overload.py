# SPDX-License-Identifier: Apache-2.0
"""Ten times what mimd can answer, measured just before, for B_OVERLOAD seconds (60);
then idle connections and some that drip a byte a second. Beside it all a well-behaved
client and mail users; before and after it the same without the load."""
import contextlib
import time

from figures import Figure, busy_seconds, cpu_seconds, option
from load import load
from mail_users import PAUSES, MailUsers
from population import Population
from services.overload import Crowd, Load, open_files, own_memory, raise_descriptors

CONNECTIONS = 4000
GOOD = {"connections": 8, "rate": 16}
GIVE_UP_MS = 1000
IDLE = 10_000
DRIPPING = 1000
CALM = 10  # seconds, before and after
# inlay.http.max-connections and its headroom, at 20 KB; and 48 MB for what is under way
BOUND_MB = 4096 * 9 / 8 * 0.02 + 48


class Bench:
    """A mimd with users, and what is asked of it."""

    def __init__(self, population):
        self.p = population
        self.pid = population.mimd.daemon.pid
        self.bodies = population.ask_others("others.jsonl", 200000)
        self.most = 0  # MB

    def capacity(self):
        p = self.p
        return load(p.mimd.port, p.path, p.token_file, self.bodies, 0,
                    option("B_SECONDS", 3), pid=self.pid)

    def load(self, seconds, **options):
        p = self.p
        return Load(p.mimd.port, p.path, p.token_file, self.bodies, seconds=seconds,
                    give_up_ms=GIVE_UP_MS, **options)

    def good(self, seconds):
        return self.load(seconds, obey=True, **GOOD)

    def memory(self):
        now = own_memory(self.pid) / 1e6
        self.most = max(self.most, now)
        return now

    def settled(self, seconds=20):
        """(own memory in MB when it falls no more, open files)."""
        end, last = time.monotonic() + seconds, self.memory()
        while time.monotonic() < end:
            time.sleep(2)
            now = self.memory()
            if now >= last:
                break
            last = now
        return last, open_files(self.pid)

    def calm(self, users):
        """(good client, visits) when nothing else is asked."""
        good, visits = self.good(CALM), users.start(CALM)
        return good.result(), visits.result()

    def storm(self, users, rate, seconds):
        """(crowd, good client, visits). In crowd also: the processors that mimd, the load
        and all else had, on average."""
        before, all_before = cpu_seconds(self.pid), busy_seconds()
        crowd = self.load(seconds, connections=CONNECTIONS, rate=rate)
        good = self.good(seconds)
        visits = users.start(seconds)
        while crowd.is_running():
            with contextlib.suppress(OSError):  # it ends just now
                taken = cpu_seconds(crowd.process.pid)
            self.memory()
            time.sleep(0.1)
        had = cpu_seconds(self.pid) - before
        rest = busy_seconds() - all_before - had - taken
        return ({**crowd.result(), "mimd": had / seconds, "load": taken / seconds,
                 "rest": rest / seconds}, good.result(), visits.result())

    def idle(self):
        """A client beside connections that do nothing, and some that drip."""
        address, hard = ("127.0.0.1", self.p.mimd.port), raise_descriptors()
        head = f"POST {self.p.path} HTTP/1.1\r\nHost: x\r\nX: ".encode()
        with Crowd(address, min(IDLE, hard - DRIPPING - 500)), \
                Crowd(address, DRIPPING, head) as dripping:
            good = self.load(3, obey=True, connections=8, rate=200)
            while good.is_running():
                dripping.drip()
                self.memory()
                time.sleep(1)
        good = good.result()
        if good["ok"] != good["due"]:
            raise RuntimeError(f"beside idle connections: {good}")
        return good


def _share(part, whole):
    return 100 * part / whole if whole else 100


def _crowd_figures(crowd, seconds, before):
    capacity = before["perSecond"]
    return [
        Figure("capacity just before, 64 connections", capacity, "/s"),
        Figure("  processors that mimd had for it",
               before["cpuMicroseconds"] * capacity / 1e6, ""),
        Figure(f"came due, for {seconds} s on {CONNECTIONS} connections",
               crowd["due"] / seconds, "/s"),
        Figure("  held back, as no connection was free", crowd["held"] / seconds, "/s"),
        Figure("  answered", crowd["perSecond"], "/s"),
        Figure("  answered, of the capacity", crowd["perSecond"] / capacity, "",
               (">=", 0.5)),
        Figure("  processors that mimd had for it", crowd["mimd"], ""),
        Figure("  processors that the load took", crowd["load"], ""),
        Figure("  that mail users and other programs took", crowd["rest"], ""),
        Figure("  their latency, median", crowd["okP50"] / 1000, "ms"),
        Figure("  given up after a second", crowd["givenUp"] / seconds, "/s"),
        Figure("  refused with 503", crowd["refused"] / seconds, "/s"),
        Figure("  of them with Retry-After",
               _share(crowd["retryAfter"], crowd["refused"]), "%", (">=", 100)),
        Figure("  of them asked no sooner than they were told",
               _share(crowd["patient"], crowd["refused"]), "%"),
        Figure("    time to their refusal, median", crowd["patientP50"] / 1000, "ms"),
        Figure("    p99", crowd["patientP99"] / 1000, "ms"),
        Figure("    without the load's own delay, median",
               crowd["patientThereP50"] / 1000, "ms", ("<=", 25)),
        Figure("    p99", crowd["patientThereP99"] / 1000, "ms", ("<=", 100)),
        Figure("  time to any refusal (too soon: waits), median",
               crowd["refusedP50"] / 1000, "ms"),
        Figure("    p99", crowd["refusedP99"] / 1000, "ms"),
        Figure("  the load's own delay: an answer lay unread, median",
               crowd["unreadP50"] / 1000, "ms"),
        Figure("    p99", crowd["unreadP99"] / 1000, "ms"),
    ]


def _good_figures(when, good, answered=None, latency=None):
    asked = good["ok"] + good["refused"] + good["lost"] + good["givenUp"] + good["other"]
    return [
        Figure(f"good client {when}, 16/s: answered with 200", _share(good["ok"], asked),
               "%", answered),
        Figure("  latency, median", good["okP50"] / 1000, "ms", latency),
        Figure("  latency, p99", good["okP99"] / 1000, "ms"),
    ]


def _mail_figures(when, visits, brief=False):
    return [f for pause, v in zip(PAUSES, visits)
            for f in v.figures(f"{when}, {pause * 1000:.0f} ms after LOGIN", brief)]


def overload():
    seconds = option("B_OVERLOAD", 60)
    raise_descriptors()
    few = MailUsers.readers_of(seconds + 2 * CALM) + 3
    with Population(option("B_USERS", 100000), few * 20) as p:
        b = Bench(p)
        b.capacity()
        before, (memory, files) = b.capacity(), b.settled()
        with MailUsers(p.mimd, p.token_file, p.others(100), p.take_readers(few)) as users:
            good_before, visits_before = b.calm(users)
            crowd, good, visits = b.storm(users, 10 * before["perSecond"], seconds)
            most, b.most = b.most, 0
            idle, most_idle = b.idle(), b.most
            good_after, visits_after = b.calm(users)
        left, files_after = b.settled()
        after = b.capacity()
    return [
        *_crowd_figures(crowd, seconds, before),
        *_good_figures("before", good_before),
        *_good_figures("during", good, (">=", 95), ("<=", 50)),
        *_good_figures("after", good_after),
        *_mail_figures("before", visits_before, True),
        *_mail_figures("during", visits),
        *_mail_figures("after", visits_after, True),
        Figure("memory of mimd before", memory, "MB"),
        Figure("  the most meanwhile", most, "MB", ("<=", BOUND_MB)),
        Figure(f"  with {IDLE:,} idle connections and {DRIPPING:,} that drip", most_idle,
               "MB", ("<=", BOUND_MB)),
        Figure("  p99 of a client beside them", idle["okP99"] / 1000, "ms", ("<=", 50)),
        Figure("  more after it than before", left - memory, "MB", ("<=", 16)),
        Figure("open files of mimd before", files, ""),
        Figure("  more after it than before", files_after - files, "", ("<=", 8)),
        Figure("capacity after it / before", after["perSecond"] / before["perSecond"], "",
               (">=", 0.8)),
        Figure("  p99", after["p99"] / before["p99"], "", ("<=", 2)),
    ]
