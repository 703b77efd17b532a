#!/usr/bin/env python3
"""Whether time tells which members and contacts are known: a statistic, not a threshold (PW-5).

    oracles/run.sh timing

Seven doors: sign-in of members and of buyers, the code that a buyer's sign-in asks for, sign-up with a contact that is taken,
a forgotten password, an invitation, and the PIN set anew. The last two ask for 256 random bits, so what is tried there is
what once was good: a link that was used up and a session that ended, against ones that never were. The other doors ask for
nothing that can be guessed either, or for a code that a machine enrols by, which opens at once or is worth nothing. For
each door a known name and an unknown one
are tried in pairs, in an order drawn by chance, each from an address of its own on loopback, so that no throttle answers in
place of the work. The judge is Wilcoxon's signed-rank test on the paired
differences: it needs no shape of the noise, and what makes the machine slow for a while makes both of a pair slow.
A door fails when two measurements after each other, with fresh samples, both reject at ALPHA in the same direction: by
chance once in two million times a door. What that can find is printed as the median difference and as the least delay
that it would have found (1.96 + 3.29 standard errors of the mean difference).

Negative controls, which must be found: a malformed address, which is cheaper than an unknown one; and each door with a
delay planted on the known side, of one and a half times what the measurement says it would have found.
"""

import concurrent.futures
import http.client
import itertools
import json
import math
import os
import random
import secrets
import statistics
import sys
import threading
import time

from server import PASSWORD, Server
from tally import Tally

ALPHA = 0.001
PAIRS = int(os.environ.get("TILLWARD_TIMING_PAIRS", "90"))
# Twenty codes a day go to one contact; each contact is asked this often in one measurement.
EACH_CONTACT = 7
PLANTED = 1.5
BUYERS = 24
# Ten links a day go to one member, and a door is measured twice with the same ones.
MEMBERS = 24
PLANTED_TRIES = 8
ANSWER_SECONDS_MAX = 300
BUSY_TRIES = 5
AT_ONCE = 6

turn = threading.Lock()
addresses = (f"127.{a}.{b}.{c}" for a, b, c in itertools.product(range(1, 255), range(255), range(1, 255)))


def post(server, path, body, statuses, bearer=None):
    """One request from an address of its own: (seconds, status, answer)."""
    with turn:
        address = next(addresses)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=ANSWER_SECONDS_MAX, source_address=(address, 0))
    connection.connect()
    headers = {"Content-Type": "application/json", "Idempotency-Key": secrets.token_hex(16)}
    if bearer:
        headers["Authorization"] = f"Bearer {bearer}"
    body = json.dumps(body).encode()
    began = time.perf_counter()
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    said = answer.read()
    took = time.perf_counter() - began
    connection.close()
    if answer.status not in statuses:
        raise RuntimeError(f"{path} answered {answer.status}: {said[:300]}")
    return took, answer.status, said


class Door:
    """One operation that takes a name, asked from another address each time."""

    def __init__(self, server, path, body_of, statuses, shows_session=False):
        self.server, self.path, self.body_of, self.statuses = server, path, body_of, statuses
        self.shows_session = shows_session

    def seconds(self, name):
        path = self.path.format(name)
        for _ in range(BUSY_TRIES):
            # A machine that slept meanwhile has the program give up with 503; that says nothing about the name.
            bearer = name if self.shows_session else None
            took, status, said = post(self.server, path, self.body_of(name), (*self.statuses, 503), bearer)
            if status != 503:
                return took, status, len(said)
        raise RuntimeError(f"{path} cannot answer")


def signed_rank(differences):
    """(z, two-sided p) of Wilcoxon's test, with the normal limit and ties in the middle."""
    found = [d for d in differences if d]
    order = sorted(range(len(found)), key=lambda at: abs(found[at]))
    ranks, at = [0.0] * len(found), 0
    while at < len(order):
        end = at
        while end + 1 < len(order) and abs(found[order[end + 1]]) == abs(found[order[at]]):
            end += 1
        for place in order[at:end + 1]:
            ranks[place] = (at + end) / 2 + 1
        at = end + 1
    n = len(found)
    plus = sum(rank for rank, d in zip(ranks, found) if d > 0)
    z = (plus - n * (n + 1) / 4) / math.sqrt(n * (n + 1) * (2 * n + 1) / 24)
    return z, math.erfc(abs(z) / math.sqrt(2))


def measure(door, known, unknown, planted=0.0, pairs=PAIRS):
    """The paired differences known − unknown, in seconds; and what the answers looked like."""
    differences, answers = [], ([], [])
    for number in range(pairs + 5):
        took = [0.0, 0.0]
        for side in random.sample((0, 1), 2):
            name = (known, unknown)[side]
            took[side], status, size = door.seconds(name[number % len(name)])
            answers[side].append((status, size))
        if number >= 5:
            differences.append(took[0] + planted - took[1])
    return differences, answers


def report(what, differences, p):
    median = statistics.median(differences) * 1e3
    middle = sorted(differences)[len(differences) // 10:-len(differences) // 10]
    least = 5.25 * statistics.stdev(middle) / math.sqrt(len(middle))
    print(f"{what}: median difference {median:+.3f} ms, p = {p:.4f}, would have found {least * 1e3:.2f} ms", flush=True)
    return least


def tells(what, door, known, unknown, planted=0.0, reset=lambda: None):
    """Whether time tells the two apart, by two measurements after each other; and what would have been found."""
    signs, least = [], 0.0
    for _ in range(2):
        differences, _ = measure(door, known, unknown, planted)
        z, p = signed_rank(differences)
        least = max(least, report(what, differences, p))
        reset()
        if p >= ALPHA:
            return False, least
        signs.append(z > 0)
    return signs[0] == signs[1], least


def check_statistic(tally):
    """The judge itself: right on values from the table of the test, and quiet and loud where it should be."""
    chance = random.Random(7)
    z, p = signed_rank([float(n) * (-1 if n in (2, 5) else 1) for n in range(1, 11)])
    tally.check(abs(z - 2.0896) < 0.001 and abs(p - 0.0367) < 0.001, f"ten ranks with 2 and 5 negative: z {z:.4f}, p {p:.4f}")
    quiet = sum(signed_rank([chance.lognormvariate(0, 1) - chance.lognormvariate(0, 1) for _ in range(PAIRS)])[1] < 0.01
                for _ in range(1000))
    tally.check(1 <= quiet <= 25, f"it rejects one in a hundred of equal ones at 0.01: {quiet} of 1000")
    loud = sum(signed_rank([chance.gauss(0.5, 1) for _ in range(PAIRS)])[1] < ALPHA for _ in range(200))
    tally.check(loud > 165, f"and finds half a standard deviation: {loud} of 200")


def check_members(tally, server):
    def body(email):
        return {"email": email, "password": "not the right one at all"}

    door = Door(server, "/v1/member_sessions", body, (401, 400))
    known, unknown = ["owner@shop.example"], ["nobody@hop.example"]

    def reset():
        # A right password forgets the wrong ones; the stranger's count starts anew with another name of the same length.
        server.ask("POST", "/v1/member_sessions", {"email": known[0], "password": PASSWORD}, expect=202)
        unknown[0] = f"n{secrets.token_hex(3)[:5]}@hop.example"

    told, least = tells("members", door, known, unknown, reset=reset)
    tally.check(not told, "time does not tell a member from nobody")
    _, (one, two) = measure(door, known, unknown, pairs=1)
    tally.check(set(one) == set(two), f"nor do status and length: {set(one)} {set(two)}")
    reset()
    check_malformed(tally, "members", door, lambda: (["owner-at-shop"], unknown), reset)
    check_planted(tally, "members", door, lambda: (known, unknown), least, reset)


def check_door(tally, what, door, names, malformed=None):
    """A door whose names are spent by use: `names` makes known and unknown ones anew for each measurement."""
    known, unknown = names()
    told, least = tells(what, door, known, unknown)
    tally.check(not told, f"time does not tell the known from the unknown: {what}")
    _, (one, two) = measure(door, *names(), pairs=1)
    tally.check(set(one) == set(two), f"nor do status and length: {what}: {set(one)} {set(two)}")
    if malformed:
        check_malformed(tally, what, door, lambda: ([f"{malformed}{at}" for at in range(MEMBERS)], names()[1]))
    check_planted(tally, what, door, names, least)


def check_malformed(tally, what, door, names, reset=lambda: None):
    """What is malformed is refused sooner than what is unknown, and must be told apart; a busy moment may hide it."""
    found = any(tells(f"{what}, malformed", door, *names(), reset=reset)[0] for _ in range(PLANTED_TRIES))
    tally.check(found, f"something malformed is told apart: {what}")


def check_planted(tally, what, door, names, least, reset=lambda: None):
    """The door with a delay on the known side must be told apart."""
    for _ in range(PLANTED_TRIES):
        # The machine may have become busier since, and what would be found then is more.
        found, least_now = tells(f"{what}, planted", door, *names(), PLANTED * least, reset)
        if found:
            break
        least = max(least, least_now)
    tally.check(found, f"a delay of {PLANTED * least * 1e3:.1f} ms is found: {what}")


def new_buyers(server, count):
    """Contacts that belong to somebody, and as many that belong to nobody."""
    made = [f"k{secrets.token_hex(4)}@mail.example" for _ in range(count)]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as people:
        list(people.map(lambda contact: sign_up(server, contact), made))
    return made


def strangers(count):
    return [f"u{secrets.token_hex(4)}@mail.example" for _ in range(count)]


def check_buyers(tally, server):
    count = math.ceil((PAIRS + 5) / EACH_CONTACT)
    door = Door(server, "/v1/buyer_sessions", lambda contact: {"contact": contact}, (202, 400))
    check_door(tally, "a buyer's sign-in", door, lambda: (new_buyers(server, count), strangers(count)), "no-contact")


def check_codes(tally, server):
    """The code of a sign-in: for nobody's contact it is asked for as well, and no code is the right one."""
    known = new_buyers(server, BUYERS)

    def attempts(contacts):
        asked = [json.loads(post(server, "/v1/buyer_sessions", {"contact": contacts[at % BUYERS]}, (202,))[2])["id"]
                 for at in range(PAIRS + 5)]
        random.shuffle(asked)
        return asked

    door = Door(server, "/v1/buyer_sessions/{}/verify", lambda _: {"code": "000000", "device_label": "oracle"}, (401, 403, 409))
    check_door(tally, "the code of a buyer's sign-in", door, lambda: (attempts(known), attempts(strangers(BUYERS))))


def check_sign_up(tally, server):
    """Whoever signs up with somebody's contact is answered like everybody."""
    count = math.ceil((PAIRS + 5) / EACH_CONTACT)
    body = lambda contact: {"name": "Zhang San", "contact": contact, "pin": "482916"}
    door = Door(server, "/v1/buyers", body, (202, 400))
    check_door(tally, "sign-up", door, lambda: (new_buyers(server, count), strangers(count)), "no-contact")


def new_members(server):
    made = [f"m{secrets.token_hex(3)}@shop.example" for _ in range(MEMBERS)]

    def invite(mail):
        body = {"name": "Li Si", "email": mail, "roles": ["cashier"]}
        server.ask("POST", "/v1/members", body, server.owner, (201, 202))
        post(server, "/v1/invitations/accept", {"token": server.mailed_link(mail), "password": PASSWORD}, (200, 201, 204))

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as people:
        list(people.map(invite, made))
    return made


def check_forgotten(tally, server):
    def names():
        return new_members(server), [f"n{secrets.token_hex(3)}@shop.example" for _ in range(MEMBERS)]

    door = Door(server, "/v1/password_resets", lambda mail: {"email": mail}, (202, 400))
    check_door(tally, "a forgotten password", door, names, "owner-at-shop")


def never_made(tokens):
    """Tokens that look like these and never were."""
    return [f"{token.split('_')[0]}_{secrets.token_urlsafe(32)}" for token in tokens]


def check_invitation(tally, server):
    """A link that was used up is told from one that never was by nothing."""
    used = [server.mailed_link(mail) for mail in new_members(server)]
    door = Door(server, "/v1/invitations/accept", lambda token: {"token": token, "password": PASSWORD}, (409, 400))
    check_door(tally, "an invitation", door, lambda: (used, never_made(used)), "no-link")


def check_pin_reset(tally, server):
    """Nor is a session that ended told from one that never was, where a PIN is set anew."""
    def ended(contact):
        token = sign_up(server, contact)
        server.ask("DELETE", "/v1/buyer_sessions/current", bearer=token, expect=204)
        return token

    sessions = [ended(contact) for contact in strangers(BUYERS)]
    door = Door(server, "/v1/me/pin/resets", lambda _: {}, (401,), shows_session=True)
    check_door(tally, "a PIN set anew", door, lambda: (sessions, never_made(sessions)))


def sign_up(server, contact):
    body = {"name": "Zhang San", "contact": contact, "pin": "482916"}
    asked = json.loads(post(server, "/v1/buyers", body, (202,))[2])
    path = f"/v1/buyer_sessions/{asked['id']}/verify"
    opened = post(server, path, {"code": server.mailed_code(contact), "device_label": "oracle"}, (200, 201))[2]
    return json.loads(opened)["token"]


def main():
    tally = Tally()
    check_statistic(tally)
    with Server() as server:
        server.set_up()
        for check in (check_members, check_buyers, check_codes, check_sign_up, check_forgotten, check_invitation,
                      check_pin_reset):
            began = time.monotonic()
            check(tally, server)
            print(f"{check.__name__}: {time.monotonic() - began:.0f} s", flush=True)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
