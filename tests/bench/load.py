# SPDX-License-Identifier: Apache-2.0
"""Load for a port, and the web server that a decision is compared with."""
import json
import subprocess

from figures import cpu_seconds
from services.daemon import Daemon, build_folder
from services.dovecot import free_port

CONNECTIONS = 64


def load(port, path, token_file, bodies, first, seconds, word="", pid=None):
    """One run of bench-load; with pid also the CPU time of that server an answer."""
    before = cpu_seconds(pid) if pid else 0
    done = subprocess.run(
        [build_folder() / "tests/bench/bench-load", str(port), path, str(token_file),
         str(bodies), str(first), str(CONNECTIONS), str(seconds)] +
        ([word] if word else []),
        check=True, stdout=subprocess.PIPE, text=True)
    result = json.loads(done.stdout)
    if pid:
        result["cpuMicroseconds"] = (cpu_seconds(pid) - before) * 1e6 / result["answers"]
    return result


class Nginx:
    """Answers every request with a bare 200: as little as a web server can do. Its own
    configuration, folder and port; nothing of the system's is read or written."""

    def __init__(self, folder):
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.config = self.folder / "nginx.conf"
        temporary = "".join(f"  {kind}_temp_path {self.folder}/{kind};\n" for kind in
                            ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        self.config.write_text(f"""\
worker_processes auto;
pid {self.folder}/nginx.pid;
error_log stderr;
daemon off;
events {{ worker_connections 1024; }}
http {{
{temporary}  access_log off;
  keepalive_requests 1000000000;
  server {{
    listen 127.0.0.1:{self.port};
    location / {{ return 200; }}
  }}
}}
""")
        self.daemon = Daemon("nginx", ["nginx", "-p", self.folder, "-e", "stderr",
                                       "-c", self.config], self.folder, self._is_ready)

    def _is_ready(self):
        return (self.folder / "nginx.pid").exists()

    def __enter__(self):
        (self.folder / "nginx.pid").unlink(missing_ok=True)
        self.daemon.start()
        return self

    def __exit__(self, *unused):
        self.daemon.stop()
