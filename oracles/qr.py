#!/usr/bin/env python3
"""Reads our QR images back with three decoders that are not ours, and lets a third party judge our EMVCo payloads.

    python3 oracles/qr.py [--venv FOLDER] [--out FOLDER]

Makes its own virtual environment (default `.venv-oracles/` beside this repository's README) from
`requirements-qr.txt` when it is not there; wants `zbarimg` from Debian's zbar-tools. Builds the samples with
`cargo run -p payments --example qr_samples`. Requirements QR-2, QR-3, QR-14, control C17.
Prints what failed and `N passed, N failed`; the exit code is 1 when anything failed. Every run has negative
controls: images and payloads that must NOT be read, or a dead decoder would look like success.
"""

import argparse
import io
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "oracles" / "requirements-qr.txt"

def enter_venv(folder):
    """Runs this script again inside the virtual environment, which is made on first use."""
    python = folder / "bin" / "python"
    if pathlib.Path(sys.prefix).resolve() == folder.resolve():
        return
    stamp = folder / "requirements-qr.txt"
    if not stamp.exists() or stamp.read_text() != REQUIREMENTS.read_text():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run(pip + ["-r", str(REQUIREMENTS)], check=True)
        stamp.write_text(REQUIREMENTS.read_text())
    os.execv(str(python), [str(python), *sys.argv])


class Tally:
    def __init__(self):
        self.passed = 0
        self.failed = 0

    def check(self, good, what):
        if good:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED  {what}")


def distortions(module_pixels):
    """(name, must be read, function from and to a grey image)."""
    import cv2
    import numpy as np

    dice = np.random.default_rng(20)

    def rotate(image):
        height, width = image.shape
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), 17, 1)
        reach = int(max(height, width) * 1.3)
        turn[0, 2] += reach / 2 - width / 2
        turn[1, 2] += reach / 2 - height / 2
        return cv2.warpAffine(image, turn, (reach, reach), borderValue=255)

    def tilt(image):
        height, width = image.shape
        source = np.float32([[0, 0], [width, 0], [width, height], [0, height]])
        shift = width * 0.06
        target = np.float32([[shift, shift], [width - shift, 0], [width, height], [0, height - shift]])
        tilted = cv2.getPerspectiveTransform(source, target)
        return cv2.warpPerspective(image, tilted, (width, height), borderValue=255)

    def blur(modules):
        return lambda image: cv2.GaussianBlur(image, (0, 0), modules * module_pixels)

    def noise(sigma):
        def add(image):
            noisy = image.astype(np.float64) + dice.normal(0, sigma, image.shape)
            return np.clip(noisy, 0, 255).astype(np.uint8)

        return add

    def jpeg(image):
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 10])
        return cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)

    def third(image):
        return cv2.resize(image, None, fx=1 / 3, fy=1 / 3, interpolation=cv2.INTER_AREA)

    def cover(part):
        """Covers a square in the middle whose side is `part` of the image's."""

        def draw(image):
            height, width = image.shape
            side = int(width * part)
            covered = image.copy()
            top, left = (height - side) // 2, (width - side) // 2
            covered[top : top + side, left : left + side] = 255
            return covered

        return draw

    return [
        ("clean", True, lambda image: image),
        ("rotated by 17 degrees", True, rotate),
        ("blurred by a third of a module", True, blur(1 / 3)),
        ("noise of sigma 20", True, noise(20)),
        ("JPEG of quality 10", True, jpeg),
        ("a third of the size", True, third),
        ("seen at an angle", True, tilt),
        ("middle covered, 14 % of the side", True, cover(0.14)),
        ("blurred by one module", False, blur(1)),
        ("middle covered, 40 % of the side", False, cover(0.40)),
        ("no code at all", False, lambda image: np.full_like(image, 255)),
    ]


def decoders(folder):
    import cv2
    import zxingcpp

    detector = cv2.QRCodeDetector()

    def zbar(image):
        path = folder / "distorted.png"
        cv2.imwrite(str(path), image)
        command = ["zbarimg", "--quiet", "--raw", "--oneshot", "-Sdisable", "-Sqrcode.enable", "-Sbinary", str(path)]
        return subprocess.run(command, capture_output=True).stdout

    def zxing(image):
        found = zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormat.QRCode)
        return found[0].bytes if found else b""

    def opencv(image):
        text, _, _ = detector.detectAndDecode(image)
        return text.encode("utf-8", "surrogateescape")

    return [("zbar", zbar), ("zxing", zxing), ("opencv", opencv)]


# The list of distortions was drawn up for a symbol of version 5. Of denser ones at the same module size one
# decoder may fail, but only where the image is distorted.
VERSION_ALL_READ_MAX = 9


def read_images(folder, samples, tally):
    import cv2

    refused = {}
    for sample in samples["images"]:
        image = cv2.imread(str(folder / f"{sample['name']}.png"), cv2.IMREAD_GRAYSCALE)
        text = sample["text"].encode()
        for title, readable, distort in distortions(samples["module_pixels"]):
            seen = distort(image)
            got = {name: decode(seen) for name, decode in decoders(folder)}
            what = f"{sample['name']} (version {sample['version']}-{sample['level']}), {title}"
            wrong = {name: result for name, result in got.items() if result not in (b"", text)}
            tally.check(not wrong, f"{what}: read as something else: {wrong}")
            blind = [name for name, result in got.items() if result == b""]
            if readable:
                dense = sample["version"] > VERSION_ALL_READ_MAX and title != "clean"
                tally.check(len(blind) <= (1 if dense else 0), f"{what}: not read by {', '.join(blind)}")
            else:
                refused.setdefault(title, []).extend(blind)
    for title, readable, _ in distortions(samples["module_pixels"]):
        if not readable:
            every = 3 * len(samples["images"]) if title == "no code at all" else 1
            tally.check(len(refused.get(title, [])) >= every, f"negative control `{title}` was read")


def judge_payloads(samples, tally):
    import cemacqr

    verdicts = set()
    for sample in samples["payloads"]:
        try:
            theirs = cemacqr.validate(cemacqr.parse_payload(sample["text"])).ok
        except cemacqr.errors.CemacQrError:
            theirs = False
        verdicts.add(theirs)
        what = f"cemacqr says {theirs}, we say {sample['ours']}: {sample['text']!r}"
        tally.check(theirs == sample["ours"], what)
        broken = sample["text"][:-1] + ("0" if sample["text"][-1] != "0" else "1")
        try:
            refused = not cemacqr.validate(cemacqr.parse_payload(broken)).ok
        except cemacqr.errors.CemacQrError:
            refused = True
        tally.check(refused, f"negative control: cemacqr takes a wrong CRC: {broken!r}")
    tally.check(verdicts == {True, False}, "negative control: cemacqr gives one verdict on everything")


def main():
    sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", line_buffering=True)
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--venv", type=pathlib.Path, default=ROOT / ".venv-oracles")
    arguments.add_argument("--out", type=pathlib.Path, default=ROOT / "target" / "qr-samples")
    options = arguments.parse_args()
    enter_venv(options.venv)
    example = ["cargo", "run", "--quiet", "-p", "payments", "--example", "qr_samples", "--", str(options.out)]
    subprocess.run(example, check=True, cwd=ROOT)
    samples = json.loads((options.out / "samples.json").read_text())
    tally = Tally()
    read_images(options.out, samples, tally)
    judge_payloads(samples, tally)
    print(f"qr: {tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
