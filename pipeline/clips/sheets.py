"""Pictures of a clip in several versions, one a line: some of its frames, and one row of pixels over time."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from lossbench.images import densest
from pipeline.clips.panels import GAP, HEADER, PAPER, Clip, enlarged, zoomed
from pipeline.outputs.shown_clips import ShownPart

Pixels = NDArray[np.uint8]

FRAMES = 4
"""Frames in a strip, at equal distances, the first and the last among them."""
SIDE = 256
"""Of the part of a clip that strips and videos show, at most."""
LABEL = 132
"""Width of the column of labels."""
TALL = 64
"""Height of a slice at least; each frame is one line of pixels, repeated where there are few."""
MOVES, STANDS = "the row that moves most", "nothing moves, the row with most detail"


@dataclass(frozen=True)
class Row:
    """The row of pixels that a slice shows."""

    number: int
    why: str


def chosen_row(truth: Clip) -> Row:
    """Return the row of the clip (T, H, W, 3) that changes most between frames; of a still that with most detail."""
    levels = truth.astype(np.int16)
    changes = np.abs(np.diff(levels, axis=0)).sum(axis=(0, 2, 3), dtype=np.int64)
    if changes.any():
        return Row(int(changes.argmax()), MOVES)
    return Row(int(np.abs(np.diff(levels, axis=2)).sum(axis=(0, 2, 3), dtype=np.int64).argmax()), STANDS)


def chosen_part(answer: Clip, truth: Clip) -> ShownPart:
    """Return the part, `SIDE` square at most, in which the `answer` without training is worst over all frames.

    There losses differ most, as in the pictures of other tables.
    """
    error = np.zeros(truth.shape[1:3])
    for ours, theirs in zip(answer, truth, strict=True):
        error += np.square(ours.astype(np.float64) - theirs).sum(axis=2)
    top, left, height, width = densest(error, SIDE)
    return ShownPart(top=top, left=left, height=height, width=width)


def cut_out(part: ShownPart, clip: Clip) -> Clip:
    """Return the `part` of a clip (T, H, W, 3)."""
    return clip[:, part.top : part.top + part.height, part.left : part.left + part.width]


def strip(versions: Mapping[str, Clip]) -> Pixels:
    """Return `FRAMES` frames of every version, one version a line, under the numbers of the frames."""
    frames, _, width, _ = next(iter(versions.values())).shape
    shown = np.unique(np.linspace(0, frames - 1, min(FRAMES, frames)).round().astype(int))
    zoom = enlarged(width)
    gap = np.full((1, GAP, 3), PAPER, dtype=np.uint8)
    lines = {}
    for label, clip in versions.items():
        parts = [zoomed(clip[number], zoom) for number in shown]
        spaced = [part for each in parts for part in (each, gap.repeat(len(each), axis=0))]
        lines[label] = np.concatenate(spaced[:-1], axis=1)
    return _lines(lines, [f"frame {number}" for number in shown], width * zoom + GAP)


def slices(versions: Mapping[str, Clip], row: Row) -> Pixels:
    """Return row `row` of every version over time, one version a line: x to the right, time downwards.

    Each line is `clip[:, row]`, enlarged by `scale_of`.
    """
    frames, _, width, _ = next(iter(versions.values())).shape
    down, across = scale_of(frames, width)
    lines = {label: clip[:, row.number].repeat(down, axis=0).repeat(across, axis=1) for label, clip in versions.items()}
    return _lines(lines, [f"row {row.number}, frames 0 to {frames - 1} downwards"], 0)


def scale_of(frames: int, width: int) -> tuple[int, int]:
    """Return how often a slice repeats each frame downwards and each pixel across."""
    return max(1, math.ceil(TALL / frames)), enlarged(width)


def _lines(lines: Mapping[str, Pixels], heads: Sequence[str], distance: int) -> Pixels:
    """Return pictures of one size below each other, labels on their left and `heads` above, `distance` apart."""
    height, width = next(iter(lines.values())).shape[:2]
    sheet = Image.new("RGB", (LABEL + width, HEADER + len(lines) * (height + GAP) - GAP), (PAPER,) * 3)
    draw = ImageDraw.Draw(sheet)
    for index, head in enumerate(heads):
        draw.text((LABEL + index * distance + 2, 2), head, fill="black")
    for index, (label, pixels) in enumerate(lines.items()):
        top = HEADER + index * (height + GAP)
        draw.text((2, top + 2), label, fill="black")
        sheet.paste(Image.fromarray(np.ascontiguousarray(pixels)), (LABEL, top))
    return np.asarray(sheet)
