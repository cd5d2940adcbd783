"""BSDS500: what is trained on, what choices are made on, and the 68 pictures that are tested on."""

from pathlib import Path

import pytest
from _fake_trees import write
from _prepared import noise
from _repository import TEST_DATA

from lossbench import datasets
from lossbench.datasets import bsds500
from lossbench.errors import UserError

BSDS500 = datasets.load("bsds500")
TESTED = bsds500.TESTED.split()


def tree(top: Path, nested: str, **counts: int) -> Path:
    """Write the folds with as many pictures as published, or as `counts` says; return their folder."""
    folder = top / nested
    numbers = iter(range(900_000, 901_000))
    for fold, count in {**bsds500.FOLDS, **counts}.items():
        names = list(TESTED) if fold == "val" else []
        names += [str(next(numbers)) for _ in range(count - len(names))]
        for name in names[:count]:
            write(folder / fold / f"{name}.jpg", noise(4, 6))
    return folder


@pytest.mark.parametrize("nested", bsds500.NESTED)
def test_the_field_trains_on_400_and_tests_on_68(tmp_path: Path, nested: str) -> None:
    folder = tree(tmp_path, nested)
    for root in (tmp_path, folder):
        found = {split: [source.name for source in sources] for split, sources in BSDS500.locate(root).items()}
        assert {split: len(names) for split, names in found.items()} == {"train": 380, "val": 20, "test": 68}
        assert found["test"] == sorted(TESTED)
        assert not set(found["train"]) & set(found["val"])
        assert all(name.startswith("900") for name in found["train"] + found["val"])


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"train": 199}, "/train: 199 pictures of split 'train' of data set 'bsds500' where 200 are published"),
        ({"test": 201}, "/test: 201 pictures of split 'train'"),
        ({"val": 67}, "/val/351093.jpg: file of split 'test'"),
    ],
)
def test_a_tree_that_is_not_the_published_one_is_named(tmp_path: Path, counts: dict[str, int], said: str) -> None:
    tree(tmp_path, "images", **counts)
    with pytest.raises(UserError) as error:
        BSDS500.locate(tmp_path)
    assert said in str(error.value)


def test_bsd100_is_the_fold_that_nobody_trains_on() -> None:
    if not (TEST_DATA / "BSDS500").is_dir():
        pytest.skip(f"{TEST_DATA / 'BSDS500'} is missing; set LOSSBENCH_TEST_DATA to the folder of the test sets")
    found = BSDS500.locate(TEST_DATA)
    tested = {path.stem for path in (TEST_DATA / "BSDS500/images/val").glob("*.jpg")}
    assert len(tested) == 100 and set(TESTED) < tested
    assert not tested & {source.name for split in ("train", "val") for source in found[split]}
