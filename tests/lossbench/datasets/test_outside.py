"""A data set of another package: its card is read, its pictures are located by its class."""

from pathlib import Path

import pytest
from _outside import PICTURES, SIDE, forget, installed, written

from lossbench import datasets
from lossbench.errors import UserError

CARDS = """
from lossbench.datasets import Card, Dataset
LICENCE = "CC0-1.0"
CARD = Card(name="x", title="a title", licence="CC0-1.0", bytes=3, where="there", layout="flat")

class Named(Dataset):
    card = CARD
    def locate(self, root): return {"train": [], "val": [], "test": []}

class Given(Dataset):
    def __init__(self, card): self.card = card
    def locate(self, root): return {}

class Computed(Named):
    card = Card(name="x", title="a title", licence=LICENCE, bytes=3, where="there", layout="flat")

class Bare(Dataset):
    def locate(self, root): return {}

class Other: ...
DATASET = given = Given(card=Card(name="x", title="another", licence="MIT", bytes=0, where="here", layout="flat"))
"""


LACKING = """
from cards.sets import Card, Named
class Lacking(Named):
    card = Card(name="x", title="a title")
"""


@pytest.mark.parametrize("name", ["waves", "fringe.datasets:Waves"])
def test_its_card_is_read_and_its_pictures_are_located(fringe: Path, name: str) -> None:
    card = datasets.card(name)
    assert (card.name, card.title, card.needs_root) == (name, "smooth waves with a little noise", False)
    dataset = datasets.load(name)
    splits = dataset.locate(None)
    assert {split: len(sources) for split, sources in splits.items()} == PICTURES
    assert dataset.read(splits["test"][0]).shape == (SIDE, SIDE, 3)
    assert datasets.missing(name, None) is None
    with pytest.raises(UserError, match="can't be fetched by a program; get it: they ship with the package fringe"):
        datasets.fetch(name, fringe)


def test_a_card_may_stand_in_the_class_in_the_file_or_be_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(
        written(
            tmp_path, {"cards/__init__.py": "", "cards/sets.py": CARDS, "cards/lacking.py": LACKING}, pictures=False
        ),
        monkeypatch,
    )
    assert datasets.card("cards.sets:Named").title == "a title"
    assert datasets.card("cards.sets:given").title == datasets.card("cards:sets").title == "another"
    for name in ("cards.sets:Named", "cards.sets:given", "cards:sets"):
        assert isinstance(datasets.load(name), datasets.Dataset)
    with pytest.raises(
        UserError, match=r"sets\.py, line 15: card is read without running it; write each of its values"
    ):
        datasets.card("cards.sets:Computed")
    with pytest.raises(UserError, match=r"has no card that can be read without running it \(.*'licence'"):
        datasets.card("cards.lacking:Lacking")
    with pytest.raises(UserError, match=r"has no card that can be read without running it \(there is none\)"):
        datasets.card("cards.sets:Bare")
    with pytest.raises(UserError, match=r"data set 'cards\.sets:Other' is no lossbench\.datasets\.Dataset"):
        datasets.load("cards.sets:Other")
    forget()


def test_the_listing_has_what_packages_offer_last(fringe: Path) -> None:
    row = datasets.listing()[-1]
    assert (row["name"], row["package"], row["licence"]) == ("waves", "fringe 0.3", "CC0-1.0")
    assert {*row} == {*datasets.FIELDS, "package"}
