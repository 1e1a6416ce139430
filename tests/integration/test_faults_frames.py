# SPDX-License-Identifier: Apache-2.0
"""The socket between plugin and agent is closed at each byte of each frame, in either
direction: the session goes on, nothing comes twice, nothing that was confirmed is lost,
and the next session ends what was begun."""
import unittest
import unittest.mock

import fake_agent as wire
from agent_case import AgentCase, Plugin
from fault_case import FULL, FaultCase, rounds, some, wait_until
from plugin_case import PluginCase, message
from scripted_mim import inject
from services.cutter import Cutter


def accepted(path):
    """How many connections there are at the other end of a unix socket (proc(5)):
    each bears its name, and is connected (state 03)."""
    with open("/proc/net/unix", encoding="utf-8") as f:
        rows = [line.split() for line in f]
    return sum(row[5] == "03" and row[-1] == str(path) for row in rows[1:])


class ToThePlugin(PluginCase):
    """All frames that an agent sends, from a scripted one that ends each connection
    after so many bytes; with the real plugin in a real Dovecot."""

    mail = "sdbox"

    def decide(self, fields):
        """One is put in, one in the place of another, one is withdrawn; each until it
        is told as done."""
        agent, request = self.agent, fields["request"]
        there = {p["guid"] for p in fields["present"]}
        told = {(e["instance"], e["type"]) for e in agent.events}
        answer = wire.encode(wire.KNOWN, request=request, own=[
            {"guid": g, "instance": agent.known[g]} for g in there if g in agent.known])
        if not self.prepared:
            for m in self.old, self.recalled:
                answer += m.frame(request)
            return answer + agent.done(request)
        if (self.new.instance, "injected") not in told:
            answer += self.new.frame(request)
        if (self.again.instance, "reinjected") not in told and self.old.guid in there:
            answer += self.again.frame(request, wire.REINJECT, replaces=self.old.guid)
        elif self.old.guid in there and self.again.guid in there:
            answer += wire.encode(wire.WITHDRAW, guid=self.old.guid, cause=3, lazy=1)
        if self.recalled.guid in there:
            answer += wire.encode(wire.WITHDRAW, guid=self.recalled.guid, cause=1, lazy=1)
        return answer + agent.done(request)

    def prepare(self, number):
        """A user whose mailbox holds what is to be replaced and what is recalled."""
        self.user = f"cut{number}"
        self.prepared = False
        self.old, self.recalled, self.new, self.again = [
            message(self, f"{number}-{i}") for i in range(4)]
        self.agent.known = {m.guid: m.instance for m in (
            self.old, self.recalled, self.new, self.again)}
        self.agent.events.clear()
        self.agent.budget = None
        client = self.connect()
        self.assertEqual(client.exists(), 2)
        self.agent.wait_event("injected", 2)
        self.logout(client)
        self.prepared = True

    def session(self):
        """Opens, and does what a client does; the GUIDs."""
        client = self.connect()
        client.exists()
        client.noop()
        guids = list(client.guids())
        client.noop()
        self.logout(client)
        return guids

    def ended(self):
        guids = self.session()
        return guids if set(guids) == {self.new.guid, self.again.guid} else None

    def all_is_told(self, agent):
        return {(self.new.instance, "injected"), (self.again.instance, "reinjected"),
                (self.recalled.instance, "gone")} <= {
                    (e["instance"], e["type"]) for e in agent.events}

    def test_cut_at_any_byte_the_session_goes_on_and_the_next_one_ends_it(self):
        self.start_agent()
        self.agent._decide = self.decide
        self.prepare("whole")
        sent = []
        connection_send = wire.Connection.send
        with unittest.mock.patch.object(
                wire.Connection, "send",
                lambda c, data: (sent.append(len(data)), connection_send(c, data))):
            self.session()
        total = sum(sent)
        self.assertGreater(total, 1500)
        for cut in some(range(1, total + 1), rounds(20, total)):
            with self.subTest(cut=cut):
                self.prepare(cut)
                self.agent.budget = cut
                guids = self.session()
                self.assertEqual(len(guids), len(set(guids)))
                self.assertLessEqual(set(guids), set(self.agent.known))
                self.agent.budget = None
                guids = wait_until(self.ended, "the end of what was begun")
                self.assertEqual(len(guids), 2)
                self.agent.wait(self.all_is_told, "the events")
                self.assertNotIn("uncertain", self.agent.kinds())


class ToTheAgent(AgentCase):
    """All frames that a plugin sends, and the real agent."""

    def frames(self, number):
        instance, guid = wire.ids(f"{number}")
        present = [{"guid": guid, "uid": 2, "seen": 1, "newer": 4, "proof": "x; y"}]
        return [
            wire.encode(wire.HELLO, tenant="default", user="anna@example.org",
                        protocol="imap", address="anna@example.org"),
            wire.encode(wire.OPEN, request=1, uidValidity=17, uidNext=3, complete=1,
                        present=present),
            wire.encode(wire.EVENT, number=1, instance=instance, guid=guid, type=1,
                        seen=0, time=1_777_622_400_000),
            wire.encode(wire.EVENT, number=2, instance=instance, guid=guid, type=4,
                        cause=1, seen=1, time=1_777_622_400_001)]

    def test_cut_at_any_byte_what_came_whole_is_told_once_and_no_more(self):
        self.mim.actions = [inject("m1", self.give_template())]
        whole = self.frames("x")
        ends = [sum(map(len, whole[:i + 1])) for i in range(len(whole))]
        want = set()
        for cut in range(ends[-1] + 1):
            p = Plugin(self.agent.socket)
            p.sock.sendall(b"".join(self.frames(cut))[:cut])
            if cut >= ends[2]:
                want.add((wire.ids(f"{cut}")[0], "injected"))
            if cut >= ends[3]:
                want.add((wire.ids(f"{cut}")[0], "gone"))
            p.close()
        self.mim.wait(lambda: set(self.mim.delivered()) >= want, "the events")
        self.assertEqual(sorted(self.mim.delivered()), sorted(want))
        wait_until(lambda: accepted(self.agent.socket) == 0, "all connections are closed")
        p = self.greeted()
        self.assertEqual(accepted(self.agent.socket), 1)
        p.open()
        self.assertEqual([f[0] for f in p.read_answer()],
                         [wire.KNOWN, wire.INJECT, wire.DONE])


class BothWays(FaultCase):
    """The whole chain, with a socket in between that is cut."""

    chain_options = {"settings": {"inlay_deadline": 2000},
                     # the socket's own end is root's
                     "agent_settings": {"inlay.trusted-uids": "mail,root"}}

    @classmethod
    def prepare(cls):
        path = cls.chain.folder / "cut.sock"
        cls.chain.dovecot.settings["inlay_socket"] = path
        cls.cutter = Cutter(path, cls.chain.socket)
        cls.addClassCleanup(cls.cutter.close)

    def session(self, user):
        """Opens and reads what is there; how many that is."""
        client = self.connect(user)
        count = client.exists()
        client.noop()
        if count:
            client.fetch("1", "(BODY[])")
        client.noop()
        client.logout()
        return count

    def test_cut_anywhere_nothing_comes_twice_and_counts_are_those_of_the_mailboxes(self):
        first, = self.put_users(1)
        self.publish_for_everyone()
        at = len(self.cutter.passed)
        self.assertEqual(self.session(first), 1)
        up, down = self.cutter.wait_passed(at)
        cuts = [*[(n, None) for n in some(range(1, up), rounds(12, 400))],
                *[(None, n) for n in some(range(1, down), rounds(12, 400))]]
        users = [self.name(1 + i) for i in range(len(cuts))]
        for user, (self.cutter.up, self.cutter.down) in zip(users, cuts):
            self.put_user(user)
            with self.subTest(up=self.cutter.up, down=self.cutter.down):
                self.assertIn(self.session(user), (0, 1))
        self.cutter.up = self.cutter.down = None
        there = []
        for user in users:
            # what the plugin did not get lapses after a minute
            if FULL:
                wait_until(lambda: self.session(user) == 1, "one copy", 120)
            if self.session(user) == 1:
                there.append(user)
            self.assertLessEqual(self.count(user), 1)
        self.assertGreater(len(there), 0)
        n = 1 + len(there)
        self.wait_counted(but="refused", injected=n, read=n)
        self.assert_no_error_of_ours()


if __name__ == "__main__":
    unittest.main()
