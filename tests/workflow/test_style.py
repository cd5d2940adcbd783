"""House rules that no linter knows."""

import ast
from pathlib import Path

import pytest
from _repository import ROOT

PACKAGES = (ROOT / "lossbench", ROOT / "pipeline")
MODULES = sorted(
    file for package in PACKAGES for file in package.rglob("*.py") if file.read_text(encoding="utf-8").strip()
)
PARTS = (*PACKAGES, *(ROOT / folder for folder in ("tests", "benchmarks", "docs", "envs")))
FOLDERS = ("datasets", "tasks", "networks", "loss_networks", "losses", "metrics", "classifiers")
LONGEST = 300


def name_of(file: Path) -> str:
    """Name a module as its import does."""
    return ".".join(file.relative_to(ROOT).with_suffix("").parts)


def imported(tree: ast.AST) -> set[str]:
    """List every absolute name that a module imports, at the top or inside a function."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return found


def test_no_file_is_long() -> None:
    lengths = {
        str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines())
        for part in PARTS
        for file in part.rglob("*.py")
    }
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


@pytest.mark.parametrize("file", MODULES, ids=name_of)
def test_a_module_says_first_what_it_is(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith('"""') and len(lines[0]) > len('"""."""')
    assert lines[0].removesuffix('"""')[-1] in ".:?", "the first line is a whole sentence"


def test_an_init_file_is_empty_or_a_front_door() -> None:
    doors = {"lossbench", "lossbench/plugins", "lossbench/statistics", *(f"lossbench/{folder}" for folder in FOLDERS)}
    filled = {
        str(init.parent.relative_to(ROOT))
        for package in PACKAGES
        for init in package.rglob("__init__.py")
        if init.read_text(encoding="utf-8").strip()
    }
    assert filled <= doors


def test_no_module_is_a_drawer_for_everything() -> None:
    assert not {file.stem.strip("_") for file in MODULES} & {"utils", "util", "misc", "common", "helpers", "helper"}


def test_heavy_libraries_are_imported_inside_functions_only() -> None:
    for file in MODULES:
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            heavy = {name.split(".")[0] for name in imported(node)} & {"torchvision", "timm", "pyiqa", "transformers"}
            assert not heavy, f"{name_of(file)}: {heavy}"
