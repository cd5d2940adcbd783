"""What a trial is made of: names that are found, defaults that fit the data, and mistakes in one line."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from _own_pairs import COUNTS, write_pairs
from _repository import ROOT

from lossbench.errors import UserError
from pipeline.config import places, read
from pipeline.trying.asked import OTHERWISE, Asked, asked_for

CONFIG = ROOT / "config"
GIVEN: dict[str, Any] = {
    "loss": "ctmae", "network": "edsr", "data": None, "against": "original", "seeds": 3, "minutes": 20.0, "task": None,
    "extends": "ci",
}  # fmt: skip


def asked(**changes: Any) -> Asked:
    return asked_for({**GIVEN, **changes}, CONFIG)


def test_without_data_embedded_pictures_are_taken_for_the_networks_task() -> None:
    found = asked()
    assert (found.dataset, found.folder, found.task) == ("photographs", None, "super_resolution_x2")
    assert asked(network="dncnn").task == "denoising_sidd"
    assert found.name == "ctmae_against_original_edsr_super_resolution_x2_photographs_3_seeds_20_minutes_ci"
    assert found.table == f"mine/{found.name}"


def test_a_folder_with_pairs_is_one_of_pairs(tmp_path: Path) -> None:
    root = write_pairs(tmp_path / "my photos")
    found = asked(data=str(root))
    assert (found.dataset, found.folder, found.task) == ("folder", str(root), "paired")
    for split in COUNTS:
        (root / split / "low_quality").rename(tmp_path / split)
    assert asked(data=str(root)).task == "super_resolution_x2"
    assert asked(data=str(root), task="super_resolution_x4").task == "super_resolution_x4"


def test_an_undivided_folder_is_one_of_pairs_where_low_quality_lies_beside_target(tmp_path: Path) -> None:
    (tmp_path / "low_quality").mkdir()
    assert asked(data=str(tmp_path)).task == "super_resolution_x2"
    (tmp_path / "target").mkdir()
    assert asked(data=str(tmp_path)).task == "paired"


def test_a_network_that_no_table_has_is_given_a_task_that_fits_it(tmp_path: Path) -> None:
    shutil.copytree(CONFIG, tmp_path / "config", ignore=shutil.ignore_patterns(places.MINE))
    own = tmp_path / "config/mine/scale"
    own.mkdir(parents=True)
    networks = "{wide: {network: edsr}, flat: {network: noise2noise}, quiet: {network: dncnn}, red: {network: red30}}"
    (own / "own.yaml").write_text(f"extends: ci\nnetworks: {networks}\n", encoding="utf-8")
    found = {
        name: asked_for({**GIVEN, "network": name, "extends": "own"}, tmp_path / "config").task
        for name in ("wide", "flat", "quiet", "red")
    }
    known = {"wide": "super_resolution_x2", "flat": "text_removal", "quiet": "denoising_sidd"}
    # in no table, and without a scale
    assert found == {**known, "red": OTHERWISE[False]}


def test_anything_else_asked_for_is_another_trial(tmp_path: Path) -> None:
    (tmp_path / "a/pictures").mkdir(parents=True)
    (tmp_path / "b/pictures").mkdir(parents=True)
    changes: list[dict[str, Any]] = [
        {}, {"loss": "vgg"}, {"against": "l2"}, {"network": "rfdn"}, {"seeds": 2}, {"minutes": 21.0},
        {"task": "super_resolution_x4"}, {"extends": "demo"}, {"data": str(tmp_path / "a/pictures")},
        {"data": str(tmp_path / "b/pictures")}, {"data": "set5"},
    ]  # fmt: skip
    names = [asked(**one).name for one in changes]
    assert len(set(names)) == len(names)
    assert all(name.replace("_", "").isalnum() for name in names)


def test_a_loss_without_an_entry_is_taken_by_its_file() -> None:
    found = asked(loss="pyiqa:topiq_fr", against="log_cosh_10")
    assert (found.loss, found.own_losses) == ("pyiqa_topiq_fr", {"pyiqa_topiq_fr": "pyiqa:topiq_fr"})
    assert asked().own_losses == {}


def test_a_loss_of_another_package_is_taken_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["from torch import nn", "", "", "class Mine(nn.Module):", "    def forward(self, prediction, target):"]
    text = "\n".join([*lines, "        return (prediction - target).abs().mean()", ""])
    (tmp_path / "own_losses_of_a_trial.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    found = asked(loss="own_losses_of_a_trial:Mine")
    name = "own_losses_of_a_trial_Mine"
    assert (found.loss, found.own_losses) == (name, {name: "own_losses_of_a_trial:Mine"})
    with pytest.raises(UserError, match=r"^LOSS own_losses_of_a_trial:Other: "):
        asked(loss="own_losses_of_a_trial:Other")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": "ctmea"}, "LOSS ctmea: no entry of config/losses.yaml and no file of lossbench/losses; did you mean"),
        ({"against": "orignal"}, "--against orignal: no entry of config/losses.yaml"),
        ({"against": "ctmae"}, "--against ctmae: a loss is not tried against itself"),
        (
            {"loss": "lpips"},
            "LOSS lpips: it takes a loss network of kind lpips or robust_lpips; write an entry in config/losses.yaml",
        ),
        ({"network": "edrs"}, "--network edrs: the scale has no such network; did you mean 'edsr'?"),
        ({"network": "fastdvdnet"}, "--network fastdvdnet: a trial restores pictures"),
        ({"network": "vae"}, "--network vae: a trial restores pictures"),
        ({"data": "no/such/folder"}, "--data: no/such/folder is missing; give a folder"),
        ({"task": "denoisin"}, "--task denoisin: no such task in config/config.yaml; did you mean 'denoising_"),
        ({"seeds": 0}, "--seeds 0: give 1 to 20"),
        ({"minutes": -1.0}, "--minutes -1: give minutes above 0"),
        ({"minutes": float("nan")}, "--minutes nan: give minutes above 0"),
        ({"extends": "dem"}, "unknown scale 'dem'"),
    ],
)
def test_what_is_not_known_is_one_line(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        asked(**changes)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_the_tasks_that_are_taken_otherwise_are_there() -> None:
    assert set(OTHERWISE.values()) <= read.values(CONFIG)["tasks"].keys()
