# SPDX-License-Identifier: Apache-2.0
"""The comparison at the end: what the mail clients did and what lies in the mailboxes,
against what the middleware knows, counts and has delivered.

What is allowed to be one of two things, and why:
- Of a command whose connection was lost, whether it was done. While the message is
  there, its flags say so.
- The cause, when the process that expunged or moved a message was killed before it told
  of it: others see only that it is gone, which counts as expunged.
- A message that was copied and then expunged counts as moved, unless it was so new that
  the session which copied it had not been told whose it is.
- A message that may be taken back, or be replaced by a reinjection, may go before a
  client acts on it, in the moment between two commands.
- A message whose writer was killed before it could confirm it, and which a client
  expunged or moved before a session with an agent looked: nothing is left that shows that
  it was there, so it is closed as uncertain and counts as nothing.
- An instance that no client ever saw: it was put in and taken back between two looks, or
  handed out and never put in. It must not lie in a mailbox, nor count as read."""
import collections
import datetime
import re
import time

from users import MAYBE, NO, SURE
from world import EVENTS, events_of, signature_of

# What Dovecot says, and then ends the session or refuses the command, when it meets what
# a killed writer has left: of sdbox a file that is in no index, of mdbox a map that is
# older than the files. It does so with or without the plugin.
MENDS = "(already exists, rebuilding index|reset, view is now inconsistent)"
# Seconds: what was read stays, but the word of it may be on its way while the message is
# being taken back.
GRACE = 2
ENDS = ("expungedRead", "expungedUnread", "moved", "recalled", "expired")


def _time(text):
    """Of a line of Dovecot's log; it has no year."""
    return time.mktime(time.strptime(f"{time.localtime().tm_year} {text}",
                                     "%Y %b %d %H:%M:%S"))


def _moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Comparison:
    def __init__(self, world, clients, report, final=True):
        self.world, self.clients, self.report = world, clients, report
        self.final = final  # the minute in which causes become final was waited for
        self.figures = collections.Counter()
        self.totals = collections.defaultdict(collections.Counter)

    def run(self):
        self.delivered = self._deliveries()
        # of whom a process was killed
        self.harmed = set(re.findall(r"(?:imap|pop3)\((\S+)\)<.* killed with signal 9",
                                     self.world.dovecot.log()))
        for user in self.clients.users.values():
            self._user(user)
        self._statistics()
        self._points()
        self._sessions()

    def wrong(self, what, user, record, expected, found):
        self.report.wrong(what, f"{user.name if user else '-'} {record}\n"
                          f"      expected {expected}, found {found}")

    # what came in at the receiver: {event: {instance: id}}

    def _deliveries(self):
        ids, found = {}, {point: {} for point in self.world.points.names()}
        for request in self.world.points.receiver.taken():
            point = request["path"].strip("/").split("?")[0]
            if not point.endswith("-get"):
                given = request["headers"].get("webhook-signature")
                if given != signature_of(request):
                    self.wrong("a wrong signature", None, point, signature_of(request),
                               given)
            if request.get("status") != 200:
                continue
            for event in events_of(request):
                self.figures["deliveries"] += 1
                key = (point, event["instanceId"])
                if ids.setdefault(event["id"], key) != key:
                    self.wrong("one id for two events", None, event["id"], key,
                               ids[event["id"]])
                known = found[point].setdefault(event["instanceId"], event["id"])
                if known != event["id"]:
                    self.wrong("one event under two ids", None, key, known, event["id"])
                if event["eventType"] != point.removesuffix("-get"):
                    self.wrong("an event at another's point", None, key,
                               point, event["eventType"])
        for event in EVENTS:
            if found[event].keys() != found[f"{event}-get"].keys():
                self.wrong("two points of one event type differ", None, event,
                           sorted(found[event].keys() ^ found[f"{event}-get"].keys()),
                           "nothing")
        return found

    # one user

    def _user(self, user):
        export = self.world.api("GET", f"/users/{user.name}/export")
        known = {i["instance"]: i for i in export["instances"]}
        inbox = {}
        for m in user.last["INBOX"]:
            if m.instance:
                inbox[m.instance] = m
        for instance, r in user.copies.items():
            if instance not in known:
                self.wrong("mimd does not know an instance", user, r, "it", "nothing")
        for instance, i in known.items():
            r = user.copies.get(instance)
            if r is None:
                self._unseen(user, i)
            elif instance in inbox:
                self._there(user, r, i, inbox[instance])
            else:
                self._gone(user, r, i, known)
            self._counted(user, r, i)
        self._chains(user, known, inbox)
        self._mails(user)

    def _unseen(self, user, i):
        self.figures["instances that nobody saw"] += 1
        if "injectedAt" not in i:
            allowed = i["state"] in ("pending", "lapsed", "refused", "uncertain")
        else:
            allowed = i["state"] == "recalled" or i.get("cause") in ("replaced",)
        if not allowed:
            self.wrong("counted, and no client ever saw it", user,
                       i["instance"], "taken back, or never injected", i)
        if "readAt" in i:
            self.wrong("read, and no client ever saw it", user, i["instance"], "unread", i)

    def _there(self, user, r, i, message):
        self.figures["instances in mailboxes"] += 1
        if r.gone:
            self.wrong("it came back", user, r, "gone", f"UID {message.uid}, {i}")
        if i["state"] not in ("unread", "read"):
            self.wrong("another state", user, r, "in the mailbox", i)
        self._may_stay(user, r, i)
        if r.read == MAYBE and not user.lost_flags:
            r.read = SURE if message.seen and not message.deleted else r.read
            # a flag that is not there now was never set
            r.read = NO if not message.seen and not message.deleted else r.read
        if not message.seen and not message.deleted and r.read == SURE and \
                not user.lost_flags:
            self.wrong("the mailbox has lost a flag", user, r, "\\Seen", "none")
        self._read(user, r, i)

    def _read(self, user, r, i):
        read = "readAt" in i
        if r.read == MAYBE:
            self.figures["outcome open: read"] += 1
        elif read != (r.read == SURE):
            self.wrong("reads differ", user, r, r.read, i)

    def _may_stay(self, user, r, i):
        """Unread copies of what was recalled, of who has no consent, are taken back."""
        if i["state"] != "unread" or r.campaign == "alert":
            return
        if self.world.springs.get(r.campaign) or not self.world.consent[user.name]:
            self.wrong("it was to be taken back", user, r, "gone", i)

    def _gone(self, user, r, i, known):
        self.figures["instances that left"] += 1
        cause = {"recalled": "recalled", "expired": "expired"}.get(
            i["state"], i.get("cause") if i["state"] == "gone" else i["state"])
        if cause == "unknown":
            cause = "expunged"
        if cause == "uncertain" and r.ends and user.name in self.harmed and \
                "injectedAt" not in i:
            self.figures["uncertain: ended before anybody could confirm it"] += 1
            return
        allowed = self._causes(user, r, known)
        if cause not in allowed:
            self.wrong("it left in another way", user, r,
                       " or ".join(sorted(allowed)) or "in the mailbox", i)
        if cause in ("recalled", "replaced") and r.read == SURE:
            late = _moment(i["endedAt"]) - r.read_at
            if late > GRACE:
                self.wrong("taken back though it was read", user, r,
                           "in the mailbox", f"{late:.3f} s later {i}")
            self.figures["read in the moment in which it was taken back"] += 1
        else:
            self._read(user, r, i)

    def _causes(self, user, r, known):
        causes = set()
        for end in r.ends:
            copied = r.copied.get(end.session, NO)
            if end.cause == "moved" or copied != NO:
                causes.add("moved")
            if end.cause == "expunged":
                causes.add("expunged")
            if end.session.ended != "logout" or not end.sure:
                causes.add("expunged")
        # also before a client acted on it, whose view of the mailbox was older
        if r.campaign in self.world.springs or (
                user.name in self.world.withdrawn and r.campaign != "alert"):
            causes.add("recalled")
        if r.campaign in ("again", "top") and any(
                o["campaign"] == r.campaign and o["instance"] != r.key and
                o["instance"] in self.delivered["reinjected"] for o in known.values()):
            causes.add("replaced")
        return causes

    def _counted(self, user, r, i):
        """Events at the receiver and counts, of what mimd says of the instance."""
        instance = i["instance"]
        kinds = [e for e in EVENTS if instance in self.delivered[e]]
        begins = [k for k in kinds if k in ("injected", "reinjected")]
        if len(begins) != ("injectedAt" in i):
            self.wrong("deliveries differ", user, r or instance,
                       "injectedAt" in i and "injected or reinjected" or "none", kinds)
        if "reinjected" in begins and i["campaign"] not in ("again", "top"):
            self.wrong("reinjected without a rule", user, r or instance, "injected", i)
        if ("read" in kinds) != ("readAt" in i):
            self.wrong("deliveries differ", user, r or instance,
                       "read" if "readAt" in i else "not read", kinds)
        cause = i.get("cause")
        expunged = i["state"] == "gone" and cause in ("expunged", "unknown")
        if ("expunged" in kinds) != expunged and (self.final or cause != "unknown"):
            self.wrong("deliveries differ", user, r or instance,
                       "expunged" if expunged else "not expunged", f"{kinds}, {i}")
        total = self.totals[i["campaign"]]
        for kind in begins:
            total[kind] += 1
        total["read"] += "readAt" in i
        if expunged:
            total["expungedRead" if "readAt" in i else "expungedUnread"] += 1
        elif i["state"] == "gone" and cause == "moved":
            total["moved"] += 1
        elif i["state"] in ("recalled", "expired"):
            total[i["state"]] += 1

    def _chains(self, user, known, inbox):
        unread = collections.Counter(
            i["campaign"] for i in known.values()
            if i["instance"] in inbox and "readAt" not in i)
        for campaign, n in unread.items():
            if n > 1 and not user.lost_flags:
                self.wrong("a message twice in a mailbox", user, campaign,
                           "one unread copy", n)
        begun = collections.Counter(
            i["campaign"] for i in known.values()
            if i["instance"] in self.delivered["injected"])
        for campaign, n in begun.items():
            if n > self.world.repeats[campaign]:
                self.wrong("injected too often", user, campaign,
                           self.world.repeats[campaign], n)

    def _mails(self, user):
        """What friends have sent is where the user has put it."""
        inbox = collections.Counter(m.foreign for m in user.last["INBOX"] if m.foreign)
        trash = {m.foreign for m in user.last["Trash"]}
        for key, r in user.mails.items():
            n = inbox.pop(key, 0)
            self.figures["mails of friends"] += 1
            if r.gone:
                allowed = (0,)
            elif r.ends or r.there == MAYBE:
                allowed = (0, 1)
            else:
                allowed = (1,)
            if n not in allowed:
                self.wrong("a friend's mail", user, r, f"{allowed} times", n)
            if any(e.sure and e.cause == "moved" for e in r.ends) and key not in trash:
                self.wrong("a friend's mail is not where it was moved to", user, r,
                           "in Trash", "not there")
        for key in inbox:
            self.wrong("a mail that nobody sent", user, key, "nothing", "it")

    # counts

    def _statistics(self):
        for campaign in self.world.versions:
            got = self.world.api("GET", f"/campaigns/{campaign}/statistics")["totals"]
            counts = {k: v["count"] for k, v in got.items()}
            want = self.totals[campaign]
            pending = counts["gonePending"]
            if pending and self.final:
                self.wrong("a cause does not become final", None, campaign, 0, pending)
            expunged = counts["expungedRead"] + counts["expungedUnread"]
            for name in ("injected", "reinjected", "read", *ENDS):
                self.figures[f"counted: {name}"] += counts[name]
                if pending and name.startswith("expunged"):
                    continue
                if counts[name] != want[name]:
                    self.wrong("counts differ", None, f"{campaign} {name}", want[name],
                               counts[name])
            if expunged + pending != want["expungedRead"] + want["expungedUnread"]:
                self.wrong("counts differ", None, f"{campaign} expunged",
                           want["expungedRead"] + want["expungedUnread"],
                           f"{expunged} and {pending} pending")
            self.figures["closed as uncertain"] += counts["uncertain"]
            self.figures["refused by a mailbox"] += counts["refused"]

    def _points(self):
        for name in self.world.points.names():
            status = self.world.api("GET", f"/conversionPoints/{name}/status")
            distinct = len(self.delivered[name])
            self.figures["events delivered"] += distinct
            if (status["sent"], status["waiting"], status["dead"]) != (distinct, 0, 0):
                self.wrong("a conversion point's own count", None, name,
                           f"{distinct} sent, none waiting or dead", status)

    # sessions

    def _sessions(self):
        """Connections are lost where the soak killed the process, and nowhere else; and
        nothing is refused but for what Dovecot itself has to mend after such a kill."""
        log = self.world.dovecot.log()
        logins = collections.defaultdict(list)
        for when, user, pid, port in re.findall(
                r"(?m)^(.{15}) \S+-login: Info: Login: user=<(\S+)>.* mpid=(\d+),? "
                r"rport=<(\d+)>", log):
            logins[user, int(port)].append((_time(when), int(pid)))
        killed = self.world.killed_imap
        # a process may be killed before its login is logged
        early = [t for pid, t in killed.items()
                 if not any(pid == p for found in logins.values() for _, p in found)]
        for session in self.clients.sessions:
            pid = next((p for t, p in logins[session.user.name, session.port]
                        if session.began - 2 <= t <= session.until + 2), None)
            was_killed = pid in killed if pid else any(
                session.began - 1 <= t <= session.until + 1 for t in early)
            user = re.escape(session.user.name)
            mends = session.user.name in self.harmed and re.search(
                rf"\({user}\)<{pid}>.*Error: .*{MENDS}", log)
            if session.ended in ("logout", "dropped") or (
                    session.ended == "lost" and was_killed):
                self.figures[f"sessions: {session.ended}"] += 1
                continue
            if session.ended in ("lost", "refused") and mends:
                self.figures[f"sessions: {session.ended}, as Dovecot mends"] += 1
                continue
            self.wrong(f"a session that ended as {session.ended}", session.user,
                       f"session {session.number} process {pid}", "none such",
                       session.why)
        for line in log.splitlines():
            if re.search(r"Panic|Fatal|assertion|killed with signal", line):
                pid = re.search(r"pid=(\d+)|child (\d+)", line)
                pid = int(pid.group(1) or pid.group(2)) if pid else 0
                if not ("signal 9" in line and pid in killed):
                    self.wrong("in Dovecot's log", None, "-", "nothing", line)
            elif re.search(r"(Error|Warning): .*inlay", line):
                self.figures["errors and warnings of the plugin"] += 1
                self.report.remark(line)
        for name, text in (("mimd", self.world.mimd.log()),
                           ("agent", self.world.agent.log_text())):
            for line in text.splitlines():
                if re.search(r"Sanitizer|runtime error|[Aa]ssertion|abort", line):
                    self.wrong(f"in the log of {name}", None, "-", "nothing", line)
                elif " ERROR " in line:
                    self.figures[f"errors logged by {name}"] += 1
                    self.report.remark(f"{name}: {line}")
