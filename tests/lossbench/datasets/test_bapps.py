"""BAPPS: the published tree, what a triplet is, and what is refused by file and split."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from _bapps import NUMBERS, SIDE, triplet, write_tree
from _prepared import damage, noise

from lossbench import datasets
from lossbench.datasets import bapps
from lossbench.errors import UserError
from lossbench.images import read_image, write_png
from pipeline.learning.judgements import HumanJudgements


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tree(tmp_path_factory.mktemp("published"))


@pytest.fixture
def root(published: Path, tmp_path: Path) -> Path:
    return shutil.copytree(published, tmp_path, dirs_exist_ok=True)


def refused(root: Path | None, message: str) -> None:
    with pytest.raises(UserError, match=message) as refusal:
        bapps.DATASET.locate(root)
    assert "\n" not in str(refusal.value)
    assert datasets.missing("bapps", root) is not None


def unreadable(root: Path, message: str, split: str = "test") -> None:
    """Expect a message that names the split, and that the triplet before is still read."""
    found = bapps.DATASET.locate(root)
    sources = [source for source in found[split] if source.group == "cnn"]
    bapps.DATASET.read_triplet(sources[0], SIDE)
    judged = HumanJudgements(sources, sources, bapps.DATASET.read_triplet, side=SIDE, batch=9, seed=0, augment=False)
    for read in (lambda: list(judged.held_out(3)), lambda: [judged.draw(step) for step in range(3)]):
        with pytest.raises(UserError, match=message) as refusal:
            read()
        assert "\n" not in str(refusal.value)
    with pytest.raises(UserError, match=r"^split test: "):
        list(judged.held_out(3))
    with pytest.raises(UserError, match=r"^split train: "):
        [judged.draw(step) for step in range(3)]


def test_the_published_sets_are_three_and_six() -> None:
    assert bapps.SETS["train"] == ("traditional", "cnn", "mix")
    assert bapps.SETS["test"] == ("traditional", "cnn", "superres", "deblur", "color", "frameinterp")


@pytest.mark.parametrize("nested", ["", "2afc"])
def test_the_originals_are_found_with_their_set_in_their_name(root: Path, nested: str) -> None:
    found = bapps.DATASET.locate(root / nested)
    assert [source.name for source in found["train"][:4]] == [f"traditional-{n}" for n in NUMBERS] + ["cnn-000000"]
    assert (len(found["train"]), len(found["val"]), len(found["test"])) == (9, 0, 18)
    assert found["test"][-1].name == "frameinterp-000002"
    assert found["test"][-1].path == root / "2afc/val/frameinterp/ref/000002.png"
    assert datasets.missing("bapps", root) is None


def test_the_folder_that_the_published_script_makes_is_found_too(published: Path, tmp_path: Path) -> None:
    shutil.copytree(published, tmp_path / "dataset")
    assert len(bapps.DATASET.locate(tmp_path)["test"]) == 18


def test_a_triplet_is_its_four_files(root: Path) -> None:
    source = bapps.DATASET.locate(root)["test"][4]
    images, judgement = bapps.DATASET.read_triplet(source, SIDE)
    folder = root / "2afc/val/cnn"
    for part, image in zip(("ref", "p0", "p1"), images, strict=True):
        assert np.array_equal(image, read_image(folder / part / "000001.png"))
    assert judgement == pytest.approx(0.2)
    assert len({image.tobytes() for image in images}) == 3


def test_larger_patches_are_reduced_with_a_triangle_as_wide_as_the_factor(root: Path) -> None:
    folder = root / "2afc/val/color"
    triplet(folder, "000001", 1.0, 4 * SIDE)
    source = next(source for source in bapps.DATASET.locate(root)["test"] if source.name == "color-000001")
    images, _ = bapps.DATASET.read_triplet(source, SIDE)
    apart = (np.arange(4 * SIDE) + 0.5) / 4 - (np.arange(SIDE)[:, None] + 0.5)
    weights = np.clip(1 - np.abs(apart), 0, None)
    weights /= weights.sum(axis=1, keepdims=True)
    for part, image in zip(("ref", "p0", "p1"), images, strict=True):
        whole = read_image(folder / part / "000001.png")
        expected = np.einsum("ih,jw,hwc->ijc", weights, weights, whole)
        # both passes round
        assert np.abs(image - expected).max() < 1.01


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_a_judgement_of_any_numeric_type_and_shape_is_read(root: Path, dtype: type, shape: tuple[int, ...]) -> None:
    np.save(root / "2afc/train/traditional/judge/000000.npy", np.ones(shape, dtype))
    assert bapps.DATASET.read_triplet(bapps.DATASET.locate(root)["train"][0], SIDE)[1] == 1.0


def test_alpha_is_dropped_and_grey_repeated(root: Path) -> None:
    for part, how in (("p0", "alpha"), ("p1", "grey")):
        damage(root / f"2afc/train/traditional/{part}/000000.png", how)
    images, _ = bapps.DATASET.read_triplet(bapps.DATASET.locate(root)["train"][0], SIDE)
    assert {image.shape for image in images} == {(SIDE, SIDE, 3)}


def test_hidden_and_other_files_are_passed_over(root: Path) -> None:
    (root / "2afc/val/cnn/ref/._000000.png").write_bytes(b"")
    (root / "2afc/val/cnn/judge/notes.txt").write_text("")
    assert len(bapps.DATASET.locate(root)["test"]) == 18


def test_a_missing_root_or_folder_is_named(root: Path, tmp_path: Path) -> None:
    refused(None, r"data set 'bapps' needs 'root'.*2afc/train/\{traditional,cnn,mix\}")
    refused(tmp_path / "none", "train/traditional/ref: folder of split 'train' of data set 'bapps' is missing")
    (root / "2afc/val/deblur").rename(root / "2afc/val/blur")
    refused(root, "val/deblur/ref: folder of split 'test' of data set 'bapps' is missing; expected: 2afc/train")


@pytest.mark.parametrize("part", ["ref", "p0", "p1", "judge"])
@pytest.mark.parametrize(("folder", "split"), [("train/mix", "train"), ("val/superres", "test")])
def test_a_missing_partner_is_named(root: Path, part: str, folder: str, split: str) -> None:
    end = bapps.PARTS[part]
    path = root / f"2afc/{folder}/{part}/000001{end}"
    path.unlink()
    refused(root, rf"{path}: file of split '{split}' of data set 'bapps' is missing; expected: 2afc/train")


def test_an_empty_set_is_named(root: Path) -> None:
    for path in (root / "2afc/train/cnn").rglob("*.*"):
        path.unlink()
    refused(root, "train/cnn: no triplet of split 'train' of data set 'bapps'")


@pytest.mark.parametrize("part", ["ref", "p0", "p1"])
def test_a_truncated_patch_is_named_with_its_split(root: Path, part: str) -> None:
    damage(root / f"2afc/val/cnn/{part}/000002.png", "truncated")
    unreadable(root, rf"val/cnn/{part}/000002\.png is not a readable picture")


@pytest.mark.parametrize("part", ["ref", "p0", "p1"])
def test_a_patch_that_is_not_square_is_named(root: Path, part: str) -> None:
    damage(root / f"2afc/val/cnn/{part}/000001.png", "narrow")
    unreadable(root, rf"val/cnn/{part}/000001\.png: 16 x 15 pixels \(height x width\)")


def test_patches_of_two_sizes_or_below_the_side_are_named(root: Path) -> None:
    folder = root / "2afc/val/cnn"
    write_png(folder / "p1/000001.png", noise(2 * SIDE, 2 * SIDE))
    unreadable(root, r"p1/000001\.png: 32 x 32 pixels \(height x width\), its original 16 x 16")
    triplet(folder, "000001", 0.0, SIDE - 1)
    unreadable(root, r"ref/000001\.png: 15 x 15 pixels .* at least 16")


def test_a_truncated_judgement_is_named_wherever_it_ends(root: Path) -> None:
    path = root / "2afc/val/cnn/judge/000001.npy"
    whole = path.read_bytes()
    source = next(source for source in bapps.DATASET.locate(root)["test"] if source.name == "cnn-000001")
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError, match=rf"^{path} is no whole array") as refusal:
            bapps.DATASET.read_triplet(source, SIDE)
        assert "\n" not in str(refusal.value)
    unreadable(root, r"judge/000001\.npy is no whole array")


@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan, np.inf])
def test_a_judgement_outside_zero_to_one_is_named(root: Path, value: float) -> None:
    np.save(root / "2afc/val/cnn/judge/000001.npy", np.array([value]))
    unreadable(root, r"judge/000001\.npy: \S+ is no share of people between 0 and 1")


@pytest.mark.parametrize("value", [[0.1, 0.2], [], "0.5", [True]])
def test_what_is_not_one_number_is_named(root: Path, value: object) -> None:
    np.save(root / "2afc/val/cnn/judge/000001.npy", np.array(value))
    unreadable(root, r"judge/000001\.npy: one number is expected")


def test_a_pickled_judgement_is_never_executed(root: Path, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "executed",)  # type: ignore[return-value]

    np.save(root / "2afc/val/cnn/judge/000001.npy", np.array([Trap()], dtype=object), allow_pickle=True)
    unreadable(root, r"judge/000001\.npy is no whole array")
    assert not (tmp_path / "executed").exists()
