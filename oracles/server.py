"""A `tillward serve` of our own on loopback, with a shop, an API key, members and buyers, made as their clients would."""

import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import requests

from client import Shop
from totp import App

ROOT = pathlib.Path(__file__).resolve().parent.parent
START_SECONDS_MAX = 30
MAIL_SECONDS_MAX = 60
PASSWORD = "correct horse battery staple 7"
PIN = "482916"


def program():
    """The program under test: what TILLWARD_PROGRAM names, else the development build."""
    return os.environ.get("TILLWARD_PROGRAM") or str(ROOT / "target" / "debug" / "tillward")


def clean_environment():
    """The program refuses settings it does not know, so ours are kept from it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TILLWARD_")}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """Use as `with Server() as server:`; the folder goes with it."""

    def __init__(self, database_url=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tillward-oracle-"))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.database_url = database_url
        self.tls = []
        self.post = ["--mail-folder", str(self.folder / "mail")]
        self.options = []
        self.environment = {}
        self.trusted = True
        self.process = None
        self.owner = None
        self.apps = {}

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        command = [program(), "serve", "--data", str(self.folder / "data"), "--key-file", str(self.folder / "root.key"),
                   "--listen", f"127.0.0.1:{self.port}", *self.post]
        if self.database_url:
            command += ["--database-url", self.database_url]
        command += self.tls + self.options
        (self.folder / "mail").mkdir(exist_ok=True)
        self.log = open(self.folder / "log.txt", "ab")
        environment = {**clean_environment(), **self.environment}
        self.process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=subprocess.STDOUT)
        self.wait()

    def use_tls(self, chain, key):
        """From the next start on the server speaks TLS with this certificate, which our own requests then trust."""
        self.tls = ["--tls-certificate", str(chain), "--tls-key", str(key), "--public-url", f"https://localhost:{self.port}"]
        self.url = f"https://localhost:{self.port}"
        self.trusted = str(chain)

    def wait(self):
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                requests.get(f"{self.url}/openapi.json", timeout=2, verify=self.trusted).close()
                return
            except requests.RequestException:
                time.sleep(0.05)
        raise RuntimeError(f"tillward does not start:\n{self.printed()[-3000:]}")

    def printed(self):
        return (self.folder / "log.txt").read_text(errors="replace")

    def kill(self):
        """As a power switch would: no time to clean up."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.log.close()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.log.close()

    def command(self, *arguments):
        """Runs another command of the program on the same data: (exit code, output)."""
        data = ["--data", str(self.folder / "data"), "--key-file", str(self.folder / "root.key")]
        done = subprocess.run([program(), *arguments, *data], env=clean_environment(), capture_output=True, text=True,
                              timeout=120)
        return done.returncode, done.stdout + done.stderr

    # the shop

    def set_up(self):
        """First start: the link the program printed makes the shop and its owner."""
        links = re.findall(r"https?://\S+?/set-?up/?\S*?([A-Za-z0-9_-]{20,})", self.printed())
        if not links:
            raise RuntimeError(f"no set-up link was printed:\n{self.printed()[-2000:]}")
        shop = {"name": "Tea House", "city": "Hangzhou", "country": "CN", "category": "5499", "currency": "CNY"}
        body = {"token": links[-1], "shop": shop, "password": PASSWORD,
                "owner": {"name": "Mei Lin", "email": "owner@shop.example"}}
        made = self.ask("POST", "/v1/setup", body, expect=201)
        self.shop_id = made["shop"]["id"]
        self.owner = self.sign_in("owner@shop.example")
        return made

    def sign_in(self, email):
        """Both steps of a member's sign-in; the first time it sets an authenticator app up."""
        body = {"email": email, "password": PASSWORD}
        first = self.ask("POST", "/v1/member_sessions", body, expect=(201, 202))
        if "factors" in first:
            body = {"token": first["token"], "kind": "totp", "code": self.apps[email].fresh()}
            return self.ask("POST", "/v1/second_steps", body, expect=201)["token"]
        offer = self.ask("POST", "/v1/me/factors/totp", {"label": "oracle"}, first["token"], 201)
        self.apps[email] = App(offer["key"])
        path = f"/v1/me/factors/totp/{offer['id']}/confirm"
        done = self.ask("POST", path, {"code": self.apps[email].fresh()}, first["token"])
        return done["session"]["token"]

    def api_key(self, role="integration"):
        if not self.owner:
            self.set_up()
        made = self.ask("POST", "/v1/api_keys", {"label": "oracle", "role": role}, self.owner, 201)
        return made["key"]["id"], made["secret"]

    def shop(self):
        key, secret = self.api_key()
        return Shop(self.url, key, secret.encode())

    def buyer(self, name="Zhang San"):
        """Signs a new buyer up with the code from the mail folder; gives the session."""
        contact = f"buyer-{secrets.token_hex(4)}@mail.example"
        asked = self.ask("POST", "/v1/buyers", {"name": name, "contact": contact, "pin": PIN}, expect=202)
        code = self.mailed_code(contact)
        path = f"/v1/buyer_sessions/{asked['id']}/verify"
        return self.ask("POST", path, {"code": code, "device_label": "oracle"}, expect=(200, 201))

    def mailed_code(self, contact):
        """The six digits of the newest mail to `contact`."""
        deadline = time.monotonic() + MAIL_SECONDS_MAX
        while time.monotonic() < deadline:
            for mail in sorted((self.folder / "mail").iterdir(), key=lambda file: file.stat().st_mtime, reverse=True):
                text = mail.read_text(errors="replace")
                body = text.split("\n\n", 1)[-1]
                found = re.search(r"(?<!\d)(\d{6})(?!\d)", body)
                if contact in text and found:
                    return found.group(1)
            time.sleep(0.1)
        raise RuntimeError(f"no mail with a code came for {contact}")

    def mailed_link(self, contact):
        """What the link in a mail to `contact` ends with."""
        deadline = time.monotonic() + MAIL_SECONDS_MAX
        while time.monotonic() < deadline:
            for mail in (self.folder / "mail").iterdir():
                text = mail.read_text(errors="replace").replace("=\n", "")
                found = re.search(r"https?://\S+/([A-Za-z0-9_-]{20,})", text)
                if contact in text and found:
                    return found.group(1)
            time.sleep(0.1)
        raise RuntimeError(f"no mail with a link came for {contact}")

    def ask(self, method, path, body=None, bearer=None, expect=200):
        """One request with a session; an answer that was not expected ends the oracle with its text."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": secrets.token_hex(16)}
        if bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        data = None if body is None else json.dumps(body).encode()
        answer = requests.request(method, self.url + path, data=data, headers=headers, timeout=30,
                                  verify=self.trusted)
        expected = expect if isinstance(expect, tuple) else (expect,)
        if answer.status_code not in expected:
            raise RuntimeError(f"{method} {path} answered {answer.status_code}: {answer.text[:500]}")
        return answer.json() if answer.content else None

    def callers(self):
        """Who the API fuzzer plays: nobody, the shop's key, the owner, a buyer."""
        key, secret = self.api_key()
        hooks = {"SCHEMATHESIS_HOOKS": "api_hooks"}
        buyer = self.buyer()["token"]
        return {
            "nobody": {},
            "key": {**hooks, "TILLWARD_KEY_ID": key, "TILLWARD_KEY": secret},
            "owner": {**hooks, "TILLWARD_BEARER": self.owner},
            "buyer": {**hooks, "TILLWARD_BEARER": buyer},
        }
