"""The page on trials: its commands write what it says, and its pieces of configuration are taken."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from _repository import ROOT, copied
from _verbs import run, split
from conftest import picture

from lossbench import networks
from lossbench.images import write_png
from lossbench.storage import save
from pipeline.config import read
from pipeline.config.read import Configuration
from pipeline.planning.plan import Plan
from pipeline.trying import costs

PAGE = (ROOT / "docs/try.md").read_text(encoding="utf-8")
TESTED = ("_losses.py", "_networks.py", "_network_sizes.py")
"""Files of the tests that get a row."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def commands() -> Iterator[list[str]]:
    for line in "".join(blocks("sh")).splitlines():
        program, words = split(line) or ("", [])
        assert program == "python -m pipeline", line
        yield words


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the repository with pictures of one's own, in the working directory."""
    folder = copied(tmp_path / "clone")
    for name in TESTED:
        (folder / "tests").mkdir(exist_ok=True)
        (folder / "tests" / name).write_text((ROOT / "tests" / name).read_text(encoding="utf-8"), encoding="utf-8")
    for number in range(10):
        (folder / "pictures").mkdir(exist_ok=True)
        write_png(folder / f"pictures/{number}.png", picture(64, 64, number))
    monkeypatch.chdir(folder)
    monkeypatch.setattr(costs, "seconds_of", lambda *_: 0.01)
    return folder


def test_its_commands_write_what_it_says(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for words in commands():
        assert run("python -m pipeline", [*words, *(["--dry-run"] if words[0] == "try" else [])], monkeypatch) == 0
    mine = {str(file.relative_to(clone / "config/mine")) for file in (clone / "config/mine").rglob("*.*")}
    assert {"tables/mine/first.yaml", "claims/mine/first.csv", "scale/shuffled.yaml"} < mine
    [trial] = [
        name for name in mine if name.startswith("scale/ctmae_against_original_edsr_super_resolution_x2_pictures_")
    ]
    name = Path(trial).stem
    assert {f"tables/mine/{name}.yaml", f"claims/mine/{name}.csv"} < mine
    for file in ("losses/gradients.py", "networks/shuffled.py"):
        assert (clone / "lossbench" / file).is_file()


def test_its_pieces_of_configuration_are_taken(clone: Path) -> None:
    first, second = (yaml.safe_load(text) for text in blocks("yaml"))
    arguments = {"scale": 2, "channels": 32, "blocks": 2}
    trained = clone / first["networks"]["rfdn"]["start_per_task"]["super_resolution_x2"]
    trained.parent.mkdir(parents=True)
    save(trained, networks.build("rfdn", **arguments), {"name": "rfdn", "arguments": arguments})
    table = yaml.safe_load((clone / "config/tables/mae_loss/table3.yaml").read_text(encoding="utf-8"))
    table |= {"networks": ["edsr", "edsr_wide"], "warnings": []}
    mine = clone / "config/mine"
    for folder in ("scale", "tables/mine"):
        (mine / folder).mkdir(parents=True)
    (mine / "tables/mine/two.yaml").write_text(yaml.safe_dump(table), encoding="utf-8")
    for name, scale, own in (
        ("tuned", first, "mae_loss/table3"),
        ("wide", {"extends": "demo", "title": "wide", **second}, "mine/two"),
    ):
        (mine / f"scale/{name}.yaml").write_text(yaml.safe_dump(scale), encoding="utf-8")
        plan = Plan(Configuration.read({**read.values(Path("config")), "scale": name, "tables": [own]}, Path("config")))
        trained_networks = {key[2] for key in plan.jobs["train"]}
        assert trained_networks == ({"edsr", "rfdn"} if name == "tuned" else {"edsr", "edsr_wide"})
