# SPDX-License-Identifier: Apache-2.0
"""Two nodes, each with a mailbox and an agent of its own, and a dsync between them that
comes late: what one of them shows or lacks is not taken for what happened."""
import contextlib
import os
import pwd
import signal
import threading
import unittest

import ledger_file
from services.agent import Agent
from services.dovecot import Dovecot
from truth_case import TruthCase, wait_until


class Nodes:
    """Run for each format; A is the chain's own node."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        try:
            cls.start_b()
        except BaseException:
            super().tearDownClass()
            raise

    @classmethod
    def start_b(cls):
        root = os.geteuid() == 0
        user = "mail" if root else pwd.getpwuid(os.geteuid()).pw_name
        cls.agent_b = Agent(
            os.path.join(cls.directory, "b"), f"http://127.0.0.1:{cls.mimd.port}",
            tokens={"default": cls.mimd.make_token("dovecot:default", name="b")},
            settings={"inlay.trusted-uids": user, "inlay.node": "imap2.example.org",
                      "inlay.socket.group": "mail" if root else os.getegid(),
                      "inlay.message-id-domain": "mail.example.org"})
        cls.agent_b.start()
        os.chmod(os.path.join(cls.directory, "b"), 0o755)
        cls.b = Dovecot(os.path.join(cls.directory, "db"), mail=cls.mail,
                        settings={**cls.chain.dovecot.settings,
                                  "inlay_socket": cls.agent_b.socket},
                        **cls.chain_options)
        cls.b.start()

    @classmethod
    def tearDownClass(cls):
        cls.b.stop()
        code = cls.agent_b.stop()
        super().tearDownClass()
        assert code == 0, cls.agent_b.log_text()

    def agents(self):
        return [self.chain.agent, self.agent_b]

    @property
    def a(self):
        return self.chain.dovecot

    def sync(self):
        """As replication does, in both directions, when all sessions have ended."""
        self.settle()
        self.sync_now()

    def sync_now(self):
        def done():
            try:
                # else the second one would be told of the first one's configuration
                self.a.doveadm("sync", "-u", self.user, "env", "-i",
                               f"PATH={os.environ['PATH']}", "doveadm", "-c",
                               self.b.config, "dsync-server", "-u", self.user)
            except RuntimeError as e:
                if "may want to run dsync again" not in str(e):
                    raise
                return False
            return True
        wait_until(done, "the sync")

    def two_mailboxes(self):
        """One user on both nodes, with a friend's message."""
        self.deliver("friend")
        self.look()
        self.sync()
        self.assertEqual(len(self.look(dovecot=self.b)), 1)
        self.put_user()
        self.publish()

    def injected(self):
        """On A; its GUID. B has not heard of it."""
        self.two_mailboxes()
        found = self.look()
        self.assertEqual(len(found), 2)
        self.assertEqual(len(self.look()), 2)
        self.assert_counted(injected=1)
        return max(found, key=found.get)

    def both(self, messages, guid=None, **counts):
        """On both nodes, whenever one looks."""
        for _ in range(2):
            for node in (self.a, self.b):
                found = self.look(dovecot=node)
                self.assertEqual(len(found), messages)
                self.assertEqual(guid in found, guid is not None)
            self.assert_counted(**counts)

    def expunge_at(self, node, guid):
        client = self.connect(dovecot=node)
        client.exists()
        client.uid("STORE", str(client.guids()[guid]), "+FLAGS", "\\Deleted")
        client.expunge()
        self.end(client)

    def is_known_to_b(self, guid):
        with contextlib.suppress(StopIteration):
            ledger = ledger_file.read(ledger_file.path(self.b.home(self.user)))
            return any(record.guid == guid for record in ledger)
        return False

    def test_what_has_not_been_synced_is_neither_put_in_again_nor_gone(self):
        guid = self.injected()
        # a message on B has the UID that ours has on A
        self.deliver("to the other", dovecot=self.b)
        for _ in range(2):
            self.assertEqual(len(self.look(dovecot=self.b)), 2)
            self.assertEqual(len(self.look()), 2)
            self.assert_counted(injected=1)
        self.sync()
        self.both(3, guid, injected=1)

    def test_sessions_on_both_get_one(self):
        self.two_mailboxes()
        clients = [self.connect(), self.connect(dovecot=self.b)]
        threads = [threading.Thread(target=client.exists) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for client in clients:
            self.end(client)
        self.assertEqual(sorted(len(self.look(dovecot=node)) for node in (self.a, self.b)),
                         [1, 2])
        self.assert_counted(injected=1)
        self.sync()
        self.both(2, *set(self.look()) - self.friends(), injected=1)

    def friends(self):
        """GUIDs of what is not marked as ours."""
        out = self.a.doveadm("-f", "tab", "fetch", "-u", self.user, "guid", "mailbox",
                             "INBOX", "not", "keyword", "$Inlay")
        return set(out.split()[1:])

    def test_what_one_node_is_saving_the_other_does_not_get(self):
        self.mailbox_is_made = self.sync_now
        client, pid = self.stopped_in_a_save()
        for _ in range(2):
            self.assertEqual(len(self.look(dovecot=self.b)), 1)
        os.kill(pid, signal.SIGCONT)
        self.assertEqual(self.finish_select(client), 2)
        self.end(client)
        self.sync()
        self.assertEqual(len(self.look(dovecot=self.b)), 2)
        self.assertEqual(len(self.look()), 2)
        self.assert_counted(injected=self.quick + 1)

    def test_expunged_on_one_node_it_is_gone_though_the_other_still_shows_it(self):
        guid = self.injected()
        self.sync()
        self.both(2, guid, injected=1)
        self.expunge_at(self.a, guid)
        self.assert_counted(injected=1, expungedUnread=1)
        for _ in range(2):
            self.assertIn(guid, self.look(dovecot=self.b))
            self.assertNotIn(guid, self.look())
            self.assert_counted(injected=1, expungedUnread=1)
        self.sync()
        self.both(1, injected=1, expungedUnread=1)

    def test_read_on_the_other_node_it_is_read_once(self):
        guid = self.injected()
        self.sync()
        client = self.connect(dovecot=self.b)
        client.exists()
        client.uid("FETCH", str(client.guids()[guid]), "(BODY[])")
        self.end(client)
        self.assert_counted(injected=1, read=1)
        self.sync()
        self.both(2, guid, injected=1, read=1)
        self.expunge_at(self.b, guid)
        self.sync()
        self.both(1, injected=1, read=1, expungedRead=1)

    def test_a_recall_reaches_what_came_by_the_sync(self):
        guid = self.injected()
        client = self.connect(dovecot=self.b)
        self.assertEqual(client.exists(), 1)
        self.sync_now()
        wait_until(lambda: client.noop() and guid in client.guids(), "the sync is seen")
        # and the session asks about it
        wait_until(lambda: client.noop() and self.is_known_to_b(guid), "the question")
        client.idle()
        self.need(200, "POST", f"/campaigns/{self.campaign}/pause")
        self.need(200, "POST", f"/campaigns/{self.campaign}/recall")
        client.idle_until(b"EXPUNGE")
        client.idle_done()
        self.end(client)
        # B has told that it is taken back, and A has it still
        self.assert_counted(injected=1, recalled=1)
        self.assertEqual(len(self.look()), 1)
        self.assert_counted(injected=1, recalled=1)
        self.sync()
        self.both(1, injected=1, recalled=1)


class Maildir(Nodes, TruthCase):
    mail = "maildir"


class Sdbox(Nodes, TruthCase):
    mail = "sdbox"


class Mdbox(Nodes, TruthCase):
    mail = "mdbox"


if __name__ == "__main__":
    unittest.main()
