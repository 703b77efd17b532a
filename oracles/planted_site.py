#!/usr/bin/env python3
"""A small web site with planted holes, the negative control of `scan.py`: a scanner that is awake finds them.

    planted_site.py PORT

Holes: a database query put together from text, a search that repeats its words unescaped, a redirect to anywhere, a
command line that shows its environment, a cookie without its flags, and no security header at all.
"""

import html
import sqlite3
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

FRONT = """<!doctype html><title>planted</title>
<a href="/item?id=1">item</a> <a href="/go?to=/item">go</a> <a href="/look?host=a">look</a>
<form action="/search"><input name="q" value="tea"><input type="submit"></form>"""


def shelf():
    goods = sqlite3.connect(":memory:")
    goods.execute("CREATE TABLE goods (id INTEGER, name TEXT)")
    goods.executemany("INSERT INTO goods VALUES (?, ?)", [(1, "tea"), (2, "cup")])
    return goods


class Handler(BaseHTTPRequestHandler):
    """Answers four pages, each with its hole."""

    def do_GET(self):
        asked = urlsplit(self.path)
        words = {name: values[0] for name, values in parse_qs(asked.query, keep_blank_values=True).items()}
        if asked.path == "/item":
            self.show(*self.item(words.get("id", "1")))
        elif asked.path == "/search":
            self.show(200, f"<p>found nothing for {words.get('q', '')}</p>")
        elif asked.path == "/look":
            seen = "PATH=/usr/bin\nPWD=/srv\nHOME=/root\n" if "env" in words.get("host", "") else "nothing"
            self.show(200, f"<pre>{seen}</pre>")
        elif asked.path == "/go":
            self.send_response(302)
            self.send_header("location", words.get("to", "/").replace("\r", "").replace("\n", ""))
            self.send_header("content-length", "0")
            self.end_headers()
        else:
            self.show(200, FRONT)

    @staticmethod
    def item(number):
        try:
            rows = shelf().execute(f"SELECT name FROM goods WHERE id = {number}").fetchall()
            return 200, "".join(f"<p>{html.escape(str(row[0]))}</p>" for row in rows) or "<p>no such thing</p>"
        except sqlite3.Error as problem:
            return 500, f"<p>Warning: SQLite3::query(): {html.escape(str(problem))}</p>"

    def show(self, status, body):
        data = body.encode()
        self.send_response(status)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(data)))
        self.send_header("set-cookie", "session=1")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
