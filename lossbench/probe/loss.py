"""What does a loss see? Degradations at equal PSNR, ranked by the loss and by L1, and what the loss costs."""

import math
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lossbench import losses
from lossbench.errors import FileError, Notice, UserError, tell
from lossbench.formats.settings import assigned
from lossbench.images import largest, read_levels, through_jpeg
from lossbench.probe.cost import StepCost, cost
from lossbench.probe.degradations import blurred, noisy, psnr, shifted, to_psnr
from lossbench.terms import WeightedTerms, l1
from lossbench.weights.creating import automatic
from lossbench.weights.finding import Found

CROP = 96
"""Side of a crop in pixels."""
CROPS = 8
"""Most crops that are used."""
PERIOD = 16
"""Distance in pixels of the lines of the grid artefact."""
JPEG_QUALITY = 20
ROUNDING = 1e-6
"""By so little a term of nearly equal pictures may fall below zero."""
LEAST_CHANGE = 1e-4
"""Root mean square change of a crop below which a degradation can't be scaled: there is nothing but rounding."""


def compressed(image: Tensor) -> Tensor:
    """Return each crop (N, 3, H, W) in [0, 1] after JPEG."""
    pixels = image.mul(255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    return _batch(np.stack([through_jpeg(crop, JPEG_QUALITY) for crop in pixels])).to(image.device)


def brightened(image: Tensor) -> Tensor:
    """Return `image` with the same amount added to every value."""
    return image + 1


def gridded(image: Tensor) -> Tensor:
    """Return `image` with every 16th row and column brightened: what an encoder of 16-pixel patches may leave."""
    grid = torch.zeros(image.shape[-2:], device=image.device)
    grid[::PERIOD] = 1
    grid[:, ::PERIOD] = 1
    return image + grid


DEGRADATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "blur": blurred,
    "noise": noisy,
    "JPEG": compressed,
    "shift": shifted,
    "brightness": brightened,
    "grid": gridded,
}


@dataclass(frozen=True)
class ProbeRow:
    """What the loss says of one degradation, as means over the crops."""

    name: str
    psnr: float
    l1: float
    loss: float
    """The weighted sum of the terms."""
    terms: dict[str, float]
    """The terms, not weighted."""
    gradient_ratios: dict[str, float]
    """Norm of each term's gradient for the prediction, not weighted, over that of L1."""


def crops(picture: NDArray[np.uint8 | np.uint16], name: str) -> Tensor:
    """Cut (H, W, 3) into tiles and return the most detailed ones, (N, 3, CROP, CROP) in [0, 1] with N <= CROPS.

    Raises UserError, with `name`, when the picture is smaller than a crop or so flat that a degradation has no effect.
    """
    height, width = picture.shape[:2]
    if min(height, width) < CROP:
        raise UserError(f"{name}: {width} x {height} pixels, smaller than a crop of {CROP}; give a larger picture")
    rows, columns = height // CROP, width // CROP
    cut = picture[: rows * CROP, : columns * CROP].reshape(rows, CROP, columns, CROP, 3)
    tiles = _batch(np.ascontiguousarray(cut.swapaxes(1, 2)).reshape(-1, CROP, CROP, 3))
    best = _change(blurred(tiles), tiles).argsort(descending=True, stable=True)[:CROPS]
    chosen = tiles[best]
    effects = {label: _change(make(chosen), chosen) for label, make in DEGRADATIONS.items()}
    usable = torch.stack(list(effects.values())).amin(0) > LEAST_CHANGE
    if not usable.any():
        weakest = min(effects, key=lambda label: float(effects[label].max()))
        raise UserError(f"{name}: {weakest} changes nothing in it; give a picture with more detail")
    return chosen[usable]


def look(loss: WeightedTerms, image: Tensor, version: Tensor, name: str) -> ProbeRow:
    """Return what `loss` says of the degraded crops `version` of `image`, both (N, C, H, W)."""
    prediction = version.clone().requires_grad_()
    # a loss that draws patches draws the same ones for every degradation
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        # a step that has all terms
        terms = loss.terms(prediction, image, step=0)
    pixel = l1(prediction, image)
    reference = _gradient_norm(pixel, prediction)
    return ProbeRow(
        name,
        psnr(version, image),
        pixel.item(),
        loss.total(terms).item(),
        {term: value.item() for term, value in terms.items()},
        {term: _gradient_norm(value, prediction) / reference for term, value in terms.items()},
    )


def check_rows(loss: str, picture: Path, rows: Sequence[ProbeRow]) -> None:
    """Raise UserError where a term of `loss`, or its gradient, is no finite number for a degradation of `picture`.

    A term that is negative gives a Notice: a loss is zero at equality and never negative.
    """
    for row in rows:
        for term, value in row.terms.items():
            owner = f"loss '{loss}': term '{term}'"
            for what, number in ((owner, value), (f"{owner}: its gradient", row.gradient_ratios[term])):
                if not math.isfinite(number):
                    raise UserError(f"{what} is {number} for {row.name} of {picture}; mend the loss, as by an epsilon")
            if value < -ROUNDING:
                what = f"{owner} is negative; it should be zero for equal pictures and more for others, such as 1 - x"
                warnings.warn(Notice(picture, what), stacklevel=2)


def ranking(values: Mapping[str, float]) -> list[list[str]]:
    """Return the names from the largest value to the smallest; those equal to four digits stand together."""
    groups: dict[float, list[str]] = {}
    for name, value in sorted(values.items(), key=lambda entry: -float(f"{entry[1]:.3e}")):
        groups.setdefault(float(f"{value:.3e}"), []).append(name)
    return list(groups.values())


def degrade(image: Tensor, decibels: float) -> dict[str, Tensor]:
    """Return every degradation of the crops (N, 3, H, W), scaled to a PSNR of `decibels` in each crop, not clamped."""
    return {name: to_psnr(image, make(image), decibels) for name, make in DEGRADATIONS.items()}


def measure(
    loss: WeightedTerms, image: Tensor, degraded: Mapping[str, Tensor], done: Callable[[int, int], None]
) -> tuple[list[ProbeRow], StepCost]:
    """Look at every degradation, then measure the cost; `done(parts, of)` is called after each part."""
    rows = []
    for name, version in degraded.items():
        rows.append(look(loss, image, version, name))
        done(len(rows), len(degraded) + 1)
    price = cost(loss, image, degraded["noise"])
    done(len(degraded) + 1, len(degraded) + 1)
    return rows, price


def as_dict(title: Mapping[str, Any], rows: Sequence[ProbeRow], price: StepCost) -> dict[str, Any]:
    """Return all that is reported, ready for JSON; `worst_first` lists groups of equals."""
    order = {
        "loss": ranking({row.name: row.loss for row in rows}),
        "l1": ranking({row.name: row.l1 for row in rows}),
    }
    return {**title, "degradations": [asdict(row) for row in rows], "worst_first": order, "cost": asdict(price)}


@dataclass(frozen=True)
class Probed:
    """A loss that is looked at."""

    loss: str
    arguments: dict[str, Any]
    built: WeightedTerms
    found: Found | None = None
    """Its loss network, where that was not given."""


@dataclass(frozen=True)
class Settings:
    """A loss as the command line names it."""

    loss: str
    weights: Path | None
    """File of its loss network, where it has one; None finds one."""
    assignments: list[str]
    """Further arguments as `key=value`, values in JSON or plain words."""

    def build(self) -> Probed:
        """Build the loss, on the GPU where there is one.

        Raises UserError for an unknown loss or key, and where it needs a loss network and none is found.
        """
        built, arguments, found = build(self.loss, self.weights, self.assignments)
        return Probed(self.loss, arguments, built.to(_device()), found)


def build(
    name: str, weights: Path | None, assignments: list[str]
) -> tuple[WeightedTerms, dict[str, Any], Found | None]:
    """Build the loss `name` with the settings `key=value`, values in JSON or plain words; return it and its arguments.

    Without `weights` its loss network is found as by `lossbench.create_loss`, and returned too. Raises UserError for an
    unknown loss or key, and where the loss needs a loss network and none is found.
    """
    arguments = assigned(assignments, "--set", "pixel=l2")
    owner = "--set weights" if "weights" in arguments else "--weights"
    found = automatic(name, arguments) if weights is None and "weights" not in arguments else None
    if weights is not None:
        arguments["weights"] = str(weights)
    elif found is not None:
        arguments["weights"], owner = str(found.path), f"loss '{name}'"
    try:
        return losses.build(name, **arguments), arguments, found
    except FileError as error:
        raise UserError(f"{owner}: {error}") from None
    except UserError as error:
        raise UserError(f"{error}; correct --set" if assignments else str(error)) from None
    except (TypeError, ValueError, AttributeError) as error:
        raise UserError(f"loss '{name}': {arguments} are no settings of it ({error}); correct --set") from None


def opened(picture: Path) -> Tensor:
    """Return the `crops` of the file `picture`, with all its bits, on the GPU where there is one.

    Raises UserError as those.
    """
    return crops(read_levels(picture), str(picture)).to(_device())


def probed(probe: Probed, picture: Path, clean: Tensor, decibels: float) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return what `as_dict` says of a loss on the crops `clean` of `picture`, and one crop of every degradation.

    Raises UserError as `check_rows`.
    """
    degraded = degrade(clean, decibels)
    rows, price = measure(probe.built, clean, degraded, reporter(probe.loss))
    check_rows(probe.loss, picture, rows)
    title = {"loss": probe.loss, "arguments": probe.arguments, "image": str(picture), "crops": len(clean), "crop": CROP}
    found = as_dict({**title, "device": clean.device.type}, rows, price)
    return found, {"clean": clean[0], **{name: version[0] for name, version in degraded.items()}}


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def reporter(name: str, seconds: float = 5.0) -> Callable[[int, int], None]:
    """Return a function that prints on standard error what is done, at most every few seconds."""
    began = printed = time.monotonic()

    def done(parts: int, total: int) -> None:
        nonlocal printed
        now = time.monotonic()
        if now - printed >= seconds and parts < total:
            printed = now
            left = (now - began) / parts * (total - parts)
            tell(f"probe {name}  part {parts}/{total}  ETA {left:.0f} s")

    return done


def _batch(pixels: NDArray[np.uint8 | np.uint16]) -> Tensor:
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div(largest(pixels.dtype)).contiguous()


def _change(version: Tensor, image: Tensor) -> Tensor:
    """Return the root mean square change of each crop: (N,)."""
    return (version - image).square().mean((1, 2, 3)).sqrt()


def _gradient_norm(value: Tensor, prediction: Tensor) -> float:
    (gradient,) = torch.autograd.grad(value, prediction, retain_graph=True)
    return float(gradient.norm())
