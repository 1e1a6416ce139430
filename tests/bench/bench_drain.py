# SPDX-License-Identifier: Apache-2.0
"""Events that waited in the agents' spools through an outage of mimd go into its store,
and what decisions notice of it.

B_EVENTS (1,000,000) events: of half as many users each a message that was handed out,
saved and read, in the spools of four agents, written by the agent's own code. Decisions
are asked for at a fixed rate (B_RATE), as in bench d: once while nothing else is done,
and then until all spools are empty. At the end the campaign's counts must be exact.

Agents and who asks are on other machines in truth. Here they share the processors with
what is measured, so agents have nice 19, and who asks has a priority in real time, both
times: it waits for no processor but for answers. Where that is refused (it takes root),
its own waits are in the figures, and the table says so."""
import glob
import json
import os
import shutil
import subprocess
import tempfile
import time

from bench_import import Asking
from figures import Figure, cpu_seconds, option, own_memory_mb
from population import MIX_EACH, Population
from services.agent import Agent
from services.daemon import build_folder
from services.dovecot import wait_until

AGENTS = 4
EACH = 2  # every other user of the population has a message to come
CONNECTIONS = 64
IDLE_SECONDS = 10
MOST_SECONDS = 400  # of the drain; asked for that long
LIMIT = MOST_SECONDS


def _agent(folder, number, p):
    os.makedirs(folder)
    return Agent(folder, f"http://127.0.0.1:{p.mimd.port}",
                 tokens={"default": p.token_file.read_text()},
                 settings={"inlay.node": f"imap{number}.example.org",
                           "logging.level.root": "info"})


def _fill(p, agents, users):
    """Hands out a message to each, and writes what then happened into the spools."""
    bodies = p.ask_readers("waiting.jsonl", users)
    done = subprocess.run(
        [build_folder() / "tests/bench/bench-spool", str(p.mimd.port), p.path,
         p.token_file, bodies, str(users), str(CONNECTIONS), *(a.spool for a in agents)],
        check=True, stdout=subprocess.PIPE, text=True)
    made = json.loads(done.stdout)
    if made["withoutMessage"]:
        raise RuntimeError(f"not all of {users} users had a message: {made}")
    return made["events"]


def _start(asking, seconds):
    """The process, and whether it goes before all others."""
    process = asking.start(seconds)
    try:
        os.sched_setscheduler(process.pid, os.SCHED_FIFO, os.sched_param(1))
        return process, True
    except PermissionError:
        return process, False


def _is_empty(agent):
    return not any(os.path.getsize(f) for f in glob.glob(f"{agent.spool}/*.spool"))


def _counted(p):
    totals = p.mimd.need(200, "GET", "/api/tenants/default/campaigns/c0/statistics")["totals"]
    return {k: v["count"] for k, v in totals.items()}


def _figures(what, before, during, bound):
    more = (during["p99"] - before["p99"]) / 1000
    return [
        Figure(f"{what}, idle, median", before["p50"], "us"),
        Figure(f"{what}, idle, p99", before["p99"], "us"),
        Figure(f"{what}, meanwhile, median", during["p50"], "us"),
        Figure(f"{what}, meanwhile, p99", during["p99"], "us"),
        Figure(f"{what}, meanwhile, longest", during["max"], "us"),
        Figure(f"{what}, p99 to idle", during["p99"] / before["p99"], "",
               ("<=", 2) if bound == "ratio" else None),
        Figure(f"{what}, p99 more than idle", more, "ms",
               ("<=", 20) if bound == "more" else None)]


def waiting_events():
    users = option("B_EVENTS", 1000000) // 2
    rate = option("B_RATE", 1000)
    injections = max(rate // MIX_EACH, 1)
    more = injections * (MOST_SECONDS + IDLE_SECONDS)
    folder = tempfile.mkdtemp(prefix="inlay-drain-")
    try:
        with Population((users + more) * EACH, users + more, EACH) as p:
            agents = [_agent(os.path.join(folder, str(i)), i, p) for i in range(AGENTS)]
            before = _counted(p)
            events = _fill(p, agents, users)
            asked = [
                Asking(p.mimd, p.folder, "nothing.jsonl",
                       (i * EACH + 1 for i in range(users)), rate),
                Asking(p.mimd, p.folder, "injection.jsonl", p.reader_numbers(more),
                       injections)]
            idle = [a.end(process, now=False) for a, (process, _) in
                    [(a, _start(a, IDLE_SECONDS)) for a in asked]]
            under_way = [(a, *_start(a, MOST_SECONDS)) for a in asked]
            began, memory = time.monotonic(), 0
            cpu = cpu_seconds(p.mimd.daemon.pid)
            for a in agents:
                a.start()
                # in truth they are on other machines
                os.setpriority(os.PRIO_PROCESS, a.process.pid, 19)

            def drained():
                nonlocal memory
                memory = max(memory, own_memory_mb(p.mimd.daemon.pid))
                return all(map(_is_empty, agents))
            wait_until(drained, "all spools are empty", LIMIT)
            seconds = time.monotonic() - began
            cpu = cpu_seconds(p.mimd.daemon.pid) - cpu
            agents_cpu = sum(cpu_seconds(a.process.pid) for a in agents)
            meanwhile = [a.end(process) for a, process, _ in under_way]
            for a in agents:
                if a.stop():
                    raise RuntimeError(a.log_text())
            after = _counted(p)
        counted = {k: after[k] - before.get(k, 0) for k in ("injected", "read")}
        if counted != {"injected": users, "read": users}:
            raise RuntimeError(f"of {users} users {counted} were counted")
    finally:
        shutil.rmtree(folder)
    return [
        Figure(f"{events:,} events in {AGENTS} spools, {seconds:.1f} s", events / seconds,
               "/s", (">=", 10000)),
        Figure("CPU time of mimd an event, decisions included", cpu * 1e6 / events, "us"),
        Figure("CPU time of the agents an event", agents_cpu * 1e6 / events, "us"),
        Figure("who asks has a priority in real time (1: yes)",
               min(first for _, _, first in under_way), ""),
        Figure("mimd meanwhile: RssAnon + RssShmem at most", memory, "MB"),
        *_figures("nothing to assign", idle[0], meanwhile[0], "ratio"),
        *_figures("an injection", idle[1], meanwhile[1], "more")]
