"""Pictures of a report: which ones, which part of them, and how they become part of a page."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from lossbench.images import densest, read_image

Pixels = NDArray[np.uint8]

STEPS = ((256, 95), (256, 90), (256, 84), (224, 82), (192, 80), (160, 76), (128, 70), (96, 60))
"""Sides of crops and qualities of WebP, best first."""
OVERVIEW = 160
"""Longest side of the small whole picture that shows where a crop lies."""


@dataclass(frozen=True)
class Version:
    """One restored version of a crop."""

    label: str
    source: str
    """Data URI."""
    width: int
    height: int
    caption: str


@dataclass(frozen=True)
class Comparison:
    """One crop in all versions."""

    name: str
    """Name of the picture."""
    role: str
    """Why it was chosen."""
    versions: list[Version]
    overview: str
    """Data URI of the whole picture, or nothing where the crop is the whole."""
    window: tuple[float, float, float, float]
    """Left, top, width and height of the crop in per cent of the picture."""


def chosen(scores: Mapping[str, pd.Series], reference: str, kept: Sequence[str], better: str) -> list[tuple[str, str]]:
    """Return which of the `kept` pictures to show, and why: those where the losses lose and gain most.

    `scores` holds a value a picture for every loss. A picture's difference is the mean over the losses of their
    difference to the reference loss; without scores the first picture is shown.
    """
    if not kept:
        return []
    others = [values for loss, values in scores.items() if loss != reference]
    if reference not in scores or not others:
        return [(kept[0], "the first picture")]
    sign = 1 if better == "up" else -1
    difference = sign * (pd.concat(others, axis=1).mean(axis=1) - scores[reference]).reindex(list(kept)).dropna()
    if difference.empty:
        return [(kept[0], "the first picture")]
    best, worst = str(difference.idxmax()), str(difference.idxmin())
    if best == worst:
        return [(best, "the only picture")]
    return [(best, "the losses gain most here"), (worst, "the losses lose most here")]


def window(versions: Sequence[Pixels], side: int) -> tuple[int, int, int, int]:
    """Return top, left, height and width of the part, at most `side` square, in which the versions differ most.

    Versions are (H, W, 3) of one size; the difference is their variance summed over the bands.
    """
    return densest(np.stack(versions).astype(np.float64).var(axis=0).sum(axis=2), side)


def compared(
    name: str, role: str, versions: Mapping[str, Pixels], captions: Mapping[str, str], room: int, judged: Sequence[str]
) -> Comparison:
    """Return one picture in all versions, cropped where those named in `judged` differ most.

    All versions get one quality, the best at which together they take at most `room` bytes of page, so that none looks
    worse for its encoding. Raises ValueError when their sizes differ.
    """
    shapes = {label: pixels.shape for label, pixels in versions.items()}
    if len(set(shapes.values())) != 1:
        raise ValueError(f"{name}: versions differ in size: {shapes}")
    pixels = [versions[label] for label in judged if label in versions] or list(versions.values())
    for side, quality in STEPS:
        top, left, height, width = window(pixels, side)
        crops = {label: image[top : top + height, left : left + width] for label, image in versions.items()}
        sources = {label: data_uri(crop, quality) for label, crop in crops.items()}
        if sum(map(len, sources.values())) <= room:
            break
    shown = [Version(label, source, width, height, captions.get(label, "")) for label, source in sources.items()]
    whole = list(versions.values())[-1]
    rows, columns = whole.shape[:2]
    overview = "" if (height, width) == (rows, columns) else data_uri(reduced(whole, OVERVIEW), 70)
    part = (100 * left / columns, 100 * top / rows, 100 * width / columns, 100 * height / rows)
    return Comparison(name, role, shown, overview, part)


def data_uri(image: Pixels, quality: int) -> str:
    """Return (H, W, 3) as a WebP data URI."""
    buffer = io.BytesIO()
    # plain chroma subsampling smears exactly the colours that differ
    Image.fromarray(np.ascontiguousarray(image)).save(buffer, "WEBP", quality=quality, method=4, use_sharp_yuv=True)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def reconstructions(path: Path, longest: int = 1024) -> tuple[str, tuple[int, int]]:
    """Return a loss network's reconstruction picture as data URI, width and height; raises UserError if unreadable."""
    picture = reduced(read_image(path), longest)
    return data_uri(picture, 86), (picture.shape[1], picture.shape[0])


def reduced(image: Pixels, longest: int) -> Pixels:
    """Return the picture with no side longer than `longest`."""
    picture: Any = Image.fromarray(np.ascontiguousarray(image))
    picture.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return np.asarray(picture)
