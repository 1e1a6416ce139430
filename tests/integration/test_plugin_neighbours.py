# SPDX-License-Identifier: Apache-2.0
"""Beside other plugins, and at all the moments when nothing must happen."""

import os
import subprocess
import unittest

from fake_agent import WITHDRAW, encode
from plugin_case import PluginCase, message, plain_message, wait_until


class Quiet(PluginCase):
    """Synchronisations of INBOX that nobody asked for."""

    mail = "sdbox"
    server = {
        "plugins": "inlay quota virtual",
        "imap_plugins": "imap_quota",
        "namespaces": """
namespace inbox {
  inbox = yes
  separator = /
  mailbox Old {
    auto = create
    autoexpunge = 1d
  }
  mailbox INBOX {
    autoexpunge = 3650d
  }
  mailbox Sent {
    auto = create
  }
}
namespace virtual {
  prefix = virtual/
  separator = /
  location = virtual:%DIR%/virtual:INDEX=~/virtual
}
"""}
    settings = {"quota": "count:User quota", "quota_rule": "*:storage=200M",
                "quota_vsizes": "yes"}

    @classmethod
    def setUpClass(cls):
        import tempfile
        cls.virtual = tempfile.mkdtemp(prefix="inlay-v-")
        os.makedirs(cls.virtual + "/virtual/all")
        with open(cls.virtual + "/virtual/all/dovecot-virtual", "w") as f:
            f.write("INBOX\nSent\n  all\n")
        subprocess.run(["chmod", "-R", "a+rwX", cls.virtual], check=True)
        cls.server = {**cls.server, "namespaces":
                      cls.server["namespaces"].replace("%DIR%", cls.virtual)}
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        import shutil
        shutil.rmtree(cls.virtual)

    def nothing_was_put_in(self, inbox=0):
        self.assertEqual(self.agent.opens, [])
        self.assertEqual(self.agent.events, [])
        self.assertEqual(self.count(), inbox)

    def test_append_to_another_folder_with_counted_quota(self):
        self.deliver("friend")  # else both sides would make the INBOX
        self.start_agent(message(self))
        client = self.connect()
        status, data = client.append("Sent", None, None, plain_message("sent"))
        self.assertEqual(status, "OK", data)
        self.logout(client)
        self.nothing_was_put_in(inbox=1)

    def test_quota_questions(self):
        self.deliver("friend")  # else both sides would make the INBOX
        self.start_agent(message(self))
        client = self.connect()
        status, _ = client.getquotaroot("INBOX")
        self.assertEqual(status, "OK")
        self.logout(client)
        self.nothing_was_put_in(inbox=1)

    def test_status_and_list(self):
        self.start_agent(message(self))
        client = self.connect()
        client.status("INBOX", "(MESSAGES UNSEEN UIDNEXT)")
        client.list()
        client.xatom("LIST", '""', '"*"', "RETURN", "(STATUS (MESSAGES))")
        self.logout(client)
        self.nothing_was_put_in()

    def test_examine(self):
        self.start_agent(message(self))
        client = self.connect()
        self.assertEqual(client.exists(readonly=True), 0)
        client.noop()
        client.idle()
        client.idle_done()
        self.logout(client)
        self.nothing_was_put_in()

    def test_select_and_noop_in_another_folder(self):
        self.start_agent(message(self))
        client = self.connect()
        client.exists("Sent")
        client.noop()
        client.append("Sent", None, None, plain_message("sent"))
        client.copy("1", "INBOX")
        client.noop()
        client.close()
        self.logout(client)
        self.nothing_was_put_in(inbox=1)

    def test_append_and_copy_into_inbox_from_elsewhere(self):
        self.start_agent(message(self))
        client = self.connect()
        client.append("INBOX", None, None, plain_message("one"))
        self.logout(client)
        self.nothing_was_put_in(inbox=1)

    def test_autoexpunge_at_logout(self):
        self.start_agent(message(self))
        client = self.connect()
        client.exists("Old")
        self.logout(client)
        self.nothing_was_put_in()

    def test_a_virtual_mailbox_over_inbox(self):
        self.start_agent(message(self))
        self.deliver("friend")
        client = self.connect()
        self.assertEqual(client.exists("virtual/all"), 1)
        client.noop()
        client.status("virtual/all", "(MESSAGES)")
        client.close()
        self.logout(client)
        self.nothing_was_put_in(inbox=1)

    def test_search_fetch_store_in_the_selected_inbox_ask_nobody(self):
        self.start_agent(message(self), opened=False)
        self.deliver("friend")
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        client.search(None, "ALL")
        client.fetch("1", "(FLAGS BODY[])")
        client.store("1", "+FLAGS", "\\Flagged")
        client.uid("FETCH", "1:*", "(FLAGS)")
        client.close()
        self.logout(client)
        self.nothing_was_put_in(inbox=1)

    def test_doveadm_and_lmtp_like_deliveries(self):
        self.start_agent(message(self))
        self.deliver("one", "two")
        self.dovecot.doveadm("fetch", "-u", self.user, "text", "mailbox", "INBOX")
        self.dovecot.doveadm("force-resync", "-u", self.user, "INBOX")
        self.assertEqual(self.agent.hellos, [])
        self.nothing_was_put_in(inbox=2)

    def test_it_still_works_beside_all_of_them(self):
        self.start_agent(message(self))
        client = self.connect()
        self.assertEqual(client.exists(), 1)


class QuotaHeadroom(PluginCase):
    mail = "maildir"
    server = {"plugins": "inlay quota", "imap_plugins": "imap_quota"}
    settings = {"quota": "maildir:User quota", "quota_rule": "*:storage=30M"}

    def fill(self, mebibytes):
        for n in range(mebibytes):
            subprocess.run(
                ["doveadm", "-c", self.dovecot.config, "save", "-u", self.user],
                input=plain_message(str(n)) + (b"x" * 998 + b"\r\n") * 1048,
                check=True)

    def test_with_less_than_ten_megabytes_free_nothing_is_put_in(self):
        self.fill(22)
        self.start_agent(message(self))
        client = self.connect()
        self.assertEqual(client.exists(), 22)
        self.agent.wait_event("refused", cause="quota")
        self.assertEqual(client.exists(), 22)

    def test_with_more_it_is(self):
        self.fill(2)
        self.start_agent(message(self))
        client = self.connect()
        self.assertEqual(client.exists(), 3)


class QuotaUnknown(PluginCase):
    """Nobody can say how full it is: then it is full."""

    server = {"plugins": "inlay quota"}
    settings = {"quota": "dict:User quota::proxy:/nonexistent:quota",
                "quota_rule": "*:storage=30M"}

    def test_where_the_quota_cannot_be_told_nothing_is_put_in(self):
        self.start_agent(message(self))
        client = self.connect()
        self.assertEqual(client.exists(), 0)
        self.agent.wait_event("refused", cause="quota")


class LazyExpunge(PluginCase):
    mail = "mdbox"
    server = {"plugins": "inlay lazy_expunge notify mail_log",
              "namespaces": "namespace inbox {\n  inbox = yes\n"
              "  mailbox Expunged {\n    auto = create\n  }\n}"}
    settings = {"lazy_expunge": "Expunged", "mail_log_events": "save copy expunge",
                "mail_log_fields": "uid box msgid"}

    def test_a_withdrawal_leaves_no_lazy_copy(self):
        self.start_agent(message(self))
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        self.agent.wait_event("injected")
        self.agent.push(encode(WITHDRAW, guid=self.agent.messages[0].guid, cause=1,
                               lazy=1))
        self.agent.wait_event("gone", cause="withdrawn")
        client.noop()
        self.assertEqual(client.exists(), 0)
        self.assertEqual(self.count("Expunged"), 0)

    def test_without_lazy_the_copy_is_kept(self):
        self.start_agent(message(self))
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        self.agent.push(encode(WITHDRAW, guid=self.agent.messages[0].guid, cause=1,
                               lazy=0))
        self.agent.wait_event("gone", cause="withdrawn")
        self.assertEqual(self.count("Expunged"), 1)

    def test_an_expunge_by_the_user_is_not_a_move(self):
        self.start_agent(message(self))
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        client.store("1", "+FLAGS", "\\Deleted")
        client.expunge()
        self.agent.wait_event("gone", cause="expunged")

    def test_mail_log_does_not_speak_of_our_saves(self):
        self.start_agent(message(self))
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        client.append("INBOX", None, None, plain_message("mine"))
        wait_until(lambda: "save" in self.log(), "the log line of APPEND")
        self.assertNotIn(self.agent.messages[0].instance, self.log())


class LazyNamespace(PluginCase):
    """lazy_expunge into a namespace in which each mailbox has its twin."""

    mail = "mdbox"
    server = {"plugins": "inlay lazy_expunge",
              "namespaces": "namespace inbox {\n  inbox = yes\n  separator = /\n}\n"
              "namespace lazy {\n  prefix = .GONE/\n  separator = /\n"
              "  hidden = yes\n  list = no\n"
              "  location = mdbox:~/mdbox:MAILBOXDIR=gone:LISTINDEX=gone.list.index\n}\n"}
    settings = {"lazy_expunge": ".GONE/"}

    def withdraw(self, lazy):
        self.start_agent(message(self))
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        self.agent.push(encode(WITHDRAW, guid=self.agent.messages[0].guid, cause=1,
                               lazy=lazy))
        self.agent.wait_event("gone", cause="withdrawn")
        return self.count(".GONE/INBOX")

    def test_a_withdrawal_leaves_no_copy_in_the_twin(self):
        self.assertEqual(self.withdraw(lazy=1), 0)

    def test_without_lazy_the_copy_is_in_the_twin(self):
        self.assertEqual(self.withdraw(lazy=0), 1)

    def test_a_move_into_the_namespace_is_an_expunge(self):
        self.start_agent(message(self))
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        client.create(".GONE/INBOX")
        client.xatom("MOVE", "1", ".GONE/INBOX")
        self.agent.wait_event("gone", cause="expunged")


class LazyWithoutGuids(PluginCase):
    """lazy_expunge into an mbox, which gives what it gets another GUID."""

    mail = "sdbox"
    server = {"plugins": "inlay lazy_expunge",
              "namespaces": "namespace inbox {\n  inbox = yes\n  separator = /\n}\n"
              "namespace lazy {\n  prefix = .GONE/\n  separator = /\n"
              "  hidden = yes\n  list = no\n  location = mbox:~/gone\n}\n"}
    settings = {"lazy_expunge": ".GONE/"}

    def test_what_cannot_be_taken_out_of_it_is_told_as_moved(self):
        self.start_agent(message(self))
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        self.agent.push(encode(WITHDRAW, guid=self.agent.messages[0].guid, cause=1,
                               lazy=1))
        self.agent.wait_event("gone", cause="moved")
        self.assertEqual(self.count(".GONE/INBOX"), 1)
        self.assertEqual(client.exists(), 0)


class NotifyWanted(PluginCase):
    server = {"plugins": "inlay notify mail_log"}
    settings = {"mail_log_events": "save", "mail_log_fields": "msgid",
                "inlay_notify": "yes"}

    def test_with_notify_mail_log_hears_of_our_saves(self):
        self.start_agent(message(self))
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        wait_until(lambda: self.agent.messages[0].instance in self.log(), "the log line")


class Triggers(PluginCase):
    settings = {"inlay_triggers": "examine status"}

    def test_examine_is_a_trigger_when_set(self):
        self.start_agent(message(self))
        client = self.connect()
        self.assertEqual(client.exists(readonly=True), 1)

    def test_select_is_none_when_not_set(self):
        self.start_agent(message(self))
        client = self.connect()
        self.assertEqual(client.exists(), 0)
        self.assertEqual(self.agent.opens, [])

    def test_status_is_a_trigger_when_set(self):
        self.start_agent(message(self))
        self.deliver("friend")
        client = self.connect()
        _, data = client.status("INBOX", "(MESSAGES)")
        self.assertIn(b"MESSAGES 2", data[0])


class Excluded(PluginCase):
    settings = {"inlay_exclude": "nobody* 192.0.2.0/24 127.0.0.1/32"}

    def test_an_excluded_network_is_left_alone(self):
        self.start_agent(message(self))
        client = self.connect()
        self.assertEqual(client.exists(), 0)
        self.assertEqual(self.agent.hellos, [])


class MasterUser(PluginCase):
    server = {"extra": "auth_master_user_separator = *\n"
              "passdb {\n  driver = static\n  master = yes\n"
              "  args = password=secret\n}\n"}

    def test_a_master_login_is_left_alone(self):
        self.start_agent(message(self))
        client = self.connect(f"{self.user}*admin")
        self.assertEqual(client.exists(), 0)
        self.assertEqual(self.agent.hellos, [])

    def test_the_user_is_not(self):
        self.start_agent(message(self))
        client = self.connect()
        self.assertEqual(client.exists(), 1)


if __name__ == "__main__":
    unittest.main()
