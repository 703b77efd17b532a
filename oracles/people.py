#!/usr/bin/env python3
"""Walks the journeys of docs/journeys.md that are about people and their accounts, in a real browser, in both languages.

    oracles/run.sh browser

An owner invites a cashier, looks at roles and removes a leaver; sees what opens the own account and tries the meter; a
buyer sees devices, changes nothing by mistake, freezes everything and takes it back. Every page is checked at 360 and
1280 px as in walk.py. Negative control: in walk.py, whose rules these are.
"""

import sys

from tally import Tally
from visitor import NARROW, WIDE, Visitor
from walk import NAMES, SHOTS, Demo, sign_in_buyer, sign_in_member

NAMES = NAMES + ["Wang Fang", "Chrome", "API"]
WEAK, STRONG = "password", "eight ferries cross the bay at dawn"


def owner_and_members(demo, owner):
    owner.go(f"{demo.url}/desk/members")
    owner.look("members")
    owner.press("a.button.do")
    owner.check(owner.until(lambda: owner.at("/desk/members/new")), "the list leads to the invitation")
    owner.check_focus("member-new")
    owner.fill(name="Wang Fang", email="wang@tea.example")
    owner.press("button.do")
    owner.check(owner.until(lambda: owner.has("#f-role")), "an invitation without a role is refused in place")
    owner.look("member-new-refused")
    owner.press("input[value=cashier]")
    owner.press("button.do")
    owner.check(owner.until(lambda: owner.has("td .waiting")), "the cashier stands in the list, invited")
    owner.look("members-invited")
    owner.press_link("Wang Fang")
    owner.until(lambda: owner.has("a.danger"))
    owner.look("member")
    owner.press("a.danger")
    owner.check(owner.until(lambda: owner.at("/remove")), "removing asks first")
    owner.look("member-remove")
    owner.press("button.danger")
    owner.check(owner.until(lambda: owner.has("td .closed")), "the leaver is shown as removed")
    owner.go(f"{demo.url}/desk/roles")
    owner.look("roles")


def owner_and_security(demo, owner):
    owner.go(f"{demo.url}/desk/security")
    owner.look("security-member")
    owner.go(f"{demo.url}/desk/devices")
    owner.look("devices-member")
    owner.go(f"{demo.url}/desk/password")
    owner.fill(password=WEAK)
    owner.check(owner.until(lambda: owner.has(".meter .bad")), "the meter warns of a known password")
    owner.look("password-weak")
    owner.fill(password=STRONG)
    owner.check(owner.until(lambda: owner.has(".meter .good")), "the meter is content with a good one")
    owner.fill(old="not the one at all", password=STRONG)
    owner.press("button.do")
    owner.check(owner.until(lambda: owner.has("[aria-invalid]")), "a wrong old password is refused in place")
    owner.look("password-refused")


def buyer_and_account(demo, buyer):
    for path, name in [("/me", "own-payments"), ("/me/account", "account"), ("/me/security", "security-buyer"),
                       ("/me/devices", "devices-buyer"), ("/me/pin", "pin-change"), ("/me/activity", "activity"),
                       ("/me/freeze", "freeze")]:
        buyer.go(demo.url + path)
        buyer.check(buyer.at(path), f"{path} opens")
        buyer.look(name)
    buyer.weigh("the account's page")
    buyer.press("button.danger")
    buyer.check(buyer.until(lambda: buyer.has("form[action='/me/thaw']")), "the account is frozen, with the way back")
    buyer.look("frozen")
    buyer.go(f"{demo.url}/me/account")
    buyer.look("account-frozen")
    buyer.go(f"{demo.url}/me/freeze")
    thaw(buyer, demo.other_pin())
    buyer.check(buyer.until(lambda: buyer.has("[aria-invalid]")), "a wrong PIN keeps it frozen")
    buyer.look("frozen-wrong-pin")
    thaw(buyer, demo.pin)
    buyer.check(buyer.until(lambda: buyer.at("/me/account") and buyer.has(".state.done")), "the PIN takes it back")


def thaw(buyer, pin):
    buyer.driver.execute_script("document.querySelector('[name=pin]').focus()")
    buyer.fill(pin=pin)
    buyer.press("form[action='/me/thaw'] > button")


class Person(Visitor):
    """A visitor who follows links by their words."""

    def press_link(self, words):
        link = next(link for link in self.all("main a") if words in link.text)
        link.click()


def people(tally, language):
    with Demo() as demo:
        owner = Person(tally, language, SHOTS, WIDE, NAMES)
        buyer = Person(tally, language, SHOTS, NARROW, NAMES)
        try:
            sign_in_member(demo, owner, demo.owner)
            owner_and_members(demo, owner)
            owner_and_security(demo, owner)
            buyer.go(demo.url + "/me")
            sign_in_buyer(demo, buyer)
            buyer_and_account(demo, buyer)
        finally:
            owner.close()
            buyer.close()


def main():
    tally = Tally()
    for language in ("en", "zh"):
        try:
            people(tally, language)
        except Exception as problem:  # a walk that breaks off is one failure, told in full
            tally.check(False, f"[{language}] people breaks off: {type(problem).__name__}: {problem}")
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
