#!/usr/bin/env python3
"""Mails and text messages as others receive them: `aiosmtpd`, a real SMTP server, and a gateway by docs/sms-gateway.md.

    oracles/run.sh post

Mails go over STARTTLS to a server whose certificate is good, after signing in (TLS-4). Negative controls: a certificate of
another authority, one for another host, one that is over, a server without STARTTLS, a wrong password: nothing is
delivered, and the connection was tried. Text messages have the shape that docs/sms-gateway.md promises (OTP-7); a checker of
that shape refuses messages that were altered; an answer of 503 is tried again under the same id, a redirect is not followed. An
answer that tells of a changed SIM card stops the number's codes (OTP-5); one that tells of an old change or none does not.
"""

import datetime
import email
import email.policy
import http.server
import ipaddress
import json
import logging
import pathlib
import re
import ssl
import sys
import tempfile
import threading
import time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from server import PASSWORD, PIN, Server, free_port
from tally import Tally

USER, WORD = b"tillward", b"a word for the mail server"
COMES_SECONDS_MAX = 15
STAYS_AWAY_SECONDS = 5
RETRY_SECONDS_MAX = 25
DAY = datetime.timedelta(days=1)
OWNER = "owner@shop.example"
SIM_CHANGE_DAYS = 7


# certificates

def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def new_authority(text):
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder().subject_name(name(text)).issuer_name(name(text)).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - 9 * DAY).not_valid_after(now + 9 * DAY)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return key, builder.sign(key, hashes.SHA256())


def context_of(folder, authority, host="localhost", until=DAY):
    """What a mail server with a certificate of this authority presents."""
    signer, issuer = authority
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.timezone.utc)
    names = [x509.DNSName(host)] + ([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))] if host == "localhost" else [])
    builder = x509.CertificateBuilder().subject_name(name(host)).issuer_name(issuer.subject).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - 5 * DAY).not_valid_after(now + until)
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    made = builder.sign(signer, hashes.SHA256())
    chain, private = folder / "mail.pem", folder / "mail.key"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM) + issuer.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                          serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, private)
    return context


# a mail server

class Box:
    """What a mail server was told."""

    def __init__(self):
        self.mails = []
        self.greeted = 0
        self.sign_ins = []

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        self.greeted += 1
        session.host_name = hostname
        return responses

    async def handle_DATA(self, server, session, envelope):
        secure = session.ssl is not None
        self.mails.append((secure, session.authenticated, envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return "250 taken"

    def sign_in(self, server, session, envelope, mechanism, data):
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (USER, WORD)
        self.sign_ins.append(good)
        return AuthResult(success=good, handled=True)


class MailServer:
    """An `aiosmtpd` on loopback; without a context it offers no STARTTLS."""

    def __init__(self, context):
        self.box, self.port = Box(), free_port()
        words = {"auth_require_tls": context is not None, "authenticator": self.box.sign_in,
                 "auth_required": context is not None}
        if context:
            words |= {"tls_context": context, "require_starttls": True}
        self.controller = Controller(self.box, hostname="127.0.0.1", port=self.port, **words)

    def __enter__(self):
        self.controller.start()
        return self

    def __exit__(self, *_):
        self.controller.stop()


def mailing_server(port, authority_file, word=WORD.decode()):
    server = Server()
    word = word.replace(" ", "%20")
    server.post = ["--smtp-url", f"smtp://{USER.decode()}:{word}@localhost:{port}", "--mail-from", "till@shop.example",
                   "--smtp-ca", str(authority_file)]
    return server


def wait_for(good, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not good():
        time.sleep(0.1)
    return good()


def sign_up(server, contact):
    body = {"name": "Zhang San", "contact": contact, "pin": PIN}
    return server.ask("POST", "/v1/buyers", body, expect=202)


def check_delivery(tally, folder, authority, authority_file):
    with MailServer(context_of(folder, authority)) as mail, mailing_server(mail.port, authority_file) as server:
        asked = sign_up(server, "zhang@mail.example")
        if not tally.check(wait_for(lambda: mail.box.mails, COMES_SECONDS_MAX), "a mail comes over STARTTLS"):
            print(server.printed()[-1500:])
            return
        secure, signed_in, sender, recipients, content = mail.box.mails[0]
        tally.check(secure and signed_in, "after STARTTLS and signing in")
        tally.check((sender, recipients) == ("till@shop.example", ["zhang@mail.example"]), f"{sender} to {recipients}")
        message = email.message_from_bytes(content, policy=email.policy.default)
        tally.check(message["To"] == "zhang@mail.example" and message["Message-ID"] and message["Date"], str(message.items()))
        body = message.get_content()
        found = re.search(r"(?<!\d)(\d{6})(?!\d)", body)
        tally.check(found and not re.search(r"\d{6}", message["Subject"]), "the code is in the text and not in the subject")
        path = f"/v1/buyer_sessions/{asked['id']}/verify"
        done = server.ask("POST", path, {"code": found.group(1), "device_label": "oracle"}, expect=(200, 201))
        tally.check("token" in done, "and it opens the account")
        tally.check("zhang@mail.example" not in server.printed() and WORD.decode() not in server.printed(), "the log names neither")


def check_refusals(tally, folder, authority, authority_file):
    stranger = new_authority("somebody else's authority")
    for what, context, word in [
        ("a certificate of another authority", context_of(folder, stranger), WORD.decode()),
        ("a certificate for another host", context_of(folder, authority, "mail.evil.example"), WORD.decode()),
        ("a certificate that is over", context_of(folder, authority, until=-DAY), WORD.decode()),
        ("a server without STARTTLS", None, WORD.decode()),
        ("a wrong password", context_of(folder, authority), "not the word"),
    ]:
        with MailServer(context) as mail, mailing_server(mail.port, authority_file, word) as server:
            sign_up(server, "zhang@mail.example")
            tried = wait_for(lambda: mail.box.greeted, COMES_SECONDS_MAX)
            time.sleep(STAYS_AWAY_SECONDS)
            tally.check(tried and not mail.box.mails, f"{what}: tried {tried}, delivered {len(mail.box.mails)}")
            secrets_sent = [good for good in mail.box.sign_ins if good]
            tally.check(not secrets_sent, f"{what}: the password was not given away")


# text messages

class Gateway:
    """A gateway that answers what it is told to and remembers what it got."""

    def __init__(self, answers):
        self.got, self.port, self.says = [], free_port(), b""
        gateway = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                gateway.got.append((self.path, dict(self.headers), body))
                status = answers[min(len(gateway.got), len(answers)) - 1]
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", f"http://127.0.0.1:{gateway.port}/elsewhere")
                self.send_header("Content-Length", str(len(gateway.says)))
                self.end_headers()
                self.wfile.write(gateway.says)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def lower(headers):
    return {key.lower(): value for key, value in headers.items()}


def faults(headers, body, number, host):
    """What is wrong with a request by docs/sms-gateway.md; empty when all is right."""
    found = []
    headers = lower(headers)
    if headers.get("authorization") != "Bearer a-token":
        found.append("authorization")
    if not headers.get("content-type", "").startswith("application/json"):
        found.append("content type")
    try:
        message = json.loads(body)
    except ValueError:
        return found + ["json"]
    words = {name: value for name, value in message.items() if name != "maxAge"}
    if set(words) != {"id", "to", "text", "kind"} or not all(isinstance(value, str) for value in words.values()):
        return found + ["fields"]
    if message.get("maxAge") != SIM_CHANGE_DAYS * 24:
        found.append("max age")
    if not message["id"] or headers.get("idempotency-key") != message["id"]:
        found.append("idempotency key")
    if message["to"] != number or not re.fullmatch(r"\+[1-9]\d{6,14}", message["to"]):
        found.append("number")
    if message["kind"] == "sent_code":
        # The form that browsers fill in for that host alone.
        last = message["text"].split("\n")[-1]
        code = re.search(r"(?<!\d)(\d{6})(?!\d)", message["text"])
        if not code or last != f"@{host} #{code.group(1)}":
            found.append("last line")
    return found


def texting_server(gateway):
    server = Server()
    server.options = ["--sms-url", f"http://127.0.0.1:{gateway.port}/send", "--sms-token", "a-token",
                      "--public-url", server.url.replace("127.0.0.1", "localhost")]
    return server


def check_texts(tally):
    gateway = Gateway([503, 202])
    with texting_server(gateway) as server:
        server.set_up()
        offer = server.ask("POST", "/v1/me/factors/sms", {"number": "+86 138 0013 8000"}, server.owner, 202)
        again = wait_for(lambda: len(gateway.got) >= 2, RETRY_SECONDS_MAX)
        tally.check(again, "an answer of 503 is tried again")
        (path, headers, body), (_, second_headers, second) = gateway.got[0], gateway.got[-1]
        host = f"localhost:{server.port}" if f"localhost:{server.port}" in json.loads(body)["text"] else "localhost"
        tally.check(path == "/send", path)
        wrong = faults(headers, body, "+8613800138000", host)
        tally.check(not wrong, f"the message has the shape of the description: {wrong} {body}")
        tally.check(json.loads(second)["id"] == json.loads(body)["id"] == lower(second_headers)["idempotency-key"], "the same id again")
        message = json.loads(body)
        for what, altered in [
            ("number", {**message, "to": "13800138000"}),
            ("last line", {**message, "text": message["text"] + "\nThanks!"}),
            ("last line", {**message, "text": message["text"].replace(f"@{host}", "@evil.example")}),
            ("fields", {**message, "lang": "en"}),
            ("max age", {**message, "maxAge": "168"}),
        ]:
            tally.check(faults(headers, json.dumps(altered), "+8613800138000", host) == [what], f"an altered {what} is found")
        code = re.search(r"(?<!\d)(\d{6})(?!\d)", message["text"]).group(1)
        confirm = f"/v1/me/factors/sms/{offer['id']}/confirm"
        server.ask("POST", confirm, {"request": offer["request"], "code": code}, server.owner, 200)
        tally.check(True, "and its code is taken")
        check_sim_change(tally, server, gateway)
        tally.check(code not in server.printed() and "13800138000" not in server.printed(), "the log names neither")
    elsewhere = Gateway([302])
    with texting_server(elsewhere) as server:
        server.set_up()
        server.ask("POST", "/v1/me/factors/sms", {"number": "+86 138 0013 8000"}, server.owner, 202)
        wait_for(lambda: elsewhere.got, COMES_SECONDS_MAX)
        time.sleep(STAYS_AWAY_SECONDS)
        tally.check([path for path, _, _ in elsewhere.got] == ["/send"], "a redirect is not followed, nor tried again")


def say(days=None, **words):
    """What a gateway answers that asked a SIM Swap service: in CAMARA's words."""
    at = datetime.datetime.now(datetime.timezone.utc) - DAY * (days or 0)
    found = {"latestSimChange": at.isoformat().replace("+00:00", "Z")} if days is not None else {}
    return json.dumps({**found, **words}).encode()


def second_step(server, gateway):
    """A sign-in as far as the code that came by text: (the request to send, the pending token)."""
    pending = server.ask("POST", "/v1/member_sessions", {"email": OWNER, "password": PASSWORD}, expect=202)["token"]
    before = len(gateway.got)
    asked = server.ask("POST", "/v1/second_steps/code", {"token": pending}, expect=(202, 409))
    if "id" not in asked:
        return None, pending
    wait_for(lambda: len(gateway.got) > before, COMES_SECONDS_MAX)
    # The answer is written down after the gateway gave it.
    time.sleep(1)
    code = re.search(r"(?<!\d)(\d{6})(?!\d)", json.loads(gateway.got[-1][2])["text"]).group(1)
    return {"token": pending, "kind": "sms", "code": code, "request": asked["id"]}, pending


def until_quiet(gateway):
    """Waits for notices on their way: the gateway's answer to one of them counts like any other."""
    before = -1
    while before != len(gateway.got):
        before = len(gateway.got)
        time.sleep(2)


def check_sim_change(tally, server, gateway):
    """OTP-5: a code to a number whose SIM card was changed opens nothing; an older change, or none, changes nothing."""
    wait_for(lambda: json.loads(gateway.got[-1][2])["kind"] == "factor_added", COMES_SECONDS_MAX)
    for what, says in [
        ("no change", say(latestSimChange=None)),
        ("a change of eight days ago", say(days=SIM_CHANGE_DAYS + 1)),
        ("an answer that is no JSON", b"<ok/>"),
    ]:
        gateway.says = says
        step, _ = second_step(server, gateway)
        opened = server.ask("POST", "/v1/second_steps", step, expect=(201, 403))
        tally.check("token" in opened, f"{what}: the code opens the account")
    until_quiet(gateway)
    gateway.says = say(days=SIM_CHANGE_DAYS - 1)
    step, pending = second_step(server, gateway)
    before = len(gateway.got)
    refused = server.ask("POST", "/v1/second_steps", step, expect=(201, 403))
    tally.check(refused.get("error", {}).get("code") == "second_factor_wrong", "a change of six days ago: the code is void")
    refused = server.ask("POST", "/v1/second_steps/code", {"token": pending}, expect=(202, 409))
    tally.check(refused.get("error", {}).get("code") == "sim_changed", "another one is not sent, and it is said why")
    told = wait_for(lambda: "SIM card" in mails_of(server), COMES_SECONDS_MAX)
    tally.check(told and len(gateway.got) == before, "the owner is told by mail, and not at that number")
    server.sign_in(OWNER)
    tally.check(True, "the authenticator app opens the account")


def mails_of(server):
    return "".join(path.read_text(errors="replace") for path in (server.folder / "mail").iterdir() if path.is_file())


def main():
    # The mail server prints each handshake that was refused, which is what is wanted here.
    logging.disable(logging.CRITICAL)
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="tillward-oracle-") as folder:
        folder = pathlib.Path(folder)
        authority = new_authority("the shop's authority")
        authority_file = folder / "authority.pem"
        authority_file.write_bytes(authority[1].public_bytes(serialization.Encoding.PEM))
        check_delivery(tally, folder, authority, authority_file)
        check_refusals(tally, folder, authority, authority_file)
    check_texts(tally)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
