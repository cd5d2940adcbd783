"""A scale that extends another one says what differs, and what is wrong is named with the file in which it stands."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from _repository import ROOT

from lossbench.errors import UserError
from pipeline.config import read
from pipeline.config.extending import over, read_scale
from pipeline.config.read import Configuration
from pipeline.planning.plan import Plan


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the shipped configuration in the working directory."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "config", "config")
    return Path("config")


def write(folder: Path, **scales: Any) -> Path:
    for name, content in scales.items():
        text = content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False)
        (folder / f"scale/{name}.yaml").write_text(text, encoding="utf-8")
    return folder / "scale"


def configured(folder: Path, scale: str) -> Configuration:
    return Configuration.read({**read.values(folder), "scale": scale, "tables": ["mae_loss/table3"]}, folder)


def test_mappings_are_merged_entry_by_entry_and_anything_else_replaces() -> None:
    base = {"a": {"b": {"c": 1, "d": 2}, "e": [1, 2], "f": {"g": 1}}, "h": 1, "i": None}
    own = {"a": {"b": {"c": 3}, "e": [4], "f": None}, "i": {"k": 5}, "l": {"m": 6}}
    found = {"a": {"b": {"c": 3, "d": 2}, "e": [4], "f": None}, "h": 1, "i": {"k": 5}, "l": {"m": 6}}
    kept = {"a": {"b": {"c": 1, "d": 2}, "e": [1, 2], "f": {"g": 1}}, "h": 1, "i": None}
    assert over(base, own) == found and base == kept
    assert over({}, own) == own and over(base, {}) == base


def test_a_chain_of_scales_is_read_from_its_end(folder: Path) -> None:
    write(
        folder,
        mine={"extends": "ci", "title": "mine", "seeds": [3], "networks": {"edsr": {"recipe": {"steps": 9}}}},
        ours={"extends": "mine", "networks": {"edsr": {"recipe": {"batch": 1}, "source": "ours"}}},
    )
    scale, place = read_scale(folder, "ours")
    whole, _ = read_scale(folder, "ci")
    assert place == "config/scale/ours.yaml (extends mine)"
    assert (scale.title, scale.seeds, scale.extends) == ("mine", (3,), "mine")
    edsr = whole.networks["edsr"]
    recipe = edsr.recipe.model_copy(update={"steps": 9, "batch": 1})
    assert scale.networks == {**whole.networks, "edsr": edsr.model_copy(update={"recipe": recipe, "source": "ours"})}
    changes = {"title": "mine", "seeds": (3,), "extends": "mine", "networks": scale.networks}
    assert scale == whole.model_copy(update=changes)


def test_a_scale_that_changes_nothing_has_the_jobs_of_the_one_that_it_extends(folder: Path) -> None:
    write(folder, mine={"extends": "ci"})
    theirs, ours = (Plan(configured(folder, scale)) for scale in ("ci", "mine"))
    trained = [{key: job.spec.canonical() for key, job in plan.jobs["train"].items()} for plan in (theirs, ours)]
    assert trained[0] == trained[1]
    assert {job.root for job in ours.jobs["train"].values()} == {"results/mine"}


@pytest.mark.parametrize(
    ("scales", "message"),
    [
        (
            {"ours": {"extends": "cii"}},
            "config/scale/ours.yaml: extends: unknown scale 'cii' (no config/scale/cii.yaml); did you mean 'ci'?",
        ),
        (
            {"ours": {"extends": ["ci"]}},
            "config/scale/ours.yaml: extends: the name of one scale is expected (got ['ci'])",
        ),
        ({"ours": {"extends": "ours"}}, "config/scale/ours.yaml: extends: 'ours' extends 'ours'; let one of them"),
        (
            {"ours": {"extends": "a"}, "a": {"extends": "b"}, "b": {"extends": "a"}},
            "config/scale/b.yaml: extends: 'a' extends 'b', which extends 'a'; let one of them extend none",
        ),
        ({"ours": {"extends": "a"}, "a": "title: ["}, "config/scale/a.yaml is not valid YAML: "),
        ({"ours": {"extends": "a"}, "a": "- b\n"}, "config/scale/a.yaml: value: "),
        ({"ours": {"extends": "a"}, "a": {"title": "a"}}, "config/scale/a.yaml: key 'seeds' is missing"),
        (
            {"ours": {"extends": "a"}, "a": {"extends": "ci", "networks": {"edsr": {"recipe": {"steps": 0}}}}},
            "config/scale/a.yaml (extends ci): networks.edsr.recipe.steps: Input should be greater than 0 (got 0)",
        ),
        (
            {"ours": {"extends": "ci", "networks": {"edsr": {"recipe": {"beta": [0.1, 0.2]}}}}},
            "config/scale/ours.yaml (extends ci): unknown key 'networks.edsr.recipe.beta'; did you mean 'betas'?",
        ),
        (
            {"ours": {"extends": "ci", "absent_controls": ["original_longr"]}},
            "config/scale/ours.yaml (extends ci): absent_controls: 'original_longr' is not defined; did you mean",
        ),
        (
            {"ours": {"extends": "ci", "networks": {"edsr": {"arguments": {"blocs": 1}}}}},
            "config/scale/ours.yaml (extends ci): networks.edsr.arguments: ",
        ),
    ],
    ids=[
        "unknown", "no name", "itself", "circle", "no YAML", "no mapping", "incomplete", "wrong base", "wrong key",
        "wrong control", "wrong argument",
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_file(scales: dict[str, Any], message: str, folder: Path) -> None:
    write(folder, **scales)
    with pytest.raises(UserError) as caught:
        Plan(configured(folder, "ours"))
    assert message in str(caught.value) and "\n" not in str(caught.value)
