#!/usr/bin/env python3
"""Turns scanners for holes in web sites on the program: wapiti, sqlmap and nmap, as nobody, as the owner, as a buyer.

    oracles/run.sh scan

The server runs with TLS, as it would for the public, on loopback. Requirements FZ-2 and FZ-3. wapiti's `ssrf` module is
not used, since it asks a server on the internet. Negative control: `planted_site.py`, on which wapiti and sqlmap must find
what was planted, and a second listener, which the look at open ports must find.
"""

import datetime
import ipaddress
import json
import pathlib
import re
import socket
import subprocess
import sys
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from server import Server, free_port
from tally import Tally

HERE = pathlib.Path(__file__).resolve().parent
WAPITI = str(HERE.parent / ".venv" / "scan" / "bin" / "wapiti")
MODULES = "sql,xss,exec,redirect,csp,cookieflags,http_headers"
SCAN_SECONDS_MAX = 60
ATTACK_SECONDS_MAX = 40
RUN_SECONDS_MAX = 900
# What the planted site must be caught at, as wapiti names it.
PLANTED = ["SQL Injection", "Reflected Cross Site Scripting", "Command execution", "Open Redirect",
           "Content Security Policy Configuration", "HttpOnly Flag cookie", "Clickjacking Protection"]
# A header that browsers no longer know; the content security policy does its work.
OBSOLETE = "X-XSS-Protection"
# Addresses with values to play with: what a page reads from its address.
QUERIES = ["/desk/payments?q=tea&state=paid", "/desk/refunds?q=tea", "/p/abc?lang=en", "/sign-in?next=/desk"]


def certificate(folder):
    """A certificate for localhost, signed by itself: (chain file, key file)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName(names), critical=False).sign(key, hashes.SHA256())
    )
    chain, private = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem = serialization.PrivateFormat.PKCS8
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, pem, serialization.NoEncryption()))
    return chain, private


def crawl(url, folder, cookies=None, start=()):
    """What wapiti found: a list of (kind, where, what it says)."""
    report = folder / "wapiti.json"
    command = [WAPITI, "-u", f"{url}/", "-m", MODULES, "-f", "json", "-o", str(report), "--flush-session", "--no-bugreport",
               "--verify-ssl", "0", "-v", "0", "-t", "10", "--max-scan-time", str(SCAN_SECONDS_MAX),
               "--max-attack-time", str(ATTACK_SECONDS_MAX), "--max-links-per-page", "40",
               "--store-session", str(folder / "sessions"), "--store-config", str(folder / "settings")]
    for address in start:
        command += ["-s", url + address]
    if cookies:
        command += ["-C", "; ".join(f"{name}={value}" for name, value in cookies.items()), "-x", f"{url}/sign-out",
                    "-x", f"{url}/me/sign-out"]
    report.unlink(missing_ok=True)
    subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS_MAX, stdin=subprocess.DEVNULL)
    found = json.loads(report.read_text())
    lines = []
    for kind, places in {**found["vulnerabilities"], **found.get("anomalies", {})}.items():
        lines += [(kind, place.get("path"), place.get("info")) for place in places]
    return lines


def inject(url, folder, cookies=None):
    """Whether sqlmap says that a parameter of the address is injectable; `None` when it says nothing at all."""
    command = ["sqlmap", "-u", url, "--batch", "--flush-session", "--level", "2", "--risk", "1", "--timeout", "10", "--retries",
               "0", "--technique", "BEUS", "--threads", "2", "--ignore-code", "400,401,404,410,429", "--output-dir", str(folder / "sqlmap"), "--disable-coloring"]
    if cookies:
        command += ["--cookie", "; ".join(f"{name}={value}" for name, value in cookies.items())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS_MAX, stdin=subprocess.DEVNULL)
    if "identified the following injection point" in done.stdout:
        return True
    return False if "do not appear to be injectable" in done.stdout else None


def open_ports(process):
    """The ports of this process that nmap finds open on loopback."""
    done = subprocess.run(["nmap", "-p-", "-T4", "-n", "--open", "-oG", "-", "127.0.0.1"], capture_output=True, text=True,
                          timeout=RUN_SECONDS_MAX)
    seen = {int(port) for port in re.findall(r"(\d+)/open/tcp", done.stdout)}
    return seen & listened(process)


def listened(process):
    """The ports a process listens on, as the system says."""
    done = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True)
    mine = [line for line in done.stdout.splitlines() if f"pid={process}," in line]
    return {int(re.search(r":(\d+)\s", line).group(1)) for line in mine}


def check_planted(tally, folder):
    port = free_port()
    site = subprocess.Popen([sys.executable, str(HERE / "planted_site.py"), str(port)])
    try:
        wait(port)
        kinds = {kind for kind, _, _ in crawl(f"http://127.0.0.1:{port}", folder)}
        for hole in PLANTED:
            tally.check(hole in kinds, f"wapiti finds the planted hole `{hole}`; it found {sorted(kinds)}")
        tally.check(inject(f"http://127.0.0.1:{port}/item?id=1", folder), "sqlmap finds the planted injection")
        tally.check(open_ports(site.pid) == {port}, "nmap finds the planted listener")
    finally:
        site.kill()


def wait(port):
    for _ in range(100):
        with socket.socket() as caller:
            caller.settimeout(1)
            if caller.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("the planted site does not start")


def check_ours(tally, server, folder):
    visitors = {"nobody": None, "owner": {"__Host-tw_member": server.owner}, "buyer": {"__Host-tw_buyer": server.buyer()["token"]}}
    for name, cookies in visitors.items():
        found = crawl(server.url, folder, cookies, QUERIES)
        bad = [line for line in found if OBSOLETE not in str(line[2])]
        tally.check(not bad, f"wapiti finds nothing as {name}; it says {bad[:5]}")
    for query in QUERIES:
        verdict = inject(server.url + query, folder, visitors["owner"])
        tally.check(verdict is False, f"sqlmap tries {query} and finds nothing; it says {verdict}")
    tally.check(open_ports(server.process.pid) == {server.port}, "nmap finds the one declared port")


def main():
    tally = Tally()
    with Server() as plain:
        folder = plain.folder
        check_planted(tally, folder)
        plain.stop()
        plain.use_tls(*certificate(folder))
        plain.start()
        plain.set_up()
        check_ours(tally, plain, folder)
        tally.check("panicked" not in plain.printed(), "nothing panicked")
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
