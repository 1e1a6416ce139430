# SPDX-License-Identifier: Apache-2.0
"""What an S3 store may answer that a real gateway cannot be made to say."""
import json
import ssl
import subprocess
import unittest

from import_case import Bundle
from services.scripted_s3 import CUT, ScriptedS3, error
from source_case import ScriptedCase, page


class Answers(ScriptedCase):
    def test_the_other_version_of_the_signature_is_tried_once(self):
        def answer(asked):
            if asked.version == 4:
                return error(400, "InvalidArgument")
            return page(["a/bundle.json"])
        store = self.script(answer)
        self.set_source(store)
        self.assertTrue(self.ask()["ok"])
        self.assertEqual([a.version for a in store.asked], [4, 2])
        store.asked.clear()
        told = self.ask(prefix="a")
        self.assertTrue(told["ok"], told)
        # and remembered as long as the store is open
        self.assertEqual([a.version for a in store.asked], [4, 2, 2])

    def test_it_is_not_tried_where_a_version_is_given(self):
        store = self.script(lambda asked: error(403, "SignatureDoesNotMatch"))
        for version in (2, 4):
            with self.subTest(version=version):
                store.asked.clear()
                self.set_source(store, signatureVersion=version)
                self.assertIn("secret key is not that of", self.why())
                self.assertEqual([a.version for a in store.asked], [version])

    def test_if_both_are_refused_the_first_answer_counts(self):
        store = self.script(lambda asked: error(
            403, "SignatureDoesNotMatch" if asked.version == 4 else "AccessDenied"))
        self.set_source(store)
        self.assertIn("secret key is not that of", self.why())
        self.assertEqual([a.version for a in store.asked], [4, 2])

    def test_a_refusal_of_the_second_that_is_none_of_signatures_counts(self):
        store = self.script(lambda asked: error(403, "SignatureDoesNotMatch")
                            if asked.version == 4 else error(404, "NoSuchBucket"))
        self.set_source(store)
        self.assertIn("no bucket", self.why())

    def test_a_bucket_of_another_region_is_asked_there_in_the_same_domain(self):
        def answer(asked):
            if asked.region == "there":
                return page([])
            return redirect
        store = self.script(answer)
        port = store.port
        for redirect in (
                error(301, "PermanentRedirect", x_amz_bucket_region="there",
                      Location="http://evil.invalid/"),
                error(400, "AuthorizationHeaderMalformed", "<Region>there</Region>"),
                error(307, "TemporaryRedirect", "<Endpoint>evil.invalid</Endpoint>",
                      x_amz_bucket_region="there", Location="http://evil.invalid/")):
            with self.subTest(redirect=redirect):
                store.asked.clear()
                self.set_source(store, authorizationType="aws", region="here",
                                endpoint=f"http://s3.here.localhost:{port}")
                self.assertTrue(self.ask()["ok"])
                self.assertEqual(
                    [(a.headers["Host"], a.region, a.path) for a in store.asked],
                    [(f"bucket.s3.here.localhost:{port}", "here", "/"),
                     (f"bucket.s3.there.localhost:{port}", "there", "/")])

    def test_nobody_leads_it_elsewhere(self):
        store = self.script(lambda asked: answer)
        other = self.script(lambda asked: page([]))
        there = f"127.0.0.1:{other.port}"
        self.set_source(store, authorizationType="aws", region="here",
                        endpoint=f"http://s3.here.localhost:{store.port}")
        for answer, word in (
                (error(301, "PermanentRedirect", f"<Endpoint>{there}</Endpoint>",
                       Location=f"http://{there}/"), there),
                (error(301, "PermanentRedirect", f"<Region>{there}/</Region>",
                       x_amz_bucket_region=f"{there}/"), "elsewhere, in region"),
                ((302, {"Location": f"http://{there}/"}, b""), "HTTP 302")):
            with self.subTest(answer=answer):
                store.asked.clear()
                self.assertIn(word, self.why())
                self.assertEqual(len(store.asked), 1)
        self.assertEqual(other.asked, [])

    def test_a_region_in_which_nobody_answers_is_left_again(self):
        store = self.script(lambda asked: CUT if asked.region == "b" else error(
            301, "PermanentRedirect", x_amz_bucket_region="b"))
        self.set_source(store, authorizationType="aws", region="a",
                        endpoint=f"http://s3.a.localhost:{store.port}")
        self.assertFalse(self.ask(prefix="x")["ok"])
        # of both checks: where it is said to be, then where the next one begins anew
        self.assertEqual([a.headers["Host"].split(".")[2] for a in store.asked],
                         ["a", "b", "a", "b"])

    def test_regions_that_point_at_each_other_come_to_an_end(self):
        store = self.script(lambda asked: error(
            301, "PermanentRedirect",
            x_amz_bucket_region="b" if asked.region == "a" else "a"))
        self.set_source(store, region="a")
        self.assertIn("elsewhere, in region", self.why())
        self.assertEqual(len(store.asked), 3)

    def test_a_list_that_is_none_is_said_to_be_so(self):
        store = self.script(lambda asked: answer)
        self.set_source(store)
        for answer, word in (
                ((200, {}, b"<html>Welcome</html>"), "something else than a list"),
                ((200, {}, b"hello"), "no XML"),
                ((200, {}, b"<ListBucketResult>"), "no XML"),
                ((200, {}, b"<!DOCTYPE a><ListBucketResult/>"), "document type"),
                (error(200, "InternalError"), "fault of its own")):
            with self.subTest(answer=answer):
                self.assertIn(word, self.why())

    def test_lists_go_on_as_the_store_has_it(self):
        keys = [f"p{n}/bundle.json" for n in range(6)]

        def version_2(asked):
            self.assertEqual(asked.query["list-type"], "2")
            at = int(asked.query.get("continuation-token", 0))
            more = f"<NextContinuationToken>{at + 2}</NextContinuationToken>"
            return page(keys[at:at + 2], more if at < 4 else "")

        def version_1(asked):
            rest = [k for k in keys if k > asked.query.get("marker", "")]
            return page(rest[:2], len(rest) > 2)

        def encoded(asked):
            rest = [k for k in keys if k > asked.query.get("marker", "")]
            return page([k.replace("/", "%2F") for k in rest[:2]], len(rest) > 2, True)
        for answer in version_2, version_1, encoded:
            with self.subTest(answer=answer.__name__):
                store = self.script(answer)
                self.set_source(store)
                told = self.mimd.need(200, "GET", self.path("dataSources/s3/bundles"))
                self.assertEqual([b["prefix"] for b in told["bundles"]],
                                 [f"p{n}" for n in range(6)])
                self.assertNotIn("next", told)

    def test_what_lies_before_the_beginning_is_left_out_whoever_lists(self):
        keys = [f"p{n}/bundle.json" for n in range(6)]

        def version_1(asked):  # and knows no start-after
            rest = [k for k in keys if k > asked.query.get("marker", "")]
            return page(rest[:2], len(rest) > 2)
        store = self.script(version_1)
        self.set_source(store)
        told = self.mimd.need(200, "GET", self.path(
            "dataSources/s3/bundles?limit=1&after=p3/bundle.json"))
        self.assertEqual([b["prefix"] for b in told["bundles"]], ["p4"])
        self.assertEqual(told["next"], "p4/bundle.json")
        self.assertEqual(store.asked[-1].query["marker"], "p3/bundle.json")

    def test_what_lies_beside_its_own_prefix_is_left_out(self):
        store = self.script(lambda asked: page([
            k for k in ("own/a/bundle.json", "own2/b/bundle.json")
            if k.startswith(asked.query["prefix"])]))
        for prefix in "own", "own/":
            with self.subTest(prefix=prefix):
                self.set_source(store, prefix=prefix)
                told = self.mimd.need(200, "GET", self.path("dataSources/s3/bundles"))
                self.assertEqual([b["prefix"] for b in told["bundles"]], ["a"])

    def test_a_list_that_does_not_go_on_ends(self):
        store = self.script(lambda asked: answer)
        self.set_source(store)
        for answer, word in ((page(["a"], True), "does not go on"),
                             ((200, {}, b"hello"), "no XML")):
            status, told = self.mimd.call("GET", self.path("dataSources/s3/bundles"))
            self.assertEqual(status, 422)
            self.assertIn(word, str(told))
            self.assertIn(f"127.0.0.1:{store.port}", str(told))

    def test_what_a_key_says_is_shown_as_it_is(self):
        store = self.script(lambda asked: page(
            ["a+b%2Bc+%C3%BC/bundle.json", "%FF/bundle.json"], "", True))
        self.set_source(store)
        told = self.mimd.need(200, "GET", self.path("dataSources/s3/bundles"))
        self.assertEqual([b["prefix"] for b in told["bundles"]], ["a b+c \u00fc"])

    def test_faults_are_waited_out_and_refusals_are_not(self):
        bundle = Bundle()
        manifest = json.dumps({"schema": "inlay.bundle/1", "campaign": bundle.campaign,
                               "files": bundle.list_files()}).encode()
        faults = [error(503, "SlowDown"), error(500, "InternalError"),
                  (502, {}, b"<html>Bad gateway</html>"),
                  error(400, "RequestTimeout"), (429, {}, b"")]

        def answer(asked):
            if asked.path == "/bucket/x/bundle.json" and faults:
                return faults.pop()
            name = asked.path.removeprefix("/bucket/x/")
            data = manifest if name == "bundle.json" else bundle.files[name]
            return 200, {"ETag": "\"e\""}, data
        store = self.script(answer)
        self.set_source(store)
        self.succeed(None, "x")
        self.assertEqual(faults, [])
        refused = self.script(lambda asked: error(403, "InvalidAccessKeyId"))
        self.set_source(refused)
        self.assertIn("access key is not known", self.messages(self.refuse(None, "x")))
        self.assertEqual(len(refused.asked), 1)


class Tls(ScriptedCase):
    """Who answers must be who the certificate names."""

    running = False

    def setUp(self):
        super().setUp()
        self.certificate = self.mimd.folder / "certificate.pem"
        key = self.mimd.folder / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost", "-keyout", key,
                        "-out", self.certificate], check=True, capture_output=True)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self.certificate, key)
        self.store = ScriptedS3(lambda asked: page([]), tls)
        self.addCleanup(self.store.close)

    def start(self, **settings):
        self.mimd.settings.update(settings)
        self.mimd.start()
        self.make_tenant()

    def test_a_certificate_that_is_trusted_is_taken_for_its_name_alone(self):
        self.start(**{"inlay.datasource.ca-file": self.certificate})
        self.set_source(self.store, endpoint=f"localhost:{self.store.port}")
        self.assertTrue(self.ask()["ok"])
        self.set_source(self.store, endpoint=f"https://127.0.0.1:{self.store.port}")
        self.assertIn("127.0.0.1", self.why())
        self.assertEqual(len(self.store.asked), 1)

    def test_another_one_is_not_taken(self):
        self.start()
        self.set_source(self.store, endpoint=f"localhost:{self.store.port}")
        self.assertIn("certificate", self.why())
        self.assertEqual(self.store.asked, [])


if __name__ == "__main__":
    unittest.main()
