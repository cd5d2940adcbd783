"""Pictures of every kind through a network: what is written is what it gives, and keeps what the source has."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from _models import EDSR, Verb, levels, save_identity, save_model
from _repository import ROOT
from numpy.typing import NDArray
from PIL import Image, ImageCms

import lossbench
from lossbench.formats import png
from lossbench.images import read_picture


def write(path: Path, pixels: NDArray[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    png.write_levels(path, pixels)
    return path


def predicted(model: Path, pixels: NDArray[Any]) -> NDArray[Any]:
    """Return what torch predicts for a whole picture, in its levels."""
    top = np.iinfo(pixels.dtype).max
    image = torch.from_numpy(pixels.astype(np.float32) / top)[None].permute(0, 3, 1, 2)
    with torch.no_grad():
        prediction = lossbench.load_network(model)(image)[0].clamp(0, 1).permute(1, 2, 0)
    return np.rint(prediction.numpy().astype(np.float64) * top).astype(pixels.dtype)


def test_a_folder_of_folders_keeps_its_structure_and_all_levels(tmp_path: Path, identity: Path, restore: Verb) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    sources = {
        "a.png": levels(9, 13),
        "deep/b.png": levels(8, 11, deep=True),
        "grey/c.png": levels(7, 5, 1),
        "grey/deep.png": levels(7, 5, 1, deep=True),
    }
    for name, pixels in sources.items():
        write(source / name, pixels)
    tifffile.imwrite(source / "deep" / "d.tif", levels(6, 7, deep=True, seed=4), photometric="rgb")
    printed = restore(source, out, "--model", identity)
    assert printed.splitlines()[0] == f"made {out / 'a.png'} (13 x 9)"
    assert sorted(str(path.relative_to(out)) for path in out.rglob("*.*")) == [*sorted({*sources, "deep/d.tif"})]
    for name, pixels in sources.items():
        found = read_picture(out / name).pixels
        assert found.dtype == pixels.dtype
        # equal bands of grey become luma again, by sums that round
        assert np.abs(found.astype(int) - pixels).max() <= (pixels.shape[-1] == 1)
    np.testing.assert_array_equal(read_picture(out / "deep/d.tif").pixels, levels(6, 7, deep=True, seed=4))


@pytest.mark.parametrize("deep", [False, True])
def test_a_picture_is_what_torch_predicts_and_larger(tmp_path: Path, deep: bool, restore: Verb) -> None:
    model = save_model(tmp_path / "model.safetensors", "edsr", EDSR)
    pixels = levels(21, 34, deep=deep)
    found = restore.json(write(tmp_path / "a.png", pixels), tmp_path / "out.png", "--model", model)
    assert [(row["height"], row["width"]) for row in found["made"]] == [(42, 68)]
    assert found["model"]["network"] == "edsr" and found["failed"] == found["kept"] == []
    result, expected = read_picture(tmp_path / "out.png").pixels, predicted(model, pixels)
    assert result.dtype == expected.dtype
    # torch rounds in float32
    assert np.abs(result.astype(int) - expected).max() <= 1


def test_tiles_hold_the_prediction_of_the_whole(tmp_path: Path, restore: Verb) -> None:
    model = save_model(tmp_path / "model.safetensors", "edsr", EDSR)
    source = write(tmp_path / "a.png", levels(150, 130))
    for tile in (0, 64):
        restore(source, tmp_path / f"{tile}.png", "--model", model, "--tile", tile)
    whole, tiled = (read_picture(tmp_path / f"{tile}.png").pixels.astype(int) for tile in (0, 64))
    assert np.abs(whole - tiled).max() <= 1


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("bands", [2, 4])
def test_alpha_is_carried_and_enlarged(tmp_path: Path, deep: bool, bands: int, identity: Path, restore: Verb) -> None:
    pixels = levels(12, 10, bands, deep)
    write(tmp_path / "a.png", pixels)
    assert restore.json(tmp_path / "a.png", tmp_path / "b.png", "--model", identity).get("notes", []) == (
        [f"{tmp_path / 'a.png'}: grey: restored as RGB of equal bands, and written as grey"] if bands == 2 else []
    )
    from lossbench.formats.beside import beside

    np.testing.assert_array_equal(beside(tmp_path / "b.png").alpha, pixels[..., -1])
    model = save_model(tmp_path / "model.safetensors", "edsr", EDSR)
    restore(tmp_path / "a.png", tmp_path / "c.png", "--model", model)
    larger = beside(tmp_path / "c.png").alpha
    assert larger is not None and larger.shape == (24, 20) and larger.dtype == pixels.dtype
    assert abs(float(larger.mean()) - float(pixels[..., -1].mean())) < 0.05 * np.iinfo(pixels.dtype).max


def test_alpha_of_a_tiff_and_of_a_palette_is_carried(tmp_path: Path, identity: Path, restore: Verb) -> None:
    pixels = levels(6, 7, 4, deep=True)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", extrasamples=["unassalpha"])
    restore(tmp_path / "a.tif", tmp_path / "b.tif", "--model", identity)
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        np.testing.assert_array_equal(file.asarray(), pixels)
        assert [int(kind) for kind in file.pages[0].extrasamples] == [2]  # type: ignore[union-attr]
    Image.fromarray(levels(6, 7)).quantize(8).save(tmp_path / "p.png", transparency=3)
    restore(tmp_path / "p.png", tmp_path / "q.png", "--model", identity)
    with Image.open(tmp_path / "p.png") as source, Image.open(tmp_path / "q.png") as result:
        np.testing.assert_array_equal(np.asarray(result), np.asarray(source.convert("RGBA")))


def test_the_profile_of_colour_is_carried_and_the_turn_applied(tmp_path: Path, identity: Path, restore: Verb) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(levels(8, 16)).save(tmp_path / "a.jpg", icc_profile=profile, exif=exif)
    restore(tmp_path / "a.jpg", tmp_path / "out", "--model", identity)
    with Image.open(tmp_path / "out" / "a.png") as result:
        assert result.size == (8, 16) and result.info["icc_profile"] == profile
        np.testing.assert_array_equal(np.asarray(result), read_picture(tmp_path / "a.jpg").pixels)


def test_rgb_for_a_network_of_grey_is_restored_band_by_band(tmp_path: Path, restore: Verb) -> None:
    model = save_model(tmp_path / "model.safetensors", "edsr", {**EDSR, "bands": 1})
    pixels = levels(20, 24)
    found = restore.json(write(tmp_path / "a.png", pixels), tmp_path / "b.png", "--model", model)
    assert "each band is restored by itself" in found["notes"][0]
    result = read_picture(tmp_path / "b.png").pixels
    for band in range(3):
        expected = predicted(model, pixels[..., band, None])[..., 0]
        assert np.abs(result[..., band].astype(int) - expected).max() <= 1


def test_more_bands_become_a_tiff(tmp_path: Path, restore: Verb) -> None:
    pixels = levels(16, 16, 5, deep=True)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack", planarconfig="contig")
    model = save_identity(tmp_path / "five.safetensors", bands=5)
    restore(tmp_path / "a.tif", tmp_path / "out", "--model", model)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out" / "a.tif"), pixels)


def test_three_lines_restore_an_array_or_a_tensor(tmp_path: Path) -> None:
    model = save_model(tmp_path / "model.safetensors", "edsr", EDSR)
    network = lossbench.load_network(model)
    pixels = levels(21, 34)
    result = lossbench.restore(network, pixels)
    assert result.dtype == np.uint8 and np.abs(result.astype(int) - predicted(model, pixels)).max() <= 1
    assert lossbench.restore(network, pixels[..., 0]).shape == (42, 68)
    image = torch.rand(2, 3, 20, 22)
    torch.testing.assert_close(lossbench.restore(network, image), network(image).clamp(0, 1))
    assert lossbench.restore(network, image[0].numpy().transpose(1, 2, 0)).dtype == np.float32
    for wrong in (pixels.tolist(), pixels.astype(np.int64), image[:, 0, 0]):
        with pytest.raises(lossbench.errors.UserError, match="is no picture; give"):
            lossbench.restore(network, wrong)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.zeros((0, 4, 3), np.uint8), "is no picture; give"),
        (torch.zeros(0, 3, 8, 8), "is no picture; give"),
        (torch.zeros(3, 0, 8), "is no picture; give"),
        (np.full((8, 8, 3), 200.0), "the picture has values 200 to 200; floats are in"),
        (torch.full((3, 8, 8), -20.0), "the picture has values -20 to -20; floats are in"),
        (np.full((8, 8, 3), np.nan, np.float32), "the picture has NaN or infinite values"),
        (torch.full((1, 3, 8, 8), torch.inf), "the picture has NaN or infinite values"),
    ],
)
def test_values_that_are_no_picture_are_named(value: Any, message: str, identity: Path) -> None:
    with pytest.raises(lossbench.errors.UserError, match=message):
        lossbench.restore(lossbench.load_network(identity), value)


@pytest.mark.parametrize("tile", ["a", 33.5, True, -1, 63])
def test_a_tile_that_can_not_be_is_named(tile: Any, identity: Path) -> None:
    with pytest.raises(
        lossbench.errors.UserError, match=r"restore: tile=.*; give a whole number of pixels, 64 or more"
    ):
        lossbench.restore(lossbench.load_network(identity), levels(8, 8), tile=tile)


def test_a_path_for_a_network_is_named(identity: Path) -> None:
    for wrong in (str(identity), identity, None, torch.nn.Identity()):
        with pytest.raises(lossbench.errors.UserError, match="is no network; give what load_network returns"):
            lossbench.restore(wrong, levels(8, 8))  # type: ignore[arg-type]


PEAK = """
from pathlib import Path
from lossbench import __main__ as command_line
command_line.main()
# what getrusage tells is never less than what the process that started this one had
lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
print(next(line.split()[1] for line in lines if line.startswith("VmHWM:")))
"""


@pytest.mark.slow
def test_a_large_picture_is_restored_in_less_than_2_gb(tmp_path: Path) -> None:
    model = save_model(tmp_path / "model.safetensors", "dncnn", {"channels": 8, "depth": 4})
    rows = np.arange(3000, dtype=np.uint16)[:, None, None] // 12
    png.write_levels(tmp_path / "a.png", np.broadcast_to(rows.astype(np.uint8), (3000, 4000, 3)))
    verb = ["restore", tmp_path / "a.png", tmp_path / "b.png", "--model", model, "--threads", "1"]
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *map(str, verb)], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert "(4000 x 3000)" in done.stdout
    peak = int(done.stdout.split()[-1]) * 1024
    assert peak < 2e9, peak
