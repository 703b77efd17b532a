#!/usr/bin/env python3
"""Pays for minutes on end and looks whether anything fails, is lost, or grows.

    oracles/run.sh soak              120 seconds, TILLWARD_ORACLE_SOAK_SECONDS for another length

Server and load generator are one process (`tillward bench`); its memory may not grow by more than a fifth and 64 MB
between the first quarter and the end. Afterwards the kept installation is checked against what was acknowledged.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from kill import check
from server import clean_environment, program
from tally import Tally

SECONDS = int(os.environ.get("TILLWARD_ORACLE_SOAK_SECONDS", "120"))
START_SECONDS_MAX = 120
GROWTH_MAX = 1.2
GROWTH_KB_MAX = 64 * 1024


def memory_kb(process):
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def main():
    tally, samples = Tally(), []
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tillward-soak-"))
    try:
        command = [program(), "bench", "--json", "--seconds", str(SECONDS), "--clients", "16", "--shops", "10", "--buyers",
                   "500", "--keep", str(folder / "run"), "--acks", str(folder / "acks")]
        with open(folder / "out.json", "wb") as out, open(folder / "log.txt", "wb") as log:
            process = subprocess.Popen(command, env=clean_environment(), stdin=subprocess.DEVNULL, stdout=out, stderr=log)
            deadline = time.monotonic() + SECONDS + START_SECONDS_MAX
            while process.poll() is None and time.monotonic() < deadline:
                samples.append(memory_kb(process))
                time.sleep(1)
            if process.poll() is None:
                process.kill()
            status = process.wait()
        tally.check(status == 0, f"the run ends well\n{(folder / 'log.txt').read_text(errors='replace')[-500:]}")
        result = json.loads((folder / "out.json").read_text() or "{}")
        tally.check(result.get("failed") == 0, f"no payment failed: {result}")
        early, late = max(samples[: len(samples) // 4] or [0]), max(samples[-5:] or [0])
        grown = late <= early * GROWTH_MAX + GROWTH_KB_MAX
        tally.check(grown, f"memory stays: {early} kB in the first quarter, {late} kB at the end")
        held, said = check(folder, folder / "acks")
        tally.check(held, f"all that was acknowledged is there once\n{said}")
        print(f"{result.get('payments_per_second')} payments a second, {early} kB early, {late} kB late", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
