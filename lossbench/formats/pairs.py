"""A prediction and its target as metrics take them, out of two files that may differ in bits and colour."""

import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lossbench.errors import Notice, UserError
from lossbench.images import read_picture

Floats = NDArray[np.float64]
SENSOR = 4096
"""Levels of a sensor of 12 bits."""


class Pair(NamedTuple):
    """Two pictures as metrics take them."""

    ours: Floats
    """(C, H, W) in [0, 1]."""
    theirs: Floats | None
    deep: bool
    """Whether one of both has more than 8 bits, so that rounding to 8-bit levels would change it."""

    @property
    def beside_grey(self) -> bool:
        """Whether one of both is grey and the other is not."""
        return self.theirs is not None and self.ours.shape[-3] != self.theirs.shape[-3]


def peak_of(peak: int | None, bits: int | None) -> int | None:
    """Return the level of 16-bit files that stands for 1, of the options `--peak` and `--bits`; None without either.

    Raises UserError for both, and for one that 16 bits do not hold.
    """
    if peak is not None and bits is not None:
        raise UserError(f"--peak {peak} and --bits {bits} say the same; give one")
    if bits is not None and not 1 <= bits <= 16:
        raise UserError(f"--bits {bits}: not 1 to 16; give the bits that the sensor has, such as 11")
    if peak is not None and not 1 <= peak <= 65535:
        raise UserError(f"--peak {peak}: not 1 to 65535; give the level that stands for white, such as 2047")
    return peak if bits is None else 2**bits - 1


def read_pair(path: Path, partner: Path | None, peak: int | None) -> Pair:
    """Read a prediction and its target; one may be grey where the other is RGB, with a Notice.

    `peak` is the level of 16-bit files that stands for 1. Raises UserError naming both for two sizes or other numbers
    of bands, and as `read_levels`.
    """
    ours, deep = read_levels(path, peak)
    if partner is None:
        return Pair(ours, None, deep)
    theirs, also_deep = read_levels(partner, peak)
    bands = {len(ours), len(theirs)}
    for word, one, two in (("bands", ours[:, 0, 0], theirs[:, 0, 0]), ("pixels", ours[0], theirs[0])):
        if one.shape != two.shape and not (word == "bands" and bands == {1, 3}):
            sizes = ["x".join(str(length) for length in part.shape) for part in (one, two)]
            raise UserError(f"{path}: {sizes[0]} {word}, {partner}: {sizes[1]} {word}; give pictures of one size")
    if len(bands) > 1:
        grey = path if len(ours) == 1 else partner
        what = "grey, and its partner colour: compared by luma, under rgb with the band repeated"
        warnings.warn(Notice(grey, what), stacklevel=2)
    return Pair(ours, theirs, deep or also_deep)


def one_clip(frames: list[Pair], files: list[tuple[Path, Path | None]]) -> Pair:
    """Return frames, of the `files`, as (T, C, H, W); raises UserError naming one of another size or bands."""
    sides = [[pair.ours for pair in frames], [pair.theirs for pair in frames if pair.theirs is not None]]
    for number, side in enumerate(sides):
        shapes = [image.shape for image in side]
        usual = max(shapes, key=shapes.count, default=())
        for pair, shape in zip(files, shapes, strict=False):
            if shape != usual:
                one, most = ("x".join(map(str, each)) for each in (shape, usual))
                raise UserError(
                    f"{pair[number]}: {one}, most frames of its clip are {most} (bands, height, width); frames of"
                    " several sizes or bands are not those of one clip, convert this one"
                )
    ours, theirs = (np.stack(side) if side else None for side in sides)
    assert ours is not None
    return Pair(ours, theirs, any(pair.deep for pair in frames))


def read_levels(path: Path, peak: int | None) -> tuple[Floats, bool]:
    """Return (C, H, W) in [0, 1] with all bands of a TIFF or one of a grey picture, and whether it has over 8 bits.

    Without a `peak`, 16-bit values that all stay below 4096 are said with a Notice, since a sensor of 11 or 12 bits is
    brighter. Raises UserError naming the file as `images.read_picture`, and for one that `peak` does not fit.
    """
    picture = read_picture(path)
    white, highest = picture.white, int(picture.pixels.max(initial=0))
    if peak is not None:
        if not picture.deep and peak != white:
            raise UserError(f"{path}: an 8-bit file, whose peak is {white}; leave out the peak {peak}, or give 16 bits")
        if highest > peak:
            raise UserError(f"{path}: values up to {highest} are above the peak {peak}; give a larger one, or its bits")
        white = peak
    elif picture.deep and highest < SENSOR <= white:
        what = f"16-bit values below {SENSOR}, taken as dark; of a sensor of 11 or 12 bits say so by --bits or --peak"
        warnings.warn(Notice(path, what), stacklevel=2)
    return np.ascontiguousarray(picture.pixels.transpose(2, 0, 1)) / white, picture.deep
