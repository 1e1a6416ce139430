# SPDX-License-Identifier: Apache-2.0
"""What is going to happen, made from a seed alone: the same seed, the same plan. When a
thing meets what the mail clients do is a matter of the machine; that is why the
comparison at the end does not depend on it."""
import collections
import random

Step = collections.namedtuple("Step", "at what target seconds")

FORMATS = ("sdbox", "mdbox", "maildir")

# name: (weight, targets, longest seconds)
FAULTS = {
    "kill": (10, ("mimd", "agent", "imap", "imap"), 1.0),
    "freeze": (4, ("mimd", "agent", "imap"), 3.0),
    "receiver": (3, ("500", "hang", "down"), 6.0),
    "fill": (2, ("spool",), 4.0),
    # without its map of messages, mdbox puts all that it finds into INBOX
    "indexes": (2, ("sdbox", "maildir"), 0),
    "resync": (2, FORMATS, 0),
}
ORDERS = {
    "version": (3, ("steady", "again", "top", "rank", "alert"), 0),
    "pause": (3, ("steady", "again", "rank"), 3.0),
    "spring": (3, ("",), 8.0),  # a campaign that is recalled after a while
    "revoke": (4, ("consent", "optOut"), 5.0),
    "kill-switch": (1, ("all", "nonService"), 2.0),
}


def draw(rng, table, at):
    names = list(table)
    what = rng.choices(names, [table[n][0] for n in names])[0]
    _, targets, longest = table[what]
    return Step(round(at, 3), what, rng.choice(targets),
                round(rng.uniform(0.1, 1) * longest, 3))


class Plan:
    """kills 0: a soak of so many seconds; else so many kills, one after the other."""

    def __init__(self, seed, seconds, kills=0, faults=True):
        self.seed, self.seconds, self.kills = seed, seconds, kills
        rng = random.Random(f"faults {seed}")
        if kills:
            self.faults, at = [], 1.0
            for _ in range(kills):
                at += rng.uniform(0.1, 0.6)
                target = rng.choice(("mimd", "agent", "imap", "imap"))
                self.faults.append(Step(round(at, 3), "kill", target,
                                        round(rng.uniform(0, 0.3), 3)))
            self.seconds = at + 2
        else:
            self.faults = list(self._steps(rng, FAULTS, 3.0)) if faults else []
        self.orders = list(self._steps(random.Random(f"orders {seed}"), ORDERS, 4.0))

    def _steps(self, rng, table, mean):
        at = 1.0
        while (at := at + rng.uniform(0.3, 1.7) * mean) < self.seconds - 1:
            yield draw(rng, table, at)

    def client(self, number):
        """What one of the clients does is drawn from this."""
        return random.Random(f"client {self.seed} {number}")

    def text(self):
        lines = [f"{s.at:9.3f} s  {s.what} {s.target} {s.seconds or ''}".rstrip()
                 for s in sorted(self.faults + self.orders)]
        return "\n".join(lines)
