"""Metrics with faults of their own: one line names the metric, and no picture is another after it."""

import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from _outside import forget, installed, noise, written
from numpy.typing import NDArray

import lossbench
from lossbench import __main__ as command_line
from lossbench import metrics, plugins
from lossbench.errors import UserError
from lossbench.images import write_png
from lossbench.metrics._calling import called, picture_for
from lossbench.metrics._protocol import Better, Over
from lossbench.plugins.choices import CHOICES

WRONG = """
import numpy as np
import torch

class Mine:
    better = "up"
    unit = ""
    needs_target = True
    colours = ("rgb",)
    SOURCE = "mine"
    OVER = "picture"
    def score(self, prediction, target, protocol):
        return self.made(prediction, target)

def giving(text):
    return type("Made", (Mine,), {"made": lambda self, prediction, target: eval(text)})()

raising = giving("1 / 0")
vector = giving("np.ones(3)")
single = giving("np.ones(1)")
text = giving("'12'")
truth = giving("True")
nothing = giving("None")
imaginary = giving("1j")
nan = giving("float('nan')")
nan32 = giving("np.float32('nan')")
tensor = giving("torch.tensor(2.5, requires_grad=True)")
array = giving("np.array(2.5)")
whole = giving("2")
endless = giving("np.inf")

class Writing(Mine):
    def made(self, prediction, target):
        prediction[:] = 0
        target[:] = 0
        torch.from_numpy(prediction).fill_(1)
        return 1.0

class Short(Mine):
    def score(self, prediction, target): return 1.0

class Long(Mine):
    def score(self, prediction, target, protocol, window): return 1.0

class Needy(Mine):
    def __init__(self, window): self.window = window

class Failing(Mine):
    def __init__(self): raise RuntimeError("no such model")

class Lower(Mine):
    better = "lower"

class Over(Mine):
    OVER = "frame"

class Late(Mine):
    better = property(lambda self: "higher")

class Colour(Mine):
    colours = "rgb"

class Red(Mine):
    colours = ("rgb", "gary")

class Clips(Mine):
    OVER = "clip"
    def made(self, prediction, target): return float("nan")

class Sets(Mine):
    OVER = "set"
    def score_set(self, predictions, targets, protocol):
        for picture in predictions: picture[:] = 0
        return float("nan")
"""


@pytest.fixture
def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Install the module `faulty` of many metrics, beside two folders of pictures, in the working directory."""
    installed(written(tmp_path, {"faulty.py": WRONG}, pictures=False), monkeypatch)
    for folder, seed in (("ours", 0), ("theirs", 2), ("target", 4)):
        for index in range(2):
            pixels: NDArray[np.uint8] = (255 * noise(16, 12, 3, seed=seed + index)).astype(np.uint8)
            write_png(tmp_path / f"{folder}/{index}.png", pixels)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    forget()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("raising", r"fails \(ZeroDivisionError: division by zero\); mend it, or leave it out"),
        ("vector", r"gives a ndarray of shape \(3,\), no number; have it return one float a call"),
        ("single", r"gives a ndarray of shape \(1,\), no number"),
        ("text", "gives '12', no number"),
        ("truth", "gives True, no number"),
        ("nothing", "gives None, no number"),
        ("imaginary", "gives 1j, no number"),
        ("nan", "gives NaN; look at what it is given, or leave it out"),
        ("nan32", "gives NaN; look at what"),
    ],
)
def test_what_is_no_score_is_named(faulty: Path, name: str, words: str) -> None:
    prediction, target = noise(3, 16, 12), noise(3, 16, 12, seed=1)
    with pytest.raises(UserError, match=f"^metric 'faulty:{name}' {words}"):
        metrics.score(f"faulty:{name}", prediction, target)


@pytest.mark.parametrize("command", ["measure", "compare"])
@pytest.mark.parametrize(("name", "word"), [("nan", "gives NaN"), ("text", "gives '12'"), ("raising", "fails (Zero")])
def test_commands_name_metric_and_picture(
    faulty: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    name: str,
    word: str,
) -> None:
    folders = ["ours", "target"] if command == "measure" else ["ours", "theirs", "--target", "target"]
    monkeypatch.setattr(sys, "argv", ["lossbench", command, *folders, "--metric", f"psnr,faulty:{name}"])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    said = capsys.readouterr()
    assert ended.value.code == 1 and not said.out
    assert said.err.startswith(f"error: faulty:{name} of ours/0.png: metric 'faulty:{name}' {word}")
    assert said.err.count("\n") == 1


def test_an_infinite_number_of_another_is_not_called_equality(
    faulty: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["lossbench", "measure", "ours", "target", "--metric", "faulty:endless"])
    command_line.main()
    assert "faulty:endless: 2 of 2 pictures are infinite\n" in capsys.readouterr().out


def test_numbers_of_every_kind_are_taken(faulty: Path) -> None:
    pair = noise(3, 16, 12), noise(3, 16, 12, seed=1)
    found = [metrics.score(f"faulty:{name}", *pair) for name in ("tensor", "array", "whole", "endless")]
    assert found == [2.5, 2.5, 2.0, np.inf] and {type(value) for value in found} == {float}


def test_what_a_metric_writes_into_its_picture_stays_its_own(faulty: Path, measured: Any) -> None:
    alone, _ = measured("ours", "target", "--metric", "psnr")
    after, _ = measured("ours", "target", "--metric", "faulty:Writing,psnr")
    assert after["mean"] == {"faulty:Writing": 1.0, **alone["mean"]}
    for kind in (np.array, torch.tensor):
        prediction, target = (kind(noise(3, 16, 12, seed=seed)) for seed in range(2))
        assert metrics.score("faulty:Writing", prediction, target) == 1.0
        assert np.array_equal(prediction, noise(3, 16, 12)) and np.array_equal(target, noise(3, 16, 12, seed=1))
    pictures = [noise(3, 16, 12)]
    with pytest.raises(UserError, match=r"^metric 'faulty:Sets' gives NaN"):
        metrics.score_set("faulty:Sets", pictures, pictures)
    assert np.array_equal(pictures[0], noise(3, 16, 12))


def test_a_clip_is_named(faulty: Path, measured: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        measured("ours", "target", "--clip", "--metric", "faulty:Clips")
    assert capsys.readouterr().err.startswith("error: faulty:Clips of ours: metric 'faulty:Clips' gives NaN; look")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "Short",
            r": score can't be called as score\(prediction, target, protocol\) \(too many positional arguments\)",
        ),
        ("Long", r": score can't be called as .*\(missing a required argument: 'window'\); write what lossbench"),
        ("Needy", r" can't be made without arguments \(TypeError: .*'window'\); give its arguments defaults, or name"),
        ("Failing", r" can't be made without arguments \(RuntimeError: no such model\)"),
        ("Lower", ": better = 'lower' is none of its words; known: down, up"),
        ("Late", ": better = 'higher' is none of its words; known: down, up"),
        ("Over", ": OVER = 'frame' is none of its words; known: clip, picture, set"),
        ("Colour", ": colours = 'rgb' is no list of colours; write one such as"),
        ("Red", ": colours: unknown colour 'gary'; did you mean 'gray'"),
    ],
)
def test_what_keeps_no_contract_is_refused_when_it_is_made(faulty: Path, name: str, words: str) -> None:
    with pytest.raises(UserError, match=f"^metric 'faulty:{name}'{words}") as caught:
        lossbench.create_metric(f"faulty:{name}")
    assert "\n" not in str(caught.value)


def test_planning_refuses_by_reading_alone(faulty: Path) -> None:
    for name, variable, words in (("Lower", "better", "'lower'.*known: down, up"), ("Over", "OVER", "'frame'.*known")):
        with pytest.raises(UserError, match=rf"faulty\.py, line \d+: {variable} = {words}"):
            plugins.constant("metrics", f"faulty:{name}", variable)
    with pytest.raises(
        UserError, match=r"faulty\.py: the class needs window, and is made without arguments; give defaul"
    ):
        plugins.check_made_alone("metrics", "faulty:Needy")
    for name in ("faulty:Mine", "faulty:Failing", "faulty:nan", "psnr"):
        plugins.check_made_alone("metrics", name)
    assert "faulty" not in sys.modules


def test_models_of_pyiqa_are_called_by_code_of_ours() -> None:
    image = noise(3, 8, 8)
    for name in ("pyiqa:topiq_fr", "psnr"):
        assert picture_for(name, image) is image and called(name, lambda: 0.5) == 0.5
        with pytest.raises(ZeroDivisionError):
            called(name, lambda: 1 / 0)


def test_the_words_of_constants_are_those_of_their_types() -> None:
    assert CHOICES["metrics"] == {"better": typing.get_args(Better), "OVER": typing.get_args(Over)}
