# SPDX-License-Identifier: Apache-2.0
"""A middleware that is slow, fails, sends half or another thing than it was asked for:
what the mail user of a real Dovecot and a real agent sees of it, which is nothing."""
import contextlib
import hashlib
import itertools
import time
import unittest

from fault_case import rounds, some, wait_until
from scripted_mim import inject, template_bytes
from test_plugin_stopped import Stopped

DEADLINE = 0.3
SLACK = 3.0  # a login and a SELECT on a busy machine


class Middleware(Stopped):
    settings = {"inlay_deadline": int(DEADLINE * 1000)}
    mail = "sdbox"

    def give(self, name):
        """A message for this test's user, with a template of its own."""
        self.user = name
        self.deliver("friend")
        data = template_bytes({"from": {"name": "Shop", "address": "news@example.org"},
                               "subject": f"For {name}", "html": f"<p>{name}</p>"})
        digest = hashlib.sha256(data).hexdigest()
        self.mim.templates[digest] = data
        self.mim.actions = [inject(name, digest)]
        self.instance = self.mim.actions[0]["instance"]
        return digest

    def opens(self):
        """How many there are; not later than the deadline says."""
        client = self.connect()
        began = time.monotonic()
        count = client.exists()
        self.assertLess(time.monotonic() - began, DEADLINE + SLACK)
        client.noop()
        self.assertIn(b"friend", client.fetch_one("(BODY.PEEK[])"))
        self.logout(client)
        return count

    def comes_then(self):
        """Once the fault is over: one copy. It may be told twice, if the answer to the
        first time was lost."""
        wait_until(lambda: self.opens() == 2, "the message", 60)
        self.mim.wait(lambda: (self.instance, "injected") in self.mim.delivered(),
                      "the confirmation", 60)
        self.assertEqual(self.opens(), 2)
        self.assertEqual({kind for instance, kind in self.mim.delivered()
                          if instance == self.instance}, {"injected"})
        self.assertEqual(self.count(), 2)

    @contextlib.contextmanager
    def fault(self, attribute, name, value=None):
        there = getattr(self.mim, attribute)
        if value is None:
            there.add(name)
        else:
            there[name] = value
        try:
            yield
        finally:
            there.remove(name) if value is None else there.pop(name)

    def test_whatever_is_wrong_with_its_answers_inbox_opens(self):
        all_of_them = itertools.product(("hello", "decisions", "events", "templates"), (
            ("500", "status", 500), ("503", "status", 503), ("slow", "delay", 2),
            ("half", "half", None), ("nonsense", "raw", b"\0{[<"),
            ("nothing", "raw", b"")))
        for name, (what, attribute, value) in some(all_of_them, rounds(10, 24)):
            with self.subTest(call=name, fault=what):
                self.give(f"{name}{what}")
                with self.fault(attribute, name, value):
                    # events are behind the message
                    self.assertIn(self.opens(), (1, 2) if name == "events" else (1,))
                    self.assertLessEqual(self.count(), 2)
                if name != "templates":  # what it does not have is not asked again
                    self.comes_then()

    def test_a_template_of_a_wrong_hash_is_never_seen(self):
        digest = self.give("wrong")
        right = self.mim.templates[digest]
        self.mim.templates[digest] = right.replace(b"<p>wrong", b"<p>worse")
        self.assertEqual(self.opens(), 1)
        self.mim.wait(lambda: (self.instance, "refused") in self.mim.delivered(),
                      "the refusal")
        self.assertEqual(self.opens(), 1)
        self.assertEqual(self.count(), 1)


if __name__ == "__main__":
    unittest.main()
