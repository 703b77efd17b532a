#!/usr/bin/env python3
"""Checks exported logs, proofs and promises with `audit_log.py`, which shares no code with Tillward, and sets both
verifiers against logs that somebody tampered with.

    oracles/run.sh audit

The logs come from `crates/audit/examples/sample_log.rs`. Requirements AU-1, AU-2, AU-3, AU-4. Every tampering is a
negative control: a verifier that accepts one is dead.
"""

import base64
import json
import pathlib
import subprocess
import sys
import tempfile

import audit_log
from audit_log import Key, Refused
from tally import Tally

ROOT = pathlib.Path(__file__).resolve().parent.parent
SIZES = [1, 2, 3, 7, 8, 9, 255, 256, 257, 700]


def ours(*arguments):
    command = [ROOT / "target/debug/examples/sample_log", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def check_vectors(tally):
    """RFC 6962 roots of the eight entries of certificate transparency (AU-1)."""
    texts = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    leaves = [audit_log.leaf(bytes.fromhex(text)) for text in texts]
    roots = ["6e340b9c", "fac54203", "aeb6bcfe", "d37ee418", "4e3bbb1f", "76e67dad", "ddb89be4", "5dc9da79"]
    for size, start in enumerate(roots, 1):
        got = audit_log.root(leaves[:size]).hex()
        tally.check(got.startswith(start), f"root of {size} CT leaves is {start}…, got {got}")


def tamperings(data):
    """What somebody with the database may do, each as (name, export), file kept consistent in itself."""
    lines = data.split(b"\n")[:-1]
    places = [index for index, line in enumerate(lines) if line.startswith(b'{"v":')]
    middle, last = places[len(places) // 2], places[-1]

    def again(new, keep_notes=True):
        """Mends header, tiles and end after a change, as a careful attacker would."""
        entries = [line for line in new if line.startswith(b'{"v":')]
        leaves = b"".join(audit_log.leaf(line) for line in entries)
        out = []
        for line in new:
            record = json.loads(line)
            if "tillward_audit" in record:
                line = line.replace(b'"size":%d' % record["size"], b'"size":%d' % len(entries))
            elif "tile" in record:
                line = b'{"tile":"%s"}' % base64.b64encode(leaves[: 256 * 32])
                leaves = leaves[256 * 32 :]
            elif "end" in record:
                line = b'{"end":{"entries":%d}}' % len(entries)
            elif "checkpoint" in record and not keep_notes:
                size = int(record["checkpoint"].split("\n")[1])
                if size > len(entries):
                    continue
            out.append(line)
        return b"\n".join(out) + b"\n"

    amount = lines[middle].replace(b'"amount":"', b'"amount":"9')
    yield "altered", b"\n".join([*lines[:middle], amount, *lines[middle + 1 :]]) + b"\n"
    yield "altered, tiles mended", again([*lines[:middle], amount, *lines[middle + 1 :]])
    yield "cut in the file", b"\n".join(lines[: len(lines) // 2]) + b"\n"
    yield "end removed", b"\n".join(lines[:-1]) + b"\n"
    if len(places) > 2:
        yield "removed", again([*lines[:middle], *lines[middle + 1 :]])
        swapped = list(lines)
        first = places[len(places) // 2 - 1]
        swapped[first], swapped[middle] = swapped[middle], swapped[first]
        yield "reordered", again(swapped)
        inserted = lines[middle].replace(b'"id":"aud_', b'"id":"aud_z')[: len(lines[middle]) + 1]
        yield "inserted", again([*lines[: middle + 1], inserted, *lines[middle + 1 :]])
        yield "tail removed, its checkpoint kept", again([*lines[:last], *lines[last + 1 :]])
        yield "tail and its checkpoint removed", again([*lines[:last], *lines[last + 1 :]], keep_notes=False)
    note = next(line for line in reversed(lines) if line.startswith(b'{"checkpoint"'))
    text = json.loads(note)["checkpoint"]
    forged = text.replace(text.split("\n")[2], base64.b64encode(bytes(32)).decode())
    yield "checkpoint forged", data.replace(note, json.dumps({"checkpoint": forged}, ensure_ascii=False).encode())


def refused(data, key, anchors):
    try:
        audit_log.verify(data, key, anchors)
    except (Refused, ValueError, KeyError) as error:
        return str(error) or type(error).__name__
    return None


def check_log(tally, folder, size):
    ours("make", folder, size)
    data = (folder / "log.jsonl").read_bytes()
    key = Key((folder / "key.txt").read_text())
    anchors = audit_log.read_anchors((folder / "checkpoints.jsonl").read_text())
    latest = folder / "checkpoints.jsonl.latest"
    anchors += audit_log.read_anchors(latest.read_text())
    why = refused(data, key, anchors)
    tally.check(why is None, f"{size} entries: they find our log clean, but: {why}")

    files, names = [folder / "log.jsonl"], ["untouched"]
    for number, (name, changed) in enumerate(tamperings(data)):
        tally.check(refused(changed, key, anchors), f"{size} entries: they find `{name}`")
        files.append(folder / f"changed{number}.jsonl")
        files[-1].write_bytes(changed)
        names.append(name)
    for name, verdict in zip(names, ours("verify", folder, *files), strict=True):
        tally.check((verdict == "clean") == (name == "untouched"), f"{size} entries: we judge `{name}` right: {verdict}")
    check_receipt(tally, folder, size, data, key)


def check_receipt(tally, folder, size, data, key):
    """The promise and the inclusion proof that a receipt shows, checked with the public key alone."""
    promise = (folder / "promise.txt").read_text()
    entry, wanted = audit_log.verify_promise(promise, key)
    line = next(l for l in data.split(b"\n") if b'"id":"%s"' % entry.encode() in l)
    tally.check(audit_log.leaf(line) == wanted, f"{size} entries: the promise is of the entry in the log")
    proof = (folder / "proof.txt").read_text()
    for name, text, about, good in [
        ("the proof", proof, line, True),
        ("the proof of another entry", proof, line.replace(b"buyer", b"byuer"), False),
        ("the proof of another place", proof.replace("\nindex ", "\nindex 1"), line, False),
    ]:
        try:
            audit_log.verify_inclusion(text, key, about)
            held = True
        except Refused:
            held = False
        tally.check(held == good, f"{size} entries: {name} is {'accepted' if good else 'refused'}")
    try:
        audit_log.verify_promise(promise.replace(":17", ":18", 1), key)
        tally.check(False, f"{size} entries: a promise with another time is refused")
    except Refused:
        tally.check(True, "")


def main():
    tally = Tally()
    subprocess.run(["cargo", "build", "--quiet", "--package", "audit", "--example", "sample_log"], cwd=ROOT, check=True)
    check_vectors(tally)
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            check_log(tally, pathlib.Path(folder), size)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
