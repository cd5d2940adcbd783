"""What holds for every data set: its card, the contract, and what is missing without its files."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from _repository import ROOT

from lossbench import datasets, plugins
from lossbench.datasets import Card, Dataset
from lossbench.datasets._card import CARDS
from lossbench.errors import UserError

NAMES = plugins.names("datasets")


@pytest.mark.parametrize("name", NAMES)
def test_a_plugin_names_one_object_with_the_card_that_a_plan_reads(name: str) -> None:
    found = datasets.load(name)
    card = found.card
    assert isinstance(found, Dataset) and isinstance(card, Card)
    assert card.name == name
    assert all((card.title, card.licence, card.where, card.layout)) and card.bytes >= 0
    assert "\n" not in f"{card.title}{card.licence}{card.where}{card.layout}"
    assert card.stand_in_for is None or card.stand_in_for in NAMES
    assert datasets.card(name) == card


@pytest.mark.parametrize("name", [name for name in NAMES if datasets.load(name).card.needs_root])
def test_a_set_of_the_users_folder_says_so_and_what_is_missing_there(name: str, tmp_path: Path) -> None:
    found = datasets.load(name)
    with pytest.raises(UserError, match=rf"'{name}' needs 'root'"):
        found.locate(None)
    with pytest.raises(UserError) as caught:
        found.locate(tmp_path)
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)
    text = datasets.missing(name, tmp_path)
    assert text is not None and "\n" not in text
    assert text.startswith(f"data set '{name}' ({found.card.title}); licence: {found.card.licence}; download: ")
    assert found.card.where in text


@pytest.mark.parametrize("name", [name for name in NAMES if not datasets.load(name).card.needs_root])
def test_a_set_of_installed_packages_needs_no_root(name: str) -> None:
    found = datasets.load(name)
    if (absent := datasets.missing(name, None)) is not None:
        # the one package that only those install who accept its licence
        assert "dgsamples is not installed" in absent
        return
    splits = found.locate(None)
    assert splits == found.locate(Path("ignored"))
    assert set(splits) == {"train", "val", "test"}
    for sources in splits.values():
        names = [source.name for source in sources]
        assert len(set(names)) == len(names) and all(source.path.is_file() for source in sources)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "folder"])
def test_nothing_is_shipped_for_another_task(name: str) -> None:
    assert datasets.load(name).locate_low_quality(None, "another_task", 1) is None


@pytest.mark.parametrize("name", [name for name in NAMES if type(datasets.load(name)).fetch is Dataset.fetch])
def test_what_a_program_cannot_fetch_says_where_to_get_it(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"data set '{name}' can't be fetched by a program; get it: ") as caught:
        datasets.fetch(name, tmp_path)
    assert str(caught.value).endswith(datasets.load(name).card.where)
    assert not list(tmp_path.iterdir())


def test_the_listing_has_one_card_a_file() -> None:
    cards = {card["name"]: card for card in datasets.listing()}
    assert sorted(cards) == NAMES
    assert {"div2k", "folder", "generic_photographs", "photographs"} <= set(cards)
    assert cards["photographs"]["stand_in_for"] == "div2k"
    assert cards["generic_photographs"]["stand_in_for"] == "imagenet"
    assert cards["div2k"]["bytes"] == 5_301_165_837
    for card in cards.values():
        assert tuple(card) == ("name", "title", "licence", "bytes", "where", "stand_in_for")


def test_an_unknown_data_set_names_the_nearest() -> None:
    for ask in (datasets.card, lambda name: datasets.missing(name, None)):
        with pytest.raises(UserError, match=r"unknown dataset 'photograph'.*did you mean 'photographs'\?"):
            ask("photograph")


def test_a_plugin_without_a_card_is_named_with_the_file_of_the_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lossbench.plugins.check", lambda folder, name: name)
    with pytest.raises(UserError, match=r"data set 'unheard_of' has no card; add it to .*datasets/cards\.toml"):
        datasets.card("unheard_of")


def test_every_card_has_a_plugin() -> None:
    assert sorted(tomllib.loads(CARDS.read_text(encoding="utf-8"))) == NAMES


def test_listing_the_data_sets_imports_no_heavy_library() -> None:
    code = (
        "import sys; from lossbench import datasets; datasets.listing();"
        " heavy = ('torch', 'torchvision', 'skimage', 'sklearn', 'h5py', 'tifffile');"
        " print([name for name in heavy if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_reading_what_a_card_states_imports_no_array_library() -> None:
    code = (
        "import sys; from lossbench import datasets, plugins;"
        " [datasets.card(name).needs_root for name in plugins.names('datasets')];"
        " print([name for name in ('numpy', 'PIL', 'torch') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
