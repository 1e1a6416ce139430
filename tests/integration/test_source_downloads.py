# SPDX-License-Identifier: Apache-2.0
"""What comes of an object of an S3 store that breaks off, is slow, or another one."""
import concurrent.futures
import gzip
import time
import unittest

from source_case import ScriptedCase
from services.scripted_s3 import NEVER, error


class Downloads(ScriptedCase):
    """What comes of an object that is read, in parts or not."""

    settings = {"inlay.datasource.timeout": "PT1S"}
    USERS = b"user,userId\n" + b"".join(b"u%d@example.org,%d\n" % (n, n)
                                         for n in range(2000))

    def import_users(self):
        order = self.mimd.need(202, "POST", self.path("users/import"),
                               {"prefix": "x"})["id"]
        return self.wait(order)

    def check(self, answer, word=None, **changes):
        """answer: to the first request for users.csv, then to the second, ..."""
        left = list(answer)

        def give(asked):
            if not asked.path.endswith("users.csv"):
                return error(404, "NoSuchKey")
            return left.pop(0) if left else (500, {}, b"")
        store = self.script(give)
        self.set_source(store, **changes)
        done = self.import_users()
        if word is None:
            self.assertEqual(done["phase"], "done", done)
            self.assertEqual(done["rows"]["accepted"], 2000)
        else:
            self.assertEqual(done["phase"], "failed", done)
            self.assertIn(word, self.messages(done["problem"]))
        self.assertEqual(left, [])
        return store

    def part(self, begin, end=None, total=None, etag="\"e\"", status=206):
        data = self.USERS[begin:end]
        return status, {"Content-Range": f"bytes {begin}-{begin + len(data) - 1}/"
                        f"{total or len(self.USERS)}", "ETag": etag}, data

    def cut(self, n, **headers):
        return 200, {"Content-Length": str(len(self.USERS)), "ETag": "\"e\"",
                     **headers}, self.USERS[:n]

    def test_the_rest_is_asked_for_and_joined(self):
        store = self.check([self.cut(5000), self.part(5000)])
        self.assertEqual(store.asked[1].headers["Range"], "bytes=5000-")
        self.assertEqual(store.asked[1].headers["If-Match"], "\"e\"")

    def test_what_is_not_the_rest_of_it_is_never_joined(self):
        n = len(self.USERS)
        for answer, word in (
                (self.part(4000), "something else than the rest"),
                (self.part(5000, 6000), "something else than the rest"),
                (self.part(5000, total=n + 1), "something else than the rest"),
                (self.part(5000, etag="\"f\""), "something else than the rest"),
                ((206, {}, self.USERS[5000:]), "something else than the rest"),
                ((200, {"ETag": "\"e\""}, self.USERS), "where the rest"),
                (error(412, "PreconditionFailed"), "has changed"),
                (error(416, "InvalidRange"), "cannot be taken up")):
            with self.subTest(answer=answer[:2]):
                self.check([self.cut(5000), answer], word)

    def test_a_part_that_nobody_asked_for_is_not_the_whole(self):
        self.check([self.part(0, 6000)], "where the whole")
        self.check([(203, {"ETag": "\"e\""}, self.USERS)], "where the whole")

    def test_without_a_name_for_the_object_nothing_is_joined(self):
        self.check([(200, {"Content-Length": str(len(self.USERS))}, self.USERS[:5000])],
                   "127.0.0.1")

    def test_the_name_of_an_error_is_not_the_objects(self):
        self.check([(503, {"ETag": "\"f\""}, b""), self.cut(5000), self.part(5000)])

    def test_silence_is_waited_out(self):
        self.check([NEVER, (200, {}, self.USERS)])
        self.check([NEVER] * 6, "nothing came from")

    def test_what_the_file_says_is_told_and_not_what_the_store_said_before(self):
        self.check([error(403, "SignatureDoesNotMatch"),
                    (200, {}, b"name\nx\n")], "users.csv", signatureVersion="auto")
        self.check([error(503, "SlowDown"), (200, {}, b"name\nx\n")], "users.csv")

    def test_who_may_not_list_still_finds_the_file_of_another_name(self):
        def give(asked):
            if asked.path.endswith("users.csv.gz"):
                return 200, {}, gzip.compress(self.USERS)
            return error(403, "AccessDenied")
        store = self.script(give)
        self.set_source(store, signatureVersion=4)
        self.assertEqual(self.import_users()["rows"]["accepted"], 2000)
        store.answer = lambda asked: error(403, "AccessDenied")
        done = self.import_users()
        self.assertIn("no permission", self.messages(done["problem"]))


class Slow(ScriptedCase):
    def test_who_answers_slowly_holds_up_neither_orders_nor_others(self):
        store = self.script(lambda asked: NEVER)
        self.set_source(store)
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            waiting = [pool.submit(self.mimd.call, "POST",
                                   self.path("dataSources/s3/test"), {})
                       for _ in range(12)]
            # two at a time, eight wait, all others are refused
            refused = next(concurrent.futures.as_completed(waiting)).result()
            self.assertEqual(refused[0], 503)
            self.mimd.need(200, "POST", self.path("pause"), {"scope": "all"})
            self.assertLess(time.monotonic() - began, 5)
            store.closed.set()
            for w in waiting:
                w.result()


if __name__ == "__main__":
    unittest.main()
