# SPDX-License-Identifier: Apache-2.0
"""Ten times what mimd can answer, measured just before, for B_OVERLOAD seconds (60), with
a well-behaved client beside it; then idle connections; and what is left of it."""
import time

from figures import Figure, option
from load import load
from population import Population
from services.overload import Crowd, Load, open_files, own_memory, raise_descriptors

CONNECTIONS = 4000
GOOD = {"connections": 8, "rate": 16}
GIVE_UP_MS = 1000
IDLE = 10_000
# inlay.http.max-connections and its headroom, at 20 KB; and 48 MB for what is under way
BOUND_MB = 4096 * 9 / 8 * 0.02 + 48


def _settled(pid, seconds=20):
    """Own memory in MB when it falls no more."""
    end, last = time.monotonic() + seconds, own_memory(pid)
    while time.monotonic() < end:
        time.sleep(2)
        now = own_memory(pid)
        if now >= last:
            break
        last = now
    return last / 1e6


def _storm(p, bodies, rate, seconds):
    """(crowd, good, most memory in MB) of the minute."""
    common = (p.mimd.port, p.path, p.token_file, bodies)
    crowd = Load(*common, connections=CONNECTIONS, rate=rate, seconds=seconds,
                 give_up_ms=GIVE_UP_MS)
    good = Load(*common, seconds=seconds, give_up_ms=GIVE_UP_MS, obey=True, **GOOD)
    most = 0
    while crowd.is_running():
        most = max(most, own_memory(p.mimd.daemon.pid))
        time.sleep(0.1)
    return crowd.result(), good.result(), most / 1e6


def _idle(p, bodies):
    """(most memory in MB, p99 in us of a client beside so many idle connections)."""
    hard = raise_descriptors()
    with Crowd(("127.0.0.1", p.mimd.port), min(IDLE, hard - 500)):
        good = Load(p.mimd.port, p.path, p.token_file, bodies, seconds=3,
                    give_up_ms=GIVE_UP_MS, obey=True, connections=8, rate=200).result()
        if good["ok"] != good["due"]:
            raise RuntimeError(f"beside idle connections: {good}")
        return own_memory(p.mimd.daemon.pid) / 1e6, good["okP99"]


def overload():
    seconds = option("B_OVERLOAD", 60)
    with Population(option("B_USERS", 1000000)) as p:
        pid = p.mimd.daemon.pid
        bodies = p.ask_others("others.jsonl", 200000)
        raise_descriptors()

        def capacity():
            return load(p.mimd.port, p.path, p.token_file, bodies, 0,
                        option("B_SECONDS", 3))
        capacity()
        before, memory, files = capacity(), _settled(pid), open_files(pid)
        crowd, good, most = _storm(p, bodies, 10 * before["perSecond"], seconds)
        idle_memory, idle_p99 = _idle(p, bodies)
        left, files_after = _settled(pid), open_files(pid)
        after = capacity()
    told = 100 * crowd["retryAfter"] / crowd["refused"] if crowd["refused"] else 100
    asked = good["ok"] + good["refused"] + good["lost"] + good["givenUp"] + good["other"]
    return [
        Figure("capacity just before, 64 connections", before["perSecond"], "/s"),
        Figure(f"came due, for {seconds} s on {CONNECTIONS} connections",
               crowd["due"] / seconds, "/s"),
        Figure("  answered meanwhile, of the capacity",
               crowd["perSecond"] / before["perSecond"], "", (">=", 0.5)),
        Figure("  their latency, median", crowd["okP50"] / 1000, "ms"),
        Figure("  refused with 503", crowd["refused"] / seconds, "/s"),
        Figure("  of them with Retry-After", told, "%", (">=", 100)),
        Figure("  time to a refusal, median", crowd["refusedP50"] / 1000, "ms"),
        Figure("  time to a refusal, p99: who comes too soon waits",
               crowd["refusedP99"] / 1000, "ms"),
        Figure("good client, 16/s: answered with 200", 100 * good["ok"] / max(asked, 1),
               "%", (">=", 95)),
        Figure("  latency, median", good["okP50"] / 1000, "ms", ("<=", 50)),
        Figure("  latency, p99", good["okP99"] / 1000, "ms"),
        Figure("memory of mimd, the most meanwhile", most, "MB", ("<=", BOUND_MB)),
        Figure(f"  with {IDLE} connections that do nothing", idle_memory, "MB",
               ("<=", BOUND_MB)),
        Figure("  p99 of a client beside them", idle_p99 / 1000, "ms", ("<=", 50)),
        Figure("afterwards / before: capacity",
               after["perSecond"] / before["perSecond"], "", (">=", 0.8)),
        Figure("  p99", after["p99"] / before["p99"], "", ("<=", 2)),
        Figure("  memory more", left - memory, "MB", ("<=", 16)),
        Figure("  open files more", files_after - files, "", ("<=", 8)),
    ]
