"""Seconds of a step of every training that a scale plans: `python benchmarks/gpu_hours.py --scale paper`.

`pipeline/timing/steps.py` says how a step is timed. The file, from which `python -m pipeline plan` estimates GPU-hours,
is written after every row, and what it holds is not measured again.

`--cpu` is for scales without a GPU: the seconds that the process had of a CPU, which other work on the machine hardly
changes, of the steps from which the length of a control that lasts as long as another run follows.
"""

import argparse
import gc
import math
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from lossbench.errors import UserError
from pipeline.config.read import Configuration, values
from pipeline.planning.cost import trainings
from pipeline.planning.job import Name
from pipeline.planning.measured_steps import CPU_FILE, FILE, OUT_OF_MEMORY, key_of, read, write
from pipeline.planning.plan import Plan
from pipeline.timing.steps import measured

CONFIG = Path("config")


def kinds(plan: Plan) -> Iterator[tuple[str, Name]]:
    """Give the words of every kind of step once, with the first job that takes it."""
    seen: set[str] = set()
    for name, training in trainings(plan).items():
        if training.what not in seen:
            seen.add(training.what)
            yield training.what, name


def deciding(plan: Plan) -> set[str]:
    """Return the words of the steps from whose costs the lengths of runs of `plan`, which knows of none, follow."""
    return {what for job in plan.jobs["train"].values() for what in job.undecided}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", default="paper", help="a file of config/scale (default paper)")
    parser.add_argument("--tables", nargs="+", metavar="TABLE", help="paper/table (default those of config.yaml)")
    parser.add_argument("--cpu", action="store_true", help="process time on a CPU, of steps that decide lengths")
    parser.add_argument("--output", type=Path, help=f"CSV that rows are added to (default config/{FILE} or {CPU_FILE})")
    parser.add_argument("--only", default="", metavar="PATTERN", help="regular expression; other kinds are left out")
    parser.add_argument(
        "--limit-seconds", type=float, default=math.inf, help="no further kind is begun after this time"
    )
    given = parser.parse_args()
    began = time.monotonic()
    output = given.output or CONFIG / (CPU_FILE if given.cpu else FILE)
    asked = {**values(CONFIG), "scale": given.scale, **({"tables": given.tables} if given.tables else {})}
    configuration = Configuration.read(asked, CONFIG, every_control=given.cpu)
    found = read(output)
    with tempfile.TemporaryDirectory() as empty:
        # where nothing is measured yet, every step that decides a length is named
        plan = Plan(replace(configuration, folder=Path(empty)), unmeasured=True)
    chosen = [kind for kind in kinds(plan) if re.search(given.only, kind[0])]
    if given.cpu:
        # before anything asks for one
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
        chosen = [kind for kind in chosen if kind[0] in deciding(plan)]
    left = [kind for kind in chosen if key_of(kind[0]) not in found]
    print(f"{len(chosen)} kinds of steps, {len(chosen) - len(left)} of them in {output} already", flush=True)
    failed = 0
    with tempfile.TemporaryDirectory() as stored:
        for place, (what, name) in enumerate(left):
            if time.monotonic() - began > given.limit_seconds:
                print(f"{given.limit_seconds:g} s are over: {len(left) - place} kinds are left; run again", flush=True)
                break
            try:
                one = measured(what, plan, name, Path(stored), given.cpu)
            except (UserError, RuntimeError, ValueError, OSError, ImportError) as error:
                failed += 1
                print(f"failed: {what}: {type(error).__name__}: {error}", flush=True)
            else:
                found[key_of(what)] = one
                write(output, found)
                taken = OUT_OF_MEMORY if one.seconds is None else f"{one.seconds:.4f} s"
                memory = "" if one.peak_memory_mib is None else f"  {one.peak_memory_mib} MiB"
                print(f"{taken}{memory}  {what}", flush=True)
            # the next kind has the whole device
            gc.collect()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
    print(f"{time.monotonic() - began:.0f} s", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
