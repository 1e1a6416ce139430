# SPDX-License-Identifier: Apache-2.0
"""An unread message is put in anew: one EXPUNGE and one EXISTS in one response, never two
copies, whoever dies in the middle."""

import unittest

import ledger_file
from fake_agent import DONE, KNOWN, OPEN_AGAIN, REINJECT, WITHDRAW, encode
from ledger_file import GONE, SAVED
from plugin_case import PluginCase, message, wait_until


class Again(PluginCase):
    """What the tests below share."""

    def injected(self, *friends):
        """After a session in which the old copy was put in above a friend's."""
        self.deliver("friend")
        agent = self.start_agent(message(self, 1, subject="old"))
        client = self.connect()
        self.assertEqual(client.exists(), 2)
        agent.wait_event("injected")
        self.logout(client)
        self.deliver(*friends)
        return agent.messages[0]

    def offer(self, new, old, **more):
        """From now on every OPEN that shows the old copy is answered by a REINJECT,
        until that is told as done."""
        agent = self.agent
        agent.messages.clear()
        agent.known[new.guid] = new.instance

        def decide(fields):
            request = fields["request"]
            there = [p["guid"] for p in fields["present"]]
            answer = encode(KNOWN, request=request,
                            own=[{"guid": g, "instance": agent.known[g]}
                                 for g in there if g in agent.known])
            told = {(e["instance"], e["type"]) for e in agent.events}
            if old.guid in there and (new.instance, "reinjected") not in told:
                answer += new.frame(request, REINJECT, replaces=old.guid, **more)
            # as MIM does: of the copies that are there the newest stays
            for guid in [g for g in agent.known if g in there][:-1]:
                answer += encode(WITHDRAW, guid=guid, cause=3, lazy=1)
            return answer + encode(DONE, request=request, nextCheck=900)
        agent._decide = decide
        return new

    def reopened(self, client):
        """Another session in its place, which has nothing to be told of."""
        self.logout(client)
        client = self.connect()
        client.exists()
        return client

    def guids(self, client):
        return set(client.guids())

    def replaced(self, old, new):
        self.agent.wait_event("reinjected", instance=new.instance, guid=new.guid)
        self.agent.wait_event("gone", instance=old.instance, cause="replaced", seen=0)

    def changes(self, client):
        """Untagged answers to the first NOOP that has any."""
        def some():
            client.untagged_responses.clear()
            client.noop()
            return dict(client.untagged_responses)
        return wait_until(some, "a change")


class Reinjection:
    """Run for each format."""

    def test_a_select_shows_the_new_copy_in_the_place_of_the_old(self):
        old = self.injected("later")
        new = self.offer(message(self, 2, subject="new"), old)
        client = self.connect()
        self.assertEqual(client.exists(), 3)
        found = client.guids()
        self.assertNotIn(old.guid, found)
        self.assertEqual(found[new.guid], max(found.values()))
        self.assertEqual(found[new.guid], 4)
        line = client.fetch_one("(FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])", "3")
        self.assertIn(new.instance.encode(), line)
        self.assertIn(b"$Inlay", line)
        self.assertNotIn(b"\\Seen", line)
        self.replaced(old, new)
        self.logout(client)
        self.assertEqual(self.agent.kinds(), ["injected", "reinjected", "gone"])
        self.assertEqual(self.states(), {old.instance: GONE, new.instance: SAVED})
        # and that was that
        client = self.connect()
        self.assertEqual(client.exists(), 3)
        self.logout(client)
        self.assertEqual(self.agent.kinds(), ["injected", "reinjected", "gone"])
        self.assertEqual(self.count(), 3)

    def test_a_noop_shows_both_in_one_response(self):
        old = self.injected()
        client = self.connect()
        self.assertEqual(client.exists(), 2)
        new = self.offer(message(self, 2), old)
        self.agent.push(encode(OPEN_AGAIN))
        got = self.changes(client)
        self.assertEqual(got["EXPUNGE"], [b"2"])
        self.assertEqual(got["EXISTS"], [b"2"])
        self.assertIn(new.guid, self.guids(client))
        self.replaced(old, new)

    def test_a_session_that_idles_beside_it_sees_both_in_one(self):
        old = self.injected()
        watcher = self.connect()
        self.assertEqual(watcher.exists(), 2)
        watcher.idle()
        new = self.offer(message(self, 2), old)
        client = self.connect()
        self.assertEqual(client.exists(), 2)
        lines = watcher.idle_until(b"EXISTS")
        self.assertEqual([line.strip() for line in lines],
                         [b"* 2 EXPUNGE", b"* 2 EXISTS"])
        watcher.idle_done()
        self.assertIn(new.guid, self.guids(watcher))
        self.replaced(old, new)
        # who watched has nothing of its own to tell
        for session in (watcher, client):
            self.logout(session)
        self.assertEqual(self.agent.kinds(), ["injected", "reinjected", "gone"])

    def refused(self, old, new, cause):
        self.agent.wait_event("refused", instance=new.instance, cause=cause)
        self.assertNotIn("reinjected", self.agent.kinds())

    def test_what_was_read_meanwhile_stays(self):
        old = self.injected()
        new = self.offer(message(self, 2), old)
        held = self.hold_answers(1)
        client = self.connect()
        self.assertEqual(client.exists(), 2)
        self.dovecot.doveadm("flags", "add", "-u", self.user, "\\Seen", "mailbox",
                             "INBOX", "all")
        self.agent.push(held[0])
        wait_until(lambda: client.noop() and "refused" in self.agent.kinds(), "refusal")
        self.refused(old, new, "changed")
        self.assertIn(old.guid, self.guids(self.reopened(client)))
        self.assertEqual(self.count(), 2)

    def test_what_is_gone_meanwhile_does_not_come_back(self):
        old = self.injected()
        new = self.offer(message(self, 2), old)
        held = self.hold_answers(1)
        client = self.connect()
        self.assertEqual(client.exists(), 2)
        self.dovecot.doveadm("expunge", "-u", self.user, "mailbox", "INBOX", "keyword",
                             "$Inlay")
        self.agent.push(held[0])
        wait_until(lambda: client.noop() and "refused" in self.agent.kinds(), "refusal")
        self.refused(old, new, "changed")
        self.assertEqual(self.count(), 1)

    # crashes

    def craft_kill_before_the_expunge(self):
        """Mailbox and ledger as a process leaves them that is killed between the
        commit of the new copy and the expunge of the old one."""
        old = self.injected()
        new = self.agent.add(message(self, 2, subject="new"))
        client = self.connect()
        self.assertEqual(client.exists(), 3)
        uid = client.guids()[old.guid]
        self.logout(client)
        wait_until(lambda: all(r.acked == r.due for r in
                               ledger_file.last(self.ledger()).values()),
                   "all is told, and the session over")
        records = ledger_file.last(self.ledger())
        ledger_file.write(self.ledger(), [
            records[old.instance],
            records[new.instance].prepared(again=1, uid=uid)])
        self.agent.events.clear()
        self.offer(new, old)
        return old, new

    def test_killed_between_save_and_expunge_the_next_look_ends_it(self):
        old, new = self.craft_kill_before_the_expunge()
        client = self.connect()
        self.assertEqual(client.exists(), 2)
        self.assertIn(new.guid, self.guids(client))
        self.assertNotIn(old.guid, self.guids(client))
        self.replaced(old, new)
        self.logout(client)
        self.assertEqual(sorted(self.agent.kinds()), ["gone", "reinjected"])
        self.assertEqual(self.count(), 2)

    def mark_read(self, guid):
        self.dovecot.doveadm("flags", "add", "-u", self.user, "\\Seen", "mailbox",
                             "INBOX", "guid", guid)

    def test_killed_then_the_new_copy_is_read_it_stays(self):
        old, new = self.craft_kill_before_the_expunge()
        self.mark_read(new.guid)
        client = self.connect()
        self.assertEqual(client.exists(), 2)
        self.assertIn(new.guid, self.guids(client))
        self.assertNotIn(old.guid, self.guids(client))
        self.replaced(old, new)
        self.agent.wait_event("read", instance=new.instance)
        self.logout(client)
        self.assertEqual(sorted(self.agent.kinds()), ["gone", "read", "reinjected"])
        self.assertEqual(self.states(), {old.instance: GONE, new.instance: SAVED})
        self.assertEqual(self.count(), 2)

    def test_killed_then_the_new_copy_is_read_and_expunged_without_an_agent(self):
        old, new = self.craft_kill_before_the_expunge()
        self.agent.close()
        self.agent = None
        client = self.connect()
        self.assertEqual(client.exists(), 3)
        uid = str(client.guids()[new.guid])
        client.uid("FETCH", uid, "(BODY[])")
        client.uid("STORE", uid, "+FLAGS", "\\Deleted")
        client.expunge()
        self.logout(client)
        wait_until(lambda: self.states() == {old.instance: SAVED, new.instance: GONE},
                   "it is gone")
        self.assertEqual(self.count(), 2)
        # what MIM says of a copy that was replaced, whatever became of the newer one
        self.start_agent()._decide = lambda fields: encode(
            KNOWN, request=fields["request"],
            own=[{"guid": old.guid, "instance": old.instance}]
        ) + encode(WITHDRAW, guid=old.guid, cause=3, lazy=1) + encode(
            DONE, request=fields["request"], nextCheck=900)
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        self.replaced(old, new)
        self.agent.wait_event("read", instance=new.instance)
        self.agent.wait_event("gone", instance=new.instance, cause="expunged", seen=1)
        self.logout(client)
        self.assertEqual(sorted(self.agent.kinds()),
                         ["gone", "gone", "read", "reinjected"])

    def test_killed_then_the_old_copy_is_read_both_stay(self):
        old, new = self.craft_kill_before_the_expunge()
        # of two copies this agent withdraws none
        self.agent._decide = lambda fields: encode(
            KNOWN, request=fields["request"],
            own=[{"guid": g, "instance": i} for g, i in self.agent.known.items()]
        ) + encode(DONE, request=fields["request"], nextCheck=900)
        self.mark_read(old.guid)
        client = self.connect()
        self.assertEqual(client.exists(), 3)
        self.assertLessEqual({old.guid, new.guid}, self.guids(client))
        self.agent.wait_event("reinjected", instance=new.instance, guid=new.guid)
        self.agent.wait_event("read", instance=old.instance)
        self.logout(client)
        self.assertEqual(sorted(self.agent.kinds()), ["read", "reinjected"])
        self.assertEqual(self.states(), {old.instance: SAVED, new.instance: SAVED})
        self.assertEqual(self.count(), 3)

    def test_a_copy_that_came_back_is_withdrawn_as_replaced(self):
        old = self.injected()
        self.agent.messages.clear()
        client = self.connect()
        self.assertEqual(client.exists(), 2)
        self.agent.push(encode(WITHDRAW, guid=old.guid, cause=3, lazy=1))
        self.agent.wait_event("gone", instance=old.instance, cause="replaced")
        self.assertEqual(client.exists(), 1)


class Kills:
    """Not for mdbox: a kill makes Dovecot build its index anew, of all that was not
    purged, and end the session that finds it so, with or without the plugin."""

    def one_copy(self):
        client = self.connect()
        client.exists()
        there = self.guids(client)
        self.logout(client)
        return there if len(there & set(self.agent.known)) == 1 else None

    def test_kill_9_of_imap_at_any_moment_leaves_one_copy(self):
        old = self.injected()
        copies, offered = [old], {}
        for n in range(self.kills):
            new = self.offer(message(self, n + 2), copies[-1])
            offered[new.guid] = new
            self.killed_in_select(0.008 * n / self.kills)
            # whatever happened, the next session ends it
            there = wait_until(self.one_copy, f"one copy after round {n}")
            # the new one, or one of before of which Dovecot has found the file only now
            for guid in there & offered.keys() - {copies[-1].guid}:
                copies.append(offered[guid])
        self.assertGreater(len(copies), 1)
        told = {e["instance"] for e in self.agent.events if e["type"] == "reinjected"}
        self.assertEqual(told, {m.instance for m in copies[1:]})
        # killed by us, not by itself
        self.log_start = len(self.dovecot.log())


class MaildirReinjection(Reinjection, Kills, Again):
    mail = "maildir"
    kills = 4  # each may leave a dotlock behind, over which Dovecot waits for seconds
    server = {"extra": "dotlock_use_excl = no\n"}


class SdboxReinjection(Reinjection, Kills, Again):
    mail = "sdbox"
    kills = 20

    def test_a_strangers_message_is_never_replaced(self):
        old = self.injected()
        client = self.connect()
        client.exists()
        friend, = self.guids(client) - {old.guid}
        self.logout(client)
        new = self.offer(message(self, 2), old)
        old.guid, mine = friend, old.guid
        real = self.agent._decide
        self.agent._decide = lambda fields: real(
            {**fields, "present": fields["present"] + [{"guid": friend}]})
        client = self.connect()
        self.assertEqual(client.exists(), 2)
        self.refused(old, new, "changed")
        self.assertEqual(self.guids(client), {friend, mine})


class MdboxReinjection(Reinjection, Again):
    mail = "mdbox"


class Lazy(Again):
    """What is replaced is not kept for the user to find."""

    settings = {"lazy_expunge": "Expunged"}
    server = {"namespaces": "namespace inbox {\n  inbox = yes\n"
              "  mailbox Expunged {\n    auto = create\n  }\n}",
              "plugins": "inlay lazy_expunge"}

    def test_no_copy_stays_in_the_lazy_mailbox(self):
        old = self.injected()
        new = self.offer(message(self, 2), old)
        client = self.connect()
        self.assertEqual(client.exists(), 2)
        self.replaced(old, new)
        self.logout(client)
        self.assertEqual(self.count("Expunged"), 0)


if __name__ == "__main__":
    unittest.main()
