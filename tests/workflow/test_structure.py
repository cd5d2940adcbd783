"""The plan of the house: which package may import which, and where files may lie."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from _repository import ROOT

from lossbench import plugins
from pipeline.outputs.layout import FILES

PACKAGES = (ROOT / "lossbench", ROOT / "pipeline")
SHELVES = ("losses", "loss_networks", "networks", "metrics", "tasks", "datasets", "classifiers")
MOST = 16
"""Files of code in a folder that is no shelf of plugins; the root of the pipeline has a rule of its own."""


def name_of(file: Path) -> str:
    """Name a module as its import does."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(file): file for package in PACKAGES for file in sorted(package.rglob("*.py"))}


def imported(name: str, *, anywhere: bool) -> Iterator[str]:
    """Give the modules of both packages that `name` imports: anywhere in it, or when it is imported itself."""
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))) if anywhere else _first(name):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: relative import in line {node.lineno}"
            found = [f"{node.module}.{alias.name}" for alias in node.names]
            # a name that is no module is taken out of one
            found = [each if each in MODULES else str(node.module) for each in found]
        else:
            continue
        yield from (each for each in found if each in MODULES)


def _first(name: str) -> Iterator[ast.AST]:
    """Give the statements that run when the module `name` is imported."""
    waiting: list[ast.AST] = [ast.parse(MODULES[name].read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
            continue
        yield node
        waiting += ast.iter_child_nodes(node)


@cache
def graph() -> dict[str, frozenset[str]]:
    """Return what each module imports, at any time and for any purpose."""
    return {name: frozenset(imported(name, anywhere=True)) - {name} for name in MODULES}


def test_no_module_of_the_library_imports_the_pipeline() -> None:
    found = {
        (name, other)
        for name, others in graph().items()
        for other in others
        if name.split(".")[0] == "lossbench" and other.split(".")[0] == "pipeline"
    }
    assert not found


def test_no_modules_import_each_other_in_a_circle() -> None:
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join((*way[way.index(name) :], name))
        if name not in done:
            for other in sorted(graph()[name]):
                visit(other, (*way, name))
            done.add(name)

    for name in MODULES:
        visit(name, ())


def test_no_stage_looks_for_a_loss_network() -> None:
    reached, waiting = set(), [f"pipeline.{stage}" for stage in FILES]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += graph()[name]
    # what a stage makes depends on the files that it is given alone
    assert "lossbench.weights.importing" in reached
    assert not reached & {f"lossbench.weights.{name}" for name in ("creating", "finding", "fetching", "hub")}


@pytest.mark.parametrize("folder", SHELVES)
def test_a_plugin_is_found_by_its_name_and_imported_by_its_own_shelf_alone(folder: str) -> None:
    listed = {f"lossbench.{folder}.{name}" for name in plugins.names(folder)}
    assert listed
    for name, others in graph().items():
        # a plugin may build on another one beside it
        if not name.startswith(f"lossbench.{folder}."):
            assert not others & listed, name


@pytest.mark.parametrize("front_door", ["", *(f".{shelf}" for shelf in SHELVES)])
def test_importing_a_front_door_imports_no_plugin(front_door: str) -> None:
    plugin = {f"lossbench.{folder}.{name}" for folder in SHELVES for name in plugins.names(folder)}
    found, waiting = set(), [f"lossbench{front_door}"]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += imported(name, anywhere=False)
    assert not found & plugin


def test_the_pipeline_holds_one_file_a_rule_and_three_more() -> None:
    files = {file.stem for file in (ROOT / "pipeline").glob("*.py")} - {"__init__"}
    assert files == {*FILES, "__main__", "command", "partial_report"}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_no_folder_but_a_shelf_holds_many_files(package: Path) -> None:
    folders = {file.parent for file in package.rglob("*.py")} - {
        ROOT / "pipeline",
        *(ROOT / "lossbench" / shelf for shelf in SHELVES),
    }
    crowded = {str(folder): len(list(folder.glob("*.py"))) for folder in folders}
    # an empty __init__ says nothing
    assert {folder: count for folder, count in crowded.items() if count - 1 > MOST} == {}
