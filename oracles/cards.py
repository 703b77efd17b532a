#!/usr/bin/env python3
"""No card number in the log of a running program, its files or a backup: a scanner of our own reading (C31, CR-5).

    oracles/run.sh cards

The server runs with its most talkative log. Cards go in where they belong, are opened, and are sent to every place where
they do not belong: path, query, header, unknown field, free text, name. Then the scanner reads everything the program left:
log, database, journal, mails, an export of the audit log, and a backup of the database made by SQLite itself. It knows a card
number by the start of a scheme, its length and its check digit, with blanks or hyphens between the digits or without, in
UTF-8 and UTF-16. In a file of bytes, where a value's length stands right before the next value's digits and makes a number
of them that nobody wrote, it looks for the cards that were sent; the database's values are searched for any card, one by
one. Negative controls: the scanner finds a card in each of these forms, in a file, in the middle of bytes, and in a table.
"""

import json
import pathlib
import re
import secrets
import sqlite3
import sys

import requests

from client import Shop
from server import Server
from tally import Tally

CARDS = ["4111111111111111", "5555555555554444", "378282246310005", "6200000000000005", "3530111333300000"]
SCHEMES = [("4", (13, 16, 19)), ("5[1-5]", (16,)), ("2[2-7]", (16,)), ("3[47]", (15,)), ("35", (16,)),
           ("6(?:011|5)", (16, 19)), ("62", (16, 17, 18, 19)), ("3[068]", (14,))]
DIGITS = re.compile(rb"(?<![0-9])[0-9](?:[ -]?[0-9]){12,18}(?![0-9])")


def luhn(digits):
    total = 0
    for at, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if at % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def is_card(digits):
    return luhn(digits) and any(re.match(start, digits) and len(digits) in lengths for start, lengths in SCHEMES)


def scan(data):
    """Card numbers in bytes, as text of one or two bytes a letter."""
    found = []
    for text in (data, data[::2], data[1::2]):
        for match in DIGITS.finditer(text):
            digits = re.sub(rb"[ -]", b"", match.group()).decode()
            if is_card(digits):
                found.append(digits)
    return found


def forms(card):
    """A card number as people and programs write it."""
    spaced = " ".join(card[at:at + 4] for at in range(0, len(card), 4))
    return card, spaced, spaced.replace(" ", "-")


def scan_bytes(data):
    """Cards of ours in a file that is not text."""
    return [card for card in CARDS for form in forms(card)
            if form.encode() in data or form.encode("utf-16-le") in data]


def is_text(data):
    return b"\x00" not in data


def scan_tables(base):
    """Any card number in a value of a database: table, column, number."""
    found = []
    for (table,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        cursor = base.execute(f'SELECT * FROM "{table}"')
        columns = [column[0] for column in cursor.description]
        for row in cursor:
            for column, value in zip(columns, row):
                data = value if isinstance(value, bytes) else str(value).encode()
                found += [(table, column, card) for card in (scan(data) if is_text(data) else scan_bytes(data))]
    return found


def check_scanner(tally, folder):
    for card in CARDS:
        for form in forms(card):
            for data in (form.encode(), form.encode("utf-16-le"), b"\x00\xff" + form.encode() + b"\n\x01"):
                path = folder / "planted"
                path.write_bytes(data)
                tally.check(card in scan(path.read_bytes()), f"the scanner finds {form!r}")
                tally.check(card in scan_bytes(b"4" + data + b"0\x00"), f"and between other bytes: {form!r}")
            base = sqlite3.connect(":memory:")
            base.execute("CREATE TABLE kept (note)")
            base.execute("INSERT INTO kept VALUES (?)", (f"paid with {form}",))
            tally.check(("kept", "note", card) in scan_tables(base), f"and in a table: {form!r}")
    for other in ("4111111111111112", "1772357400000", "0" * 16, "41111111111111111111111"):
        tally.check(not scan(other.encode()), f"and takes {other} for none")


def use_cards(tally, server):
    """Where they belong; gives the tokens."""
    key, secret = server.api_key("detokenise")
    shop = Shop(server.url, key, secret.encode())
    tokens = []
    for number, card in enumerate(CARDS):
        body = {"number": card, "expiry_month": 12, "expiry_year": 2039, "holder": "Zhang Wuji", "external_id": f"k-{number}"}
        made = shop.post("/v1/tokens", body)
        if not tally.check(made.status_code == 201, f"a card is kept: {made.status_code} {made.text[:200]}"):
            continue
        tokens.append(made.json()["id"])
        why = {"purpose": "process_payment", "reason": "order 17"}
        opened = shop.post(f"/v1/tokens/{tokens[-1]}/open", why, idempotency_key=False)
        tally.check(opened.status_code == 200 and card in opened.text, f"and opened: {opened.status_code}")
    account = {"kind": "bank_account", "scheme": "card", "value": CARDS[3]}
    body = {"values": [{"kind": "name", "value": "Zhang Wuji"}, account]}
    till = server.shop()
    kept = till.post("/v1/customers", body)
    tally.check(kept.status_code == 201, f"a customer with a card for payouts is kept: {kept.status_code} {kept.text[:200]}")
    return shop, till


def misuse_cards(server, shop):
    """Where they do not belong: whatever is answered, nothing is to keep them."""
    for card in CARDS:
        for text in forms(card)[:2]:
            shop.get(f"/v1/tokens/{text}")
            shop.get("/v1/tokens", card=text)
            shop.get("/v1/payments", cursor=text)
            shop.post("/v1/tokens", {"number": text, "cvc": "123"})
            shop.post("/v1/tokens", {"nummer": text})
            shop.post("/v1/payments", {"amount_minor": 100, "currency": "CNY", "reference": text, "description": f"card {text}"})
            shop.post("/v1/orders", {"amount_minor": 100, "currency": "CNY", "reference": text})
            shop.post("/v1/terminals", {"name": f"Till {text}"})
            shop.post("/v1/customers", {"external_id": text, "values": [{"kind": "name", "value": text}]})
            for headers in ({"X-Card": text}, {"Authorization": f"Bearer {text}"}, {"User-Agent": f"till/{text}"},
                            {"Idempotency-Key": text}, {"Cookie": f"card={text}"}):
                requests.get(f"{server.url}/v1/shop", headers=headers, timeout=10)
                requests.post(f"{server.url}/v1/member_sessions", headers=headers, timeout=10,
                              json={"email": f"{text}@shop.example", "password": text * 2})
            requests.get(f"{server.url}/desk/{text}", timeout=10)
            requests.post(f"{server.url}/v1/tokens", data=f"number={text}", timeout=10)
            requests.post(f"{server.url}/v1/tokens", data=json.dumps({"number": text})[:-1], timeout=10,
                          headers={"Content-Type": "application/json"})


def check_files(tally, server, what):
    searched = 0
    for path in sorted(pathlib.Path(server.folder).rglob("*")):
        if path.is_file() and path.name != "planted":
            data = path.read_bytes()
            searched += len(data)
            found = scan(data) if is_text(data) else scan_bytes(data)
            tally.check(not found, f"{what}: {path.relative_to(server.folder)} holds {sorted(set(found))}")
    tally.check(searched > 100_000, f"{what}: only {searched} bytes were searched")


def back_up(server):
    """A backup as an operator makes one with SQLite's own command; gives a card number found in any of its values."""
    for path in (server.folder / "data").iterdir():
        if path.is_file() and path.read_bytes()[:15] == b"SQLite format 3":
            source, copy = sqlite3.connect(path), sqlite3.connect(server.folder / f"backup-{secrets.token_hex(4)}.db")
            with copy:
                source.backup(copy)
            source.close()
            found = scan_tables(copy)
            copy.close()
            return found
    raise RuntimeError("no database to back up")


def main():
    tally = Tally()
    with Server() as server:
        server.environment = {"TILLWARD_LOG": "trace"}
        server.stop()
        server.start()
        check_scanner(tally, server.folder)
        for shop in use_cards(tally, server):
            misuse_cards(server, shop)
        tally.check("TRACE" in server.printed() or "DEBUG" in server.printed(), "the log is talkative")
        check_files(tally, server, "while it runs")
        server.stop()
        code, said = server.command("audit", "export", "--out", str(server.folder / "audit.txt"))
        tally.check(code == 0, f"the audit log is exported: {said[:200]}")
        found = back_up(server)
        tally.check(not found, f"the backup's values hold {found}")
        check_files(tally, server, "afterwards, with a backup")
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
