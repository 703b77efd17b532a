"""Values planted to be looked for afterwards, each unlike anything else, and a search that knows how programs write them."""

import base64
import html
import json
import random
import re
import string
import urllib.parse

# Six digits stand by chance in longer numbers, hexadecimal ids and fractions of a second.
SHORT_CHARS_MAX = 8
# Each value costs the search time.
POOL = 6
ALONE = rb"(?<![0-9a-fA-F])(?<![0-9]\.)%s(?![0-9a-fA-F])"
HAN = "龘靐齉爩鱻麤龗灪龖厵癵驫麣纞虋讟钃鸜麷鞻韽顟颥饙"


class Needles:
    """Makes values of each kind, remembers them, and finds them in bytes."""

    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.kinds = {}
        self.patterns = {}
        self.pools = {}

    def add(self, kind, value):
        """Remembers a value that the program made itself, such as a code or a token."""
        self.kinds.setdefault(str(value), kind)
        return value

    def of(self, *kinds):
        return [value for value, kind in self.kinds.items() if kind in kinds]

    def again(self, make, kind=None):
        """One of a few values of this making, for the many requests that must fail."""
        made = self.pools.setdefault((make, kind), [])
        if len(made) < POOL:
            made.append(make(kind) if kind else make())
            return made[-1]
        return self.dice.choice(made)

    # values

    def letters(self, count):
        return "".join(self.dice.choices(string.ascii_lowercase, k=count))

    def digits(self, count):
        return str(self.dice.randint(1, 9)) + "".join(self.dice.choices(string.digits, k=count - 1))

    def name(self):
        return self.add("name", f"Q{self.letters(8)} V{self.letters(7)}")

    def han_name(self):
        return self.add("name", "".join(self.dice.sample(HAN, 4)))

    def mail(self, host="mail"):
        return self.add("contact", f"{self.letters(10)}@{host}.example")

    def phone(self):
        """In the one form it is kept in."""
        return self.add("contact", f"+8613{self.digits(9)}")

    def pin(self):
        """No sequence, no date, no pattern."""
        while True:
            found = self.digits(6)
            if len(set(found)) == 6 and found[0] in "3456789" and found[2] in "456789" and found[4] in "456789":
                return self.add("pin", found)

    def password(self):
        return self.add("password", f"{self.letters(7)} {self.letters(6)}%{self.letters(8)}")

    def secret(self, kind="secret"):
        return self.add(kind, f"{self.letters(6)}-{self.letters(12)}")

    def card(self, kind="card"):
        while True:
            digits = "4" + self.digits(15)
            if luhn(digits):
                return self.add(kind, digits)

    def iban(self):
        bank = self.digits(18)
        check = 98 - int(bank + "131400") % 97
        return self.add("account", f"DE{check:02}{bank}")

    def code(self):
        return self.add("code", self.digits(6))

    def passport(self):
        return self.add("identity", f"E{self.digits(9)}")

    def street(self):
        return self.add("address", f"{self.letters(9)} road {self.digits(3)}")

    # the search

    def pattern(self, value):
        if value not in self.patterns:
            self.patterns[value] = forms(value)
        return self.patterns[value]

    def find(self, data, leave_out=()):
        """What of the planted stands in the bytes, as `(kind, form, value)`."""
        found = []
        for value, kind in self.kinds.items():
            if kind in leave_out or value in leave_out:
                continue
            for form, needle in self.pattern(value):
                if needle not in data:
                    continue
                if form == "plain" and len(value) <= SHORT_CHARS_MAX and not re.search(ALONE % re.escape(needle), data):
                    continue
                found.append((kind, form, value))
                break
        return found


def luhn(digits):
    doubled = [int(digit) * (2 if at % 2 else 1) for at, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def forms(value):
    """Each way a text is written down: (name, bytes), no two alike."""
    plain = value.encode()
    found = [("plain", plain), ("lower case", value.lower().encode()), ("upper case", value.upper().encode()),
             ("two bytes a letter", value.encode("utf-16-le")), ("two bytes a letter", value.encode("utf-16-be")),
             ("hexadecimal", plain.hex().encode()), ("hexadecimal", plain.hex().upper().encode()),
             ("address", urllib.parse.quote(value, safe="").encode()), ("address", urllib.parse.quote_plus(value).encode()),
             ("address", urllib.parse.quote(value, safe="").lower().encode()),
             ("json", json.dumps(value)[1:-1].encode()), ("html", html.escape(value).encode()),
             ("numbers", ", ".join(map(str, plain)).encode()), ("numbers", ",".join(map(str, plain)).encode())]
    for shift in range(3):
        found += [("base64", text) for text in inside_base64(plain, shift)]
    first = {}
    for form, needle in found:
        first.setdefault(needle, form)
    return [(form, needle) for needle, form in first.items()]


def inside_base64(plain, shift):
    """What base 64 makes of the bytes behind `shift` others, without the letters that depend on the neighbours."""
    text = base64.b64encode(bytes(shift) + plain)
    first = -(-shift * 8 // 6)
    last = (shift + len(plain)) * 8 // 6
    cut = text[first:last]
    return {cut, cut.replace(b"+", b"-").replace(b"/", b"_")}
