"""DIV2K: its layout, and its archives from a server on this machine."""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from _prepared import noise
from _server import Server, serving

from lossbench import datasets
from lossbench.datasets import Source, check_pair_sizes, div2k
from lossbench.errors import UserError
from lossbench.images import read_image, write_png

NUMBERS = {"train": (1, 2, 3), "val": (), "test": (801, 802)}
SMALL = div2k.Div2k(NUMBERS)


def picture(path: Path, height: int, width: int) -> None:
    """Write a picture of noise, so that truncating the file loses pixels."""
    write_png(path, noise(height, width))


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


def test_div2k_splits_are_1_to_800_none_and_801_to_900() -> None:
    assert {split: len(numbers) for split, numbers in div2k.NUMBERS.items()} == {"train": 800, "val": 0, "test": 100}
    assert (min(div2k.NUMBERS["train"]), max(div2k.NUMBERS["test"])) == (1, 900)


def test_div2k_is_found_in_its_own_layout(small_div2k: Path) -> None:
    found = SMALL.locate(small_div2k)
    assert {split: names(sources) for split, sources in found.items()} == {
        "train": ["0001", "0002", "0003"],
        "val": [],
        "test": ["0801", "0802"],
    }
    assert found["test"][0].path == small_div2k / "DIV2K_valid_HR/0801.png"
    assert found["train"][0].licence == "academic research only"


@pytest.mark.parametrize("scale", [2, 4])
def test_div2k_partners_have_the_names_of_their_targets(small_div2k: Path, scale: int) -> None:
    targets = SMALL.locate(small_div2k)
    partners = SMALL.locate_low_quality(small_div2k, "super_resolution", scale)
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
    assert SMALL.locate_low_quality(small_div2k, "denoising", 1) is None
    assert SMALL.locate_low_quality(small_div2k, "super_resolution", 8) is None


def test_by_default_div2k_must_be_complete(small_div2k: Path) -> None:
    with pytest.raises(UserError, match=r"0004\.png: file of split 'train'.*DIV2K_valid_HR/0801\.png to 0900\.png"):
        div2k.DATASET.locate(small_div2k)
    with pytest.raises(UserError, match=r"0004x2\.png: file of split 'train'"):
        div2k.DATASET.locate_low_quality(small_div2k, "super_resolution", 2)


def test_a_whole_div2k_tree_has_nothing_missing(tmp_path: Path) -> None:
    for split, numbers in (("train", range(1, 801)), ("valid", range(801, 901))):
        (tmp_path / f"DIV2K_{split}_HR").mkdir()
        for number in numbers:
            (tmp_path / f"DIV2K_{split}_HR/{number:04d}.png").touch()
    found = div2k.DATASET.locate(tmp_path)
    assert {split: len(sources) for split, sources in found.items()} == {"train": 800, "val": 0, "test": 100}
    assert datasets.missing("div2k", tmp_path) is None
    (tmp_path / "DIV2K_valid_HR/0900.png").unlink()
    assert "0900.png: file of split 'test'" in str(datasets.missing("div2k", tmp_path))


def test_a_missing_div2k_folder_is_named_with_the_split_and_the_tree(small_div2k: Path) -> None:
    (small_div2k / "DIV2K_valid_HR").rename(small_div2k / "elsewhere")
    with pytest.raises(UserError, match=r"DIV2K_valid_HR: folder of split 'test'.*expected: DIV2K_train_HR/0001\.png"):
        SMALL.locate(small_div2k)


def test_a_missing_div2k_picture_is_named_with_its_split(small_div2k: Path) -> None:
    (small_div2k / "DIV2K_train_HR/0002.png").unlink()
    with pytest.raises(UserError, match=r"DIV2K_train_HR/0002\.png: file of split 'train'.*is missing"):
        SMALL.locate(small_div2k)


def test_a_missing_div2k_partner_is_named_with_its_split(small_div2k: Path) -> None:
    (small_div2k / "DIV2K_valid_LR_bicubic/X4/0802x4.png").unlink()
    assert SMALL.locate_low_quality(small_div2k, "super_resolution", 2) is not None
    with pytest.raises(UserError, match=r"X4/0802x4\.png: file of split 'test'.*is missing"):
        SMALL.locate_low_quality(small_div2k, "super_resolution", 4)


def test_a_scale_that_was_not_downloaded_is_named(small_div2k: Path) -> None:
    with pytest.raises(UserError, match=r"DIV2K_train_LR_bicubic/X3: folder of split 'train'"):
        SMALL.locate_low_quality(small_div2k, "super_resolution", 3)


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
    source = SMALL.locate(small_div2k)["train"][2]
    with pytest.raises(UserError, match=r"0003\.png is not a readable picture"):
        read_image(source.path)


def test_what_is_missing_is_one_text_with_licence_size_source_and_problem(tmp_path: Path) -> None:
    text = datasets.missing("div2k", tmp_path)
    assert text is not None
    assert "\n" not in text
    assert "academic research only" in text
    assert "5.3 GB" in text
    assert "https://data.vision.ee.ethz.ch/cvl/DIV2K/" in text
    assert f"{tmp_path / 'DIV2K_train_HR'}: folder of split 'train'" in text


def archive(name: str) -> bytes:
    """Return a zip file of that name with one file in the folder that the name tells."""
    stream = io.BytesIO()
    stem = name.removesuffix(".zip")
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr(zipfile.ZipInfo(stem.replace("bicubic_X", "bicubic/X") + "/0001.png"), stem)
    return stream.getvalue()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Return a running server of small archives under the names of the published ones, each with its own digest."""
    with serving(monkeypatch) as running:
        small = []
        for published in div2k.ARCHIVES:
            content = running.contents[published.name] = archive(published.name)
            algorithm = published.digest.partition(":")[0]
            digest = f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"
            small.append(replace(published, url=f"{running.url}/{published.name}", digest=digest))
        monkeypatch.setattr(div2k, "ARCHIVES", tuple(small))
        yield running


def test_fetched_archives_with_the_right_digest_become_the_layout(server: Server, tmp_path: Path) -> None:
    root = tmp_path / "div2k"
    datasets.fetch("div2k", root)
    assert sorted(path.name for path in root.iterdir()) == sorted(div2k.EXTRACTED)
    assert (root / "DIV2K_train_LR_bicubic/X4/0001.png").read_text() == "DIV2K_train_LR_bicubic_X4"
    assert (root / "DIV2K_valid_LR_bicubic/X2/0001.png").is_file()
    assert server.asked == [None] * 6


@pytest.mark.parametrize(("name", "algorithm"), [("DIV2K_valid_HR", "sha256"), ("DIV2K_valid_LR_bicubic_X4", "md5")])
def test_a_fetched_archive_with_another_digest_is_named_and_never_used(
    server: Server, tmp_path: Path, name: str, algorithm: str
) -> None:
    expected = next(known.digest for known in div2k.ARCHIVES if known.name == f"{name}.zip").partition(":")[2]
    server.contents[f"{name}.zip"] = archive("another.zip")
    root = tmp_path / "div2k"
    with pytest.raises(UserError, match=rf"{name}\.zip has {algorithm} .*expected {expected}; delete it"):
        div2k.DATASET.fetch(root)
    assert [path.name for path in root.iterdir()] == ["DIV2K.partial"]
    assert not list(root.rglob("*.png"))


def test_an_interrupted_download_keeps_what_is_finished(server: Server, tmp_path: Path) -> None:
    server.breaks_at = {"DIV2K_train_LR_bicubic_X2.zip": 60}
    with pytest.raises(UserError, match=r"DIV2K_train_LR_bicubic_X2\.zip: the download failed \(60 of \d+ bytes came"):
        div2k.DATASET.fetch(tmp_path)
    assert server.asked == [None] * 3
    div2k.DATASET.fetch(tmp_path)
    assert server.asked == [None] * 3 + ["bytes=60-"] + [None] * 3


def test_a_failed_download_is_one_message(server: Server, tmp_path: Path) -> None:
    server.status = 503
    with pytest.raises(UserError, match=r"DIV2K_train_HR\.zip: the download failed \(HTTP Error 503"):
        div2k.DATASET.fetch(tmp_path / "div2k")


def test_an_archive_without_its_folder_is_named(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(div2k, "ARCHIVES", div2k.ARCHIVES[1:])
    with pytest.raises(UserError, match=r"DIV2K\.partial: no archive holds the folder DIV2K_train_HR; delete it"):
        div2k.DATASET.fetch(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["DIV2K.partial"]


def test_fetch_leaves_a_folder_that_is_already_there_alone(server: Server, small_div2k: Path) -> None:
    with pytest.raises(UserError, match=r"DIV2K_train_HR is already there"):
        div2k.DATASET.fetch(small_div2k)
    assert not (small_div2k / "DIV2K.partial").exists()
    assert server.asked == []


def test_five_of_six_archives_have_a_sha256_and_all_sizes_make_the_card() -> None:
    digests = [known.digest.partition(":") for known in div2k.ARCHIVES]
    assert sorted(algorithm for algorithm, *_ in digests) == ["md5", *["sha256"] * 5]
    assert {(algorithm, len(value)) for algorithm, _, value in digests} == {("md5", 32), ("sha256", 64)}
    assert len({value for *_, value in digests}) == 6
    assert div2k.CARD.bytes == sum(known.bytes for known in div2k.ARCHIVES) == 5_301_165_837
