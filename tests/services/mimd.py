# SPDX-License-Identifier: Apache-2.0
"""One mimd in a folder of its own, on ports that it chooses itself.

    with Mimd(folder) as mimd:
        status, tenant = mimd.call("GET", "/api/tenants/default/")

With contract=openapi.Contract() every answer is held against docs/openapi.yaml.
"""
import http.client
import json
import pathlib
import re
import subprocess

from services.daemon import Daemon, build_folder


class Mimd:
    """settings: lines of application.properties, beside those that keep it here."""

    def __init__(self, folder, settings=None, public=False, contract=None,
                 environment=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data = self.folder / "data"
        self.config = self.folder / "application.properties"
        self.settings = {"server.port": 0, "inlay.data.directory": self.data,
                         **({"inlay.public.address": "127.0.0.1",
                             "inlay.public.port": 0} if public else {}),
                         **(settings or {})}
        self.contract = contract
        self.command = [build_folder() / "src/mim/mimd", "--config", self.config]
        self.daemon = Daemon("mimd", self.command, self.folder, self._is_ready,
                             environment)
        self.port = self.public_port = None
        self.started = 0  # how often its log says so

    def write_settings(self):
        self.config.write_text("".join(f"{k}={v}\n" for k, v in self.settings.items()))

    def run(self, *arguments, timeout=30):
        """In the foreground, to its end: for what ends by itself."""
        self.write_settings()
        return self.run_as_is(*arguments, timeout=timeout)

    def run_as_is(self, *arguments, timeout=30):
        """The same with the settings that lie there."""
        return subprocess.run([*map(str, self.command), *arguments], timeout=timeout,
                              capture_output=True, text=True, check=False)

    def log(self):
        if "logging.file" in self.settings:
            return pathlib.Path(self.settings["logging.file"]).read_text()
        return self.daemon.log()

    def _is_ready(self):
        return self.daemon.log().count("Started MIMApplication") > self.started

    def start(self):
        self.write_settings()
        self.started = self.daemon.log().count("Started MIMApplication")
        self.daemon.start()
        log = self.log()
        self.port = int(re.findall(r"listening  address=\S+ port=(\d+)", log)[-1])
        public = re.findall(r"for the public  address=\S+ port=(\d+)", log)
        self.public_port = int(public[-1]) if public else None
        return self

    def stop(self):
        return self.daemon.stop()

    def kill(self):
        self.daemon.kill()

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        status = self.stop()
        if status not in (0, None) and kind is None:
            raise RuntimeError(f"mimd ended with status {status}\n{self.daemon.log()}")

    @property
    def token(self):
        return (self.data / "admin-token").read_text().strip()

    def request(self, method, path, body=None, headers=None, port=None):
        """(status, headers, bytes); no token but what headers say."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port,
                                                timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def call(self, method, path, body=None, token=None, headers=None):
        """(status, answer parsed if it is JSON). token "": none is sent."""
        data = body if body is None or isinstance(body, (bytes, str)) else json.dumps(body)
        send = {} if token == "" else {"Authorization": f"Bearer {token or self.token}"}
        if data is not None:
            send["Content-Type"] = "application/json"
        status, got, text = self.request(method, path, data, {**send, **(headers or {})})
        kind = got.get("Content-Type", "")
        answer = json.loads(text) if "json" in kind else (text or None)
        if self.contract is not None:
            complaints = self.contract.check_answer(method, path, status, kind, answer)
            if complaints:
                raise AssertionError("\n".join(complaints))
        return status, answer

    def need(self, wanted, method, path, body=None, token=None):
        """The answer of a call that must end with this status."""
        status, answer = self.call(method, path, body, token)
        if status != wanted:
            raise AssertionError(f"{method} {path}: {status}, want {wanted}: {answer}")
        return answer

    def make_token(self, scope, **more):
        return self.need(201, "POST", "/api/tokens", {"scope": scope, **more})["token"]

    def make_tenant(self, tenant="default", **more):
        return self.need(201, "POST", "/api/tenants?createDB=true", {
            "id": tenant, "name": tenant, "keyspaceName": f"mim_{tenant}",
            "configuration": {"secretKey": "s3cret", "hashedEmailAddresses": False},
            **more})
