"""What an authenticator app shows: RFC 6238 over SHA-1, six digits, 30 seconds. Written from the RFC, apart from ours."""

import base64
import hashlib
import hmac
import struct
import time


def totp(key, at=None):
    """The six digits of the key in base 32 at a time in seconds; now without one."""
    secret = base64.b32decode(key.replace(" ", "") + "=" * (-len(key.replace(" ", "")) % 8))
    step = int(time.time() if at is None else at) // 30
    digest = hmac.new(secret, struct.pack(">Q", step), hashlib.sha1).digest()
    place = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[place:place + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


class App:
    """An authenticator app whose owner never types a code twice."""

    def __init__(self, key):
        self.key = key
        self.used = 0

    def fresh(self):
        """A code of a step that was not used yet; waits for the next one where it must."""
        while int(time.time()) // 30 <= self.used:
            time.sleep(0.2)
        self.used = int(time.time()) // 30
        return totp(self.key, self.used * 30)
