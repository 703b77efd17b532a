#!/usr/bin/env python3
"""Passwords and codes through the eyes of others: `oathtool` (OATH Toolkit) and `argon2-cffi` (the reference Argon2).

    oracles/run.sh factors

`oathtool` shows the codes of an authenticator app (OTP-1, OTP-2): the present one and its neighbours are taken, those two steps
away are not. `argon2-cffi` verifies the hash we stored, and we verify one that it made (PW-1, C03). Negative controls: a
code of another key and one over SHA-256, a hash with one letter changed.
"""

import datetime
import pathlib
import re
import sqlite3
import subprocess
import sys
import time

import argon2

from server import PASSWORD, Server
from tally import Tally

STEP_SECONDS = 30
EMAIL = "owner@shop.example"
OTHER_PASSWORD = "another horse battery staple 8"
# RFC 9106 names the algorithm, OWASP the least memory for two passes.
MEMORY_KIB_MIN, PASSES_MIN = 19 * 1024, 2


def oath(key, step, algorithm="sha1"):
    """What `oathtool` shows for a step."""
    at = datetime.datetime.fromtimestamp(step * STEP_SECONDS, datetime.timezone.utc)
    words = ["oathtool", f"--totp={algorithm}", "--base32", "--digits=6", f"--now={at:%Y-%m-%d %H:%M:%S} UTC", key]
    return subprocess.run(words, capture_output=True, text=True, timeout=10, check=True).stdout.strip()


def begin_of_step():
    """Waits until a step has just begun; gives it. There is time for what follows before the next one."""
    while time.time() % STEP_SECONDS > 8:
        time.sleep(0.2)
    return int(time.time()) // STEP_SECONDS


def first_step(server, password=PASSWORD):
    return server.ask("POST", "/v1/member_sessions", {"email": EMAIL, "password": password}, expect=(201, 202, 401))


def check_codes(tally, server):
    session = first_step(server)["token"]
    offer = server.ask("POST", "/v1/me/factors/totp", {"label": "oathtool"}, session, 201)
    key = offer["key"].replace(" ", "")
    confirm = f"/v1/me/factors/totp/{offer['id']}/confirm"
    step = begin_of_step()
    other = key[:-1] + ("A" if key[-1] != "A" else "B")
    for what, code in [("of another key", oath(other, step)), ("over SHA-256", oath(key, step, "sha256"))]:
        if code != oath(key, step):
            server.ask("POST", confirm, {"code": code}, session, (400, 403))
            tally.check(True, f"a code {what} is refused")
    for away in (-3, -2, 2, 3):
        server.ask("POST", confirm, {"code": oath(key, step + away)}, session, (400, 403))
        tally.check(True, f"the code {away} steps away is refused")
    server.ask("POST", confirm, {"code": oath(key, step - 1)}, session, 200)
    tally.check(True, "the code of the step before is taken")
    for away, taken in [(-1, False), (0, True), (0, False), (1, True), (0, False), (-2, False), (2, False)]:
        body = {"token": first_step(server)["token"], "kind": "totp", "code": oath(key, step + away)}
        answer = server.ask("POST", "/v1/second_steps", body, expect=201 if taken else (400, 401, 403))
        tally.check(taken == ("shop_id" in answer or "token" in answer), f"step {away}: taken is {taken}")


def database(server):
    """The server's database file, while it is stopped."""
    for path in sorted((server.folder / "data").iterdir()):
        if path.is_file() and path.read_bytes()[:15] == b"SQLite format 3":
            return sqlite3.connect(path)
    raise RuntimeError(f"no database in {sorted(map(str, pathlib.Path(server.folder / 'data').iterdir()))}")


def verifies(stored, password):
    try:
        return argon2.PasswordHasher().verify(stored, password)
    except (argon2.exceptions.VerifyMismatchError, argon2.exceptions.InvalidHashError,
            argon2.exceptions.VerificationError):
        return False


def altered(stored):
    return stored[:-3] + ("A" if stored[-3] != "A" else "B") + stored[-2:]


def check_hashes(tally, server):
    server.stop()
    base = database(server)
    stored = base.execute("SELECT password FROM members WHERE password IS NOT NULL").fetchone()[0]
    tally.check(verifies(stored, PASSWORD), f"argon2-cffi verifies our hash {stored[:32]}…")
    tally.check(not verifies(stored, PASSWORD + "x"), "and no other password")
    tally.check(not verifies(altered(stored), PASSWORD), "and no hash with a letter changed")
    found = argon2.extract_parameters(stored)
    good = found.type is argon2.Type.ID and found.memory_cost >= MEMORY_KIB_MIN and found.time_cost >= PASSES_MIN
    tally.check(good and found.salt_len >= 16 and found.hash_len >= 32, f"its settings hold the line: {found}")
    theirs = argon2.PasswordHasher(time_cost=2, memory_cost=MEMORY_KIB_MIN, parallelism=1).hash(OTHER_PASSWORD)
    for what, kept, password, taken in [
        ("a hash that argon2-cffi made", theirs, OTHER_PASSWORD, True),
        ("the old password then", theirs, PASSWORD, False),
        ("one with a letter changed", altered(theirs), OTHER_PASSWORD, False),
    ]:
        base.execute("UPDATE members SET password = ?", (kept,))
        base.commit()
        base.close()
        server.start()
        body = {"email": EMAIL, "password": password}
        server.ask("POST", "/v1/member_sessions", body, expect=(201, 202) if taken else 401)
        tally.check(True, f"{what}: taken is {taken}")
        server.stop()
        base = database(server)
    base.close()


def main():
    tally = Tally()
    with Server() as server:
        found = set_up(server)
        tally.check(found, "the shop is set up")
        check_codes(tally, server)
        check_hashes(tally, server)
    return tally.close()


def set_up(server):
    """The owner without a second factor yet."""
    link = re.findall(r"https?://\S+?/set-?up/?\S*?([A-Za-z0-9_-]{20,})", server.printed())[-1]
    shop = {"name": "Tea House", "city": "Hangzhou", "country": "CN", "category": "5499", "currency": "CNY"}
    body = {"token": link, "shop": shop, "password": PASSWORD, "owner": {"name": "Mei Lin", "email": EMAIL}}
    return server.ask("POST", "/v1/setup", body, expect=201)


if __name__ == "__main__":
    sys.exit(main())
