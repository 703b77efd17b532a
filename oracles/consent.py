#!/usr/bin/env python3
"""The question of a connected app, in a real browser that must arrive at the app, in both languages (OI-2).

    oracles/run.sh browser

A member who is signed out comes from the app, gives password and second factor, is asked, and allows: Chromium, which follows
a page's `form-action` along every redirect after a form, reaches the app's own address with a code that the app trades. So
does whoever clicks twice, whose session ended meanwhile, whose app sends browsers on to another site, and whose app has no
name but an IPv6 address. A no arrives as well. What is unknown, decided or not for this member is a page that leads nowhere. Pages are looked at with 390 and 1280 px as in walk.py.
Negative control: a page of the app's own with our policy, whose form the browser must stop on its way to another site.
"""

import http.server
import json
import socket
import sys
import threading
import urllib.parse

from apps import App, Browser
from chrome import PHONE
from server import PASSWORD, Server
from tally import Tally
from visitor import WIDE, Visitor
from walk import SHOTS

SIZES = (PHONE, WIDE)
OWNER = "owner@shop.example"
NAMES = ["Tea House", "Books", "Mei Lin", "Tillward", "Chrome", "English"]
SCOPE = "view_payments take_payments"
POLICY = "default-src 'self'; form-action 'self'"


class Site(http.server.BaseHTTPRequestHandler):
    """The app's web site: where browsers come back to, and from where some are sent on to its other name."""

    arrived = []
    onward = ""

    def do_GET(self):
        path = self.path.split("?")[0]
        if path == "/onward":
            return self.answer(302, Location=f"{Site.onward}/home?{self.path.partition('?')[2]}")
        if path == "/form":
            return self.answer(200, "<form method=post action=/form><button>go</button></form>", Content_Security_Policy=POLICY)
        if path != "/favicon.ico":
            Site.arrived.append(self.path)
        self.answer(200, "<h1>The app</h1>")

    def do_POST(self):
        self.answer(303, Location=f"{Site.onward}/stolen")

    def answer(self, status, text="", **headers):
        self.send_response(status)
        for name, value in {"Content_Type": "text/html", "Content_Length": str(len(text)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


class Site6(http.server.ThreadingHTTPServer):
    """Answers under every name of the own machine."""

    address_family = socket.AF_INET6

    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


class Walk:
    def __init__(self, server, app, visitor, site):
        self.server, self.app, self.visitor, self.site = server, app, visitor, site
        self.client = None

    def register(self, name, paths, may):
        browser = Browser(self.server, self.server.owner)
        fields = [("name", name), ("redirects", "\n".join(paths)), ("keys", self.key())]
        browser.send(browser.get("/desk/apps"), "/desk/apps", fields + [("may", one) for one in may])
        text = browser.get("/desk/apps").text
        start = text.index("app_")
        return text[start:start + 32]

    def key(self):
        return json.dumps(self.app.ask("key"))

    def begin(self, back, client=None, scope=SCOPE):
        answer = self.app.ask("begin", issuer=self.server.url, client_id=client or self.client, redirect_uri=back, scope=scope)
        if "url" not in answer:
            raise RuntimeError(f"not pushed: {answer}")
        return answer["url"]

    def sign_in(self, name=None):
        visitor = self.visitor
        visitor.until(lambda: visitor.has("input[name=email]"))
        if name:
            visitor.look(f"{name}-door", SIZES)
        visitor.fill(email=OWNER, password=PASSWORD)
        visitor.press("form:not([data-passkey]) button.do")
        visitor.until(lambda: visitor.has("input[name=code]"))
        if name:
            visitor.look(f"{name}-step", SIZES)
        visitor.fill(code=self.server.apps[OWNER].fresh())
        visitor.press("form:not([data-passkey]) button.do")
        return visitor.until(lambda: visitor.has("button[value=allow]"))

    def arrives(self, what, path="/back"):
        visitor = self.visitor
        there = visitor.until(lambda: visitor.driver.current_url.startswith(self.site) and Site.arrived)
        came = Site.arrived[-1] if Site.arrived else ""
        visitor.check(there and came.startswith(path), f"{what}: the browser is at the app: {visitor.driver.current_url[:90]} {came[:30]}")
        Site.arrived.clear()
        return came


def signed_out(walk):
    """From the app through both steps of the sign-in to the question, and back with a code that the app trades."""
    visitor = walk.visitor
    url = walk.begin(f"{walk.site}/back")
    visitor.go(url)
    visitor.check(walk.sign_in("consent"), "password and second factor lead to the question")
    visitor.look("consent", SIZES)
    visitor.check_focus("consent")
    visitor.press("button[value=allow]")
    came = walk.arrives("allowed after signing in")
    done = walk.app.ask("finish", url=f"{walk.site}{came}")
    visitor.check(done.get("status") == 200, f"and the app trades the code: {done}")


def signed_in(walk):
    visitor = walk.visitor
    visitor.go(walk.begin(f"{walk.site}/back"))
    visitor.check(visitor.has("button[value=allow]"), "who is signed in is asked at once")
    visitor.press("button[value=decline]")
    came = walk.arrives("declined")
    visitor.check("error=access_denied" in came and "code=" not in came, f"a no is told: {came[:60]}")


def clicked_twice(walk):
    """Both clicks lead to the app, and its code is good."""
    visitor = walk.visitor
    url = walk.begin(f"{walk.site}/back")
    visitor.go(url)
    visitor.press_twice("button[value=allow]")
    came = walk.arrives("a double click")
    done = walk.app.ask("finish", url=f"{walk.site}{came}")
    visitor.check(done.get("status") == 200, f"the code of a double click is good: {done}")
    visitor.go(url)
    visitor.check(not visitor.has("button[value=allow]"), "a decided request is not asked again")
    visitor.look("consent-decided", SIZES)


def sent_on(walk):
    """The app sends browsers on to another site of its own, and Chromium holds the page's policy against that as well."""
    visitor = walk.visitor
    visitor.go(walk.begin(f"{walk.site}/onward"))
    visitor.press("button[value=allow]")
    there = visitor.until(lambda: visitor.driver.current_url.startswith(Site.onward))
    visitor.check(there, f"an app that sends browsers on is arrived at: {visitor.driver.current_url[:90]}")
    Site.arrived.clear()


def by_number(walk):
    visitor = walk.visitor
    port = urllib.parse.urlsplit(walk.site).port
    visitor.go(walk.begin(f"http://[::1]:{port}/back"))
    visitor.press("button[value=allow]")
    there = visitor.until(lambda: "[::1]" in visitor.driver.current_url)
    visitor.check(there and Site.arrived, f"an app on the own machine without a name is arrived at: {visitor.driver.current_url[:90]}")
    Site.arrived.clear()


def without_right(walk):
    """A colleague who may do nothing of it can only say no."""
    visitor, server = walk.visitor, walk.server
    mail = "li@shop.example"
    server.ask("POST", "/v1/members", {"name": "Li Si", "email": mail, "roles": ["security"]}, server.owner, (201, 202))
    server.ask("POST", "/v1/invitations/accept", {"token": server.mailed_link(mail), "password": PASSWORD}, expect=(200, 201, 204))
    visitor.driver.add_cookie({"name": "tw_member", "value": server.sign_in(mail), "path": "/", "httpOnly": True})
    visitor.go(walk.begin(f"{walk.site}/back"))
    visitor.check(visitor.has("button[value=decline]") and not visitor.has("button[value=allow]"), "there is nothing to allow")
    visitor.look("consent-nothing", SIZES)
    visitor.press("button[value=decline]")
    visitor.check("error=access_denied" in walk.arrives("a no without the right"), "and the no is told")


def stopped(walk):
    """The planted fault: under our policy Chromium does stop a form whose answer leads to another site."""
    visitor = walk.visitor
    visitor.go(f"{walk.site}/form")
    visitor.press("button")
    there = visitor.until(lambda: visitor.driver.current_url.startswith(Site.onward), seconds=3)
    visitor.check(not there, "a redirect after a form is held to the policy of its page")
    visitor.complaints()


def ended_meanwhile(walk):
    """The session ends while the question is on the screen: after signing in again it is asked again."""
    visitor = walk.visitor
    visitor.go(walk.begin(f"{walk.site}/back"))
    visitor.driver.delete_cookie("tw_member")
    visitor.press("button[value=allow]")
    visitor.check(visitor.until(lambda: visitor.at("/sign-in?next=")), "the door is next")
    visitor.check(walk.sign_in(), f"after signing in again the question is there: {visitor.driver.current_url[:120]}")
    if visitor.has("button[value=allow]"):
        visitor.press("button[value=allow]")
        walk.arrives("allowed after signing in again")


def nowhere(walk):
    """What is unknown is a page that leads nowhere."""
    visitor = walk.visitor
    url = walk.begin(f"{walk.site}/back")
    other = walk.client[:-2] + ("aa" if not walk.client.endswith("aa") else "bb")
    unknown = {"consent-unknown-app": url.replace(walk.client, other),
               "consent-unknown-request": url[:-4] + "AAAA",
               "consent-not-pushed": f"{walk.server.url}/oauth/authorize?client_id={walk.client}&redirect_uri=https://evil.example"}
    for name, address in unknown.items():
        visitor.go(address)
        visitor.check(visitor.at(walk.server.url) and not visitor.has("button[value=allow]"), f"{name} leads nowhere")
        visitor.look(name, SIZES)
    wrong = walk.app.ask("begin", issuer=walk.server.url, client_id=walk.client, redirect_uri="https://evil.example/", scope=SCOPE)
    visitor.check(wrong.get("status") == 400, f"an address that was not registered is refused to the app: {wrong}")


def consent(tally, language):
    with Server() as server, App("ES256") as app:
        server.stop()
        server.url = server.url.replace("127.0.0.1", "localhost")
        server.options = ["--public-url", server.url]
        server.start()
        server.set_up()
        site = Site6(("::", 0), Site)
        threading.Thread(target=site.serve_forever, daemon=True).start()
        port = site.server_address[1]
        Site.onward = f"http://127.0.0.1:{port}"
        visitor = Visitor(tally, language, SHOTS, WIDE, NAMES)
        walk = Walk(server, app, visitor, f"http://localhost:{port}")
        try:
            paths = [f"{walk.site}/back", f"{walk.site}/onward", f"http://[::1]:{port}/back"]
            walk.client = walk.register("Books", paths, ["view payments", "take payments"])
            for part in (signed_out, signed_in, clicked_twice, sent_on, by_number, ended_meanwhile, nowhere, without_right, stopped):
                try:
                    part(walk)
                except Exception as problem:
                    told = str(problem).split("\n")[0]
                    visitor.check(False, f"{part.__name__} breaks off at {visitor.driver.current_url[:90]}: {told}")
        finally:
            visitor.close()
            site.shutdown()


def main():
    tally = Tally()
    for language in sys.argv[1:] or ("en", "zh"):
        consent(tally, language)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
