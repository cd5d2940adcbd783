"""The stage harness: agreeing metrics pass, a damaged one does not, and its golden values are the tests' own."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _golden import golden_rows

from lossbench import metrics, plugins
from lossbench.errors import UserError
from lossbench.metrics import _golden
from pipeline import harness
from pipeline.specs.harness import HarnessSpec

STORED_AS = {
    "ssim_3d": "ssim",
    "sam_dropped": "sam",
    "gmsd_full": "gmsd",
    "uqi_sewar": "uqi",
    "vif_unit_range": "vifp",
}
"""The golden file's word for a metric that is a variant here."""


def checked(folder: Path, *names: str) -> dict[str, Any]:
    """Return what the stage writes for the metrics `names`."""
    harness.main(HarnessSpec(golden="0", metrics=names), "0123456789ab", folder / "harness.json")
    card: dict[str, Any] = json.loads((folder / "harness.json").read_text(encoding="utf-8"))
    return card


def test_metrics_that_agree_with_the_field_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = checked(tmp_path, "psnr", "sam", "ergas", "psnr_video")
    skipped = len(card["skipped"])
    assert card == {
        "passed": True,
        "rows": 67 - skipped,
        "failures": [],
        "skipped": card["skipped"],
        "code": "0123456789ab",
    }
    assert all("other bytes" in text for text in card["skipped"])
    assert f"4 metrics agree with the field: {67 - skipped} golden values" in capsys.readouterr().out


@pytest.mark.parametrize("damage", [30.0, math.nan, math.inf])
def test_a_metric_that_answers_always_the_same_fails(
    damage: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(metrics.load("psnr"), "score", lambda prediction, target, protocol: damage)
    card = checked(tmp_path, "psnr", "ergas")
    assert not card["passed"] and len(card["failures"]) == 50
    first = card["failures"][0]
    words = ("metric 'psnr' gives NaN",) if math.isnan(damage) else ("golden value", "tolerance 0.0001")
    assert first.startswith("psnr (") and all(word in first for word in words)
    assert "do NOT agree" in capsys.readouterr().out


def test_a_metric_that_is_a_little_off_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metric = metrics.load("ergas")
    exact = metric.score
    monkeypatch.setattr(metric, "score", lambda *arguments: exact(*arguments) * 1.00001)
    assert not checked(tmp_path, "ergas")["passed"]


def test_a_metric_that_raises_fails_and_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics.load("sam"), "angles", lambda *arguments: np.zeros(3)[5])
    card = checked(tmp_path, "sam", "ergas")
    assert len(card["failures"]) == 8 and card["rows"] == 16
    assert "IndexError" in card["failures"][0]


def test_a_metric_without_golden_values_fails_unless_it_needs_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_golden, "rows", lambda file=None: [])
    card = checked(tmp_path, "psnr", "lpips")
    assert card["failures"] == ["psnr: no golden value is stored for it in golden.csv"]
    assert card["rows"] == 0 and "lpips: needs the weights" in card["skipped"][0]


def test_pictures_of_other_bytes_are_skipped_and_nothing_compared_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = np.zeros((300, 448, 3), np.uint8)
    monkeypatch.setattr(_golden, "photograph", lambda name: other)
    harness._pictures.cache_clear()
    card = checked(tmp_path, "ergas")
    harness._pictures.cache_clear()
    assert len(card["skipped"]) == 8 and "other bytes" in card["skipped"][0]
    assert card["failures"] == ["ergas: none of its 8 golden values could be compared"]


def test_an_unknown_metric_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="did you mean 'psnr'"):
        checked(tmp_path, "psrn")


def test_the_stored_values_stand_in_the_golden_file() -> None:
    known = {(row["image"], row["degradation"], row["metric"], row["value"]) for row in golden_rows()}
    rows = [*_golden.rows(), *_golden.rows(_golden.CLIPS)]
    for row in rows:
        image, metric = row["image"].removesuffix(_golden.FOUR_BANDS), STORED_AS.get(row["metric"], row["metric"])
        assert (image, row["degradation"], metric, row["value"]) in known, row
    keys = {tuple(value for name, value in row.items() if name not in ("value", "tolerance")) for row in rows}
    assert len(keys) == len(rows) == 222


def test_every_metric_of_pictures_and_of_clips_without_weights_has_stored_values() -> None:
    stored = {row["metric"] for file in (_golden.FILE, _golden.CLIPS) for row in _golden.rows(file)}
    modules = {name: metrics.load(name) for name in plugins.names("metrics")}
    over_pictures = {name for name, module in modules.items() if module.OVER == "picture"}
    others = {name for name in over_pictures if not modules[name].SOURCE.startswith("this project")}
    without_weights = {name for name in others if not getattr(modules[name], "WEIGHTS", ())}
    assert without_weights | {name for name, module in modules.items() if module.OVER == "clip"} == stored


def test_metrics_of_clips_agree_with_the_field(tmp_path: Path) -> None:
    card = checked(tmp_path, "psnr_video", "ssim_video", "mabd", "warping_error")
    assert (card["passed"], card["rows"], card["failures"], card["skipped"]) == (True, 4, [], [])


def test_a_metric_of_this_project_is_skipped_with_the_reason() -> None:
    outcome = harness.checked(("grid",))
    assert outcome.failures == []
    assert outcome.skipped == ["grid: defined by this project, so that nobody else gives values for it"]
