"""The embedded photographs: which files, and what is refused by name."""

from dataclasses import replace
from pathlib import Path

import pytest

from lossbench import datasets
from lossbench.assets import embedded
from lossbench.errors import UserError
from lossbench.files import sha256
from lossbench.images import read_image

photographs, generic_photographs = (datasets.load(name) for name in ("photographs", "generic_photographs"))


def test_the_photographs_are_twelve_two_and_six() -> None:
    found = photographs.locate(None)
    assert {split: len(sources) for split, sources in found.items()} == {"train": 12, "val": 2, "test": 6}
    assert [source.name for source in found["test"]] == ["astronaut", "chelsea", "china", "coffee", "flower", "rocket"]
    assert [source.name for source in found["val"]] == ["imagenet_10_541", "imagenet_11_630"]
    assert [source.name for source in found["train"]][:2] == ["grace_hopper", "imagenet_00_243"]
    assert {source.name: source.licence for source in found["test"]}["china"] == "CC BY 2.0"


def test_the_training_photographs_hold_3299140_pixels() -> None:
    shapes = [read_image(source.path).shape for source in photographs.locate(None)["train"]]
    assert sum(height * width for height, width, _ in shapes) == 3_299_140
    assert {bands for *_, bands in shapes} == {3}


def test_the_generic_photographs_are_ten_and_one_with_no_test() -> None:
    found = generic_photographs.locate(None)
    assert {split: len(sources) for split, sources in found.items()} == {"train": 10, "val": 1, "test": 0}
    assert [source.name for source in found["train"]][:3] == ["brick", "grass", "gravel"]
    assert [source.name for source in found["val"]] == ["imagenet_19_305"]


def test_a_grey_texture_is_read_as_three_equal_bands() -> None:
    brick = generic_photographs.read(generic_photographs.locate(None)["train"][0])
    assert brick.shape == (512, 512, 3)
    assert (brick[..., 0] == brick[..., 1]).all()
    assert (brick[..., 0] == brick[..., 2]).all()


def test_no_embedded_file_is_in_two_splits_or_two_sets() -> None:
    sources = [
        source
        for found in (photographs, generic_photographs)
        for split in found.locate(None).values()
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


def test_nothing_is_missing_of_the_embedded_sets() -> None:
    assert datasets.missing("photographs", None) is None
    assert datasets.missing("generic_photographs", Path("ignored")) is None
