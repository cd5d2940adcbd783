"""Data sets: what is found, what is refused, and what the message names."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import types
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from _repository import ROOT

from lossbench import datasets
from lossbench.assets import embedded
from lossbench.datasets import div2k, folder, generic_photographs, photographs
from lossbench.datasets._card import Card, Source
from lossbench.datasets._pairs import check_pair_sizes
from lossbench.errors import UserError
from lossbench.files import sha256
from lossbench.images import read_image, write_png

NUMBERS = {"train": (1, 2, 3), "test": (801, 802)}


def picture(path: Path, height: int = 12, width: int = 24) -> None:
    """Write a picture of noise, so that truncating the file loses pixels."""
    write_png(path, np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def names(sources: list[Source]) -> list[str]:
    """List the names of `sources`."""
    return [source.name for source in sources]


@pytest.fixture
def small_div2k(tmp_path: Path) -> Path:
    """Five pictures in DIV2K's own layout, with x2 and x4 partners."""
    for split, numbers in (("train", NUMBERS["train"]), ("valid", NUMBERS["test"])):
        for number in numbers:
            picture(tmp_path / f"DIV2K_{split}_HR/{number:04d}.png", 24, 48)
            for scale in (2, 4):
                low_quality = tmp_path / f"DIV2K_{split}_LR_bicubic/X{scale}/{number:04d}x{scale}.png"
                picture(low_quality, 24 // scale, 48 // scale)
    return tmp_path


@pytest.fixture
def own_pictures(tmp_path: Path) -> Path:
    """A user's folder with two training pictures and one test picture, all with partners."""
    for name in ("train/target/b.png", "train/target/a.png", "test/target/c.png"):
        picture(tmp_path / name)
        picture(tmp_path / name.replace("target", "low_quality"), 6, 12)
    return tmp_path


def test_the_photographs_are_twelve_two_and_six() -> None:
    found = photographs.locate(None)
    assert {split: len(sources) for split, sources in found.items()} == {"train": 12, "val": 2, "test": 6}
    assert names(found["test"]) == ["astronaut", "chelsea", "china", "coffee", "flower", "rocket"]
    assert names(found["val"]) == ["imagenet_10_541", "imagenet_11_630"]
    assert names(found["train"])[:2] == ["grace_hopper", "imagenet_00_243"]
    assert {source.name: source.licence for source in found["test"]}["china"] == "CC BY 2.0"


def test_the_training_photographs_hold_3299140_pixels() -> None:
    shapes = [read_image(source.path).shape for source in photographs.locate(None)["train"]]
    assert sum(height * width for height, width, _ in shapes) == 3_299_140
    assert {bands for *_, bands in shapes} == {3}


def test_the_generic_photographs_are_ten_and_one_with_no_test() -> None:
    found = generic_photographs.locate(None)
    assert {split: len(sources) for split, sources in found.items()} == {"train": 10, "val": 1, "test": 0}
    assert names(found["train"])[:3] == ["brick", "grass", "gravel"]
    assert names(found["val"]) == ["imagenet_19_305"]


def test_a_grey_texture_is_read_as_three_equal_bands() -> None:
    brick = read_image(generic_photographs.locate(None)["train"][0].path)
    assert brick.shape == (512, 512, 3)
    assert (brick[..., 0] == brick[..., 1]).all()
    assert (brick[..., 0] == brick[..., 2]).all()


def test_no_embedded_file_is_in_two_splits_or_two_sets() -> None:
    sources = [
        source
        for module in (photographs, generic_photographs)
        for split in module.locate(None).values()
        for source in split
    ]
    assert len(sources) == 31
    assert len({source.path for source in sources}) == 31
    digests = [sha256(source.path) for source in sources]
    assert len(set(digests)) == 31
    assert digests == [source.sha256 for source in sources]


def test_a_tampered_embedded_file_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    path = "skimage/data/coffee.png"
    tampered = {**embedded.catalogue(), path: replace(embedded.catalogue()[path], sha256="0" * 64)}
    monkeypatch.setattr(embedded, "catalogue", lambda: tampered)
    with pytest.raises(UserError, match=r"coffee\.png has sha256 cc02f8ca.*expected 0000"):
        photographs.locate(None)
    assert "coffee.png has sha256" in str(datasets.missing("photographs", None))


def test_an_absent_package_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    path = "foolbox/data/imagenet_00_243.jpg"
    absent = {**embedded.catalogue(), path: replace(embedded.catalogue()[path], package="no-such-package")}
    monkeypatch.setattr(embedded, "catalogue", lambda: absent)
    with pytest.raises(UserError, match=r"no-such-package is not installed; run: uv sync --group embedded"):
        photographs.locate(None)


def test_div2k_splits_are_1_to_800_none_and_801_to_900() -> None:
    assert {split: len(numbers) for split, numbers in div2k.NUMBERS.items()} == {"train": 800, "val": 0, "test": 100}
    assert (min(div2k.NUMBERS["train"]), max(div2k.NUMBERS["test"])) == (1, 900)


def test_div2k_is_found_in_its_own_layout(small_div2k: Path) -> None:
    found = div2k.locate(small_div2k, NUMBERS)
    assert {split: names(sources) for split, sources in found.items()} == {
        "train": ["0001", "0002", "0003"],
        "val": [],
        "test": ["0801", "0802"],
    }
    assert found["test"][0].path == small_div2k / "DIV2K_valid_HR/0801.png"
    assert found["train"][0].licence == "academic research only"


@pytest.mark.parametrize("scale", [2, 4])
def test_div2k_partners_have_the_names_of_their_targets(small_div2k: Path, scale: int) -> None:
    targets = div2k.locate(small_div2k, NUMBERS)
    partners = div2k.locate_low_quality(small_div2k, "super_resolution", scale, NUMBERS)
    assert partners is not None
    assert {split: names(sources) for split, sources in partners.items()} == {
        split: names(sources) for split, sources in targets.items()
    }
    assert partners["train"][2].path == small_div2k / f"DIV2K_train_LR_bicubic/X{scale}/0003x{scale}.png"
    for target, partner in zip(targets["train"], partners["train"], strict=True):
        check_pair_sizes(
            read_image(target.path).shape,
            read_image(partner.path).shape,
            scale,
            (str(target.path), str(partner.path)),
        )


def test_div2k_ships_nothing_for_other_tasks_or_scales(small_div2k: Path) -> None:
    assert div2k.locate_low_quality(small_div2k, "denoising", 1, NUMBERS) is None
    assert div2k.locate_low_quality(small_div2k, "super_resolution", 8, NUMBERS) is None


def test_by_default_div2k_must_be_complete(small_div2k: Path) -> None:
    with pytest.raises(UserError, match=r"0004\.png: file of split 'train'.*DIV2K_valid_HR/0801\.png to 0900\.png"):
        div2k.locate(small_div2k)
    with pytest.raises(UserError, match=r"0004x2\.png: file of split 'train'"):
        div2k.locate_low_quality(small_div2k, "super_resolution", 2)


def test_a_whole_div2k_tree_has_nothing_missing(tmp_path: Path) -> None:
    for split, numbers in (("train", range(1, 801)), ("valid", range(801, 901))):
        (tmp_path / f"DIV2K_{split}_HR").mkdir()
        for number in numbers:
            (tmp_path / f"DIV2K_{split}_HR/{number:04d}.png").touch()
    found = div2k.locate(tmp_path)
    assert {split: len(sources) for split, sources in found.items()} == {"train": 800, "val": 0, "test": 100}
    assert datasets.missing("div2k", tmp_path) is None
    (tmp_path / "DIV2K_valid_HR/0900.png").unlink()
    assert "0900.png: file of split 'test'" in str(datasets.missing("div2k", tmp_path))


def test_a_missing_div2k_folder_is_named_with_the_split_and_the_tree(small_div2k: Path) -> None:
    (small_div2k / "DIV2K_valid_HR").rename(small_div2k / "elsewhere")
    with pytest.raises(UserError, match=r"DIV2K_valid_HR: folder of split 'test'.*expected: DIV2K_train_HR/0001\.png"):
        div2k.locate(small_div2k, NUMBERS)


def test_a_missing_div2k_picture_is_named_with_its_split(small_div2k: Path) -> None:
    (small_div2k / "DIV2K_train_HR/0002.png").unlink()
    with pytest.raises(UserError, match=r"DIV2K_train_HR/0002\.png: file of split 'train'.*is missing"):
        div2k.locate(small_div2k, NUMBERS)


def test_a_missing_div2k_partner_is_named_with_its_split(small_div2k: Path) -> None:
    (small_div2k / "DIV2K_valid_LR_bicubic/X4/0802x4.png").unlink()
    assert div2k.locate_low_quality(small_div2k, "super_resolution", 2, NUMBERS) is not None
    with pytest.raises(UserError, match=r"X4/0802x4\.png: file of split 'test'.*is missing"):
        div2k.locate_low_quality(small_div2k, "super_resolution", 4, NUMBERS)


def test_a_scale_that_was_not_downloaded_is_named(small_div2k: Path) -> None:
    with pytest.raises(UserError, match=r"DIV2K_train_LR_bicubic/X3: folder of split 'train'"):
        div2k.locate_low_quality(small_div2k, "super_resolution", 3, NUMBERS)


def test_a_partner_of_the_wrong_size_is_named_with_both_sizes(small_div2k: Path) -> None:
    picture(small_div2k / "DIV2K_train_LR_bicubic/X2/0001x2.png", 12, 23)
    target = read_image(small_div2k / "DIV2K_train_HR/0001.png")
    low_quality = read_image(small_div2k / "DIV2K_train_LR_bicubic/X2/0001x2.png")
    with pytest.raises(UserError, match=r"^0001x2\.png: 12 x 23 .*scale 2 .*24 x 48 of 0001\.png"):
        check_pair_sizes(target.shape, low_quality.shape, 2, ("0001.png", "0001x2.png"))


def test_clips_are_compared_by_height_and_width_only() -> None:
    check_pair_sizes((5, 8, 12, 3), (5, 4, 6, 3), 2, ("target", "low_quality"))
    with pytest.raises(UserError, match="4 x 6"):
        check_pair_sizes((5, 8, 12, 3), (5, 4, 6, 3), 1, ("target", "low_quality"))


def test_a_truncated_div2k_picture_is_named(small_div2k: Path) -> None:
    path = small_div2k / "DIV2K_train_HR/0003.png"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    source = div2k.locate(small_div2k, NUMBERS)["train"][2]
    with pytest.raises(UserError, match=r"0003\.png is not a readable picture"):
        read_image(source.path)


def test_a_real_set_without_a_root_says_so() -> None:
    with pytest.raises(UserError, match="'div2k' needs 'root'"):
        div2k.locate(None)
    with pytest.raises(UserError, match="'folder' needs 'root'"):
        folder.locate(None)


class FakeDiv2K:
    """Lays down one small archive for each address, as torchsr does: below `root/DIV2K`, kept and unpacked."""

    urls: ClassVar = [
        *((f"http://example.org/DIV2K/{name}", "md5") for name in div2k.ARCHIVES),
        ("http://example.org/DIV2K/DIV2K_train_LR_wild.zip", "md5"),
    ]
    already_downloaded_urls: ClassVar[list[tuple[str, str]]] = []

    def __init__(self, root: str, scale: int, track: str, split: str, download: bool) -> None:
        assert (scale, track, split, download) == (4, "bicubic", "train", True)
        assert len(self.urls) == 6, "other degradations would be downloaded too"
        for url, _ in self.urls:
            lay_down(Path(root) / "DIV2K" / url.rsplit("/", 1)[-1])


def lay_down(archive: Path) -> None:
    """Write and unpack an archive that holds one file in the folder that its name tells."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    member = archive.stem.replace("bicubic_X", "bicubic/X") + "/0001.png"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(zipfile.ZipInfo(member), archive.stem)
    with zipfile.ZipFile(archive) as file:
        file.extractall(archive.parent)


@pytest.fixture
def fake_torchsr(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Put a torchsr without a network in place of the real one, with the checksums of its archives."""
    module = types.ModuleType("torchsr.datasets")
    module.Div2K = FakeDiv2K  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torchsr", types.ModuleType("torchsr"))
    monkeypatch.setitem(sys.modules, "torchsr.datasets", module)
    for name in div2k.ARCHIVES:
        lay_down(tmp_path / "reference" / name)
    digests = {name: sha256(tmp_path / "reference" / name) for name in div2k.ARCHIVES}
    monkeypatch.setattr(div2k, "ARCHIVES", {**digests, "DIV2K_valid_LR_bicubic_X4.zip": None})


def test_fetched_archives_with_the_right_sha256_become_the_layout(fake_torchsr: None, tmp_path: Path) -> None:
    root = tmp_path / "div2k"
    div2k.fetch(root)
    assert sorted(path.name for path in root.iterdir()) == sorted(div2k.EXTRACTED)
    assert (root / "DIV2K_train_LR_bicubic/X4/0001.png").read_text() == "DIV2K_train_LR_bicubic_X4"
    assert (root / "DIV2K_valid_LR_bicubic/X2/0001.png").is_file()


def test_a_fetched_archive_with_another_sha256_is_named_and_never_used(
    fake_torchsr: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wrong = hashlib.sha256(b"another archive").hexdigest()
    monkeypatch.setitem(div2k.ARCHIVES, "DIV2K_valid_HR.zip", wrong)
    root = tmp_path / "div2k"
    with pytest.raises(UserError, match=rf"DIV2K_valid_HR\.zip has sha256 .*expected {wrong}; delete it"):
        div2k.fetch(root)
    assert [path.name for path in root.iterdir()] == ["DIV2K.partial"]


def test_a_failed_download_is_one_message(fake_torchsr: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(FakeDiv2K, "__init__", fail)
    with pytest.raises(UserError, match=r"downloading DIV2K failed \(no route to host\)"):
        div2k.fetch(tmp_path / "div2k")


def test_fetch_leaves_a_folder_that_is_already_there_alone(fake_torchsr: None, small_div2k: Path) -> None:
    with pytest.raises(UserError, match=r"DIV2K_train_HR is already there"):
        div2k.fetch(small_div2k)
    assert not (small_div2k / "DIV2K.partial").exists()


def test_the_known_checksums_are_five_of_six() -> None:
    digests = [digest for digest in div2k.ARCHIVES.values() if digest is not None]
    assert len(div2k.ARCHIVES) == 6
    assert len(set(digests)) == 5
    assert {len(digest) for digest in digests} == {64}


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


def test_other_files_and_hidden_files_are_passed_over(own_pictures: Path) -> None:
    (own_pictures / "train/target/notes.txt").write_text("not a picture")
    (own_pictures / "train/target/._a.png").write_text("left by a file manager")
    picture(own_pictures / "train/target/old/z.png")
    (own_pictures / "train/target/b.png").rename(own_pictures / "train/target/B.PNG")
    assert names(folder.locate(own_pictures)["train"]) == ["B", "a"]


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


def test_the_listing_has_one_card_a_file() -> None:
    cards = {card["name"]: card for card in datasets.listing()}
    assert {"div2k", "folder", "generic_photographs", "photographs"} <= set(cards)
    assert cards["photographs"]["stand_in_for"] == "div2k"
    assert cards["generic_photographs"]["stand_in_for"] == "imagenet"
    assert cards["div2k"]["bytes"] == 5_301_165_837
    for name, card in cards.items():
        assert tuple(card) == ("name", "title", "licence", "bytes", "where", "stand_in_for")
        assert isinstance(datasets.load(name).CARD, Card)


def test_what_is_missing_is_one_text_with_licence_size_source_and_problem(tmp_path: Path) -> None:
    text = datasets.missing("div2k", tmp_path)
    assert text is not None
    assert "\n" not in text
    assert "academic research only" in text
    assert "5.3 GB" in text
    assert "https://data.vision.ee.ethz.ch/cvl/DIV2K/" in text
    assert f"{tmp_path / 'DIV2K_train_HR'}: folder of split 'train'" in text


def test_nothing_is_missing_of_the_embedded_sets() -> None:
    assert datasets.missing("photographs", None) is None
    assert datasets.missing("generic_photographs", Path("ignored")) is None


def test_an_unknown_data_set_names_the_nearest() -> None:
    with pytest.raises(UserError, match=r"unknown dataset 'photograph'.*did you mean 'photographs'\?"):
        datasets.missing("photograph", None)


def test_listing_the_data_sets_imports_no_heavy_library() -> None:
    code = (
        "import sys; from lossbench import datasets; datasets.listing();"
        " print([name for name in ('torch', 'torchvision', 'torchsr', 'skimage', 'sklearn') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
