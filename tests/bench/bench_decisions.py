# SPDX-License-Identifier: Apache-2.0
"""Decisions a second, beside nginx answering a bare 200 to the same requests, in turn."""
from figures import RUN, Figure, median, option, spread
from load import CONNECTIONS, Nginx, load
from population import MIX_EACH, Population

# more than a run can ask; else a run would meet its own users again
MOST_A_SECOND = 90000


def _rounds(word, bodies_of, used, readers=0):
    """[(nginx, mimd)] in turn, behind one short run of each that is not counted."""
    seconds, rounds = option("B_SECONDS", 3), option("B_ROUNDS", 5)
    results = []
    with Population(option("B_USERS", 1000000), readers) as p, Nginx(RUN / "nginx") as nginx:
        for i in range(rounds + 1):
            length = seconds if i > 0 else 1
            bodies = bodies_of(p, length, rounds + 1 - i)
            pair = [load(port, p.path, p.token_file, bodies, 0, length, word, pid)
                    for port, pid in ((nginx.port, nginx.daemon.pid),
                                      (p.mimd.port, p.mimd.daemon.pid))]
            used(p, pair[1])
            # just started, mimd reads its file from the disk, and refuses what is late
            if i > 0 and (pair[0]["bad"] or pair[1]["bad"]):
                raise RuntimeError(f"answers that are not 200: {pair}")
            if i > 0:
                results.append(pair)
    return results


def _figures(results, goal):
    nginx, mimd = [r[0] for r in results], [r[1] for r in results]
    ratios = [m["perSecond"] / n["perSecond"] for n, m in results]

    def of(runs, key):
        return median(r[key] for r in runs)
    return [
        Figure(f"decisions a second, {CONNECTIONS} connections", of(mimd, "perSecond"),
               "/s"),
        Figure("nginx, a bare 200 to the same", of(nginx, "perSecond"), "/s"),
        Figure(f"ratio (rounds: {spread(ratios)})", median(ratios), "", (">=", goal)),
        Figure("latency, median", of(mimd, "p50"), "us"),
        Figure("latency, p99", of(mimd, "p99"), "us"),
        Figure("latency, longest", max(r["max"] for r in mimd), "us"),
        Figure("latency of nginx, median", of(nginx, "p50"), "us"),
        Figure("latency of nginx, p99", of(nginx, "p99"), "us"),
        Figure("CPU time a decision", of(mimd, "cpuMicroseconds"), "us"),
        Figure("CPU time an answer of nginx", of(nginx, "cpuMicroseconds"), "us"),
    ]


def nothing_to_assign():
    results = _rounds("\"inject\"", lambda p, *_: p.ask_others("others.jsonl", 200000),
                      lambda p, run: None)
    if any(r[1]["withWord"] for r in results):
        raise RuntimeError("something was assigned")
    return _figures(results, 0.8)


def one_in_twenty():
    def bodies(p, seconds, rounds_left):
        # a small population has not so many readers, and the share says so
        most = p.readers_left() // rounds_left * MIX_EACH
        return p.ask_mixed("mixed.jsonl", min(seconds * MOST_A_SECOND, most))
    readers = ((option("B_SECONDS", 3) * option("B_ROUNDS", 5) + 1) * MOST_A_SECOND
               // MIX_EACH)
    results = _rounds("\"inject\"", bodies, lambda p, run: p.use(run["asked"]),
                      readers=readers)
    injected = sum(r[1]["withWord"] for r in results)
    asked = sum(r[1]["answers"] for r in results)
    return _figures(results, 0.6) + [
        Figure("answers that inject", 100 * injected / asked, "%", (">=", 4.5))]
