# SPDX-License-Identifier: Apache-2.0
"""What comes from an S3 store: as fast as curl fetches the same object from a real Ceph
RADOS Gateway, and, imported, in how much memory."""
import hashlib
import json
import os
import pathlib
import subprocess
import tempfile
import time

from figures import Figure, median, option, own_memory_mb, spread
from import_case import CAMPAIGN, TEMPLATE
from services.daemon import build_folder
from services.mimd import Mimd
from services.rgw import ACCESS_KEY, SECRET_KEY, Gateway
from services.s3 import presigned, put_object

BUCKET = "bench"
FILLER = "N" * 850  # of a row of 900 bytes
PIECE = 10000       # rows that are written at once
LOOK_S = 0.05


def _write_rows(path, total):
    """A recipients.csv of about so many bytes; how many rows."""
    rows = 0
    with open(path, "w", encoding="ascii", newline="") as f:
        f.write("user,name,link\n")
        while f.tell() < total:
            f.write("".join(f"user{n}@example.org,{FILLER},https://example.org/\n"
                            for n in range(rows, rows + PIECE)))
            rows += PIECE
    return rows


def _write_bundle(folder, total):
    (folder / "templates").mkdir()
    (folder / "templates/t.json").write_text(json.dumps(TEMPLATE))
    rows = _write_rows(folder / "recipients.csv", total)
    files = []
    for name in ("templates/t.json", "recipients.csv"):
        with open(folder / name, "rb") as f:
            digest = hashlib.file_digest(f, "sha256").hexdigest()
        files.append({"name": name, "sha256": digest,
                      "bytes": (folder / name).stat().st_size})
    (folder / "bundle.json").write_text(json.dumps(
        {"schema": "inlay.bundle/1", "campaign": CAMPAIGN, "files": files}))
    return rows


def _source(gateway):
    return {"id": "s3", "type": "ongage", "defaultDataSource": True,
            "awsConnectionInformation": {
                "authorizationType": "rados", "accessKey": ACCESS_KEY,
                "secretKey": SECRET_KEY, "endpoint": gateway.url, "bucket": BUCKET}}


def _put(gateway, folder):
    """Seconds that inlay bundle put took."""
    sources = folder.parent / "sources.json"
    sources.write_text(json.dumps([_source(gateway)]))
    began = time.perf_counter()
    subprocess.run([build_folder() / "src/cli/inlay", "bundle", "put", folder, "x",
                    sources], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _ours(gateway):
    """Bytes a second."""
    done = subprocess.run(
        [build_folder() / "tests/bench/bench-s3", gateway.url, BUCKET,
         "x/recipients.csv", ACCESS_KEY, SECRET_KEY], check=True, capture_output=True)
    told = json.loads(done.stdout)
    return told["bytes"] / told["us"] * 1e6


def _curl(gateway):
    url = presigned(gateway.port, BUCKET, "x/recipients.csv", ACCESS_KEY, SECRET_KEY)
    done = subprocess.run(
        ["curl", "-sSf", "-o", "/dev/null", "-w", "%{size_download} %{time_total}", url],
        check=True, capture_output=True, text=True)
    size, seconds = map(float, done.stdout.split())
    return size / seconds


def _import(gateway, folder):
    """(rows accepted, greatest own memory in MB, seconds)."""
    with Mimd(folder, public=True) as mimd:
        mimd.make_tenant(publicUrl="https://mail.example.org", unknownUsers="accept",
                         dataSources=[_source(gateway)])
        base = "/api/tenants/default"
        mimd.need(200, "PUT", f"{base}/purposes",
                  [{"id": "newsletter", "names": {"en": "News"}}])
        began = time.perf_counter()
        order = mimd.need(202, "POST", f"{base}/imports", {"prefix": "x"})["id"]
        most = 0
        while True:
            most = max(most, own_memory_mb(mimd.daemon.pid))
            now = mimd.need(200, "GET", f"{base}/imports/{order}")
            if now["phase"] in ("done", "failed"):
                break
            time.sleep(LOOK_S)
        took = time.perf_counter() - began
    if now["phase"] != "done":
        raise RuntimeError(now)
    return now["rows"]["accepted"], most, took


def download():
    size, rounds = option("B_BYTES", 5 << 30), option("B_ROUNDS", 5)
    with tempfile.TemporaryDirectory(prefix="inlay-bench-") as name, \
            Gateway(os.path.join(name, "rgw"), memory=2 * size) as gateway:
        folder = pathlib.Path(name)
        put_object(gateway.port, BUCKET, "", b"", ACCESS_KEY, SECRET_KEY)
        (folder / "bundle").mkdir()
        rows = _write_bundle(folder / "bundle", size)
        put = _put(gateway, folder / "bundle")
        ours, curls = [], []
        for _ in range(rounds):
            ours.append(_ours(gateway))
            curls.append(_curl(gateway))
        (folder / "bundle/recipients.csv").unlink()
        accepted, memory, took = _import(gateway, folder / "mimd")
    if accepted != rows:
        raise RuntimeError(f"{accepted} of {rows} rows")
    ratios = [a / b for a, b in zip(ours, curls)]
    return [
        Figure("download, as an import does it", median(ours) / 1e6, "MB/s"),
        Figure("curl, the same object presigned", median(curls) / 1e6, "MB/s"),
        Figure(f"ratio (rounds: {spread(ratios)})", median(ratios), "", (">=", 0.9)),
        Figure("inlay bundle put", size / put / 1e6, "MB/s"),
        Figure(f"import of {size / (1 << 30):.3g} GiB, {rows:,} rows", rows / took, "/s"),
        Figure("memory of mimd meanwhile: RssAnon + RssShmem", memory, "MB",
               ("<=", 100)),
    ]
