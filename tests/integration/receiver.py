# SPDX-License-Identifier: Apache-2.0
"""What stands behind a conversion point: a real HTTP server that keeps what it is given
and answers as it is told."""
import base64
import hashlib
import hmac
import http.server
import json
import ssl
import threading
import urllib.parse

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


class Receiver:
    """answer(number, request) gives (status, headers, body) or None to hang until the
    receiver ends; number counts requests from 0. What was answered stands in the
    request as "status". Closed, it can be opened again on its port."""

    def __init__(self, answer=None, tls=None):
        self.lock = threading.Lock()
        self.requests = []
        self.under_way = self.most_under_way = 0
        self.answer = answer or (lambda number, request: (200, {}, b""))
        self.tls = tls
        self.open()

    def open(self):
        self.ended = threading.Event()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                receiver.serve(self, b"")

            def do_POST(self):
                receiver.serve(self, self.rfile.read(int(
                    self.headers["Content-Length"])))

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 128

            def handle_error(self, request, client_address):
                pass  # mimd is killed while it waits

        port = self.port if hasattr(self, "server") else 0
        self.server = Server(("127.0.0.1", port), Handler)
        if self.tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.thread = threading.Thread(target=self.server.serve_forever,
                                       kwargs={"poll_interval": 0.05})
        self.thread.start()

    @property
    def port(self):
        return self.server.server_port

    def url(self, rest="/", host="127.0.0.1", scheme="http"):
        return f"{scheme}://{host}:{self.port}{rest}"

    def serve(self, handler, body):
        request = {"method": handler.command, "path": handler.path,
                   "headers": dict(handler.headers.items()), "body": body}
        with self.lock:
            number = len(self.requests)
            self.requests.append(request)
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            told = self.answer(number, request)
            if told is None:
                self.ended.wait()
                return
            status, headers, text = told
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(text)))
            handler.end_headers()
            handler.wfile.write(text)
            request["status"] = status
        finally:
            with self.lock:
                self.under_way -= 1

    def close(self):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def taken(self):
        with self.lock:
            return list(self.requests)


def events_of(request):
    """The events of a request, as dictionaries."""
    if request["method"] == "POST":
        return json.loads(request["body"])["data"]["events"]
    query = urllib.parse.urlsplit(request["path"]).query
    return [dict(urllib.parse.parse_qsl(query, strict_parsing=True))]


def signature_of(request, secret=SECRET):
    """What Standard Webhooks wants webhook-signature to be."""
    headers = {k.lower(): v for k, v in request["headers"].items()}
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode()
    return "v1," + base64.b64encode(hmac.new(key, signed + request["body"],
                                             hashlib.sha256).digest()).decode()
