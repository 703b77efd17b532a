#!/usr/bin/env python3
"""RFC 9421 from both ends: the PyPI package `http-message-signatures` signs what we verify and verifies what we sign.

    oracles/run.sh signatures

Our end is `crates/webkit/examples/signing_peer.rs`. Requirements SIG-1, SIG-2, SIG-3, SIG-4. Negative controls: altered
bodies, hosts, methods, queries, idempotency keys, wrong keys and stale times, refused by both ends.
"""

import base64
import datetime
import hashlib
import json
import pathlib
import secrets
import subprocess
import sys
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives import serialization
from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier, MappingKeyResolver, algorithms
import http_message_signatures

from tally import Tally

ROOT = pathlib.Path(__file__).resolve().parent.parent
TAG = "tillward-v1"
ALGORITHMS = {"hmac-sha256": algorithms.HMAC_SHA256, "ed25519": algorithms.ED25519}
READ = ["@method", "@authority", "@path", "@query"]
WRITE = READ + ["content-type", "content-digest"]


class Peer:
    """Our implementation in a process of its own."""

    def __init__(self):
        command = ["cargo", "run", "--quiet", "--package", "webkit", "--example", "signing_peer"]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **task):
        self.process.stdin.write(json.dumps(task) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)


class Request:
    """The message as http-message-signatures wants it."""

    def __init__(self, task, headers):
        self.method = task["method"]
        self.url = f"{task['scheme']}://{task['authority']}{task['target']}"
        self.headers = headers


def keys():
    """(algorithm, our secret in hex, our public in hex, their resolver)."""
    secret = secrets.token_bytes(32)
    resolver = MappingKeyResolver(public_keys={"ours": secret, "theirs": secret}, private_keys={"theirs": secret})
    yield "hmac-sha256", secret.hex(), secret.hex(), resolver
    private = Ed25519PrivateKey.from_private_bytes(secret)
    public = private.public_key()
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    resolver = MappingKeyResolver(public_keys={"ours": public, "theirs": public}, private_keys={"theirs": private})
    yield "ed25519", secret.hex(), raw.hex(), resolver


def tasks():
    """Requests of every shape a client may send."""
    plain = {"method": "POST", "scheme": "https", "authority": "pay.example", "target": "/v1/payments"}
    body = '{"amount_minor":1280,"note":"茶 & cake"}'
    write = {**plain, "body": body, "content_type": "application/json", "idempotency_key": None}
    yield "write", write
    yield "write once", {**write, "idempotency_key": "order-17/attempt-1"}
    yield "empty body", {**write, "body": ""}
    yield "large body", {**write, "body": "x" * 60_000}
    yield "query", {**write, "target": "/v1/payments?a=1&b=%20&c"}
    yield "empty query", {**write, "target": "/v1/payments?"}
    yield "port", {**write, "authority": "pay.example:8443"}
    yield "http", {**write, "scheme": "http", "authority": "localhost:8080"}
    read = {**plain, "method": "GET", "body": "", "content_type": None, "idempotency_key": None}
    yield "read", read
    yield "read with query", {**read, "target": "/v1/payments?state=paid&limit=50"}
    yield "escaped path", {**read, "target": "/v1/payments/a%2Fb"}


def they_sign(task, algorithm, resolver, created):
    headers = {}
    covered = list(READ)
    if task["content_type"]:
        covered = list(WRITE)
        digest = base64.b64encode(hashlib.sha256(task["body"].encode()).digest()).decode()
        headers["content-type"] = task["content_type"]
        headers["content-digest"] = f"sha-256=:{digest}:"
    if task["idempotency_key"]:
        headers["idempotency-key"] = task["idempotency_key"]
        covered.append("idempotency-key")
    moment = datetime.datetime.fromtimestamp(created, datetime.timezone.utc)
    signer = HTTPMessageSigner(signature_algorithm=ALGORITHMS[algorithm], key_resolver=resolver)
    signer.sign(
        Request(task, headers),
        key_id="theirs",
        created=moment,
        expires=moment + datetime.timedelta(seconds=300),
        nonce=secrets.token_hex(16),
        tag=TAG,
        label="sig1",
        covered_component_ids=covered,
        use_existing_digest="content-digest" in headers,
    )
    return {name.lower(): value for name, value in headers.items()}


def they_accept(task, algorithm, resolver, headers):
    verifier = HTTPMessageVerifier(signature_algorithm=ALGORITHMS[algorithm], key_resolver=resolver)
    needed = WRITE if task["content_type"] else READ
    body = task["body"].encode() if task["content_type"] else None
    try:
        verifier.verify(
            Request(task, headers),
            max_age=datetime.timedelta(seconds=300),
            expect_tag=TAG,
            require_components=needed,
            body=body,
        )
    except http_message_signatures.HTTPMessageSignaturesException:
        return False
    return True


def altered(task):
    """The same request with one thing changed after signing."""
    if task["content_type"]:
        yield "body", {**task, "body": task["body"] + " "}
    if task["idempotency_key"]:
        yield "idempotency key", {**task, "idempotency_key": "another"}
    yield "host", {**task, "authority": "evil.example"}
    yield "method", {**task, "method": "PUT" if task["method"] == "POST" else "HEAD"}
    yield "query", {**task, "target": task["target"].split("?")[0] + "?x=1"}
    yield "path", {**task, "target": "/v2" + task["target"][3:]}


def check(peer, tally, name, task, algorithm, secret, public, resolver):
    now = int(time.time())
    ours = {"algorithm": algorithm, "now": now, **task}
    what = f"{algorithm}, {name}"

    theirs = they_sign(task, algorithm, resolver, now)
    answer = peer.ask(do="verify", key=public, headers=theirs, **ours)
    tally.check(answer.get("accepted") == "theirs", f"{what}: we accept what they sign, got {answer}")
    signed = peer.ask(do="sign", key=secret, **ours)["headers"]
    tally.check(they_accept(task, algorithm, resolver, signed), f"{what}: they accept what we sign")

    for part, other in altered(task):
        headers = dict(theirs)
        if part == "idempotency key":
            headers["idempotency-key"] = "another"
        answer = peer.ask(do="verify", key=public, headers=headers, algorithm=algorithm, now=now, **other)
        tally.check("refused" in answer, f"{what}: we refuse another {part}, got {answer}")
        if part != "idempotency key":
            tally.check(not they_accept(other, algorithm, resolver, signed), f"{what}: they refuse another {part}")

    stale = {**ours, "now": now + 301}
    answer = peer.ask(do="verify", key=public, headers=theirs, **stale)
    tally.check("refused" in answer, f"{what}: we refuse a signature 301 s old, got {answer}")
    wrong = peer.ask(do="verify", key=other_key(algorithm), headers=theirs, **ours)
    tally.check(wrong == {"refused": "signature_wrong"}, f"{what}: we refuse another key, got {wrong}")


def other_key(algorithm):
    private = Ed25519PrivateKey.generate().public_key()
    raw = private.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return raw.hex() if algorithm == "ed25519" else secrets.token_hex(32)


def main():
    tally = Tally()
    peer = Peer()
    for algorithm, secret, public, resolver in keys():
        for name, task in tasks():
            check(peer, tally, name, task, algorithm, secret, public, resolver)
    peer.close()
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
