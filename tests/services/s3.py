# SPDX-License-Identifier: Apache-2.0
"""Puts objects into an S3 store, and lets others fetch them, signed by a second
implementation of version 4: what a test prepares does not depend on the code under
test."""
import hashlib
import hmac
import http.client
import time
import urllib.parse


def sign(secret, scope, text):
    """Of a text, under the key of its scope."""
    mac = ("AWS4" + secret).encode()
    for part in (*scope.split("/"), text):
        mac = hmac.new(mac, part.encode(), hashlib.sha256).digest()
    return mac.hex()


def presigned(port, bucket, key, access, secret, region="us-east-1"):
    """A URL that whoever has it may GET, for an hour."""
    host = f"127.0.0.1:{port}"
    path = urllib.parse.quote(f"/{bucket}/{key}", safe="/~")
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    query = urllib.parse.urlencode({
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": f"{access}/{scope}",
        "X-Amz-Date": moment, "X-Amz-Expires": "3600", "X-Amz-SignedHeaders": "host"})
    canonical = f"GET\n{path}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"
    text = (f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n"
            + hashlib.sha256(canonical.encode()).hexdigest())
    return f"http://{host}{path}?{query}&X-Amz-Signature={sign(secret, scope, text)}"


def put_object(port, bucket, key, data, access, secret, region="us-east-1"):
    """Path style, on 127.0.0.1; without a key it makes the bucket."""
    host = f"127.0.0.1:{port}"
    path = urllib.parse.quote(f"/{bucket}/{key}" if key else f"/{bucket}", safe="/~")
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    digest = hashlib.sha256(data).hexdigest()
    names = "host;x-amz-content-sha256;x-amz-date"
    canonical = (f"PUT\n{path}\n\nhost:{host}\nx-amz-content-sha256:{digest}\n"
                 f"x-amz-date:{moment}\n\n{names}\n{digest}")
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    text = (f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n"
            + hashlib.sha256(canonical.encode()).hexdigest())
    connection = http.client.HTTPConnection(host, timeout=60)
    try:
        connection.request("PUT", path, data, {
            "x-amz-content-sha256": digest, "x-amz-date": moment,
            "Authorization": f"AWS4-HMAC-SHA256 Credential={access}/{scope},"
                             f"SignedHeaders={names},"
                             f"Signature={sign(secret, scope, text)}"})
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"PUT {path}: {answer.status} {said.decode()}")
    finally:
        connection.close()
