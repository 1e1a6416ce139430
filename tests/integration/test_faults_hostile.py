# SPDX-License-Identifier: Apache-2.0
"""What somebody sends who means no good: to the HTTP listeners of mimd, as names of
users, as mail. It is refused with a clear answer or taken as what it is, and all others
are served."""
import glob
import json
import os
import pathlib
import socket
import time
import unittest
import urllib.parse

import fake_agent as wire
from agent_case import AgentCase
from mimd_case import MimdCase
from plugin_case import PluginCase, message
from scripted_mim import inject
from test_mimd_decisions import DecisionCase

LIVE = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"


class Http(MimdCase):
    public = True
    settings = {"inlay.http.request-timeout": "PT1S", "inlay.http.idle-timeout": "PT3S"}

    def dial(self, port=None):
        s = socket.create_connection(("127.0.0.1", port or self.mimd.port), 20)
        self.addCleanup(s.close)
        return s

    def answer(self, s):
        """The first status, and whether the connection is closed behind the answer."""
        text = b""
        while b"\r\n\r\n" not in text:
            try:
                data = s.recv(65536)
            except ConnectionResetError:
                break
            if not data:
                break
            text += data
        return int(text.split()[1]) if text else None

    def lives(self):
        for port in self.mimd.port, self.mimd.public_port:
            s = self.dial(port)
            s.sendall(LIVE.encode())
            self.assertIn(self.answer(s), (200, 404))
            s.close()
        self.assertEqual(self.mimd.call("GET", "/api/tenants/")[0], 200)

    def test_what_two_servers_might_read_differently_is_refused(self):
        post = f"POST /api/tokens HTTP/1.1\r\nAuthorization: Bearer {self.mimd.token}\r\n"
        tail = "0\r\n\r\n" + LIVE
        for head in (
                "Host: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}   ",
                "Host: x\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n{}   ",
                "Host: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
                + tail,
                "Host: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
                + tail,
                "Host: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n" + tail,
                "Host: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" + tail,
                "Host: x\r\nTransfer-Encoding : chunked\r\n\r\n" + tail,
                "Host: x\r\nContent-Length: -1\r\n\r\n",
                "Host: x\r\nContent-Length: 18446744073709551617\r\n\r\n{",
                "Host: x\r\nContent-Length: 1_0\r\n\r\n0123456789",
                "Host: x\r\nHost: y\r\nContent-Length: 2\r\n\r\n{}",
                "Content-Length: 2\r\n\r\n{}"):
            for port in self.mimd.port, self.mimd.public_port:
                with self.subTest(head=head, port=port):
                    s = self.dial(port)
                    s.sendall((post + head).encode())
                    self.assertIn(self.answer(s), (400, 413, None))
                    # nothing behind it is taken for a request
                    s.settimeout(20)
                    self.assertEqual(s.recv(1), b"")
        self.lives()

    def test_nul_and_other_bytes_are_never_taken_for_something_else(self):
        token = self.mimd.token.encode()
        for byte in range(256):
            b = bytes([byte])
            for request in (
                    b"GET /api/tenants/" + b + b" HTTP/1.1\r\nHost: x\r\n",
                    b"GET /api/ten" + b + b"ants/ HTTP/1.1\r\nHost: x\r\n",
                    b"G" + b + b"T /health/live HTTP/1.1\r\nHost: x\r\n",
                    b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-" + b + b": y\r\n",
                    b"GET /api/tenants/ HTTP/1.1\r\nHost: x\r\nX: " + b + b"\r\n"):
                s = self.dial()
                s.sendall(request + b"Connection: close\r\n\r\n")
                status = self.answer(s)
                s.close()
                # without a token nobody gets anything, whatever it is spelled
                self.assertIn(status, (None, 200, 400, 401, 404, 405, 501), request)
                if b"tenants" in request or b"ants/" in request:
                    self.assertNotEqual(status, 200, request)
            with self.subTest(byte=byte, what="token"):
                s = self.dial()
                s.sendall(b"GET /api/tenants/ HTTP/1.1\r\nHost: x\r\nAuthorization: "
                          b"Bearer " + token + b + b"x\r\nConnection: close\r\n\r\n")
                self.assertIn(self.answer(s), (None, 400, 401))
        self.lives()

    def test_a_body_without_an_end_is_cut(self):
        head = (f"POST /api/tokens HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
                f"{self.mimd.token}\r\nTransfer-Encoding: chunked\r\n\r\n")
        for chunk in (b"1\r\nx\r\n", b"1;" + b"e" * 200 + b"=1\r\nx\r\n",
                      b"ffff\r\n" + b"x" * 0xffff + b"\r\n"):
            with self.subTest(chunk=chunk[:20]):
                s = self.dial()
                s.sendall(head.encode())
                began, sent = time.monotonic(), 0
                s.settimeout(0.01)
                while True:
                    try:
                        s.sendall(chunk)
                        sent += 1
                        if not s.recv(1, socket.MSG_PEEK):
                            break
                    except TimeoutError:
                        pass
                    except OSError:
                        break
                    self.assertLess(time.monotonic() - began, 15, "it takes for ever")
        # and trailers that do not end, and a chunk whose size does not
        for rest in "0\r\n" + "X: y\r\n" * 20000, "0" * 100000, "1;" + "x" * 100000:
            s = self.dial()
            try:
                s.sendall((head + rest).encode())
                # 500 is the library's own word for it
                self.assertIn(self.answer(s), (None, 400, 408, 413, 431, 500))
            except OSError:
                pass
        self.lives()


class LimitsPerAddress(MimdCase):
    public = True
    settings = {"inlay.http.max-connections-per-address": 5,
                "inlay.public.max-connections-per-address": 3}

    def opened(self, port, address):
        """How many of ten stay open, when each asks something."""
        there = 0
        for _ in range(10):
            s = socket.socket()
            self.addCleanup(s.close)
            s.bind((address, 0))
            s.connect(("127.0.0.1", port))
            try:
                s.sendall(LIVE.encode())
                there += s.recv(1) == b"H"
            except OSError:
                pass
        return there

    def test_one_address_gets_so_many_connections_and_another_its_own(self):
        for port, limit in (self.mimd.port, 5), (self.mimd.public_port, 3):
            with self.subTest(limit=limit):
                self.assertEqual(self.opened(port, "127.0.0.2"), limit)
                self.assertEqual(self.opened(port, "127.0.0.3"), limit)


def names():
    """User names with every byte, as far as they are text, and some that are not."""
    for byte in range(1, 256):
        yield b"a" + bytes([byte]) + b"b@example.org"
    for text in ("..", "../../etc/passwd", "a/b", "%2e%2e", "a\u202eb", "\ufeffa",
                 "\U0010ffff", "a\u0085b", "A\u0301", "x" * 255, "x" * 1000, " ", "@",
                 "'; DROP TABLE users; --", "{{name}}", "=?utf-8?q?x?="):
        yield text.encode()
    for raw in b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x82":
        yield raw + b"@example.org"


class UserNames(AgentCase):
    def test_every_byte_in_a_user_name(self):
        self.mim.actions = [inject("m1", self.give_template())]
        taken = 0
        for name in names():
            with self.subTest(name=name):
                p = self.plugin()
                p.sock.sendall(wire.encode(wire.HELLO, tenant="default", user=name,
                                           protocol="imap"))
                frame = p.read()
                if frame is None:
                    continue  # the connection is ended
                taken += 1
                text = name.decode()  # what is taken is text
                self.assertEqual(self.mim.bodies("hello")[-1]["user"], text)
                p.open()
                for kind, fields in p.read_answer():
                    if kind != wire.INJECT:
                        continue
                    head = fields["message"].split("\r\n\r\n")[0]
                    # one To:, and no line of it is another field
                    lines = head.split("\r\n")
                    self.assertEqual(sum(ln.startswith("To:") for ln in lines), 1)
                    self.assertFalse([ln for ln in lines if not ln[:1].isspace() and
                                      ":" not in ln], head)
                    self.assertNotIn("\n", head.replace("\r\n", ""))
                    self.assertNotIn("\0", head)
                p.close()
        self.assertGreater(taken, 100)
        for line in self.agent.log_text().split("\n"):
            self.assertRegex(line, r"^($|\d{4}-\d\d-\d\dT)")


class UserNamesOfMimd(DecisionCase):
    def test_every_byte_in_a_user_name(self):
        for name in names():
            quoted = urllib.parse.quote(name, safe="")
            with self.subTest(name=name):
                path = self.path(f"users/{quoted}")
                try:
                    text = name.decode()
                except UnicodeDecodeError:
                    text = name.decode("latin-1")
                status, told = self.mimd.call("PUT", path, {"user": text})
                self.assertIn(status, (200, 201, 400, 404, 414, 422), told)
                if status in (200, 201):
                    self.assertEqual(self.mimd.need(200, "GET", path)["user"],
                                     told["user"])
                    self.mimd.need(200, "GET", path + "/why")
                    self.assertEqual(self.mimd.call("DELETE", path)[0], 204)
                body = json.dumps({"user": text, "protocol": "imap"})
                self.assertIn(self.mimd.call("POST", "/api/dovecot/hello", body,
                                             self.agent)[0], (200, 400, 422))
                # bytes that are no text are no JSON
                body = b'{"user":"' + name + b'","protocol":"imap"}'
                self.assertIn(self.mimd.call("POST", "/api/dovecot/hello", body,
                                             self.agent)[0], (200, 400, 422))
        for line in self.mimd.log().split("\n"):
            self.assertRegex(line, r"^($|\d{4}-\d\d-\d\dT)")


class Mail(PluginCase):
    """In the INBOX of a user whose index, ledger and list of UIDs are gone, so that what
    is ours can be seen by the headers alone."""

    mail = "maildir"

    def hostile(self, good):
        """Messages that pretend to be ours, or make it hard to look."""
        proof = f"{good.instance}; {'0' * 64}"
        many = f"X-Inlay-Instance: {proof}\n" * 5000
        heads = [f"X-Inlay-Instance: {value}\n" for value in (
            proof, "", ";", proof + "; " + proof, proof[:-1], "x" * 100000, "\0" * 98,
            proof.replace("0", "\0"), "../../../etc/passwd; " + "0" * 64,
            proof.replace(good.instance, "%s" * 16), "\xff" * 98,
            proof.replace(";", ";\n\t"), "=?utf-8?q?" + proof + "?=")]
        heads += [many, "X: y\n" * 20000, ":" * 5000 + "\n", "\0", "\n" * 100, ""]
        for i, head in enumerate(heads):
            yield (head + f"Subject: {i}\n\nX-Inlay-Instance: {proof}\n").encode(
                "latin-1")

    def test_mail_that_pretends_to_be_ours_is_looked_at_and_left_alone(self):
        good = message(self)
        agent = self.start_agent(good)
        client = self.connect()
        self.assertEqual(client.exists(), 1)
        agent.wait_event("injected")
        self.logout(client)
        maildir = pathlib.Path(self.dovecot.home(self.user)) / "Maildir"
        keywords = (maildir / "dovecot-keywords").read_text()
        letter = chr(ord("a") + int(keywords.split()[0]))
        there = list(self.hostile(good))
        for i, text in enumerate(there):
            path = maildir / "cur" / f"17{i:08}.hostile.host:2,{letter}"
            path.write_bytes(text)
            os.chown(path, maildir.stat().st_uid, maildir.stat().st_gid)
        for path in glob.glob(str(maildir / "dovecot*")):
            if not path.endswith("dovecot-keywords"):
                os.unlink(path)
        agent.messages.clear()
        agent.known = {}
        client = self.connect()
        self.assertEqual(client.exists(), 1 + len(there))
        agent.wait(lambda a: len(a.opens) >= 2, "the question")
        present = agent.opens[-1]["present"]
        self.assertLessEqual(len(present), 1 + len(there))
        for p in present:
            self.assertRegex(p.get("proof", ""), "^[ -~]{0,127}$")
        # what the middleware does not confirm is nobody's but the user's
        client.store("1:*", "+FLAGS", "\\Seen")
        client.noop()
        self.assertEqual(client.exists(), 1 + len(there))
        self.logout(client)
        self.assertEqual(self.count(), 1 + len(there))
        self.assertNotIn("read", agent.kinds())


if __name__ == "__main__":
    unittest.main()
