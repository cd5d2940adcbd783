"""The one table of what stages write says the same as the rules."""

from pathlib import Path

import pytest
from _repository import ROOT, workflow_rules

from pipeline.outputs.layout import FILES, LOGS, WILDCARDS, Place, found, log_of, makers, of_record, path_of, record_of

RULES = workflow_rules(ROOT)


def test_every_stage_has_a_rule_with_its_files_and_its_log() -> None:
    assert set(FILES) == set(LOGS) == set(RULES)
    for stage, rule in RULES.items():
        assert rule.output == [f"results/{{scale}}/{pattern}" for pattern in FILES[stage].values()], stage
        assert rule.log == [f"results/{{scale}}/{LOGS[stage]}"], stage


def test_the_files_of_a_stage_are_named_by_the_same_wildcards_and_no_two_are_one() -> None:
    patterns = [pattern for files in FILES.values() for pattern in files.values()]
    assert len({*patterns, *LOGS.values()}) == len(patterns) + len(LOGS)
    wildcards = {name: name.upper() for names in WILDCARDS.values() for name in names}
    for stage, files in FILES.items():
        own = {name: wildcards[name] for name in WILDCARDS[stage]}
        for name in files:
            path = path_of("results/demo", stage, name, own)
            assert all(path.count(value) for value in own.values())
        assert log_of("results/demo", stage, own).startswith("results/demo/logs/")


@pytest.mark.parametrize("stage", FILES)
def test_a_file_that_is_there_is_found_with_its_wildcards(stage: str, tmp_path: Path) -> None:
    own = {name: f"a_{name}.1" for name in WILDCARDS[stage]}
    for name in FILES[stage]:
        path = Path(path_of(tmp_path, stage, name, own))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        assert list(found(tmp_path, stage, name)) == [(own, path)]


@pytest.mark.parametrize("root", ["results/demo", "/records/train/results/a b"])
@pytest.mark.parametrize("stage", FILES)
def test_a_job_is_known_by_its_record_and_by_each_of_its_files(stage: str, root: str) -> None:
    own = {name: f"a_{name}.1" for name in WILDCARDS[stage]}
    place = Place(root, stage, own)
    assert of_record(record_of(root, stage, own)) == place
    for name, path in place.outputs().items():
        assert (place, name) in list(makers(root, path))
    assert of_record(f"{root}/{stage}.json") is None


def test_every_rule_has_its_record_written() -> None:
    rules = "".join(file.read_text(encoding="utf-8") for file in sorted((ROOT / "workflow/rules").glob("*.smk")))
    for stage in FILES:
        (rule,) = (each for each in rules.split("\nrule ") if each.removeprefix("rule ").startswith(f"{stage}:"))
        assert "{params.record}" in rule, stage
