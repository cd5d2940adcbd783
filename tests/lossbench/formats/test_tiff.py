"""TIFF: the tags that say what the stored numbers mean."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageOps

from lossbench.errors import Notice, UserError
from lossbench.formats import raster
from lossbench.formats.tiff import decoded, read_tiff
from lossbench.images import read_image


def noise(*shape: int, largest: int = 255) -> NDArray[Any]:
    dtype = np.uint8 if largest < 256 else np.uint16
    return np.random.default_rng(0).integers(0, largest + 1, shape, dtype=dtype)


@pytest.mark.filterwarnings("error")
def test_palette_indices_are_looked_up(tmp_path: Path) -> None:
    colour = Image.fromarray(noise(6, 5, 3)).convert("P", palette=Image.Palette.ADAPTIVE)
    colour.save(tmp_path / "a.tif")
    picture = decoded(tmp_path / "a.tif")
    assert np.array_equal(picture.pixels, np.asarray(colour.convert("RGB"))) and picture.white == 255


@pytest.mark.parametrize("largest", [255, 65535])
def test_white_that_is_stored_as_zero_is_turned(largest: int, tmp_path: Path) -> None:
    pixels = noise(6, 5, largest=largest)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="miniswhite")
    picture = decoded(tmp_path / "a.tif")
    assert np.array_equal(picture.pixels[..., 0], largest - pixels) and picture.white == largest
    assert np.array_equal(read_tiff(tmp_path / "a.tif")[..., 0], pixels)


@pytest.mark.parametrize("kind", ["unassalpha", "assocalpha"])
def test_alpha_is_left_out_with_a_notice(kind: str, tmp_path: Path) -> None:
    pixels = noise(6, 5, 4)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", extrasamples=[kind])
    with pytest.warns(Notice, match=r"a\.tif: alpha is not compared; .*write the file as MINISBLACK"):
        assert np.array_equal(decoded(tmp_path / "a.tif").pixels, pixels[..., :3])


@pytest.mark.filterwarnings("error")
def test_a_fourth_band_is_kept(tmp_path: Path) -> None:
    pixels = noise(6, 5, 4, largest=2047)
    for name, how in (
        ("a", {"photometric": "rgb", "extrasamples": ["unspecified"]}),
        ("b", {"photometric": "minisblack"}),
    ):
        tifffile.imwrite(tmp_path / f"{name}.tif", pixels, planarconfig="contig", **how)
        picture = decoded(tmp_path / f"{name}.tif")
        assert np.array_equal(picture.pixels, pixels) and picture.white == 65535


@pytest.mark.parametrize("kind", ["cielab", "icclab", "separated", "logluv"])
def test_values_that_are_no_light_are_refused(kind: str, tmp_path: Path) -> None:
    pixels = noise(6, 5, 4 if kind == "separated" else 3)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric=kind, planarconfig="contig")
    with pytest.raises(UserError, match=rf"a\.tif: {kind.upper()} values are no levels of light; convert the file"):
        decoded(tmp_path / "a.tif")


def test_luma_and_chroma_become_rgb(tmp_path: Path) -> None:
    Image.new("YCbCr", (16, 16), (76, 85, 255)).save(tmp_path / "a.tif")
    found = decoded(tmp_path / "a.tif").pixels
    assert np.abs(found[8, 8].astype(int) - [254, 0, 0]).max() <= 2


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_of_the_tag_is_applied(orientation: int, tmp_path: Path) -> None:
    pixels = noise(6, 5)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack", extratags=[(274, 3, 1, orientation, True)])
    stored = Image.fromarray(pixels)
    stored.getexif()[raster.ORIENTATION] = orientation
    expected = np.asarray(ImageOps.exif_transpose(stored))
    for found in (decoded(tmp_path / "a.tif").pixels, read_image(tmp_path / "a.tif")):
        assert np.array_equal(found[..., 0], expected)


def test_fewer_bits_than_eight_have_their_own_white(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8)).convert("1").save(tmp_path / "a.tif")
    picture = decoded(tmp_path / "a.tif")
    assert (picture.pixels[..., 0] / picture.white).tolist() == [[0, 1], [1, 0]]


def test_pages_are_bands_with_a_notice_or_refused(tmp_path: Path) -> None:
    pixels = noise(4, 12, 10)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack")
    with pytest.warns(Notice, match="its pages are taken for the bands of one picture"):
        assert np.array_equal(decoded(tmp_path / "a.tif").pixels, np.moveaxis(pixels, 0, -1))
    assert read_tiff(tmp_path / "a.tif").shape == (12, 10, 4)
    with tifffile.TiffWriter(tmp_path / "b.tif") as file:
        for side in (12, 14):
            file.write(noise(side, side, 3), photometric="rgb")
    with pytest.raises(UserError, match=r"b\.tif: 2 pages of several kinds; give a file for each picture"):
        read_tiff(tmp_path / "b.tif")
    tifffile.imwrite(tmp_path / "c.tif", noise(2, 12, 10, 3), photometric="rgb")
    with pytest.raises(UserError, match=r"c\.tif: axes \w+ are not those of one picture"):
        decoded(tmp_path / "c.tif")


@pytest.mark.filterwarnings("error")
def test_a_smaller_copy_of_the_picture_is_no_page(tmp_path: Path) -> None:
    pixels = noise(64, 64, 3)
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(pixels, photometric="rgb")
        file.write(pixels[::2, ::2], photometric="rgb", subfiletype=1)
    assert np.array_equal(decoded(tmp_path / "a.tif").pixels, pixels)


@pytest.mark.parametrize("dtype", ["int16", "float32", "uint32"])
def test_numbers_that_are_no_levels_are_refused(dtype: str, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((6, 5), dtype), photometric="minisblack")
    with pytest.raises(UserError, match=rf"a\.tif: {dtype} values; convert the file to 8 or 16 bit"):
        decoded(tmp_path / "a.tif")
