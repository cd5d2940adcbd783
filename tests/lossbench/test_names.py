"""Names of files: their natural order, what fits into a file system, what can't be text, and what looks alike."""

import os
from pathlib import Path

import pytest

from lossbench.datasets import Source
from lossbench.errors import UserError, one_line, shown
from lossbench.files import write_text
from lossbench.names import LONGEST, fitting, lookalike, natural, natural_path


@pytest.mark.parametrize(
    "ordered",
    [
        [str(number) for number in range(1, 13)],
        ["frame 2 of 9", "frame 2 of 10", "frame 10 of 9"],
        ["a", "a1", "a1b", "a1b2", "a1b10", "a2", "a10", "b1"],
        ["007", "07", "7", "007a", "8"],
        ["v1.9", "v1.10", "v1.10.2", "v2"],
        # Arabic and full-width digits
        ["\u0661", "\uff12", "3", "\u0661\u0660"],
        ["take-1", "take-2", "take-10"],
    ],
)
def test_numbers_in_names_are_compared_as_numbers(ordered: list[str]) -> None:
    for given in (ordered, ordered[::-1]):
        assert sorted(given, key=natural) == ordered
        assert [path.stem for path in sorted((Path(f"{name}.png") for name in given), key=natural_path)] == ordered


def test_a_name_that_fits_stays_and_a_longer_one_is_shortened_to_one_of_its_own() -> None:
    assert fitting("x~00", ".png") == "x~00.png"
    assert fitting("a" * 251, ".png") == "a" * 251 + ".png"
    names = [fitting(stem, ".png") for stem in ("a" * 252, "a" * 253, "é" * 200, "é" * 199 + "ä", "😀" * 90)]
    assert len(set(names)) == len(names)
    assert all(len(os.fsencode(name)) <= LONGEST and name.endswith(".png") for name in names)
    assert names[2].startswith("é" * 100)


@pytest.mark.parametrize("stem", ["a" * 251, "é" * 125, "😀" * 62])
def test_a_file_with_the_longest_name_is_written(tmp_path: Path, stem: str) -> None:
    write_text(tmp_path / f"{stem}.txt", "text")
    assert [path.name for path in tmp_path.iterdir()] == [f"{stem}.txt"]


def test_a_name_that_is_no_text_is_refused_with_its_bytes() -> None:
    path = Path("pictures") / os.fsdecode(b"caf\xe9.png")
    with pytest.raises(UserError) as refusal:
        Source(path.stem, path, "CC0")
    assert str(refusal.value).startswith(r"pictures/caf\xe9.png: this file's name can't be read as UTF-8; rename it")
    # a good name, read in a locale without its characters
    path = Path(os.fsencode("café.png").decode("ascii", "surrogateescape"))
    with pytest.raises(UserError, match=r"caf\\xc3\\xa9\.png: .*; set LC_ALL=C\.UTF-8 and rerun"):
        Source(path.stem, path, "CC0")


def test_what_is_not_printable_is_escaped_and_different_names_stay_different() -> None:
    assert one_line("café\t→ 😀\r\n\x1b[31m\u2028") == r"café\t→ 😀\r\n\x1b[31m\u2028"
    names = [" a ", "a\nb", r"a\nb", os.fsdecode(b"a\xff"), r"a\xff", "a"]
    assert len({shown(name) for name in names}) == len(names)
    assert all("\n" not in shown(name) and shown(name).encode() for name in names)
    assert str(UserError(f"{os.fsdecode(b'a/x.png')}: two\nlines")) == "a/x.png: two\nlines"
    assert str(UserError(os.fsdecode(b"\xff.png"))) == r"\xff.png"


def test_a_name_that_differs_in_case_or_unicode_form_alone_is_pointed_out() -> None:
    assert "'cafe\u0301' there differs in case or Unicode form" in lookalike("caf\u00e9", ["x", "cafe\u0301"])
    assert "'IMG' there differs" in lookalike("img", ["IMG"])
    assert lookalike("a", ["b", "aa"]) == ""
