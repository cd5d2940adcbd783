"""What arithmetic, memory layout and allocator are worth in a training step: `python benchmarks/training_step.py edsr`.

Every variant runs in a process of its own, so that the allocator's settings are its own too; times are medians of a
warm process and printed as ratios to the plain step (float32, channels first, default allocator).
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from itertools import product

BATCH, SIDE, REPEATS = 4, 48, 7


def measure(network: str, scale: int, dtype: str, layout: str, allocator: str) -> float:
    """Return the median seconds of forward, backward and Adam step on BATCH crops of SIDE low-quality pixels."""
    import torch

    from lossbench.device import keep_memory
    from lossbench.networks import build
    from pipeline.learning.optimisation import Adam
    from pipeline.specs.recipe import Recipe

    if allocator == "keep":
        keep_memory()
    torch.manual_seed(0)
    memory = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    model = build(network, scale=scale).to(memory_format=memory)
    adam = Adam(model.parameters(), Recipe(steps=1, batch=BATCH, patch=SIDE, learning_rate=1e-4))
    low_quality = torch.rand(BATCH, 3, SIDE, SIDE).contiguous(memory_format=memory)
    target = torch.rand(BATCH, 3, SIDE * scale, SIDE * scale)
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == "bfloat16"):
            prediction = model(low_quality)
        model.zero_grad(set_to_none=True)
        (prediction.float() - target).abs().mean().backward()
        adam.step(1e-4)
        times.append(time.perf_counter() - start)
    return statistics.median(times[2:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", nargs="?", default="edsr", help="a file of lossbench/networks, at published size")
    parser.add_argument("--scale", type=int, default=4)
    parser.add_argument("--variant", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.variant:
        print(json.dumps(measure(given.network, given.scale, *given.variant)))
        return
    plain = None
    print("| arithmetic | layout | allocator | images/s | against plain |\n| --- | --- | --- | --- | --- |")
    for variant in product(("float32", "bfloat16"), ("channels_first", "channels_last"), ("default", "keep")):
        command = [sys.executable, __file__, given.network, "--scale", str(given.scale), "--variant", *variant]
        seconds = float(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
        plain = plain or seconds
        print(f"| {' | '.join(variant)} | {BATCH / seconds:.2f} | {plain / seconds:.2f} |", flush=True)


if __name__ == "__main__":
    main()
