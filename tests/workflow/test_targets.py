"""Snakemake's targets, and what it says before the first job."""

from pathlib import Path

import pytest
from _repository import copied, snakemake


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository without data, weights and results."""
    return copied(tmp_path_factory.mktemp("repository"))


def test_a_run_without_its_data_stops_before_the_first_job(repository: Path) -> None:
    code, text = snakemake(repository, "--config", "scale=paper")
    assert code != 0
    assert "these are missing; nothing was started" in text
    for part in ("data set 'div2k'", "5.3 GB", "academic research only", "vgg19-dcbb9e9d.pth", "mae_pretrain_vit_base"):
        assert part in text
    assert "Traceback" not in text
    assert not list((repository / "results").rglob("*.*"))


def test_a_dry_run_without_its_data_plans_all_the_same(repository: Path) -> None:
    code, text = snakemake(repository, "--dry-run", "--config", "scale=paper")
    assert code == 0
    assert "Train edsr under vgg: super_resolution_x4, div2k, seed 2" in text


def test_a_wrong_scale_gives_one_line_and_no_traceback(repository: Path) -> None:
    code, text = snakemake(repository, "--dry-run", "--config", "scale=papr")
    assert code != 0
    assert "unknown scale 'papr' (no config/scale/papr.yaml); did you mean 'paper'?" in text
    assert "Traceback" not in text


def test_the_target_of_one_table_plans_that_table(repository: Path) -> None:
    code, text = snakemake(repository, "--dry-run", "--", "mae_loss_table3")
    assert code == 0
    assert "Tabulate mae_loss table3" in text
