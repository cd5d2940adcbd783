"""Speed against gradient fidelity of every mode of a loss: `python benchmarks/loss_precision.py`, after the demo.

The loss networks are those that the scale trained or imported. The prediction is a crop of a photograph plus normal
noise of deviation sigma; the reference is the gradient of the whole encoder's loss in float64. Speed is that of loss
forward and backward against `exact`, both medians of one run. Writes a table to the terminal and a plot.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import torch
from torch import Tensor

from lossbench import datasets, loss_networks, losses
from lossbench.device import keep_memory
from lossbench.images import read_image

SIGMAS = (0.1, 0.02, 0.005)
REPEATS = 7
PRECISIONS = ("exact", "difference", "fast")
MARKERS = {"exact": "o", "difference": "s", "fast": "^", "half of the blocks": "D"}
LOSSES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "mae": [("ctmae", {}), ("p_ctmae", {})],
    "cnn_mae": [("ccmae", {}), ("p_ccmae", {})],
    "vgg16": [
        *(("vgg", {"layer": layer}) for layer in ("conv2_2", "conv3_3", "conv5_3")),
        *(("perceptual", {"terms": "p", "layers": layers}) for layers in ("literal", "enhancenet")),
        ("perceptual", {"terms": "t"}),
    ],
}
"""What is measured on each loss network; the robust paper's other losses are sums of P and T."""


class Point(NamedTuple):
    """One mode of one loss: what the plot shows."""

    loss: str
    mode: str
    speed: float
    """Against `exact`."""
    cosines: tuple[float, ...]
    """One a sigma."""
    errors: tuple[float, ...]
    """Relative error of the loss's value, one a sigma."""


def crops(batch: int, side: int) -> Tensor:
    """Return one crop from the middle of each of the first test photographs, channels last."""
    pictures = [
        torch.tensor(read_image(source.path)) for source in datasets.load("photographs").locate(None)["test"][:batch]
    ]
    middle = [((p.shape[0] - side) // 2, (p.shape[1] - side) // 2) for p in pictures]
    cut = [p[top : top + side, left : left + side] for p, (top, left) in zip(pictures, middle, strict=True)]
    return (torch.stack(cut).permute(0, 3, 1, 2) / 255).contiguous(memory_format=torch.channels_last)


def feature_term(loss: Any, prediction: Tensor, target: Tensor) -> Tensor:
    """Return the loss's own term, not weighted, in the type of the images."""
    terms = loss.raw_terms(prediction, target)
    value: Tensor = next(value for name, value in terms.items() if name != "pixel")
    return value


def gradient(loss: Any, prediction: Tensor, target: Tensor) -> tuple[Tensor, float]:
    """Return the term's gradient as float64 and its value."""
    prediction = prediction.detach().requires_grad_()
    if getattr(loss, "keep", None):
        # the same patches in every mode
        loss.generator = torch.Generator().manual_seed(0)
    value = feature_term(loss, prediction, target)
    return torch.autograd.grad(value, prediction)[0].double(), value.item()


def seconds(loss: Any, prediction: Tensor, target: Tensor) -> float:
    """Return the median seconds of the term forward and backward, once warm."""
    times = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        gradient(loss, prediction, target)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def modes(name: str, arguments: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """List the modes of a loss with the arguments that choose them; a transformer can also stop half way."""
    for precision in PRECISIONS:
        yield precision, {**arguments, "precision": precision}
    if name in ("ctmae", "kmae"):
        depth = len(losses.build(name, **arguments).network.blocks)  # type: ignore[union-attr, arg-type]
        yield "half of the blocks", {**arguments, "layer": depth // 2}


def measured(label: str, name: str, arguments: dict[str, Any], target: Tensor) -> Iterator[Point]:
    """Measure all modes of one loss."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(target.shape, generator=generator)
    predictions = [target + sigma * noise for sigma in SIGMAS]
    whole = losses.build(name, **arguments).double().to(memory_format=torch.channels_last)
    references = [gradient(whole, prediction.double(), target.double()) for prediction in predictions]
    slowest = None
    for mode, chosen in modes(name, arguments):
        loss = losses.build(name, **chosen).to(memory_format=torch.channels_last)
        taken = seconds(loss, predictions[1], target)
        slowest = slowest or taken
        found = [gradient(loss, prediction, target) for prediction in predictions]
        both = list(zip(found, references, strict=True))
        cosines = [torch.cosine_similarity(one.flatten(), two.flatten(), dim=0).item() for (one, _), (two, _) in both]
        errors = [abs(one - two) / two for (_, one), (_, two) in both]
        yield Point(label, mode, slowest / taken, tuple(cosines), tuple(errors))


def cases(results: Path, folder: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """List the losses: every loss network of `results`, and the published transformer with random weights."""
    for file in sorted((results / "pretrain").rglob("*.safetensors")):
        network, _ = loss_networks.load(file)
        if getattr(network, "bands", 3) != 3:
            continue
        public = file.parts[-3] == "mae_public"
        for name, arguments in [("kmae", {})] if public else LOSSES[str(network.loss_network)]:
            # the terms of that one say what it is
            label = " ".join([*([] if name == "perceptual" else [name]), *arguments.values()])
            yield label, name, {"weights": file, **arguments}
    large = folder / "mae.safetensors"
    torch.manual_seed(0)
    loss_networks.save(loss_networks.build("mae"), large, {"source": "random weights"})
    yield "kmae, ViT-B/16 with random weights", "ctmae", {"weights": large}


def plotted(points: list[Point], path: Path) -> None:
    """Draw the cosine at the middle sigma over the speed, one colour a loss, one marker a mode."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    labels = list(dict.fromkeys(point.loss for point in points))
    colours = dict(zip(labels, plt.get_cmap("tab20").colors, strict=False))  # type: ignore[attr-defined]
    for point in points:
        lost = max(1 - point.cosines[1], 1e-6)
        axes.scatter(point.speed, lost, color=colours[point.loss], marker=MARKERS[point.mode], s=60)
    for mode, marker in MARKERS.items():
        axes.scatter([], [], color="gray", marker=marker, label=mode)
    for label in labels:
        axes.plot([], [], color=colours[label], linewidth=6, label=label)
    axes.axhline(0.01, color="gray", linestyle="--", linewidth=1)
    axes.set(xlabel="speed of the loss, times `exact`", yscale="log")
    axes.set_ylabel(f"1 - gradient cosine against float64, error sigma {SIGMAS[1]}")
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("results/demo"), help="results with loss networks")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--side", type=int, default=96, help="pixels of the square crops")
    parser.add_argument("--plot", type=Path, default=Path("loss_precision.png"))
    given = parser.parse_args()
    keep_memory()
    target = crops(given.batch, given.side)
    print(f"{torch.get_num_threads()} threads, {given.batch} crops of {given.side} px, sigma {SIGMAS}\n")
    print("| loss | mode | speed | gradient cosine | error of the loss |\n| --- | --- | --- | --- | --- |")
    points = []
    with tempfile.TemporaryDirectory() as folder:
        for label, name, arguments in cases(given.results, Path(folder)):
            for point in measured(label, name, arguments, target):
                cosines = " / ".join(f"{value:.4f}" for value in point.cosines)
                errors = " / ".join(f"{value:.1%}" for value in point.errors)
                print(f"| {point.loss} | {point.mode} | {point.speed:.2f} | {cosines} | {errors} |", flush=True)
                points.append(point)
    plotted(points, given.plot)


if __name__ == "__main__":
    main()
