# SPDX-License-Identifier: Apache-2.0
"""Whatever is wrong with the agent: INBOX opens as without us, within the deadline."""

import os
import socket
import threading
import time
import unittest

from fake_agent import DONE, HELLO, KNOWN, READY, WITHDRAW, Message, encode
from plugin_case import PluginCase, message, plain_message, wait_until

# time beside the deadline: a login and a SELECT on a busy machine
SLACK = 3.0


class Faults(PluginCase):
    mail = "maildir"
    settings = {"inlay_deadline": 50}

    def opens_as_without_us(self, count=1, minimum=0.0):
        """A user with one message logs in, selects and works."""
        self.deliver("friend")
        client = self.connect()
        start = time.monotonic()
        self.assertEqual(client.exists(), 1)
        took = time.monotonic() - start
        self.assertGreaterEqual(took, minimum)
        self.assertLess(took, 0.05 + SLACK)
        client.append("INBOX", None, None, plain_message("second"))
        client.noop()
        self.assertEqual(client.exists(), 2)
        self.assertEqual(len(client.guids()), 2)
        client.store("1", "+FLAGS", "\\Deleted")
        client.expunge()
        self.assertEqual(client.exists(), 1)
        start = time.monotonic()
        self.logout(client)
        self.assertLess(time.monotonic() - start, 0.05 + SLACK)

    def test_absent(self):
        self.opens_as_without_us()
        self.wait_log("inlay: No answer for this session")

    def test_absent_where_the_socket_is_a_file(self):
        with open(self.socket, "w"):
            pass
        try:
            self.opens_as_without_us()
        finally:
            os.unlink(self.socket)

    def test_absent_where_the_socket_may_not_be_used(self):
        self.start_agent(message(self))
        os.chmod(self.socket, 0o600)
        self.opens_as_without_us()
        self.assertEqual(self.agent.hellos, [])

    def test_hung_after_hello(self):
        self.start_agent(message(self))
        self.agent.mute = {READY}
        self.opens_as_without_us()
        self.wait_log("does not answer HELLO")

    def test_hung_after_open(self):
        self.start_agent(message(self))
        self.agent.mute = {DONE}
        self.opens_as_without_us(minimum=0.02)
        self.wait_log("does not answer OPEN")

    def test_an_answer_without_its_end_is_none(self):
        self.start_agent(message(self))
        self.agent.half = True
        client = self.connect()
        self.assertEqual(client.exists(), 0)
        self.assertEqual(len(self.agent.opens), 1)
        for _ in range(20):
            client.noop()
        self.assertEqual(client.exists(), 0)
        self.assertEqual(self.agent.kinds(), [])
        self.agent.push(self.agent.done(self.agent.opens[0]["request"]))
        wait_until(lambda: client.noop() and self.agent.kinds() == ["injected"],
                   "the message, once its end is there")
        self.assertEqual(client.exists(), 1)

    def test_stopped_with_a_full_backlog(self):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.socket)
            os.chmod(self.socket, 0o666)
            listener.listen(0)
            waiting = []
            try:
                while True:  # until a connect would wait
                    s = socket.socket(socket.AF_UNIX)
                    s.setblocking(False)
                    waiting.append(s)
                    s.connect(self.socket)
            except BlockingIOError:
                pass
            try:
                self.opens_as_without_us()
            finally:
                for s in waiting:
                    s.close()
                os.unlink(self.socket)

    def test_accepted_and_never_read(self):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.socket)
            os.chmod(self.socket, 0o666)
            listener.listen(16)
            try:
                self.opens_as_without_us()
            finally:
                os.unlink(self.socket)

    def test_dripping_a_byte_a_second(self):
        answer = encode(READY, open=1, nextCheck=60)
        stop = threading.Event()
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.socket)
            os.chmod(self.socket, 0o666)
            listener.listen(16)

            def drip():
                connection, _ = listener.accept()
                with connection:
                    for byte in answer:
                        try:
                            connection.send(bytes([byte]))
                        except OSError:
                            return
                        if stop.wait(1):
                            return
            thread = threading.Thread(target=drip, daemon=True)
            thread.start()
            try:
                self.opens_as_without_us()
            finally:
                stop.set()
                thread.join(5)
                os.unlink(self.socket)

    def test_closing_at_once(self):
        self.start_agent(message(self))
        self.agent.handle = lambda connection, *rest: connection.sock.shutdown(
            socket.SHUT_RDWR)
        self.opens_as_without_us()

    def nonsense(self, answer):
        self.start_agent()
        self.agent.raw_answer = answer
        self.opens_as_without_us()

    def test_garbage(self):
        self.nonsense(bytes(range(256)) * 8)

    def test_text(self):
        self.nonsense(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")

    def test_zeros(self):
        self.nonsense(b"\0" * 4096)

    def test_a_length_without_an_end(self):
        self.nonsense(b"\xff\xff\xff\xff\x01\x02")

    def test_another_version(self):
        good = encode(READY, open=1, nextCheck=1)
        self.nonsense(good[:4] + b"\x07" + good[5:])

    def test_frames_that_only_a_plugin_sends(self):
        self.nonsense(encode(HELLO, tenant="t", user="u", protocol="imap"))

    def answer_open(self, answer):
        """READY as it should be; this as the answer to OPEN."""
        self.start_agent()
        self.agent._decide = lambda fields: answer(fields["request"])
        self.opens_as_without_us()

    def test_nine_actions(self):
        self.answer_open(lambda request: b"".join(
            Message(f"{self.id()}{i}").frame(request) for i in range(9)) +
            encode(DONE, request=request, nextCheck=60))

    def test_a_date_behind_the_end_of_the_message(self):
        def answer(request):
            m = message(self)
            m.offsets = [len(m.text) - 30]
            return m.frame(request) + encode(DONE, request=request, nextCheck=60)
        self.answer_open(answer)

    def test_a_message_of_more_than_a_mebibyte(self):
        self.answer_open(lambda request: message(self, size=1200 * 1024).frame(request))

    def test_a_guid_that_is_none(self):
        def answer(request):
            m = message(self)
            m.guid = "../../../etc/passwd".ljust(32, "x")
            return m.frame(request) + encode(DONE, request=request, nextCheck=60)
        self.answer_open(answer)

    def test_answers_to_a_question_that_was_not_asked(self):
        self.answer_open(lambda request: message(self).frame(request + 1) +
                         encode(KNOWN, request=request + 7, own=[]) +
                         encode(DONE, request=request + 1, nextCheck=60))

    def test_hundreds_of_pushed_withdrawals(self):
        self.start_agent()
        self.agent.raw_answer = b"".join(
            encode(WITHDRAW, guid=f"{i:032x}", cause=1, lazy=0) for i in range(500))
        self.opens_as_without_us()

    def test_an_agent_that_dies_in_the_middle_of_a_session(self):
        self.start_agent(message(self))
        client = self.connect()
        client.exists()
        self.agent.close()
        self.agent = None
        client.noop()
        client.fetch("1", "(BODY[])")
        client.store("1", "+FLAGS", "\\Deleted")
        client.expunge()
        self.assertEqual(client.exists(), 0)
        self.logout(client)

    def test_twenty_hung_sessions_at_once(self):
        self.start_agent()
        self.agent.mute = {READY}
        self.deliver("friend")
        times, errors = [], []

        def session():
            try:
                client = self.connect()
                start = time.monotonic()
                assert client.exists() == 1
                times.append(time.monotonic() - start)
            except Exception as e:  # noqa: BLE001 - counted below
                errors.append(e)
        threads = [threading.Thread(target=session) for _ in range(20)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
        self.assertEqual(errors, [])
        self.assertLess(max(times), 0.05 + SLACK)


class Return(PluginCase):
    def test_an_agent_that_comes_back_is_asked_again_after_half_a_minute(self):
        self.start_agent()
        client = self.connect()
        self.assertEqual(client.exists(), 0)
        self.agent.close()
        client.noop()
        self.start_agent(message(self))
        start = time.monotonic()
        while client.exists() == 0:
            self.assertLess(time.monotonic() - start, 60, self.agent.hellos)
            # the condition of this loop is a question to the server
            threading.Event().wait(0.5)
        self.assertGreater(time.monotonic() - start, 20)
        self.agent.wait_event("injected")


class BadSettings(PluginCase):
    """Each of them is said and turns us off."""

    settings = {"inlay_deadline": "soon"}
    complaint = "inlay_deadline: soon is not 0..10000"

    def test_a_setting_that_is_not_allowed_is_said_and_turns_us_off(self):
        self.start_agent(message(self))
        client = self.connect()
        self.assertEqual(client.exists(), 0)
        self.wait_log(self.complaint)
        self.assertEqual(self.agent.hellos, [])


class BadNotify(BadSettings):
    settings = {"inlay_notify": "perhaps"}
    complaint = "inlay_notify: perhaps is none of auto yes no"


class BadTrigger(BadSettings):
    settings = {"inlay_triggers": "select fetch"}
    complaint = "inlay_triggers: fetch is none of select examine"


class LongSocket(BadSettings):
    settings = {"inlay_socket": "/tmp/" + "x" * 120}
    complaint = "x: too long for a unix socket"


class Refused(PluginCase):
    """MIM has too much to do: the agent says so."""

    def test_who_is_refused_does_not_wait_and_asks_again_later(self):
        self.start_agent(message(self))
        self.agent.refuse = True
        client = self.connect()
        self.assertEqual(client.exists(), 0)
        self.assertEqual(len(self.agent.opens), 1)
        self.assertNotIn("No answer for this session", self.log())
        self.agent.refuse = False
        wait_until(lambda: client.noop() and self.agent.kinds() == ["injected"],
                   "the message")
        self.assertEqual(client.exists(), 1)
        self.assertEqual(len(self.agent.opens), 2)


class NoDeadline(PluginCase):
    """Nobody waits: what is answered is used at a later command."""

    settings = {"inlay_deadline": 0}

    def test_the_answer_is_used_at_a_later_command(self):
        self.start_agent(message(self))
        client = self.connect()
        client.exists()
        wait_until(lambda: client.noop() and self.agent.kinds() == ["injected"],
                   "the message")
        self.assertEqual(client.exists(), 1)


class ManyClients(NoDeadline):
    """A process with several users waits for none of them."""

    settings = {}
    server = {"extra": "service imap {\n  client_limit = 5\n}\n"}

    def test_a_hung_agent_changes_nothing(self):
        self.start_agent()
        self.agent.mute = {READY}
        self.deliver("friend")
        client = self.connect()
        self.assertEqual(client.exists(), 1)


if __name__ == "__main__":
    unittest.main()
