"""Snakemake on the command line: what only looks changes nothing, a run has its own interpreter and its own data."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from _repository import copied, edited, keep_tables, snakemake

CI = ("--config", "scale=ci", "--")
TABLE = "results/ci/tables/mae_loss/table3.csv"
LOOKS = ("-np", "--unlock", "--summary")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository without data, weights and results, with one table."""
    folder = copied(tmp_path_factory.mktemp("repository"))
    keep_tables(folder, "mae_loss/table3", "mae_loss/table1")
    return folder


def partial(folder: Path) -> Path:
    """Write a table and remember it as one that rests on missing cells; return it."""
    table, mark = folder / TABLE, folder / "results/ci/report/partial.json"
    for file, text in ((table, "partial"), (mark, '["tables/mae_loss/table3.csv"]')):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return table


@pytest.mark.parametrize("option", LOOKS)
def test_what_only_looks_deletes_nothing(option: str, repository: Path) -> None:
    table = partial(repository)
    code, text = snakemake(repository, option, *CI, "mae_loss_table3")
    assert code == 0, text
    assert table.read_text(encoding="utf-8") == "partial"
    assert (repository / "results/ci/report/partial.json").is_file()


def test_a_run_makes_anew_what_rests_on_missing_cells(repository: Path) -> None:
    table = partial(repository)
    # the first job fails: the data set is cut off
    with edited(repository / "pipeline/prepare.py", lambda text: f"raise SystemExit('stopped')\n{text}"):
        code, text = snakemake(repository, *CI, "mae_loss_table3")
    assert code != 0 and "Prepare photographs" in text, text
    assert not table.exists() and not (repository / "results/ci/report/partial.json").exists()


def test_jobs_run_under_the_interpreter_of_snakemake_and_share_memory(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "python").write_text("#!/bin/sh\necho wrong python >&2\nexit 3\n", encoding="utf-8")
    (tmp_path / "python").chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "snakemake", *CI, "results/ci/prepare/generic_photographs/target.json"]
    done = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert (repository / "results/ci/prepare/generic_photographs/target.json").is_file()
    assert re.search(r"Provided resources: .*mem_mb", said)


def test_a_run_asks_for_the_data_of_its_own_jobs(repository: Path) -> None:
    code, text = snakemake(repository, "--config", "scale=paper", "--", "mae_loss_table3")
    assert code != 0
    found = re.findall(r"^\s+(?:data set|weights of [a-z ]+) '(\w+)'", text, re.MULTILINE)
    assert sorted(found) == ["div2k", "mae_public", "vgg"]
    assert "Traceback" not in text


def test_a_file_asks_for_its_own_data(repository: Path) -> None:
    code, text = snakemake(repository, "--config", "scale=paper", "--", "results/paper/prepare/lol/target.json")
    assert code != 0
    assert re.findall(r"^\s+(?:data set|weights of [a-z ]+) '(\w+)'", text, re.MULTILINE) == ["lol"]


def test_an_entry_given_twice_is_refused_before_snakemake_takes_the_last(repository: Path) -> None:
    with edited(repository / "config/config.yaml", lambda text: f"{text}\nthreads: 7\n"):
        code, text = snakemake(repository, "--dry-run", *CI, "mae_loss_table3")
    assert code != 0
    assert "'threads' is given twice" in text and "Traceback" not in text


def test_an_unknown_entry_of_the_command_line_is_named(repository: Path) -> None:
    code, text = snakemake(repository, "--dry-run", "--config", "scal=ci")
    assert code != 0
    assert "--config scal: no such entry; did you mean 'scale'?" in text and "Traceback" not in text
