"""The verb measure on files of many bits, on grey files, and on what it leaves out of files."""

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from lossbench import __main__ as command_line
from lossbench.metrics import Protocol, score


def noise(*shape: int, low: int = 0, high: int = 256, seed: int = 0) -> NDArray[Any]:
    dtype = np.uint8 if high <= 256 else np.uint16
    return np.random.default_rng(seed).integers(low, high, shape, dtype=dtype)


def save(path: Path, pixels: NDArray[Any], mode: str | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels, mode).save(path) if mode else Image.fromarray(pixels).save(path)
    return path


def bands(path: Path, pixels: NDArray[Any]) -> Path:
    tifffile.imwrite(path, pixels, photometric="minisblack", planarconfig="contig")
    return path


@pytest.fixture
def error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function that runs `measure` and gives the one line that it fails with."""

    def line(*arguments: Path | str) -> str:
        monkeypatch.setattr(sys, "argv", ["lossbench", "measure", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            command_line.main()
        assert stopped.value.code == 1
        (text,) = capsys.readouterr().err.splitlines()
        return str(text)

    return line


@pytest.fixture
def satellite(tmp_path: Path) -> tuple[Path, Path]:
    """Give two files of 16 bits that hold 11-bit values of four bands, off by 20 of 2047 everywhere."""
    target = noise(16, 16, 4, low=100, high=2000)
    return bands(tmp_path / "ours.tif", target + np.uint16(20)), bands(tmp_path / "theirs.tif", target)


@pytest.mark.parametrize("options", [("--bits", "11"), ("--peak", "2047")])
def test_values_of_eleven_bits_are_measured_by_their_own_peak(
    options: tuple[str, str], satellite: tuple[Path, Path], measured: Any
) -> None:
    found, said = measured(*satellite, "--metric", "psnr,ergas", *options)
    assert found["mean"]["psnr"] == pytest.approx(20 * math.log10(2047 / 20), abs=1e-9)
    target = tifffile.imread(satellite[1]).astype(float)
    expected = 25 * np.sqrt(np.mean((20 / target.mean((0, 1))) ** 2))
    assert found["mean"]["ergas"] == pytest.approx(expected, rel=1e-9)
    assert found["protocol"]["psnr"] == "RGB, crop 0, not rounded, peak 2047" and said == []


def test_files_of_sixteen_bits_are_not_rounded_and_dark_ones_are_said(
    satellite: tuple[Path, Path], measured: Any
) -> None:
    found, said = measured(*satellite, "--metric", "psnr,ergas")
    # rounded to levels of 257, most of the difference would be lost
    assert found["mean"]["psnr"] == pytest.approx(20 * math.log10(65535 / 20), abs=1e-9)
    assert found["protocol"] == dict.fromkeys(("psnr", "ergas"), "RGB, crop 0, not rounded")
    (line,) = said
    assert line.startswith(f"warning: {satellite[0]} and 1 more: 16-bit values below 4096") and "--bits" in line
    assert found["notes"] == [line.removeprefix("warning: ")]


def test_different_files_of_sixteen_bits_are_not_equal(tmp_path: Path, measured: Any) -> None:
    pixels = noise(12, 12, high=65536).clip(1, 60000)
    pair = [bands(tmp_path / f"{name}.tif", pixels + np.uint16(name)) for name in (0, 1)]
    found, _ = measured(*pair, "--metric", "psnr")
    assert found["mean"]["psnr"] == pytest.approx(20 * math.log10(65535)) and "equal" not in found


@pytest.mark.parametrize("extension", ["png", "tif"])
def test_png_and_tiff_of_sixteen_bits_are_alike(extension: str, tmp_path: Path, measured: Any) -> None:
    pixels = noise(12, 12, high=65000)
    ours = tmp_path / f"ours.{extension}"
    save(ours, pixels + np.uint16(100)) if extension == "png" else bands(ours, pixels + np.uint16(100))
    found, _ = measured(ours, bands(tmp_path / "theirs.tif", pixels), "--metric", "psnr")
    assert found["mean"]["psnr"] == pytest.approx(20 * math.log10(65535 / 100))


def test_a_folder_of_both_depths_says_which_is_not_rounded(tmp_path: Path, measured: Any) -> None:
    for folder, more in (("ours", 300), ("theirs", 0)):
        save(tmp_path / folder / "a.png", noise(12, 12, high=60000) + np.uint16(more))
        save(tmp_path / folder / "b.png", noise(12, 12, 3, high=200) + np.uint8(more // 257))
    found, said = measured(tmp_path / "ours", tmp_path / "theirs", "--metric", "psnr")
    assert found["pictures"]["a"]["psnr"] == pytest.approx(20 * math.log10(65535 / 300))
    assert found["protocol"]["psnr"] == "RGB, crop 0, 8-bit"
    assert said == [f"warning: {tmp_path}/ours/a.png: not rounded to 8-bit levels, as the other pictures are"]


def test_a_peak_that_does_not_fit_is_refused(satellite: tuple[Path, Path], tmp_path: Path, error: Any) -> None:
    eight = [save(tmp_path / f"{name}.png", noise(12, 12, 3)) for name in "ab"]
    assert "an 8-bit file, whose peak is 255" in error(*eight, "--metric", "psnr", "--bits", "11")
    assert "are above the peak 1023; give a larger one" in error(*satellite, "--metric", "psnr", "--bits", "10")
    assert "--bits 17: not 1 to 16" in error(*satellite, "--metric", "psnr", "--bits", "17")
    assert "--peak 0: not 1 to 65535" in error(*satellite, "--metric", "psnr", "--peak", "0")
    both = ("--peak", "2047", "--bits", "11")
    assert "say the same; give one" in error(*satellite, "--metric", "psnr", *both)


@pytest.mark.parametrize("protocol", ["y601", "y601_rounded", "gray", "y"])
def test_a_grey_picture_is_luma_already(protocol: str, tmp_path: Path, measured: Any) -> None:
    target = noise(16, 16, low=10, high=240)
    pair = [save(tmp_path / f"{name}.png", target + np.uint8(add)) for name, add in (("ours", 3), ("theirs", 0))]
    found, said = measured(*pair, "--metric", "psnr", "--protocol", protocol)
    # repeated to RGB, y601 would make 219 levels of 255: 1.3 dB more
    assert found["mean"]["psnr"] == pytest.approx(20 * math.log10(255 / 3), abs=1e-9) and said == []


@pytest.mark.parametrize("name", ["gmsd", "gmsd_full", "vif", "ifc", "niqe", "artefacts", "grid", "ringing", "echoes"])
def test_metrics_of_luma_take_a_grey_picture(name: str, tmp_path: Path, measured: Any) -> None:
    target = noise(192, 192, low=10, high=240)
    pair = [save(tmp_path / f"{kind}.png", target + np.uint8(add)) for kind, add in (("ours", 3), ("theirs", 0))]
    for options in ((), ("--protocol", "rgb")):
        found, _ = measured(*pair, "--metric", name, *options)
        assert math.isfinite(found["mean"][name])
    assert "rgb" not in found["protocol"][name].lower()


def test_colour_beside_grey_is_compared_by_its_luma_with_a_word(tmp_path: Path, measured: Any) -> None:
    grey, colour = noise(16, 16, low=10, high=240), noise(16, 16, 3, seed=1)
    pair = save(tmp_path / "colour.png", colour), save(tmp_path / "grey.png", grey)
    found, said = measured(*pair, "--metric", "psnr", "--protocol", "y601")
    luma = np.round(colour.astype(float) @ [0.299, 0.587, 0.114])
    assert found["mean"]["psnr"] == pytest.approx(10 * math.log10(255**2 / np.mean((luma - grey) ** 2)), abs=1e-6)
    assert len(said) == 1 and "grey.png: grey, and its partner colour" in said[0]
    found, _ = measured(*pair, "--metric", "psnr")
    error = colour.astype(float) - grey[..., None]
    assert found["mean"]["psnr"] == pytest.approx(10 * math.log10(255**2 / np.mean(error**2)), abs=1e-9)


def test_a_colour_picture_of_equal_bands_is_the_grey_one(tmp_path: Path, measured: Any) -> None:
    grey = noise(16, 16, low=10, high=240)
    repeated = np.repeat((grey + np.uint8(3))[..., None], 3, axis=-1)
    pair = save(tmp_path / "ours.png", repeated), save(tmp_path / "theirs.png", grey)
    for protocol in ("y601", "y601_rounded", "gray", "rgb"):
        found, _ = measured(*pair, "--metric", "psnr", "--protocol", protocol)
        assert found["mean"]["psnr"] == pytest.approx(20 * math.log10(255 / 3), abs=1e-9)
    # two colour files stay colour, whatever their bands
    save(tmp_path / "theirs.png", np.repeat(grey[..., None], 3, axis=-1))
    found, said = measured(*pair, "--metric", "psnr", "--protocol", "y601")
    assert found["mean"]["psnr"] == pytest.approx(20 * math.log10(255 / 3 * 255 / 219), abs=1e-3) and said == []


def test_four_bands_have_no_luma_and_are_not_sent_in_a_circle(satellite: tuple[Path, Path], error: Any) -> None:
    for name in ("gmsd", "niqe", "grid"):
        line = error(*satellite, "--metric", name, "--protocol", "rgb")
        assert "4 bands have no luma" in line and "a metric of all bands, such as psnr" in line


def test_a_clip_may_hold_grey_frames(tmp_path: Path, measured: Any, error: Any) -> None:
    for number in range(2):
        frame = noise(16, 16, low=10, high=200, seed=number)
        save(tmp_path / "ours" / f"{number}.png", frame + np.uint8(3))
        save(tmp_path / "theirs" / f"{number}.png", frame)
    folders = tmp_path / "ours", tmp_path / "theirs"
    found, _ = measured(*folders, "--metric", "psnr_video", "--clip", "--protocol", "y601")
    assert found["mean"]["psnr_video"] == pytest.approx(20 * math.log10(255 / 3))
    save(tmp_path / "ours" / "1.png", noise(16, 16, 3))
    assert "several sizes or bands" in error(*folders, "--metric", "psnr_video", "--clip")


def test_alpha_is_said_not_to_be_compared(tmp_path: Path, measured: Any) -> None:
    pixels = noise(12, 12, 4)
    pair = [save(tmp_path / "ours.png", pixels), save(tmp_path / "theirs.png", pixels)]
    changed = pixels.copy()
    changed[..., 3] = 255 - changed[..., 3]
    save(tmp_path / "theirs.png", changed)
    found, said = measured(*pair, "--metric", "psnr")
    assert found["mean"]["psnr"] == "inf"
    assert len(said) == 1 and said[0].startswith(f"warning: {pair[0]} and 1 more: alpha is not compared")


def test_a_picture_is_turned_as_its_exif_says(tmp_path: Path, measured: Any) -> None:
    shown = np.kron(noise(3, 2, 3), np.ones((8, 8, 1), np.uint8))
    tags = Image.Exif()
    tags[0x0112] = 6
    Image.fromarray(np.ascontiguousarray(np.rot90(shown))).save(tmp_path / "turned.png", exif=tags)
    found, _ = measured(tmp_path / "turned.png", save(tmp_path / "shown.png", shown), "--metric", "psnr")
    assert found["mean"]["psnr"] == "inf"


def test_what_a_folder_holds_beside_pictures_is_said(tmp_path: Path, measured: Any, error: Any) -> None:
    for folder in ("ours", "theirs"):
        save(tmp_path / folder / "a.png", noise(12, 12, 3))
    (tmp_path / "ours" / "b.gif").write_bytes(b"")
    (tmp_path / "theirs" / "more").mkdir()
    folders = tmp_path / "ours", tmp_path / "theirs"
    _, said = measured(*folders, "--metric", "psnr")
    assert said == [
        f"warning: {folders[0]}: the file b.gif passed over",
        f"warning: {folders[1]}: the sub-folder more passed over",
    ]
    (folders[1] / "a.png").rename(folders[1] / "more" / "a.png")
    assert "holds no picture" in (line := error(*folders, "--metric", "psnr")) and "but the sub-folder more" in line
    (folders[1] / "a.png").symlink_to(tmp_path / "gone.png")
    assert "a.png is a link to" in error(*folders, "--metric", "psnr")


def test_a_single_band_is_what_python_gives_too() -> None:
    target = noise(1, 16, 16, low=10, high=240) / 255
    for colour in ("y601", "y601_rounded", "gray", "y"):
        assert score("psnr", target + 3 / 255, target, protocol=colour) == pytest.approx(20 * math.log10(255 / 3))
    assert Protocol("y") == Protocol("y601") and Protocol("y").describe() == "Y (BT.601), crop 0, 8-bit"  # type: ignore[arg-type]
