# SPDX-License-Identifier: Apache-2.0
"""What signs our requests to S3, judged by a real Ceph RADOS Gateway."""
import http.client
import os
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from services.daemon import build_folder  # noqa: E402
from services.rgw import ACCESS_KEY, SECRET_KEY, Gateway  # noqa: E402

# what a wrong encoding or order would break
KEYS = ("plain", "a b", "a+b", "100%", "gr\u00fc\u00dfe/\u65e5\u672c.csv", "x&y=z?#")


class Signatures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gateway = Gateway.of(cls)
        for version in (2, 4):
            status, text = cls.ask(version, "PUT", f"b{version}x")
            if status != 200:
                raise AssertionError((version, status, text))

    @classmethod
    def ask(cls, version, method, key, *query, access=ACCESS_KEY, secret=SECRET_KEY,
            shift=0):
        """(status, answer)"""
        host = f"127.0.0.1:{cls.gateway.port}"
        lines = subprocess.run(
            [build_folder() / "tests/s3-headers", str(version), access, secret,
             "us-east-1", method, host, key, str(int(time.time()) + shift), *query],
            check=True, capture_output=True, text=True, timeout=60).stdout.splitlines()
        connection = http.client.HTTPConnection(host, timeout=60)
        try:
            connection.request(method, lines[0],
                               headers=dict(line.split(": ", 1) for line in lines[1:]))
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def test_both_versions_are_accepted_for_keys_of_all_kinds(self):
        for version in (2, 4):
            for key in KEYS:
                with self.subTest(version=version, key=key):
                    path = f"b{version}x/{key}"
                    self.assertEqual(self.ask(version, "PUT", path)[0], 200)
                    self.assertEqual(self.ask(version, "GET", path), (200, ""))

    def test_so_are_parameters(self):
        for version in (2, 4):
            with self.subTest(version=version):
                for query in (("list-type=2", "prefix=a b+c%/\u00fc", "max-keys=2"),
                              ("prefix=", "marker=x y"), ("location",)):
                    status, text = self.ask(version, "GET", f"b{version}x", *query)
                    self.assertEqual(status, 200, text)
                status, text = self.ask(version, "POST", f"b{version}x/parts", "uploads")
                self.assertEqual(status, 200, text)
                self.assertIn("<UploadId>", text)

    def test_a_wrong_one_is_refused(self):
        for version in (2, 4):
            for reason, more in (("SignatureDoesNotMatch", {"secret": SECRET_KEY + "x"}),
                                 ("InvalidAccessKeyId", {"access": "nobody"}),
                                 ("RequestTimeTooSkewed", {"shift": -3600})):
                with self.subTest(version=version, reason=reason):
                    status, text = self.ask(version, "GET", f"b{version}x", **more)
                    self.assertEqual(status, 403, text)
                    self.assertIn(f"<Code>{reason}</Code>", text)


if __name__ == "__main__":
    unittest.main()
