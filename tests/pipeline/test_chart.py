"""Stage chart: the bars are the table's numbers, beside each other and beside the dashed line."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from lossbench.errors import UserError
from pipeline import chart
from pipeline.specs.chart import ChartSpec

VALUES = {"e": 40.0, "p": 30.0, "robust_p": 25.0, "t": 35.0, "robust_t": 45.0}


def spec(**changes: Any) -> ChartSpec:
    fields: dict[str, Any] = {
        "title": "Errors",
        "scale": "ci",
        "panels": (("classes", "robust_error"), ("classes", "standard_error")),
        "network": "net",
        "losses": ("p", "robust_p", "t", "robust_t"),
        "line": "e",
        "stand_ins": ("data set toy stands in for imagenet",),
    }
    return ChartSpec(**{**fields, **changes})


def table(path: Path, **changes: Any) -> Path:
    rows = [
        {"column": "classes", "network": "net", "loss": loss, "metric": metric, "value": value + shift,
         "sd_over_seeds": 1.5, "trivial": 60.0, "trivial_method": "bicubic", **changes}
        for metric, shift in (("robust_error", 0.0), ("standard_error", 10.0))
        for loss, value in VALUES.items()
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def test_the_bars_are_the_numbers_of_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Figure] = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *given, **named: (drawn.append(self), save(self, *given, **named))
    )
    output = tmp_path / "charts/figure1.png"
    chart.main(spec(), "code", table(tmp_path / "figure1.csv"), output)
    robust, standard = drawn[0].axes
    for axes, shift in ((robust, 0), (standard, 10)):
        heights = {round(bar.get_x() + bar.get_width() / 2, 2): bar.get_height() for bar in axes.patches}
        assert [heights[place] for place in sorted(heights)] == [30 + shift, 25 + shift, 35 + shift, 45 + shift]
        assert [label.get_text() for label in axes.get_xticklabels()] == ["P", "T"]
        lines = {line.get_label(): float(np.asarray(line.get_ydata())[0]) for line in axes.lines}
        assert lines["E"] == 40 + shift and lines["bicubic"] == 60
    with Image.open(output) as picture:
        assert picture.format == "PNG" and picture.width > 1000
    assert [path.name for path in output.parent.iterdir()] == ["figure1.png"]


@pytest.mark.parametrize("lost", [{"column": "other"}, {"network": "other"}])
def test_a_table_without_a_bar_is_named(lost: dict[str, str], tmp_path: Path) -> None:
    file = table(tmp_path / "figure1.csv", **lost)
    with pytest.raises(UserError, match=r"figure1\.csv can't be drawn .*; delete it and rerun"):
        chart.main(spec(), "code", file, tmp_path / "figure1.png")
    with pytest.raises(UserError, match=r"nowhere\.csv can't be drawn"):
        chart.main(spec(), "code", tmp_path / "nowhere.csv", tmp_path / "figure1.png")
    assert not (tmp_path / "figure1.png").exists()
