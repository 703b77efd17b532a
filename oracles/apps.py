#!/usr/bin/env python3
"""A connected app made of `oauth4webapi` from npm, which we did not write, against our server (docs/connected-apps.md).

    oracles/run.sh apps

An owner registers it, a member allows it: discovery, pushed request, PKCE, DPoP, private_key_jwt, the issuer in the answer,
calls of the API, refresh, revocation, for each of the three algorithms (OI-2, JWT-1).
Negative controls: requests sent twice, a proof for another address, another key, another verifier, another address of return,
plain PKCE, a request of the browser's own, a code used twice, and a disconnected app; each is refused.
"""

import html
import json
import pathlib
import re
import subprocess
import sys
import urllib.parse

import requests

from server import Server, clean_environment
from tally import Tally

HERE = pathlib.Path(__file__).resolve().parent
BACK = "https://books.example/tillward/back"
SCOPE = "view_payments take_payments"


class App:
    """The app in a process of its own."""

    def __init__(self, algorithm):
        self.process = subprocess.Popen(["node", str(HERE / "apps.mjs"), algorithm], env=clean_environment(), text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, command, **rest):
        self.process.stdin.write(json.dumps({"command": command, **rest}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the app ended; is oracles/node_modules installed?")
        return json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=10)


class Browser:
    """A member's browser, signed in."""

    def __init__(self, server, session):
        self.url = server.url
        self.jar = requests.Session()
        self.jar.cookies.set("tw_member", session)
        self.jar.headers["Accept"] = "text/html"

    def get(self, path):
        return self.jar.get(urllib.parse.urljoin(self.url, path), allow_redirects=False, timeout=15)

    def send(self, page, action, fields):
        """Sends the form of a page that posts to `action`, with its hidden fields."""
        form = re.search(rf'<form[^>]*action="{re.escape(html.escape(action))}"[^>]*>(.*?)</form>', page.text, re.S)
        if not form:
            raise RuntimeError(f"{page.url} ({page.status_code}) has no form for {action}")
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form.group(1))
        data = [(name, html.unescape(value)) for name, value in hidden] + list(fields)
        return self.jar.post(self.url + action, data=data, headers={"Origin": self.url}, allow_redirects=False, timeout=15)

    def register(self, name, key):
        fields = [("name", name), ("redirects", BACK), ("keys", json.dumps(key)), ("may", "view payments"), ("may", "take payments")]
        made = self.send(self.get("/desk/apps"), "/desk/apps", fields)
        if made.status_code != 303:
            told = re.findall(r'class="wrong"[^>]*>([^<]*)', made.text)
            raise RuntimeError(f"not registered: {made.status_code} {made.headers.get('Location')} {told}")
        return re.findall(r"app_[0-9a-z]{28}", self.get("/desk/apps").text)[0]

    def decide(self, url, decision):
        """Where the browser is sent after this decision."""
        done = self.send(self.get(url), "/oauth/authorize", [("decision", decision)])
        found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', done.text)
        return html.unescape(found.group(1)) if found else ""


class Stage:
    def __init__(self, tally, server, app, client):
        self.tally, self.server, self.app, self.client = tally, server, app, client
        self.browser = Browser(server, server.owner)
        self.payments = f"{server.url}/v1/payments"

    def begin(self, **change):
        return self.app.ask("begin", issuer=self.server.url, client_id=self.client, redirect_uri=BACK, scope=SCOPE, change=change)

    def allowed(self):
        return self.browser.decide(self.begin()["url"], "allow")

    def connect(self):
        return self.app.ask("finish", url=self.allowed())

    def call(self, **how):
        return self.app.ask("call", url=self.payments, **how)["status"]

    def refused(self, answer, error, what):
        body = answer.get("body") or {}
        self.tally.check(answer.get("status") in (400, 401) and body.get("error") == error, f"{what} is refused: {answer}")


def check_good(tally, stage):
    begun = stage.begin()
    tally.check(begun.get("status") == 201 and 5 < begun["expires_in"] < 600, f"the request is pushed: {begun}")
    page = stage.browser.get(begun["url"])
    tally.check(page.status_code == 200 and "Books" in page.text and "books.example" in page.text, "the question names the app")
    back = stage.browser.decide(begun["url"], "allow")
    tally.check(back.startswith(BACK + "?code="), f"the browser goes back to the registered address: {back[:60]}")
    done = stage.app.ask("finish", url=back)
    tally.check(done.get("status") == 200 and done["body"]["token_type"] == "dpop" and done["body"]["scope"] == SCOPE,
                f"the code is traded: {done}")
    tally.check(stage.call() == 200, "the token opens what was allowed")
    bill = {"amount_minor": 1200, "currency": "CNY"}
    tally.check(stage.call(method="POST", body=bill) == 201, "the app makes a payment")
    members = stage.app.ask("call", url=f"{stage.server.url}/v1/members")
    tally.check(members["status"] == 403, f"and nothing else: {members}")
    tally.check(stage.app.ask("refresh").get("status") == 200 and stage.call() == 200, "the token is renewed")
    stage.app.ask("revoke", which="access_token")
    tally.check(stage.call() == 401, "a revoked access token opens nothing")
    tally.check(stage.app.ask("refresh").get("status") == 200 and stage.call() == 200, "the connection went on")
    stage.app.ask("revoke", which="refresh_token")
    tally.check(stage.call() == 401, "a revoked refresh token ends all")
    stage.refused(stage.app.ask("refresh"), "invalid_grant", "its use")


def check_proofs(tally, stage):
    stage.connect()
    tally.check(stage.call() == 200, "a proof is taken")
    tally.check(stage.app.ask("again")["status"] == 401, "and not a second time")
    tally.check(stage.call(htu=f"{stage.server.url}/v1/orders") == 401, "a proof for another address is refused")
    tally.check(stage.call(key="other") == 401, "a proof by another key is refused")
    stage.app.ask("refresh")
    stage.refused(stage.app.ask("again"), "invalid_client", "an assertion that was used")
    tally.check(stage.call() == 200, "and all is well again")


def check_codes(tally, stage):
    stage.refused(stage.app.ask("finish", url=stage.allowed(), verifier="x" * 43), "invalid_grant", "another verifier")
    stage.refused(stage.app.ask("finish", url=stage.allowed(), key="other"), "invalid_grant", "a code with another key than the request's")
    other = "https://books.example/elsewhere"
    stage.refused(stage.app.ask("finish", url=stage.allowed(), redirect_uri=other), "invalid_grant", "another address of return")
    back = stage.allowed()
    stage.app.ask("finish", url=back)
    tally.check(stage.call() == 200, "a code works once")
    stage.refused(stage.app.ask("finish", url=back), "invalid_grant", "a code that comes twice")
    tally.check(stage.call() == 401, "and what came of it is over")


def check_requests(tally, stage):
    for change, error in [
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"redirect_uri": "https://evil.example/"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "manage_members"}, "invalid_scope"),
    ]:
        stage.refused(stage.begin(**change), error, f"a request with {change}")
    plain = f"/oauth/authorize?response_type=code&client_id={stage.client}&redirect_uri={urllib.parse.quote(BACK)}"
    shown = stage.browser.get(plain)
    tally.check(shown.status_code == 404 and "Location" not in shown.headers, "a request that was not pushed leads nowhere")
    url = stage.begin()["url"]
    declined = stage.app.ask("finish", url=stage.browser.decide(url, "decline"))
    tally.check("access_denied" in json.dumps(declined) or "AUTHORIZATION_RESPONSE" in json.dumps(declined), f"a no is told: {declined}")
    again = stage.browser.get(url)
    tally.check(again.status_code == 409 and "Location" not in again.headers, "and the request is decided")


def check_disconnected(tally, stage):
    stage.connect()
    tally.check(stage.call() == 200, "connected")
    page = stage.browser.get("/desk/apps")
    ends = re.findall(r'action="(/desk/apps/connections/[^"]+/end)"', page.text)
    for action in ends:
        stage.browser.send(page, action, [])
    tally.check(ends and stage.call() == 401, "one click disconnects")
    stage.refused(stage.app.ask("refresh"), "invalid_grant", "its refresh token")


def main():
    tally = Tally()
    server = Server()
    server.options = ["--public-url", server.url]
    with server:
        server.set_up()
        for algorithm in ("ES256", "PS256", "EdDSA"):
            with App(algorithm) as app:
                client = Browser(server, server.owner).register(f"Books {algorithm}", app.ask("key"))
                stage = Stage(tally, server, app, client)
                check_good(tally, stage)
                if algorithm == "ES256":
                    for check in (check_proofs, check_codes, check_requests, check_disconnected):
                        check(tally, stage)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
