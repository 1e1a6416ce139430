# SPDX-License-Identifier: Apache-2.0
"""An S3 store whose answers a test sets: for what a real gateway cannot be made to say,
such as that a bucket is in another region."""
import http.server
import threading
import urllib.parse

ERROR = ("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{}</Code>"
         "<Message>of the script</Message>{}</Error>")


# answers that are none
NEVER, CUT = "never", "cut"


def error(status, code, more="", **headers):
    """An answer."""
    return status, headers, ERROR.format(code, more).encode()


class Asked:
    """One request."""

    def __init__(self, handler, body):
        path, _, query = handler.path.partition("?")
        self.method, self.path = handler.command, urllib.parse.unquote(path)
        self.query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        self.headers = handler.headers
        self.body = body

    @property
    def version(self):
        """Of its signature."""
        return 4 if self.headers["Authorization"].startswith("AWS4") else 2

    @property
    def region(self):
        return self.headers["Authorization"].split("/")[2]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = Asked(self, body)
        answer = self.server.store.take(asked)
        if answer in (NEVER, CUT):
            self.close_connection = True
            if answer is NEVER:
                self.server.store.closed.wait()
            return
        status, headers, data = answer
        self.send_response(status)
        headers = {"Content-Length": str(len(data)), **headers}
        # who announces more than comes breaks off behind it
        self.close_connection = int(headers["Content-Length"]) > len(data)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer


class ScriptedS3:
    """answer: what a request gets, (status, headers, body), where "_" in a header's name
    is "-"; NEVER, or CUT: the connection ends. tls: an ssl.SSLContext."""

    def __init__(self, answer, tls=None):
        self.answer = answer
        self.asked = []
        self.closed = threading.Event()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.store = self
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, asked):
        self.asked.append(asked)
        return self.answer(asked)

    def close(self):
        self.closed.set()
        self.server.shutdown()
        self.server.server_close()
