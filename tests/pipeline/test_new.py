"""The verb `new`: what it writes works as it stands, and what is there already stays."""

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from _repository import ROOT, copied

from lossbench.errors import UserError
from pipeline.config import read
from pipeline.config.read import Configuration
from pipeline.new import command
from pipeline.new.files import KINDS, made
from pipeline.planning.plan import Plan

TESTED = ("_losses.py", "_networks.py", "_network_sizes.py")
"""Files of the tests that get a row."""
CHECK = """
import sys
import torch
from lossbench import losses, networks

name = sys.argv[1]
loss, network = losses.build(name), networks.build(name)
low, target = torch.rand(2, 3, 12, 10), torch.rand(2, 3, 24, 20)
prediction = network(low)
assert prediction.shape == target.shape
found = loss(prediction, target)
found.backward()
assert float(found) > 0 and float(loss(target, target)) == 0
assert all(parameter.grad is not None for parameter in network.parameters())
print(sum(parameter.numel() for parameter in network.parameters()))
"""


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the repository with those tests that get a row, in the working directory."""
    folder = copied(tmp_path / "clone")
    (folder / "tests").mkdir()
    for name in TESTED:
        shutil.copy(ROOT / "tests" / name, folder / "tests" / name)
    monkeypatch.chdir(folder)
    return folder


def python(folder: Path, *arguments: str) -> str:
    """Run Python on the code of a copy; return what it printed."""
    done = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True, env={"PATH": "/"})
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_verb_takes_every_kind() -> None:
    assert set(command.KINDS) == set(KINDS)


def test_whoever_asks_for_files_need_not_wait(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    began = time.process_time()
    command.run(argparse.Namespace(kind="loss", name="first", json=True))
    assert time.process_time() - began < 5
    assert json.loads(capsys.readouterr().out)[0] == {"written": "lossbench/losses/first.py"}


def test_a_new_table_is_planned_with_its_claims(clone: Path) -> None:
    lines = list(made("table", "first"))
    assert lines[:2] == [
        ("written", "config/mine/tables/mine/first.yaml"),
        ("written", "config/mine/claims/mine/first.csv"),
    ]
    assert ("then", "uv run snakemake mine_first --config 'tables=[\"mine/first\"]'") in lines
    config = Path("config")
    found = Configuration.read({**read.values(config), "scale": "ci", "tables": ["mine/first"]}, config)
    assert [claim.id for claim in found.claims["mine/first"]] == ["charbonnier_psnr", "l2_ssim"]
    plan = Plan(found)
    assert {key[3] for key in plan.jobs["train"]} == {"original", "l2", "charbonnier"}
    assert "mine_first" in plan.tables()


def test_a_new_loss_and_a_new_network_run_as_they_stand(clone: Path) -> None:
    said = [*made("loss", "mine_first"), *made("network", "mine_first")]
    assert [file for what, file in said if what == "written"] == [
        "lossbench/losses/mine_first.py",
        "lossbench/networks/mine_first.py",
        "config/mine/scale/mine_first.yaml",
    ]
    count = int(python(clone, "-c", CHECK, "mine_first"))
    # the rows that the contract tests ask for
    rows = {name: (clone / "tests" / name).read_text(encoding="utf-8") for name in TESTED}
    assert '("mine_first", None, {}),' in rows["_losses.py"]
    assert '"mine_first": {"scale": 2, "channels": 4, "blocks": 1},' in rows["_networks.py"]
    assert f'("mine_first", {{"scale": 2}}, {count:_}),' in rows["_network_sizes.py"]
    assert '"mine_first": [({"scale": scale' in rows["_network_sizes.py"]
    for name, text in rows.items():
        compile(text, name, "exec")
    losses = yaml.safe_load((clone / "config/losses.yaml").read_text(encoding="utf-8"))
    assert losses["mine_first"]["arguments"] == {"weight": 1.0}
    # and its scale is one with this network
    plan = python(clone, "-m", "pipeline", "plan", "--scale", "mine_first", "--json")
    assert '"scale": "mine_first"' in plan


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "folder"), [("loss", "losses"), ("network", "networks")])
def test_what_is_new_holds_the_contract_of_its_kind(kind: str, folder: str, clone: Path) -> None:
    assert list(made(kind, "zz_first"))
    shutil.copytree(
        ROOT / "tests", clone / "tests", dirs_exist_ok=True, ignore=shutil.ignore_patterns(*TESTED, "__pycache__")
    )
    # ends badly where one fails, or none is there
    words = ["-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", f"tests/lossbench/{folder}", "-k", "zz_first"]
    assert "F" not in python(clone, *words).split("[")[0]


@pytest.mark.parametrize("name", ["First", "1st", "a-b", "../a", ""])
def test_a_name_that_no_file_can_have_is_refused(name: str, clone: Path) -> None:
    with pytest.raises(UserError, match="write small letters, digits and underscores"):
        list(made("loss", name))


def test_what_is_there_stays_as_it_is(clone: Path) -> None:
    with pytest.raises(UserError, match="vgg: there is a loss of this name; give another"):
        list(made("loss", "vgg"))
    with pytest.raises(UserError, match="edsr: there is a network of this name"):
        list(made("network", "edsr"))
    list(made("table", "first"))
    file = Path("config/mine/tables/mine/first.yaml")
    file.write_text("mine\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"config/mine/tables/mine/first\.yaml is there already; give another name"):
        list(made("table", "first"))
    assert file.read_text(encoding="utf-8") == "mine\n"


def test_a_file_without_the_place_of_a_row_is_left_alone_with_all_else(clone: Path) -> None:
    file = clone / "tests/_networks.py"
    file.write_text(file.read_text(encoding="utf-8").replace("SMALL: dict", "TINY: dict"), encoding="utf-8")
    with pytest.raises(UserError, match=r"tests/_networks\.py: no line 'SMALL: dict.* to put '\"first\": "):
        list(made("network", "first"))
    assert not (clone / "lossbench/networks/first.py").exists()


def test_without_the_tests_no_row_is_added(clone: Path) -> None:
    shutil.rmtree(clone / "tests")
    assert not any("tests/" in file for what, file in made("loss", "first") if what == "a row added")
