#!/usr/bin/env python3
"""Passkeys in a real browser, with Chromium's virtual authenticator: adding one, signing in, confirming a payment, removing;
first a buyer's, then a member's, who comes in with it alone, without password and code; and a member's where the
operator names the makers whose devices count.

    oracles/run.sh passkeys

A `tillward serve` of our own on localhost. Refusals that a browser would never send are sent over HTTP with what the
browser signed: a touch for one payment on another, one that was used, and one made without checking who holds the device
(negative control: the same touch on its own payment goes through). Pictures go to target/test-logs/screens.
"""

import base64
import re
import ssl
import sys

from selenium.webdriver.common.virtual_authenticator import VirtualAuthenticatorOptions

from client import Shop
from server import PIN, Server
from tally import Tally
from visitor import NARROW, WIDE, Visitor
from walk import NAMES, SHOTS

# Asks for options with the session, touches the authenticator, and gives what it signed.
TOUCH = """
const [asked, kind, demand, done] = arguments;
asked.publicKey.userVerification = demand;
const made = kind === 'create'
    ? navigator.credentials.create({publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(asked.publicKey)})
    : navigator.credentials.get({publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked.publicKey)});
made.then(found => done(found.toJSON()), error => done({error: error.name}));
"""


def plug_in(person, verified=True):
    """An authenticator of the device's own, with room for passkeys and a finger that is the right one."""
    options = VirtualAuthenticatorOptions(protocol=VirtualAuthenticatorOptions.Protocol.CTAP2,
                                          transport=VirtualAuthenticatorOptions.Transport.INTERNAL,
                                          has_resident_key=True, has_user_verification=True,
                                          is_user_consenting=True, is_user_verified=verified)
    person.driver.add_virtual_authenticator(options)


def touch(person, asked, kind="get", demand="required"):
    return person.driver.execute_async_script(TOUCH, asked, kind, demand)


def bill(server, shop, amount_minor):
    made = shop.post("/v1/payments", {"amount_minor": amount_minor, "currency": "CNY"})
    return made.json()


def operator(server):
    """The key of whoever runs the installation; it is made while nobody serves."""
    server.stop()
    code, said = server.command("operator-key")
    if code:
        raise RuntimeError(f"no operator's key: {said}")
    server.start()
    key, secret = (re.search(rf"{name}\s+(\S+)", said).group(1) for name in ("keyid", "secret"))
    return Shop(server.url, key, secret.encode())


def sign_up(server, person, purse):
    """A buyer who is signed in in the browser, with some money; gives the API session as well."""
    buyer = server.buyer()
    purse.post("/v1/top_ups", {"buyer": buyer["buyer"], "amount_minor": 100_000, "currency": "CNY"}).raise_for_status()
    person.go(server.url)
    person.driver.add_cookie({"name": "tw_buyer", "value": buyer["token"], "path": "/"})
    return buyer


def add(server, person):
    person.go(f"{server.url}/me/security/passkey")
    person.look("passkey-new")
    person.check_focus("passkey-new")
    person.fill(label="phone", pin=PIN)
    person.press("form[data-passkey] button.do")
    person.check(person.until(lambda: not person.at("/passkey")), "a passkey is added")


def confirm(server, person, payment, name):
    person.go(f"{server.url}/pay/{payment['id']}")
    person.until(lambda: person.has("form[data-passkey]:not([hidden])"))
    person.look(f"pay-passkey-{name}")
    words = person.words("main")
    person.check("12.80" in words and "Tea House" in words, f"amount and payee stand above the button: {words[:200]}")
    person.press("form[data-passkey] button.do")
    person.check(person.until(lambda: person.has("[role=status] .sum")), "a payment is confirmed by passkey")
    person.look(f"receipt-passkey-{name}")


def replay(server, person, buyer, shop, tally):
    """What the browser signed for one payment opens no other."""
    token = buyer["token"]
    ask = lambda payment: server.ask("POST", f"/v1/payments/{payment['id']}/passkey_challenge", {}, token)
    meant, other, dearer = (bill(server, shop, minor) for minor in (1_000, 1_000, 9_000))
    asked, theirs = ask(meant), ask(other)
    person.go(server.url)
    signed = touch(person, asked)
    tally.check("response" in signed, f"the authenticator signs: {signed}")
    send = lambda payment, challenge, status: server.ask(
        "POST", f"/v1/payments/{payment['id']}/confirm",
        {"amount_minor": payment["amount_minor"], "currency": "CNY", "payee": challenge["payee"],
         "nonce": challenge["nonce"], "passkey": signed}, token, status)
    for name, payment, challenge in [("another payment", other, asked), ("another payment's nonce", other, theirs),
                                     ("another amount", dearer, ask(dearer))]:
        refused = send(payment, challenge, 403)
        tally.check(refused["error"]["code"] == "passkey_refused", f"a touch is worth nothing for {name}: {refused}")
    paid = send(meant, asked, 200)
    tally.check(paid["state"] == "paid", f"and pays what it was meant for: {paid}")
    again = send(meant, asked, 409)
    tally.check(again["error"]["code"] == "payment_not_waiting", f"once: {again}")


def refuse_unverified(server, person, buyer, shop, tally):
    """A touch without finger, face or code, as a page of a thief would ask for."""
    token = buyer["token"]
    payment = bill(server, shop, 1_000)
    asked = server.ask("POST", f"/v1/payments/{payment['id']}/passkey_challenge", {}, token)
    person.driver.set_user_verified(False)
    signed = touch(person, asked, demand="discouraged")
    body = {"amount_minor": 1_000, "currency": "CNY", "payee": asked["payee"], "nonce": asked["nonce"], "passkey": signed}
    refused = server.ask("POST", f"/v1/payments/{payment['id']}/confirm", body, token, 403)
    tally.check("who holds it" in refused["error"]["message"], f"without verification nothing is paid: {refused}")
    person.go(f"{server.url}/pay/{payment['id']}")
    person.until(lambda: person.has("form[data-passkey]:not([hidden])"))
    person.press("form[data-passkey] button.do")
    told = person.until(lambda: person.has("[data-say]:not([hidden])") and person.all("[data-say]")[0].text.strip())
    person.check(told, "a touch that is not the holder's is told in words")
    person.look("pay-passkey-cancelled")
    person.driver.set_user_verified(True)


def sign_in(server, person, tally):
    """Signs out and in again with nothing but the passkey."""
    person.driver.delete_all_cookies()
    person.go(f"{server.url}/me/sign-in")
    person.until(lambda: person.has("form[data-passkey]:not([hidden])"))
    person.look("buyer-sign-in-passkey")
    person.press("form[data-passkey] button")
    person.check(person.until(lambda: person.at("/me") and not person.at("/me/sign-in")), "a buyer signs in by passkey alone")
    asked = server.ask("POST", "/v1/sessions/passkey", {})
    signed = touch(person, asked)
    body = {"attempt": asked["attempt"], "credential": signed}
    session = server.ask("POST", "/v1/sessions/passkey/finish", body, expect=201)
    used = server.ask("POST", "/v1/sessions/passkey/finish", body, expect=409)
    tally.check(used["error"]["code"] == "passkey_stale", "an answer works once")
    return session


def remove(server, person, session, tally):
    token = session["token"]
    passkeys = server.ask("GET", "/v1/passkeys", bearer=token)["data"]
    tally.check([one["label"] for one in passkeys] == ["phone"], f"the passkey is listed: {passkeys}")
    server.ask("DELETE", f"/v1/passkeys/{passkeys[0]['id']}", bearer=token, expect=204)
    asked = server.ask("POST", "/v1/sessions/passkey", {})
    body = {"attempt": asked["attempt"], "credential": touch(person, asked)}
    refused = server.ask("POST", "/v1/sessions/passkey/finish", body, expect=403)
    tally.check(refused["error"]["code"] == "passkey_refused", "a removed passkey opens nothing")
    person.driver.delete_all_cookies()
    person.go(f"{server.url}/me/sign-in")
    person.until(lambda: person.has("form[data-passkey]:not([hidden])"))
    person.press("form[data-passkey] button")
    person.check(person.until(lambda: person.has("[role=alert], .problems, .note.bad")), "and its owner is told on the page")
    person.look("sign-in-passkey-refused")


def add_member(server, person):
    """A member with an authenticator app adds a passkey on the page of the own security."""
    server.set_up()
    person.go(server.url)
    person.driver.add_cookie({"name": "tw_member", "value": server.owner, "path": "/"})
    person.go(f"{server.url}/desk/security")
    person.press("a[href$='/security/passkey']")
    person.until(lambda: person.has("form[data-passkey]:not([hidden])"))
    person.look("member-passkey-new")
    person.check_focus("member-passkey-new")
    person.fill(label="laptop")
    person.press("form[data-passkey] button.do")
    person.check(person.until(lambda: not person.at("/passkey") and "laptop" in person.words("main")), "a member adds a passkey")
    person.look("security-passkey")


def try_member(server, person):
    """The sign-in page, signed out, and its button for passkeys."""
    person.driver.delete_all_cookies()
    person.go(f"{server.url}/desk/security")
    person.check(person.until(lambda: person.at("/sign-in")), "signed out")
    person.until(lambda: person.has("form[data-passkey]:not([hidden])"))
    person.look("member-sign-in-passkey")
    person.press("form[data-passkey] button")


def remove_member(server, person):
    person.go(f"{server.url}/desk/security")
    person.press("a[href$='/remove'][aria-label*='laptop']")
    person.check(person.until(lambda: person.at("/remove") and "laptop" in person.words("main")), "the page names what it removes")
    person.look("member-passkey-remove")
    person.press("button.danger")
    gone = person.until(lambda: not person.at("/remove") and "laptop" not in person.words("main li"))
    person.check(gone, "a member removes the passkey")


def walk_member(tally, language):
    with Server() as server:
        server.url = server.url.replace("127.0.0.1", "localhost")
        person = Visitor(tally, language, SHOTS, WIDE, NAMES)
        try:
            plug_in(person)
            add_member(server, person)
            try_member(server, person)
            person.check(person.until(lambda: person.at("/desk") and not person.at("/sign-in")), "a member signs in by passkey alone")
            person.go(f"{server.url}/desk/security")
            person.check(person.at("/desk/security"), "and nothing else is asked for before the own security")
            person.driver.set_user_verified(False)
            try_member(server, person)
            told = person.until(lambda: person.has("[data-say]:not([hidden])") and person.all("[data-say]")[0].text.strip())
            person.check(told and person.at("/sign-in"), "a touch that is not the holder's opens nothing, and that is said")
            person.driver.set_user_verified(True)
            try_member(server, person)
            person.until(lambda: person.at("/desk") and not person.at("/sign-in"))
            remove_member(server, person)
            try_member(server, person)
            refused = person.until(lambda: person.has("[role=alert], .problems, .note.bad"))
            person.check(refused and not person.at("/desk/"), "a removed passkey opens nothing, and the page says so")
            person.look("member-sign-in-passkey-refused")
        finally:
            person.close()


# A passkey of no account, made to see which certificate the browser's authenticator shows when it is asked for one.
ASK_MAKER = """
const done = arguments[0];
const chance = size => crypto.getRandomValues(new Uint8Array(size));
navigator.credentials.create({publicKey: {rp: {name: 'x'}, user: {id: chance(16), name: 'u', displayName: 'u'},
    challenge: chance(32), pubKeyCredParams: [{type: 'public-key', alg: -7}], attestation: 'direct'}})
    .then(made => done(made.toJSON().response.attestationObject), error => done(error.name));
"""
# A root that the virtual authenticator has nothing to do with: that of the standard's test vectors.
FOREIGN = """-----BEGIN CERTIFICATE-----
MIIB2zCCAYGgAwIBAgIBATAKBggqhkjOPQQDAjBiMR4wHAYDVQQDDBVXZWJBdXRo
biB0ZXN0IHZlY3RvcnMxDDAKBgNVBAoMA1czQzElMCMGA1UECwwcQXV0aGVudGlj
YXRvciBBdHRlc3RhdGlvbiBDQTELMAkGA1UEBhMCQUEwIBcNMjQwMTAxMDAwMDAw
WhgPMzAyNDAxMDEwMDAwMDBaMGIxHjAcBgNVBAMMFVdlYkF1dGhuIHRlc3QgdmVj
dG9yczEMMAoGA1UECgwDVzNDMSUwIwYDVQQLDBxBdXRoZW50aWNhdG9yIEF0dGVz
dGF0aW9uIENBMQswCQYDVQQGEwJBQTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IA
BDJpMA5f97aZAV9wz4Codjv3BbwuKvDBs5z/cYt8NYgMow8xkHjZGwM4mgBv38ih
3NhO36B9MKoTR0okig2rW6qjJjAkMBIGA1UdEwEB/wQIMAYBAf8CAQAwDgYDVR0P
AQH/BAQDAgEGMAoGCCqGSM49BAMCA0gAMEUCIQDanvzZvdMmSsMnOPcBaSnBkiOe
KyKcoo0GDFeIlHZRcQIgP8TUKWOM0imQ7IlQe9n2pSIcpl4h7NyQkv0AzvP+Kio=
-----END CERTIFICATE-----
"""
# What the virtual authenticator says it is.
MODEL = "01020304-0506-0708-0102-030405060708"


def maker_of(server, person):
    """The certificate of the virtual authenticator's maker, in PEM: the only one behind `x5c` in the CBOR."""
    person.go(server.url)
    text = person.driver.execute_async_script(ASK_MAKER)
    made = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    behind = made[made.index(b"x5c") + 3:]
    if behind[:2] != b"\x81\x59":
        raise RuntimeError(f"no chain of one certificate: {behind[:4].hex()}")
    return ssl.DER_cert_to_PEM_cert(behind[4:4 + int.from_bytes(behind[2:4], "big")])


def add_under_makers(server, person, roots, models):
    """A member tries to add a passkey while the operator names makers; gives whether it is there."""
    server.stop()
    server.options = ["--passkeys-attestation-roots", str(roots), *models]
    server.start()
    person.go(f"{server.url}/desk/security")
    person.press("a[href$='/security/passkey']")
    person.until(lambda: person.has("form[data-passkey]:not([hidden])"))
    person.fill(label="laptop")
    person.press("form[data-passkey] button.do")
    person.until(lambda: not person.at("/passkey") or person.has("[role=alert], .problems, .note.bad"))
    return not person.at("/passkey")


def walk_makers(tally, language):
    with Server() as server:
        server.url = server.url.replace("127.0.0.1", "localhost")
        person = Visitor(tally, language, SHOTS, WIDE, NAMES)
        try:
            plug_in(person)
            server.set_up()
            ours, foreign = server.folder / "maker.pem", server.folder / "foreign.pem"
            ours.write_text(maker_of(server, person))
            foreign.write_text(FOREIGN)
            person.driver.add_cookie({"name": "tw_member", "value": server.owner, "path": "/"})
            person.check(not add_under_makers(server, person, foreign, []), "a device of another maker is refused")
            person.look("member-passkey-maker-refused")
            person.check(person.until(lambda: any(word in person.words("main") for word in ("hands out", "发放"))), "and the page says which to use")
            other = MODEL.replace("0708", "0709")
            refused = not add_under_makers(server, person, ours, ["--passkeys-models", other])
            person.check(refused, "a model that is not listed is refused")
            added = add_under_makers(server, person, ours, ["--passkeys-models", f"{other},{MODEL}"])
            person.check(added and "laptop" in person.words("main"), "one of the maker and model is added")
        finally:
            person.close()


def walk(tally, language):
    with Server() as server:
        shop = server.shop()
        purse = operator(server)
        server.url = server.url.replace("127.0.0.1", "localhost")
        shop.base_url = server.url
        person = Visitor(tally, language, SHOTS, NARROW, NAMES)
        try:
            plug_in(person)
            buyer = sign_up(server, person, purse)
            add(server, person)
            confirm(server, person, bill(server, shop, 1_280), "first")
            replay(server, person, buyer, shop, tally)
            refuse_unverified(server, person, buyer, shop, tally)
            session = sign_in(server, person, tally)
            remove(server, person, session, tally)
        finally:
            person.close()


def main():
    tally = Tally()
    tally.walk([walk, walk_member, walk_makers])
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
