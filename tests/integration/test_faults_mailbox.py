# SPDX-License-Identifier: Apache-2.0
"""A mailbox that takes nothing: its user is over quota, or it is mounted read-only.
INBOX opens unchanged, and once it takes something again, one copy comes."""
import re
import shutil
import subprocess
import unittest

from fault_case import Disk, FaultCase, plain_message, wait_until


class Quota(FaultCase):
    chain_options = {"plugins": "inlay quota", "imap_plugins": "imap_quota",
                     "settings": {"inlay_deadline": 2000, "quota_rule": "*:storage=23M",
                                  "quota": "count:User quota", "quota_vsizes": "yes"}}

    def save(self, mebibytes):
        subprocess.run(
            ["doveadm", "-c", self.chain.dovecot.config,
             # as before somebody lowered the limit
             "-o", "plugin/quota_rule=*:storage=100M", "save", "-u", self.user],
            input=plain_message("large") + (b"x" * 998 + b"\r\n") * 1048 * mebibytes,
            check=True)

    def usage(self):
        """(kilobytes, messages)"""
        told = self.chain.dovecot.doveadm("-f", "tab", "quota", "get", "-u", self.user)
        values = dict(re.findall(r"(STORAGE|MESSAGE)\t(\d+)", told))
        return int(values["STORAGE"]), int(values["MESSAGE"])

    def test_over_quota_nothing_comes_and_with_room_again_it_does(self):
        self.put_user()
        self.publish()
        for _ in range(3):
            self.save(8)
        self.assertGreaterEqual(self.usage()[0], 23 * 1024)
        before = self.usage()
        client = self.connect()
        self.assertEqual(client.exists(), 3)
        client.noop()
        self.assertEqual(client.exists(), 3)
        self.assertEqual(self.usage(), before)
        wait_until(lambda: self.statistics()["refused"]["count"] >= 1, "the refusal")
        client.store("1:2", "+FLAGS", "\\Deleted")
        client.expunge()
        client.logout()
        self.wait_opens(2)
        self.wait_counted(but="refused", injected=1)
        # it counts in the quota as any other
        with_it = self.usage()
        self.assertEqual(with_it[1], 2)
        self.chain.dovecot.doveadm("quota", "recalc", "-u", self.user)
        self.assertEqual(self.usage(), with_it)
        # and not any more when it is taken back
        self.need(200, "POST", f"/campaigns/{self.campaign}/recall")
        self.wait_opens(1)
        without = self.usage()
        self.assertEqual(without[1], 1)
        self.assertLess(without[0], with_it[0])
        self.chain.dovecot.doveadm("quota", "recalc", "-u", self.user)
        self.assertEqual(self.usage(), without)
        self.assert_no_error_of_ours()


class QuotaByDict(Quota):
    chain_options = {**Quota.chain_options,
                     "settings": {"inlay_deadline": 2000, "quota_rule": "*:storage=23M",
                                  "quota": "dict:User quota::file:%h/dovecot-quota"}}


class ReadOnly(FaultCase):
    """The file system under the mailboxes is, as after an error of its disk. Dovecot
    alone opens them only if its own files lie elsewhere."""

    mail = "maildir:~/Maildir:INDEX=%h/../../index/%u:CONTROL=%h/../../index/%u"

    @classmethod
    def prepare(cls):
        cls.disk = Disk(cls.chain.folder / "dovecot/mail")
        cls.addClassCleanup(cls.disk.close)
        index = cls.chain.folder / "dovecot/index"
        index.mkdir()
        shutil.chown(index, "mail", "mail")

    def test_a_read_only_mailbox_opens_and_gets_it_when_it_can_be_written(self):
        self.put_user()
        self.deliver(self.user)
        self.assertEqual(self.open(), 1)
        self.publish()

        def remount(read_only):
            try:
                self.disk.set_read_only(read_only)
                return True
            except subprocess.CalledProcessError:
                return False  # a process that ends now has a file open
        wait_until(lambda: remount(True), "the mount is read-only")
        try:
            client = self.connect()
            self.assertEqual(client.exists(readonly=True), 1)
            self.look(client)
            self.assertIn(b"friend", client.fetch_one("(BODY.PEEK[])"))
            client.noop()
            client.logout()
        finally:
            wait_until(lambda: remount(False), "the mount can be written to")
        self.wait_opens(2)
        self.wait_counted(but="refused", injected=1)
        self.assertEqual(self.count(), 2)

    def look(self, client):
        self.assertEqual(client.exists(), 1)
        wait_until(lambda: self.statistics()["refused"]["count"] == 1, "the refusal")
        wait_until(lambda: "inlay: a message cannot be saved" in self.log(), "the log")


if __name__ == "__main__":
    unittest.main()
