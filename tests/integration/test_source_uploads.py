# SPDX-License-Identifier: Apache-2.0
"""inlay bundle put: files become objects, whole or not at all."""
import hashlib
import json
import subprocess
import tempfile
import unittest
from pathlib import Path

from import_case import Bundle
from services.daemon import build_folder
from services.scripted_s3 import error
from source_case import ScriptedCase


class Uploads(ScriptedCase):
    running = False
    SIZE = (16 << 20) + 1  # two parts

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory(prefix="inlay-put-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        filler = "N" * 1000
        rows = [[f"user{i}@example.org", filler, "x"]
                for i in range(self.SIZE // 1000 + 1)]
        Bundle(rows).write(self.folder / "bundle")
        self.objects = {}

    def put(self, store, **changes):
        sources = self.folder / "sources.json"
        sources.write_text(json.dumps(self.sources(store, **changes)))
        return subprocess.run(
            [build_folder() / "src/cli/inlay", "bundle", "put", self.folder / "bundle",
             "x/1", sources], capture_output=True, text=True, timeout=120,
            check=False)

    def take(self, asked):
        """A store that works."""
        if "uploads" in asked.query:
            return 200, {}, (b"<InitiateMultipartUploadResult><UploadId>u/+1</UploadId>"
                             b"</InitiateMultipartUploadResult>")
        if "partNumber" in asked.query:
            number = int(asked.query["partNumber"])
            self.objects.setdefault("parts", {})[number] = asked.body
            return 200, {"ETag": f"\"e{number}\""}, b""
        if asked.method == "POST":
            parts = self.objects.pop("parts")
            self.objects[asked.path] = b"".join(parts[n] for n in sorted(parts))
            return 200, {}, (b"<CompleteMultipartUploadResult><ETag>e</ETag>"
                             b"</CompleteMultipartUploadResult>")
        if asked.method == "PUT":
            self.objects[asked.path] = asked.body
        if asked.method == "HEAD":
            there = self.objects.get(asked.path)
            return (404, {}, b"") if there is None else (200, {}, there)
        return 200, {}, b""

    def check_stored(self):
        for name in ("recipients.csv", "templates/t.json", "bundle.json"):
            self.assertEqual(self.objects[f"/bucket/x/1/{name}"],
                             (self.folder / "bundle" / name).read_bytes())

    def test_files_arrive_as_they_are_and_the_manifest_last(self):
        store = self.script(self.take)
        for version in 4, 2:
            with self.subTest(version=version):
                store.asked.clear()
                done = self.put(store, signatureVersion=version)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn("3 files", done.stdout)
                self.check_stored()
                self.assertEqual(store.asked[-1].path, "/bucket/x/1/bundle.json")
                sent = [len(a.body) for a in store.asked if "partNumber" in a.query]
                self.assertEqual(len(sent), 2)
                self.assertEqual(max(sent), 16 << 20)
                complete = next(a for a in store.asked if a.method == "POST"
                                and "uploadId" in a.query)
                self.assertEqual(complete.query["uploadId"], "u/+1")
                self.assertIn(b"<PartNumber>2</PartNumber><ETag>\"e2\"</ETag>",
                              complete.body)

    def test_an_error_in_a_success_is_one_and_the_upload_is_abandoned(self):
        def answer(asked):
            if asked.method == "POST" and "uploadId" in asked.query:
                return error(200, "InvalidPart")
            return self.take(asked)
        store = self.script(answer)
        done = self.put(store)
        self.assertEqual(done.returncode, 65, done.stderr)
        self.assertIn("recipients.csv", done.stderr)
        self.assertIn("InvalidPart", done.stderr)
        self.assertEqual((store.asked[-1].method, store.asked[-1].query),
                         ("DELETE", {"uploadId": "u/+1"}))
        self.assertNotIn("/bucket/x/1/bundle.json", self.objects)

    def test_a_completion_whose_answer_was_lost_is_found_to_be_one(self):
        def answer(asked):
            if asked.method == "POST" and "uploadId" in asked.query:
                if "parts" in self.objects:
                    self.take(asked)
                    return error(500, "InternalError")
                return error(404, "NoSuchUpload")
            status, headers, data = self.take(asked)
            if asked.method == "PUT":
                headers = {"ETag": hashlib.md5(asked.body).hexdigest()}
            elif asked.method == "HEAD" and status == 200:
                sums = b"".join(hashlib.md5(data[at:at + (16 << 20)]).digest()
                                for at in range(0, len(data), 16 << 20))
                headers = {"ETag": hashlib.md5(sums).hexdigest() + odd}
            return status, headers, data
        for odd, good in ("-2", True), ("-3", False):
            with self.subTest(odd=odd):
                self.objects.clear()
                done = self.put(self.script(answer))
                self.assertEqual(done.returncode == 0, good, done.stderr)
                if good:
                    self.check_stored()

    def test_an_upload_that_is_gone_is_not_taken_for_the_object_of_before(self):
        def answer(asked):
            if asked.method == "POST" and "uploadId" in asked.query:
                return error(404, "NoSuchUpload")
            if asked.method == "HEAD":
                return 200, {}, (self.folder / "bundle/recipients.csv").read_bytes()
            return self.take(asked)
        done = self.put(self.script(answer))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("not known any more", done.stderr)

    def test_blanks_before_an_answer_are_none_of_it(self):
        def answer(asked):
            status, headers, data = self.take(asked)
            if asked.method == "POST" and "uploadId" in asked.query:
                data = b"\n  \n<?xml version=\"1.0\"?>" + data
            return status, headers, data
        done = self.put(self.script(answer))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check_stored()

    def test_a_part_is_sent_again_after_a_fault(self):
        faults = [error(503, "SlowDown")]

        def answer(asked):
            if asked.query.get("partNumber") == "2" and faults:
                return faults.pop()
            return self.take(asked)
        store = self.script(answer)
        done = self.put(store)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check_stored()

    def test_what_cannot_be_put_is_said(self):
        store = self.script(self.take)
        path = self.folder / "bundle" / "templates" / "t.json"
        whole = path.read_bytes()
        path.write_bytes(whole + b" ")
        done = self.put(store)
        self.assertEqual(done.returncode, 65)
        self.assertIn("templates/t.json", done.stderr)
        self.assertIn("not what bundle.json says", done.stderr)
        path.unlink()
        self.assertIn("is not there", self.put(store).stderr)
        path.write_bytes(whole)
        for changes, word in (({"secretKey": "********"}, "mask"),
                              ({"authorizationType": "directory"}, "copy the bundle"),
                              ({"endpoint": "http://127.0.0.1:1"}, "127.0.0.1:1")):
            with self.subTest(**changes):
                done = self.put(store, **changes)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(word, done.stderr)


if __name__ == "__main__":
    unittest.main()
