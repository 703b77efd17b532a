#!/usr/bin/env python3
"""Whether time tells which members and contacts are known: a statistic, not a threshold (PW-5).

    oracles/run.sh timing

For each door a known name and an unknown one are tried in pairs, in an order drawn by chance, each from an address of its
own on loopback, so that no throttle answers in place of the work. The judge is Wilcoxon's signed-rank test on the paired
differences: it needs no shape of the noise, and what makes the machine slow for a while makes both of a pair slow.
A door fails when two measurements after each other, with fresh samples, both reject at ALPHA in the same direction: by
chance once in two million times a door. What that can find is printed as the median difference and as the least delay
that it would have found (1.96 + 3.29 standard errors of the mean difference).

Negative controls, which must be found: a malformed address, which is cheaper than an unknown one; and the same doors with a
delay planted on the known side, of one and a half times what the measurement says it would have found.
"""

import http.client
import itertools
import json
import math
import os
import random
import secrets
import statistics
import sys
import time

from server import PASSWORD, Server
from tally import Tally

ALPHA = 0.001
PAIRS = int(os.environ.get("TILLWARD_TIMING_PAIRS", "90"))
# Twenty codes a day go to one contact; each contact is asked this often in one measurement.
EACH_CONTACT = 9
PLANTED = 1.5

addresses = (f"127.{a}.{b}.{c}" for a, b, c in itertools.product(range(1, 255), range(255), range(1, 255)))


def post(server, path, body, statuses):
    """One request from an address of its own: (seconds, status, answer)."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20, source_address=(next(addresses), 0))
    connection.connect()
    headers = {"Content-Type": "application/json", "Idempotency-Key": secrets.token_hex(16)}
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

    def __init__(self, server, path, body_of, statuses):
        self.server, self.path, self.body_of, self.statuses = server, path, body_of, statuses

    def seconds(self, name):
        took, status, said = post(self.server, self.path, self.body_of(name), self.statuses)
        return took, status, len(said)


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
    found, _ = tells("members, malformed", door, ["owner-at-shop"], unknown, reset=reset)
    tally.check(found, "a malformed address is told apart")
    found, _ = tells("members, planted", door, known, unknown, PLANTED * least, reset)
    tally.check(found, f"a delay of {PLANTED * least * 1e3:.1f} ms is found")


def check_buyers(tally, server):
    door = Door(server, "/v1/buyer_sessions", lambda contact: {"contact": contact}, (202, 400))
    count = math.ceil((PAIRS + 5) / EACH_CONTACT)

    def names():
        made = [f"k{secrets.token_hex(4)}@mail.example" for _ in range(count)]
        for contact in made:
            sign_up(server, contact)
        return made, [f"u{secrets.token_hex(4)}@mail.example" for _ in range(count)]

    known, unknown = names()
    told, least = tells("buyers", door, known, unknown)
    tally.check(not told, "time does not tell a buyer's contact from a stranger's")
    _, (one, two) = measure(door, *names(), pairs=1)
    tally.check(set(one) == set(two), f"nor do status and length: {set(one)} {set(two)}")
    known, unknown = names()
    found, _ = tells("buyers, malformed", door, ["no-contact"], unknown)
    tally.check(found, "a malformed contact is told apart")
    known, unknown = names()
    found, _ = tells("buyers, planted", door, known, unknown, PLANTED * least)
    tally.check(found, f"a delay of {PLANTED * least * 1e3:.1f} ms is found")


def sign_up(server, contact):
    body = {"name": "Zhang San", "contact": contact, "pin": "482916"}
    asked = json.loads(post(server, "/v1/buyers", body, (202,))[2])
    path = f"/v1/buyer_sessions/{asked['id']}/verify"
    post(server, path, {"code": server.mailed_code(contact), "device_label": "oracle"}, (200, 201))


def main():
    tally = Tally()
    check_statistic(tally)
    with Server() as server:
        server.set_up()
        check_members(tally, server)
        check_buyers(tally, server)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
