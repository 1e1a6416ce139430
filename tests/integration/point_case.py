# SPDX-License-Identifier: Apache-2.0
"""What the tests of conversion points share: a real mimd, real receivers."""
import concurrent.futures

from import_case import Bundle, people, user
from receiver import SECRET, Receiver
from services.dovecot import wait_until
from test_mimd_decisions import DecisionCase


class PointCase(DecisionCase):
    """make_points() first, then events."""

    def receiver(self, *args, **more):
        receiver = Receiver(*args, **more)
        self.addCleanup(receiver.close)
        return receiver

    def point(self, name, receiver, kind="ongage", event="injected", rest="/p", url=None):
        info = {"url": url or receiver.url(rest)}
        if kind == "webhook":
            info["secret"] = SECRET
        return {"id": name, "type": kind, "eventType": event,
                "connectionInformation": info}

    def set_points(self, *points, token=None):
        self.mimd.need(200, "PUT", self.path("conversionPoints"), list(points), token)

    def status(self, name):
        return self.mimd.need(200, "GET", self.path(f"conversionPoints/{name}/status"))

    def wait_status(self, name, until, what):
        try:
            wait_until(lambda: until(self.status(name)), what, 60)
        except TimeoutError as e:
            self.fail(f"{e}: {self.status(name)}\n{self.mimd.log()[-2000:]}")
        return self.status(name)

    def wait_sent(self, name, n):
        return self.wait_status(name, lambda s: s["sent"] == n, f"{n} sent")

    def load_campaign(self, n=10):
        self.succeed(Bundle(people(n)))

    def confirm(self, *numbers, kinds=("injected",), consent=True):
        """Injections, and what else happens to them; each once."""
        def one(i):
            if consent:
                self.consent(user(i))
            action, = self.open(user(i))["actions"]
            for kind in kinds:
                self.happens(user(i), action["instance"], kind)
            return action["instance"]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return list(pool.map(one, numbers))
