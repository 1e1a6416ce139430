# SPDX-License-Identifier: Apache-2.0
"""Is a data source what it should be? Asked of a real Ceph RADOS Gateway, and of
directories; and bundles that `inlay bundle put` brings there."""
import json
import tempfile
import unittest
from pathlib import Path

from import_case import Bundle, ImportCase
from mimd_case import CONTRACT
from services.mimd import Mimd
from services.rgw import ACCESS_KEY, HOST, SECRET_KEY, Gateway
from services.s3 import put_object
from services.shifted import Clock

BUCKET = "campaigns"
READER = ("readeraccesskey00001", "readersecretkey000000000000000000000001")


class InlayCase(ImportCase):
    def ask(self, source, **body):
        return self.mimd.need(200, "POST", self.path(f"dataSources/{source}/test"), body)


class OfBuckets(InlayCase):
    @classmethod
    def setUpClass(cls):
        cls.gateway = Gateway.of(cls)
        cls.gateway.make_user("reader", *READER)
        put_object(cls.gateway.port, BUCKET, "", b"", ACCESS_KEY, SECRET_KEY)

    def bucket(self, **changes):
        return {"id": "s3", "type": "ongage", "defaultDataSource": True,
                "awsConnectionInformation": {
                    "authorizationType": "rados", "accessKey": ACCESS_KEY,
                    "secretKey": SECRET_KEY, "endpoint": self.gateway.url,
                    "bucket": BUCKET, **changes}}

    def set_source(self, **changes):
        self.mimd.need(200, "PUT", self.path("dataSources"), [self.bucket(**changes)])

    def put(self, bundle, where, **changes):
        with tempfile.TemporaryDirectory(prefix="inlay-put-") as folder:
            bundle.write(Path(folder) / "bundle")
            sources = Path(folder) / "sources.json"
            sources.write_text(json.dumps([self.bucket(**changes)]))
            done = self.inlay("bundle", "put", f"{folder}/bundle", where,
                              str(sources))
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_what_is_wrong_is_said_in_words(self):
        for changes, word in (
                ({"secretKey": "wrong"}, "the secret key is not that of the access key"),
                ({"accessKey": "nobody"}, "the access key is not known"),
                ({"bucket": "none"}, "there is no bucket \"none\""),
                ({"accessKey": READER[0], "secretKey": READER[1]}, "no permission"),
                ({"endpoint": "http://127.0.0.1:1"}, "refused"),
                ({"endpoint": "http://x.invalid"}, "resolve host"),
                ({"endpoint": f"https://127.0.0.1:{self.gateway.port}"}, "SSL")):
            for version in (2, 4, "auto"):
                with self.subTest(version=version, **changes):
                    self.set_source(signatureVersion=version, **changes)
                    told = self.ask("s3")
                    self.assertFalse(told["ok"])
                    self.assertIn(word, told["checks"][-1]["message"])
        self.set_source()
        told = self.ask("s3")
        self.assertTrue(told["ok"], told)
        self.assertEqual([c["check"] for c in told["checks"]], ["open", "list"])

    def test_clocks_that_differ_are_said_by_how_much(self):
        clock = Clock(self.mimd.folder / "clock")
        for shift, words in ((7200, "ahead of its own"), (-7200, "behind its own")):
            clock.step(shift)
            with Mimd(self.mimd.folder / f"shifted{shift}", {}, False, CONTRACT,
                      clock.environment) as mimd:
                mimd.make_tenant(dataSources=[self.bucket(signatureVersion=4)])
                told = mimd.need(200, "POST",
                                 "/api/tenants/default/dataSources/s3/test", {})
            message = told["checks"][-1]["message"]
            self.assertRegex(message, f"clock is 7[12][0-9][0-9] seconds {words}")

    def test_a_bundle_is_found_or_not(self):
        self.put(Bundle(), "a b+c%/gr\u00fc\u00dfe/1")
        self.set_source()
        told = self.ask("s3", prefix="a b+c%/gr\u00fc\u00dfe/1")
        self.assertTrue(told["ok"], told)
        self.assertGreater(told["checks"][-1]["bytes"], 100)
        told = self.ask("s3", prefix="nothing/here")
        self.assertFalse(told["ok"])
        self.assertIn("nothing/here/bundle.json is not there",
                      told["checks"][-1]["message"])

    def test_the_command_says_it_to_people(self):
        self.set_source()
        done = self.inlay("datasource", "test")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"list +yes")
        done = self.inlay("datasource", "test", "s3", "nothing")
        self.assertEqual(done.returncode, 65)
        self.assertIn("is not there", done.stdout)
        self.assertIn("cannot be used", done.stderr)
        done = self.inlay("--json", "datasource", "test", "s3")
        self.assertTrue(json.loads(done.stdout)["ok"])
        done = self.inlay("datasource", "test", "other")
        self.assertEqual(done.returncode, 66, done.stderr)

    def test_bundles_that_are_put_are_listed_and_imported(self):
        for version in (2, 4):
            for host, changes in (("path", {}), (
                    "host", {"authorizationType": "aws", "region": "us-east-1",
                             "endpoint": f"http://{HOST}:{self.gateway.port}"})):
                with self.subTest(version=version, host=host):
                    prefix = f"put/{version}/{host}"
                    self.put(Bundle(), prefix, signatureVersion=version, **changes)
                    self.set_source(signatureVersion=version, **changes)
                    self.succeed(None, prefix)
        told = self.mimd.need(200, "GET", self.path(
            "dataSources/s3/bundles?prefix=put&limit=3"))
        self.assertEqual([b["prefix"] for b in told["bundles"]],
                         ["put/2/host", "put/2/path", "put/4/host"])
        self.assertEqual(told["next"], "put/4/host/bundle.json")
        told = self.mimd.need(200, "GET", self.path(
            "dataSources/s3/bundles?prefix=put&limit=3&after=" + told["next"]))
        self.assertEqual([b["prefix"] for b in told["bundles"]], ["put/4/path"])
        self.assertNotIn("next", told)
        done = self.inlay("datasource", "bundles")
        self.assertIn("put/4/path", done.stdout)

    def test_a_sources_own_prefix_is_not_shown(self):
        self.put(Bundle(), "below/x", prefix="own")
        self.set_source(prefix="own")
        self.assertEqual(
            [b["prefix"] for b in self.mimd.need(200, "GET", self.path(
                "dataSources/s3/bundles"))["bundles"]], ["below/x"])
        self.succeed(None, "below/x")

    def test_a_large_file_goes_up_in_parts(self):
        rows = [[f"user{i}@example.org", "N" * 850, "https://example.org/"]
                for i in range(50000)]
        for version in (2, 4):
            with self.subTest(version=version):
                self.put(Bundle(rows, version=version), f"large/{version}",
                         signatureVersion=version)
                self.set_source()
                done = self.succeed(None, f"large/{version}")
                self.assertEqual(done["rows"]["accepted"], 50000)


class OfDirectories(InlayCase):
    def test_one_that_is_there_and_one_that_is_not(self):
        Bundle().write(self.source / "a" / "1")
        told = self.ask("default", prefix="a/1")
        self.assertTrue(told["ok"], told)
        self.assertEqual([c["check"] for c in told["checks"]],
                         ["open", "list", "bundle"])
        self.assertFalse(self.ask("default", prefix="a")["ok"])
        self.source.rename(self.source.with_name("other"))
        told = self.ask("default")
        self.assertFalse(told["ok"])
        self.assertEqual(told["checks"][0]["check"], "open")
        self.assertIn("bundles is not there", told["checks"][0]["message"])

    def test_bundles_are_listed_in_the_order_of_their_keys(self):
        for name in ("b/1", "a/2", "a-c", "a/10", "\u00fc"):
            Bundle().write(self.source / name)
        for name in ("loop", "again"):
            (self.source / name).symlink_to(".")
        (self.source / "out").symlink_to("/etc")
        seen, after = [], ""
        while after is not None:
            told = self.mimd.need(200, "GET", self.path(
                f"dataSources/default/bundles?limit=2&prefix=a&after={after}"))
            seen += [b["prefix"] for b in told["bundles"]]
            after = told.get("next")
        self.assertEqual(seen, ["a-c", "a/10", "a/2"])
        told = self.mimd.need(200, "GET", self.path("dataSources/default/bundles"))
        self.assertEqual([b["prefix"] for b in told["bundles"]],
                         ["a-c", "a/10", "a/2", "b/1", "\u00fc"])

    def test_a_tenant_may_not_widen_what_the_operators_key_opens(self):
        source = {"id": "s3", "type": "ongage", "defaultDataSource": True,
                  "awsConnectionInformation": {
                      "authorizationType": "rados", "accessKey": "a", "secretKey": "b",
                      "endpoint": "o.example.org", "bucket": "ours", "prefix": "t1"}}
        path = self.path("dataSources")
        self.mimd.need(200, "PUT", path, [source])
        token = self.mimd.make_token("tenant:default")
        for changes in {"bucket": "all"}, {"prefix": ""}, {"prefix": "t2"}:
            with self.subTest(**changes):
                got, = self.mimd.need(200, "GET", path)
                got["awsConnectionInformation"].update(changes)
                status, told = self.mimd.call("PUT", path, [got], token)
                self.assertEqual(status, 403, told)
        # what it has set itself is its own
        got["awsConnectionInformation"].update(
            {"endpoint": "x.example.org", "secretKey": "c"})
        self.mimd.need(200, "PUT", path, [got], token)
        got["awsConnectionInformation"].update({"bucket": "other", "secretKey": "********"})
        self.mimd.need(200, "PUT", path, [got], token)

    def test_bad_questions_are_refused(self):
        call = self.mimd.call
        test = self.path("dataSources/default/test")
        self.assertEqual(call("POST", test, {"prefix": "../x"})[0], 400)
        self.assertEqual(call("POST", test, {"other": 1})[0], 400)
        self.assertEqual(call("POST", self.path("dataSources/no/test"), {})[0], 404)
        bundles = self.path("dataSources/default/bundles")
        self.assertEqual(call("GET", bundles + "?prefix=/x")[0], 400)
        self.assertEqual(call("GET", bundles + "?after=/x")[0], 400)
        self.assertEqual(call("GET", bundles + "?limit=0")[0], 400)
        self.assertEqual(call("GET", self.path("dataSources/no/bundles"))[0], 404)
        reader = self.mimd.make_token("read:default")
        self.assertEqual(call("POST", test, {}, reader)[0], 403)


if __name__ == "__main__":
    unittest.main()
