#!/usr/bin/env python3
"""Kills the program under load, again and again, and looks whether anything it acknowledged is lost or doubled.

    oracles/run.sh kill              20 kills, TILLWARD_ORACLE_KILLS for another number

Each round runs `tillward bench` on a new installation, ends it with SIGKILL at a moment drawn by chance, opens the
database again and checks with `tillward bench --check`: every acknowledged payment is there once and paid, the ledger sums
to zero, the audit log verifies. Negative control: an acknowledged payment that never was must be missed. A kill keeps
the page cache; that answers wait for the disk is shown by `flush.py`.
"""

import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from server import clean_environment, program
from tally import Tally

KILLS = int(os.environ.get("TILLWARD_ORACLE_KILLS", "20"))
FIRST_ACK_SECONDS_MAX = 60
LOAD = ["--seconds", "120", "--warm-up", "0", "--clients", "16", "--shops", "4", "--buyers", "100"]


def count(path):
    return len(path.read_text().splitlines()) if path.exists() else 0


def run_and_kill(folder, dice):
    """Payments acknowledged before the kill."""
    acks = folder / "acks"
    with open(folder / "log.txt", "wb") as log:
        command = [program(), "bench", *LOAD, "--keep", str(folder / "run"), "--acks", str(acks)]
        process = subprocess.Popen(command, env=clean_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + FIRST_ACK_SECONDS_MAX
        while count(acks) == 0 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(dice.uniform(0, 2))
        process.send_signal(signal.SIGKILL)
        process.wait()
    return count(acks)


def check(folder, acks):
    command = [program(), "bench", "--check", str(folder / "run"), "--acks", str(acks)]
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, timeout=300)
    return done.returncode == 0, (done.stdout + done.stderr).strip()


def main():
    tally, total = Tally(), 0
    seed = int(os.environ.get("TILLWARD_ORACLE_SEED", time.time_ns() % 1_000_000))
    dice = random.Random(seed)
    print(f"seed {seed} (TILLWARD_ORACLE_SEED)", flush=True)
    for number in range(1, KILLS + 1):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="tillward-kill-"))
        try:
            acknowledged = run_and_kill(folder, dice)
            total += acknowledged
            log = (folder / "log.txt").read_text(errors="replace")[-500:]
            tally.check(acknowledged > 0, f"kill {number}: payments were made before it\n{log}")
            held, said = check(folder, folder / "acks")
            tally.check(held, f"kill {number}, {acknowledged} acknowledged: all is there once\n{said}")
            if number == 1:
                lost = folder / "lost"
                lost.write_text((folder / "acks").read_text() + "pay_0000000006h00000000000000000\n")
                held, said = check(folder, lost)
                tally.check(not held, f"a payment that never was is missed\n{said}")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"{total} payments acknowledged before {KILLS} kills", flush=True)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
