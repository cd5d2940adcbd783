"""Our SSIM and MS-SSIM against piq's, on one thread and on two: `python benchmarks/ssim_speed.py`.

A pair of RGB pictures, a photograph and the same with noise; piq takes them as float32 tensors, ours as float64 arrays.
A ratio of 0.5 means that ours took half of piq's time: both run in turn in one process, and the shortest run of each
counts, since other work on the machine only ever lengthens one; on one thread by the time of the processor, which such
work hardly touches. Each number of threads has a process of its own.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable

import torch
from in_turn import shortest, timed
from metric_speed import pair

from lossbench.metrics import score
from lossbench.metrics._golden import floats

SIZES = ((256, 256), (384, 384), (512, 512), (1356, 2040))
PIXELS = 512 * 512
"""Up to so many all rounds are run, of larger pictures a fifth."""
HEADING = """\
| picture | threads | SSIM | MS-SSIM | SSIM, ours - piq | MS-SSIM, ours - piq |
| --- | --- | --- | --- | --- | --- |"""


def measure(threads: int, rounds: int) -> None:
    """Print the rows of one number of threads."""
    import piq

    torch.set_num_threads(threads)
    for height, width in SIZES:
        ours, theirs = (floats(picture) for picture in pair(height, width))
        first, second = (torch.from_numpy(picture).float()[None] for picture in (ours, theirs))

        def of_piq(
            name: str, first: torch.Tensor = first, second: torch.Tensor = second, **options: bool
        ) -> Callable[[], float]:
            return lambda: float(getattr(piq, name)(first, second, **options))

        functions = [
            lambda ours=ours, theirs=theirs: score("ssim", ours, theirs),
            of_piq("ssim", downsample=False),
            lambda ours=ours, theirs=theirs: score("ms_ssim", ours, theirs),
            of_piq("multi_scale_ssim"),
        ]
        values = [function() for function in functions]
        clock = time.process_time if threads == 1 else time.perf_counter
        blocks = dict(enumerate(timed(function, clock) for function in functions))
        taken = shortest(blocks, rounds if height * width <= PIXELS else max(rounds // 5, 1))
        ratios = f"{taken[0] / taken[1]:.2f} | {taken[2] / taken[3]:.2f}"
        apart = f"{values[0] - values[1]:+.0e} | {values[2] - values[3]:+.0e}"
        print(f"| {height}x{width} | {threads} | {ratios} | {apart} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--threads", type=int, help="measure in this process; else one and two, each in its own")
    given = parser.parse_args()
    if importlib.util.find_spec("piq") is None:
        sys.exit("piq is not installed; install what is compared with by: uv sync --group dev")
    if given.threads is not None:
        measure(given.threads, given.rounds)
        return
    print(HEADING, flush=True)
    for threads in (1, 2):
        limits = {f"{library}_NUM_THREADS": str(threads) for library in ("OMP", "OPENBLAS", "MKL")}
        # threads that spin while they wait would lengthen piq's time wherever something else runs
        limits["OMP_WAIT_POLICY"] = "PASSIVE"
        command = [sys.executable, __file__, "--threads", str(threads), "--rounds", str(given.rounds)]
        subprocess.run(command, env=os.environ | limits, check=True)


if __name__ == "__main__":
    main()
