"""A shop's client in Python: requests signed as docs/api.md says (RFC 9421, HMAC-SHA256), written from that page alone."""

import base64
import hashlib
import hmac
import json
import secrets
import time
import urllib.parse

import requests

TAG = "tillward-v1"
FRESH_SECONDS = 300
TIMEOUT_SECONDS = 30


class Signed(requests.auth.AuthBase):
    """Adds `Content-Digest`, `Signature-Input` and `Signature` to any request."""

    def __init__(self, key_id, secret):
        self.key_id = key_id
        self.secret = secret

    def __call__(self, request):
        url = urllib.parse.urlsplit(request.url)
        authority = url.netloc.lower()
        lines = [("@method", request.method), ("@authority", authority), ("@path", url.path or "/")]
        lines.append(("@query", f"?{url.query}"))
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        if body or request.method not in ("GET", "HEAD"):
            digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
            request.headers["Content-Digest"] = f"sha-256=:{digest}:"
            request.headers.setdefault("Content-Type", "application/json")
            lines.append(("content-type", header(request, "Content-Type")))
            lines.append(("content-digest", header(request, "Content-Digest")))
        if "Idempotency-Key" in request.headers:
            lines.append(("idempotency-key", header(request, "Idempotency-Key")))
        now = int(time.time())
        covered = " ".join(f'"{name}"' for name, _ in lines)
        params = f'({covered});created={now};expires={now + FRESH_SECONDS};nonce="{secrets.token_hex(16)}"'
        params += f';keyid="{self.key_id}";alg="hmac-sha256";tag="{TAG}"'
        base = "".join(f'"{name}": {value}\n' for name, value in lines) + f'"@signature-params": {params}'
        signature = hmac.digest(self.secret, base.encode("latin-1"), "sha256")
        request.headers["Signature-Input"] = f"sig1={params}"
        request.headers["Signature"] = f"sig1=:{base64.b64encode(signature).decode()}:"
        return request


def header(request, name):
    value = request.headers[name]
    return (value.decode("latin-1") if isinstance(value, bytes) else value).strip()


class Shop:
    """One shop's API key on one server."""

    def __init__(self, base_url, key_id, secret):
        self.base_url = base_url.rstrip("/")
        self.session = requests.Session()
        self.session.auth = Signed(key_id, secret)

    def get(self, path, **query):
        return self.session.get(self.base_url + path, params=query or None, timeout=TIMEOUT_SECONDS)

    def post(self, path, body, idempotency_key=None):
        headers = {"Content-Type": "application/json"}
        if idempotency_key is not False:
            headers["Idempotency-Key"] = idempotency_key or secrets.token_hex(16)
        data = json.dumps(body).encode()
        return self.session.post(self.base_url + path, data=data, headers=headers, timeout=TIMEOUT_SECONDS)
