"""One reader of files: what is measured, trained on and probed is the same picture."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from lossbench.errors import Notice, UserError
from lossbench.images import read_image, read_picture, stored_grey


def noise(*shape: int, high: int = 256) -> NDArray[Any]:
    return np.random.default_rng(0).integers(0, high, shape, dtype=np.uint8 if high <= 256 else np.uint16)


def as_rgb(path: Path) -> NDArray[Any]:
    """Return what `measure` reads as RGB of eight bits."""
    picture = read_picture(path)
    return np.repeat(np.rint(picture.pixels * (255 / picture.white)), 3 // picture.pixels.shape[-1], axis=-1)


COLOURS = noise(3, 256)
WRITTEN: dict[str, tuple[NDArray[Any], dict[str, Any]]] = {
    "grey": (noise(6, 5), {"photometric": "minisblack"}),
    "white at zero": (noise(6, 5), {"photometric": "miniswhite"}),
    "big, other order": (noise(6, 5, 3), {"photometric": "rgb", "bigtiff": True, "byteorder": ">"}),
    "palette of eight bits": (noise(6, 5), {"photometric": "palette", "colormap": COLOURS.astype(np.uint16)}),
    "palette": (noise(6, 5), {"photometric": "palette", "colormap": COLOURS.astype(np.uint16) * 257}),
    "pages": (noise(3, 6, 5), {"photometric": "minisblack"}),
    "four bits": (noise(6, 5, high=16), {"photometric": "minisblack", "bitspersample": 4}),
    "white at zero, alpha": (
        noise(6, 5, 2),
        {"photometric": "miniswhite", "planarconfig": "contig", "extrasamples": ["unassalpha"]},
    ),
    "jpeg 2000": (noise(16, 16, 3), {"photometric": "rgb", "compression": "jpeg2000"}),
}


@pytest.mark.filterwarnings("ignore::lossbench.errors.Notice")
@pytest.mark.parametrize("kind", WRITTEN)
def test_a_tiff_is_one_picture_whoever_reads_it(kind: str, tmp_path: Path) -> None:
    pixels, how = WRITTEN[kind]
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels, **how)
    found = read_image(path)
    assert found.dtype == np.uint8 and found.shape[-1] == 3 and np.array_equal(found, as_rgb(path))
    if "palette" in kind:
        assert np.array_equal(found, COLOURS[:, pixels].transpose(1, 2, 0))
    if "white" in kind:
        assert np.array_equal(found[..., 0], 255 - (pixels if pixels.ndim == 2 else pixels[..., 0]))
    if kind == "four bits":
        assert np.array_equal(found[..., 0], pixels * 17)
    assert stored_grey(path, found) == (kind in ("grey", "white at zero", "four bits", "white at zero, alpha"))


def test_premultiplied_colours_count_as_they_are_stored(tmp_path: Path) -> None:
    pixels = noise(6, 5, 4) // 2
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", extrasamples=["assocalpha"])
    with pytest.warns(Notice, match="alpha is not compared; colours count as they are stored"):
        assert np.array_equal(read_image(tmp_path / "a.tif"), pixels[..., :3])


def test_other_than_one_band_or_three_are_no_rgb(tmp_path: Path) -> None:
    for bands in (2, 4):
        tifffile.imwrite(tmp_path / "a.tif", noise(6, 5, bands), photometric="minisblack", planarconfig="contig")
        with pytest.raises(UserError, match=rf"a\.tif: {bands} bands are not RGB; give a file of one band or of three"):
            read_image(tmp_path / "a.tif")
    frames = [Image.new("RGB", (6, 5), (level, 0, 0)) for level in (10, 200)]
    frames[0].save(tmp_path / "b.tif", save_all=True, append_images=frames[1:])
    for read in (read_image, read_picture):
        with pytest.raises(UserError, match=r"b\.tif: axes \w+ are not those of one picture"):
            read(tmp_path / "b.tif")


def test_a_picture_is_read_by_what_it_holds(tmp_path: Path) -> None:
    pixels = noise(6, 5, 3)
    Image.fromarray(pixels).save(tmp_path / "a.tif", format="png")
    tifffile.imwrite(tmp_path / "b.png", pixels, photometric="rgb")
    for name in ("a.tif", "b.png"):
        assert np.array_equal(read_image(tmp_path / name), pixels)
        assert np.array_equal(read_picture(tmp_path / name).pixels, pixels)


def test_pillow_keeps_its_warnings(tmp_path: Path) -> None:
    # a directory of tags that says more entries than there are
    exif = b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01\x03\0\x01\0"
    Image.fromarray(noise(6, 5, 3)).save(tmp_path / "a.jpg", exif=exif)
    with warnings.catch_warnings(record=True) as outside:
        warnings.simplefilter("always")
        with Image.open(tmp_path / "a.jpg") as image:
            image.getexif()
    assert outside
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_image(tmp_path / "a.jpg").shape == (6, 5, 3)
