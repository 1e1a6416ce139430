# SPDX-License-Identifier: Apache-2.0
"""What the daemons take when nobody asks, how soon they are ready, and what the agent
takes for sessions that are open."""
import os
import pathlib
import subprocess
import tempfile
import time

from agent_case import Plugin
from figures import Figure, median, memory_kib, option, own_memory_mb
from load import load
from population import Population
from services.agent import Agent
from services.agent import program as agent_program

STARTS = 5
SESSIONS = 1000
READERS = 100  # of them, to whom a message comes


def _start(command, word):
    """(process, seconds until the line with this word)."""
    began = time.perf_counter()
    process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    for line in process.stderr:
        if word in line:
            return process, time.perf_counter() - began
    raise RuntimeError(f"{command[0]} ended with {process.wait()}")


def _starts(command, word):
    """(median of the seconds to ready, own memory of the last in MB)."""
    took = []
    for _ in range(STARTS):
        process, seconds = _start(command, word)
        took.append(seconds)
        memory = own_memory_mb(process.pid)
        process.terminate()
        process.communicate()
    return median(took), memory


def _agent_command(folder):
    agent = Agent(folder, "http://127.0.0.1:9", settings={
        "logging.file": None, "logging.level.root": None})
    agent.write_config()
    return [agent_program(), "--config", pathlib.Path(folder) / os.path.basename(agent.config)]


def _with_sessions(p, folder):
    """Own memory of an agent whose sessions have all said HELLO and OPEN, in MB."""
    agent = Agent(folder, f"http://127.0.0.1:{p.mimd.port}",
                  tokens={"default": p.token_file.read_text()},
                  settings={"logging.level.root": "info"}).start()
    users = p.take_readers(READERS) + p.others(SESSIONS - READERS)
    sessions = [Plugin(agent.socket) for _ in users]
    for plugin, user in zip(sessions, users):
        plugin.hello(user=user)
    for plugin in sessions:
        plugin.read()
        plugin.open()
    came = [len(plugin.read_answer()) > 2 for plugin in sessions]
    memory = own_memory_mb(agent.process.pid)
    for plugin in sessions:
        plugin.close()
    if agent.stop() or sum(came) != READERS:
        raise RuntimeError(f"{sum(came)} messages came\n{agent.log_text()}")
    return memory


def memory_and_start():
    with Population(option("B_USERS", 1000000), READERS) as p, \
            tempfile.TemporaryDirectory(prefix="inlay-bench-") as folder:
        sessions = _with_sessions(p, folder)
        bodies = p.ask_others("others.jsonl", 200000)
        load(p.mimd.port, p.path, p.token_file, bodies, 0, 3)
        busy = memory_kib(p.mimd.daemon.pid)
        after = own_memory_mb(p.mimd.daemon.pid)
    ready, idle = _starts(p.command(), b"Started MIMApplication")
    with tempfile.TemporaryDirectory(prefix="inlay-bench-") as folder:
        agent_ready, agent_idle = _starts(_agent_command(folder), b"Started inlay-agent")
    return [
        Figure("mimd, idle: RssAnon + RssShmem", idle, "MB", ("<=", 30)),
        Figure("mimd, after 3 s of full load", after, "MB"),
        Figure("  the mapped file and programs beside it",
               busy["RssFile"] * 1024 / 1e6, "MB"),
        Figure("inlay-agent, idle: RssAnon + RssShmem", agent_idle, "MB", ("<=", 10)),
        Figure(f"inlay-agent, {SESSIONS:,} open sessions", sessions, "MB", ("<=", 30)),
        Figure(f"mimd, exec to ready with {p.n:,} users", ready * 1000, "ms",
               ("<=", 100)),
        Figure("inlay-agent, exec to ready", agent_ready * 1000, "ms", ("<=", 100)),
    ]
