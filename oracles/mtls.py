#!/usr/bin/env python3
"""TLS and client certificates through the eyes of others: `curl`, `openssl`, `sslyze` and `testssl`.

    oracles/run.sh mtls

The commands are those of docs/certificates.md. Requirements TLS-1, TLS-2, TLS-3, controls C42, C43. `sslyze` judges both
listeners by Mozilla's intermediate profile, and `testssl` looks at the one for people for old versions and known attacks.
Negative controls: the same programs judge a server of `openssl` that offers old versions and suites and must fail it; `curl` without a certificate, with one of another authority and with a revoked one is refused.
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import time

from scan import certificate as make_certificate
from server import Server, free_port
from tally import Tally

ROOT = pathlib.Path(__file__).resolve().parent.parent
SSLYZE = ROOT / ".venv" / "tls" / "bin" / "sslyze"
ASK_SECONDS_MAX = 20
SCAN_SECONDS_MAX = 240
# A certificate of the test's own is not in anybody's store; all else of the profile counts.
OWN_CERTIFICATE = ("certificate_path_validation", "certificate_hostname_validation", "maximum_certificate_lifespan",
                   "certificate_types", "certificate_curves", "certificate_signatures")


def run(*words, stdin=None):
    done = subprocess.run([str(word) for word in words], input=stdin, capture_output=True, text=True,
                          timeout=ASK_SECONDS_MAX)
    return done.returncode, done.stdout + done.stderr


def make_request(folder, name):
    """A key and a request, as docs/certificates.md says."""
    key, request = folder / f"{name}.key", folder / f"{name}.csr"
    run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
    code, said = run("openssl", "req", "-new", "-key", key, "-subj", "/", "-out", request)
    if code:
        raise RuntimeError(said)
    return key, request.read_text()


def curl(folder, url, *more):
    """(status, body); status 0 when there was no answer."""
    code, said = run("curl", "--silent", "--cacert", folder / "chain.pem", "--write-out", "\n%{http_code}", *more, url)
    body, _, status = said.rpartition("\n")
    return (int(status) if code == 0 and status.isdigit() else 0), body


def enrol(server, holder, folder, name):
    """A client certificate, with key, in two files; the serial's own id."""
    code = server.ask("POST", f"/v1/{holder}/enrolments", {"minutes": 10}, server.owner, 201)["code"]
    key, request = make_request(folder, name)
    issued = server.ask("POST", "/v1/certificates", {"code": code, "request": request}, None, 201)
    (folder / f"{name}.pem").write_text(issued["pem"])
    (folder / "authority.pem").write_text(issued["authority"])
    return folder / f"{name}.pem", key, issued["certificate"]["id"]


def check_certificate(tally, server, folder, chain):
    code, said = run("openssl", "verify", "-purpose", "sslclient", "-CAfile", folder / "authority.pem", chain)
    tally.check(code == 0, f"openssl takes the certificate for a client's: {said}")
    code, said = run("openssl", "verify", "-purpose", "sslserver", "-CAfile", folder / "authority.pem", chain)
    tally.check(code != 0, "openssl does not take it for a server's")
    _, said = run("openssl", "x509", "-in", chain, "-noout", "-text")
    for words in ("URI:urn:tillward:terminal:term_", "TLS Web Client Authentication", "CA:FALSE", "Digital Signature",
                  "X509v3 Authority Key Identifier", "/v1/certificates/revoked"):
        tally.check(words in said, f"the certificate says `{words}`")


def check_revoked(tally, server, folder, chain):
    """The list of revoked certificates as openssl uses it."""
    code, _ = curl(folder, f"{server.url}/v1/certificates/revoked", "--output", folder / "revoked.der")
    run("openssl", "crl", "-inform", "DER", "-in", folder / "revoked.der", "-out", folder / "revoked.pem")
    code, said = run("openssl", "verify", "-crl_check", "-CAfile", folder / "authority.pem", "-CRLfile",
                     folder / "revoked.pem", chain)
    return code, said


def check_machines(tally, server, folder, port):
    machines = f"https://localhost:{port}"
    terminal = server.ask("POST", "/v1/terminals", {"name": "Till 1"}, server.owner, 201)["id"]
    key, _ = server.api_key()
    chain, private, certificate = enrol(server, f"terminals/{terminal}", folder, "till")
    other_chain, other_private, _ = enrol(server, f"api_keys/{key}", folder, "client")
    check_certificate(tally, server, folder, chain)
    code, said = check_revoked(tally, server, folder, chain)
    tally.check(code == 0, f"openssl finds nothing revoked: {said}")

    shown = ("--cert", chain, "--key", private)
    payment = ("--json", '{"amount_minor": 1280, "currency": "CNY"}')
    status, body = curl(folder, f"{machines}/v1/payments", *shown, *payment, "-H", "Idempotency-Key: a")
    tally.check(status == 201 and json.loads(body)["amount_minor"] == 1280, f"the terminal takes a payment: {status} {body}")
    status, _ = curl(folder, f"{machines}/v1/payments", "--cert", other_chain, "--key", other_private)
    tally.check(status == 200, f"the API client reads the payments: {status}")
    for version in ("--tls-max", "1.2"), ("--tlsv1.3",):
        status, _ = curl(folder, f"{machines}/v1/shop", "--cert", other_chain, "--key", other_private, *version)
        tally.check(status in (200, 403), f"{version} is spoken: {status}")

    renewal_key, request = make_request(folder, "next")
    body = json.dumps({"request": request})
    status, issued = curl(folder, f"{machines}/v1/certificates/renew", *shown, "--json", body)
    tally.check(status == 201, f"the terminal renews: {status} {issued}")

    refused = [("no certificate", ())]
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
        "-subj", "/CN=client", "-addext", f"subjectAltName=URI:urn:tillward:terminal:{terminal}", "-addext",
        "extendedKeyUsage=clientAuth", "-keyout", folder / "own.key", "-out", folder / "own.pem")
    refused.append(("one of its own making", ("--cert", folder / "own.pem", "--key", folder / "own.key")))
    refused.append(("the server's own", ("--cert", folder / "chain.pem", "--key", folder / "key.pem")))
    for what, words in refused:
        status, _ = curl(folder, f"{machines}/health", *words)
        tally.check(status == 0, f"{what}: no answer, but {status}")
    escaped = chain.read_text().replace("\n", "%0A")
    status, _ = curl(folder, f"{server.url}/v1/payments", "-H", f"X-Client-Cert: {escaped}",
                     "-H", f"X-SSL-Client-Cert: {escaped}", "-H", "X-SSL-Client-Verify: SUCCESS")
    tally.check(status == 401, f"a certificate in a header opens nothing: {status}")

    server.ask("DELETE", f"/v1/certificates/{certificate}", None, server.owner, 204)
    status, _ = curl(folder, f"{machines}/v1/payments", *shown, *payment, "-H", "Idempotency-Key: b")
    tally.check(status == 401, f"a revoked certificate opens nothing: {status}")
    code, said = check_revoked(tally, server, folder, chain)
    tally.check(code != 0 and "revoked" in said, f"openssl finds it on the list: {said}")
    return chain, private, (other_chain, other_private)


def offences(address, *more):
    """What sslyze finds against Mozilla's intermediate profile, less what is about a certificate of our own making."""
    done = subprocess.run([str(SSLYZE), "--mozilla_config=intermediate", *more, address], capture_output=True, text=True,
                          timeout=SCAN_SECONDS_MAX)
    said = done.stdout + done.stderr
    if "Checking results against Mozilla" not in said:
        raise RuntimeError(f"sslyze did not judge {address}:\n{said[-2000:]}")
    verdict = said.split("Checking results against Mozilla", 1)[1]
    found = [line.strip() for line in verdict.splitlines() if line.strip().startswith("*")]
    return [line for line in found if not any(word in line for word in OWN_CERTIFICATE)], "COMPLIANT" in verdict or bool(found)


def weaknesses(port, folder):
    """What `testssl` finds on a port: versions that are offered and attacks that work."""
    program = shutil.which("testssl") or shutil.which("testssl.sh")
    if program is None:
        raise RuntimeError("testssl is not installed")
    report = folder / f"testssl-{port}.json"
    words = [program, "--quiet", "--color", "0", "--warnings", "batch", "--protocols", "--vulnerable", "--jsonfile",
             str(report), f"localhost:{port}"]
    subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=SCAN_SECONDS_MAX)
    findings = json.loads(report.read_text())
    tried = {finding["id"] for finding in findings}
    if not {"TLS1_2", "TLS1_3", "heartbleed", "LUCKY13"} <= tried:
        raise RuntimeError(f"testssl did not judge port {port}: {sorted(tried)}")
    # Its own openssl may lack engines; that says nothing of the server.
    found = [finding for finding in findings if finding["severity"] not in ("OK", "INFO") and finding["id"] != "engine_problem"]
    return [f"{finding['id']}: {finding['finding']}" for finding in found]


def check_profile(tally, server, port, client, folder):
    for what, address, more in [
        ("the listener for people", f"localhost:{server.port}", ()),
        ("the listener for machines", f"localhost:{port}", ("--cert", str(client[0]), "--key", str(client[1]))),
    ]:
        found, judged = offences(address, *more)
        tally.check(judged and not found, f"sslyze takes {what}: {found}")
    found = weaknesses(server.port, folder)
    tally.check(not found, f"testssl finds nothing at the listener for people: {found}")
    planted = free_port()
    weak = subprocess.Popen(["openssl", "s_server", "-accept", str(planted), "-cert", folder / "chain.pem", "-key",
                             folder / "key.pem", "-cipher", "ALL:@SECLEVEL=0", "-www", "-quiet"],
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(1)
        found, _ = offences(f"localhost:{planted}")
        tally.check(any("cipher" in line for line in found), f"negative control: sslyze fails weak suites: {found}")
        found = weaknesses(planted, folder)
        old = any(line.startswith("TLS1:") for line in found) and any(line.startswith("LUCKY13") for line in found)
        tally.check(old, f"negative control: testssl finds old versions and suites: {found}")
    finally:
        weak.kill()
        weak.wait()


def agreed(port, folder, *words):
    """The suite that `openssl` was given, offering these in this order."""
    code, said = run("openssl", "s_client", "-connect", f"localhost:{port}", "-CAfile", folder / "chain.pem", *words, stdin="Q\n")
    found = re.search(r"Cipher is (\S+)", said)
    return found.group(1) if found else f"{code}: {said[-200:]}"


def check_order(tally, server, folder):
    """ASVS 12.1.2: the strongest of what a client offers, whatever it likes best itself."""
    new = "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384"
    got = agreed(server.port, folder, "-tls1_3", "-ciphersuites", new)
    tally.check(got == "TLS_AES_256_GCM_SHA384", f"TLS 1.3 offered weakest first: {got}")
    kinds = ("CHACHA20-POLY1305", "AES128-GCM-SHA256", "AES256-GCM-SHA384")
    old = ":".join(f"ECDHE-{key}-{kind}" for kind in kinds for key in ("ECDSA", "RSA"))
    got = agreed(server.port, folder, "-tls1_2", "-cipher", old)
    tally.check(got in ("ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384"), f"TLS 1.2 offered weakest first: {got}")
    got = agreed(server.port, folder, "-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256")
    tally.check(got == "TLS_CHACHA20_POLY1305_SHA256", f"negative control: alone it is taken: {got}")


def main():
    tally, port = Tally(), free_port()
    server = Server()
    chain, key = make_certificate(server.folder)
    server.use_tls(chain, key)
    server.tls += ["--mtls-listen", f"127.0.0.1:{port}"]
    with server:
        server.set_up()
        _, _, client = check_machines(tally, server, server.folder, port)
        check_order(tally, server, server.folder)
        check_profile(tally, server, port, client, server.folder)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
