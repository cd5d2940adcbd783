"""A spec longer than one argument of a command may be reaches its job."""

from pathlib import Path

import pytest
import yaml
from _repository import copied, snakemake

from pipeline.config.read import values
from pipeline.planning.plan import Plan

LIMIT = 131_072
"""Bytes of one argument on Linux, its end included."""
SEEDS = list(range(10))


@pytest.mark.slow
def test_the_longest_tables_of_the_paper_scale_can_be_made_and_judged_with_ten_seeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copied(tmp_path)
    scale = folder / "config/scale/paper.yaml"
    content = yaml.safe_load(scale.read_text(encoding="utf-8"))
    scale.write_text(yaml.safe_dump({**content, "seeds": SEEDS}, sort_keys=False), encoding="utf-8")
    # data sets that are not here are not what this is about
    snakefile = folder / "Snakefile"
    snakefile.write_text(snakefile.read_text(encoding="utf-8").replace("plan.require_data()", "pass"), encoding="utf-8")
    monkeypatch.chdir(folder)
    plan = Plan.from_config({**values(Path("config")), "scale": "paper"})
    every = [plan.job(stage, name.split("/")) for name in plan.table_names for stage in ("tabulate", "judge")]
    jobs = [job for job in every if len(job.spec.canonical()) > LIMIT]
    assert {job.stage for job in jobs} == {"tabulate", "judge"}
    assert max(len(job.spec.canonical()) for job in jobs) > 2 * LIMIT
    for job in jobs:
        for file in job.files_read():
            Path(file.path).parent.mkdir(parents=True, exist_ok=True)
            Path(file.path).touch()
    targets = [job.writes("long" if job.stage == "tabulate" else "verdicts").path for job in jobs]
    rules = ("--allowed-rules", "tabulate", "judge")
    code, text = snakemake(folder, *targets, "--config", "scale=paper", "--keep-going", "--cores", "2", *rules)
    assert code != 0
    assert "Argument list too long" not in text
    for job in jobs:
        # it read its spec, and then the empty files that the spec names
        said = Path(job.log).read_text(encoding="utf-8")
        assert said.startswith("error: results/paper/") and "can't be read" in said, job
