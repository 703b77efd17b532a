#!/usr/bin/env python3
"""Walks through the program as its people do, in a real browser: set-up, codes, paying, being asked, review, refund.

    oracles/run.sh browser

First a `tillward serve` that nobody has used yet, then a `tillward demo` for each language with robots all around. Every
page is checked at 360 and 1280 px for what `chrome.py` and `visitor.py` ask of a page. Pictures go to
target/test-logs/screens. Negative control: faults planted into a page, and a payment made twice on purpose.
"""

import pathlib
import re
import subprocess
import sys
import threading
import time

from server import PASSWORD, Server, clean_environment, program
from tally import Tally
from totp import App
from visitor import NARROW, WIDE, Visitor

SHOTS = pathlib.Path(__file__).resolve().parent.parent / "target" / "test-logs" / "screens"
DEMO_SECONDS = 600
START_SECONDS_MAX = 60
NAMES = ["Green Tea House", "Tea House", "Tillward", "English", "Demo", "Guest"]
PLANTED = """
document.body.insertAdjacentHTML('beforeend', `<h1>nav-payments</h1><p style="width:4000px">wide</p><button></button>`);
"""
PLANTED_FAULTS = ["2 h1", "without words", "inline", "shows the key", "content security policy"]


class Demo:
    """A `tillward demo` of our own; what it prints is read as it comes."""

    def __init__(self):
        self.lines = []
        command = [program(), "demo", "--seconds", str(DEMO_SECONDS)]
        self.process = subprocess.Popen(command, env=clean_environment(), stdin=subprocess.DEVNULL, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        threading.Thread(target=lambda: self.lines.extend(self.process.stdout), daemon=True).start()

    def __enter__(self):
        self.url = self.wait(r"^\s+(http://localhost:\d+)$")
        self.owner = ("owner@green-tea.example", *self.wait_both(r"owner@green-tea\.example\s+(\S+)\s+(\+\d+)"))
        self.risk = ("risk@green-tea.example", *self.wait_both(r"risk@green-tea\.example\s+(\S+)\s+(\+\d+)"))
        self.pin = self.wait(r"PIN (\d{6})")
        self.contact = self.wait(r"buyer\s+(\S+@\S+)\s+PIN")
        self.code = self.wait(r"code\s+(http\S+)")
        self.printed = self.wait(r"printed\s+(http\S+)")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def wait(self, pattern, after=0):
        """What the first line that matches has in its first brackets."""
        return self.wait_both(pattern, after)[0]

    def wait_both(self, pattern, after=0):
        """What the first line that matches has in its brackets."""
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            for line in self.lines[after:]:
                found = re.search(pattern, line.rstrip("\n"))
                if found:
                    return found.groups()
            time.sleep(0.1)
        raise RuntimeError(f"the demo does not print {pattern}:\n{''.join(self.lines[-30:])}")

    def other_pin(self):
        return f"{(int(self.pin) + 7) % 1_000_000:06}"


# a program that nobody has used yet

def set_up(tally, language):
    """The link of the first start, the shop, its first code, signing out and in, an API key."""
    with Server() as server:
        server.url = server.url.replace("127.0.0.1", "localhost")
        link = re.findall(r"https?://\S+/setup/\S+", server.printed())[-1]
        path = link[link.index("/setup/"):]
        owner = Visitor(tally, language, SHOTS, WIDE, NAMES)
        try:
            owner.go(server.url)
            owner.look("front")
            make_shop(owner, server.url + path)
            refuse_used_link(tally, language, server.url + path)
            show_first_code(owner, server.url)
            sign_out_and_in(owner, server.url)
            make_api_key(owner, server.url)
            plant_faults(owner, server.url)
        finally:
            owner.close()


def make_shop(owner, link):
    owner.go(link)
    owner.look("set-up")
    owner.check_focus("set-up")
    values = {"shop": "Tea House", "city": "Hangzhou", "name": "Mei Lin", "email": "owner@shop.example"}
    owner.fill(**values, password="aaaaaaaaaaaaaaaa")
    owner.press_refused("button.do", "a weak password is refused in place")
    owner.look("set-up-refused")
    owner.fill(password=PASSWORD)
    owner.press("button.do")
    owner.check(owner.until(lambda: owner.at("/sign-in/factor")), "the set-up link leads to the second step")
    owner.look("enrol")
    owner.app = set_up_app(owner)
    owner.check(owner.until(lambda: owner.at("/desk")), "then to the desk")
    owner.look("desk-empty")


def set_up_app(member):
    """Scans the key, types a wrong and a right code, keeps the recovery codes."""
    member.press("form[action*='/factor/app'] button")
    member.until(lambda: member.has(".qr svg"))
    member.look("enrol-app")
    app = App(member.words("main code"))
    member.fill(code="000000")
    member.press_refused("button.do", "a wrong code of the app is refused in place")
    member.fill(code=app.fresh())
    member.press("button.do")
    member.check(member.until(lambda: len(member.all("ol code")) == 10), "ten recovery codes are shown")
    member.look("recovery-codes")
    member.press("a.do")
    return app


def refuse_used_link(tally, language, link):
    other = Visitor(tally, language, SHOTS, NARROW, NAMES)
    try:
        other.go(link)
        other.check(not other.has("input[name=shop]"), "a used set-up link opens nothing")
        other.look("set-up-gone")
    finally:
        other.close()


def show_first_code(owner, url):
    owner.go(f"{url}/desk/codes")
    owner.look("codes-empty")
    owner.go(f"{url}/desk/codes/new")
    owner.look("code-new")
    owner.press_refused("button.do", "a code without an amount is refused in place")
    pay_url = make_code(owner, url, "28.00", "Longjing")
    owner.look("code")
    owner.check(owner.has(".qr svg"), "the code is shown")
    owner.driver.get(owner.driver.current_url + "/print")
    owner.check(owner.has(".qr svg"), "the print page shows the code")
    owner.look("code-print")
    altered = pay_url[:-3] + ("AAA" if pay_url[-3:] != "AAA" else "BBB")
    owner.go(altered)
    owner.check(not owner.has("form"), "an altered code cannot be paid")
    owner.look("code-altered")


def make_code(owner, url, amount, line):
    """A code for one payment; gives the address it holds and leaves its page open."""
    owner.go(f"{url}/desk/codes/new")
    owner.fill(amount=amount, order_line=line)
    owner.press("button.do")
    owner.until(lambda: owner.has("[data-copy*='/p/']"))
    pay_url = owner.all("[data-copy*='/p/']")[0].get_attribute("data-copy")
    return url + pay_url[pay_url.index("/p/"):]


def sign_out_and_in(owner, url):
    owner.go(f"{url}/desk")
    owner.press("details.me summary")
    owner.look("menu", [WIDE])
    owner.press("details.me form button")
    owner.until(lambda: owner.at("/sign-in"))
    owner.go(f"{url}/desk/codes")
    owner.check(owner.at("/sign-in"), "the desk is closed after signing out")
    owner.look("sign-in")
    owner.fill(email="owner@shop.example", password="not the password at all")
    owner.press("button.do")
    owner.check(owner.until(lambda: owner.has("[role=alert], .problems, .note.bad")), "a wrong password is refused")
    owner.look("sign-in-refused")
    owner.fill(email="owner@shop.example", password=PASSWORD)
    owner.press("button.do")
    owner.check(owner.until(lambda: owner.at("/sign-in/step")), "the password leads to the second step")
    owner.look("second-step")
    owner.fill(code="000000")
    owner.press_refused("button.do", "a wrong code of the second step is refused in place")
    owner.fill(code=owner.app.fresh())
    owner.press("button.do")
    owner.check(owner.until(lambda: owner.at("/desk/codes")), "signing in goes where one wanted to go")


def make_api_key(owner, url):
    owner.go(f"{url}/desk/api-keys")
    owner.look("keys-empty")
    owner.fill(name="Till")
    owner.press("section form button.do")
    owner.check(owner.until(lambda: len(owner.all(".secret")) == 2), "a new key shows its secret")
    owner.look("key-secret")
    secret = owner.all(".secret")[1].text.split()[0]
    owner.go(f"{url}/desk/api-keys")
    owner.check(secret not in owner.driver.page_source, "the secret is shown once")
    owner.look("keys")


def plant_faults(owner, url):
    """Negative control: the checks above see what they are for."""
    owner.go(f"{url}/desk/codes")
    owner.complaints()
    owner.driver.execute_script(PLANTED)
    found = "\n".join(owner.faults()).lower()
    for fault in PLANTED_FAULTS:
        owner.check(fault in found, f"the planted fault `{fault}` is found in: {found[:600]}")
    owner.resize(NARROW)
    owner.driver.execute_script("const p = document.createElement('pre'); p.textContent = 'w'.repeat(900); "
                                "document.querySelector('main').append(p); p.className = 'planted'")
    owner.check("wider" in "\n".join(owner.complaints()), "the planted width is found")
    owner.resize(owner.size)


# a shop on a lively day

def live(tally, language):
    """Buyer, owner and risk member, each with a browser."""
    with Demo() as demo:
        people = []
        try:
            for size in (NARROW, WIDE, WIDE):
                people.append(Visitor(tally, language, SHOTS, size, NAMES))
            day(demo, *people)
        finally:
            for person in people:
                person.close()


def day(demo, buyer, owner, risk):
    sign_in_member(demo, owner, demo.owner)
    sign_in_member(demo, risk, demo.risk)
    owner.go(f"{demo.url}/desk")
    pay_first(demo, buyer, owner)
    pay_printed(demo, buyer)
    pay_without_script(demo, buyer, owner)
    big = be_challenged(demo, buyer, owner)
    refund(demo, owner, big)
    be_reviewed(demo, buyer, owner, risk)
    look_around(demo, buyer, owner)


def sign_in_member(demo, member, who):
    """Password, then the code that the demo prints in place of a text message."""
    member.go(f"{demo.url}/sign-in")
    member.fill(email=who[0], password=who[1])
    member.press("button.do")
    member.until(lambda: member.at("/sign-in/step"))
    seen = len(demo.lines)
    member.press("button.do")
    member.until(lambda: member.has("input[name=code]"))
    member.fill(code=demo.wait(rf"{re.escape(who[2])}: .*?(\d{{6}})", seen))
    member.press("button.do")
    member.check(member.until(lambda: member.at("/desk")), f"{who[0]} signs in")


def sign_in_buyer(demo, buyer):
    buyer.look("buyer-sign-in")
    buyer.check_focus("buyer-sign-in")
    seen = len(demo.lines)
    buyer.fill(contact=demo.contact)
    buyer.press("button.do")
    buyer.until(lambda: buyer.has("input[name=code]"))
    code = demo.wait(rf"{re.escape(demo.contact)}: .*?(\d{{6}})", seen)
    buyer.look("buyer-code")
    buyer.fill(code=f"{(int(code) + 1) % 1_000_000:06}")
    buyer.press_refused("button.do", "a wrong sign-in code is refused in place")
    buyer.look("buyer-code-wrong")
    buyer.fill(code=code)
    buyer.press("button.do")


def pay_first(demo, buyer, owner):
    """From the scan to the receipt, with everything there is to see on the way, while the owner looks on."""
    buyer.go(demo.code)
    buyer.look("pay")
    buyer.weigh("the pay page")
    buyer.check_focus("pay")
    says = buyer.words("button.do")
    buyer.check("28.00" in says and "Green Tea House" in says, f"the button says amount and payee: {says}")
    buyer.press("button.do")
    buyer.until(lambda: buyer.at("/me/sign-in"))
    sign_in_buyer(demo, buyer)
    buyer.check(buyer.until(lambda: buyer.has("input[name=pin]")), "after signing in the PIN is asked")
    place = "return document.querySelector('form:has([name=pin]) [name=place]').value"
    buyer.until(lambda: buyer.driver.execute_script(place))
    sent = buyer.driver.execute_script(place)
    buyer.check(sent == "30.27,120.16", f"a place leaves the browser rounded to hundredths of a degree: {sent}")
    buyer.look("pin")
    buyer.weigh("the PIN page")
    buyer.check_focus("pin")
    type_pin(buyer, demo.other_pin())
    buyer.check(buyer.until(lambda: "4" in buyer.words("[role=alert], .error, .wrong")), "a wrong PIN says tries left")
    buyer.look("pin-wrong")
    type_pin(buyer, demo.pin, twice=True)
    buyer.check(buyer.until(lambda: buyer.has("[role=status] .sum")), "the receipt comes")
    payment = buyer.driver.current_url.split("/pay/")[1].split("?")[0]
    sees_payment(owner, payment)
    buyer.check("28.00" in buyer.words(".say"), "the receipt says the amount")
    buyer.check(buyer.until(lambda: proof_is_there(buyer), 25), "the receipt has its proof")
    buyer.press("details summary")
    buyer.look("receipt")
    buyer.go(f"{demo.url}/pay/{payment}/not-me")
    buyer.look("not-me")
    stranger_sees_used(demo, buyer)


def proof_is_there(buyer):
    if buyer.has("a[href*='/proof']"):
        return True
    time.sleep(1)
    buyer.driver.refresh()
    return False


def type_pin(buyer, pin, twice=False):
    buyer.until(lambda: buyer.has("input[name=pin]"))
    buyer.fill(pin=pin)
    if twice:
        buyer.press_twice("form button.do")
    else:
        buyer.press("form button.do")


def stranger_sees_used(demo, buyer):
    stranger = Visitor(buyer.tally, buyer.speaks, SHOTS, NARROW, NAMES)
    try:
        stranger.go(demo.code)
        stranger.check(not stranger.has("form button.do"), "a used code cannot be paid by another")
        stranger.look("code-used")
    finally:
        stranger.close()


def balance(demo, buyer):
    """What is left, in cents, as the buyer's own page says."""
    buyer.go(f"{demo.url}/me")
    found = re.search(r"([\d,]+\.\d\d)", buyer.words("main .soft"))
    return round(float(found.group(1).replace(",", "")) * 100) if found else None


def pay_printed(demo, buyer):
    """A printed code with a typed amount; two clicks and two sends pay once; two payments are two (negative control)."""
    before = balance(demo, buyer)
    buyer.go(demo.printed)
    buyer.look("amount")
    buyer.fill(amount="1,2")
    buyer.press_refused("button.do", "an amount that can be misread is refused")
    buyer.look("amount-wrong")
    buyer.fill(amount="12.50")
    buyer.press("button.do")
    buyer.until(lambda: buyer.has("input[name=pin]"))
    buyer.fill(pin=demo.pin)
    answers = buyer.send_twice("form:has(input[name=pin])")
    same = isinstance(answers, list) and len({tuple(answer) for answer in answers}) == 1 and answers[0][0] == 200
    buyer.check(same, f"a form sent twice gets one answer: {answers}")
    once = balance(demo, buyer)
    buyer.check(before - once == 1250, f"a form sent twice pays once: {before} {once}")
    buyer.go(demo.printed)
    buyer.fill(amount="12.50")
    buyer.press("button.do")
    type_pin(buyer, demo.pin, twice=True)
    buyer.until(lambda: buyer.has("[role=status] .sum"))
    twice = balance(demo, buyer)
    buyer.check(once - twice == 1250, f"two payments are two payments: {once} {twice}")
    buyer.look("own-payments")


def pay_without_script(demo, buyer, owner):
    code = make_code(owner, demo.url, "9.90", "Jasmine")
    buyer.tell("Emulation.setScriptExecutionDisabled", value=True)
    buyer.go(code)
    buyer.press("button.do")
    type_pin(buyer, demo.pin)
    done = buyer.until(lambda: "9.90" in buyer.words(".say"))
    buyer.shoot(f"{buyer.speaks}-receipt-no-script-360")
    buyer.tell("Emulation.setScriptExecutionDisabled", value=False)
    buyer.check(done, "paying works without script")
    paid = owner.until(lambda: owner.has("[data-on=code] .good"))
    owner.check(paid, "the code's page tells by itself that it was paid")
    owner.look("code-paid")


def be_challenged(demo, buyer, owner):
    """A new device and far more than usual: the payer is asked, says yes, and has paid. Gives the payment's id."""
    buyer.go(make_code(owner, demo.url, "620.00", "Tea set"))
    buyer.press("button.do")
    type_pin(buyer, demo.pin)
    buyer.check(buyer.until(lambda: buyer.has("button[value=yes]")), "a high amount on a new device is asked about")
    buyer.look("challenge")
    buyer.weigh("the page that asks")
    buyer.fill(pin=demo.other_pin())
    buyer.press("button[value=yes]")
    buyer.until(lambda: buyer.has("[role=alert], .error, .wrong"))
    buyer.look("challenge-wrong")
    buyer.fill(pin=demo.pin)
    buyer.press("button[value=yes]")
    buyer.check(buyer.until(lambda: "620.00" in buyer.words(".say")), "the answer yes pays")
    return buyer.driver.current_url.split("/pay/")[1]


def refund(demo, owner, payment):
    owner.go(f"{demo.url}/desk/payments/{payment}")
    owner.look("payment")
    owner.check_focus("payment")
    owner.fill(reason="A cup is broken")
    owner.press("#refund button")
    owner.until(lambda: owner.has("input[name=password]"))
    says = owner.words("button.danger")
    owner.check("620.00" in says, f"the button names the consequence: {says}")
    owner.look("refund")
    owner.fill(password="not the password at all")
    owner.press_refused("button.danger", "a refund asks for the right password")
    owner.fill(password=demo.owner[1])
    owner.press("button.danger")
    owner.check(owner.until(lambda: owner.at(f"/desk/payments/{payment}") and not owner.has("#refund")), "it is given back")
    owner.look("payment-refunded")
    owner.go(f"{demo.url}/desk/refunds")
    owner.check("620.00" in owner.words("tbody"), "the refund is listed")
    owner.look("refunds")


def be_reviewed(demo, buyer, owner, risk):
    """Wrong PINs, then far more than usual on a new device: a member decides, with the keyboard."""
    buyer.go(make_code(owner, demo.url, "900.00", "Pu'er cake"))
    buyer.press("button.do")
    for left in ("4", "3", "2"):
        type_pin(buyer, demo.other_pin())
        said = lambda: left in buyer.words("[role=alert], .error, .wrong")
        buyer.check(buyer.until(said), f"{left} tries are left")
    type_pin(buyer, demo.pin)
    waits = buyer.until(lambda: buyer.has("main[data-live]") and not buyer.has("button[value=yes]"))
    buyer.check(waits, "a payment that is reviewed waits")
    buyer.look("wait")
    payment = buyer.driver.current_url.split("/pay/")[1]
    risk.go(f"{demo.url}/desk/reviews/{payment}")
    risk.look("review")
    risk.check_focus("review")
    move_in_queue(demo, risk)
    risk.go(f"{demo.url}/desk/reviews/{payment}")
    risk.fill(note="Known guest, called them")
    risk.driver.execute_script("document.activeElement.blur()")
    risk.keys("a")
    risk.check(risk.driver.execute_script("return document.activeElement.dataset.key") == "a", "`a` goes to the button")
    risk.check(risk.at(f"/desk/reviews/{payment}"), "`a` alone decides nothing")
    risk.keys("a")
    risk.check(risk.until(lambda: not risk.at(f"/desk/reviews/{payment}")), "`a` twice approves")
    buyer.check(buyer.until(lambda: "900.00" in buyer.words(".say")), "the waiting page becomes the receipt by itself")
    buyer.check(buyer.has(".say .sum:not(.soft)"), "the reviewed payment is paid")
    risk.go(f"{demo.url}/desk/payments/{payment}")
    risk.look("payment-reviewed")


def move_in_queue(demo, risk):
    risk.go(f"{demo.url}/desk/reviews")
    risk.look("reviews")
    if len(risk.all(".queue a")) < 2:
        return
    first = risk.all(".queue a")[0].get_attribute("href")
    risk.go(first)
    second = risk.all(".queue a")[1].get_attribute("href")
    risk.keys("j")
    risk.check(risk.until(lambda: risk.driver.current_url == second), "`j` moves to the next review")
    risk.until(lambda: risk.has(".queue a[aria-current]"))
    risk.keys("k")
    risk.check(risk.until(lambda: risk.driver.current_url == first), "`k` moves back")


def sees_payment(owner, payment):
    owner.check(owner.until(lambda: owner.has(f"#row-{payment}.fresh")), "the open overview receives the payment")
    owner.look("overview")


def look_around(demo, buyer, owner):
    for path, name in [("/desk", "overview-later"), ("/desk/payments", "payments"), ("/desk/codes", "codes"),
                       ("/desk/api-keys", "api-keys"), ("/desk/payments?state=declined", "declined")]:
        owner.go(demo.url + path)
        owner.look(name)
    owner.go(f"{demo.url}/desk/payments?state=declined")
    owner.all("tbody a")[0].click()
    owner.until(lambda: owner.at("/desk/payments/pay"))
    owner.look("payment-declined")
    owner.go(f"{demo.url}/desk/payments/pay_nothing")
    owner.look("not-found")
    buyer.go(f"{demo.url}/me")
    buyer.press("form button.quiet")
    buyer.until(lambda: not buyer.at("/me") or buyer.at("/me/sign-in"))
    buyer.go(f"{demo.url}/me")
    buyer.check(buyer.at("/me/sign-in"), "a buyer who signed out is asked to sign in")
    buyer.go(f"{demo.url}/me/new")
    buyer.look("buyer-new")


def main():
    tally = Tally()
    tally.walk([set_up, live])
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
