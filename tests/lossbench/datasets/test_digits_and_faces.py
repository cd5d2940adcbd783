"""MNIST and CelebA in torchvision's layouts, the 291 pictures, and the stand-ins out of packages."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lossbench import datasets
from lossbench.datasets import celeba, mnist, t291
from lossbench.errors import UserError


def idx(path: Path, values: np.ndarray, compressed: bool = False) -> None:
    """Write an IDX file."""
    data = bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}i", *values.shape) + values.tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    if compressed:
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(data))
    else:
        path.write_bytes(data)


def small_mnist(root: Path, monkeypatch: pytest.MonkeyPatch, compressed: bool = False) -> np.ndarray:
    """Write a tiny MNIST and return its training digits."""
    monkeypatch.setattr(mnist, "COUNTS", {"train": 6, "test": 3})
    monkeypatch.setattr(mnist, "VALIDATION", 2)
    digits = np.arange(6 * 28 * 28, dtype=np.uint32).astype(np.uint8).reshape(6, 28, 28)
    folder = root / "MNIST/raw"
    for beginning, count in (("train", 6), ("t10k", 3)):
        idx(folder / f"{beginning}-images-idx3-ubyte", digits[:count], compressed)
        idx(folder / f"{beginning}-labels-idx1-ubyte", np.arange(count, dtype=np.uint8), compressed)
    return digits


@pytest.mark.parametrize("compressed", [False, True])
def test_mnist_is_read_from_torchvisions_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compressed: bool
) -> None:
    digits = small_mnist(tmp_path, monkeypatch, compressed)
    found = datasets.load("mnist").locate(tmp_path)
    assert {split: len(sources) for split, sources in found.items()} == {"train": 4, "val": 2, "test": 3}
    last = found["val"][-1]
    assert (last.name, last.group) == ("train_00005", "5")
    assert np.array_equal(datasets.load("mnist").read(last), digits[5, :, :, None])


def test_a_damaged_mnist_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_mnist(tmp_path, monkeypatch)
    labels = tmp_path / "MNIST/raw/t10k-labels-idx1-ubyte"
    labels.write_bytes(labels.read_bytes()[:-1])
    with pytest.raises(UserError, match="t10k-labels-idx1-ubyte is damaged"):
        datasets.load("mnist").locate(tmp_path)
    monkeypatch.setattr(mnist, "COUNTS", {"train": 7, "test": 3})
    with pytest.raises(UserError, match="6 pictures of split 'train' of data set 'mnist' where 7 are published"):
        datasets.load("mnist").locate(tmp_path)


@pytest.mark.parametrize("place", [11, 30])
def test_a_damaged_compressed_mnist_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int) -> None:
    small_mnist(tmp_path, monkeypatch, compressed=True)
    images = tmp_path / "MNIST/raw/train-images-idx3-ubyte.gz"
    data = bytearray(images.read_bytes())
    data[place] ^= 0xFF
    images.write_bytes(data)
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte\.gz is damaged"):
        datasets.load("mnist").locate(tmp_path)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.zeros((6, 1), np.uint8), r"\(6, 1\) values up to 0 are no labels of 10 classes"),
        (np.full(6, 10, np.uint8), r"\(6,\) values up to 10 are no labels"),
    ],
)
def test_what_is_no_labels_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, labels: np.ndarray, words: str
) -> None:
    small_mnist(tmp_path, monkeypatch)
    idx(tmp_path / "MNIST/raw/train-labels-idx1-ubyte", labels)
    with pytest.raises(UserError, match=f"train-labels-idx1-ubyte .split train.: {words}"):
        datasets.load("mnist").locate(tmp_path)


@pytest.mark.parametrize("sizes", [(), (-1,)])
def test_sizes_that_are_none_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sizes: tuple[int, ...]) -> None:
    small_mnist(tmp_path, monkeypatch)
    labels = tmp_path / "MNIST/raw/train-labels-idx1-ubyte"
    labels.write_bytes(bytes((0, 0, 8, len(sizes))) + struct.pack(f">{len(sizes)}i", *sizes) + bytes(6))
    with pytest.raises(UserError, match="train-labels-idx1-ubyte is damaged"):
        datasets.load("mnist").locate(tmp_path)


def test_celeba_is_read_in_its_partition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(celeba, "COUNTS", {"train": 2, "val": 1, "test": 1})
    folder = tmp_path / "celeba/img_align_celeba"
    folder.mkdir(parents=True)
    for number in range(1, 5):
        Image.new("RGB", (178, 218), (number, 0, 0)).save(folder / f"{number:06d}.jpg")
    listed = tmp_path / "celeba/list_eval_partition.txt"
    listed.write_text("000001.jpg 0\n000002.jpg 1\n000003.jpg 2\n000004.jpg 0\n")
    faces = datasets.load("celeba")
    found = faces.locate(tmp_path)
    assert [source.name for source in found["train"]] == ["000001", "000004"]
    assert faces.read(found["test"][0]).shape == (218, 178, 3)
    listed.write_text("\ufeff000001.JPG 0\r\n000002.jpg  1\n000003.jpg 2\n000004.jpg 0\n\n", encoding="utf-8")
    assert faces.locate(tmp_path) == found
    listed.write_text("000001.jpg 0\n000002.jpg 1\n000003.jpg 2\n000001.jpg 2\n")
    with pytest.raises(UserError, match=r"partition\.txt: '000001' is listed twice \(split train and test\); keep one"):
        faces.locate(tmp_path)
    listed.write_text("000001.jpg 0\n000002.jpg 9\n")
    with pytest.raises(UserError, match=r"list_eval_partition\.txt, line 2: '000002\.jpg 9' is no file and split"):
        faces.locate(tmp_path)


def test_the_291_pictures_are_two_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(t291, "FOLDERS", {"T91": (("T91",), 1), "BSDS200": (("BSDS200", "BSD200"), 2)})
    for name in ("T91/t1.png", "BSD200/1.jpg", "BSD200/2.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    found = datasets.load("t291").locate(tmp_path)
    assert [source.name for source in found["train"]] == ["T91-t1", "BSDS200-1", "BSDS200-2"]
    (tmp_path / "BSD200/2.jpg").unlink()
    with pytest.raises(UserError, match="1 pictures of split 'train' of data set 't291' where 2 are published"):
        datasets.load("t291").locate(tmp_path)


def test_the_embedded_digits_are_five_thousand_in_equal_shares() -> None:
    digits = datasets.load("digits")
    found = digits.locate(None)
    assert {split: len(sources) for split, sources in found.items()} == {"train": 3750, "val": 250, "test": 1000}
    for split, count in (("train", 375), ("val", 25), ("test", 100)):
        assert [sum(source.group == str(label) for source in found[split]) for label in range(10)] == [count] * 10
    places = {source.part for sources in found.values() for source in sources}
    assert places == set(range(5000))
    read = digits.read(found["test"][0])
    assert read.shape == (28, 28, 1) and read.dtype == np.uint8 and read.max() > 200


def test_the_embedded_faces_are_a_hundred() -> None:
    faces = datasets.load("faces")
    found = faces.locate(None)
    assert {split: len(sources) for split, sources in found.items()} == {"train": 75, "val": 5, "test": 20}
    read = faces.read(found["train"][0])
    assert read.shape == (25, 25, 3) and read.dtype == np.uint8
    assert (read[..., 0] == read[..., 2]).all() and read.std() > 20
