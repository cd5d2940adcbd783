"""What planning reads of a plugin's file, without importing it, is what the plugin has."""

import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lossbench import plugins
from lossbench.errors import UserError
from lossbench.plugins import reading

SHELVES = ("losses", "loss_networks", "networks")
Shelf = Callable[..., None]


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """Give what writes files of a library of its own, by their names without `.py`."""
    monkeypatch.setattr(reading, "PACKAGE", tmp_path)

    def write(**files: str) -> None:
        for name, text in files.items():
            (tmp_path / "losses").mkdir(exist_ok=True)
            (tmp_path / "losses" / f"{name}.py").write_text(text, encoding="utf-8")

    return write


@pytest.mark.parametrize(("folder", "name"), [(folder, name) for folder in SHELVES for name in plugins.names(folder)])
def test_the_arguments_that_are_read_are_those_of_the_function(folder: str, name: str) -> None:
    build = plugins.load(folder, name).build
    fixed = build.keywords if isinstance(build, partial) else {}
    taken = [argument for argument in inspect.signature(build).parameters if argument not in fixed]
    assert plugins.build_arguments(folder, name) == taken


@pytest.mark.parametrize("name", plugins.names("losses"))
def test_the_constants_that_are_read_are_those_of_the_module(name: str) -> None:
    module: Any = plugins.load("losses", name)
    for variable in ("SOURCE", "LOSS_NETWORKS"):
        assert plugins.constant("losses", name, variable) == getattr(module, variable)


def test_a_build_and_a_constant_may_come_from_another_file(shelf: Shelf) -> None:
    shelf(
        one="LOSS_NETWORKS: tuple[str, ...] = ('mae',)\ndef build(pixel, /, weight, *, keep=1): ...\n",
        other="from lossbench.losses.one import LOSS_NETWORKS, build\n",
        renamed="from lossbench.losses.one import LOSS_NETWORKS as ARCHITECTURE_OF\n"
        "from lossbench.losses.one import build as build\n",
        further="from lossbench.losses.other import build\n",
    )
    for name in ("one", "other", "renamed", "further"):
        assert plugins.build_arguments("losses", name) == ["pixel", "weight", "keep"]
    assert plugins.constant("losses", "other", "LOSS_NETWORKS") == ("mae",)
    assert plugins.constant("losses", "renamed", "ARCHITECTURE_OF") == ("mae",)
    assert plugins.constant("losses", "renamed", "LOSS_NETWORKS", ()) == ()


def test_what_a_partial_fixes_is_no_argument(shelf: Shelf) -> None:
    shelf(
        _shared="def build_loss(name, kinds, /, pixel='l1', weight=1.0, *, drawn, seed=0): ...\n",
        drawn="from functools import partial\nfrom lossbench.losses._shared import build_loss\n"
        "build = partial(build_loss, 'drawn', (), drawn=True)\n",
        stored="from functools import partial\nfrom lossbench.losses._shared import build_loss\n"
        "build = partial(build_loss, 'stored', ('mae',), drawn=False, seed=0)\n",
        own="from functools import partial\ndef make(name, pixel): ...\nbuild = partial(make, 'own')\n",
        imported="from lossbench.losses.stored import build\n",
    )
    assert plugins.build_arguments("losses", "drawn") == ["pixel", "weight", "seed"]
    assert plugins.build_arguments("losses", "stored") == ["pixel", "weight"]
    assert plugins.build_arguments("losses", "own") == ["pixel"]
    assert plugins.build_arguments("losses", "imported") == ["pixel", "weight"]


def test_arguments_are_checked_against_what_a_partial_leaves() -> None:
    def make(name: str, /, pixel: str = "l1", *, drawn: bool, seed: int = 0) -> None: ...

    build = partial(make, "mine", drawn=False, seed=0)
    plugins.check_arguments("loss 'mine'", build, ["pixel"])
    for argument in ("name", "drawn", "seed"):
        with pytest.raises(UserError, match=f"loss 'mine' takes no argument '{argument}'; .*known: pixel$"):
            plugins.check_arguments("loss 'mine'", build, [argument])


@pytest.mark.parametrize(
    "text", ["", "build = 3\n", "build = make()\n", "from elsewhere import build\n", "import lossbench.losses.one\n"]
)
def test_a_plugin_without_a_function_build_is_named(shelf: Shelf, text: str) -> None:
    shelf(one="def build(): ...\n", empty=text)
    with pytest.raises(UserError, match=r"lossbench/losses/empty\.py defines no function 'build'"):
        plugins.build_arguments("losses", "empty")
    with pytest.raises(UserError, match=r"lossbench/losses/empty\.py defines no constant SOURCE"):
        plugins.constant("losses", "empty", "SOURCE")


@pytest.mark.parametrize(
    ("annotation", "fitting", "others"),
    [
        ("int", [3], [3.0, "3", True, None, [3]]),
        ("float", [3, 0.5], ["0.5", True, None, float("inf"), float("nan")]),
        ("bool", [True], [1, "yes"]),
        ("str", ["a"], [1, True, None]),
        ("int | None", [3, None], ["3", 3.5]),
        ("Path | str | None", ["a", None], [3]),
        ("Optional[int]", [3, None], ["3"]),
        ("Union[int, str]", [3, "3"], [3.5]),
        ("'int'", [3], ["3"]),
        ("Sequence[int]", [[1, 2], (), (3,)], [3, "ab", [1, "2"]]),
        ("tuple[float, ...]", [[1, 2.5]], [[None]]),
        ("tuple[int, str]", [[1, "a"]], [[1], ["a", 1]]),
        ("list", [[1]], [1]),
        ("dict[str, float]", [{}], [[1]]),
        ("Literal['a', 'b']", ["a"], ["c"]),
        ("torch.Generator | None", [None], [3]),
        ("typing.Optional[int]", [3, None], ["3"]),
        ("t.Union[int, t.Sequence[int]]", [3, [3]], ["3", ["3"]]),
        ("kinds.Alias", [3, "a", None], []),
        ("Any", [3, "a", None], []),
        ("SomeAlias", [3, "a", None], []),
    ],
)
def test_values_are_held_to_the_annotation_that_is_read(
    shelf: Shelf, annotation: str, fitting: list[Any], others: list[Any]
) -> None:
    # the file is read once, whatever is written to it later
    name = f"one_{abs(hash(annotation))}"
    shelf(**{name: f"def build(value: {annotation} = None, free=1): ...\n"})
    for value in fitting:
        plugins.check_build_arguments("losses", name, {"value": value, "free": value})
    for value in others:
        with pytest.raises(UserError, match=rf"value: '{name}' takes .* \(got "):
            plugins.check_build_arguments("losses", name, {"value": value})
