"""Pictures: what is decoded, and what is refused by name."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image

from lossbench.errors import UserError
from lossbench.images import EXTENSIONS, read_image, read_tiff, write_png


def noise(height: int, width: int) -> NDArray[np.uint8]:
    """Return (H, W, 3) uniform noise, which no format compresses."""
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(image=arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20), st.just(3))))
def test_a_written_png_comes_back_bit_for_bit(tmp_path: Path, image: NDArray[np.uint8]) -> None:
    write_png(tmp_path / "picture.png", image)
    restored = read_image(tmp_path / "picture.png")
    assert restored.dtype == np.uint8
    assert np.array_equal(restored, image)


@pytest.mark.parametrize("extension", sorted(EXTENSIONS))
def test_every_listed_extension_is_read(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"picture{extension}"
    Image.fromarray(np.full((7, 5, 3), 128, np.uint8)).save(path)
    restored = read_image(path)
    assert restored.shape == (7, 5, 3)
    assert abs(restored.astype(int) - 128).max() <= 1


def test_a_grey_picture_is_repeated_to_three_bands(tmp_path: Path) -> None:
    grey = np.arange(35, dtype=np.uint8).reshape(7, 5)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    assert np.array_equal(read_image(tmp_path / "grey.png"), np.repeat(grey[..., None], 3, axis=2))


def test_a_palette_and_an_alpha_channel_become_rgb(tmp_path: Path) -> None:
    colours = Image.new("RGBA", (5, 7), (10, 20, 30, 0))
    colours.save(tmp_path / "alpha.png")
    colours.convert("RGB").convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "palette.png")
    for name in ("alpha.png", "palette.png"):
        assert read_image(tmp_path / name)[3, 2].tolist() == [10, 20, 30]


@pytest.mark.parametrize("extension", sorted(EXTENSIONS))
@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.95])
def test_a_truncated_picture_is_named(tmp_path: Path, extension: str, part: float) -> None:
    path = tmp_path / f"picture{extension}"
    Image.fromarray(noise(16, 24)).save(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    with pytest.raises(UserError, match=rf"picture{extension} is not a readable picture"):
        read_image(path)


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.png is missing"):
        read_image(tmp_path / "absent.png")


def test_a_text_file_and_a_folder_are_no_pictures(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "folder.png").mkdir()
    for name in ("text.png", "folder.png"):
        with pytest.raises(UserError, match=f"{name} is not a readable picture"):
            read_image(tmp_path / name)


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_a_grey_picture_of_more_than_8_bits_is_refused(tmp_path: Path, dtype: str) -> None:
    path = tmp_path / "deep.tif"
    Image.fromarray(np.full((4, 4), 300, dtype)).save(path)
    with pytest.raises(UserError, match=r"deep\.tif: .* pixels are not 8-bit"):
        read_image(path)


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """Return one PNG chunk (PNG specification, section 5.3)."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_a_colour_picture_of_16_bits_is_refused(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 2, 2, 16, 2, 0, 0, 0)
    rows = (b"\0" + struct.pack(">6H", *([0x1234] * 6))) * 2
    path = tmp_path / "deep.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", zlib.compress(rows))
        + png_chunk(b"IEND", b"")
    )
    with pytest.raises(UserError, match=r"deep\.png: .* pixels are not 8-bit"):
        read_image(path)


def test_a_header_that_claims_a_gigantic_picture_is_named(tmp_path: Path) -> None:
    path = tmp_path / "huge.bmp"
    Image.fromarray(noise(4, 4)).save(path)
    content = bytearray(path.read_bytes())
    # width and height of the BITMAPINFOHEADER
    content[18:26] = struct.pack("<ii", 100_000, 100_000)
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"huge\.bmp is not a readable picture"):
        read_image(path)


def test_a_failed_write_leaves_no_picture(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        write_png(tmp_path / "picture.png", np.zeros((2, 2, 3), np.complex128))
    assert list(tmp_path.iterdir()) == []


def bands(count: int, largest: int) -> NDArray[np.integer]:
    """Return (128, 128, count) uniform noise of 8 or 16 bits."""
    dtype = np.uint8 if largest == 255 else np.uint16
    return np.random.default_rng(0).integers(0, largest + 1, (128, 128, count), dtype=dtype)


def test_bands_inside_pixels_and_as_planes_are_the_same(tmp_path: Path) -> None:
    pixels = bands(8, 2047)
    for name, values, planar in (("a", pixels, "contig"), ("b", np.moveaxis(pixels, -1, 0), "separate")):
        tifffile.imwrite(tmp_path / f"{name}.tif", values, planarconfig=planar, photometric="rgb", compression="lzw")
        assert np.array_equal(read_tiff(tmp_path / f"{name}.tif"), pixels)


@pytest.mark.parametrize("missing", [1, 100, 2000])
def test_a_compressed_tile_that_lacks_its_last_bytes_is_refused(missing: int, tmp_path: Path) -> None:
    path = tmp_path / "1.tif"
    Image.frombytes("CMYK", (128, 128), bands(4, 255).tobytes()).save(path, compression="tiff_lzw")
    assert np.array_equal(read_tiff(path), bands(4, 255))
    path.write_bytes(path.read_bytes()[:-missing])
    with pytest.raises(UserError, match=r"1\.tif is not readable"):
        read_tiff(path)
