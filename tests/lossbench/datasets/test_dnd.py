"""DND: 1,000 noisy crops and no target."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from _dnd import HEIGHT, WIDTH, build, corner, picture, write_picture
from _prepared import prepared

from lossbench import datasets
from lossbench.datasets import dnd
from lossbench.errors import UserError


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


def test_the_published_numbers_are_50_images_with_20_crops_of_512(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert (dnd.IMAGES, dnd.BOXES, dnd.SIDE) == (50, 20, 512)


def test_every_crop_is_the_one_that_its_box_names(root: Path) -> None:
    found = list(dnd.DATASET.blocks(root))
    assert [(image, box) for image, box, _ in found] == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)]
    for image, box, pixels in found:
        top, left = corner(image, box)
        assert pixels.dtype == np.float32
        assert pixels.shape == (16, 16, 3)
        assert np.array_equal(pixels, picture(image)[top : top + 16, left : left + 16])


def test_the_boxes_of_matlab_count_from_one_and_include_their_end(root: Path) -> None:
    with h5py.File(root / "info.mat") as file:
        reference = file["info/boundingboxes"][0, 1]
        assert file[reference][:, 0].tolist() == [corner(2, 1)[0] + 1, corner(2, 1)[1] + 1, *end(2, 1)]
    assert dnd.DATASET.boxes(root)[1, 0].tolist() == [*corner(2, 1), *end(2, 1)]


def end(image: int, box: int) -> tuple[int, int]:
    """Return the first row and column behind a crop."""
    top, left = corner(image, box)
    return top + 16, left + 16


def test_what_is_on_disk_is_found_but_is_no_target(root: Path, tmp_path: Path) -> None:
    found = dnd.DATASET.locate(root)
    assert {split: [source.name for source in sources] for split, sources in found.items()} == {
        "train": [],
        "val": [],
        "test": ["0001", "0002"],
    }
    assert datasets.missing("dnd", root) is None
    with pytest.raises(UserError) as caught:
        prepared("dnd", root, tmp_path / "targets")
    path = root / "images_srgb/0001.mat"
    assert str(caught.value).startswith(f"split test: {path}: data set 'dnd' has no public ground truth")
    assert "pipeline.submit" in str(caught.value)
    assert [path.name for path in (tmp_path / "targets").iterdir()] == ["run.lock"]


def test_the_listing_says_that_only_the_server_scores() -> None:
    (card,) = (card for card in datasets.listing() if card["name"] == "dnd")
    assert "server only: no public ground truth" in card["title"]


def test_a_missing_file_is_named_with_the_tree(root: Path) -> None:
    (root / "images_srgb/0002.mat").unlink()
    with pytest.raises(UserError, match=r"images_srgb/0002\.mat: file of split 'test' .* expected: info\.mat and"):
        dnd.DATASET.locate(root)
    (root / "info.mat").unlink()
    with pytest.raises(UserError, match=r"info\.mat: file of split 'test' of data set 'dnd' is missing"):
        dnd.DATASET.locate(root)


def test_values_beyond_white_and_black_are_clipped(root: Path) -> None:
    write_picture(root, 1, (picture(1) - 0.5) * 3)
    crop = next(pixels for _, _, pixels in dnd.DATASET.blocks(root))
    assert (crop.min(), crop.max()) == (0, 1)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.zeros((HEIGHT, WIDTH, 3), np.uint8), r"uint8 \(3, 52, 40\) where floats \(3, W, H\) are"),
        (np.zeros((HEIGHT, WIDTH, 4), np.float32), r"float32 \(4, 52, 40\) where floats"),
        (np.zeros((HEIGHT, WIDTH), np.float32), r"float32 \(52, 40\) where floats"),
        (np.zeros((HEIGHT, 20, 3), np.float32), r"40 x 20 pixels do not hold a crop of info\.mat"),
        (np.full((HEIGHT, WIDTH, 3), np.nan, np.float32), r"pixels that are no numbers"),
    ],
    ids=["depth", "bands", "grey", "size", "nan"],
)
def test_a_wrong_picture_is_named(root: Path, values: np.ndarray, reason: str) -> None:
    write_picture(root, 2, values)
    with pytest.raises(UserError, match=rf"images_srgb/0002\.mat.*{reason}"):
        list(dnd.DATASET.blocks(root))


def test_a_picture_under_another_key_is_named(root: Path) -> None:
    with h5py.File(root / "images_srgb/0001.mat", "w") as file:
        file["Inoisy"] = np.zeros((3, WIDTH, HEIGHT), np.float32)
    with pytest.raises(UserError, match=r"0001\.mat holds no array 'InoisySRGB'"):
        next(dnd.DATASET.blocks(root))


@pytest.mark.parametrize("name", ["info.mat", "images_srgb/0001.mat"])
@pytest.mark.parametrize("part", [0.0, 0.2, 0.9])
def test_a_truncated_file_is_named(root: Path, name: str, part: float) -> None:
    path = root / name
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    with pytest.raises(UserError, match=rf"{name} is not a readable MATLAB file") as caught:
        next(dnd.DATASET.blocks(root))
    assert "\n" not in str(caught.value)


def test_boxes_of_another_number_or_size_are_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dnd, "SIDE", 17)
    with pytest.raises(UserError, match=r"info\.mat: a crop is not 17 x 17 pixels"):
        dnd.DATASET.boxes(root)
    monkeypatch.setattr(dnd, "BOXES", 4)
    with pytest.raises(UserError, match=r"info\.mat: crops \(2, 3, 4\) where \(2, 4, 4\) are published"):
        dnd.DATASET.boxes(root)
