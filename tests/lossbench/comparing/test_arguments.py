"""What `lossbench.compare` is given: one line that names the argument as Python calls it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _restored import plant

import lossbench
from lossbench.comparing.arguments import in_words_of_python
from lossbench.comparing.compare import margins_of
from lossbench.errors import FileError, Notice, UserError
from lossbench.formats.png import write_levels
from lossbench.measure import requested


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(plant(tmp_path, {"a": 8.0, "b": 16.0}, pictures=2))
    return {"reference": "a", "others": "b", "target": "target", "metric": "psnr"}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"reference": np.ones((2, 2))}, "compare: array([[1., 1.], [1., 1.]]) is no path; give the file as text"),
        ({"seeds": 3}, "seeds: 3 is no text; give one such as '_seed{seed}'"),
        ({"seeds": "_s"}, "seeds _s: give a pattern with the field {seed} once, such as '_seed{seed}'"),
        ({"seeds": "{seed}"}, "seeds {seed}: there is no folder a/{seed}; mend the pattern, or a"),
        ({"suffix": None}, "suffix: nothing is no text; give one such as '_x4'"),
        ({"suffix": "_x8"}, "suffix _x8: no picture in a is called so at its end; leave it out"),
        ({"peak": "a"}, "peak: 'a' is no whole number; give the level that stands for white"),
        ({"peak": 0}, "peak 0: not 1 to 65535; give the level that stands for white, such as 2047"),
        ({"weights": "x"}, "weights: 'x' is no mapping; give the file by metric: {'lpips': 'a.pth'}"),
        ({"weights": {"ssim": "a.pth"}}, "weights ssim=a.pth: give METRIC=FILE of a metric asked for"),
        ({"clip": "no"}, "clip: 'no' is neither True nor False; write one of them"),
        ({"crop": "a"}, "protocol: crop 'a' is no whole number; give the pixels to cut from each side"),
        ({"metric": ""}, "metric: none named; give one or more, such as 'psnr,ssim'"),
        ({"metric": " , "}, "metric: none named; give one or more, such as 'psnr,ssim'"),
        ({"metric": [""]}, "metric: none named; give one or more, such as 'psnr,ssim'"),
        ({"metric": None}, "metric: None is no name; give names such as 'psnr,ssim'"),
        ({"metric": "psnr_video"}, "psnr_video is of a clip; add clip=True where each sub-folder holds the frames"),
        ({"target": None}, "psnr compares with a target; give its folder by target"),
        ({"margin": "psnr=0.1,psnr=0.2"}, "margin psnr: given twice, 0.1 and 0.2; give one"),
    ],
)
def test_arguments_are_named_as_python_calls_them(given: dict[str, Any], wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError) as caught:
        lossbench.compare(**{**given, **wrong})
    assert str(caught.value).startswith(words) and "--" not in str(caught.value) and "\n" not in str(caught.value)


def test_notices_are_in_words_of_python_too(given: dict[str, Any]) -> None:
    for path in Path("a").iterdir():
        write_levels(path, np.full((12, 12, 3), 900, np.uint16))
    with pytest.warns(Notice) as caught:
        lossbench.compare(**given)
    words = "16-bit values below 4096, taken as dark; of a sensor of 11 or 12 bits say so by peak"
    assert words in [notice.message.what for notice in caught if isinstance(notice.message, Notice)]


def test_a_metric_is_asked_for_under_one_protocol(given: dict[str, Any]) -> None:
    made = [lossbench.create_metric("psnr", protocol=colour) for colour in ("y601", "gray")]
    for asked in (["psnr", made[0]], made):
        with pytest.raises(UserError, match="metric: psnr is given twice; give it under one protocol"):
            lossbench.compare(**{**given, "metric": asked})


def test_names_that_hold_an_option_stay_and_errors_keep_their_kind() -> None:
    with pytest.raises(FileError, match=r"^x--seeds/--clips is no network; give seeds") as caught, in_words_of_python():
        raise FileError("x--seeds/--clips is no network", "give --seeds")
    assert caught.value.fault == "x--seeds/--clips is no network"


def test_margins_by_name_are_given_once_each() -> None:
    assert margins_of("psnr=0.1, ssim = 0.01,", ["psnr", "ssim"], "--margin") == {"psnr": 0.1, "ssim": 0.01}
    for text, words in (
        ("psnr=0.1,psnr=0.1", "--margin psnr: given twice, 0.1 and 0.1; give one"),
        ("psnr=0.1,0.2", "--margin 0.2: no metric named; give each margin as metric=number"),
        ("=0.2", "--margin =0.2: no metric named; give each margin as metric=number"),
        ("psnr=", "--margin psnr : not a positive number"),
    ):
        with pytest.raises(UserError) as caught:
            margins_of(text, ["psnr", "ssim"], "--margin")
        assert str(caught.value).startswith(words)


def test_a_metric_has_one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    from lossbench.metrics import CreatedMetric, Protocol

    made = CreatedMetric("lpips", Protocol(), Path("a.pth"))
    monkeypatch.setattr("lossbench.metrics.create_metric", lambda *_, **__: made)
    with pytest.raises(UserError, match=r"--weights lpips=b\.pth: lpips has a file already, a\.pth; give one"):
        requested("lpips", None, 0, True, ["lpips=a.pth", "lpips=b.pth"])
