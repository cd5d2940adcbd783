"""A fingerprint changes with the code that a job runs, and with nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.outputs import fingerprint as module
from pipeline.outputs.fingerprint import clear, fingerprint

FILES = {
    "__init__.py": "",
    "stage.py": '''
        """A stage."""
        import math
        from toy.tools import direct
        from toy.plugins import catalog

        def run(value: int) -> int:
            """Do the work."""
            return direct.twice(value)  # the work
        ''',
    "tools/__init__.py": "",
    "tools/direct.py": '''
        """Imported by the stage."""
        from . import indirect
        from ..shared import OFFSET

        def twice(value):
            return 2 * value + indirect.ZERO + OFFSET
        ''',
    "tools/indirect.py": "ZERO = 0\n",
    "tools/unused.py": "ONE = 1\n",
    "shared.py": "OFFSET = 0\n",
    "late.py": "LATE = 0\n",
    "plugins/__init__.py": "",
    "plugins/catalog.py": '''
        """Imports plugins by name."""
        from importlib import import_module

        def load(name):
            import toy.late
            return import_module(f"toy.plugins.{name}")
        ''',
    "plugins/first.py": "from toy.plugins._common import BASE\n",
    "plugins/second.py": "VALUE = 2\n",
    "plugins/_common.py": "BASE = 1\n",
}


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A package of a stage, tools and plugins."""
    folder = tmp_path / "toy"
    for name, text in FILES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = text.strip("\n").splitlines()
        file.write_text("\n".join(line.removeprefix("        ") for line in lines) + "\n", encoding="utf-8")
    return folder


def of(package: Path, *modules: str) -> str:
    """Return the fingerprint, read anew."""
    clear()
    return fingerprint(*modules, packages=(package,))


def change(file: Path, edit: Callable[[str], str]) -> None:
    """Rewrite `file`, which must not stay as it was."""
    before = file.read_text(encoding="utf-8")
    assert edit(before) != before
    file.write_text(edit(before), encoding="utf-8")


def test_it_is_twelve_hexadecimal_digits_and_repeats(toy: Path) -> None:
    found = of(toy, "toy.stage")
    assert len(found) == 12 and int(found, 16) >= 0
    assert found == of(toy, "toy.stage")


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: "# a comment\n" + text,
        lambda text: text.replace("# the work", "# other words"),
        lambda text: text.replace('"""A stage."""', '"""Other words."""'),
        lambda text: text.replace('    """Do the work."""\n', ""),
        lambda text: text.replace("(value: int)", "(\n    value: int,\n)"),
        lambda text: text.replace("\n\n", "\n\n\n\n"),
    ],
    ids=["comment", "comment in a line", "module docstring", "docstring removed", "layout", "blank lines"],
)
def test_comments_docstrings_and_layout_do_not_count(toy: Path, edit: Callable[[str], str]) -> None:
    before = of(toy, "toy.stage")
    change(toy / "stage.py", edit)
    assert of(toy, "toy.stage") == before


def test_a_text_under_a_field_is_a_docstring(toy: Path) -> None:
    change(toy / "shared.py", lambda text: text + "class Box:\n    size: int = 1\n")
    before = of(toy, "toy.stage")
    change(toy / "shared.py", lambda text: text + '    """In pixels."""\n')
    assert of(toy, "toy.stage") == before


def test_a_text_that_is_used_counts(toy: Path) -> None:
    change(toy / "shared.py", lambda text: text + 'NAME = "first"\n')
    before = of(toy, "toy.stage")
    change(toy / "shared.py", lambda text: text.replace("first", "second"))
    assert of(toy, "toy.stage") != before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("stage.py", "direct.twice(value)", "direct.twice(value) + 1"),
        ("tools/direct.py", "2 * value", "3 * value"),
        ("tools/indirect.py", "ZERO = 0", "ZERO = 1"),
        ("shared.py", "OFFSET = 0", "OFFSET = 1"),
        ("plugins/catalog.py", "toy.plugins.{name}", "toy.plugins.new_{name}"),
        ("late.py", "LATE = 0", "LATE = 1"),
    ],
    ids=["itself", "direct import", "relative import", "relative import from above", "catalog", "import in a function"],
)
def test_code_that_is_reached_counts(toy: Path, file: str, old: str, new: str) -> None:
    before = of(toy, "toy.stage")
    change(toy / file, lambda text: text.replace(old, new))
    assert of(toy, "toy.stage") != before


@pytest.mark.parametrize("package", ["", "tools/", "plugins/"])
def test_the_init_of_each_parent_package_counts(toy: Path, package: str) -> None:
    before = of(toy, "toy.stage")
    (toy / f"{package}__init__.py").write_text("import math\n", encoding="utf-8")
    assert of(toy, "toy.stage") != before


def test_a_relative_import_in_an_init_is_followed(toy: Path) -> None:
    (toy / "tools/__init__.py").write_text("from .unused import ONE\n", encoding="utf-8")
    before = of(toy, "toy.stage")
    change(toy / "tools/unused.py", lambda text: text.replace("1", "2"))
    assert of(toy, "toy.stage") != before


@pytest.mark.parametrize("file", ["tools/unused.py", "plugins/first.py", "plugins/second.py"])
def test_a_module_that_is_not_imported_does_not_count(toy: Path, file: str) -> None:
    before = of(toy, "toy.stage")
    change(toy / file, lambda text: text + "MORE = 1\n")
    assert of(toy, "toy.stage") == before


def test_a_plugin_counts_when_it_is_named_with_all_that_it_imports(toy: Path) -> None:
    modules = ("toy.stage", "toy.plugins.first")
    before = of(toy, *modules)
    assert before != of(toy, "toy.stage")
    change(toy / "plugins/second.py", lambda text: text.replace("2", "3"))
    assert of(toy, *modules) == before
    change(toy / "plugins/_common.py", lambda text: text.replace("1", "2"))
    assert of(toy, *modules) != before


def test_the_order_in_which_modules_are_named_does_not_count(toy: Path) -> None:
    assert of(toy, "toy.stage", "toy.plugins.first") == of(toy, "toy.plugins.first", "toy.stage")


def test_code_that_moves_to_another_module_counts(toy: Path) -> None:
    before = of(toy, "toy.plugins.second")
    (toy / "plugins/second.py").rename(toy / "plugins/third.py")
    assert of(toy, "toy.plugins.third") != before


def test_an_unknown_module_is_an_error_that_names_its_file(toy: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"plugins/third\.py"):
        of(toy, "toy.stage", "toy.plugins.third")


def test_an_edit_is_seen_after_clear_only(toy: Path) -> None:
    before = of(toy, "toy.shared")
    change(toy / "shared.py", lambda text: text.replace("0", "1"))
    assert fingerprint("toy.shared", packages=(toy,)) == before
    assert of(toy, "toy.shared") != before


def test_the_training_stage_reaches_the_loop_and_no_plugin() -> None:
    reached = module._closure(frozenset({"pipeline.train"}), module.PACKAGES)
    assert {"pipeline.learning.loop", "lossbench.terms", "pipeline.specs.train"} <= reached
    shelves = ("datasets", "tasks", "networks", "loss_networks", "losses", "metrics", "classifiers")
    plugins = {f"lossbench.{shelf}.{name}" for shelf in shelves for name in module.plugins.names(shelf)}
    assert not reached & plugins
    assert {"lossbench.losses", "lossbench.networks"} <= reached
