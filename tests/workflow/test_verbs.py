"""Every verb of both commands: help with an example, JSON, mistakes in one line, progress, and no colour."""

import ast
import shlex
import socket
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest
from _page_folder import furnish
from _repository import ROOT
from _verbs import every_verb, parsed, run, split, verbs

EACH = every_verb()
NARROW = 40
QUIET_FOR = 5.0
"""Seconds after which whoever waits is to be told how far it is."""
QUICK = {"networks", "losses", "loss_networks", "metrics", "datasets", "tables", "plan"}
"""Verbs that read what is there and end before they would say how far they are, which a test holds them to."""
ELSEWHERE = {
    "fetch": "tests/lossbench/datasets/test_download.py::test_a_download_reports_its_progress",
    "import_weights": "tests/lossbench/weights/test_command.py::test_a_long_import_says_how_far_it_is",
    "new": "tests/pipeline/test_new.py::test_whoever_asks_for_files_need_not_wait",
    "probe": "tests/lossbench/probe/test_loss.py::test_a_long_probe_says_how_far_it_is",
    "tensorboard": "tests/pipeline/following/test_tensorboard.py::test_a_long_conversion_says_how_far_it_is",
    "try": "tests/pipeline/trying/test_trial.py::test_a_dry_run_writes_what_is_planned_and_says_what_it_would_do",
}
"""Tests of the progress of verbs that a folder of pictures is not enough for."""


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Give a narrow terminal without colour, an empty folder and no network."""
    monkeypatch.setenv("COLUMNS", str(NARROW))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.chdir(tmp_path)

    def refused(*_: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(socket.socket, "connect", refused)


def example_of(program: str, name: str) -> list[str]:
    """Return the words behind the program of a verb's example."""
    found = split(verbs(program)[name].example)
    assert found is not None, f"{program} {name}: the example of its Verb is no command of this project"
    assert found[1][0] == name and found[0] in (program, "lossbench"), f"the example of {name} is of another verb"
    return found[1]


def help_of(program: str, name: str, patch: pytest.MonkeyPatch, captured: pytest.CaptureFixture[str]) -> str:
    assert run(program, [name, "--help"], patch) == 0
    output, errors = captured.readouterr()
    assert not errors and "\x1b" not in output
    return output


@pytest.mark.parametrize(("program", "name"), EACH)
def test_help_fits_a_narrow_terminal_and_ends_with_an_example_that_the_verb_takes(
    program: str, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = help_of(program, name, monkeypatch, capsys)
    # a word, or an option with its value, is not broken
    wide = [line for line in text.splitlines() if len(line) > NARROW and len(line.split()) > 2]
    assert not wide
    _, _, example = text.partition("\nexample:\n")
    assert shlex.split(example.replace("\\\n", "")) == shlex.split(verbs(program)[name].example)
    assert all(line.endswith(" \\") for line in example.splitlines()[:-1])
    assert parsed(program, example_of(program, name)).verb == name
    assert " ".join(verbs(program)[name].text.split()) in " ".join(text.split())


@pytest.mark.parametrize(("program", "name"), EACH)
def test_a_verb_prints_json(
    program: str, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "--json" in help_of(program, name, monkeypatch, capsys)
    parsed(program, [*example_of(program, name), *(["--json"] if "--json" not in example_of(program, name) else [])])


@pytest.mark.parametrize(("program", "name"), EACH)
def test_a_slip_in_an_option_is_one_line_with_the_nearest(
    program: str, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(program, [*example_of(program, name), "--jsom"], monkeypatch) == 2
    output, errors = capsys.readouterr()
    (line,) = errors.splitlines()
    assert not output and line.startswith("error: unrecognized arguments: --jsom; did you mean '--json'?")
    assert line.endswith(f"{program} {name} --help says what it takes")


@pytest.mark.parametrize(("program", "name"), EACH)
def test_what_is_not_there_is_one_line(
    program: str, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(program, example_of(program, name), monkeypatch)
    output, errors = capsys.readouterr()
    assert "\x1b" not in output + errors
    if code == 0:
        assert output.strip(), "it prints nothing"
        return
    (line,) = errors.splitlines()
    assert code == 1 and line.startswith("error: ") and len(line) > len("error: ")


@pytest.mark.parametrize("program", ["lossbench", "python -m pipeline"])
def test_an_unknown_verb_is_one_line_with_the_nearest(
    program: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(program, ["mesure", "a", "b"], monkeypatch) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: mesure: no verb; did you mean 'measure'? known: ")


@pytest.fixture
def pictures(tmp_path: Path) -> None:
    """Make what the examples name: pictures, and networks of few weights."""
    furnish(tmp_path)


@pytest.mark.parametrize(("program", "name"), [(program, name) for program, name in EACH if name not in QUICK])
def test_whoever_waits_is_told_how_far_it_is(
    program: str, name: str, pictures: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if name in ELSEWHERE:
        file, _, test = ELSEWHERE[name].partition("::")
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert test in [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        return
    monkeypatch.setattr("lossbench.measuring.progress.QUIET", 0.0)
    code = run(program, example_of(program, name), monkeypatch)
    errors = capsys.readouterr().err
    told = f"say how far `{name}` is by lossbench.measuring.progress, or name its test in ELSEWHERE"
    assert code == 0, errors
    assert any(line.startswith(name) and "ETA" in line for line in errors.splitlines()), told


@pytest.mark.parametrize("name", sorted(QUICK))
def test_a_verb_without_progress_is_quick(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    program = "lossbench" if name in verbs("lossbench") else "python -m pipeline"
    began = time.process_time()
    assert run(program, example_of(program, name), monkeypatch) in (0, 1)
    # of this process, which others do not slow down
    assert time.process_time() - began < QUIET_FOR


def test_the_names_of_this_file_are_those_of_verbs() -> None:
    known = {name for _, name in EACH}
    assert known >= QUICK and known >= ELSEWHERE.keys() and not QUICK & ELSEWHERE.keys()


def test_a_verb_says_in_the_list_of_all_what_it_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for program in ("lossbench", "python -m pipeline"):
        assert run(program, ["--help"], monkeypatch) == 0
        words = " ".join(capsys.readouterr().out.split())
        for name, verb in verbs(program).items():
            assert f"{name} {' '.join(textwrap.dedent(verb.text).split())}" in words


def test_every_example_is_one_line_of_a_page_width() -> None:
    examples: dict[str, Any] = {name: verbs(program)[name].example for program, name in EACH}
    assert all(example == " ".join(example.split()) and len(example) <= 120 for example in examples.values())
