"""Real WorldView scenes with real PAN, of a package that only those install who accept its licence."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossbench.assets import embedded
from lossbench.datasets import _satellite, _scene
from lossbench.datasets._card import Card, Source
from lossbench.errors import UserError

PACKAGE = "dgsamples"
RATIO = 4
BITS = 11
LICENCE = (
    "DigitalGlobe End User Licence: internal use, no redistribution, no pictures finer than 10 m on the web;"
    " Includes copyrighted material of DigitalGlobe, Inc., All Rights Reserved"
)
WHERE = "uv sync --group worldview (or: pip install --no-deps dgsamples==1.1.2), which accepts its licence"


@dataclass(frozen=True)
class Scene:
    """One place as one satellite saw it."""

    ms: str
    """Embedded path of the eight bands."""
    pan: str
    """Embedded path of the PAN, four times finer."""


def card(name: str, title: str, stand_in_for: str) -> Card:
    """Return the card of one of the scenes."""
    layout = "inside the installed package; needs no folder"
    return Card(name, title, LICENCE, 28_300_000, WHERE, layout, stand_in_for)


def locate(scene: Scene, role: str) -> dict[str, list[Source]]:
    """Return 1 train, 2 val and 8 test pictures; with the `role` `pan` their partners.

    Raises UserError when the package is not installed, or a file's SHA-256 is not the catalogued one.
    """
    try:
        distribution(PACKAGE)
    except PackageNotFoundError:
        raise UserError(f"package {PACKAGE} is not installed; run: {WHERE}: {LICENCE}") from None
    paths = {"ms": embedded.locate(scene.ms), "pan": embedded.locate(scene.pan)}
    digest = embedded.catalogue()[scene.ms if role == "ms" else scene.pan].sha256
    # sizes do not matter for the names
    return _scene.sources(Source("", paths[role], LICENCE, digest), _scene.small_scene(100, 100))


def read(scene: Scene, source: Source, role: str) -> NDArray[Any]:
    """Return the part `source` of the bands (H, W, 4), or of the PAN (4 H, 4 W, 1), uint16 of the whole range.

    Raises UserError for a damaged file, values that are not 11-bit, and MS and PAN that do not fit together.
    """
    pixels = dict(zip(("ms", "pan"), _valid(embedded.locate(scene.ms), embedded.locate(scene.pan)), strict=True))
    height, width = pixels["ms"].shape[:2]
    return _scene.cut(pixels[role], source.name, _scene.small_scene(height, width), 1 if role == "ms" else RATIO)


@cache
def _valid(ms_path: Path, pan_path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return bands and PAN without their black border: the largest rectangle that trimming the worst side leaves."""
    stored, pan = _satellite.read_tiff(ms_path), _satellite.read_tiff(pan_path)
    ms = _satellite.four_bands(stored, ms_path)
    height, width = ms.shape[:2]
    if pan.shape != (height * RATIO, width * RATIO, 1):
        raise UserError(f"{pan_path}: shape {pan.shape} is not {RATIO} times the {height} x {width} of {ms_path}")
    pan_seen = (pan > 0).reshape(height, RATIO, width, RATIO).all(axis=(1, 3))
    seen: NDArray[np.bool_] = np.logical_and(pan_seen, stored.any(axis=-1))
    top, bottom, left, right = _inside(seen)
    ms = ms[top:bottom, left:right]
    pan = pan[top * RATIO : bottom * RATIO, left * RATIO : right * RATIO]
    return _satellite.stretched(ms, BITS, ms_path), _satellite.stretched(pan, BITS, pan_path)


def _inside(seen: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Return top, bottom, left, right of the part whose outermost rows and columns hold no unseen pixel."""
    top, left = 0, 0
    bottom, right = seen.shape
    while top < bottom and left < right:
        inside = seen[top:bottom, left:right]
        sides = (inside[0], inside[-1], inside[:, 0], inside[:, -1])
        unseen = [float(np.mean(~side)) for side in sides]
        worst = int(np.argmax(unseen))
        if unseen[worst] == 0:
            break
        top, bottom = top + (worst == 0), bottom - (worst == 1)
        left, right = left + (worst == 2), right - (worst == 3)
    return top, bottom, left, right
