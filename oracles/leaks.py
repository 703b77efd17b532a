#!/usr/bin/env python3
"""Values planted at every door of the running program, and a search of everything it leaves behind (C21, C31, C45).

    oracles/run.sh leaks

Once on the embedded engine and once on PostgreSQL, with the most talkative log: names, contacts, PINs, codes, passwords, card
numbers, verification codes, identity numbers, bank accounts, tokens and secrets go in through the API, the forms of the
pages, tables, the shell and the settings (`sowing.py`), rightly and in requests that must fail. Then everything is searched
for each of them as it is, in base 64, hexadecimal and as part of an address (`needles.py`): every file of the installation,
the database as `pg_dump` writes it, a backup by SQLite, the log, what the shell said, the audit log's export, the sealed
export, rows of mails that wait, and every answer that refuses something. A mail holds its reader's address and one code or link.

Negative controls: a value that may be read is found in each of these places, so each was searched; each way of writing is
found in bytes; and a line planted into a copy of the log is found.
"""

import base64
import email
import email.policy
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile

from needles import Needles, forms
from server import ROOT
from sowing import House, sow, wait_with_mails
from tally import Tally

SEED = int(os.environ.get("TILLWARD_ORACLE_SEED", "1"))
SEARCHED_BYTES_MIN = 250_000
# A page shows people what they typed themselves, a one-time link's page the link; the rest is shown by no page.
SHOWN_ON_PAGES = ("name", "contact", "link", "typed")
# What a good answer of the API gives to whom it belongs.
GIVEN = ("name", "contact", "link", "token", "key", "secret", "code", "card", "account", "identity", "address")


class Postgres:
    """A database of our own on the server of the tests; without one, a server of our own."""

    def __enter__(self):
        self.home = None
        self.server = os.environ.get("TILLWARD_TEST_POSTGRES")
        if not self.server:
            self.home = str(pathlib.Path(tempfile.gettempdir(), f"tillward-leaks-{os.getpid()}"))
            self.server = self.script("start").strip()
        self.programs = self.script("bin").strip()
        self.name = f"leaks_{os.getpid()}"
        self.run("psql", self.server, "--quiet", "--command", f"CREATE DATABASE {self.name}")
        return self

    def __exit__(self, *_):
        self.run("psql", self.server, "--quiet", "--command", f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")
        if self.home:
            self.script("stop")

    def script(self, what):
        environment = {**os.environ, **({"POSTGRES_HOME": self.home} if self.home else {})}
        done = subprocess.run([".ci/postgres.sh", what], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        return done.stdout

    def run(self, name, *arguments):
        return subprocess.run([f"{self.programs}/{name}", *arguments], capture_output=True, check=True).stdout

    def url(self, password=None):
        """The database's address, with a password that a server which trusts us does not read."""
        head, _ = self.server.rsplit("/", 1)
        return f"{head}/{self.name}" if password is None else re.sub("@", f":{password}@", f"{head}/{self.name}", count=1)

    def dump(self):
        return self.run("pg_dump", self.url())


def judge(tally, needles, place, data, leave_out=()):
    """No planted value stands in the bytes."""
    for kind, form, value in needles.find(data, leave_out):
        at = next((data.find(needle) for written, needle in forms(value) if written == form and needle in data), 0)
        tally.check(False, f"{place} holds a {kind} ({form}): {data[max(0, at - 90):at + 60]!r}")
    tally.passed += 1


def check_search(tally):
    """The search itself: each way a program may write a value, between other bytes."""
    needles = Needles(SEED)
    planted = [needles.name(), needles.han_name(), needles.mail(), needles.phone(), needles.pin(), needles.password(),
               needles.card(), needles.iban(), needles.secret()]
    for value in planted:
        for form, needle in forms(value):
            seen = needles.find(b"\x00level=INFO\t" + needle + b"\n...")
            tally.check(value in [found for *_, found in seen], f"{value} is found: {form}")
        for before in range(4):
            written = base64.b64encode(b"\xff" * before + value.encode() + b"\xfe" * before)
            tally.check(value in [found for *_, found in needles.find(written)], f"{value} is found within base 64")
    pin = needles.of("pin")[0]
    for other in (f"1{pin}", f"{pin}a", f"12:00:01.{pin}Z", "nothing of it"):
        tally.check(not needles.find(other.encode()), f"{other} is taken for none")


def read_files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*"))
            if path.is_file() and "mail/" not in str(path.relative_to(folder))}


def back_up(house):
    """A backup by SQLite itself, and every value of it as text, since a page of a file may cut one in two."""
    source = sqlite3.connect(house.folder / "data" / "tillward.db")
    backup = sqlite3.connect(house.folder / "backup.db")
    with backup:
        source.backup(backup)
    values = "\n".join(backup.iterdump()).encode()
    for base in (source, backup):
        base.close()
    return values


def check_answers(tally, needles, house):
    """Refusals repeat nothing; pages and good answers nothing that is not theirs to show."""
    kinds = {"refusals of the API": [], "pages": [], "answers of the API": []}
    for status, body in house.answers:
        page = b"<html" in body[:300]
        kinds["pages" if page else "refusals of the API" if status >= 400 else "answers of the API"].append(body)
    for place, leave_out in (("refusals of the API", ()), ("pages", SHOWN_ON_PAGES), ("answers of the API", GIVEN)):
        data = b"\n".join(kinds[place])
        tally.check(len(kinds[place]) > 40, f"{len(kinds[place])} {place} were looked at")
        judge(tally, needles, place, data, leave_out)
    statuses = {status for status, _ in house.answers}
    tally.check({400, 401, 403, 404} <= statuses, f"refusals of each kind came: {sorted(statuses)}")
    tally.check(not any(status >= 500 for status in statuses), f"and none of them was a fault: {sorted(statuses)}")


def check_mails(tally, needles, house):
    """A mail holds its reader's own address, and at most one code or link."""
    mails = sorted((house.folder / "mail").iterdir())
    tally.check(len(mails) > 8, f"{len(mails)} mails were written")
    seen = set()
    for path in mails:
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        reader = str(message["To"])
        part = message.get_body(("plain",)) or message
        text = f"{message.items()}\n{part.get_content()}".encode()
        others = needles.find(text, ("code", "link", "name", reader))
        tally.check(not others, f"a mail says nothing else: {[(kind, form) for kind, form, _ in others]}")
        names = [value for kind, _, value in needles.find(text) if kind == "name" and value not in house.named_in_mails]
        tally.check(not names, f"and names nobody but who acts: {names}")
        secrets = [value for kind, _, value in needles.find(text) if kind in ("code", "link")]
        tally.check(len(secrets) <= 1, f"one code or link: {len(secrets)}")
        subject = needles.find(str(message["Subject"]).encode())
        tally.check(not subject, f"and its subject nothing: {subject}")
        seen.update(kind for kind, *_ in needles.find(text))
    tally.check({"code", "link", "contact"} <= seen, f"codes and links were found where they belong: {seen}")


def check_export(tally, needles, house):
    """Sealed for its reader, and for the reader everything is there."""
    judge(tally, needles, "the sealed export", house.export)
    opened = house.open_export()
    there = {kind for kind, *_ in needles.find(opened)}
    tally.check({"contact", "identity", "account", "address", "name"} <= there, f"its reader finds all in it: {there}")


def check_log(tally, needles, house):
    log = (house.folder / "log.txt").read_bytes()
    tally.check(log.count(b"DEBUG") + log.count(b"TRACE") > 300, "the log is talkative")
    tally.check(log.count(b"request refused") > 300, f"and tells of refusals: {log.count(b'request refused')}")
    for kind in sorted(set(needles.kinds.values())):
        value = needles.of(kind)[0]
        found = needles.find(log + b"\n 12:00 DEBUG refused cause=" + value.encode())
        tally.check(value in [planted for *_, planted in found], f"a {kind} planted into the log is found")


def check_core(tally, house):
    """The system may write no core of the process (what `app/hardening.rs` promises)."""
    limits = pathlib.Path(f"/proc/{house.process.pid}/limits").read_text()
    tally.check(re.search(r"Max core file size +0 +0 ", limits), "no core of the program may be written")


def search(tally, needles, house, when, files):
    """Files and databases, by name; each of them was really read if something readable is found in it."""
    searched = sum(map(len, files.values()))
    print(f"{house.engine}, {when}: {len(files)} files, {searched:,} bytes, {len(needles.kinds)} values", flush=True)
    tally.check(searched > SEARCHED_BYTES_MIN, f"{searched} bytes were searched")
    for place, data in files.items():
        judge(tally, needles, f"{house.engine}, {when}: {place}", data)


def run(tally, postgres=None):
    needles = Needles(SEED + bool(postgres))
    with House(needles, postgres) as house:
        sow(house)
        check_core(tally, house)
        search(tally, needles, house, "while it runs", read_files(house.folder))
        wait_with_mails(house)
        waiting = house.count_waiting()
        tally.check(waiting >= 3, f"{waiting} mails wait in the outbox")
        dump = {"dump": postgres.dump()} if postgres else {}
        house.stop()
        dump |= {} if postgres else {"backup": back_up(house)}
        code, said = house.command("audit", "export", "--out", str(house.folder / "audit.jsonl"))
        tally.check(code == 0, f"the audit log is exported: {said[:200]}")
        files = read_files(house.folder) | dump | {"what the shell said": b"\n".join(house.said)}
        search(tally, needles, house, "afterwards", files)
        readable = house.readable.encode()
        base = "dump" if postgres else "backup"
        tally.check(readable in files[base], f"what may be read is found in the {base}")
        tally.check(postgres or any(readable in data for name, data in files.items() if name.startswith("data/")),
                    "and in a file")
        check_log(tally, needles, house)
        check_answers(tally, needles, house)
        check_mails(tally, needles, house)
        check_export(tally, needles, house)


def main():
    tally = Tally()
    check_search(tally)
    run(tally)
    with Postgres() as postgres:
        run(tally, postgres)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
