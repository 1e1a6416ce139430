# SPDX-License-Identifier: Apache-2.0
"""How agents hear at once of what is to be taken back: recalls and withdrawals."""
import threading
import time
import unittest

from import_case import Bundle, user
from services.dovecot import wait_until
from test_mimd_decisions import ANNA, DecisionCase, now


class WhatAgentsHearAtOnce(DecisionCase):
    def setUp(self):
        super().setUp()
        self.succeed(Bundle())

    def recalls(self, since=None, wait=20, status=200):
        query = f"?wait={wait}" + (f"&since={since}" if since is not None else "")
        return self.mimd.need(status, "GET", "/api/dovecot/recalls" + query, None,
                              self.agent)

    def waiting(self, since, wait=20):
        """A poll on a thread of its own; a function that gives its answer."""
        answers = []
        thread = threading.Thread(
            target=lambda: answers.append(self.recalls(since, wait)))
        thread.start()

        def answer():
            thread.join(30)
            self.assertEqual(len(answers), 1)
            return answers[0]
        return answer

    def withdrawals(self, *users):
        answer = self.dovecot("withdrawals", {"users": list(users)})
        return {u["user"]: u["actions"] for u in answer["users"]}

    def test_a_recall_is_news_at_once(self):
        first = self.recalls()
        self.assertTrue(first["reset"])
        answer = self.waiting(first["cursor"])
        self.order("recall")
        news = answer()
        self.assertEqual((news["reset"], news["entries"]),
                         (False, [{"campaign": "spring"}]))
        again = self.recalls(first["cursor"], wait=1)
        self.assertEqual(again["entries"], news["entries"])
        self.assertEqual(self.recalls(news["cursor"], wait=1)["entries"], [])

    def test_who_says_no_is_news_by_the_name_of_hello(self):
        self.consent()
        name = self.dovecot("hello", {"user": "USER0@example.org",
                                      "protocol": "imap"})["user"]
        cursor = self.recalls()["cursor"]
        self.consent(at=now(-2))
        self.consent(granted=False, at=now(-1))
        self.assertEqual(self.recalls(cursor)["entries"], [{"user": name}])

    def test_an_import_with_a_no_resets(self):
        self.consent()
        cursor = self.recalls()["cursor"]
        folder = self.source / "users/1"
        folder.mkdir(parents=True)
        (folder / "users.csv").write_text(f"user,optOut\n{ANNA},{now(-1)}\n")
        order = self.mimd.need(202, "POST", self.path("users/import"),
                               {"prefix": "users/1"})
        self.assertEqual(self.wait(order["id"])["phase"], "done")
        self.assertTrue(self.recalls(cursor)["reset"])

    def test_what_is_to_be_taken_back(self):
        self.consent()
        self.consent(user(1))
        action = self.injected()
        given, = self.open(user(1))["actions"]
        self.assertEqual(self.withdrawals(ANNA, user(1), "nobody"), {})
        given_at = time.time()
        while time.time() < given_at + 0.002:
            pass  # "before this call" is told apart by the millisecond
        self.order("recall")
        withdrawals = self.withdrawals(ANNA, user(1), "nobody")
        self.assertEqual({u: [a["guid"] for a in w] for u, w in withdrawals.items()},
                         # also one that is on its way
                         {ANNA: [action["guid"]], user(1): [given["guid"]]})
        self.assertEqual(withdrawals[ANNA][0]["cause"], "recall")
        self.happens(ANNA, action["instance"], "gone", seen=False, cause="withdrawn")
        self.assertEqual(list(self.withdrawals(ANNA, user(1))), [user(1)])
        copies = self.mimd.need(200, "GET", self.path("campaigns/spring"))["copies"]
        self.assertEqual(copies, {"out": 1, "takenBack": 1, "kept": 0, "gone": 0,
                                  "stillOut": 0})

    def test_bad_questions(self):
        for query in ("?wait=0", "?wait=61", "?wait=x"):
            with self.subTest(query=query):
                self.mimd.need(400, "GET", "/api/dovecot/recalls" + query, None,
                               self.agent)
        self.assertTrue(self.recalls("nonsense")["reset"])
        for body, status in (({}, 400), ({"users": [""]}, 400), ({"users": [1]}, 400),
                             ({"users": ["a"] * 1001}, 413)):
            with self.subTest(body=str(body)[:40]):
                self.mimd.need(status, "POST", "/api/dovecot/withdrawals", body,
                               self.agent)

    def test_a_waiting_agent_does_not_hold_up_the_end(self):
        answer = self.waiting(self.recalls()["cursor"], wait=60)
        wait_until(lambda: "inlay_mim_recalls_waiting 1\n" in self.mimd.need(
            200, "GET", "/metrics").decode(), "an agent waits")
        self.assertEqual(self.mimd.stop(), 0)
        self.assertEqual(answer()["entries"], [])


class HashedTenants(DecisionCase):
    hashed = True
    tenant = {"configuration": {"secretKey": DecisionCase.secret,
                                "hashedEmailAddresses": True}}

    def test_the_name_of_hello_is_the_hash(self):
        told = self.dovecot("hello", {"user": ANNA, "protocol": "imap"})
        self.assertEqual(told["user"], self.key(ANNA))


if __name__ == "__main__":
    unittest.main()
