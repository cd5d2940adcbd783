"""The options of a stage are those of its `main`, and its spec comes through standard input."""

import importlib
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from lossbench.errors import UserError
from lossbench.records import Strict
from pipeline.command import given
from pipeline.outputs.layout import FILES


class ToySpec(Strict):
    """A spec of one entry."""

    seed: int


@dataclass(frozen=True)
class Place:
    """Where a toy writes."""

    output: Path
    threads: int = 1


def toy(
    spec: ToySpec,
    code: str,
    place: Place,
    *,
    targets: Path,
    weights: Path | None,
    cards: list[Path] | None = None,
    scores: Sequence[Path] = (),
    networks: dict[str, Path] | None = None,
    seconds: float = 300.0,
) -> None:
    """Do nothing."""


SPEC = '{"seed":3}'
LEAST = ["--code", "c", "--output", "out", "--targets", "t"]


def test_required_options_suffice_and_defaults_stay() -> None:
    found = given(toy, LEAST, lambda: SPEC)
    assert found == {
        "spec": ToySpec(seed=3),
        "code": "c",
        "place": Place(Path("out")),
        "targets": Path("t"),
        "weights": None,
        "cards": None,
        "scores": (),
        "networks": None,
        "seconds": 300.0,
    }


def test_every_kind_of_option_is_read() -> None:
    more = ["--weights", "w", "--cards", "a", "b", "--scores", "s", "--networks", "x=1=2", "y=z", "--seconds", "0.5"]
    found = given(toy, [*LEAST, "--threads", "4", *more], lambda: SPEC)
    assert found["place"] == Place(Path("out"), 4)
    assert (found["weights"], found["cards"], found["scores"]) == (Path("w"), [Path("a"), Path("b")], [Path("s")])
    assert found["networks"] == {"x": Path("1=2"), "y": Path("z")}
    assert found["seconds"] == 0.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (LEAST[:-2], "--targets"),
        ([*LEAST, "--cards"], "--cards"),
        ([*LEAST, "--seconds", "soon"], "invalid float value: 'soon'"),
        ([*LEAST, "--networks", "x"], "x: give NAME=PATH"),
        ([*LEAST, "--networks", "x=1", "x=2"], "x=2: give NAME=PATH, each name once"),
        ([*LEAST, "--treads", "2"], "unrecognized arguments: --treads"),
    ],
)
def test_wrong_options_exit_with_the_usage(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        given(toy, arguments, lambda: SPEC)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "nothing on standard input"), ("{", "not JSON"), ('{"sed": 1}', "unknown key 'sed'; did you mean 'seed'")],
)
def test_a_bad_spec_is_one_line(text: str, message: str) -> None:
    with pytest.raises(UserError, match=f"^ToySpec: .*{message}"):
        given(toy, LEAST, lambda: text)


@pytest.mark.parametrize("stage", FILES)
def test_the_main_of_every_stage_takes_a_spec_and_its_code_first(stage: str) -> None:
    main = importlib.import_module(f"pipeline.{stage}").main
    assert list(inspect.signature(main).parameters)[:2] == ["spec", "code"]
