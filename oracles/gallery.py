#!/usr/bin/env python3
"""Shows every page's sample to a real browser, in both languages, at phone and desk width, light and dark.

    oracles/run.sh gallery

The samples come from `crates/app/examples/gallery.rs`, served with the policy that the program sends. A page must
not be wider than the window, have one heading, name every field and control, and leave the console silent: a refused
script or style shows there. Negative control: a page that breaks all of it. Pictures go to target/screenshots/gallery.
"""

import functools
import http.server
import pathlib
import subprocess
import sys
import threading

from chrome import DESK, PHONE, Window
from tally import Tally

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "target" / "gallery"
SHOTS = ROOT / "target" / "screenshots" / "gallery"
POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
BROKEN = (
    "<!doctype html><title> </title><body><h1>a</h1><h1>b</h1><input name=x><button></button><p id=a><p id=a>"
    "<script>alert(1)</script><img src='/none.png'><pre>" + "wide" * 900
)
BROKEN_FAULTS = ["wider", "2 h1", "no main", "without a name", "without words", "without alt", "twice", "console"]


class Pages(http.server.SimpleHTTPRequestHandler):
    """The folder, with the program's policy, and the broken page."""

    def end_headers(self):
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def do_GET(self):
        if self.path != "/broken":
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(BROKEN.encode())

    def log_message(self, *_):
        pass


def serve():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Pages, directory=FOLDER))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def check_broken(tally, window, address):
    window.go(f"{address}/broken")
    found = "\n".join(window.complaints())
    for fault in BROKEN_FAULTS:
        tally.check(fault in found, f"the planted fault `{fault}` is found")


def check_page(tally, window, address, page, look):
    window.go(f"{address}/{page.name}")
    wrong = [complaint for complaint in window.complaints() if "favicon" not in complaint]
    tally.check(not wrong, f"{page.stem} ({look}): {'; '.join(wrong)}")
    window.shoot(f"{page.stem}-{look}")


def main():
    tally = Tally()
    build = ["cargo", "run", "--quiet", "--package", "app", "--example", "gallery", "--", str(FOLDER)]
    subprocess.run(build, cwd=ROOT, check=True)
    address = serve()
    looks = [("phone", PHONE, False), ("desk", DESK, False), ("phone-dark", PHONE, True), ("desk-dark", DESK, True)]
    for look, size, dark in looks:
        window = Window(size, "en", SHOTS, dark)
        try:
            if look == "phone":
                check_broken(tally, window, address)
            for page in sorted(FOLDER.glob("*.html")):
                check_page(tally, window, address, page, look)
        finally:
            window.close()
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
