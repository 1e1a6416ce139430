# SPDX-License-Identifier: Apache-2.0
"""A message is in the mailbox, and who puts it in has not noted it yet: it stands still
between Dovecot's commit and its own note. What other sessions of the user do to the
message meanwhile is counted as what it was."""
import contextlib
import os
import queue
import socket
import threading
import unittest

from chain_case import wait_until
from truth_case import TruthCase

REPLICATOR = "replication-notify"  # below Dovecot's base_dir


class Replicator:
    """What Dovecot's plugin `replication` asks at the end of a commit that saves, and whose
    answer it waits for. The one who is to stand still gets none."""

    def __init__(self, path):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        os.chmod(path, 0o666)
        self.listener.listen(50)
        self.to_hold, self.held = None, queue.Queue()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):  # closed
            while True:
                connection, _ = self.listener.accept()
                user = connection.recv(4096).split(b"\t")[0].decode()
                if user == self.to_hold:
                    self.to_hold = None
                    self.held.put(connection)
                    continue
                self.answer(connection)

    @staticmethod
    def answer(connection):
        with contextlib.suppress(OSError):
            connection.sendall(b"+\n")
        connection.close()

    def close(self):
        self.listener.close()


class UnnotedCase(TruthCase):
    chain_options = {
        **TruthCase.chain_options, "plugins": "notify replication inlay",
        "settings": {"mail_replica": "tcp:replica.invalid",
                     "replication_sync_timeout": 100}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.replicator = Replicator(os.path.join(cls.chain.dovecot.base, REPLICATOR))
        cls.addClassCleanup(cls.replicator.close)

    def setUp(self):
        super().setUp()
        self.put_user()
        self.deliver("friend")

    def given(self):
        """A session that has just put a message in, and stands still: the client; its
        process is self.giver."""
        self.publish()
        self.replicator.to_hold = self.user
        client = self.connect()
        self.giver = self.imap_process()
        client.send(b"S SELECT INBOX\r\n")
        self.held = self.replicator.held.get(timeout=20)
        client.sock.settimeout(120)
        self.assertTrue(self.is_prepared())
        self.assertEqual(self.count(), 2)
        return client

    def goes_on(self, client, count):
        self.replicator.answer(self.held)
        self.assertEqual(self.finish_select(client), count)
        self.end(client)

    def dies(self, client):
        self.log_start = len(self.dovecot.log())
        self.kill(client, self.giver)
        self.held.close()
        wait_until(lambda: "killed with signal 9" in self.dovecot.log()[self.log_start:],
                   "the death in the log")
        self.log_start = len(self.dovecot.log())

    def opened(self, count=2):
        client = self.connect()
        self.assertEqual(client.exists(), count)
        return client

    def sees(self, client):
        wait_until(lambda: client.noop() and len(client.guids()) == 2, "the message")

    def read(self, client):
        self.assertIn(b"Dear Ada", client.fetch_one("(BODY[])", "2"))

    def expunge(self, client):
        client.store("2", "+FLAGS", "\\Deleted")
        client.expunge()

    def move(self, client):
        self.assertEqual(client.xatom("MOVE", "2", "Other")[0], "OK")

    def counted_for_good(self, **wanted):
        """Whoever looks afterwards changes nothing."""
        for _ in range(2):
            self.assertEqual(len(self.look()), 1)
            self.assert_counted(injected=1, **wanted)


class Unnoted:
    """Run for each format."""

    def test_who_had_the_inbox_open_reads_and_expunges_it(self):
        other = self.opened(1)
        giver = self.given()
        self.sees(other)
        self.read(other)
        self.expunge(other)
        self.goes_on(giver, 1)
        self.end(other)
        self.counted_for_good(read=1, expungedRead=1)

    def test_who_opens_it_now_reads_and_expunges_it(self):
        giver = self.given()
        other = self.opened()
        self.read(other)
        self.expunge(other)
        self.goes_on(giver, 1)
        self.end(other)
        self.counted_for_good(read=1, expungedRead=1)

    def test_read_and_moved(self):
        for other in (self.opened(1), None):
            with self.subTest(was_open=other is not None):
                giver = self.given()
                if other is None:
                    other = self.opened()
                self.sees(other)
                self.read(other)
                self.move(other)
                self.goes_on(giver, 1)
                self.end(other)
                self.counted_for_good(read=1, moved=1)
                self.next_user()

    def next_user(self):
        """Another campaign and user for the next turn of a test."""
        self.campaign += "2"
        self.user = "2" + self.user
        self.put_user()
        self.deliver("friend")

    def test_expunged_unread(self):
        giver = self.given()
        other = self.opened()
        self.expunge(other)
        self.goes_on(giver, 1)
        self.end(other)
        self.counted_for_good(expungedUnread=1)

    def test_read_by_one_and_expunged_by_another(self):
        reader = self.opened(1)
        giver = self.given()
        self.sees(reader)
        self.read(reader)
        other = self.opened()
        self.expunge(other)
        self.goes_on(giver, 1)
        self.end(other)
        self.end(reader)
        self.counted_for_good(read=1, expungedRead=1)

    def test_who_expunged_it_has_logged_out_before_it_is_noted(self):
        giver = self.given()
        other = self.opened()
        self.read(other)
        self.expunge(other)
        self.end(other)
        self.settle_one()
        self.goes_on(giver, 1)
        self.counted_for_good(read=1, expungedRead=1)

    def settle_one(self):
        """Until the process of the session that has ended has ended."""
        wait_until(lambda: f"imap({self.user})" in self.dovecot.log() and
                   "Disconnected: Logged out" in self.dovecot.log()[self.log_start:],
                   "the end of the session")

    def test_read_while_it_is_not_noted(self):
        giver = self.given()
        other = self.opened()
        self.read(other)
        self.goes_on(giver, 2)
        self.end(other)
        for _ in range(2):
            self.assertEqual(len(self.look()), 2)
            self.assert_counted(injected=1, read=1)

    def test_it_will_never_be_noted_and_is_read_and_expunged(self):
        self.dies(self.given())
        other = self.opened()
        self.read(other)
        self.expunge(other)
        self.end(other)
        self.counted_for_good(read=1, expungedRead=1)

    def test_nor_is_there_an_agent(self):
        other = self.opened(1)
        giver = self.given()
        self.chain.agent.kill()
        self.dies(giver)
        self.sees(other)
        self.read(other)
        self.expunge(other)
        self.end(other)
        self.chain.start_agent()
        self.counted_for_good(read=1, expungedRead=1)

    def test_nor_one_when_it_is_opened(self):
        giver = self.given()
        self.chain.agent.kill()
        self.dies(giver)
        other = self.opened()
        self.read(other)
        self.move(other)
        self.end(other)
        self.chain.start_agent()
        self.counted_for_good(read=1, moved=1)


class Maildir(Unnoted, UnnotedCase):
    mail = "maildir"


class Sdbox(Unnoted, UnnotedCase):
    mail = "sdbox"


class Mdbox(Unnoted, UnnotedCase):
    mail = "mdbox"


if __name__ == "__main__":
    unittest.main()
