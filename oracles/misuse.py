"""Requests that must fail, with planted values wherever a message, a log line or a page might repeat them."""

import html.parser
import json
import re
import urllib.parse

PAGES = {
    "nobody": ["/me/sign-in", "/me/new", "/sign-in", "/sign-in/forgotten", "/me/sign-in/passkey", "/setup/{secret}", "/reset/{secret}",
               "/freeze/{secret}", "/p/{secret}", "/pay/{secret}", "/me/{contact}", "/desk/{card}"],
    "tw_member": ["/desk/members", "/desk/members/new", "/desk/roles/new", "/desk/password", "/desk/address", "/desk/security", "/desk/api-keys",
                  "/desk/customers", "/desk/codes/new", "/desk/buyer-policy", "/desk/refunds/limit", "/desk/keys", "/desk/certificates",
                  "/desk/emergency", "/desk/rules", "/desk/rules/{secret}", "/desk/payout-account/change", "/desk/members/{secret}", "/desk/customers/{card}", "/desk/payments?q={contact}", "/desk/approvals"],
    "tw_buyer": ["/me", "/me/pin", "/me/pin/forgot", "/me/contact", "/me/security", "/me/security/passkey", "/me/devices", "/me/methods",
                 "/me/activity", "/pay/{secret}"],
}
# Fields that are one's own to read afterwards: what goes in there is no secret.
FREE = ("label", "device_label", "reason", "note", "description", "reference", "purpose", "language", "currency", "role",
        "roles", "q")


def value_for(needles, name):
    """A planted value of the kind that people would type into a field of this name."""
    if "pin" in name:
        return needles.again(needles.pin)
    if "password" in name:
        return needles.again(needles.password)
    if name in ("email", "contact", "recipient"):
        return needles.again(needles.mail)
    if name in ("code", "otp"):
        return needles.again(needles.code)
    if name in ("number", "card"):
        return needles.again(needles.card)
    if name in ("name", "holder"):
        return needles.again(needles.name)
    kinds = {"cvc": "cvc", "secret": "secret", "credential": "secret"}
    return needles.again(needles.secret, kinds.get(name, "token" if "token" in name else "typed"))


def bodies(needles, properties):
    """Each is refused: a field that nobody knows, a wrong type, JSON that breaks off, no JSON at all."""
    fields = {name: "x" if name in FREE else value_for(needles, name) for name in properties}
    yield json.dumps({**fields, "cvc": value_for(needles, "cvc")})
    yield json.dumps({name: [value] for name, value in fields.items()})
    yield json.dumps({name: {"inner": value} for name, value in fields.items()} | {"pin": 1})
    yield json.dumps(fields)[:-1]
    yield json.dumps(list(fields.values()) or [value_for(needles, "card")])
    yield urllib.parse.urlencode(fields | {"number": value_for(needles, "card")})


def resolve(schemas, schema):
    while "$ref" in schema:
        schema = schemas[schema["$ref"].rsplit("/", 1)[-1]]
    return schema


def misuse_operations(house, callers):
    """Every operation of the description, as each kind of caller."""
    _, _, text = house.send("GET", "/openapi.json")
    house.answers.pop()
    described = json.loads(text)
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {})
            schema = resolve(described["components"]["schemas"], next(iter(content.values()), {}).get("schema", {}))
            for who, caller in callers.items():
                misuse(house, method.upper(), path, list(schema.get("properties", {})), who, caller)


def misuse(house, method, path, properties, who, caller):
    needles = house.needles
    if "{" not in path and not properties and method != "GET":
        return
    secret, token, card, mail = (value_for(needles, kind) for kind in ("secret", "token", "card", "email"))
    kinds = iter([token, card, mail])
    address = re.sub(r"\{\w+\}", lambda _: urllib.parse.quote(next(kinds)), path)
    address += "?" + urllib.parse.urlencode({"cursor": secret, "email": mail, "card": card, "limit": "x"})
    headers = {"Content-Type": "application/json", "Idempotency-Key": needles.letters(20), "User-Agent": f"till/{secret}",
               "Referer": f"https://shop.example/{secret}", "Cookie": f"tw_member={token}"}
    if who == "nobody":
        headers["Authorization"] = f"Bearer {token}"
    elif isinstance(caller, str):
        headers["Authorization"] = f"Bearer {caller}"
    for body in (bodies(needles, properties) if properties else [None]):
        if who == "key":
            send = caller.session.request(method, caller.base_url + address, data=body, timeout=30,
                                          headers={"Content-Type": "application/json", "Idempotency-Key": needles.letters(20)})
            house.answers.append((send.status_code, send.content))
        else:
            house.send(method, address, None if body is None else body.encode(), headers)


class Forms(html.parser.HTMLParser):
    """The forms of a page: (address, fields with what stands in them)."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "form":
            self.found.append((given.get("action"), {}) if given.get("method", "").lower() == "post" else (None, {}))
        elif tag in ("input", "textarea") and self.found and given.get("name"):
            self.found[-1][1][given["name"]] = (given.get("type", "text"), given.get("value") or "")


def misuse_pages(house, sessions):
    """Every form of the pages, filled in by somebody who gets each field wrong."""
    for cookie, pages in PAGES.items():
        for page in pages:
            path = re.sub(r"\{(\w+)\}", lambda kind: urllib.parse.quote(PLANTS[kind.group(1)](house.needles)), page)
            headers = {"Accept": "text/html", "Cookie": f"{cookie}={sessions[cookie]}" if sessions[cookie] else "a=b"}
            status, given, text = house.send("GET", path, None, headers)
            for action, fields in Forms(text.decode(errors="replace")).found:
                fill_in(house, action or path, fields, headers, given)


# A page's own address stands in it, since the other language has a link there.
PLANTS = {"secret": lambda needles: needles.again(needles.secret, "link"),
          "card": lambda needles: needles.again(needles.card, "typed"),
          "contact": lambda needles: needles.again(needles.mail)}


def fill_in(house, action, fields, headers, given):
    """Twice: with values of the right kind in the wrong place, and with fields missing. Buttons alone are not pressed."""
    # What a shop calls its codes and roles is to be read.
    free = (*FREE, "name") if re.match("/desk/(codes|roles)", action) else FREE
    typed = [name for name, (kind, _) in fields.items() if kind not in ("hidden", "checkbox", "radio", "submit")]
    if not typed:
        return
    set_cookies = [line.split(";")[0] for line in given.get_all("Set-Cookie", [])]
    headers = {**headers, "Content-Type": "application/x-www-form-urlencoded", "Origin": f"http://localhost:{house.port}",
               "Sec-Fetch-Site": "same-origin", "Cookie": "; ".join([headers["Cookie"], *set_cookies])}
    kept = {name: value for name, (kind, value) in fields.items() if kind == "hidden"}
    full = {name: "x" if name in free else value_for(house.needles, name) for name in typed}
    for form in ({**kept, **full, "pin_again": value_for(house.needles, "pin"), "extra": value_for(house.needles, "card")}, {**kept, typed[0]: full[typed[0]]}):
        house.send("POST", action, urllib.parse.urlencode(form).encode(), headers)
