# SPDX-License-Identifier: Apache-2.0
"""What the tests of faults share: how often a fault is made, disks that fill up, and
the whole chain with what may be asked of it afterwards.

FAULT_ROUNDS=full (make test-faults) makes each fault at every place it may have;
without it each is made a few times: that is what `make test` has time for."""
import os
import random
import subprocess

from chain_case import ChainCase, template, wait_until
from plugin_case import plain_message

FULL = os.environ.get("FAULT_ROUNDS") == "full"


def rounds(few, many):
    return many if FULL else few


def some(items, few):
    """All of them, or a few: the first, the last, and others at random."""
    items = list(items)
    if FULL or len(items) <= few:
        return items
    return [items[0], *sorted(random.sample(items[1:-1], few - 2)), items[-1]]


def full_only(test):
    """A test of which `make test` has the like."""
    return test if FULL else None


class Disk:
    """A file system of its own at a folder, small enough to be filled. Only root may
    mount one, as in the machines that the tests are for."""

    def __init__(self, folder, size="16m", owner=None):
        self.folder = str(folder)
        os.makedirs(self.folder, exist_ok=True)
        st = os.stat(self.folder)
        subprocess.run(["mount", "-t", "tmpfs", "-o",
                        f"size={size},mode={st.st_mode & 0o7777:o},uid={st.st_uid},"
                        f"gid={st.st_gid}", "inlay-test", self.folder], check=True)
        self.ballast = os.path.join(self.folder, ".ballast")

    def fill(self):
        """Not a byte is free afterwards."""
        with open(self.ballast, "ab", buffering=0) as f:
            for piece in 65536, 4096, 1:
                try:
                    while f.write(b"x" * piece):
                        pass
                except OSError:
                    pass
        st = os.statvfs(self.folder)
        assert st.f_bavail == 0, st

    def free(self):
        if os.path.exists(self.ballast):
            os.unlink(self.ballast)

    def set_read_only(self, on):
        subprocess.run(["mount", "-o", f"remount,{'ro' if on else 'rw'}", self.folder],
                       check=True)

    def close(self):
        subprocess.run(["umount", "-l", self.folder], check=True)


class FaultCase(ChainCase):
    """The whole chain; a campaign for everyone of this test."""

    chain_options = {"settings": {"inlay_deadline": 2000}}

    def name(self, n):
        return f"u{n}.{self.user}"

    def put_users(self, count):
        users = [self.name(i) for i in range(count)]
        for user in users:
            self.put_user(user)
        return users

    def publish_for(self, users, **fields):
        return self.publish([(user, "Ada") for user in users], **fields)

    def publish_for_everyone(self, **fields):
        """Those who are put later get it, too."""
        return self.publish(templates=template(defaults={"name": "you", "offer": "it"}),
                            audience={"from": "everyone"}, **fields)

    def count(self, user=None):
        """Messages in INBOX as doveadm sees them, where the plugin does nothing."""
        told = self.chain.dovecot.doveadm("mailbox", "status", "-u", user or self.user,
                                          "messages", "INBOX")
        return int(told.strip().rsplit("=", 1)[1])

    def wait_opens(self, want=1, user=None, limit=40):
        wait_until(lambda: self.open(user) == want, f"{want} in INBOX", limit)

    def deliver(self, *users):
        """A private message for each, put in as another program would."""
        for user in users:
            subprocess.run(["doveadm", "-c", self.chain.dovecot.config, "save", "-u",
                            user], input=plain_message("friend"), check=True)

    def log(self):
        return self.chain.dovecot.log()[self.log_start:]

    def health(self):
        """{name of a check: (status, message)}"""
        _, told = self.mimd.call("GET", "/health/ready")
        return {c["name"]: (c["status"], c.get("message", "")) for c in told["checks"]}

    def assert_no_error_of_ours(self, but=()):
        """In Dovecot's log, except lines that hold one of these."""
        ours = [line for line in self.log().splitlines()
                if "Error: inlay" in line and not any(b in line for b in but)]
        self.assertEqual(ours, [])


__all__ = ["Disk", "FULL", "FaultCase", "full_only", "plain_message",
           "rounds", "some", "wait_until"]
