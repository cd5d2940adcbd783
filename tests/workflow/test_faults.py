"""docs/faults.md: every row is complete, and its test exists."""

import re

import pytest
from _repository import ROOT

PAGE = (ROOT / "docs/faults.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith(("| kind |", "| --- |"))
]


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_row_has_a_behaviour_and_a_test_that_exists(row: list[str]) -> None:
    kind, behaviour, test = row
    assert kind and behaviour
    file, names = re.fullmatch(r"`(tests/[\w/]+\.py)::([\w, ]+)`", test).groups()  # type: ignore[union-attr]
    text = (ROOT / file).read_text(encoding="utf-8")
    for name in names.split(", "):
        assert f"\ndef {name}(" in text or f"    def {name}(" in text, name
