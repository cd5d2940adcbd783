"""The opt-in WorldView scenes, on synthetic files of their layout."""

from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from lossbench import datasets
from lossbench.assets import embedded
from lossbench.datasets import _worldview
from lossbench.errors import UserError
from lossbench.files import sha256
from pipeline import degrade, prepare
from pipeline.outputs.arrays import Arrays
from pipeline.specs.prepare import DegradeSpec, PrepareSpec

HEIGHT, WIDTH = 131, 150
BLACK_ROWS, BLACK_COLUMNS = 2, 1
wv2, wv3 = (datasets.load(name) for name in ("worldview2_samples", "worldview3_samples"))
SETTINGS = {"ratio": 4, "lowpass": "mtf"}
Scene = tuple[NDArray[Any], NDArray[Any]]


def write(folder: Path, ms: NDArray[Any], pan: NDArray[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Put files of these pixels in place of those of the package."""
    paths = {wv2.ms: folder / "ms.tif", wv2.pan: folder / "pan.tif"}
    tifffile.imwrite(folder / "ms.tif", np.moveaxis(ms, -1, 0), planarconfig="separate", photometric="minisblack")
    tifffile.imwrite(folder / "pan.tif", pan)
    catalogue = dict(embedded.catalogue())
    catalogue |= {name: replace(catalogue[name], sha256=sha256(path)) for name, path in paths.items()}
    monkeypatch.setattr(embedded, "catalogue", lambda: catalogue)
    monkeypatch.setattr(embedded, "locate", lambda path: paths[path])
    monkeypatch.setattr(_worldview, "distribution", lambda name: None)
    _worldview._valid.cache_clear()


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """Noise of 11 bits with a black border above and at the right, as (H, W, 8) and (4 H, 4 W)."""
    generator = np.random.default_rng(0)
    ms = generator.integers(1, 2048, (HEIGHT, WIDTH, 8), dtype=np.uint16)
    pan = generator.integers(1, 2048, (4 * HEIGHT, 4 * WIDTH), dtype=np.uint16)
    ms[:BLACK_ROWS], ms[:, WIDTH - BLACK_COLUMNS :] = 0, 0
    # one black pixel inside is none of the border
    ms[60, 60] = 0
    write(tmp_path, ms, pan, monkeypatch)
    return ms, pan


def test_the_border_is_cut_from_both_and_the_parts_match(scene: Scene, tmp_path: Path) -> None:
    ms, pan = (stored.astype(np.float64) * (65535 / 2047) for stored in scene)
    targets = wv2.locate(None)
    pairs = wv2.locate_low_quality(None, "pan_sharpening", 1)
    assert pairs is not None
    assert {split: len(sources) for split, sources in targets.items()} == {"train": 1, "val": 2, "test": 8}
    inside = ms[BLACK_ROWS:, : WIDTH - BLACK_COLUMNS, [1, 2, 4, 6]]
    # 129 rows in 4 test tiles of 32, 149 columns with two tiles of 16 at the right
    tile = wv2.read(targets["test"][3])
    assert targets["test"][3].name == "test_01_01"
    assert np.array_equal(tile, np.rint(inside[32:64, 133:149]))
    fine = wv2.read_low_quality(pairs["test"][3])
    assert np.array_equal(fine[..., 0], np.rint(pan[4 * (2 + 32) : 4 * (2 + 64), 4 * 133 : 4 * 149]))


def test_the_shipped_pan_is_reduced_to_the_grid_of_the_bands(scene: Scene, tmp_path: Path) -> None:
    prepare.main(PrepareSpec(dataset="worldview2_samples", root=None), "code", tmp_path / "out")
    spec = DegradeSpec(dataset="worldview2_samples", root=None, task="pan_sharpening", settings=SETTINGS)
    degrade.main(spec, "code", tmp_path / "out/target.json", tmp_path / "out")
    targets, low = Arrays(tmp_path / "out/target.json"), Arrays(tmp_path / "out/low_quality.json")
    shapes = [(target.shape[:2], item.shape) for target, item in zip(targets.items, low.items, strict=True)]
    assert all(item == (*target, 5) for target, item in shapes) and len(shapes) == 11
    # the mean of noise survives the low-pass, its spread does not
    pan = np.concatenate([low.read(item)[..., -1].ravel() for item in low.items]).astype(np.float64)
    assert pan.mean() == pytest.approx(65535 / 2, rel=0.02)
    assert pan.std() < 0.25 * 65535 / np.sqrt(12)


def test_without_the_package_the_remedy_and_the_licence_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(_worldview, "distribution", absent)
    for published in (wv2, wv3):
        with pytest.raises(UserError, match=r"dgsamples is not installed; run: uv sync --group worldview"):
            published.locate(None)
    text = str(datasets.missing("worldview3_samples", None))
    assert "Includes copyrighted material of DigitalGlobe, Inc., All Rights Reserved" in text
    assert wv3.card.stand_in_for == "worldview3"


def test_other_tasks_get_no_pan() -> None:
    assert wv2.locate_low_quality(None, "super_resolution", 2) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda ms, pan: (ms, pan[:-1]), r"pan\.tif: shape \(523, 600, 1\) is not 4 times the 131 x 150 of .*ms\.tif"),
        (lambda ms, pan: (ms + np.uint16(2048), pan), r"ms\.tif: uint16 values \S+ to \S+ are not 11-bit"),
        (lambda ms, pan: (ms[..., :3], pan), r"ms\.tif: 3 bands; give 4"),
    ],
)
def test_files_that_do_not_fit_are_named_with_their_split(
    change: Any, message: str, scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ms, pan = change(*scene)
    write(tmp_path, ms, pan, monkeypatch)
    with pytest.raises(UserError, match=f"^split train: .*{message}"):
        prepare.main(PrepareSpec(dataset="worldview2_samples", root=None), "code", tmp_path / "out")


def test_the_scenes_are_catalogued() -> None:
    for published in (wv2, wv3):
        assert {embedded.catalogue()[path].package for path in (published.ms, published.pan)} == {"dgsamples"}
