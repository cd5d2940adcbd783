"""The page on plugins: its package is one, and its entries are those of a configuration."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import torch
import yaml
from _outside import forget, installed, noise, offering
from _repository import ROOT, copied
from conftest import picture

import lossbench
from lossbench import datasets, networks, plugins
from lossbench.images import write_png
from pipeline.config.losses import Loss
from pipeline.config.scale import Network

PAGE = (ROOT / "docs/plugins.md").read_text(encoding="utf-8")
COMMANDS = [
    line for block in re.findall(r"<!-- run -->\n```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()
]
BLOCKS = dict(re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", PAGE, re.DOTALL))


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder in which the page's package is installed."""
    points = tomllib.loads(BLOCKS["pyproject.toml"])["project"]["entry-points"]
    groups = {
        group.removeprefix("lossbench."): "\n".join(f"{name} = {value}" for name, value in entries.items())
        for group, entries in points.items()
    }
    files = {name: text for name, text in BLOCKS.items() if name.startswith("mine/")}
    for name, text in {**files, **offering("mine", **groups)}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    installed(tmp_path, monkeypatch)
    yield tmp_path
    forget()


def test_each_plugin_of_the_page_works_by_both_of_its_names(mine: Path) -> None:
    prediction, target = (torch.from_numpy(noise(1, 3, 16, 16, seed=seed)) for seed in range(2))
    by_name = lossbench.create_loss("edges", order=2)
    assert by_name(prediction, target) == lossbench.create_loss("mine.losses:EdgeLoss", order=2)(prediction, target)
    assert lossbench.create_metric("mean_error")(prediction[0], target[0]) > 0
    assert lossbench.create_metric("mine.metrics:MeanError").better == "down"
    for name in ("shuffled", "mine.networks:Shuffled"):
        assert networks.build(name, scale=2, width=4)(prediction).shape == (1, 3, 32, 32)
    assert datasets.card("street").title == datasets.card("mine.datasets:Street").title == "pictures of one street"
    assert datasets.load("street").locate(mine) == {"train": [], "val": [], "test": []}


def test_the_entries_of_the_page_are_taken(mine: Path) -> None:
    for name, entry in yaml.safe_load(BLOCKS["losses.yaml"]).items():
        loss = Loss.parse(entry, name)
        assert loss.loss is not None
        plugins.check_build_arguments("losses", loss.loss, loss.arguments)
        lossbench.create_loss(loss.loss, **loss.arguments)
    for name, entry in yaml.safe_load(BLOCKS["networks.yaml"]).items():
        plugins.check_build_arguments("networks", name, Network.parse(entry, name).arguments)
    for name, entry in yaml.safe_load(BLOCKS["spandrel.yaml"]).items():
        assert name == "spandrel:SPAN" and Network.parse(entry, name).arguments["upscale"] == 2


@pytest.mark.slow
def test_the_page_leads_from_its_files_to_a_verdict(tmp_path: Path) -> None:
    clone = copied(tmp_path)
    for name, text in BLOCKS.items():
        if "/" in name:
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            (clone / name).write_text(text, encoding="utf-8")
    for split, count in {"train": 3, "val": 1, "test": 2}.items():
        for number in range(count):
            write_png(clone / f"pictures/street/{split}/{number}.png", picture(48, 48, number + 7 * count))
    for line in COMMANDS:
        words = [sys.executable, "-m", *line.removeprefix("uv run ").removeprefix("python -m ").split()]
        done = subprocess.run(words, cwd=clone, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        if "plan" in line:
            assert done.stdout.splitlines()[-1] == "nothing is missing"
    verdicts = json.loads((clone / "results/street/verdicts/mine/street.json").read_text(encoding="utf-8"))
    [claim] = verdicts["claims"]
    assert claim["id"] == "edges_help" and claim["verdict"]
    assert "Edges help on my street" in (clone / "results/street/report/index.html").read_text(encoding="utf-8")


def test_a_folder_without_pictures_is_missing(mine: Path) -> None:
    assert "no picture of any split; expected: {train,val,test}/*.png" in str(datasets.missing("street", mine))
    write_png(mine / "test/a.png", picture(8, 8, 0))
    assert datasets.missing("street", mine) is None


def test_every_block_of_the_page_is_one_of_these() -> None:
    assert PAGE.count("```") == 2 * (len(BLOCKS) + 2) and len(BLOCKS) == 11
