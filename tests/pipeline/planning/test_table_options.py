"""What a table may ask for: own losses, variants, bands of a task, further trivial answers, columns for a server."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from _repository import ROOT
from _tables import cell, small_spec

from lossbench import loss_networks
from lossbench.errors import UserError
from lossbench.images import displayed
from pipeline import degrade, evaluate, pretrain, train
from pipeline.config.read import Configuration
from pipeline.learning.run import Run
from pipeline.learning.sampling import Crops
from pipeline.outputs.arrays import Arrays, Entry, write_arrays
from pipeline.planning.plan import Plan
from pipeline.specs.evaluate import EvaluateSpec, MetricSpec
from pipeline.specs.prepare import DegradeSpec
from pipeline.specs.pretrain import PretrainSpec
from pipeline.specs.recipe import Recipe
from pipeline.specs.tabulate import PublishedValue
from pipeline.specs.train import LossSpec, NetworkSpec, TaskSpec, TrainSpec
from pipeline.tabulate import long_table
from pipeline.tabulate import main as tabulate

RECIPE = Recipe(steps=3, batch=2, patch=16, learning_rate=1e-3, precision="float32", history=1)


def configuration(scale: str) -> Configuration:
    values = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
    return Configuration.read({**values, "scale": scale}, ROOT / "config")


def changed(read: Configuration, name: str, **update: Any) -> Configuration:
    """Return `read` with a loss changed, or added by the example of `ctmae`."""
    entry = read.losses.get(name, read.losses["ctmae"]).model_copy(update=update)
    return replace(read, losses={**read.losses, name: entry})


def test_a_network_without_a_loss_of_its_own_is_refused_at_planning() -> None:
    read = configuration("ci")
    networks = {**read.scale.networks, "dncnn": read.network("dncnn").model_copy(update={"own_loss": True})}
    with pytest.raises(UserError, match=r"networks/dncnn\.py defines no constant OWN_LOSS"):
        Plan(replace(read, scale=read.scale.model_copy(update={"networks": networks})))


def test_the_table_says_whose_pixel_term_was_used() -> None:
    settings = Plan(configuration("demo")).job("tabulate", ("mae_loss", "table1")).spec.settings  # type: ignore[attr-defined]
    (drbn,) = (text for text in settings if text.startswith("drbn:"))
    (sid,) = (text for text in settings if text.startswith("sid:"))
    assert "pixel term: sum of 1 - SSIM at full, half and quarter size" in drbn
    assert "pixel term: l1" in sid


def test_a_table_holds_two_variants_of_one_loss() -> None:
    read = changed(configuration("ci"), "ctmae_fast", loss="ctmae", arguments={"precision": "fast"})
    table = read.tables["mae_loss/table3"].model_copy(update={"losses": ("original", "ctmae", "ctmae_fast")})
    plan = Plan(replace(read, tables={"mae_loss/table3": table}))
    job = plan.job("train", ("super_resolution_x2", "photographs", "edsr", "ctmae_fast", "0"))
    assert job.spec.loss.name == "ctmae"  # type: ignore[attr-defined]
    assert job.spec.loss.arguments == {"pixel": "l1", "precision": "fast"}  # type: ignore[attr-defined]
    assert "lossbench.losses.ctmae" in job.modules
    settings = plan.job("tabulate", ("mae_loss", "table3")).spec.settings  # type: ignore[attr-defined]
    assert any(text.startswith("ctmae_fast:") and "bfloat16 products and features" in text for text in settings)
    assert any(text.startswith("ctmae:") and "float32 (TF32 on GPUs)" in text for text in settings)


def test_an_unknown_precision_stops_at_planning() -> None:
    with pytest.raises(UserError, match=r"ctmae\.arguments: unknown precision 'exat'; did you mean 'exact'"):
        Plan(changed(configuration("ci"), "ctmae", arguments={"precision": "exat"}))


def with_metric(read: Configuration, file: str, loss_network: str | None) -> Configuration:
    """Return `read` with a metric `perceived` in table 3, and a loss network of its kind."""
    made = read.scale.loss_networks["mae_task"].model_copy(
        update={"network": "robust_lpips", "architecture": {"widths": [4, 6, 8, 8, 8]}}
    )
    read = replace(
        read, scale=read.scale.model_copy(update={"loss_networks": {**read.scale.loss_networks, "heads": made}})
    )
    table = read.tables["mae_loss/table3"]
    metric = table.metrics["psnr"].model_copy(update={"file": file, "loss_network": loss_network})
    return replace(
        read,
        tables={"mae_loss/table3": table.model_copy(update={"metrics": {**table.metrics, "perceived": metric}})},
    )


def test_a_metric_that_rests_on_a_network_waits_for_it() -> None:
    plan = Plan(with_metric(configuration("ci"), "r_lpips", "heads"))
    key = ("super_resolution_x2", "photographs", "edsr", "ctmae", "0", "photographs")
    job = plan.job("evaluate", key)
    weights = "results/ci/pretrain/heads/photographs/network.safetensors"
    assert job.inputs["metric_weights"] == [weights]
    assert "lossbench.loss_networks.robust_lpips" in job.modules
    assert isinstance(job.spec, EvaluateSpec)
    assert {metric.name: metric.loss_network for metric in job.spec.metrics} == {
        "psnr": None, "niqe": None, "grid": None, "perceived": "robust_lpips",
    }  # fmt: skip
    assert ("heads", "photographs") in plan.jobs["pretrain"]


@pytest.mark.parametrize(
    ("file", "loss_network", "reason"),
    [
        ("r_lpips", None, "none is given; 'r_lpips' takes robust_lpips"),
        ("r_lpips", "mae_task", "'mae_task' is of kind 'mae'; 'r_lpips' takes robust_lpips"),
        ("ssim", "heads", "'heads' is of kind 'robust_lpips'; 'ssim' takes none"),
    ],
)
def test_a_metric_with_another_network_than_it_rests_on_is_refused(
    file: str, loss_network: str | None, reason: str
) -> None:
    with pytest.raises(UserError, match=rf"metrics\.perceived\.loss_network: {reason}"):
        Plan(with_metric(configuration("ci"), file, loss_network))


def test_the_bands_of_a_task_reach_its_networks_and_loss_networks() -> None:
    plan = Plan(configuration("paper"))
    run = plan.job("train", ("pan_sharpening", "worldview2", "sfinet", "ctmae", "0")).spec
    assert run.network.arguments["bands"] == 4  # type: ignore[attr-defined]
    tiles, crops = (plan.job("pretrain", ("mae_task", name)).spec for name in ("worldview2", "div2k"))
    assert tiles.architecture == {"bands": 4, "image_size": 128}  # type: ignore[attr-defined]
    assert (tiles.recipe.patch, crops.recipe.patch) == (128, 224)  # type: ignore[attr-defined]
    assert crops.architecture == {}  # type: ignore[attr-defined]


def test_a_column_for_a_server_is_submitted_where_the_scale_has_its_test_set() -> None:
    assert "submit" not in Plan(configuration("demo")).jobs
    plan = Plan(configuration("paper"))
    assert len(plan.jobs["submit"]) == 2 * 4 * 3
    job = plan.job("submit", ("denoising_sidd", "sidd", "mprnet", "ccmae", "2", "dnd"))
    assert job.inputs == {"model": "results/paper/train/denoising_sidd/sidd/mprnet/ccmae/2/model.safetensors"}
    assert job.spec.root == "data/dnd"  # type: ignore[attr-defined]


def test_a_server_column_keeps_its_published_numbers_and_says_so(tmp_path: Path) -> None:
    spec = small_spec(tmp_path)
    wanted = PublishedValue(column="dnd", network="edsr", loss="original", metric="psnr", value=32.4249)
    spec = spec.model_copy(
        update={
            "columns": ("dnd", "x2"),
            "published": (*spec.published, wanted),
            "server_only": {"dnd": "its ground truth is not public"},
        }
    )
    long = long_table(spec, "code")
    (row,) = long[long["column"] == "dnd"].to_dict("records")
    assert (row["published"], row["n_images"], row["n_seeds"]) == (32.4249, 0, 0)
    assert math.isnan(row["value"])
    assert len(long) == 5
    tabulate(spec, "code", tmp_path / "table.csv")
    page = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert "server only" in page
    assert "dnd: server only; its ground truth is not public" in page


def test_a_second_trivial_answer_has_a_row_and_a_column(tmp_path: Path) -> None:
    spec = small_spec(tmp_path)
    better = cell(tmp_path, "trivial", "better", 0, {"psnr": {0: (40.0, 42.0)}, "niqe": {0: (1.0, 2.0)}})
    spec = spec.model_copy(update={"cells": (*spec.cells, better), "trivials": ("bicubic", "better")})
    long = long_table(spec, "code")
    assert set(long.loc[long["metric"] == "psnr", "trivial_better"]) == {41.0}
    assert set(long.loc[long["metric"] == "psnr", "trivial"]) == {29.0}
    tabulate(spec, "code", tmp_path / "table.csv")
    assert "41.0000" in (tmp_path / "table.md").read_text(encoding="utf-8")


def test_a_column_of_another_task_has_an_answer_of_its_own_to_beat(tmp_path: Path) -> None:
    spec = small_spec(tmp_path)
    noisy = cell(tmp_path, "trivial", "noisy_input", 0, {"psnr": {0: (20.0, 22.0)}, "niqe": {0: (9.0, 9.0)}})
    others = [one.model_copy(update={"column": "noise"}) for one in (noisy, *spec.cells[1:])]
    changes = {"columns": ("x2", "noise"), "other_trivials": {"noise": ("noisy_input",)}}
    spec = spec.model_copy(update={"cells": (*spec.cells, *others), **changes})
    long = long_table(spec, "code")
    psnr = long[long["metric"] == "psnr"].groupby("column", observed=True)
    assert psnr["trivial"].unique().map(list).to_dict() == {"x2": [29.0], "noise": [21.0]}
    assert psnr["trivial_method"].unique().map(list).to_dict() == {"x2": ["bicubic"], "noise": ["noisy_input"]}
    assert (
        long["gain_over_trivial"] - (long["value"] - long["trivial"]) * long["better"].map({"up": 1, "down": -1}) == 0
    ).all()
    tabulate(spec, "code", tmp_path / "table.csv")
    rows = [
        line
        for line in (tmp_path / "table.md").read_text(encoding="utf-8").splitlines()
        if "| bicubic" in line or "| noisy" in line
    ]
    assert ["29.0000" in rows[0], "21.0000" in rows[0]] == [True, False]
    assert ["29.0000" in rows[1], "21.0000" in rows[1]] == [False, True]


def cards(folder: Path) -> dict[str, Path]:
    """Return the cards of the pairs in `folder`, as a stage takes them."""
    return {"targets": folder / "target.json", "pairs": folder / "low_quality.json"}


def toy_pairs(folder: Path, bands: int = 3) -> None:
    """Write targets of 32 x 40 and low-quality pictures of the same size."""
    generator = np.random.default_rng(0)
    pictures = [generator.integers(0, 256, (32, 40, bands), dtype=np.uint8) for _ in range(3)]
    for role in ("target", "low_quality"):
        entries = [
            Entry(f"p{i}", split, p, f"p{i}.png", "CC0")
            for i, (p, split) in enumerate(zip(pictures, ("train", "val", "test"), strict=True))
        ]
        write_arrays(folder, role, entries, {"dataset": "toy"})


def test_the_own_loss_replaces_the_pixel_term(tmp_path: Path) -> None:
    toy_pairs(tmp_path)
    totals = {}
    for own in (True, False):
        spec = TrainSpec(
            task=TaskSpec(name="denoising", settings={}),
            dataset="toy",
            network=NetworkSpec(
                name="mprnet", arguments={"features": 4, "unet_step": 4, "orsnet_step": 4, "blocks": 1}
            ),
            loss=LossSpec(name="original", arguments={"pixel": "l1"}, loss_network=None),
            own_loss=own,
            recipe=RECIPE,
            seed=0,
        )
        output = tmp_path / f"run{own}"
        train.main(spec, "code", Run(output, "toy"), **cards(tmp_path))
        totals[own] = float((output / "history.csv").read_text().splitlines()[1].split(",")[3])
    # three stages and an edge term against one mean difference
    assert totals[True] > 1.5 * totals[False]


def test_versions_of_a_training_picture_share_its_target(tmp_path: Path) -> None:
    toy_pairs(tmp_path)
    settings = {"noise": "gaussian", "sigma": [20, 50], "versions": 3}
    spec = DegradeSpec(dataset="photographs", root=None, task="denoising", settings=settings)
    degrade.main(spec, "code", tmp_path / "target.json", tmp_path / "noisy")
    noisy = Arrays(tmp_path / "noisy/low_quality.json")
    assert [item.name for item in noisy.items] == ["p0", "p0@1", "p0@2", "p1", "p2"]
    assert not np.array_equal(noisy.read(noisy.items[0]), noisy.read(noisy.items[1]))
    crops = Crops(
        [(noisy, 1), (Arrays(tmp_path / "target.json"), 1)], "train", patch=8, batch=64, seed=0, augment=False
    )
    assert {items[0].name for items in crops.items} == {"p0", "p0@1", "p0@2"}
    low, target = crops.draw(0)
    # noise of at most 50 levels leaves the crop recognisable: each pair is aligned
    assert float(np.abs(low.astype(float) - target).mean()) < 45


def test_a_loss_network_of_four_bands_learns_their_own_statistics(tmp_path: Path) -> None:
    toy_pairs(tmp_path, bands=4)
    architecture = {"bands": 4, "widths": [4, 8], "blocks": [1, 1], "decoder_width": 4}
    spec = PretrainSpec(loss_network="cnn_mae", architecture=architecture, dataset="toy", seed=0, recipe=RECIPE)
    pretrain.main(spec, "code", Run(tmp_path / "network", "toy"), targets=tmp_path / "target.json")
    network: Any = loss_networks.load(tmp_path / "network/network.safetensors")[0]
    arrays = Arrays(tmp_path / "target.json")
    pixels = arrays.read(arrays.split("train")[0]) / 255
    assert network.architecture["mean"] == pytest.approx(pixels.mean((0, 1)), abs=1e-4)
    assert network.architecture["std"] == pytest.approx(pixels.std((0, 1)), abs=1e-4)


def test_sixteen_bits_and_four_bands_are_scored_and_shown(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    target = generator.integers(0, 65536, (16, 24, 4), dtype=np.uint16)
    low_quality = np.concatenate([target, target[..., :1]], axis=-1)
    for role, pixels in (("target", target), ("low_quality", low_quality)):
        write_arrays(tmp_path, role, [Entry("p0", "test", pixels, "p0.tif", "CC0")], {"dataset": "toy"})
    spec = EvaluateSpec(
        task=TaskSpec(name="pan_sharpening", settings={}),
        test_set="toy",
        split="test",
        network=None,
        trivial="interpolated",
        metrics=(MetricSpec(name="error", file="ergas", colour="rgb", crop=0, rounding=False),),
        keep_pictures=1,
        tile=None,
    )
    scores, pictures = tmp_path / "scores.csv", tmp_path / "pictures"
    evaluate.main(spec, "code", **cards(tmp_path), scores=scores, pictures=pictures)
    row = scores.read_text().splitlines()[1]
    assert row.split(",")[1] == "error"
    assert float(row.split(",")[2]) < 1e-4
    assert (pictures / "p0.png").is_file()


def test_other_bands_are_shown_in_true_colour_and_brightened() -> None:
    image = np.zeros((10, 10, 4), np.uint16)
    image[..., 2] = 6554
    image[..., 3] = 60000
    shown = displayed(image)
    assert shown.dtype == np.uint8
    assert shown[0, 0].tolist() == [255, 0, 0]
    photograph = np.full((2, 2, 3), 7, np.uint8)
    assert displayed(photograph) is photograph
