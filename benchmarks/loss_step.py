"""What each loss adds to a training step: `python benchmarks/loss_step.py`.

Time of loss forward and backward on random crops, with published loss networks and random weights, as multiples of
EDSR's own L1 step, and the share of the matrix-multiplication rate measured in the same run that it reaches.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from lossbench import loss_networks, losses
from lossbench.device import keep_memory
from lossbench.networks import build

REPEATS = 5
CASES: dict[str, tuple[str, str | None, dict[str, object]]] = {
    "l1": ("original", None, {}),
    "log_cosh": ("log_cosh", None, {"a": 10.0}),
    "vgg conv5_4": ("vgg", "vgg19", {}),
    "vgg conv5_4, difference": ("vgg", "vgg19", {"precision": "difference"}),
    "vgg conv5_4, fast": ("vgg", "vgg19", {"precision": "fast"}),
    "kmae ViT-B/16": ("kmae", "mae", {}),
    "kmae ViT-B/16, difference": ("kmae", "mae", {"precision": "difference"}),
    "kmae ViT-B/16, fast": ("kmae", "mae", {"precision": "fast"}),
    "p_ctmae ViT-B/16": ("p_ctmae", "mae", {}),
    "ccmae": ("ccmae", "cnn_mae", {}),
    "ccmae, difference": ("ccmae", "cnn_mae", {"precision": "difference"}),
    "ccmae, fast": ("ccmae", "cnn_mae", {"precision": "fast"}),
}
REFERENCES = ("vgg conv5_4", "kmae ViT-B/16")
"""Also measured as others compute them: channels first, attention not fused; frozen, and the target without a graph."""


def seconds(step: Callable[[], object]) -> float:
    """Return the median seconds of `step` once it is warm."""
    step()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def operations(step: Callable[[], object]) -> float:
    """Return the floating-point operations of one step."""
    with FlopCounterMode(display=False) as counter:
        step()
    return float(counter.get_total_flops())


def rate() -> float:
    """Return the float32 matrix-multiplication rate in operations a second."""
    matrix = torch.rand(1536, 1536)
    return 2 * 1536**3 / seconds(lambda: torch.mm(matrix, matrix))


def printed(label: str, step: Callable[[], object], reference: float, best: float) -> None:
    """Measure one row of the table and print it."""
    taken, work = seconds(step), operations(step)
    share = work / taken / best
    print(f"| {label} | {taken:.3f} | {taken / reference:.2f} | {work / 1e9:.0f} | {share:.0%} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--side", type=int, default=192, help="pixels of the square target crops")
    given = parser.parse_args()
    keep_memory()
    torch.manual_seed(0)
    best = rate()
    network = build("edsr", scale=4).to(memory_format=torch.channels_last)
    low_quality = torch.rand(given.batch, 3, given.side // 4, given.side // 4)
    low_quality = low_quality.contiguous(memory_format=torch.channels_last)
    target = torch.rand(given.batch, 3, given.side, given.side)

    def trained() -> None:
        (network(low_quality) - target).abs().mean().backward()

    reference = seconds(trained)
    print(f"float32, {torch.get_num_threads()} threads, {given.batch} crops of {given.side} px")
    print(f"matrix multiplication: {best / 1e9:.0f} GFLOP/s\n")
    print("| loss | seconds | of an EDSR L1 step | GFLOP | of the GEMM rate |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for label, (name, kind, arguments) in CASES.items():
            loss = losses.build(name, **arguments, **_weights(kind, Path(folder)))
            loss = loss.to(memory_format=torch.channels_last)
            prediction = torch.rand(target.shape).contiguous(memory_format=torch.channels_last).requires_grad_()

            def step(loss: torch.nn.Module = loss, prediction: Tensor = prediction) -> None:
                loss(prediction, target).backward()

            printed(label, step, reference, best)
            if label in REFERENCES:
                loss.to(memory_format=torch.contiguous_format)
                plain = prediction.detach().contiguous().requires_grad_()
                with sdpa_kernel(SDPBackend.MATH):
                    printed(f"{label}, reference", partial(step, prediction=plain), reference, best)


def _weights(kind: str | None, folder: Path) -> dict[str, Path]:
    if kind is None:
        return {}
    path = folder / f"{kind}.safetensors"
    if not path.exists():
        loss_networks.save(loss_networks.build(kind), path, {"source": "random weights"})
    return {"weights": path}


if __name__ == "__main__":
    main()
