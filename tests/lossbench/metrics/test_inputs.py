"""What a metric is given by mistake: one line that says what is expected, and no number."""

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import lossbench
from lossbench.errors import UserError

PICTURE = torch.rand(3, 24, 24, generator=torch.Generator().manual_seed(0))
WRONG: dict[str, tuple[Any, str]] = {
    "0..255": (PICTURE * 255, r"values .* are not in \[0, 1\]"),
    "-1..1": (PICTURE * 2 - 1, r"values .* are not in \[0, 1\]"),
    "uint8": ((PICTURE > 0.5).byte(), "uint8 values; divide by the largest level"),
    "int64": ((PICTURE > 0.5).long(), "int64 values"),
    "bool": (PICTURE > 0.5, "bool values"),
    "complex": (PICTURE + 0j, "complex64 values"),
    "numpy integers": ((PICTURE > 0.5).byte().numpy(), "uint8 values"),
    "PIL": (Image.fromarray(np.zeros((24, 24, 3), np.uint8)), "bands last"),
    "bands last": (PICTURE.permute(1, 2, 0), r"shape \(24, 24, 3\) has its bands last; give \(C, H, W\)"),
    "bands last, numpy": (PICTURE.permute(1, 2, 0).numpy(), "bands last"),
    "batch": (PICTURE[None], r"is not \(C, H, W\); give one picture"),
    "plane": (PICTURE[0], r"is not \(C, H, W\); give one picture"),
    "NaN": (PICTURE * float("nan"), "NaN or infinite values"),
    "path": ("picture.png", "'picture.png' is no picture; give arrays or tensors"),
    "none": (None, "None is no picture"),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("name", ["psnr", "ssim"])
def test_what_is_no_picture_in_0_to_1_is_refused(name: str, case: str) -> None:
    metric, (picture, message) = lossbench.create_metric(name), WRONG[case]
    with pytest.raises(UserError, match="compares with a target" if picture is None else message):
        metric(picture, picture)
    with pytest.raises(UserError, match=rf"{message}|give pictures of one size"):
        metric(picture, PICTURE)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_a_picture_of_any_floating_type_is_taken(dtype: torch.dtype) -> None:
    metric = lossbench.create_metric("psnr")
    assert metric(PICTURE.to(dtype), (PICTURE / 2).to(dtype)) == pytest.approx(metric(PICTURE, PICTURE / 2), abs=0.1)


def test_a_file_of_weights_is_looked_for_when_the_metric_is_made() -> None:
    with pytest.raises(UserError, match=r"nowhere\.safetensors is missing; check the path"):
        lossbench.create_metric("lpips", weights="nowhere.safetensors")
    with pytest.raises(UserError, match="lpips: weights: 3 is no path"):
        lossbench.create_metric("lpips", weights=3)  # type: ignore[arg-type]
