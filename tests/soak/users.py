# SPDX-License-Identifier: Apache-2.0
"""The mail users: what their clients do in real sessions, and a record of it, which is
what the comparison at the end goes by.

Two clients never act on one message at a time (they look at it, idle and log in at will),
so of each command that was answered the effect is known. Of one that was not, because the
connection was lost, both outcomes are kept."""
import contextlib
import itertools
import threading
import time

from mail_client import Imap, Lost, Pop3, Refused, Stuck

NO, MAYBE, SURE = "no", "maybe", "sure"


class End:
    """A message was to leave INBOX; sure: the server said that it did."""

    def __init__(self, cause, session):
        self.cause, self.session, self.sure = cause, session, False


class Record:
    """A message of somebody's inbox."""

    def __init__(self, user, key, campaign=None):
        self.user, self.key, self.campaign = user, key, campaign
        self.there = SURE
        self._read, self.read_at = NO, 0
        self.deleted = False  # has, or may have, \\Deleted
        self.ends, self.copied = [], {}
        self.guid = None
        self.busy = False

    @property
    def read(self):
        return self._read

    @read.setter
    def read(self, value):
        if value == SURE and self._read != SURE:
            self.read_at = time.time()
        self._read = value

    @property
    def gone(self):
        return any(e.sure for e in self.ends)

    def __str__(self):
        ends = " ".join(f"{e.cause}({'sure' if e.sure else 'maybe'}, session "
                        f"{e.session.number} {e.session.ended})" for e in self.ends)
        return (f"{self.key} of {self.campaign or 'a friend'}: there {self.there}, read "
                f"{self.read}, deleted {self.deleted}, ends [{ends}], copied by "
                f"{[s.number for s in self.copied]}")


class User:
    def __init__(self, name, report):
        self.name, self.report = name, report
        self.format = name.split("@")[1]
        self.lock = threading.RLock()
        self.quiet = threading.Condition(self.lock)
        self.sessions, self.closed = 0, False
        self.copies, self.mails = {}, {}
        self.lost_flags = False  # its index was deleted, and with it the flags of dbox
        self.last = {}  # mailbox: messages, at the end

    @contextlib.contextmanager
    def session(self):
        """False: nobody may come in now."""
        with self.lock:
            allowed = not self.closed
            self.sessions += allowed
        try:
            yield allowed
        finally:
            with self.lock:
                self.sessions -= allowed
                self.quiet.notify_all()

    @contextlib.contextmanager
    def alone(self):
        """No session of this user while it lasts; False: another one is alone."""
        with self.lock:
            mine = not self.closed
            self.closed = True
            while mine and self.sessions:
                self.quiet.wait()
        try:
            yield mine
        finally:
            if mine:
                with self.lock:
                    self.closed = False

    def seen(self, messages, when):
        """Takes a look in, and says what must not be."""
        with self.lock:
            instances = set()
            for m in messages:
                if m.instance is None:
                    continue
                if m.instance in instances:
                    self.report.wrong("an instance twice in a mailbox", f"{self.name} "
                                      f"{m.instance} {when}")
                instances.add(m.instance)
                r = self.copies.get(m.instance)
                if r is None:
                    r = self.copies[m.instance] = Record(self, m.instance, m.campaign)
                r.guid = r.guid or m.guid
                if m.guid != r.guid:
                    self.report.wrong("another GUID", f"{self.name} {m.instance}: "
                                      f"{m.guid}, was {r.guid} {when}")
                r.deleted |= m.deleted
                if m.seen and not m.deleted:
                    if r.read == NO:
                        self.report.wrong("read by nobody", f"{self.name} {r} {when}")
                    r.read = SURE

    def record(self, message):
        with self.lock:
            if message.instance:
                return self.copies.get(message.instance)
            return self.mails.get(message.foreign)

    @contextlib.contextmanager
    def claim(self, record):
        """True: nobody else does anything to it meanwhile."""
        with self.lock:
            mine = record is not None and not record.busy and not record.gone
            if mine:
                record.busy = True
        try:
            yield mine
        finally:
            if mine:
                record.busy = False


class Session:
    numbers = itertools.count(1)

    def __init__(self, user, protocol):
        self.user, self.protocol = user, protocol
        self.number = next(self.numbers)
        self.port = 0  # the client's
        self.began = self.until = time.time()
        self.ended = "running"
        self.why = ""


class Clients:
    """Threads of mail clients, each with random numbers of its own."""

    def __init__(self, world, report, plan, count):
        self.world, self.report, self.plan = world, report, plan
        self.users = {name: User(name, report) for name in world.users}
        self.sessions, self.done = [], {}
        self.lock = threading.Lock()
        self.ending = threading.Event()
        self.mail_number = itertools.count(1)
        self.threads = [threading.Thread(target=self._run, args=(n,), daemon=True)
                        for n in range(count)]

    def start(self):
        for t in self.threads:
            t.start()

    def finish(self):
        self.ending.set()
        for t in self.threads:
            t.join(300)
            if t.is_alive():
                self.report.wrong("a client does not end", t.name)

    def count(self, what):
        with self.lock:
            self.done[what] = self.done.get(what, 0) + 1

    def _run(self, number):
        rng = self.plan.client(number)
        names = sorted(self.users)
        try:
            while not self.ending.is_set():
                user = self.users[rng.choice(names)]
                with user.session() as allowed:
                    if not allowed:
                        continue
                    self.visit(user, "pop3" if rng.random() < 0.08 else "imap", rng)
                self.ending.wait(rng.uniform(0, 0.2))
        except Exception as e:  # noqa: BLE001
            self.report.wrong("the soak itself failed", repr(e), trace=True)

    def visit(self, user, protocol, rng, steps=None):
        """One session; True if it came to its end."""
        session = Session(user, protocol)
        with self.lock:
            self.sessions.append(session)
        self.count(f"{protocol} sessions")
        try:
            if protocol == "pop3":
                PopVisit(self, session, rng).run()
            else:
                ImapVisit(self, session, rng).run(steps)
            return session.ended != "lost"
        except Lost as e:
            session.ended, session.why = "lost", str(e)
            self.count("connections lost")
        except Stuck as e:
            session.ended, session.why = "stuck", str(e)
        except Refused as e:
            session.ended, session.why = "refused", str(e)
            self.count("commands refused")
        finally:
            session.until = time.time()
        return False


class Visit:
    def __init__(self, clients, session, rng):
        self.clients, self.session, self.rng = clients, session, rng
        self.user, self.report = session.user, clients.report

    def pause(self, most=0.15):
        self.clients.ending.wait(self.rng.uniform(0, most))


class ImapVisit(Visit):
    STEPS = {"read": 6, "expunge": 4, "move": 2, "copy": 1, "append": 3, "noop": 3,
             "idle": 2, "look": 2, "status": 1}

    def run(self, steps=None):
        self.imap = Imap(self.clients.world.dovecot.imap_port, self.user.name,
                         self.session)
        try:
            self.pause(0.05)
            self.imap.select()
            self.look()
            for _ in range(self.rng.randint(0, 8) if steps is None else 0):
                self.pause()
                step = self.rng.choices(list(self.STEPS), self.STEPS.values())[0]
                getattr(self, step)()
                self.clients.count(step)
            for step in steps or ():
                getattr(self, step)()
            if steps is not None or self.rng.random() < 0.7:
                self.imap.logout()
                self.session.ended = "logout"
            else:
                self.session.ended = "dropped"
        finally:
            self.imap.close()

    def look(self):
        self.messages = self.imap.look()
        self.user.seen(self.messages, f"session {self.session.number}")

    def _choose(self, wanted):
        fit = [m for m in self.messages if (r := self.user.record(m)) and
               not r.gone and wanted(r)]
        if not fit:
            return None, None
        message = self.rng.choice(fit)
        return message, self.user.record(message)

    def _say(self, command):
        """The answer; None if the message is gone already, and the server says so."""
        try:
            return b"".join(self.imap.say(command))
        except Refused as e:
            if "EXPUNGEISSUED" in str(e):
                return None
            raise

    def read(self):
        message, r = self._choose(lambda r: not r.deleted)
        with self.user.claim(r) as mine:
            if not mine or r.deleted:
                return
            before = r.read
            if before == NO:
                r.read = MAYBE
            answer = self._say(f"UID FETCH {message.uid} (BODY[])")
            if answer and b"BODY[]" in answer:
                r.read = SURE
            elif before == NO:
                r.read = NO if answer else MAYBE

    def expunge(self):
        message, r = self._choose(lambda r: True)
        with self.user.claim(r) as mine:
            if not mine:
                return
            r.deleted = True
            self._say(f"UID STORE {message.uid} +FLAGS.SILENT (\\Deleted)")
            end = End("expunged", self.session)
            r.ends.append(end)
            self._say(f"UID EXPUNGE {message.uid}")
            end.sure = True

    def move(self):
        message, r = self._choose(lambda r: not r.deleted)
        with self.user.claim(r) as mine:
            if not mine or r.deleted:
                return
            end = End("moved", self.session)
            r.ends.append(end)
            answer = self._say(f"UID MOVE {message.uid} Trash")
            if answer and b"COPYUID" in answer:
                end.sure = True
            elif answer is not None:
                r.ends.remove(end)

    def copy(self):
        message, r = self._choose(lambda r: not r.deleted)
        with self.user.claim(r) as mine:
            if not mine or r.deleted:
                return
            r.copied[self.session] = MAYBE
            answer = self._say(f"UID COPY {message.uid} Archive")
            if answer and b"COPYUID" in answer:
                r.copied[self.session] = SURE

    def append(self):
        with self.user.lock:
            r = Record(self.user, f"{self.session.number}-"
                       f"{next(self.clients.mail_number)}")
            r.there = MAYBE
            self.user.mails[r.key] = r
        self.imap.append(
            f"From: friend@example.org\r\nTo: {self.user.name}\r\nX-Soak: {r.key}\r\n"
            f"Subject: a note\r\n\r\n{'Hello. ' * self.rng.randint(1, 500)}\r\n".encode())
        r.there = SURE

    def noop(self):
        self.imap.say("NOOP")

    def idle(self):
        self.imap.idle(self.rng.uniform(0.1, 2))

    def status(self):
        self.imap.say("STATUS Trash (MESSAGES UNSEEN)")


class PopVisit(Visit):
    def run(self):
        pop = Pop3(self.clients.world.dovecot.pop3_port, self.user.name,
                   self.session)
        try:
            with contextlib.ExitStack() as stack:
                self._fetch(pop, stack)
        finally:
            pop.close()

    def _fetch(self, pop, stack):
        taken, ends = [], []
        for number in range(1, pop.count() + 1):
            if self.rng.random() < 0.6:
                continue
            head = self._text(pop, f"TOP {number} 0")
            r = self._record(head) if head else None
            if r is None or r.deleted or not stack.enter_context(self.user.claim(r)):
                continue
            if r.read == NO:
                r.read = MAYBE
            if self._text(pop, f"RETR {number}") is None:
                continue
            taken.append(r)
            if self.rng.random() < 0.5:
                r.deleted = True
                end = End("expunged", self.session)
                r.ends.append(end)
                ends.append(end)
                pop.say(f"DELE {number}")
        pop.quit()
        self.session.ended = "logout"
        for r in taken:
            r.read = SURE
        for end in ends:
            end.sure = True

    @staticmethod
    def _text(pop, command):
        """None: another session has expunged it."""
        try:
            return pop.text(command)
        except Refused as e:
            if "expunged" in str(e):
                return None
            raise

    def _record(self, head):
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b": ")
            with self.user.lock:
                if name.lower() == b"x-soak":
                    return self.user.mails.get(value.decode())
                if name.lower() == b"x-inlay-instance":
                    # the first that sees a message may be a POP3 client
                    instance = value.decode()[:32]
                    campaign = next((v.decode() for n, _, v in (
                        x.partition(b": ") for x in head.split(b"\r\n"))
                        if n.lower() == b"x-campaign"), None)
                    return self.user.copies.setdefault(
                        instance, Record(self.user, instance, campaign))
        return None
