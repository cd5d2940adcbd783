"""A user's own pairs through the stages, of 8 and 16 bit, and what of them is refused in one line."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from _own_pairs import COUNTS, deeper, write_pairs
from _prepared import degraded, prepared
from conftest import picture, recipe

from lossbench import datasets
from lossbench.errors import UserError
from lossbench.formats.png import write_levels
from lossbench.tasks import paired
from pipeline import evaluate, train
from pipeline.learning.run import Run
from pipeline.specs.evaluate import EvaluateSpec, MetricSpec
from pipeline.specs.train import LossSpec, NetworkSpec, TaskSpec, TrainSpec

FOLDER = datasets.load("folder")


@pytest.mark.parametrize(("low_bits", "bits"), [(8, 8), (16, 16), (8, 16)])
def test_all_bits_of_both_reach_the_arrays(low_bits: int, bits: int, tmp_path: Path) -> None:
    root = write_pairs(tmp_path / "data", 2, low_bits=low_bits, bits=bits)
    targets = prepared("folder", root, tmp_path / "out")
    pairs = degraded("folder", root, tmp_path / "out", tmp_path / "out/paired", "paired", scale=2)
    assert (pairs.data.dtype, targets.data.dtype) == (np.dtype(f"uint{low_bits}"), np.dtype(f"uint{bits}"))
    first = picture(40, 48, 50)
    assert np.array_equal(targets.read(targets.split("train")[0]), deeper(first) if bits == 16 else first)
    assert [item.name for item in pairs.items] == [f"p{index}" for count in COUNTS.values() for index in range(count)]


def test_a_network_learns_from_pairs_of_sixteen_bits_and_beats_what_it_was_given(tmp_path: Path) -> None:
    root, out = write_pairs(tmp_path / "data", low_bits=16, bits=16), tmp_path / "out"
    prepared("folder", root, out)
    degraded("folder", root, out, out / "paired", "paired", scale=1)
    targets, pairs, task = (
        out / "target.json",
        out / "paired/low_quality.json",
        TaskSpec(name="paired", settings={"scale": 1}),
    )
    spec = TrainSpec(
        task=task,
        dataset="folder",
        network=NetworkSpec(name="dncnn", arguments={"depth": 3, "channels": 8}),
        loss=LossSpec(name="original", arguments={"pixel": "l1"}, loss_network=None),
        recipe=recipe(steps=60, patch=24, batch=4, learning_rate=1e-2),
        seed=0,
    )
    train.main(spec, "code", Run(tmp_path / "run", "train/own"), targets=targets, pairs=pairs)
    psnr = MetricSpec(name="psnr", file="psnr", colour="rgb", crop=0, rounding=False)
    scores = {}
    for network, trivial in ((spec.network, None), (None, paired.TRIVIAL)):
        chosen = EvaluateSpec(
            task=task, test_set="folder", split="test", network=network, trivial=trivial, metrics=(psnr,),
            keep_pictures=1, tile=None,
        )  # fmt: skip
        model = tmp_path / "run/model.safetensors" if network else None
        file = tmp_path / f"{trivial}.csv"
        evaluate.main(
            chosen, "code", targets=targets, pairs=pairs, model=model, scores=file, pictures=tmp_path / "shown"
        )
        rows = file.read_text().splitlines()[1:]
        scores[trivial] = np.mean([float(row.split(",")[2]) for row in rows])
    assert len(rows) == COUNTS["test"]
    # half as bright as it should be
    assert scores[paired.TRIVIAL] < 12 < scores[None] - 3


def test_the_trivial_answer_is_the_low_quality_enlarged_by_the_scale() -> None:
    low = picture(8, 10, 3)
    assert paired.trivial(low, {"scale": 1}) is low
    assert paired.trivial(low, {"scale": 3}).shape == (24, 30, 3)


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_the_scale_is_found_in_the_first_pair(scale: int, tmp_path: Path) -> None:
    assert datasets.scale_of_pairs(FOLDER, write_pairs(tmp_path, scale), "paired") == scale


def test_a_target_may_have_pixels_beyond_a_multiple_of_the_scale(tmp_path: Path) -> None:
    root = write_pairs(tmp_path / "data", 2)
    for split, count in COUNTS.items():
        for index in range(count):
            write_levels(root / split / f"target/p{index}.png", picture(41, 49, index))
    assert datasets.scale_of_pairs(FOLDER, root, "paired") == 2
    targets = prepared("folder", root, tmp_path / "out")
    degraded("folder", root, tmp_path / "out", tmp_path / "out/paired", "paired", scale=2)
    assert paired.reference(targets.read(targets.items[0]), {"scale": 2}).shape == (40, 48, 3)


def test_what_does_not_fit_is_one_line_that_names_both(tmp_path: Path) -> None:
    root = write_pairs(tmp_path / "data", 2)
    write_levels(root / "train/low_quality/p0.png", picture(19, 24, 0))
    with pytest.raises(
        UserError, match=r"low_quality/p0\.png: 19 x 24 pixels .* no whole part of the 40 x 48 of .*/p0"
    ):
        datasets.scale_of_pairs(FOLDER, root, "paired")
    prepared("folder", root, tmp_path / "out")
    with pytest.raises(UserError, match=r"^split train: .*low_quality/p0\.png does not fit p0\.png.* scale 2 do not"):
        degraded("folder", root, tmp_path / "out", tmp_path / "out/paired", "paired", scale=2)
    shutil.move(root / "train/low_quality/p0.png", root / "train/low_quality/q0.png")
    with pytest.raises(UserError, match=r"target/p0\.png has no partner 'p0' in .*train/low_quality; add it or"):
        degraded("folder", root, tmp_path / "out", tmp_path / "out/paired", "paired", scale=2)


def test_targets_alone_are_refused_in_one_line(tmp_path: Path) -> None:
    root = write_pairs(tmp_path / "data")
    for split in COUNTS:
        shutil.rmtree(root / split / "low_quality")
    with pytest.raises(UserError, match=r"data set 'folder' in .* has no low-quality partners; expected: train/target"):
        datasets.scale_of_pairs(FOLDER, root, "paired")
    assert "has no low-quality partners" in str(datasets.missing("folder", root, "paired"))
    assert datasets.missing("folder", root) is None
    prepared("folder", root, tmp_path / "out")
    with pytest.raises(UserError, match="'paired' makes no low quality; give pairs"):
        degraded("folder", root, tmp_path / "out", tmp_path / "out/paired", "paired", scale=1)


@pytest.mark.parametrize("task", ["denoising", "enhancement", "text_removal"])
def test_noise_and_the_like_of_eight_bits_are_not_made_of_sixteen(task: str, tmp_path: Path) -> None:
    root = write_pairs(tmp_path / "data", bits=16)
    for split in COUNTS:
        shutil.rmtree(root / split / "low_quality")
    prepared("folder", root, tmp_path / "out")
    with pytest.raises(UserError, match=f"16 bit, and the task '{task}' makes low quality of 8-bit pictures alone"):
        degraded("folder", root, tmp_path / "out", tmp_path / "out/low", task)
