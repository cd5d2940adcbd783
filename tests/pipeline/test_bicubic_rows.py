"""The bicubic rows of the field's test sets, which prove data, enlargement and metrics at once."""

from pathlib import Path

import numpy as np
import pytest
from _evaluated import evaluate_into, spec
from _prepared import degraded, prepared
from _repository import TEST_DATA

from pipeline.specs.evaluate import MetricSpec
from pipeline.specs.train import TaskSpec

FOLDERS = {"set5": "Set5", "set14": "Set14", "bsd100": "BSD100"}
# Huang et al. 2015 (SelfExSR), MATLAB
PSNR = {2: (33.64, 30.22, 29.55), 4: (28.42, 25.99, 25.96)}
SSIM = {4: (0.8101, 0.7023, 0.6672)}
IFC = {4: (2.28, 2.18, 1.91)}


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize(("place", "name"), [*enumerate(FOLDERS)])
def test_the_published_bicubic_rows_are_met(tmp_path: Path, place: int, name: str, scale: int) -> None:
    root = TEST_DATA / FOLDERS[name]
    if not root.is_dir():
        pytest.skip(f"{root} is missing; set LOSSBENCH_TEST_DATA to the folder of the test sets")
    prepared(name, root, tmp_path / "targets")
    degraded(name, root, tmp_path / "targets", tmp_path / "pairs", "super_resolution", scale=scale)
    wanted = ["psnr", *(["ssim", "ifc"] if scale == 4 else [])]
    protocol = {"colour": "y601_rounded", "crop": scale, "rounding": True}
    asked = tuple(MetricSpec(name=metric, file=metric, **protocol) for metric in wanted)
    task = TaskSpec(name="super_resolution", settings={"scale": scale})
    chosen = spec(metrics=asked, keep_pictures=0).model_copy(update={"task": task, "test_set": name})
    rows = evaluate_into(tmp_path, chosen, tmp_path / "targets/target.json", tmp_path / "pairs/low_quality.json")
    means = {one: np.mean([float(row["value"]) for row in rows if row["metric"] == one]) for one in wanted}
    assert means["psnr"] == pytest.approx(PSNR[scale][place], abs=0.02)
    if scale == 4:
        assert means["ssim"] == pytest.approx(SSIM[scale][place], abs=0.001)
        assert means["ifc"] == pytest.approx(IFC[scale][place], rel=0.01)
