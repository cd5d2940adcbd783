"""The DND bundles: what the benchmark's kit writes, whole files only, and a call that can be continued."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
import torch
from _dnd import build, corner, picture
from numpy.typing import NDArray
from scipy.io import loadmat, whosmat

from lossbench import networks, storage
from lossbench.datasets import dnd
from lossbench.errors import UserError
from lossbench.files import sha256
from pipeline import submit
from pipeline.specs.evaluate import SubmitSpec
from pipeline.specs.train import NetworkSpec
from pipeline.submit import write_dnd

Pixels = NDArray[np.float32]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Expect the numbers of the small tree."""
    monkeypatch.setattr(dnd, "IMAGES", 2)
    monkeypatch.setattr(dnd, "BOXES", 3)
    monkeypatch.setattr(dnd, "SIDE", 16)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return the small tree."""
    return build(tmp_path / "dnd")


def darker(crop: Pixels) -> Pixels:
    """Stand in for a network."""
    assert crop.shape == (16, 16, 3)
    assert crop.dtype == np.float32
    half: Pixels = crop * np.float32(0.5)
    return half


def test_the_bundles_are_those_of_the_benchmarks_kit(root: Path, tmp_path: Path) -> None:
    folder = write_dnd(darker, root, tmp_path / "out")
    assert folder == tmp_path / "out/bundled"
    assert sorted(path.name for path in folder.iterdir()) == ["0001.mat", "0002.mat"]
    for image in (1, 2):
        path = folder / f"{image:04d}.mat"
        assert sorted(whosmat(path)) == [
            ("Idenoised", (1, 3), "cell"),
            ("eval_version", (1,), "char"),
            ("israw", (1, 1), "logical"),
        ]
        bundle = loadmat(path)
        assert bundle["eval_version"].tolist() == ["1.0"]
        assert bundle["israw"].tolist() == [[0]]
        for box in (1, 2, 3):
            top, left = corner(image, box)
            restored = bundle["Idenoised"][0, box - 1]
            assert restored.dtype == np.float32
            assert np.array_equal(restored, picture(image)[top : top + 16, left : left + 16] / 2)


def test_the_answer_is_clipped(root: Path, tmp_path: Path) -> None:
    folder = write_dnd(lambda crop: 4 * crop - 2, root, tmp_path / "out")
    restored = loadmat(folder / "0001.mat")["Idenoised"][0, 0]
    assert (restored.min(), restored.max()) == (0, 1)


def test_an_interrupted_call_goes_on_with_the_next_image(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[int] = []

    def counted(crop: Pixels) -> Pixels:
        calls.append(1)
        return darker(crop)

    def stops_in_the_second_image(crop: Pixels) -> Pixels:
        if len(calls) == 4:
            raise KeyboardInterrupt
        return counted(crop)

    with pytest.raises(KeyboardInterrupt):
        write_dnd(stops_in_the_second_image, root, tmp_path / "out")
    bundled = tmp_path / "out/bundled"
    assert [path.name for path in bundled.iterdir()] == ["0001.mat"]
    assert capsys.readouterr().out == "submission/dnd  1/2 images\n"
    before = (bundled / "0001.mat").stat().st_mtime_ns
    calls.clear()
    write_dnd(counted, root, tmp_path / "out")
    assert len(calls) == 3
    assert (bundled / "0001.mat").stat().st_mtime_ns == before
    assert capsys.readouterr().out == "submission/dnd  2/2 images\n"


def test_an_output_of_another_origin_is_refused(root: Path, tmp_path: Path) -> None:
    write_dnd(darker, root, tmp_path / "out", origin="dncnn, seed 1")
    write_dnd(darker, root, tmp_path / "out", origin="dncnn, seed 1")
    with pytest.raises(UserError, match=r"bundled\.json: begun by 'dncnn, seed 1', not by 'mprnet'"):
        write_dnd(darker, root, tmp_path / "out", origin="mprnet")
    (tmp_path / "out/bundled.json").write_text("[]")
    with pytest.raises(UserError, match=r"bundled\.json is not a card of a submission"):
        write_dnd(darker, root, tmp_path / "out", origin="mprnet")


@pytest.mark.parametrize(
    ("restore", "reason"),
    [
        (lambda crop: crop[:-1], r"shape \(15, 16, 3\) for \(16, 16, 3\)"),
        (lambda crop: crop * np.nan, "values that are no numbers"),
    ],
)
def test_an_answer_that_cannot_be_scored_is_named(
    root: Path, tmp_path: Path, restore: Callable[[Pixels], Pixels], reason: str
) -> None:
    with pytest.raises(UserError, match=rf"image 0001, box 1: the network answers {reason}"):
        write_dnd(restore, root, tmp_path / "out")
    assert not (tmp_path / "out/bundled").exists()


def test_a_full_disk_names_the_bundle_and_leaves_no_half_of_it(
    root: Path, tmp_path: Path, files_limited_to: Callable[[int], AbstractContextManager[None]]
) -> None:
    # three crops of 16 * 16 * 3 * 4 bytes
    with files_limited_to(9000), pytest.raises(UserError) as caught:
        write_dnd(darker, root, tmp_path / "out")
    assert str(caught.value) == f"{tmp_path}/out/bundled/0001.mat: File too large; make room there and rerun"
    assert list((tmp_path / "out/bundled").iterdir()) == []


def test_an_incomplete_data_set_is_named_before_anything_is_restored(root: Path, tmp_path: Path) -> None:
    (root / "images_srgb/0002.mat").unlink()
    with pytest.raises(UserError, match=r"images_srgb/0002\.mat: file of split 'test'"):
        write_dnd(darker, root, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_stage_restores_with_the_trained_network_and_lists_the_bundles(root: Path, tmp_path: Path) -> None:
    arguments = {"depth": 3, "channels": 4}
    network = networks.build("dncnn", **arguments)
    spec = SubmitSpec(test_set="dnd", root=str(root), network=NetworkSpec(name="dncnn", arguments=arguments), tile=None)
    model = tmp_path / "model.safetensors"
    storage.save(model, network, spec.network.model_dump(mode="json"))
    submit.main(spec, "code", model=model, output=tmp_path / "out")
    card = json.loads((tmp_path / "out/submission.json").read_text())
    assert card["bundles"] == {f"{n:04d}.mat": sha256(tmp_path / f"out/bundled/{n:04d}.mat") for n in (1, 2)}
    restored = loadmat(tmp_path / "out/bundled/0001.mat")["Idenoised"][0, 0]
    crop = next(iter(dnd.DATASET.crops(root, 1, dnd.DATASET.boxes(root)[0])))
    with torch.no_grad():
        expected = network.eval()(torch.tensor(crop)[None].permute(0, 3, 1, 2))[0].permute(1, 2, 0).clamp(0, 1)
    np.testing.assert_allclose(restored, expected, atol=1e-6)
    with pytest.raises(UserError, match="'sidd' is scored by no server"):
        submit.main(spec.model_copy(update={"test_set": "sidd"}), "code", model=model, output=tmp_path / "out")
