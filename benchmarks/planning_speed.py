"""How long planning takes: jobs and CPU seconds of a dry-run by size, and how much of them reads no code a second time.

`python benchmarks/planning_speed.py --scale paper` runs `snakemake -n` twice in this folder, whose results stay as they
are: the first run may read all code, the second finds what the first kept beside Snakemake's memory.
"""

import argparse
import os
import re
import subprocess
import sys


def dry_run(scale: str) -> tuple[int, float]:
    """Return the jobs that a dry-run of `scale` plans, and the CPU seconds that it takes."""
    before = os.times()
    command = [sys.executable, "-m", "snakemake", "-n", "--config", f"scale={scale}"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    after = os.times()
    found = re.search(r"^total\s+(\d+)$", printed, re.MULTILINE)
    seconds = after.children_user + after.children_system - before.children_user - before.children_system
    return int(found[1]) if found else 0, seconds


def main() -> None:
    """Print a line for each run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", default="paper", help="a file of config/scale; default paper")
    scale: str = parser.parse_args().scale
    for run in ("first", "second"):
        jobs, seconds = dry_run(scale)
        print(f"{scale}, {run} run: {jobs} jobs to make in {seconds:.1f} CPU seconds", flush=True)


if __name__ == "__main__":
    main()
