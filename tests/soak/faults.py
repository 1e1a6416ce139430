# SPDX-License-Identifier: Apache-2.0
"""Carries the plan out: two threads, one for what breaks, one for what the operator
does. Each of its steps leaves things as they were."""
import contextlib
import glob
import os
import random
import signal
import threading
import time

from services.dovecot import wait_until

INBOX = {"sdbox": "sdbox/mailboxes/INBOX/dbox-Mails", "maildir": "maildir"}


class Runner:
    def __init__(self, world, clients, plan, report):
        self.world, self.clients, self.plan, self.report = world, clients, plan, report
        self.rng = random.Random(f"aim {plan.seed}")
        self.stop = threading.Event()
        self.done = {}
        self.springs = 0
        self.began = time.monotonic()
        self.threads = [threading.Thread(target=self._run, args=(steps,), daemon=True)
                        for steps in (plan.faults, plan.orders)]

    def start(self):
        for t in self.threads:
            t.start()

    def finish(self):
        """Waits for the last step."""
        for t in self.threads:
            t.join()

    def _run(self, steps):
        waiting = []
        for step in steps:
            wait = self.began + step.at - time.monotonic()
            # in the order of the plan; if the machine is slow, later
            if wait > 0 and self.stop.wait(wait):
                break
            if self.stop.is_set():
                break
            name = step.what.replace("-", "_")
            job = threading.Thread(target=self._try, args=(getattr(self, name), step),
                                   daemon=True)
            job.start()
            waiting.append(job)
            # kills and stops follow each other, what lasts goes on beside them
            if step.what in ("kill", "freeze", "indexes", "resync"):
                job.join()
        for job in waiting:
            job.join()

    def _try(self, function, step):
        try:
            function(step)
            key = f"{step.what} {step.target}".strip()
            self.done[key] = self.done.get(key, 0) + 1
        except Exception as e:  # noqa: BLE001
            self.report.wrong("the soak itself failed", f"{step}: {e!r}", trace=True)

    # faults

    def kill(self, step):
        if step.target != "imap":
            self.world.kill(step.target, step.seconds)
            return
        while not self._kill_imap(self._session()):
            pass

    def _kill_imap(self, pid):
        """False: it has ended by itself meanwhile."""
        self.world.killed_imap[pid] = time.time()
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            del self.world.killed_imap[pid]
            return False
        self.world.kills["imap"] += 1
        return True

    def _session(self):
        """A process with a session, of those there are; waits for one."""
        return self.rng.choice(wait_until(self.world.imap_processes, "a session", 60))

    def freeze(self, step):
        if step.target != "imap":
            self.world.freeze(step.target, step.seconds)
            return
        pid = self._session()
        try:
            os.kill(pid, signal.SIGSTOP)
            time.sleep(step.seconds)
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass

    def receiver(self, step):
        self.world.points.feel(step.target, step.seconds)

    def fill(self, step):
        """The disk of the agent's spool."""
        if not self.world.mounted:
            return
        file = self.world.spool / "other"
        try:
            with open(file, "wb", buffering=0) as f:
                while f.write(bytes(1 << 16)):
                    pass
        except OSError:
            pass
        time.sleep(step.seconds)
        file.unlink(missing_ok=True)

    def indexes(self, step):
        """All index files of INBOX go, between two sessions. The one before says
        what it has seen: what only the index knew is lost with it."""
        with self._alone(step.target) as user:
            if user is None:
                return
            user.lost_flags = True
            home = self.world.dovecot.home(user.name)
            box = INBOX[step.target]
            for path in glob.glob(f"{home}/{box}/dovecot.index*"):
                os.unlink(path)
            self.world.dovecot.doveadm("force-resync", "-u", user.name, "INBOX")

    def resync(self, step):
        with self._alone(step.target) as user:
            if user is not None:
                self.world.dovecot.doveadm("force-resync", "-u", user.name, "INBOX")

    @contextlib.contextmanager
    def _alone(self, format):
        """A user without sessions, of whom everything is told; None: it cannot be."""
        users = [u for u in self.clients.users.values() if u.format == format]
        user = self.rng.choice(users)
        with user.alone() as mine:
            if mine:
                mine = any(self.clients.visit(user, "imap", self.rng, ("noop",))
                           for _ in range(3))
            if mine and format == "mdbox":
                # what was expunged and not purged comes back when an index is made anew
                self.world.dovecot.doveadm("purge", "-u", user.name)
            yield user if mine else None

    # orders

    def version(self, step):
        self.world.publish(step.target)

    def pause(self, step):
        self.world.order(step.target, "pause")
        time.sleep(step.seconds)
        self.world.order(step.target, "resume")

    def spring(self, step):
        self.springs += 1
        name = f"spring{self.springs}"
        self.world.springs[name] = False
        self.world.publish(name, repeat={"max": 1})
        time.sleep(step.seconds)
        self.world.recall(name)

    def revoke(self, step):
        user = self.rng.choice(self.world.users)
        self.world.revoke(user, step.target)
        time.sleep(step.seconds)
        self.world.grant(user)

    def kill_switch(self, step):
        self.world.api("POST", "/pause", {"scope": step.target})
        time.sleep(step.seconds)
        self.world.api("POST", "/resume", {"scope": step.target})
