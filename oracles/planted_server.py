#!/usr/bin/env python3
"""A tiny API with three planted faults, the negative control of `api.py`: an API fuzzer that is awake finds them all.

    planted_server.py PORT

Faults: a 500 for a negative count, an answer that breaks its own schema, and an undeclared method that is accepted.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BODY = {"type": "object", "required": ["count"], "properties": {"count": {"type": "integer"}}}
ANSWER = {"type": "object", "required": ["doubled"], "properties": {"doubled": {"type": "integer"}}}


def operation(answer_schema, body_schema=None):
    answers = {"200": {"description": "ok", "content": {"application/json": {"schema": answer_schema}}}}
    answers["400"] = {"description": "bad request"}
    described = {"responses": answers}
    if body_schema:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": body_schema}}}
    return described


OPENAPI = {
    "openapi": "3.1.0",
    "info": {"title": "planted", "version": "1"},
    "paths": {
        "/double": {"post": operation(ANSWER, BODY)},
        "/broken": {"get": operation(ANSWER)},
    },
}


class Handler(BaseHTTPRequestHandler):
    """Answers two operations, each with a fault."""

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        if self.path == "/openapi.json":
            self.answer(200, OPENAPI)
        elif self.path == "/broken":
            self.answer(200, {"doubled": "two"})
        else:
            self.answer(404, {})

    def do_POST(self):
        try:
            count = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))["count"]
            good = isinstance(count, int) and not isinstance(count, bool)
        except (ValueError, KeyError, TypeError):
            good = False
        if not good or self.path != "/double":
            self.answer(400, {})
        elif count < 0:
            self.answer(500, {"planted": True})
        else:
            self.answer(200, {"doubled": 2 * count})

    def do_DELETE(self):
        self.answer(200, {})

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
