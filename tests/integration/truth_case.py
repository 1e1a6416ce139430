# SPDX-License-Identifier: Apache-2.0
"""The whole chain, for what happens to a mailbox behind everybody's back: backups, lost
files, processes killed in the middle of a save."""
import contextlib
import glob
import os
import re
import shutil
import signal
import subprocess
import time

import ledger_file
from chain_case import ChainCase, wait_until
from plugin_case import Client, plain_message

LOCATIONS = {"maildir": "Maildir", "sdbox": "sdbox/mailboxes/INBOX/dbox-Mails",
             "mdbox": "mdbox/mailboxes/INBOX/dbox-Mails"}


class TruthCase(ChainCase):
    # who finds a lock that a killed process has left looks after it at once
    chain_options = {"extra": "dotlock_use_excl = no\n",
                     "namespaces": "namespace inbox {\n  inbox = yes\n  separator = /\n"
                     "  mailbox Other {\n    auto = create\n  }\n}"}

    def setUp(self):
        super().setUp()
        self.sessions = []  # (user, Dovecot)

    @property
    def dovecot(self):
        return self.chain.dovecot

    def connect(self, user=None, dovecot=None):
        dovecot = dovecot or self.dovecot
        self.sessions.append((user or self.user, dovecot))
        client = Client(dovecot.imap_port, user or self.user)
        self.clients.append(client)
        return client

    def settle(self):
        """Until each session has ended, and MIM knows what it had to tell."""
        for user, dovecot in set(self.sessions):
            told = re.compile(rf"imap\({re.escape(user)}\).*Info: Disconnected")
            begun = self.sessions.count((user, dovecot))
            wait_until(lambda: len(told.findall(dovecot.log())) >= begun,
                       "the end of the sessions")
        wait_until(self.is_told, "an empty spool")

    def is_told(self):
        return not any(agent.spooled() for agent in self.agents())

    def agents(self):
        return [self.chain.agent]

    def end(self, client):
        client.logout()
        self.clients.remove(client)

    def assert_counted(self, but=None, **wanted):
        """Exactly these, when all is told."""
        self.settle()
        self.wait_counted(but=but, **wanted)

    def look(self, user=None, dovecot=None):
        """{GUID: UID} of INBOX after an opening."""
        client = self.connect(user, dovecot)
        count = client.exists()
        found = client.guids()
        self.assertEqual(len(found), count)
        self.end(client)
        return found

    def count(self, mailbox="INBOX"):
        """Messages as doveadm sees them, where the plugin does nothing."""
        out = self.dovecot.doveadm("mailbox", "status", "-u", self.user, "messages",
                                   mailbox)
        return int(out.strip().rsplit("=", 1)[1])

    def deliver(self, *messages, mailbox="INBOX", dovecot=None):
        """Puts messages in as another program would: subjects, or bytes."""
        for message in messages:
            if isinstance(message, str):
                message = plain_message(message)
            subprocess.run(["doveadm", "-c", (dovecot or self.dovecot).config, "save",
                            "-u", self.user, "-m", mailbox], input=message, check=True)

    def doveadm(self, command, *args):
        return self.dovecot.doveadm(*command.split(), "-u", self.user, *args)

    def expunge(self, number="1", client=None):
        client = client or self.connect()
        client.exists()
        client.store(number, "+FLAGS", "\\Deleted")
        client.expunge()
        self.end(client)

    # the files

    @property
    def home(self):
        return self.dovecot.home(self.user)

    @property
    def ledger(self):
        return os.path.join(self.home, LOCATIONS[self.mail], ledger_file.NAME)

    def back_up(self):
        """A copy of all of the user's files; its path."""
        self.settle()
        self.backups = getattr(self, "backups", 0) + 1
        copy = f"{self.home}.backup{self.backups}"
        subprocess.run(["cp", "-a", self.home, copy], check=True)
        return copy

    def restore(self, copy, keep_ledger=False):
        self.settle()
        with open(self.ledger, "rb") as f:
            ledger = f.read()
        shutil.rmtree(self.home)
        subprocess.run(["cp", "-a", copy, self.home], check=True)
        if keep_ledger:
            there = os.path.exists(self.ledger)
            with open(self.ledger, "wb") as f:
                f.write(ledger)
            if not there:
                shutil.chown(self.ledger, os.stat(self.home).st_uid,
                             os.stat(self.home).st_gid)

    def lose(self, pattern):
        """Files of the user that are gone; there must be some."""
        self.settle()
        found = [path for path in glob.glob(self.home + "/**/*", recursive=True)
                 if re.search(pattern, os.path.basename(path)) and os.path.isfile(path)]
        self.assertTrue(found, pattern)
        for path in found:
            os.unlink(path)

    # in the middle of a save

    def imap_process(self):
        """Of the newest login of the test's user."""
        pattern = f"imap-login: Info: Login: user=<{re.escape(self.user)}>.*mpid=(\\d+)"
        count = self.sessions.count((self.user, self.dovecot))
        return int(wait_until(lambda: re.findall(pattern, self.dovecot.log())[count - 1:],
                              "the login is logged")[0])

    def kill(self, client, pid):
        """The session's process is killed, stopped or not."""
        os.kill(pid, signal.SIGKILL)
        while client.readline():  # to the end of the connection
            pass
        client.shutdown()
        self.clients.remove(client)
        self.sessions.remove((self.user, self.dovecot))

    def finish_select(self, client):
        return int(re.search(rb"\* (\d+) EXISTS",
                             b"".join(client.idle_until(b"S OK", 120))).group(1))

    def stopped_in_a_save(self):
        """A session that was sent SELECT and stands still between the ledger's record and
        the commit: (client, pid), in a mailbox that holds a friend's message. Where it
        was quicker, another user takes the test's place; self.quick counts them, who got
        the message, too."""
        users = [f"{n}.{self.user}" for n in range(30)]
        for user in users:
            self.put_user(user)
        self.publish([(user, "Ada") for user in users])
        for self.quick, self.user in enumerate(users):
            self.deliver("friend")
            self.mailbox_is_made()
            client = self.connect()
            pid = self.imap_process()
            client.send(b"S SELECT INBOX\r\n")
            self.wait_for_a_record()
            self.stop_process(pid)
            if self.is_prepared() and self.is_good_moment(pid):
                client.sock.settimeout(120)
                return client, pid
            os.kill(pid, signal.SIGCONT)
            self.finish_select(client)
            self.end(client)
        raise AssertionError("no save could be met in its middle")

    def is_prepared(self):
        return [r.state for r in ledger_file.read(self.ledger)] == [ledger_file.PREPARED]

    def is_good_moment(self, pid):
        """Where there are more conditions."""
        return True

    def mailbox_is_made(self):
        """For who has to do something then."""

    def wait_for_a_record(self):
        end = time.monotonic() + 20
        while time.monotonic() < end:  # in no hurry it would be too late
            with contextlib.suppress(FileNotFoundError):
                if ledger_file.read(self.ledger):
                    return
        raise TimeoutError("nothing is saved")

    def stop_process(self, pid):
        os.kill(pid, signal.SIGSTOP)

        def stands():
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
                return f.read().rsplit(")", 1)[1].split()[0] == "T"
        wait_until(stands, "the process is stopped")
