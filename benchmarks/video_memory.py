"""Peak memory of restoring a clip as its frames come: `python benchmarks/video_memory.py fastdvdnet --frames 300`.

Each row is a process of its own that restores so many frames of noise of 854 x 480 pixels, in order, on the CPU; the
peak is that of the whole process, and the first row is a process that has read one frame and built the network.
"""

import argparse
import json
import subprocess
import sys
import time
from itertools import islice
from typing import Any

LENGTHS = (30, 300)
HEIGHT, WIDTH = 480, 854


def measure(name: str, frames: int, tile: int | None, sides: tuple[int, int]) -> tuple[float, float]:
    """Return the peak of this process in MiB and the seconds a frame, with `frames` restored (0: none)."""
    import resource

    import torch
    from torch import Tensor

    from lossbench import networks
    from lossbench.video.restore import Settings, restored

    torch.manual_seed(0)
    network: Any = networks.build(name).eval()
    sigma = 25 / 255 if getattr(networks.plugin(name), "TAKES_SIGMA", False) else None

    def noise() -> Tensor:
        return torch.rand(network.in_channels, *sides)

    noise()
    source = (noise() for _ in range(frames))
    start = time.perf_counter()
    for _ in islice(restored(network, source, sigma, Settings(tile=tile)), frames):
        pass
    seconds = (time.perf_counter() - start) / max(frames, 1)
    # Linux counts in KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", nargs="?", default="fastdvdnet", help="a file of lossbench/networks, published size")
    parser.add_argument("--frames", type=int, nargs="+", default=LENGTHS, help="lengths of clips (default 30 300)")
    parser.add_argument("--tile", type=int, help="restore frames in tiles of so many pixels")
    parser.add_argument("--size", type=int, nargs=2, default=(HEIGHT, WIDTH), metavar=("H", "W"))
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one is not None:
        print(json.dumps(measure(given.network, given.one, given.tile, tuple(given.size))))
        return
    print("| network | frames | peak, MiB | seconds a frame |\n| --- | --- | --- | --- |")
    options = ["--size", *map(str, given.size), *(["--tile", str(given.tile)] if given.tile else [])]
    for frames in (0, *given.frames):
        command = [sys.executable, __file__, given.network, *options, "--one", str(frames)]
        peak, seconds = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print(f"| {given.network} | {frames} | {peak:.0f} | {f'{seconds:.1f}' if frames else '-'} |", flush=True)


if __name__ == "__main__":
    main()
