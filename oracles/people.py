#!/usr/bin/env python3
"""Walks the journeys of docs/journeys.md that are about people and their accounts, in a real browser, in both languages.

    oracles/run.sh browser

An owner invites a cashier, makes and removes a role of the shop's own and removes a leaver; sees what opens the own account
and tries the meter; asks buyers for more than the PIN; and sets a forgotten password anew. A buyer sees devices and
methods, changes nothing by mistake, freezes everything and takes it back; meets what the shop asks for; changes the
address, sets a forgotten PIN anew, and stops it all from the old address. Every page is checked at 360 and
1280 px as in walk.py. Negative control: in walk.py, whose rules these are.
"""

import re
import sys

from tally import Tally
from visitor import NARROW, WIDE, Visitor
from walk import NAMES, SHOTS, Demo, make_code, sign_in_buyer, sign_in_member

NAMES = NAMES + ["Wang Fang", "Chrome", "API", "Night desk"]
WEAK, STRONG = "password", "eight ferries cross the bay at dawn"
ROLE, NEW_CONTACT, NEW_PIN = "Night desk", "someone.else@mail.example", "618204"


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


def owner_and_roles(demo, owner):
    """A role of the shop's own: refused without a permission, made, changed, removed."""
    owner.go(f"{demo.url}/desk/roles")
    owner.look("roles")
    owner.press("a.button[href$='/roles/new']")
    owner.check(owner.until(lambda: owner.at("/desk/roles/new")), "the table leads to a new role")
    owner.check_focus("role-new")
    owner.fill(name=ROLE)
    owner.press("button.do")
    owner.check(owner.until(lambda: owner.has("#f-may")), "a role that may do nothing is refused in place")
    owner.look("role-new-refused")
    owner.press("input[name=may][value*='payments']")
    owner.press("button.do")
    owner.check(owner.until(lambda: owner.at("/desk/roles") and ROLE in owner.words("main")), "the role is in the list")
    owner.look("roles-own")
    owner.press_link(ROLE)
    owner.check(owner.until(lambda: owner.has("button.danger")), "a role that nobody has can go")
    owner.look("role-edit")
    owner.press("button.danger")
    gone = owner.until(lambda: owner.driver.current_url.endswith("/desk/roles") and ROLE not in owner.words("main"))
    owner.check(gone, "the role is gone")


def owner_and_policy(demo, owner):
    owner.go(f"{demo.url}/desk/buyer-policy")
    owner.look("buyer-policy")
    owner.fill(above="much")
    owner.press_refused("main button.do", "what is no amount is refused in place")
    owner.look("buyer-policy-refused")
    owner.fill(above="300")
    owner.press("main button.do")
    owner.check(owner.until(lambda: "300.00" in owner.words("main")), "the page says what is asked of buyers")
    owner.look("buyer-policy-set")


def member_and_password(demo, member):
    """A forgotten password: a link in a mail, once, and the new one opens the second step."""
    member.go(f"{demo.url}/sign-in")
    member.press("a[href='/sign-in/forgotten']")
    member.until(lambda: member.at("/sign-in/forgotten"))
    member.look("forgotten")
    seen = len(demo.lines)
    member.fill(email=demo.risk[0])
    member.press("button.do")
    member.check(member.until(lambda: not member.has("input[name=email]")), "the page says that a link may be on its way")
    member.look("forgotten-sent")
    link = demo.wait(rf"{re.escape(demo.risk[0])}: .*(http\S+/reset/\S+)", seen)
    member.go(link)
    member.look("reset")
    member.fill(password=WEAK)
    member.press_refused("button.do", "a known password is refused in place")
    member.look("reset-refused")
    member.fill(password=STRONG)
    member.press("button.do")
    member.check(member.until(lambda: member.at("/sign-in") and member.has("input[name=email]")), "it leads to the sign-in")
    member.look("sign-in-password-set")
    member.go(link)
    member.check(not member.has("input[name=password]"), "a used link opens nothing")
    member.look("reset-gone")
    sign_in_member(demo, member, (demo.risk[0], STRONG, demo.risk[2]))


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
    owner.press_refused("button.do", "a wrong old password is refused in place")
    owner.look("password-refused")


def buyer_and_account(demo, buyer):
    for path, name in [("/me", "own-payments"), ("/me/account", "account"), ("/me/security", "security-buyer"),
                       ("/me/devices", "devices-buyer"), ("/me/methods", "methods"), ("/me/pin", "pin-change"),
                       ("/me/activity", "activity"), ("/me/freeze", "freeze")]:
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


def buyer_and_policy(demo, buyer, code):
    """Above the shop's amount the PIN alone is not asked for."""
    buyer.go(code)
    buyer.press("button.do")
    buyer.check(buyer.until(lambda: buyer.has("a[href^='/me/factor']")), "the page leads to a second step")
    buyer.check(not buyer.has("input[name=pin]") and "300.00" in buyer.words(".note"), "and says why, in place of the PIN")
    buyer.look("pin-factor")


def buyer_and_contact(demo, buyer):
    """Another address, by PIN and a code that came to it; gives the link that went to the old one."""
    buyer.go(f"{demo.url}/me/contact")
    buyer.look("contact")
    buyer.check_focus("contact")
    buyer.fill(contact=NEW_CONTACT, pin=demo.other_pin())
    buyer.press_refused("button.do", "a wrong PIN is refused in place")
    buyer.look("contact-wrong-pin")
    seen = len(demo.lines)
    buyer.fill(contact=NEW_CONTACT, pin=demo.pin)
    buyer.press("button.do")
    buyer.until(lambda: buyer.has("input[name=code]"))
    buyer.look("contact-code")
    buyer.fill(code=demo.wait(rf"{re.escape(NEW_CONTACT)}: .*?(\d{{6}})", seen))
    buyer.press("button.do")
    changed = buyer.until(lambda: buyer.at("/me/account") and "s•••@mail.example" in buyer.words("main"))
    buyer.check(changed, "the account shows the new address")
    link = demo.wait(rf"{re.escape(demo.contact)}: .*(http\S+/freeze/\S+)", seen)
    demo.contact = NEW_CONTACT
    return link


def buyer_and_forgotten_pin(demo, buyer):
    buyer.go(f"{demo.url}/me/pin")
    buyer.press("a[href^='/me/pin/forgot']")
    buyer.until(lambda: buyer.at("/me/pin/forgot"))
    buyer.look("pin-forgot")
    seen = len(demo.lines)
    buyer.press("main form button.do")
    buyer.until(lambda: buyer.has("input[name=code]"))
    buyer.look("pin-forgot-code")
    code = demo.wait(rf"{re.escape(demo.contact)}: .*?(\d{{6}})", seen)
    buyer.fill(code=code, pin="123456", pin_again="123456")
    buyer.press_refused("button.do", "a weak new PIN is refused in place")
    buyer.look("pin-forgot-weak")
    buyer.fill(code=code, pin=NEW_PIN, pin_again=NEW_PIN)
    buyer.press("button.do")
    buyer.check(buyer.until(lambda: not buyer.has("input[name=pin]") and buyer.has(".say")), "the new PIN is set")
    buyer.look("pin-forgot-done")
    buyer.go(f"{demo.url}/me/account")
    buyer.check(buyer.has(".note"), "the account says that the new PIN is held back")
    buyer.look("account-held-back")


def stop_from_old_address(buyer, owner_of_old, link):
    """Whoever reads the old address needs no sign-in; the page says what the button does, and it works once."""
    owner_of_old.go(link)
    owner_of_old.look("freeze-link")
    owner_of_old.check_focus("freeze-link")
    owner_of_old.press("main form button")
    owner_of_old.check(owner_of_old.until(lambda: not owner_of_old.has("main form")), "the account is frozen")
    owner_of_old.look("freeze-link-done")
    owner_of_old.go(link)
    owner_of_old.check(not owner_of_old.has("button.danger"), "the link works once")
    owner_of_old.look("freeze-link-gone")
    buyer.driver.refresh()
    buyer.check(buyer.until(lambda: buyer.at("/me/sign-in")), "whoever was signed in is signed out")


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
        other = Person(tally, language, SHOTS, NARROW, NAMES)
        try:
            sign_in_member(demo, owner, demo.owner)
            owner_and_members(demo, owner)
            owner_and_roles(demo, owner)
            owner_and_policy(demo, owner)
            owner_and_security(demo, owner)
            code = make_code(owner, demo.url, "620.00", "Tea set")
            buyer.go(demo.url + "/me")
            sign_in_buyer(demo, buyer)
            buyer_and_account(demo, buyer)
            buyer_and_policy(demo, buyer, code)
            link = buyer_and_contact(demo, buyer)
            buyer_and_forgotten_pin(demo, buyer)
            stop_from_old_address(buyer, other, link)
            member_and_password(demo, other)
        finally:
            for person in (owner, buyer, other):
                person.close()


def main():
    tally = Tally()
    tally.walk([people])
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
