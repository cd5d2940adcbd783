"""Golden rows of GMSD, UQI, IFC, VIF and MS-SSIM: each is met by our metric, or by the library whose fault it is."""

import importlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
import torch
from _golden import Floats, GoldenRow, floats, golden_rows, levels, pictures, rows_of
from _set5 import set5

from lossbench.metrics import Protocol, gmsd, ms_ssim, score

METRICS = ("gmsd", "uqi", "ifc", "vif", "vifp", "ms_ssim")
RGB, GRAY, LUMA = Protocol(), Protocol("gray"), Protocol("y601_rounded")
UNROUNDED = Protocol("gray", rounding=False)


@dataclass(frozen=True)
class Convention:
    """How the rows of one convention are met: by which of our metrics, how closely, and by which library's function."""

    name: str = ""
    protocol: Protocol = RGB
    tolerance: float = 1e-6
    ours: Callable[[Floats, Floats], float] | None = None
    library: str = ""
    rows: int = 8

    def value(self, row: GoldenRow) -> float:
        """Return what meets the row."""
        if self.name:
            return value_of(
                self.name, self.protocol, row["image"], row["degradation"], "recomputed" in row["convention"]
            )
        return (self.ours or self.of_library)(*pair_of(row))

    def of_library(self, prediction: Floats, target: Floats) -> float:
        """Return the library's own number, in single precision as its users have it."""
        module, function = self.library.rsplit(".", 1)
        pytest.importorskip(module, reason=f"needs {module}")
        pair = (torch.from_numpy(image).float()[None] for image in (prediction, target))
        return float(getattr(importlib.import_module(module), function)(*pair))


@cache
def value_of(name: str, protocol: Protocol, image: str, degradation: str, recomputed: bool) -> float:
    """Return our metric for the pictures of a row; several rows state the same number."""
    pair = pair_of({"image": image, "degradation": degradation, "convention": "recomputed" if recomputed else ""})
    return score(name, *pair, protocol=protocol)


def gmsd_of_bands(prediction: Floats, target: Floats) -> float:
    """Return one GMSD over three half-size bands, without luma."""
    ours, theirs = RGB.pair(prediction, target)
    return gmsd.deviation(gmsd.halved(ours), gmsd.halved(theirs))


def weighted_sum(prediction: Floats, target: Floats) -> float:
    """Return the weighted mean of the factors of MS-SSIM, the other method of the authors' release."""
    ours, theirs = GRAY.pair(prediction, target)
    return float(np.average(ms_ssim.factors(ours, theirs)[:, 0], weights=ms_ssim.EXPONENTS))


def rows_of_zeros(protocol: Protocol) -> Callable[[Floats, Floats], float]:
    """Return MS-SSIM with a row of zeros at either end of an odd side, where the author's repeats the last one."""

    def padded(pixels: Floats) -> Floats:
        return gmsd.halved(np.pad(pixels, [(0, 0), *((side % 2, 0) for side in pixels.shape[1:])]))

    def value(prediction: Floats, target: Floats) -> float:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ms_ssim, "_halved", padded)
            return ms_ssim.score(prediction, target, protocol)

    return value


GMSD = "luma 0.299/0.587/0.114 rounded uint8, T=170, 2x2 mean, Prewitt/3, zero border, std ddof=1"
SEWAR_UQI = "RGB, sewar uqi ws=8 (window mean used as sum: NOT the published index)"
TORCHMETRICS_UQI = "torchmetrics.functional.image.universal_image_quality_index"
UNIT_RANGE = "[0,1] input with sigma_nsq=2 (mis-scaled: degenerates to energy-weighted gain g^2)"
PYRAMID = "Y BT.601 rounded 0-255, steerable pyramid 4 scales order 5, 2 orientations, M=3, no crop"
CROPPED = Protocol("y601_rounded", 4)

CONVENTIONS = {
    ("gmsd", GMSD, "own"): Convention("gmsd", GRAY, 1e-5),
    ("gmsd", "Y of YIQ rounded uint8, T=170", "pyiqa"): Convention("gmsd", GRAY, 1e-5),
    # these two do not round luma
    ("gmsd", "piq default: YIQ luma, t=170/255^2", "piq"): Convention("gmsd", GRAY, 2e-4, library="piq.gmsd"),
    ("gmsd", "piqa default", "piqa"): Convention("gmsd", GRAY, 2e-4),
    ("gmsd", "IQA_pytorch default: per-channel RGB not luma", "IQA-pytorch"): Convention(
        ours=gmsd_of_bands, tolerance=1e-5
    ),
    ("gmsd", "luma, T=170, NO 2x downsampling", "own"): Convention("gmsd_full", GRAY, 1e-5),
    ("gmsd", "rgb2gray, T=170", "official"): Convention("gmsd", GRAY, 1e-5, rows=5),
    ("gmsd", "RGB, library default", "piq"): Convention("gmsd", GRAY, 0, rows=1),
    ("uqi", "RGB per-channel mean, exact 8x8 sliding stride 1 valid (Wang-Bovik 2002)", "own"): Convention("uqi"),
    # the x4 picture of the file differs by a level in a few pixels, which moves the value by 1.1e-6
    ("uqi", "Y BT.601 rounded, exact 8x8 sliding", "own"): Convention("uqi", LUMA, 2e-6),
    ("uqi", SEWAR_UQI, "sewar"): Convention("uqi_sewar"),
    ("uqi", "RGB, library default", "sewar"): Convention("uqi_sewar", rows=1),
    # not the published index, and not ours: equal pictures score 0.86
    ("uqi", "RGB, gauss 11x11 s1.5, [0,1] input", "torchmetrics"): Convention(library=TORCHMETRICS_UQI),
    ("uqi", "RGB, library default", "torchmetrics"): Convention(library=TORCHMETRICS_UQI, rows=1),
    ("vifp", "RGB per-channel mean, 0-255, sigma_nsq=2", "sewar"): Convention("vifp"),
    ("vifp", "RGB, library default", "sewar"): Convention("vifp", rows=1),
    # three libraries that work in single precision
    ("vifp", "RGB per-channel mean, 0-255, sigma_nsq=2", "torchmetrics"): Convention("vifp", RGB, 2e-5),
    ("vifp", "piq vif_p [0,1] input rescaled to 255 inside", "piq"): Convention("vifp", UNROUNDED, 1e-5),
    ("vifp", UNIT_RANGE, "torchmetrics"): Convention("vif_unit_range", RGB, 1e-5),
    ("ifc", PYRAMID, "own"): Convention("ifc", LUMA, 1e-4),
    ("ifc", "Y BT.601 rounded uint8, crop 4, recomputed from the LR image", "own"): Convention(
        "ifc", CROPPED, 1e-4, rows=5
    ),
    ("ifc", "Y BT.601 rounded uint8, crop 4, ifcvec", "MATLAB,"): Convention("ifc", CROPPED, 1e-4, rows=5),
    ("vif", "Y BT.601 rounded 0-255, steerable pyramid, sigma_nsq=0.4", "own"): Convention("vif", LUMA),
    ("vif", "Y of YIQ, steerable pyramid, sigma_nsq=0.4", "pyiqa"): Convention("vif", GRAY, 1e-5),
    # printed with four digits
    ("vif", "rgb2gray, steerable pyramid vifvec", "official"): Convention("vif", GRAY, 6e-5, rows=5),
    ("ms_ssim", "RGB, 5 scales", "pytorch-msssim"): Convention(ours=rows_of_zeros(RGB), tolerance=1e-5),
    # clamps pixel by pixel
    ("ms_ssim", "Y of YIQ, 5 scales", "pyiqa"): Convention(ours=rows_of_zeros(GRAY), tolerance=1e-5),
    ("ms_ssim", "rgb2gray", "official"): Convention(ours=weighted_sum, tolerance=6e-5, rows=5),
}


def convention_of(row: GoldenRow) -> Convention:
    return CONVENTIONS[row["metric"], row["convention"], row["computed_by"].split()[0]]


def pair_of(row: GoldenRow) -> tuple[Floats, Floats]:
    """Return prediction and target (C, H, W) in [0, 1]."""
    target, prediction = (set5 if row["image"].startswith("jbhuang0604") else pictures)(row)
    return floats(levels(prediction)), floats(target)


@pytest.mark.parametrize("row", rows_of(*METRICS))
def test_the_golden_value_is_met(row: GoldenRow) -> None:
    convention = convention_of(row)
    assert convention.value(row) == pytest.approx(float(row["value"]), abs=convention.tolerance)


@pytest.mark.parametrize("row", [case for case in rows_of("gmsd") if convention_of(case.values[0]).library])
def test_the_library_that_does_not_round_luma_gives_its_own_golden_value(row: GoldenRow) -> None:
    value = convention_of(row).of_library(*pair_of(row))
    assert value == pytest.approx(float(row["value"]), abs=1e-6)


def test_every_golden_row_has_its_convention_here() -> None:
    rows = [row for row in golden_rows() if row["metric"] in METRICS]
    counts = Counter((row["metric"], row["convention"], row["computed_by"].split()[0]) for row in rows)
    assert counts == {key: convention.rows for key, convention in CONVENTIONS.items()}
    each = {"gmsd": 54, "uqi": 34, "vifp": 33, "ms_ssim": 21, "vif": 21, "ifc": 18}
    assert Counter(row["metric"] for row in rows) == each
