# SPDX-License-Identifier: Apache-2.0
"""Campaigns come from an S3 store: a real Ceph RADOS Gateway."""
import json
import unittest

from import_case import Bundle, ImportCase
from services.relay import Relay
from services.rgw import ACCESS_KEY, HOST, SECRET_KEY, Gateway
from services.s3 import put_object

BUCKET = "campaigns"
PREFIX = "a b+c%/gr\u00fc\u00dfe/1"


class FromS3(ImportCase):
    settings = {"inlay.datasource.timeout": "PT10S"}

    @classmethod
    def setUpClass(cls):
        cls.gateway = Gateway.of(cls)
        cls.put("", b"")  # the bucket

    @classmethod
    def put(cls, key, data):
        put_object(cls.gateway.port, BUCKET, key, data, ACCESS_KEY, SECRET_KEY)

    def put_bundle(self, bundle):
        for name, data in bundle.files.items():
            self.put(f"{PREFIX}/{name}", data)
        self.put(f"{PREFIX}/bundle.json", json.dumps({
            "schema": "inlay.bundle/1", "campaign": bundle.campaign,
            "files": bundle.list_files()}).encode())

    def set_source(self, token=None, **changes):
        self.mimd.need(200, "PUT", self.path("dataSources"), [{
            "id": "s3", "type": "ongage", "defaultDataSource": True,
            "awsConnectionInformation": {
                "authorizationType": "rados", "accessKey": ACCESS_KEY,
                "secretKey": SECRET_KEY, "endpoint": self.gateway.url,
                "bucket": BUCKET, **changes}}], token)

    def fail_with(self, *words):
        problem = self.messages(self.refuse(None, PREFIX))
        for word in words:
            self.assertIn(word, problem)

    def test_the_command_imports_a_campaign(self):
        self.put_bundle(Bundle())
        for version in (4, 2, "auto"):
            with self.subTest(version=version):
                self.set_source(signatureVersion=version)
                done = self.inlay("import", PREFIX)
                self.assertEqual(done.returncode, 0, done.stderr)
        shown = self.mimd.need(200, "GET", self.path("campaigns/spring"))
        self.assertEqual(shown["id"], "spring")

    def test_the_bucket_may_stand_in_the_host(self):
        self.put_bundle(Bundle())
        self.set_source(authorizationType="aws", region="us-east-1",
                        endpoint=f"http://{HOST}:{self.gateway.port}")
        self.succeed(None, PREFIX)

    def test_a_larger_file_goes_through(self):
        rows = [[f"user{i}@example.org", "N" * 200, "https://example.org/"]
                for i in range(20000)]
        self.put_bundle(Bundle(rows))
        self.set_source()
        self.assertEqual(self.succeed(None, PREFIX)["rows"]["accepted"], 20000)

    def test_what_is_wrong_is_said_and_can_be_put_right(self):
        self.put_bundle(Bundle())
        for changes, word in (({"secretKey": "wrong"}, "secret key is not that"),
                              ({"accessKey": "nobody"}, "access key is not known"),
                              ({"bucket": "none"}, "no bucket \"none\""),
                              ({"endpoint": "http://127.0.0.1:1"}, "127.0.0.1:1"),
                              ({"endpoint": "http://x.invalid"}, "x.invalid"),
                              ({"endpoint": "http://a/b"}, "no path")):
            with self.subTest(**changes):
                self.set_source(**changes)
                self.fail_with(word)
        self.set_source()
        self.succeed(None, PREFIX)

    def test_a_truncated_object_fails_the_import_whole(self):
        bundle = Bundle()
        self.put_bundle(bundle)
        self.put(f"{PREFIX}/recipients.csv", bundle.files["recipients.csv"][:-20])
        self.set_source()
        self.fail_with("recipients.csv")
        status, _ = self.mimd.call("GET", self.path("campaigns/spring"))
        self.assertEqual(status, 404)
        self.put_bundle(bundle)
        self.succeed(None, PREFIX)

    def test_a_gateway_killed_in_the_middle_of_a_download_fails_it_whole(self):
        rows = [[f"user{i}@example.org", "N" * 800, "https://example.org/"]
                for i in range(20000)]
        self.put_bundle(Bundle(rows))
        relay = Relay(self.gateway.port, 4 << 20,
                      lambda: self.gateway.kill_program("rgw"))
        self.addCleanup(relay.close)
        self.set_source(endpoint=f"http://127.0.0.1:{relay.port}")
        try:
            self.fail_with("recipients.csv", f"127.0.0.1:{relay.port}")
            self.assertIsNone(relay.then)
        finally:
            if "rgw" not in self.gateway.processes:
                self.gateway.start_program("rgw")
        status, _ = self.mimd.call("GET", self.path("campaigns/spring"))
        self.assertEqual(status, 404)
        self.assertEqual(self.succeed(None, PREFIX)["rows"]["accepted"], 20000)

    def test_a_download_that_breaks_off_is_taken_up_where_it_ended(self):
        rows = [[f"user{i}@example.org", "N" * 800, "https://example.org/"]
                for i in range(20000)]
        self.put_bundle(Bundle(rows))
        relay = Relay(self.gateway.port, 4 << 20, Relay.cut)
        self.addCleanup(relay.close)
        self.set_source(endpoint=f"http://127.0.0.1:{relay.port}")
        self.assertEqual(self.succeed(None, PREFIX)["rows"]["accepted"], 20000)
        self.assertIsNone(relay.then)
        self.assertLess(relay.passed, 20 << 20)  # it is not read twice

    def test_an_object_that_changed_when_its_download_broke_off_fails_it_whole(self):
        rows = [[f"user{i}@example.org", "N" * 800, "https://example.org/"]
                for i in range(20000)]
        bundle = Bundle(rows)
        self.put_bundle(bundle)

        def change_and_cut():
            self.put(f"{PREFIX}/recipients.csv",
                     bundle.files["recipients.csv"].replace(b"N", b"M"))
            Relay.cut()
        relay = Relay(self.gateway.port, 4 << 20, change_and_cut)
        self.addCleanup(relay.close)
        self.set_source(endpoint=f"http://127.0.0.1:{relay.port}")
        self.fail_with("recipients.csv", "has changed while it was read")
        self.assertIsNone(relay.then)
        self.put_bundle(bundle)
        self.succeed(None, PREFIX)

    def test_a_tenants_token_does_not_lead_into_the_operators_network(self):
        self.set_source(self.mimd.make_token("tenant:default"))
        self.fail_with("inlay.net.allow")


if __name__ == "__main__":
    unittest.main()
