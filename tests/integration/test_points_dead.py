# SPDX-License-Identifier: Apache-2.0
"""What no conversion point took is listed, and sent again or thrown away on order."""
import json
import subprocess
import unittest

from point_case import PointCase
from receiver import events_of
from services.daemon import build_folder


class DeadLetters(PointCase):
    settings = {"inlay.points.retry-for": "PT2S"}

    def letters(self, **query):
        words = "&".join(f"{k}={v}" for k, v in query.items())
        return self.mimd.need(200, "GET",
                              self.path(f"conversionPoints/p/deadLetters?{words}"))

    def order(self, word, body=None, status=200):
        return self.mimd.need(status, "POST",
                              self.path(f"conversionPoints/p/deadLetters/{word}"), body)

    def inlay(self, *words):
        done = subprocess.run(
            [build_folder() / "src/cli/inlay", "--url",
             f"http://127.0.0.1:{self.mimd.port}", "--token-file",
             self.mimd.data / "admin-token", *words],
            capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_the_command_shows_and_replays(self):
        gate = {"open": False}
        r = self.receiver(lambda n, q: (200 if gate["open"] else 410, {}, b""))
        self.set_points(self.point("p", r))
        self.load_campaign()
        self.confirm(*range(3))
        self.wait_status("p", lambda s: s["dead"] == 3, "all are dead")
        line = self.inlay("point", "list").splitlines()[1].split()
        self.assertEqual(line[:5], ["p", "injected", "0", "0", "3"])
        self.assertIn("HTTP 410", self.inlay("point", "status", "p"))
        dead = self.inlay("point", "dead", "p").splitlines()
        self.assertEqual(len(dead), 4)
        gate["open"] = True
        self.assertEqual(self.inlay("point", "replay", "p", dead[1].split()[0]),
                         "1 dead letters of p are sent again\n")
        self.assertEqual(self.inlay("point", "replay", "p"),
                         "2 dead letters of p are sent again\n")
        self.wait_sent("p", 3)
        self.assertEqual(json.loads(self.inlay("--json", "point", "replay", "p")),
                         {"replayed": 0})

    def test_what_was_given_up_is_listed_and_replayed(self):
        gate = {"open": False}
        r = self.receiver(lambda n, q: (200 if gate["open"] else 500, {}, b""))
        self.set_points(self.point("p", r))
        self.load_campaign()
        self.confirm(*range(5))
        told = self.wait_status("p", lambda s: s["dead"] == 5, "all are dead")
        self.assertEqual(told["waiting"], 0)
        first = self.letters(limit=2)
        rest = self.letters(limit=10, after=first[-1]["id"])
        self.assertEqual((len(first), len(rest)), (2, 3))
        self.assertEqual(first[0]["error"], "HTTP 500")
        self.assertEqual(first[0]["campaignId"], "spring")
        tried = {events_of(q)[0]["id"] for q in r.taken()}
        self.assertLessEqual(tried, {x["eventId"] for x in first + rest})
        # mimd remembers them
        self.mimd.kill()
        self.mimd.start()
        self.assertEqual(len(self.letters()), 5)
        gate["open"] = True
        self.assertEqual(self.order("replay", {"ids": [first[0]["id"]]}),
                         {"replayed": 1, "more": False})
        self.wait_sent("p", 1)
        self.assertEqual(events_of(r.taken()[-1])[0]["id"], first[0]["eventId"])
        self.assertEqual(self.order("discard", {"ids": [rest[-1]["id"]]}),
                         {"discarded": 1, "more": False})
        self.assertEqual(self.order("replay"), {"replayed": 3, "more": False})
        done = self.wait_sent("p", 4)
        self.assertEqual((done["dead"], done["waiting"]), (0, 0))

    def test_an_order_that_is_none_is_refused(self):
        self.set_points(self.point("p", None, url="http://127.0.0.1:9/"))
        for body in ({"ids": []}, {"ids": ["x"]}, {"ids": "all"}, {"all": True}, [1]):
            self.order("replay", body, 400)
        self.mimd.need(404, "POST", self.path("conversionPoints/q/deadLetters/replay"))
        self.mimd.need(404, "GET", self.path("conversionPoints/q/status"))
        self.mimd.need(400, "GET", self.path("conversionPoints/p/deadLetters?after=x"))


if __name__ == "__main__":
    unittest.main()
