#!/usr/bin/env python3
"""An offline verifier of an exported audit log that shares no code with Tillward: RFC 6962, C2SP notes, Ed25519.

    .venv/oracles/bin/python oracles/audit_log.py LOG KEY [CHECKPOINTS]

LOG is what `tillward audit export` wrote, KEY the log's public key as text (`name+id+base64`), CHECKPOINTS a file of
checkpoints kept elsewhere: without it a cut tail cannot be seen. Prints `clean` or what is wrong; exit code 1 then.
"""

import base64
import hashlib
import json
import struct
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ED25519 = 1
TILE = 256


class Refused(Exception):
    """Why the log is not what was signed."""


def sha256(data):
    return hashlib.sha256(data).digest()


def leaf(line):
    return sha256(b"\x00" + line)


def node(left, right):
    return sha256(b"\x01" + left + right)


def root(leaves):
    """RFC 6962 section 2.1, word for word, without recursion over slices of one."""
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return node(root(leaves[:split]), root(leaves[split:]))


class Key:
    """A C2SP verifier key."""

    def __init__(self, text):
        self.name, self.id, encoded = text.strip().split("+", 2)
        raw = base64.b64decode(encoded, validate=True)
        if raw[0] != ED25519 or len(raw) != 33:
            raise Refused("not an Ed25519 key")
        self.raw = raw[1:]
        self.public = Ed25519PublicKey.from_public_bytes(self.raw)
        if self.id != sha256(self.name.encode() + b"\n" + raw)[:4].hex():
            raise Refused("the key's id is not its hash")

    def verify(self, signature, message):
        try:
            self.public.verify(signature, message)
        except InvalidSignature as error:
            raise Refused("a signature is wrong") from error

    def open(self, note):
        """Origin, size and root of a signed checkpoint."""
        text, _, lines = note.rpartition("\n\n")
        text += "\n"
        signed = False
        for line in lines.splitlines():
            dash, name, encoded = line.split(" ")
            blob = base64.b64decode(encoded, validate=True)
            if dash == "\u2014" and name == self.name and blob[:4].hex() == self.id:
                self.verify(blob[4:], text.encode())
                signed = True
        if not signed:
            raise Refused("a checkpoint is not signed by the log's key")
        origin, size, top = text.split("\n")[:3]
        if origin != self.name:
            raise Refused("a checkpoint is of another log")
        return int(size), base64.b64decode(top, validate=True)


class Log:
    """An export, read and not yet checked."""

    def __init__(self, data):
        self.entries, self.tiles, self.notes = [], b"", []
        self.header, self.end = None, None
        for line in data.split(b"\n")[:-1]:
            record = json.loads(line)
            first = next(iter(record))
            if first == "tillward_audit":
                self.header = record
            elif first == "tile":
                self.tiles += base64.b64decode(record["tile"])
            elif first == "checkpoint":
                self.notes.append(record["checkpoint"])
            elif first == "end":
                self.end = record["end"]
            elif first == "v":
                self.entries.append(line)
            else:
                raise Refused(f"a line that starts with `{first}`")
        if self.header is None or self.end is None or not data.endswith(b"\n"):
            raise Refused("the file was cut")


def verify(data, key, anchors=()):
    """Checks a whole log (from position 0); gives the number of entries that a checkpoint covers."""
    log = Log(data)
    count = len(log.entries)
    if log.header["first"] != 0:
        raise Refused("a part of a log; this verifier wants all of it")
    if log.header["size"] != count or log.end["entries"] != count:
        raise Refused("header or end name another number of entries")
    leaves = [leaf(line) for line in log.entries]
    if log.tiles != b"".join(leaves):
        raise Refused("the tiles are not the hashes of the entries")
    covered = 0
    for note in [*log.notes, *anchors]:
        size, top = key.open(note)
        if size > count:
            raise Refused(f"a checkpoint of {size} entries, but there are {count}: the tail was cut")
        if root(leaves[:size]) != top:
            raise Refused(f"the first {size} entries are not those that were signed")
        covered = max(covered, size)
    if covered != count:
        raise Refused(f"{count - covered} entries at the end were never signed")
    check_ids(log.entries)
    return covered


def check_ids(entries):
    ids = [json.loads(line)["id"] for line in entries]
    if len(set(ids)) != len(ids):
        raise Refused("an entry stands twice")


def verify_inclusion(proof, key, entry):
    """A C2SP tlog-proof for `entry` (the line as exported): RFC 9162 section 2.1.3.2."""
    head, _, note = proof.partition("\n\n")
    kind, index, *hashes = head.split("\n")
    if kind != "c2sp.org/tlog-proof@v1" or not index.startswith("index "):
        raise Refused("not a proof")
    size, top = key.open(note)
    position, last, computed = int(index[6:]), size - 1, leaf(entry)
    if position > last:
        raise Refused("the position is past the checkpoint")
    for encoded in hashes:
        sibling = base64.b64decode(encoded, validate=True)
        if last == 0:
            raise Refused("the path is too long")
        if position & 1 or position == last:
            computed = node(sibling, computed)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            computed = node(computed, sibling)
        position, last = position >> 1, last >> 1
    if last != 0 or computed != top:
        raise Refused("the path does not lead to the signed root")


def verify_promise(text, key):
    """A promise as receipts show it; gives the entry's id and leaf hash."""
    kind, entry, millis, encoded, signature, origin = text.strip().split(":", 5)
    if kind != "twp1" or origin != key.name:
        raise Refused("not a promise of this log")
    plain = lambda word: base64.urlsafe_b64decode(word + "=" * (-len(word) % 4))
    parts = [b"tillward audit promise v1", origin.encode(), entry.encode(), plain(encoded), struct.pack(">q", int(millis))]
    key.verify(plain(signature), b"".join(struct.pack(">I", len(part)) + part for part in parts))
    return entry, plain(encoded)


def read_anchors(text):
    return [json.loads(line)["checkpoint"] for line in text.splitlines() if line.strip()]


def main(log, key, checkpoints=None):
    anchors = read_anchors(open(checkpoints, encoding="utf-8").read()) if checkpoints else []
    try:
        covered = verify(open(log, "rb").read(), Key(open(key, encoding="utf-8").read()), anchors)
    except (Refused, ValueError, KeyError) as error:
        print(f"refused: {error}")
        return 1
    print(f"clean: {covered} entries")
    return 0


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
