"""A user's own pictures: what is found, what is refused, and what the message names."""

from pathlib import Path
from string import ascii_lowercase

import pytest
from _prepared import noise
from PIL import Image

from lossbench import datasets
from lossbench.datasets import Source
from lossbench.errors import Notice, UserError
from lossbench.images import EXTENSIONS, write_png

folder = datasets.load("folder")


def picture(path: Path, height: int = 12, width: int = 24) -> None:
    """Write a picture of noise."""
    write_png(path, noise(height, width))


def names(sources: list[Source]) -> list[str]:
    """List the names of `sources`."""
    return [source.name for source in sources]


@pytest.fixture
def own_pictures(tmp_path: Path) -> Path:
    """A user's folder with two training pictures and one test picture, all with partners."""
    for name in ("train/target/b.png", "train/target/a.png", "test/target/c.png"):
        picture(tmp_path / name)
        picture(tmp_path / name.replace("target", "low_quality"), 6, 12)
    return tmp_path


def test_own_pictures_are_found_sorted_with_their_partners(own_pictures: Path) -> None:
    found = folder.locate(own_pictures)
    assert {split: names(sources) for split, sources in found.items()} == {
        "train": ["a", "b"],
        "val": [],
        "test": ["c"],
    }
    partners = folder.locate_low_quality(own_pictures, "denoising", 1)
    assert partners is not None
    assert partners["train"][0].path == own_pictures / "train/low_quality/a.png"
    assert {split: names(sources) for split, sources in partners.items()} == {
        "train": ["a", "b"],
        "val": [],
        "test": ["c"],
    }


def test_own_pictures_without_partners_are_degraded_by_the_task(own_pictures: Path) -> None:
    for split in ("train", "test"):
        (own_pictures / split / "low_quality").rename(own_pictures / f"{split}_elsewhere")
    assert folder.locate_low_quality(own_pictures, "denoising", 1) is None


@pytest.mark.parametrize("where", [".", "target"])
def test_pictures_that_nobody_divided_are_divided_by_their_names(tmp_path: Path, where: str) -> None:
    for letter in ascii_lowercase:
        picture(tmp_path / where / f"{letter}.png", 4, 4)
        picture(tmp_path / "low_quality" / f"{letter}.png", 4, 4)
    with pytest.warns(Notice) as said:
        found = folder.locate(tmp_path)
    place = tmp_path / "target" if where == "target" else tmp_path
    told = [str(notice.message) for notice in said if "each 5th is tested on" in str(notice.message)]
    assert told and told[0].startswith(f"{place}: has no train and test:") and "(train 19, val 2, test 5)" in told[0]
    assert names(found["test"]) == ["e", "j", "o", "t", "y"] and names(found["val"]) == ["l", "x"]
    assert sorted(name for each in found.values() for name in names(each)) == [
        chr(ord("a") + number) for number in range(26)
    ]
    partners = folder.locate_low_quality(tmp_path, "paired", 1)
    if where == ".":
        assert partners is None
    else:
        assert partners is not None
        assert {split: names(each) for split, each in partners.items()} == {
            split: names(each) for split, each in found.items()
        }
        (tmp_path / "low_quality/z.png").unlink()
        with pytest.raises(UserError, match=r"target/z\.png has no partner 'z' in .*low_quality; add it"):
            folder.locate_low_quality(tmp_path, "paired", 1)


def test_too_few_pictures_are_not_divided(tmp_path: Path) -> None:
    for number in range(4):
        picture(tmp_path / f"{number}.png")
    with pytest.raises(UserError, match=r"holds 4 pictures and is not divided into train and test; give 5 or more, or"):
        folder.locate(tmp_path)


def test_other_files_and_hidden_files_are_passed_over(own_pictures: Path) -> None:
    (own_pictures / "train/target/notes.txt").write_text("not a picture")
    (own_pictures / "train/target/._a.png").write_text("left by a file manager")
    picture(own_pictures / "train/target/old/z.png")
    (own_pictures / "train/target/b.png").rename(own_pictures / "train/target/B.PNG")
    assert names(folder.locate(own_pictures)["train"]) == ["B", "a"]


def test_what_is_passed_over_is_said(own_pictures: Path) -> None:
    picture(own_pictures / "train/target/old/z.png")
    for name in ("train/target/c.gif", "test/low_quality/d.jfif", "valid/target/e.png", "test/targets/f.png"):
        (own_pictures / name).parent.mkdir(parents=True, exist_ok=True)
        (own_pictures / name).write_bytes(b"")
    with pytest.warns(Notice) as said:
        folder.locate(own_pictures)
        folder.locate_low_quality(own_pictures, "denoising", 1)
    lines = {str(notice.message).removeprefix(f"{own_pictures}").partition(" passed over")[0] for notice in said}
    assert lines == {
        ": the sub-folder valid",
        "/test: the sub-folder targets",
        "/train/target: the sub-folder old and the file c.gif",
        "/test/low_quality: the file d.jfif",
    }


def test_a_link_to_nowhere_is_refused(own_pictures: Path) -> None:
    (own_pictures / "train/target/z.png").symlink_to(own_pictures / "gone.png")
    with pytest.raises(UserError, match=r"train/target/z\.png is a link to .*gone\.png, which is missing"):
        folder.locate(own_pictures)


@pytest.mark.parametrize("place", ["val", "val/target", "train/low_quality", "test/low_quality", "train/target"])
def test_a_folder_on_a_disk_that_is_not_mounted_is_not_taken_for_absent(own_pictures: Path, place: str) -> None:
    if (own_pictures / place).exists():
        (own_pictures / place).rename(own_pictures / "before")
    (own_pictures / place).parent.mkdir(exist_ok=True)
    (own_pictures / place).symlink_to("/mnt/unmounted")
    with pytest.raises(UserError, match=rf"{place} is a link to /mnt/unmounted, which is missing; mend or remove it"):
        folder.locate(own_pictures)


def test_a_picture_is_read_upright_and_other_than_8_bit_rgb_is_refused(own_pictures: Path) -> None:
    tags = Image.Exif()
    tags[0x0112] = 6
    path = own_pictures / "train/target/a.jpg"
    Image.fromarray(noise(12, 24)).save(path, exif=tags)
    assert folder.read(Source("a", path, "")).shape == (24, 12, 3)
    Image.new("LAB", (8, 8)).save(path.with_suffix(".tif"))
    with pytest.raises(UserError, match=r"a\.tif: CIELAB values are no levels of light; convert the file to RGB"):
        folder.read(Source("a", path.with_suffix(".tif"), ""))


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_missing_split_of_own_pictures_is_named(own_pictures: Path, split: str) -> None:
    (own_pictures / split).rename(own_pictures / "elsewhere")
    with pytest.raises(UserError, match=rf"{split}/target: folder of split '{split}' is missing; expected: train/"):
        folder.locate(own_pictures)


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_folder_without_pictures_is_named(own_pictures: Path, split: str) -> None:
    target = own_pictures / split / "target"
    target.mkdir(parents=True, exist_ok=True)
    for path in target.iterdir():
        path.rename(path.with_suffix(".txt"))
    with pytest.raises(UserError, match=rf"{split}/target: no picture for split '{split}'"):
        folder.locate(own_pictures)


def test_a_missing_partner_is_named(own_pictures: Path) -> None:
    (own_pictures / "train/low_quality/a.png").unlink()
    with pytest.raises(UserError, match=r"train/target/a\.png has no partner 'a' in .*train/low_quality"):
        folder.locate_low_quality(own_pictures, "denoising", 1)


def test_a_partner_without_a_target_is_named(own_pictures: Path) -> None:
    picture(own_pictures / "test/low_quality/d.png")
    with pytest.raises(UserError, match=r"test/low_quality/d\.png has no target"):
        folder.locate_low_quality(own_pictures, "denoising", 1)


def test_partners_in_one_split_only_are_refused(own_pictures: Path) -> None:
    (own_pictures / "test/low_quality").rename(own_pictures / "elsewhere")
    with pytest.raises(UserError, match=r"test/low_quality: folder of split 'test' is missing"):
        folder.locate_low_quality(own_pictures, "denoising", 1)


def test_two_files_of_one_name_are_named(own_pictures: Path) -> None:
    (own_pictures / "train/target/a.jpg").write_bytes(b"")
    with pytest.raises(UserError, match=r"a\.png and a\.jpg have the same name"):
        folder.locate(own_pictures)


def test_the_card_lists_the_extensions_that_are_read() -> None:
    assert ", ".join(sorted(extension.removeprefix(".") for extension in EXTENSIONS)) in folder.card.layout
