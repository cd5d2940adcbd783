"""MS COCO: which photographs are taken, and the square that is cut from each."""

from pathlib import Path

import numpy as np
import pytest
from _prepared import prepared
from PIL import Image

from lossbench import datasets
from lossbench.datasets import Source, coco
from lossbench.errors import UserError

RED, BLUE = (254, 0, 0), (0, 0, 254)
ROTATED = 6
"""EXIF orientation: to be shown turned by a quarter clockwise."""


def save(path: Path, image: Image.Image, orientation: int | None = None) -> None:
    """Write `image` as JPEG, with an EXIF orientation where one is given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    image.save(path, quality=95, subsampling=0, exif=exif)


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Return a picture of noise."""
    shape = (height, width, {"RGB": 3, "CMYK": 4, "L": 1}[mode])
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    return Image.frombytes(mode, (width, height), pixels.tobytes())


def halves(width: int, height: int) -> Image.Image:
    """Return a picture whose left half is red and whose right half is blue."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (width // 2, 0, width, height))
    return image


def train(root: Path, number: int) -> Path:
    """Return the path of a training picture."""
    return root / f"train2014/COCO_train2014_{number:012d}.jpg"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a COCO of five training pictures, of which one is too small, and one of val2017."""
    monkeypatch.setattr(coco, "COUNTS", {"train2014": 5, "val2017": 1, "val2014": 2})
    save(train(tmp_path, 9), noise(400, 384, "L"))
    save(train(tmp_path, 25), Image.new("CMYK", (500, 390), (0, 255, 255, 0)))
    save(train(tmp_path, 30), halves(640, 400), ROTATED)
    save(train(tmp_path, 34), noise(640, 383))
    save(train(tmp_path, 36), noise(384, 640))
    save(tmp_path / "val2017/000000000139.jpg", noise(640, 426))
    return tmp_path


def names(sources: list[Source]) -> list[str]:
    return [source.name.removeprefix("COCO_train2014_").lstrip("0") for source in sources]


def one(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return coco.DATASET.read(Source("one", path, ""))


def test_the_published_counts_and_the_limits() -> None:
    assert coco.COUNTS == {"train2014": 82_783, "val2017": 5_000, "val2014": 40_504}
    assert (coco.SHORT_SIDE, coco.SIDE, coco.LIMIT) == (384, 256, 200_000)


def test_pictures_with_a_short_side_below_384_are_passed_over(root: Path) -> None:
    found = coco.DATASET.locate(root)
    assert {split: names(sources) for split, sources in found.items()} == {
        "train": ["9", "25", "30", "36"],
        "val": ["139"],
        "test": [],
    }
    assert found["train"][0].path == train(root, 9)
    assert datasets.missing("coco", root) is None


def test_val2014_serves_where_val2017_is_absent(root: Path) -> None:
    (root / "val2017").rename(root / "elsewhere")
    for number in (42, 73):
        save(root / f"val2014/COCO_val2014_{number:012d}.jpg", noise(400, 400))
    assert [source.name[-2:] for source in coco.DATASET.locate(root)["val"]] == ["42", "73"]


def test_no_more_pictures_than_the_limit_are_taken(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coco, "LIMIT", 2)
    assert {split: len(sources) for split, sources in coco.DATASET.locate(root).items()} == {
        "train": 2,
        "val": 1,
        "test": 0,
    }
    # beyond the limit no header is read
    train(root, 36).write_bytes(b"")
    assert names(coco.DATASET.locate(root)["train"]) == ["9", "25"]


def test_prepared_pictures_are_squares_of_256(root: Path, tmp_path: Path) -> None:
    arrays = prepared("coco", root, tmp_path / "output")
    assert [item.shape for item in arrays.items] == [(256, 256, 3)] * 5
    assert {arrays.read(item).dtype for item in arrays.items} == {np.dtype(np.uint8)}


def test_a_grey_picture_has_three_equal_bands(root: Path) -> None:
    grey = one(train(root, 9))
    assert grey.shape == (256, 256, 3)
    assert not np.ptp(grey, axis=-1).any() and grey.std() > 5


def test_magenta_and_yellow_ink_are_red(root: Path) -> None:
    assert np.abs(one(train(root, 25)).astype(int) - (255, 0, 0)).max() <= 3


def test_a_picture_is_turned_as_its_exif_says(root: Path) -> None:
    upright = one(train(root, 30)).astype(int)
    assert np.abs(upright[:100] - RED).max() <= 3
    assert np.abs(upright[-100:] - BLUE).max() <= 3


@pytest.mark.parametrize("size", [(700, 384), (384, 700)])
def test_only_the_centre_square_is_seen(tmp_path: Path, size: tuple[int, int]) -> None:
    image = Image.new("RGB", size, BLUE)
    left, top = ((side - 384) // 2 for side in size)
    image.paste(RED, (left, top, left + 384, top + 384))
    save(tmp_path / "a.jpg", image)
    # JPEG smears the border of the square over its blocks of eight; up to 10 levels remain
    pixels = one(tmp_path / "a.jpg").astype(int)
    assert np.abs(pixels - RED).max() <= 12 and np.abs(pixels[8:-8, 8:-8] - RED).max() <= 1


def test_the_reduction_is_antialiased(tmp_path: Path) -> None:
    board = (np.indices((512, 512)).sum(axis=0) % 2 * 254).astype(np.uint8)
    save(tmp_path / "a.jpg", Image.fromarray(board))
    assert np.abs(one(tmp_path / "a.jpg").astype(int) - 127).max() <= 4


def test_a_truncated_picture_is_named_with_its_split(root: Path, tmp_path: Path) -> None:
    path = train(root, 36)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UserError, match=rf"^split train: {path} is not a readable picture \(.*; replace or remove"):
        prepared("coco", root, tmp_path / "output")


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>"])
def test_a_damaged_header_is_named_with_its_split(root: Path, content: bytes) -> None:
    path = root / "val2017/000000000139.jpg"
    path.write_bytes(content)
    with pytest.raises(UserError, match=rf"^{path} \(split val\) is not a readable picture"):
        coco.DATASET.locate(root)


def test_a_small_picture_is_refused_when_read(root: Path) -> None:
    with pytest.raises(UserError, match=r"000034\.jpg: short side 383 px, at least 384 are needed"):
        one(train(root, 34))


def test_another_number_of_pictures_is_counted(root: Path) -> None:
    train(root, 34).unlink()
    with pytest.raises(UserError, match=r"train2014: 4 pictures of split 'train' of data set 'coco' where 5 are publ"):
        coco.DATASET.locate(root)


def test_a_missing_folder_is_named_with_its_split_and_the_tree(root: Path) -> None:
    (root / "val2017").rename(root / "elsewhere")
    with pytest.raises(
        UserError, match=r"val2017: folder of split 'val' .*expected: train2014/.*get it: http://images"
    ):
        coco.DATASET.locate(root)
    with pytest.raises(UserError, match=r"'coco' needs 'root'"):
        coco.DATASET.locate(None)
