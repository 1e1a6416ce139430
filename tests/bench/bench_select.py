# SPDX-License-Identifier: Apache-2.0
"""What a mail user waits at the first SELECT of INBOX: with nothing to do for him, and
with an agent that hangs. Three real Dovecots over the same mailboxes, one with the
plugin and two without, sessions in turn; what lies between the two without is the noise
of the measurement."""
import contextlib
import os
import random
import signal
import time

from figures import Figure, median, option, percentile
from imap_session import NOTE, Session, exists, short_folder
from services.chain import Chain
from services.dovecot import Dovecot

WARM_UP = 5
RESAMPLES = 500
HUNG_SESSIONS = 30  # fewer than the backlog of the agent's socket takes


@contextlib.contextmanager
def _servers():
    """(chain, ports): the port with the plugin, then two without it."""
    with short_folder() as folder, Chain(f"{folder}/c", mail="sdbox") as chain, \
            contextlib.ExitStack() as stack:
        chain.mimd.make_tenant()
        plain = [stack.enter_context(_beside(chain, f"{folder}/{name}")) for name in "de"]
        yield chain, [chain.dovecot.imap_port, *(d.imap_port for d in plain)]


def _beside(chain, folder, more=""):
    """A Dovecot without the plugin over the same mailboxes."""
    home = chain.dovecot.home("%u")
    return Dovecot(folder, mail="sdbox", plugin=None, extra=f"mail_home = {home}\n{more}")


def _fill(chain, folder, user, count):
    with _beside(chain, folder, "mail_fsync = never\n") as quick, \
            Session(quick.imap_port, user) as s:
        for _ in range(10):
            s.append(NOTE)
        have = exists(s.say(b"SELECT INBOX")[1])
        while have < count:
            more = min(have, count - have)
            have = exists(s.say(b"COPY 1:%d INBOX" % more)[1])
        if have != count:
            raise RuntimeError(f"{have} messages, want {count}")


def _select(port, user, pause):
    with Session(port, user) as s:
        time.sleep(pause)
        return s.say(b"SELECT INBOX")[0]


def _compare(ports, user, pause, sessions):
    """A list for each port: microseconds of each SELECT, round by round."""
    times = [[] for _ in ports]
    turns = list(enumerate(ports))
    for i in range(sessions + WARM_UP):
        for which, port in turns:
            took = _select(port, user, pause)
            if i >= WARM_UP:
                times[which].append(took)
        turns.append(turns.pop(0))
    return times


def _difference(ours, theirs, measure):
    """(difference, lowest, highest): with the middle 95 % of what it is when the rounds
    are drawn anew."""
    draw = random.Random(1)
    rounds = range(len(ours))
    drawn = []
    for _ in range(RESAMPLES):
        sample = draw.choices(rounds, k=len(rounds))
        drawn.append(measure([ours[i] for i in sample]) -
                     measure([t[i] for t in theirs for i in sample]))
    drawn.sort()
    return (measure(ours) - measure([x for t in theirs for x in t]),
            drawn[int(RESAMPLES * .025)], drawn[int(RESAMPLES * .975)])


def _p99(values):
    return percentile(values, .99)


def _figures(what, times, goals):
    ours, *theirs = times
    figures = [Figure(what + "without plugin", median(sum(theirs, [])), "us")]
    for name, measure, goal in (("median", median, goals[0]), ("p99", _p99, goals[1])):
        more, low, high = _difference(ours, theirs, measure)
        noise, *_ = _difference(theirs[0], theirs[1:], measure)
        figures += [
            Figure(f"{what}more with it, {name}", more, "us", goal),
            Figure("    95 % of the resamples are above", low, "us"),
            Figure("    and below", high, "us"),
            Figure("    one without it against the other", noise, "us")]
    return figures


def _pauses():
    return [option("B_PAUSE", 0) / 1000] if os.environ.get("B_PAUSE") else [0.0, 0.02]


def nothing_to_do():
    sessions, many = option("B_SESSIONS", 200), option("B_MESSAGES", 100000)
    figures = []
    with _servers() as (chain, ports):
        for count in sorted({10, many}):
            user = f"has{count}"
            _fill(chain, f"{chain.folder}/f", user, count)
            for pause in _pauses():
                times = _compare(ports, user, pause, sessions)
                goals = ((("<=", 10), ("<=", 50)) if pause else (("<=", 250), None))
                figures += _figures(f"{count:,} messages, {pause * 1000:.0f} ms: ",
                                    times, goals)
    return figures


def _three(port, user):
    """Microseconds of three SELECTs of a session, one after the other."""
    with Session(port, user) as s:
        return [s.say(b"SELECT INBOX")[0] for _ in range(3)]


def hung_agent():
    """The agent is stopped: what it costs a session, at its first SELECT and later."""
    with _servers() as (chain, ports):
        _fill(chain, f"{chain.folder}/f", "user", 10)
        for port in ports:
            _three(port, "user")
        chain.agent.signal(signal.SIGSTOP)
        try:
            times = [[_three(port, "user") for port in ports[:2]]
                     for _ in range(HUNG_SESSIONS)]
        finally:
            chain.agent.signal(signal.SIGCONT)
    figures = []
    # the second one comes out of a sleep, and finds the processor cold
    for i, what, goal in ((0, "first", 50000), (2, "third", 50)):
        ours, theirs = ([t[j][i] for t in times] for j in (0, 1))
        figures += [
            Figure(f"{what} SELECT without plugin", median(theirs), "us"),
            Figure("more with it, median", median(ours) - median(theirs), "us",
                   ("<=", goal)),
            Figure("with it, the longest", max(ours), "us")]
    return figures
