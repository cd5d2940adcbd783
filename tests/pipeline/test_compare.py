"""Stage compare: crops of every loss beside the ground truth."""

from pathlib import Path

import numpy as np
from _evaluated import TASK, Evaluate, spec, target_of

from lossbench.images import read_image
from pipeline import compare
from pipeline.specs.evaluate import CompareSpec


def test_the_comparison_shows_every_loss_and_the_ground_truth(
    evaluated: Evaluate, targets: Path, pairs: Path, tmp_path: Path
) -> None:
    evaluated(spec(keep_pictures=2))
    chosen = CompareSpec(
        task=TASK,
        test_set="toy",
        split="test",
        network="edsr",
        trivial="bicubic",
        labels=("bicubic", "again"),
        pictures=2,
        crop=16,
    )
    output = tmp_path / "crops.png"
    compare.main(chosen, "code", targets, pairs, [tmp_path / "toy.csv"] * 2, output)
    sheet = read_image(output)
    # crops of 16 pixels twice as large, 4 pixels between, a header of 16
    assert sheet.shape == (16 + 2 * 36, 3 * 36, 3)
    first, second, truth = (sheet[16:48, left : left + 32] for left in (0, 36, 72))
    assert np.array_equal(first, second)
    crop = truth[::2, ::2]
    whole = target_of(targets, 0)
    places = [
        np.array_equal(whole[top : top + 16, left : left + 16], crop)
        for top in range(0, whole.shape[0] - 15)
        for left in range(0, whole.shape[1] - 15)
    ]
    assert sum(places) == 1
