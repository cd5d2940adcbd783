"""Satellite data sets: tiles, stacks and embedded scenes, and what is refused by name."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image
from scipy.io import savemat

from lossbench import datasets
from lossbench.datasets import _scene, gaofen2, landsat7, sentinel2, worldview2, worldview3
from lossbench.errors import UserError
from pipeline import degrade, prepare
from pipeline.outputs.arrays import Arrays
from pipeline.specs.prepare import DegradeSpec, PrepareSpec

SETTINGS = {"ratio": 4, "lowpass": "bicubic"}
SIDE = 128


def noise(bands: int, largest: int = 255, seed: int = 0, side: int = SIDE) -> NDArray[Any]:
    dtype = np.uint8 if largest == 255 else np.uint16
    return np.random.default_rng(seed).integers(0, largest + 1, (side, side, bands), dtype=dtype)


def write_tiff(path: Path, pixels: NDArray[Any]) -> None:
    if pixels.shape[-1] == 1:
        tifffile.imwrite(path, pixels[..., 0])
    else:
        tifffile.imwrite(path, np.moveaxis(pixels, -1, 0), planarconfig="separate", photometric="minisblack")


def write_tile(root: Path, split: str, name: str, ms: NDArray[Any], pan: NDArray[Any]) -> None:
    for role, pixels in (("ms", ms), ("pan", pan)):
        path = root / "WV2_data" / f"{split}128" / role / f"{name}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        if pixels.dtype == np.uint8 and pixels.shape[-1] == 4:
            Image.frombytes("CMYK", (SIDE, SIDE), pixels.tobytes()).save(path)
        else:
            write_tiff(path, pixels)


@pytest.fixture
def tiles(tmp_path: Path) -> Path:
    """Two training tiles and one test tile, 8 bit, written as the published ones are."""
    for index, (split, name) in enumerate((("train", "10"), ("train", "9"), ("test", "1"))):
        write_tile(tmp_path, split, name, noise(4, seed=index), noise(1, seed=index + 9))
    return tmp_path


def stack(path: Path, count: int, bands: int = 8, largest: int = 2047) -> dict[str, NDArray[Any]]:
    generator = np.random.default_rng(count)
    arrays = {
        "gt": generator.integers(0, largest + 1, (count, bands, 64, 64)).astype(np.float64),
        "pan": generator.integers(0, largest + 1, (count, 1, 64, 64)).astype(np.float64),
        "ms": np.zeros((count, bands, 16, 16)),
    }
    with h5py.File(path, "w") as file:
        for key, array in arrays.items():
            file[key] = array
    return arrays


def prepared(dataset: str, root: Path | None, output: Path) -> tuple[Arrays, Arrays]:
    text = str(root) if root else None
    prepare.main(PrepareSpec(dataset=dataset, root=text), "code", output)
    spec = DegradeSpec(dataset=dataset, root=text, task="pan_sharpening", settings=SETTINGS)
    degrade.main(spec, "code", output / "target.json", output)
    return Arrays(output / "target.json"), Arrays(output / "low_quality.json")


def test_published_tiles_are_paired_by_name_and_keep_their_bytes(tiles: Path, tmp_path: Path) -> None:
    targets, low = prepared("worldview2", tiles, tmp_path / "out")
    assert [(item.split, item.name) for item in targets.items] == [("train", "10"), ("train", "9"), ("test", "1")]
    assert {item.shape for item in low.items} == {(SIDE, SIDE, 5)}
    for index, (target, pair) in enumerate(zip(targets.items, low.items, strict=True)):
        assert np.array_equal(targets.read(target), noise(4, seed=index))
        # the shipped PAN is the last band
        assert np.array_equal(low.read(pair)[..., -1:], noise(1, seed=index + 9))


def test_an_11_bit_tile_is_stretched_to_the_whole_range(tmp_path: Path) -> None:
    ms = noise(8, 2047)
    ms[0, 0], ms[0, 1] = 0, 2047
    for split in ("train", "test"):
        write_tile(tmp_path, split, "1", ms, noise(1, 2047, 1))
    source = worldview2.DATASET.locate(tmp_path)["test"][0]
    found = worldview2.DATASET.read(source)
    assert found.dtype == np.uint16 and found.shape == (SIDE, SIDE, 4)
    assert (found[0, 0] == 0).all() and (found[0, 1] == 65535).all()
    # coastal, yellow, red edge and the second infrared are left out
    assert np.array_equal(found, np.rint(ms[..., [1, 2, 4, 6]] * (65535 / 2047)))
    pairs = worldview2.DATASET.locate_low_quality(tmp_path, "pan_sharpening", 1)
    assert pairs is not None and worldview2.DATASET.read_low_quality(pairs["test"][0]).shape == (SIDE, SIDE, 1)
    assert worldview2.DATASET.locate_low_quality(tmp_path, "super_resolution", 2) is None


def save_v73(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    with h5py.File(path, "w") as file:
        for key, array in arrays.items():
            file[key] = np.asarray(array).T


@pytest.mark.parametrize("save", [savemat, save_v73])
def test_matlab_tiles_of_both_formats_are_read(save: Callable[..., None], tmp_path: Path) -> None:
    ms, pan = noise(4, 2047), noise(1, 2047, 1)
    for split in ("train", "test"):
        (tmp_path / f"WV2_data/{split}128").mkdir(parents=True)
        low = np.zeros((32, 32, 4))
        save(tmp_path / f"WV2_data/{split}128/7.mat", {"gt": ms.astype(np.float64), "ms": low, "pan": pan[..., 0]})
    source = worldview2.DATASET.locate(tmp_path)["test"][0]
    assert np.array_equal(worldview2.DATASET.read(source), np.rint(ms * (65535 / 2047)))
    assert np.array_equal(worldview2.DATASET.read_low_quality(source), np.rint(pan * (65535 / 2047)))


def test_stacks_of_pancollection_are_read_picture_by_picture(tmp_path: Path) -> None:
    arrays = stack(tmp_path / "train_wv3.h5", 3)
    stack(tmp_path / "valid_wv3.h5", 1)
    stack(tmp_path / "test_wv3_multiExm1.h5", 2)
    with h5py.File(tmp_path / "test_wv3_OrigScale_multiExm1.h5", "w") as file:
        file["pan"] = np.zeros((1, 1, 8, 8))
    found = worldview3.DATASET.locate(tmp_path)
    assert {split: len(sources) for split, sources in found.items()} == {"train": 3, "val": 1, "test": 2}
    targets, low = prepared("worldview3", tmp_path, tmp_path / "out")
    expected = np.rint(arrays["gt"][2].transpose(1, 2, 0)[..., [1, 2, 4, 6]] * (65535 / 2047))
    assert np.array_equal(targets.read(targets.split("train")[2]), expected)
    pan = np.rint(arrays["pan"][2, 0] * (65535 / 2047))
    assert np.array_equal(low.read(low.split("train")[2])[..., -1], pan)


def test_gaofen_has_ten_bits(tmp_path: Path) -> None:
    for name, largest in (("train", 1023), ("test", 1024)):
        arrays = stack(tmp_path / f"{name}_gf2.h5", 1, 4, largest)
    assert arrays["gt"].max() == 1024
    found = gaofen2.DATASET.locate(tmp_path)
    assert gaofen2.DATASET.read(found["train"][0]).max() == 65535
    with pytest.raises(UserError, match=r"test_gf2\.h5: float64 values 0 to 1024 are not 10-bit \(0 to 1023\)"):
        gaofen2.DATASET.read(found["test"][0])


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def overwrite(pixels: NDArray[Any]) -> Callable[[Path], None]:
    return lambda path: write_tiff(path, pixels)


@pytest.mark.parametrize(
    ("role", "damage", "message"),
    [
        ("ms", truncate, "is not readable"),
        ("pan", truncate, "is not readable"),
        ("ms", overwrite(noise(4, side=64)), "64 x 64 pixels; a tile has 128 x 128"),
        ("pan", overwrite(noise(1, side=64)), "64 x 64 pixels; a tile has 128 x 128"),
        ("ms", overwrite(noise(3)), "3 bands; give 4"),
        ("pan", overwrite(noise(2)), "2 bands; a panchromatic picture has 1"),
        ("ms", overwrite(noise(4, 2047)), "higher than 8-bit values, .*10.tif has 8-bit; keep one bit depth"),
        ("pan", overwrite(noise(1, 2047)), "higher than 8-bit values, .*10.tif has 8-bit; keep one bit depth"),
    ],
)
def test_a_tile_that_does_not_fit_is_named_with_its_split(
    role: str, damage: Callable[[Path], None], message: str, tiles: Path, tmp_path: Path
) -> None:
    path = tiles / "WV2_data/test128" / role / "1.tif"
    damage(path)
    with pytest.raises(UserError, match=rf"^split test: {path}:? {message}"):
        prepared("worldview2", tiles, tmp_path / "out")


def test_values_beyond_eleven_bits_are_named(tmp_path: Path) -> None:
    for split, largest in (("train", 2047), ("test", 60000)):
        write_tile(tmp_path, split, "1", noise(4, largest), noise(1, 2047))
    with pytest.raises(UserError, match=r"^split test: .*test128/ms/1\.tif: uint16 values .* are not 11-bit"):
        prepared("worldview2", tmp_path, tmp_path / "out")


@pytest.mark.parametrize(("role", "other"), [("pan", "ms"), ("ms", "pan")])
def test_a_tile_without_partner_is_named_with_its_split(role: str, other: str, tiles: Path) -> None:
    (tiles / "WV2_data/train128" / role / "9.tif").unlink()
    message = rf"train128/{other}/9\.tif \(split train\) has no partner '9\.tif' in .*train128/{role}"
    with pytest.raises(UserError, match=message):
        worldview2.DATASET.locate(tiles)


@pytest.mark.parametrize(("split", "role"), [("train", "pan"), ("test", "ms")])
def test_a_missing_folder_of_tiles_is_named(split: str, role: str, tiles: Path) -> None:
    (tiles / f"WV2_data/{split}128" / role).rename(tiles / "elsewhere")
    with pytest.raises(UserError, match=rf"WV2_data/{split}128/{role}: folder of split '{split}' is missing"):
        worldview2.DATASET.locate(tiles)


def test_a_missing_root_or_set_says_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'worldview2' needs 'root'"):
        worldview2.DATASET.locate(None)
    with pytest.raises(UserError, match=r"GF2_data: folder of data set 'gaofen2' is missing; expected: GF2_"):
        gaofen2.DATASET.locate(tmp_path)
    stack(tmp_path / "test_wv2.h5", 1)
    with pytest.raises(UserError, match=r"train\*\.h5: one file of split 'train' is expected, found none"):
        worldview2.DATASET.locate(tmp_path)


def test_a_damaged_stack_is_named(tmp_path: Path) -> None:
    for name in ("train", "test"):
        stack(tmp_path / f"{name}.h5", 1)
    with h5py.File(tmp_path / "test.h5", "a") as file:
        del file["pan"]
        file["pan"] = np.zeros((1, 1, 256, 256))
    with pytest.raises(UserError, match=r"test\.h5 \(split test\): gt \(1, 8, 64, 64\) and pan \(1, 1, 256, 256\)"):
        worldview3.DATASET.locate(tmp_path)
    with h5py.File(tmp_path / "test.h5", "a") as file:
        del file["gt"], file["ms"]
    with pytest.raises(UserError, match=r"test\.h5 holds pan, not 'gt'"):
        worldview3.DATASET.locate(tmp_path)
    truncate(tmp_path / "test.h5")
    with pytest.raises(UserError, match=r"test\.h5 is not readable"):
        worldview3.DATASET.locate(tmp_path)


def test_every_tile_says_where_it_lies(tmp_path: Path) -> None:
    found = landsat7.DATASET.locate(None)["test"]
    assert {source.name: source.place for source in found}["test_10_01"] == (10, 1)
    assert len({source.place for source in found}) == 22
    assert {source.place for source in sentinel2.DATASET.locate(None)["test"]} == {
        (r, c) for r in range(4) for c in (0, 1)
    }
    # numbers say it where nobody publishes it
    for name in ("1", "2", "9", "10"):
        write_tile(tmp_path, "train", name, noise(4), noise(1))
        write_tile(tmp_path, "test", name, noise(4), noise(1))
    places = {source.name: source.place for source in worldview2.DATASET.locate(tmp_path)["test"]}
    assert places == {"1": (0, 0), "2": (0, 1), "9": (1, 0), "10": (1, 1)}


def overlap(one: _scene.Region, other: _scene.Region) -> bool:
    return all(a.start < b.stop and b.start < a.stop for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    ("module", "size", "counts"), [(landsat7, (1482, 1489), (1, 11, 22)), (sentinel2, (300, 300), (1, 2, 8))]
)
def test_the_parts_of_an_embedded_scene_do_not_touch(
    module: ModuleType, size: tuple[int, int], counts: tuple[int, ...]
) -> None:
    found = module.DATASET.locate(None)
    assert tuple(len(found[split]) for split in ("train", "val", "test")) == counts
    gap = 32 if module is landsat7 else 16
    regions = [(split, region) for split, named in module.REGIONS.items() for region in named.values()]
    for split, (rows, columns) in regions:
        assert 0 <= rows.start < rows.stop <= size[0] and 0 <= columns.start < columns.stop <= size[1]
        wider = (slice(rows.start - gap, rows.stop + gap), slice(columns.start - gap, columns.stop + gap))
        assert not any(overlap(wider, region) for other, region in regions if other != split)
        assert sum(overlap((rows, columns), region) for _, region in regions) == 1


def test_the_landsat_bands_are_the_stored_ones() -> None:
    source = landsat7.DATASET.locate(None)["test"][1]
    assert source.name == "test_00_01"
    scene = tifffile.imread(source.path)
    assert np.array_equal(landsat7.DATASET.read(source), scene[:128, 1360:1488, :4])


def test_the_sentinel_reflectance_is_stretched() -> None:
    source = sentinel2.DATASET.locate(None)["train"][0]
    stored = np.array(json.loads(source.path.read_text()))
    found = sentinel2.DATASET.read(source)
    assert found.shape == (220, 204, 4) and found.dtype == np.uint16
    assert np.array_equal(found, np.rint(stored[:, :220, :204].transpose(1, 2, 0) * 6.5535))


def test_a_sentinel_file_of_another_shape_is_named(tmp_path: Path) -> None:
    path = tmp_path / "S2_10m.json"
    for text, message in (("[[1, 2]]", r"shape \(1, 2\)"), ("[[1, 2", "is not readable")):
        path.write_text(text)
        with pytest.raises(UserError, match=rf"S2_10m\.json:? {message}"):
            sentinel2._bands(path)
        sentinel2._bands.cache_clear()


def test_satellite_sets_say_what_they_stand_for() -> None:
    cards = {name: datasets.load(name).card for name in ("landsat7", "sentinel2", "worldview2")}
    assert [cards[name].stand_in_for for name in cards] == ["worldview2", "gaofen2", None]
    assert "public domain" in cards["landsat7"].licence
