"""Our SSIM and NIQE against other people's code in one process: `python benchmarks/metric_speed.py`.

One pair of RGB pictures of 1356x2040 pixels: a tiled photograph, and the same with noise. A ratio of 8 means that the
other code took eight times as long as ours, by the medians of this run. BasicSR's NIQE is measured where the embedded
package lies, with the torchvision module that it misses stubbed.
"""

import argparse
import importlib
import statistics
import sys
import time
import types
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from lossbench.metrics import Protocol, niqe, score
from lossbench.metrics._golden import floats, photograph

Pixels = NDArray[np.uint8]
Measured = tuple[str, Callable[[], float]]


def pair(height: int, width: int) -> tuple[Pixels, Pixels]:
    """Return prediction and target (height, width, 3); the noise hides that the photograph repeats."""
    photo = photograph("astronaut")
    mirrored = np.block([[[photo], [photo[:, ::-1]]], [[photo[::-1]], [photo[::-1, ::-1]]]])
    target = np.tile(mirrored, (-(-height // 1024), -(-width // 1024), 1))[:height, :width]
    generator = np.random.default_rng(0)
    target = np.clip(target + generator.normal(0, 4, target.shape), 0, 255).round().astype(np.uint8)
    prediction = np.clip(target + generator.normal(0, 8, target.shape), 0, 255).round().astype(np.uint8)
    return prediction, target


def luma(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return full-range luma (1, H, W) in whole levels, in [0, 1], as pyiqa's ssim takes it."""
    return np.round(Protocol("gray").apply(image)) / 255


def seconds(function: Callable[[], float], repeats: int) -> tuple[float, float]:
    """Return the median seconds and the value."""
    times = []
    value = 0.0
    for _ in range(repeats):
        start = time.perf_counter()
        value = function()
        times.append(time.perf_counter() - start)
    return statistics.median(times), value


def basicsr_niqe(picture: Pixels) -> Callable[[], float]:
    """Return BasicSR's `calculate_niqe` of an RGB picture; raises ImportError where the package is not at hand."""
    name = "torchvision.transforms.functional_tensor"
    if name not in sys.modules:
        stub = types.ModuleType(name)
        setattr(stub, "rgb_to_grayscale", None)  # noqa: B010
        sys.modules[name] = stub
    module = importlib.import_module("basicsr.metrics.niqe")
    return lambda: float(module.calculate_niqe(picture[..., ::-1], 0, input_order="HWC", convert_to="y"))


def cases(prediction: Pixels, target: Pixels) -> Iterator[tuple[str, str, Measured, list[Measured]]]:
    """List metric, protocol, our function and the others."""
    import pyiqa
    from pyiqa.archs.niqe_arch import calculate_niqe

    ours, theirs = floats(prediction), floats(target)
    tensors = [torch.from_numpy(image).float()[None] for image in (ours, theirs)]
    ssimc, ssim = (pyiqa.create_metric(name, device="cpu") for name in ("ssimc", "ssim"))
    mean, covariance = (torch.from_numpy(values)[None] for values in niqe._pristine())

    def pyiqa_niqe() -> float:
        with torch.no_grad():
            return float(calculate_niqe(tensors[0], color_space="ycbcr", mu_pris_param=mean, cov_pris_param=covariance))

    rgb: list[Measured] = [("pyiqa ssimc", lambda: float(ssimc(*tensors)))]
    yield "ssim", "rgb", ("ours", lambda: score("ssim", ours, theirs)), rgb
    gray: list[Measured] = [("pyiqa ssim", lambda: float(ssim(*tensors)))]
    yield "ssim", "gray, rounded", ("ours", lambda: score("ssim", luma(ours), luma(theirs))), gray
    others: list[Measured] = [("pyiqa niqe", pyiqa_niqe)]
    try:
        others.append(("basicsr niqe", basicsr_niqe(prediction)))
    except (ImportError, AttributeError) as error:
        print(f"basicsr is not at hand: {error}")
    yield "niqe", "y601", ("ours", lambda: score("niqe", ours, protocol=Protocol("y601"))), others


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--height", type=int, default=1356)
    parser.add_argument("--width", type=int, default=2040)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    prediction, target = pair(given.height, given.width)
    print(f"{torch.get_num_threads()} threads, {given.height}x{given.width} RGB\n")
    print("| metric | protocol | code | value | value - ours | times our seconds |")
    print("| --- | --- | --- | --- | --- | --- |")
    for metric, protocol, (_, own), others in cases(prediction, target):
        reference, value = seconds(own, given.repeats)
        print(f"| {metric} | {protocol} | ours | {value:.6f} | | 1 |", flush=True)
        for label, function in others:
            taken, found = seconds(function, given.repeats)
            numbers = f"{found:.6f} | {found - value:+.1e} | {taken / reference:.2f}"
            print(f"| {metric} | {protocol} | {label} | {numbers} |", flush=True)


if __name__ == "__main__":
    main()
