"""A metric of another package scores as ours do, in Python and on the command line."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _outside import forget, installed, noise, written

import lossbench
from lossbench import metrics
from lossbench.errors import UserError

NAMES = ("mean_error", "fringe.metrics:MeanError")


@pytest.mark.parametrize("name", NAMES)
def test_it_scores_under_its_protocol(fringe: Path, name: str) -> None:
    prediction, target = noise(3, 16, 12), noise(3, 16, 12, seed=1)
    expected = np.abs(np.round(255 * prediction) - np.round(255 * target)).mean()
    metric = lossbench.create_metric(name)
    assert metric(prediction, target) == pytest.approx(expected) == metrics.score(name, prediction, target)
    assert (metric.better, metric.unit, metric.protocol.colour) == ("down", "", "rgb")
    assert metrics.score(name, prediction, target, protocol="y601") != metric(prediction, target)
    with pytest.raises(UserError, match="compares with a target; give one"):
        metric(prediction)


@pytest.mark.parametrize("name", NAMES)
def test_the_command_scores_folders_by_it(fringe: Path, measured: Any, name: str) -> None:
    folder = fringe / "fringe/pictures"
    found, told = measured(folder / "test", folder / "test", "--metric", f"psnr,{name}")
    assert not told and name in str(found)


def test_what_it_lacks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "better = 'up'\nunit = ''\nneeds_target = True\ncolours = ('rgb',)\n"
    files = {"part/__init__.py": "", "part/module.py": text, "part/classes.py": f"class Part:\n    {text!r}\n"}
    files["part/whole.py"] = f"{text}SOURCE = ''\nOVER = 'set'\ndef score(prediction, target, protocol): return 0.0\n"
    installed(written(tmp_path, files, pictures=False), monkeypatch)
    with pytest.raises(UserError, match=r"metric 'part:module' has no SOURCE, OVER, score; write what lossbench"):
        metrics.load("part:module")
    with pytest.raises(UserError, match=r"metric 'part:whole' has no score_set; write what lossbench"):
        metrics.load("part:whole")
    with pytest.raises(UserError, match=r"metric 'part\.classes:Part' has no better, unit"):
        metrics.load("part.classes:Part")
    forget()


def test_the_listing_reads_what_packages_offer(fringe: Path) -> None:
    assert metrics.listing()[-1] == {
        "name": "mean_error",
        "better": "down",
        "unit": "",
        "over": "picture",
        "weights": [],
        "needs_label": False,
        "source": "mean absolute difference in 8-bit levels",
        "package": "fringe 0.3",
    }
