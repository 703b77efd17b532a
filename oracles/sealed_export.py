#!/usr/bin/env python3
"""The age format from the other end: what we seal is opened by a reader written here from the specification (C2SP age.md),
on top of PyPI's `cryptography`, and by the `age` program where it is installed.

    oracles/run.sh export
    oracles/sealed_export.py open KEY_FILE EXPORT_FILE     opens a file for good

Our end is `crates/tokens/examples/age_peer.rs`. Requirements CR-1, BK-2; C13, C48. Negative controls: cut files, exchanged
chunks, every byte of a short file altered, another identity; each must be refused.
"""

import base64
import hashlib
import hmac
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tally import Tally

ROOT = pathlib.Path(__file__).resolve().parent.parent
CHUNK = 64 * 1024
ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


class Refused(Exception):
    """Not a file for this identity, or not as it was sealed."""


def polymod(values):
    total = 1
    for value in values:
        top = total >> 25
        total = (total & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            if top >> bit & 1:
                total ^= generator
    return total


def expanded(prefix):
    return [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]


def regroup(data, source, target):
    held, bits, out = 0, 0, []
    for value in data:
        held, bits = held << source | value, bits + source
        while bits >= target:
            bits -= target
            out.append(held >> bits & (1 << target) - 1)
    return out, held & (1 << bits) - 1, bits


def bech32(prefix, data):
    words, rest, bits = regroup(data, 8, 5)
    if bits:
        words.append(rest << 5 - bits)
    check = polymod(expanded(prefix) + words + [0] * 6) ^ 1
    words += [check >> 5 * (5 - at) & 31 for at in range(6)]
    return prefix + "1" + "".join(ALPHABET[word] for word in words)


def from_bech32(text):
    prefix, _, data = text.rpartition("1")
    words = [ALPHABET.index(c) for c in data]
    if polymod(expanded(prefix) + words) != 1:
        raise Refused("checksum")
    return prefix, bytes(regroup(words[:-6], 5, 8)[0])


def derive(secret, salt, info):
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=info).derive(secret)


def raw(public):
    return public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def unpadded(text):
    data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    if base64.b64encode(data).decode("ascii").rstrip("=") != text:
        raise Refused("not canonical base64")
    return data


def unwrap(identity, share, body):
    public = raw(identity.public_key())
    secret = identity.exchange(X25519PublicKey.from_public_bytes(share))
    key = derive(secret, share + public, b"age-encryption.org/v1/X25519")
    return ChaCha20Poly1305(key).decrypt(bytes(12), body, None)


def open_age(identity, sealed):
    """The content of a file; `Refused` for anything that is not as it was sealed."""
    try:
        return read(identity, sealed)
    except (InvalidTag, ValueError, IndexError, UnicodeDecodeError) as problem:
        raise Refused(str(problem)) from problem


def read(identity, sealed):
    mark = sealed.index(b"\n--- ") + 1
    end = sealed.index(b"\n", mark)
    lines = sealed[:mark].decode("ascii").split("\n")
    kind, share = lines[1].removeprefix("-> ").split(" ")
    if lines[0] != "age-encryption.org/v1" or kind != "X25519" or len(lines) != 4:
        raise Refused("header")
    file_key = unwrap(identity, unpadded(share), unpadded(lines[2]))
    if len(file_key) != 16:
        raise Refused("file key")
    mac = hmac.new(derive(file_key, b"", b"header"), sealed[: mark + 3], hashlib.sha256).digest()
    if not hmac.compare_digest(mac, unpadded(sealed[mark + 4 : end].decode("ascii"))):
        raise Refused("mac")
    nonce, body = sealed[end + 1 : end + 17], sealed[end + 17 :]
    cipher = ChaCha20Poly1305(derive(file_key, nonce, b"payload"))
    chunks = [body[at : at + CHUNK + 16] for at in range(0, len(body), CHUNK + 16)]
    plain = b""
    for number, chunk in enumerate(chunks):
        last = number + 1 == len(chunks)
        opened = cipher.decrypt(number.to_bytes(11, "big") + bytes([last]), chunk, None)
        if not opened and number:
            raise Refused("empty chunk")
        plain += opened
    if not chunks:
        raise Refused("no chunk")
    return plain


def identity_of(key_file):
    lines = pathlib.Path(key_file).read_text().split("\n")
    text = next(line.strip() for line in lines if line.startswith("AGE-SECRET-KEY-1"))
    return X25519PrivateKey.from_private_bytes(from_bech32(text.lower())[1])


def build_peer():
    subprocess.run(["cargo", "build", "--quiet", "--package", "tokens", "--example", "age_peer"], cwd=ROOT, check=True)


def ours(recipient, plain):
    peer = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"), "debug", "examples", "age_peer")
    return subprocess.run([peer, recipient], input=plain, capture_output=True, check=True).stdout


def is_refused(identity, sealed):
    try:
        open_age(identity, sealed)
    except Refused:
        return True
    return False


def judge(tally):
    identity = X25519PrivateKey.generate()
    recipient = bech32("age", raw(identity.public_key()))
    for length in (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 200_000):
        plain = hashlib.shake_128(str(length).encode()).digest(length)
        tally.check(open_age(identity, ours(recipient, plain)) == plain, f"{length} bytes come back")
    sealed = ours(recipient, b"C-1001 and nothing else")
    for at in range(len(sealed)):
        altered = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        if not is_refused(identity, altered):
            tally.check(False, f"byte {at} altered is refused")
            break
    else:
        tally.check(True, f"each of {len(sealed)} bytes altered is refused")
    tally.check(all(is_refused(identity, sealed[:at]) for at in range(len(sealed))), "each cut is refused")
    tally.check(is_refused(X25519PrivateKey.generate(), sealed), "another identity is refused")
    long = ours(recipient, bytes(2 * CHUNK))
    body = len(long) - 2 * (CHUNK + 16)
    tally.check(is_refused(identity, long[: body + CHUNK + 16]), "a cut at a chunk is refused")
    swapped = long[:body] + long[body + CHUNK + 16 :] + long[body : body + CHUNK + 16]
    tally.check(is_refused(identity, swapped), "exchanged chunks are refused")
    tally.check(ours(recipient, b"x") != ours(recipient, b"x"), "sealed twice is two files")
    age = shutil.which("age")
    if not age:
        print("skipped: `age` is not installed, so files are opened by a reader of our own alone")
        return
    with tempfile.TemporaryDirectory() as folder:
        key = pathlib.Path(folder, "key.txt")
        secret = identity.private_bytes(
            serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
        )
        key.write_text(bech32("age-secret-key-", secret).upper() + "\n")
        for length in (0, 1, CHUNK, 200_000):
            plain = hashlib.shake_128(str(length).encode()).digest(length)
            opened = subprocess.run([age, "-d", "-i", key], input=ours(recipient, plain), capture_output=True)
            tally.check(opened.stdout == plain and opened.returncode == 0, f"`age` opens {length} bytes")


def main():
    if sys.argv[1:2] == ["open"] and len(sys.argv) == 4:
        plain = open_age(identity_of(sys.argv[2]), pathlib.Path(sys.argv[3]).read_bytes())
        sys.stdout.buffer.write(plain)
        return 0
    tally = Tally()
    build_peer()
    judge(tally)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
