# SPDX-License-Identifier: Apache-2.0
"""What the tests of S3 data sources share: a store whose answers they set."""
from import_case import ImportCase
from services.scripted_s3 import ScriptedS3


def page(keys, more="", encoded=False):
    entries = "".join(f"<Contents><Key>{k}</Key><Size>7</Size></Contents>" for k in keys)
    encoding = "<EncodingType>url</EncodingType>" if encoded else ""
    return 200, {}, (f"<ListBucketResult>{encoding}<IsTruncated>"
                     f"{str(bool(more)).lower()}</IsTruncated>{entries}"
                     f"{more if more is not True else ''}</ListBucketResult>").encode()


class ScriptedCase(ImportCase):
    def script(self, answer):
        store = ScriptedS3(answer)
        self.addCleanup(store.close)
        return store

    def sources(self, store, **changes):
        return [{"id": "s3", "type": "ongage", "defaultDataSource": True,
                 "awsConnectionInformation": {
                     "authorizationType": "rados", "accessKey": "key",
                     "secretKey": "secret", "bucket": "bucket",
                     "endpoint": f"http://127.0.0.1:{store.port}", **changes}}]

    def set_source(self, store, **changes):
        self.mimd.need(200, "PUT", self.path("dataSources"),
                       self.sources(store, **changes))

    def ask(self, **body):
        return self.mimd.need(200, "POST", self.path("dataSources/s3/test"), body)

    def why(self, **body):
        """What the last check found."""
        told = self.ask(**body)
        self.assertFalse(told["ok"], told)
        return told["checks"][-1]["message"]
