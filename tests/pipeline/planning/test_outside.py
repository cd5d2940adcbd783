"""A table of plugins from outside: planned by reading, printed with their packages, rerun by what an edit changes."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from _outside import forget
from _repository import ROOT

from lossbench.errors import UserError
from pipeline.code.source import Kept
from pipeline.config.losses import Loss
from pipeline.config.read import Configuration
from pipeline.config.scale import Network
from pipeline.config.table import Column, Metric
from pipeline.config.table import TestSet as Scored
from pipeline.outputs import fingerprint
from pipeline.planning.plan import Plan

TABLE = "mae_loss/table3"
RECIPE = {"steps": 4, "batch": 2, "patch": 16, "learning_rate": 1e-3, "history": 2}
WHERE = {
    "edges": "fringe.losses:EdgeLoss",
    "shuffled": "fringe.networks:Shuffled",
    "mean_error": "fringe.metrics:MeanError",
    "waves": "fringe.datasets:Waves",
}


@pytest.fixture(autouse=True)
def forgotten(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Read files that stay as they are once, as a run does, and forget all that was found."""
    kept = Kept(tmp_path_factory.getbasetemp() / "sources/of_outside")
    monkeypatch.setattr(fingerprint, "_reader", kept.read)
    yield
    fingerprint.clear()


def planned(
    named: Callable[[str], str] = lambda name: name,
    loss: dict[str, Any] | None = None,
    network: dict[str, Any] | None = None,
    metric: str | None = None,
) -> Plan:
    """Plan one table of the four plugins, each called by what `named` makes of its entry point."""
    values = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
    read = Configuration.read({**values, "scale": "ci"}, ROOT / "config")
    data, net = named("waves"), named("shuffled")
    column = Column(task="super_resolution_x2", dataset=data, test_set=Scored(dataset=data))
    table = read.tables[TABLE].model_copy(
        update={
            "columns": {"x2": column},
            "networks": (net, "edsr"),
            "losses": ("original", "by_edges", "vgg"),
            "controls": (),
            "answers": {},
            "again": None,
            "warnings": (),
            "metrics": {
                "psnr": Metric(source="as ever"),
                "error": Metric(file=metric or named("mean_error"), source="theirs"),
            },
        }
    )
    chosen = Network.parse(
        {"arguments": {"width": 3}, "recipe": RECIPE, "source": "a trial", **(network or {})}, "test"
    )
    entry = {"loss": named("edges"), "arguments": {"weight": 0.1, "order": 2}, "source": "a trial", **(loss or {})}
    scale = read.scale.model_copy(update={"networks": {**read.scale.networks, net: chosen}, "seeds": (0,)})
    losses = {**read.losses, "by_edges": Loss.parse(entry, "test")}
    plan = replace(read, tables={TABLE: table}, losses=losses, scale=scale, claims={TABLE: ()}, published=())
    plan._check_data()
    return Plan(plan)


@pytest.mark.parametrize("named", [str, WHERE.__getitem__], ids=["entry points", "places"])
def test_all_four_are_planned_and_printed_with_whose_they_are(fringe: Path, named: Callable[[str], str]) -> None:
    plan = planned(named)
    data, net = named("waves"), named("shuffled")
    trained = plan.job("train", ("super_resolution_x2", data, net, "by_edges", "0"))
    spec: Any = trained.spec
    assert spec.loss.model_dump() == {
        "name": named("edges"),
        "arguments": {"pixel": "l1", "weight": 0.1, "order": 2},
        "loss_network": None,
    }
    assert spec.network.model_dump() == {"name": net, "arguments": {"scale": 2, "width": 3}}
    assert {WHERE["edges"], WHERE["shuffled"], "lossbench.losses._outside", "lossbench.networks._outside"} < {
        *trained.modules
    }
    assert WHERE["waves"] in plan.job("prepare", (data,)).modules
    table: Any = plan.job("tabulate", tuple(TABLE.split("/"))).spec
    assert table.metrics[-1].better == "down" and "fringe" in table.metrics[-1].protocol
    for start in (
        f"{net}: width 3; ",
        f"by_edges: l1 + {named('edges')}, order 2, weight 0.1",
        f"data set {data} is of",
    ):
        [line] = [text for text in table.settings if text.startswith(start)]
        assert "fringe" in line.rpartition("is of")[2], line
    ours = plan.job("train", ("super_resolution_x2", data, "edsr", "original", "0"))
    assert not any("outside" in module or "fringe" in module for module in ours.modules)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"loss": {"arguments": {"ordre": 2}}},
            r"by_edges\.arguments: 'edges' takes no argument 'ordre'; did you",
        ),
        ({"loss": {"arguments": {"order": "2"}}}, r"by_edges\.arguments: order: 'edges' takes a whole number"),
        ({"loss": {"loss": "edgse"}}, "unknown loss 'edgse' .* did you mean 'edges'"),
        ({"loss": {"loss_network": "mae_task"}}, "mae_task is of kind 'mae'; 'edges' takes none"),
        ({"network": {"arguments": {"widht": 3}}}, "'shuffled' takes no argument 'widht'; did you mean 'width'"),
        (
            {"network": {"arguments": {"multiple": 5}}},
            r"patch: 16 px, but 'shuffled' takes multiples of 5; give 15 or 20",
        ),
        ({"network": {"own_loss": True}}, r"network 'shuffled': .*fringe/networks\.py defines no constant OWN_LOSS"),
        ({"metric": "fringe.losses:EdgeLoss"}, r"fringe/losses\.py defines no constant"),
        ({"metric": "mean_eror"}, "unknown metric 'mean_eror' .* did you mean 'mean_error'"),
    ],
)
def test_a_mistake_stops_at_planning(fringe: Path, given: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as raised:
        planned(**given)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('better = "down"', 'better = "lower"', r"fringe/metrics\.py, line \d+: better = 'lower' is none of its words"),
        ('OVER = "picture"', 'OVER = "frame"', r"fringe/metrics\.py, line \d+: OVER = 'frame' is none of its words"),
        (
            "    def score(",
            "    def __init__(self, a): ...\n\n    def score(",
            "the class needs a, and is made without",
        ),
    ],
)
def test_a_metric_that_keeps_no_contract_stops_at_planning(fringe: Path, old: str, new: str, message: str) -> None:
    file = fringe / "fringe/metrics.py"
    file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    forget()
    with pytest.raises(UserError, match=message):
        planned()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("return {", "return [] and {", r"data set 'waves': its locate gave a list"),
        ('[Source(file.stem, file, "CC0-1.0") for', "[str(file) for", r"a str, in split 'train'; give lossbench\.d"),
        ("return {", "return 1 / 0 or {", r"its locate failed \(ZeroDivisionError"),
    ],
)
def test_a_fault_of_a_data_set_stops_at_planning(fringe: Path, old: str, new: str, message: str) -> None:
    file = fringe / "fringe/datasets.py"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        planned().missing()


def test_a_split_without_pictures_and_a_file_that_is_not_there_are_missing(fringe: Path) -> None:
    for file in (fringe / "fringe/pictures/test").iterdir():
        file.unlink()
    [text] = planned().missing()
    assert "no picture of split 'test', which is used (it has: train 3, val 1, test 0)" in text
    (fringe / "fringe/pictures/test/away.png").symlink_to("nowhere.png")
    [text] = planned().missing()
    assert "test/away.png in split 'test', which is not there" in text


def test_an_argument_without_a_default_must_be_given(fringe: Path) -> None:
    file = fringe / "fringe/networks.py"
    file.write_text(file.read_text(encoding="utf-8").replace("width: int = WIDTH", "width: int"), encoding="utf-8")
    forget()
    with pytest.raises(UserError, match=r"networks\.shuffled\.arguments: 'shuffled' needs width; give it"):
        planned(network={"arguments": {}})


def test_planning_imports_neither_torch_nor_them(fringe: Path) -> None:
    code = (
        f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(Path(__file__).parent)!r}, {str(fringe)!r}]\n"
        "import types; sys.modules['_outside'] = types.SimpleNamespace(forget=None)\n"
        f"sys.path.insert(1, {str(ROOT / 'tests')!r})\n"
        "import pytest, test_outside; loaded = {*sys.modules}; plan = test_outside.planned()\n"
        "[job.code for stage in plan.jobs.values() for job in stage.values()]\n"
        "sys.exit(' '.join({'torch', 'fringe', 'fringe.losses'} & ({*sys.modules} - loaded)) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def codes() -> dict[str, str]:
    forget()
    fingerprint.clear()
    plan = planned()
    return {f"{stage} {'/'.join(key)}": job.code for stage, jobs in plan.jobs.items() for key, job in jobs.items()}


EDITS = {
    "losses.py": (".mean()", ".sum()", r"train .*/by_edges/0"),
    "networks.py": ("nn.ReLU()", "nn.GELU()", r"(train|evaluate) .*/shuffled/.*"),
    "sizes.py": ("4", "5", r"(train|evaluate) .*/shuffled/.*"),
    "metrics.py": ("np.abs", "np.square", r"evaluate .*|harness "),
    "datasets.py": ("sorted(", "list(", r"(prepare|degrade) waves.*"),
}
"""Files of the package, an edit of each, and the jobs that run it."""


@pytest.mark.slow
def test_an_edit_reruns_the_jobs_that_run_it_and_no_others(fringe: Path) -> None:
    before = codes()
    texts = {file: (fringe / "fringe" / file).read_text(encoding="utf-8") for file in EDITS}
    for file, text in texts.items():
        (fringe / "fringe" / file).write_text(f"# a comment\n{text}", encoding="utf-8")
    assert codes() == before
    for file, (old, new, changed) in EDITS.items():
        assert old in texts[file]
        (fringe / "fringe" / file).write_text(texts[file].replace(old, new), encoding="utf-8")
        after = codes()
        found = {name for name in before if before[name] != after[name]}
        assert found == {name for name in before if re.fullmatch(changed, name)} != set(), file
        before = after


def test_of_an_installed_package_the_version_counts_and_not_the_text(
    fringe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fringe.rename(fringe.with_name("site-packages"))
    folder = fringe.with_name("site-packages")
    monkeypatch.syspath_prepend(str(folder))
    before = codes()
    file = folder / "fringe/losses.py"
    file.write_text(file.read_text(encoding="utf-8").replace(".mean()", ".sum()"), encoding="utf-8")
    assert codes() == before
    metadata = folder / "fringe-0.3.dist-info/METADATA"
    metadata.write_text(metadata.read_text(encoding="utf-8").replace("Version: 0.3", "Version: 0.4"), encoding="utf-8")
    after = codes()
    found = {name.partition(" ")[0] for name in before if before[name] != after[name]}
    assert found == {"train", "evaluate", "prepare", "degrade", "harness"}
    assert all("edsr/original" not in name for name in before if before[name] != after[name] and "train" in name)


def test_another_object_of_the_same_module_counts(fringe: Path) -> None:
    before = codes()
    entries = fringe / "fringe-0.3.dist-info/entry_points.txt"
    text = entries.read_text(encoding="utf-8").replace("losses:EdgeLoss", "losses:half_edges")
    entries.write_text(text, encoding="utf-8")
    forget()
    fingerprint.clear()
    plan = planned(loss={"arguments": {"power": 1.0}})
    after = plan.job("train", ("super_resolution_x2", "waves", "edsr", "by_edges", "0")).code
    assert after != before["train super_resolution_x2/waves/edsr/by_edges/0"]
