# SPDX-License-Identifier: Apache-2.0
"""Tenants, data sources, conversion points: the original's calls, to the letter."""
import copy
import json
import unittest

from mimd_case import MimdCase, original

MASK = "********"
SOURCES = "/api/tenants/default/dataSources"
USER = "/api/tenants/default/users/anna@example.org"


def sources_of(endpoint="https://rgw.example.com", bucket="mail", **more):
    return [{"id": "default", "type": "ongage", "defaultDataSource": True,
             "deleteTemporaryImportFiles": False,
             "awsConnectionInformation": {
                 "authorizationType": "rados", "accessKey": "AK", "secretKey": "SK",
                 "endpoint": endpoint, "bucket": bucket}, **more}]


class TheOriginalsCalls(MimdCase):
    def create(self, body=None, query="?createDB=true", status=201):
        return self.mimd.need(status, "POST", "/api/tenants/" + query,
                              body or original())

    def test_its_body_gives_201_and_comes_back_masked(self):
        made = self.create()
        want = original()
        self.assertEqual(made["configuration"]["secretKey"], MASK)
        want["configuration"]["secretKey"] = MASK
        want["dataSources"][0]["awsConnectionInformation"]["secretKey"] = MASK
        for key, value in want.items():
            self.assertEqual(made[key], value, key)

    def test_every_path_is_served_with_and_without_a_final_slash(self):
        self.create()
        for path in ("/api/tenants", "/api/tenants/default", SOURCES,
                     "/api/tenants/default/conversionPoints"):
            plain = self.mimd.need(200, "GET", path)
            self.assertEqual(plain, self.mimd.need(200, "GET", path + "/"), path)

    def test_the_list_of_data_sources_changed_with_its_masks_is_taken(self):
        self.create()
        listed = self.mimd.need(200, "GET", SOURCES)
        self.assertEqual(listed[0]["awsConnectionInformation"]["secretKey"], MASK)
        listed[0]["awsConnectionInformation"]["bucket"] = "other"
        listed[0]["deleteTemporaryImportFiles"] = True
        put = self.mimd.need(200, "PUT", SOURCES, listed)
        self.assertEqual(put, listed)
        self.assertEqual(self.mimd.need(200, "GET", SOURCES), listed)
        # the secret is still there: the mask of the next PUT stands for one
        self.mimd.need(200, "PUT", SOURCES, listed)

    def test_a_mask_with_another_endpoint_asks_for_the_secret(self):
        self.create()
        listed = self.mimd.need(200, "GET", SOURCES)
        info = listed[0]["awsConnectionInformation"]
        info["endpoint"] = "https://evil.example.com"
        answer = self.mimd.need(400, "PUT", SOURCES, listed)
        self.assertEqual(self.pointers(answer),
                         ["/0/awsConnectionInformation/secretKey"])
        self.assertIn("send the secret again", json.dumps(answer))
        info["secretKey"] = "another"
        put = self.mimd.need(200, "PUT", SOURCES, listed)
        self.assertEqual(put[0]["awsConnectionInformation"]["secretKey"], MASK)
        self.assertEqual(put[0]["awsConnectionInformation"]["endpoint"],
                         "https://evil.example.com")

    def test_a_mask_with_another_type_or_for_nothing_is_refused(self):
        self.create()
        listed = self.mimd.need(200, "GET", SOURCES)
        other = copy.deepcopy(listed)
        other[0]["type"] = "s3"
        self.mimd.need(400, "PUT", SOURCES, other)
        other = copy.deepcopy(listed)
        other[0]["id"] = "new"
        self.mimd.need(400, "PUT", SOURCES, other)

    def test_conversion_points_are_replaced_whole(self):
        self.create()
        path = "/api/tenants/default/conversionPoints"
        points = self.mimd.need(200, "GET", path)
        self.assertEqual([p["eventType"] for p in points],
                         ["injected", "reinjected", "read", "expunged"])
        hook = {"id": "hook", "type": "webhook", "eventType": "read",
                "connectionInformation": {"url": "https://hook.example/", "secret": "whsec_" + "A" * 32}}
        put = self.mimd.need(200, "PUT", path, [hook])
        self.assertEqual(put[0]["connectionInformation"]["secret"], MASK)
        put[0]["description"] = "with its mask"
        self.mimd.need(200, "PUT", path, put)
        put[0]["connectionInformation"]["url"] = "https://evil.example/"
        answer = self.mimd.need(400, "PUT", path, put)
        self.assertEqual(self.pointers(answer), ["/0/connectionInformation/secret"])

    def test_a_directory_takes_the_place_of_the_object_store(self):
        self.create()
        source = {"id": "default", "type": "directory", "defaultDataSource": True,
                  "awsConnectionInformation": {"authorizationType": "directory",
                                               "endpoint": "in"}}
        self.mimd.need(200, "PUT", SOURCES, [source])
        for endpoint in ("/etc", "../other", "a/../../b"):
            source["awsConnectionInformation"]["endpoint"] = endpoint
            self.mimd.need(400, "PUT", SOURCES, [source])

    def test_exactly_one_data_source_is_the_default(self):
        self.create()
        two = sources_of() + sources_of(id="second")
        self.mimd.need(400, "PUT", SOURCES, two)
        two[1]["defaultDataSource"] = False
        self.mimd.need(200, "PUT", SOURCES, two)
        self.mimd.need(400, "PUT", SOURCES, [])
        self.mimd.need(400, "PUT", SOURCES, two[1:])

    def test_all_that_is_wrong_is_said_at_once(self):
        body = original(keyspaceName="Upper", colour="red", caps=[])
        body["dataSources"][0]["awsConnectionInformation"]["authorizationType"] = "ftp"
        body["conversionPoints"][0]["connectionInformation"]["url"] = "nowhere"
        status, answer = self.mimd.call("POST", "/api/tenants", body)
        self.assertIn(status, (400, 422))
        self.assertLessEqual(
            {"/keyspaceName", "/colour", "/caps",
             "/dataSources/0/awsConnectionInformation/authorizationType",
             "/conversionPoints/0/connectionInformation/url"},
            set(self.pointers(answer)))
        self.mimd.need(404, "GET", "/api/tenants/default")

    def test_what_is_no_json_is_said_with_its_place(self):
        answer = self.mimd.need(400, "POST", "/api/tenants", '{"id":"a",}')
        self.assertIn("line 1", json.dumps(answer))
        self.mimd.need(400, "POST", "/api/tenants", "")
        self.mimd.need(400, "POST", "/api/tenants", '{"id":"a","id":"b"}')
        self.mimd.need(400, "POST", "/api/tenants?createDB=maybe", original())

    def test_a_keyspace_has_one_owner(self):
        self.create()
        other = original(id="other", name="other")
        answer = self.mimd.need(409, "POST", "/api/tenants?createDB=true", other)
        self.assertEqual(self.pointers(answer), ["/keyspaceName"])
        self.mimd.need(409, "POST", "/api/tenants?createDB=true", original())
        self.mimd.need(204, "DELETE", "/api/tenants/default/")
        # the tenant is gone, its data are not: still not another's
        self.mimd.need(409, "POST", "/api/tenants?createDB=true", other)

    def test_a_tenant_of_the_same_id_finds_its_data_after_delete(self):
        body = original()
        body["configuration"] = {"secretKey": "k", "hashedEmailAddresses": False}
        self.create(body)
        self.mimd.need(201, "PUT", USER, {"user": "anna@example.org", "userId": "47"})
        self.mimd.need(204, "DELETE", "/api/tenants/default")
        self.mimd.need(404, "GET", "/api/tenants/default")
        self.mimd.need(404, "GET", USER)
        for secret, hashed in (("other", False), ("k", True)):
            body["configuration"] = {"secretKey": secret,
                                     "hashedEmailAddresses": hashed}
            answer = self.mimd.need(409, "POST", "/api/tenants", body)
            self.assertEqual(self.pointers(answer), ["/configuration"])
        body["configuration"] = {"secretKey": "k", "hashedEmailAddresses": False}
        self.create(body, query="")
        self.assertEqual(self.mimd.need(200, "GET", USER)["userId"], "47")

    def test_what_user_keys_are_made_of_cannot_change_while_there_are_users(self):
        body = original()
        body["configuration"] = {"secretKey": "k", "hashedEmailAddresses": False}
        self.create(body)
        body["configuration"]["secretKey"] = "k2"
        self.mimd.need(200, "PUT", "/api/tenants/default", body)
        self.mimd.need(201, "PUT", USER, {"user": "anna@example.org"})
        body["configuration"]["secretKey"] = "k3"
        self.mimd.need(409, "PUT", "/api/tenants/default", body)
        body["configuration"]["secretKey"] = MASK
        body["name"] = "renamed"
        self.mimd.need(200, "PUT", "/api/tenants/default", body)
        self.mimd.need(204, "DELETE", USER)
        body["configuration"]["secretKey"] = "k3"
        self.mimd.need(200, "PUT", "/api/tenants/default", body)

    def test_without_create_db_the_database_must_be_there_before_the_first_use(self):
        self.create(query="")
        self.mimd.need(200, "GET", "/api/tenants/default")
        answer = self.mimd.need(503, "GET", USER)
        self.assertIn("createDB", json.dumps(answer))
        self.mimd.need(204, "DELETE", "/api/tenants/default")
        self.create()
        self.mimd.need(404, "GET", USER)

    def test_an_admin_may_point_a_tenant_at_another_keyspace_and_back(self):
        body = original()
        body["configuration"]["hashedEmailAddresses"] = False
        self.create(body)
        self.mimd.need(201, "PUT", USER, {"user": "anna@example.org"})
        self.mimd.need(200, "PUT", "/api/tenants/default",
                       {**body, "keyspaceName": "elsewhere"})
        self.mimd.need(503, "GET", USER)
        self.mimd.need(200, "PUT", "/api/tenants/default", body)
        self.mimd.need(200, "GET", USER)
        self.mimd.need(201, "POST", "/api/tenants?createDB=true",
                       original(id="other", keyspaceName="mim_other"))
        answer = self.mimd.need(409, "PUT", "/api/tenants/default",
                                {**body, "keyspaceName": "mim_other"})
        self.assertEqual(self.pointers(answer), ["/keyspaceName"])
        self.mimd.need(200, "GET", USER)

    def test_the_id_of_the_body_is_that_of_the_path(self):
        self.create()
        answer = self.mimd.need(400, "PUT", "/api/tenants/default", original(id="x"))
        self.assertEqual(self.pointers(answer), ["/id"])

    def test_only_zones_that_the_system_knows(self):
        self.create(original(timeZone="Europe/Berlin"))
        answer = self.mimd.need(400, "PUT", "/api/tenants/default",
                                original(timeZone="Europe/Atlantis"))
        self.assertEqual(self.pointers(answer), ["/timeZone"])

    def test_secrets_are_neither_in_the_store_nor_in_the_log(self):
        body = original()
        body["configuration"]["secretKey"] = "needle-one-needle"
        info = body["dataSources"][0]["awsConnectionInformation"]
        info["secretKey"] = "needle-two-needle"
        self.create(body)
        self.mimd.stop()
        for path in self.mimd.folder.rglob("*"):
            if path.is_file():
                data = path.read_bytes()
                self.assertNotIn(b"needle-one-needle", data, path)
                self.assertNotIn(b"needle-two-needle", data, path)

    def test_everything_is_there_again_after_a_crash(self):
        made = self.create()
        self.mimd.kill()
        self.mimd.start()
        self.assertEqual(self.mimd.need(200, "GET", "/api/tenants/default"), made)
        sources = self.mimd.need(200, "GET", SOURCES)
        self.mimd.need(200, "PUT", SOURCES, sources)  # the sealed secret opens


class WhatATenantsTokenMaySet(MimdCase):
    def setUp(self):
        super().setUp()
        self.mimd.need(201, "POST", "/api/tenants?createDB=true", original())
        self.token = self.mimd.make_token("tenant:default")

    def test_not_the_keyspace(self):
        answer = self.mimd.need(403, "PUT", "/api/tenants/default",
                                original(keyspaceName="mim_other"), self.token)
        self.assertEqual(self.pointers(answer), ["/keyspaceName"])
        self.mimd.need(200, "PUT", "/api/tenants/default", original(), self.token)

    def test_no_directory_but_one_that_an_admin_set(self):
        source = [{"id": "default", "type": "directory", "defaultDataSource": True,
                   "awsConnectionInformation": {"authorizationType": "directory",
                                                "endpoint": "in"}}]
        self.mimd.need(403, "PUT", SOURCES, source, self.token)
        self.mimd.need(200, "PUT", SOURCES, source)
        source[0]["deleteTemporaryImportFiles"] = True
        self.mimd.need(200, "PUT", SOURCES, source, self.token)
        source[0]["awsConnectionInformation"]["endpoint"] = "elsewhere"
        self.mimd.need(403, "PUT", SOURCES, source, self.token)


if __name__ == "__main__":
    unittest.main()
