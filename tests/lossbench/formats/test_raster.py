"""Files that Pillow decodes: all bits of a PNG, the right way up, and what is left out is said."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from lossbench.errors import Notice, UserError
from lossbench.formats import raster
from lossbench.images import read_image, read_picture

PNG = b"\x89PNG\r\n\x1a\n"
COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
"""Of the PNG specification, by the number of bands."""
ORIENTATIONS = {
    1: lambda x: x,
    2: np.fliplr,
    3: lambda x: np.rot90(x, 2),
    4: np.flipud,
    5: lambda x: x.swapaxes(0, 1),
    6: lambda x: np.rot90(x, -1),
    7: lambda x: np.rot90(x, 2).swapaxes(0, 1),
    8: np.rot90,
}


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def write_png16(path: Path, pixels: NDArray[np.uint16], filters: list[int]) -> Path:
    """Write (H, W, 1 to 4) as the PNG specification says, each row by one of the filters 0 to 4."""
    height, width, bands = pixels.shape
    step = 2 * bands
    rows = [np.frombuffer(row.astype(">u2").tobytes(), np.uint8).astype(int) for row in pixels]
    stored, above = b"", np.zeros(step * width, int)
    for number, row in enumerate(rows):
        left, corner = (np.concatenate([np.zeros(step, int), line[:-step]]) for line in (row, above))
        first = left + above - corner
        distances = [abs(first - line) for line in (left, above, corner)]
        paeth = np.select(
            [(distances[0] <= distances[1]) & (distances[0] <= distances[2]), distances[1] <= distances[2]],
            [left, above],
            corner,
        )
        kind = filters[number % len(filters)]
        guess = (0, left, above, (left + above) // 2, paeth)[kind]
        stored += bytes([kind]) + ((row - guess) % 256).astype(np.uint8).tobytes()
        above = row
    header = struct.pack(">IIBBBBB", width, height, 16, COLOUR_TYPES[bands], 0, 0, 0)
    path.write_bytes(PNG + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(stored)) + chunk(b"IEND", b""))
    return path


@pytest.mark.filterwarnings("ignore::lossbench.errors.Notice")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    bands=st.integers(1, 4),
    filters=st.lists(st.integers(0, 4), min_size=1, max_size=5),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
)
def test_a_png_of_16_bits_keeps_them_all(tmp_path: Path, bands: int, filters: list[int], size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 65536, (*size, bands), dtype=np.uint16)
    picture = read_picture(write_png16(tmp_path / "deep.png", pixels, filters))
    assert picture.white == 65535 and picture.deep
    # grey and alpha, or colour and alpha
    assert np.array_equal(picture.pixels, pixels[..., : bands - (bands % 2 == 0)])


def test_a_png_of_16_bits_is_no_picture_of_8(tmp_path: Path) -> None:
    for bands in (1, 3):
        path = write_png16(tmp_path / f"{bands}.png", np.full((2, 2, bands), 4660, np.uint16), [0])
        with pytest.raises(UserError, match=r"\.png: 16-bit pixels are not 8-bit; convert the file to 8-bit RGB"):
            read_image(path)


@pytest.mark.parametrize("extension", ["png", "jpg", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_read_upright(orientation: int, extension: str, tmp_path: Path) -> None:
    shown = np.kron(
        np.array([[[250, 0, 0], [0, 250, 0]], [[0, 0, 250], [9, 9, 9]], [[200] * 3, [90] * 3]]), np.ones((8, 8, 1))
    )
    # the tag says how to turn what is stored into what is shown
    inverse = {6: 8, 8: 6}.get(orientation, orientation)
    stored = np.ascontiguousarray(ORIENTATIONS[inverse](shown.astype(np.uint8)))
    tags = Image.Exif()
    tags[raster.ORIENTATION] = orientation
    Image.fromarray(stored).save(tmp_path / f"a.{extension}", exif=tags, quality=100)
    for found in (read_image(tmp_path / f"a.{extension}"), read_picture(tmp_path / f"a.{extension}").pixels):
        assert found.shape == (24, 16, 3)
        assert np.abs(found[4::8, 4::8].astype(int) - shown[4::8, 4::8]).max() <= 12


def test_damaged_exif_does_not_hide_the_picture(tmp_path: Path) -> None:
    Image.new("RGB", (5, 7)).save(tmp_path / "a.jpg", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff\0\0")
    assert read_image(tmp_path / "a.jpg").shape == (7, 5, 3)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_alpha_is_left_out_with_a_notice(mode: str, tmp_path: Path) -> None:
    picture = Image.new("RGBA", (5, 7), (30, 30, 30, 128))
    path = tmp_path / ("a.tif" if mode == "PA" else "a.png")
    picture.convert(mode).save(path) if mode != "PA" else picture.save(path)
    with pytest.warns(Notice, match="alpha is not compared") as said:
        found = read_picture(path)
    assert len(said) == 1 and found.pixels.shape == (7, 5, 1 if mode == "LA" else 3)
    assert (found.pixels == 30).all()


def test_a_colour_that_png_calls_transparent_is_alpha_too(tmp_path: Path) -> None:
    Image.new("RGB", (5, 7)).save(tmp_path / "a.png", transparency=(0, 0, 0))
    with pytest.warns(Notice, match="alpha is not compared"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize(("extension", "options"), [("png", {}), ("webp", {}), ("gif", {}), ("mpo", {})])
def test_frames_that_are_not_read_are_said(extension: str, options: dict[str, object], tmp_path: Path) -> None:
    frames = [Image.new("RGB", (16, 16), (level, level, level)) for level in (10, 200)]
    path = tmp_path / f"a.{extension}"
    frames[0].save(path, save_all=True, append_images=frames[1:], **options)
    with pytest.warns(Notice, match=r"a\.\w+: the first of its frames or pages alone is read"):
        found = read_image(path)
    assert int(found.max()) < 20


@pytest.mark.parametrize(("mode", "extension"), [("LAB", "tif"), ("CMYK", "tif")])
def test_colours_that_are_no_light_are_refused(mode: str, extension: str, tmp_path: Path) -> None:
    Image.new(mode, (5, 7)).save(tmp_path / f"a.{extension}")
    for read in (read_image, read_picture):
        with pytest.raises(UserError, match=rf"a\.{extension}: \w+ values are no levels of .*convert the file to RGB"):
            read(tmp_path / f"a.{extension}")


def test_grey_is_told_by_the_file_and_not_by_equal_bands(tmp_path: Path) -> None:
    grey = Image.new("L", (5, 7), 50)
    for name, picture in (("grey", grey), ("colour", grey.convert("RGB"))):
        picture.save(tmp_path / f"{name}.png")
    assert read_picture(tmp_path / "grey.png").pixels.shape == (7, 5, 1)
    assert read_picture(tmp_path / "colour.png").pixels.shape == (7, 5, 3)
    assert raster.grey(tmp_path / "grey.png") and not raster.grey(tmp_path / "colour.png")
    assert not raster.grey(Path(__file__))
