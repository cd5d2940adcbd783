"""Print one prediction's scores under the conventions in use, as docs/why-your-psnr-differs.md shows them.

`uv run python docs/protocol_numbers.py psnr` (or another part). Pictures are embedded ones, predictions bicubic x4.
"""

import math
from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import cache

import numpy as np
from _paper_results import print_part
from numpy.typing import NDArray

from lossbench.assets.embedded import locate
from lossbench.errors import exit_with_one_line
from lossbench.images import read_image
from lossbench.metrics import Protocol, score
from lossbench.resize import crop_to_multiple, resize_bicubic

Levels = NDArray[np.uint8]
Floats = NDArray[np.float64]

SCALE = 4
PICTURE, GREY = "astronaut", "camera"
SEVERAL = (PICTURE, "coffee", "chelsea")
"""Photographs of scikit-image; the first is what most tables are of."""
DARKER = 0.9
"""What the brightness of a restored low-light picture is multiplied by, to stand for one that came out too dark."""

PSNR_ROWS = (
    ("RGB", Protocol("rgb"), "low-light enhancement (LOL); BasicSR, scikit-image"),
    ("RGB, not rounded to 8 bits", Protocol("rgb", rounding=False), "video denoising (FastDVDnet), SIDD"),
    ("RGB, crop of the scale", Protocol("rgb", crop=SCALE), "option files of BasicSR with `crop_border`"),
    ("RGB, crop of the scale + 6", Protocol("rgb", crop=SCALE + 6), "EDSR and NTIRE on DIV2K"),
    ("Y of BT.601, crop of the scale", Protocol("y601", crop=SCALE), "most of super-resolution: Set5 to Urban100"),
    ("the same in whole levels", Protocol("y601_rounded", crop=SCALE), "MATLAB's `rgb2ycbcr` on 8-bit pictures"),
    ("full-range luma, crop of the scale", Protocol("gray", crop=SCALE), "`rgb2gray`; `psnry` of pyiqa, piq"),
)  # fmt: skip
NIQE_ROWS = (
    ("Y of BT.601", Protocol("y601"), "BasicSR"),
    ("full-range luma", Protocol("gray"), "the authors' MATLAB, mmagic"),
    ("Y of BT.601, crop of the scale", Protocol("y601", crop=SCALE), "BasicSR with `crop_border`"),
    ("full-range luma, crop of the scale", Protocol("gray", crop=SCALE), ""),
)
HEADINGS = {
    "psnr": ("scored as", "PSNR, dB", "difference", "by whom"),
    "grey": ("a grey picture", "PSNR, dB", "difference", "by whom"),
    "input": ("the low quality is made by", "PSNR, dB", "difference", "by whom"),
    "brightness": ("a prediction that is too dark", "PSNR, dB", "difference", "by whom"),
    "average": ("several pictures", "PSNR, dB", "difference", "by whom"),
    "ssim": ("computed as", "SSIM", "difference", "by whom"),
    "niqe": ("computed on", "NIQE of the prediction", "of the ground truth", "by whom"),
}


@cache
def target(name: str = PICTURE) -> Levels:
    """Return an embedded photograph, (H, W) or (H, W, 3), with sides that the scale divides."""
    file = locate(f"skimage/data/{name}.png")
    if name == GREY:
        from PIL import Image

        return crop_to_multiple(np.asarray(Image.open(file).convert("L")), SCALE)
    return crop_to_multiple(read_image(file), SCALE)


@cache
def prediction(name: str = PICTURE, rounded: bool = True) -> NDArray[np.float64]:
    """Return MATLAB's bicubic x4 of the photograph, made smaller the same way, in [0, 1] as the target is."""
    small = resize_bicubic(target(name), Fraction(1, SCALE))
    return bands(resize_bicubic(small if rounded else small.astype(np.float64), SCALE))


def bands(picture: NDArray[np.generic]) -> Floats:
    """Return (H, W) or (H, W, C) in 0..255 as (C, H, W) in [0, 1]."""
    pixels = picture.astype(np.float64) / 255
    return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def psnr() -> str:
    """Return one prediction under each convention."""
    found = []
    for words, protocol, whose in PSNR_ROWS:
        pixels = prediction(rounded=protocol.rounding)
        found.append((words, score("psnr", pixels, bands(target()), protocol=protocol), whose))
    return _table("psnr", _with_differences(found, 3))


def grey() -> str:
    """Return a grey picture as one band and repeated to three."""
    one, truth = prediction(GREY), bands(target(GREY))
    three = [np.repeat(each, 3, axis=0) for each in (one, truth)]
    alone, repeated = (score("psnr", *pair, protocol=Protocol("y601", crop=SCALE)) for pair in ((one, truth), three))
    return _table("grey", _with_differences([
        ("one band, which is luma already", alone, "MATLAB's scripts; lossbench"),
        ("repeated to RGB, then Y of BT.601", repeated, "code that reads all as RGB"),
    ], 3))  # fmt: skip


def inputs() -> str:
    """Return bicubic x4 of a low quality that three libraries make by what each calls bicubic."""
    import torch
    from PIL import Image

    height, width = (side // SCALE for side in target().shape[:2])
    pixels = torch.tensor(bands(target()))[None]
    plain = torch.nn.functional.interpolate(pixels, (height, width), mode="bicubic")[0].mul(255).round().clamp(0, 255)
    by_pillow = Image.fromarray(target()).resize((width, height), Image.Resampling.BICUBIC)
    made = {
        "MATLAB's `imresize`": resize_bicubic(target(), Fraction(1, SCALE)),
        "Pillow's `BICUBIC`": np.asarray(by_pillow),
        "torch's `interpolate`, no antialiasing": plain.byte().permute(1, 2, 0).numpy(),
    }
    whose = ("published test sets; lossbench", "torchvision on Pillow's pictures", "OpenCV's `resize` is alike")
    found = [
        (words, score("psnr", bands(resize_bicubic(small, SCALE)), bands(target()), protocol="rgb"), who)
        for (words, small), who in zip(made.items(), whose, strict=True)
    ]
    return _table("input", _with_differences(found, 3))


def brightness() -> str:
    """Return a prediction that is too dark, as it is and with its mean set to the target's."""
    dark, truth = prediction() * DARKER, bands(target())
    lifted = np.clip(dark * truth.mean() / dark.mean(), 0, 1)
    return _table("brightness", _with_differences([
        ("as it is", score("psnr", dark, truth, protocol="rgb"), "lossbench; most papers"),
        ("multiplied to the mean of the target", score("psnr", lifted, truth, protocol="rgb"),
         "low-light papers that say \"GT mean\""),
    ], 3))  # fmt: skip


def average() -> str:
    """Return two means over several pictures."""
    scores = [score("psnr", prediction(name), bands(target(name)), protocol="rgb") for name in SEVERAL]
    errors = [10 ** (-value / 10) for value in scores]
    pooled = -10 * math.log10(float(np.mean(errors)))
    return _table("average", _with_differences([
        ("mean of the pictures' PSNR", float(np.mean(scores)), "papers; lossbench"),
        ("PSNR of the mean squared error of all", pooled, "a batch in torchmetrics; losses turned into PSNR"),
    ], 3))  # fmt: skip


def ssim() -> str:
    """Return one prediction under what is called SSIM."""
    import piq
    import torch
    from skimage.metrics import structural_similarity
    from torchmetrics.functional.image import structural_similarity_index_measure

    ours, truth = prediction(), bands(target())
    first, second = (torch.tensor(each, dtype=torch.float32)[None] for each in (ours, truth))
    cropped = Protocol("y601", crop=SCALE)
    plain = structural_similarity(ours, truth, data_range=1, channel_axis=0)
    whole = structural_similarity_index_measure(first, second, data_range=1.0)
    found = [
        ("RGB, Gaussian window of 11, inner pixels", score("ssim", ours, truth, protocol="rgb"),
         "Wang et al.; BasicSR; lossbench"),
        ("the same on Y of BT.601, crop of the scale", score("ssim", ours, truth, protocol=cropped),
         "super-resolution: Set5 to Urban100"),
        ("the bands as a volume (`ssim_3d`)", score("ssim_3d", ours, truth, protocol="rgb"),
         "MATLAB's `ssim` of RGB: SIDD's tables"),
        ("`structural_similarity`, no settings", float(plain),
         "scikit-image"),
        ("`structural_similarity_index_measure`", float(whole),
         "torchmetrics; borders count"),
        ("`ssim`, no settings: halved first", float(piq.ssim(first, second)), "piq; Wang's later script"),
    ]  # fmt: skip
    return _table("ssim", _with_differences(found, 4))


def niqe() -> str:
    """Return the NIQE of the prediction and of the ground truth by each luma."""
    rows = []
    for words, protocol, whose in NIQE_ROWS:
        ours, theirs = (score("niqe", each, protocol=protocol) for each in (prediction(), bands(target())))
        rows.append((words, f"{ours:.2f}", f"{theirs:.2f}", whose))
    return _table("niqe", rows)


def heading() -> str:
    """Return the first row of every table that is printed, a line each."""
    return "\n".join(map(_line, HEADINGS.values()))


def _with_differences(rows: Iterable[tuple[str, float, str]], digits: int) -> list[tuple[str, ...]]:
    """Return each row with its number and what that has more than the first one."""
    listed = list(rows)
    return [
        (words, f"{value:.{digits}f}", f"{value - listed[0][1]:+.{digits}f}".replace("-", "−") if index else "", whose)
        for index, (words, value, whose) in enumerate(listed)
    ]


def _table(part: str, rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join([_line(HEADINGS[part]), _line(["---"] * len(HEADINGS[part])), *map(_line, rows)])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


PARTS: dict[str, Callable[[], str]] = {
    "psnr": psnr,
    "grey": grey,
    "input": inputs,
    "brightness": brightness,
    "average": average,
    "ssim": ssim,
    "niqe": niqe,
}

if __name__ == "__main__":
    exit_with_one_line(lambda: print_part(__doc__, PARTS))
