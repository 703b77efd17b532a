#!/usr/bin/env python3
"""Lets schemathesis, an API fuzzer, exercise our OpenAPI description: no server error, no answer that is not described.

    oracles/run.sh api
    TILLWARD_URL=http://127.0.0.1:PORT TILLWARD_KEY_ID=key_… TILLWARD_KEY=tw_live_… oracles/run.sh api

Without TILLWARD_URL it starts its own server. Requests are signed by `client.py`; buyer and member sessions are tried as
well. The description itself is judged by `redocly lint`. Requirement FZ-1. Negative control: `planted_server.py`, whose
three faults must be found first and brought again by the `curl` that is printed with each.
"""

import copy
import json
import os
import pathlib
import re
import shlex
import socket
import subprocess
import sys
import tempfile
import time
import types
import urllib.error
import urllib.request

import requests
from http_message_signatures import HTTPMessageSignaturesException, HTTPMessageVerifier, MappingKeyResolver, algorithms

from client import Shop
from tally import Tally

HERE = pathlib.Path(__file__).resolve().parent
REDOCLY = HERE / "node_modules" / ".bin" / "redocly"
CONFIG = HERE / "schemathesis.toml"
EXAMPLES = int(os.environ.get("TILLWARD_ORACLE_EXAMPLES", "60"))
PLANTED_EXAMPLES = 30
RUN_SECONDS_MAX = 1500
START_SECONDS_MAX = 15
# What must be found on the planted server.
PLANTED = ["ST101", "ST108", "ST204"]
# Checks left out on our server, with the reason. The planted server gets all.
LEFT_OUT = {
    "positive_data_acceptance": "a schema cannot say which tokens, links, roles and codes exist; they are 400 or 422",
    "ignored_auth": "the hook signs each request again, also those whose credentials the fuzzer took away",
    "missing_required_header": "a body that cannot be read is refused before we ask who sends it",
}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(url):
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    return False


def fuzz(url, examples, environment=None, left_out=()):
    """(failures by code, number of requests, whole report)."""
    command = [
        str(pathlib.Path(sys.executable).with_name("schemathesis")), "--config-file", str(CONFIG), "run", f"{url}/openapi.json", "--checks", "all",
        "--continue-on-failure", "--max-examples", str(examples), "--no-color", "--seed", "20", "--request-timeout", "20",
    ]
    if left_out:
        command += ["--exclude-checks", ",".join(left_out)]
    environment = {**os.environ, "PYTHONPATH": str(HERE), **(environment or {})}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=RUN_SECONDS_MAX)
    report = done.stdout + done.stderr
    failures = dict(re.findall(r"❌ (ST\d+ [^:\n]+): (\d+)", report))
    cases = re.search(r"(\d+) generated", report)
    return failures, int(cases.group(1)) if cases else 0, report


def check_planted(tally):
    port = free_port()
    server = subprocess.Popen([sys.executable, str(HERE / "planted_server.py"), str(port)])
    try:
        wait_for(f"http://127.0.0.1:{port}/openapi.json")
        failures, _, report = fuzz(f"http://127.0.0.1:{port}", PLANTED_EXAMPLES)
        check_replays(tally, report)
    finally:
        server.terminate()
        server.wait(timeout=10)
    for code in PLANTED:
        found = any(name.startswith(code) for name in failures)
        tally.check(found, f"the planted fault {code} is found; the report ends:\n{report[-1500:]}")


def check_replays(tally, report):
    """Each failure is told with a `curl` that brings it again: the same status. A signature counts once, so what a hook signed
    is sent again by `client.py` with the body of that `curl`."""
    told = re.findall(r"^\[(\d{3})\][^\n]*:\n(?:(?!^\[\d{3}\]).)*?^Reproduce with:\s+(curl [^\n]+)$", report, re.M | re.S)
    tally.check(len(told) >= 3, f"{len(told)} failures are told with a curl")
    for status, line in told:
        command = ["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--max-time", "20", *shlex.split(line)[1:]]
        done = subprocess.run(command, capture_output=True, text=True)
        tally.check(done.stdout == status, f"a curl brings {status} again, got {done.stdout} {done.stderr[:200]}")


def lint(description):
    """Whether the linter of another project finds no error in an OpenAPI description."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(json.dumps(description))
        file.flush()
        done = subprocess.run([str(REDOCLY), "lint", file.name], capture_output=True, text=True, timeout=RUN_SECONDS_MAX,
                              env={**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"})
    return done.returncode == 0, done.stdout + done.stderr


def check_description(tally, url):
    """FZ-1: the description passes `redocly lint`; one without an answer's words, and one with a loose end, do not."""
    description = requests.get(f"{url}/openapi.json", timeout=20).json()
    good, report = lint(description)
    tally.check(good, f"redocly finds no error in the description; the report ends:\n{report[-1500:]}")
    silent = copy.deepcopy(description)
    del silent["paths"]["/v1/orders"]["get"]["responses"]["200"]["description"]
    tally.check(not lint(silent)[0], "redocly misses the words of an answer")
    loose = copy.deepcopy(description)
    loose["components"]["schemas"].pop("ErrorBody")
    tally.check(not lint(loose)[0], "redocly finds a reference to nothing")


def check_server(tally, url, callers):
    """One run for each kind of caller; what a caller may not do must be refused as described, never with a 5xx."""
    for name, environment in callers.items():
        failures, cases, report = fuzz(url, EXAMPLES, environment, LEFT_OUT)
        log = HERE.parent / "target" / f"schemathesis-{name}.txt"
        log.write_text(report)
        tally.check(cases > 0, f"{name}: requests were made; the report ends:\n{report[-1500:]}")
        for failure, count in failures.items():
            tally.check(False, f"{name}: {failure}, {count} times; see {log.relative_to(HERE.parent)}")
        tally.check(not failures, f"{name}: {cases} requests without a failure")
        print(f"{name}: {cases} requests", flush=True)


def check_answers(tally, server):
    """SIG-8: `http-message-signatures` verifies our signed answers, and refuses one moved to another request."""
    key, secret = server.api_key()
    order = {"amount_minor": 1280, "currency": "CNY", "reference": "A-1"}
    shop = Shop(server.url, key, secret.encode())
    first, second = shop.post("/v1/orders", order), shop.post("/v1/orders", order)
    for answer in (first, second, shop.get("/v1/orders", limit=1)):
        tally.check(is_signed(answer, answer.request, key, secret), f"the answer to {answer.request.path_url} is signed")
    tally.check(not is_signed(first, second.request, key, secret), "an answer moved to another request is refused")
    replayed = requests.Session().send(first.request, timeout=20)
    tally.check(replayed.status_code == 401, f"a replayed request is refused, got {replayed.status_code}")


def is_signed(answer, request, key, secret):
    resolver = MappingKeyResolver(public_keys={key: secret.encode()}, private_keys={})
    verifier = HTTPMessageVerifier(signature_algorithm=algorithms.HMAC_SHA256, key_resolver=resolver)
    needed = ("@status", "content-digest", '"@method";req', '"signature";req;key="sig1"')
    message = types.SimpleNamespace(status_code=answer.status_code, headers=answer.headers, request=request)
    try:
        verifier.verify(message, expect_tag="tillward-v1-response", require_components=needed, body=answer.content)
    except HTTPMessageSignaturesException:
        return False
    return True


def main():
    tally = Tally()
    check_planted(tally)
    url = os.environ.get("TILLWARD_URL")
    if url:
        callers = {"key": {"SCHEMATHESIS_HOOKS": "api_hooks"}}
        check_server(tally, url, callers)
    else:
        from server import Server

        with Server() as server:
            check_description(tally, server.url)
            check_answers(tally, server)
            check_server(tally, server.url, server.callers())
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
