"""A copy of the repository to edit, and Snakemake run in it without starting an interpreter each time."""

import contextlib
import multiprocessing
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
TEST_DATA = Path(os.environ.get("LOSSBENCH_TEST_DATA", ROOT.parent / "shared" / "data"))
"""Where copies of the real test sets lie, which are no part of the repository."""
PARTS = ("lossbench", "pipeline", "workflow", "config", "profiles", "envs", "Snakefile", "pyproject.toml")

# Snakemake and what it loads on its way take seconds to import: one clean process does, and runs are forked from it
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["snakemake.cli", "snakemake.report.html_reporter", "smart_open", "pandas"])


def copied(folder: Path) -> Path:
    """Copy what the workflow consists of to `folder`, without results."""
    for part in PARTS:
        origin = ROOT / part
        if origin.is_dir():
            shutil.copytree(origin, folder / part, ignore=shutil.ignore_patterns("__pycache__", "mine"))
        else:
            shutil.copy(origin, folder / part)
    return folder


def keep_tables(folder: Path, *names: str) -> None:
    """Leave only the tables `names` in the configuration of a copy."""
    file = folder / "config/config.yaml"
    values = yaml.safe_load(file.read_text(encoding="utf-8"))
    file.write_text(yaml.safe_dump({**values, "tables": list(names)}), encoding="utf-8")


def snakemake(folder: Path, *arguments: str, packages: Path | None = None) -> tuple[int, str]:
    """Run Snakemake in `folder`; return its exit code and all that it printed.

    `packages` is a further folder on PYTHONPATH.
    """
    log = folder / "snakemake.log"
    process = PROCESSES.Process(target=_run, args=(folder, arguments, log, packages))
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode, log.read_text(encoding="utf-8")


def planned_jobs(folder: Path, *arguments: str, packages: Path | None = None) -> list[str]:
    """Return the message of every job that a dry-run in `folder` would start, sorted; `packages` as for Snakemake."""
    code, text = snakemake(folder, "--dry-run", *arguments, packages=packages)
    assert code == 0, text
    return sorted(re.findall(r"^Job \d+: (.*)$", text, re.MULTILINE))


@dataclass(frozen=True)
class Rule:
    """What a rule of the workflow declares, with its wildcards."""

    output: list[str]
    log: list[str]


def workflow_rules(folder: Path) -> dict[str, Rule]:
    """Return the rules of the Snakefile in `folder` that make files, by name, as Snakemake itself reads them."""
    with PROCESSES.Pool(1) as pool:
        return pool.apply(_rules, (folder,))


def _rules(folder: Path) -> dict[str, Rule]:
    os.chdir(folder)
    from snakemake.api import SnakemakeApi  # type: ignore[import-untyped]
    from snakemake.settings.types import OutputSettings, Quietness, ResourceSettings  # type: ignore[import-untyped]

    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        workflow = api.workflow(ResourceSettings(), snakefile=folder / "Snakefile")._workflow
        root = f"results/{workflow.globals['plan'].config.scale}/"
        return {
            rule.name: Rule(*([_as_declared(str(file), root) for file in files] for files in (rule.output, rule.log)))
            for rule in workflow.rules
            if rule.output
        }


def _as_declared(file: str, root: str) -> str:
    """Return a path with its wildcards, free of their constraints; a rule without wildcards names its folder."""
    return re.sub(r"\{(\w+)[^{}]*\}", r"{\1}", file).replace(root, "results/{scale}/")


@contextlib.contextmanager
def edited(file: Path, change: Callable[[str], str]) -> Iterator[None]:
    """Replace the text of `file` while the block runs; the change must not be empty."""
    before = file.read_text(encoding="utf-8")
    after = change(before)
    assert after != before, f"{file} is as it was"
    file.write_text(after, encoding="utf-8")
    try:
        yield
    finally:
        file.write_text(before, encoding="utf-8")


def _run(folder: Path, arguments: tuple[str, ...], log: Path, packages: Path | None) -> None:
    with log.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.chdir(folder)
    # the copy's own package, read anew: an edit within a second would leave the cached bytecode looking fresh
    sys.path.insert(0, str(folder))
    if packages is not None:
        sys.path.insert(1, str(packages))
        os.environ["PYTHONPATH"] = str(packages)
    sys.dont_write_bytecode = True
    from snakemake.cli import main  # type: ignore[import-untyped]

    main(list(arguments))
