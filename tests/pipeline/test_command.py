"""The options of a stage are those of its `main`, and its spec comes through standard input."""

import importlib
import inspect
import io
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lossbench import loss_networks
from lossbench.errors import UserError
from lossbench.records import Strict
from pipeline.command import given, run
from pipeline.learning.lock import exclusive
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


def failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], main: Callable[..., None], stdin: Any = SPEC
) -> str:
    """Return the one line of the stage `main` that fails."""
    monkeypatch.setattr(sys, "argv", ["toy", "--code", "c", "--output", "out"])
    monkeypatch.setattr(sys, "stdin", io.StringIO(stdin) if isinstance(stdin, str) else stdin)
    with pytest.raises(SystemExit) as stopped:
        run(main)
    assert stopped.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    return line


def writer(spec: ToySpec, code: str, output: Path) -> None:
    """Begin a run."""
    with exclusive(output):
        pass


def reader(spec: ToySpec, code: str, output: Path) -> None:
    """Read what another stage made."""
    loss_networks.load(output)


def test_a_closed_and_a_garbled_standard_input_are_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "nothing on standard input; give the spec" in failed(monkeypatch, capsys, writer, None)
    garbled = io.TextIOWrapper(io.BytesIO(b"\xff\xfe{"), encoding="utf-8")
    assert "standard input can't be read" in failed(monkeypatch, capsys, writer, garbled)


def test_an_output_that_is_a_file_is_named_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("out").touch()
    assert failed(monkeypatch, capsys, writer) == "error: --output: out is a file; give a folder"


def test_a_stage_says_how_a_file_of_another_stage_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert failed(monkeypatch, capsys, reader) == "error: out is missing; run the stage that makes it"
    Path("out").write_bytes(b"abc")
    assert failed(monkeypatch, capsys, reader).endswith("; delete it and rerun")
