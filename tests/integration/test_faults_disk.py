# SPDX-License-Identifier: Apache-2.0
"""A file system that is really full, under each process that writes: INBOX opens, it is
said in log and health, nothing is half written, and with room again all goes on."""
import glob
import json
import os
import unittest

from fault_case import FULL, Disk, FaultCase, rounds, some, wait_until

DECISIONS = "/api/tenants/default/dovecot/decisions"


class FullDisk(FaultCase):
    """disk: a small one at `place`, below the folder of the chain."""

    place = None
    size = "8m"

    @classmethod
    def prepare(cls):
        cls.disk = Disk(cls.chain.folder / cls.place, cls.size)
        cls.addClassCleanup(cls.disk.close)

    def setUp(self):
        super().setUp()
        self.addCleanup(self.disk.free)


class AgentSpool(FullDisk):
    place = "agent/spool"

    def test_a_full_spool_disk_injects_nothing_and_loses_nothing(self):
        reader, late, later = self.put_users(3)
        self.publish_for([reader, late, later])
        client = self.connect(reader)
        self.assertEqual(client.exists(), 1)
        self.wait_counted(injected=1)
        # the file that has room already is given up
        self.assertEqual(self.chain.agent.stop(), 0)
        self.assertEqual(glob.glob(self.chain.agent.spool + "/*.spool"), [])
        self.disk.fill()
        self.chain.start_agent()
        self.assertEqual(self.open(late), 0)
        self.chain.agent.wait_for_log("no event can be taken, so nothing is injected")
        self.read(reader)
        self.wait_counted(injected=1)
        # and so it is after a crash
        self.chain.agent.kill()
        self.chain.start_agent()
        self.assertEqual(self.open(reader), 1)
        self.chain.agent.wait_for_log("an event was not taken")
        self.wait_counted(injected=1)
        self.disk.free()
        self.assertEqual(self.open(later), 1)
        self.assertEqual(self.open(reader), 1)
        self.wait_counted(injected=2, read=1)
        self.assertEqual((self.count(reader), self.count(later)), (1, 1))
        if FULL:  # what was assigned and not put in lapses after a minute
            self.wait_opens(1, late, 90)
            self.wait_counted(injected=3, read=1)
        self.assert_no_error_of_ours()


class AgentCache(FullDisk):
    place = "agent/cache"

    def test_with_a_full_cache_disk_messages_come_all_the_same(self):
        users = self.put_users(3)
        self.publish_for(users)
        self.disk.fill()
        self.assertEqual(self.open(users[0]), 1)
        self.chain.agent.wait_for_log("a template cannot be kept on disk")
        self.assertEqual(glob.glob(self.chain.agent.cache + "/*/*"), [])
        self.chain.agent.kill()
        self.chain.start_agent()
        self.assertEqual(self.open(users[1]), 1)
        self.disk.free()
        self.chain.agent.kill()
        self.chain.start_agent()
        self.assertEqual(self.open(users[2]), 1)
        self.assertEqual(len(glob.glob(self.chain.agent.cache + "/*/*")), 1)
        for user in users:  # an agent may have been killed before it had the event
            self.assertEqual(self.open(user), 1)
        self.wait_counted(injected=3)


class MimdData(FullDisk):
    place = "mimd/data"
    size = "160m"  # an import leaves 64 MiB free

    def opening(self, user):
        body = json.dumps({"node": "n", "user": user, "protocol": "imap",
                           "uidValidity": 7, "uidNext": 12, "complete": True,
                           "present": [], "events": []})
        return self.mimd.call("POST", DECISIONS, body, self.token)

    def put_large(self, user):
        """The status of it."""
        consents = [{"purpose": "newsletter", "granted": True, "source": "x" * 200,
                     "at": f"2026-01-05T10:{i:02}:00Z"} for i in range(40)]
        return self.mimd.call("PUT", f"/api/tenants/default/users/{user}",
                              {"user": user, "consents": consents})[0]

    def test_a_full_disk_of_the_middleware_is_said_and_nothing_is_half_written(self):
        self.token = self.mimd.make_token("dovecot:default")
        reader, *users = self.put_users(400)
        self.publish_for([reader, *users])
        client = self.connect(reader)
        self.assertEqual(client.exists(), 1)
        self.wait_counted(injected=1)
        before = self.mimd.log().count("commit failed")
        self.disk.fill()
        given, left = [], list(users)
        while self.health()["store"][0] != "fail":
            user = left.pop()
            status, told = self.opening(user)
            if status == 200 and told["actions"]:
                given.append(user)
        self.assertGreater(len(left), 20, "the disk did not fill")
        self.assertIn("make room on the disk", self.health()["store"][1])
        self.assertEqual(self.mimd.request("GET", "/health/live")[0], 200)
        self.assertGreater(self.mimd.log().count("commit failed"), before)
        # mail users see nothing of it, and what they do waits with the agent
        self.assertIn(self.open(left[0]), (0, 1))
        client.fetch("1", "(BODY[])")
        client.noop()
        client.logout()
        self.assertEqual(self.open(reader), 1)
        put = {f"new{i}": self.put_large(f"new{i}") for i in range(40)}
        self.assertLessEqual(set(put.values()), {201, 503, 507})
        self.assertNotEqual(set(put.values()), {201})
        self.disk.free()
        self.wait_opens(1, left[0])
        # it is what the last write found; of the others there may be none
        self.assertEqual(self.put_large("last"), 201)
        wait_until(lambda: self.health()["store"][0] == "ok", "the store has room")
        self.wait_counted(injected=2, read=1)
        # what it has answered it still knows, and after a crash, too
        self.mimd.kill()
        self.mimd.settings["server.port"] = self.mimd.port
        self.mimd.start()
        self.wait_counted(injected=2, read=1)
        for user in given[:20]:
            self.assertEqual(self.opening(user)[1]["actions"], [], user)
        for user, status in put.items():
            self.mimd.need(200 if status == 201 else 404, "GET",
                           f"/api/tenants/default/users/{user}")

    def test_it_starts_on_a_full_disk(self):
        user, = self.put_users(1)
        self.publish_for([user])
        self.disk.fill()
        self.mimd.kill()
        self.mimd.settings["server.port"] = self.mimd.port
        self.mimd.start()
        self.assertEqual(self.mimd.call("GET", "/api/tenants/default/")[0], 200)
        self.assertIn(self.open(user), (0, 1))
        self.disk.free()
        self.wait_opens(1, user)
        self.wait_counted(injected=1)

    def test_an_import_into_a_full_disk_fails_whole(self):
        users = self.put_users(300)
        self.disk.fill()
        done = self.load(self.bundle([(u, "Ada" * 20) for u in users]))
        self.assertEqual(done["phase"], "failed")
        self.assertRegex(json.dumps(done), "(?i)room|space|full")
        self.assertEqual(self.open(users[0]), 0)
        self.disk.free()
        done = self.load(self.bundle([(u, "Ada" * 20) for u in users]))
        self.assertEqual((done["phase"], done["rows"]["accepted"]), ("done", 300))
        self.wait_opens(1, users[0])


class Mailbox:
    """All mailboxes lie on the disk."""

    place = "dovecot/mail"
    size = "16m"

    def leave(self, pages):
        self.disk.fill()
        size = os.path.getsize(self.disk.ballast)
        os.truncate(self.disk.ballast, size - pages * 4096)

    def test_whatever_room_there_is_inbox_opens_and_nothing_comes_twice(self):
        pages = some(range(40), rounds(6, 40))
        users = self.put_users(len(pages))
        # Dovecot alone does not open an INBOX that never had a message on a full disk
        self.deliver(*users)
        for user in users:
            self.assertEqual(self.open(user), 1)
        self.publish_for(users)
        for user, left in zip(users, pages):
            with self.subTest(pages=left):
                self.disk.free()
                self.leave(left)
                self.assertIn(self.open(user), (1, 2))
                self.assertIn(self.open(user), (1, 2))
        self.disk.free()
        for user in users:
            with self.subTest(user=user):
                self.wait_opens(2, user)
                self.assertEqual(self.count(user), 2)
        self.wait_counted(but="refused", injected=len(users))


class MailboxMaildir(Mailbox, FullDisk):
    mail = "maildir"


class MailboxSdbox(Mailbox, FullDisk):
    mail = "sdbox"


class MailboxMdbox(Mailbox, FullDisk):
    mail = "mdbox"


if __name__ == "__main__":
    unittest.main()
