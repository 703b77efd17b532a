#!/usr/bin/env python3
"""Sign-in at a real OpenID provider: `oidc-provider` from npm, which we did not write, behind docs/sign-in.md.

    oracles/run.sh provider

A member signs in: discovery, authorization code, PKCE, nonce, ID token, keys that change at the provider (OI-1, JWT-1); and
signs out there, in one of two browsers, which the provider's back channel tells us (OI-2).
Negative controls: the provider gives an ID token, rightly signed, with another nonce, another audience, another issuer, or
by another key under the same name; a state is used twice, a code is brought to another sign-in; each is refused.
"""

import os
import pathlib
import re
import subprocess
import sys
import time
import urllib.parse

import requests

from server import Server, clean_environment, free_port
from tally import Tally

HERE = pathlib.Path(__file__).resolve().parent
BEGIN = "/sign-in/outside"
START_SECONDS_MAX = 20
# Keys are asked for again not more than once a minute.
KEYS_EVERY_SECONDS = 60


class Foreign:
    """The provider in a process of its own."""

    def __init__(self, port, back, **settings):
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        environment = {**clean_environment(), **settings}
        self.process = subprocess.Popen(["node", str(HERE / "provider.mjs"), str(port), back], env=environment,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        deadline = time.monotonic() + START_SECONDS_MAX
        for line in self.process.stdout:
            if line.strip() == "ready":
                return
            if time.monotonic() > deadline:
                break
        raise RuntimeError("oidc-provider does not start; is oracles/node_modules installed?")

    def set(self, **what):
        requests.get(f"{self.url}/control", params=what, timeout=5).raise_for_status()

    def told(self):
        """What our address for logouts answered to the provider, each time."""
        return requests.get(f"{self.url}/control", timeout=5).json()["told"]

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Browser:
    """Cookies by host and port, as if each server had a name of its own."""

    def __init__(self, server):
        self.server = server
        self.jars = {}

    def get(self, url):
        netloc = urllib.parse.urlsplit(url).netloc
        jar = self.jars.setdefault(netloc, requests.Session())
        return jar.get(url, allow_redirects=False, timeout=15)

    def follow(self, url, until):
        """Follows redirects until one leads to an address with `until`; gives that address."""
        for _ in range(12):
            answer = self.get(url)
            if answer.status_code not in (301, 302, 303, 307):
                raise RuntimeError(f"{url} answered {answer.status_code}: {answer.text[:300]}")
            url = urllib.parse.urljoin(url, answer.headers["Location"])
            if until in url:
                return url
        raise RuntimeError(f"no way to {until}")

    def back(self):
        """Goes to the provider and gives the address it sends back to."""
        return self.follow(self.server.url + BEGIN, "/sign-in/outside/back?")

    def sign_in(self):
        return self.get(self.back())

    def is_in(self):
        return self.get(self.server.url + "/desk").status_code == 200


def new_server():
    """A server that trusts a provider on the port, and that port."""
    server, port = Server(), free_port()
    secret = server.folder / "oidc-secret"
    secret.write_text("a secret of the client, and long enough")
    secret.chmod(0o600)
    server.options = ["--oidc-issuer", f"http://127.0.0.1:{port}", "--oidc-client-id", "tillward", "--oidc-client-secret-file",
                  str(secret), "--oidc-label", "House", "--oidc-second-factors", "otp,hwk",
                  "--public-url", server.url]
    return server, port, f"{server.url}/sign-in/outside/back"


def check_good(tally, server, foreign):
    browser = Browser(server)
    page = browser.get(server.url + "/sign-in").text
    tally.check("House" in page, "the page of sign-in offers the provider by its name")
    url = browser.follow(server.url + BEGIN, "/auth?")
    asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
    tally.check(asked.get("code_challenge_method") == "S256" and len(asked.get("code_challenge", "")) == 43, "PKCE is asked for")
    tally.check(asked.get("response_type") == "code" and "openid" in asked.get("scope", "").split(), f"asked: {asked}")
    tally.check(len(asked.get("state", "")) > 40 and len(asked.get("nonce", "")) > 40, "state and nonce hold much chance")

    answer = Browser(server).sign_in()
    second = answer.headers.get("Location", "")
    tally.check(answer.status_code == 303 and second.startswith("/sign-in/step"), f"without a second factor there ours is asked: {second}")

    foreign.set(amr="pwd otp")
    browser = Browser(server)
    answer = browser.sign_in()
    tally.check(answer.status_code == 303 and browser.is_in(), f"with one there the member is in: {answer.status_code}")

    check_sign_out(tally, server, foreign, browser)

    foreign.set(email="else@shop.example")
    browser = Browser(server)
    browser.sign_in()
    tally.check(browser.is_in(), "bound by the provider's name for the person, whatever the address is now")
    foreign.set(email="owner@shop.example", subject="person-2")
    tally.check(Browser(server).sign_in().status_code == 403, "another person with the member's address is not let in")
    foreign.set(email="stranger@shop.example", subject="person-3")
    tally.check(Browser(server).sign_in().status_code == 403, "a stranger is not let in")
    foreign.set(email="owner@shop.example", subject="person-1")


def check_sign_out(tally, server, foreign, first):
    """One of two browsers signs out at the provider, which tells us over its back channel (OI-2)."""
    second = Browser(server)
    second.sign_in()
    tally.check(first.is_in() and second.is_in(), "two browsers are in")
    page = second.get(f"{foreign.url}/session/end").text
    xsrf = re.search(r'name="xsrf" value="([^"]+)"', page)
    tally.check(xsrf is not None, "the provider asks whether to sign out")
    jar = second.jars[urllib.parse.urlsplit(foreign.url).netloc]
    form = {"xsrf": xsrf.group(1), "logout": "yes"}
    done = jar.post(f"{foreign.url}/session/end/confirm", data=form, allow_redirects=False, timeout=15)
    told = foreign.told()
    tally.check(done.status_code in (200, 302, 303) and told == [200], f"it told us: {told}")
    tally.check(not second.is_in(), "that browser is signed out here with its next request")
    tally.check(first.is_in(), "and the other one is not")


def check_misuse(tally, server):
    browser = Browser(server)
    back = browser.back()
    kept = browser.jars[urllib.parse.urlsplit(server.url).netloc].cookies.copy()
    tally.check(browser.get(back).status_code == 303, "the first time a state is taken")
    jar = browser.jars[urllib.parse.urlsplit(server.url).netloc]
    jar.cookies.clear()
    jar.cookies.update(kept)
    tally.check(browser.get(back).status_code == 403, "the second time it is not")

    mine, theirs = Browser(server), Browser(server)
    one, two = mine.back(), theirs.back()
    tally.check(mine.get(two).status_code == 403, "a state of another browser is refused")
    code = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(one).query))["code"]
    crossed = re.sub(r"code=[^&]+", f"code={urllib.parse.quote(code)}", two)
    tally.check(theirs.get(crossed).status_code in (403, 502), "a code of another sign-in fails at the provider: PKCE")
    named = Browser(server)
    wrong = re.sub(r"iss=[^&]+", "iss=https%3A%2F%2Fevil.example", named.back())
    tally.check("evil" in wrong and named.get(wrong).status_code == 403, "an answer of another issuer is refused (RFC 9207)")


def check_faults(tally, server, foreign):
    for fault in ("nonce", "audience"):
        foreign.set(fault=fault)
        browser = Browser(server)
        answer = browser.sign_in()
        tally.check(answer.status_code == 403 and not browser.is_in(), f"another {fault} is refused: {answer.status_code}")
    foreign.set(fault="none")
    browser = Browser(server)
    tally.check(browser.sign_in().status_code == 303 and browser.is_in(), "and then all is well again")


def check_keys(tally, server, foreign, back, fetched):
    """The provider changes its key; then it signs by another key under a name that is known."""
    port = foreign.port
    foreign.stop()
    foreign = Foreign(port, back, KEY_NAME="second")
    foreign.set(amr="otp")
    time.sleep(max(0.0, KEYS_EVERY_SECONDS + 5 - (time.monotonic() - fetched)))
    browser = Browser(server)
    tally.check(browser.sign_in().status_code == 303 and browser.is_in(), "a new key of the provider is learned")
    foreign.stop()
    foreign = Foreign(port, back, KEY_NAME="second")
    foreign.set(amr="otp")
    browser = Browser(server)
    answer = browser.sign_in()
    tally.check(answer.status_code == 403 and not browser.is_in(), f"another key by a known name is refused: {answer.status_code}")
    foreign.stop()


def check_issuers(tally):
    """A provider that calls itself otherwise, in its description or in its tokens alone."""
    for what, settings, expected in [
        ("in its description", lambda port: {"ISSUER": f"http://localhost:{port}"}, 502),
        ("in its tokens", lambda port: {"ISSUER": f"http://localhost:{port}", "CLAIM_ISSUER": f"http://127.0.0.1:{port}"}, 403),
    ]:
        server, port, back = new_server()
        foreign = Foreign(port, back, **settings(port))
        try:
            with server:
                server.set_up()
                foreign.set(amr="otp")
                browser = Browser(server)
                first = browser.get(server.url + BEGIN)
                answer = first if first.status_code != 303 else browser.sign_in()
                tally.check(answer.status_code == expected and not browser.is_in(),
                            f"another issuer {what} is refused: {answer.status_code}")
        finally:
            foreign.stop()


def main():
    tally = Tally()
    server, port, back = new_server()
    foreign = Foreign(port, back)
    try:
        with server:
            server.set_up()
            fetched = time.monotonic()
            check_good(tally, server, foreign)
            check_misuse(tally, server)
            check_faults(tally, server, foreign)
            check_keys(tally, server, foreign, back, fetched)
    finally:
        foreign.stop()
    check_issuers(tally)
    return tally.close()


if __name__ == "__main__":
    os.environ.setdefault("NODE_ENV", "test")
    sys.exit(main())
