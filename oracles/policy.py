#!/usr/bin/env python3
"""Who may do what, judged by a second engine: Cedar (PyPI `cedarpy`), as AZ-3 asks.

    oracles/run.sh policy

The table of roles, as `tillward roles --json` prints it, is written as Cedar policies over roles and shops. Both are then
asked every question: each role and one of a shop's own, each permission, in the caller's own shop and in another one. The
program's answers are those of `Actor::allow` (`crates/app/examples/policy.rs`). Every operation of the API must name a
permission of the table. Requirements AZ-1, AZ-3, AZ-4; C10. Negative controls: a table with one permission too few, one too
many, and a program that does not look at the shop; each must be found.
"""

import copy
import json
import pathlib
import subprocess
import sys

import cedarpy

from server import clean_environment
from tally import Tally

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Callers who belong to no shop: the table alone decides for them.
SHOPLESS = ("anyone", "buyer", "system")


def cargo(*words):
    run = ["cargo", "run", "--quiet", "--package", "app", *words]
    done = subprocess.run(run, cwd=ROOT, env=clean_environment(), stdout=subprocess.PIPE, check=True)
    return done.stdout.decode()


def read_program():
    """The table, the program's answers by question, and what the role of a shop's own has."""
    table = json.loads(cargo("--bin", "tillward", "--", "roles", "--json"))
    answers, custom = {}, []
    for line in cargo("--example", "policy").splitlines():
        entry = json.loads(line)
        if "custom" in entry:
            custom = entry["custom"]
            continue
        question = entry["question"]
        answers[question["role"], question["permission"], question["shop"]] = entry["answer"]
    return table, answers, custom


def quoted(text):
    return json.dumps(text)


def policies_of(table, custom):
    """Cedar policies: what a role has it has in its own shop; nothing else is permitted."""
    granted = {entry["role"]: [one["name"] for one in entry["permissions"]] for entry in table["roles"]}
    granted["custom"] = custom
    lines = []
    for role, names in granted.items():
        for name in names:
            where = "" if role in SHOPLESS else " when { principal.shop == resource }"
            lines.append(f"permit(principal in Role::{quoted(role)}, action == Action::{quoted(name)}, resource){where};")
    return "\n".join(lines)


def entities_of(roles):
    """A caller for each role, at home in one shop, and two shops."""
    shops = [{"uid": {"type": "Shop", "id": name}, "attrs": {}, "parents": []} for name in ("own", "other")]
    home = {"__entity": {"type": "Shop", "id": "own"}}
    callers = []
    for role in roles:
        uid = {"type": "Role", "id": role}
        callers.append({"uid": uid, "attrs": {}, "parents": []})
        callers.append({"uid": {"type": "Caller", "id": role}, "attrs": {"shop": home}, "parents": [uid]})
    return shops + callers


def ask_cedar(policies, questions):
    entities = entities_of(sorted({role for role, _, _ in questions}))
    requests = [
        {
            "principal": f"Caller::{quoted(role)}",
            "action": f"Action::{quoted(permission)}",
            "resource": f"Shop::{quoted(shop)}",
            "context": {},
        }
        for role, permission, shop in questions
    ]
    results = cedarpy.is_authorized_batch(requests, policies, entities)
    broken = [error for result in results for error in result.diagnostics.errors]
    if broken:
        raise SystemExit(f"Cedar could not decide: {broken[:3]}")
    return {question: result.allowed for question, result in zip(questions, results)}


def differences(table, answers, custom):
    """The questions to which the two give different answers."""
    judged = ask_cedar(policies_of(table, custom), list(answers))
    return [question for question, answer in answers.items() if (answer == "allow") != judged[question]]


def check_faults(tally, table, answers, custom):
    less = copy.deepcopy(table)
    owner = next(entry for entry in less["roles"] if entry["role"] == "owner")
    owner["permissions"] = [one for one in owner["permissions"] if one["name"] != "refund"]
    found = differences(less, answers, custom)
    tally.check(found == [("owner", "refund", "own")], f"a permission too few is found, and nothing else: {found}")
    more = copy.deepcopy(table)
    cashier = next(entry for entry in more["roles"] if entry["role"] == "cashier")
    cashier["permissions"].append({"name": "manage roles", "fresh_seconds": 900})
    found = differences(more, answers, custom)
    tally.check(found == [("cashier", "manage roles", "own")], f"one too many is found, and nothing else: {found}")
    blind = dict(answers)
    for role, permission, shop in answers:
        if shop == "other":
            blind[role, permission, shop] = answers[role, permission, "own"]
    found = differences(table, blind, custom)
    tally.check(("owner", "refund", "other") in found, "a program that does not look at the shop is found")


def main():
    tally = Tally()
    table, answers, custom = read_program()
    roles = {entry["role"] for entry in table["roles"]} | {"custom"}
    permissions = {permission for _, permission, _ in answers}
    asked = {(role, permission, shop) for role in roles for permission in permissions for shop in ("own", "other")}
    tally.check(set(answers) == asked, f"every question is answered: {len(asked)}")
    wrong = set(differences(table, answers, custom))
    for question in sorted(answers):
        role, permission, shop = question
        tally.check(question not in wrong, f"{role}, {permission}, {shop} shop: the program says {answers[question]}")
    for role, permission, shop in answers:
        if shop == "other" and role not in SHOPLESS:
            hidden = answers[role, permission, shop] == "not found"
            tally.check(hidden, f"another shop does not exist for {role}, {permission}: {answers[role, permission, shop]}")
    for operation in table["operations"]:
        known = operation["permission"] is None or operation["permission"] in permissions
        tally.check(known, f"{operation['operation']} names a permission of the table: {operation['permission']}")
    check_faults(tally, table, answers, custom)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
