# SPDX-License-Identifier: Apache-2.0
"""A recall of a campaign whose unread message lies before many clients in IDLE: how long
from the order until each was told that it is gone (RFC 2177, RFC 3501 EXPUNGE)."""
import selectors
import time

from bench_inject import load_campaign
from figures import Figure, median, option
from imap_session import NOTE, Session, exists, short_folder
from services.chain import Chain

LIMIT = 60
API = "/api/tenants/default/campaigns/c"


def _sit_in_idle(port, user):
    session = Session(port, user)
    session.append(NOTE)
    lines = session.say(b"SELECT INBOX")[1]
    if exists(lines) != 2:
        raise RuntimeError(f"{user} was given nothing: {lines}")
    session.socket.sendall(b"i IDLE\r\n")
    while not session.stream.readline().startswith(b"+"):
        pass
    session.socket.setblocking(False)
    return session


def _wait_for_confirmations(mimd, number):
    end = time.monotonic() + LIMIT
    while mimd.need(200, "GET", API + "/statistics")[
            "totals"]["injected"]["count"] != number:
        if time.monotonic() > end:
            raise RuntimeError("not all were confirmed")
        time.sleep(0.05)


def _times_to_expunge(sessions, order):
    """Seconds from the order, of each session that was told."""
    selector = selectors.DefaultSelector()
    heard = {s: b"" for s in sessions}
    for s in sessions:
        selector.register(s.socket, selectors.EVENT_READ, s)
    took, began = [], time.perf_counter()
    order()
    while len(took) < len(sessions) and time.perf_counter() - began < LIMIT:
        for key, _ in selector.select(1):
            heard[key.data] += key.data.socket.recv(4096)
            if b" EXPUNGE\r\n" in heard[key.data]:
                took.append(time.perf_counter() - began)
                selector.unregister(key.fileobj)
    return took


def in_idle():
    number = option("B_IDLE", 200)
    users = [f"u{i}" for i in range(number)]
    with short_folder() as folder, Chain(
            f"{folder}/c", mail="sdbox", settings={"inlay_deadline": 5000}) as chain:
        load_campaign(chain, users)
        sessions = [_sit_in_idle(chain.dovecot.imap_port, u) for u in users]
        _wait_for_confirmations(chain.mimd, number)
        took = _times_to_expunge(
            sessions, lambda: chain.mimd.need(200, "POST", API + "/recall"))
        for s in sessions:
            s.socket.close()
    told = 100 * len(took) / number
    took = took or [LIMIT]
    return [
        Figure(f"{number} clients in IDLE: told that it is gone", told, "%", (">=", 100)),
        Figure("from the order to EXPUNGE, median", 1000 * median(took), "ms",
               ("<=", 2000)),
        Figure("from the order to EXPUNGE, longest", 1000 * max(took), "ms",
               ("<=", 60000))]
