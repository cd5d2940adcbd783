"""What the code of a data set from outside gives in place of pictures is said in one line, and where it is looked."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from _outside import forget, installed, written
from conftest import picture

from lossbench import datasets
from lossbench.datasets import DatasetError, Source
from lossbench.errors import UserError
from lossbench.images import write_png

SETS = """
from pathlib import Path
import numpy as np
from lossbench.datasets import Card, Dataset, Source

class Base(Dataset):
    card = Card(name="base", title="a title", licence="CC0", bytes=0, where="there", layout="flat")

def one(file): return Source("a", file, "CC0")

class Raises(Base):
    def locate(self, root): raise KeyError("train")
class Lacks(Base):
    def locate(self, root): return {"train": [*(root / "absent").iterdir()]}
class List(Base):
    def locate(self, root): return [one(root / "a.png")]
class Nothing(Base):
    def locate(self, root): return None
class Strings(Base):
    def locate(self, root): return {"train": [str(root / "a.png")], "test": []}
class Alone(Base):
    def locate(self, root): return {"train": one(root / "a.png")}
class TextPath(Base):
    def locate(self, root): return {"train": [Source("a", str(root / "a.png"), "CC0")]}
class Number(Base):
    def locate(self, root): return {"train": [Source("a", root / "a.png", 1)]}
class Gone(Base):
    def locate(self, root): return {"train": [one(root / "gone.png")], "test": [one(root / "a.png")]}
class Fine(Base):
    def locate(self, root): return {"train": (one(root / "a.png"),), "val": [], "test": []}
class Reads(Fine):
    def read(self, source): return [1 / 0]
class Floats(Fine):
    def read(self, source): return np.zeros((4, 4, 3))
class Paired(Fine):
    def locate_low_quality(self, root, task, scale): return {"train": ["a.png"]}
class Unpaired(Fine):
    def locate_low_quality(self, root, task, scale): return {"train": []}
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder with one picture, `a.png`; `faulty.sets` has the classes of `SETS`."""
    files = {"faulty/__init__.py": "", "faulty/sets.py": SETS}
    installed(written(tmp_path / "packages", files, pictures=False), monkeypatch)
    write_png(tmp_path / "data/a.png", picture(8, 8, 0))
    yield tmp_path / "data"
    forget()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Raises", "its locate failed (KeyError: 'train'); mend it in faulty.sets"),
        ("List", "its locate gave a list; return lists of lossbench.datasets.Source by split, as a dict"),
        ("Nothing", "its locate gave None; return lists of"),
        ("Strings", ", a str, in split 'train'; give lossbench.datasets.Source"),
        ("Alone", "its locate gave a Source as split 'train'; give a list of Source"),
        ("TextPath", ", a str; give a Path"),
        ("Number", "its locate gave a Source in split 'train' whose licence is 1, an int; give a str"),
    ],
)
def test_a_fault_of_its_code_is_one_line_that_names_it_and_what_it_gave(root: Path, name: str, message: str) -> None:
    for found in (datasets.missing, lambda name, root: datasets.located(datasets.load(name), root)):
        with pytest.raises(DatasetError) as raised:
            found(f"faulty.sets:{name}", root)
        text = str(raised.value)
        assert text.startswith("data set 'base': its locate ") and message in text and "\n" not in text


def test_what_it_does_not_find_is_missing(root: Path) -> None:
    lacking = str(datasets.missing("faulty.sets:Lacks", root))
    assert lacking.startswith("data set 'faulty.sets:Lacks' (a title); licence: CC0; ")
    assert "its locate failed (FileNotFoundError" in lacking and "absent'" in lacking
    gone = str(datasets.missing("faulty.sets:Gone", root))
    assert f"its locate gave {root / 'gone.png'} in split 'train', which is not there" in gone


def test_a_split_that_is_used_must_have_a_picture(root: Path) -> None:
    assert datasets.missing("faulty.sets:Fine", root, splits=["train"]) is None
    text = str(datasets.missing("faulty.sets:Fine", root, splits=["train", "test"]))
    assert text == (
        "data set 'faulty.sets:Fine' has no picture of split 'test', which is used (it has: train 1, val 0, test 0); "
        "name another split or set, or give it some; expected: flat"
    )


def test_what_it_reads_is_checked(root: Path) -> None:
    source = Source("a", root / "a.png", "CC0")
    fine = datasets.load("faulty.sets:Fine")
    assert datasets.read_source(fine.read, source, "test").shape == (8, 8, 3)
    for name, message in (
        ("Reads", r"split test: read of faulty\.sets can't read .*a\.png \(ZeroDivisionError"),
        ("Floats", r"split test: .*a\.png was read as float64 \(4, 4, 3\); give uint8 or uint16"),
    ):
        with pytest.raises(UserError, match=message):
            datasets.read_source(datasets.load(f"faulty.sets:{name}").read, source, "test")


def test_its_partners_are_checked_as_its_targets_are(root: Path) -> None:
    with pytest.raises(DatasetError, match=r"its locate_low_quality gave 'a\.png', a str, in split 'train'"):
        datasets.missing("faulty.sets:Paired", root, "paired")
    with pytest.raises(UserError, match=r"a\.png \(split train\) has no low-quality partner"):
        datasets.scale_of_pairs(datasets.load("faulty.sets:Unpaired"), root, "paired")
