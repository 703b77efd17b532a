#!/usr/bin/env python3
"""Watches the system calls of a running server: an answer to a write leaves only after a flush of the database.

    oracles/run.sh flush

Wants `strace` (Debian). For each order created, the journal or the write-ahead log must have been flushed (fdatasync or fsync, returned
0) between the request's arrival and its answer. A signed read is flushed as well, since its nonce is kept. Negative
control: a public page is answered without a flush, so a watcher that sees flushes everywhere, or none, is caught.
"""

import re
import shutil
import subprocess
import sys
import threading
import time

import requests

from client import Shop
from server import Server
from tally import Tally

REQUESTS = 25
ATTACH_SECONDS_MAX = 20
CALLS = "fsync,fdatasync,sync_file_range,read,recvfrom,recvmsg,readv,write,sendto,sendmsg,writev"
# A path behind a descriptor, as `strace -y` shows it: the store's own journal, or SQLite's database and write-ahead log.
FLUSH = re.compile(r"(?:fdatasync|fsync)\(\d+<[^>]*tillward\.(?:db|journal-[ab])[^>]*>\)\s+=\s+0|<\.\.\. (?:fdatasync|fsync) resumed>\)\s+=\s+0")
ARRIVED = re.compile(r'"(POST /v1/orders|GET /openapi\.json)')
ANSWERED = re.compile(r'"HTTP/1\.1 (\d{3})')


def watch(server):
    """strace on all threads of the server; the trace goes to a file, since its remarks would otherwise cut calls in two."""
    trace = server.folder / "trace.txt"
    command = ["strace", "-f", "-y", "-s", "64", "-o", str(trace), "-e", f"trace={CALLS}", "-p", str(server.process.pid)]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, errors="replace")
    attached = threading.Event()

    def remarks():
        for line in tracer.stderr:
            if "attached" in line:
                attached.set()

    threading.Thread(target=remarks, daemon=True).start()
    attached.wait(timeout=ATTACH_SECONDS_MAX)
    return tracer, trace


def exchanges(lines):
    """(request, status, flushes between arrival and answer), one request under way at a time."""
    found, request, flushes = [], None, 0
    for line in lines:
        arrived, answered = ARRIVED.search(line), ANSWERED.search(line)
        if arrived:
            request, flushes = arrived.group(1), 0
        elif FLUSH.search(line):
            flushes += 1
        elif answered and request:
            found.append((request, int(answered.group(1)), flushes))
            request = None
    return found


def main():
    tally = Tally()
    if not shutil.which("strace"):
        tally.check(False, "strace is there: apt-get install strace")
        return tally.close()
    with Server() as server:
        key, secret = server.api_key()
        shop = Shop(server.url, key, secret.encode())
        shop.get("/v1/orders")
        time.sleep(2)
        tracer, trace = watch(server)
        for number in range(REQUESTS):
            shop.post("/v1/orders", {"amount_minor": 100 + number, "currency": "CNY", "reference": f"F-{number}"})
        for _ in range(REQUESTS):
            requests.get(f"{server.url}/openapi.json", timeout=20)
        time.sleep(0.5)
        tracer.terminate()
        tracer.wait(timeout=10)
        seen = exchanges(trace.read_text(errors="replace").splitlines())
    writes = [flushes for request, status, flushes in seen if request.startswith("POST") and status == 201]
    reads = [flushes for request, status, flushes in seen if request.startswith("GET") and status == 200]
    tally.check(len(writes) == REQUESTS, f"{REQUESTS} writes were watched, got {len(writes)}")
    tally.check(len(reads) == REQUESTS, f"{REQUESTS} reads were watched, got {len(reads)}")
    unflushed = sum(1 for flushes in writes if flushes == 0)
    tally.check(writes and unflushed == 0, f"each write is flushed before its answer; {unflushed} were not")
    dry = sum(1 for flushes in reads if flushes == 0)
    tally.check(dry > len(reads) // 2, f"a public page is answered without a flush; {dry} of {len(reads)} were")
    print(f"{len(writes)} writes, {sum(writes)} flushes before their answers; {len(reads)} reads, {sum(reads)} flushes")
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
