"""Plants values at every door of a running program: rightly, where they belong, and in requests that must fail."""

import email
import email.policy
import http.client
import itertools
import json
import pathlib
import re
import secrets
import subprocess
import tempfile
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.x509.oid import NameOID

from client import Shop
from misuse import misuse_operations, misuse_pages
from post import Gateway
from sealed_export import bech32, open_age, raw
from server import MAIL_SECONDS_MAX, Server, clean_environment, free_port, program
from totp import App

LINK = re.compile(r"https?://\S+/([A-Za-z0-9_-]{20,})")
CODE = re.compile(r"(?<!\d)(\d{6})(?!\d)")
WHY = {"purpose": "answer_customer", "reason": "ticket 4711"}
COMMAND_SECONDS_MAX = 120


class House(Server):
    """A server whose doors remember what was said at them."""

    def __init__(self, needles, postgres=None):
        super().__init__()
        self.needles, self.postgres = needles, postgres
        self.engine = "PostgreSQL" if postgres else "SQLite"
        self.answers, self.said, self.named_in_mails, self.passwords = [], [], [], {}
        self.readable = f"Till {needles.letters(12)}"
        self.addresses = (f"127.{a}.{b}.{c}" for a, b, c in itertools.product(range(1, 255), range(255), range(1, 255)))
        self.texts = Gateway([202])
        self.options = ["--public-url", self.url.replace("127.0.0.1", "localhost")]
        self.environment = {"TILLWARD_LOG": "trace", "RUST_BACKTRACE": "1", "TILLWARD_SMS_TOKEN": needles.secret(),
                            "TILLWARD_SMS_URL": f"http://127.0.0.1:{self.texts.port}/send"}
        if postgres:
            self.environment["TILLWARD_DATABASE_URL"] = postgres.url(needles.secret())

    # doors

    def send(self, method, path, body=None, headers=()):
        """One request from an address of its own, so that no throttle answers in place of the reader: (status, headers, body)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30, source_address=(next(self.addresses), 0))
        connection.request(method, path, body, {"Host": f"localhost:{self.port}", **dict(headers)})
        answer = connection.getresponse()
        found = (answer.status, answer.headers, answer.read())
        connection.close()
        self.answers.append((found[0], found[2]))
        return found

    def ask(self, method, path, body=None, bearer=None, expect=200):
        headers = {"Content-Type": "application/json", "Idempotency-Key": secrets.token_hex(16)}
        if bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        status, _, said = self.send(method, path, None if body is None else json.dumps(body).encode(), headers)
        if status not in (expect if isinstance(expect, tuple) else (expect,)):
            raise RuntimeError(f"{method} {path} answered {status}: {said[:500]}")
        return json.loads(said) if said else None

    def shell(self, *arguments, text=None):
        """Another command of the program, as talkative as the server."""
        data = ["--data", str(self.folder / "data"), "--key-file", str(self.folder / "root.key")]
        done = subprocess.run([program(), *arguments, *data], env={**clean_environment(), **self.environment},
                              capture_output=True, input=text, timeout=COMMAND_SECONDS_MAX)
        self.said.append(done.stdout + done.stderr)
        return done.returncode, (done.stdout + done.stderr).decode(errors="replace")

    command = shell

    def mails_to(self, contact):
        found = []
        for path in (self.folder / "mail").iterdir():
            message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            if str(message["To"]) == contact:
                found.append((path.stat().st_mtime_ns, (message.get_body(("plain",)) or message).get_content()))
        return [text for _, text in sorted(found)]

    def wait_for(self, kind, contact, seen=0):
        """The code or link in the newest mail or text message to `contact`, once there are more than `seen`."""
        pattern, deadline = (CODE if kind == "code" else LINK), time.monotonic() + MAIL_SECONDS_MAX
        while time.monotonic() < deadline:
            texts = [json.loads(body)["text"] for *_, body in self.texts.got if json.loads(body)["to"] == contact]
            found = [pattern.findall(text)[-1] for text in [*self.mails_to(contact), *texts] if pattern.search(text)]
            for value in found:
                self.needles.add(kind, value)
            if len(found) > seen:
                return found[-1]
            time.sleep(0.1)
        raise RuntimeError(f"no {kind} came for {contact}")

    # people

    def sign_in(self, mail):
        """Both steps of a member; the first time with an authenticator app."""
        keep = self.needles.add
        first = self.ask("POST", "/v1/member_sessions", {"email": mail, "password": self.passwords[mail]}, expect=(201, 202))
        keep("token", first["token"])
        if "factors" in first:
            body = {"token": first["token"], "kind": "totp", "code": keep("code", self.apps[mail].fresh())}
            return keep("token", self.ask("POST", "/v1/second_steps", body, expect=201)["token"])
        offer = self.ask("POST", "/v1/me/factors/totp", {"label": "oracle"}, first["token"], 201)
        self.apps[mail] = App(keep("key", offer["key"]))
        path = f"/v1/me/factors/totp/{offer['id']}/confirm"
        done = self.ask("POST", path, {"code": keep("code", self.apps[mail].fresh())}, first["token"])
        return keep("token", done["session"]["token"])

    def new_buyer(self, contact, name):
        needles, pin = self.needles, self.needles.pin()
        asked = self.ask("POST", "/v1/buyers", {"name": name, "contact": contact, "pin": pin}, expect=202)
        code = self.wait_for("code", contact)
        path = f"/v1/buyer_sessions/{asked['id']}/verify"
        wrong = needles.add("code", "7" + needles.digits(5))
        self.ask("POST", path, {"code": wrong, "device_label": "phone"}, expect=(400, 401, 403))
        made = self.ask("POST", path, {"code": code, "device_label": "phone"}, expect=201)
        for token in ("token", "device_token"):
            needles.add("token", made[token])
        return {**made, "pin": pin, "contact": contact}

    def open_export(self):
        return open_age(self.identity, self.export)

    def count_waiting(self):
        """Mails in the outbox that nobody has taken."""
        count = "SELECT count(*) FROM outbox_mail WHERE body IS NOT NULL AND state <> 'sent'"
        if self.postgres:
            return int(self.postgres.run("psql", self.postgres.url(), "--tuples-only", "--command", count))
        import sqlite3
        base = sqlite3.connect(self.folder / "data" / "tillward.db")
        found = base.execute(count).fetchone()[0]
        base.close()
        return found


def sow(house):
    """Everything, rightly and wrongly; the server runs afterwards."""
    owner = found_shop(house)
    second = sow_members(house, owner)
    buyers = sow_buyers(house)
    sow_payments(house, owner, buyers)
    sow_customers(house, owner)
    sow_certificates(house, owner)
    take_export(house, owner, second)
    key, secret = new_key(house, owner, "integration")
    misuse_operations(house, {"nobody": None, "owner": owner, "buyer": buyers[0]["token"], "key": Shop(house.url, key, secret)})
    misuse_pages(house, {"nobody": None, "tw_member": owner, "tw_buyer": buyers[0]["token"]})
    change_people(house, buyers)
    sow_by_shell(house, buyers[1])


def found_shop(house):
    """Shop and owner, with every second factor but passkeys."""
    needles = house.needles
    token = re.findall(r"https?://\S+?/set-?up/?\S*?([A-Za-z0-9_-]{20,})", house.printed())[-1]
    mail, name = needles.mail("shop"), needles.name()
    house.passwords[mail], house.named_in_mails = needles.password(), [name]
    shop = {"name": "Tea House", "city": "Hangzhou", "country": "CN", "category": "5499", "currency": "CNY"}
    body = {"token": token, "shop": shop, "password": house.passwords[mail], "owner": {"name": name, "email": mail}}
    house.shop_id = house.ask("POST", "/v1/setup", body, expect=201)["shop"]["id"]
    owner = house.sign_in(mail)
    house.ask("POST", "/v1/terminals", {"name": house.readable}, owner, 201)
    number = needles.phone()
    offer = house.ask("POST", "/v1/me/factors/sms", {"number": number}, owner, 202)
    body = {"request": offer["request"], "code": house.wait_for("code", number)}
    done = house.ask("POST", f"/v1/me/factors/sms/{offer['id']}/confirm", body, owner)
    owner = needles.add("token", done["session"]["token"])
    for code in house.ask("POST", "/v1/me/recovery_codes", {}, owner, 201)["codes"]:
        needles.add("key", code)
    return owner


def sow_members(house, owner):
    """A second owner, by invitation; a password that was forgotten, changed and given wrongly; the second owner's session."""
    needles, mail, name = house.needles, house.needles.mail("shop"), house.needles.name()
    house.ask("POST", "/v1/members", {"name": name, "email": mail, "roles": ["owner"]}, owner, (201, 202))
    house.passwords[mail] = needles.password()
    body = {"token": house.wait_for("link", mail), "password": house.passwords[mail]}
    house.ask("POST", "/v1/invitations/accept", body, expect=(200, 201, 204))
    session = house.sign_in(mail)
    old, house.passwords[mail] = house.passwords[mail], needles.password()
    body = {"old_password": needles.password(), "new_password": house.passwords[mail]}
    house.ask("PUT", "/v1/me/password", body, session, (400, 401, 403))
    house.ask("PUT", "/v1/me/password", {**body, "old_password": old}, session, (200, 204))
    seen = len([text for text in house.mails_to(mail) if LINK.search(text)])
    house.ask("POST", "/v1/password_resets", {"email": mail}, expect=202)
    house.passwords[mail] = needles.password()
    body = {"token": house.wait_for("link", mail, seen), "new_password": house.passwords[mail]}
    house.ask("POST", "/v1/password_resets/finish", body, expect=(200, 204))
    wrong = {"email": mail, "password": needles.password()}
    house.ask("POST", "/v1/member_sessions", wrong, expect=401)
    return house.sign_in(mail)


def sow_buyers(house):
    needles = house.needles
    contacts = [(needles.mail(), needles.name()), (needles.mail(), needles.han_name()), (needles.phone(), needles.name())]
    buyers = [house.new_buyer(contact, name) for contact, name in contacts]
    house.ask("POST", "/v1/buyer_sessions", {"contact": contacts[0][0]}, expect=202)
    return buyers


def new_key(house, owner, role):
    made = house.ask("POST", "/v1/api_keys", {"label": "oracle", "role": role}, owner, 201)
    return made["key"]["id"], house.needles.add("secret", made["secret"]).encode()


def sow_payments(house, owner, buyers):
    """Right and wrong PINs; a card number in free text, which is refused."""
    till = Shop(house.url, *new_key(house, owner, "integration"))
    for buyer in buyers:
        payment = till.post("/v1/payments", {"amount_minor": 500, "currency": "CNY"}).json()
        for pin in (house.needles.pin(), buyer["pin"]):
            body = {"amount_minor": 500, "currency": "CNY", "payee": payment["shop"], "nonce": secrets.token_hex(16), "pin": pin}
            house.ask("POST", f"/v1/payments/{payment['id']}/confirm", body, buyer["token"], (200, 401, 403, 409))
    for field in ("description", "reference"):
        body = {"amount_minor": 500, "currency": "CNY", field: f"card {house.needles.card()}"}
        answer = till.post("/v1/payments", body)
        house.answers.append((answer.status_code, answer.content))


def sow_customers(house, owner):
    needles = house.needles
    till, reader = Shop(house.url, *new_key(house, owner, "integration")), Shop(house.url, *new_key(house, owner, "detokenise"))
    person = {"kind": "name", "value": needles.name()}, {"kind": "email", "value": needles.mail()}
    person += ({"kind": "phone", "value": needles.phone()}, {"kind": "identity", "scheme": "passport", "value": needles.passport()})
    sow_payout(house, owner)
    person += ({"kind": "bank_account", "scheme": "iban", "value": needles.iban()},)
    person += ({"kind": "address", "address": {"country": "CN", "city": needles.add("address", needles.letters(9).title()),
                                               "lines": [needles.street()]}},)
    made = checked(till.post("/v1/customers", {"external_id": "C-1001", "values": list(person)}), 201)
    checked(till.post("/v1/customers/search", {"value": person[1]}), 200)
    checked(reader.post(f"/v1/customers/{made['id']}/open", {"values": [1, 2, 3], **WHY}, False), 200)
    for cvc in (None, needles.secret("cvc"), "739"):
        body = {"number": needles.card(), "expiry_month": 12, "expiry_year": 2039, "holder": needles.name()}
        answer = till.post("/v1/tokens", body | ({"cvc": cvc} if cvc else {}))
        if cvc:
            house.answers.append((answer.status_code, answer.content))
        else:
            token = checked(answer, 201)
            checked(reader.post(f"/v1/tokens/{token['id']}/open", WHY, False), 200)
    headers = {"Content-Type": "text/csv", "Authorization": f"Bearer {owner}", "Idempotency-Key": secrets.token_hex(16)}
    for what, table in tables(needles).items():
        status, _, said = house.send("POST", f"/v1/imports/{what}", table.encode(), headers)
        if status != 200:
            raise RuntimeError(f"import of {what} answered {status}: {said[:300]}")


def checked(answer, status):
    if answer.status_code != status:
        raise RuntimeError(f"{answer.request.method} {answer.request.path_url} answered {answer.status_code}: {answer.text[:400]}")
    return answer.json()


def tables(needles, mark="I"):
    """Two good lines each, and lines that cannot be imported: every column wrong once, with what it must not repeat."""
    head = "external_id,name,phone,email,country,city,street,identity_scheme,identity_number,bank_scheme,bank_account\n"

    def line(at, **wrong):
        good = {"external_id": f"{mark}-{at}", "name": needles.name(), "phone": needles.phone(), "email": needles.mail(),
                "country": "DE", "city": "Berlin", "street": needles.street(), "identity_scheme": "passport",
                "identity_number": needles.passport(), "bank_scheme": "iban", "bank_account": needles.iban()}
        return ",".join({**good, **wrong}.values()) + "\n"

    bad = [line(3, email=needles.add("contact", f"{needles.letters(9)} at mail")), line(4, phone=needles.secret("contact")),
           line(5, bank_account=needles.iban()[:-1]), line(6, identity_scheme=needles.secret("identity")),
           line(7, country=needles.secret("address")), line(8) .rstrip() + ",one too many\n"]
    cards = [f"{mark}-{at},{needles.card()},{expiry},{needles.name()}\n" for at, expiry in
             [(1, "12/39"), (2, "11/38"), (3, "13/39"), (4, needles.secret("cvc"))]]
    cards.append(f"{mark}-5,{needles.card()[:-1]},12/39,{needles.name()}\n")
    return {"customers": head + line(1) + line(2) + "".join(bad), "cards": "external_id,number,expiry,holder\n" + "".join(cards)}


def sow_payout(house, owner):
    """A payout account that waits, one that is refused as wrong, and a second one that comes too early."""
    needles, mask = house.needles, {"holder": house.needles.name(), "scheme": "iban"}
    house.ask("PUT", "/v1/payout-account", {**mask, "number": needles.iban()}, owner, (200, 202))
    house.ask("PUT", "/v1/payout-account", {**mask, "number": needles.iban()}, owner, 409)
    house.ask("PUT", "/v1/payout-account", {**mask, "scheme": "card", "number": needles.card(), "bank": "B"}, owner, 409)
    house.ask("PUT", "/v1/payout-account", {**mask, "scheme": "account", "number": needles.secret()}, owner, 400)
    house.ask("GET", "/v1/payout-account", None, owner)


def sow_certificates(house, owner):
    """An enrolment code, given wrongly and rightly."""
    terminal = house.ask("GET", "/v1/terminals", bearer=owner)["data"][0]["id"]
    code = house.ask("POST", f"/v1/terminals/{terminal}/enrolments", {}, owner, 201)["code"]
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, house.needles.name())])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    text = request.public_bytes(serialization.Encoding.PEM).decode()
    house.needles.add("key", code)
    house.ask("POST", "/v1/certificates", {"code": house.needles.secret("key"), "request": text}, expect=409)
    house.ask("POST", "/v1/certificates", {"code": code, "request": text}, expect=201)


def take_export(house, owner, second):
    """Customers leave sealed for one reader, after two people said so."""
    house.identity = X25519PrivateKey.generate()
    body = {"what": "customers", "recipient": bech32("age", raw(house.identity.public_key())), "purpose": "migrate",
            "reason": "a move to another house"}
    export = house.ask("POST", "/v1/exports", body, owner, 201)["id"]
    approval = next(one["id"] for one in house.ask("GET", "/v1/approvals", bearer=second)["data"] if one["state"] == "waiting")
    house.ask("POST", f"/v1/approvals/{approval}/approve", {}, second)
    house.ask("POST", f"/v1/exports/{export}/take", {}, owner)
    status, _, house.export = house.send("GET", f"/v1/exports/{export}/file", None, {"Authorization": f"Bearer {owner}"})
    house.answers.pop()
    if status != 200:
        raise RuntimeError(f"the export's file answered {status}: {house.export[:300]}")


def change_people(house, buyers):
    """PIN changed, forgotten and wrong; another contact, and the link that goes to the old one."""
    needles, buyer = house.needles, buyers[0]
    token, pin = buyer["token"], needles.pin()
    house.ask("PUT", "/v1/me/pin", {"old_pin": needles.pin(), "new_pin": pin}, token, (400, 401, 403))
    house.ask("PUT", "/v1/me/pin", {"old_pin": buyer["pin"], "new_pin": pin}, token, (200, 204))
    contact, links = needles.mail(), [text for text in house.mails_to(buyer["contact"]) if LINK.search(text)]
    change = house.ask("POST", "/v1/me/contact_changes", {"contact": contact, "pin": pin}, token, 202)
    body = {"contact": contact, "code": house.wait_for("code", contact)}
    house.ask("POST", f"/v1/me/contact_changes/{change['id']}/finish", body, token, (200, 204))
    link = house.wait_for("link", buyer["contact"], len(links))
    house.ask("POST", "/v1/freeze_links", {"token": link}, expect=(200, 204))
    other, seen = buyers[2], len([1 for *_, body in house.texts.got if json.loads(body)["to"] == buyers[2]["contact"]])
    reset = house.ask("POST", "/v1/me/pin/resets", {}, other["token"], 202)
    body = {"code": house.wait_for("code", other["contact"], seen), "new_pin": needles.pin()}
    house.ask("POST", f"/v1/me/pin/resets/{reset['id']}/finish", body, other["token"], (200, 204))


def sow_by_shell(house, buyer):
    """Tables and another contact at the shell, while nobody serves; the server runs again afterwards."""
    house.stop()
    with tempfile.TemporaryDirectory(prefix="tillward-tables-") as folder:
        for what, table in tables(house.needles, "S").items():
            path = pathlib.Path(folder, f"{what}.csv")
            path.write_text(table)
            for options in ((), ("--json",)):
                code, said = house.shell("import", what, str(path), "--shop", house.shop_id, *options)
                if code not in (0, 1) or f"{what}.csv" in said and "refused" not in said and "3" not in said:
                    raise RuntimeError(f"import at the shell: {said[-500:]}")
    contact = house.needles.mail()
    code, said = house.shell("buyer", "contact", buyer["buyer"], text=f"{contact}\n".encode())
    if code:
        raise RuntimeError(f"another contact at the shell: {said[-500:]}")
    house.shell("buyer", "contact", buyer["buyer"], text=house.needles.secret("contact").encode())
    code, said = house.shell("operator-key")
    house.said.pop()
    house.needles.add("secret", re.search(r"secret\s+(\S+)", said).group(1))
    house.start()


def wait_with_mails(house):
    """Mails that nobody takes, so that they wait in the outbox; the mail server's password is planted as well."""
    house.stop()
    word = house.needles.secret()
    house.post = []
    house.environment |= {"TILLWARD_SMTP_URL": f"smtp://till:{word}@127.0.0.1:{free_port()}", "TILLWARD_MAIL_FROM": "till@shop.example"}
    house.start()
    for _ in range(3):
        body = {"name": house.needles.name(), "contact": house.needles.mail(), "pin": house.needles.pin()}
        house.ask("POST", "/v1/buyers", body, expect=202)
    for mail in list(house.passwords):
        house.ask("POST", "/v1/password_resets", {"email": mail}, expect=202)
    time.sleep(2)
